"""Is what the chapter on the multilayer perceptron says and prints true?"""

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

POINTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR = np.array([0, 1, 1, 0])


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("multilayer_perceptron")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def numbers(model: Any) -> list[Any]:
    """The model's weights and biases, in double precision."""
    return [p.detach().double().numpy() for p in model.parameters()]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([1, 1], 1 + 1),
        ([2, 2, 1], (2 * 2 + 2) + (2 * 1 + 1)),
        ([3, 4, 4, 2], (3 * 4 + 4) + (4 * 4 + 4) + (4 * 2 + 2)),
        ([784, 128, 10], (784 * 128 + 128) + (128 * 10 + 10)),
    ],
)
def test_formula_and_pytorch_count_parameters_as_the_hand_does(
    names: dict[str, Any], sizes: list[int], count: int
) -> None:
    built = names["make_mlp"](sizes, nn.Tanh)
    assert names["count_parameters"](sizes) == count
    assert sum(p.numel() for p in built.parameters()) == count


def test_the_drawing_has_an_edge_a_weight_and_a_circle_a_bias(
    names: dict[str, Any],
) -> None:
    figure, axes = names["plt"].subplots()
    names["draw_perceptron"](axes, [3, 4, 4, 2])
    edges = [line for line in axes.lines if line.get_marker() == "None"]
    circles = [line for line in axes.lines if line.get_marker() == "o"]
    weights = [p for p in names["model"].parameters() if p.ndim == 2]
    biases = [p for p in names["model"].parameters() if p.ndim == 1]
    assert len(edges) == sum(p.numel() for p in weights) == 3 * 4 + 4 * 4 + 4 * 2
    dots = sum(len(np.asarray(line.get_xdata())) for line in circles)
    assert dots == sum(p.numel() for p in biases) == 4 + 4 + 2
    names["plt"].close(figure)


def test_the_model_computes_its_layers_one_after_another(
    names: dict[str, Any],
) -> None:
    w1, b1, w2, b2, w3, b3 = numbers(names["model"])
    for x, y in zip(names["X"], names["model"](names["X"]), strict=True):
        h = [math.tanh(row @ x.numpy() + b) for row, b in zip(w1, b1, strict=True)]
        h = [math.tanh(row @ h + b) for row, b in zip(w2, b2, strict=True)]
        expected = [row @ h + b for row, b in zip(w3, b3, strict=True)]
        assert y.detach().numpy() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(names["X"][0], torch.tensor([1.0, 2.0, -1.0]))
    assert names["y"].detach().numpy() == pytest.approx(
        names["model"](names["X"])[0].detach().numpy(), abs=1e-6
    )


def test_no_line_separates_xor_as_the_two_classes_have_one_center() -> None:
    # An affine function takes at the center of two points the mean of its values
    # there, so it cannot be positive at one pair and at most 0 at the other.
    assert (POINTS[XOR == 1].mean(axis=0) == POINTS[XOR == 0].mean(axis=0)).all()


def test_lines_separate_all_classes_of_the_four_points_but_xor_and_its_opposite(
    names: dict[str, Any],
) -> None:
    found = {tuple(int(z > 0) for z in column) for column in names["z"].T}
    missing = set(itertools.product((0, 1), repeat=4)) - found
    assert missing == {(0, 1, 1, 0), (1, 0, 0, 1)}


def test_each_of_the_4913_neurons_is_counted_as_numpy_counts_it(ran: Any) -> None:
    values = np.arange(-8, 9) / 4
    counts = [0] * 5
    for a, b, c in itertools.product(values, repeat=3):
        right = ((POINTS @ [a, b] + c > 0) == (XOR == 1)).sum()
        counts[right] += 1
    printed = re.findall(r"(\d) points right: +(\d+) neurons", ran.output)
    assert [(int(n), int(count)) for n, count in printed] == [*enumerate(counts)]
    assert sum(counts) == 17**3
    assert counts[4] == 0


def test_the_drawn_neuron_gets_three_of_the_four_points_right(
    names: dict[str, Any],
) -> None:
    a, b, c = names["one"].tolist()
    z = [a * x1 + b * x2 + c for x1, x2 in POINTS.tolist()]
    assert z == [-0.5, 0.5, -1.5, -0.5]
    assert [each > 0 for each in z] == [False, True, False, False]
    assert sum((each > 0) == (y == 1) for each, y in zip(z, XOR, strict=True)) == 3


def test_the_chosen_weights_compute_or_and_xor(ran: Any) -> None:
    table = ran.output.partition("x1 x2  OR AND  XOR\n")[2].splitlines()[:4]
    rows = [[int(number) for number in line.split()] for line in table]
    assert rows == [[a, b, a | b, a & b, a ^ b] for a, b in POINTS.tolist()]


def test_a_single_neuron_ends_at_the_optimum_which_is_the_coins(
    names: dict[str, Any],
) -> None:
    # The mean loss is convex; at zero weights its gradient, the mean of (p - y) x
    # and of p - y, is 0, so p = 1/2 everywhere is the best a single neuron can do.
    assert ((0.5 - XOR) @ np.column_stack([POINTS, np.ones(4)])).tolist() == [0, 0, 0]
    weight, bias = numbers(names["linear"])
    assert [*weight[0], *bias] == pytest.approx([0, 0, 0], abs=1e-2)
    z = POINTS @ weight[0] + bias[0]
    loss = np.mean(np.logaddexp(0, z) - XOR * z)
    assert loss == pytest.approx(math.log(2), abs=1e-4)


def test_two_hidden_neurons_solve_xor_and_a_line_separates_what_they_send(
    names: dict[str, Any],
) -> None:
    weight, bias, v, c = numbers(names["solved"])
    h = np.tanh(POINTS @ weight.T + bias)
    assert names["H"].numpy() == pytest.approx(h, abs=1e-6)
    assert ((h @ v[0] + c > 0) == (XOR == 1)).all()


def test_layers_without_activation_are_one_affine_function(
    names: dict[str, Any],
) -> None:
    w1, b1, w2, b2, w3, b3 = numbers(names["deep"])
    bias = w3 @ (w2 @ b1 + b2) + b3  # its value at 0
    assert names["b_all"].numpy() == pytest.approx(bias, abs=1e-6)
    for i, unit in enumerate(np.eye(3)):  # column i: how it changes along axis i
        value = w3 @ (w2 @ (w1 @ unit + b1) + b2) + b3
        assert names["W_all"][:, i].numpy() == pytest.approx(value - bias, abs=1e-6)


def test_a_network_with_an_activation_is_not_affine(names: dict[str, Any]) -> None:
    a, b = torch.tensor([[1.0, 2.0, -1.0], [0.5, 1.0, 2.0]])
    middle = (names["model"](a) + names["model"](b)) / 2
    assert (names["model"]((a + b) / 2) - middle).abs().max() > 0.001
    middle = (names["deep"](a) + names["deep"](b)) / 2
    torch.testing.assert_close(names["deep"]((a + b) / 2), middle)


def test_equal_hidden_neurons_stay_equal_under_hand_written_gradients(
    names: dict[str, Any],
) -> None:
    weight, bias, v, c = np.full((2, 2), 0.5), np.full(2, 0.5), np.full(2, 0.5), 0.5
    for _ in range(300):
        h = np.tanh(POINTS @ weight.T + bias)
        e = (1 / (1 + np.exp(-(h @ v + c))) - XOR) / 4
        d = np.outer(e, v) * (1 - h**2)
        weight, bias = weight - d.T @ POINTS, bias - d.sum(axis=0)
        v, c = v - h.T @ e, c - e.sum()
    assert (weight[0] == weight[1]).all()
    assert numbers(names["same"])[0] == pytest.approx(weight, abs=2e-3)


def test_a_sigmoid_of_a_sigmoid_stays_between_its_limits(
    names: dict[str, Any],
) -> None:
    limits = names["limits"].tolist()
    assert limits == pytest.approx([1 / (1 + 1), 1 / (1 + math.exp(-1))])
    p = torch.sigmoid(names["squeezed"](names["points"]))
    assert limits[0] <= p.min() <= p.max() <= limits[1]


def test_the_opposite_of_xor_is_one_where_the_inputs_are_equal(ran: Any) -> None:
    rows = re.findall(r"^(\d) (\d) -> (\d)$", ran.output, re.M)
    expected = [(a, b, int(a == b)) for a, b in POINTS.tolist()]
    assert [tuple(int(n) for n in row) for row in rows] == expected


def test_with_two_hidden_neurons_some_starts_stay_above_the_half_of_the_coins_loss(
    ran: Any,
) -> None:
    line = ran.output.partition("2-2-1: 0")[2].partition("\n")[0]
    losses = [float(each) for each in f"0{line}".split()]
    assert len(losses) == 10
    stuck = [loss for loss in losses if loss > 0.05]
    assert 0 < len(stuck) < 10
    # Two points right, two at p = 1/2: the mean of 0, 0, ln 2 and ln 2.
    half = (0 + 0 + math.log(2) + math.log(2)) / 4
    assert f"two points at 1/2, two right: {half:.4f}\n" in ran.output
    assert all(half < loss + 0.005 < half + 0.03 for loss in stuck)


def test_with_four_hidden_neurons_every_start_succeeds(ran: Any) -> None:
    line = ran.output.partition("2-4-1: 0")[2].partition("\n")[0]
    losses = [float(each) for each in f"0{line}".split()]
    assert len(losses) == 10
    assert max(losses) < 0.05


def test_the_hat_is_piecewise_linear_through_its_corners(
    names: dict[str, Any],
) -> None:
    corners = np.interp(names["x"].numpy(), [-1, 0, 1, 2, 3], [0, 0, 1, 0, 0])
    assert names["hat"].numpy() == pytest.approx(corners, abs=1e-6)
