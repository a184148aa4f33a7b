"""The backward pass of the running example, watched while it runs."""

# %% imports
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor

# %% borrow
from drawing import draw_graph

# %% forward
x1 = torch.tensor([1.0, 2.0], requires_grad=True)  # (2,)
x2 = torch.tensor([3.0, 4.0])  # (2,)
x3 = torch.tensor([5.0, 6.0], requires_grad=True)  # (2,)
z1 = 2 * x2  # (2,)
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
y = z3 / 5  # ()
print(y)

# %% before
print(x1.grad, x2.grad, x3.grad)

# %% backward
y.backward()
print(x1.grad)
print(x2.grad)
print(x3.grad)

# %% by-hand
with torch.no_grad():  # what follows is not recorded
    dy = torch.tensor(1.0)  # ()
    dz3 = dy / 5  # ()
    dz2 = dz3 * x3  # (2,)
    dx3 = dz3 * z2  # (2,)
    dx1 = dz2  # (2,)
print("dy/dz3", dz3)
print("dy/dz2", dz2)
print("dy/dx1", dx1)
print("dy/dx3", dx3)

# %% again
x1.grad = None
x3.grad = None
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
y = z3 / 5  # ()

# %% watch
received: dict[Any, Tensor] = {}  # node: the gradient that it gets
returned: dict[Any, Any] = {}  # node: the gradients that it passes on


def watch(node: Any) -> None:
    """Note the gradients at a node, and at all that it leads to."""

    def note(grad_inputs: Any, grad_outputs: Any) -> None:
        received[node] = grad_outputs[0]
        returned[node] = grad_inputs

    node.register_hook(note)
    for following, _ in node.next_functions:
        if following is not None:
            watch(following)


watch(y.grad_fn)
y.backward()

# %% describe
names: dict[Any, str] = {y.grad_fn: "y", z3.grad_fn: "z3", z2.grad_fn: "z2"}


def describe(node: Any) -> str:
    """Return a node's type, and the tensor whose gradient it receives."""
    if hasattr(node, "variable"):
        owner = "x1" if node.variable is x1 else "x3"
        return f"{type(node).__name__} into {owner}.grad"
    return f"{type(node).__name__} of {names[node]}"


def show(gradient: Tensor) -> str:
    """Write a gradient of shape () or (n,) as one does by hand."""
    if gradient.ndim == 0:
        return f"{gradient:.4g}"
    return f"({', '.join(f'{number:.4g}' for number in gradient)})"


for node, gradient in received.items():
    print(describe(node), "receives", show(gradient))


# %% draw-gradients
def draw_gradients(result: Tensor) -> None:
    """Draw the graph that is watched, each edge with its gradient."""
    start: Any = f"{names[result.grad_fn]}.backward()"
    labels, looks = {start: start}, {start: "box"}
    first: Any = result.grad_fn
    edges = [(start, first, show(received[first]))]
    for node, gradients in returned.items():
        labels[node] = describe(node).replace(" ", "\n", 1)
        looks[node] = "" if node.next_functions else "box"
        for i, (following, _) in enumerate(node.next_functions):
            if following is None:
                labels[node, i], looks[node, i] = "None", "missing"
                edges.append((node, (node, i), ""))
            else:
                edges.append((node, following, show(gradients[i])))
    draw_graph(labels, edges, looks)


# %% graph
draw_gradients(y)
plt.show()


# %% numerical
def f(x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
    """Return (x1 + 2 x2)^T x3 / 5, shape (), for three shapes (n,)."""
    return (x1 + 2 * x2) @ x3 / 5


def slopes(g: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the central differences of g at x, shape (n,)."""
    h = 1e-6
    steps = h * torch.eye(len(x), dtype=x.dtype)  # (n, n), one step a row
    return torch.stack([(g(x + e) - g(x - e)) / (2 * h) for e in steps])


a1, a2, a3 = (x.detach().double() for x in (x1, x2, x3))
print(slopes(lambda x: f(x, a2, a3), a1))
print(slopes(lambda x: f(a1, x, a3), a2))
print(slopes(lambda x: f(a1, a2, x), a3))

# %% paths
received.clear()
returned.clear()
s = x1 @ x3  # ()
q = s * s  # ()
t = q + s  # ()
names |= {s.grad_fn: "s", q.grad_fn: "q", t.grad_fn: "t"}
watch(t.grad_fn)
t.backward()
print(received[s.grad_fn])

# %% paths-graph
draw_gradients(t)
plt.show()

# %% accumulate
x1.grad = None
for _ in range(3):
    f(x1, x2, x3).backward()
    print(x1.grad)

# %% reset
x1.grad = None
f(x1, x2, x3).backward()
print(x1.grad)

# %% retain-grad
z2 = x1 + z1  # (2,)
z2.retain_grad()
y = z2 @ x3 / 5  # ()
y.backward()
print(z2.grad)

# %% retain-graph
x1.grad = None
y = f(x1, x2, x3)
y.backward(retain_graph=True)
y.backward()
print(x1.grad)

# %% no-grad
with torch.no_grad():
    y = f(x1, x2, x3)
print(y)
print(y.requires_grad, y.grad_fn)

# %% detach
x1.grad = None
x3.grad = None
z2 = x1 + z1  # (2,)
constant = z2.detach()  # (2,)
print(constant.requires_grad, constant.data_ptr() == z2.data_ptr())
y = constant @ x3 / 5  # ()
y.backward()
print(x1.grad)
print(x3.grad)

# %% step
x = x1.detach().clone().requires_grad_()  # (2,): a leaf with its own memory
y = f(x, x2, x3)
y.backward()
with torch.no_grad():
    assert x.grad is not None
    x -= 0.1 * x.grad
print(x)
print(f"{y.item():.3f} -> {f(x, x2, x3).item():.3f}")

# %% non-leaf
z2 = x1 + z1
(z2 @ x3).backward()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(z2.grad)
first_sentences = str(caught[0].message).split(" See ")[0]
print(textwrap.fill(f"UserWarning: {first_sentences}", 72))

# %% twice
y = f(x1, x2, x3)
y.backward()
try:
    y.backward()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% vector
z2 = x1 + z1  # (2,)
try:
    z2.backward()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% vector-repaired
x1.grad = None
(x1 + z1).sum().backward()
print(x1.grad)
x1.grad = None
(x1 + z1).backward(torch.tensor([10.0, 1.0]))
print(x1.grad)

# %% not-recorded
with torch.no_grad():
    y = f(x1, x2, x3)
try:
    y.backward()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% in-place
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
z2 += 1
try:
    z3.backward()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% in-place-repaired
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
z2 = z2 + 1  # a new tensor; the node keeps the old one
x3.grad = None
z3.backward()
print(x3.grad)

# %% swapped
z2 = x1 + z1  # (2,)
print("swapped: ", z2.detach() / 5)
print("measured:", slopes(lambda z: z @ a3 / 5, z2.detach().double()))

# %% exercise-x2
x2.requires_grad_()
f(x1, x2, x3).backward()
print(x2.grad)

# %% exercise-neuron
theta = torch.tensor([0.5, -1.0], requires_grad=True)  # (2,)
b = torch.tensor(0.5, requires_grad=True)  # ()
x = torch.tensor([1.0, 2.0])  # (2,)
h = torch.sigmoid(theta @ x + b)  # ()
h.backward()
slope = (h * (1 - h)).detach()  # ()
print(theta.grad, slope * x)
print(b.grad, slope)

# %% exercise-detach
x1.grad = None
s = x1 @ x3  # ()
(s * s).backward()
print(x1.grad)
x1.grad = None
s = x1 @ x3  # ()
(s * s.detach()).backward()
print(x1.grad)

# %% exercise-parts
X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])  # (4, 2)
theta.grad = None
(X @ theta).square().mean().backward()
print(theta.grad)
theta.grad = None
for part in X.split(2):  # (2, 2)
    loss = (part @ theta).square().mean() / 2
    loss.backward()
print(theta.grad)


# %% exercise-engine
def run(node: Any, gradient: Tensor) -> None:
    """Send a gradient through a node; print what arrives at the leaves."""
    if hasattr(node, "variable"):
        print(describe(node), show(gradient))
        return
    for (following, _), passed in zip(
        node.next_functions, node(gradient), strict=True
    ):
        if following is not None:
            run(following, passed)


y = f(x1, x2.detach(), x3)
with torch.no_grad():
    run(y.grad_fn, torch.tensor(1.0))
