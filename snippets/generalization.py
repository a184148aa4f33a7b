"""Generalization: what a network does on samples that it has not seen."""

# %% imports
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F

# %% borrow
from digits import load_parts

# %% parts
training, validation, test = [(X.double(), y) for X, y in load_parts()]
print([len(y) for _, y in (training, validation, test)], "images")


# %% draw
def draw(seed: int, count: int = 150, wrong: int = 30):
    """Give some training images; the labels of the first are false."""
    chance = torch.Generator().manual_seed(seed)
    X, y = training
    rows = torch.randperm(len(X), generator=chance)[:count]
    y = y[rows]  # (count,), a copy
    other = torch.randint(1, 10, (wrong,), generator=chance)
    y[:wrong] = (y[:wrong] + other) % 10  # one of the nine other digits
    return X[rows], y  # (count, 64), (count,)


X, y = draw(seed=0)
print(tuple(X.shape), tuple(y.shape))


# %% errors
def errors(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """Give the error of a model in percent."""
    model.eval()
    with torch.no_grad():
        guess = model(X).argmax(-1)  # (..., N)
    return 100 * (guess != y).double().mean(-1)


# %% objective
summed = nn.CrossEntropyLoss(reduction="sum")


def objective(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """Give the mean loss; of several networks, the sum of their means."""
    z = model(X)  # (..., N, 10)
    return summed(z.flatten(0, -2), y.flatten()) / y.shape[-1]


# %% fit
def fit(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    rate: float = 0.01,
    decay: float = 0.0,
    steps: int = 200,
    augment: bool = False,
    others: tuple = (validation, test),
) -> Tensor:
    """Train; every 5 steps note the errors in training and on others."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=rate, weight_decay=decay
    )
    log = []
    for step in range(1, steps + 1):
        model.train()
        J = objective(model, moved(X) if augment else X, y)
        optimizer.zero_grad()
        J.backward()
        optimizer.step()
        if step % 5 == 0:
            sets = ((X, y), *others)
            log.append(torch.stack([errors(model, *each) for each in sets]))
    return torch.stack(log)  # (steps / 5, 3, ...)


# %% one
def network(width: int = 64, drop: float = 0.0, seed: int = 0):
    """One hidden layer, followed by dropout, in double precision."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(64, width),
        nn.ReLU(),
        nn.Dropout(drop),
        nn.Linear(width, 10),
    ).double()


model = network()
log = fit(model, X, y)
print("step  training  validation")
for step in (5, 20, 50, 200):
    e = log[step // 5 - 1]
    print(f"{step:4} {e[0]:8.0f}% {e[1]:10.0f}%")
learned = (model(X[:30]).argmax(1) == y[:30]).sum()
print(f"false labels learned: {learned} of 30")


# %% side-by-side
class Linears(nn.Module):
    """Several linear layers of one shape, side by side."""

    def __init__(self, count: int, inputs: int, outputs: int):
        super().__init__()
        bound = inputs**-0.5  # as in nn.Linear
        W = torch.rand(count, inputs, outputs).double()
        b = torch.rand(count, 1, outputs).double()
        self.weight = nn.Parameter((2 * W - 1) * bound)
        self.bias = nn.Parameter((2 * b - 1) * bound)

    def forward(self, X: Tensor) -> Tensor:
        """Map (count, N, inputs) to (count, N, outputs)."""
        return X @ self.weight + self.bias


# %% networks
def networks(count: int, width: int = 64, drop: float = 0.0, seed: int = 0):
    """Give several networks, each with its own random start."""
    torch.manual_seed(seed)
    return nn.Sequential(
        Linears(count, 64, width),
        nn.ReLU(),
        nn.Dropout(drop),
        Linears(count, width, 10),
    )


def draws(seeds: range, count: int = 150, wrong: int = 30):
    """Give one training set for each seed."""
    sets = [draw(seed, count, wrong) for seed in seeds]
    return [torch.stack(each) for each in zip(*sets, strict=True)]


X, y = draws(range(10))  # (10, 150, 64), (10, 150)
plain = fit(networks(10), X, y)  # (40, 3, 10)
for step in (20, 200):
    e = plain[step // 5 - 1, 1]  # (10,)
    print(f"step {step:3}: validation {e.mean():.0f} +- {e.std():.0f}%")

# %% curves
figure, axis = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
steps = np.arange(5, 201, 5)
for part, name, style in ((0, "training", "-"), (1, "validation", "--")):
    mean, spread = plain[:, part].mean(1), plain[:, part].std(1)
    axis.plot(steps, mean, style, label=name)
    axis.fill_between(steps, mean - spread, mean + spread, alpha=0.25)
axis.set(xlabel="step", ylabel="error in percent", ylim=(0, 80))
axis.legend()
plt.show()

# %% sizes
widths = [2, 4, 8, 16, 32, 64, 128]
size, by_size = [], []
print("width  parameters  training   validation")
for width in widths:
    model = networks(10, width)
    fit(model, X, y, others=())
    pair = torch.stack([errors(model, X, y), errors(model, *validation)])
    by_size.append(pair)  # (2, 10)
    size.append(sum(p.numel() for p in model.parameters()) // 10)
    cells = [f"{e.mean():3.0f} +- {e.std():2.0f}" for e in pair]
    print(f"{width:5} {size[-1]:11} {cells[0]:>10} {cells[1]:>12}")

# %% by-size
figure, axis = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
table = torch.stack(by_size)  # (7, 2, 10)
for part, name, style in ((0, "training", "o-"), (1, "validation", "s--")):
    mean, spread = table[:, part].mean(1), table[:, part].std(1)
    axis.errorbar(size, mean, spread, fmt=style, capsize=3, label=name)
axis.set(xscale="log", xlabel="number of parameters")
axis.set(ylabel="error in percent", ylim=(-3, 100))
axis.legend()
plt.show()


# %% decay
for decay in (0.01, 3.0):
    weight = torch.tensor(2.0, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=0.01, weight_decay=decay)
    for _ in range(50):
        weight.grad = torch.tensor(0.0)  # the data ask for nothing
        optimizer.step()
    formula = 2 * (1 - 0.01 * decay) ** 50
    print(f"{decay:4}: {weight.item():.4f}  {formula:.4f}")


# %% compare
def compare(rows: dict, base: Tensor) -> None:
    """Print errors (3, S), and the change of the last against base."""
    print("                training  validation  test         change")
    for name, ended in rows.items():
        cells = [f"{e.mean():3.0f} +- {e.std():.0f}" for e in ended]
        change = (ended - base)[2]  # (S,), of the test error
        sure = change.std() / len(change) ** 0.5
        cells += [f"{change.mean():5.1f} +- {sure:.1f}"]
        print(f"{name:15} {'   '.join(cells)}")


# %% with-decay
decayed = fit(networks(10), X, y, decay=3.0)
ends = {"plain": plain[-1], "weight decay": decayed[-1]}
compare(ends, plain[-1])

# %% dropout
torch.manual_seed(0)
layer = nn.Dropout(0.5)
ones = torch.full((8,), 1.0)
print("train:", layer.train()(ones).tolist())
print("eval: ", layer.eval()(ones).tolist())

# %% modes
model = network(drop=0.5)
model.eval()
print([part.training for part in model])
z = model(validation[0])
print("training:", model.training, " recorded:", z.requires_grad)

# %% with-dropout
dropped = fit(networks(10, drop=0.5), X, y)
compare({"dropout": dropped[-1]}, plain[-1])

# %% stop
X_one, y_one = draw(seed=0)
model = network()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
lowest, patience = 101.0, 50
for step in range(1, 201):
    model.train()
    J = objective(model, X_one, y_one)
    optimizer.zero_grad()
    J.backward()
    optimizer.step()
    e = errors(model, *validation).item()
    if e < lowest:
        lowest, best_step = e, step
        best = copy.deepcopy(model.state_dict())
    elif step - best_step >= patience:
        break
print(f"stopped after {step}, error {e:.0f}%")
model.load_state_dict(best)
print(f"kept: step {best_step}, error {errors(model, *validation):.0f}%")


# %% at-best
def at_best(log: Tensor) -> Tensor:
    """Give each network's errors where its validation error is lowest."""
    best = log[:, 1].argmin(0)  # (S,)
    return log[best, :, torch.arange(len(best))].T  # (3, S)


compare({"early stopping": at_best(plain)}, plain[-1])


# %% moved
def moved(X: Tensor) -> Tensor:
    """Move each image (..., 64) by up to one pixel, at random."""
    wide = F.pad(X.unflatten(-1, (8, 8)), (1, 1, 1, 1))  # (..., 10, 10)
    places = [(row, column) for row in range(3) for column in range(3)]
    copies = torch.stack(
        [wide[..., r : r + 8, c : c + 8].flatten(-2) for r, c in places]
    )  # (9, ..., 64)
    choice = torch.randint(9, X.shape[:-1])  # (...), one for each image
    index = choice[None, ..., None].expand(1, *X.shape)
    return copies.gather(0, index)[0]


torch.manual_seed(3)
one = X_one[40]  # (64,)
row = [one] + [moved(one[None])[0] for _ in range(5)]

# %% moved-images
figure, axis = plt.subplots(figsize=(5.5, 1.1), layout="constrained")
tiles = [F.pad(each.reshape(8, 8), (1, 1, 1, 1), value=0.5) for each in row]
axis.imshow(torch.cat(tiles, 1).numpy(), cmap="gray_r")
axis.axis("off")
plt.show()

# %% with-moves
model = networks(10)
augmented = fit(model, X, y, augment=True)
compare({"augmentation": augmented[-1]}, plain[-1])

# %% shifted-test
torch.manual_seed(0)
shifted = moved(test[0]), test[1]
straight = networks(10)
fit(straight, X, y, others=())
for name, each in (("plain", straight), ("augmentation", model)):
    e = errors(each, *shifted)
    print(f"{name:12} moved test images: {e.mean():.0f} +- {e.std():.0f}")

# %% sweep
options = [
    ("plain", {}, {}),
    ("weight decay", {}, {"decay": 1.0}),
    ("weight decay", {}, {"decay": 3.0}),
    ("dropout", {"drop": 0.25}, {}),
    ("dropout", {"drop": 0.5}, {}),
    ("augmentation", {}, {"augment": True}),
]
X_few, y_few = draws(range(100, 105))
chosen = {}
for name, shape, how in options:
    for rate in (0.0003, 0.001, 0.003, 0.01):
        model = networks(5, **shape)
        fit(model, X_few, y_few, rate, **how, others=())
        e = errors(model, *validation).mean().item()
        if name not in chosen or e < chosen[name][0]:
            chosen[name] = e, rate, shape, how
for name, (_, rate, shape, how) in chosen.items():
    print(f"{name:13} rate {rate}", shape | how or "")

# %% fair
X_new, y_new = draws(range(200, 220))
logs = {}
for name, (_, rate, shape, how) in chosen.items():
    model = networks(20, **shape, seed=1)
    logs[name] = fit(model, X_new, y_new, rate, **how)
base = logs["plain"][-1]
compare({name: log[-1] for name, log in logs.items()}, base)
print("stopped early:")
compare({name: at_best(log) for name, log in logs.items()}, base)

# %% folds
order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
folds = order.split(30)  # five times (30,)
X_right, y_right = draws(range(20), wrong=0)  # (20, 150, 64), (20, 150)
by_fold = []
for held in folds:
    kept = torch.cat([fold for fold in folds if fold is not held])  # (120,)
    model = networks(20)
    fit(model, X_right[:, kept], y_right[:, kept], steps=50, others=())
    by_fold.append(errors(model, X_right[:, held], y_right[:, held]))
by_fold = torch.stack(by_fold)  # (5, 20)

# %% k-fold
model = networks(20)
fit(model, X_right, y_right, steps=50, others=())
truth = errors(model, *test)  # (20,)
one_fold, all_folds = by_fold[0] - truth, by_fold.mean(0) - truth
for name, miss in (("one fold", one_fold), ("five folds", all_folds)):
    print(f"{name:10}: {miss.mean():4.1f} +- {miss.std():.1f} points off")

# %% no-eval
model = networks(10, drop=0.5)
fit(model, X, y, others=())
for mode in (True, False):
    model.train(mode)
    with torch.no_grad():
        first, again = (model(validation[0]).argmax(-1) for _ in range(2))
    changed = (first != again).double().sum(1)  # (10,)
    e = 100 * (first != validation[1]).double().mean(1)
    print(f"train({mode}): {changed.mean():.0f} of 359 answers change")
    print(f"error {e.mean():.0f} +- {e.std():.0f}%")

# %% best-of-many
torch.manual_seed(0)
lowest = []
for _ in range(1000):
    wrong = torch.rand(100, 360) < 0.1  # 100 models, 360 test images
    lowest.append(100 * wrong.double().mean(1).min())
lowest = torch.stack(lowest)  # (1000,)
print(f"best of 100: {lowest.mean():.1f} +- {lowest.std():.1f}%")
print(f"optimism: {10 - lowest.mean():.1f} points")


# %% linear
def linear_errors(X: Tensor, y: Tensor) -> Tensor:
    """Train a linear model on 40 samples, give its error on the others."""
    model = Linears(len(X), X.shape[-1], 2)
    fit(model, X[:, :40], y[:, :40], rate=0.03, steps=100, others=())
    return errors(model, X[:, 40:], y[:, 40:])  # (repetitions,)


def standard(X: Tensor, rows: int) -> Tensor:
    """Standardize features by the mean and deviation of the first rows."""
    known = X[:, :rows]
    return (X - known.mean(1, keepdim=True)) / known.std(1, keepdim=True)


# %% standardize-first
pixels, label = load_breast_cancer(return_X_y=True)
torch.manual_seed(0)
picks = torch.stack([torch.randperm(569)[:80] for _ in range(200)])
X_picked = torch.tensor(pixels)[picks]  # (200, 80, 30), in float64
y_picked = torch.tensor(label)[picks]  # (200, 80)
results = []
for rows in (40, 80):
    torch.manual_seed(1)  # the same starts for both
    results.append(linear_errors(standard(X_picked, rows), y_picked))
change = results[1] - results[0]  # (200,)
print(f"by the training set: {results[0].mean():.1f}%")
print(f"by all samples:      {results[1].mean():.1f}%")
sure = change.std() / 200**0.5
print(f"change: {change.mean():.2f} +- {sure:.2f} points")

# %% select-first
torch.manual_seed(0)
noise = torch.randn(50, 80, 1000).double()  # 50 repetitions, 1000 features
coin = torch.randint(2, (50, 80))
for rows in (40, 80):
    scaled = standard(noise, rows)[:, :rows]  # (50, rows, 1000)
    sign = (2.0 * coin[:, :rows] - 1).unsqueeze(-1)  # (50, rows, 1)
    strength = (scaled * sign).mean(1).abs()  # (50, 1000)
    top = strength.argsort(1)[:, -20:]  # (50, 20)
    seen = noise.gather(2, top.unsqueeze(1).expand(50, 80, 20))
    e = linear_errors(seen, coin)
    print(f"chosen by {rows}: error {e.mean():.0f} +- {e.std():.0f}%")


# %% exercise-dropout
class OurDropout(nn.Module):
    """Dropout, from its definition."""

    def __init__(self, drop: float):
        super().__init__()
        self.drop = drop

    def forward(self, X: Tensor) -> Tensor:
        """Drop entries in training mode; in evaluation do nothing."""
        if not self.training:
            return X
        stays = torch.rand(X.shape) >= self.drop
        return stays * X / (1 - self.drop)


torch.manual_seed(0)
layer, many = OurDropout(0.25), torch.full((100_000,), 3.0)
out = layer(many)
print(f"dropped {(out == 0).float().mean():.2f}, mean {out.mean():.1f}")
print("in evaluation unchanged:", torch.equal(layer.eval()(many), many))

# %% exercise-how-many
torch.manual_seed(0)
for many in (1, 10, 100, 1000):
    low = [(torch.rand(many, 360) < 0.1).sum(1).min() for _ in range(200)]
    low = torch.stack(low) / 3.6
    print(f"best of {many:4}: {low.mean():4.1f}%")

# %% exercise-own-validation
X_ten, y_ten = X_new[:10], y_new[:10]
whole = fit(networks(10), X_ten, y_ten)
held, kept = order[:30], order[30:]
own = ((X_ten[:, held], y_ten[:, held]), test)
part = fit(networks(10), X_ten[:, kept], y_ten[:, kept], others=own)
ends = {
    "150, to the end": whole[-1],
    "120, stopped": at_best(part),
    "150, stopped": at_best(whole),
}
compare(ends, whole[-1])

# %% exercise-degree
rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, 40)
target = np.sin(3 * x) + 0.3 * rng.normal(size=40)
groups = np.split(rng.permutation(40), 8)
for degree in (1, 3, 5, 9, 13):
    fitted, held_out = [], []
    for held in groups:
        kept = np.setdiff1d(np.arange(40), held)
        theta = np.polyfit(x[kept], target[kept], degree)
        for rows, where in ((kept, fitted), (held, held_out)):
            miss = np.polyval(theta, x[rows]) - target[rows]
            where.append(np.mean(miss**2))
    print(
        f"degree {degree:2}: {np.mean(fitted):.3f}  {np.mean(held_out):.3f}"
    )
