"""One neuron that decides, and networks of neurons."""

# %% data
import torch
from sklearn.datasets import load_breast_cancer

table, benign = load_breast_cancer(return_X_y=True)
X = torch.tensor(table[:, :2], dtype=torch.float32)  # (569, 2)
X = (X - X.mean(dim=0)) / X.std(dim=0)  # (569, 2)
y = torch.tensor(1 - benign)  # (569,): 1 is malignant, 0 is benign
print(f"{len(y)} tumors, {y.sum()} of them malignant")
print("the first tumor:", X[0])


# %% learn
def learn(X, y, steps: int = 40, rate: float = 1.0):
    """Train one neuron on measurements X (N, 2) and diagnoses y (N,)."""
    theta, b = torch.zeros(2), torch.tensor(0.0)  # (2,) and a number
    curve = []  # the mean loss before each step
    for _ in range(steps):
        h = torch.sigmoid(X @ theta + b)  # (N,)
        q = torch.where(y == 1, h, 1 - h)  # (N,): of the truth
        curve.append(-torch.log(q).mean().item())
        slope = h - y  # (N,): of each loss, by z
        theta = theta - rate * (slope @ X) / len(X)  # (2,)
        b = b - rate * slope.mean()
    return theta, b, curve


learned, learned_b, curve = learn(X, y)
for step in (0, 1, 2, 5, 10, 39):
    print(f"step {step:2}: mean loss {curve[step]:.3f}")

# %% decide
w1, w2 = learned.tolist()
print(f"weights {w1:.2f} and {w2:.2f}, bias {learned_b:.2f}")
malignant = torch.sigmoid(X @ learned + learned_b) > 0.5  # (569,)
wrong = malignant != (y == 1)  # (569,)
print(f"wrong: {wrong.sum()} of {len(y)}; all called benign: {y.sum()}")

# %% draw-learning
import matplotlib.pyplot as plt
import numpy as np

_, (left, right) = plt.subplots(
    1, 2, figsize=(6.6, 3.1), layout="constrained"
)
for label, marker, word in ((0, "o", "benign"), (1, "x", "malignant")):
    here = X[y == label]
    (marks,) = left.plot(here[:, 0], here[:, 1], marker, label=word)
    marks.set(markersize=4, markerfacecolor="none")
ends = np.array([-2.2, 4.2])
left.plot(ends, -(w1 * ends + learned_b.item()) / w2, color="black")
left.set(xlabel="radius, standardized", xlim=(-2.2, 4.2))
left.set(ylabel="texture, standardized", ylim=(-2.6, 5))
left.legend(loc="upper right")
right.plot(curve, color="C2")
right.set(xlabel="step", ylabel="mean loss", ylim=(0, 0.75))
plt.show()

# %% inputs
theta = torch.tensor([2.7, 0.8])  # (2,): the learned weights, rounded
b = -0.7
x = torch.tensor([1.1, -2.1])  # (2,): the first tumor, rounded
print(theta * x)  # (2,): the products, before they are added
z = theta @ x + b  # one number
print(z)

# %% neuron
print(f"exp(-z) = {torch.exp(-z):.4f}")
print(f"h       = {1 / (1 + torch.exp(-z)):.4f}")
print(f"h       = {torch.sigmoid(z):.4f} by torch.sigmoid")


# %% places
def places(feeds) -> dict:
    """Place each node in the column of the longest way to it."""
    column, place = {}, {}
    for node, senders in feeds.items():  # listed after all that feed it
        before = [column.setdefault(sender, 0) for sender in senders]
        column[node] = 1 + max(before)
    for number in set(column.values()):
        members = sorted(node for node in column if column[node] == number)
        for i, node in enumerate(members):  # centered at height 0
            place[node] = (float(number), (len(members) - 1) / 2 - i)
    return place


# %% draw-network
def draw_network(axes, feeds, place) -> None:
    """Draw units as circles, the rest as squares; dashed what goes back."""
    box = {}
    for node, (left, height) in place.items():
        shape = "circle" if node.startswith("u") else "square"
        label = f"${node[0]}_{node[1]}$" if node[1:] else f"${node}$"
        text = axes.text(left, height, label, ha="center", va="center")
        text.set_bbox({"boxstyle": f"{shape},pad=0.4", "fc": "white"})
        box[node] = text.get_bbox_patch()
    for node, senders in feeds.items():
        for sender in senders:
            style = {"arrowstyle": "-|>", "color": "black"}
            style |= {"patchA": box[sender], "patchB": box[node], "lw": 1.2}
            if place[sender][0] >= place[node][0]:  # it goes back
                style |= {"color": "C1", "lw": 2.5, "ls": "dashed"}
                style["connectionstyle"] = "arc3,rad=0.5"
            axes.annotate("", place[node], place[sender], arrowprops=style)
    axes.axis("off")


# %% one-neuron
feeds = {"u": ["x1", "x2"], "h": ["u"]}
place = places(feeds)
_, axes = plt.subplots(figsize=(5, 2), layout="constrained")
draw_network(axes, feeds, place)
for i, weight in enumerate(theta.tolist()):
    left, height = place[f"x{i + 1}"]
    axes.text(left - 0.15, height, f"{x[i]:g}", ha="right", va="center")
    label = axes.text(
        0.45, 0.55 * height, rf"$\theta_{i + 1}$ = {weight:g}"
    )
    label.set(ha="center", va="center", bbox={"fc": "white", "lw": 0})
axes.text(1, -0.4, f"b = {b:g}\nz = {z:.2f}", ha="center", va="top")
axes.text(2.15, 0, f"{torch.sigmoid(z):.4f}", va="center")
axes.set(xlim=(-0.5, 2.7), ylim=(-1, 0.9))
plt.show()

# %% surface
ticks = np.linspace(-3, 3, 121)  # (121,)
x1, x2 = np.meshgrid(ticks, ticks)  # (121, 121) each
w1, w2 = theta.tolist()
output = 1 / (1 + np.exp(-(w1 * x1 + w2 * x2 + b)))  # (121, 121)
_, axes = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
axes.contourf(x1, x2, output, [0.5, 1], colors=["C0"], alpha=0.25)
levels = [0.1, 0.3, 0.5, 0.7, 0.9]
contours = axes.contour(
    x1, x2, output, levels, colors="C0", linewidths=[1, 1, 3, 1, 1]
)
axes.clabel(contours)
foot = -b * theta / (theta @ theta)  # (2,): on the line z = 0
axes.quiver(*foot, w1, w2, angles="xy", scale=1, scale_units="xy")
axes.plot(*x, "s", color="black")
axes.annotate("the first tumor", x, (5, 7), textcoords="offset points")
axes.set(xlabel="$x_1$: radius, standardized", aspect="equal")
axes.set(ylabel="$x_2$: texture, standardized", xlim=(-3, 3), ylim=(-3, 3))
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

# %% check-slopes
slopes = {
    "logistic": lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x)),
    "tanh": lambda x: 1 - torch.tanh(x) ** 2,
    "ReLU": lambda x: (x > 0).float(),
}
grid = torch.linspace(-6, 6, 600, dtype=torch.float64)  # (600,), without 0
tiny = 1e-6
for name, phi in activations.items():
    quotient = (phi(grid + tiny) - phi(grid - tiny)) / (2 * tiny)
    gap = (quotient - slopes[name](grid)).abs().max()
    print(f"{name:8} formula and quotient differ by < 1e-8: {gap < 1e-8}")

# %% flat
steep = {}
for name, derivative in slopes.items():
    where = grid[derivative(grid) >= 0.05]
    low, high = steep[name] = (where.min().item(), where.max().item())
    print(f"{name:8} slope at least 0.05 from {low:4.1f} to {high:3.1f}")


# %% draw-activations
def shade(axes, left: float, right: float, word: str) -> None:
    """Shade the axes from left to right and write a word into the shade."""
    axes.axvspan(left, right, color="gray", alpha=0.25, linewidth=0)
    middle = {"ha": "center", "va": "center", "rotation": 90}
    axes.text((left + right) / 2, 0.58, word, middle)


_, axes = plt.subplots(
    3, 2, figsize=(5, 6), sharex=True, layout="constrained"
)
for row, (name, phi) in zip(axes, activations.items(), strict=True):
    low, high = steep[name]
    word = "inactive" if name == "ReLU" else "saturated"
    row[0].plot(grid, phi(grid), color="C0")
    for half in (grid[grid < 0], grid[grid > 0]):  # ReLU's slope jumps
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

# %% vanish
h, product = torch.tensor(0.0), 1.0
for number in range(1, 21):
    h = torch.sigmoid(h)  # a neuron with weight 1 and bias 0
    product = product * h * (1 - h)
    if number in (1, 5, 10, 20):
        print(f"through {number:2} neurons: {product:.1e}")

# %% relatives
from torch.nn import functional

relatives = {
    "leaky ReLU": functional.leaky_relu,
    "GELU": functional.gelu,
    "SiLU": functional.silu,
}
at = torch.tensor([-5.0, -1.0, 0.0, 1.0, 5.0])  # (5,)
for name, phi in relatives.items():
    print(f"{name:10}", *(f"{value:7.4f}" for value in phi(at)))

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
sending = [sender for output in outputs for sender in feeds[output]]
hidden = [unit for unit in units if unit not in sending]
print("units: ", *units)
print("hidden:", *hidden)

# %% draw-hidden
from matplotlib.patches import FancyBboxPatch

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

# %% evaluate
torch.manual_seed(3)
weights = {unit: torch.randn(len(feeds[unit])) for unit in units}
biases = {unit: torch.randn(()) for unit in units}
sent = {"x1": 1.0, "x2": 2.0, "x3": -1.0}
for unit in units:  # in an order in which the senders come first
    received = torch.tensor([sent[sender] for sender in feeds[unit]])
    z = weights[unit] @ received + biases[unit]
    sent[unit] = torch.sigmoid(z).item()
for output in outputs:
    sender = feeds[output][0]
    print(f"{output} = {sent[sender]:.4f}, sent by {sender}")


# %% draw-cycle
forward = {"u1": ["x1"], "u2": ["x2", "u1"], "u3": ["u2"], "y1": ["u3"]}
recurrent = forward | {"u1": ["x1", "u3"]}
_, axes = plt.subplots(2, figsize=(5, 4.2), layout="constrained")
for panel, each in zip(axes, (forward, recurrent), strict=True):
    draw_network(panel, each, places(forward))
    panel.set(xlim=(-0.3, 4.3), ylim=(-0.9, 1))
axes[0].set(title="feed-forward")
axes[1].set(title="recurrent")
plt.show()

# %% raw
raw = torch.tensor(table[:, :2], dtype=torch.float32)  # (569, 2)
_, _, curve_raw = learn(raw, y, steps=3)
print([f"{loss:.2f}" for loss in curve_raw])

# %% overflow
import math

z_low = -1000.0
try:
    1 / (1 + math.exp(-z_low))
except OverflowError as error:
    print(f"OverflowError: {error}")
print(torch.sigmoid(torch.tensor(z_low)))

# %% dead
for b_dead in (-0.7, -20.0):
    active = torch.relu(X @ theta + b_dead) > 0  # (569,)
    print(f"b = {b_dead:5}: positive for {active.sum():3} of 569 tumors")

# %% exercise-by-hand
x_new = torch.tensor([1.0, -2.0])
for b_new in (-0.6, -2.1):
    z = theta @ x_new + b_new
    print(f"z = {z:4.1f}:", end="")
    for name, phi in activations.items():
        print(f"  {name} {phi(z):.4f}", end="")
    print()


# %% exercise-logic
def threshold(theta, b, x) -> int:
    """A neuron that sends 1 where its affine part is positive, else 0."""
    return int(theta[0] * x[0] + theta[1] * x[1] + b > 0)


print("x1 x2  AND OR NOT-x1")
for pair in ([0, 0], [0, 1], [1, 0], [1, 1]):
    both = threshold([1, 1], -1.5, pair)
    either = threshold([1, 1], -0.5, pair)
    opposite = threshold([-1, 0], 0.5, pair)
    print(f"{pair[0]}  {pair[1]}   {both}   {either}  {opposite}")

# %% exercise-edges
more = feeds | {"y3": ["u4"]}
sending = [s for node in more if node.startswith("y") for s in more[node]]
print("hidden:", *(unit for unit in units if unit not in sending))

# %% exercise-new-tumors
theta_half, b_half, _ = learn(X[::2], y[::2])
for word, first in (("learned from", 0), ("new", 1)):
    h = torch.sigmoid(X[first::2] @ theta_half + b_half)
    wrong = (h > 0.5) != (y[first::2] == 1)
    print(f"{word:12}: {wrong.sum()} of {len(wrong)} wrong")
