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
        expected += f"optimizer.zero_grad()  x = {x:.2f}, grad = None\n"
        expected += f"y = x**2               x = {x:.2f}, grad = None\n"
        expected += f"y.backward()           x = {x:.2f}, grad = {gradient}\n"
        expected += f"optimizer.step()       x = {-0.4 * x:.2f}, grad = {gradient}\n"
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


def test_the_loop_without_zero_grad_prints_plain_arithmetic(ran: Any) -> None:
    line = " ".join(f"{x:5.2f}" for x in accumulated(0.7, 10))
    assert f"{line}\n" in ran.output


def test_the_gray_curve_passes_through_the_path(names: dict[str, Any]) -> None:
    assert names["curve"][::20] == pytest.approx(accumulated(0.7, 20))
    assert names["without"] == pytest.approx(accumulated(0.7, 20), abs=1e-4)


def test_in_the_valley_each_entry_has_its_own_factor(
    ran: Any, names: dict[str, Any]
) -> None:
    t = np.arange(21)
    for rate in (0.09, 0.02):  # both figures show these
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
    for text in ("1.0", "1e-07"):
        assert f"rate {text}: gave up after 1000 steps at x = 1.0e+00\n" in ran.output


def test_a_tiny_rate_lets_the_objective_fall_by_less_than_the_tolerance(
    names: dict[str, Any],
) -> None:
    exact = 1 - (1 - 2 * 1e-6) ** 2
    assert exact < 1e-5
    assert names["change"] == pytest.approx(exact, abs=3e-7)  # float32 near 1


def test_a_wrong_order_loses_the_gradient_or_one_step(ran: Any) -> None:
    assert "zero_grad before step  1.00  1.00  1.00  1.00\n" in ran.output
    late = " ".join(f"{(-0.4) ** t:5.2f}" for t in range(4))
    assert f"{'step first':21} {late}\n" in ran.output


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "RuntimeError: a leaf Variable that requires grad is being used in an\n"
        "in-place operation.\na leaf: False\n",
        "ValueError: can't optimize a non-leaf Tensor\n",
    ):
        assert message in ran.output


def test_a_step_written_with_an_equals_sign_leaves_the_next_grad_at_none() -> None:
    x: Any = torch.tensor(1.0, requires_grad=True)
    (x**2).backward()
    x = x - 0.7 * x.grad
    (x**2).backward()
    with pytest.warns(UserWarning, match="not a leaf"):
        assert x.grad is None


def test_the_optimizer_leaves_alone_a_tensor_that_it_does_not_hold(ran: Any) -> None:
    total = 10 * 2 * 5
    assert f"x: 5.0  its gradient: tensor({total}.)\n" in ran.output
    assert "the optimizer holds x: False\n" in ran.output


def test_a_diverging_run_overflows_where_float32_ends(
    ran: Any, names: dict[str, Any]
) -> None:
    largest = float(np.finfo(np.float32).max)
    path = names["descend"](1.1, 600)
    assert 1.2**400 < largest < 1.2**600
    for t in (100, 200, 300, 400):
        assert path[t] == pytest.approx(1.2**t, rel=1e-3)
        assert f"step {t}: x = {path[t]:.2e}\n" in ran.output
    assert "step 600: x = nan\n" in ran.output


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


def test_at_rate_0_1_the_first_step_from_2_leads_into_the_other_valley() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.1)
    path = []
    for _ in range(200):
        optimizer.zero_grad()
        ((x**2 - 1) ** 2).backward()
        optimizer.step()
        path.append(x.item())
    assert path[0] == pytest.approx(-0.4)
    assert path[-1] == pytest.approx(-1)


def test_our_own_optimizer_ends_where_torchs_does(ran: Any) -> None:
    end = f"{(-0.4) ** 10:.6f}\n"
    assert f"at the end: x = {end}" in ran.output
    assert f"\n{end}squares:" in ran.output


def test_the_bus_stops_at_the_mean_of_squares_and_swings_about_the_median(
    ran: Any,
) -> None:
    houses = np.array([1.0, 2.0, 4.0, 5.0, 20.0])
    places = np.linspace(0, 20, 2001)
    far = np.abs(places[:, None] - houses)  # (2001, 5)
    for power, best in ((2, np.mean(houses)), (1, np.median(houses))):
        assert places[(far**power).mean(axis=1).argmin()] == pytest.approx(best)
    assert "squares:   6.40 6.40 6.40 6.40\n" in ran.output
    for label, rate in (("distances:", 0.3), ("smaller:  ", 0.07)):
        x, path = 0.0, []
        for _ in range(200):
            x -= rate * np.sign(x - houses).mean()
            path.append(x)
        line = " ".join(f"{x:.2f}" for x in path[-4:])
        assert f"{label} {line}\n" in ran.output
        assert abs(path[-1] - path[-2]) == pytest.approx(rate / 5)


def cubic(theta: Any, a: Any) -> Any:
    """A polynomial of three parameters, in NumPy or torch; `a` has shape (3, 3)."""
    return (theta @ a @ theta) + (theta**3).sum() / 3


@pytest.mark.claim("gradient_descent#one-step")
def test_one_step_subtracts_the_learning_rate_times_the_gradient() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        start, a, rate = rng.normal(size=3), rng.normal(size=(3, 3)), rng.uniform(0, 2)
        theta = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.SGD([theta], lr=rate)
        cubic(theta, torch.tensor(a)).backward()
        optimizer.step()
        steps = 1e-5 * np.eye(3)
        gradient = [(cubic(start + e, a) - cubic(start - e, a)) / 2e-5 for e in steps]
        expected = start - rate * np.array(gradient)
        assert theta.detach().numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.claim("gradient_descent#meet-in-grad")
def test_the_optimizer_uses_whatever_stands_in_grad() -> None:
    theta = torch.tensor([1.0, 2.0], requires_grad=True)
    other = torch.tensor([5.0], requires_grad=True)
    optimizer = torch.optim.SGD([theta, other], lr=0.5)
    (theta**2).sum().backward()
    theta.grad = torch.tensor([-4.0, 6.0])  # no objective has this gradient here
    optimizer.step()
    assert theta.tolist() == [1 + 0.5 * 4, 2 - 0.5 * 6]
    assert (other.tolist(), other.grad) == ([5], None)


def training(order: str, steps: int = 15) -> list[list[float]]:
    """Train a small network; give all parameters after each step."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)
    )
    x, y = torch.randn(20, 3), torch.randn(20, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    path = []
    for _ in range(steps):
        for part in order.split():
            if part == "zero":
                optimizer.zero_grad()
            elif part == "forward":
                loss = ((model(x) - y) ** 2).mean()
            elif part == "backward":
                loss.backward()
            else:
                optimizer.step()
        path.append([v for p in model.parameters() for v in p.flatten().tolist()])
    return path


@pytest.mark.claim("gradient_descent#either-place")
def test_zero_grad_may_stand_before_the_forward_pass_or_before_backward() -> None:
    usual = training("zero forward backward step")
    assert training("forward zero backward step") == usual
    assert training("forward backward step") != usual
    assert training("forward backward zero step") != usual
    assert usual[0] != usual[-1]


@pytest.mark.claim("gradient_descent#factor")
def test_each_step_multiplies_x_by_the_factor_and_the_rate_decides() -> None:
    for rate in np.linspace(0.04, 1.5, 74):  # 0.04, 0.06, ... 1.5
        x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([x], lr=float(rate))
        path = [x.item()]
        for _ in range(200):
            optimizer.zero_grad()
            (x**2).backward()
            optimizer.step()
            path.append(x.item())
        assert path[1] == pytest.approx(1 - 2 * rate)
        if abs(rate - 1) > 1e-9:
            assert (abs(path[-1]) < 1e-3) == (rate < 1)
        else:
            assert abs(path[-1]) == pytest.approx(1)
        if abs(rate - 0.5) > 1e-9:
            assert (path[1] * path[2] < 0) == (rate > 0.5)


@pytest.mark.claim("gradient_descent#sum-of-gradients")
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.7, 1.0, 1.3, 1.9])
def test_without_zero_grad_steps_use_the_sum_and_never_come_to_rest(
    rate: float,
) -> None:
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=rate)
    path = [x.item()]
    for _ in range(1000):
        (x**2).backward()
        optimizer.step()
        path.append(x.item())
    sums = -np.diff(path) / rate
    assert sums == pytest.approx(np.cumsum(2 * np.array(path[:-1])), abs=1e-6)
    early, late = np.abs(path[:500]).max(), np.abs(path[500:]).max()
    assert late == pytest.approx(early, rel=0.02)
    assert late >= 1


@pytest.mark.claim("gradient_descent#steepest-limits")
def test_the_direction_that_curves_most_limits_the_rate() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        curves = rng.uniform(0.1, 10, size=4)
        border = 2 / curves.max()

        def end(rate: float, curves: Any = curves) -> float:
            theta = torch.ones(4, dtype=torch.float64, requires_grad=True)
            optimizer = torch.optim.SGD([theta], lr=rate)
            for _ in range(600):
                optimizer.zero_grad()
                (torch.tensor(curves) * theta**2 / 2).sum().backward()
                optimizer.step()
            return theta.abs().max().item()

        assert end(0.97 * border) < 1
        assert end(1.03 * border) > 1e6


@pytest.mark.claim("gradient_descent#condition")
def test_a_larger_condition_number_needs_more_steps_even_at_the_best_rate() -> None:
    def needed(condition: float) -> int:
        rates = np.linspace(0.01, 1.99, 199)[:, None] / condition  # (199, 1)
        curves = np.array([1.0, condition])  # (2,)
        factors = np.abs(1 - rates * curves).max(axis=1)  # (199,)
        theta, steps = np.ones((199, 2)), 0
        while np.abs(theta).max(axis=1).min() >= 1e-3:
            theta, steps = theta - rates * curves * theta, steps + 1
        assert steps == math.ceil(math.log(1e-3) / math.log(factors.min()))
        return steps

    counts = [needed(condition) for condition in (2, 5, 10, 30, 100, 300)]
    assert counts == sorted(set(counts))


@pytest.mark.claim("gradient_descent#small-change")
@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6, 1e-8])
def test_a_small_change_of_the_objective_is_no_proof_of_a_small_distance(
    tolerance: float,
) -> None:
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=tolerance / 10)
    before = x**2
    before.backward()
    optimizer.step()
    assert 0 < before.item() - x.item() ** 2 < tolerance
    assert x.item() > 0.99
