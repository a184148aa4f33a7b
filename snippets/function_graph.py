"""One formula, taken apart into a graph of single operations."""

# %% formula
import torch
from torch import Tensor

x1 = torch.tensor([1.0, 2.0])  # (2,)
x2 = torch.tensor([3.0, 4.0])  # (2,)
x3 = torch.tensor([5.0, 6.0])  # (2,)
print((x1 + 2 * x2) @ x3 / 5)

# %% steps
z1 = 2 * x2  # (2,)
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
y = z3 / 5  # ()
for value in (z1, z2, z3, y):
    print(value)

# %% trace
from torch import fx


def f(x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
    """Return (x1 + 2 x2)^T x3 / 5, shape (), for three shapes (n,)."""
    return (x1 + 2 * x2) @ x3 / 5


graph = fx.symbolic_trace(f).graph
operations = [node for node in graph.nodes if node.op == "call_function"]
for node, name in zip(operations, ["z1", "z2", "z3", "y"], strict=True):
    node.name = name
    print(f"{name} = {node.target.__name__}{node.args}")

# %% needs
nodes = [node for node in graph.nodes if node.op != "output"]
needs = {node: node.all_input_nodes for node in nodes}
for node, sources in needs.items():
    print(node, "needs", sources)

# %% order
from graphlib import TopologicalSorter

order = list(TopologicalSorter(needs).static_order())
print(*order)


# %% evaluate
def evaluate(order: list[fx.Node], inputs: dict) -> dict:
    """Carry out the operations in this order; return values by name."""
    values = dict(inputs)
    for node in order:
        if node.name not in values:  # an operation
            arguments = [
                values[arg.name] if isinstance(arg, fx.Node) else arg
                for arg in node.args
            ]
            values[node.name] = node.target(*arguments)
    return values


values = evaluate(order, {"x1": x1, "x2": x2, "x3": x3})
for node in order:
    print(node, "=", values[node.name].tolist())

# %% other-order
by_name = {node.name: node for node in nodes}
names = ["x2", "z1", "x1", "z2", "x3", "z3", "y"]
other = [by_name[name] for name in names]
print(evaluate(other, {"x1": x1, "x2": x2, "x3": x3})["y"])


# %% labels
import matplotlib.pyplot as plt


def show(value: Tensor) -> str:
    """Write a vector as (6, 8) and a number as 95."""
    numbers = ", ".join(
        f"{entry:.4g}" for entry in value.flatten().tolist()
    )
    return f"({numbers})" if value.ndim else numbers


symbols = {"mul": "*", "add": "+", "matmul": "@", "truediv": "/"}
labels = {node: node.name for node in graph.nodes}
for node in operations:
    left, right = node.args
    labels[node] += f" = {left} {symbols[node.target.__name__]} {right}"

# %% borrow
from drawing import draw_graph

# %% draw
edges = [
    (source, node, show(values[source.name]))
    for node in graph.nodes
    for source in node.all_input_nodes
]
boxes = {node: "box" for node in graph.nodes if node not in operations}
draw_graph(labels, edges, boxes, upward=True)
plt.show()

# %% nudge
nudged_x1 = torch.tensor([1.1, 2.0])
nudged = evaluate(order, {"x1": nudged_x1, "x2": x2, "x3": x3})
changes = {name: nudged[name] - values[name] for name in values}
for name in ("x1", "z1", "z2", "z3", "y"):
    print(f"{name} changes by", changes[name])

# %% draw-nudge
changed = [node for node in nodes if changes[node.name].abs().sum()]
looks = {node: boxes.get(node, "") for node in graph.nodes}
for node in [*changed, graph.output_node()]:
    looks[node] += " marked"
edges = [
    (source, node, show(changes[source.name])) for source, node, _ in edges
]
draw_graph(labels, edges, looks, upward=True)
plt.show()

# %% reversed
print(*reversed(order))

# %% wrong-order
names = ["x1", "x2", "x3", "z2", "z1", "z3", "y"]
wrong = [by_name[name] for name in names]
try:
    evaluate(wrong, {"x1": x1, "x2": x2, "x3": x3})
except KeyError as error:
    print("KeyError:", error)

# %% spreadsheet
a = torch.tensor([1.0, 2.0])
result = f(a, x2, x3)
a[0] = 100.0
print(result)
print(f(a, x2, x3))


# %% in-place
def f_in_place(x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
    """Return f(x1, x2, x3), and spoil x1."""
    x1 += 2 * x2
    return x1 @ x3 / 5


b = torch.tensor([1.0, 2.0])
print(f_in_place(b, x2, x3))
print(f_in_place(b, x2, x3))


# %% precedence
def without_parentheses(x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
    """Return x1 + (2 x2^T x3 / 5), shape (n,), for three shapes (n,)."""
    return x1 + 2 * x2 @ x3 / 5


print(without_parentheses(x1, x2, x3))
for node in fx.symbolic_trace(without_parentheses).graph.nodes:
    if node.op == "call_function":
        print(f"{node.name} = {node.target.__name__}{node.args}")

# %% branch
import textwrap


def absolute(x1: Tensor, x3: Tensor) -> Tensor:
    """Return the absolute value of x1^T x3, shape (), for shapes (n,)."""
    s = x1 @ x3
    return s if s > 0 else -s


print(absolute(x1, x3))
try:
    fx.symbolic_trace(absolute)
except fx.proxy.TraceError as error:
    print(textwrap.fill(f"TraceError: {error}", 72))

# %% exercise-input
inputs = {"x1": x1, "x2": torch.tensor([0.0, 1.0]), "x3": x3}
solution = evaluate(order, inputs)
for name in ("z1", "z2", "z3", "y"):
    print(f"{name} =", solution[name])


# %% exercise-twice
def twice(x1: Tensor, x3: Tensor) -> Tensor:
    """Return s^2 + s with s = x1^T x3, shape (), for two shapes (n,)."""
    s = x1 @ x3
    return s * s + s


print(twice(x1, x3))
for node in fx.symbolic_trace(twice).graph.nodes:
    if node.op == "call_function":
        print(f"{node.name} = {node.target.__name__}{node.args}")

# %% exercise-orders
import itertools


def is_topological(order: list[fx.Node]) -> bool:
    """Tell whether each node comes after all of its inputs."""
    done = set()
    for node in order:
        if not done.issuperset(needs[node]):
            return False
        done.add(node)
    return True


orders = list(itertools.permutations(nodes))
valid = [each for each in orders if is_topological(each)]
print(len(valid), "of", len(orders))

# %% exercise-sheet
formulas = {
    "total": (["net", "tax"], lambda net, tax: net + tax),
    "tax": (["net", "rate"], lambda net, rate: net * rate),
    "net": (["price", "count"], lambda price, count: price * count),
}
cells = {"price": 20.0, "count": 3.0, "rate": 0.25}
sources = {name: formula[0] for name, formula in formulas.items()}
stale = ["rate"]
for name in TopologicalSorter(sources).static_order():
    if name in formulas:
        inputs, compute = formulas[name]
        cells[name] = compute(*[cells[each] for each in inputs])
        if any(each in stale for each in inputs):
            stale.append(name)
        print(name, "=", cells[name])
print("recompute after a new rate:", *stale[1:])

# %% exercise-cycle
from graphlib import CycleError

try:
    list(TopologicalSorter(sources | {"price": ["total"]}).static_order())
except CycleError as error:
    print("CycleError:", error.args[0] + ":", *error.args[1])
