"""Do PyTorch's layer and loss agree with NumPy, and the mistake with its formula?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

Array = npt.NDArray[np.float64]


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("building_blocks")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def data() -> tuple[Array, Array]:
    """Draw the data once more: inputs (1000, 2), targets (1000,), in float64."""
    rng = np.random.RandomState(0)
    x = rng.rand(1000, 2)
    return x, 2 * x[:, 0] - x[:, 1] + rng.randn(1000)


def with_ones(x: Array) -> Array:
    """Add a column of ones, whose parameter is the bias."""
    return np.column_stack([x, np.ones(len(x))])


def seeded_start() -> Array:
    """Draw the start of a layer with seed 0: two weights and the bias, in float64."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(2, 1)
    return np.array([*layer.weight[0].tolist(), layer.bias.item()])


def descend(
    table: Array, start: Array, steps: int, root: bool, rate: float = 1.0
) -> Array:
    """Fit in NumPy with a gradient written by hand; return (steps + 1, n)."""
    _, y = data()
    theta = start
    path = [theta]
    for _ in range(steps):
        errors = table @ theta - y
        gradient = 2 / len(y) * table.T @ errors
        if root:
            gradient = gradient / (2 * np.sqrt(np.mean(errors**2)))
        theta = theta - rate * gradient
        path.append(theta)
    return np.array(path)


def risk(table: Array, theta: Array) -> float:
    """Compute the root-mean-square error."""
    _, y = data()
    return float(np.sqrt(np.mean((table @ theta - y) ** 2)))


def solve(table: Array) -> Array:
    """Solve the normal equations."""
    _, y = data()
    return np.asarray(np.linalg.solve(table.T @ table, table.T @ y), dtype=np.float64)


def test_the_data_are_those_of_random_state_0_with_the_noise_drawn_last(
    names: dict[str, Any],
) -> None:
    x, y = data()
    assert np.array_equal(names["inputs"], x)
    assert np.array_equal(names["targets"], y)


def test_the_layer_computes_what_numpy_does(ran: Any) -> None:
    x, _ = data()
    column = with_ones(x)[:3] @ seeded_start()  # (3,)
    printed = ",\n        ".join(f"[{entry:.4f}]" for entry in column)
    assert ran.output.count(f"tensor([{printed}])\n") == 2


def test_the_start_stays_within_one_over_the_root_of_the_inputs(
    ran: Any, names: dict[str, Any]
) -> None:
    assert f"bound: {2**-0.5:.4f}\n" in ran.output
    drawn = names["many"].detach().numpy()
    assert np.abs(drawn).max() <= 2**-0.5
    # evenly: the standard deviation is the bound divided by the root of 3
    assert drawn.std() == pytest.approx(2**-0.5 / 3**0.5, rel=0.02)


def test_only_a_seed_before_the_layer_fixes_its_start(ran: Any) -> None:
    assert "first and second: True\nfirst and third:  False\n" in ran.output


def test_the_loss_is_the_mean_of_the_squares(ran: Any) -> None:
    x, _ = data()
    value = risk(with_ones(x), seeded_start()) ** 2
    assert f"nn.MSELoss: {value:.4f}\nby hand:    {value:.4f}\n" in ran.output


def test_the_ten_seeded_steps_are_those_of_the_gradient_written_by_hand(
    ran: Any,
) -> None:
    x, _ = data()
    table = with_ones(x)
    path = descend(table, seeded_start(), 10, root=True)
    lines = [
        f"{step:4}  ({w1:5.2f}, {w2:5.2f})  {b:5.2f}  "
        f"{risk(table, np.array([w1, w2, b])):.4f}\n"
        for step, (w1, w2, b) in enumerate(path[:10])
    ]
    w1, w2, b = path[10]
    end = f"  10  ({w1:5.2f}, {w2:5.2f})  {b:5.2f}\n"
    assert "".join(lines) + end in ran.output


def test_the_two_models_have_the_optima_of_the_normal_equations(ran: Any) -> None:
    x, _ = data()
    three, two = solve(with_ones(x)), solve(x)
    assert [f"{entry:.3f}" for entry in three] == ["1.790", "-1.138", "0.150"]
    assert [f"{entry:.3f}" for entry in two] == ["1.918", "-1.012"]
    for label, table, best in (("bias", with_ones(x), three), ("no bias", x, two)):
        line = f"least squares, {label}: {best.round(3)}, RMSE {risk(table, best):.4f}"
        assert f"{line}\n" in ran.output


def test_after_200_steps_the_layer_is_at_the_optimum_of_its_model(ran: Any) -> None:
    x, _ = data()
    w1, w2, b = solve(with_ones(x))
    lowest = risk(with_ones(x), solve(with_ones(x)))
    place = f"({w1:5.2f}, {w2:5.2f})  {b:5.2f}"
    assert f"after 200 steps: {place}, RMSE {lowest:.4f}\n" in ran.output


def test_without_the_bias_the_ten_steps_of_the_previous_chapter_return(
    ran: Any,
) -> None:
    x, _ = data()
    path = descend(x, np.zeros(2), 9, root=True)
    lines = "".join(f"({a:5.2f}, {b:5.2f})\n" for a, b in path)
    assert lines in ran.output
    assert lines.endswith("( 1.15, -0.25)\n( 1.21, -0.31)\n")


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_without_the_root_the_risks_are_those_of_numpy(ran: Any, rate: float) -> None:
    x, _ = data()
    table = with_ones(x)
    path = descend(table, seeded_start(), 5, root=False, rate=rate)
    risks = " ".join(f"{risk(table, theta) ** 2:7.2f}" for theta in path[1:])
    assert f"rate {rate}: {risks}\n" in ran.output


def test_the_borders_are_two_over_the_largest_second_derivative(ran: Any) -> None:
    x, _ = data()
    for label, table in (("bias", with_ones(x)), ("no bias", x)):
        # twice the squared largest singular value over N is the largest eigenvalue
        largest = 2 * np.linalg.norm(table, ord=2) ** 2 / 1000
        assert f"{label}: rate below {2 / largest:.2f}\n" in ran.output


def test_three_perfect_predictions_seem_wrong_by_four_thirds(ran: Any) -> None:
    differences = [p - t for p in (1, 2, 3) for t in (1, 2, 3)]
    wrong = sum(d**2 for d in differences) / 9
    assert f"right: tensor(0.)\nwrong: tensor({wrong:.4f})\n" in ran.output


def test_the_wrong_loss_is_the_mean_over_all_pairs(ran: Any) -> None:
    x, y = data()
    p = with_ones(x) @ seeded_start()
    right = np.mean((p - y) ** 2)
    wrong = np.mean((p[:, None] - y[None, :]) ** 2)
    assert f"right {right:.4f}, wrong {wrong:.4f}\n" in ran.output
    assert f"nn.MSELoss: {wrong:.4f}\nUserWarning: Using a target size" in ran.output
    apart = np.mean((p - y.mean()) ** 2)
    assert apart + y.var() == pytest.approx(wrong)
    assert f"{apart:.4f} + {y.var():.4f}\n= {wrong:.4f}\n" in ran.output


def test_the_wrong_loss_teaches_the_mean_of_the_targets(ran: Any) -> None:
    _, y = data()
    assert (
        f"loss             {y.var():.4f}\n"
        "largest |weight| 0.0000\n"
        f"bias             {y.mean():.4f}\n"
        f"mean of targets  {y.mean():.4f}\n"
    ) in ran.output


def test_the_sequence_is_the_same_network_as_the_class(ran: Any) -> None:
    assert "(1000,)\nTrue\n0.weight" in ran.output
    assert "2.bias    (1,)    1\nTrue\n['hidden.weight', 'hidden.bias'" in ran.output


def test_the_perceptron_is_trained_as_by_back_propagation_in_numpy(
    ran: Any,
) -> None:
    x, y = data()
    torch.manual_seed(0)
    layers = [torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)]
    w, b, v, c = (
        parameter.detach().double().numpy().copy()
        for layer in layers
        for parameter in layer.parameters()
    )
    found = {}
    for step in range(501):
        h = 1 / (1 + np.exp(-(x @ w.T + b)))  # (1000, 2)
        errors = h @ v[0] + c - y  # (1000,)
        found[step] = np.mean(errors**2)
        dp = 2 / 1000 * errors  # (1000,)
        dz = dp[:, None] * v * h * (1 - h)  # (1000, 2)
        dv, dc = dp @ h, dp.sum()
        w -= 0.5 * dz.T @ x
        b -= 0.5 * dz.sum(axis=0)
        v -= 0.5 * dv
        c -= 0.5 * dc
    printed = re.findall(r"2-2-1:  (\d\.\d+)", ran.output)
    assert printed == [f"{found[100]:.3f}", f"{found[500]:.3f}"]
    lowest = risk(with_ones(x), solve(with_ones(x))) ** 2
    assert f"linear: {lowest:.3f}\n" in ran.output


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1000x2 and 3x1)",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x1000 and 2x1)",
        "RuntimeError: mat1 and mat2 must have the same dtype, but got Double and",
        "RuntimeError: Boolean value of Tensor with more than one value is",
        "sigmoid is not a Module subclass",
    ):
        assert message in ran.output


def test_a_list_hides_its_layers_and_a_module_list_does_not(ran: Any) -> None:
    assert "Module subclass\n0\n4\n() (1,)\n" in ran.output


def test_a_layer_of_our_own_agrees_with_numpy(names: dict[str, Any]) -> None:
    affine = names["affine"]
    weight = affine.weight.detach().double().numpy()
    bias = affine.bias.detach().double().numpy()
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    expected = x @ weight.T + bias
    result = affine(torch.tensor(x, dtype=torch.float32))
    assert result.detach().numpy() == pytest.approx(expected, abs=1e-5)


def test_without_a_bias_the_mistake_fits_the_constant_mean(
    names: dict[str, Any],
) -> None:
    x, y = data()
    expected = np.linalg.solve(x.T @ x, x.T @ np.full(len(y), y.mean()))
    assert names["slope"].weight[0].tolist() == pytest.approx(expected, abs=1e-4)


def test_the_network_set_by_hand_computes_the_distance(names: dict[str, Any]) -> None:
    pairs = torch.tensor([[1.0, 4.0], [4.0, 1.0], [2.0, 2.0]])
    assert names["distance"](pairs).tolist() == [3, 3, 0]


def test_the_mistake_with_absolute_errors_teaches_the_median(ran: Any) -> None:
    _, y = data()
    y = y[:101]
    middle = np.sort(y)[50]
    distances = np.abs(y[:, None] - np.linspace(-4, 6, 10001)).mean(axis=0)
    assert np.linspace(-4, 6, 10001)[distances.argmin()] == pytest.approx(
        middle, abs=1e-3
    )
    assert (
        "largest |weight| 0.00\n"
        f"bias             {middle:.2f}\n"
        f"mean of targets  {y.mean():.2f}\n"
        f"their median     {middle:.2f}\n"
    ) in ran.output


@pytest.mark.claim("building_blocks#affine")
@pytest.mark.parametrize(("n", "m"), [(2, 1), (1, 1), (3, 5), (7, 2)])
def test_a_linear_layer_computes_x_w_transposed_plus_b(n: int, m: int) -> None:
    layer = torch.nn.Linear(n, m)
    assert (layer.weight.shape, layer.bias.shape) == ((m, n), (m,))
    x = torch.randn(6, n)
    for i, row in enumerate(layer(x).tolist()):
        for j, entry in enumerate(row):
            products = zip(x[i].tolist(), layer.weight[j].tolist(), strict=True)
            by_hand = sum(a * b for a, b in products) + layer.bias[j].item()
            assert entry == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.claim("building_blocks#seed-before")
def test_only_a_seed_set_before_the_layer_decides_its_parameters() -> None:
    def drawn(before: int, after: int) -> list[float]:
        torch.manual_seed(before)
        layer = torch.nn.Linear(3, 2)
        torch.manual_seed(after)
        layer(torch.randn(4, 3))
        return [*layer.weight.flatten().tolist(), *layer.bias.tolist()]

    assert drawn(1, 2) == drawn(1, 3)
    assert all(a != b for a, b in zip(drawn(1, 3), drawn(2, 3), strict=True))


@pytest.mark.claim("building_blocks#nested")
def test_parameters_are_found_in_modules_within_modules_but_not_in_a_list() -> None:
    inner = torch.nn.Linear(2, 2)
    module: Any = inner
    for _ in range(5):
        outer = torch.nn.Module()
        outer.part = module
        module = outer
    assert [id(p) for p in module.parameters()] == [id(p) for p in inner.parameters()]
    listed: Any = torch.nn.Module()
    listed.parts = [torch.nn.Linear(2, 2), torch.nn.Parameter(torch.zeros(1))]
    assert list(listed.parameters()) == []


@pytest.mark.claim("building_blocks#another-model")
def test_the_bias_moves_the_optimum() -> None:
    x, y = data()
    centered = x - x.mean(axis=0)
    weights = np.linalg.solve(centered.T @ centered, centered.T @ y)
    bias = y.mean() - x.mean(axis=0) @ weights
    assert [f"{w:.3f}" for w in (*weights, bias)] == ["1.790", "-1.138", "0.150"]
    assert [f"{w:.3f}" for w in solve(x)] == ["1.918", "-1.012"]


@pytest.mark.claim("building_blocks#never-worse")
@pytest.mark.parametrize("seed", range(20))
def test_an_additional_parameter_never_makes_the_best_fit_worse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, y = rng.normal(size=(30, 6)), rng.normal(size=30)
    table[:, 4] = table[:, 0] - table[:, 1]  # one that brings nothing new
    risks = []
    for n in range(1, 7):
        best = np.linalg.lstsq(table[:, :n], y)[0]
        risks.append(np.mean((table[:, :n] @ best - y) ** 2))
    assert (np.diff(risks) <= 1e-12).all()


@pytest.mark.claim("building_blocks#every-pair")
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_a_column_minus_a_vector_compares_every_prediction_with_every_target(
    n: int,
) -> None:
    p, y = torch.randn(n, 1), torch.randn(n)
    pairs = [[a - b for b in y.tolist()] for a in p[:, 0].tolist()]
    assert (p - y).tolist() == pytest.approx(np.array(pairs), abs=1e-6)


@pytest.mark.claim("building_blocks#mean-of-targets")
@pytest.mark.parametrize("seed", range(10))
def test_the_wrong_loss_is_smallest_when_every_prediction_is_the_mean(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=12)

    def wrong(p: Array) -> float:
        return float(np.mean([(a - b) ** 2 for a in p for b in y]))

    lowest = wrong(np.full(12, y.mean()))
    assert lowest == pytest.approx(y.var())
    assert wrong(y) > lowest  # the perfect predictions are worse
    for scale in (1e-3, 0.1, 3):
        for _ in range(30):
            assert wrong(y.mean() + scale * rng.normal(size=12)) > lowest


@pytest.mark.claim("building_blocks#rate-suits")
def test_rate_1_converges_for_one_model_and_loss_and_diverges_for_another() -> None:
    x, _ = data()
    ends = {}
    for label, table in (("no bias", x), ("bias", with_ones(x))):
        for root in (False, True):
            start = np.zeros(table.shape[1])
            with np.errstate(over="ignore", invalid="ignore"):
                last = descend(table, start, 300, root)[-1]
            ends[label, root] = np.abs(last - solve(table)).max() < 0.01
    assert ends["no bias", False]
    assert ends["no bias", True]
    assert ends["bias", True]
    assert not ends["bias", False]
