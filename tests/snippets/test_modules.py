"""Does the module's training agree with NumPy and with least squares?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

Array = npt.NDArray[np.float64]


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("modules")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def data() -> tuple[Array, Array]:
    """Draw the data once more: inputs (1000, 2), targets (1000,), in float64."""
    random = np.random.RandomState(0)
    x = random.rand(1000, 2)
    return x, 2 * x[:, 0] - x[:, 1] + random.randn(1000)


def descend(root: bool, steps: int, rate: float = 1.0) -> Array:
    """Fit in NumPy with a gradient written by hand; return (steps + 1, 2)."""
    x, y = data()
    theta = np.zeros(2)
    path = [theta]
    for _ in range(steps):
        errors = x @ theta - y
        gradient = 2 / len(y) * x.T @ errors
        if root:
            gradient = gradient / (2 * np.sqrt(np.mean(errors**2)))
        theta = theta - rate * gradient
        path.append(theta)
    return np.array(path)


def risk(theta: Array) -> float:
    """Compute the root-mean-square error at theta."""
    x, y = data()
    return float(np.sqrt(np.mean((x @ theta - y) ** 2)))


def solve() -> Array:
    """Solve the normal equations."""
    x, y = data()
    return np.asarray(np.linalg.solve(x.T @ x, x.T @ y), dtype=np.float64)


def test_the_data_are_those_of_random_state_0_with_the_noise_drawn_last(
    names: dict[str, Any],
) -> None:
    x, y = data()
    assert np.array_equal(names["inputs"], x)
    assert np.array_equal(names["targets"], y)
    assert np.allclose(names["X"], x, atol=1e-7)
    assert np.allclose(names["y"], y, atol=1e-6)


def test_the_ten_steps_are_those_of_the_gradient_written_by_hand(ran: Any) -> None:
    path = descend(root=True, steps=10)
    pairs = [f"({first:.2f}, {second:.2f})" for first, second in path[:10]]
    assert pairs == [
        "(0.00, 0.00)",
        "(0.32, 0.12)",
        "(0.54, 0.14)",
        "(0.69, 0.10)",
        "(0.81, 0.04)",
        "(0.91, -0.03)",
        "(1.00, -0.11)",
        "(1.08, -0.18)",
        "(1.15, -0.25)",
        "(1.21, -0.31)",
    ]
    lines = [
        f"{step:4}  ({a:.2f}, {b:5.2f})  {risk(np.array([a, b])):.4f}\n"
        for step, (a, b) in enumerate(path[:10])
    ]
    end = f"  10  ({path[10][0]:.2f}, {path[10][1]:5.2f})\n"
    assert "".join(lines) + end in ran.output


def test_the_gradients_written_by_hand_are_central_differences() -> None:
    x, y = data()
    theta = np.array([0.4, -0.3])
    for root in (False, True):
        measured = []
        for e in 1e-6 * np.eye(2):
            up, down = risk(theta + e), risk(theta - e)
            measured.append((up - down) / 2e-6 if root else (up**2 - down**2) / 2e-6)
        errors = x @ theta - y
        gradient = 2 / len(y) * x.T @ errors
        if root:
            gradient = gradient / (2 * risk(theta))
        assert gradient == pytest.approx(np.array(measured), rel=1e-6)


def test_least_squares_solves_the_normal_equations(
    ran: Any, names: dict[str, Any]
) -> None:
    best = solve()
    assert names["best"] == pytest.approx(best)
    assert [f"{entry:.2f}" for entry in best] == ["1.92", "-1.01"]
    assert f"(1.92, -1.01)\nRMSE there: {risk(best):.4f}\n" in ran.output


def test_the_printed_risks_of_zero_and_of_the_truth_are_numpys(ran: Any) -> None:
    assert f"all predictions 0:  {risk(np.zeros(2)):.4f}\n" in ran.output
    assert f"noise alone:        {risk(np.array([2.0, -1.0])):.4f}\n" in ran.output


def test_repeated_noise_spreads_the_estimates_as_printed(ran: Any) -> None:
    x, _ = data()
    random = np.random.RandomState(1)
    many = 2 * x[:, :1] - x[:, 1:] + random.randn(1000, 2000)  # (1000, 2000)
    estimates = np.linalg.lstsq(x, many)[0]  # (2, 2000)
    assert estimates.std(axis=1) == pytest.approx([0.08, 0.08], abs=0.005)
    assert "\n[0.08 0.08]\n" in ran.output


def test_the_first_gradients_are_those_of_numpy(names: dict[str, Any]) -> None:
    x, y = data()
    of_mse = -2 / len(y) * x.T @ y
    assert names["of_mse"].numpy() == pytest.approx(of_mse, rel=1e-5)


def test_the_gradient_of_the_root_is_the_other_over_twice_the_root(ran: Any) -> None:
    x, y = data()
    first, second = -2 / len(y) * x.T @ y / (2 * risk(np.zeros(2)))
    pair = f"tensor([{first:.4f}, {second:.4f}])\n"
    assert f"gradient of the RMSE: {pair}" in ran.output
    assert f"MSE's / (2 RMSE):     {pair}" in ran.output


def test_both_losses_walk_as_numpy_does(ran: Any, names: dict[str, Any]) -> None:
    by_rmse, by_mse = descend(True, 100), descend(False, 100)
    assert np.allclose(names["by_rmse"], by_rmse, atol=1e-5)
    assert np.allclose(names["by_mse"], by_mse, atol=1e-5)
    assert [f"{entry:.2f}" for entry in by_mse[10]] == ["1.69", "-0.78"]
    for steps in (10, 20, 50, 100):
        (a, b), (c, d) = by_rmse[steps], by_mse[steps]
        line = f"{steps:5}   ({a:.2f}, {b:.2f})  ({c:.2f}, {d:.2f})\n"
        assert line in ran.output


@pytest.mark.parametrize(("label", "root"), [("RMSE", True), ("MSE", False)])
def test_the_steps_needed_are_those_of_numpy(ran: Any, label: str, root: bool) -> None:
    far = np.abs(descend(root, 100) - solve()).max(axis=1)
    needed = int(np.argmax(far < 0.005))
    assert f"{label}: {needed} steps\n" in ran.output


def test_late_steps_shrink_the_distance_by_the_predicted_factor(ran: Any) -> None:
    x, y = data()
    flat = np.linalg.eigvalsh(2 / len(y) * x.T @ x)[0]
    for label, root, factor in (
        ("MSE:  ", False, 1 - flat),
        ("RMSE: ", True, 1 - flat / (2 * risk(solve()))),
    ):
        far = np.linalg.norm(descend(root, 61) - solve(), axis=1)
        assert far[61] / far[60] == pytest.approx(factor, abs=1e-4)
        assert f"factor of a step, {label}{factor:.3f}\n" in ran.output


def test_parameters_are_registered_and_plain_tensors_are_not(ran: Any) -> None:
    assert "in __dict__:    False\nin _parameters: True\n" in ran.output
    assert "[] OrderedDict()\n" in ran.output


def test_a_loaded_state_has_the_values_of_the_saved_one(names: dict[str, Any]) -> None:
    assert names["copy"].theta.tolist() == [2, -1]
    assert names["copy"].theta is not names["saved"]["theta"]


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "AttributeError: cannot assign parameters before Module.__init__() call",
        "AttributeError: cannot assign module before Module.__init__() call",
        "ValueError: optimizer got an empty parameter list",
        "NotImplementedError: Module [WithoutForward] is missing the",
        "AttributeError: module 'torch.nn' has no attribute 'Model'",
        "AttributeError: 'SGD' object has no attribute 'zero_grads'",
    ):
        assert message in ran.output
    of_today = "addmv input tensors must have the same dtype, but got"
    of_torch_2_11 = "expected scalar type Double but found Float"
    said = [f"RuntimeError: {each}" in ran.output for each in (of_today, of_torch_2_11)]
    assert any(said)


def test_only_the_call_of_the_object_reaches_the_hook(ran: Any) -> None:
    assert "model(X)\nthe hook saw (1000,)\nmodel.forward(X)\ntensor([nan" in ran.output


def test_at_a_perfect_fit_only_the_root_has_no_gradient(ran: Any) -> None:
    assert "tensor([nan, nan])\ntensor([0., 0.])\n" in ran.output


def test_a_constant_moves_the_optimum_where_least_squares_puts_it(
    names: dict[str, Any],
) -> None:
    x, y = data()
    centered = x - x.mean(axis=0)
    theta = np.linalg.solve(centered.T @ centered, centered.T @ y)
    b = y.mean() - x.mean(axis=0) @ theta
    assert [f"{v:.3f}" for v in (*theta, b)] == ["1.790", "-1.138", "0.150"]
    biased = names["biased"]
    assert biased.theta.tolist() == pytest.approx(theta.tolist(), abs=1e-3)
    assert biased.b.item() == pytest.approx(b, abs=1e-3)


def test_the_root_takes_the_path_of_the_square_at_the_matching_rate(
    names: dict[str, Any],
) -> None:
    path = torch.stack(names["places"]).numpy()
    assert np.allclose(path, descend(root=False, steps=10), atol=1e-5)


def test_the_largest_rate_is_two_over_the_larger_second_derivative(
    ran: Any,
) -> None:
    x, y = data()
    border = 2 / np.linalg.eigvalsh(2 / len(y) * x.T @ x)[1]
    assert f"border: {border:.3f}\n" in ran.output
    assert np.allclose(descend(False, 200, rate=1.6)[-1], solve(), atol=1e-4)
    a, b = descend(False, 200, rate=1.7)[-1]
    assert np.abs([a, b]).min() > 10
    assert f"rate 1.7: ({a:.3g}, {b:.3g})\n" in ran.output


def test_with_the_second_parameter_fixed_the_first_has_a_closed_form(
    names: dict[str, Any],
) -> None:
    x, y = data()
    closed_form = x[:, 0] @ (y + x[:, 1]) / (x[:, 0] @ x[:, 0])
    assert names["single"].theta1.item() == pytest.approx(closed_form, abs=1e-4)
    assert names["single"].fixed.item() == -1
    assert [name for name, _ in names["single"].named_parameters()] == ["theta1"]
