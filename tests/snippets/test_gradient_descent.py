"""Does gradient descent go where the closed forms say?"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("gradient_descent")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def accumulated(rate: float, steps: int) -> list[float]:
    """Minimize x^2 from 1 with the sum of all gradients so far, in plain Python."""
    x, total, path = 1.0, 0.0, [1.0]
    for _ in range(steps):
        total += 2 * x
        x -= rate * total
        path.append(x)
    return path


def test_one_step_from_1_at_rate_0_7_leads_to_minus_0_4(ran: Any) -> None:
    assert ran.output.startswith(
        "gradient tensor(2.)\nx        tensor(-0.4000, requires_grad=True)\n"
    )


def test_ten_steps_print_the_powers_of_the_factor_and_twice_of_them(ran: Any) -> None:
    places = [
        "1.00",
        "-0.40",
        "0.16",
        "-0.06",
        "0.03",
        "-0.01",
        "0.00",
        "-0.00",
        "0.00",
        "-0.00",
    ]
    assert places == [f"{(1 - 2 * 0.7) ** t:.2f}" for t in range(10)]
    lines = [
        f"{t:4}  {place:>5}  {2 * (1 - 2 * 0.7) ** t:8.2f}\n"
        for t, place in enumerate(places)
    ]
    assert "step      x  gradient\n" + "".join(lines) in ran.output
    assert f"at the end: x = {(-0.4) ** 10:.6f}\n" in ran.output


@pytest.mark.parametrize("rate", [0.1, 0.4, 0.5, 0.7, 0.9, 1.0, 1.1])
def test_each_rate_follows_its_closed_form(names: dict[str, Any], rate: float) -> None:
    path = names["descend"](rate, 12)
    exact = [(1 - 2 * rate) ** t for t in range(13)]
    assert path == pytest.approx(exact, rel=1e-5, abs=1e-7)


def test_the_printed_paths_of_the_rates_are_those_of_the_closed_form(ran: Any) -> None:
    for rate in (0.1, 0.4, 0.7, 0.9, 1.0, 1.1):
        exact = [(1 - 2 * rate) ** t for t in range(11)]
        begin = " ".join(f"{x:5.2f}" for x in exact[:6])
        assert f"{rate}:  {begin}  ...  {exact[-1]:6.3f}\n" in ran.output


def test_each_line_of_the_loop_changes_what_the_table_says(ran: Any) -> None:
    expected = ""
    for t in range(2):
        x, gradient = (-0.4) ** t, round(2 * (-0.4) ** t, 2)
        expected += f"zero_grad   x = {x:5.2f}  x.grad = None\n"
        expected += f"forward     x = {x:5.2f}  x.grad = None\n"
        expected += f"backward    x = {x:5.2f}  x.grad = {gradient}\n"
        expected += f"step        x = {-0.4 * x:5.2f}  x.grad = {gradient}\n"
    assert expected in ran.output


@pytest.mark.parametrize("rate", [0.1, 0.7, 1.0, 1.5])
def test_without_zero_grad_the_path_is_the_undamped_cosine(
    names: dict[str, Any], rate: float
) -> None:
    w = math.acos(1 - rate)
    cosine = [math.cos((t + 0.5) * w) / math.cos(w / 2) for t in range(41)]
    assert accumulated(rate, 40) == pytest.approx(cosine, abs=1e-12)
    path = names["descend"](rate, 40, zero_grad=False)
    assert path == pytest.approx(cosine, abs=1e-4)


def test_the_swing_is_printed_alike_by_the_loop_and_by_the_formula(ran: Any) -> None:
    line = " ".join(f"{x:5.2f}" for x in accumulated(0.7, 10))
    assert ran.output.count(f"{line}\n") == 2


def test_the_sums_of_the_gradients_are_those_of_plain_arithmetic(ran: Any) -> None:
    path = accumulated(0.7, 3)
    for t, x in enumerate(path):
        right, total = 2 * x, 2 * math.fsum(path[: t + 1])
        line = f"{t}  x {x:6.3f}  right {right:6.3f}  sum {total:6.3f}\n"
        assert line in ran.output


def test_the_swing_stays_within_its_bound_and_comes_near_it(ran: Any) -> None:
    path = accumulated(0.7, 1000)
    bound = math.sqrt(2 / (2 - 0.7))
    assert max(map(abs, path)) <= bound + 1e-9
    assert max(map(abs, path)) == pytest.approx(bound, abs=0.005)
    assert f"largest |x| of 1000 steps: {bound:.2f}\n" in ran.output
    assert f"bound by the formula:      {bound:.2f}\n" in ran.output


def test_in_the_valley_each_entry_has_its_own_factor(
    ran: Any, names: dict[str, Any]
) -> None:
    t = np.arange(21)
    for rate in (0.09, 0.02):
        exact = np.stack([(1 - 2 * rate) ** t, (1 - 20 * rate) ** t], axis=1)
        assert np.allclose(names["walk"](rate, 20), exact, atol=1e-6)
    for step in (1, 2, 3, 10, 20):
        pair = f"{0.82**step:7.3f}  {(-0.8) ** step:7.3f}"
        assert f"{step:4}  {pair}  {pair}\n" in ran.output


def test_the_gradient_of_the_valley_is_its_central_difference(
    names: dict[str, Any],
) -> None:
    valley = names["valley"]
    theta = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    valley(theta).backward()
    with torch.no_grad():
        steps = 1e-6 * torch.eye(2, dtype=torch.float64)
        measured = [((valley(theta + e) - valley(theta - e)) / 2e-6) for e in steps]
    assert theta.grad is not None
    assert theta.grad.tolist() == pytest.approx([2 * 0.3, 20 * -0.7])
    assert theta.grad.tolist() == pytest.approx([m.item() for m in measured])


def test_the_stopping_rule_fires_where_the_closed_form_says(ran: Any) -> None:
    for rate in (0.1, 0.7):
        factor = abs(1 - 2 * rate)
        step = next(t for t in range(1000) if 2 * factor**t < 1e-6)
        x = (1 - 2 * rate) ** step
        assert f"rate {rate}: stopped after {step} steps at x = {x:.1e}\n" in ran.output
        assert f"{factor:.1f} {step}\n" in ran.output
    for text in ("1.0", "1e-07"):
        assert f"rate {text}: gave up after 1000 steps at x = 1.0e+00\n" in ran.output


def test_a_tiny_rate_lets_the_objective_fall_by_less_than_the_tolerance(
    names: dict[str, Any],
) -> None:
    exact = 1 - (1 - 2 * 1e-6) ** 2
    assert exact < 1e-5
    assert names["change"] == pytest.approx(exact, abs=3e-7)  # float32 near 1


def test_a_wrong_order_loses_the_gradient_or_one_step(ran: Any) -> None:
    assert "zero_grad last:  1.00  1.00  1.00  1.00\n" in ran.output
    late = " ".join(f"{(-0.4) ** t:5.2f}" for t in range(4))
    assert f"step first: {late}\n" in ran.output


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "RuntimeError: a leaf Variable that requires grad is being used in an in-\n"
        "place operation.\n",
        "tensor(-0.4000, grad_fn=<SubBackward0>) False\n"
        "TypeError: unsupported operand type(s) for *: 'float' and 'NoneType'\n",
        "ValueError: can't optimize a non-leaf Tensor\n",
    ):
        assert message in ran.output


def test_the_optimizer_leaves_alone_a_tensor_that_it_does_not_hold(ran: Any) -> None:
    total = 10 * 2 * 5
    assert f"x: 5.0  its gradient: tensor({total}.)\n" in ran.output
    assert "the optimizer holds x: False\n" in ran.output
    assert f"\n{5 * 0.4**10:.6f}\n" in ran.output


def test_a_diverging_run_overflows_where_float32_ends(
    ran: Any, names: dict[str, Any]
) -> None:
    largest = float(np.finfo(np.float32).max)
    path = names["descend"](1.1, 600)
    for t in (100, 200, 300):
        assert path[t] == pytest.approx(1.2**t, rel=1e-3)
    assert 1.2**300 < largest < 1.2**600
    assert 1.2**400 < largest < 1.2**500  # x itself
    assert math.isnan(path[500])
    assert "step 300: x =  5.68e+23, x^2 = inf\n" in ran.output
    assert f"{1.2**300:.2e}" == "5.68e+23"


def test_one_over_the_second_derivative_reaches_the_minimum_in_one_step(
    ran: Any,
) -> None:
    after = 7 - 1 / 6 * 6 * (7 - 2)
    assert after == pytest.approx(2)
    assert f"\n{after:.4f}\n" in ran.output


def test_the_start_decides_which_of_two_minima_is_found(ran: Any) -> None:
    for start in (0.5, -0.5, 0.0, 2.0):
        x = start
        for _ in range(200):
            x -= 0.05 * 4 * x * (x**2 - 1)
        assert f"from {start:4}: x = {x:.4f}\n" in ran.output
        assert x == pytest.approx(math.copysign(1, start) if start else 0)


def test_our_own_optimizer_walks_as_torchs_does(
    ran: Any, names: dict[str, Any]
) -> None:
    exact = [(-0.4) ** t for t in range(11)]
    assert names["path"] == pytest.approx(exact, abs=1e-6)
    assert "\nTrue\nrate 0.099" in ran.output


def test_beyond_the_border_the_steep_entry_diverges(ran: Any) -> None:
    for rate in (0.099, 0.1, 0.101):
        second = abs((1 - 20 * rate) ** 500)
        line = f"rate {rate}: theta_1 = 0.000, theta_2 = {second:.2g}\n"
        assert line in ran.output
