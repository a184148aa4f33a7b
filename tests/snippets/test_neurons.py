"""Is what the chapter on artificial neurons says and prints true?"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("neurons")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def test_the_neuron_gives_what_hand_arithmetic_gives(
    ran: Any, names: dict[str, Any]
) -> None:
    z = 0.5 * 1 + 1 * 2 + 2 * (-1) + 0.5
    assert z == 1
    assert (names["theta"] @ names["x"] + names["b"]).item() == z
    h = 1 / (1 + math.exp(-z))
    assert f"exp(-z) = {math.exp(-z):.4f}\nh       = {h:.4f}\n" in ran.output


def test_without_the_third_input_the_neuron_gives_more(ran: Any) -> None:
    z = 0.5 * 1 + 1 * 2 + 0.5
    assert f"z = {z}\nh = {1 / (1 + math.exp(-z)):.4f}\n" in ran.output


def test_the_neuron_switches_on_the_line_where_z_is_0(names: dict[str, Any]) -> None:
    (half,) = (
        segment
        for level, segment in zip(
            names["contours"].levels, names["contours"].allsegs, strict=True
        )
        if level == 0.5
    )
    for x1, x2 in half[0]:
        assert 0.5 * x1 + 1 * x2 + 0.5 == pytest.approx(0, abs=1e-4)
    foot = names["foot"].tolist()
    assert 0.5 * foot[0] + 1 * foot[1] + 0.5 == pytest.approx(0, abs=1e-6)


def test_the_activations_are_their_formulas(names: dict[str, Any]) -> None:
    formulas: dict[str, Callable[[float], float]] = {
        "logistic": lambda x: 1 / (1 + math.exp(-x)),
        "tanh": lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
        "ReLU": lambda x: max(x, 0.0),
    }
    assert names["activations"].keys() == formulas.keys()
    for name, formula in formulas.items():
        for x in (-3.0, -0.2, 0.0, 0.7, 4.0):
            value = names["activations"][name](torch.tensor(x, dtype=torch.float64))
            assert value.item() == pytest.approx(formula(x), abs=1e-15)


def test_the_derivatives_are_those_of_autograd_even_at_0(names: dict[str, Any]) -> None:
    for name, phi in names["activations"].items():
        x = torch.linspace(-5, 5, 41, dtype=torch.float64, requires_grad=True)
        phi(x).sum().backward()
        torch.testing.assert_close(names["slopes"][name](x.detach()), x.grad)


def test_the_steep_parts_end_where_the_closed_form_says(names: dict[str, Any]) -> None:
    # s (1 - s) = 0.05 at s = (1 + sqrt(0.8)) / 2; 1 - t² = 0.05 at t = sqrt(0.95)
    s = (1 + math.sqrt(0.8)) / 2
    ends = {"logistic": math.log(s / (1 - s)), "tanh": math.atanh(math.sqrt(0.95))}
    for name, end in ends.items():
        low, high = names["steep"][name]
        assert low == -high
        assert high <= end < high + 12 / 599
    assert names["steep"]["ReLU"][0] == pytest.approx(6 / 599)


def test_the_greatest_slopes_are_a_quarter_and_one(names: dict[str, Any]) -> None:
    zero = torch.tensor(0.0)
    assert names["slopes"]["logistic"](zero) == 0.25
    assert names["slopes"]["tanh"](zero) == 1
    assert names["slopes"]["logistic"](names["grid"]).max() < 0.25


def test_tanh_of_half_x_is_a_stretched_logistic_function() -> None:
    x = torch.linspace(-20, 20, 1001, dtype=torch.float64)
    torch.testing.assert_close(torch.tanh(x / 2), 2 * torch.sigmoid(x) - 1)
    assert (torch.tanh(x) - torch.tanh(x / 2)).abs().max() > 0.3


def test_the_drawn_network_has_three_inputs_six_units_two_outputs(
    names: dict[str, Any],
) -> None:
    place = names["places"](names["feeds"])
    count = {kind: sum(node[0] == kind for node in place) for kind in "xuy"}
    assert count == {"x": 3, "u": 6, "y": 2}


def test_hidden_units_are_those_that_feed_no_output(names: dict[str, Any]) -> None:
    assert names["hidden"] == ["u1", "u2", "u3", "u4"]
    for unit in names["hidden"]:
        assert all(unit not in names["feeds"][output] for output in ("y1", "y2"))


def test_the_frame_of_the_hidden_units_holds_no_other_node(
    names: dict[str, Any],
) -> None:
    place, hidden = names["places"](names["feeds"]), names["hidden"]
    columns = [place[unit][0] for unit in hidden]
    for node, (column, height) in place.items():
        inside = min(columns) <= column <= max(columns) and abs(height) < 0.9
        assert inside == (node in hidden)


def test_arrows_of_a_feed_forward_network_lead_to_the_right(
    names: dict[str, Any],
) -> None:
    place = names["places"](names["feeds"])
    for node, senders in names["feeds"].items():
        assert all(place[sender][0] < place[node][0] for sender in senders)


def test_the_most_hidden_units_on_a_way_are_three(names: dict[str, Any]) -> None:
    feeds, hidden = names["feeds"], names["hidden"]

    def ways(node: str) -> list[list[str]]:
        before = [way for sender in feeds.get(node, []) for way in ways(sender)]
        return [[*way, node] for way in before or [[]]]

    for output in ("y1", "y2"):
        most = max(sum(node in hidden for node in way) for way in ways(output))
        assert most == names["passed"][output] == 3
    assert ["x1", "u5", "y1"] in ways("y1")
    assert ["x1", "u1", "u3", "u4", "u5", "y1"] in ways("y1")


def test_the_network_computes_its_nested_formula(names: dict[str, Any]) -> None:
    weights = {unit: row.tolist() for unit, row in names["weights"].items()}
    biases = {unit: bias.item() for unit, bias in names["biases"].items()}

    def value(node: str) -> float:
        given = {"x1": 1.0, "x2": 2.0, "x3": -1.0}
        if node in given:
            return given[node]
        sent = [value(sender) for sender in names["feeds"][node]]
        if node not in weights:
            return sent[0]
        z = sum(w * s for w, s in zip(weights[node], sent, strict=True))
        return 1 / (1 + math.exp(-z - biases[node]))

    for output in ("y1", "y2"):
        assert names["sent"][output].item() == pytest.approx(value(output), abs=1e-6)


def test_the_network_has_one_weight_an_edge_and_one_bias_a_unit(
    names: dict[str, Any],
) -> None:
    edges = sum(len(senders) for node, senders in names["feeds"].items() if "u" in node)
    biases = len(names["biases"])
    assert (edges, biases, edges + biases) == (13, 6, 19)


def test_only_the_recurrent_network_has_a_cycle_and_it_follows_edges(
    names: dict[str, Any],
) -> None:
    assert names["find_cycle"](names["forward"]) == []
    cycle = names["find_cycle"](names["recurrent"])
    assert len(cycle) == 4
    assert cycle[0] == cycle[-1]
    for sender, receiver in pairwise(cycle):
        assert sender in names["recurrent"][receiver]


def test_gradient_descent_takes_the_steps_of_autograd(ran: Any) -> None:
    theta = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
    b = torch.tensor(0.5, requires_grad=True)
    x = torch.tensor([1.0, 2.0, -1.0])
    optimizer = torch.optim.SGD([theta, b], lr=1.0)
    for step in range(6):
        h = torch.sigmoid(theta @ x + b)
        loss = h**2
        optimizer.zero_grad()
        loss.backward()
        assert b.grad is not None
        row = f"{step}     {h.item():.4f}  {loss.item():.4f}  {b.grad.item():.4f}\n"
        assert row in ran.output
        optimizer.step()


def test_a_neuron_at_inputs_in_the_hundreds_has_no_slope_left(ran: Any) -> None:
    assert "h:  1.0\ndl/dz: 0.0\n" in ran.output
    assert math.exp(-50.5) < 2**-25  # half the distance from 1 down to the next


def test_the_dead_unit_is_0_on_every_single_input(names: dict[str, Any]) -> None:
    z = names["many"] @ names["theta"]
    assert (z - 20 < 0).all()
    assert 0.5 < (z + 0.5 > 0).float().mean() < 0.7


def test_threshold_units_compute_and_or_and_not(names: dict[str, Any]) -> None:
    threshold = names["threshold"]
    for a in (0, 1):
        for b in (0, 1):
            assert threshold([1, 1], -1.5, [a, b]) == (a and b)
            assert threshold([1, 1], -0.5, [a, b]) == (a or b)
            assert threshold([-1, 0], 0.5, [a, b]) == (not a)
