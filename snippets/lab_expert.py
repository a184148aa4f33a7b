"""The lab, part four: what an expert would change, and what it is worth."""

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
    evaluate,
    load_parts,
    load_table,
    split_rows,
    standardized,
    train_step,
)

# %% data
raw = load_parts(["radius_mean", "texture_mean"])
parts = standardized(raw)
(X_train, y_train), (X_val, y_val), (X_test, y_test) = parts
X_raw = raw[0][0]  # (341, 2): the training features as measured


# %% minimum
def minimum(X: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Give the best theta (n + 1,), bias last, and its objective."""
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    fitted.fit(X.double().numpy(), y.numpy())
    theta = torch.tensor([*fitted.coef_[0], *fitted.intercept_])  # float64
    z = X.double() @ theta[:-1] + theta[-1]
    J = nn.functional.binary_cross_entropy_with_logits(z, y.double())
    return theta, J.item()


best_theta, lowest = minimum(X_train, y_train)
print(f"the lowest objective: {lowest:.4f}")


# %% descend
def gaps(X: torch.Tensor, lr: float, steps: int, seed: int = 0) -> list:
    """Give the objective above its minimum before each of the steps."""
    torch.manual_seed(seed)
    model = nn.Linear(2, 1).double()
    if seed == 0:
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    X, y = X.double(), y_train.double()
    return [
        train_step(model, optimizer, X, y) - lowest for _ in range(steps)
    ]


raw_gaps = {lr: gaps(X_raw, lr, 1000) for lr in (0.005, 0.01, 0.015, 0.02)}
for lr, gap in raw_gaps.items():
    print(f"raw, rate {lr}: {gap[-1]:.3f} above after 1,000 steps")
new_gaps = {lr: gaps(X_train, lr, 200) for lr in (1.0, 5.0, 10.0, 20.0)}
for lr, gap in new_gaps.items():
    print(
        f"standardized, rate {lr}: {np.argmax(np.array(gap) < 1e-4)} steps"
    )

# %% comparison
figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for gap, line, name in (
    (raw_gaps[0.015], "-", "raw, rate 0.015"),
    (new_gaps[1.0], "--", "standardized, rate 1"),
    (new_gaps[10.0], ":", "standardized, rate 10"),
):
    axes.plot(np.arange(len(gap)) + 1, gap, line, label=name)
axes.set(xscale="log", yscale="log", xlabel="step + 1", ylim=(1e-5, 2))
axes.set_ylabel("objective above its minimum")
axes.legend()
plt.show()

# %% over-starts
far = [gaps(X_raw, 0.015, 300, seed)[-1] for seed in range(1, 11)]
near = [gaps(X_train, 10.0, 60, seed) for seed in range(1, 11)]
needed = [int(np.argmax(np.array(gap) < 1e-4)) for gap in near]
print(f"raw: {min(far):.2f} to {max(far):.2f} above after 300 steps")
print(f"standardized: {min(needed)} to {max(needed)} steps are enough")


# %% condition
def hessian(theta: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    """Give the second derivatives (n + 1, n + 1) of the objective."""
    A = torch.cat([X, torch.ones(len(X), 1)], 1).double()  # (N, n + 1)
    p = torch.sigmoid(A @ theta)  # (N,)
    return A.T @ ((p * (1 - p))[:, None] * A) / len(A)


raw_theta, _ = minimum(X_raw, y_train)
origin = torch.zeros(3).double()
for name, X, theta in (
    ("raw, at zero", X_raw, origin),
    ("raw, at the minimum", X_raw, raw_theta),
    ("standardized, at zero", X_train, origin),
    ("standardized, at the minimum", X_train, best_theta),
):
    values = torch.linalg.eigvalsh(hessian(theta, X))  # (3,), rising
    print(f"{name:28}  {values[-1] / values[0]:9,.2f}")

# %% overflow
benign = torch.zeros(1)
for number in (10.0, 17.0):
    z = torch.tensor([number], requires_grad=True)
    nn.functional.binary_cross_entropy_with_logits(z, benign).backward()
    print(f"z = {number}: with logits, by z: {z.grad.item():.2f}")
    z = torch.tensor([number], requires_grad=True)
    p = torch.sigmoid(z)
    p.retain_grad()
    J = nn.functional.binary_cross_entropy(p, benign)
    J.backward()
    print(f"    BCELoss {J:.2f}, by p: {p.grad.item():.1e},", end=" ")
    print(f"times p(1 - p), by z: {z.grad.item():.2f}")


# %% over-losses
def errors_after(loss: Callable, seed: int) -> int:
    """Train from a bad, sure start; give the training errors."""
    torch.manual_seed(seed)
    model = nn.Linear(2, 1)
    nn.init.normal_(model.weight, std=30)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(300):
        J = loss(model(X_train).squeeze(1), y_train)
        optimizer.zero_grad()
        J.backward()
        optimizer.step()
    return evaluate(model, X_train, y_train)[1]


def probability_loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Give the same objective by way of the probabilities."""
    return nn.functional.binary_cross_entropy(torch.sigmoid(z), y)


for name, loss in (
    ("BCELoss", probability_loss),
    ("with logits", nn.functional.binary_cross_entropy_with_logits),
):
    wrong = sorted(errors_after(loss, seed) for seed in range(10))
    print(f"{name:11}", wrong)


# %% stack
def stacked(layers: list[nn.Linear], name: str) -> nn.Parameter:
    """Stack the weights or the biases of layers into one parameter."""
    return nn.Parameter(torch.stack([getattr(a, name) for a in layers]))


class Stack(nn.Module):
    """Many networks 2-2-1 with logistic hidden neurons, side by side."""

    def __init__(self, seeds: range) -> None:
        super().__init__()
        hidden, output = [], []
        for seed in seeds:
            torch.manual_seed(seed)
            hidden.append(nn.Linear(2, 2))
            output.append(nn.Linear(2, 1))
            torch.manual_seed(seed)
            nn.init.normal_(hidden[-1].weight)
            nn.init.normal_(output[-1].weight)
        self.W, self.b = stacked(hidden, "weight"), stacked(hidden, "bias")
        self.V, self.c = stacked(output, "weight"), stacked(output, "bias")

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Give logits (k, N) for samples X (N, 2) or (k, N, 2)."""
        h = torch.sigmoid(self.W @ X.mT + self.b[..., None])  # (k, 2, N)
        return (self.V @ h + self.c[..., None]).squeeze(1)


# %% losses
def objectives(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Give the objective (k,) of each network from its logits (k, N)."""
    losses = nn.functional.binary_cross_entropy_with_logits(
        z, y.expand(z.shape), reduction="none"
    )
    return losses.mean(1)


# %% many-seeds
stack = Stack(range(500))
optimizer = torch.optim.SGD(stack.parameters(), lr=5.0)
best_J = torch.full((500,), float("inf"))
needed = torch.zeros(500)  # steps to the best validation of 2019
z_best = torch.zeros(500, 115)  # logits on the test set at the best step
for step in range(1000):
    if step % 10 == 0:
        with torch.no_grad():
            J = objectives(stack(X_val), y_val)
            better = best_J > J
            best_J[better] = J[better]
            needed[best_J > 0.2549] = step + 10
            z_best[better] = stack(X_test)[better]
    optimizer.zero_grad()
    objectives(stack(X_train), y_train).sum().backward()
    optimizer.step()

# %% distribution
counts = ((z_best > 0) != (y_test == 1)).sum(1)  # (500,)
print(f"from {counts.min()} to {counts.max()} errors of 115")
print(f"mean {counts.double().mean():.1f}, sd {counts.double().std():.1f}")
print(f"0.2549 on validation: {(needed < 1000).sum()} of 500 networks,")
print(f"seed 0 by step {needed[0]:.0f}, half by step {needed.median():.0f}")

# %% distribution-figure
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
kinds, heights = np.unique(counts, return_counts=True)
axes.bar(kinds, heights)
axes.set(xlabel="test errors of 115", ylabel="networks of 500")
axes.set_xticks(kinds.tolist())
plt.show()


# %% wilson
def wilson(k: int, n: int, d: float = 1.96) -> tuple[float, float]:
    """Give Wilson's 95 % interval for a risk, from k errors of n."""
    center = (k + d**2 / 2) / (n + d**2)
    half = d * math.sqrt(k * (n - k) / n + d**2 / 4) / (n + d**2)
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

# %% pair
z_test = X_test.double() @ best_theta[:-1] + best_theta[-1]  # logistic
logistic_wrong = (z_test > 0) != (y_test == 1)  # (115,)
chosen = int(best_J.argmin())  # by validation
mlp_wrong = (z_best[chosen] > 0) != (y_test == 1)  # (115,)
only_mlp = int((mlp_wrong & ~logistic_wrong).sum())
only_logistic = int((~mlp_wrong & logistic_wrong).sum())
print(f"only the MLP: {only_mlp}, only the logistic: {only_logistic}")
fewer, both = min(only_mlp, only_logistic), only_mlp + only_logistic
print(f"p-value: {min(1.0, 2 * at_most(fewer, both, 0.5)):.2f}")

# %% splits
names, table = ["radius_mean", "texture_mean"], load_table()
cuts, risks = [], []
for seed in range(200):
    rows = split_rows(len(table), seed)
    cut = standardized([as_tensors(table, part, names) for part in rows])
    (X, y), _, (X_new, y_new) = cut
    fitted = LogisticRegression(C=np.inf).fit(X.numpy(), y.numpy())
    risks.append(np.mean(fitted.predict(X_new.numpy()) != y_new.numpy()))
    cuts.append((X, y, X_new, y_new))
risks = np.array(risks)
print(f"split 0: {risks[0]:.3f}")
print(f"mean {risks.mean():.3f}, sd {risks.std(ddof=1):.3f}")
print(f"from {risks.min():.3f} to {risks.max():.3f}")

# %% splits-figure
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
kinds, heights = np.unique((115 * risks).round(), return_counts=True)
axes.bar(kinds / 115, heights, width=0.006)
axes.axvline(risks[0], color="black", linestyle="--", label="split 0")
axes.set(xlabel="test risk", ylabel="splits of 200")
axes.legend()
plt.show()

# %% paired-splits
X, y, X_new, y_new = map(torch.stack, zip(*cuts, strict=True))
stack = Stack(range(200))  # one network for each split
optimizer = torch.optim.SGD(stack.parameters(), lr=5.0)
for _ in range(500):
    optimizer.zero_grad()
    objectives(stack(X), y).sum().backward()
    optimizer.step()
with torch.no_grad():
    said = stack(X_new) > 0  # (200, 115)
mlp_risks = (said != (y_new == 1)).double().mean(1).numpy()
difference = mlp_risks - risks
for name, each in (("MLP", mlp_risks), ("difference", difference)):
    print(f"{name:10}  mean {each.mean():.3f}, sd {each.std(ddof=1):.3f}")
better, worse = (difference < 0).sum(), (difference > 0).sum()
print(f"fewer errors on about {10 * round(better / 10)} splits,", end=" ")
print(f"more on about {10 * round(worse / 10)}")


# %% confusion
def confusion(p: torch.Tensor, y: torch.Tensor, limit: float) -> list[int]:
    """Count TP, FN, FP and TN, where p > limit means malignant."""
    said, true = p > limit, y == 1
    cells = (said & true, ~said & true, said & ~true, ~said & ~true)
    return [int(cell.sum()) for cell in cells]


p_test = torch.sigmoid(z_test)  # (115,)
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
five = raw[2][0][:5]  # five patients, as measured
own = (five - five.mean(0)) / five.std(0, correction=0)
for name, X in (("training's", X_test[:5]), ("their own", own)):
    p = torch.sigmoid(X.double() @ best_theta[:-1] + best_theta[-1])
    print(f"{name:10}", *(f"{share:.2f}" for share in p))

# %% sigmoid-twice
right = torch.tensor([20.0, -20.0])  # sure of it, and right
true_labels = torch.tensor([1.0, 0.0])
mean_loss = nn.BCEWithLogitsLoss()
print(f"logits:        {mean_loss(right, true_labels):.4f}")
print(f"probabilities: {mean_loss(torch.sigmoid(right), true_labels):.4f}")

# %% best-of-many
print(f"chosen by validation: {counts[chosen]} test errors")
print(f"chosen by the test:   {counts.min()} test errors")


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
    z = X_val.double() @ best_theta[:-1] + best_theta[-1]
    _, missed, alarms, _ = confusion(torch.sigmoid(z), y_val, limit)
    return total(missed, alarms)


limits = [k / 100 for k in range(1, 100)]
cheapest = min(limits, key=price_at)
_, missed, alarms, _ = confusion(p_test, y_test, cheapest)
print(f"p > {cheapest}: validation cost {price_at(cheapest)}")
print(f"test: missed {missed}, alarms {alarms}, {total(missed, alarms)}")

# %% exercise-spam
generator = np.random.default_rng(0)
chance = generator.random(200_000)  # of being spam, for each mail
spam = generator.random(200_000) < chance
for limit in (0.5, 0.9, 20 / 21, 0.99):
    lost, passed = ~spam & (chance > limit), spam & (chance <= limit)
    cost = (20 * lost.sum() + passed.sum()) / len(spam)
    print(f"filter above {limit:.3f}: {cost:.3f} a mail")

# %% exercise-thirty
thirty = [name for name in table.columns if name != "diagnosis"]
(X, y), (X_check, y_check), (X_last, y_last) = standardized(
    load_parts(thirty)
)
candidates = []
for decay in (0.0, 0.1, 1.0, 3.0):
    torch.manual_seed(0)
    model = nn.Linear(30, 1)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.01, weight_decay=decay
    )
    for _ in range(300):
        train_step(model, optimizer, X, y)
    J, errors = evaluate(model, X_check, y_check)
    candidates.append((J, decay, model))
    print(f"decay {decay}: validation {J:.3f}, {errors} of 113 wrong")

# %% exercise-thirty-test
_, decay, model = min(candidates, key=lambda each: each[0])
_, errors = evaluate(model, X_last, y_last)
low, high = wilson(errors, 115)
print(f"decay {decay}: {errors} of 115 wrong; {low:.3f} to {high:.3f}")
