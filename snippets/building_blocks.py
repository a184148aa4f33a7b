"""Building on existing modules: nn.Linear, nn.MSELoss, nn.Sequential."""

# %% data
import numpy as np
import torch
from torch import Tensor, nn

rng = np.random.RandomState(0)
inputs = rng.rand(1000, 2)  # (1000, 2), between 0 and 1
noise = rng.randn(1000)  # (1000,), standard normal
targets = 2 * inputs[:, 0] - inputs[:, 1] + noise  # (1000,)
X = torch.tensor(inputs, dtype=torch.float32)  # (1000, 2)
y = torch.tensor(targets, dtype=torch.float32)  # (1000,)

# %% linear
torch.manual_seed(0)
layer = nn.Linear(2, 1)
print(layer)
print("weight", tuple(layer.weight.shape), layer.weight.detach())
print("bias  ", tuple(layer.bias.shape), layer.bias.detach())

# %% linear-by-hand
with torch.no_grad():
    print(layer(X[:3]))  # (3, 1)
    print(X[:3] @ layer.weight.T + layer.bias)  # (3, 1)

# %% start
print(f"bound: {1 / 2**0.5:.4f}")
many = nn.Linear(2, 10_000).weight  # (10000, 2)
print(f"drawn: {many.min().item():.4f} to {many.max().item():.4f}")

# %% seed
torch.manual_seed(0)
first = nn.Linear(2, 1)
torch.manual_seed(0)
second = nn.Linear(2, 1)
third = nn.Linear(2, 1)
torch.manual_seed(0)  # too late for the third
print("first and second:", torch.equal(first.weight, second.weight))
print("first and third: ", torch.equal(first.weight, third.weight))


# %% network
class LinearRegression(nn.Module):
    """Predict y = w_1 x_1 + w_2 x_2 + b."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Predict for samples of shape (N, 2); return shape (N,)."""
        column = self.layer(x)  # (N, 1)
        return column.reshape(-1)  # (N,)


torch.manual_seed(0)
model = LinearRegression()
print(model)
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape))

# %% reshape
column = model.layer(X)  # (1000, 1)
print(tuple(column.shape), tuple(y.shape))
for vector in (column.reshape(-1), column.view(-1), column.squeeze(-1)):
    print(tuple(vector.shape))

# %% loss
mse = nn.MSELoss()
predicted = model(X)  # (1000,)
print(f"nn.MSELoss: {mse(predicted, y).item():.4f}")
print(f"by hand:    {(predicted - y).square().mean().item():.4f}")


# %% show
def show(model: LinearRegression) -> str:
    """Write down the weights, and the bias if there is one."""
    w1, w2 = model.layer.weight[0].tolist()
    text = f"({w1:5.2f}, {w2:5.2f})"
    if model.layer.bias is not None:
        text += f"  {model.layer.bias.item():5.2f}"
    return text


# %% train
torch.manual_seed(0)
model = LinearRegression()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
print("step  weights          bias   RMSE")
for step in range(10):
    optimizer.zero_grad()
    risk = mse(model(X), y).sqrt()  # ()
    risk.backward()
    print(f"{step:4}  {show(model)}  {risk.item():.4f}")
    optimizer.step()
print(f"  10  {show(model)}")


# %% fit
def rmse(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the root-mean-square error, (), for two shapes (N,)."""
    return nn.functional.mse_loss(predicted, target).sqrt()


def fit(model: nn.Module, loss, rate: float, steps: int) -> float:
    """Train a model on all data; return the loss after the last step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()
    with torch.no_grad():
        return loss(model(X), y).item()


# %% two-optima
lowest = fit(model, rmse, rate=1.0, steps=190)
print(f"after 200 steps: {show(model)}, RMSE {lowest:.4f}")
extended = np.column_stack([inputs, np.ones(1000)])  # (1000, 3)
for label, table in (("bias", extended), ("no bias", inputs)):
    best = np.linalg.lstsq(table, targets)[0]  # (3,) or (2,)
    lowest = np.sqrt(np.mean((table @ best - targets) ** 2))
    print(f"least squares, {label}: {best.round(3)}, RMSE {lowest:.4f}")

# %% no-bias
model = LinearRegression(bias=False)
with torch.no_grad():
    model.layer.weight.zero_()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(10):
    print(show(model))
    optimizer.zero_grad()
    mse(model(X), y).sqrt().backward()
    optimizer.step()

# %% without-root
for rate in (1.0, 0.5):
    torch.manual_seed(0)
    model = LinearRegression()
    risks = [fit(model, mse, rate, 1) for _ in range(5)]
    print(f"rate {rate}:", " ".join(f"{risk:7.2f}" for risk in risks))

# %% border
for label, table in (("bias", extended), ("no bias", inputs)):
    eigenvalues, _ = np.linalg.eigh(2 * table.T @ table / 1000)
    print(f"{label}: rate below {2 / eigenvalues.max():.2f}")

# %% small-shapes
column = torch.tensor([[1.0], [2.0], [3.0]])  # (3, 1), as from nn.Linear
vector = torch.tensor([1.0, 2.0, 3.0])  # (3,), the targets: a perfect fit
print(column.reshape(-1) - vector)
print(column - vector)
print("right:", (column.reshape(-1) - vector).square().mean())
print("wrong:", (column - vector).square().mean())

# %% silent
torch.manual_seed(0)
layer = nn.Linear(2, 1)
right = (layer(X).reshape(-1) - y).square().mean()  # ()
wrong = (layer(X) - y).square().mean()  # (), over (1000, 1000)
print(f"right {right.item():.4f}, wrong {wrong.item():.4f}")

# %% warning
import textwrap
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    same = mse(layer(X), y)
print(f"nn.MSELoss: {same.item():.4f}")
print(textwrap.fill(f"UserWarning: {caught[0].message}", 72))

# %% wrong-value
with torch.no_grad():
    apart = (layer(X) - y.mean()).square().mean()  # ()
    spread = (y - y.mean()).square().mean()  # ()
print(f"{apart.item():.4f} + {spread.item():.4f}")
print(f"= {(apart + spread).item():.4f}")

# %% wrong-fit
optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
for _ in range(200):
    optimizer.zero_grad()
    risk = (layer(X) - y).square().mean()  # (): wrong, and silent
    risk.backward()
    optimizer.step()
print(f"loss             {risk.item():.4f}")
print(f"largest |weight| {layer.weight.abs().max().item():.4f}")
print(f"bias             {layer.bias.item():.4f}")
print(f"mean of targets  {y.mean().item():.4f}")

# %% wrong-figure
import matplotlib.pyplot as plt

torch.manual_seed(0)
model = LinearRegression()
fit(model, mse, rate=0.5, steps=500)
signal = 2 * X[:150, 0] - X[:150, 1]  # (150,), targets without noise
with torch.no_grad():
    good = model(X[:150])  # (150,)
    bad = layer(X[:150]).reshape(-1)  # (150,)
figure, axis = plt.subplots(figsize=(6, 4.5))
axis.plot([-1, 2], [-1, 2], color="gray", linewidth=1)
axis.plot(signal, good, "o", color="C0", markersize=5, label="(N) and (N)")
axis.plot(signal, bad, "x", color="C1", label="(N, 1) and (N)")
axis.set(xlabel="target without noise", ylabel="prediction")
axis.legend(title="shapes in the loss")
plt.show()

# %% sequential
torch.manual_seed(0)
sequence = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
print(sequence)
print(tuple(sequence(X).shape))
torch.manual_seed(0)
print(torch.equal(sequence(X), LinearRegression()(X)))

# %% perceptron
torch.manual_seed(0)
network = nn.Sequential(
    nn.Linear(2, 2),  # (N, 2) -> (N, 2), the hidden layer
    nn.Sigmoid(),
    nn.Linear(2, 1),  # (N, 2) -> (N, 1), the output
    nn.Flatten(0),  # (N, 1) -> (N,)
)
for name, parameter in network.named_parameters():
    print(f"{name:8}  {tuple(parameter.shape)!s:6}  {parameter.numel()}")


# %% perceptron-class
class Perceptron(nn.Module):
    """Two inputs, two hidden units, one output."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 2)
        self.output = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Predict for samples of shape (N, 2); return shape (N,)."""
        h = torch.sigmoid(self.hidden(x))  # (N, 2)
        return self.output(h).reshape(-1)  # (N,)


torch.manual_seed(0)
perceptron = Perceptron()
print(torch.equal(perceptron(X), network(X)))
print([name for name, _ in perceptron.named_parameters()])

# %% perceptron-fit
line = LinearRegression()
for steps in (100, 400):
    print(f"2-2-1:  {fit(network, mse, rate=0.5, steps=steps):.3f}")
    print(f"linear: {fit(line, mse, rate=0.5, steps=steps):.3f}")

# %% shapes-do-not-fit
unfit = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(3, 1))
for module, samples in ((unfit, X), (layer, X.T)):
    try:
        module(samples)
    except RuntimeError as error:
        print(f"RuntimeError: {error}")

# %% dtype
try:
    layer(torch.from_numpy(inputs))
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% loss-made
try:
    nn.MSELoss(predicted, y)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% function-in-sequence
try:
    nn.Sequential(nn.Linear(2, 2), torch.sigmoid)
except TypeError as error:
    print(f"TypeError: {error}")


# %% list-of-layers
class Listed(nn.Module):
    """Layers in a list, which the module does not look into."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(2, 2), nn.Linear(2, 1)]


class Registered(nn.Module):
    """The same layers in a list that the module knows."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])


print(len(list(Listed().parameters())))
print(len(list(Registered().parameters())))

# %% squeeze
one = layer(X[:1])  # (1, 1), a single sample
print(tuple(one.squeeze().shape), tuple(one.squeeze(-1).shape))


# %% exercise-affine
class Affine(nn.Module):
    """Do what nn.Linear does."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = n_in**-0.5
        weight = bound * (2 * torch.rand(n_out, n_in) - 1)
        bias = bound * (2 * torch.rand(n_out) - 1)
        self.weight = nn.Parameter(weight)  # (n_out, n_in)
        self.bias = nn.Parameter(bias)  # (n_out,)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, n_in) to (N, n_out)."""
        return x @ self.weight.T + self.bias


affine = Affine(2, 3)
original = nn.Linear(2, 3)
print(affine.load_state_dict(original.state_dict()))
print((affine(X) - original(X)).abs().max().item() < 1e-6)

# %% exercise-wrong-without-bias
slope = nn.Linear(2, 1, bias=False)
optimizer = torch.optim.SGD(slope.parameters(), lr=1.0)
for _ in range(100):
    optimizer.zero_grad()
    (slope(X) - y).square().mean().backward()
    optimizer.step()
print(slope.weight.detach().numpy().round(4))
constant = np.full(1000, targets.mean())  # (1000,)
print(np.linalg.lstsq(inputs, constant)[0].round(4))

# %% exercise-absolute
distance = nn.Sequential(
    nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1), nn.Flatten(0)
)
values = {
    "0.weight": torch.tensor([[1.0, -1.0], [-1.0, 1.0]]),  # (2, 2)
    "0.bias": torch.zeros(2),
    "2.weight": torch.tensor([[1.0, 1.0]]),  # (1, 2)
    "2.bias": torch.zeros(1),
}
print(distance.load_state_dict(values))
print(torch.equal(distance(X), (X[:, 0] - X[:, 1]).abs()))

# %% exercise-absolute-error
torch.manual_seed(0)
layer = nn.Linear(2, 1)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.2)
for _ in range(800):
    optimizer.zero_grad()
    (layer(X[:101]) - y[:101]).abs().mean().backward()
    optimizer.step()
print(f"largest |weight| {layer.weight.abs().max().item():.2f}")
print(f"bias             {layer.bias.item():.2f}")
print(f"mean of targets  {targets[:101].mean():.2f}")
print(f"their median     {np.median(targets[:101]):.2f}")
