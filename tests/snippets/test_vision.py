"""The mathematics of the chapter "A first vision model", counted another way."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage, signal
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("vision")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers in double precision."""
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=chance)


def shifted(images: torch.Tensor, by: int) -> torch.Tensor:
    """Images moved to the right, with zeros coming in."""
    moved = torch.zeros_like(images)
    moved[..., by:] = images[..., : images.shape[-1] - by]
    return moved


def test_the_sum_of_the_first_window_is_that_by_hand(ran: Any) -> None:
    assert (16 + 11 + 11 - 0) / 16 == 2.375
    lines = "[[0, 7, 16], [0, 3, 11], [0, 0, 11]]\nweighted sum: 2.375\n"
    assert ran.output.startswith(lines)


@pytest.mark.parametrize("seed", range(10))
def test_sliding_by_hand_is_what_scipy_calls_a_correlation(
    names: dict[str, Any], seed: int
) -> None:
    image, kernel = noise(9, 7, seed=seed), noise(3, 3, seed=seed + 100)
    expected = signal.correlate2d(image.numpy(), kernel.numpy(), mode="valid")
    assert np.allclose(names["slide"](image, kernel).numpy(), expected, atol=1e-12)


@pytest.mark.claim("vision#conv2d-no-flip")
@pytest.mark.parametrize("seed", range(10))
def test_conv2d_weighs_every_window_by_the_kernel_which_it_does_not_flip(
    seed: int,
) -> None:
    image, kernel = noise(8, 8, seed=seed), noise(3, 3, seed=seed + 100)
    got = functional.conv2d(image[None, None], kernel[None, None])[0, 0]
    for i in range(6):
        for j in range(6):
            window = image[i : i + 3, j : j + 3].flatten().tolist()
            terms = zip(window, kernel.flatten().tolist(), strict=True)
            assert got[i, j].item() == pytest.approx(math.fsum(a * b for a, b in terms))
    flipped = signal.convolve2d(image.numpy(), kernel.numpy(), mode="valid")
    assert not np.allclose(got.numpy(), flipped)


@pytest.mark.claim("vision#order-blind")
@pytest.mark.parametrize("seed", range(5))
def test_rearranged_pixels_change_only_the_order_of_a_dense_networks_weights(
    seed: int,
) -> None:
    torch.manual_seed(seed)
    order = torch.randperm(64)
    X, y = noise(50, 64, seed=seed), torch.arange(50) % 10
    one: Any = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).double()
    other = copy.deepcopy(one)
    with torch.no_grad():
        other[0].weight.copy_(one[0].weight[:, order])
    for model, inputs in ((one, X), (other, X[:, order])):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(20):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), y).backward()
            optimizer.step()
    assert torch.allclose(one[0].weight[:, order], other[0].weight, atol=1e-10)
    assert torch.allclose(one(X), other(X[:, order]), atol=1e-10)


@pytest.mark.claim("vision#output-size")
def test_the_size_of_the_map_counts_the_first_window_and_every_stride() -> None:
    chance = random.Random(0)
    for _ in range(200):
        size, k = chance.randint(1, 30), chance.randint(1, 7)
        stride, padding = chance.randint(1, 5), chance.randint(0, 4)
        if k > size + 2 * padding:
            continue
        starts = [
            first
            for first in range(-padding, size + padding, stride)
            if first + k <= size + padding
        ]
        out = nn.Conv2d(1, 1, k, stride=stride, padding=padding)(
            torch.zeros(1, 1, size, size)
        )
        by_formula = (size + 2 * padding - k) // stride + 1
        assert out.shape[-1] == out.shape[-2] == len(starts) == by_formula


def test_the_grid_of_sizes_has_as_many_cases_as_the_chapter_says(ran: Any) -> None:
    grid = [
        (size, k, stride, padding)
        for size in range(1, 13)
        for k in range(1, 6)
        for stride in range(1, 5)
        for padding in range(4)
    ]
    cases = [case for case in grid if case[1] - case[0] <= 2 * case[3]]
    assert f"{len(cases)} cases, no exception\n" in ran.output
    size, k, _, padding = next(case for case in grid if case not in cases)
    with pytest.raises(RuntimeError):
        functional.conv2d(
            torch.zeros(1, 1, size, size), torch.zeros(1, 1, k, k), padding=padding
        )


@pytest.mark.claim("vision#conv-is-linear")
@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_convolution_is_a_linear_layer_with_few_and_shared_weights(k: int) -> None:
    layer = nn.Conv2d(1, 1, k, padding=k // 2, bias=False).double()
    kernel = layer.weight.detach()[0, 0].numpy()
    matrix = np.zeros((64, 64))
    for i, j, u, v in np.ndindex(8, 8, k, k):
        row, column = i + u - k // 2, j + v - k // 2
        if 0 <= row < 8 and 0 <= column < 8:
            matrix[8 * i + j, 8 * row + column] = kernel[u, v]
    x = noise(1, 1, 8, 8)
    by_matrix = matrix @ x.flatten().numpy()
    assert np.allclose(layer(x).detach().flatten().numpy(), by_matrix, atol=1e-12)
    assert len(set(matrix[matrix != 0])) == k * k
    inside = sum(8 - abs(offset) for offset in range(-(k // 2), k // 2 + 1))
    assert np.count_nonzero(matrix) == inside**2


def test_the_matrix_of_the_chapter_has_22_by_22_entries(names: dict[str, Any]) -> None:
    assert len(names["matrix"][names["matrix"] != 0]) == (8 + 7 + 7) ** 2 == 484


@pytest.mark.claim("vision#parameter-count")
@pytest.mark.parametrize(("k", "C", "K"), [(3, 1, 8), (3, 8, 16), (5, 3, 2), (1, 4, 7)])
def test_a_kernel_has_k_squared_weights_for_each_pair_of_channels(
    k: int, C: int, K: int
) -> None:
    layer = nn.Conv2d(C, K, k)
    assert sum(p.numel() for p in layer.parameters()) == k * k * C * K + K
    for size in (k, 8, 40):  # the same weights for every size
        assert layer(torch.zeros(1, C, size, size)).shape[1] == K


def test_the_counts_of_parameters_are_those_by_hand(ran: Any) -> None:
    assert f"Conv2d {9 * 8 + 8:6,}\nLinear {64 * 512 + 512:6,}\n" in ran.output
    conv = 9 * 8 + 2 * 8 + 9 * 8 * 16 + 2 * 16 + 64 * 10 + 10
    mlp = 64 * 32 + 32 + 32 * 10 + 10
    assert f"MLP          {mlp:5,}\nconvolutions {conv:5,}\n" in ran.output
    assert conv < mlp


@pytest.mark.claim("vision#shift-away-from-border")
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("by", [1, 2, 3])
def test_a_shifted_image_gives_the_shifted_map_except_at_the_border(
    seed: int, by: int
) -> None:
    chance = torch.Generator().manual_seed(seed)
    x = torch.randint(-9, 10, (2, 3, 12, 12), generator=chance).double()
    W = torch.randint(-9, 10, (4, 3, 3, 3), generator=chance).double()
    first = shifted(functional.conv2d(x, W, padding=1), by)
    second = functional.conv2d(shifted(x, by), W, padding=1)
    columns = (first != second).any(dim=(0, 1, 2)).nonzero().flatten().tolist()
    assert set(columns) <= {*range(by), 11}
    assert columns  # at the border they do differ


@pytest.mark.claim("vision#stride-two")
def test_with_stride_two_only_a_shift_by_two_is_a_shift_of_the_map() -> None:
    x, W = noise(1, 1, 16, 16), noise(1, 1, 3, 3, seed=1)
    plain = functional.conv2d(x, W, stride=2)
    by_two = functional.conv2d(shifted(x, 2), W, stride=2)
    assert torch.allclose(by_two[..., 1:], plain[..., :-1], atol=1e-12)
    by_one = functional.conv2d(shifted(x, 1), W, stride=2)
    for offset in (0, 1, 2):
        same = by_one[..., offset:] - plain[..., : plain.shape[-1] - offset]
        assert same[..., 1:].abs().max() > 0.1


@pytest.mark.claim("vision#pooling-forgets")
@pytest.mark.parametrize("seed", range(10))
def test_entries_moved_within_their_windows_leave_max_pooling_as_it_is(
    seed: int,
) -> None:
    h = noise(1, 1, 8, 8, seed=seed)
    chance = np.random.default_rng(seed)
    moved = h.clone()
    for i, j in np.ndindex(4, 4):
        window = moved[0, 0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        order = chance.permutation(4)
        window.copy_(window.flatten()[order].reshape(2, 2).clone())
    assert not torch.equal(h, moved)
    assert torch.equal(nn.MaxPool2d(2)(h), nn.MaxPool2d(2)(moved))


@pytest.mark.claim("vision#pooling-routes")
@pytest.mark.parametrize("seed", range(10))
def test_max_pooling_has_no_parameters_and_sends_its_gradient_to_the_largest(
    seed: int,
) -> None:
    pool = nn.MaxPool2d(2)
    assert list(pool.parameters()) == []
    h = noise(1, 1, 8, 8, seed=seed).requires_grad_()
    G = noise(1, 1, 4, 4, seed=seed + 50)
    pool(h).backward(G)
    assert h.grad is not None
    expected = np.zeros((8, 8))
    for i, j in np.ndindex(4, 4):
        window = h.detach()[0, 0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].numpy()
        u, v = np.unravel_index(window.argmax(), (2, 2))
        expected[2 * i + u, 2 * j + v] = G[0, 0, i, j]
    assert np.array_equal(h.grad[0, 0].numpy(), expected)


@pytest.mark.claim("vision#batch-norm-batch")
def test_batch_norm_depends_on_the_batch_in_training_mode_alone() -> None:
    norm, image = nn.BatchNorm2d(3).double(), noise(1, 3, 5, 5)
    batches = [torch.cat([image, noise(7, 3, 5, 5, seed=seed)]) for seed in (1, 2)]
    first, second = (norm(batch)[0] for batch in batches)
    assert (first - second).abs().max() > 1e-3
    norm.eval()
    first, second = (norm(batch)[0] for batch in batches)
    assert torch.equal(first, second)


@pytest.mark.claim("vision#no-bias")
@pytest.mark.parametrize("training", [True, False])
def test_a_bias_before_batch_norm_changes_nothing(training: bool) -> None:
    x, bias = noise(6, 2, 8, 8), noise(3, seed=1)
    outs = []
    for added in (bias, torch.zeros(3, dtype=torch.float64)):
        torch.manual_seed(0)
        layer, norm = nn.Conv2d(2, 3, 3, bias=False).double(), nn.BatchNorm2d(3)
        norm = norm.double()
        for _ in range(200):  # until the running estimates are the batch's own
            h = norm(layer(x) + added[:, None, None])
        outs.append(h if training else norm.eval()(layer(x) + added[:, None, None]))
    assert torch.allclose(outs[0], outs[1], atol=1e-8)


@pytest.mark.claim("vision#frozen-norm")
def test_frozen_batch_norm_moves_its_estimates_in_training_mode_alone() -> None:
    norm, h = nn.BatchNorm2d(3), noise(6, 3, 4, 4).float() + 1
    norm.requires_grad_(False)
    before = copy.deepcopy(norm.state_dict())
    norm.eval()(h)
    assert all(torch.equal(before[n], v) for n, v in norm.state_dict().items())
    norm.train()(h)
    assert not torch.equal(before["running_mean"], norm.state_dict()["running_mean"])


def test_batch_norm_is_numpys_mean_and_variance_of_each_channel() -> None:
    norm, h = nn.BatchNorm2d(3).double(), noise(6, 3, 5, 4) * 2 + 1
    out = norm(h).detach().numpy()
    for c in range(3):
        values = h[:, c].numpy()
        expected = (values - values.mean()) / np.sqrt(values.var() + 1e-5)
        assert np.allclose(out[:, c], expected, atol=1e-12)
        assert norm.running_mean is not None
        assert norm.running_mean[c].item() == pytest.approx(0.1 * values.mean())


@pytest.mark.claim("vision#fold")
@pytest.mark.parametrize("seed", range(5))
def test_in_eval_mode_batch_norm_is_part_of_one_convolution(seed: int) -> None:
    torch.manual_seed(seed)
    layer, norm = nn.Conv2d(2, 4, 3).double(), nn.BatchNorm2d(4).double()
    for step in range(5):
        norm(layer(noise(8, 2, 6, 6, seed=step)))
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
    norm.eval()

    def both(x: torch.Tensor) -> torch.Tensor:
        whole: torch.Tensor = norm(layer(x))
        return whole.detach()

    # One convolution, read off from what the two give for single bright pixels.
    bias = both(torch.zeros(1, 2, 3, 3, dtype=torch.float64)).flatten()
    basis = torch.eye(18, dtype=torch.float64).reshape(18, 2, 3, 3)
    weight = (both(basis)[:, :, 0, 0] - bias).T.reshape(4, 2, 3, 3)
    x = noise(3, 2, 10, 10, seed=seed)
    one = functional.conv2d(x, weight, bias)
    assert torch.allclose(one, both(x), atol=1e-12)


def trained(widths: str, rate: float, seed: int) -> tuple[int, int]:
    """Train a network of this kind anew; give its parameters and test errors."""
    pixels, classes = load_digits(return_X_y=True)
    X, y = torch.tensor(pixels / 16).reshape(-1, 1, 8, 8), torch.tensor(classes)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
    rows, rest = order[:1078], order[1078 + 359 :]
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    if widths == "convolutions":
        for before, after in ((1, 8), (8, 16)):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Flatten(), nn.Linear(64, 10)]
    else:
        layers = [nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)]
    model = nn.Sequential(*layers).double()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    for _ in range(10):
        for batch in rows[torch.randperm(len(rows))].split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(X[batch]), y[batch]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        errors = int((model(X[rest]).argmax(1) != y[rest]).sum())
    return sum(p.numel() for p in model.parameters()), errors


@pytest.mark.claim("vision#fewer-errors")
def test_the_network_makes_fewer_errors_than_the_mlp_with_fewer_parameters() -> None:
    conv = [trained("convolutions", 0.01, seed) for seed in range(50, 54)]
    mlp = [trained("MLP", 0.03, seed) for seed in range(50, 54)]
    assert conv[0][0] < mlp[0][0]
    assert sum(errors for _, errors in conv) < sum(errors for _, errors in mlp)


def test_the_comparison_is_that_of_the_errors_which_are_counted_anew(
    names: dict[str, Any],
) -> None:
    X, y = names["test"]
    assert len(X) == 360
    for name, models in names["fitted"].items():
        assert len(models) == 10
        counts = []
        for model in models:
            assert not model.training
            with torch.no_grad():
                counts.append(int((model(X).argmax(1) != y).sum()))
        assert sorted(counts) == names["tested"][name]
    means = {name: sum(counts) / 10 for name, counts in names["tested"].items()}
    assert means["convolutions"] < means["MLP"] / 2 < means["linear"] / 2
    assert names["tested"]["convolutions"][-1] == names["tested"]["MLP"][0]


def test_each_models_rate_lies_within_the_swept_ones(names: dict[str, Any]) -> None:
    for rate in names["chosen"].values():
        assert rate in names["rates"][1:-1]


def test_shifted_digits_cost_the_network_less_than_the_others(
    names: dict[str, Any],
) -> None:
    X, y = names["test"]
    moved = torch.from_numpy(ndimage.shift(X.numpy(), (0, 0, 0, 1), order=0))
    assert torch.equal(moved, names["right"](X))
    counts = {}
    for name, models in names["fitted"].items():
        with torch.no_grad():
            counts[name] = [int((m(moved).argmax(1) != y).sum()) for m in models]
    assert max(counts["convolutions"]) < min(counts["MLP"]) < min(counts["linear"])


def test_the_maps_in_the_figure_are_those_after_relu(names: dict[str, Any]) -> None:
    model, digit = names["fitted"]["convolutions"][0], names["digit"].double()
    norm = model[1]
    for c, shown in enumerate(names["seen_as"].numpy()):
        kernel = model[0].weight.detach()[c, 0].numpy()
        h = signal.correlate2d(digit.numpy(), kernel, mode="same")
        deviation = np.sqrt(norm.running_var[c].item() + norm.eps)
        z = (h - norm.running_mean[c].item()) / deviation
        z = z * norm.weight[c].item() + norm.bias[c].item()
        assert np.allclose(shown, z.clip(min=0), atol=1e-12)


def test_reshape_in_place_of_permute_puts_one_pixel_right(ran: Any) -> None:
    photo = np.arange(192).reshape(8, 8, 3)
    right = (np.moveaxis(photo, 2, 0)[0] == photo[..., 0]).sum()
    wrong = (photo.reshape(3, 8, 8)[0] == photo[..., 0]).sum()
    assert f"permute: {right} of 64" in ran.output
    assert f"reshape: {wrong} of 64" in ran.output


def test_testing_in_training_mode_costs_errors(ran: Any, names: dict[str, Any]) -> None:
    X, y = names["test"]
    model = names["fitted"]["convolutions"][0]
    single = 0
    for i in range(360):
        h = X[i : i + 1]
        with torch.no_grad():
            for layer in model:
                if isinstance(layer, nn.BatchNorm2d):
                    h = functional.batch_norm(
                        h, None, None, layer.weight, layer.bias, training=True
                    )
                else:
                    h = layer(h)
        single += int(h.argmax(1) != y[i])
    assert f"train: {single} errors, each image alone\n" in ran.output
    assert single > names["wrong"](model, X, y)
    assert "running mean as it was: False\n" in ran.output


def test_the_sizes_and_products_of_exercise_1_are_those_by_hand(ran: Any) -> None:
    assert "24 12 8 4 \n256 numbers after flattening\n" in ran.output
    network = 64 * 8 * 9 + 16 * 16 * 8 * 9 + 640
    assert f"network {network:,}, MLP {64 * 32 + 320:,}\n" in ran.output
    assert network == 10 * (64 * 32 + 320)


def test_two_layers_of_three_see_five_by_five(names: dict[str, Any]) -> None:
    base = torch.zeros(1, 1, 9, 9)
    with torch.no_grad():
        before = names["two"](base)[0, 0, 2, 2]
        for i, j in np.ndindex(9, 9):
            changed = base.clone()
            changed[0, 0, i, j] += 1
            moves = bool((names["two"](changed)[0, 0, 2, 2] - before).abs() > 1e-6)
            assert moves == (2 <= i <= 6 and 2 <= j <= 6)


def test_without_batch_norm_the_errors_overlap_those_of_the_mlp(
    names: dict[str, Any],
) -> None:
    assert names["rate"] in names["rates"][1:-1]
    without, mlp = names["without"], names["tested"]["MLP"]
    assert without[0] < mlp[0] < without[-1]
    assert sum(names["tested"]["convolutions"]) < sum(without) < sum(mlp)


def test_the_echo_is_where_it_was_hidden_and_the_loudest_sample_is_not(
    names: dict[str, Any],
) -> None:
    samples, pulse = names["signal"][0, 0].numpy(), names["pulse"].numpy()
    best = int(np.correlate(samples, pulse, "valid").argmax())
    assert best == 137
    assert not 137 <= int(np.abs(samples).argmax()) < 145
