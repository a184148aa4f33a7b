"""Draws small graphs in layers: of operations, and of gradients."""

# %% imports
from statistics import mean

import matplotlib.pyplot as plt


# %% layers
def layers(nodes, edges) -> dict:
    """Give each node its layer: the length of the longest path to it.

    An edge is a triple (upper node, lower node, label).
    """
    layer = dict.fromkeys(nodes, 0)
    for _ in layer:  # no path has more steps than there are nodes
        for upper, lower, _label in edges:
            layer[lower] = max(layer[lower], layer[upper] + 1)
    return layer


# %% places
def places(nodes, edges) -> dict:
    """Give each node its (column, layer), counted from the top left."""
    layer = layers(nodes, edges)
    order = dict.fromkeys([*(lower for _, lower, _ in edges), *layer])
    column = {}
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
def bends(edges, place) -> list:
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
def line(look: str) -> dict:
    """Turn a look, of the words missing and marked, into a line's."""
    color = "gray" if "missing" in look else "black"
    return {
        "edgecolor": "C1" if "marked" in look else color,
        "linestyle": "dashed" if "missing" in look else "solid",
        "linewidth": 3 if "marked" in look else 1.2,
    }


def draw_node(axes, x, y, label, look):
    """Draw a node: its label with an outline around it."""
    color = "gray" if "missing" in look else "black"
    node = axes.text(x, y, label, ha="center", va="center", color=color)
    box = "square,pad=0.5" if "box" in look else "round,pad=0.5"
    node.set_bbox({"boxstyle": box, "facecolor": "white", **line(look)})
    return node


# %% draw-arrow
def draw_arrow(axes, source, target, bend, look) -> None:
    """Draw an arrow from the outline of one node to that of another."""
    arrow = line(look) | {
        "arrowstyle": "-|>,head_length=0.5,head_width=0.25",
        "connectionstyle": f"arc3,rad={bend}",
        "facecolor": line(look)["edgecolor"],
        "patchA": source.get_bbox_patch(),
        "patchB": target.get_bbox_patch(),
        "shrinkA": 0,
        "shrinkB": 3,
    }
    start, end = source.get_position(), target.get_position()
    axes.annotate("", end, start, arrowprops=arrow)


# %% draw-label
def draw_label(axes, upper, lower, bend, label) -> None:
    """Write a label beside the middle of an edge."""
    (left, top), (right, bottom) = (
        upper.get_position(),
        lower.get_position(),
    )
    x = (left + right + bend * (bottom - top)) / 2
    y = (top + bottom - bend * (right - left)) / 2
    rightward = bend < 0 or (bend == 0 and left < right)
    side = "left" if rightward else "right"
    text = axes.text(x + (0.07 if rightward else -0.07), y, label, ha=side)
    text.set_va("center" if left == right else "bottom")
    text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})


# %% draw-edges
def draw_edges(axes, edges, nodes, place, looks, upward) -> None:
    """Draw all edges (upper, lower, label), with arrows down or up."""
    for edge, bend in zip(edges, bends(edges, place), strict=True):
        upper, lower = nodes[edge[0]], nodes[edge[1]]
        both = [looks.get(key, "") for key in edge[:2]]
        look = "missing" if any("missing" in end for end in both) else ""
        if all("marked" in end for end in both):
            look = "marked"
        if upward:
            draw_arrow(axes, lower, upper, -bend, look)
        else:
            draw_arrow(axes, upper, lower, bend, look)
        draw_label(axes, upper, lower, bend, edge[2])


# %% draw-graph
def draw_graph(labels, edges, looks, upward=False, width=1.9) -> None:
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
