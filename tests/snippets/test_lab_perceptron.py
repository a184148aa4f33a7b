"""Is what the chapter on the lab's multilayer perceptron says and prints true?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

pytestmark = pytest.mark.slow  # the module trains for about a minute


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_perceptron")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    """Radius and texture, and 1 for malignant, in shuffled order, in float64."""
    bunch = load_breast_cancer()
    rows = np.random.RandomState(0).permutation(569)
    return bunch.data[rows, :2], 1.0 - bunch.target[rows]


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
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][:341], data[1][:341]
    for step in (0, 500, 4000):
        nine = names["weights"][step].double()
        U, u = nine[:6].view(2, 3), nine[6:].view(1, 3)
        A = torch.tensor(np.vstack([X.T, np.ones(341)]))
        dU, du = names["gradients"](U, u, A, torch.tensor(y))
        by_hand = torch.cat([dU.flatten(), du.flatten()])
        assert by_hand.numpy() == pytest.approx(slope(nine.numpy(), X, y), abs=1e-6)


def test_neighboring_states_are_one_step_of_gradient_descent_apart(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][:341], data[1][:341]
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


def test_objectives_and_errors_of_the_last_two_states_are_those_printed(
    names: dict[str, Any], data: tuple[Any, Any], ran: Any
) -> None:
    X, y = data
    parts = (slice(0, 341), slice(341, 454), slice(454, 569))
    states = sorted(
        names["weights"][-2:].numpy(),
        key=lambda nine: mean_loss(nine, X[:341], y[:341]),
    )
    lines = []
    for nine in states:
        train, validation, _ = (mean_loss(nine, X[part], y[part]) for part in parts)
        wrong = errors(nine, X[454:], y[454:])
        lines.append(
            f"train {train:.4f} validation {validation:.4f} test errors {wrong}\n"
        )
    assert "".join(lines) in ran.output
    assert [errors(nine, X[454:], y[454:]) for nine in states] == [9, 8]


def test_the_validation_objective_is_lowest_near_step_95000_and_rises_after(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][341:454], data[1][341:454]
    losses = [mean_loss(nine, X, y) for nine in names["weights"][::20].numpy()]
    steps = names["noted"][::20]
    assert steps[int(np.argmin(losses))] == pytest.approx(95_000, abs=3000)
    assert losses[-1] > min(losses) + 0.015


def test_the_midpoint_of_the_two_states_is_at_the_edge_of_stability(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][:341], data[1][:341]
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
    _, alone = names["train"](
        *names["matrices"](names["Perceptron"](3, 3)), steps=3000, every=3000
    )
    assert names["starts"][22] == (3, 3)
    assert torch.allclose(names["many"][2, 22], alone[-1], atol=1e-3)


def test_with_other_weights_12_of_20_networks_call_everybody_benign(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data[0][454:], data[1][454:]
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


def test_equal_weights_stay_equal(names: dict[str, Any]) -> None:
    U = names["twins"][-1, :6].view(2, 3)
    assert torch.allclose(U[0], U[1], atol=1e-5)


def test_the_decision_changes_where_the_logit_changes_its_sign(
    names: dict[str, Any],
) -> None:
    grid = np.column_stack(
        [names["radius"].flatten().numpy(), names["texture"].flatten().numpy()]
    )
    shown = names["p"].numpy()
    z = logits(names["low"].numpy(), grid).reshape(shown.shape)
    clear = np.abs(z) > 1e-3
    assert clear.mean() > 0.99
    assert ((z > 0) == (shown > 0.5))[clear].all()
    assert (grid.min(), round(grid.max(), 3)) == (5, 35)
