"""Mini-batches: gradients of parts of the data, and who cuts the parts."""

# %% data
import textwrap

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

table, benign = load_breast_cancer(return_X_y=True)
rows = np.random.RandomState(0).permutation(569)  # a random order
X = torch.tensor(table[rows, :2], dtype=torch.float32)  # (569, 2)
y = torch.tensor(1 - benign[rows], dtype=torch.float32)  # (569,)
center, deviation = X[:341].mean(0), X[:341].std(0)  # (2,), (2,)
X = (X - center) / deviation  # (569, 2): by the training set alone
X_train, y_train = X[:341], y[:341]  # (341, 2), (341,): 60 %
X_val, y_val = X[341:454], y[341:454]  # (113, 2), (113,): 20 %
print(f"{len(y_train)} to train on, {y_train.sum():.0f} of them malignant")

# %% gradient
torch.manual_seed(0)
model = nn.Linear(2, 1)
mean_loss = nn.functional.binary_cross_entropy_with_logits


def gradient(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Give the gradient (3,) of the mean loss on X (N, 2) and y (N,)."""
    model.zero_grad()
    mean_loss(model(X).squeeze(1), y).backward()
    return torch.cat([model.weight.grad[0], model.bias.grad])


full = gradient(X_train, y_train)  # (3,)
chance = torch.Generator().manual_seed(0)
order = torch.randperm(341, generator=chance)  # (341,)
print("all 341", *(f"{entry:7.3f}" for entry in full))
for batch in order.split(32)[:4]:
    part = gradient(X_train[batch], y_train[batch])
    print("only 32", *(f"{entry:7.3f}" for entry in part))

# %% weighted-mean
batches = order.split(32)
sizes = torch.tensor([len(batch) for batch in batches])  # (11,)
parts = [gradient(X_train[rows], y_train[rows]) for rows in batches]
parts = torch.stack(parts)  # (11, 3)
weighted = (sizes[:, None] * parts).sum(0) / 341  # (3,)
plain = parts.mean(0)  # (3,)
print(f"{len(sizes)} batches of {sizes.tolist()}")
print("weighted, off by", f"{(weighted - full).abs().max():.4f}")
print("plain,    off by", f"{(plain - full).abs().max():.4f}")

# %% each-sample
with torch.no_grad():
    p = torch.sigmoid(model(X_train).squeeze(1))  # (341,)
inputs = torch.cat([X_train, torch.ones(341, 1)], 1)  # (341, 3)
singles = (p - y_train)[:, None] * inputs  # (341, 3)
off = (singles.mean(0) - full).abs().max()
print(f"mean of the rows, off by {off:.4f}")
print(f"length of the full gradient: {(full**2).sum().sqrt():.3f}")
s = ((singles - full) ** 2).sum(1).mean().sqrt().item()
print(f"spread of single samples:    {s:.3f}")


# %% spread
def spread(batches: torch.Tensor) -> float:
    """Say how far gradients of batches (draws, B) lie from the full one."""
    means = singles[batches].mean(1)  # (draws, 3)
    return ((means - full) ** 2).sum(1).mean().sqrt().item()


orders = torch.rand(4000, 341, generator=chance).argsort(1)
print("       with replacement     without")
print("  B   measured  formula   measured  formula")
for B in (1, 4, 16, 64, 256, 341):
    again = spread(torch.randint(341, (4000, B), generator=chance))
    once = spread(orders[:, :B])
    law = s / B**0.5
    short = law * ((341 - B) / 340) ** 0.5
    print(f"{B:3}{again:10.3f}{law:9.3f}{once:11.3f}{short:9.3f}")

# %% dataset
from torch.utils.data import Dataset, TensorDataset


class Tumors(Dataset):
    """The training set, each sample made when it is asked for."""

    def __len__(self) -> int:
        return 341

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.tensor(table[rows[i], :2], dtype=torch.float32)  # (2,)
        return (x - center) / deviation, y[i]


train_set = TensorDataset(X_train, y_train)
for each in (Tumors(), train_set):
    print(len(each), each[0])

# %% loader
from torch.utils.data import DataLoader

chance = torch.Generator().manual_seed(0)
loader = DataLoader(train_set, 32, shuffle=True, generator=chance)
X_batch, y_batch = next(iter(loader))
print("a batch:", tuple(X_batch.shape), tuple(y_batch.shape))
print(len(loader), "batches:", [len(labels) for _, labels in loader])

# %% orders
for shuffle, seed in ((False, 0), (True, 0), (True, 0), (True, 1)):
    chance = torch.Generator().manual_seed(seed)
    loader = DataLoader(train_set, 32, shuffle, generator=chance)
    epochs = [next(iter(loader))[0][:3, 0] for _ in range(2)]  # radii
    told = [" ".join(f"{x:5.2f}" for x in radii) for radii in epochs]
    print(f"{shuffle!s:5}  seed {seed}:  {told[0]}   {told[1]}")

# %% drop-last
loader = DataLoader(train_set, 32, shuffle=True, drop_last=True)
print(len(loader), "batches,", 341 - 32 * len(loader), "samples left out")


# %% fit
def fit(loader: DataLoader, rate: float, epochs: int) -> nn.Module:
    """Train a new model, step by step, on the batches of a loader."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(epochs):
        for X_batch, y_batch in loader:
            optimizer.zero_grad()
            mean_loss(model(X_batch).squeeze(1), y_batch).backward()
            optimizer.step()
    return model


for epochs in (1, 2, 10):
    chance = torch.Generator().manual_seed(0)
    loader = DataLoader(train_set, 32, shuffle=True, generator=chance)
    model = fit(loader, 1.0, epochs)
    with torch.no_grad():
        J = mean_loss(model(X_train).squeeze(1), y_train)
    steps = epochs * len(loader)
    print(f"{epochs:2} epochs, {steps:3} steps: objective {J:.3f}")

# %% ten-models
features = torch.cat([X, torch.ones(569, 1)], 1).double()  # (569, 3)
labels = y.double()  # (569,)
train_rows = torch.arange(341).expand(10, 341)
val_rows = torch.arange(341, 454).expand(10, 113)


def objective(theta: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Give the mean losses (10,) of ten models (10, 3) on rows (10, B)."""
    z = (features[rows] * theta[:, None]).sum(2)  # (10, B)
    return mean_loss(z, labels[rows], reduction="none").mean(1)


# %% descend
def descend(size: int, rate: float, epochs: int, shuffle: bool = True):
    """Train ten models; give {samples seen: parameters (10, 3)}."""
    chance = torch.Generator().manual_seed(0)
    theta = torch.randn(10, 3, generator=chance).double().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=rate)
    seen, log = 0, {0: theta.detach().clone()}
    for _ in range(epochs):
        if shuffle:
            order = torch.rand(10, 341, generator=chance).argsort(1)
        else:  # all benign samples, then all malignant ones
            order = y_train.argsort(stable=True).expand(10, 341)
        for batch in order.split(size, dim=1):  # (10, size)
            optimizer.zero_grad()
            objective(theta, batch).sum().backward()
            optimizer.step()
            seen += batch.shape[1]
            log[seen] = theta.detach().clone()
    return log


# %% compare
rates = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
sizes = (341, 32, 4)
runs = {(B, each): descend(B, each, 10) for B in sizes for each in rates}
best = {}  # the rate of each size and number of passes
print("passes  size  rate  objective      below the full batch")
for passes in (1, 2, 10):
    at, J = 341 * passes, {}  # samples seen, objectives of each size
    for B in sizes:
        ends = {each: runs[B, each][at] for each in rates}
        val = {
            each: objective(ends[each], val_rows).mean() for each in ends
        }
        chosen = best[B, passes] = min(val, key=val.get)
        J[B] = objective(ends[chosen], train_rows)  # (10,)
        line = f"{passes:6}{B:6}{chosen:6}"
        line += f"  {J[B].mean():.3f} ± {J[B].std():.3f}"
        if B < 341:
            line += f"  {(J[341] > J[B]).sum():2} of 10"
        print(line)

# %% curves
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(6, 3.8), layout="constrained")
for size, style in ((341, "o-"), (32, "s--"), (4, ":")):
    log = runs[size, best[size, 2]]
    seen = [each for each in log if each <= 682]
    seen = seen if size > 4 else seen[:20] + seen[20::8]
    J = [objective(log[each], train_rows) for each in seen]
    J = torch.stack(J).numpy()  # (steps, 10)
    (line,) = axis.plot(seen, J.mean(1), style, label=f"batches of {size}")
    line.set_markersize(4)
    color = line.get_color()
    axis.fill_between(seen, J.min(1), J.max(1), color=color, alpha=0.15)
axis.set(xlabel="samples seen", xlim=(0, 690), ylim=(0.2, 1))
axis.set(ylabel="objective on all 341 samples")
axis.legend()
plt.show()

# %% split
from torch.utils.data import random_split

everything = TensorDataset(X, y)
chance = torch.Generator().manual_seed(0)
counts = [341, 113, 115]
train, val, test = random_split(everything, counts, generator=chance)
print(len(train), len(val), len(test), "first rows:", train.indices[:4])
shares = random_split(everything, [0.6, 0.2, 0.2], generator=chance)
print([len(part) for part in shares])

# %% collate
from torch.nn.utils.rnn import pad_sequence

visits = [torch.tensor([12.1, 12.4, 13.0]), torch.tensor([14.2])]
try:
    next(iter(DataLoader(visits, batch_size=2)))
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))


def padded(samples: list[torch.Tensor]) -> tuple:
    """Fill up with zeros: (B, longest), and the true lengths (B,)."""
    lengths = torch.tensor([len(sample) for sample in samples])
    return pad_sequence(samples, batch_first=True), lengths


print(next(iter(DataLoader(visits, batch_size=2, collate_fn=padded))))

# %% sampler
from torch.utils.data import WeightedRandomSampler

kept = y_train.argsort(stable=True)[:230]  # 218 benign, then 12 others
X_rare, y_rare = X_train[kept], y_train[kept]
rare_set = TensorDataset(X_rare, y_rare)
weights = torch.where(y_rare == 1, 1 / 12, 1 / 218)  # (230,)
chance = torch.Generator().manual_seed(0)
sampler = WeightedRandomSampler(weights, 230, generator=chance)
balanced = DataLoader(rare_set, batch_size=32, sampler=sampler)
for _ in range(3):
    shown = torch.cat([labels for _, labels in balanced])  # (230,)
    print(f"{shown.sum():.0f} of {len(shown)} shown are malignant")

# %% sampler-effect
chance = torch.Generator().manual_seed(0)
usual = DataLoader(rare_set, 32, shuffle=True, generator=chance)
one, two = fit(usual, 0.5, 40), fit(balanced, 0.5, 40)
for name, model, c in (
    ("shuffled", one, 0.5),
    ("balanced", two, 0.5),
    ("shuffled", one, 0.05),
):
    with torch.no_grad():
        mean = torch.sigmoid(model(X_rare)).mean()
        p = torch.sigmoid(model(X_val).squeeze(1))  # (113,)
    told = f"{(p[y_val == 1] > c).sum()} of 45 found"
    told += f", {(p[y_val == 0] > c).sum():2} false alarms"
    print(f"{name}, p > {c:4}: {told}, mean p {mean:.2f}")

# %% run-program
import subprocess
import sys
from pathlib import Path


def run(name: str, program: str) -> None:
    """Write a program to a file and run it, as in a terminal."""
    Path(name).write_text(program, encoding="utf-8")
    command = [sys.executable, name]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stderr if done.returncode else done.stdout, end="")


# %% workers
program = """
from torch.utils.data import DataLoader, Dataset, get_worker_info

class Radii(Dataset):
    lines = ["17.99", "20.57", "19.69", "11.42", "20.29", "n/a"]
    def __len__(self):
        return len(self.lines)
    def __getitem__(self, i):
        if self.lines[i] == "n/a":
            raise ValueError(f"line {i} has no radius: correct or drop it")
        return float(self.lines[i]), get_worker_info().id

if __name__ == "__main__":
    try:
        for radii, workers in DataLoader(Radii(), 2, num_workers=2):
            print(radii.tolist(), "by workers", workers.tolist())
    except ValueError as error:
        first, *_, last = str(error).splitlines()
        print(first, "...", last, sep="\\n")
"""
run("radii.py", program)

# %% sorted
print("rate   shuffled           sorted")
for rate in (0.5, 1, 2, 5):
    told = []
    for shuffle in (True, False):
        theta = descend(32, rate, 10, shuffle)[3410]  # (10, 3)
        J = objective(theta, train_rows)
        z = (features[val_rows] * theta[:, None]).sum(2)  # (10, 113)
        wrong = ((z > 0) != (labels[val_rows] == 1)).sum(1).double()
        told.append(f"{J.mean():.3f}, {wrong.mean():4.1f} wrong")
    print(f"{rate:4}   {'   '.join(told)}")

# %% last-one
torch.manual_seed(0)
network = nn.Sequential(
    nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1)
)
done = 0
try:
    for X_batch, _ in DataLoader(train_set, batch_size=20):
        network(X_batch)
        done += 1
except ValueError as error:
    print(f"after {done} batches:")
    print(textwrap.fill(f"ValueError: {error}", 72))

# %% last-one-cure
loader = DataLoader(train_set, batch_size=20, shuffle=True, drop_last=True)
print({tuple(network(X_batch).shape) for X_batch, _ in loader})
normalized = nn.BatchNorm1d(2)(X_train[[0, 2]])  # (2, 2)
print([f"{entry:.2f}" for entry in normalized.flatten()])

# %% equal-numbers
program = """
import numpy as np, torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

class Noise(Dataset):
    def __init__(self):
        self.own = np.random.default_rng(0)
    def __len__(self):
        return 2
    def __getitem__(self, i):
        return torch.rand(()).item(), np.random.rand(), self.own.random()

def reseed(worker):
    info = get_worker_info()
    info.dataset.own = np.random.default_rng(info.seed)

if __name__ == "__main__":
    for init in (None, reseed):
        print("epoch worker   torch  np.random    own")
        torch.manual_seed(0)
        data = DataLoader(Noise(), None, num_workers=2, worker_init_fn=init)
        for epoch in (1, 2):
            for worker, draws in enumerate(data):
                numbers = "".join(f"{draw:9.2f}" for draw in draws)
                print(f"{epoch:5}{worker:7}{numbers}")
"""
run("noise.py", program)

# %% exercise-remainder
sizes = [B for B in range(2, 342) if 341 % B == 1]
print(sizes)

# %% exercise-copies
many = TensorDataset(torch.cat([X_train] * 16), torch.cat([y_train] * 16))
for size in (5456, 32):
    chance = torch.Generator().manual_seed(0)
    loader = DataLoader(many, size, shuffle=True, generator=chance)
    model = fit(loader, 1.0, epochs=1)
    with torch.no_grad():
        J = mean_loss(model(X_train).squeeze(1), y_train)
    print(f"{len(loader):3} steps of {size:4}: objective {J:.3f}")

# %% exercise-diabetes
from sklearn.datasets import load_diabetes

bodies, progress = load_diabetes(return_X_y=True)  # (442, 10), (442,)
patients = TensorDataset(
    torch.tensor(bodies, dtype=torch.float32),
    torch.tensor(progress, dtype=torch.float32),
)
chance = torch.Generator().manual_seed(0)
train, val = random_split(patients, [342, 100], generator=chance)
X_fit, y_fit = train[:]  # (342, 10), (342,)
X_new, y_new = val[:]  # (100, 10), (100,)
mean, std = X_fit.mean(0), X_fit.std(0)
X_fit, X_new = (X_fit - mean) / std, (X_new - mean) / std
loader = DataLoader(
    TensorDataset(X_fit, y_fit), 32, shuffle=True, generator=chance
)

# %% exercise-diabetes-fit
mean_square = nn.functional.mse_loss
torch.manual_seed(0)
model = nn.Linear(10, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
for _ in range(60):
    for X_batch, y_batch in loader:
        optimizer.zero_grad()
        mean_square(model(X_batch).squeeze(1), y_batch).backward()
        optimizer.step()
with torch.no_grad():
    trained = model(X_new).squeeze(1)  # (100,)
for name, guess in (("mean", y_fit.mean()), ("model", trained)):
    error = ((guess - y_new) ** 2).mean().sqrt()
    print(f"{name:5} off by {error:.0f}")
