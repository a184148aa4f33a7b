"""Is what the chapter on one neuron, and networks of neurons, says and prints true?"""

import graphlib
import itertools
import math
import random
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("neurons")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def tumors() -> tuple[Any, Any]:
    """Standardized radius and texture, and 1 for malignant, by NumPy alone."""
    bundle = load_breast_cancer()
    radius = list(bundle.feature_names).index("mean radius")
    texture = list(bundle.feature_names).index("mean texture")
    table = bundle.data[:, [radius, texture]]
    malignant = list(bundle.target_names).index("malignant")
    table = (table - table.mean(axis=0)) / table.std(axis=0, ddof=1)
    return table, (bundle.target == malignant).astype(float)


def mean_loss(theta: Any, b: Any, inputs: Any, labels: Any) -> Any:
    h = sigma(inputs @ theta + b)
    return -np.mean(labels * np.log(h) + (1 - labels) * np.log(1 - h))


def test_the_data_are_radius_and_texture_and_1_is_malignant(
    names: dict[str, Any],
) -> None:
    inputs, labels = tumors()
    assert names["X"].numpy() == pytest.approx(inputs, abs=1e-4)
    assert names["y"].tolist() == labels.tolist()


@pytest.mark.claim("neurons#step")
def test_each_step_subtracts_the_rate_times_the_derivative_of_the_mean_loss(
    names: dict[str, Any],
) -> None:
    inputs, labels = tumors()
    point = np.zeros(3)
    for steps in range(1, 41):
        slopes = []
        for axis in np.eye(3) * 1e-5:
            (up, down) = (point + axis, point - axis)
            rise = mean_loss(up[:2], up[2], inputs, labels)
            rise -= mean_loss(down[:2], down[2], inputs, labels)
            slopes.append(rise / 2e-5)
        point = point - 1.0 * np.array(slopes)
        if steps in (1, 2, 40):
            theta, b, _ = names["learn"](names["X"], names["y"], steps=steps)
            assert [*theta.tolist(), b.item()] == pytest.approx(point, abs=1e-4)


@pytest.mark.claim("neurons#falls")
def test_the_loss_falls_at_every_step(names: dict[str, Any]) -> None:
    inputs, labels = tumors()
    again = []
    for steps in range(41):
        theta, b, _ = names["learn"](names["X"], names["y"], steps=steps)
        again.append(mean_loss(theta.numpy(), b.item(), inputs, labels))
    assert all(after < before for before, after in itertools.pairwise(again))
    assert names["curve"] == pytest.approx(again[:-1], abs=1e-5)


def test_65_tumors_are_on_the_wrong_side_and_212_are_malignant(ran: Any) -> None:
    inputs, labels = tumors()
    theta, b = np.zeros(2), 0.0
    for _ in range(40):
        slope = sigma(inputs @ theta + b) - labels
        theta, b = theta - slope @ inputs / 569, b - slope.mean()
    wrong = ((inputs @ theta + b > 0) != (labels == 1)).sum()
    said = f"wrong: {wrong} of 569; all called benign: {labels.sum():.0f}\n"
    assert said == "wrong: 65 of 569; all called benign: 212\n"
    assert said in ran.output
    assert [round(w, 1) for w in [*theta, b]] == [2.7, 0.8, -0.7]
    assert [round(entry, 1) for entry in inputs[0]] == [1.1, -2.1]


def test_the_neuron_gives_what_hand_arithmetic_gives(
    ran: Any, names: dict[str, Any]
) -> None:
    z = 2.97 - 1.68 - 0.7
    assert (names["theta"] @ names["x"] + names["b"]).item() == pytest.approx(z)
    assert f"exp(-z) = {math.exp(-z):.4f}\nh       = {sigma(z):.4f}\n" in ran.output


@pytest.mark.claim("neurons#neuron")
def test_a_neuron_is_affine_and_then_nonlinear() -> None:
    generator = torch.Generator().manual_seed(1)
    for phi, by_hand in (
        (torch.sigmoid, lambda z: 1 / (1 + math.exp(-z))),
        (torch.tanh, math.tanh),
        (torch.relu, lambda z: max(z, 0)),
    ):
        theta, x, u = torch.randn(3, 5, generator=generator, dtype=torch.float64)
        z = sum(w * e for w, e in zip(theta.tolist(), x.tolist(), strict=True)) - 0.3
        assert phi(theta @ x - 0.3).item() == pytest.approx(by_hand(z), abs=1e-12)
        middle = theta @ (x + u) / 2 - 0.3  # the affine part keeps midpoints
        ends = (theta @ x - 0.3, theta @ u - 0.3)
        assert middle.item() == pytest.approx(sum(e.item() for e in ends) / 2)
        at = torch.tensor([-1.0, 1.5, 4.0], dtype=torch.float64)  # phi does not
        assert abs(phi(at[1]) - (phi(at[0]) + phi(at[2])) / 2) > 0.01


def test_the_neuron_switches_on_the_line_where_z_is_0(names: dict[str, Any]) -> None:
    (half,) = (
        segment
        for level, segment in zip(
            names["contours"].levels, names["contours"].allsegs, strict=True
        )
        if level == 0.5
    )
    for x1, x2 in half[0]:
        assert 2.7 * x1 + 0.8 * x2 - 0.7 == pytest.approx(0, abs=1e-3)
    foot = names["foot"].tolist()
    assert 2.7 * foot[0] + 0.8 * foot[1] - 0.7 == pytest.approx(0, abs=1e-6)


@pytest.mark.claim("neurons#longer-weights")
def test_longer_weights_bring_lines_closer_and_the_line_of_switching_inward() -> None:
    generator = np.random.default_rng(0)
    for theta, b in zip(
        generator.normal(size=(50, 2)), generator.normal(size=50), strict=True
    ):

        def distance(
            level: float, scale: float, b: float = b, theta: Any = theta
        ) -> float:
            """Where, along the weights, the neuron gives this level."""
            along = theta / np.linalg.norm(theta)
            low, high = -1e3, 1e3
            for _ in range(100):  # bisection
                middle = (low + high) / 2
                below = scale * theta @ (middle * along) + b < level
                low, high = (middle, high) if below else (low, middle)
            return middle

        near, far = (distance(math.log(9), s) - distance(0, s) for s in (2, 1))
        assert 0 < near < far
        assert abs(distance(0, 2)) < abs(distance(0, 1))  # with the same b
        both = distance(0, 2, b=2 * b)  # b grows with them
        assert both == pytest.approx(distance(0, 1), abs=1e-6)


@pytest.mark.claim("neurons#straight-line")
def test_no_weights_bend_the_line() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        theta, b = generator.normal(size=2), generator.normal()
        ends = generator.normal(size=(2, 2))
        ends[:, 1] = -(b + theta[0] * ends[:, 0]) / theta[1]  # where it gives 1/2
        for share in (-3.0, 0.2, 0.5, 7.0):
            between = ends[0] + share * (ends[1] - ends[0])
            assert sigma(between @ theta + b) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.claim("neurons#slope")
@pytest.mark.parametrize("y", [0, 1])
def test_the_slope_of_a_loss_is_what_the_neuron_says_minus_the_truth(y: int) -> None:
    def loss(z: float) -> float:
        h = 1 / (1 + math.exp(-z))
        return -math.log(h if y == 1 else 1 - h)

    for z in np.linspace(-6, 6, 49):
        quotient = (loss(z + 1e-5) - loss(z - 1e-5)) / 2e-5
        assert quotient == pytest.approx(1 / (1 + math.exp(-z)) - y, abs=1e-7)


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


@pytest.mark.claim("neurons#relatives")
def test_gelu_and_silu_are_their_formulas_and_approach_x_and_0(
    names: dict[str, Any],
) -> None:
    below = NormalDist().cdf
    formulas: dict[str, Callable[[float], float]] = {
        "leaky ReLU": lambda x: x if x >= 0 else 0.01 * x,
        "GELU": lambda x: x * below(x),
        "SiLU": lambda x: x / (1 + math.exp(-x)),
    }
    assert names["relatives"].keys() == formulas.keys()
    for name, formula in formulas.items():
        for x in (-4.0, -0.2, 0.0, 0.7, 4.0):
            value = names["relatives"][name](torch.tensor(x, dtype=torch.float64))
            assert value.item() == pytest.approx(formula(x), abs=1e-12)
    for name in ("GELU", "SiLU"):
        far = torch.tensor([5.0, 10.0, 20.0, 40.0], dtype=torch.float64)
        right = (names["relatives"][name](far) - far).abs()
        left = names["relatives"][name](-far).abs()
        for gap in (right, left):
            assert (gap[1:] <= gap[:-1]).all()
            assert gap[-1] < 1e-12
    slope = (torch.nn.functional.leaky_relu(torch.tensor([-40.0])) / -40).item()
    assert slope == pytest.approx(0.01)


def test_the_derivatives_are_those_of_autograd_even_at_0(names: dict[str, Any]) -> None:
    for name, phi in names["activations"].items():
        x = torch.linspace(-5, 5, 41, dtype=torch.float64, requires_grad=True)
        phi(x).sum().backward()
        ours = names["slopes"][name](x.detach()).double()
        torch.testing.assert_close(ours, x.grad)


def test_the_steep_parts_end_where_the_closed_form_says(names: dict[str, Any]) -> None:
    # s (1 - s) = 0.05 at s = (1 + sqrt(0.8)) / 2; 1 - t² = 0.05 at t = sqrt(0.95)
    s = (1 + math.sqrt(0.8)) / 2
    ends = {"logistic": math.log(s / (1 - s)), "tanh": math.atanh(math.sqrt(0.95))}
    for name, end in ends.items():
        low, high = names["steep"][name]
        assert low == -high
        assert high <= end < high + 12 / 599
    assert names["steep"]["ReLU"][0] == pytest.approx(6 / 599)


@pytest.mark.claim("neurons#saturation")
def test_logistic_and_tanh_saturate_on_both_sides_and_relu_has_slopes_0_and_1() -> None:
    x = torch.tensor([-30.0, -20, -1e-3, 1e-3, 20, 3e4], dtype=torch.float64)
    tiny = 1e-4
    for phi, low, high in ((torch.sigmoid, 0, 1), (torch.tanh, -1, 1)):
        slope = (phi(x + tiny) - phi(x - tiny)) / (2 * tiny)
        assert slope[[0, 1, 4, 5]].abs().max() < 1e-8
        assert phi(x[0]).item() == pytest.approx(low, abs=1e-8)
        assert phi(x[5]).item() == pytest.approx(high, abs=1e-8)
    slope = (torch.relu(x + tiny) - torch.relu(x - tiny)) / (2 * tiny)
    assert slope.tolist() == pytest.approx([0, 0, 0, 1, 1, 1], abs=1e-6)


@pytest.mark.claim("neurons#quarter")
def test_the_logistic_slope_is_never_above_a_quarter_and_is_it_at_0() -> None:
    x = np.linspace(-40, 40, 100_001)
    slope = np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2
    assert slope.max() == 0.25
    assert x[slope.argmax()] == 0


@pytest.mark.claim("neurons#vanishing")
def test_of_a_small_change_a_chain_of_neurons_leaves_at_most_the_power(
    ran: Any,
) -> None:
    chooses = random.Random(0)

    def chain(x: float, biases: list[float]) -> float:
        for b in biases:
            x = 1 / (1 + math.exp(-x - b))
        return x

    for k in (1, 2, 3, 5):
        for _ in range(200):
            biases = [chooses.gauss(0, 2) for _ in range(k)]
            x = chooses.gauss(0, 2)
            left = (chain(x + 1e-3, biases) - chain(x - 1e-3, biases)) / 2e-3
            assert 0 < left <= 0.25**k
    unbiased = (chain(1e-2, [0.0] * 5) - chain(-1e-2, [0.0] * 5)) / 2e-2
    assert f"through  5 neurons: {unbiased:.1e}\n" in ran.output


@pytest.mark.claim("neurons#dead")
def test_a_dead_unit_is_inactive_for_every_tumor_and_has_no_gradient(ran: Any) -> None:
    inputs, labels = tumors()
    active = (inputs @ [2.7, 0.8] - 0.7 > 0).sum()
    assert 0 < active < 569  # inactive for some inputs, and not dead
    assert f"b =  -0.7: positive for {active} of 569 tumors\n" in ran.output
    assert (inputs @ [2.7, 0.8] - 20 < 0).all()
    for b, dead in ((-0.7, False), (-20.0, True)):
        theta = torch.tensor([2.7, 0.8], dtype=torch.float64, requires_grad=True)
        bias = torch.tensor(b, dtype=torch.float64, requires_grad=True)
        h = torch.relu(torch.tensor(inputs) @ theta + bias)
        ((h - torch.tensor(labels)) ** 2).mean().backward()
        assert theta.grad is not None
        assert bias.grad is not None
        assert ([*theta.grad.tolist(), bias.grad.item()] == [0, 0, 0]) is dead


@pytest.mark.claim("neurons#tangent")
def test_tanh_of_half_x_is_a_stretched_logistic_function() -> None:
    for x in np.linspace(-20, 20, 401):
        half = (math.exp(x / 2) - math.exp(-x / 2)) / (
            math.exp(x / 2) + math.exp(-x / 2)
        )
        assert 2 / (1 + math.exp(-x)) - 1 == pytest.approx(half, abs=1e-12)
        ours = torch.tanh(torch.tensor(x, dtype=torch.float64)).item()
        assert ours == pytest.approx(math.tanh(x), abs=1e-12)


def test_the_drawn_network_has_three_inputs_six_units_two_outputs(
    names: dict[str, Any],
) -> None:
    place = names["places"](names["feeds"])
    count = {kind: sum(node[0] == kind for node in place) for kind in "xuy"}
    assert count == {"x": 3, "u": 6, "y": 2}


@pytest.mark.claim("neurons#deep")
def test_four_units_are_hidden_and_a_path_leads_through_three(
    names: dict[str, Any],
) -> None:
    feeds, hidden = names["feeds"], names["hidden"]

    def ways(node: str) -> list[list[str]]:
        before = [way for sender in feeds.get(node, []) for way in ways(sender)]
        return [[*way, node] for way in before or [[]]]

    paths = [way for output in ("y1", "y2") for way in ways(output)]
    assert {way[-2] for way in paths} == {"u5", "u6"}
    assert set(hidden) == {"u1", "u2", "u3", "u4"}
    assert max(sum(node in hidden for node in way) for way in paths) == 3
    assert ["x1", "u5", "y1"] in paths
    assert ["x1", "u1", "u3", "u4", "u5", "y1"] in paths


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
    for feeds in (names["feeds"], names["forward"]):
        place = names["places"](feeds)
        for node, senders in feeds.items():
            assert all(place[sender][0] < place[node][0] for sender in senders)
    back = names["places"](names["forward"])
    assert back["u3"][0] > back["u1"][0]
    assert "u3" in names["recurrent"]["u1"]


def test_the_network_computes_its_nested_formula(names: dict[str, Any]) -> None:
    weights = {unit: row.tolist() for unit, row in names["weights"].items()}
    biases = {unit: bias.item() for unit, bias in names["biases"].items()}

    def value(node: str) -> float:
        given = {"x1": 1.0, "x2": 2.0, "x3": -1.0}
        if node in given:
            return given[node]
        sent = [value(sender) for sender in names["feeds"][node]]
        z = sum(w * s for w, s in zip(weights[node], sent, strict=True))
        return 1 / (1 + math.exp(-z - biases[node]))

    for unit in weights:
        assert names["sent"][unit] == pytest.approx(value(unit), abs=1e-6)
    assert (sum(map(len, weights.values())), len(biases)) == (13, 6)


@pytest.mark.claim("neurons#order")
def test_there_is_an_order_of_the_units_exactly_if_there_is_no_cycle() -> None:
    chooses = random.Random(0)
    seen = set()
    for _ in range(300):
        nodes = range(5)
        feeds = {n: [s for s in nodes if chooses.random() < 0.2] for n in nodes}
        ordered = any(
            all(order.index(s) < order.index(n) for n in nodes for s in feeds[n])
            for order in itertools.permutations(nodes)
        )
        try:
            graphlib.TopologicalSorter(feeds).prepare()
            cyclic = False
        except graphlib.CycleError:
            cyclic = True
        assert ordered is not cyclic
        seen.add(cyclic)
    assert seen == {True, False}


def test_raw_measurements_make_the_first_step_far_too_long(ran: Any) -> None:
    bundle = load_breast_cancer()
    inputs, labels = bundle.data[:, :2], 1.0 - bundle.target
    slope = 0.5 - labels
    theta, b = -slope @ inputs / 569, -slope.mean()
    z = inputs @ theta + b
    loss = np.mean(np.logaddexp(0, z) - labels * z)
    assert f"['0.69', '{loss:.2f}', 'inf']\n" in ran.output
    assert z.max() < -20  # far below 0 for every tumor
    h = 1 / (1 + np.exp(-z))
    theta, b = theta - (h - labels) @ inputs / 569, b - (h - labels).mean()
    z = inputs @ theta + b
    assert (np.float32(1) / (1 + np.exp(-z, dtype=np.float32)) == 1).all()


def test_threshold_units_compute_and_or_and_not(names: dict[str, Any]) -> None:
    threshold = names["threshold"]
    for a, b in itertools.product((0, 1), repeat=2):
        for bias in (-1.9, -1.5, -1.0):
            assert threshold([1, 1], bias, [a, b]) == (a and b)
        for bias in (-0.9, -0.5, 0.0):
            assert threshold([1, 1], bias, [a, b]) == (a or b)
        assert threshold([-1, 0], 0.5, [a, b]) == (not a)


def test_with_the_wire_back_units_3_4_and_6_form_a_cycle(
    ran: Any, names: dict[str, Any]
) -> None:
    back = names["feeds"] | {"u3": ["u1", "u2", "u6"]}
    for sender, node in (("u3", "u4"), ("u4", "u6"), ("u6", "u3")):
        assert sender in back[node]
    assert ran.output.count("hidden: u1 u2 u3\n") == 1


def test_the_neuron_of_every_other_tumor_errs_more_on_the_others(ran: Any) -> None:
    inputs, labels = tumors()
    theta, b = np.zeros(2), 0.0
    for _ in range(40):
        slope = sigma(inputs[::2] @ theta + b) - labels[::2]
        theta, b = theta - slope @ inputs[::2] / 285, b - slope.mean()
    wrong = (inputs @ theta + b > 0) != (labels == 1)
    old, new = wrong[::2].sum(), wrong[1::2].sum()
    assert f"learned from: {old} of 285 wrong\n" in ran.output
    assert f"new         : {new} of 284 wrong\n" in ran.output
    assert old / 285 < new / 284
