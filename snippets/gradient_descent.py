"""Gradient descent: x squared by torch.optim.SGD; what the rate does."""

# %% imports
import math
import textwrap
import warnings
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor

# %% by-hand
x = torch.tensor(1.0, requires_grad=True)  # (), the start
y = x**2  # ()
y.backward()
assert x.grad is not None
with torch.no_grad():
    x -= 0.7 * x.grad
print("gradient", x.grad)
print("x       ", x)

# %% sgd
x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=0.7)
print("step      x  gradient")
for step in range(10):
    optimizer.zero_grad()
    y = x**2  # ()
    y.backward()
    assert x.grad is not None
    print(f"{step:4}  {x.item():5.2f}  {x.grad.item():8.2f}")
    optimizer.step()
print(f"at the end: x = {x.item():.6f}")


# %% report
def report(moment: str) -> None:
    """Print the parameter x, shape (), and what its grad holds."""
    gradient = None if x.grad is None else round(x.grad.item(), 2)
    print(f"{moment:10}  x = {x.item():5.2f}  x.grad = {gradient}")


# %% anatomy
x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=0.7)
for _ in range(2):
    optimizer.zero_grad()
    report("zero_grad")
    y = x**2  # ()
    report("forward")
    y.backward()
    report("backward")
    optimizer.step()
    report("step")


# %% descend
def descend(rate: float, steps: int, zero_grad: bool = True) -> list[float]:
    """Minimize x^2 from x = 1; return x before each step and at the end."""
    x = torch.tensor(1.0, requires_grad=True)  # ()
    optimizer = torch.optim.SGD([x], lr=rate)
    path = [x.item()]
    for _ in range(steps):
        if zero_grad:
            optimizer.zero_grad()
        (x**2).backward()
        optimizer.step()
        path.append(x.item())
    return path


# %% closed-form
path = descend(rate=0.7, steps=10)
for t in (1, 2, 3, 10):
    print(f"{t:2}  {path[t]:10.6f}  {(-0.4) ** t:10.6f}")

# %% rates
for rate in (0.1, 0.4, 0.5, 0.7, 0.9, 1.0, 1.1):
    path = descend(rate, steps=10)
    begin = " ".join(f"{x:5.2f}" for x in path[:6])
    print(f"{rate}:  {begin}  ...  {path[-1]:6.3f}")

# %% paths
figure, axes = plt.subplots(2, 2, figsize=(6, 6), sharex=True, sharey=True)
grid = torch.linspace(-2.2, 2.2, 111)  # (111,)
for axis, rate in zip(axes.flat, (0.1, 0.7, 1.0, 1.1), strict=True):
    path = descend(rate, steps=4)
    axis.plot(grid, grid**2, color="gray", linewidth=1)
    axis.plot(path, [x**2 for x in path], "o--", color="C0", linewidth=1)
    axis.plot(path[0], path[0] ** 2, "s", color="C1", markersize=9)
    axis.set_title(f"learning rate {rate}")
for axis in axes[1]:
    axis.set_xlabel("$x$")
for axis in axes[:, 0]:
    axis.set_ylabel("$x^2$")
plt.show()

# %% distances
styles = {0.1: "o-", 0.4: "v:", 0.7: "s--", 1.0: "D-", 1.1: "^-."}
figure, axis = plt.subplots(figsize=(6, 4.5))
for number, (rate, style) in enumerate(styles.items()):
    path = descend(rate, steps=12)
    exact = [abs(1 - 2 * rate) ** t for t in range(13)]
    color = f"C{number}"
    axis.plot(exact, style[1:], color=color, linewidth=1)
    axis.plot([abs(x) for x in path], style[0], color=color)
    axis.text(12.3, exact[-1], f"rate {rate}", color=color, va="center")
axis.set(xlabel="step $t$", ylabel="distance to the minimum, $|x_t|$")
axis.set(yscale="log", xlim=(-0.3, 15))
axis.set_xticks(range(0, 13, 2))
plt.show()

# %% without
path = descend(rate=0.7, steps=10, zero_grad=False)
print(" ".join(f"{x:5.2f}" for x in path))

# %% sums
x_now, total = 1.0, 0.0
for step in range(4):
    total += 2 * x_now
    print(
        f"{step}  x {x_now:6.3f}  right {2 * x_now:6.3f}  sum {total:6.3f}"
    )
    x_now -= 0.7 * total

# %% swing
w = math.acos(1 - 0.7)
swing = [math.cos((t + 0.5) * w) / math.cos(w / 2) for t in range(1001)]
path = descend(rate=0.7, steps=1000, zero_grad=False)
print(" ".join(f"{x:5.2f}" for x in swing[:11]))
print(f"largest |x| of 1000 steps: {max(abs(x) for x in path):.2f}")
print(f"bound by the formula:      {math.sqrt(2 / (2 - 0.7)):.2f}")

# %% swing-figure
figure, axis = plt.subplots(figsize=(6, 3.8))
times = torch.linspace(0, 20, 401)  # (401,)
curve = torch.cos((times + 0.5) * w) / math.cos(w / 2)  # (401,)
axis.plot(times, curve, color="gray", linewidth=1, label="closed form")
axis.plot(path[:21], "o", color="C1", label="without zero_grad")
axis.plot(descend(0.7, 20), "s--", color="C0", label="with zero_grad")
axis.set(xlabel="step $t$", ylabel="$x_t$", ylim=(-1.4, 2.6))
axis.set_xticks(range(0, 21, 4))
axis.legend()
plt.show()


# %% valley
def valley(theta: Tensor) -> Tensor:
    """Return theta_1^2 + 10 theta_2^2 for theta of shape (..., 2)."""
    return theta[..., 0] ** 2 + 10 * theta[..., 1] ** 2


def walk(rate: float, steps: int) -> Tensor:
    """Go down the valley from (1, 1); return the path, (steps + 1, 2)."""
    theta = torch.tensor([1.0, 1.0], requires_grad=True)  # (2,)
    optimizer = torch.optim.SGD([theta], lr=rate)
    path = [theta.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(theta).backward()
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


# %% two-parameters
print("step  theta_1  theta_2   0.82^t (-0.8)^t")
places = walk(rate=0.09, steps=20)  # (21, 2)
for t in (0, 1, 2, 3, 10, 20):
    first, second = places[t].tolist()
    formula = f"{0.82**t:7.3f}  {(-0.8) ** t:7.3f}"
    print(f"{t:4}  {first:7.3f}  {second:7.3f}  {formula}")

# %% two-parameters-figure
figure, axis = plt.subplots(figsize=(6, 5.5))
line = torch.linspace(-1.15, 1.15, 93)  # (93,)
grid = torch.cartesian_prod(line, line).reshape(93, 93, 2)  # (93, 93, 2)
heights = valley(grid)  # (93, 93), first axis theta_1
contours = axis.contour(
    line,
    line,
    heights.T,
    levels=[0.2, 1, 3, 6, 10],
    colors="gray",
    linewidths=1,
)
axis.clabel(contours, colors="black")
narrow, small = walk(0.09, 12), walk(0.02, 12)  # (13, 2) each
axis.plot(*narrow.T, "o--", color="C0", label="rate 0.09")
axis.plot(*small.T, "^-", color="C1", label="rate 0.02")
axis.plot(0, 0, "*", color="black", markersize=14, label="minimum")
axis.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", aspect="equal")
figure.legend(loc="outside upper center", ncols=3)
plt.show()


# %% stop
def until(rate: float, tolerance: float = 1e-6, most: int = 1000) -> str:
    """Minimize x^2 from 1 until its gradient is short; say how it went."""
    x = torch.tensor(1.0, requires_grad=True)  # ()
    optimizer = torch.optim.SGD([x], lr=rate)
    for step in range(most):
        optimizer.zero_grad()
        (x**2).backward()
        assert x.grad is not None
        if abs(x.grad.item()) < tolerance:
            return f"stopped after {step} steps at x = {x.item():.1e}"
        optimizer.step()
    return f"gave up after {most} steps at x = {x.item():.1e}"


for rate in (0.1, 0.7, 1.0, 1e-7):
    print(f"rate {rate}: {until(rate)}")

# %% stop-closed-form
for factor in (0.8, 0.4):
    print(factor, math.ceil(math.log(2e6) / math.log(1 / factor)))

# %% stop-change
x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=1e-6)
(x**2).backward()
optimizer.step()
change = 1 - (x**2).item()
print(f"x = {x.item():.6f}, the objective fell by {change:.1e}")

# %% wrong-order
for order in ("zero_grad last", "step first"):
    x = torch.tensor(1.0, requires_grad=True)  # ()
    optimizer = torch.optim.SGD([x], lr=0.7)
    seen = []
    for _ in range(4):
        if order == "step first":
            optimizer.step()
            optimizer.zero_grad()
            (x**2).backward()
        else:
            (x**2).backward()
            optimizer.zero_grad()
            optimizer.step()
        seen.append(f"{x.item():5.2f}")
    print(f"{order}: {' '.join(seen)}")

# %% leaf
x = torch.tensor(1.0, requires_grad=True)  # ()
(x**2).backward()
assert x.grad is not None
try:
    x -= 0.7 * x.grad
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% rebound
x = torch.tensor(1.0, requires_grad=True)  # ()
try:
    for _ in range(2):
        (x**2).backward()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the warning on non-leaves
            gradient: Any = x.grad
        x = x - 0.7 * gradient  # a new tensor under the old name
        print(x, x.is_leaf)
except TypeError as error:
    print(f"TypeError: {error}")

# %% old-tensor
x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=0.7)
x = torch.tensor(5.0, requires_grad=True)  # (), another start
for _ in range(10):
    optimizer.zero_grad()
    (x**2).backward()
    optimizer.step()
print("x:", x.item(), " its gradient:", x.grad)
print("the optimizer holds x:", optimizer.param_groups[0]["params"][0] is x)

# %% old-tensor-repaired
x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=0.7)
with torch.no_grad():
    x.fill_(5.0)
for _ in range(10):
    optimizer.zero_grad()
    (x**2).backward()
    optimizer.step()
print(f"{x.item():.6f}")

# %% non-leaf
x = torch.tensor(1.0, requires_grad=True)  # ()
try:
    torch.optim.SGD([2 * x], lr=0.7)
except ValueError as error:
    print(f"ValueError: {error}")

# %% overflow
path = descend(rate=1.1, steps=600)
squares = torch.tensor(path) ** 2  # (601,), float32 as in the loop
for t in (100, 200, 300, 500, 600):
    print(f"step {t}: x = {path[t]:9.2e}, x^2 = {squares[t].item():.2e}")

# %% exercise-one-step
x = torch.tensor(7.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=1 / 6)
(3 * (x - 2) ** 2).backward()
optimizer.step()
print(f"{x.item():.4f}")

# %% exercise-two-valleys
for start in (0.5, -0.5, 0.0, 2.0):
    x = torch.tensor(start, requires_grad=True)  # ()
    optimizer = torch.optim.SGD([x], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        ((x**2 - 1) ** 2).backward()
        optimizer.step()
    print(f"from {start:4}: x = {x.item():.4f}")


# %% exercise-optimizer
class Descent:
    """Gradient descent for a list of leaves, with a given rate."""

    def __init__(self, parameters: list[Tensor], lr: float) -> None:
        self.parameters = parameters
        self.lr = lr

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter against its gradient, if it has one."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter -= self.lr * parameter.grad


# %% exercise-optimizer-run
x = torch.tensor(1.0, requires_grad=True)  # ()
descent = Descent([x], lr=0.7)
path = [x.item()]
for _ in range(10):
    descent.zero_grad()
    (x**2).backward()
    descent.step()
    path.append(x.item())
pairs = zip(path, descend(rate=0.7, steps=10), strict=True)
print(max(abs(own - torchs) for own, torchs in pairs) < 1e-7)

# %% exercise-border
for rate in (0.099, 0.1, 0.101):
    first, second = walk(rate, steps=500)[-1].tolist()
    print(f"rate {rate}: theta_1 = {first:.3f}, theta_2 = {second:.2g}")
