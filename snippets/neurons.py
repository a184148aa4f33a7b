"""Artificial neurons, their activation functions, and networks of them."""

# %% imports
import math
import textwrap
from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

# %% inputs
x = torch.tensor([1.0, 2.0, -1.0])  # (3,)
theta = torch.tensor([0.5, 1.0, 2.0])  # (3,)
b = 0.5
print(theta * x)  # (3,): the products, before they are added
z = theta @ x + b  # one number
print(z)

# %% neuron
print(f"exp(-z) = {torch.exp(-z):.4f}")
h = 1 / (1 + torch.exp(-z))
print(f"h       = {h:.4f}")
print(f"h       = {torch.sigmoid(z):.4f} by torch.sigmoid")


# %% columns
def columns(feeds: dict[str, list[str]]) -> dict[str, int]:
    """Give each node its column: the longest way to it from an input."""
    column: dict[str, int] = {}
    for node in TopologicalSorter(feeds).static_order():
        senders = feeds.get(node, [])  # an input has none
        column[node] = max((column[s] + 1 for s in senders), default=0)
    return column


# %% places
def places(feeds: dict[str, list[str]]) -> dict[str, tuple[float, float]]:
    """Place the nodes in columns, each column centered at height 0."""
    column = columns(feeds)
    place = {}
    for number in range(max(column.values()) + 1):
        members = sorted(node for node in column if column[node] == number)
        for i, node in enumerate(members):
            place[node] = (float(number), (len(members) - 1) / 2 - i)
    return place


# %% draw-network
def draw_network(
    axes: Axes,
    feeds: dict[str, list[str]],
    place: dict[str, tuple[float, float]],
    marked: Collection[tuple[str, str]] = (),
) -> None:
    """Draw units as circles, the rest as squares; marked edges dashed."""
    box = {}
    for node, (left, height) in place.items():
        shape = "circle" if node.startswith("u") else "square"
        label = f"${node[0]}_{node[1]}$" if node[1:] else f"${node}$"
        text = axes.text(left, height, label, ha="center", va="center")
        text.set_bbox({"boxstyle": f"{shape},pad=0.4", "fc": "white"})
        box[node] = text.get_bbox_patch()
    for node, senders in feeds.items():
        for sender in senders:
            style: dict[str, Any] = {"arrowstyle": "-|>", "color": "black"}
            style |= {"patchA": box[sender], "patchB": box[node], "lw": 1.2}
            if (sender, node) in marked:
                style |= {"color": "C1", "lw": 2.5, "ls": "dashed"}
            if place[sender][0] >= place[node][0]:  # goes back
                style["connectionstyle"] = "arc3,rad=0.5"
            axes.annotate("", place[node], place[sender], arrowprops=style)
    axes.axis("off")


# %% one-neuron
feeds = {"u": ["x1", "x2", "x3"], "h": ["u"]}
place = places(feeds)
_, axes = plt.subplots(figsize=(5, 2.4), layout="constrained")
draw_network(axes, feeds, place)
for i, weight in enumerate(theta.tolist()):
    left, height = place[f"x{i + 1}"]
    axes.text(left - 0.15, height, f"{x[i]:g}", ha="right", va="center")
    label = axes.text(
        0.45, 0.55 * height, rf"$\theta_{i + 1}$ = {weight:g}"
    )
    label.set(ha="center", va="center", bbox={"fc": "white", "lw": 0})
axes.text(1, -0.45, f"b = {b:g}\nz = {z:g}", ha="center", va="top")
axes.text(2.15, 0, f"{h:.4f}", va="center")
axes.set(xlim=(-0.5, 2.7), ylim=(-1.4, 1.4))
plt.show()

# %% two-inputs
theta_2, x_2 = theta[:2], x[:2]  # (2,), (2,)
print(f"z = {theta_2 @ x_2 + b:.1f}")
print(f"h = {torch.sigmoid(theta_2 @ x_2 + b):.4f}")

# %% surface
ticks = torch.linspace(-3, 3, 121)  # (121,)
x1, x2 = torch.meshgrid(ticks, ticks, indexing="xy")  # (121, 121) each
neuron = torch.sigmoid(theta_2[0] * x1 + theta_2[1] * x2 + b)
_, axes = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
axes.contourf(x1, x2, neuron, [0.5, 1], colors=["C0"], alpha=0.25)
levels = [0.1, 0.3, 0.5, 0.7, 0.9]
contours = axes.contour(
    x1, x2, neuron, levels, colors="C0", linewidths=[1, 1, 3, 1, 1]
)
axes.clabel(contours)
foot = -b * theta_2 / (theta_2 @ theta_2)  # (2,): on the line z = 0
axes.quiver(*foot, *theta_2, angles="xy", scale=1, scale_units="xy")
axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
plt.show()

# %% activations
activations = {
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
}
at = torch.tensor([-5.0, -1.0, 0.0, 1.0, 5.0])  # (5,)
for name, phi in activations.items():
    print(f"{name:8}", *(f"{value:7.4f}" for value in phi(at)))


# %% slopes
def logistic_slope(x: torch.Tensor) -> torch.Tensor:
    """The derivative of the logistic function, entry by entry."""
    return torch.sigmoid(x) * (1 - torch.sigmoid(x))


def tanh_slope(x: torch.Tensor) -> torch.Tensor:
    """The derivative of tanh, entry by entry."""
    return 1 - torch.tanh(x) ** 2


def relu_slope(x: torch.Tensor) -> torch.Tensor:
    """The derivative of ReLU, entry by entry; at 0 we choose 0."""
    return (x > 0).to(x.dtype)


slopes = {
    "logistic": logistic_slope,
    "tanh": tanh_slope,
    "ReLU": relu_slope,
}

# %% check-slopes
grid = torch.linspace(-6, 6, 600, dtype=torch.float64)  # (600,), without 0
step = 1e-6
for name, phi in activations.items():
    quotient = (phi(grid + step) - phi(grid - step)) / (2 * step)
    agree = torch.allclose(quotient, slopes[name](grid), atol=1e-8)
    print(f"{name:8} formula and difference quotient agree: {agree}")

# %% flat
steep = {}
for name, derivative in slopes.items():
    where = grid[derivative(grid) >= 0.05]
    steep[name] = (where.min().item(), where.max().item())
    low, high = steep[name]
    print(f"{name:8} slope at least 0.05 from {low:4.1f} to {high:3.1f}")


# %% shade
def shade(axes: Axes, left: float, right: float, word: str) -> None:
    """Shade the axes from left to right and write a word into the shade."""
    axes.axvspan(left, right, color="gray", alpha=0.25, linewidth=0)
    middle = {"ha": "center", "va": "center", "rotation": 90}
    axes.text((left + right) / 2, 0.58, word, middle)


# %% draw-activations
_, axes = plt.subplots(
    3, 2, figsize=(5, 6.4), sharex=True, layout="constrained"
)
for row, (name, phi) in zip(axes, activations.items(), strict=True):
    low, high = steep[name]
    word = "dead" if name == "ReLU" else "saturated"
    row[0].plot(grid, phi(grid), color="C0")
    for half in (grid[grid < 0], grid[grid > 0]):  # ReLU's slope jumps at 0
        row[1].plot(half, slopes[name](half), color="C1", ls="dashed")
    for panel, note in ((row[0], ""), (row[1], word)):
        shade(panel, -6, low, note)
        if high < 5.9:
            shade(panel, high, 6, note)
    row[0].set(ylabel=name, xlim=(-6, 6))
    row[1].set(ylim=(-0.1, 1.1))
axes[0, 0].set(title="function")
axes[0, 1].set(title="derivative")
for panel in axes[2]:
    panel.set(xlabel="x")
plt.show()

# %% two-tangents
at = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])  # (5,)
print("tanh(x/2)          ", torch.tanh(at / 2))
print("2 logistic(x) - 1  ", 2 * torch.sigmoid(at) - 1)
print("tanh(x), PyTorch's ", torch.tanh(at))

# %% network
feeds = {
    "u1": ["x1", "x2"],
    "u2": ["x2", "x3"],
    "u3": ["u1", "u2"],
    "u4": ["u1", "u3"],
    "u5": ["x1", "u3", "u4"],
    "u6": ["u2", "u4"],
    "y1": ["u5"],
    "y2": ["u6"],
}
units = [node for node in feeds if node.startswith("u")]
outputs = [node for node in feeds if node.startswith("y")]
print(units)
print(outputs)

# %% hidden
sending = {sender for output in outputs for sender in feeds[output]}
hidden = [unit for unit in units if unit not in sending]
print("hidden:", *hidden)

# %% draw-hidden
place = places(feeds)
_, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
left = min(place[unit][0] for unit in hidden) - 0.4
right = max(place[unit][0] for unit in hidden) + 0.4
group = FancyBboxPatch(
    (left, -0.85), right - left, 1.7, boxstyle="round,pad=0.05"
)
group.set(facecolor="none", edgecolor="C0", linestyle="dotted", linewidth=2)
axes.add_patch(group)
axes.text((left + right) / 2, 1.05, "hidden units", ha="center", color="C0")
draw_network(axes, feeds, place)
axes.set(xlim=(-0.4, 5.4), ylim=(-1.4, 1.4))
plt.show()

# %% longest
passed: dict[str, int] = {}  # most hidden units on a way to the node
for node in TopologicalSorter(feeds).static_order():
    before = max((passed[s] for s in feeds.get(node, [])), default=0)
    passed[node] = before + (node in hidden)
print({output: passed[output] for output in outputs})

# %% parameters
generator = torch.Generator().manual_seed(3)
weights = {
    unit: torch.randn(len(feeds[unit]), generator=generator)
    for unit in units
}
biases = {unit: torch.randn((), generator=generator) for unit in units}
print("weights:", sum(len(row) for row in weights.values()))
print("biases: ", len(biases))


# %% evaluate
def evaluate(
    feeds: dict[str, list[str]], given: dict[str, float]
) -> dict[str, torch.Tensor]:
    """Compute what every node sends, each after those that feed it."""
    sent = {name: torch.tensor(number) for name, number in given.items()}
    for node in TopologicalSorter(feeds).static_order():
        if node in weights:
            received = torch.stack([sent[s] for s in feeds[node]])
            z = weights[node] @ received + biases[node]
            sent[node] = torch.sigmoid(z)
        elif node in feeds:  # an output
            sent[node] = sent[feeds[node][0]]
    return sent


sent = evaluate(feeds, {"x1": 1.0, "x2": 2.0, "x3": -1.0})
print({node: f"{sent[node]:.4f}" for node in outputs})

# %% one-unit
w1, w2 = weights["u6"].tolist()
z6 = w1 * sent["u2"] + w2 * sent["u4"] + biases["u6"]
print(f"{w1:.4f} * {sent['u2']:.4f} + {w2:.4f} * {sent['u4']:.4f}", end=" ")
print(f"+ {biases['u6']:.4f} = {z6:.4f}")
print(f"logistic: {1 / (1 + math.exp(-z6)):.4f}")


# %% find-cycle
def find_cycle(feeds: dict[str, list[str]]) -> list[str]:
    """The nodes of a cycle, its first again at its end; or no nodes."""
    try:
        TopologicalSorter(feeds).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


forward = {"u1": ["x1"], "u2": ["x2", "u1"], "u3": ["u2"], "y1": ["u3"]}
recurrent = forward | {"u1": ["x1", "u3"]}
print("forward:  ", find_cycle(forward))
print("recurrent:", find_cycle(recurrent))

# %% draw-cycle
place = places(forward)
_, axes = plt.subplots(2, figsize=(5, 4.2), layout="constrained")
for panel, feeds_of in zip(axes, (forward, recurrent), strict=True):
    cycle = find_cycle(feeds_of)
    draw_network(panel, feeds_of, place, marked=[*pairwise(cycle)])
    panel.set(xlim=(-0.3, 4.3), ylim=(-0.9, 1))
    panel.set(title="recurrent" if cycle else "feed-forward")
plt.show()

# %% learn
target, rate = 0.0, 1.0
weight, bias = theta.clone(), torch.tensor(b)  # (3,) and one number
print("step  h       loss    dl/dz")
for step in range(6):
    h = torch.sigmoid(weight @ x + bias)
    loss = (h - target) ** 2
    slope = 2 * (h - target) * h * (1 - h)  # dl/dz, by the chain rule
    print(f"{step}     {h:.4f}  {loss:.4f}  {slope:.4f}")
    weight = weight - rate * slope * x  # dz/dtheta = x
    bias = bias - rate * slope  # dz/db = 1

# %% wrong-length
try:
    theta @ torch.tensor([1.0, 2.0])
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% overflow
z_low = -1000.0
try:
    1 / (1 + math.exp(-z_low))
except OverflowError as error:
    print(f"OverflowError: {error}")
print(torch.sigmoid(torch.tensor(z_low)))

# %% saturated
large = 100 * x  # (3,): the same quantities in a smaller unit
h = torch.sigmoid(theta @ large + b)
print("h: ", h.item())
print("dl/dz:", (2 * (h - target) * h * (1 - h)).item())

# %% dead
generator = torch.Generator().manual_seed(0)
many = torch.randn(1000, 3, generator=generator)  # (1000, 3)
for bias_of in (0.5, -20.0):
    h_many = torch.relu(many @ theta + bias_of)  # (1000,)
    share = (h_many > 0).float().mean().item()
    print(f"b = {bias_of:5}: positive on {share:.0%} of the inputs")

# %% exercise-by-hand
x_new = torch.tensor([2.0, -1.0, 0.0])
for b_new in (0.5, -1.0):
    z = theta @ x_new + b_new
    print(f"z = {z:4.1f}:", end="")
    for name, phi in activations.items():
        print(f"  {name} {phi(z):.4f}", end="")
    print()


# %% exercise-logic
def threshold(theta: list[float], b: float, x: list[int]) -> int:
    """A neuron that sends 1 where its affine part is positive, else 0."""
    return int(sum(t * e for t, e in zip(theta, x, strict=True)) + b > 0)


print("x1 x2  AND OR NOT-x1")
for pair in ([0, 0], [0, 1], [1, 0], [1, 1]):
    both = threshold([1, 1], -1.5, pair)
    either = threshold([1, 1], -0.5, pair)
    opposite = threshold([-1, 0], 0.5, pair)
    print(f"{pair[0]}  {pair[1]}   {both}   {either}  {opposite}")

# %% exercise-slope
half_slope = (1 - torch.tanh(grid / 2) ** 2) / 2
quotient = (
    torch.tanh((grid + 1e-6) / 2) - torch.tanh((grid - 1e-6) / 2)
) / 2e-6
print(torch.allclose(half_slope, quotient, atol=1e-8))
print(torch.allclose(half_slope, 2 * logistic_slope(grid)))

# %% exercise-edges
more = feeds | {"y3": ["u4"]}
sending = {s for node in more if node.startswith("y") for s in more[node]}
print("hidden:", *(unit for unit in units if unit not in sending))
back = feeds | {"u3": [*feeds["u3"], "u6"]}
print("cycle: ", *find_cycle(back))
