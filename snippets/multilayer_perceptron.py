"""The multilayer perceptron: drawn, built, counted, and tried on XOR."""

# %% imports
import math
import textwrap
from collections.abc import Callable
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from torch import nn


# %% draw-perceptron
def draw_perceptron(axes: Axes, sizes: list[int]) -> None:
    """Draw sizes[0] inputs as squares and all neurons as circles."""
    columns = [[(n - 1) / 2 - i for i in range(n)] for n in sizes]
    for left, (starts, ends) in enumerate(pairwise(columns)):
        for start in starts:
            for end in ends:
                xs, ys = [left, left + 1], [start, end]
                axes.plot(xs, ys, color="gray", linewidth=1)
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
sizes = [3, 4, 4, 2]
_, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
draw_perceptron(axes, sizes)
plt.show()


# %% make-mlp
def make_mlp(
    sizes: list[int], activation: type[nn.Module]
) -> nn.Sequential:
    """Chain fully connected layers: (B, sizes[0]) -> (B, sizes[-1])."""
    modules: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        modules += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*modules[:-1])  # none after the last layer


torch.manual_seed(0)
model = make_mlp(sizes, nn.Tanh)
print(model)

# %% run
x = torch.tensor([1.0, 2.0, -1.0])  # (3,)
print(model(x).detach())

# %% by-hand
W1, b1, W2, b2, W3, b3 = model.parameters()
h1 = torch.tanh(W1 @ x + b1)  # (4, 3) @ (3,) + (4,) -> (4,)
h2 = torch.tanh(W2 @ h1 + b2)  # (4, 4) @ (4,) + (4,) -> (4,)
y = W3 @ h2 + b3  # (2, 4) @ (4,) + (2,) -> (2,)
print(y.detach())

# %% batch
X = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 0.0], [0.5, 1.0, 2.0]])
print(model(X).detach())  # (3, 3) -> (3, 2)

# %% shapes
total = 0
for parameter in model.parameters():
    total += parameter.numel()
    print(f"{tuple(parameter.shape)!s:7} {parameter.numel():2} numbers")
print("together", total)


# %% formula
def count_parameters(sizes: list[int]) -> int:
    """Count the weights and biases of fully connected layers."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


print(count_parameters(sizes))

# %% architectures
for choice in ([3, 4, 2], [3, 4, 4, 2], [3, 4, 4, 4, 2], [3, 40, 40, 2]):
    built = make_mlp(choice, nn.Tanh)
    numel = sum(p.numel() for p in built.parameters())
    formula = count_parameters(choice)
    print(f"{choice!s:15} formula {formula:4}  PyTorch {numel:4}")

# %% same-architecture
for activation in (nn.Tanh, nn.ReLU):
    for seed in (0, 1):
        torch.manual_seed(seed)
        output = make_mlp(sizes, activation)(x).detach()
        print(f"{activation.__name__:4} seed {seed}: {output}")

# %% xor
points = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
xor = torch.tensor([0.0, 1.0, 1.0, 0.0])  # (4,)

# %% all-lines
values = torch.linspace(-2, 2, 17)  # (17,): -2, -1.75, ..., 2
lines = torch.cartesian_prod(values, values, values)  # (4913, 3)
z = points @ lines[:, :2].T + lines[:, 2]  # (4, 4913)
right = ((z > 0) == (xor[:, None] == 1)).sum(dim=0)  # (4913,)
for number in range(5):
    print(f"{number} points right: {(right == number).sum():4} neurons")

# %% chosen-weights
print("x1 x2  OR AND  XOR")
for a, b in points:
    either = (a + b - 0.5 > 0).float()  # the first hidden neuron
    both = (a + b - 1.5 > 0).float()  # the second
    output = (either - both - 0.5 > 0).float()
    print(f"{a:.0f}  {b:.0f}   {either:.0f}  {both:.0f}    {output:.0f}")


# %% train
def train(model: nn.Module, steps: int = 300) -> float:
    """Fit a model (4, 2) -> (4, 1) to XOR; return the last mean loss."""
    loss_function = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(steps):
        loss = loss_function(model(points).squeeze(1), xor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.item())


def report(name: str, model: nn.Module, loss: float) -> None:
    """Print a mean loss, and p of class 1 at each of the four points."""
    probabilities = torch.sigmoid(model(points).squeeze(1))  # (4,)
    shown = [f"{p:.2f}" for p in probabilities]
    print(f"{name}: mean loss {loss:.4f}, p =", *shown)


# %% train-both
torch.manual_seed(0)
linear = make_mlp([2, 1], nn.Tanh)  # a single neuron
report("2-1  ", linear, train(linear))
torch.manual_seed(0)
solved = make_mlp([2, 2, 1], nn.Tanh)
report("2-2-1", solved, train(solved))


# %% draw-regions
def draw_regions(
    axes: Axes,
    affine: Callable[[torch.Tensor], torch.Tensor],
    places: torch.Tensor,
    ends: tuple[float, float],
) -> None:
    """Shade where z, from affine: (B, 2) -> (B,), is above 0."""
    ticks = torch.linspace(*ends, 41)
    plane = torch.cartesian_prod(ticks, ticks)  # (1681, 2)
    z = affine(plane).detach().reshape(41, 41).T
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
one = torch.tensor([-1.0, 1.0, -0.5])  # (3,): theta_1, theta_2 and b
_, axes = plt.subplots(
    1, 2, figsize=(5, 3), sharey=True, layout="constrained"
)
square = (-0.5, 1.5)
draw_regions(axes[0], lambda p: p @ one[:2] + one[2], points, square)
draw_regions(axes[1], lambda p: solved(p).squeeze(1), points, square)
for panel, title in zip(axes, ("one neuron", "2-2-1"), strict=True):
    panel.set(title=title, xlabel="$x_1$", xticks=[0, 1], yticks=[0, 1])
axes[0].set(ylabel="$x_2$")
plt.show()

# %% hidden-layer
W, b, v, c = (p.detach() for p in solved.parameters())
H = torch.tanh(points @ W.T + b)  # (4, 2): what the hidden layer sends
for point, h, label in zip(points.tolist(), H, xor, strict=True):
    print(f"{point} -> ({h[0]:5.2f}, {h[1]:5.2f})  class {label:.0f}")

# %% hidden-plane
_, axes = plt.subplots(figsize=(3.6, 3.4), layout="constrained")
draw_regions(axes, lambda p: p @ v[0] + c, H, (-1.3, 1.3))
axes.set(xlabel="$h_1$", ylabel="$h_2$", xticks=[-1, 0, 1])
axes.set(yticks=[-1, 0, 1])
plt.show()

# %% collapse
torch.manual_seed(0)
deep = make_mlp([3, 4, 4, 2], nn.Identity)  # phi(z) = z
V1, c1, V2, c2, V3, c3 = (p.detach() for p in deep.parameters())
W_all = V3 @ V2 @ V1  # (2, 4) @ (4, 4) @ (4, 3) -> (2, 3)
b_all = V3 @ (V2 @ c1 + c2) + c3  # (2,)
print(W_all)
print(b_all)

# %% compare
many = torch.randn(1000, 3)  # (1000, 3)
one_layer = many @ W_all.T + b_all  # (1000, 2)
difference = (deep(many) - one_layer).abs().max()
print("difference below 1e-6:", bool(difference < 1e-6))
print(
    "parameters:", count_parameters(sizes), "and", count_parameters([3, 2])
)

# %% sizes-differ
broken = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(3, 2))
try:
    broken(X)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% no-activation
torch.manual_seed(0)
layers = nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(8, 1))
report("2-8-8-1 without activation", layers, train(layers))

# %% equal-start
same = make_mlp([2, 2, 1], nn.Tanh)
for parameter in same.parameters():
    nn.init.constant_(parameter, 0.5)
report("2-2-1 from equal weights", same, train(same))
print(next(same.parameters()).detach())  # (2, 2): a row for each neuron

# %% two-sigmoids
torch.manual_seed(0)
squeezed = nn.Sequential(*make_mlp([2, 2, 1], nn.Tanh), nn.Sigmoid())
report("2-2-1 and a sigmoid", squeezed, train(squeezed))
limits = torch.sigmoid(torch.tensor([0.0, 1.0]))
print(limits)

# %% exercise-count
print(count_parameters([784, 128, 10]))
print(
    sum(p.numel() for p in make_mlp([784, 128, 10], nn.ReLU).parameters())
)

# %% exercise-xnor
for a, b in points:
    either = (a + b - 0.5 > 0).float()
    both = (a + b - 1.5 > 0).float()
    output = (both - either + 0.5 > 0).float()
    print(f"{a:.0f} {b:.0f} -> {output:.0f}")

# %% exercise-seeds
for hidden in (2, 4):
    losses = []
    for seed in range(10):
        torch.manual_seed(seed)
        losses.append(train(make_mlp([2, hidden, 1], nn.Tanh)))
    print(f"2-{hidden}-1:", *(f"{loss:.2f}" for loss in losses))
print(f"two points at 1/2, two right: {2 * math.log(2) / 4:.4f}")

# %% exercise-hat
x = torch.linspace(-1, 3, 81)  # (81,)
hat = torch.relu(x) - 2 * torch.relu(x - 1) + torch.relu(x - 2)  # (81,)
_, axes = plt.subplots(figsize=(5, 2.2), layout="constrained")
axes.plot(x, hat)
axes.set(xlabel="x", ylabel="y")
plt.show()
