"""One formula, taken apart into a graph of single operations."""

# %% imports
import itertools
import textwrap
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
from torch import fx

# %% formula
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
def f(x1: torch.Tensor, x2: torch.Tensor, x3: torch.Tensor) -> torch.Tensor:
    """Return (x1 + 2 x2)^T x3 / 5, shape (), for three shapes (n,)."""
    return (x1 + 2 * x2) @ x3 / 5


graph = fx.symbolic_trace(f).graph
inputs = [node for node in graph.nodes if node.op == "placeholder"]
operations = [node for node in graph.nodes if node.op == "call_function"]
print("inputs:    ", *inputs)
print("operations:", *operations)

# %% rename
for node, name in zip(operations, ["z1", "z2", "z3", "y"], strict=True):
    node.name = name
for node in operations:
    print(f"{node.name} = {node.target.__name__}{node.args}")

# %% edges
for node in operations:
    for source in node.all_input_nodes:
        print(f"{source} -> {node}")


# %% evaluate
def evaluate(
    operations: list[fx.Node], inputs: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Carry out the operations in this order; return values by name."""
    values = dict(inputs)
    for node in operations:
        assert callable(node.target)  # the function that computes the node
        arguments = [
            values[arg.name] if isinstance(arg, fx.Node) else arg
            for arg in node.args
        ]
        values[node.name] = node.target(*arguments)
    return values


values = evaluate(operations, {"x1": x1, "x2": x2, "x3": x3})
for name, value in values.items():
    print(f"{name} = {value.tolist()}")


# %% labels
def show(value: torch.Tensor) -> str:
    """Write a vector as (6, 8) and a number as 95."""
    numbers = ", ".join(f"{entry:.4g}" for entry in value.ravel().tolist())
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


# %% topological
def is_topological(order: list[fx.Node]) -> bool:
    """Tell whether each node comes after all of its inputs."""
    done: set[fx.Node] = set()
    for node in order:
        if not done.issuperset(node.all_input_nodes):
            return False
        done.add(node)
    return True


nodes = {node.name: node for node in [*inputs, *operations]}
for line in (
    "x1 x2 x3 z1 z2 z3 y",
    "x2 z1 x1 z2 x3 z3 y",
    "x1 x2 x3 z2 z1 z3 y",
):
    print(line, is_topological([nodes[name] for name in line.split()]))


# %% affected
def affected(changed: fx.Node) -> list[fx.Node]:
    """Return the operations whose values depend on the changed input."""
    reached = [changed]
    for node in operations:  # in topological order, so one pass is enough
        if any(source in reached for source in node.all_input_nodes):
            reached.append(node)
    return reached[1:]


for node in inputs:
    print(f"{node} changes: compute", *affected(node), "again")

# %% again
again = values | {"x3": torch.tensor([1.0, 0.0])}
again = evaluate(affected(nodes["x3"]), again)
print("z3 =", again["z3"])
print("y =", again["y"])

# %% nudge
nudged = values | {"x1": torch.tensor([1.1, 2.0])}
nudged = evaluate(affected(nodes["x1"]), nudged)
for name in ("x1", "z2", "z3", "y"):
    print(f"{name} changes by", nudged[name] - values[name])

# %% draw-nudge
changes = [
    (source, node, show(nudged[source.name] - values[source.name]))
    for source, node, _ in edges
]
looks = boxes | dict.fromkeys(affected(nodes["x1"]), "marked")
looks[nodes["x1"]] = looks[graph.output_node()] = "box marked"
draw_graph(labels, changes, looks, upward=True)
plt.show()

# %% spreadsheet
a = torch.tensor([1.0, 2.0])
result = f(a, x2, x3)
a[0] = 100.0
print(result)
print(f(a, x2, x3))


# %% in-place
def f_in_place(
    x1: torch.Tensor, x2: torch.Tensor, x3: torch.Tensor
) -> torch.Tensor:
    """Return f(x1, x2, x3), and spoil x1."""
    x1 += 2 * x2
    return x1 @ x3 / 5


b = torch.tensor([1.0, 2.0])
print(f_in_place(b, x2, x3))
print(f_in_place(b, x2, x3))


# %% precedence
def without_parentheses(
    x1: torch.Tensor, x2: torch.Tensor, x3: torch.Tensor
) -> torch.Tensor:
    """Return x1 + (2 x2^T x3 / 5), shape (n,), for three shapes (n,)."""
    return x1 + 2 * x2 @ x3 / 5


print(without_parentheses(x1, x2, x3))
for node in fx.symbolic_trace(without_parentheses).graph.nodes:
    if node.op == "call_function":
        print(f"{node.name} = {node.target.__name__}{node.args}")


# %% branch
def absolute(x1: torch.Tensor, x3: torch.Tensor) -> torch.Tensor:
    """Return the absolute value of x1^T x3, shape (), for shapes (n,)."""
    s = x1 @ x3
    return s if s > 0 else -s


print(absolute(x1, x3))
try:
    fx.symbolic_trace(absolute)
except fx.proxy.TraceError as error:
    print(textwrap.fill(f"TraceError: {error}", 72))

# %% exercise-input
solution = values | {"x2": torch.tensor([0.0, 1.0])}
solution = evaluate(affected(nodes["x2"]), solution)
for name in ("z1", "z2", "z3", "y"):
    print(f"{name} =", solution[name])


# %% exercise-twice
def twice(x1: torch.Tensor, x3: torch.Tensor) -> torch.Tensor:
    """Return s^2 + s with s = x1^T x3, shape (), for two shapes (n,)."""
    s = x1 @ x3
    return s * s + s


print(twice(x1, x3))
for node in fx.symbolic_trace(twice).graph.nodes:
    if node.op == "call_function":
        print(f"{node.name} = {node.target.__name__}{node.args}")

# %% exercise-orders
orders = list(itertools.permutations(nodes.values()))
valid = [order for order in orders if is_topological(list(order))]
print(len(valid), "of", len(orders))


# %% exercise-cost
def g(x1: torch.Tensor, x2: torch.Tensor, x3: torch.Tensor) -> torch.Tensor:
    """Return (x1^T x3 + 2 x2^T x3) / 5, shape (), for three shapes (n,)."""
    return (x1 @ x3 + 2 * (x2 @ x3)) / 5


def cost(function: Callable[..., torch.Tensor]) -> int:
    """Count the products, quotients and sums of two numbers."""
    nodes = fx.symbolic_trace(function).graph.nodes
    steps = [node for node in nodes if node.op == "call_function"]
    values = evaluate(steps, {"x1": x1, "x2": x2, "x3": x3})
    total = 0
    for node in steps:
        if "matmul" in node.name:
            total += 2 * len(x1) - 1
        else:
            total += values[node.name].numel()
    return total


print(g(x1, x2, x3))
print(cost(f), cost(g))
