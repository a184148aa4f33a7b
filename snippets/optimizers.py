"""Optimizers and schedules: own lines, a valley, a fair comparison."""

# %% bowl
import math

import torch


def turn(degrees: float) -> torch.Tensor:
    """Give the matrix (2, 2) that turns a column by an angle."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    rows = [[cos, -sin], [sin, cos]]
    return torch.tensor(rows, dtype=torch.float64)


def bowl(kappa: float, degrees: float = 0) -> torch.Tensor:
    """Give a Hessian (2, 2) with the eigenvalues 1 and kappa, turned."""
    along = torch.tensor([[1, 0], [0, kappa]]).double()
    return turn(degrees) @ along @ turn(degrees).T


print(bowl(100))
print(bowl(100, degrees=30))


# %% descend
def sgd(theta, g, kept, lr):
    """Take one step of gradient descent."""
    return theta - lr * g


def descend(step, C, start, lr, steps, **settings):
    """Go down the bowl with Hessian C; give places (steps + 1, ..., 2)."""
    theta, kept = start, {}
    path = [theta]
    for _ in range(steps):
        g = theta @ C  # (..., 2), the gradient: C is symmetric
        theta = step(theta, g, kept, lr, **settings)
        path.append(theta)
    return torch.stack(path)


# %% slow
def needed(path, share=0.01):
    """Count the steps until the distance stays below its share."""
    distance = path.norm(dim=-1)  # (steps + 1, ...)
    far = ~(distance < share * distance[0])  # nan is far, too
    count = torch.arange(len(path)).reshape(-1, *[1] * (far.ndim - 1))
    return torch.where(far, count + 1, 0).max(0).values


start = torch.tensor([-4.0, 2.0]).double()
for kappa in (10, 100, 1000):
    path = descend(sgd, bowl(kappa), start, 2 / (1 + kappa), 5000)
    print(f"condition number {kappa:4}: {needed(path):4} steps")


# %% momentum
def momentum(theta, g, kept, lr, mu=0.9):
    """Take one step along the running sum of the gradients."""
    kept["s"] = mu * kept.get("s", 0) + g
    return theta - lr * kept["s"]


# %% constant
kept = {}
place = 0.0
for step in range(1, 61):
    before = place
    place = momentum(place, 1.0, kept, lr=0.01)
    if step in (1, 2, 3, 10, 60):
        print(f"step {step:2}: moves by {place - before:.4f}")


# %% nesterov
def nesterov(theta, g, kept, lr, mu=0.9):
    """Take one step along the gradient and the sum as it will be next."""
    kept["s"] = mu * kept.get("s", 0) + g
    return theta - lr * (g + mu * kept["s"])


# %% best
def best(kappa, smallest=1.0):
    """Give the rate and the momentum that are best for a bowl."""
    low, high = math.sqrt(smallest), math.sqrt(kappa * smallest)
    return 4 / (high + low) ** 2, ((high - low) / (high + low)) ** 2


for kappa in (10, 100, 1000):
    lr, mu = best(kappa)
    path = descend(momentum, bowl(kappa), start, lr, 5000, mu=mu)
    print(f"{kappa:4}: rate {lr:.4f}, momentum {mu:.3f}", end=", ")
    print(f"factor {math.sqrt(mu):.3f}, {needed(path):3} steps")


# %% search
def factor(lr, mu, eigenvalue):
    """Give the factor per step along an eigenvector, in the long run."""
    trace = 1 + mu - lr * eigenvalue
    inside = trace**2 - 4 * mu
    if inside < 0:  # two complex roots: both have this size
        return math.sqrt(mu)
    return (abs(trace) + math.sqrt(inside)) / 2


found = min(
    (max(factor(lr / 2000, mu / 1000, each) for each in (1, 100)), lr, mu)
    for lr in range(1, 101)
    for mu in range(1000)
)
worst, lr, mu = found
print(f"searched: rate {lr / 2000:.4f}, momentum {mu / 1000:.3f}", end=", ")
print(f"factor {worst:.3f}")

# %% two-paths
import matplotlib.pyplot as plt

figure, axes = plt.subplots(
    2, 1, figsize=(6, 4.2), sharex=True, sharey=True
)
across = torch.linspace(-4.6, 4.6, 36)
along = torch.linspace(-2.3, 2.3, 30)
height = across**2 / 2 + 50 * along[:, None] ** 2  # (40, 60)
lr, mu = best(100)
slow = descend(sgd, bowl(100), start, 2 / 101, 60)
quick = descend(momentum, bowl(100), start, lr, 60, mu=mu)
levels = [8, 40, 160]
for axis, path in zip(axes, (slow, quick), strict=True):
    axis.contour(
        across, along, height, levels, colors="gray", linewidths=0.7
    )
    axis.plot(*path.T, "o-", color="C0", linewidth=1, markersize=3)
    axis.plot(0, 0, "*", color="black", markersize=12)
    axis.set_ylabel(r"$\theta_2$")
axes[0].set_title("gradient descent")
axes[1].set_title("momentum")
axes[1].set_xlabel(r"$\theta_1$")
plt.show()


# %% rmsprop
def rmsprop(theta, g, kept, lr, beta2=0.99, eps=1e-8):
    """Divide the gradient by its root mean square over the last steps."""
    kept["v"] = beta2 * kept.get("v", 0) + (1 - beta2) * g**2
    return theta - lr * g / (kept["v"].sqrt() + eps)


# %% adam
def adam(theta, g, kept, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Divide the running mean of the gradient by its root mean square."""
    kept["t"] = kept.get("t", 0) + 1
    kept["m"] = beta1 * kept.get("m", 0) + (1 - beta1) * g
    kept["v"] = beta2 * kept.get("v", 0) + (1 - beta2) * g**2
    m = kept["m"] / (1 - beta1 ** kept["t"])
    v = kept["v"] / (1 - beta2 ** kept["t"])
    return theta - lr * m / (v.sqrt() + eps)


# %% first-step
g = torch.tensor([1e-3, 1.0, -1e3]).double()
for step in (sgd, rmsprop, adam):
    moved = step(torch.zeros(3).double(), g, {}, lr=0.01)
    row = "  ".join(f"{each:8.5f}" for each in moved)
    print(f"{step.__name__:7}  {row}")


# %% adamw
def penalized(theta, g, kept, lr, decay=0.01):
    """Take Adam's step on the objective with a penalty on theta^2."""
    return adam(theta, g + decay * theta, kept, lr)


def adamw(theta, g, kept, lr, decay=0.01):
    """Shrink the parameters, then take Adam's step without a penalty."""
    return adam(theta - lr * decay * theta, g, kept, lr)


# %% decays
for step in (penalized, adamw):
    theta, kept = torch.tensor([1.0, 1.0]).double(), {}
    for t in range(1000):
        g = (-1) ** t * torch.tensor([1.0, 100.0]).double()
        theta = step(theta, g, kept, lr=0.01, decay=0.1)
    print(f"{step.__name__:9} {theta[0]:.2f} {theta[1]:.2f}")

# %% agree
optim = torch.optim
pairs = {
    "momentum": (momentum, optim.SGD, {"momentum": 0.9}),
    "nesterov": (nesterov, optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (rmsprop, optim.RMSprop, {}),
    "adam": (adam, optim.Adam, {}),
    "penalized": (penalized, optim.Adam, {"weight_decay": 0.01}),
    "adamw": (adamw, optim.AdamW, {"weight_decay": 0.01}),
}
for name, (step, theirs, settings) in pairs.items():
    ours, kept = torch.linspace(-2, 3, 5).double(), {}
    theta = ours.clone().requires_grad_()
    optimizer = theirs([theta], lr=0.02, **settings)
    for _ in range(100):
        optimizer.zero_grad()
        (theta * torch.tanh(theta)).sum().backward()
        optimizer.step()
        bend = 1 - torch.tanh(ours) ** 2  # the derivative of tanh
        ours = step(ours, torch.tanh(ours) + ours * bend, kept, 0.02)
    apart = (ours - theta.detach()).abs().max()
    print(f"{name:9} equal to 1e-6: {bool(apart < 1e-6)}")

# %% valley
sweep = torch.tensor([10 ** (k / 8) for k in range(-24, 6)]).double()
chosen = {}
print("           along the axes   turned by 30 degrees")
for step in (sgd, momentum, nesterov, rmsprop, adam):
    row = []
    for degrees in (0, 30):
        begin = turn(degrees) @ start
        every = begin.expand(len(sweep), 2)  # one row for each rate
        path = descend(step, bowl(100, degrees), every, sweep[:, None], 300)
        least, which = needed(path, 0.1).min(0)
        row.append(f"{least:4} (rate {sweep[which]:.3f})")
        chosen[step.__name__, degrees] = sweep[which].item()
    print(f"{step.__name__:8}  {row[0]}  {row[1]}")

# %% race
root = math.sqrt(100)
lr, mu = best(100)
nesterov_too = {"momentum": (root - 1) / (root + 1), "nesterov": True}
rivals = {
    "SGD": (optim.SGD, {"lr": 2 / (1 + 100)}),
    "momentum": (optim.SGD, {"lr": lr, "momentum": mu}),
    "Nesterov": (optim.SGD, {"lr": 0.01, **nesterov_too}),
    "RMSprop": (optim.RMSprop, {"lr": 0.1}),
    "Adam": (optim.Adam, {"lr": 0.1}),
}
begin = torch.tensor([-4.0, -1.2]).double()
race = {}
for name, (make, settings) in rivals.items():
    theta = begin.clone().requires_grad_()
    optimizer, path = make([theta], **settings), [theta.tolist()]
    for _ in range(60):
        optimizer.zero_grad()
        (theta @ bowl(100, degrees=30) @ theta / 2).backward()
        optimizer.step()
        path.append(theta.tolist())
    race[name] = path

# %% paths
figure, axes = plt.subplots(
    3, 2, figsize=(6, 5.4), sharex=True, sharey=True
)
names = (sgd, momentum, nesterov, rmsprop, adam)
for axis, step in zip(axes.flat, names, strict=False):
    axis.contour(
        across, along, height, levels, colors="gray", linewidths=0.7
    )
    path = descend(step, bowl(100), start, chosen[step.__name__, 0], 60)
    axis.plot(*path.T, "o-", color="C0", linewidth=1, markersize=2.5)
    axis.plot(0, 0, "*", color="black", markersize=10)
    axis.set_title(step.__name__)
axes[2, 1].axis("off")
axes[1, 1].tick_params(labelbottom=True)
figure.supxlabel(r"$\theta_1$")
figure.supylabel(r"$\theta_2$")
plt.show()

# %% borrow
from digits import load_parts

# %% digits
parts = [(X.double(), y) for X, y in load_parts()]
(X_train, y_train), (X_val, y_val), (X_test, y_test) = parts
SEEDS = range(12)
cross_entropy = torch.nn.functional.cross_entropy


def networks() -> list[torch.Tensor]:
    """Start 64-32-10 once for each seed; the first axis counts them."""
    starts = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        layers = torch.nn.Linear(64, 32), torch.nn.Linear(32, 10)
        starts.append([p for layer in layers for p in layer.parameters()])
    stacked = [torch.stack(same) for same in zip(*starts, strict=True)]
    return [each.detach().double().requires_grad_() for each in stacked]


def logits(parameters, X):
    """Give the logits (12, N, 10) of X, (N, 64) or (12, N, 64)."""
    W1, b1, W2, b2 = parameters
    H = torch.relu(X @ W1.mT + b1[:, None])  # (12, N, 32)
    return H @ W2.mT + b2[:, None]


# %% train
def train(make, lr, epochs=8, schedule=None):
    """Train the twelve; give validation losses and test errors in %."""
    parameters = networks()
    optimizer = make(parameters, lr)
    lower = schedule(optimizer) if schedule else None
    torch.manual_seed(0)
    for _ in range(epochs):
        order = torch.stack([torch.randperm(len(X_train)) for _ in SEEDS])
        for rows in order.split(64, dim=1):  # (12, 64)
            z = logits(parameters, X_train[rows]).flatten(0, 1)
            optimizer.zero_grad()
            mean = cross_entropy(z, y_train[rows].flatten())
            (len(SEEDS) * mean).backward()
            optimizer.step()
        if lower:
            lower.step()
    with torch.no_grad():
        z, answers = logits(parameters, X_val), y_val.expand(len(SEEDS), -1)
        J = cross_entropy(z.mT, answers, reduction="none").mean(1)  # (12,)
        wrong = logits(parameters, X_test).argmax(2) != y_test  # (12, 360)
    return J, 100 * wrong.double().mean(1)


# %% sweep
makers = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr, 0.9, nesterov=True),
    "RMSprop": lambda p, lr: torch.optim.RMSprop(p, lr),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr),
}
rates = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
results = {name: {} for name in makers}
print("          rate  test errors in %: mean, deviation")
for name, make in makers.items():
    for lr in rates:
        results[name][lr] = train(make, lr)
    best_lr = min(rates, key=lambda lr: results[name][lr][0].mean())
    errors = results[name][best_lr][1]
    print(f"{name:8} {best_lr:5}  {errors.mean():.1f} {errors.std():.1f}")

# %% sweep-figure
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.8))
styles = ("o-", "s--", "^-", "v:", "D-.")
for row, (name, style) in enumerate(zip(makers, styles, strict=True)):
    mean = [results[name][lr][0].mean().item() for lr in rates]
    left.loglog(rates, mean, style, markersize=4, label=name)
    best_lr = min(rates, key=lambda lr: results[name][lr][0].mean())
    errors = results[name][best_lr][1]
    right.plot(errors, [row] * len(errors), "o", alpha=0.5)
    right.plot(errors.mean(), row, "|", color="black", markersize=18)
left.set(xlabel="learning rate", ylabel="validation objective")
left.legend(fontsize=8)
right.set(xlabel="test errors in %", xlim=(0, None))
right.set_yticks(range(5), list(makers))
right.invert_yaxis()
plt.show()

# %% noise
from torch.optim import lr_scheduler as schedules


def rest(lr, schedule=None, steps=200):
    """Give the mean of x^2 over 10,000 noisy descents of x^2/2."""
    chance = torch.Generator().manual_seed(0)
    x = torch.zeros(10_000, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=lr)
    lower = schedule(optimizer) if schedule else None
    for _ in range(steps):
        optimizer.zero_grad()
        noise = torch.randn(10_000, generator=chance)
        (x**2 / 2 + noise * x).sum().backward()  # the gradient: x + noise
        optimizer.step()
        if lower:
            lower.step()
    return (x**2).mean().item()


for lr in (0.5, 0.1, 0.02):
    print(f"rate {lr}: {rest(lr):.3f}, formula {lr / (2 - lr):.3f}")
cosine = rest(0.5, lambda o: schedules.CosineAnnealingLR(o, T_max=200))
print(f"cosine from 0.5 to 0: {cosine:.3f}")


# %% schedules
def warmed(optimizer):
    """Rise for 10 epochs, then follow a cosine for 50."""
    rise = schedules.LinearLR(optimizer, start_factor=0.1, total_iters=10)
    fall = schedules.CosineAnnealingLR(optimizer, T_max=50)
    return schedules.SequentialLR(optimizer, [rise, fall], milestones=[10])


shapes = {
    "step": lambda o: schedules.StepLR(o, step_size=20, gamma=0.5),
    "cosine": lambda o: schedules.CosineAnnealingLR(o, T_max=60),
    "warm-up and cosine": warmed,
    "one-cycle": lambda o: schedules.OneCycleLR(o, 0.1, total_steps=61),
    "plateau": lambda o: schedules.ReduceLROnPlateau(o, factor=0.5),
}
# %% follow
losses = [max(1 - epoch / 25, 0.2) for epoch in range(60)]  # made up


def follow(make, losses):
    """Give the rate in each epoch, and after the last."""
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    schedule = make(optimizer)
    seen = [optimizer.param_groups[0]["lr"]]
    for loss in losses:
        optimizer.step()  # in real training: all steps of an epoch
        plateau = isinstance(schedule, schedules.ReduceLROnPlateau)
        schedule.step(loss) if plateau else schedule.step()
        seen.append(optimizer.param_groups[0]["lr"])
    return seen


print("epoch                   0       5      10      30      45      60")
for name, make in shapes.items():
    seen = follow(make, losses)
    row = "  ".join(
        f"{seen[epoch]:.4f}" for epoch in (0, 5, 10, 30, 45, 60)
    )
    print(f"{name:18}  {row}")

# %% shapes-figure
figure, axes = plt.subplots(5, 1, figsize=(6, 6), sharex=True, sharey=True)
for axis, (name, make) in zip(axes, shapes.items(), strict=True):
    axis.step(range(61), follow(make, losses), where="post")
    axis.set_ylabel("rate")
    axis.text(59, 0.075, name, ha="right")
axes[-1].set_xlabel("epoch")
plt.show()


# %% wrong-order
import textwrap
import warnings

weight = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.AdamW([weight], lr=0.1)
schedule = schedules.StepLR(optimizer, step_size=1, gamma=0.5)
used = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(3):
        schedule.step()
        used.append(schedule.get_last_lr()[0])
        optimizer.step()
kind = caught[0].category.__name__
first_sentence = str(caught[0].message).split(". ")[0]
print(textwrap.fill(f"{kind}: {first_sentence}", 70))
print("rates used:", used)

# %% lost-state
import copy


def resume(keep_schedule, total=10, stop=6):
    """Stop a run, make all objects again, and go on; give the rates."""
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=0.1)
    schedule = schedules.CosineAnnealingLR(optimizer, T_max=total)
    used = []
    for epoch in range(total):
        if epoch == stop:
            saved = copy.deepcopy(optimizer.state_dict())
            place = copy.deepcopy(schedule.state_dict())
            optimizer = torch.optim.AdamW([weight], lr=0.1)
            schedule = schedules.CosineAnnealingLR(optimizer, T_max=total)
            optimizer.load_state_dict(saved)
            if keep_schedule:
                schedule.load_state_dict(place)
        used.append(f"{optimizer.param_groups[0]['lr']:.3f}")
        optimizer.step()
        schedule.step()
    return " ".join(used)


print("kept:", resume(True))
print("lost:", resume(False))

# %% borrowed-rate
for name in ("SGD", "Adam"):
    errors = results[name][0.5][1].mean()
    print(f"{name:4} at rate 0.5: {errors:.0f} % of the test set wrong")

# %% exercise-best
lr, mu = best(kappa=9 / 4, smallest=4)
print(f"rate {lr:.3f}, momentum {mu:.2f}, factor {math.sqrt(mu):.1f}")

# %% exercise-uncorrected
g = torch.tensor(5.0).double()
for t in (1, 2, 10, 100):
    m, v = 1 - 0.9**t, 1 - 0.999**t  # times g, times g^2
    print(f"step {t:3}: {m * g / (v * g**2).sqrt():.2f} times the rate")

# %% exercise-mean
readings = torch.tensor([19.0, 23.0, 18.0, 21.0, 24.0])  # degrees
x = torch.tensor(0.0, requires_grad=True)
optimizer = torch.optim.SGD([x], lr=1)
schedule = schedules.LambdaLR(optimizer, lambda t: 1 / (t + 1))
for t, reading in enumerate(readings, 1):
    optimizer.zero_grad()
    ((x - reading) ** 2 / 2).backward()
    optimizer.step()
    schedule.step()
    print(f"{x.item():.2f} {readings[:t].mean():.2f}")
