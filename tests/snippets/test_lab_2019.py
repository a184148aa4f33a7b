"""Is what the chapter that reproduces 2019 says and prints true?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

pytestmark = pytest.mark.slow  # the module trains for most of a minute


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_2019")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def log_loss(theta: Any, X: Any, y: Any) -> float:
    """The mean binary cross-entropy of a logistic regression, bias last."""
    z = X @ np.asarray(theta[:2], dtype=float) + float(theta[2])
    return float(np.mean(np.logaddexp(0, z) - y * z))


def logistic_slope(theta: Any, X: Any, y: Any) -> Any:
    """Its gradient (3,) by central differences."""
    steps = 1e-6 * np.eye(3)
    return np.array(
        [log_loss(theta + s, X, y) - log_loss(theta - s, X, y) for s in steps]
    ) / (2e-6)


def logits(nine: Any, X: Any) -> Any:
    """The network's logits in NumPy: hidden rows (w, w, b), then (v, v, c)."""
    (a, b, c, d, e, f, v, w, k) = np.asarray(nine, dtype=float)
    first = 1 / (1 + np.exp(-(a * X[:, 0] + b * X[:, 1] + c)))
    second = 1 / (1 + np.exp(-(d * X[:, 0] + e * X[:, 1] + f)))
    return v * first + w * second + k


def mean_loss(nine: Any, X: Any, y: Any) -> float:
    """The mean binary cross-entropy, from the logits."""
    z = logits(nine, X)
    return float(np.mean(np.logaddexp(0, z) - y * z))


def errors(nine: Any, X: Any, y: Any) -> int:
    """The number of wrong answers."""
    return int(np.sum((logits(nine, X) > 0) != (y == 1)))


def slope(nine: Any, X: Any, y: Any, h: float = 1e-5) -> Any:
    """The gradient (9,) by central differences."""
    steps = h * np.eye(9)
    return np.array(
        [mean_loss(nine + s, X, y) - mean_loss(nine - s, X, y) for s in steps]
    ) / (2 * h)


def sharpness(nine: Any, X: Any, y: Any, h: float = 1e-4) -> tuple[float, Any]:
    """The largest eigenvalue of the Hessian by differences, and its eigenvector."""
    rows = [slope(nine + s, X, y) - slope(nine - s, X, y) for s in h * np.eye(9)]
    H = np.array(rows) / (2 * h)
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    return float(values[-1]), vectors[:, -1]


def test_the_start_has_nine_parameters_and_the_weights_of_seed_0(
    names: dict[str, Any],
) -> None:
    start = names["weights"][0]
    assert start.shape == (9,)
    torch.manual_seed(0)
    expected = torch.cat([torch.empty(2, 2).normal_().flatten(), torch.randn(2)])
    assert start[[0, 1, 3, 4, 6, 7]].tolist() == pytest.approx(expected.tolist())
    assert start[[2, 5, 8]].abs().max() <= 1 / np.sqrt(2)


def test_the_hand_written_gradients_are_the_numerical_derivatives(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = tumors[0][:341], tumors[1][:341]
    for step in (0, 500, 4000):
        nine = names["weights"][step].double()
        U, u = nine[:6].view(2, 3), nine[6:].view(1, 3)
        A = torch.tensor(np.vstack([X.T, np.ones(341)]))
        dU, du = names["gradients"](U, u, A, torch.tensor(y))
        by_hand = torch.cat([dU.flatten(), du.flatten()])
        assert by_hand.numpy() == pytest.approx(slope(nine.numpy(), X, y), abs=1e-6)


def test_neighboring_states_are_one_step_of_gradient_descent_apart(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = tumors[0][:341], tumors[1][:341]
    weights = names["weights"].double().numpy()
    assert names["weights"].shape == (6001, 9)
    assert names["weights"].dtype == torch.float32
    for row in range(1, 6001, 400):  # noted[row] is odd, noted[row + 1] even
        expected = weights[row] - 0.01 * slope(weights[row], X, y)
        assert weights[row + 1] == pytest.approx(expected, abs=1e-4)


def test_the_quick_loop_goes_where_the_optimizer_goes(names: dict[str, Any]) -> None:
    model = names["Perceptron"]()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = nn.BCELoss()
    for _ in range(200):
        optimizer.zero_grad()
        loss(model(names["X_train"]), names["y_train"]).backward()
        optimizer.step()
    U, u = names["matrices"](model)
    expected = torch.cat([U.flatten(), u.flatten()])
    assert names["noted"][4] == 200
    assert torch.allclose(names["weights"][4], expected, atol=1e-4)


@pytest.mark.claim("lab_2019#two-states")
def test_the_last_two_states_alternate_with_9_and_8_test_errors(
    names: dict[str, Any], tumors: tuple[Any, Any], ran: Any
) -> None:
    X, y = tumors
    train, validation, test = slice(0, 341), slice(341, 454), slice(454, 569)
    states = sorted(
        names["weights"][-2:].numpy(),
        key=lambda nine: mean_loss(nine, X[train], y[train]),
    )
    assert [errors(nine, X[test], y[test]) for nine in states] == [9, 8]
    for name, nine in zip(("lower", "upper"), states, strict=True):
        line = (
            f"{name:5}  train {mean_loss(nine, X[train], y[train]):.4f} "
            f"validation {mean_loss(nine, X[validation], y[validation]):.4f}, "
            f"{errors(nine, X[validation], y[validation])} errors; "
            f" test {errors(nine, X[test], y[test])} errors\n"
        )
        assert line in ran.output
    lower = mean_loss(states[0], X[train], y[train])
    assert lower == pytest.approx(0.246, abs=0.001)
    assert mean_loss(states[0], X[validation], y[validation]) == pytest.approx(
        0.272, abs=0.002
    )
    following = names["next_weights"].double().numpy()  # 20 more steps
    counts = [errors(nine, X[test], y[test]) for nine in following]
    assert counts in ([8, 9] * 10 + [8], [9, 8] * 10 + [9])


def test_the_validation_objective_is_lowest_near_step_95000_and_rises_after(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = tumors[0][341:454], tumors[1][341:454]
    losses = [mean_loss(nine, X, y) for nine in names["weights"][::20].numpy()]
    steps = names["noted"][::20]
    assert steps[int(np.argmin(losses))] == pytest.approx(95_000, abs=3000)
    assert losses[-1] > min(losses) + 0.015
    best = names["weights"][int(names["best"])]
    assert [errors(nine, X, y) for nine in (best, names["low"])] == [12, 13]


@pytest.mark.claim("lab_2019#edge-of-stability")
def test_the_midpoint_of_the_two_states_is_at_the_edge_of_stability(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = tumors[0][:341], tumors[1][:341]
    one, other = names["weights"][-2:].double().numpy()
    value, vector = sharpness((one + other) / 2, X, y)
    assert value == pytest.approx(2 / 0.01, rel=0.005)
    jump = (one - other) / np.linalg.norm(one - other)
    assert abs(jump @ vector) == pytest.approx(1, abs=0.01)
    assert sorted(
        round(sharpness(nine, X, y)[0]) for nine in (one, other)
    ) == pytest.approx([190, 209], abs=1)


def test_after_two_steps_the_weights_are_back(names: dict[str, Any]) -> None:
    following = names["next_weights"]
    assert torch.allclose(following[0], following[2], atol=1e-3)
    assert not torch.allclose(following[0], following[1], atol=1e-3)


def test_a_network_of_the_stack_is_trained_as_if_it_were_alone(
    names: dict[str, Any],
) -> None:
    U, u = names["matrices"](names["Perceptron"](3, 3))
    _, alone = names["descend"](U[None], u[None], steps=3000, every=3000)
    assert names["starts"][22] == (3, 3)
    assert names["noted"][60] == 3000
    assert torch.allclose(names["many"][60, 22], alone[-1, 0], atol=1e-3)


@pytest.mark.claim("lab_2019#stuck-starts")
def test_with_other_weights_12_of_20_networks_call_everybody_benign(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = tumors[0][454:], tumors[1][454:]
    assert len(set(names["starts"])) == 40
    wrong = np.array(
        [[errors(nine, X, y) for nine in state] for state in names["many"][-2:].numpy()]
    )
    with_weights_of_2019, all_anew = wrong[:, :20], wrong[:, 20:]
    assert set(with_weights_of_2019.flatten()) == {8, 9}
    assert (all_anew == y.sum()).all(0).sum() == 12
    learned = all_anew[:, (all_anew != y.sum()).all(0)]
    assert learned.shape[1] == 8
    assert 10 <= learned.min() <= learned.max() <= 13


def test_the_best_constant_is_the_share_of_malignant_samples(ran: Any) -> None:
    s = 123 / 341
    objective = -s * np.log(s) - (1 - s) * np.log(1 - s)
    assert f"p = {s:.4f}, objective {objective:.4f}\n" in ran.output


@pytest.mark.claim("lab_2019#same-twelve")
def test_the_stuck_starts_are_those_that_initialization_finds_flat(
    names: dict[str, Any], run_module: Callable[[str], Any]
) -> None:
    """Both chapters name them by hand; neither has seen the other's numbers."""
    stuck = [
        seed
        for (_, seed), held in zip(names["starts"], names["stuck"], strict=True)
        if held
    ]
    assert stuck == [1, 2, 4, 5, 8, 10, 11, 12, 13, 14, 17, 19]
    flat = run_module("initialization").namespace["end"]
    assert stuck == [seed for seed, held in enumerate(flat, 1) if held]


def test_the_decision_changes_where_the_logit_changes_its_sign(
    names: dict[str, Any],
) -> None:
    grid = np.column_stack([names["radius"].ravel(), names["texture"].ravel()])
    shown = names["plane_p"].numpy()
    z = logits(names["low"].numpy(), grid).reshape(shown.shape)
    clear = np.abs(z) > 1e-3
    assert clear.mean() > 0.99
    assert ((z > 0) == (shown > 0.5))[clear].all()
    assert shown.shape == (301, 301)
    assert (grid.min(), grid.max()) == (5, 35)
    assert np.diff(names["ticks"]) == pytest.approx(0.1)


def test_every_hundredth_logistic_step_is_a_step_of_gradient_descent(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = np.column_stack([tumors[0][:341], np.ones(341)]), tumors[1][:341]
    thetas = names["thetas"].double().numpy()
    assert len(thetas) == 100_001
    for step in range(0, 100_000, 100):
        p = 1 / (1 + np.exp(-X @ thetas[step]))
        expected = thetas[step] - 0.01 * X.T @ (p - y) / 341
        assert thetas[step + 1] == pytest.approx(expected, abs=1e-5)


@pytest.mark.claim("lab_2019#gradient-by-hand")
def test_the_gradient_of_the_mean_log_loss_is_a_times_p_minus_y(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = tumors[0][:341], tumors[1][:341]
    A = torch.tensor(np.vstack([X.T, np.ones(341)]))
    for theta in ([0.3, 0.05, -5.0], [0.0, 0.0, 0.0], [-0.2, 0.1, 1.0]):
        found = names["gradient"](torch.tensor(theta).double(), A, torch.tensor(y))
        expected = logistic_slope(np.array(theta), X, y)
        assert found.numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.claim("lab_2019#logistic-run")
def test_the_logistic_run_ends_0_008_above_its_minimum_with_11_errors(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = tumors
    theta = names["thetas"][-1].double().numpy()
    train = log_loss(theta, X[:341], y[:341])
    assert train == pytest.approx(0.2706, abs=5e-5)
    assert log_loss(theta, X[341:454], y[341:454]) == pytest.approx(0.2683, abs=5e-5)
    said = X[454:] @ theta[:2] + theta[2] > 0
    assert int(np.sum(said != (y[454:] == 1))) == 11
    assert f"{11 / 115:.3f}" == "0.096"
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(X[:341], y[:341])
    optimum = np.array([*model.coef_[0], *model.intercept_])
    assert names["optimum"].numpy() == pytest.approx(optimum, rel=1e-4)
    assert train - log_loss(optimum, X[:341], y[:341]) == pytest.approx(0.008, abs=5e-5)


def test_the_eigenvalues_are_those_of_the_numerical_hessian(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X, y = np.column_stack([tumors[0][:341], np.ones(341)]), tumors[1][:341]
    theta, h = names["optimum"].numpy(), 1e-5

    def slope(theta: Any) -> Any:
        return X.T @ (1 / (1 + np.exp(-X @ theta)) - y) / 341

    H = [(slope(theta + h * e) - slope(theta - h * e)) / (2 * h) for e in np.eye(3)]
    expected = np.linalg.eigvalsh((np.array(H) + np.array(H).T) / 2)
    assert names["eigenvalues"].tolist() == pytest.approx(expected, rel=1e-3)
    assert 2 / expected[-1] == pytest.approx(0.041, abs=5e-4)


@pytest.mark.claim("lab_2019#stop-rule")
def test_in_float64_the_rule_fires_far_from_the_minimum(
    names: dict[str, Any], tumors: tuple[Any, Any], ran: Any
) -> None:
    """Recounted in NumPy: the same rule, the same start."""
    X = np.column_stack([tumors[0], np.ones(569)])
    y, start = tumors[1], names["thetas"][0].double().numpy()
    A, b = np.ascontiguousarray(X[:341].T), y[:341]
    theta, before, after, taken = start.copy(), 9.0, 8.0, 0
    while abs(before - after) >= 1e-7:
        theta -= 0.01 / 341 * (A @ (1 / (1 + np.exp(-(theta @ A))) - b))
        before, after = after, log_loss(theta, tumors[0][341:454], y[341:454])
        taken += 1
    assert taken > 100_000
    assert abs(names["taken"] - taken) < 20
    gap = log_loss(theta, tumors[0][:341], b) - log_loss(
        names["optimum"].numpy(), tumors[0][:341], b
    )
    assert f"gap to the optimum: {gap:.4f}\n" in ran.output
    assert gap == pytest.approx(0.0038, abs=1e-4)


def test_the_stop_rule_of_the_loop_fires_where_the_objective_rests(
    names: dict[str, Any],
) -> None:
    """With all labels equal to the model's rounded answers, nothing moves any more."""
    train_quickly = names["train_quickly"]
    shared = train_quickly.__globals__
    kept = {name: shared[name] for name in ("A_val", "A_train", "y_train")}
    try:
        shared["A_train"] = torch.zeros_like(kept["A_train"])  # no gradient, no step
        thetas, validation = train_quickly(50)
    finally:
        shared.update(kept)
    assert len(thetas) == len(validation) == 2
    assert validation[0] == validation[1]


def test_the_first_two_points_of_2019_are_one_step_apart(
    tumors: tuple[Any, Any], ran: Any
) -> None:
    X, y = tumors[0][:341], tumors[1][:341]
    theta, true = np.zeros(3), []
    for _ in range(3):
        true.append(f"{log_loss(theta, X, y):.4f}")
        theta = theta - 0.01 * logistic_slope(theta, X, y)
    assert str([true[0], *true]) in ran.output
    assert "   0  3.8961  3.8146\n   1  2.0681" in ran.output


def test_one_more_unit_of_radius_multiplies_the_odds_of_the_run(
    names: dict[str, Any],
) -> None:
    theta = names["thetas"][-1].double().numpy()
    odds = [np.exp(theta @ [radius, 20, 1]) for radius in (14, 15)]
    assert odds == pytest.approx([0.545, 1.162], abs=0.002)
    assert odds[1] / odds[0] == pytest.approx(np.exp(theta[0]))
    assert np.exp(theta[0]) == pytest.approx(2.13, abs=0.005)


def test_half_the_rate_ends_the_oscillation(ran: Any) -> None:
    assert "rate 0.01: neighbors apart by 0.0003\n" in ran.output
    assert "rate 0.005: neighbors apart by 0.0000\n" in ran.output


def test_descent_settles_only_where_the_sharpness_is_below_the_limit(ran: Any) -> None:
    found = re.findall(
        r"rate ([\d.]+): a b = ([\d.]+), sharpness +([\d.]+)", ran.output
    )
    assert len(found) == 2
    for rate, product, sharpness in found:
        assert float(product) == 1
        assert float(sharpness) < 2 / float(rate)
    assert float(found[1][2]) < 2 / 0.25 < float(found[0][2])
