"""Initialization: which random numbers a network should begin with."""

# %% imports
from itertools import pairwise

import torch
from torch import nn

# %% borrow
from digits import load_parts

# %% networks
(X, y), (X_val, y_val), _ = load_parts()  # (1078, 64), (1078,)


def network() -> nn.Sequential:
    """Make an untrained network for the digits."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def train(model: nn.Module, steps: int = 200, rate: float = 0.5) -> None:
    """Take steps, each with all training samples."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    mean_loss = nn.CrossEntropyLoss()
    for _ in range(steps):
        optimizer.zero_grad()
        mean_loss(model(X), y).backward()
        optimizer.step()


# %% equal-start
for kind in ("random", "all 0.1", "all 0"):
    model = network()
    for parameter in model.parameters():
        if kind == "all 0.1":
            nn.init.constant_(parameter, 0.1)
        elif kind == "all 0":
            nn.init.zeros_(parameter)
    train(model)
    rows = model[0].weight.unique(dim=0)  # the different ones
    right = (model(X_val).argmax(1) == y_val).double().mean()
    print(f"{kind:8} {len(rows):2} different rows, {right:.0%} right")

# %% zero-gradients
model = network()
for parameter in model.parameters():
    nn.init.zeros_(parameter)
nn.CrossEntropyLoss()(model(X), y).backward()
for name, parameter in model.named_parameters():
    print(name, (parameter.grad != 0).sum().item(), "derivatives not 0")

# %% one-layer
torch.manual_seed(0)
for n in (16, 256, 1024):
    h = torch.randn(500, n)  # (N, n)
    layer = nn.Linear(n, 200, bias=False)
    nn.init.normal_(layer.weight)
    wide = layer(h).std()
    nn.init.normal_(layer.weight, std=n**-0.5)
    print(f"n = {n:4}: {wide:5.1f}, with 1/sqrt(n): {layer(h).std():.2f}")

# %% half
torch.manual_seed(0)
z = torch.randn(1_000_000)
slope = (z > 0).float()  # of ReLU
print(f"mean square of z       {z.square().mean():.2f}")
print(f"mean square of relu(z) {torch.relu(z).square().mean():.2f}")
print(f"mean square of slope   {slope.square().mean():.2f}")

# %% rules
torch.manual_seed(0)
weight = nn.Linear(300, 100).weight  # (100, 300)
print(f"default   {weight.std():.4f}  {(1 / 3 / 300) ** 0.5:.4f}")
nn.init.normal_(weight, std=300**-0.5)
print(f"LeCun     {weight.std():.4f}  {(1 / 300) ** 0.5:.4f}")
for fill in (nn.init.xavier_normal_, nn.init.xavier_uniform_):
    fill(weight)
    print(f"Glorot    {weight.std():.4f}  {(2 / (300 + 100)) ** 0.5:.4f}")
for fill in (nn.init.kaiming_normal_, nn.init.kaiming_uniform_):
    fill(weight)  # made for ReLU unless told otherwise
    print(f"He        {weight.std():.4f}  {(2 / 300) ** 0.5:.4f}")

# %% gains
for name in ("linear", "tanh", "relu"):
    print(f"{name:6} {nn.init.calculate_gain(name):.4f}")

# %% default
for n in (2, 64, 1000):
    torch.manual_seed(0)
    weight = nn.Linear(n, 2_000_000 // n).weight
    largest, variance = weight.abs().max(), weight.var()
    print(f"n = {n:4}: {largest * n**0.5:.3f}, {variance * 3 * n:.3f}")

# %% root-five
torch.manual_seed(0)
layer = nn.Linear(64, 32)
again = layer.weight.detach().clone()
torch.manual_seed(0)
nn.init.kaiming_uniform_(again, a=5**0.5)
print(torch.equal(layer.weight, again))


# %% spreads
def spreads(start, phi, n: int = 256, L: int = 20) -> tuple[list, list]:
    """Give the deviations of activations and gradients by layer."""
    torch.manual_seed(0)
    h = torch.randn(128, n, dtype=torch.float64)  # (N, n)
    outputs = []
    for _ in range(L):
        layer = nn.Linear(n, n, bias=False).double()
        start(layer.weight)
        h = phi(layer(h))  # (N, n)
        h.retain_grad()
        outputs.append(h)
    h.backward(torch.randn(128, n, dtype=torch.float64))
    forward = [h.std().item() for h in outputs]
    backward = [h.grad.std().item() for h in outputs]
    return forward, backward


# %% four-starts
starts = {
    "N(0, 1)": nn.init.normal_,
    "default": lambda weight: weight,  # as nn.Linear has drawn it
    "Glorot": nn.init.xavier_normal_,
    "He": nn.init.kaiming_normal_,
}
measured = {}
print("               activations      gradients")
print("              layer 1 layer 20 layer 20 layer 1")
for phi in (torch.tanh, torch.relu):
    for name, start in starts.items():
        there, back = spreads(start, phi)
        measured[phi.__name__, name] = there, back
        print(f"{phi.__name__:5} {name:7}", end="")
        for value in (there[0], there[-1], back[-1], back[0]):
            print(f"  {value:.0e}", end="")
        print()

# %% depth-figure
import matplotlib.pyplot as plt

figure, axes = plt.subplots(
    2, 2, figsize=(7, 5.4), sharex=True, sharey=True, layout="constrained"
)
for row, title in enumerate(("activations", "gradients")):
    for axis, phi in zip(axes[row], ("tanh", "relu"), strict=True):
        for name, line in zip(
            starts, ("^-", "v--", "o-", "s-"), strict=True
        ):
            places, values = range(1, 21), measured[phi, name][row]
            axis.plot(places, values, line, label=name, markersize=4)
        axis.set(yscale="log", title=f"{title}, {phi}")
        axis.set(xticks=[1, 5, 10, 15, 20], yticks=[1e-10, 1, 1e10, 1e20])
    axes[row, 0].set_ylabel("standard deviation")
for axis in axes[1]:
    axis.set_xlabel("layer")
handles = axes[0, 0].get_legend_handles_labels()
figure.legend(*handles, loc="outside upper center", ncols=4)
plt.show()

# %% signs
torch.manual_seed(0)
signs = torch.where(torch.rand(20, 64, 64) < 0.5, 1.0, -1.0).double()
inputs = torch.randn(8, 64).double().round(decimals=4)  # (N, n)
arriving = torch.randn(8, 64).double().round(decimals=4)  # a gradient
functions = {"linear": lambda z: z, "ReLU": torch.relu, "tanh": torch.tanh}


def with_gain(g: float, phi) -> tuple[list, list]:
    """Give the deviations by layer for weights of plus and minus g/8."""
    h, outputs = inputs, []
    for S in signs:
        weight = (g / 8 * S).requires_grad_()  # 8 is the root of 64
        h = phi(h @ weight.T)  # (8, 64)
        h.retain_grad()
        outputs.append(h)
    h.backward(arriving)
    forward = [h.std().item() for h in outputs]
    return forward, [h.grad.std().item() for h in outputs]


# %% gain-figure
grid = [0.5 + number / 10 for number in range(16)]  # 0.5 to 2
figure, axes = plt.subplots(
    1, 2, figsize=(7, 3.4), sharey=True, layout="constrained"
)
for (name, phi), line in zip(functions.items(), "osv", strict=True):
    both = [with_gain(g, phi) for g in grid]
    axes[0].plot(grid, [there[-1] for there, _ in both], line, label=name)
    axes[1].plot(grid, [back[0] for _, back in both], line, label=name)
axes[0].set(title="activations, layer 20", ylabel="standard deviation")
axes[1].set(title="gradients, layer 1")
for axis in axes:
    axis.axhline(1, color="gray", linewidth=1)
    axis.set(yscale="log", xlabel="gain $g$")
axes[0].legend()
plt.show()


# %% many-outputs
def outputs_of(weights: list, x: torch.Tensor, phi) -> torch.Tensor:
    """Give the logits (nets, N, 10) of all networks for x (N, 64)."""
    h = x
    for weight in weights[:-1]:
        h = phi(h @ weight.mT)  # (nets, N, 32)
    return h @ weights[-1].mT


# %% many
def train_many(start, phi, rates, seeds: int = 10, epochs: int = 3):
    """Train a network for each rate and seed; give the parts right."""
    torch.manual_seed(0)
    sizes, weights = [64] + [32] * 19 + [10], []
    for n, m in pairwise(sizes):
        layers = [nn.Linear(n, m, bias=False) for _ in range(seeds)]
        drawn = [start(layer.double().weight).detach() for layer in layers]
        drawn = torch.stack(drawn)  # (seeds, m, n)
        same = torch.cat([drawn] * len(rates))  # (rates * seeds, m, n)
        weights.append(same.requires_grad_())
    optimizer = torch.optim.SGD(weights, lr=1.0)
    factors = torch.tensor([rate for rate in rates for _ in range(seeds)])
    for _ in range(epochs):
        for x, k in zip(X.double().split(32), y.split(32), strict=True):
            logs = torch.log_softmax(outputs_of(weights, x, phi), 2)
            losses = -logs[:, torch.arange(len(k)), k].mean(1)
            optimizer.zero_grad()
            (factors * losses).sum().backward()
            optimizer.step()
    with torch.no_grad():
        z = outputs_of(weights, X_val.double(), phi)  # (nets, 359, 10)
    right = (z.argmax(2) == y_val).double().mean(1)
    return right.reshape(len(rates), seeds)


# %% learn
rates = (0.003, 0.01, 0.03, 0.1, 0.3)
learned = {}
for phi, names in (
    (torch.tanh, ("default", "Glorot")),
    (torch.relu, ("default", "He")),
):
    for name in names:
        right = train_many(starts[name], phi, rates)  # (5, 10)
        best = right.mean(1).argmax().item()
        learned[phi.__name__, name] = row = right[best]
        print(
            f"{phi.__name__} {name:7}  rate {rates[best]}:"
            f" {row.mean():3.0%} right, {row.min():.0%} to {row.max():.0%}"
        )

# %% tumors
import numpy as np
from sklearn.datasets import load_breast_cancer

table, benign = load_breast_cancer(return_X_y=True)
order = np.arange(569)
np.random.RandomState(0).shuffle(order)
raw = torch.tensor(table[order, :2]).float()  # (569, 2)
malignant = torch.tensor(1 - benign[order]).float()  # (569,)


# %% twenty
def twenty() -> list[torch.Tensor]:
    """Draw 20 networks 2-2-1; give the stacks W, b, v, c."""
    drawn = []
    for seed in range(1, 21):
        torch.manual_seed(seed)
        hidden, output = nn.Linear(2, 2), nn.Linear(2, 1)
        torch.manual_seed(seed)
        nn.init.normal_(hidden.weight)
        nn.init.normal_(output.weight)
        both = [*hidden.parameters(), *output.parameters()]
        drawn.append([parameter.detach() for parameter in both])
    W, b, v, c = (torch.stack(each) for each in zip(*drawn, strict=True))
    return [W, b[..., None], v, c[..., None]]


def hidden_of(stacks: list, x: torch.Tensor) -> torch.Tensor:
    """Give the hidden outputs (20, 2, N) of all networks for x (N, 2)."""
    W, b = stacks[:2]  # (20, 2, 2), (20, 2, 1)
    return torch.sigmoid(W @ x.T + b)


# %% train-twenty
def train_twenty(x: torch.Tensor, steps: int, shrink: float = 1.0) -> list:
    """Train the 20 networks on x (341, 2); give their stacks."""
    stacks = twenty()
    stacks[0] = stacks[0] / shrink  # the hidden weights
    stacks = [part.requires_grad_() for part in stacks]
    optimizer = torch.optim.SGD(stacks, lr=0.01)
    targets = malignant[:341].expand(20, 1, 341)
    for _ in range(steps):
        v, c = stacks[2:]  # (20, 1, 2), (20, 1, 1)
        z = v @ hidden_of(stacks, x) + c  # (20, 1, 341)
        J = nn.functional.binary_cross_entropy_with_logits(z, targets)
        optimizer.zero_grad()
        (20 * J).backward()  # the sum of the 20 objectives
        optimizer.step()
    return stacks


# %% flat
def flat(stacks: list, x: torch.Tensor) -> torch.Tensor:
    """Say of each network whether both hidden neurons are flat: (20,)."""
    with torch.no_grad():
        deviation = hidden_of(stacks, x).std(2)  # (20, 2)
    return torch.maximum(deviation[:, 0], deviation[:, 1]) < 0.001


def errors(stacks: list, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Count the wrong answers of each network for x (N, 2): (20,)."""
    with torch.no_grad():
        z = stacks[2] @ hidden_of(stacks, x) + stacks[3]  # (20, 1, N)
    return ((z[:, 0] > 0) != (y == 1)).sum(1)


# %% stuck
x_raw = raw[:341]
begin, end = flat(twenty(), x_raw), flat(train_twenty(x_raw, 10_000), x_raw)
print("flat at the start:     ", begin.sum().item(), "of 20")
print("flat at the end:       ", end.sum().item(), "of 20")
print("became flat on the way:", (end & ~begin).sum().item())
print("recovered:             ", (begin & ~end).sum().item())

# %% slopes
mean, deviation = x_raw.mean(0), x_raw.std(0, correction=0)
standard = (raw - mean) / deviation  # (569, 2)
for name, x in (("raw", x_raw), ("standardized", standard[:341])):
    W, b = twenty()[:2]
    z, H = W @ x.T + b, hidden_of(twenty(), x)  # (20, 2, 341) each
    size, slope = z.square().mean().sqrt(), (H * (1 - H)).mean()
    print(f"{name:12}  size of z {size:4.1f}, mean slope {slope:.3f}")

# %% repaired
for name, x, shrink in (
    ("raw, weights divided by 24", raw, 24.0),
    ("standardized, N(0, 1)     ", standard, 1.0),
):
    stacks = train_twenty(x[:341], 4000, shrink)
    wrong = errors(stacks, x[341:454], malignant[341:454])
    print(f"{name}  {wrong.min()} to {wrong.max()} errors")
print("always benign:", int(malignant[341:454].sum()), "errors")
print("standardized, flat:", flat(stacks, standard[:341]).sum().item())


# %% start-he
def start_he(model: nn.Sequential) -> None:
    """Give each linear layer He's weights and biases of 0."""
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
start_he(model)
print(f"{model[0].weight.std():.3f} {model[2].weight.std():.3f}")
print("biases 0:", all((model[i].bias == 0).all() for i in (0, 2)))

# %% late-seed
layers = []
for _ in range(2):
    layer = nn.Linear(3, 2)
    torch.manual_seed(0)  # too late for the bias
    nn.init.xavier_uniform_(layer.weight)
    layers.append(layer)
first, second = layers
print("same weights:", torch.equal(first.weight, second.weight))
print("same biases: ", torch.equal(first.bias, second.bias))

# %% leaf
import textwrap

layer = nn.Linear(3, 2)
try:
    layer.weight.normal_()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 70))
with torch.no_grad():
    layer.weight.normal_()
print("still a leaf:", layer.weight.is_leaf)

# %% wrong-fan
torch.manual_seed(0)
h = torch.randn(500, 1000)  # (N, n)
W = torch.zeros(1000, 10)  # for h @ W
nn.init.kaiming_normal_(W)
print(f"mode='fan_in':  {(h @ W).std():5.2f}")
nn.init.kaiming_normal_(W, mode="fan_out")
print(f"mode='fan_out': {(h @ W).std():5.2f}")

# %% exercise-leaky
torch.manual_seed(0)
z = torch.randn(1_000_000)
kept = nn.functional.leaky_relu(z, 0.1).square().mean()
print(f"derived  {(2 / (1 + 0.1**2)) ** 0.5:.3f}")
print(f"measured {kept**-0.5:.3f}")
print(f"PyTorch  {nn.init.calculate_gain('leaky_relu', 0.1):.3f}")

# %% exercise-uniform
torch.manual_seed(0)
layer = nn.Linear(400, 1000)
bound = (3 / 400) ** 0.5
nn.init.uniform_(layer.weight, -bound, bound)
print(f"n times the variance: {400 * layer.weight.var():.2f}")
print(f"wider than the default by a factor {bound * 400**0.5:.2f}")

# %% exercise-miss
for part in (0.9, 1.1):
    there, _ = with_gain(2**0.5, torch.relu)
    missed, _ = with_gain(part * 2**0.5, torch.relu)
    print(f"{missed[-1] / there[-1]:.3f}  {part**20:.3f}")

# %% exercise-skip
for factor in (1, 20**-0.5):
    torch.manual_seed(0)
    h = torch.randn(500, 256)  # (N, n)
    for _ in range(20):
        layer = nn.Linear(256, 256, bias=False)
        nn.init.kaiming_normal_(layer.weight)
        with torch.no_grad():
            h = h + factor * layer(torch.relu(h))
    print(f"{h.std():7.2f}  {(1 + factor**2) ** 10:7.2f}")
