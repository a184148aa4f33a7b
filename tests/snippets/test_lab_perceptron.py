"""Is what the chapter on the lab's multilayer perceptron says and prints true?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_perceptron")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def test_the_network_has_as_many_parameters_as_counted(ran: Any) -> None:
    assert f"{2 * 16 + 16 + 16 + 1} parameters\n" in ran.output
    assert f"{2 * 64 + 64 + 64 * 64 + 64 + 64 + 1} parameters\n" in ran.output


def test_the_kept_weights_are_those_of_the_best_epoch(names: dict[str, Any]) -> None:
    model = names["network"](16)
    lab = {key: names[key] for key in ("X_train", "y_train", "X_val", "y_val")}
    # The module ends with the data of the last exercise, and fit reads them as well.
    log = names["fit"](model, names["batches"](32), epochs=20, lr=0.03)
    J, _ = names["evaluate"](model, lab["X_val"], lab["y_val"])
    assert min(J_val for _, J_val in log) == J


def test_fit_stops_when_its_patience_is_over(names: dict[str, Any]) -> None:
    model = names["network"](16)
    log = names["fit"](model, names["batches"](32), epochs=80, lr=0.1, patience=5)
    values = [J_val for _, J_val in log]
    best = int(np.argmin(values))
    assert len(values) < 80
    assert len(values) == best + 1 + 5


@pytest.mark.claim("lab_perceptron#overfitting")
def test_the_large_networks_validation_objective_rises_while_training_falls(
    names: dict[str, Any],
) -> None:
    J_train, J_val = np.array(names["wide_log"]).T
    best = int(J_val.argmin())
    assert J_train[-1] < J_train[best] - 0.02
    assert J_val[-1] > J_val[best] + 0.015
    quarters = J_train.reshape(4, -1).mean(1)
    assert (np.diff(quarters) < 0).all()


def test_dropout_narrows_the_gap(ran: Any) -> None:
    found = re.findall(r"(without|with) +dropout: ([\d.]+)  ([\d.]+)", ran.output)
    gaps = {name: float(val) - float(train) for name, train, val in found}
    assert gaps["with"] < gaps["without"]


@pytest.mark.claim("lab_perceptron#reload")
def test_a_saved_and_reloaded_model_gives_the_same_logits(
    names: dict[str, Any], tmp_path: Any
) -> None:
    for seed in range(3):
        model, other = names["network"](8, seed), names["network"](8, seed + 10)
        x = torch.randn(50, 2)
        assert not torch.equal(model(x), other(x))
        torch.save(model.state_dict(), tmp_path / "weights.pt")
        state = torch.load(tmp_path / "weights.pt", weights_only=True)
        other.load_state_dict(state)
        assert torch.equal(model(x), other(x))


def test_the_saved_statistics_are_those_of_the_training_set(
    names: dict[str, Any],
) -> None:
    rows = np.random.RandomState(0).permutation(569)[:341]
    X = load_breast_cancer().data[rows, :2]
    assert names["loaded"]["mean"].numpy() == pytest.approx(X.mean(0), rel=1e-5)
    assert names["loaded"]["deviation"].numpy() == pytest.approx(X.std(0), rel=1e-5)


def test_the_test_errors_are_recounted_in_numpy(
    names: dict[str, Any], ran: Any
) -> None:
    bunch = load_breast_cancer()
    rows = np.random.RandomState(0).permutation(569)
    X, y = bunch.data[rows, :2], 1 - bunch.target[rows]
    x = (X[454:] - X[:341].mean(0)) / X[:341].std(0)
    W, b, v, c = (a.double().numpy() for a in names["loaded"]["weights"].values())
    z = np.tanh(x @ W.T + b) @ v[0] + c[0]
    wrong = int(np.sum((z > 0) != (y[454:] == 1)))
    assert f"{wrong} of 115 wrong: {wrong / 115:.3f}\n" in ran.output


@pytest.mark.claim("lab_perceptron#one-hidden-neuron")
def test_one_hidden_neuron_decides_by_a_straight_line(names: dict[str, Any]) -> None:
    """Along a line of equal input to the hidden neuron, the logit stays the same."""
    for seed in range(5):
        model = names["network"](1, seed).double()
        w = model[0].weight.detach()[0]
        along = torch.stack([-w[1], w[0]])
        start = torch.randn(2, dtype=torch.float64)
        points = start + torch.linspace(-50, 50, 101)[:, None] * along
        z = model(points).detach()
        assert torch.allclose(z, z[0].expand_as(z), atol=1e-9)


def test_more_neurons_bend_around_the_moons(ran: Any) -> None:
    found = dict(re.findall(r"width +(\d+): (\d+) of 60 wrong", ran.output))
    assert int(found["16"]) < int(found["1"])


def test_momentum_gives_what_plain_sgd_gives_at_ten_times_the_rate(ran: Any) -> None:
    rows = re.findall(r"(?m)^(?:(\w+) +)?(0\.\d+: .*)$", ran.output)
    table = {
        name: {float(k): float(v) for k, v in re.findall(r"([\d.]+): ([\d.]+)", row)}
        for name, row in rows
    }
    shared = [lr for lr in table[""] if round(10 * lr, 2) in table["SGD"]]
    assert len(shared) == 5
    for lr in shared:
        plain = table["SGD"][round(10 * lr, 2)]
        assert table[""][lr] == pytest.approx(plain, abs=0.015)
