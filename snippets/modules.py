"""A network as a class: linear regression, trained, and its optimum."""

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
for i in range(3):
    print(f"x = ({X[i, 0]:.2f}, {X[i, 1]:.2f})  y = {y[i]:5.2f}")

# %% data-figure
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True)
for column, axis in enumerate(axes):
    axis.plot(inputs[:300, column], targets[:300], ".", color="C0")
    axis.set_xlabel(f"$x_{column + 1}$")
axes[0].set_ylabel("$y$")
axes[0].plot([0, 1], [-0.5, 1.5], color="C1")
axes[1].plot([0, 1], [1, 0], color="C1")
plt.show()


# %% network
class LinearRegression(nn.Module):
    """Predict y = theta_1 x_1 + theta_2 x_2."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(2))  # (2,)

    def forward(self, x: Tensor) -> Tensor:
        """Predict for samples of shape (N, 2); return shape (N,)."""
        return x @ self.theta


# %% use
model = LinearRegression()
print(model)
print(model(X[:3]))

# %% parameter
print(isinstance(model.theta, Tensor))
print(model.theta.requires_grad, model.theta.is_leaf)

# %% named-parameters
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape), parameter.tolist())
print("in __dict__:   ", "theta" in vars(model))
print("in _parameters:", "theta" in model._parameters)

# %% state-dict
import copy

state = model.state_dict()
kept = copy.deepcopy(state)
with torch.no_grad():
    model.theta.copy_(torch.tensor([2.0, -1.0]))
for name in state:
    print(name, "in the state:", state[name].tolist())
    print(name, "in the copy: ", kept[name].tolist())

# %% load-state-dict
print(model.load_state_dict(kept))
print(model.theta.tolist())


# %% rmse
def mse(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the mean of the squared errors, (), for two shapes (N,)."""
    return (predicted - target).square().mean()


def rmse(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the root of the mean of the squared errors, ()."""
    return mse(predicted, target).sqrt()


print(f"all predictions 0:  {rmse(model(X), y).item():.4f}")
print(f"the same, in NumPy: {np.sqrt(np.mean(targets**2)):.4f}")
print(f"noise alone:        {np.sqrt(np.mean(noise**2)):.4f}")

# %% train
model = LinearRegression()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
print("step  theta            RMSE")
for step in range(10):
    optimizer.zero_grad()
    risk = rmse(model(X), y)  # ()
    risk.backward()
    first, second = model.theta.tolist()
    print(f"{step:4}  ({first:.2f}, {second:5.2f})  {risk.item():.4f}")
    optimizer.step()
first, second = model.theta.tolist()
print(f"  10  ({first:.2f}, {second:5.2f})")

# %% least-squares
products = inputs.T @ inputs  # (2, 2), the sums on the left
best = np.linalg.solve(products, inputs.T @ targets)  # (2,)
print("solve:", best.round(2))
print("lstsq:", np.linalg.lstsq(inputs, targets)[0].round(2))
errors = inputs @ best - targets  # (1000,)
print(f"RMSE there: {np.sqrt(np.mean(errors**2)):.4f}")

# %% spread
others = np.random.RandomState(1).randn(1000, 500)  # (1000, 500)
drawn = (targets - noise)[:, None] + others  # (1000, 500): 500 data sets
estimates = np.linalg.lstsq(inputs, drawn)[0]  # (2, 500)
print("mean:              ", estimates.mean(axis=1).round(2))
print("standard deviation:", estimates.std(axis=1).round(2))


# %% fit
def fit(loss, rate: float, steps: int) -> list[list[float]]:
    """Fit from (0, 0); return theta before and after each step."""
    model = LinearRegression()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    path = [model.theta.tolist()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()
        path.append(model.theta.tolist())
    return path


# %% path-figure
def risk_at(theta_1: float, theta_2: float) -> float:
    """Compute the RMSE of two parameters."""
    errors = inputs @ (theta_1, theta_2) - targets  # (1000,)
    return np.sqrt(np.mean(errors**2))


line = np.linspace(-0.2, 2.6, 57)  # (57,), theta_1
column = np.linspace(-1.6, 0.8, 49)  # (49,), theta_2
risks = [[risk_at(a, b) for a in line] for b in column]
figure, axis = plt.subplots(figsize=(6, 5.5))
levels = [0.98, 1, 1.05, 1.1, 1.2, 1.3]
gray = {"colors": "gray", "linewidths": 1}
contours = axis.contour(line, column, risks, levels=levels, **gray)
axis.clabel(contours, colors="black", fmt="%.2f")
path = np.array(fit(rmse, rate=1.0, steps=10))  # (11, 2)
axis.plot(*path.T, "o-", color="C0", label="10 steps, RMSE")
axis.plot(*best, "*", color="C1", markersize=15, label="least squares")
axis.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", aspect="equal")
figure.legend(loc="outside upper center", ncols=2)
plt.show()

# %% gradients
model = LinearRegression()
mse(model(X), y).backward()
of_mse = model.theta.grad  # (2,)
model.theta.grad = None
rmse(model(X), y).backward()
print("gradient of the MSE: ", of_mse)
print("gradient of the RMSE:", model.theta.grad)
print("MSE's / (2 RMSE):    ", of_mse / (2 * rmse(model(X), y).item()))

# %% more-steps
by_rmse = fit(rmse, rate=1.0, steps=100)
by_mse = fit(mse, rate=1.0, steps=100)
print("steps   with RMSE      with MSE")
for steps in (10, 20, 50, 100):
    r, m = by_rmse[steps], by_mse[steps]
    left = f"({r[0]:.2f}, {r[1]:.2f})"
    print(f"{steps:5}   {left}  ({m[0]:.2f}, {m[1]:.2f})")

# %% steps-needed
for label, path in (("RMSE", by_rmse), ("MSE", by_mse)):
    for step, theta in enumerate(path):
        if np.abs(theta - best).max() < 0.005:
            print(f"{label}: {step} steps")
            break

# %% eigenvectors
C = 2 * inputs.T @ inputs / 1000  # (2, 2)
eigenvalues, eigenvectors = np.linalg.eigh(C)  # (2,), (2, 2)
for value, q in zip(eigenvalues, eigenvectors.T, strict=True):
    q = q * np.sign(q[0])  # of two opposite directions, this one
    print(f"lambda = {value:.3f}, q = ({q[0]:.2f}, {q[1]:.2f})")
    print("     C q =     ", (C @ q).round(3))
    print("     lambda q =", (value * q).round(3))

# %% factors
flat, steep = eigenvalues
lowest = np.sqrt(np.mean(errors**2))
for label, path, predicted in (
    ("MSE: ", by_mse, 1 - flat),
    ("RMSE:", by_rmse, 1 - flat / (2 * lowest)),
):
    far = np.linalg.norm(np.array(path) - best, axis=1)  # (101,)
    measured = far[41] / far[40]
    print(f"{label} predicted {predicted:.3f}, measured {measured:.3f}")


# %% forgot-super
class WithoutSuper(nn.Module):
    """A module that forgets to initialize its base class."""

    def __init__(self) -> None:
        self.theta = nn.Parameter(torch.zeros(2))  # (2,)


try:
    WithoutSuper()
except AttributeError as error:
    print(f"AttributeError: {error}")


# %% plain-tensor
class WithoutParameter(nn.Module):
    """A module whose tensor is not a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = torch.zeros(2, requires_grad=True)  # (2,)


without = WithoutParameter()
print(list(without.parameters()), list(without.state_dict()))
try:
    torch.optim.SGD(without.parameters(), lr=1.0)
except ValueError as error:
    print(f"ValueError: {error}")

# %% state-not-copied
for keep in (dict, copy.deepcopy):
    model = LinearRegression()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.7)
    lowest_seen = 10.0
    for _ in range(100):
        optimizer.zero_grad()
        risk = mse(model(X), y)  # ()
        if risk.item() < lowest_seen:
            lowest_seen, kept = risk.item(), keep(model.state_dict())
        risk.backward()
        optimizer.step()
    model.load_state_dict(kept)
    print(f"{keep.__name__}: lowest {lowest_seen:.2f}", end=", ")
    print(f"loaded again {mse(model(X), y).item():.2f}")


# %% no-forward
class WithoutForward(nn.Module):
    """A module whose method has the wrong name."""

    def predict(self, x: Tensor) -> Tensor:
        """Return the input."""
        return x


try:
    WithoutForward()(X)
except NotImplementedError as error:
    print(f"NotImplementedError: {error}".replace(" is ", "\nis "))


# %% call-forward
def note(module: nn.Module, args: tuple, output: Tensor) -> None:
    """Print the shape of what a module returns."""
    print("the hook saw", tuple(output.shape))


hook = model.register_forward_hook(note)
print("model(X)")
predicted = model(X)
print("model.forward(X)")
predicted = model.forward(X)
hook.remove()

# %% root-of-zero
exact = torch.tensor([2.0, -1.0], requires_grad=True)  # (2,)
clean = X @ exact.detach()  # (1000,), targets without noise
rmse(X @ exact, clean).backward()
print(exact.grad)
exact.grad = None
mse(X @ exact, clean).backward()
print(exact.grad)


# %% exercise-bias
class WithBias(LinearRegression):
    """Predict y = theta_1 x_1 + theta_2 x_2 + b."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.tensor(0.0))  # ()

    def forward(self, x: Tensor) -> Tensor:
        """Predict for samples of shape (N, 2); return shape (N,)."""
        return super().forward(x) + self.b


biased = WithBias()
optimizer = torch.optim.SGD(biased.parameters(), lr=1.0)
for _ in range(500):
    optimizer.zero_grad()
    rmse(biased(X), y).backward()
    optimizer.step()
for name, parameter in biased.named_parameters():
    print(name, parameter.detach().numpy().round(3))

# %% exercise-bias-check
extended = np.column_stack([inputs, np.ones(1000)])  # (1000, 3)
print(np.linalg.lstsq(extended, targets)[0].round(3))

# %% exercise-same-path
model = LinearRegression()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(10):
    optimizer.zero_grad()
    risk = rmse(model(X), y)  # ()
    risk.backward()
    optimizer.param_groups[0]["lr"] = 2 * risk.item()
    optimizer.step()
print(np.allclose(model.theta.tolist(), by_mse[10], atol=1e-5))


# %% exercise-buffer
class OneParameter(nn.Module):
    """Predict y = theta_1 x_1 - x_2: only theta_1 is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.theta1 = nn.Parameter(torch.tensor(0.0))  # ()
        self.register_buffer("fixed", torch.tensor(-1.0))  # ()

    def forward(self, x: Tensor) -> Tensor:
        """Predict for samples of shape (N, 2); return shape (N,)."""
        return self.theta1 * x[:, 0] + self.fixed * x[:, 1]


single = OneParameter()
optimizer = torch.optim.SGD(single.parameters(), lr=1.0)
for _ in range(100):
    optimizer.zero_grad()
    mse(single(X), y).backward()
    optimizer.step()
for name, value in single.state_dict().items():
    print(name, round(value.item(), 4))

# %% exercise-buffer-check
x1, x2 = inputs.T  # (1000,) each
print(f"{x1 @ (targets + x2) / (x1 @ x1):.4f}")


# %% exercise-pendulum
class Pendulum(nn.Module):
    """Predict the period 2 pi sqrt(length / g), in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.tensor(5.0))  # (), in m/s^2: a guess

    def forward(self, length: Tensor) -> Tensor:
        """Predict for lengths in meters, (N,); return shape (N,)."""
        return 2 * np.pi * (length / self.g).sqrt()


lengths = torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0])  # (5,), m
periods = torch.tensor([0.89, 1.28, 1.54, 1.80, 2.00])  # (5,), s
for rate in (20.0, 150.0, 200.0):
    pendulum = Pendulum()
    optimizer = torch.optim.SGD(pendulum.parameters(), lr=rate)
    for _ in range(400):
        optimizer.zero_grad()
        mse(pendulum(lengths), periods).backward()
        optimizer.step()
    print(f"rate {rate:.0f}: g = {pendulum.g.item():.2f}")
slope = (periods**2 * lengths).sum() / (lengths**2).sum()  # ()
print(f"from the squares of the periods: {4 * np.pi**2 / slope:.2f}")
