"""Gradient descent: x squared by torch.optim.SGD; what the rate does."""

# %% by-hand
import torch

x = torch.tensor(1.0, requires_grad=True)  # (), the start
y = x**2  # ()
y.backward()
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
    print(f"{step:4}  {x.item():5.2f}  {x.grad.item():8.2f}")
    optimizer.step()
print(f"at the end: x = {x.item():.6f}")

# %% anatomy
seen = []  # what each line has left behind


def report(code: str) -> None:
    """Note and print the parameter x and what its grad holds."""
    grad = "None" if x.grad is None else f"{x.grad.item():.1f}"
    seen.append((code, f"x = {x.item():.2f}, grad = {grad}"))
    print(f"{code:21}  {seen[-1][1]}")


x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=0.7)
for _ in range(2):
    optimizer.zero_grad()
    report("optimizer.zero_grad()")
    y = x**2  # ()
    report("y = x**2")
    y.backward()
    report("y.backward()")
    optimizer.step()
    report("optimizer.step()")

# %% cycle
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(6, 4))
axis.axis("off")
axis.set(xlim=(-1.6, 1.6), ylim=(-1.2, 1.2))
corners = [(0, 1), (0.95, 0), (0, -1), (-0.95, 0)]
box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "C0"}
for (code, state), corner in zip(seen[:4], corners, strict=True):
    text = f"{code}\n{state}"
    axis.text(*corner, text, ha="center", va="center", bbox=box, fontsize=9)
ends = [(0.55, 0.88), (1, 0.3), (0.9, -0.3), (0.55, -0.88)]
ends += [(-0.55, -0.88), (-1, -0.3), (-0.9, 0.3), (-0.55, 0.88)]
arrow = {"arrowstyle": "-|>", "color": "C0", "linewidth": 2}
arrow["connectionstyle"] = "arc3,rad=-0.25"
for begin, end in zip(ends[::2], ends[1::2], strict=True):
    axis.annotate("", end, begin, arrowprops=arrow)
plt.show()


# %% either-place
x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=0.7)
for _ in range(3):
    y = x**2  # ()
    optimizer.zero_grad()
    y.backward()
    optimizer.step()
print(f"x after three steps: {x.item():.2f}")


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


# %% rates
for rate in (0.1, 0.4, 0.5, 0.7, 0.9, 1.0, 1.1):
    path = descend(rate, steps=10)
    begin = " ".join(f"{x:5.2f}" for x in path[:6])
    print(f"{rate}:  {begin}  ...  {path[-1]:6.3f}")

# %% paths
figure, axes = plt.subplots(2, 2, figsize=(6, 6), sharex=True, sharey=True)
grid = [number / 50 for number in range(-110, 111)]
for axis, rate in zip(axes.flat, (0.1, 0.7, 1.0, 1.1), strict=True):
    path = descend(rate, steps=4)
    axis.plot(grid, [x**2 for x in grid], color="gray", linewidth=1)
    axis.plot(path, [x**2 for x in path], "o--", color="C0", linewidth=1)
    axis.plot(path[0], path[0] ** 2, "s", color="C1", markersize=9)
    axis.set_title(f"learning rate {rate}")
for axis in axes[1]:
    axis.set_xlabel("$x$")
for axis in axes[:, 0]:
    axis.set_ylabel("$x^2$")
plt.show()

# %% without
path = descend(rate=0.7, steps=10, zero_grad=False)
print(" ".join(f"{x:5.2f}" for x in path))

# %% swing-figure
import math

omega = math.acos(1 - 0.7)
times = [number / 20 for number in range(401)]
curve = [math.cos((t + 0.5) * omega) / math.cos(omega / 2) for t in times]
figure, axis = plt.subplots(figsize=(6, 3.8))
axis.plot(times, curve, color="gray", linewidth=1, label="closed form")
without = descend(0.7, 20, zero_grad=False)
axis.plot(without, "o", color="C1", label="without zero_grad")
axis.plot(descend(0.7, 20), "s--", color="C0", label="with zero_grad")
axis.set(xlabel="step $t$", ylabel="$x_t$", ylim=(-1.4, 2.6))
axis.set_xticks(range(0, 21, 4))
axis.legend()
plt.show()


# %% valley
def valley(theta: torch.Tensor) -> torch.Tensor:
    """Return theta_1^2 + 10 theta_2^2 for theta of shape (2,)."""
    return theta[0] ** 2 + 10 * theta[1] ** 2


def walk(rate: float, steps: int) -> list[list[float]]:
    """Go down the valley from (1, 1); return theta before each step."""
    theta = torch.tensor([1.0, 1.0], requires_grad=True)  # (2,)
    optimizer = torch.optim.SGD([theta], lr=rate)
    path = [theta.tolist()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(theta).backward()
        optimizer.step()
        path.append(theta.tolist())
    return path


# %% two-parameters
print("step  theta_1  theta_2   0.82^t (-0.8)^t")
places = walk(rate=0.09, steps=20)
for t in (0, 1, 2, 3, 10, 20):
    first, second = places[t]
    formula = f"{0.82**t:7.3f}  {(-0.8) ** t:7.3f}"
    print(f"{t:4}  {first:7.3f}  {second:7.3f}  {formula}")

# %% surface
line = [number / 10 for number in range(-11, 12)]
figure = plt.figure(figsize=(6, 4.6))
axis = figure.add_subplot(projection="3d", computed_zorder=False)
for fixed in line:
    across = [valley((fixed, each)) for each in line]
    along = [valley((each, fixed)) for each in line]
    color = {"color": "gray", "linewidth": 0.6}
    axis.plot([fixed] * len(line), line, across, **color)
    axis.plot(line, [fixed] * len(line), along, **color)
for rate, style, color in ((0.09, "o--", "C0"), (0.02, "^-", "C1")):
    points = [(*theta, valley(theta)) for theta in walk(rate, 12)]
    axis.plot(*zip(*points, strict=True), style, color=color, markersize=5)
axis.plot(0, 0, 0, "*", color="black", markersize=14)
axis.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", zlabel="objective")
for each in (axis.xaxis, axis.yaxis, axis.zaxis):
    each.set_pane_color((1, 1, 1, 0))
axis.view_init(elev=35, azim=200)
axis.set_box_aspect(None, zoom=0.9)
plt.show()

# %% two-parameters-figure
figure, axis = plt.subplots(figsize=(6, 5.5))
line = [number / 40 for number in range(-46, 47)]
heights = [[valley((a, b)) for a in line] for b in line]
levels = [0.2, 1, 3, 6, 10]
gray = {"colors": "gray", "linewidths": 1}
contours = axis.contour(line, line, heights, levels=levels, **gray)
axis.clabel(contours, colors="black")
for rate, style, color in ((0.09, "o--", "C0"), (0.02, "^-", "C1")):
    columns = zip(*walk(rate, 12), strict=True)
    axis.plot(*columns, style, color=color, label=f"rate {rate}")
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
        if abs(x.grad.item()) < tolerance:
            return f"stopped after {step} steps at x = {x.item():.1e}"
        optimizer.step()
    return f"gave up after {most} steps at x = {x.item():.1e}"


for rate in (0.1, 0.7, 1.0, 1e-7):
    print(f"rate {rate}: {until(rate)}")

# %% stop-change
x = torch.tensor(1.0, requires_grad=True)  # ()
optimizer = torch.optim.SGD([x], lr=1e-6)
(x**2).backward()
optimizer.step()
change = 1 - (x**2).item()
print(f"x = {x.item():.6f}, the objective fell by {change:.1e}")

# %% wrong-order
for order in ("zero_grad before step", "step first"):
    x = torch.tensor(1.0, requires_grad=True)  # ()
    optimizer = torch.optim.SGD([x], lr=0.7)
    path = []
    for _ in range(4):
        if order == "step first":
            optimizer.step()
            optimizer.zero_grad()
            (x**2).backward()
        else:
            (x**2).backward()
            optimizer.zero_grad()
            optimizer.step()
        path.append(f"{x.item():5.2f}")
    print(f"{order:21} {' '.join(path)}")

# %% leaf
import textwrap

x = torch.tensor(1.0, requires_grad=True)  # ()
(x**2).backward()
try:
    x -= 0.7 * x.grad
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 70))
x = x - 0.7 * x.grad  # a new tensor under the old name
print("a leaf:", x.is_leaf)

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

# %% non-leaf
x = torch.tensor(1.0, requires_grad=True)  # ()
try:
    torch.optim.SGD([2 * x], lr=0.7)
except ValueError as error:
    print(f"ValueError: {error}")

# %% overflow
path = descend(rate=1.1, steps=600)
for t in (100, 200, 300, 400, 600):
    print(f"step {t}: x = {path[t]:.2e}")

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

    def __init__(self, parameters: list[torch.Tensor], lr: float) -> None:
        self.parameters = parameters
        self.lr = lr

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move each parameter against its gradient."""
        with torch.no_grad():
            for parameter in self.parameters:
                parameter -= self.lr * parameter.grad


# %% exercise-optimizer-run
x = torch.tensor(1.0, requires_grad=True)  # ()
descent = Descent([x], lr=0.7)
for _ in range(10):
    descent.zero_grad()
    (x**2).backward()
    descent.step()
print(f"{x.item():.6f}")

# %% exercise-bus-stop
houses = torch.tensor([1.0, 2.0, 4.0, 5.0, 20.0])  # (5,), km along the road


def place(power: int, rate: float) -> list[float]:
    """Minimize the mean of |x - house|^power from 0; return the path."""
    x = torch.tensor(0.0, requires_grad=True)  # ()
    optimizer = torch.optim.SGD([x], lr=rate)
    path = []
    for _ in range(200):
        optimizer.zero_grad()
        ((x - houses).abs() ** power).mean().backward()
        optimizer.step()
        path.append(x.item())
    return path


print("squares:  ", " ".join(f"{x:.2f}" for x in place(2, 0.3)[-4:]))
print("distances:", " ".join(f"{x:.2f}" for x in place(1, 0.3)[-4:]))
print("smaller:  ", " ".join(f"{x:.2f}" for x in place(1, 0.07)[-4:]))
