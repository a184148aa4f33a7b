"""Is what the chapter on frameworks says and prints true?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("frameworks")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def test_both_programs_give_the_gradients_of_the_hand_calculation(
    ran: Any, names: dict[str, Any]
) -> None:
    # y = ((1 + 2*3) * 5 + (2 + 2*4) * 6) / 5
    dx1 = [5 / 5, 6 / 5]
    dx3 = [(1 + 2 * 3) / 5, (2 + 2 * 4) / 5]
    for found in (names["dx1"], names["a1"].grad.numpy()):
        np.testing.assert_allclose(found, dx1)
    for found in (names["dx3"], names["a3"].grad.numpy()):
        np.testing.assert_allclose(found, dx3)
    assert ran.output.startswith("19.0\n[1.  1.2]\n[1.4 2. ]\ntensor(19.")


def test_slopes_finds_a_known_gradient(names: dict[str, Any]) -> None:
    x = np.array([0.3, -2.0, 1.7])
    measured = names["slopes"](lambda x: float(np.sin(x).sum()), x)
    np.testing.assert_allclose(measured, np.cos(x), atol=1e-9)


def test_the_risk_is_the_log_loss_of_scikit_learn(names: dict[str, Any]) -> None:
    start = names["start"]
    expected = log_loss(names["t"], names["probability"](start))
    assert names["risk"](start) == pytest.approx(expected)


def test_the_right_gradient_is_the_numerical_one_and_the_hand_made_is_not(
    names: dict[str, Any],
) -> None:
    for theta in (names["start"], np.zeros(2), np.array([2.0, 1.0])):
        measured = names["slopes"](names["risk"], theta)
        np.testing.assert_allclose(names["right_gradient"](theta), measured, atol=1e-8)
        assert abs(names["hand_gradient"](theta) - measured).max() > 0.01


def test_the_hand_made_gradient_belongs_to_the_squared_error(
    names: dict[str, Any],
) -> None:
    def squares(theta: Any) -> float:
        error = names["probability"](theta) - names["t"]
        return float((error**2).mean() / 2)

    measured = names["slopes"](squares, names["start"])
    by_hand = names["hand_gradient"](names["start"])
    np.testing.assert_allclose(by_hand, measured, atol=1e-9)


def test_the_risk_falls_with_the_wrong_gradient_but_more_slowly(
    names: dict[str, Any],
) -> None:
    risk, descend = names["risk"], names["descend"]
    wrong = [risk(descend(names["hand_gradient"], k)) for k in (0, 10, 50, 100)]
    right = [risk(descend(names["right_gradient"], k)) for k in (0, 10, 50, 100)]
    assert wrong == sorted(wrong, reverse=True)
    assert all(r < w for r, w in zip(right[1:], wrong[1:], strict=True))


def test_the_two_gradients_point_into_different_quadrants(
    names: dict[str, Any],
) -> None:
    start = names["start"]
    by_hand, right = names["hand_gradient"](start), names["right_gradient"](start)
    assert (np.sign(by_hand) != np.sign(right)).any()


def test_the_error_of_a_central_difference_goes_with_the_square_of_the_step(
    names: dict[str, Any],
) -> None:
    errors = [names["step_error"](h, torch.float64) for h in (1e-1, 1e-2, 1e-3)]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(100, rel=0.05)


def test_float64_is_good_at_1e_5_and_1e_6_and_float32_nowhere(
    names: dict[str, Any],
) -> None:
    for h in (1e-5, 1e-6):
        assert names["step_error"](h, torch.float64) < 1e-8
    best = min(names["step_error"](h, torch.float32) for h in names["steps_h"])
    assert best > 1e-9
    assert names["step_error"](1e-9, torch.float32) == pytest.approx(
        abs(names["exact"])
    )


def test_the_figure_has_both_curves_with_labels_and_different_markers(
    names: dict[str, Any],
) -> None:
    first, second = names["axes"].get_lines()
    assert [first.get_label(), second.get_label()] == ["float32", "float64"]
    assert first.get_marker() != second.get_marker()
    assert first.get_linestyle() != second.get_linestyle()
    h = first.get_xdata()
    at_one = [line.get_ydata()[h == 1.0][0] for line in (first, second)]
    assert at_one[0] == pytest.approx(at_one[1], rel=1e-3)


def test_the_two_standard_deviations_divide_by_n_and_by_n_minus_1(ran: Any) -> None:
    squares = 1.5**2 + 0.5**2 + 0.5**2 + 1.5**2
    by_n, by_n_minus_1 = (squares / 4) ** 0.5, (squares / 3) ** 0.5
    assert f"\n{by_n:.3f} {by_n_minus_1:.3f}\n{by_n:.3f}\n" in ran.output


def test_forward_mode_gives_the_entries_of_the_gradient(ran: Any) -> None:
    assert f"\n19.0 {5 / 5}\n19.0 {6 / 5}\n" in ran.output


def test_the_tanh_neurons_gradient_is_right_in_all_three_ways(
    names: dict[str, Any],
) -> None:
    measured = names["slopes"](names["squares"], names["start"])
    np.testing.assert_allclose(names["by_hand"], measured, atol=1e-8)
    np.testing.assert_allclose(names["weights"].grad.numpy(), measured, atol=1e-8)


def test_central_differences_cost_two_calls_an_entry(names: dict[str, Any]) -> None:
    assert names["calls"] == 2 * 1000


def test_the_page_names_all_frameworks_that_it_promises() -> None:
    page = Path(__file__).parents[2] / "docs" / "tools" / "frameworks.md"
    text = page.read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for name in (
        *("TensorFlow", "PyTorch", "Caffe and Caffe2", "Keras", "fast.ai", "MATLAB"),
        *("JAX, with Flax", "Lightning", "ONNX", "MLX", "tinygrad"),
    ):
        (row,) = [row for row in rows if row.startswith(f"| {name}")]
        assert "](https://" in row, f"{name} has no source"
