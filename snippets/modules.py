"""Defining a network: a module with two parameters, fitted to data."""

# %% imports
import textwrap
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

# %% data
rng = np.random.RandomState(0)
inputs = rng.rand(1000, 2)  # (1000, 2), between 0 and 1
noise = rng.randn(1000)  # (1000,), standard normal
targets = 2 * inputs[:, 0] - inputs[:, 1] + noise  # (1000,)
X = torch.tensor(inputs, dtype=torch.float32)  # (1000, 2)
y = torch.tensor(targets, dtype=torch.float32)  # (1000,)
for i in range(3):
    print(f"x = ({X[i, 0]:.2f}, {X[i, 1]:.2f})  y = {y[i]:5.2f}")


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
    print(name, parameter)
print("in __dict__:   ", "theta" in vars(model))
print("in _parameters:", "theta" in model._parameters)

# %% state-dict
with torch.no_grad():
    model.theta.copy_(torch.tensor([2.0, -1.0]))
saved = model.state_dict()
print(saved)
copy = LinearRegression()
print(copy.load_state_dict(saved))
print(copy.theta)


# %% rmse
def mse(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the mean of the squared errors, (), for two shapes (N,)."""
    return (predicted - target).square().mean()


def rmse(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the root of the mean of the squared errors, ()."""
    return mse(predicted, target).sqrt()


model = LinearRegression()
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
best = np.linalg.lstsq(inputs, targets)[0]  # (2,)
print(f"({best[0]:.2f}, {best[1]:.2f})")
errors = inputs @ best - targets  # (1000,)
print(f"RMSE there: {np.sqrt(np.mean(errors**2)):.4f}")

# %% spread
inverse = np.linalg.inv(inputs.T @ inputs)  # (2, 2)
print(np.sqrt(np.diag(inverse)).round(2))


# %% fit
def fit(
    loss: Callable[[Tensor, Tensor], Tensor], rate: float, steps: int
) -> Tensor:  # (steps + 1, 2)
    """Fit from (0, 0); return theta before and after each step."""
    model = LinearRegression()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    path = [model.theta.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()
        path.append(model.theta.detach().clone())
    return torch.stack(path)


# %% path-figure
line = torch.linspace(-0.2, 2.6, 85)  # (85,), theta_1
column = torch.linspace(-1.6, 0.8, 73)  # (73,), theta_2
grid = torch.cartesian_prod(line, column)  # (85 * 73, 2)
risks = (X @ grid.T - y[:, None]).square().mean(0).sqrt()  # (85 * 73,)
figure, axis = plt.subplots(figsize=(6, 5.5))
contours = axis.contour(
    line,
    column,
    risks.reshape(85, 73).T,
    levels=[0.98, 1, 1.05, 1.1, 1.2, 1.3],
    colors="gray",
    linewidths=1,
)
axis.clabel(contours, colors="black", fmt="%.2f")
path = fit(rmse, rate=1.0, steps=10)  # (11, 2)
axis.plot(*path.T, "o-", color="C0", label="10 steps, RMSE")
axis.plot(*best, "*", color="C1", markersize=15, label="least squares")
axis.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", aspect="equal")
figure.legend(loc="outside upper center", ncols=2)
plt.show()

# %% gradients
model = LinearRegression()
mse(model(X), y).backward()
assert model.theta.grad is not None
of_mse = model.theta.grad.clone()  # (2,)
model.theta.grad = None
rmse(model(X), y).backward()
print("gradient of the MSE: ", of_mse)
print("gradient of the RMSE:", model.theta.grad)
print("MSE's / (2 RMSE):    ", of_mse / (2 * rmse(model(X), y).item()))

# %% more-steps
by_rmse = fit(rmse, rate=1.0, steps=100)  # (101, 2)
by_mse = fit(mse, rate=1.0, steps=100)  # (101, 2)
print("steps   with RMSE      with MSE")
for steps in (10, 20, 50, 100):
    r, m = by_rmse[steps].tolist(), by_mse[steps].tolist()
    left = f"({r[0]:.2f}, {r[1]:.2f})"
    print(f"{steps:5}   {left}  ({m[0]:.2f}, {m[1]:.2f})")

# %% steps-needed
goal = torch.tensor(best, dtype=torch.float32)  # (2,)
for label, walked in (("RMSE", by_rmse), ("MSE", by_mse)):
    far = (walked - goal).abs().amax(dim=1)  # (101,), the larger distance
    needed = int((far < 0.005).nonzero()[0])
    print(f"{label}: {needed} steps")

# %% curvature
curvature = 2 * inputs.T @ inputs / 1000  # (2, 2)
flat, steep = np.linalg.eigvalsh(curvature)
print(f"second derivatives of the MSE: {flat:.2f} and {steep:.2f}")
lowest = np.sqrt(np.mean(errors**2))
print(f"factor of a step, MSE:  {1 - flat:.3f}")
print(f"factor of a step, RMSE: {1 - flat / (2 * lowest):.3f}")

# %% distance-figure
figure, axis = plt.subplots(figsize=(6, 4))
for label, walked, style in (
    ("RMSE", by_rmse, "o-"),
    ("MSE", by_mse, "s--"),
):
    far = (walked[:81] - goal).norm(dim=1)  # (81,)
    axis.plot(far, style, label=label, markevery=10)
axis.set(xlabel="step", yscale="log", ylim=(3e-4, 4))
axis.set_ylabel("distance to least squares")
axis.legend()
plt.show()


# %% forgot-super
class WithoutSuper(nn.Module):
    """A module that forgets to initialize its base class."""

    def __init__(self) -> None:
        self.theta = nn.Parameter(torch.zeros(2))  # (2,)


class WithoutSuperOfLayers(nn.Module):
    """The same with a module in it."""

    def __init__(self) -> None:
        self.layer = nn.Linear(2, 1)


for forgetful in (WithoutSuper, WithoutSuperOfLayers):
    try:
        forgetful()
    except AttributeError as error:
        print(f"AttributeError: {error}")


# %% plain-tensor
class WithoutParameter(nn.Module):
    """A module whose tensor is not a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = torch.zeros(2, requires_grad=True)  # (2,)


without = WithoutParameter()
print(list(without.parameters()), without.state_dict())
try:
    torch.optim.SGD(without.parameters(), lr=1.0)
except ValueError as error:
    print(f"ValueError: {error}")

# %% dtype
print(inputs.dtype, model.theta.dtype)
try:
    model(torch.from_numpy(inputs))
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% dtype-of-targets
risk = rmse(model(X), torch.from_numpy(targets))
print(risk.dtype)


# %% no-forward
class WithoutForward(nn.Module):
    """A module whose method has the wrong name."""

    def predict(self, x: Tensor) -> Tensor:
        """Return the input."""
        return x


try:
    WithoutForward()(X)
except NotImplementedError as error:
    print(textwrap.fill(f"NotImplementedError: {error}", 72))


# %% call-forward
def note(module: nn.Module, args: Any, output: Tensor) -> None:
    """Print the shape of what a module returns."""
    print("the hook saw", tuple(output.shape))


hook = model.register_forward_hook(note)
print("model(X)")
predicted = model(X)
print("model.forward(X)")
predicted = model.forward(X)
hook.remove()

# %% root-of-zero
exact = torch.tensor([2.0, -1.0]).requires_grad_()  # (2,)
clean = X @ exact.detach()  # (1000,), targets without noise
rmse(X @ exact, clean).backward()
print(exact.grad)
exact.grad = None
mse(X @ exact, clean).backward()
print(exact.grad)

# %% workshop-names
for owner, name in ((nn, "Model"), (optimizer, "zero_grads")):
    try:
        getattr(owner, name)
    except AttributeError as error:
        print(f"AttributeError: {error}")


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
print([name for name, _ in biased.named_parameters()])
optimizer = torch.optim.SGD(biased.parameters(), lr=1.0)
for _ in range(500):
    optimizer.zero_grad()
    rmse(biased(X), y).backward()
    optimizer.step()
print(biased.theta.detach(), biased.b.detach())

# %% exercise-bias-check
extended = np.column_stack([inputs, np.ones(1000)])  # (1000, 3)
print(np.linalg.lstsq(extended, targets)[0].round(4))

# %% exercise-same-path
model = LinearRegression()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
places = [model.theta.detach().clone()]
for _ in range(10):
    optimizer.zero_grad()
    risk = rmse(model(X), y)  # ()
    risk.backward()
    optimizer.param_groups[0]["lr"] = 2 * risk.item()
    optimizer.step()
    places.append(model.theta.detach().clone())
print(torch.allclose(torch.stack(places), by_mse[:11], atol=1e-5))
print(places[-1])

# %% exercise-largest-rate
print(f"border: {2 / steep:.3f}")
for rate in (1.6, 1.7):
    first, second = fit(mse, rate, steps=200)[-1].tolist()
    print(f"rate {rate}: ({first:.3g}, {second:.3g})")


# %% exercise-buffer
class OneParameter(nn.Module):
    """Predict y = theta_1 x_1 - x_2: only theta_1 is learned."""

    fixed: Tensor

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
print(single.state_dict())

# %% exercise-buffer-check
x1, x2 = inputs.T  # (1000,) each
print(f"{x1 @ (targets + x2) / (x1 @ x1):.4f}")
