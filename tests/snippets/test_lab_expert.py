"""Is what the chapter on an expert's changes says and prints true?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.preprocessing import StandardScaler
from torch import nn


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_expert")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.fixture(scope="module")
def fitted(tumors: tuple[Any, Any]) -> tuple[Any, Any]:
    """scikit-learn's optimum on standardized features, and its probabilities."""
    X, y = tumors
    scaler = StandardScaler().fit(X[:341])
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(scaler.transform(X[:341]), y[:341])
    return model, model.predict_proba(scaler.transform(X[454:]))[:, 1]


def test_the_features_are_standardized_as_by_scikit_learn(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    scaler = StandardScaler().fit(tumors[0][:341])
    expected = scaler.transform(tumors[0][454:])
    assert names["X_test"].numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.claim("lab_expert#condition")
def test_the_condition_number_at_zero_follows_from_the_correlation(
    tumors: tuple[Any, Any], ran: Any
) -> None:
    X = np.column_stack([tumors[0][:341], np.ones(341)])
    raw = np.linalg.cond(X.T @ X)
    r = np.corrcoef(tumors[0][:341].T)[0, 1]
    assert f"{'raw, at zero':28}  {raw:9,.2f}\n" in ran.output
    for sign in (1, -1):  # a correlation below 0, too
        Z = StandardScaler().fit_transform(tumors[0][:341] * [1, sign])
        Z = np.column_stack([Z, np.ones(341)])
        both = np.linalg.cond(Z.T @ Z)
        assert both == pytest.approx((1 + abs(sign * r)) / (1 - abs(sign * r)))
    value = (1 + r) / (1 - r)
    assert f"{'standardized, at zero':28}  {value:9,.2f}\n" in ran.output
    assert (round(raw), round(value, 2)) == (15984, 2.08)


def test_the_condition_numbers_at_the_minimum_are_those_of_the_numerical_hessian(
    tumors: tuple[Any, Any], ran: Any
) -> None:
    for name, X in (
        ("raw", tumors[0][:341]),
        ("standardized", StandardScaler().fit_transform(tumors[0][:341])),
    ):
        y, A = tumors[1][:341], np.column_stack([X, np.ones(341)])
        model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(X, y)
        theta, h = np.array([*model.coef_[0], *model.intercept_]), 1e-5

        def slope(theta: Any, A: Any = A, y: Any = y) -> Any:
            return A.T @ (1 / (1 + np.exp(-A @ theta)) - y) / 341

        H = [(slope(theta + h * e) - slope(theta - h * e)) / (2 * h) for e in np.eye(3)]
        values = np.linalg.eigvalsh((np.array(H) + np.array(H).T) / 2)
        found = re.search(rf"{name}, at the minimum +([\d,.]+)", ran.output)
        assert found is not None
        printed = float(found[1].replace(",", ""))
        assert printed == pytest.approx(values[-1] / values[0], rel=0.002)


@pytest.mark.claim("lab_expert#standardize-steps")
def test_standardized_features_need_10_steps_and_raw_ones_more_than_1000(
    tumors: tuple[Any, Any], fitted: tuple[Any, Any], ran: Any
) -> None:
    raw, y = tumors[0][:341], tumors[1][:341]
    X = StandardScaler().fit_transform(raw)

    def objective(A: Any, theta: Any) -> float:
        z = A @ theta
        return float(np.mean(np.logaddexp(0, z) - y * z))

    def gaps(X: Any, rate: float, steps: int) -> Any:
        A, theta, seen = np.column_stack([X, np.ones(341)]), np.zeros(3), []
        for _ in range(steps):
            seen.append(objective(A, theta) - best)
            theta = theta - rate / 341 * A.T @ (1 / (1 + np.exp(-A @ theta)) - y)
        return np.array(seen)

    optimum = np.array([*fitted[0].coef_[0], fitted[0].intercept_[0]])
    best = objective(np.column_stack([X, np.ones(341)]), optimum)
    assert best == pytest.approx(0.2625, abs=5e-5)
    for rate, expected in ((1, 147), (5, 27), (10, 10)):
        assert int(np.argmax(gaps(X, rate, 200) < 1e-4)) == expected
        assert f"standardized, rate {rate}.0: {expected} steps\n" in ran.output
    reached = [gaps(raw, rate, 1000).min() for rate in np.linspace(0.001, 0.05, 50)]
    assert min(reached) > 0.1  # at no rate at all


def test_the_network_of_2019_needs_at_least_fifty_times_fewer_steps(ran: Any) -> None:
    found = re.search(r"seed 0 by step (\d+), half by step (\d+)", ran.output)
    assert found is not None
    assert all(int(steps) * 50 < 94_500 for steps in found.groups())


@pytest.mark.claim("lab_expert#saturated")
def test_at_a_saturated_probability_the_gradient_by_the_logit_is_0(ran: Any) -> None:
    """The derivative by p is not 0 there; that of the logistic function is."""
    z = torch.tensor([17.0], requires_grad=True)
    p = torch.sigmoid(z)
    p.retain_grad()
    nn.BCELoss()(p, torch.zeros(1)).backward()
    by_z: Any = z.grad
    by_p: Any = p.grad
    assert (p.item(), by_z.item()) == (1.0, 0.0)
    assert by_p.item() > 1e11
    z = torch.tensor([17.0], requires_grad=True)
    nn.BCEWithLogitsLoss()(z, torch.zeros(1)).backward()
    by_z = z.grad
    assert by_z.item() == pytest.approx(1 / (1 + np.exp(-17)))
    assert ran.output.count("with logits, by z: 1.00\n") == 2
    assert "BCELoss 100.00, by p: 1.0e+12, times p(1 - p), by z: 0.00\n" in ran.output
    assert (
        f"BCELoss {np.logaddexp(0, 10):.2f}, by p: {1 + np.exp(10):.1e}" in ran.output
    )


def test_more_starts_recover_with_logits(ran: Any) -> None:
    lines = re.findall(r"(?:BCELoss|with logits) +\[([\d, ]+)\]", ran.output)
    probability, logits = ([int(k) for k in line.split(",")] for line in lines)
    assert len(probability) == len(logits) == 10
    assert max(logits) < 50 < max(probability)
    assert sum(logits) < sum(probability)


@pytest.mark.claim("lab_expert#sum-of-objectives")
def test_the_gradient_of_the_sum_is_for_each_network_that_of_its_own(
    names: dict[str, Any],
) -> None:
    X, y = names["X_train"][:60].double(), names["y_train"][:60].double()
    stack = names["Stack"](range(4)).double()
    names["objectives"](stack(X), y).sum().backward()
    for k in range(4):
        alone = names["Stack"](range(k, k + 1)).double()
        z = alone(X)[0]
        mean = (torch.logaddexp(torch.zeros_like(z), z) - y * z).mean()
        mean.backward()
        for whole, one in zip(stack.parameters(), alone.parameters(), strict=True):
            assert torch.allclose(whole.grad[k], one.grad[0], atol=1e-12)
            assert one.grad.abs().max() > 0


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


@pytest.mark.claim("lab_expert#intervals")
def test_the_intervals_of_8_and_11_overlap_and_those_of_11_and_44_do_not() -> None:
    def beta(k: int) -> tuple[float, float]:
        return (
            stats.beta.ppf(0.025, k, 115 - k + 1),
            stats.beta.ppf(0.975, k + 1, 115 - k),
        )

    def wilson(k: int) -> tuple[float, float]:
        interval = stats.binomtest(k, 115).proportion_ci(method="wilson")
        return interval.low, interval.high

    for rule in (beta, wilson):
        assert rule(11)[0] < rule(8)[1]
        assert rule(11)[1] < rule(44)[0]


def test_the_confusion_matrix_is_scikit_learns(
    names: dict[str, Any], tumors: tuple[Any, Any], fitted: tuple[Any, Any]
) -> None:
    truth = tumors[1][454:]
    (tn, fp), (fn, tp) = confusion_matrix(truth, fitted[1] > 0.5)
    assert (tp, fn, fp, tn) == (38, 6, 5, 66)
    assert names["confusion"](names["p_test"], names["y_test"], 0.5) == [38, 6, 5, 66]


@pytest.mark.claim("lab_expert#limit")
def test_the_cheapest_limit_is_one_eleventh() -> None:
    """For every p, the answer by this limit costs no more than the other one."""
    for p in np.linspace(0, 1, 1001):
        malignant, benign = 1 - p, 10 * p
        paid = malignant if p > 1 / 11 else benign
        assert paid <= min(malignant, benign) + 1e-12
    drawn = np.random.default_rng(1)
    p = drawn.random(200_000)
    sick = drawn.random(200_000) < p

    def cost(limit: float) -> int:
        return int(10 * (sick & (p <= limit)).sum() + (~sick & (p > limit)).sum())

    limits = np.linspace(0.02, 0.4, 39)
    assert min(limits, key=cost) == pytest.approx(1 / 11, abs=0.025)


def test_the_costs_are_ten_for_a_missed_cancer_and_one_for_an_alarm(
    tumors: tuple[Any, Any], fitted: tuple[Any, Any], ran: Any
) -> None:
    truth = tumors[1][454:]
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
    assert names["risks"] == pytest.approx(np.array(risks), abs=1.01 / 115)
    assert np.mean(risks) == pytest.approx(0.111, abs=0.001)
    assert np.std(risks, ddof=1) == pytest.approx(0.025, abs=0.001)
    low, high = min(risks), max(risks)
    assert f"from {low:.3f} to {high:.3f}\n" in ran.output


@pytest.mark.claim("lab_expert#paired")
def test_risks_on_the_same_splits_differ_by_less_than_they_scatter(
    names: dict[str, Any],
) -> None:
    """Also with two models of scikit-learn: one feature, and two."""
    bunch = load_breast_cancer()
    pairs = []
    for seed in range(60):
        rows = np.random.RandomState(seed).permutation(569)
        train, test = rows[:341], rows[454:]
        both = []
        for X in (bunch.data[:, :1], bunch.data[:, :2]):
            model = LogisticRegression(C=np.inf, max_iter=2000)
            said = model.fit(X[train], bunch.target[train]).predict(X[test])
            both.append(np.mean(said != bunch.target[test]))
        pairs.append(both)
    one, two = np.array(pairs).T
    assert np.std(two - one) < min(np.std(one), np.std(two))
    risks, mlp = names["risks"], names["mlp_risks"]
    assert np.std(mlp - risks) < min(np.std(mlp), np.std(risks))
    assert names["difference"] == pytest.approx(mlp - risks)


@pytest.mark.claim("lab_expert#seeds-spread")
def test_500_seeds_make_7_to_12_test_errors(names: dict[str, Any]) -> None:
    truth = names["y_test"].numpy() == 1
    wrong = ((names["z_best"].numpy() > 0) != truth).sum(1)
    assert wrong.shape == (500,)
    assert wrong.max() < 44 / 2
    assert (wrong.min(), wrong.max()) == (7, 12)


def test_the_sign_test_is_scipys(names: dict[str, Any], ran: Any) -> None:
    k, n = names["fewer"], names["both"]
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


def test_the_filters_limit_is_the_cheapest_of_those_tried(ran: Any) -> None:
    found = re.findall(r"filter above ([\d.]+): ([\d.]+) a mail", ran.output)
    costs = {limit: float(cost) for limit, cost in found}
    assert min(costs, key=lambda limit: costs[limit]) == f"{20 / 21:.3f}"
    for limit, cost in costs.items():  # the integral over p from 0 to 1
        a = float(limit)
        assert cost == pytest.approx(10 * (1 - a) ** 2 + a**2 / 2, abs=0.05)


def test_all_thirty_features_beat_two(ran: Any) -> None:
    found = re.search(
        r"decay [\d.]+: (\d+) of 115 wrong; ([\d.]+) to ([\d.]+)", ran.output
    )
    assert found is not None
    interval = stats.binomtest(int(found[1]), 115).proportion_ci(method="wilson")
    assert float(found[3]) == pytest.approx(interval.high, abs=0.001)
    two = stats.binomtest(11, 115).proportion_ci(method="wilson")
    assert interval.high < two.low
