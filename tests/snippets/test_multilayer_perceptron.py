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


@pytest.mark.claim("multilayer_perceptron#count")
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


@pytest.mark.claim("multilayer_perceptron#layer")
def test_the_model_computes_its_layers_one_after_another(
    ran: Any, names: dict[str, Any]
) -> None:
    w1, b1, w2, b2, w3, b3 = numbers(names["model"])
    given = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 0.0], [0.5, 1.0, 2.0]])
    for x, y in zip(given, names["model"](given), strict=True):
        h = [math.tanh(row @ x.numpy() + b) for row, b in zip(w1, b1, strict=True)]
        h = [math.tanh(row @ h + b) for row, b in zip(w2, b2, strict=True)]
        expected = [row @ h + b for row, b in zip(w3, b3, strict=True)]
        assert y.detach().numpy() == pytest.approx(expected, abs=1e-6)
    y1, y2 = names["model"](torch.tensor([1.0, 2.0, -1.0])).tolist()
    assert ran.output.count(f"['{y1:.4f}', '{y2:.4f}']\n") == 3


@pytest.mark.claim("multilayer_perceptron#no-line")
def test_no_line_separates_xor_as_the_two_classes_have_one_center() -> None:
    # An affine function takes at the center of two points the mean of its values
    # there, so it cannot be positive at one pair and at most 0 at the other.
    assert (POINTS[XOR == 1].mean(axis=0) == POINTS[XOR == 0].mean(axis=0)).all()
    generator = np.random.default_rng(0)
    lines = generator.normal(size=(3, 200_000)) * [[1], [1], [2]]
    says = POINTS @ lines[:2] + lines[2] > 0
    right = (says == (XOR[:, None] == 1)).sum(axis=0)
    assert set(right.tolist()) == {1, 2, 3}


def test_lines_separate_all_classes_of_the_four_points_but_xor_and_its_opposite(
    names: dict[str, Any],
) -> None:
    z = names["points"] @ names["lines"][:, :2].T + names["lines"][:, 2]
    found = {tuple(int(each > 0) for each in column) for column in z.T}
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


def test_the_drawn_neuron_gets_three_of_the_four_points_right() -> None:
    z = [-1 * x1 + 1 * x2 - 0.5 for x1, x2 in POINTS.tolist()]
    assert sum((each > 0) == (y == 1) for each, y in zip(z, XOR, strict=True)) == 3


@pytest.mark.claim("multilayer_perceptron#two-are-enough")
def test_the_chosen_weights_compute_or_and_xor(ran: Any) -> None:
    table = ran.output.partition("x1 x2  OR AND  XOR\n")[2].splitlines()[:4]
    rows = [[int(number) for number in line.split()] for line in table]
    assert rows == [[a, b, a | b, a & b, a ^ b] for a, b in POINTS.tolist()]


@pytest.mark.claim("multilayer_perceptron#coin")
def test_no_single_neuron_has_a_smaller_mean_loss_than_a_coin(
    names: dict[str, Any],
) -> None:
    # The mean loss is convex; at zero weights its gradient, the mean of (p - y) x
    # and of p - y, is 0, so p = 1/2 everywhere is the best a single neuron can do.
    assert ((0.5 - XOR) @ np.column_stack([POINTS, np.ones(4)])).tolist() == [0, 0, 0]
    generator = np.random.default_rng(0)
    for theta in generator.normal(size=(2000, 3)) * 2:
        z = POINTS @ theta[:2] + theta[2]
        assert np.mean(np.logaddexp(0, z) - XOR * z) > math.log(2)
    assert [*names["theta"].tolist(), names["b"].tolist()] != [0, 0, 0]


def test_the_single_neuron_ends_at_the_coins_loss(ran: Any) -> None:
    said = "one neuron: mean loss 0.6931, p = 0.50 0.50 0.50 0.50\n"
    assert said in ran.output
    assert f"{math.log(2):.4f}" == "0.6931"


def numpy_loss(w: Any, b: Any, v: Any, c: Any) -> Any:
    z = np.tanh(POINTS @ w.T + b) @ v + c
    return np.mean(np.logaddexp(0, z) - XOR * z)


@pytest.mark.claim("multilayer_perceptron#back")
@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_derivatives_of_train_are_difference_quotients_of_the_mean_loss(
    names: dict[str, Any], k: int
) -> None:
    generator = np.random.default_rng(k)
    shapes = [(k, 2), (k,), (k,), ()]
    start = [np.asarray(generator.normal(size=shape)) for shape in shapes]
    given = [torch.tensor(each, dtype=torch.float64) for each in start]
    inputs = names["points"].double(), names["xor"].double()
    stepped = names["train"](*inputs, *given, steps=1, rate=1.0)
    for i, (before, after) in enumerate(zip(start, stepped, strict=True)):
        for place in np.ndindex(before.shape):
            losses = []
            for change in (1e-6, -1e-6):
                moved = [each.copy() for each in start]
                moved[i][place] += change
                losses.append(numpy_loss(*moved))
            quotient = (losses[0] - losses[1]) / 2e-6
            derivative = (before - after.numpy())[place]
            assert derivative == pytest.approx(quotient, abs=1e-8)
    # By the hidden sums, one by one: the error, the weight, the slope.
    w, b, v, c = start
    z = np.tanh(POINTS @ w.T + b) @ v + c
    error = (1 / (1 + np.exp(-z)) - XOR) / 4
    summed = sum(
        error[i] * v * (1 - np.tanh(POINTS[i] @ w.T + b) ** 2) for i in range(4)
    )
    assert b - stepped[1].numpy() == pytest.approx(summed)


@pytest.mark.claim("multilayer_perceptron#moves")
def test_a_line_separates_what_the_trained_hidden_neurons_send(
    names: dict[str, Any],
) -> None:
    weight, bias, v, c = (each.double().numpy() for each in names["solved"])
    h = np.tanh(POINTS @ weight.T + bias)
    assert names["H"].numpy() == pytest.approx(h, abs=1e-6)
    assert ((h @ v + c > 0) == (XOR == 1)).all()
    squares, circles = h[XOR == 0], h[XOR == 1]
    assert np.abs(squares[0] - squares[1]).max() < 0.05
    assert np.abs(circles[0] - circles[1]).max() > 1


@pytest.mark.claim("multilayer_perceptron#collapse")
@pytest.mark.parametrize("sizes", [[3, 4, 4, 2], [2, 8, 8, 1], [5, 3, 7, 2, 4, 1]])
def test_layers_without_activation_are_one_affine_function(
    names: dict[str, Any], sizes: list[int]
) -> None:
    torch.manual_seed(5)
    deep = names["make_mlp"](sizes, nn.Identity).double()
    points = torch.randn(50, sizes[0], dtype=torch.float64)
    bias = deep(torch.zeros(sizes[0], dtype=torch.float64))
    columns = deep(torch.eye(sizes[0], dtype=torch.float64)) - bias
    torch.testing.assert_close(deep(points), points @ columns + bias)
    curved = names["make_mlp"](sizes, nn.Tanh).double()  # and with tanh it is not
    bias = curved(torch.zeros(sizes[0], dtype=torch.float64))
    columns = curved(torch.eye(sizes[0], dtype=torch.float64)) - bias
    assert (curved(points) - (points @ columns + bias)).abs().max() > 0.001


def test_three_layers_without_activation_sum_to_the_same_over_both_classes(
    names: dict[str, Any], ran: Any
) -> None:
    z = names["layers"](torch.tensor(POINTS, dtype=torch.float32))[:, 0]
    zero, one = z[XOR == 0].sum().item(), z[XOR == 1].sum().item()
    assert zero == pytest.approx(one, abs=1e-6)
    assert f"class 0: {zero:.4f}, class 1: {one:.4f}\n" in ran.output


@pytest.mark.claim("multilayer_perceptron#equal-start")
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
    assert names["same"][0].numpy() == pytest.approx(weight, abs=2e-3)
    assert torch.equal(names["same"][0][0], names["same"][0][1])


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
    assert len(stuck) == 5
    # Two points right, two at p = 1/2: the mean of 0, 0, ln 2 and ln 2.
    half = (0 + 0 + math.log(2) + math.log(2)) / 4
    assert f"two points at 1/2, two right: {half:.4f}\n" in ran.output
    assert sum(abs(loss - half) < 0.006 for loss in stuck) == 4


def test_with_four_hidden_neurons_every_start_succeeds(ran: Any) -> None:
    line = ran.output.partition("2-4-1: 0")[2].partition("\n")[0]
    losses = [float(each) for each in f"0{line}".split()]
    assert len(losses) == 10
    assert max(losses) < 0.05


def test_the_hat_is_piecewise_linear_through_its_corners(
    names: dict[str, Any],
) -> None:
    corners = np.interp(names["ticks"].numpy(), [-1, 0, 1, 2, 3], [0, 0, 1, 0, 0])
    assert names["hat"].numpy() == pytest.approx(corners, abs=1e-6)


def test_four_hidden_neurons_err_on_fewer_of_the_tumors_that_they_learned_from(
    ran: Any,
) -> None:
    counts = re.findall(r"2-(\d)-1: (\d+) of 569 wrong\n", ran.output)
    (one, wrong_1), (four, wrong_4) = counts
    assert (one, four) == ("1", "4")
    assert int(wrong_4) < int(wrong_1)
