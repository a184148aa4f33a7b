"""Is what the chapter on logistic regression says and prints true?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from torch import nn


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_logistic")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.fixture(scope="module")
def fitted(tumors: tuple[Any, Any]) -> Any:
    """scikit-learn's optimum on standardized features."""
    X, y = tumors
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    return model.fit(StandardScaler().fit_transform(X[:341]), y[:341])


def test_the_first_sample_is_computed_as_by_hand(ran: Any) -> None:
    z = 0.5 * 13.40 + 0.1 * 20.52 - 9
    p = 1 / (1 + np.exp(-z))
    assert f"z = {z:.3f}, p = {p:.4f}\n" in ran.output
    assert f"if malignant: {-np.log(p):.4f}\n" in ran.output
    assert f"if benign:    {-np.log(1 - p):.4f}\n" in ran.output


@pytest.mark.claim("lab_logistic#logit-sign")
def test_a_logit_above_0_is_a_probability_above_one_half() -> None:
    z = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    p = 1 / (1 + np.exp(-z.numpy()))
    assert ((z.numpy() > 0) == (p > 0.5)).all()
    assert torch.sigmoid(z).numpy() == pytest.approx(p)


@pytest.mark.claim("lab_logistic#likelihood")
def test_the_loss_of_the_logits_is_the_mean_negative_log_likelihood() -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        z = 3 * torch.randn(12, generator=generator, dtype=torch.float64)
        y = torch.randint(0, 2, (12,), generator=generator).double()
        p = 1 / (1 + np.exp(-z.numpy()))
        likelihood = np.prod(np.where(y.numpy() == 1, p, 1 - p))
        found = nn.BCEWithLogitsLoss()(z, y).item()
        assert found == pytest.approx(-np.log(likelihood) / 12)


@pytest.mark.claim("lab_logistic#standardized")
def test_features_have_mean_0_and_deviation_1_on_the_training_set_only(
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    expected = StandardScaler().fit(tumors[0][:341])
    for part, rows in (("train", slice(341)), ("test", slice(454, 569))):
        X = names[f"X_{part}"].double().numpy()
        assert pytest.approx(expected.transform(tumors[0][rows]), abs=1e-4) == X
    assert names["X_train"].mean(0).abs().max() < 1e-5
    assert names["X_train"].std(0, correction=0).numpy() == pytest.approx(1, abs=1e-5)
    assert names["X_test"].mean(0).abs().max() > 0.01
    assert (names["X_val"].std(0, correction=0) - 1).abs().max() > 0.01


@pytest.mark.claim("lab_logistic#evaluate-changes-nothing")
def test_a_training_step_changes_the_parameters_and_evaluate_does_not(
    names: dict[str, Any],
) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    X, y = names["X_train"], names["y_train"]
    before = [p.detach().clone() for p in model.parameters()]
    names["evaluate"](model, X, y)
    assert all(
        torch.equal(old, new)
        for old, new in zip(before, model.parameters(), strict=True)
    )
    assert all(p.grad is None for p in model.parameters())
    names["train_step"](model, optimizer, X, y)
    assert not any(
        torch.equal(old, new)
        for old, new in zip(before, model.parameters(), strict=True)
    )


@pytest.mark.claim("lab_logistic#eleven-steps")
def test_an_epoch_in_batches_of_32_is_eleven_steps(
    names: dict[str, Any], ran: Any
) -> None:
    seen = [tuple(x.tolist()) for X, _ in names["loader"] for x in X]
    assert sorted(seen) == sorted(tuple(x.tolist()) for x in names["X_train"])
    sizes = [len(y) for _, y in names["loader"]]
    assert sizes == [32] * 10 + [341 - 320]
    assert f"{-(-341 // 32)} batches: {sizes}\n" in ran.output


@pytest.mark.claim("lab_logistic#noise-and-rate")
def test_the_smaller_the_rate_the_less_mini_batch_descent_fluctuates(
    tumors: tuple[Any, Any],
) -> None:
    """Recounted in NumPy, from the minimum and with batches of its own."""
    X = np.column_stack([StandardScaler().fit_transform(tumors[0][:341]), np.ones(341)])
    y = tumors[1][:341]
    spreads = []
    for rate in (3.0, 1.0, 0.3):
        order, theta, values = np.random.default_rng(2), np.zeros(3), []
        for epoch in range(150):
            rows = order.permutation(341)
            for part in np.split(rows, range(32, 341, 32)):
                p = 1 / (1 + np.exp(-X[part] @ theta))
                theta = theta - rate * X[part].T @ (p - y[part]) / len(part)
            if epoch >= 100:
                z = X @ theta
                values.append(np.mean(np.logaddexp(0, z) - y * z))
        spreads.append(np.std(values))
    assert spreads[0] > 3 * spreads[1] > 3 * spreads[2]


def test_the_printed_bands_narrow_with_the_rate(ran: Any) -> None:
    bands = re.findall(r"lr [\d.]+: ([\d.]+) to ([\d.]+)", ran.output)
    widths = [float(high) - float(low) for low, high in bands]
    assert len(widths) == 3
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[2]


def test_the_full_batch_run_reaches_scikit_learns_optimum(
    names: dict[str, Any], tumors: tuple[Any, Any], fitted: Any
) -> None:
    X = StandardScaler().fit_transform(tumors[0][:341])
    best = log_loss(tumors[1][:341], fitted.predict_proba(X)[:, 1])
    assert best == pytest.approx(0.2625, abs=5e-5)
    assert names["log"][-1][1] == pytest.approx(best, abs=5e-5)
    weights = names["model"].weight.detach()[0].numpy()
    assert weights == pytest.approx(fitted.coef_[0], rel=0.02)


@pytest.mark.claim("lab_logistic#eleven-errors")
def test_the_trained_model_makes_11_errors_in_115(
    names: dict[str, Any], tumors: tuple[Any, Any], fitted: Any
) -> None:
    X = StandardScaler().fit(tumors[0][:341]).transform(tumors[0][454:])
    truth = tumors[1][454:]
    assert int(np.sum(fitted.predict(X) != truth)) == 11
    w = names["model"].weight.detach()[0].double().numpy()
    z = X @ w + names["model"].bias.item()
    assert int(np.sum((z > 0) != (truth == 1))) == 11
    assert f"{11 / 115:.3f}" == "0.096"


def test_one_more_unit_of_radius_multiplies_the_odds(
    tumors: tuple[Any, Any], fitted: Any, ran: Any
) -> None:
    exact = np.exp(fitted.coef_[0, 0] / tumors[0][:341, 0].std())
    found = re.search(r"odds times ([\d.]+)", ran.output)
    assert found is not None
    assert float(found[1]) == pytest.approx(exact, rel=0.02)
    odds = [float(each) for each in re.findall(r", odds ([\d.]+)", ran.output)]
    assert odds[1] / odds[0] == pytest.approx(float(found[1]), rel=0.01)


def test_the_radius_alone_is_fitted_as_by_scikit_learn(
    tumors: tuple[Any, Any], ran: Any
) -> None:
    X, y = tumors
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(X[:341, :1], y[:341])
    limit = -model.intercept_[0] / model.coef_[0, 0]
    best = log_loss(y[:341], model.predict_proba(X[:341, :1])[:, 1])
    wrong = int(np.sum(model.predict(X[454:, :1]) != y[454:]))
    assert (f"{limit:.2f}", f"{best:.4f}", wrong) == ("14.76", "0.2949", 17)
    assert f"p = 1/2 at radius {limit:.2f}\n" in ran.output
    assert f"objective {best:.4f}, {wrong} of 115 wrong\n" in ran.output


def test_a_batch_of_all_samples_gives_the_full_batch_model(
    names: dict[str, Any],
) -> None:
    for one, other in zip(
        names["same"].parameters(), names["model"].parameters(), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-4)


def test_the_wines_are_recognized_as_by_scikit_learn(ran: Any) -> None:
    wine = load_wine()
    rows = np.random.RandomState(0).permutation(178)
    train, test = rows[:106], rows[106 + 35 :]
    scaler = StandardScaler().fit(wine.data[train])
    model = LogisticRegression().fit(
        scaler.transform(wine.data[train]), wine.target[train] == 0
    )
    said = model.predict(scaler.transform(wine.data[test]))
    wrong = int(np.sum(said != (wine.target[test] == 0)))
    assert f"errors: {wrong} of {len(test)}\n" in ran.output
