"""The lab, part four: what an expert would change."""

# %% imports
import math
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle
from sklearn.linear_model import LogisticRegression
from torch import nn

# %% borrow
from lab import (
    as_tensors,
    columns,
    gradients,
    load_table,
    objective,
    predict,
    split_rows,
    wrong,
)

# %% data
table = load_table()
names = ["radius_mean", "texture_mean"]
parts = [as_tensors(table, rows, names) for rows in split_rows(len(table))]
(X_train, y_train), (X_val, y_val), (X_test, y_test) = parts

# %% standardize
mean = X_train.mean(0)  # (2,)
deviation = X_train.std(0, correction=0)  # (2,)
S_train, S_val, S_test = ((X - mean) / deviation for X, _ in parts)
print("mean     ", mean.numpy().round(2))
print("deviation", deviation.numpy().round(2))
print(f"largest feature: {X_train.max():.1f}, now {S_train.max():.1f}")


# %% newton
def with_ones(X: torch.Tensor) -> torch.Tensor:
    """Append a column of ones, in float64: (..., N, d) to (..., N, d+1)."""
    return torch.cat([X, torch.ones_like(X[..., :1])], -1).double()


def hessian(theta: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    """Give the Hessian (..., d, d) at theta (..., d)."""
    p = torch.sigmoid(A @ theta[..., None])  # (..., N, 1)
    return A.mT @ (p * (1 - p) * A) / A.shape[-2]


def newton(A: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Give the optimum (..., d) for A (..., N, d) and y (..., N)."""
    theta = torch.zeros_like(A[..., 0, :])
    for _ in range(12):
        e = torch.sigmoid(A @ theta[..., None]) - y[..., None]
        gradient = (A.mT @ e)[..., 0] / A.shape[-2]
        theta = theta - torch.linalg.solve(hessian(theta, A), gradient)
    return theta


# %% condition
for name, X in (("raw", X_train), ("standardized", S_train)):
    A = with_ones(X)
    at_zero = hessian(torch.zeros(3).double(), A)
    at_optimum = hessian(newton(A, y_train.double()), A)
    first = torch.linalg.cond(at_zero)
    last = torch.linalg.cond(at_optimum)
    print(f"{name:12}  at zero {first:9,.2f}, at the optimum {last:9,.1f}")


# %% gaps
def gaps(X: torch.Tensor, rate: float, steps: int) -> torch.Tensor:
    """Descend; give the objective's height (steps,) above its minimum."""
    A, y = with_ones(X), y_train.double()
    J = nn.functional.binary_cross_entropy_with_logits
    theta = torch.zeros(3).double()
    objectives = []
    for _ in range(steps):
        z = A @ theta
        objectives.append(J(z, y))
        theta = theta - rate / len(y) * (A.T @ (torch.sigmoid(z) - y))
    return torch.stack(objectives) - J(A @ newton(A, y), y)


raw, one, five = (
    gaps(X_train, 0.01, 20_000),
    gaps(S_train, 1.0, 1000),
    gaps(S_train, 5.0, 1000),
)
print(f"raw, rate 0.01: {raw[-1]:.4f} above after 20,000 steps")
for name, gap in (("1", one), ("5", five)):
    needed = int((gap < 1e-4).nonzero()[0])
    print(f"standardized, rate {name}: 0.0001 above after {needed} steps")

# %% comparison
figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
shown = np.unique(np.geomspace(1, 20_000, 150).astype(int)) - 1
for gap, line, name in (
    (raw, "-", "raw, rate 0.01"),
    (one, "--", "standardized, rate 1"),
    (five, ":", "standardized, rate 5"),
):
    some = shown[shown < len(gap)]
    axes.plot(some + 1, gap[some], line, label=name)
axes.set(xscale="log", yscale="log", xlabel="step + 1", ylim=(1e-5, 2))
axes.set_ylabel("objective above its minimum")
axes.legend()
plt.show()


# %% start
def start(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw U (2, 3) and u (1, 3) as in the previous chapter."""
    torch.manual_seed(seed)
    layers = nn.Linear(2, 2), nn.Linear(2, 1)
    torch.manual_seed(seed)
    with torch.no_grad():
        for layer in layers:
            nn.init.normal_(layer.weight)
        U, u = (torch.cat([a.weight, a.bias[:, None]], 1) for a in layers)
    return U, u


def join(U: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Put the weights of networks side by side: (..., 9)."""
    return torch.cat([U.flatten(-2), u.flatten(-2)], -1)


# %% same-network
A_train, A_val, A_test = (columns(S) for S in (S_train, S_val, S_test))
for rate in (1.0, 5.0):
    U, u = start(0)
    steps = 0
    while objective(join(U, u), A_val, y_val) > 0.2549:
        dU, du = gradients(U, u, A_train, y_train)
        U, u = U - rate * dU, u - rate * du
        steps += 1
    print(f"rate {rate}: {steps:,} steps instead of 94,500")

# %% overflow
for z in (10.0, 17.0):
    for loss in (nn.BCELoss(), nn.BCEWithLogitsLoss()):
        logit = torch.tensor([z], requires_grad=True)
        probability = torch.sigmoid(logit)
        given = probability if isinstance(loss, nn.BCELoss) else logit
        J = loss(given, torch.zeros(1))  # a benign sample
        J.backward()
        slope = logit.grad.item() if logit.grad is not None else 0
        name = type(loss).__name__
        print(f"z = {z}  {name:18} loss {J:6.2f}  gradient {slope:.2f}")

# %% rounded
print(torch.sigmoid(torch.tensor([16.0, 17.0])).tolist())

# %% many-seeds
starts = [start(seed) for seed in range(500)]
U = torch.stack([U for U, _ in starts])  # (500, 2, 3)
u = torch.stack([u for _, u in starts])  # (500, 1, 3)
best = join(U, u)  # (500, 9)
best_J = objective(best, A_val, y_val)  # (500,)
for step in range(1, 1001):
    dU, du = gradients(U, u, A_train, y_train)
    U, u = U - 5 * dU, u - 5 * du
    if step % 10 == 0:
        J = objective(join(U, u), A_val, y_val)
        better = best_J > J
        best[better] = join(U, u)[better]
        best_J[better] = J[better]

# %% distribution
counts = wrong(best, A_test, y_test)  # (500,)
print(f"from {counts.min()} to {counts.max()} errors of 115")
print(f"mean {counts.double().mean():.0f}")
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
kinds, heights = counts.unique(return_counts=True)
axes.bar(kinds.numpy(), heights.numpy())
axes.set(xlabel="test errors of 115", ylabel="networks of 500")
axes.set_xticks(kinds.tolist())
plt.show()


# %% wilson
def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Give Wilson's 95 % interval for a risk, from k errors of n."""
    center = (k + z**2 / 2) / (n + z**2)
    half = z * math.sqrt(k * (n - k) / n + z**2 / 4) / (n + z**2)
    return center - half, center + half


# %% exact
def at_most(k: int, n: int, risk: float) -> float:
    """Give the probability of k or fewer errors among n."""
    terms = [
        math.comb(n, i) * risk**i * (1 - risk) ** (n - i)
        for i in range(k + 1)
    ]
    return math.fsum(terms)


def halve(holds: Callable[[float], bool]) -> float:
    """Give the number in (0, 1) up to which `holds` is true, by halving."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """Give the exact 95 % interval for a risk, from k > 0 errors of n."""
    lower = halve(lambda risk: 1 - at_most(k - 1, n, risk) < 0.025)
    upper = halve(lambda risk: at_most(k, n, risk) > 0.025)
    return lower, upper


# %% intervals
print("errors  risk   st. error  Wilson          exact")
for k in (8, 9, 11, 44):
    risk = k / 115
    error = math.sqrt(risk * (1 - risk) / 115)
    ends = (*wilson(k, 115), *clopper_pearson(k, 115))
    text = "{:.3f} to {:.3f}  {:.3f} to {:.3f}".format(*ends)
    print(f"{k:6}  {risk:.3f}  {error:.3f}      {text}")

# %% interval-figure
figure, axes = plt.subplots(figsize=(5.5, 2.6), layout="constrained")
labels = {8: "MLP, 8", 9: "MLP, 9", 11: "logistic, 11", 44: "benign, 44"}
for row, k in enumerate(labels):
    low, high = clopper_pearson(k, 115)
    axes.plot([low, high], [row, row], "|-", color="C0", markersize=12)
    axes.plot(k / 115, row, "o", color="C0")
axes.set_yticks(range(4), list(labels.values()))
axes.set(xlabel="risk", xlim=(0, 0.5), ylim=(3.5, -0.5))
plt.show()

# %% splits
X_all, y_all = as_tensors(table, np.arange(569), names)
shuffled = [np.concatenate(split_rows(569, seed)) for seed in range(200)]
rows = torch.tensor(np.stack(shuffled))  # (200, 569)
A = with_ones((X_all - mean) / deviation)[rows]  # (200, 569, 3)
y = y_all.double()[rows]  # (200, 569)
theta = newton(A[:, :341], y[:, :341])  # (200, 3)
said = (A[:, 454:] @ theta[..., None])[..., 0] > 0  # (200, 115)
risks = (said != (y[:, 454:] == 1)).double().mean(1)  # (200,)
print(f"split 0: {risks[0]:.3f}")
print(f"mean {risks.mean():.3f}, standard deviation {risks.std():.3f}")
print(f"from {risks.min():.3f} to {risks.max():.3f}")

# %% splits-figure
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
kinds, heights = (115 * risks).round().unique(return_counts=True)
axes.bar(kinds.numpy() / 115, heights.numpy(), width=0.006)
axes.axvline(
    risks[0].item(), color="black", linestyle="--", label="split 0"
)
axes.set(xlabel="test risk", ylabel="splits of 200")
axes.legend()
plt.show()

# %% confusion
A_lab = [with_ones(S) for S in (S_train, S_val, S_test)]
theta_lab = newton(A_lab[0], y_train.double())
p_test = torch.sigmoid(A_lab[2] @ theta_lab)  # (115,)


def confusion(p: torch.Tensor, y: torch.Tensor, limit: float) -> list[int]:
    """Count TP, FN, FP and TN, where p > limit means malignant."""
    said, true = p > limit, y == 1
    cells = (said & true, ~said & true, said & ~true, ~said & ~true)
    return [int(cell.sum()) for cell in cells]


print("TP {}, FN {}, FP {}, TN {}".format(*confusion(p_test, y_test, 0.5)))

# %% confusion-figure
words = ("found", "missed", "false alarm", "cleared")
figure, axes = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
for cell, count in enumerate(confusion(p_test, y_test, 0.5)):
    i, j = divmod(cell, 2)  # row: the truth; column: the answer
    color = "C0" if i == j else "C1"
    axes.add_patch(Rectangle((j, i), 1, 1, color=color, alpha=0.3))
    text = f"{count}\n{words[cell]}"
    axes.text(j + 0.5, i + 0.5, text, ha="center", va="center")
axes.set_xticks([0.5, 1.5], ["says malignant", "says benign"])
axes.set_yticks([0.5, 1.5], ["malignant", "benign"])
axes.set(xlim=(0, 2), ylim=(2, 0))
axes.tick_params(length=0)
plt.show()


# %% costs
def total(missed: int, alarms: int) -> int:
    """Give the cost where a missed cancer costs as much as 10 alarms."""
    return 10 * missed + alarms


for limit in (1 / 2, 1 / 11):
    _, missed, alarms, _ = confusion(p_test, y_test, limit)
    price = total(missed, alarms)
    print(
        f"p > {limit:.3f}: missed {missed}, alarms {alarms}, cost {price}"
    )
print("always benign:   ", total(44, 0))
print("always malignant:", total(0, 71))

# %% own-statistics
own = (X_test[:5] - X_test[:5].mean(0)) / X_test[:5].std(0, correction=0)
for name, S in (("training's", S_test[:5]), ("their own", own)):
    p = torch.sigmoid(with_ones(S) @ theta_lab)
    print(f"{name:10}", *(f"{share:.2f}" for share in p))

# %% sigmoid-twice
right = torch.tensor([20.0, -20.0])  # sure of it, and right
truth = torch.tensor([1.0, 0.0])
loss = nn.BCEWithLogitsLoss()
print(f"logits:        {loss(right, truth):.4f}")
print(f"probabilities: {loss(torch.sigmoid(right), truth):.4f}")

# %% best-of-many
by_validation = int(best_J.argmin())
print(f"chosen by validation: {counts[by_validation]} test errors")
print(f"chosen by the test:   {counts.min()} test errors")

# %% exercise-pair
p_mlp = predict(best[by_validation], A_test)
mlp_wrong = (p_mlp > 0.5) != (y_test == 1)
logistic_wrong = (p_test > 0.5) != (y_test == 1)
only_mlp = int((mlp_wrong & ~logistic_wrong).sum())
only_logistic = int((~mlp_wrong & logistic_wrong).sum())
print(f"only the MLP: {only_mlp}, only the logistic: {only_logistic}")
fewer, sum_of_both = min(only_mlp, only_logistic), only_mlp + only_logistic
print(f"p-value: {min(1.0, 2 * at_most(fewer, sum_of_both, 0.5)):.2f}")


# %% exercise-samples
def width(n: int) -> float:
    """Give the width of Wilson's interval for a risk of 0.1."""
    low, high = wilson(n // 10, n)
    return high - low


for n in (110, 1_000, 10_000, 100_000):
    print(f"{n:7,} samples: {width(n):.3f}")


# %% exercise-limit
def price_at(limit: float) -> int:
    """Give the cost of a limit on the validation set."""
    p = torch.sigmoid(A_lab[1] @ theta_lab)
    _, missed, alarms, _ = confusion(p, y_val, limit)
    return total(missed, alarms)


limits = [k / 100 for k in range(1, 100)]
cheapest = min(limits, key=price_at)
_, missed, alarms, _ = confusion(p_test, y_test, cheapest)
print(f"p > {cheapest}: validation cost {price_at(cheapest)}")
print(f"test: missed {missed}, alarms {alarms}, {total(missed, alarms)}")

# %% exercise-thirty
thirty = [name for name in table.columns if name != "diagnosis"]
three = [as_tensors(table, rows, thirty)[0] for rows in split_rows(569)]
middle, spread = three[0].mean(0), three[0].std(0, correction=0)
Z_train, Z_val, Z_test = (((X - middle) / spread).numpy() for X in three)
fitted = LogisticRegression(C=0.1).fit(Z_train, y_train.numpy())
for Z, y in ((Z_val, y_val), (Z_test, y_test)):
    off = int((fitted.predict(Z) != y.numpy()).sum())
    low, high = wilson(off, len(y))
    print(f"{off} of {len(y)} wrong; {low:.3f} to {high:.3f}")
