"""The backward pass of the running example, watched while it runs."""

# %% forward
import torch
from torch import Tensor

x1 = torch.tensor([1.0, 2.0], requires_grad=True)  # (2,)
x2 = torch.tensor([3.0, 4.0])  # (2,)
x3 = torch.tensor([5.0, 6.0], requires_grad=True)  # (2,)
z1 = 2 * x2  # (2,)
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
y = z3 / 5  # ()
print(x1.grad, x2.grad, x3.grad)

# %% backward
y.backward()
print(x1.grad)
print(x2.grad)
print(x3.grad)

# %% by-hand
with torch.no_grad():
    dy = torch.tensor(1.0)  # ()
    dz3 = dy / 5  # ()
    dz2 = dz3 * x3  # (2,)
    dx3 = dz3 * z2  # (2,)
    dx1 = dz2  # (2,)
print("dy/dz3", dz3)
print("dy/dz2", dz2)
print("dy/dx1", dx1)
print("dy/dx3", dx3)

# %% gates
a = torch.tensor(3.0, requires_grad=True)
b = torch.tensor(5.0, requires_grad=True)
gates = {"add": a + b, "multiply": a * b, "max": torch.maximum(a, b)}
for name, result in gates.items():
    print(f"{name:8}", torch.autograd.grad(2 * result, [a, b]))

# %% matrices
X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])  # (3, 2)
W = torch.tensor([[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 1.0, 3.0]])  # (2, 4)
X.requires_grad_()
W.requires_grad_()
Z = X @ W  # (3, 2) @ (2, 4) -> (3, 4)
G = torch.arange(12.0).reshape(3, 4)  # the gradient that arrives at Z
dX, dW = torch.autograd.grad(Z, [X, W], G)
print(torch.equal(dX, G @ W.T))  # (3, 4) @ (4, 2) -> (3, 2)
print(torch.equal(dW, X.T @ G))  # (2, 3) @ (3, 4) -> (2, 4)

# %% backward-order
from graphlib import TopologicalSorter


def backward_order(start) -> list:
    """Return the recorded nodes, each before all that it leads to."""
    leads_to, nodes = {}, [start]
    for node in nodes:  # the list grows while we go through it
        if node not in leads_to:
            leads_to[node] = [n for n, _ in node.next_functions if n]
            nodes += leads_to[node]
    inputs_first = list(TopologicalSorter(leads_to).static_order())
    return inputs_first[::-1]


z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
y = z3 / 5  # ()
for node in backward_order(y.grad_fn):
    print(type(node).__name__)


# %% watch
def watch(start) -> None:
    """Note what each node receives and returns in the next pass."""
    for node in backward_order(start):

        def note(grad_inputs, grad_outputs, node=node) -> None:
            received[node], returned[node] = grad_outputs[0], grad_inputs

        node.register_hook(note)


received, returned = {}, {}
watch(y.grad_fn)
y.backward()

# %% describe
names = {y.grad_fn: "y", z3.grad_fn: "z3", z2.grad_fn: "z2"}


def describe(node) -> str:
    """Return a node's type, and the tensor whose gradient it receives."""
    if hasattr(node, "variable"):
        owner = "x1" if node.variable is x1 else "x3"
        return f"{type(node).__name__} into {owner}.grad"
    return f"{type(node).__name__} of {names[node]}"


def show(gradient: Tensor) -> str:
    """Write a gradient of shape () or (n,) as one does by hand."""
    numbers = ", ".join(f"{number:.4g}" for number in gradient.flatten())
    return f"({numbers})" if gradient.ndim else numbers


for node, gradient in received.items():
    print(describe(node), "receives", show(gradient))

# %% borrow
from drawing import draw_graph


# %% draw-gradients
def draw_gradients(result: Tensor) -> None:
    """Draw the graph that is watched, each edge with its gradient."""
    first = result.grad_fn
    start = f"{names[first]}.backward()"
    labels, looks = {start: start}, {start: "box"}
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
import matplotlib.pyplot as plt

draw_gradients(y)
plt.show()


# %% paths
s = x1 @ x3  # ()
q = s * s  # ()
c = q + s  # ()


# %% pass
def gradients(start) -> dict:
    """Run the backward pass; return what arrives at each node."""
    arrived = {start: torch.tensor(1.0)}
    for node in backward_order(start):
        if node.next_functions:  # else it is an end
            passed = node(arrived[node])
            if isinstance(passed, Tensor):  # a single gradient
                passed = (passed,)
            edges = zip(node.next_functions, passed, strict=True)
            for (below, _), gradient in edges:
                if below:
                    arrived[below] = arrived.get(below, 0) + gradient
    return arrived


with torch.no_grad():
    arrived = gradients(c.grad_fn)
names |= {s.grad_fn: "s", q.grad_fn: "q", c.grad_fn: "c"}
for node, gradient in arrived.items():
    print(describe(node), "receives", show(gradient))

# %% paths-graph
received, returned = {}, {}
watch(c.grad_fn)
c.backward()
draw_gradients(c)
plt.show()


# %% numerical
def f(x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
    """Return (x1 + 2 x2)^T x3 / 5, shape (), for three shapes (n,)."""
    return (x1 + 2 * x2) @ x3 / 5


def slopes(function, x: Tensor) -> Tensor:
    """Return the central differences of a function at x, shape (n,)."""
    steps = 1e-6 * torch.eye(len(x), dtype=x.dtype)  # (n, n)
    return torch.stack(
        [(function(x + e) - function(x - e)) / 2e-6 for e in steps]
    )


d1, d2, d3 = (x.detach().double() for x in (x1, x2, x3))
print(slopes(lambda x: f(x, d2, d3), d1))
print(slopes(lambda x: f(d1, x, d3), d2))
print(slopes(lambda x: f(d1, d2, x), d3))


# %% own
class Dot(torch.autograd.Function):
    """The inner product of two vectors of shape (n,), shape ()."""

    @staticmethod
    def forward(ctx, a, b):
        """Compute the value; save what the backward pass will need."""
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx, gradient):
        """Return one gradient for each input: multiply swaps."""
        a, b = ctx.saved_tensors
        return gradient * b, gradient * a


for x in (d1, d3):
    x.requires_grad_()
print(Dot.apply(d1, d3))
print(torch.autograd.gradcheck(Dot.apply, (d1, d3)))

# %% accumulate
x1.grad = None
for _ in range(3):
    f(x1, x2, x3).backward()
    print(x1.grad)

# %% nothing-saved
x1.grad = None
total = (x1 + z1).sum()  # ()
total.backward()
total.backward()
print(x1.grad)

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
    x -= 0.1 * x.grad
print(x)
print(f"{y.item():.3f} -> {f(x, x2, x3).item():.3f}")


# %% non-leaf
import textwrap
import warnings

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
    said = str(error)
    print(textwrap.fill(f"RuntimeError: {said.partition(':')[0]}", 72))
    print("is at", said.partition("is at ")[2].partition(".")[0])


# %% swapped
class SwappedDot(Dot):
    """The inner product with its two gradients swapped."""

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradients in the wrong places."""
        a, b = ctx.saved_tensors
        return gradient * a, gradient * b


try:
    torch.autograd.gradcheck(SwappedDot.apply, (d1, d3))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}".strip())

# %% exercise-neuron
theta = torch.tensor([0.5, -1.0], requires_grad=True)  # (2,)
bias = torch.tensor(0.5, requires_grad=True)  # ()
x = torch.tensor([1.0, 2.0])  # (2,)
h = torch.sigmoid(theta @ x + bias)  # ()
h.backward()
slope = (h * (1 - h)).detach()  # ()
print(theta.grad, slope * x)
print(bias.grad, slope)

# %% exercise-parts
rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
theta.grad = None
(rows @ theta).square().mean().backward()
print(theta.grad)
theta.grad = None
for part in rows.split(2):  # (2, 2)
    ((part @ theta).square().mean() / 2).backward()
print(theta.grad)

# %% exercise-layer
V = torch.tensor([[1.0, -1.0], [0.0, 2.0], [3.0, 1.0]])  # (3, 2)
bias = torch.zeros(3)
for parameter in (V, bias):
    parameter.requires_grad_()
Z = rows @ V.T + bias  # (4, 2) @ (2, 3) + (3,) -> (4, 3)
G = torch.arange(12.0).reshape(4, 3)  # the gradient that arrives at Z
dV, dbias = torch.autograd.grad(Z, [V, bias], G)
print(torch.equal(dV, G.T @ rows))  # (3, 4) @ (4, 2) -> (3, 2)
print(torch.equal(dbias, G.sum(dim=0)))  # (3,)
