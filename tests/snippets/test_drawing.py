"""Do the functions that draw graphs place everything where it belongs?"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Annotation, Text

# s is used three times: twice by the product, once by the sum.
SHARED = [
    ("sum", "product", ""),
    ("sum", "s", ""),
    ("product", "s", ""),
    ("product", "s", ""),
    ("s", "x1", ""),
    ("s", "x3", ""),
]


@pytest.fixture
def names(run_module: Callable[[str], Any]) -> dict[str, Any]:
    return dict(run_module("drawing").namespace)


@pytest.fixture(autouse=True)
def no_figure_is_left_open() -> Iterator[None]:
    yield
    plt.close("all")


def keys(edges: list[tuple[str, str, str]]) -> dict[str, str]:
    """Give each node its own name as its label."""
    return {node: node for upper, lower, _ in edges for node in (upper, lower)}


def drawn(axes: Axes) -> dict[str, Text]:
    """Find all labels, by what they say."""
    return {text.get_text(): text for text in axes.texts if text.get_text()}


def arrows(axes: Axes) -> list[Annotation]:
    return [text for text in axes.texts if isinstance(text, Annotation)]


def test_the_module_prints_nothing(run_module: Callable[[str], Any]) -> None:
    assert run_module("drawing").output == ""


def test_the_longest_path_from_the_top_decides_the_layer(
    names: dict[str, Any],
) -> None:
    layer = names["layers"](keys(SHARED), SHARED)
    assert layer == {"sum": 0, "product": 1, "s": 2, "x1": 3, "x3": 3}


def test_the_order_of_the_edges_does_not_change_the_layers(
    names: dict[str, Any],
) -> None:
    backward = SHARED[::-1]
    assert names["layers"](keys(backward), backward) == names["layers"](
        keys(SHARED), SHARED
    )


def test_the_first_input_stands_straight_below_and_the_second_to_its_right(
    names: dict[str, Any],
) -> None:
    edges = [("y", "z3", ""), ("z3", "z2", ""), ("z3", "x3", ""), ("z2", "x1", "")]
    place = names["places"](keys(edges), edges)
    assert place == {
        "y": (0, 0),
        "z3": (0, 1),
        "z2": (0, 2),
        "x3": (1, 2),
        "x1": (0, 3),
    }


def test_no_two_nodes_share_a_place(names: dict[str, Any]) -> None:
    edges = [(f"a{i}", f"b{j}", "") for i in range(3) for j in range(4)]
    place = names["places"](keys(edges), edges)
    for layer in (0, 1):
        columns = sorted(column for column, depth in place.values() if depth == layer)
        gaps = [b - a for a, b in pairwise(columns)]
        assert min(gaps) >= 1


def test_a_node_below_two_others_stands_below_their_middle(
    names: dict[str, Any],
) -> None:
    edges = [("a", "c", ""), ("b", "c", "")]
    place = names["places"](keys(edges) | {"b": "b"}, edges)
    assert (place["a"], place["b"], place["c"]) == ((0, 0), (1, 0), (0.5, 1))


def test_two_edges_between_the_same_nodes_bend_to_either_side(
    names: dict[str, Any],
) -> None:
    bends = names["bends"](SHARED, names["places"](keys(SHARED), SHARED))
    twins = [bends[2], bends[3]]
    assert twins[0] > 0
    assert sum(twins) == 0


def test_an_edge_bends_around_a_node_in_its_way_and_is_straight_otherwise(
    names: dict[str, Any],
) -> None:
    bends = names["bends"](SHARED, names["places"](keys(SHARED), SHARED))
    assert bends[1] > 0
    assert [bends[i] for i in (0, 4, 5)] == [0, 0, 0]


@pytest.mark.parametrize("upward", [False, True])
def test_each_arrow_points_from_its_source_to_its_target(
    names: dict[str, Any], upward: bool
) -> None:
    edges = [("a", "b", "first"), ("a", "c", "second")]
    names["draw_graph"](keys(edges), edges, {}, upward=upward)
    labels = drawn(plt.gca())
    pairs = [(arrow.xyann, arrow.xy) for arrow in arrows(plt.gca())]
    position = {key: labels[key].get_position() for key in "abc"}
    expected = {(position["a"], position[key]) for key in "bc"}
    assert {(tuple(start), tuple(end)) for start, end in pairs} == expected
    assert (position["a"][1] < position["b"][1]) is upward
    assert {"first", "second"} <= set(labels)


def test_a_missing_branch_is_dashed_and_gray(names: dict[str, Any]) -> None:
    edges = [("a", "b", ""), ("a", "c", "")]
    names["draw_graph"](keys(edges), edges, {"c": "missing"})
    axes = plt.gca()
    looks = []
    for key in "bc":
        patch = drawn(axes)[key].get_bbox_patch()
        assert patch is not None
        looks.append((patch.get_linestyle(), to_hex(patch.get_edgecolor())))
    assert looks == [("solid", "#000000"), ("dashed", "#808080")]
    shafts = [arrow.arrow_patch for arrow in arrows(axes)]
    assert [shaft and shaft.get_linestyle() for shaft in shafts] == ["solid", "dashed"]


def test_an_edge_is_marked_if_both_of_its_ends_are(names: dict[str, Any]) -> None:
    edges = [("a", "b", ""), ("b", "c", "")]
    names["draw_graph"](keys(edges), edges, {"a": "marked", "b": "box marked"})
    shafts = [arrow.arrow_patch for arrow in arrows(plt.gca())]
    assert [shaft and shaft.get_linewidth() for shaft in shafts] == [3, 1.2]


def overlaps(axes: Axes) -> list[tuple[str, str]]:
    """List the pairs of labels whose boxes overlap on the drawing."""
    axes.figure.canvas.draw()
    boxes = [
        (name, (text.get_bbox_patch() or text).get_window_extent())
        for name, text in drawn(axes).items()
    ]
    return [
        (name, other)
        for i, (name, box) in enumerate(boxes)
        for other, second in boxes[:i]
        if box.overlaps(second)
    ]


@pytest.mark.parametrize("upward", [False, True])
def test_no_label_covers_another(names: dict[str, Any], upward: bool) -> None:
    edges = [
        (upper, lower, f"({i}.0, {i}.2)") for i, (upper, lower, _) in enumerate(SHARED)
    ]
    if upward:
        edges = [(lower, upper, label) for upper, lower, label in edges]
    labels = {key: f"AccumulateGrad\n{key}" for key in keys(edges)}
    names["draw_graph"](labels, edges, {}, upward=upward)
    assert overlaps(plt.gca()) == []
