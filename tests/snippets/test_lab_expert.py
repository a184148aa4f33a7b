"""Is what the chapter on an expert's changes says and prints true?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.preprocessing import StandardScaler


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_expert")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    """Radius and texture, and 1 for malignant, in shuffled order."""
    bunch = load_breast_cancer()
    rows = np.random.RandomState(0).permutation(569)
    return bunch.data[rows, :2], 1 - bunch.target[rows]


@pytest.fixture(scope="module")
def fitted(data: tuple[Any, Any]) -> tuple[Any, Any]:
    """scikit-learn's optimum on standardized features, and its probabilities."""
    X, y = data
    scaler = StandardScaler().fit(X[:341])
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(scaler.transform(X[:341]), y[:341])
    return model, model.predict_proba(scaler.transform(X[454:]))[:, 1]


def test_the_features_are_standardized_as_by_scikit_learn(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    scaler = StandardScaler().fit(data[0][:341])
    expected = scaler.transform(data[0][454:])
    assert names["S_test"].numpy() == pytest.approx(expected, abs=1e-4)


def test_the_condition_numbers_follow_from_the_moments_of_the_features(
    data: tuple[Any, Any], ran: Any
) -> None:
    X = np.column_stack([data[0][:341], np.ones(341)])
    raw = np.linalg.cond(X.T @ X)
    r = np.corrcoef(data[0][:341].T)[0, 1]
    assert f"raw           at zero {raw:9,.2f}" in ran.output
    assert f"standardized  at zero {(1 + r) / (1 - r):9,.2f}" in ran.output
    assert (round(raw), round((1 + r) / (1 - r), 2)) == (15984, 2.08)


def test_27_and_147_steps_reach_the_optimum_up_to_a_ten_thousandth(
    data: tuple[Any, Any], fitted: tuple[Any, Any], ran: Any
) -> None:
    X, y = data[0][:341], data[1][:341]
    A = np.column_stack([StandardScaler().fit_transform(X), np.ones(341)])

    def objective(theta: Any) -> float:
        z = A @ theta
        return float(np.mean(np.logaddexp(0, z) - y * z))

    best = objective(np.array([*fitted[0].coef_[0], fitted[0].intercept_[0]]))
    for rate, expected in ((1, 147), (5, 27)):
        theta, steps = np.zeros(3), 0
        while objective(theta) - best >= 1e-4:
            theta -= rate / 341 * A.T @ (1 / (1 + np.exp(-A @ theta)) - y)
            steps += 1
        assert steps == expected
        assert f"rate {rate}: 0.0001 above after {steps} steps\n" in ran.output


def test_the_network_needs_at_least_fifty_times_fewer_steps(ran: Any) -> None:
    steps = [
        int(text.replace(",", ""))
        for text in re.findall(r": ([\d,]+) steps in", ran.output)
    ]
    assert len(steps) == 2
    assert all(step * 50 < 94_500 for step in steps)


def test_the_losses_at_10_and_17_are_the_logarithms_of_the_formula(ran: Any) -> None:
    for z in (10, 17):
        exact = np.logaddexp(0, z)
        assert f"BCEWithLogitsLoss  loss {exact:6.2f}  gradient 1.00" in ran.output
    assert "z = 17.0  BCELoss            loss 100.00  gradient 0.00\n" in ran.output
    assert np.float32(1) / (1 + np.exp(np.float32(-17))) == 1


def test_wilsons_ends_solve_the_equation_that_defines_them(
    names: dict[str, Any],
) -> None:
    for k in (0, 8, 11, 44):
        for r in names["wilson"](k, 115):
            error = np.sqrt(r * (1 - r) / 115)
            assert abs(k / 115 - r) == pytest.approx(1.96 * error, abs=1e-9)


def test_the_exact_interval_is_that_of_the_beta_distribution(
    names: dict[str, Any],
) -> None:
    for k in (1, 8, 9, 11, 44):
        low = stats.beta.ppf(0.025, k, 115 - k + 1)
        high = stats.beta.ppf(0.975, k + 1, 115 - k)
        assert names["clopper_pearson"](k, 115) == pytest.approx((low, high))


def test_the_intervals_cover_the_true_risk_as_often_as_they_say(
    names: dict[str, Any],
) -> None:
    chances = stats.binom.pmf(np.arange(116), 115, 0.1)
    wilson = [names["wilson"](k, 115) for k in range(116)]
    covered = sum(
        chance
        for chance, (low, high) in zip(chances, wilson, strict=True)
        if low <= 0.1 <= high
    )
    assert covered == pytest.approx(0.95, abs=0.02)


def test_the_confusion_matrix_is_scikit_learns(
    names: dict[str, Any], data: tuple[Any, Any], fitted: tuple[Any, Any]
) -> None:
    truth = data[1][454:]
    (tn, fp), (fn, tp) = confusion_matrix(truth, fitted[1] > 0.5)
    assert (tp, fn, fp, tn) == (38, 6, 5, 66)
    assert names["confusion"](names["p_test"], names["y_test"], 0.5) == [38, 6, 5, 66]


def test_the_costs_are_ten_for_a_missed_cancer_and_one_for_an_alarm(
    data: tuple[Any, Any], fitted: tuple[Any, Any], ran: Any
) -> None:
    truth = data[1][454:]
    for limit in (1 / 2, 1 / 11):
        (_, fp), (fn, _) = confusion_matrix(truth, fitted[1] > limit)
        line = f"p > {limit:.3f}: missed {fn}, alarms {fp}, cost {10 * fn + fp}\n"
        assert line in ran.output


def test_the_200_splits_have_the_risks_that_scikit_learn_gets(
    names: dict[str, Any], ran: Any
) -> None:
    bunch = load_breast_cancer()
    risks = []
    for seed in range(200):
        rows = np.random.RandomState(seed).permutation(569)
        train, test = rows[:341], rows[454:]
        model = LogisticRegression(C=np.inf, max_iter=1000)
        model.fit(bunch.data[train, :2], bunch.target[train])
        risks.append(np.mean(model.predict(bunch.data[test, :2]) != bunch.target[test]))
    assert names["risks"].numpy() == pytest.approx(np.array(risks), abs=1.01 / 115)
    assert np.mean(risks) == pytest.approx(0.111, abs=0.001)
    assert np.std(risks, ddof=1) == pytest.approx(0.025, abs=0.001)
    low, high = min(risks), max(risks)
    assert f"from {low:.3f} to {high:.3f}\n" in ran.output


def test_all_500_networks_learn(names: dict[str, Any]) -> None:
    assert names["counts"].shape == (500,)
    assert names["counts"].max() < 44 / 2


def test_the_sign_test_is_scipys(names: dict[str, Any], ran: Any) -> None:
    k, n = names["fewer"], names["sum_of_both"]
    expected = stats.binomtest(k, n, 0.5).pvalue
    assert f"p-value: {expected:.2f}\n" in ran.output


def test_the_sigmoid_taken_twice_costs_what_the_formula_says(ran: Any) -> None:
    both = (np.log1p(np.exp(-1.0)) + np.log(2.0)) / 2
    assert f"probabilities: {both:.4f}\n" in ran.output


def test_the_limit_is_the_cheapest_of_all_on_the_validation_set(
    names: dict[str, Any],
) -> None:
    price = names["price_at"](names["cheapest"])
    assert all(price <= names["price_at"](k / 100) for k in range(1, 100))
