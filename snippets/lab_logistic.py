"""The lab, part two: logistic regression by 100,000 steps of descent."""

# %% imports
import textwrap
import time
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

# %% borrow
from lab import as_tensors, load_table, split_rows

# %% data
table = load_table()
names = ["radius_mean", "texture_mean"]
parts = [as_tensors(table, rows, names) for rows in split_rows(len(table))]
(X_train, y_train), (X_val, y_val), (X_test, y_test) = parts
print(len(y_train), len(y_val), len(y_test))
print(X_train[0], y_train[0])

# %% probability
theta = torch.tensor([0.5, 0.1, -9.0])
x = torch.tensor([13.40, 20.52, 1.0])  # (3,): radius, texture, and 1
z = theta @ x
p = 1 / (1 + torch.exp(-z))
print(f"z = {z:.3f}, p = {p:.4f}")

# %% losses
print(f"if malignant: {-torch.log(p):.4f}")
print(f"if benign:    {-torch.log(1 - p):.4f}")


# %% plain-loop
def train_plainly(steps: int) -> tuple[nn.Linear, list[float], list[float]]:
    """Train a new model; give it and the objectives before each step."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    mean_loss = nn.BCELoss()
    train: list[float] = []
    validation: list[float] = []
    for step in range(steps):
        p = torch.sigmoid(model(X_train)).squeeze(1)  # (341,)
        J = mean_loss(p, y_train)
        p_val = torch.sigmoid(model(X_val)).squeeze(1)  # (113,)
        J_val = mean_loss(p_val, y_val)
        train.append(J.item())
        validation.append(J_val.item())
        if step > 0 and abs(validation[-1] - validation[-2]) < 1e-7:
            break
        optimizer.zero_grad()
        J.backward()
        optimizer.step()
    return model, train, validation


# %% first-steps
model, train, validation = train_plainly(2000)
for step in (0, 1, 2, 3, 1999):
    print(f"{step:4}  {train[step]:.4f}  {validation[step]:.4f}")


# %% count-calls
class Counter(TorchFunctionMode):
    """Counts the calls of PyTorch functions while it is switched on."""

    calls = 0

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        """Count the call, then carry it out."""
        self.calls += 1
        return function(*args, **(kwargs or {}))


# %% calls-per-step
def calls_per_step(run: Callable[[int], Any]) -> int:
    """Run 1 step, then 11; give the calls that one more step makes."""
    counts = []
    for steps in (1, 11):
        counter = Counter()
        with counter:
            run(steps)
        counts.append(counter.calls)
    return (counts[1] - counts[0]) // 10


print(calls_per_step(train_plainly), "calls in each step")


# %% by-hand
def with_ones(X: torch.Tensor) -> torch.Tensor:
    """Append a column of ones: (N, 2) becomes (N, 3)."""
    return torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], dim=1)


def gradient(
    theta: torch.Tensor, X: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the gradient (3,) at theta (3,) for X (N, 3) and y (N,)."""
    p = torch.sigmoid(X @ theta)
    return X.T @ (p - y) / len(y)


# %% same-as-autograd
A_train, A_val, A_test = (
    with_ones(X_train),
    with_ones(X_val),
    with_ones(X_test),
)
theta = torch.tensor([0.5, 0.1, -9.0], requires_grad=True)
J = nn.functional.binary_cross_entropy(
    torch.sigmoid(A_train @ theta), y_train
)
J.backward()
by_hand = gradient(theta.detach(), A_train, y_train)
print("autograd:", theta.grad)
print("by hand: ", by_hand)


# %% quick-loop
def train_quickly(steps: int) -> tuple[torch.Tensor, list[float]]:
    """Do the same steps; give every theta (3,) and validation objective."""
    torch.manual_seed(0)
    start = nn.Linear(2, 1)
    theta = torch.cat([start.weight.detach()[0], start.bias.detach()])
    descend = (
        0.01 / len(y_train) * A_train.T
    )  # (3, 341), the same all along
    thetas = torch.empty(steps + 1, 3)
    validation: list[float] = []
    for step in range(steps + 1):
        thetas[step] = theta
        p_val = torch.sigmoid(A_val @ theta)
        J_val = nn.functional.binary_cross_entropy(p_val, y_val)
        validation.append(J_val.item())
        if step > 0 and abs(validation[-1] - validation[-2]) < 1e-7:
            break
        p = torch.sigmoid(A_train @ theta)
        theta = theta - descend @ (p - y_train)
    return thetas[: step + 1], validation


# %% same-steps
thetas, quick = train_quickly(2000)
plain = torch.cat([model.weight.detach()[0], model.bias.detach()])
print("plain loop:", plain)
print("quick loop:", thetas[2000])
print(np.allclose(quick[:2000], validation, rtol=1e-4))


# %% gain
def seconds(run: Callable[[int], Any]) -> float:
    """Measure 300 steps five times; give the shortest time."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        run(300)
        times.append(time.perf_counter() - begin)
    return min(times)


print(calls_per_step(train_quickly), "calls in each step")
gain = seconds(train_plainly) / seconds(train_quickly)
print("at least three times as fast:", gain > 3)

# %% run
thetas, validation = train_quickly(100_000)
print(f"steps taken: {len(thetas) - 1:,}")


# %% objective
def objective(
    theta: torch.Tensor, X: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the mean loss () of theta (3,) on X (N, 3) and y (N,)."""
    return nn.functional.binary_cross_entropy(torch.sigmoid(X @ theta), y)


theta = thetas[-1]
print(f"train      {objective(theta, A_train, y_train):.4f}")
print(f"validation {objective(theta, A_val, y_val):.4f}")

# %% test-risk
said = A_test @ theta > 0  # (115,): p > 1/2 where z > 0
errors = (said != (y_test == 1)).sum().item()
print(f"{errors} of {len(y_test)} wrong: {errors / len(y_test):.3f}")

# %% curves
shown = np.unique(np.geomspace(1, 100_000, 200).astype(int)) - 1
train = [objective(thetas[i], A_train, y_train).item() for i in shown]
figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.plot(shown + 1, train, label="train")
axes.plot(shown + 1, np.take(validation, shown), "--", label="validation")
axes.set(xscale="log", yscale="log", xlabel="step + 1", ylabel="objective")
axes.set_yticks([0.3, 0.5, 1, 2, 4], ["0.3", "0.5", "1", "2", "4"])
axes.minorticks_off()
axes.legend()
plt.show()


# %% hessian
def hessian(theta: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    """Give the second derivatives (d, d) of the objective at theta."""
    p = torch.sigmoid(X @ theta)
    return (X.T * (p * (1 - p))) @ X / len(X)


# %% newton
def newton(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Give the minimizer (d,) of the objective for X (N, d) and y (N,)."""
    theta = torch.zeros(X.shape[1], dtype=X.dtype)
    for _ in range(12):
        theta = theta - torch.linalg.solve(
            hessian(theta, X), gradient(theta, X, y)
        )
    return theta


optimum = newton(A_train.double(), y_train.double())
best = objective(optimum, A_train.double(), y_train.double())
print("optimum:      ", [f"{t:.2f}" for t in optimum])
print("after descent:", [f"{t:.2f}" for t in theta])
print(f"objective {best:.4f}, gap {train[-1] - best:.4f}")

# %% eigenvalues
eigenvalues = torch.linalg.eigvalsh(hessian(optimum, A_train.double()))
print([f"{value:.2g}" for value in eigenvalues])
slowest = 1 / (0.01 * eigenvalues[0])  # rate 0.01
print(f"the slowest error shrinks by e in {slowest:,.0f} steps")

# %% stop-rule
change = (validation[-1001] - validation[-1]) / 1000  # mean over 1000 steps
spacing = np.spacing(np.float32(validation[-1]))
print(f"change in a step: {change:.1e}")
print(f"float32 spacing:  {spacing:.1e}")

# %% boundary
figure, axes = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
for label, marker, word in ((0, "o", "benign"), (1, "x", "malignant")):
    group = X_train[y_train == label]
    axes.plot(
        *group.T, marker, markersize=4, markerfacecolor="none", label=word
    )
radius = np.array([6, 30])
slope, rise, shift = theta.tolist()
for share, line in ((0.1, ":"), (0.5, "-"), (0.9, "--")):
    level = np.log(share / (1 - share))  # p = share where z = level
    texture = (level - shift - slope * radius) / rise
    axes.plot(radius, texture, line, color="black", label=f"p = {share}")
axes.set(xlim=(6, 30), ylim=(8, 42))
axes.set_xlabel("radius_mean (unit of the image)")
axes.set_ylabel("texture_mean (gray levels)")
axes.legend()
plt.show()

# %% one-step-apart
start = torch.tensor([0.0, 0.0, 0.0])
first = objective(start, A_train, y_train)
record = [first.item()]  # the objective at the start
for _ in range(3):
    J = objective(start, A_train, y_train)
    start = start - 0.01 * gradient(start, A_train, y_train)
    record.append(J.item())  # but J is the objective before this step
print([f"{J:.4f}" for J in record])

# %% shapes
column = torch.sigmoid(model(X_train))  # (341, 1)
try:
    nn.BCELoss()(column, y_train)
except ValueError as error:
    print(textwrap.fill(f"ValueError: {error}", 72))

# %% dtypes
integers = y_train.long()
try:
    nn.BCELoss()(column.squeeze(1), integers)
except RuntimeError as error:
    print(f"RuntimeError: {error}")

# %% rate
for rate in (0.02, 0.05):
    t = thetas[-1]
    seen = []
    for _ in range(2000):
        t = t - rate * gradient(t, A_train, y_train)
        seen.append(objective(t, A_train, y_train).item())
    print(f"rate {rate}: the objective rises above 1: {max(seen) > 1}")

# %% exercise-numerical
T, X, y = optimum + 0.1, A_train.double(), y_train.double()
h = 1e-5
for k in range(3):
    nudge = h * torch.eye(3, dtype=torch.float64)[k]
    rise = objective(T + nudge, X, y) - objective(T - nudge, X, y)
    print(f"{rise / (2 * h):.6f}  {gradient(T, X, y)[k]:.6f}")

# %% exercise-odds
print(f"{torch.exp(theta[0]):.2f}")
for radius_mean in (14.0, 15.0):
    z = theta @ torch.tensor([radius_mean, 20.0, 1.0])
    p = torch.sigmoid(z)
    print(f"radius {radius_mean}: p = {p:.3f}, odds {p / (1 - p):.3f}")

# %% exercise-double
t, X, y = thetas[0].double(), A_train.double(), y_train.double()
X_check, y_check = A_val.double(), y_val.double()
before, after, steps = 9.0, 8.0, 0
while abs(before - after) >= 1e-7:
    t = t - 0.01 * gradient(t, X, y)
    before, after = after, objective(t, X_check, y_check).item()
    steps += 1
print(f"the rule fires at step {steps:,}")
print(f"gap to the optimum: {objective(t, X, y) - best:.4f}")

# %% exercise-radius
alone = newton(A_train[:, [0, 2]].double(), y_train.double())
print(f"p = 1/2 at radius {-alone[1] / alone[0]:.2f}")
J = objective(alone, A_train[:, [0, 2]].double(), y_train.double())
wrong = ((A_test[:, [0, 2]].double() @ alone > 0) != (y_test == 1)).sum()
print(f"objective {J:.4f}, {wrong} of 115 wrong")
