"""Do batches, loaders and workers do what the chapter says?"""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import (
    DataLoader,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)
from torch.utils.flop_counter import FlopCounterMode


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("mini_batches")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    """All 569 tumors in the lab's order: two features, standardized, and labels."""
    bunch = load_breast_cancer()
    rows = np.arange(569)
    np.random.RandomState(0).shuffle(rows)
    raw = bunch.data[rows, :2]
    X = StandardScaler().fit(raw[:341]).transform(raw) * np.sqrt(340 / 341)
    return X, 1.0 - bunch.target[rows]


def by_hand(theta: Any, X: Any, y: Any) -> Any:
    """The gradients (..., 3) of the mean loss on X (..., B, 2), for theta (..., 3)."""
    A = np.concatenate([X, np.ones((*X.shape[:-1], 1))], -1)  # (..., B, 3)
    h = 1 / (1 + np.exp(-(A * theta[..., None, :]).sum(-1)))  # (..., B)
    return ((h - y)[..., None] * A).mean(-2)


def objectives(theta: Any, X: Any, y: Any) -> Any:
    """The mean losses (S,) of S models (S, 3) on X (N, 2)."""
    z = np.concatenate([X, np.ones((len(X), 1))], 1) @ theta.T  # (N, S)
    return (np.logaddexp(0, z) - y[:, None] * z).mean(0)


def train(  # what an experiment has to fix
    data: Any, size: int, rate: float, passes: int, seed: int, ordered: bool = False
) -> Any:
    """Train 20 models in NumPy; give their parameters (20, 3)."""
    X, y = data
    chance = np.random.default_rng(seed)
    theta = chance.normal(size=(20, 3))
    for _ in range(passes):
        order = chance.random((20, 341)).argsort(1)  # (20, 341)
        if ordered:
            order = np.tile(np.argsort(y[:341], kind="stable"), (20, 1))
        for start in range(0, 341, size):
            batch = order[:, start : start + size]
            theta = theta - rate * by_hand(theta, X[batch], y[batch])
    return theta


def test_the_data_are_the_labs_first_341_tumors(
    ran: Any, names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data
    assert f"341 to train on, {int(y[:341].sum())} of them malignant\n" in ran.output
    assert names["X"].numpy() == pytest.approx(X, abs=1e-5)
    assert names["y"].tolist() == y.tolist()
    assert len(names["X_val"]) == int(0.2 * 569)
    assert int(0.6 * 569) == 341


def test_the_printed_gradients_are_those_by_hand(
    ran: Any, names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    theta = np.array([*layer.weight[0].tolist(), layer.bias.item()])
    order = torch.randperm(341, generator=torch.Generator().manual_seed(0)).numpy()
    lines = [f"{name}" for name in ("all 341", *["only 32"] * 4)]
    parts = [order, *(order[k : k + 32] for k in range(0, 128, 32))]
    for line, rows in zip(lines, parts, strict=True):
        entries = by_hand(theta, X[rows], y[rows])
        assert f"{line} {' '.join(f'{each:7.3f}' for each in entries)}\n" in ran.output
    assert (names["full"][:2] < 0).all()


def test_eleven_batches_weighted_give_the_full_gradient_and_a_plain_mean_does_not(
    ran: Any, names: dict[str, Any]
) -> None:
    sizes = [32] * (341 // 32) + [341 % 32]
    assert sizes == [32] * 10 + [21]
    assert f"11 batches of {sizes}\nweighted, off by 0.0000\n" in ran.output
    assert (names["weighted"] - names["full"]).abs().max() < 1e-6
    assert "plain,    off by 0.0016\n" in ran.output
    assert (names["plain"] - names["full"]).abs().max() > 1e-3


def test_the_spread_of_single_samples_is_twice_the_gradient(
    ran: Any, data: tuple[Any, Any]
) -> None:
    X, y = data
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    theta = np.array([*layer.weight[0].tolist(), layer.bias.item()])
    single = by_hand(theta, X[:341, None], y[:341, None])  # (341, 3)
    full = single.mean(0)
    s = np.sqrt(((single - full) ** 2).sum(1).mean())
    length = np.linalg.norm(full)
    assert f"length of the full gradient: {length:.3f}\n" in ran.output
    assert f"spread of single samples:    {s:.3f}\n" in ran.output
    assert s / length == pytest.approx(2, abs=0.15)
    assert "mean of the rows, off by 0.0000\n" in ran.output
    table = ran.output.partition("  B   measured")[2].splitlines()[1:7]
    for line in table:
        B, again, law, once, short = map(float, line.split())
        factor = np.sqrt((341 - B) / 340)
        assert f"{law:.3f}" == f"{s / np.sqrt(B):.3f}"
        assert f"{short:.3f}" == f"{s / np.sqrt(B) * factor:.3f}"
        assert again == pytest.approx(law, rel=0.03)
        assert once == pytest.approx(short, rel=0.03)
    assert np.sqrt(341) == pytest.approx(18, abs=0.5)


def test_the_arithmetic_of_a_gradient_grows_with_its_samples() -> None:
    def work(B: int) -> int:
        counter = FlopCounterMode(display=False)
        with counter:
            loss = nn.BCEWithLogitsLoss()
            loss(nn.Linear(2, 1)(torch.ones(B, 2)).squeeze(1), torch.ones(B)).backward()
        return counter.get_total_flops()

    assert work(341) * 32 == work(32) * 341
    assert work(32) * 10 < work(341)


def test_our_data_set_gives_what_the_tensor_data_set_gives(
    names: dict[str, Any], ran: Any
) -> None:
    tumors, train_set = names["Tumors"](), names["train_set"]
    assert len(tumors) == len(train_set) == 341
    for i in range(341):
        assert torch.equal(tumors[i][0], train_set[i][0])
        assert torch.equal(tumors[i][1], train_set[i][1])
    assert ran.output.count("341 (tensor([-0.1623,  0.3094]), tensor(1.))\n") == 2


def test_orders_repeat_with_the_seed_and_differ_without(ran: Any) -> None:
    lines = re.findall(r"(?m)^(\w+) +seed (\d):  (.*)   (.*)$", ran.output)
    assert [(shuffle, seed) for shuffle, seed, _, _ in lines] == [
        ("False", "0"),
        ("True", "0"),
        ("True", "0"),
        ("True", "1"),
    ]
    unshuffled, first, again, other = [line[2:] for line in lines]
    assert unshuffled[0] == unshuffled[1]
    assert first == again
    assert len({*first, *other, unshuffled[0]}) == 5


def test_a_loader_without_a_generator_follows_the_global_seed(
    names: dict[str, Any],
) -> None:
    orders = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        batches = DataLoader(names["train_set"], 341, shuffle=True)
        orders.append(next(iter(batches))[0])
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_dropped_samples_are_others_in_each_epoch() -> None:
    rows = TensorDataset(torch.arange(341))
    torch.manual_seed(0)
    batches = DataLoader(rows, 32, shuffle=True, drop_last=True)
    left = [
        set(range(341)) - {row for (batch,) in batches for row in batch.tolist()}
        for _ in range(30)
    ]
    assert {len(each) for each in left} == {21}
    assert all(a != b for a, b in pairwise(left))
    assert not set.intersection(*left)


def test_the_loop_takes_the_steps_that_plain_arithmetic_takes(
    names: dict[str, Any], ran: Any, data: tuple[Any, Any]
) -> None:
    X, y = data
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    theta = np.array([*layer.weight[0].tolist(), layer.bias.item()])
    chance = torch.Generator().manual_seed(0)
    order = DataLoader(TensorDataset(torch.arange(341)), 32, True, generator=chance)
    for epoch in range(1, 11):
        for (rows,) in order:
            theta = theta - by_hand(theta, X[rows.numpy()], y[rows.numpy()])
        if epoch in (1, 2, 10):
            J = objectives(theta[None], X[:341], y[:341])[0]
            line = f"{epoch:2} epochs, {11 * epoch:3} steps: objective {J:.3f}\n"
            assert line in ran.output


def test_ten_models_side_by_side_go_where_each_goes_alone(
    names: dict[str, Any],
) -> None:
    chance = torch.Generator().manual_seed(0)
    start = torch.randn(10, 3, generator=chance).double()
    order = torch.rand(10, 341, generator=chance).argsort(1)
    log = names["descend"](32, 2.0, 1)
    X, y = names["X"].double(), names["y"].double()
    for k in (0, 7):
        layer = nn.Linear(2, 1).double()
        with torch.no_grad():
            layer.weight.copy_(start[k : k + 1, :2])
            layer.bias.copy_(start[k, 2:])
        optimizer = torch.optim.SGD(layer.parameters(), lr=2.0)
        for rows in order[k].split(32):
            optimizer.zero_grad()
            loss = nn.BCEWithLogitsLoss()(layer(X[rows]).squeeze(1), y[rows])
            loss.backward()
            optimizer.step()
        end = [*layer.weight[0].tolist(), layer.bias.item()]
        assert log[341][k].tolist() == pytest.approx(end)


def test_the_rates_of_the_comparison_are_inside_the_sweep_or_at_the_border_of_stability(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    for (size, _), rate in names["best"].items():
        assert rate > min(names["rates"])
        assert rate < max(names["rates"]) or size == 341
    X, y = data  # a rate twice as high is worse for the full batch
    ends = [objectives(train(data, 341, r, 2, 0), X[:341], y[:341]) for r in (10, 20)]
    assert ends[0].mean() < ends[1].mean()


def test_after_ten_passes_all_are_near_the_minimum(
    names: dict[str, Any], data: tuple[Any, Any]
) -> None:
    X, y = data
    best = LogisticRegression(C=np.inf, tol=1e-10).fit(X[:341], y[:341])
    J = log_loss(y[:341], best.predict_proba(X[:341]))
    for size in (341, 32, 4):
        theta = names["runs"][size, names["best"][size, 10]][3410]
        mean = objectives(theta.numpy(), X[:341], y[:341]).mean()
        assert J < mean < J + 0.002


def test_the_bullets_below_the_table_follow_from_it(
    names: dict[str, Any], ran: Any
) -> None:
    def ends(size: int, passes: int) -> Any:
        theta = names["runs"][size, names["best"][size, passes]][341 * passes]
        return names["objective"](theta, names["train_rows"])

    for passes in (1, 2):
        for size in (32, 4):
            assert (ends(size, passes) < ends(341, passes)).sum() >= 9
    means = [ends(size, 10).mean().item() for size in (341, 32, 4)]
    assert max(means) - min(means) <= ends(341, 10).std()
    for passes in (1, 2, 10):
        rates = [names["best"][size, passes] for size in (341, 32, 4)]
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] < rates[0]
        for size in (341, 32, 4):
            J = ends(size, passes)
            assert f"  {J.mean():.3f} ± {J.std():.3f}" in ran.output


def test_shares_are_rounded_down_and_the_rest_goes_to_the_first_parts(
    ran: Any,
) -> None:
    parts = [int(569 * share) for share in (0.6, 0.2, 0.2)]
    assert parts == [341, 113, 113]
    assert f"[{parts[0] + 1}, {parts[1] + 1}, {parts[2]}]\n" in ran.output
    assert "341 113 115 first rows: " in ran.output


def test_a_split_covers_all_rows_once_and_its_generator_decides_it() -> None:
    rows = TensorDataset(torch.arange(569))
    splits = []
    for seed in (0, 0, 1):
        chance = torch.Generator().manual_seed(seed)
        parts = random_split(rows, [341, 113, 115], generator=chance)
        splits.append([list(part.indices) for part in parts])
        assert sorted(chain(*splits[-1])) == list(range(569))
        assert [int(parts[0][i][0]) for i in range(341)] == splits[-1][0]
    assert splits[0] == splits[1] != splits[2]


def test_padding_keeps_the_measurements_and_tells_their_number(
    names: dict[str, Any], ran: Any
) -> None:
    assert "RuntimeError: stack expects each tensor to be equal size" in ran.output
    visits = [torch.arange(1.0, n + 1) for n in (2, 5, 1, 4)]
    radii, lengths = names["padded"](visits)
    assert tuple(radii.shape) == (4, 5)
    for row, length, visit in zip(radii, lengths, visits, strict=True):
        assert row[:length].tolist() == visit.tolist()
        assert row[length:].tolist() == [0] * (5 - int(length))


def test_the_rare_set_has_twelve_malignant_samples(
    names: dict[str, Any], ran: Any
) -> None:
    shown = re.findall(r"(\d+) of 230 shown are malignant", ran.output)
    assert len(shown) == 3
    for count in map(int, shown):  # about half, each of the twelve about ten times
        assert count == pytest.approx(115, abs=3 * np.sqrt(230 / 4))
    assert Counter(names["y_rare"].tolist()) == {0.0: 341 - 123, 1.0: 12}
    assert round(100 * 12 / 230) == 5
    assert 1 < 32 * 12 / 230 < 2
    empty = math.prod((218 - k) / (230 - k) for k in range(32))
    assert 0.1 < empty < 0.3  # the share of batches without any


def test_a_mean_probability_is_the_share_of_what_was_shown(
    names: dict[str, Any], ran: Any
) -> None:
    X, y = names["X_rare"].numpy(), names["y_rare"].numpy()
    told = {}
    for name, weights in (("usual", np.ones(230)), ("equal", np.where(y, 109 / 6, 1))):
        best = LogisticRegression(C=np.inf).fit(X, y, weights)
        p = best.predict_proba(X)[:, 1]
        assert np.average(p, weights=weights) == pytest.approx(
            np.average(y, weights=weights), abs=1e-3
        )
        told[name] = p.mean()
        q = best.predict_proba(names["X_val"].numpy())[:, 1] > 0.5
        found = (q & (names["y_val"].numpy() == 1)).sum()
        assert (found < 30) == (name == "usual")
    assert told["usual"] == pytest.approx(0.05, abs=0.01)
    assert told["equal"] == pytest.approx(0.25, abs=0.05)
    assert ran.output.count("mean p 0.05\n") == 2
    assert ran.output.count("mean p 0.25\n") == 1


def test_sorted_labels_harm_as_printed(ran: Any, data: tuple[Any, Any]) -> None:
    X, y = data
    lines = ran.output.partition("rate   shuffled")[2].splitlines()[1:5]
    for line in lines:
        rate, good, _, _, bad, wrong, _ = line.replace(",", "").split()
        theta = train(data, 32, float(rate), 10, 0, ordered=True)
        J = objectives(theta, X[:341], y[:341]).mean()
        assert float(bad) == pytest.approx(J, abs=0.002)
        z = theta @ np.c_[X[341:454], np.ones(113)].T  # (20, 113)
        count = ((z > 0) != (y[341:454] == 1)).sum(1).mean()
        assert float(wrong) == pytest.approx(count, abs=0.5)
        shuffled = train(data, 32, float(rate), 10, 0)
        good_J = objectives(shuffled, X[:341], y[:341]).mean()
        assert float(good) == pytest.approx(good_J, abs=0.01)
        assert float(good) < float(bad)


def test_a_model_trained_on_sorted_labels_leans_toward_the_last_class(
    data: tuple[Any, Any],
) -> None:
    X, y = data
    for rate in (0.5, 1, 2, 5):
        z = train(data, 32, rate, 10, 0, ordered=True) @ np.c_[X, np.ones(569)].T
        h = 1 / (1 + np.exp(-z[:, :341]))
        assert h.mean() > y[:341].mean() + 0.02


def test_the_last_batch_of_one_stops_batch_normalization(ran: Any) -> None:
    assert 341 - 17 * 20 == 1
    assert (
        "after 17 batches:\nValueError: Expected more than 1 value per channel when "
        "training, got\ninput size torch.Size([1, 8])\n{(20, 1)}\n"
        "['-1.00', '1.00', '1.00', '-1.00']\n"
    ) in ran.output


def test_the_programs_print_what_the_chapter_shows(ran: Any) -> None:
    assert (
        "[17.99, 20.57] by workers [0, 0]\n[19.69, 11.42] by workers [1, 1]\n"
        "Caught ValueError in DataLoader worker process 0.\n...\n"
        "ValueError: line 5 has no radius: correct or drop it\n"
    ) in ran.output
    own = f"{np.random.default_rng(0).random():9.2f}"
    text = ran.output.partition("epoch worker ")[2]
    rows = [line for line in text.splitlines() if line[:5].strip().isdigit()][:8]
    assert [row[:12].split() for row in rows] == [
        [epoch, worker] for epoch in "12" for worker in "01"
    ] * 2
    assert [row.endswith(own) for row in rows] == [True] * 4 + [False] * 4
    for columns in (slice(12, 21), slice(21, 30)):
        assert len({row[columns] for row in rows[:4]}) == 4
    assert len({row[30:] for row in rows[4:]}) == 4


def test_pinned_memory_without_a_gpu_only_warns() -> None:
    if torch.accelerator.is_available():
        pytest.skip("a GPU is here")
    batches = DataLoader(TensorDataset(torch.arange(4)), 2, pin_memory=True)
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert [batch.tolist() for (batch,) in batches] == [[0, 1], [2, 3]]


def test_the_sizes_that_leave_one_divide_340(ran: Any) -> None:
    divisors = [d for d in range(2, 341) if 340 % d == 0]
    assert f"\n{divisors}\n" in ran.output
    assert not {32, 64} & set(divisors)


def test_sixteen_copies_leave_the_gradient_and_the_full_batch_where_they_were(
    names: dict[str, Any], ran: Any, data: tuple[Any, Any]
) -> None:
    X, y = data
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    theta = np.array([*layer.weight[0].tolist(), layer.bias.item()])
    once = by_hand(theta, X[:341], y[:341])
    assert by_hand(theta, np.tile(X[:341], (16, 1)), np.tile(y[:341], 16)) == (
        pytest.approx(once)
    )
    J = objectives((theta - once)[None], X[:341], y[:341])[0]
    assert f"  1 steps of 5456: objective {J:.3f}\n" in ran.output
    assert "171 steps of   32: objective 0.263\n" in ran.output
    assert math.ceil(341 * 16 / 32) == 171


def test_the_diabetes_model_is_as_good_as_least_squares(
    names: dict[str, Any], ran: Any
) -> None:
    features, progress = load_diabetes(return_X_y=True)
    fit, new = names["train"].indices, names["val"].indices
    assert sorted([*fit, *new]) == list(range(442))
    best = LinearRegression().fit(features[fit], progress[fit])
    errors = [
        np.sqrt(((progress[new] - guess) ** 2).mean())
        for guess in (progress[fit].mean(), best.predict(features[new]))
    ]
    assert f"mean  off by {errors[0]:.0f}\n" in ran.output
    found = float(ran.output.partition("model off by ")[2])
    assert found == pytest.approx(errors[1], abs=1)
    assert found < errors[0] - 20


@pytest.mark.claim("mini_batches#weighted-average")
def test_the_batches_gradients_weighted_by_size_are_the_full_gradient() -> None:
    chance = torch.Generator().manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()

    def gradient(X: Any, y: Any) -> Any:
        loss = ((model(X).squeeze(1) - y) ** 2).mean()
        grads = torch.autograd.grad(loss, list(model.parameters()))
        return torch.cat([each.flatten() for each in grads])

    for N, B in ((341, 32), (50, 7), (20, 20), (9, 1)):
        X = torch.randn(N, 3, generator=chance).double()
        y = torch.randn(N, generator=chance).double()
        batches = list(DataLoader(TensorDataset(X, y), B, True, generator=chance))
        mean = sum(len(y) * gradient(X, y) for X, y in batches) / N
        assert torch.allclose(mean, gradient(X, y), atol=1e-13)
        if N % B:
            plain = sum(gradient(X, y) for X, y in batches) / len(batches)
            assert not torch.allclose(plain, gradient(X, y), atol=1e-6)


@pytest.mark.claim("mini_batches#spread-falls")
def test_the_spread_falls_as_the_root_of_the_batch_size() -> None:
    rng = np.random.default_rng(0)
    g = rng.exponential(size=(6, 2)) ** 2  # six samples; all batches are counted
    s2 = ((g - g.mean(0)) ** 2).sum(1).mean()
    for B in range(1, 6):
        tuples = np.stack(np.meshgrid(*[range(6)] * B), -1).reshape(-1, B)  # (6^B, B)
        errors = ((g[tuples].mean(1) - g.mean(0)) ** 2).sum(1)
        assert errors.mean() == pytest.approx(s2 / B)
        once = errors[[len(set(each)) == B for each in tuples.tolist()]]
        assert once.mean() == pytest.approx(s2 / B * (6 - B) / 5)
    # and a loader's batches are such draws: 3000 first batches of four in six
    rows = TensorDataset(torch.arange(6))
    chance = torch.Generator().manual_seed(0)
    loader = DataLoader(rows, 4, shuffle=True, generator=chance)
    first = np.array([next(iter(loader))[0].tolist() for _ in range(3000)])
    errors = ((g[first].mean(1) - g.mean(0)) ** 2).sum(1)
    assert errors.mean() == pytest.approx(s2 / 4 * 2 / 5, rel=0.1)


@pytest.mark.claim("mini_batches#steps")
def test_an_epoch_has_as_many_steps_as_the_rounded_quotient() -> None:
    for N in range(1, 40):
        rows = TensorDataset(torch.arange(N))
        for B in range(1, 45):
            for drop, steps in ((False, math.ceil(N / B)), (True, N // B)):
                loader = DataLoader(rows, B, drop_last=drop)
                assert len(loader) == steps
                if N in (12, 13, 39):
                    assert sum(1 for _ in loader) == steps


@pytest.mark.claim("mini_batches#each-once")
@pytest.mark.parametrize("size", [1, 32, 341, 400])
def test_a_shuffling_loader_gives_each_sample_once_in_the_seeds_order(
    size: int,
) -> None:
    rows = TensorDataset(torch.arange(341))

    def epochs(seed: int) -> list[list[int]]:
        chance = torch.Generator().manual_seed(seed)
        loader = DataLoader(rows, size, shuffle=True, generator=chance)
        return [torch.cat([row for (row,) in loader]).tolist() for _ in range(3)]

    first = epochs(5)
    for order in first:
        assert sorted(order) == list(range(341))
    assert len({tuple(order) for order in first}) == 3
    torch.rand(7)  # what else is drawn does not matter
    assert epochs(5) == first
    assert epochs(6) != first


@pytest.mark.claim("mini_batches#few-passes")
def test_batches_win_in_two_passes_and_are_equal_after_ten(
    data: tuple[Any, Any],
) -> None:
    X, y = data
    rates = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
    for seed in (1, 2):
        ends = {}
        for passes in (2, 10):
            for size in (341, 32):
                found = [train(data, size, rate, passes, seed) for rate in rates]
                val = [objectives(t, X[341:454], y[341:454]).mean() for t in found]
                best = found[int(np.argmin(val))]
                ends[size, passes] = objectives(best, X[:341], y[:341])
        assert (ends[32, 2] < ends[341, 2]).sum() >= 14  # of 20
        assert ends[32, 2].mean() < ends[341, 2].mean()
        late = [ends[size, 10] for size in (32, 341)]
        spread = max(each.std() for each in late)
        assert abs(late[0].mean() - late[1].mean()) < spread


@pytest.mark.claim("mini_batches#sorted-labels")
def test_sorted_labels_end_higher_the_more_so_the_higher_the_rate(
    data: tuple[Any, Any],
) -> None:
    X, y = data
    harm = []
    for rate in (0.5, 1, 2, 5):
        J = [
            objectives(train(data, 32, rate, 10, 3, ordered), X[:341], y[:341]).mean()
            for ordered in (False, True)
        ]
        harm.append(J[1] - J[0])
    assert harm[0] > 0
    assert harm == sorted(harm)


@pytest.mark.claim("mini_batches#balanced")
def test_a_balancing_sampler_shows_classes_equally_and_raises_the_rare_ones_p() -> None:
    rng = np.random.default_rng(0)
    counts = [400, 40, 10]
    labels = torch.tensor(np.repeat([0, 1, 2], counts))
    weights = 1 / torch.tensor(counts)[labels]
    chance = torch.Generator().manual_seed(0)
    sampler = WeightedRandomSampler(weights.tolist(), 30_000, generator=chance)
    rows = list(sampler)
    shown = Counter(labels[rows].tolist())
    for count in shown.values():
        assert count == pytest.approx(10_000, abs=5 * np.sqrt(30_000 * 2 / 9))
    y = (labels == 2).numpy()
    X = rng.normal(size=(450, 2)) + 1.5 * y[:, None]
    plain = LogisticRegression(C=np.inf).fit(X, y).predict_proba(X)[:, 1]
    drawn = LogisticRegression(C=np.inf).fit(X[rows], y[rows]).predict_proba(X)[:, 1]
    assert plain.mean() == pytest.approx(10 / 450, abs=1e-3)
    assert drawn.mean() > 3 * plain.mean()
    assert (drawn > plain).mean() > 0.95


@pytest.mark.claim("mini_batches#batch-of-one")
def test_batch_normalization_refuses_one_and_makes_two_into_plus_minus_one() -> None:
    torch.manual_seed(0)
    for width in (1, 3, 8):
        norm = nn.BatchNorm1d(width)
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            norm(torch.randn(1, width))
        for _ in range(20):
            pair = 1000 * torch.randn(2, width)
            out = norm(pair)
            assert out.abs().flatten().tolist() == pytest.approx([1] * 2 * width, 1e-3)
            assert torch.equal(out[0] > 0, pair[0] > pair[1])


NOISE = """
import random, sys
import numpy as np, torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

class Noise(Dataset):
    def __init__(self):
        self.generators = [
            np.random.default_rng(0), np.random.RandomState(0), random.Random(0),
            torch.Generator().manual_seed(0),
        ]
    def __len__(self):
        return 2
    def __getitem__(self, i):
        a, b, c, d = self.generators
        drawn = torch.rand((), generator=d).item()
        kept = [a.random(), b.random_sample(), c.random(), drawn]
        seeded = [torch.rand(()).item(), np.random.rand(), random.random()]
        return get_worker_info().id, kept, seeded

def reseed(worker):
    info = get_worker_info()
    seed = info.seed
    info.dataset.generators = [
        np.random.default_rng(seed), np.random.RandomState(seed % 2**32),
        random.Random(seed), torch.Generator().manual_seed(seed),
    ]

if __name__ == "__main__":
    for init in (None, reseed):
        loader = DataLoader(Noise(), None, num_workers=2, worker_init_fn=init,
                            multiprocessing_context=sys.argv[1])
        for epoch in range(2):
            for worker, kept, seeded in loader:
                print(worker, *kept, *seeded)
"""


@pytest.mark.claim("mini_batches#equal-draws")
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_generator_kept_by_a_data_set_draws_the_same_in_every_worker(
    tmp_path: Path,
) -> None:
    (tmp_path / "noise.py").write_text(NOISE)
    done = subprocess.run(
        [sys.executable, "noise.py", "fork"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["0", "1"] * 4
    for column in range(1, 5):  # kept by the data set
        assert len({row[column] for row in rows[:4]}) == 1
        assert len({row[column] for row in rows[4:]}) == 4
    for column in range(5, 8):  # seeded by PyTorch
        assert len({row[column] for row in rows}) == 8
