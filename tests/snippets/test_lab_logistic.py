"""Is what the chapter on logistic regression says and prints true?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_logistic")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    """The features with a column of ones, and 1 for malignant, in shuffled order."""
    bunch = load_breast_cancer()
    rows = np.random.RandomState(0).permutation(569)
    features = np.column_stack([bunch.data[rows, :2], np.ones(569)])
    return features, 1.0 - bunch.target[rows]


def mean_loss(theta: Any, X: Any, y: Any) -> float:
    """The mean binary cross-entropy in float64, from the logits."""
    z = X @ np.asarray(theta, dtype=float)
    return float(np.mean(np.logaddexp(0, z) - y * z))


def test_the_first_sample_is_computed_as_by_hand(ran: Any) -> None:
    z = 0.5 * 13.40 + 0.1 * 20.52 - 9
    p = 1 / (1 + np.exp(-z))
    assert f"z = {z:.3f}, p = {p:.4f}\n" in ran.output
    assert f"if malignant: {-np.log(p):.4f}\n" in ran.output
    assert f"if benign:    {-np.log(1 - p):.4f}\n" in ran.output


def test_the_hand_written_gradient_is_the_numerical_derivative(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][:341], data[1][:341]
    theta, h = np.array([0.3, 0.05, -5.0]), 1e-6
    numerical = [
        (mean_loss(theta + h * e, X, y) - mean_loss(theta - h * e, X, y)) / (2 * h)
        for e in np.eye(3)
    ]
    by_hand = names["gradient"](*(torch.tensor(a) for a in (theta, X, y)))
    assert by_hand.tolist() == pytest.approx(numerical, abs=1e-7)


def test_the_run_takes_100000_steps_and_its_rule_never_fires(
    names: dict[str, Any],
) -> None:
    assert len(names["thetas"]) == 100_001
    moves = np.abs(np.diff(names["validation"]))
    assert moves.min() >= 1e-7


def test_every_hundredth_step_is_a_step_of_gradient_descent(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][:341], data[1][:341]
    thetas = names["thetas"].double().numpy()
    for step in range(0, 100_000, 100):
        p = 1 / (1 + np.exp(-X @ thetas[step]))
        expected = thetas[step] - 0.01 * X.T @ (p - y) / 341
        assert thetas[step + 1] == pytest.approx(expected, abs=1e-5)


def test_the_final_objectives_and_errors_are_those_of_2019(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data
    theta = names["thetas"][-1].numpy()
    assert mean_loss(theta, X[:341], y[:341]) == pytest.approx(0.2706, abs=5e-5)
    assert mean_loss(theta, X[341:454], y[341:454]) == pytest.approx(0.2683, abs=5e-5)
    said = X[454:] @ theta > 0
    assert int(np.sum(said != (y[454:] == 1))) == 11
    assert f"{11 / 115:.3f}" == "0.096"


def test_newtons_optimum_is_that_of_scikit_learn(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][:341], data[1][:341]
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(X[:, :2], y)
    expected = [*model.coef_[0], model.intercept_[0]]
    assert names["optimum"].tolist() == pytest.approx(expected, rel=1e-4)
    best = mean_loss(expected, X, y)
    assert names["best"].item() == pytest.approx(best, abs=1e-9)
    gap = mean_loss(names["thetas"][-1].numpy(), X, y) - best
    assert gap == pytest.approx(0.0080, abs=5e-5)


def test_the_eigenvalues_are_those_of_the_numerical_hessian(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][:341], data[1][:341]
    theta, h = names["optimum"].numpy(), 1e-5

    def slope(theta: Any) -> Any:
        return X.T @ (1 / (1 + np.exp(-X @ theta)) - y) / 341

    H = [(slope(theta + h * e) - slope(theta - h * e)) / (2 * h) for e in np.eye(3)]
    expected = np.linalg.eigvalsh((np.array(H) + np.array(H).T) / 2)
    assert names["eigenvalues"].tolist() == pytest.approx(expected, rel=1e-3)
    assert 2 / expected[-1] == pytest.approx(0.041, abs=5e-4)


def test_the_quick_loop_makes_fewer_calls_than_the_plain_one(
    names: dict[str, Any],
) -> None:
    count = names["calls_per_step"]
    plain, quick = count(names["train_plainly"]), count(names["train_quickly"])
    assert quick * 3 <= plain + 3
    assert quick < plain


def test_one_more_unit_of_radius_multiplies_the_odds(
    names: dict[str, Any], ran: Any
) -> None:
    factor = np.exp(names["thetas"][-1][0].item())
    assert f"\n{factor:.2f}\nradius 14.0" in ran.output
    assert factor == pytest.approx(1.162 / 0.545, abs=0.01)


def test_the_rule_in_float64_fires_where_the_page_says(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    assert names["steps"] > 100_000
    assert abs(names["before"] - names["after"]) < 1e-7
    X, y = data
    assert names["after"] == pytest.approx(
        mean_loss(names["t"].numpy(), X[341:454], y[341:454]), abs=1e-6
    )


def test_the_radius_alone_is_fitted_as_by_scikit_learn(
    names: dict[str, Any], data: tuple[Any, Any], ran: Any
) -> None:
    X, y = data
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(X[:341, :1], y[:341])
    limit = -model.intercept_[0] / model.coef_[0, 0]
    assert f"p = 1/2 at radius {limit:.2f}\n" in ran.output
    wrong = int(np.sum(model.predict(X[454:, :1]) != y[454:]))
    assert f"{wrong} of 115 wrong\n" in ran.output
