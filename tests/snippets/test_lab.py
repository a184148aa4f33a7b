"""Do the functions that the chapters of the lab share do what they say?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss


@pytest.fixture
def names(run_module: Callable[[str], Any]) -> dict[str, Any]:
    return dict(run_module("lab").namespace)


@pytest.fixture(scope="module")
def networks() -> torch.Tensor:
    """Five networks (5, 9) and features (2, 30) of moderate size, in float64."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(5, 9, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="module")
def samples() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    A = torch.randn(3, 30, generator=generator, dtype=torch.float64)
    A[2] = 1
    return A, (torch.arange(30) % 3 == 0).double()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("mean radius", "radius_mean"),
        ("worst concave points", "concave points_worst"),
        ("fractal dimension error", "fractal_dimension_se"),
        ("worst fractal dimension", "fractal_dimension_worst"),
    ],
)
def test_names_are_those_of_the_csv_file(
    names: dict[str, Any], theirs: str, ours: str
) -> None:
    assert names["csv_name"](theirs) == ours


def test_the_split_is_that_of_numpys_shuffle(names: dict[str, Any]) -> None:
    rows = list(range(569))
    np.random.RandomState(0).shuffle(rows)
    parts = names["split_rows"](569)
    assert [*parts[0], *parts[1], *parts[2]] == rows
    assert [len(part) for part in parts] == [341, 113, 115]
    assert list(parts[0][:5]) == [512, 457, 439, 298, 37]


def test_tensors_hold_the_values_and_1_for_malignant(names: dict[str, Any]) -> None:
    table, source = names["load_table"](), load_breast_cancer()
    rows = np.array([0, 19, 568])
    X, y = names["as_tensors"](table, rows, ["radius_mean", "texture_mean"])
    assert torch.equal(X, torch.tensor(source.data[rows, :2], dtype=torch.float32))
    assert y.tolist() == [1 - target for target in source.target[rows]]


def test_parts_are_the_rows_of_the_split(names: dict[str, Any]) -> None:
    source = load_breast_cancer()
    rows = np.random.RandomState(7).permutation(569)
    parts = names["load_parts"](["texture_mean"], seed=7)
    for (X, y), part in zip(parts, np.split(rows, [341, 454]), strict=True):
        assert X.numpy() == pytest.approx(source.data[part][:, 1:2], rel=1e-6)
        assert y.tolist() == (1 - source.target[part]).tolist()


def test_a_training_step_is_a_step_of_gradient_descent(names: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(5)
    X = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    y = (torch.arange(20) % 2).double()
    model = torch.nn.Linear(3, 1).double()
    theta, b = model.weight.detach()[0].numpy().copy(), model.bias.item()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(3):  # so that gradients left over would show
        value = names["train_step"](model, optimizer, X, y)
        z = X.numpy() @ theta + b
        assert value == pytest.approx(np.mean(np.logaddexp(0, z) - y.numpy() * z))
        e = 1 / (1 + np.exp(-z)) - y.numpy()
        theta, b = theta - 0.5 * X.numpy().T @ e / 20, b - 0.5 * e.mean()
        assert model.weight.detach()[0].numpy() == pytest.approx(theta)
        assert model.bias.item() == pytest.approx(b)


def test_evaluate_gives_scikit_learns_log_loss_and_the_errors(
    names: dict[str, Any],
) -> None:
    X = torch.tensor([[2.0], [-3.0], [0.5], [-0.1]])
    y = torch.tensor([1.0, 0.0, 0.0, 1.0])
    model = torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(1.0)
        model.bias.fill_(0.0)
    J, errors = names["evaluate"](model, X, y)
    p = 1 / (1 + np.exp(-X[:, 0].double().numpy()))
    assert pytest.approx(log_loss(y, p), rel=1e-5) == J
    assert errors == 2


def test_columns_are_the_samples_with_a_1_below(names: dict[str, Any]) -> None:
    X = torch.tensor([[2.0, 3.0], [4.0, 5.0]])
    assert names["columns"](X).tolist() == [[2, 4], [3, 5], [1, 1]]


def test_a_network_is_two_logistic_layers(
    names: dict[str, Any], networks: Any, samples: Any
) -> None:
    A, _ = samples
    x, w = A.numpy(), networks[0].numpy()

    def logistic(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    first = logistic(w[0] * x[0] + w[1] * x[1] + w[2])
    second = logistic(w[3] * x[0] + w[4] * x[1] + w[5])
    expected = logistic(w[6] * first + w[7] * second + w[8])
    assert names["predict"](networks, A)[0].numpy() == pytest.approx(expected)


def test_the_objective_is_scikit_learns_log_loss(
    names: dict[str, Any], networks: Any, samples: Any
) -> None:
    A, y = samples
    found = names["objective"](networks, A, y)
    for probabilities, value in zip(names["predict"](networks, A), found, strict=True):
        assert value.item() == pytest.approx(log_loss(y, probabilities))


def test_wrong_answers_are_those_on_the_other_side_of_one_half(
    names: dict[str, Any], networks: Any, samples: Any
) -> None:
    A, y = samples
    said = names["predict"](networks, A).numpy() > 0.5
    expected = (said != (y.numpy() == 1)).sum(axis=1)
    assert names["wrong"](networks, A, y).tolist() == expected.tolist()


def test_the_gradients_of_several_networks_are_numerical_derivatives(
    names: dict[str, Any], networks: Any, samples: Any
) -> None:
    A, y = samples
    U, u = networks[:, :6].view(5, 2, 3), networks[:, 6:].view(5, 1, 3)
    dU, du = names["gradients"](U, u, A, y)
    found = torch.cat([dU.flatten(1), du.flatten(1)], 1)
    h = 1e-6
    for i, step in enumerate(h * torch.eye(9, dtype=torch.float64)):
        up = names["objective"](networks + step, A, y)
        down = names["objective"](networks - step, A, y)
        expected = (up - down) / (2 * h)
        assert found[:, i].numpy() == pytest.approx(expected.numpy(), abs=1e-8)


def test_the_samples_are_drawn_where_they_are_with_a_marker_for_each_class(
    names: dict[str, Any],
) -> None:
    X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    figure = Figure()
    axes = figure.subplots()
    names["show_samples"](axes, X, torch.tensor([1.0, 0.0, 1.0]))
    drawn = {line.get_label(): line for line in axes.lines}
    assert np.asarray(drawn["benign"].get_xydata()).tolist() == [[3, 4]]
    malignant = np.asarray(drawn["malignant"].get_xydata())
    assert malignant.tolist() == [[1, 2], [5, 6]]
    assert drawn["benign"].get_marker() != drawn["malignant"].get_marker()
