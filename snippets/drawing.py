"""Draws small graphs in layers: of operations, and of gradients."""

# %% imports
from collections.abc import Collection, Iterable, Mapping
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.text import Text


# %% layers
def layers(nodes: Iterable[Any], edges: Collection[Any]) -> dict[Any, int]:
    """Give each node its layer: the length of the longest way down to it.

    An edge is a triple (upper node, lower node, label).
    """
    layer = dict.fromkeys(nodes, 0)
    for _ in layer:  # no way has more steps than there are nodes
        for upper, lower, _label in edges:
            layer[lower] = max(layer[lower], layer[upper] + 1)
    return layer


# %% places
def places(
    nodes: Iterable[Any], edges: Collection[Any]
) -> dict[Any, tuple[float, int]]:
    """Give each node its (column, layer), counted from the top left."""
    layer = layers(nodes, edges)
    order = dict.fromkeys([*(lower for _, lower, _ in edges), *layer])
    column: dict[Any, float] = {}
    for depth in range(max(layer.values()) + 1):
        wish = {}  # the middle of the nodes above
        for node in order:
            if layer[node] == depth:
                above = [column[up] for up, low, _ in edges if low == node]
                wish[node] = mean(above) if above else 0.0
        free = 0.0  # the leftmost column not yet taken
        for node in sorted(wish, key=lambda node: wish[node]):
            column[node] = max(wish[node], free)
            free = column[node] + 1
    return {node: (column[node], layer[node]) for node in layer}


# %% bends
def bends(
    edges: Collection[Any], place: Mapping[Any, tuple[float, int]]
) -> list[float]:
    """Say how much each edge bends to the left of its way down."""
    result = []
    for i, (upper, lower, _) in enumerate(edges):
        (left, top), (right, bottom) = place[upper], place[lower]
        twins = [j for j, e in enumerate(edges) if e[:2] == (upper, lower)]
        bend = 0.25 * (len(twins) - 1 - 2 * twins.index(i))
        for column, layer in place.values():
            part = (layer - top) / (bottom - top)
            passed = left + part * (right - left)
            if 0 < part < 1 and abs(column - passed) < 0.5:
                bend = 1.0  # around the node in its way
        result.append(bend)
    return result


# %% draw-node
def draw_node(
    axes: Axes, x: float, y: float, label: str, look: str
) -> Text:
    """Draw a node: its label with an outline around it."""
    color = "gray" if "missing" in look else "black"
    outline = {
        "boxstyle": "square,pad=0.5" if "box" in look else "round,pad=0.5",
        "edgecolor": "C1" if "marked" in look else color,
        "facecolor": "white",
        "linestyle": "dashed" if "missing" in look else "solid",
        "linewidth": 3 if "marked" in look else 1.2,
    }
    text = axes.text(x, y, label, ha="center", va="center", color=color)
    text.set_bbox(outline)
    return text


# %% draw-arrow
def draw_arrow(
    axes: Axes, source: Text, target: Text, bend: float, look: str
) -> None:
    """Draw an arrow from the outline of one node to that of another."""
    color = "gray" if "missing" in look else "black"
    arrow = {
        "arrowstyle": "-|>,head_length=0.5,head_width=0.25",
        "color": "C1" if "marked" in look else color,
        "connectionstyle": f"arc3,rad={bend}",
        "linestyle": "dashed" if "missing" in look else "solid",
        "linewidth": 3 if "marked" in look else 1.2,
        "patchA": source.get_bbox_patch(),
        "patchB": target.get_bbox_patch(),
        "shrinkA": 0,
        "shrinkB": 3,
    }
    start, end = source.get_position(), target.get_position()
    axes.annotate("", end, start, arrowprops=arrow)


# %% draw-label
def draw_label(
    axes: Axes, upper: Text, lower: Text, bend: float, label: str
) -> None:
    """Write a label beside the middle of an edge."""
    left, top = upper.get_position()
    right, bottom = lower.get_position()
    x = (left + right + bend * (bottom - top)) / 2
    y = (top + bottom - bend * (right - left)) / 2
    rightward = bend < 0 or (bend == 0 and left < right)
    axes.text(
        x + (0.07 if rightward else -0.07),
        y,
        label,
        ha="left" if rightward else "right",
        va="center" if left == right else "bottom",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


# %% draw-edges
def draw_edges(
    axes: Axes,
    edges: Collection[Any],
    nodes: Mapping[Any, Text],
    place: Mapping[Any, tuple[float, int]],
    looks: Mapping[Any, str],
    upward: bool,
) -> None:
    """Draw all edges (upper, lower, label), with arrows down or up."""
    for edge, bend in zip(edges, bends(edges, place), strict=True):
        upper, lower, label = edge
        ends = [looks.get(upper, ""), looks.get(lower, "")]
        look = "missing" if any("missing" in end for end in ends) else ""
        if all("marked" in end for end in ends):
            look = "marked"
        if upward:
            draw_arrow(axes, nodes[lower], nodes[upper], -bend, look)
        else:
            draw_arrow(axes, nodes[upper], nodes[lower], bend, look)
        draw_label(axes, nodes[upper], nodes[lower], bend, label)


# %% draw-graph
def draw_graph(
    labels: Mapping[Any, str],
    edges: Collection[tuple[Any, Any, str]],
    looks: Mapping[Any, str],
    upward: bool = False,
    width: float = 1.9,
) -> None:
    """Draw nodes {key: label} and edges (source, target, label).

    A look holds box, missing, marked; width is a column's, in inches.
    """
    down = [(t, s, n) if upward else (s, t, n) for s, t, n in edges]
    place = places(labels, down)
    columns, depths = zip(*place.values(), strict=True)
    left = -0.5 if any(bends(down, place)) else 0.0  # room for a bend
    right, bottom = width * (max(columns) + 1), max(depths) + 1
    size = (right - left, bottom)
    _, axes = plt.subplots(figsize=size, layout="constrained")
    axes.set(xlim=(left, right), ylim=(-bottom, 0), aspect="equal")
    axes.axis("off")
    nodes = {}
    for key, (column, layer) in place.items():
        x, y = width * (column + 0.5), -layer - 0.5
        nodes[key] = draw_node(axes, x, y, labels[key], looks.get(key, ""))
    draw_edges(axes, down, nodes, place, looks, upward)
