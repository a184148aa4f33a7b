"""Networks of layers: what a hidden layer is for, and how to count."""

# %% xor
import torch

points = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
xor = torch.tensor([0.0, 1.0, 1.0, 0.0])  # (4,)

# %% all-lines
from itertools import product

values = [number / 4 for number in range(-8, 9)]  # -2, -1.75, ..., 2
lines = torch.tensor(list(product(values, repeat=3)))  # (4913, 3)
z = points @ lines[:, :2].T + lines[:, 2]  # (4, 4913)
right = ((z > 0) == (xor[:, None] == 1)).sum(dim=0)  # (4913,)
for number in range(5):
    print(f"{number} points right: {(right == number).sum():4} neurons")

# %% chosen-weights
print("x1 x2  OR AND  XOR")
for x1, x2 in points:
    either = (x1 + x2 - 0.5 > 0).float()  # the first hidden neuron
    both = (x1 + x2 - 1.5 > 0).float()  # the second
    output = (either - both - 0.5 > 0).float()
    print(f"{x1:.0f}  {x2:.0f}   {either:.0f}  {both:.0f}    {output:.0f}")


# %% draw-perceptron
import matplotlib.pyplot as plt


def draw_perceptron(axes, sizes) -> None:
    """Draw sizes[0] inputs as squares and all neurons as circles."""
    columns = [[(n - 1) / 2 - i for i in range(n)] for n in sizes]
    for left in range(len(columns) - 1):
        for start, end in product(columns[left], columns[left + 1]):
            axes.plot([left, left + 1], [start, end], color="gray", lw=1)
    low = -max(sizes) / 2
    for layer, heights in enumerate(columns):
        marker = "o" if layer else "s"
        (dots,) = axes.plot([layer] * len(heights), heights, marker)
        dots.set(color="white", markeredgecolor="black", markersize=18)
        name = "hidden" if layer else "inputs"
        name = "outputs" if layer == len(sizes) - 1 else name
        axes.text(layer, low, name, ha="center", va="top")
    axes.set(xlim=(-0.4, len(sizes) - 0.6), ylim=(low - 0.5, -low))
    axes.axis("off")


# %% drawing
_, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
draw_perceptron(axes, [3, 4, 4, 2])
plt.show()


# %% make-mlp
from itertools import pairwise

from torch import nn


def make_mlp(sizes, activation):
    """Chain fully connected layers: (sizes[0],) -> (sizes[-1],)."""
    steps = []
    for n_in, n_out in pairwise(sizes):  # 3 and 4, then 4 and 4, ...
        steps += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*steps[:-1])  # no activation after the last layer


sizes = [3, 4, 4, 2]
torch.manual_seed(0)
model = make_mlp(sizes, nn.Tanh)
print(model)

# %% run
x = torch.tensor([1.0, 2.0, -1.0])  # (3,)
print([f"{y:.4f}" for y in model(x)])

# %% by-hand
W1, b1, W2, b2, W3, b3 = model.parameters()
h1 = torch.tanh(W1 @ x + b1)  # (4, 3) @ (3,) + (4,) -> (4,)
h2 = torch.tanh(W2 @ h1 + b2)  # (4, 4) @ (4,) + (4,) -> (4,)
print([f"{y:.4f}" for y in W3 @ h2 + b3])  # (2, 4) @ (4,) + (2,) -> (2,)

# %% batch
X = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 0.0], [0.5, 1.0, 2.0]])
for row in model(X):  # (3, 3) -> (3, 2)
    print([f"{y:.4f}" for y in row])

# %% shapes
total = 0
for parameter in model.parameters():
    total += parameter.numel()
    print(f"{tuple(parameter.shape)!s:7} {parameter.numel():2} numbers")
print("together", total)


# %% formula
def count_parameters(sizes) -> int:
    """Count the weights and biases of fully connected layers."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


for choice in ([3, 4, 2], [3, 4, 4, 2], [3, 4, 4, 4, 2], [3, 40, 40, 2]):
    built = make_mlp(choice, nn.Tanh)
    numel = sum(p.numel() for p in built.parameters())
    formula = count_parameters(choice)
    print(f"{choice!s:15} formula {formula:4}  PyTorch {numel:4}")

# %% same-architecture
for activation in (nn.Tanh, nn.ReLU):
    for seed in (0, 1):
        torch.manual_seed(seed)
        y1, y2 = make_mlp(sizes, activation)(x)
        name = activation.__name__
        print(f"{name:4} with seed {seed}: {y1:7.4f} {y2:7.4f}")


# %% train
def network(X, W, b, v, c):
    """Compute z of a network n-k-1 with tanh: (N, n) -> (N,)."""
    return torch.tanh(X @ W.T + b) @ v + c


def train(X, y, W, b, v, c, steps: int = 300, rate: float = 1.0):
    """Fit the weights (k, n), (k,) and biases (k,), () to labels (N,)."""
    for _ in range(steps):
        H = torch.tanh(X @ W.T + b)  # (N, k): what the hidden layer sends
        p = torch.sigmoid(H @ v + c)  # (N,)
        e = (p - y) / len(y)  # (N,): mean loss by z of the output
        D = e[:, None] * v * (1 - H**2)  # (N, k): by z of the hidden
        v, c = v - rate * e @ H, c - rate * e.sum()
        W, b = W - rate * D.T @ X, b - rate * D.sum(dim=0)
    return W, b, v, c


# %% report
def mean_loss(z):
    """Give the mean of -ln of what each point's true class gets."""
    p = torch.sigmoid(z)  # (4,)
    return -torch.log(torch.where(xor == 1, p, 1 - p)).mean()


def report(name: str, z) -> None:
    """Print the mean loss, and p of class 1 at each of the four points."""
    shown = [f"{p:.2f}" for p in torch.sigmoid(z)]
    print(f"{name}: mean loss {mean_loss(z):.4f}, p =", *shown)


# %% train-both
def random_start(k: int, seed: int):
    """Draw the parameters of a network 2-k-1."""
    torch.manual_seed(seed)
    return (
        torch.randn(k, 2),
        torch.randn(k),
        torch.randn(k),
        torch.randn(()),
    )


solved = train(points, xor, *random_start(2, seed=0))
report("2-2-1     ", network(points, *solved))
_, _, theta, b = random_start(2, seed=0)  # of a single neuron
for _ in range(300):
    slope = torch.sigmoid(points @ theta + b) - xor  # (4,)
    theta, b = theta - slope @ points / 4, b - slope.mean()
report("one neuron", points @ theta + b)


# %% draw-regions
import numpy as np


def draw_regions(axes, affine, places, ends) -> None:
    """Shade where z, from affine: (N, 2) -> (N,), is above 0."""
    ticks = np.linspace(*ends, 41)
    plane = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    z = affine(torch.tensor(plane, dtype=torch.float32))  # (1681,)
    z = np.asarray(z).reshape(41, 41)
    axes.contourf(ticks, ticks, z, [0, 1e9], colors=["C0"], alpha=0.2)
    axes.contour(ticks, ticks, z, [0], colors="C0")
    wrong = (affine(places) > 0) != (xor == 1)  # (4,)
    for (left, height), label, bad in zip(places, xor, wrong, strict=True):
        marker = "o" if label else "s"
        (dot,) = axes.plot(left, height, marker, color="white", ms=17)
        dot.set(markeredgecolor="C1" if bad else "black")
        dot.set(markeredgewidth=4 if bad else 1)
        axes.text(left, height, f"{label:.0f}", ha="center", va="center")
    axes.set(aspect="equal")
    axes.grid(visible=False)


# %% regions
_, axes = plt.subplots(
    1, 2, figsize=(5, 3), sharey=True, layout="constrained"
)
square = (-0.5, 1.5)
draw_regions(axes[0], lambda x: -x[:, 0] + x[:, 1] - 0.5, points, square)
draw_regions(axes[1], lambda x: network(x, *solved), points, square)
for panel, title in zip(axes, ("one neuron", "2-2-1"), strict=True):
    panel.set(title=title, xlabel="$x_1$", xticks=[0, 1], yticks=[0, 1])
axes[0].set(ylabel="$x_2$")
plt.show()

# %% hidden-layer
W, b, v, c = solved
H = torch.tanh(points @ W.T + b)  # (4, 2): what the hidden layer sends
for x, h, label in zip(points.tolist(), H, xor, strict=True):
    print(f"{x} -> ({h[0]:5.2f}, {h[1]:5.2f})  class {label:.0f}")

# %% hidden-plane
_, axes = plt.subplots(figsize=(3.6, 3.4), layout="constrained")
draw_regions(axes, lambda h: h @ v + c, H, (-1.3, 1.3))
axes.set(xlabel="$h_1$", ylabel="$h_2$", xticks=[-1, 0, 1])
axes.set(yticks=[-1, 0, 1])
plt.show()

# %% collapse
torch.manual_seed(0)
deep = make_mlp([3, 4, 4, 2], nn.Identity)  # phi(z) = z
V1, c1, V2, c2, V3, c3 = deep.parameters()
W_all = V3 @ V2 @ V1  # (2, 4) @ (4, 4) @ (4, 3) -> (2, 3)
b_all = V3 @ (V2 @ c1 + c2) + c3  # (2,)
many = torch.randn(1000, 3)  # (1000, 3)
difference = (deep(many) - (many @ W_all.T + b_all)).abs().max()
print("difference below 1e-6:", bool(difference < 1e-6))
print("parameters:", count_parameters(sizes), count_parameters([3, 2]))

# %% sizes-differ
import textwrap

broken = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(3, 2))
try:
    broken(X)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% no-activation
torch.manual_seed(0)
layers = nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(8, 1))
z00, z01, z10, z11 = layers(points)[:, 0]  # (4, 2) -> (4, 1) -> (4,)
print(f"class 0: {z00 + z11:.4f}, class 1: {z01 + z10:.4f}")

# %% equal-start
half = torch.full((2,), 0.5)  # (2,): 0.5 and 0.5
equal = torch.full((2, 2), 0.5), half, half, torch.tensor(0.5)
same = train(points, xor, *equal)
report("2-2-1 from equal weights", network(points, *same))
print(same[0])  # (2, 2): a row for each hidden neuron

# %% exercise-count
print(count_parameters([784, 128, 10]))
print(
    sum(p.numel() for p in make_mlp([784, 128, 10], nn.ReLU).parameters())
)

# %% exercise-xnor
for x1, x2 in points:
    either = (x1 + x2 - 0.5 > 0).float()
    both = (x1 + x2 - 1.5 > 0).float()
    output = (both - either + 0.5 > 0).float()
    print(f"{x1:.0f} {x2:.0f} -> {output:.0f}")

# %% exercise-seeds
import math

for k in (2, 4):
    losses = []
    for seed in range(10):
        fitted = train(points, xor, *random_start(k, seed))
        losses.append(mean_loss(network(points, *fitted)))
    print(f"2-{k}-1:", *(f"{loss:.2f}" for loss in losses))
print(f"two points at 1/2, two right: {2 * math.log(2) / 4:.4f}")

# %% exercise-hat
ticks = torch.linspace(-1, 3, 81)  # (81,)
hat = torch.relu(ticks) - 2 * torch.relu(ticks - 1) + torch.relu(ticks - 2)
_, axes = plt.subplots(figsize=(5, 2.2), layout="constrained")
axes.plot(ticks, hat)
axes.set(xlabel="x", ylabel="y")
plt.show()

# %% exercise-tumors
from sklearn.datasets import load_breast_cancer

table, benign = load_breast_cancer(return_X_y=True)
X = torch.tensor(table[:, :2], dtype=torch.float32)  # (569, 2)
X = (X - X.mean(dim=0)) / X.std(dim=0)  # (569, 2)
y = torch.tensor(1 - benign)  # (569,)
for k in (1, 4):
    fitted = train(X, y, *random_start(k, seed=0))
    wrong = (network(X, *fitted) > 0) != (y == 1)  # (569,)
    print(f"2-{k}-1: {wrong.sum()} of 569 wrong")
