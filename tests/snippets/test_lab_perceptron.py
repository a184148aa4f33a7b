"""Is what the chapter on the lab's multilayer perceptron says and prints true?"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_perceptron")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def test_the_network_has_as_many_parameters_as_counted(ran: Any) -> None:
    assert f"{2 * 16 + 16 + 16 + 1} parameters\n" in ran.output
    assert f"{2 * 64 + 64 + 64 * 64 + 64 + 64 + 1} parameters\n" in ran.output


@pytest.mark.claim("lab_perceptron#schedule-rests")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_objective_fluctuates_less_with_the_cosine_at_the_end(
    names: dict[str, Any], tumors: tuple[Any, Any], seed: int
) -> None:
    """With other starts, batches in another order and a cosine of its own."""
    X, y = (torch.tensor(each[:341], dtype=torch.float32) for each in tumors)
    X = (X - X.mean(0)) / X.std(0, correction=0)
    widths = []
    for falls in (False, True):
        model, J = names["network"](16, seed), []
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
        generator = torch.Generator().manual_seed(seed)
        for epoch in range(60):
            part = (1 + math.cos(math.pi * epoch / 60)) / 2 if falls else 1
            optimizer.param_groups[0]["lr"] = 0.03 * part
            for rows in torch.randperm(341, generator=generator).split(32):
                names["train_step"](model, optimizer, X[rows], y[rows])
            J.append(names["evaluate"](model, X, y)[0])
        widths.append(np.ptp(J[-10:]))
    assert widths[1] < widths[0] / 3


def test_the_schedule_rests_between_the_values_of_the_constant_rate(ran: Any) -> None:
    found = re.findall(r"(?:constant|cosine) +([\d.]+) to ([\d.]+)", ran.output)
    constant, cosine = [[float(each) for each in pair] for pair in found]
    assert constant[0] < cosine[0] <= cosine[1] < constant[1]


@pytest.mark.claim("lab_perceptron#kept-best")
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


@pytest.mark.claim("lab_perceptron#dropout-gap")
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
    names: dict[str, Any], tumors: tuple[Any, Any]
) -> None:
    X = tumors[0][:341]
    assert names["loaded"]["mean"].numpy() == pytest.approx(X.mean(0), rel=1e-5)
    assert names["loaded"]["deviation"].numpy() == pytest.approx(X.std(0), rel=1e-5)


def test_the_test_errors_are_recounted_in_numpy(
    names: dict[str, Any], tumors: tuple[Any, Any], ran: Any
) -> None:
    X, y = tumors
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


def test_as_measured_every_sample_is_called_malignant(
    names: dict[str, Any], tumors: tuple[Any, Any], ran: Any
) -> None:
    X, y = tumors[0][454:], tumors[1][454:]
    W, b, v, c = (a.double().numpy() for a in names["loaded"]["weights"].values())
    z = np.tanh(X @ W.T + b) @ v[0] + c[0]
    assert (z > 0).all()
    assert f"test set as measured: {int(np.sum(y == 0))} of 115 wrong\n" in ran.output


def test_the_file_with_the_width_gives_the_same_probability(ran: Any) -> None:
    reloaded = re.search(r"p = ([\d.]+), same logit: True", ran.output)
    assert reloaded is not None
    assert f"\np = {reloaded[1]}\n" in ran.output


def test_a_file_with_the_width_fits_a_network_of_any_width(
    names: dict[str, Any], tmp_path: Any
) -> None:
    for width in (3, 40):
        model = names["network"](width, seed=5)
        state = {**names["state"], "weights": model.state_dict(), "width": width}
        torch.save(state, tmp_path / "model.pt")
        found = names["probability"](tmp_path / "model.pt", 15.0, 21.0)
        x = (torch.tensor([[15.0, 21.0]]) - state["mean"]) / state["deviation"]
        assert found == pytest.approx(torch.sigmoid(model(x)).item())


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
