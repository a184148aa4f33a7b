"""The graph that autograd records while the running example is computed."""

# %% variables
import torch

x1 = torch.tensor([1.0, 2.0], requires_grad=True)  # (2,)
x2 = torch.tensor([3.0, 4.0])  # (2,)
x3 = torch.tensor([5.0, 6.0], requires_grad=True)  # (2,)
print(x1)
print(x2)
print(x2.requires_grad)

# %% steps
z1 = 2 * x2  # (2,)
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
y = z3 / 5  # ()
for z in (z1, z2, z3, y):
    print(z)

# %% grad-fn
for z in (x1, z1, z2, z3, y):
    print(type(z.grad_fn).__name__)

# %% next
for node in (y.grad_fn, z3.grad_fn, z2.grad_fn):
    pairs = [(type(n).__name__, index) for n, index in node.next_functions]
    print(type(node).__name__, "->", pairs)

# %% same
print(y.grad_fn.next_functions[0][0] is z3.grad_fn)

# %% pairs
for z in (x1**2, torch.where(x2 > 3, x1, x2), torch.stack([x1, x2, x3])):
    print(type(z.grad_fn).__name__, len(z.grad_fn.next_functions))

# %% accumulate
end1 = z2.grad_fn.next_functions[0][0]
end3 = z3.grad_fn.next_functions[1][0]
print(end1.variable is x1, end1.next_functions)
print(end3.variable is x3, end3.next_functions)

# %% index
first, second = x1.unbind()  # (), ()
for node, index in (second / first).grad_fn.next_functions:
    print(type(node).__name__, index)

# %% describe
tensors = {"x1": x1, "x2": x2, "x3": x3}
tensors |= {"z1": z1, "z2": z2, "z3": z3, "y": y}


def describe(node) -> str:
    """Return a node's type, and which of our tensors it belongs to."""
    if node is None:
        return "None"
    kind = type(node).__name__
    for name, tensor in tensors.items():
        if node is tensor.grad_fn:
            return f"{kind} of {name} {tuple(tensor.shape)}"
        if hasattr(node, "variable") and node.variable is tensor:
            return f"{kind} into {name} {tuple(tensor.shape)}"
    return kind


# %% tree
def print_tree(node, depth: int = 0) -> None:
    """Print a node, and below it, indented, all that it leads to."""
    print("    " * depth + describe(node))
    if node is not None:
        for following, _ in node.next_functions:
            print_tree(following, depth + 1)


print_tree(y.grad_fn)


# %% walk
def walk(start) -> list:
    """Return all nodes that can be reached from this one, each once."""
    found = [start]
    for node in found:  # the list grows while we go through it
        for following, _ in node.next_functions:
            if following is not None and following not in found:
                found.append(following)
    return found


for node in walk(y.grad_fn):
    print(describe(node))

# %% borrow
from drawing import draw_graph


# %% draw-recorded
def draw_recorded(start) -> None:
    """Draw the recorded graph; [i] on an edge means next_functions[i]."""
    labels, looks, edges = {}, {}, []
    for node in walk(start):
        labels[node] = describe(node).replace(" ", "\n", 1)
        looks[node] = "" if node.next_functions else "box"
        for i, (following, _) in enumerate(node.next_functions):
            end = following
            if following is None:
                end = (node, i)  # each None is an end of its own
                labels[end], looks[end] = "None", "missing"
            edges.append((node, end, f"[{i}]"))
    draw_graph(labels, edges, looks)


# %% graph
import matplotlib.pyplot as plt

draw_recorded(y.grad_fn)
plt.show()

# %% table
z2.retain_grad()
print("    is_leaf requires_grad retains_grad grad_fn")
for name, tensor in tensors.items():
    flags = f"{tensor.is_leaf!s:7} {tensor.requires_grad!s:13}"
    kind = type(tensor.grad_fn).__name__
    print(f"{name:3} {flags} {tensor.retains_grad!s:12} {kind}")

# %% call
with torch.no_grad():  # what follows is not recorded
    print(y.grad_fn(torch.tensor(1.0)))
    print(z3.grad_fn(torch.tensor(0.2)))
    print(z2.grad_fn(torch.tensor([1.0, 1.2])))

# %% saved
print(z3.grad_fn._saved_self)
print(z3.grad_fn._saved_tensor)


# %% absolute
def absolute(x1: torch.Tensor, x3: torch.Tensor) -> torch.Tensor:
    """Return the absolute value of x1^T x3, shape (), for shapes (n,)."""
    s = x1 @ x3
    return s if s > 0 else -s


opposite = torch.tensor([-1.0, -2.0], requires_grad=True)
tensors["opposite"] = opposite
print_tree(absolute(x1, x3).grad_fn)
print()
print_tree(absolute(opposite, x3).grad_fn)

# %% integers
import textwrap

try:
    torch.tensor([1, 2], requires_grad=True)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% late
w = torch.tensor([1.0, 2.0])
square = w @ w
w.requires_grad_()
print(square.requires_grad)
print((w @ w).requires_grad)

# %% leaf-in-place
try:
    x1 += 1
except RuntimeError as error:
    message = f"RuntimeError: {error}"
    print(textwrap.fill(message, 72, break_on_hyphens=False))

# %% to-numpy
try:
    z2.numpy()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))
print(z2.detach().numpy())

# %% rebuilt
pair = torch.tensor([z3.item(), y.item()])  # (2,)
print(pair.requires_grad)
pair = torch.stack([z3, y])  # (2,)
print(pair.requires_grad, type(pair.grad_fn).__name__)

# %% exercise-flags
examples = {
    "x1[0]": x1[0],
    "x1 > 1": x1 > 1,
    "0 * x1": 0 * x1,
    "x2 + 1": x2 + 1,
    "x1.detach()": x1.detach(),
}
for name, tensor in examples.items():
    print(f"{name:11}", tensor.requires_grad, tensor.is_leaf)

# %% exercise-x2
x2.requires_grad_()
print_tree(((x1 + 2 * x2) @ x3 / 5).grad_fn)

# %% exercise-shared
s = x1 @ x3
c = s * s + s
print_tree(c.grad_fn)
print(len(walk(c.grad_fn)), "nodes")
draw_recorded(c.grad_fn)
plt.show()

# %% exercise-neuron
theta = torch.tensor([0.5, -1.0], requires_grad=True)  # (2,)
b = torch.tensor(0.5, requires_grad=True)  # ()
x = torch.tensor([1.0, 2.0])  # (2,)
tensors = {"theta": theta, "b": b, "x": x}
print_tree(torch.sigmoid(theta @ x + b).grad_fn)
