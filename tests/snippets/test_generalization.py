"""Is what the chapter on generalization says and prints true?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import nn


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("generalization")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def ours(width: int, seed: int) -> nn.Sequential:
    """A network with one hidden layer, in double precision."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10)).double()


def train(model: nn.Module, X: Any, y: Any, steps: int = 200) -> None:
    """Train by plain Adam, which is AdamW without decay."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()


def wrong(model: nn.Module, X: Any, y: Any) -> float:
    """The error in percent."""
    with torch.no_grad():
        return 100 * float((model(X).argmax(1) != y).double().mean())


def believed(change: Any) -> float:
    """How many standard errors a mean is away from 0."""
    numbers = np.asarray(change)
    return float(numbers.mean() / (numbers.std(ddof=1) / len(numbers) ** 0.5))


def rows_of(output: str, name: str) -> list[list[float]]:
    """The numbers of the printed lines that begin with a name."""
    lines = re.findall(rf"(?m)^{re.escape(name)} {{2,}}(.+)$", output)
    return [[float(n) for n in re.findall(r"-?\d+\.?\d*", each)] for each in lines]


def test_of_150_labels_exactly_the_first_30_are_false(names: dict[str, Any]) -> None:
    pixels, labels = load_digits(return_X_y=True)
    true = {tuple(image): label for image, label in zip(pixels, labels, strict=True)}
    known = {tuple((16 * image).tolist()) for image in names["training"][0]}
    for seed in range(5):
        X, y = names["draw"](seed)
        images = [tuple((16 * image).tolist()) for image in X]
        assert len(set(images)) == 150
        assert set(images) <= known
        right = [true[image] == int(label) for image, label in zip(images, y)]  # noqa: B905
        assert right == [False] * 30 + [True] * 120


@pytest.mark.claim("generalization#by-heart")
def test_the_network_learns_even_the_false_labels(names: dict[str, Any]) -> None:
    for seed in range(3):
        X, y = names["draw"](seed + 50)
        model = ours(64, seed)
        train(model, X, y)
        assert wrong(model, X[:30], y[:30]) == 0
        assert wrong(model, X, y) == 0


@pytest.mark.claim("generalization#recap-by-heart")
def test_labels_that_are_all_random_are_learned_and_nothing_else_is(
    names: dict[str, Any],
) -> None:
    X, _ = names["draw"](7)
    for seed in range(3):
        chance = torch.Generator().manual_seed(seed)
        y = torch.randint(10, (150,), generator=chance)
        model = ours(64, seed)
        train(model, X, y, steps=400)
        assert wrong(model, X, y) == 0
        assert 80 < wrong(model, *names["validation"]) < 97


@pytest.mark.claim("generalization#side-by-side")
def test_networks_side_by_side_learn_as_each_does_alone(names: dict[str, Any]) -> None:
    X, y = names["draws"](range(3))
    many = names["networks"](3, 16)
    alone = [ours(16, 0) for _ in range(3)]
    with torch.no_grad():
        for k, model in enumerate(alone):
            for i in (0, 2):
                j = 3 if i else 0
                for name, numbers in model[i].named_parameters():
                    stacked = many[j].get_parameter(name)[k]
                    numbers.copy_(stacked.T if name == "weight" else stacked[0])
    names["fit"](many, X, y, steps=30, decay=0.5, others=())
    for k, model in enumerate(alone):
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.5)
        for _ in range(30):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[k]), y[k]).backward()
            optimizer.step()
        weight = model[0].get_parameter("weight")
        assert torch.allclose(weight.T, many[0].get_parameter("weight")[k], atol=1e-9)
        assert torch.allclose(model(X[k]), many(X)[k], atol=1e-8)


def test_the_layers_side_by_side_start_as_linear_layers_do(
    names: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    layer = names["Linears"](50, 64, 32)
    for numbers in (layer.weight, layer.bias):
        assert numbers.abs().max() <= 1 / 8
        assert numbers.var().item() == pytest.approx(1 / (3 * 64), rel=0.1)


def test_the_errors_are_shares_of_wrong_answers(names: dict[str, Any]) -> None:
    model = ours(8, 0)
    X, y = names["validation"]
    guesses = np.argmax(model(X).detach().numpy(), axis=1)
    share = np.mean(guesses != y.numpy())
    assert names["errors"](model, X, y).item() == pytest.approx(100 * share)


@pytest.mark.claim("generalization#size")
def test_from_16_neurons_on_all_labels_are_learned(names: dict[str, Any]) -> None:
    sizes = [64 * w + w + 10 * w + 10 for w in (2, 4, 8, 16, 32, 64, 128)]
    assert names["size"] == sizes
    trained = torch.stack(names["by_size"])[:, 0]  # (7, 10)
    assert (trained[3:] == 0).all()
    assert (trained[:3].mean(1) > 1).all()


@pytest.mark.claim("generalization#no-rise")
def test_larger_networks_do_not_err_more(names: dict[str, Any]) -> None:
    found = torch.stack(names["by_size"])[:, 1].mean(1)  # (7,)
    assert found[3:].max() - found[3:].min() < 3
    assert found[-1] <= found[3]
    X, y = names["draws"](range(60, 64))
    for k in range(4):
        pair = []
        for width in (16, 256):
            model = ours(width, k)
            train(model, X[k], y[k])
            pair.append(wrong(model, *names["validation"]))
        assert pair[1] < pair[0] + 5


@pytest.mark.claim("generalization#decay")
def test_a_weight_without_gradient_fades_by_a_factor_in_each_step() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        rate, decay, start = rng.uniform(0.001, 0.1), rng.uniform(0, 5), rng.normal()
        weight = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.AdamW([weight], lr=rate, weight_decay=decay)
        for _ in range(20):
            weight.grad = torch.zeros_like(weight)
            optimizer.step()
        assert weight.item() == pytest.approx(start * (1 - rate * decay) ** 20)


@pytest.mark.claim("generalization#recap-decay")
def test_the_decay_is_the_same_factor_whatever_the_gradient_is() -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        rate, decay = rng.uniform(0.001, 0.1), rng.uniform(0, 5)
        start, gradient = rng.normal(size=6), 10 ** rng.uniform(-4, 4, size=6)
        ends = []
        for each in (0.0, decay):
            weight = torch.tensor(start, requires_grad=True)
            optimizer = torch.optim.AdamW([weight], lr=rate, weight_decay=each)
            weight.grad = torch.tensor(gradient)
            optimizer.step()
            ends.append(weight.detach().numpy())
        assert ends[1] - ends[0] == pytest.approx(-rate * decay * start, abs=1e-12)


@pytest.mark.claim("generalization#remedies")
def test_weight_decay_leaves_false_labels_and_helps_on_new_images(
    names: dict[str, Any],
) -> None:
    plain, decayed = names["plain"][-1], names["decayed"][-1]
    assert (decayed[0] > plain[0]).all()
    assert believed(decayed[2] - plain[2]) < -3
    X, y = names["draws"](range(70, 73))
    model = names["networks"](3, seed=9)
    names["fit"](model, X, y, decay=3.0, others=())
    kept = (model(X).argmax(-1) == y)[:, :30].sum(1)  # false labels learned
    assert (kept < 30).all()


def test_at_the_rate_0_01_each_remedy_helps_beyond_doubt(
    names: dict[str, Any], ran: Any
) -> None:
    plain = names["plain"][-1]
    stopped = names["at_best"](names["plain"])
    for name, ended in (
        ("weight decay", names["decayed"][-1]),
        ("dropout", names["dropped"][-1]),
        ("early stopping", stopped),
        ("augmentation", names["augmented"][-1]),
    ):
        change = (ended - plain)[2].numpy()
        assert believed(change) < -3
        printed = rows_of(ran.output, name)[0]
        values = [each for e in ended.numpy() for each in (e.mean(), e.std(ddof=1))]
        values += [change.mean(), change.std(ddof=1) / len(change) ** 0.5]
        assert printed == pytest.approx(values, abs=0.51)
        assert printed[-2:] == pytest.approx(values[-2:], abs=0.051)


@pytest.mark.claim("generalization#dropout")
@pytest.mark.parametrize("drop", [0.1, 0.25, 0.5, 0.75])
def test_dropout_zeroes_and_scales_in_training_mode_only(drop: float) -> None:
    torch.manual_seed(3)
    layer, x = nn.Dropout(drop), torch.rand(20_000) + 1
    assert torch.equal(layer.eval()(x), x)
    out = layer.train()(x)
    gone = out == 0
    assert gone.double().mean().item() == pytest.approx(drop, abs=0.02)
    assert torch.allclose(out[~gone], x[~gone] / (1 - drop))
    assert out.mean().item() == pytest.approx(x.mean().item(), rel=0.03)


@pytest.mark.claim("generalization#modes")
def test_train_and_eval_set_an_attribute_and_stop_no_autograd() -> None:
    inner = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
    model = nn.Sequential(inner, nn.Linear(2, 1))
    before = [p.clone() for p in model.parameters()]
    for mode, switch in ((False, model.eval), (True, model.train)):
        assert switch() is model
        assert all(part.training is mode for part in model.modules())
        out = model(torch.randn(4, 2))
        assert out.requires_grad
        out.sum().backward()
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.requires_grad


def test_early_stopping_keeps_the_weights_of_the_lowest_error(
    names: dict[str, Any], ran: Any
) -> None:
    found = re.search(
        r"stopped after (\d+), .*\nkept: step (\d+), error (\d+)%", ran.output
    )
    assert found
    stopped, kept, error = (int(each) for each in found.groups())
    assert stopped == kept + names["patience"]
    X, y = names["draw"](0)
    model, path = ours(64, 0), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(stopped):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
        path.append(wrong(model, *names["validation"]))
    assert int(np.argmin(path)) + 1 == kept
    assert round(min(path)) == error


def test_the_errors_at_the_best_step_are_each_networks_own(
    names: dict[str, Any],
) -> None:
    log = torch.rand(12, 3, 5)
    found = names["at_best"](log)
    for s in range(5):
        best = min(range(12), key=lambda each: float(log[each, 1, s]))
        assert torch.equal(found[:, s], log[best, :, s])


def test_an_image_is_moved_by_at_most_one_pixel(names: dict[str, Any]) -> None:
    torch.manual_seed(5)
    X = torch.rand(2, 30, 64).double()
    out, seen = names["moved"](X), set()
    for image, got in zip(X.reshape(-1, 8, 8), out.reshape(-1, 8, 8), strict=True):
        wide = np.zeros((10, 10))
        wide[1:9, 1:9] = image
        fits = [
            (r, c)
            for r in range(3)
            for c in range(3)
            if np.array_equal(wide[r : r + 8, c : c + 8], got.numpy())
        ]
        assert len(fits) == 1
        seen |= set(fits)
    assert len(seen) == 9


@pytest.mark.claim("generalization#moved")
def test_only_training_on_moved_images_prepares_for_moved_images(
    names: dict[str, Any],
) -> None:
    X, y = names["draws"](range(80, 83))
    images, labels = names["test"]
    up = np.zeros((len(images), 8, 8))
    up[:, :7, :7] = images.reshape(-1, 8, 8)[:, 1:, 1:]  # each one pixel up and left
    moved = torch.tensor(up).flatten(1)
    found = []
    for augment in (False, True):
        model = names["networks"](3, seed=4)
        names["fit"](model, X, y, augment=augment, others=())
        found.append(names["errors"](model, moved, labels))
    assert (found[0] > 50).all()
    assert (found[1] < 40).all()


@pytest.mark.claim("generalization#fair")
def test_at_their_best_rates_the_remedies_gain_a_point_and_are_alike(
    names: dict[str, Any],
) -> None:
    logs = names["logs"]
    plain = logs["plain"][-1, 2]
    stopped = names["at_best"](logs["plain"])[2]
    contestants = [logs["weight decay"][-1, 2], logs["dropout"][-1, 2], stopped]
    for each in contestants:
        assert believed(each - plain) < -2
        assert -2 < (each - plain).mean() < 0
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(believed(contestants[i] - contestants[j])) < 2
    assert believed(logs["augmentation"][-1, 2] - plain) > 2


@pytest.mark.claim("generalization#easier")
def test_the_test_images_are_easier_for_every_contestant(names: dict[str, Any]) -> None:
    for log in names["logs"].values():
        for ended in (log[-1], names["at_best"](log)):
            assert ended[2].mean() < ended[1].mean()
    X, y = names["training"]
    judge = LogisticRegression(max_iter=200).fit(X[:150], y[:150])
    scores = [judge.score(*names[part]) for part in ("validation", "test")]
    assert scores[0] < scores[1]


@pytest.mark.claim("generalization#add-up")
def test_stopped_early_weight_decay_and_dropout_add_nothing(
    names: dict[str, Any],
) -> None:
    ends = {name: names["at_best"](log)[2] for name, log in names["logs"].items()}
    for name in ("weight decay", "dropout"):
        assert abs(believed(ends[name] - ends["plain"])) < 2


def test_each_contestant_has_the_best_rate_of_the_sweep(names: dict[str, Any]) -> None:
    for name, (error, rate, shape, how) in names["chosen"].items():
        for other in (0.0003, 0.001, 0.003, 0.01):
            if name == "plain":
                model = names["networks"](5, **shape)
                names["fit"](
                    model, names["X_few"], names["y_few"], other, **how, others=()
                )
                found = names["errors"](model, *names["validation"]).mean()
                assert found >= error
                assert (other == rate) == (found.item() == error)


@pytest.mark.claim("generalization#k-fold")
def test_five_folds_are_closer_to_the_truth_than_one(names: dict[str, Any]) -> None:
    by_fold = names["by_fold"].numpy()  # (5, 20)
    truth = names["truth"].numpy()
    alone = np.abs(by_fold - truth).mean()
    together = np.abs(by_fold.mean(0) - truth).mean()
    assert alone > 3
    assert together < 0.6 * alone
    for each in by_fold:  # whichever fold is the one
        assert np.std(each - truth) > 1.5 * np.std(by_fold.mean(0) - truth)


@pytest.mark.claim("generalization#once")
def test_each_sample_is_held_out_exactly_once(names: dict[str, Any]) -> None:
    held = torch.cat(list(names["folds"]))
    assert held.sort().values.tolist() == list(range(150))
    for count in (7, 20, 33):
        folds = torch.randperm(count).split(-(-count // 5))
        times = np.zeros(count)
        for fold in folds:
            kept = torch.cat([each for each in folds if each is not fold])
            assert not set(kept.tolist()) & set(fold.tolist())
            times[fold.numpy()] += 1
        assert (times == 1).all()


@pytest.mark.claim("generalization#eval-forgotten")
def test_in_training_mode_two_calls_differ_and_err_more(names: dict[str, Any]) -> None:
    X, y = names["draws"](range(90, 93))
    model = names["networks"](3, drop=0.5, seed=2)
    names["fit"](model, X, y, others=())
    images, labels = names["validation"]

    def answers(training: bool) -> tuple[torch.Tensor, torch.Tensor]:
        model.train(training)
        with torch.no_grad():
            return model(images).argmax(-1), model(images).argmax(-1)

    (first, again), (right, same) = answers(True), answers(False)
    assert torch.equal(right, same)
    assert ((first != again).sum(1) > 20).all()
    noisy, clean = ((a != labels).double().mean(1) for a in (first, right))
    assert (noisy > clean + 0.02).all()


def lowest_of(many: int, count: int = 360, error: float = 0.1) -> float:
    """The expected lowest error, in percent, of many models that err alike."""
    above = binom.sf(np.arange(count), count, error) ** many  # all err more often
    return float(100 * above.sum() / count)


@pytest.mark.claim("generalization#optimism")
def test_the_best_of_100_seems_better_by_almost_4_points(
    names: dict[str, Any], ran: Any
) -> None:
    exact = 10 - lowest_of(100)
    assert 3.5 < exact < 4
    found = 10 - names["lowest"].double().mean().item()
    assert found == pytest.approx(exact, abs=0.1)
    assert f"optimism: {found:.1f} points\n" in ran.output


@pytest.mark.claim("generalization#more-models")
def test_the_more_models_the_lower_the_lowest_error(ran: Any) -> None:
    expected = {many: lowest_of(many) for many in (1, 2, 5, 10, 100, 1000)}
    assert expected[1] == pytest.approx(10)
    values = list(expected.values())
    assert values == sorted(values, reverse=True)
    found = re.findall(r"best of +(\d+): +([\d.]+)%", ran.output)
    assert [int(many) for many, _ in found] == [1, 10, 100, 1000]
    for many, error in found:
        assert float(error) == pytest.approx(expected[int(many)], abs=0.3)
    drops = [float(a[1]) - float(b[1]) for a, b in itertools.pairwise(found)]
    assert drops == sorted(drops, reverse=True)


@pytest.mark.claim("generalization#standardize")
def test_standardizing_before_the_split_hardly_changes_the_error(
    names: dict[str, Any],
) -> None:
    assert abs(names["change"].mean()) < names["change"].std() / 200**0.5
    X, y = load_breast_cancer(return_X_y=True)
    rng, changes = np.random.default_rng(0), []
    for _ in range(100):
        rows = rng.permutation(len(X))[:80]
        errors = []
        for known in (rows[:40], rows):
            Z = (X[rows] - X[known].mean(0)) / X[known].std(0)
            model = LogisticRegression().fit(Z[:40], y[rows[:40]])
            errors.append(100 * np.mean(model.predict(Z[40:]) != y[rows[40:]]))
        changes.append(errors[1] - errors[0])
    assert abs(np.mean(changes)) < 0.5


def selected(seed: int, rows: int, judge: Any) -> float:
    """The error on 40 samples of noise, with 20 of 1,000 features selected."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(80, 1000)), rng.integers(0, 2, 80)
    means = [X[:rows][y[:rows] == label].mean(0) for label in (0, 1)]
    top = np.argsort(np.abs(means[0] - means[1]))[-20:]
    model = judge.fit(X[:40, top], y[:40])
    return float(100 * np.mean(model.predict(X[40:, top]) != y[40:]))


@pytest.mark.claim("generalization#select")
def test_selecting_before_the_split_lets_a_linear_model_predict_a_coin() -> None:
    judge = LogisticRegression()
    honest = [selected(seed, 40, judge) for seed in range(40)]
    leaking = [selected(seed, 80, judge) for seed in range(40)]
    assert np.mean(honest) == pytest.approx(50, abs=4)
    assert np.mean(leaking) < 30


@pytest.mark.claim("generalization#noise")
def test_selecting_before_the_split_does_so_with_another_model_too() -> None:
    judge = KNeighborsClassifier(5)
    honest = [selected(seed, 40, judge) for seed in range(100, 140)]
    leaking = [selected(seed, 80, judge) for seed in range(100, 140)]
    assert np.mean(honest) == pytest.approx(50, abs=4)
    assert np.mean(leaking) < 35


def test_our_dropout_has_torchs_distribution(names: dict[str, Any]) -> None:
    torch.manual_seed(11)
    x = torch.full((50_000,), 2.0)
    for drop in (0.2, 0.6):
        mine, theirs = names["OurDropout"](drop)(x), nn.Dropout(drop)(x)
        assert torch.allclose(mine.unique(), theirs.unique())
        shares = [(each == 0).double().mean().item() for each in (mine, theirs)]
        assert shares == pytest.approx([drop, drop], abs=0.01)


def test_early_stopping_pays_for_its_own_validation_set(ran: Any) -> None:
    [part], [full] = (
        rows_of(ran.output, name) for name in ("120, stopped", "150, stopped")
    )
    assert part[-2] < -3 * part[-1]
    assert full[-2] < part[-2]


def test_eight_fold_cross_validation_chooses_degree_5(ran: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 40)
    target = np.sin(3 * x) + 0.3 * rng.normal(size=40)
    groups = np.split(rng.permutation(40), 8)
    held_errors, fitted_errors = {}, {}
    for degree in (1, 3, 5, 9, 13):
        powers = np.vander(x, degree + 1)
        held, fitted = [], []
        for group in groups:
            rest = [i for i in range(40) if i not in group]
            theta = np.linalg.lstsq(powers[rest], target[rest], rcond=None)[0]
            miss = (powers @ theta - target) ** 2
            held.append(miss[group].mean())
            fitted.append(miss[rest].mean())
        held_errors[degree], fitted_errors[degree] = np.mean(held), np.mean(fitted)
        line = f"degree {degree:2}: {np.mean(fitted):.3f}  {np.mean(held):.3f}\n"
        assert line in ran.output
    assert min(held_errors, key=lambda each: held_errors[each]) == 5
    assert list(fitted_errors.values()) == sorted(fitted_errors.values(), reverse=True)
