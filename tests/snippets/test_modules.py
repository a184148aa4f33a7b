"""Does the module's training agree with NumPy and with least squares?"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

Array = npt.NDArray[np.float64]


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("modules")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def data() -> tuple[Array, Array]:
    """Draw the data once more: inputs (1000, 2), targets (1000,), in float64."""
    rng = np.random.RandomState(0)
    x = rng.rand(1000, 2)
    return x, 2 * x[:, 0] - x[:, 1] + rng.randn(1000)


def descend(root: bool, steps: int, rate: float = 1.0) -> Array:
    """Fit in NumPy with a gradient written by hand; return (steps + 1, 2)."""
    x, y = data()
    theta = np.zeros(2)
    path = [theta]
    for _ in range(steps):
        errors = x @ theta - y
        gradient = 2 / len(y) * x.T @ errors
        if root:
            gradient = gradient / (2 * np.sqrt(np.mean(errors**2)))
        theta = theta - rate * gradient
        path.append(theta)
    return np.array(path)


def risk(theta: Array) -> float:
    """Compute the root-mean-square error at theta."""
    x, y = data()
    return float(np.sqrt(np.mean((x @ theta - y) ** 2)))


def solve() -> Array:
    """Solve the normal equations."""
    x, y = data()
    return np.asarray(np.linalg.solve(x.T @ x, x.T @ y), dtype=np.float64)


def test_the_data_are_those_of_random_state_0_with_the_noise_drawn_last(
    names: dict[str, Any],
) -> None:
    x, y = data()
    assert np.array_equal(names["inputs"], x)
    assert np.array_equal(names["targets"], y)
    assert np.allclose(names["X"], x, atol=1e-7)
    assert np.allclose(names["y"], y, atol=1e-6)


def test_the_ten_steps_are_those_of_the_gradient_written_by_hand(ran: Any) -> None:
    path = descend(root=True, steps=10)
    pairs = [f"({first:.2f}, {second:.2f})" for first, second in path[:10]]
    assert pairs == [
        "(0.00, 0.00)",
        "(0.32, 0.12)",
        "(0.54, 0.14)",
        "(0.69, 0.10)",
        "(0.81, 0.04)",
        "(0.91, -0.03)",
        "(1.00, -0.11)",
        "(1.08, -0.18)",
        "(1.15, -0.25)",
        "(1.21, -0.31)",
    ]
    lines = [
        f"{step:4}  ({a:.2f}, {b:5.2f})  {risk(np.array([a, b])):.4f}\n"
        for step, (a, b) in enumerate(path[:10])
    ]
    end = f"  10  ({path[10][0]:.2f}, {path[10][1]:5.2f})\n"
    assert "".join(lines) + end in ran.output


def test_the_gradients_written_by_hand_are_central_differences() -> None:
    x, y = data()
    theta = np.array([0.4, -0.3])
    for root in (False, True):
        measured = []
        for e in 1e-6 * np.eye(2):
            up, down = risk(theta + e), risk(theta - e)
            measured.append((up - down) / 2e-6 if root else (up**2 - down**2) / 2e-6)
        errors = x @ theta - y
        gradient = 2 / len(y) * x.T @ errors
        if root:
            gradient = gradient / (2 * risk(theta))
        assert gradient == pytest.approx(np.array(measured), rel=1e-6)


def test_least_squares_solves_the_normal_equations(
    ran: Any, names: dict[str, Any]
) -> None:
    best = solve()
    assert names["best"] == pytest.approx(best)
    assert [f"{entry:.2f}" for entry in best] == ["1.92", "-1.01"]
    both = "solve: [ 1.92 -1.01]\nlstsq: [ 1.92 -1.01]\n"
    assert f"{both}RMSE there: {risk(best):.4f}\n" in ran.output


def test_the_printed_risks_of_zero_and_of_the_truth_are_numpys(ran: Any) -> None:
    assert f"all predictions 0:  {risk(np.zeros(2)):.4f}\n" in ran.output
    assert f"noise alone:        {risk(np.array([2.0, -1.0])):.4f}\n" in ran.output


def test_repeated_noise_spreads_the_estimates_as_printed(ran: Any) -> None:
    x, _ = data()
    spread = np.sqrt(np.diag(np.linalg.inv(x.T @ x)))  # in closed form
    assert spread == pytest.approx([0.08, 0.08], abs=0.005)
    printed = "mean:               [ 2. -1.]\nstandard deviation: [0.08 0.08]\n"
    assert printed in ran.output


def test_the_first_gradients_are_those_of_numpy(names: dict[str, Any]) -> None:
    x, y = data()
    of_mse = -2 / len(y) * x.T @ y
    assert names["of_mse"].numpy() == pytest.approx(of_mse, rel=1e-5)


def test_the_gradient_of_the_root_is_the_other_over_twice_the_root(ran: Any) -> None:
    x, y = data()
    first, second = -2 / len(y) * x.T @ y / (2 * risk(np.zeros(2)))
    pair = f"tensor([{first:.4f}, {second:.4f}])\n"
    assert f"gradient of the RMSE: {pair}" in ran.output
    assert f"MSE's / (2 RMSE):     {pair}" in ran.output


def test_both_losses_walk_as_numpy_does(ran: Any, names: dict[str, Any]) -> None:
    by_rmse, by_mse = descend(True, 100), descend(False, 100)
    assert np.allclose(names["by_rmse"], by_rmse, atol=1e-5)
    assert np.allclose(names["by_mse"], by_mse, atol=1e-5)
    assert [f"{entry:.2f}" for entry in by_mse[10]] == ["1.69", "-0.78"]
    for steps in (10, 20, 50, 100):
        (a, b), (c, d) = by_rmse[steps], by_mse[steps]
        line = f"{steps:5}   ({a:.2f}, {b:.2f})  ({c:.2f}, {d:.2f})\n"
        assert line in ran.output


@pytest.mark.parametrize(("label", "root"), [("RMSE", True), ("MSE", False)])
def test_the_steps_needed_are_those_of_numpy(ran: Any, label: str, root: bool) -> None:
    far = np.abs(descend(root, 100) - solve()).max(axis=1)
    needed = int(np.argmax(far < 0.005))
    assert f"{label}: {needed} steps\n" in ran.output


def test_late_steps_shrink_the_distance_by_the_predicted_factor(ran: Any) -> None:
    x, y = data()
    (a, b), (_, d) = 2 / len(y) * x.T @ x
    middle, half = (a + d) / 2, np.hypot((a - d) / 2, b)  # the closed form of 2 by 2
    flat, steep = middle - half, middle + half
    assert f"lambda = {flat:.3f}, q = (0.71, -0.71)\n" in ran.output
    assert f"lambda = {steep:.3f}, q = (0.71, 0.71)\n" in ran.output
    assert 6.5 < steep / flat < 7.5
    for label, root, factor in (
        ("MSE: ", False, 1 - flat),
        ("RMSE:", True, 1 - flat / (2 * risk(solve()))),
    ):
        far = np.linalg.norm(descend(root, 41) - solve(), axis=1)
        line = f"{label} predicted {factor:.3f}, measured {far[41] / far[40]:.3f}\n"
        assert line in ran.output


def test_parameters_are_registered_and_plain_tensors_are_not(ran: Any) -> None:
    assert "in __dict__:    False\nin _parameters: True\n" in ran.output
    assert "[] []\nValueError: optimizer got an empty" in ran.output


def test_the_state_follows_the_model_and_the_copy_does_not(ran: Any) -> None:
    assert (
        "theta in the state: [2.0, -1.0]\n"
        "theta in the copy:  [0.0, 0.0]\n"
        "<All keys matched successfully>\n[0.0, 0.0]\n"
    ) in ran.output


def test_only_the_copied_state_brings_the_lowest_risk_back(ran: Any) -> None:
    risks = [risk(theta) ** 2 for theta in descend(False, 100, rate=1.7)]
    lowest, last = min(risks[:100]), risks[100]
    assert f"dict: lowest {lowest:.2f}, loaded again {last:.2f}\n" in ran.output
    assert f"deepcopy: lowest {lowest:.2f}, loaded again {lowest:.2f}\n" in ran.output


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "AttributeError: cannot assign parameters before Module.__init__() call",
        "ValueError: optimizer got an empty parameter list",
        "NotImplementedError: Module [WithoutForward]\nis missing the required",
    ):
        assert message in ran.output


def test_only_the_call_of_the_object_reaches_the_hook(ran: Any) -> None:
    assert "model(X)\nthe hook saw (1000,)\nmodel.forward(X)\ntensor([nan" in ran.output


def test_at_a_perfect_fit_only_the_root_has_no_gradient(ran: Any) -> None:
    assert "tensor([nan, nan])\ntensor([0., 0.])\n" in ran.output


def test_a_constant_moves_the_optimum_where_least_squares_puts_it(
    names: dict[str, Any],
) -> None:
    x, y = data()
    centered = x - x.mean(axis=0)
    theta = np.linalg.solve(centered.T @ centered, centered.T @ y)
    b = y.mean() - x.mean(axis=0) @ theta
    assert [f"{v:.3f}" for v in (*theta, b)] == ["1.790", "-1.138", "0.150"]
    biased = names["biased"]
    assert biased.theta.tolist() == pytest.approx(theta.tolist(), abs=1e-3)
    assert biased.b.item() == pytest.approx(b, abs=1e-3)


def test_the_root_takes_the_path_of_the_square_at_the_matching_rate(
    names: dict[str, Any],
) -> None:
    expected = descend(root=False, steps=10)[-1]
    assert names["model"].theta.tolist() == pytest.approx(list(expected), abs=1e-5)


def test_with_the_second_parameter_fixed_the_first_has_a_closed_form(
    names: dict[str, Any],
) -> None:
    x, y = data()
    closed_form = x[:, 0] @ (y + x[:, 1]) / (x[:, 0] @ x[:, 0])
    assert names["single"].theta1.item() == pytest.approx(closed_form, abs=1e-4)
    assert names["single"].fixed.item() == -1
    assert [name for name, _ in names["single"].named_parameters()] == ["theta1"]


def test_the_pendulum_finds_the_g_of_a_search_over_a_grid(ran: Any) -> None:
    lengths = np.array([0.2, 0.4, 0.6, 0.8, 1.0])
    periods = np.array([0.89, 1.28, 1.54, 1.80, 2.00])
    grid = np.arange(5, 20, 0.001)[:, None]  # (15000, 1)
    swings = 2 * np.pi * np.sqrt(lengths / grid)  # (15000, 5)
    best = ((swings - periods) ** 2).mean(axis=1).argmin()
    for rate in (20, 150):
        assert f"rate {rate}: g = {grid[best, 0]:.2f}\n" in ran.output
    assert f"rate 200: g = {grid[best, 0]:.2f}\n" not in ran.output
    line, *_ = np.linalg.lstsq(lengths[:, None], periods**2)
    printed = f"from the squares of the periods: {4 * np.pi**2 / line[0]:.2f}\n"
    assert printed in ran.output
    change = np.abs(swings[best + 1000] - swings[best])  # g larger by 1
    assert change.max() < 0.1


def test_at_rate_200_the_pendulum_jumps_between_two_values(ran: Any) -> None:
    lengths = np.array([0.2, 0.4, 0.6, 0.8, 1.0])
    periods = np.array([0.89, 1.28, 1.54, 1.80, 2.00])
    g, path = 5.0, []
    for _ in range(402):
        swings = 2 * np.pi * np.sqrt(lengths / g)
        g -= 200 * np.mean(2 * (swings - periods) * -swings / (2 * g))
        path.append(g)
    assert f"rate 200: g = {path[399]:.2f}\n" in ran.output
    assert path[401] == pytest.approx(path[399], abs=1e-3)
    assert abs(path[400] - path[399]) > 3


def random_data(seed: int) -> tuple[Array, Array]:
    """Draw a regression problem: inputs (50, 3), targets (50,)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3))
    return x, x @ rng.normal(size=3) + rng.normal(size=50)


@pytest.mark.claim("modules#super-first")
@pytest.mark.parametrize("what", [torch.nn.Parameter(torch.zeros(2)), torch.nn.ReLU()])
def test_before_super_assigning_a_parameter_or_a_module_raises(what: Any) -> None:
    class Before(torch.nn.Module):
        def __init__(self) -> None:
            self.part = what
            super().__init__()

    class After(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = what

    with pytest.raises(AttributeError, match="before Module"):
        Before()
    assert After().part is what


@pytest.mark.claim("modules#registered")
def test_an_assigned_parameter_is_registered_and_a_plain_tensor_is_not() -> None:
    module = torch.nn.Module()
    module.first = torch.nn.Parameter(torch.zeros(2))
    module.second = torch.zeros(3, requires_grad=True)
    assert [name for name, _ in module.named_parameters()] == ["first"]
    assert list(module.state_dict()) == ["first"]
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    (module.first.sum() + module.second.sum()).backward()
    optimizer.step()
    assert (module.first.tolist(), module.second.tolist()) == ([-1, -1], [0, 0, 0])


@pytest.mark.claim("modules#call-runs-hooks")
def test_only_a_call_of_the_module_runs_its_hooks() -> None:
    seen = []
    module = torch.nn.Linear(2, 1)
    module.register_forward_hook(lambda *_: seen.append("after"))
    module.register_forward_pre_hook(lambda *_: seen.append("before"))
    x = torch.ones(1, 2)
    assert torch.equal(module.forward(x), module(x))
    assert seen == ["before", "after"]


@pytest.mark.claim("modules#state-refers")
def test_a_state_changes_with_the_parameters_and_a_deep_copy_does_not() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    state = module.state_dict()
    kept, shallow = copy.deepcopy(state), dict(state)
    (module(torch.randn(8, 2)) ** 3).sum().backward()
    optimizer.step()
    for name, value in module.state_dict().items():
        assert torch.equal(state[name], value)
        assert torch.equal(shallow[name], value)
        if name != "0.bias":  # batch norm takes any constant away: no gradient
            assert not torch.equal(kept[name], value), name


@pytest.mark.claim("modules#normal-equations")
@pytest.mark.parametrize("seed", range(10))
def test_where_the_normal_equations_hold_the_mse_is_smallest(seed: int) -> None:
    x, y = random_data(seed)
    best: Any = np.linalg.solve(x.T @ x, x.T @ y)

    def mse(theta: Any) -> float:
        return float(np.mean((x @ theta - y) ** 2))

    slopes = [(mse(best + e) - mse(best - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    assert slopes == pytest.approx([0, 0, 0], abs=1e-6)
    rng = np.random.default_rng(seed)
    for scale in (1e-3, 0.1, 10):
        for _ in range(100):
            assert mse(best + scale * rng.normal(size=3)) > mse(best)


@pytest.mark.claim("modules#same-minimum")
@pytest.mark.parametrize("seed", range(10))
def test_the_root_has_the_same_minimum_and_a_gradient_over_twice_itself(
    seed: int,
) -> None:
    x, y = (torch.tensor(each) for each in random_data(seed))
    theta = torch.randn(3, dtype=torch.float64, requires_grad=True)
    mse = ((x @ theta - y) ** 2).mean()
    (of_mse,) = torch.autograd.grad(mse, theta, retain_graph=True)
    (of_rmse,) = torch.autograd.grad(mse.sqrt(), theta)
    assert torch.allclose(of_rmse, of_mse / (2 * mse.sqrt()))
    best = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    lowest = ((x @ best - y) ** 2).mean().sqrt()
    for _ in range(100):
        other = best + torch.randn(3, dtype=torch.float64)
        assert ((x @ other - y) ** 2).mean().sqrt() > lowest


@pytest.mark.claim("modules#eigenvector")
@pytest.mark.parametrize("seed", range(10))
def test_along_an_eigenvector_a_step_multiplies_the_distance(seed: int) -> None:
    x, y = random_data(seed)
    best = np.linalg.solve(x.T @ x, x.T @ y)
    values, vectors = np.linalg.eigh(2 / len(y) * x.T @ x)
    rate = 0.7 / values[-1]
    for value, v in zip(values, vectors.T, strict=True):
        theta = torch.tensor(best + 3 * v, requires_grad=True)
        optimizer = torch.optim.SGD([theta], lr=rate)
        ((torch.tensor(x) @ theta - torch.tensor(y)) ** 2).mean().backward()
        optimizer.step()
        left = theta.detach().numpy() - best
        assert left == pytest.approx(3 * v * (1 - rate * value), abs=1e-9)


@pytest.mark.claim("modules#steps-needed")
def test_ten_steps_end_far_away_and_64_or_31_are_needed() -> None:
    assert [f"{entry:.2f}" for entry in descend(True, 10)[-1]] == ["1.27", "-0.37"]
    for root, needed in ((True, 64), (False, 31)):
        far = np.abs(descend(root, 100) - solve()).max(axis=1)
        assert far[needed - 1] >= 0.005 > far[needed]


@pytest.mark.claim("modules#shrinking-steps")
def test_steps_shrink_long_before_the_training_has_arrived() -> None:
    path = descend(True, 10)
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert (np.diff(lengths) < 0).all()
    assert lengths[-1] < 0.1
    assert np.linalg.norm(path[-1] - solve()) > 9 * lengths[-1]
