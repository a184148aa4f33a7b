"""Is a start as wide as its formula says, and does it do what the formula promises?"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("initialization")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def digits_like(seed: int = 0, samples: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples (N, 12) and classes (N,) among 4, with random numbers in them."""
    rng = np.random.default_rng(seed)
    return (
        torch.tensor(rng.uniform(size=(samples, 12))),
        torch.tensor(rng.integers(4, size=samples)),
    )


def descend(model: nn.Module, x: torch.Tensor, y: torch.Tensor, steps: int) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def relu(z: Any) -> Any:
    return np.maximum(z, 0)


@pytest.mark.claim("initialization#equal-stay")
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_neurons_that_start_with_equal_weights_stay_equal(
    activation: type[nn.Module],
) -> None:
    x, y = digits_like()
    rng = np.random.default_rng(1)
    first, last = nn.Linear(12, 8).double(), nn.Linear(8, 4).double()
    model = nn.Sequential(first, activation(), last)
    with torch.no_grad():  # another weight for each input and each output
        first.weight.copy_(torch.tensor(rng.normal(size=(1, 12))))
        first.bias.fill_(0.1)
        last.weight.copy_(torch.tensor(rng.normal(size=(4, 1))))
    before = first.weight.detach().clone()
    descend(model, x, y, 100)
    weight, out = first.weight.detach(), last.weight.detach()
    assert (weight - before).abs().max() > 0.01
    assert torch.allclose(weight, weight[:1].expand(8, 12), atol=1e-12)
    assert torch.allclose(out, out[:, :1].expand(4, 8), atol=1e-12)
    with torch.no_grad():
        last.weight[0, 0] += 1e-3  # one neuron, another way out
    descend(model, x, y, 100)
    assert (first.weight[0] - first.weight[1]).abs().max() > 1e-6
    assert (first.weight[2] - first.weight[1]).abs().max() < 1e-12


@pytest.mark.claim("initialization#zero-start")
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_from_zero_a_network_trains_nothing_but_its_last_biases(
    activation: type[nn.Module],
) -> None:
    x, y = digits_like()
    last = nn.Linear(8, 4).double()
    middle = [nn.Linear(12, 8).double(), activation(), nn.Linear(8, 8).double()]
    model = nn.Sequential(*middle, activation(), last)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    descend(model, x, y, 3000)
    moved = {n: bool((p != 0).any()) for n, p in model.named_parameters()}
    assert [name for name, has in moved.items() if has] == ["4.bias"]
    shares = np.bincount(y.numpy(), minlength=4) / len(y)
    told = torch.softmax(last.bias.detach(), 0).numpy()
    assert told == pytest.approx(shares, abs=1e-3)


@pytest.mark.claim("initialization#both-ways")
@pytest.mark.parametrize(("n", "m"), [(40, 160), (160, 40), (100, 100)])
def test_a_layer_multiplies_the_mean_square_by_n_forward_and_m_backward(
    n: int, m: int
) -> None:
    rng = np.random.default_rng(2)
    s = 0.3
    forward, backward = [], []
    for _ in range(400):
        h = rng.gamma(2, size=n)  # neither symmetric nor of mean 0
        draw = rng.choice([-s, s], size=(m, n))
        forward.append(np.mean((draw @ h) ** 2) / np.mean(h**2))
        G = rng.gamma(2, size=m)
        backward.append(np.mean((G @ draw) ** 2) / np.mean(G**2))
    assert np.mean(forward) == pytest.approx(n * s**2, rel=0.05)
    assert np.mean(backward) == pytest.approx(m * s**2, rel=0.05)


@pytest.mark.claim("initialization#he")
def test_relu_halves_the_mean_square_and_variance_2_over_n_makes_up_for_it() -> None:
    rng = np.random.default_rng(3)
    for draw in (rng.normal, rng.standard_cauchy, rng.laplace):
        z = np.clip(draw(size=400_000), -50, 50)  # symmetric, of any shape
        assert np.mean(relu(z) ** 2) / np.mean(z**2) == pytest.approx(0.5, rel=0.03)
    torch.manual_seed(0)
    factors = []
    for _ in range(100):
        weight = torch.zeros(150, 200)
        nn.init.kaiming_normal_(weight, nonlinearity="relu")
        assert 200 * weight.var().item() == pytest.approx(2, rel=0.05)
        h = torch.relu(weight @ torch.randn(200))
        factors.append(h.square().mean().item())
    assert np.mean(factors) == pytest.approx(1, rel=0.05)


@pytest.mark.claim("initialization#default")
@pytest.mark.parametrize(("n", "m"), [(1, 4000), (7, 1000), (300, 50)])
def test_linear_draws_evenly_with_a_third_of_lecuns_variance(n: int, m: int) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        drawn = nn.Linear(n, m).weight.detach().numpy().ravel() * math.sqrt(n)
        places = (np.sort(drawn) + 1) / 2  # evenly from 0 to 1, if it is true
        even = (np.arange(len(drawn)) + 0.5) / len(drawn)
        assert np.abs(places - even).max() < 2 / math.sqrt(len(drawn))
        assert drawn.var() == pytest.approx(1 / 3, rel=0.06)


def test_the_variance_of_an_even_draw_is_the_integral() -> None:
    for n in (2, 64, 1000):
        a = 1 / math.sqrt(n)
        w = (np.arange(100_000) + 0.5) / 100_000 * 2 * a - a
        assert np.mean(w**2) == pytest.approx(1 / (3 * n), rel=1e-6)


@pytest.mark.claim("initialization#default-vanishes")
@pytest.mark.parametrize("phi", [torch.tanh, torch.relu])
def test_in_deep_networks_with_the_default_start_both_directions_vanish(
    phi: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        first = h = torch.randn(30, 80, requires_grad=True)
        for _ in range(20):
            h = phi(nn.Linear(80, 80, bias=False)(h))
        (gradient,) = torch.autograd.grad(h, first, torch.randn(30, 80))
        assert h.std() < 1e-4
        assert gradient.std() < 1e-3


@pytest.mark.claim("initialization#depth-power")
def test_a_factor_in_all_weights_comes_back_with_the_power_of_the_depth() -> None:
    torch.manual_seed(0)
    for L in (1, 5, 20):
        x = torch.randn(6, 9, dtype=torch.float64, requires_grad=True)
        weights = [torch.randn(9, 9, dtype=torch.float64) for _ in range(L)]
        arriving = torch.randn(6, 9, dtype=torch.float64)

        def both(
            c: float, x: Any = x, weights: Any = weights, arriving: Any = arriving
        ) -> tuple[torch.Tensor, torch.Tensor]:
            h = x
            for weight in weights:
                h = torch.relu(h @ (c * weight).T)
            return h, torch.autograd.grad(h, x, arriving)[0]

        for c in (0.5, 1.1, 3.0):
            for scaled, plain in zip(both(c), both(1.0), strict=True):
                assert torch.allclose(scaled, c**L * plain, rtol=1e-9)


def tumors() -> tuple[Any, Any]:
    """Raw radius and texture of the 341 training samples, and the labels."""
    bunch = load_breast_cancer()
    rows = np.arange(569)
    np.random.RandomState(0).shuffle(rows)
    rows = rows[:341]
    return bunch.data[rows][:, [0, 1]], 1.0 - bunch.target[rows]


@pytest.mark.claim("initialization#standardize")
def test_raw_features_saturate_most_neurons_and_standardized_ones_do_not() -> None:
    X, _ = tumors()
    standard = (X - X.mean(0)) / X.std(0)
    rng = np.random.default_rng(5)
    saturated = {"raw": 0, "standard": 0}
    for _ in range(500):
        w = rng.normal(size=2)
        for name, x in (("raw", X), ("standard", standard)):
            h = 1 / (1 + np.exp(-(x @ w)))
            saturated[name] += float(np.mean(h * (1 - h))) < 0.05
    assert saturated["raw"] > 350
    assert saturated["standard"] == 0


@pytest.mark.claim("initialization#saturated")
def test_a_flat_neuron_receives_almost_no_gradient() -> None:
    X, y = tumors()
    x, target = torch.tensor(X), torch.tensor(y)
    rng = np.random.default_rng(6)
    for _ in range(50):
        w = torch.tensor(rng.normal(size=2), requires_grad=True)
        v = rng.normal()
        h = torch.sigmoid(x @ w)
        nn.functional.binary_cross_entropy_with_logits(v * h, target).backward()
        slope = (h * (1 - h)).detach().max().item()
        assert w.grad is not None
        assert w.grad.abs().max() <= abs(v) * slope * np.abs(X).max()


def test_the_starts_have_the_variances_of_their_papers(ran: Any) -> None:
    table = {
        "default": 1 / (3 * 300),
        "LeCun": 1 / 300,
        "Glorot": 2 / 400,
        "He": 2 / 300,
    }
    for name, variance in table.items():
        lines = re.findall(rf"(?m)^{name} +(\S+)  (\S+)$", ran.output)
        assert len(lines) == (2 if name in ("Glorot", "He") else 1)
        for measured, formula in lines:
            assert formula == f"{math.sqrt(variance):.4f}"
            assert float(measured) == pytest.approx(math.sqrt(variance), rel=0.02)


def test_equal_rows_are_one_row_and_random_rows_are_32(ran: Any) -> None:
    for kind, rows in (("random", 32), ("all 0.1", 1), ("all 0", 1)):
        assert f"{kind:8} {rows:2} different rows, " in ran.output
    rights = [int(n) for n in re.findall(r"different rows, +(\d+)% right", ran.output)]
    assert rights[0] > 90
    assert max(rights[1:]) < 30


def test_twenty_layers_lose_or_gain_what_the_formulas_say(
    names: dict[str, Any],
) -> None:
    """ReLU without biases: the mean square goes by n s^2 / 2, both ways."""
    share = math.sqrt(1 / 2 - 1 / (2 * math.pi)) * math.sqrt(2)
    for name, factor in (
        ("N(0, 1)", 256 / 2),
        ("default", 1 / 6),
        ("Glorot", 1 / 2),
        ("He", 1.0),
    ):
        there, back = names["measured"]["relu", name]
        root = math.sqrt(factor)
        assert there[0] == pytest.approx(root * share, rel=0.05)
        assert math.log10(there[-1]) == pytest.approx(20 * math.log10(root), abs=0.4)
        assert math.log10(back[0]) == pytest.approx(19 * math.log10(root), abs=0.4)
        assert back[-1] == pytest.approx(1, rel=0.02)
    there, back = names["measured"]["tanh", "N(0, 1)"]
    assert max(there) < 1 < 1e8 < back[0]
    there, back = names["measured"]["tanh", "default"]
    assert there[-1] < math.sqrt(1 / 3) ** 20
    assert back[0] < math.sqrt(1 / 3) ** 19


def test_the_small_network_is_that_of_plain_numpy(names: dict[str, Any]) -> None:
    signs = names["signs"].numpy()
    assert set(np.unique(signs)) == {-1, 1}
    assert abs(signs.mean()) < 0.02
    h, slopes, forward = names["inputs"].numpy(), [], []
    for S in signs:
        h = np.tanh(h @ (1.7 / 8 * S).T)
        slopes.append(1 - h**2)
        forward.append(h.std(ddof=1))
    G, backward = names["arriving"].numpy(), []
    for S, slope in zip(signs[::-1], slopes[::-1], strict=True):
        backward.append(G.std(ddof=1))
        G = (G * slope) @ (1.7 / 8 * S)
    asked = names["with_gain"](1.7, torch.tanh)
    assert asked[0] == pytest.approx(forward, rel=1e-9)
    assert asked[1] == pytest.approx(backward[::-1], rel=1e-9)


def test_a_stack_trains_each_network_as_if_it_were_alone(
    names: dict[str, Any],
) -> None:
    right = names["train_many"](nn.init.xavier_normal_, torch.tanh, (0.05, 0.1), 2, 1)
    torch.manual_seed(0)
    sizes = [64] + [32] * 19 + [10]
    drawn = []
    for n, m in pairwise(sizes):
        pair = [nn.Linear(n, m, bias=False).double() for _ in range(2)]
        for layer in pair:
            nn.init.xavier_normal_(layer.weight)
        drawn.append(pair[1])
    modules: list[nn.Module] = []
    for layer in drawn:
        modules += [layer, nn.Tanh()]
    model = nn.Sequential(*modules[:-1]).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    X, y = names["X"].double(), names["y"]
    for start in range(0, len(X), 32):
        optimizer.zero_grad()
        part = slice(start, start + 32)
        nn.functional.cross_entropy(model(X[part]), y[part]).backward()
        optimizer.step()
    with torch.no_grad():
        said = model(names["X_val"].double()).argmax(1)
    alone = (said == names["y_val"]).double().mean().item()
    assert right[1, 1].item() == pytest.approx(alone, abs=1e-6)


def test_the_start_made_for_the_activation_learns_and_the_default_guesses(
    names: dict[str, Any],
) -> None:
    learned = names["learned"]
    for phi, fit in (("tanh", "Glorot"), ("relu", "He")):
        guessed, better = learned[phi, "default"], learned[phi, fit]
        assert 0.08 < guessed.mean() < 0.12  # ten classes
        assert better.mean() > guessed.max()
    assert learned["tanh", "Glorot"].min() > 0.3


#: Those that test_lab_2019 finds stuck after 300,000 steps.
STUCK = [1, 2, 4, 5, 8, 10, 11, 12, 13, 14, 17, 19]


def test_the_twelve_flat_networks_are_those_that_the_lab_finds_stuck(
    ran: Any, names: dict[str, Any]
) -> None:
    assert [seed + 1 for seed, flat in enumerate(names["end"]) if flat] == STUCK
    assert f"flat at the end:        {len(STUCK)} of 20\n" in ran.output
    begin = {seed + 1 for seed, flat in enumerate(names["begin"]) if flat}
    assert f"flat at the start:      {len(begin)} of 20\n" in ran.output
    assert f"became flat on the way: {len(set(STUCK) - begin)}\n" in ran.output
    assert f"recovered:              {len(begin - set(STUCK))}\n" in ran.output


def test_the_twenty_are_trained_by_the_gradients_derived_by_hand(
    names: dict[str, Any],
) -> None:
    X, y = tumors()
    x = names["raw"][:341]
    assert np.allclose(x.numpy(), X)
    assert np.allclose(names["malignant"][:341].numpy(), y)
    W, b, v, c = (part.double().numpy().copy() for part in names["twenty"]())
    for _ in range(300):
        H = 1 / (1 + np.exp(-(W @ X.T + b)))  # (20, 2, 341)
        e = 1 / (1 + np.exp(-(v @ H + c))) - y  # (20, 1, 341)
        D = v.transpose(0, 2, 1) * e * H * (1 - H)
        W, b = W - 0.01 / 341 * D @ X, b - 0.01 * D.mean(2, keepdims=True)
        v = v - 0.01 / 341 * e @ H.transpose(0, 2, 1)
        c = c - 0.01 * e.mean(2, keepdims=True)
    for own, asked in zip((W, b, v, c), names["train_twenty"](x, 300), strict=True):
        assert asked.detach().numpy() == pytest.approx(own, rel=1e-3, abs=1e-4)


def test_standardized_none_of_the_twenty_is_flat_and_all_learn(
    ran: Any, names: dict[str, Any]
) -> None:
    assert "standardized, flat: 0\n" in ran.output
    always = int(names["malignant"][341:454].sum())
    assert f"always benign: {always} errors\n" in ran.output
    assert names["wrong"].max() < always
    small = re.search(r"weights divided by 24 +(\d+) to (\d+) errors", ran.output)
    assert small is not None
    assert int(small[1]) > names["wrong"].max()
    assert int(small[2]) == always


def test_the_exercises_give_what_was_derived(ran: Any) -> None:
    leaky = math.sqrt(2 / 1.01)
    assert f"derived  {leaky:.3f}\n" in ran.output
    assert f"PyTorch  {leaky:.3f}\n" in ran.output
    for part in (0.9, 1.1):
        assert f"{part**20:.3f}  {part**20:.3f}\n" in ran.output
    for factor in (1.0, 1 / math.sqrt(20)):
        found = re.search(rf"(?m)^ *(\S+) +{(1 + factor**2) ** 10:.2f}$", ran.output)
        assert found is not None
        assert float(found[1]) == pytest.approx((1 + factor**2) ** 10, rel=0.3)


def test_he_on_a_weight_of_the_other_shape_is_ten_times_too_large(ran: Any) -> None:
    wrong, right = (
        float(re.search(rf"mode='{mode}': +(\S+)", ran.output)[1])  # type: ignore[index]
        for mode in ("fan_in", "fan_out")
    )
    assert right == pytest.approx(math.sqrt(2), rel=0.03)
    assert wrong == pytest.approx(math.sqrt(2 / 10 * 1000), rel=0.03)


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    assert "same weights: True\nsame biases:  False\n" in ran.output
    assert (
        "RuntimeError: a leaf Variable that requires grad is being used in an\n"
        "in-place operation.\n" in ran.output
    )
