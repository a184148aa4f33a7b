"""The same gradients by hand, by PyTorch and by measuring."""

# %% imports
import textwrap
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# %% vectors
x1 = np.array([1.0, 2.0])  # (2,)
x2 = np.array([3.0, 4.0])  # (2,)
x3 = np.array([5.0, 6.0])  # (2,)

# %% numpy-gradient
z2 = x1 + 2 * x2  # (2,)
y = z2 @ x3 / 5  # ()
dz2 = x3 / 5  # (2,), as y = z2 @ x3 / 5
dx1 = dz2  # (2,), as z2 = x1 + ...
dx3 = z2 / 5  # (2,), as y = z2 @ x3 / 5
print(y)
print(dx1)
print(dx3)

# %% torch-gradient
a1 = torch.tensor(x1, requires_grad=True)  # (2,)
a2 = torch.tensor(x2)  # (2,)
a3 = torch.tensor(x3, requires_grad=True)  # (2,)
result = (a1 + 2 * a2) @ a3 / 5  # ()
result.backward()
print(result.item())
print(a1.grad)
print(a3.grad)


# %% slopes
def slopes(g: Callable, x: np.ndarray) -> np.ndarray:
    """Return the central differences of g at x, shape (n,)."""
    eps = 1e-6
    steps = eps * np.eye(len(x))  # (n, n), one step a row
    return np.array([(g(x + e) - g(x - e)) / (2 * eps) for e in steps])


print(slopes(lambda x: (x + 2 * x2) @ x3 / 5, x1).round(6))
print(slopes(lambda x: (x1 + 2 * x2) @ x / 5, x3).round(6))

# %% points
X = np.array([[0.5, 1.0], [2.0, -1.0], [-1.5, 0.5], [1.0, 2.0]])  # (4, 2)
labels = np.array([1.0, 0.0, 0.0, 1.0])  # (4,)
start = np.array([0.5, -1.0])  # (2,)


# %% risk
def probability(theta: np.ndarray) -> np.ndarray:
    """Return the neuron's output, shape (4,), for weights (2,)."""
    return 1 / (1 + np.exp(-X @ theta))


def risk(theta: np.ndarray) -> float:
    """Return the mean cross-entropy of the neuron on the points."""
    p = probability(theta)  # (4,)
    return -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean()


print(f"{risk(start):.4f}")


# %% hand
def hand_gradient(theta: np.ndarray) -> np.ndarray:
    """Return what we believe to be the gradient of the risk, (2,)."""
    p = probability(theta)  # (4,)
    error = p - labels  # (4,), how far off the output is
    slope = p * (1 - p)  # (4,), the derivative of the logistic function
    return X.T @ (error * slope) / len(labels)


print(hand_gradient(start).round(4))


# %% descend
def descend(gradient: Callable, steps: int) -> np.ndarray:
    """Return the weights (2,) after some steps of gradient descent."""
    theta = start
    for _ in range(steps):
        theta = theta - 0.5 * gradient(theta)
    return theta


for steps in (0, 10, 50, 100):
    reached = risk(descend(hand_gradient, steps))
    print(f"{steps:3} steps  risk {reached:.4f}")

# %% found
print("by hand: ", hand_gradient(start).round(4))
print("measured:", slopes(risk, start).round(4))

# %% torch-risk
theta = torch.tensor(start, requires_grad=True)  # (2,)
p = torch.sigmoid(torch.tensor(X) @ theta)  # (4,)
value = torch.nn.functional.binary_cross_entropy(p, torch.tensor(labels))
value.backward()
print(f"{value.item():.4f}", theta.grad)


# %% right
def right_gradient(theta: np.ndarray) -> np.ndarray:
    """Return the gradient of the risk, shape (2,)."""
    return X.T @ (probability(theta) - labels) / len(labels)


print(right_gradient(start).round(4))
for steps in (0, 10, 50, 100):
    reached = risk(descend(right_gradient, steps))
    print(f"{steps:3} steps  risk {reached:.4f}")


# %% half-square
def half_square(theta: np.ndarray) -> float:
    """Return half the mean squared error of the neuron on the points."""
    return ((probability(theta) - labels) ** 2).mean() / 2


print("by hand: ", hand_gradient(start).round(4))
print("measured:", slopes(half_square, start).round(4))


# %% functional
def f(x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
    """Return (x1 + 2 x2)^T x3 / 5, shape (), for three shapes (n,)."""
    return (x1 + 2 * x2) @ x3 / 5


gradient = torch.func.grad(f, argnums=(0, 2))
for part in gradient(*(torch.tensor(x) for x in (x1, x2, x3))):
    print(part)


# %% errors
def torch_risk(theta: Tensor) -> Tensor:
    """Return the mean cross-entropy, shape (), in the dtype of theta."""
    p = torch.sigmoid(torch.tensor(X, dtype=theta.dtype) @ theta)  # (4,)
    targets = torch.tensor(labels, dtype=theta.dtype)  # (4,)
    return torch.nn.functional.binary_cross_entropy(p, targets)


exact = right_gradient(start)[1]


def step_error(eps: float, dtype: torch.dtype) -> float:
    """Return how far off the central difference with step eps is."""
    there = torch.tensor(start, dtype=dtype)  # (2,)
    step = torch.tensor([0.0, eps], dtype=dtype)  # (2,)
    change = torch_risk(there + step) - torch_risk(there - step)
    return abs(change.item() / (2 * eps) - exact)


for eps in (1e-2, 1e-3, 1e-4):
    error = step_error(eps, torch.float64)
    print(f"eps = {eps:.0e}  error {error:.0e}")

# %% step-figure
import matplotlib.pyplot as plt

all_eps = 10.0 ** np.arange(-12, 0.5, 0.5)
_, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
for dtype, style in ((torch.float32, "o--"), (torch.float64, "s-")):
    wrong = [max(step_error(eps, dtype), 1e-13) for eps in all_eps]
    axes.loglog(all_eps, wrong, style, ms=4, label=str(dtype)[6:])
axes.set_xlabel(r"step $\varepsilon$")
axes.set_ylabel("error of the central difference")
axes.legend()
plt.show()

# %% numpy-on-tensor
theta = torch.tensor([0.5, -1.0], requires_grad=True)  # (2,)
try:
    np.exp(theta)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% detour
detour = torch.from_numpy(np.exp(theta.detach().numpy())).sum()
print(detour.requires_grad)
try:
    detour.backward()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% detour-repaired
theta.exp().sum().backward()
print(theta.grad, theta.detach().exp())

# %% two-dtypes
try:
    torch.from_numpy(X[0]) @ theta
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))
print((torch.from_numpy(X[0]).float() @ theta).item())

# %% same-name
numbers = [1.0, 2.0, 3.0, 4.0]
print(f"{np.std(numbers):.3f} {torch.tensor(numbers).std().item():.3f}")
print(f"{torch.tensor(numbers).std(correction=0).item():.3f}")

# %% exercise-functional
functional = torch.func.grad(torch_risk)
weights = torch.tensor(start)  # (2,)
for _ in range(100):
    weights = weights - 0.5 * functional(weights)
print(weights, weights.requires_grad)
print(np.allclose(weights, descend(right_gradient, 100)))


# %% exercise-tanh
def squares(theta: np.ndarray) -> float:
    """Return the mean squared error of a tanh neuron on the points."""
    return ((np.tanh(X @ theta) - labels) ** 2).mean()


out = np.tanh(X @ start)  # (4,)
by_hand = X.T @ (2 * (out - labels) * (1 - out**2)) / len(labels)  # (2,)
print(by_hand.round(4), slopes(squares, start).round(4))

theta = torch.tensor(start, requires_grad=True)  # (2,)
outputs = torch.tanh(torch.tensor(X) @ theta)  # (4,)
(outputs - torch.tensor(labels)).square().mean().backward()
print(theta.grad)


# %% exercise-three
def softplus(w: np.ndarray) -> float:
    """Return log(1 + exp(w @ x)) for x = (2, -1)."""
    return np.log1p(np.exp(w @ X[1]))


s = 1 / (1 + np.exp(-start @ X[1]))  # ()
candidates = {
    "s x": s * X[1],
    "(1 - s) x": (1 - s) * X[1],
    "s w": s * start,
}
measured = slopes(softplus, start)  # (2,)
for name, candidate in candidates.items():
    print(f"{name:9}", np.allclose(candidate, measured, atol=1e-6))

# %% exercise-cost
calls = 0


def counted(x: np.ndarray) -> float:
    """Return the sum of squares of x, and count the call."""
    global calls
    calls += 1
    return x @ x


many = np.linspace(-1.0, 1.0, 1000)  # (1000,)
measured = slopes(counted, many)  # (1000,)
print(calls, np.allclose(measured, 2 * many, atol=1e-6))
