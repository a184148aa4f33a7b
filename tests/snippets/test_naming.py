"""Is the arithmetic of the naming chapter right?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def names(run_module: Callable[[str], Any]) -> dict[str, Any]:
    namespace: dict[str, Any] = run_module("naming").namespace
    return namespace


def test_loss_risk_and_objective_are_three_numbers_by_hand(
    names: dict[str, Any],
) -> None:
    assert names["losses"].tolist() == [0.25, 0.0, 1.0, 4.0]
    assert names["losses"].mean().item() == (0.25 + 0 + 1 + 4) / 4
    assert names["objective"].item() == pytest.approx(1.3125 + 0.01 * (9 + 1))


def test_the_empirical_risk_of_many_samples_is_near_the_expected_one(
    names: dict[str, Any],
) -> None:
    spread = math.sqrt(2 * 1.25**2 / 40_000)  # the error is normal, variance 1.25
    assert abs(names["risk"].item() - 1.25) < 4 * spread


def test_the_sigmoids_pass_their_definition_and_relu_does_not(
    names: dict[str, Any],
) -> None:
    rows = names["rows"]
    checks = ["bounded", "slope never negative", "slope never jumps"]
    passed = {name: [row[check] for check in checks] for name, row in rows.items()}
    assert passed.pop("ReLU") == [False, True, False]
    assert set(map(tuple, passed.values())) == {(True, True, True)}
    assert float(rows["arctan"]["highest"]) == pytest.approx(math.pi / 2, abs=1e-3)


def test_cross_entropy_and_likelihood_are_the_softmax_by_hand(
    names: dict[str, Any],
) -> None:
    weights = [math.exp(2.0), math.exp(0.5), math.exp(-1.0)]
    by_hand = -math.log(weights[0] / sum(weights))
    assert names["likelihood"].item() == pytest.approx(by_hand, abs=1e-6)


def test_binary_cross_entropy_is_minus_the_log_of_the_logistic(
    names: dict[str, Any],
) -> None:
    by_hand = math.log(1 + math.exp(-1.2))
    assert names["cross_entropy"].item() == pytest.approx(by_hand, abs=1e-6)


def test_norm_sum_mean_and_root_of_the_squares_by_hand(
    names: dict[str, Any], run_module: Callable[[str], Any]
) -> None:
    squares = [0.25, 0.0, 1.0, 4.0]
    assert (names["errors"] ** 2).tolist() == squares
    output = run_module("naming").output
    assert f"L2 norm of the error: {math.sqrt(sum(squares)):.4f}\n" in output
    assert f"sum of squares (L2 loss): {sum(squares):.4f}\n" in output
    assert f"its root (RMSE): {math.sqrt(sum(squares) / 4):.4f}\n" in output


@pytest.mark.parametrize(
    ("optimizer", "penalty", "decay", "expected"),
    [
        ("SGD", 0.5, 0.0, 1 - 0.1 * (10 + 0.5)),
        ("SGD", 0.0, 0.5, (1 - 0.1 * 0.5) - 0.1 * 10),
        ("Adam", 0.5, 0.0, 1 - 0.1),
        ("Adam", 0.0, 0.5, 1 - 0.1),
        ("AdamW", 0.5, 0.0, 1 - 0.1),
        ("AdamW", 0.0, 0.5, (1 - 0.1 * 0.5) - 0.1),
    ],
)
def test_one_step_of_each_optimizer_by_hand(
    names: dict[str, Any],
    optimizer: str,
    penalty: float,
    decay: float,
    expected: float,
) -> None:
    got = names["after_one_step"](optimizer, penalty, decay)
    assert got == pytest.approx(expected, abs=1e-6)


def test_a_convolution_is_a_cross_correlation_with_the_flipped_kernel(
    names: dict[str, Any],
) -> None:
    signal, kernel = names["signal"].numpy(), names["kernel"].numpy()
    by_hand = [sum(signal[i + j] * kernel[2 - j] for j in range(3)) for i in range(2)]
    assert np.convolve(signal, kernel, "valid").tolist() == by_hand == [2.0, 2.0]
