"""Is what the chapter on names says and prints true?"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("naming")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.mark.claim("naming#risk")
def test_a_loss_is_one_penalty_and_the_empirical_risk_their_mean(
    names: dict[str, Any], ran: Any
) -> None:
    pairs = [(0.5, 1.0), (2.0, 2.0), (3.0, 4.0), (7.0, 5.0)]
    losses = [(predicted - target) ** 2 for predicted, target in pairs]
    assert names["losses"].tolist() == losses == [0.25, 0.0, 1.0, 4.0]
    assert f"their mean: {sum(losses) / 4:.4f}\n" in ran.output
    assert names["objective"].item() == pytest.approx(1.3125 + 0.01 * (9 + 1))
    absolute = [abs(predicted - target) for predicted, target in pairs]
    assert f"\n{sum(absolute) / 4:.4f}\n" in ran.output


@pytest.mark.claim("naming#varies")
def test_the_empirical_risk_varies_around_the_expected_one_and_less_with_more_samples(
    names: dict[str, Any],
) -> None:
    generator = np.random.default_rng(0)
    spreads = []
    for count in (4, 40, 400):
        x, noise = generator.normal(size=(2, 2000, count))
        risks = ((1.5 * x - (2 * x + noise)) ** 2).mean(axis=1)
        assert abs(risks.mean() - 1.25) < 4 * risks.std() / math.sqrt(2000)
        spreads.append(risks.std())
    assert spreads[0] > 2 * spreads[1] > 4 * spreads[2]
    spread = math.sqrt(2 * 1.25**2 / 40_000)  # the error is normal, variance 1.25
    assert abs(names["risk"].item() - 1.25) < 4 * spread


@pytest.mark.claim("naming#sigmoid")
def test_the_sigmoids_have_their_derivatives_and_bounds_and_relu_has_not(
    names: dict[str, Any], ran: Any
) -> None:
    x = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    derivatives = {
        "logistic": torch.exp(-x) / (1 + torch.exp(-x)) ** 2,
        "tanh": 1 / torch.cosh(x) ** 2,
        "arctan": 1 / (1 + x**2),
        "erf": 2 / math.sqrt(math.pi) * torch.exp(-(x**2)),
    }
    bounds = {"logistic": 1, "tanh": 1, "arctan": math.pi / 2, "erf": 1}
    functions = dict(names["functions"])
    relu = functions.pop("ReLU")
    assert functions.keys() == derivatives.keys()
    for name, function in functions.items():
        quotient = (function(x + 1e-5) - function(x - 1e-5)) / 2e-5
        torch.testing.assert_close(quotient, derivatives[name], atol=1e-8, rtol=0)
        assert (derivatives[name] >= 0).all()
        assert function(1e3 * x).abs().max() <= bounds[name]
        assert re.search(rf"^{name} +True +True +True$", ran.output, re.M)
    assert relu(1e9 * x).max() > 1e9
    sides = [((relu(x[800] + d) - relu(x[800])) / d).item() for d in (-1e-3, 1e-3)]
    assert sides == pytest.approx([0, 1], abs=1e-9)
    assert re.search(r"^ReLU +False +True +False$", ran.output, re.M)


@pytest.mark.claim("naming#constant")
def test_a_constant_is_bounded_and_its_slope_is_nowhere_negative() -> None:
    for constant in (-3.0, 0.0, 2.5):
        values = [constant for _ in np.linspace(-1e9, 1e9, 101)]
        assert max(map(abs, values)) == abs(constant)
        assert (np.diff(values) == 0).all()  # so it is differentiable, with slope 0


@pytest.mark.claim("naming#logit")
def test_the_logistic_function_and_the_logit_undo_each_other() -> None:
    for z in np.linspace(-10, 10, 81):
        p = torch.sigmoid(torch.tensor(z, dtype=torch.float64)).item()
        assert 0 < p < 1
        assert math.log(p / (1 - p)) == pytest.approx(z, abs=1e-9)


@pytest.mark.claim("naming#softmax")
def test_the_softmax_is_positive_and_adds_up_to_1(names: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        z = 5 * torch.randn(7, generator=generator, dtype=torch.float64)
        powers = [math.exp(each) for each in z.tolist()]
        by_hand = [power / sum(powers) for power in powers]
        assert torch.softmax(z, dim=0).tolist() == pytest.approx(by_hand)
        assert min(by_hand) > 0
        assert sum(by_hand) == pytest.approx(1)
    assert names["softmax"].sum().item() == pytest.approx(1)


@pytest.mark.claim("naming#cross-entropy")
def test_cross_entropy_likelihood_and_bce_are_one_number_from_different_inputs() -> (
    None
):
    generator = torch.Generator().manual_seed(1)
    for z in torch.randn(50, generator=generator, dtype=torch.float64):
        by_hand = math.log(1 + math.exp(-z.item()))
        two = torch.stack([torch.zeros_like(z), z])
        one, true = torch.ones_like(z), torch.tensor(1)
        p = 1 / (1 + torch.exp(-z))
        for number in (
            functional.cross_entropy(two, true),
            functional.nll_loss(torch.log(torch.stack([1 - p, p])), true),
            functional.binary_cross_entropy(p, one),
            functional.binary_cross_entropy_with_logits(z, one),
        ):
            assert number.item() == pytest.approx(by_hand)
        swapped = functional.binary_cross_entropy_with_logits(p, one).item()
        assert abs(swapped - by_hand) > 0.001  # a probability is no logit


def test_three_classes_cost_what_the_softmax_by_hand_says(ran: Any) -> None:
    powers = [math.exp(2.0), math.exp(0.5), math.exp(-1.0)]
    by_hand = -math.log(powers[0] / sum(powers))
    for name in ("-log of its probability", "NLL of the log-probabilities"):
        assert re.search(rf"{name}: +{by_hand:.4f}\n", ran.output)


@pytest.mark.claim("naming#squares")
def test_mse_and_rmse_share_their_minimum_and_not_their_gradient() -> None:
    target = np.array([1.0, 2.0, 4.0, 5.0])
    places = np.linspace(0, 6, 6001)  # one prediction for all four targets
    mse = ((places[:, None] - target) ** 2).mean(axis=1)
    assert places[mse.argmin()] == places[np.sqrt(mse).argmin()] == target.mean()
    slopes = np.gradient(mse, places), np.gradient(np.sqrt(mse), places)
    far = np.abs(places - 3) > 0.5
    assert np.abs(slopes[0] - slopes[1])[far].min() > 0.1
    assert slopes[1][1:-1] == pytest.approx(
        (slopes[0] / (2 * np.sqrt(mse)))[1:-1], abs=1e-5
    )


def test_norm_sum_mean_and_root_of_the_squares_by_hand(ran: Any) -> None:
    squares = [0.25, 0.0, 1.0, 4.0]
    for name, number in (
        ("L2 norm, the root of the sum", math.sqrt(sum(squares))),
        ("L2 loss, the sum", sum(squares)),
        ("MSE, the mean", sum(squares) / 4),
        ("RMSE, the root of the mean", math.sqrt(sum(squares) / 4)),
    ):
        assert re.search(rf"^{name}: +{number:.4f}$", ran.output, re.M)


@pytest.mark.claim("naming#decay")
def test_for_gradient_descent_decay_and_penalty_take_the_same_steps() -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        w = torch.randn(5, generator=generator, dtype=torch.float64)
        target = torch.randn(5, generator=generator, dtype=torch.float64)
        decayed = torch.nn.Parameter(w.clone())
        optimizer = torch.optim.SGD([decayed], lr=0.1, weight_decay=0.5)
        for _ in range(10):
            leaf = w.clone().requires_grad_()
            (((leaf - target) ** 4).sum() + 0.25 * (leaf**2).sum()).backward()
            assert leaf.grad is not None
            w = w - 0.1 * leaf.grad
            optimizer.zero_grad()
            ((decayed - target) ** 4).sum().backward()
            optimizer.step()
            if w.abs().max() > 1e3:
                break  # the rate is too large for this target
            torch.testing.assert_close(w, decayed.detach())


def comes_to_rest(optimizer_class: Any) -> float:
    """Where many small steps lead on (w - 3)², with a weight_decay of 0.5."""
    w = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    optimizer = optimizer_class([w], lr=0.01, weight_decay=0.5)
    for _ in range(8000):
        w.grad = 2 * (w.detach() - 3)
        optimizer.step()
    return w.item()


@pytest.mark.claim("naming#adam")
def test_adam_comes_to_rest_at_the_penalized_minimum_and_adamw_elsewhere() -> None:
    places = np.linspace(0, 4, 400_001)
    lowest = places[((places - 3) ** 2 + 0.25 * places**2).argmin()]
    assert comes_to_rest(torch.optim.SGD) == pytest.approx(lowest, abs=1e-4)
    assert comes_to_rest(torch.optim.Adam) == pytest.approx(lowest, abs=1e-3)
    assert abs(comes_to_rest(torch.optim.AdamW) - lowest) > 0.1


@pytest.mark.parametrize(
    ("optimizer", "printed"), [("Adam", "penalty: 0.900"), ("AdamW", "decay: 0.850")]
)
def test_the_first_step_of_adam_is_as_long_as_the_rate(
    ran: Any, optimizer: str, printed: str
) -> None:
    w = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    w.grad = torch.tensor(10.0, dtype=torch.float64)
    getattr(torch.optim, optimizer)([w], lr=0.1, weight_decay=0.5).step()
    assert w.item() == pytest.approx(float(printed.split()[-1]), abs=1e-6)
    assert printed in ran.output


@pytest.mark.claim("naming#epoch")
def test_an_epoch_takes_as_many_steps_as_mini_batches_can_be_cut(ran: Any) -> None:
    for samples in range(1, 70):
        for size in range(1, 20):
            cut = [*range(samples)]
            steps = 0
            while cut:
                cut = cut[size:]
                steps += 1
            assert steps == math.ceil(samples / size)
    pieces = [min(64, 1000 - start) for start in range(0, 1000, 64)]
    said = f"{len(pieces)} steps an epoch, the last with {pieces[-1]} samples\n"
    assert said in ran.output


@pytest.mark.claim("naming#affine")
def test_a_linear_layer_sends_0_to_its_bias() -> None:
    for seed in range(10):
        torch.manual_seed(seed)
        layer = torch.nn.Linear(3, 4)
        assert layer(torch.zeros(3)).tolist() == layer.bias.tolist()
        assert layer.bias.abs().max() > 0
        x, u = torch.randn(2, 3)
        moved = layer(x + u) - layer(x) - layer(u)  # 0 for a linear map
        torch.testing.assert_close(moved, -layer.bias, atol=1e-6, rtol=1e-5)


@pytest.mark.claim("naming#convolution")
def test_a_networks_convolution_is_one_with_the_flipped_kernel(ran: Any) -> None:
    generator = np.random.default_rng(0)
    for length in (3, 5):
        signal, kernel = generator.normal(size=12), generator.normal(size=length)
        given = functional.conv1d(
            torch.tensor(signal).reshape(1, 12), torch.tensor(kernel).reshape(1, 1, -1)
        )[0].tolist()
        span = 12 - length + 1
        slid = [
            sum(signal[i + j] * kernel[j] for j in range(length)) for i in range(span)
        ]
        flipped = [
            sum(signal[i + length - 1 - j] * kernel[::-1][j] for j in range(length))
            for i in range(span)
        ]
        assert given == pytest.approx(slid)
        assert np.convolve(signal, kernel[::-1], "valid") == pytest.approx(flipped)
        assert given == pytest.approx(flipped)
        assert np.convolve(signal, kernel, "valid") != pytest.approx(slid)
    assert ran.output.count("[2.0, 2.0]") == 2  # NumPy's, and the exercise's


@pytest.mark.claim("naming#axes")
def test_a_sum_removes_its_axis_and_a_softmax_keeps_it() -> None:
    tensor = torch.zeros(2, 3, 4)
    for axis, without in enumerate([(3, 4), (2, 4), (2, 3)]):
        assert tensor.sum(dim=axis).shape == without
        assert torch.softmax(tensor, dim=axis).shape == (2, 3, 4)


def test_probabilities_taken_for_logits_cost_at_least_what_the_page_says(
    ran: Any,
) -> None:
    least = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(0))) / 2
    assert f"the least that probabilities can reach: {least:.4f}\n" in ran.output
    for p in np.random.default_rng(0).uniform(size=(1000, 2)):
        cost = (math.log(1 + math.exp(-p[0])) + math.log(1 + math.exp(p[1]))) / 2
        assert cost > least


def test_the_report_speaks_of_the_fifth_epoch_and_of_a_guess(ran: Any) -> None:
    assert "391 steps an epoch, epoch 5.1 at step 2000\n" in ran.output
    assert 390 * 128 < 50_000 <= 391 * 128
    assert math.log(10) == pytest.approx(2.30, abs=0.005)
