"""Is what the chapter on frameworks says and prints true?"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("frameworks")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.mark.claim("frameworks#three-ways")
@pytest.mark.parametrize("seed", range(4))
def test_hand_pytorch_and_differences_give_the_same_gradients(
    ran: Any, names: dict[str, Any], seed: int
) -> None:
    if seed == 0:  # y = ((1 + 2*3) * 5 + (2 + 2*4) * 6) / 5
        dx1 = [5 / 5, 6 / 5]
        dx3 = [(1 + 2 * 3) / 5, (2 + 2 * 4) / 5]
        for found in (names["dx1"], names["a1"].grad.numpy()):
            np.testing.assert_allclose(found, dx1)
        for found in (names["dx3"], names["a3"].grad.numpy()):
            np.testing.assert_allclose(found, dx3)
        assert ran.output.startswith("19.0\n[1.  1.2]\n[1.4 2. ]\n19.0\n")
    x1, x2, x3 = np.random.default_rng(seed).normal(size=(3, 5))
    a1, a3 = (torch.tensor(x, requires_grad=True) for x in (x1, x3))
    ((a1 + 2 * torch.tensor(x2)) @ a3 / 5).backward()
    assert a1.grad is not None
    assert a3.grad is not None
    by_hand = {0: x3 / 5, 2: (x1 + 2 * x2) / 5}
    np.testing.assert_allclose(a1.grad.numpy(), by_hand[0])
    np.testing.assert_allclose(a3.grad.numpy(), by_hand[2])
    measured = names["slopes"](lambda x: (x + 2 * x2) @ x3 / 5, x1)
    np.testing.assert_allclose(measured, by_hand[0], atol=1e-8)
    measured = names["slopes"](lambda x: (x1 + 2 * x2) @ x / 5, x3)
    np.testing.assert_allclose(measured, by_hand[2], atol=1e-8)


def test_slopes_finds_a_known_gradient(names: dict[str, Any]) -> None:
    x = np.array([0.3, -2.0, 1.7])
    measured = names["slopes"](lambda x: float(np.sin(x).sum()), x)
    np.testing.assert_allclose(measured, np.cos(x), atol=1e-9)


def test_the_risk_is_the_log_loss_of_scikit_learn(names: dict[str, Any]) -> None:
    start = names["start"]
    expected = log_loss(names["labels"], names["probability"](start))
    assert names["risk"](start) == pytest.approx(expected)


@pytest.mark.claim("frameworks#p-minus-y")
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_the_derivative_of_the_cross_entropy_by_the_affine_part_is_p_minus_y(
    label: float,
) -> None:
    for z in np.linspace(-6, 6, 25):

        def loss(z: float) -> float:
            p = 1 / (1 + np.exp(-z))
            return float(-np.log(p) if label else -np.log(1 - p))

        slope = (loss(z + 1e-5) - loss(z - 1e-5)) / 2e-5
        assert slope == pytest.approx(1 / (1 + np.exp(-z)) - label, abs=1e-8)


def test_the_right_gradient_is_the_numerical_one_and_the_hand_made_is_not(
    names: dict[str, Any],
) -> None:
    for theta in (names["start"], np.zeros(2), np.array([2.0, 1.0])):
        measured = names["slopes"](names["risk"], theta)
        np.testing.assert_allclose(names["right_gradient"](theta), measured, atol=1e-8)
        assert abs(names["hand_gradient"](theta) - measured).max() > 0.01


@pytest.mark.claim("frameworks#wrong-gradient")
def test_the_wrong_gradient_is_of_half_the_squared_error_and_the_risk_falls(
    names: dict[str, Any],
) -> None:
    X, labels = names["X"], names["labels"]

    def half_square(theta: Any) -> float:
        return float(((1 / (1 + np.exp(-X @ theta)) - labels) ** 2).mean() / 2)

    for theta in np.random.default_rng(0).normal(size=(20, 2)):
        measured = names["slopes"](half_square, theta)
        np.testing.assert_allclose(names["hand_gradient"](theta), measured, atol=1e-8)
        assert abs(measured - names["slopes"](names["risk"], theta)).max() > 1e-3
    descend = names["descend"]
    wrong, right = (
        [
            log_loss(labels, names["probability"](descend(names[way], k)))
            for k in (0, 10, 50, 100)
        ]
        for way in ("hand_gradient", "right_gradient")
    )
    assert wrong == sorted(wrong, reverse=True)
    assert wrong[-1] < wrong[0] / 2
    assert all(r < w for r, w in zip(right[1:], wrong[1:], strict=True))


def test_the_two_gradients_point_into_different_quadrants(
    names: dict[str, Any],
) -> None:
    start = names["start"]
    by_hand, right = names["hand_gradient"](start), names["right_gradient"](start)
    assert (np.sign(by_hand) != np.sign(right)).any()


@pytest.mark.claim("frameworks#step-error")
def test_the_error_of_a_central_difference_goes_with_h_squared_until_rounding(
    names: dict[str, Any],
) -> None:
    errors = [names["step_error"](h, torch.float64) for h in (1e-1, 1e-2, 1e-3)]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(100, rel=0.05)
    for g, slope in ((np.exp, np.exp), (np.sin, np.cos)):  # other functions
        for x in (0.3, 1.7):
            big, small, tiny = (
                abs((g(x + h) - g(x - h)) / (2 * h) - slope(x))
                for h in (1e-2, 1e-3, 1e-11)
            )
            assert big / small == pytest.approx(100, rel=0.05)
            assert tiny > small  # rounding


def test_float64_is_good_at_1e_5_and_1e_6_and_float32_nowhere(
    names: dict[str, Any],
) -> None:
    for h in (1e-5, 1e-6):
        assert names["step_error"](h, torch.float64) < 1e-8
    best = min(names["step_error"](h, torch.float32) for h in names["all_eps"])
    assert best > 1e-9
    assert names["step_error"](1e-9, torch.float32) == pytest.approx(
        abs(names["exact"])
    )


def test_the_figure_has_both_curves_with_labels_and_different_markers(
    names: dict[str, Any],
) -> None:
    first, second = names["axes"].get_lines()
    assert [first.get_label(), second.get_label()] == ["float32", "float64"]
    assert first.get_marker() != second.get_marker()
    assert first.get_linestyle() != second.get_linestyle()
    h = first.get_xdata()
    at_one = [line.get_ydata()[h == 1.0][0] for line in (first, second)]
    assert at_one[0] == pytest.approx(at_one[1], rel=1e-3)


def test_the_two_standard_deviations_divide_by_n_and_by_n_minus_1(ran: Any) -> None:
    squares = 1.5**2 + 0.5**2 + 0.5**2 + 1.5**2
    by_n, by_n_minus_1 = (squares / 4) ** 0.5, (squares / 3) ** 0.5
    assert f"\n{by_n:.3f} {by_n_minus_1:.3f}\n{by_n:.3f}\n" in ran.output


@pytest.mark.claim("frameworks#functional")
@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
def test_func_grad_returns_what_backward_leaves() -> None:
    torch.manual_seed(0)

    def g(x: torch.Tensor) -> torch.Tensor:
        return (x.sin() * x.exp()).sum() / (1 + x.square().sum())

    for _ in range(5):
        x = torch.randn(4, dtype=torch.float64)
        leaf = x.clone().requires_grad_()
        g(leaf).backward()
        returned = torch.func.grad(g)(x)
        assert leaf.grad is not None
        torch.testing.assert_close(returned, leaf.grad)
        assert not returned.requires_grad
        assert x.grad is None


@pytest.mark.claim("frameworks#detour")
def test_a_numpy_function_on_the_way_cuts_the_gradient_off() -> None:
    theta = torch.tensor([0.5, -1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        np.exp(theta)
    detour = torch.from_numpy(np.exp(theta.detach().numpy()))
    assert not detour.requires_grad
    (detour * theta).sum().backward()  # one of the two paths is left
    assert theta.grad is not None
    torch.testing.assert_close(theta.grad, theta.detach().exp())
    whole = torch.autograd.grad((theta.exp() * theta).sum(), theta)[0]
    assert not torch.allclose(theta.grad, whole)


def test_the_tanh_neurons_gradient_is_right_in_all_three_ways(
    ran: Any, names: dict[str, Any]
) -> None:
    measured = names["slopes"](names["squares"], names["start"])
    np.testing.assert_allclose(names["by_hand"], measured, atol=1e-8)
    first, second = measured.round(4)
    assert f"\n[{first} {second}] [{first} {second}]\ntensor([{first}" in ran.output


@pytest.mark.claim("frameworks#cost")
@pytest.mark.parametrize("n", [1, 7, 50])
def test_differences_take_two_calls_an_entry_and_backward_one_pass(
    names: dict[str, Any], n: int
) -> None:
    calls = {"measured": 0, "forward": 0, "backward": 0}

    def measured(x: Any) -> float:
        calls["measured"] += 1
        return float(x @ x)

    names["slopes"](measured, np.linspace(0, 1, n))
    assert calls["measured"] == 2 * n
    x = torch.linspace(0, 1, n, requires_grad=True)
    calls["forward"] += 1
    y = x @ x
    y.register_hook(lambda g: calls.update(backward=calls["backward"] + 1))
    y.backward()
    assert calls["forward"] == calls["backward"] == 1
    assert x.grad is not None
    assert torch.allclose(x.grad, 2 * x)


def test_the_page_names_all_frameworks_that_it_promises() -> None:
    page = Path(__file__).parents[2] / "docs" / "tools" / "frameworks.md"
    text = page.read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for name in (
        *("TensorFlow", "PyTorch", "Caffe and Caffe2", "Keras", "fast.ai", "MATLAB"),
        *("JAX, with Flax", "Lightning", "ONNX", "MLX", "tinygrad"),
    ):
        (row,) = [row for row in rows if row.startswith(f"| {name}")]
        assert "](https://" in row, f"{name} has no source"


def test_every_package_of_the_tables_is_looked_up_by_the_script() -> None:
    root = Path(__file__).parents[2]
    text = (root / "docs" / "tools" / "frameworks.md").read_text("utf-8")
    script = (root / "benchmarks" / "versions.py").read_text("utf-8")
    linked = set(re.findall(r"https://pypi.org/project/([\w-]+)/", text))
    assert len(linked) >= 10
    assert all(f'"{package}"' in script for package in linked)
