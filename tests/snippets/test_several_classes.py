"""Softmax, its loss and its gradient, and the two networks on the digits."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, log_loss
from torch import nn

Layers = list[list[np.ndarray]]


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("several_classes")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def softmax(z: np.ndarray) -> np.ndarray:
    """Probabilities from logits (N, K), each by its own sum of ratios."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / np.exp(z[:, None, :] - z[:, :, None]).sum(axis=2))


def forward(layers: Layers, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The input of the last layer and the logits, of one or two layers."""
    hidden = x
    for weight, bias in layers[:-1]:
        hidden = np.maximum(hidden @ weight.T + bias, 0)
    weight, bias = layers[-1]
    return hidden, hidden @ weight.T + bias


def wrong(layers: Layers, x: np.ndarray, y: np.ndarray) -> int:
    """How many samples have another class's logit on top."""
    _, z = forward(layers, x)
    return sum(int(row.argmax()) != label for row, label in zip(z, y, strict=True))


def layers_of(model: nn.Module) -> Layers:
    """The parameters of a network, copied: a weight and a bias for each layer."""
    values = [each.detach().numpy().copy() for each in model.parameters()]
    return [values[i : i + 2] for i in range(0, len(values), 2)]


def trained_by_hand(names: dict[str, Any], make: str, rate: float, seed: int) -> Layers:
    """The chapter's training with gradients derived on paper, in NumPy."""
    x, y = names["X_train"].numpy(), names["y_train"].numpy()
    torch.manual_seed(seed)
    layers = layers_of(names[make]())
    for _ in range(20):
        for batch in torch.randperm(len(x)).split(32):
            rows = batch.numpy()
            hidden, z = forward(layers, x[rows])
            g = np.exp(z - z.max(axis=1, keepdims=True))
            g /= g.sum(axis=1, keepdims=True)
            g[np.arange(len(rows)), y[rows]] -= 1
            g /= len(rows)
            back = (g @ layers[-1][0]) * (hidden > 0)
            layers[-1][0] -= rate * g.T @ hidden
            layers[-1][1] -= rate * g.sum(axis=0)
            if len(layers) == 2:
                layers[0][0] -= rate * back.T @ x[rows]
                layers[0][1] -= rate * back.sum(axis=0)
    return layers


def test_the_untrained_model_pays_what_scikit_learn_says(
    ran: Any, names: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    weight, bias = layers_of(nn.Linear(64, 10))[0]
    z = names["X_train"].numpy() @ weight.T + bias
    y = names["y_train"].numpy()
    loss = log_loss(y, softmax(z))
    assert f"by hand:          {loss:.4f}\nCrossEntropyLoss: {loss:.4f}\n" in ran.output
    assert loss == pytest.approx(math.log(10), abs=0.1)
    assert f"right answers: {(z.argmax(axis=1) == y).sum()}\n" in ran.output
    assert "650 parameters\n" in ran.output


def test_the_image_is_that_of_scikit_learn_and_a_nine(names: dict[str, Any]) -> None:
    pixels = names["X_train"][4] * 16
    assert pixels.tolist() == [round(value) for value in pixels.tolist()]
    assert names["y_train"][4] == 9
    assert (names["y_train"].bincount() >= 100).all()


def test_exp_overflows_between_88_and_89_and_the_softmax_does_not(ran: Any) -> None:
    largest = float(np.finfo(np.float32).max)
    assert 88 < math.log(largest) < 89
    p = softmax(np.array([[89.0, 88.0, 85.0]]))[0]
    assert "exp(89.0) = inf\nby hand: nan 0.0000 0.0000\n" in ran.output
    assert "softmax: " + " ".join(f"{each:.4f}" for each in p) + "\n" in ran.output


def test_the_loss_of_a_sure_mistake_is_the_distance_of_the_logits(ran: Any) -> None:
    assert math.log1p(math.exp(200)) == 200
    for line in (
        "-log of it:             inf",
        "CrossEntropyLoss:       200.0",
        "loss by hand: 200.0",
    ):
        assert f"{line}\n" in ran.output


def test_the_table_of_log_sum_exp_is_exact(ran: Any) -> None:
    first = math.log(sum(math.exp(z) for z in (2, 0.5, -1)))
    second = 1000 + math.log1p(math.exp(-1))
    third = -1000 + math.log1p(math.exp(-1))
    assert f"{first:8.3f}  {first:8.3f}  {first:8.3f}\n" in ran.output
    assert f"     inf  {second:8.3f}  {second:8.3f}\n" in ran.output
    assert f"    -inf  {third:8.3f}  {third:8.3f}\n" in ran.output


def test_the_gradient_of_three_classes_is_printed_three_times(ran: Any) -> None:
    z = [2.0, 0.5, -1.0]
    for k in range(3):
        p = math.exp(z[k]) / sum(map(math.exp, z)) - (k == 1)
        assert f"{k:5}  {p:8.5f}  {p:8.5f}  {p:10.5f}\n" in ran.output


@pytest.mark.parametrize("make", ["linear", "perceptron"])
def test_training_follows_gradients_derived_on_paper(
    names: dict[str, Any], make: str
) -> None:
    rate = names["best"][names[make]]
    for seed in (0, 7):
        model = names["trained"][names[make]][seed]
        hand = trained_by_hand(names, make, rate, seed)
        for ours, theirs in zip(layers_of(model), hand, strict=True):
            for value, other in zip(ours, theirs, strict=True):
                assert value == pytest.approx(other, abs=1e-8)


def test_the_first_run_and_a_column_of_the_sweep_are_recounted(
    ran: Any, names: dict[str, Any]
) -> None:
    layers = trained_by_hand(names, "linear", 1.0, 0)
    for part in ("train", "val"):
        x, y = names[f"X_{part}"].numpy(), names[f"y_{part}"].numpy()
        loss, errors = log_loss(y, softmax(forward(layers, x)[1])), wrong(layers, x, y)
        line = f"mean loss {loss:.3f}, {errors} of {len(y)} wrong\n"
        assert line in ran.output
    x, y = names["X_val"].numpy(), names["y_val"].numpy()
    for make, column in (("linear", 3), ("perceptron", 2)):
        rate = names["rates"][column]
        runs = [trained_by_hand(names, make, rate, seed) for seed in range(3)]
        mean = np.mean([log_loss(y, softmax(forward(run, x)[1])) for run in runs])
        row = next(line for line in ran.output.splitlines() if line.startswith(make))
        assert row.split()[1 + column] == f"{mean:.3f}"


def test_the_best_rates_are_the_lowest_of_their_rows_and_lie_inside(
    ran: Any, names: dict[str, Any]
) -> None:
    for make, rate in (("linear", 3.0), ("perceptron", 1.0)):
        row = next(line for line in ran.output.splitlines() if line.startswith(make))
        losses = [float(text) for text in row.split()[1:]]
        place = losses.index(min(losses))
        assert names["rates"][place] == rate == names["best"][names[make]]
        assert 0 < place < 4


def test_the_counts_of_ten_seeds_are_recounted(ran: Any, names: dict[str, Any]) -> None:
    x, y = names["X_test"].numpy(), names["y_test"].numpy()
    found = {}
    for make in ("linear", "perceptron"):
        models = names["trained"][names[make]]
        counts = [wrong(layers_of(model), x, y) for model in models]
        assert f"{make}, rate {names['best'][names[make]]}: " in ran.output
        assert ": " + " ".join(map(str, counts)) + "\n" in ran.output
        mean, deviation = np.mean(counts), np.std(counts, ddof=1)
        line = f"  mean {mean:.1f} of 360, standard deviation {deviation:.1f}\n"
        assert line in ran.output
        found[make] = np.array(counts)
    a, b = found["linear"], found["perceptron"]
    error = math.sqrt(a.var(ddof=1) / 10 + b.var(ddof=1) / 10)
    gap = a.mean() - b.mean()
    assert f"difference {gap:.1f}, uncertain by {error:.1f}\n" in ran.output
    assert 3.5 < gap / error < 4.5  # "about four times"
    assert a[0] < b[0]  # seed 0 alone would say the opposite
    assert sum(b <= 12) == 9


def test_the_confusion_matrix_is_scikit_learns_and_says_what_the_text_says(
    ran: Any, names: dict[str, Any]
) -> None:
    y = names["y_test"].numpy()
    matrix = confusion_matrix(y, names["answer"].numpy())
    assert names["confusion"].tolist() == matrix.tolist()
    right = matrix.trace()
    assert f"{right} right, {360 - right} wrong\n" in ran.output
    taken = matrix[:, 8].sum() - matrix[8, 8]
    assert f"eights missed: 0, others taken for an eight: {taken}\n" in ran.output
    assert matrix[1].nonzero()[0].tolist() == [1, 8]  # ones: right, or an eight
    assert (matrix[1, 8], matrix[3, 8], matrix[9, 8]) == (6, 3, 2)
    assert (matrix[5, 9], matrix[9, 0]) == (4, 1)
    assert (matrix.diagonal().min(), matrix.diagonal().max()) == (28, 42)


def test_the_votes_of_the_ten_networks_are_recounted(
    ran: Any, names: dict[str, Any]
) -> None:
    x, y = names["X_test"].numpy(), names["y_test"].numpy()
    votes = np.zeros(360, int)
    for model in names["trained"][names["perceptron"]]:
        votes += forward(layers_of(model), x)[1].argmax(axis=1) != y
    for text, count in (
        ("in all ten networks:", (votes == 10).sum()),
        ("in five or more:    ", (votes >= 5).sum()),
        ("in at least one:    ", (votes > 0).sum()),
    ):
        assert f"wrong {text} {count}\n" in ran.output


def test_ink_in_the_center_speaks_against_a_zero(names: dict[str, Any]) -> None:
    row = names["relative"][0].reshape(8, 8)
    row_min, column_min = divmod(int(row.argmin()), 8)
    assert {row_min, column_min} <= {3, 4}
    assert names["relative"].mean(dim=0).abs().max() < 1e-12


def test_a_softmax_first_learns_less_from_the_same_start(
    ran: Any, names: dict[str, Any]
) -> None:
    layers = trained_by_hand(names, "perceptron", 1.0, 0)
    x, y = names["X_train"].numpy(), names["y_train"].numpy()
    loss = log_loss(y, softmax(forward(layers, x)[1]))
    count = wrong(layers, x, y)
    assert f"perceptron     {loss:.4f}, {count} of 1078 wrong\n" in ran.output
    line = next(each for each in ran.output.splitlines() if "softmax_first" in each)
    assert float(line.split()[1].rstrip(",")) > math.log(1 + 9 / math.e)
    assert int(line.split()[2]) > count


def test_the_gradient_through_a_saturated_softmax_is_that_by_hand(ran: Any) -> None:
    p = softmax(np.array([[20.0, 0.0, 0.0]]))[0]
    outer = softmax(p[None])[0] - [0, 1, 0]
    gradient = (np.diag(p) - np.outer(p, p)) @ outer
    largest = f"{np.abs(gradient).max():.1e}"
    assert f"softmax first: True   largest entry {largest}\n" in ran.output
    assert "softmax first: False  largest entry 1.0e+00\n" in ran.output


def test_a_wrong_dtype_is_refused_in_the_words_that_the_page_quotes() -> None:
    known = "(target dtype to be Long or Byte, but got|scalar type Long but found) "
    for dtype, word in ((torch.float32, "Float"), (torch.int32, "Int")):
        with pytest.raises(RuntimeError, match=f"expected {known}{word}"):
            nn.CrossEntropyLoss()(torch.zeros(4, 10), torch.zeros(4, dtype=dtype))


def test_the_step_by_hand_is_that_of_sgd(ran: Any) -> None:
    assert "IndexError: Target 10 is out of bounds.\nTrue\nTrue\n" in ran.output


def test_temperature_changes_the_sharpness_and_not_the_order(ran: Any) -> None:
    for temperature in (0.1, 0.5, 1.0, 2.0, 100.0):
        p = softmax(np.array([[2.0, 0.5, -1.0]]) / temperature)[0]
        assert p.tolist() == sorted(p, reverse=True)
        row = " ".join(f"{each:.3f}" for each in p)
        assert f"T = {temperature:5}: {row}\n" in ran.output


def test_the_species_are_confused_as_scikit_learns_own_model_confuses_them(
    ran: Any,
) -> None:
    x, y = load_iris(return_X_y=True)
    torch.manual_seed(0)
    rows = torch.randperm(150).numpy()
    train, test = rows[:100], rows[100:]
    model = LogisticRegression(C=1e3, max_iter=10_000).fit(x[train], y[train])
    theirs = confusion_matrix(y[test], model.predict(x[test]))
    lines = [each for each in ran.output.splitlines() if each.startswith("true class")]
    ours = np.array([json.loads(line.partition("answers ")[2]) for line in lines])
    assert ours.sum(axis=1).tolist() == theirs.sum(axis=1).tolist()
    assert ours[0].tolist() == theirs[0].tolist()
    assert ours[1, 2] + ours[2, 1] == 1
    assert abs(ours - theirs).sum() <= 4


def test_a_model_that_ignores_the_letters_pays_the_entropy(ran: Any) -> None:
    entropy = -sum(s * math.log(s) for s in (0.9, 0.08, 0.02))
    assert f"loss {entropy:.4f}, formula {entropy:.4f}\n" in ran.output
    assert "probabilities: 0.900 0.080 0.020\n" in ran.output
    assert entropy == pytest.approx(0.37, abs=0.006)


@pytest.mark.claim("several_classes#all-dead")
def test_at_rate_3_all_hidden_neurons_of_the_perceptron_are_dead(
    names: dict[str, Any],
) -> None:
    for seed in range(3):
        layers = trained_by_hand(names, "perceptron", 3.0, seed)
        assert not forward(layers, names["X_train"].numpy())[0].any()
        for part in ("X_train", "X_val", "X_test"):
            answers = forward(layers, names[part].numpy())[1].argmax(axis=1)
            assert len(set(answers)) == 1
    assert forward(trained_by_hand(names, "perceptron", 1.0, 0), np.eye(64))[0].any()


@pytest.mark.claim("several_classes#entropy")
def test_constant_logits_reach_the_entropy_of_the_shares_and_nothing_lower() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        counts = rng.integers(1, 50, size=rng.integers(2, 8))
        labels = torch.tensor(np.repeat(np.arange(len(counts)), counts))
        shares = counts / counts.sum()
        entropy = -(shares * np.log(shares)).sum()

        def loss(z: np.ndarray, labels: Any = labels) -> float:
            rows = torch.tensor(z).expand(len(labels), len(z))
            return nn.functional.cross_entropy(rows, labels).item()

        assert loss(np.log(shares)) == pytest.approx(entropy)
        for scale in (0.01, 0.1, 1, 10):
            other = np.log(shares) + scale * rng.normal(size=len(counts))
            assert loss(other) >= entropy - 1e-12


@pytest.mark.claim("several_classes#shift")
def test_the_same_number_added_to_all_logits_changes_neither_softmax_nor_loss() -> None:
    chance = torch.Generator().manual_seed(0)
    for _ in range(50):
        z = 5 * torch.randn(8, 6, generator=chance, dtype=torch.float64)
        c = 100 * torch.randn(1, generator=chance, dtype=torch.float64)
        y = torch.randint(6, (8,), generator=chance)
        p, shifted = torch.softmax(z, 1), torch.softmax(z + c, 1)
        assert torch.allclose(p, shifted, rtol=0, atol=1e-12)
        assert p.numpy() == pytest.approx(softmax(z.numpy()))
        loss = nn.CrossEntropyLoss()
        assert loss(z, y).item() == pytest.approx(loss(z + c, y).item(), abs=1e-11)
        z[:, 0] += 1  # to one logit only
        assert not torch.allclose(p, torch.softmax(z, 1), rtol=0, atol=1e-12)


@pytest.mark.claim("several_classes#argmax")
def test_the_largest_logit_and_the_largest_probability_are_of_one_class() -> None:
    rng = np.random.default_rng(0)
    for classes in range(2, 30):
        z = rng.normal(size=(500, classes)) * rng.uniform(0.1, 10)
        assert (softmax(z).argmax(1) == z.argmax(1)).all()
        given = torch.softmax(torch.tensor(z), 1).argmax(1).numpy()
        assert (given == z.argmax(1)).all()


@pytest.mark.claim("several_classes#log-sum-exp")
def test_log_sum_exp_lies_between_the_largest_logit_and_that_plus_log_of_k(
    names: dict[str, Any],
) -> None:
    chance = torch.Generator().manual_seed(0)
    for classes in (1, 2, 3, 10, 100):
        for scale in (1e-3, 1, 50, 1e3, 1e30):
            z = scale * torch.randn(classes, generator=chance)
            largest = max(z.tolist())
            for value in (names["log_sum_exp"](z), torch.logsumexp(z, 0)):
                assert math.isfinite(value)
                slack = 1e-6 * abs(largest) + 1e-5
                assert largest - slack <= value <= largest + math.log(classes) + slack
            if scale <= 1:
                exact = math.log(math.fsum(math.exp(each) for each in z.tolist()))
                assert names["log_sum_exp"](z).item() == pytest.approx(exact, abs=1e-5)
    equal = names["log_sum_exp"](torch.full((100,), 7.0)).item()
    assert equal == pytest.approx(7 + math.log(100))


@pytest.mark.claim("several_classes#gradient")
def test_the_gradient_with_respect_to_the_logits_is_p_minus_y_and_sums_to_0() -> None:
    rng = np.random.default_rng(0)
    for classes in (2, 3, 10):
        for _ in range(20):
            numbers, label = rng.normal(size=classes) * 4, int(rng.integers(classes))

            def loss(z: np.ndarray, label: int = label) -> float:
                return math.log(math.fsum(np.exp(z))) - float(z[label])

            slopes = []
            for k in range(classes):
                step = 1e-5 * np.eye(classes)[k]
                slopes.append((loss(numbers + step) - loss(numbers - step)) / 2e-5)
            z = torch.tensor(numbers, requires_grad=True)
            nn.CrossEntropyLoss()(z, torch.tensor(label)).backward()
            assert z.grad is not None
            formula = softmax(numbers[None])[0] - np.eye(classes)[label]
            assert z.grad.numpy() == pytest.approx(formula, abs=1e-12)
            assert slopes == pytest.approx(formula.tolist(), abs=1e-8)
            assert z.grad.sum().item() == pytest.approx(0, abs=1e-12)
            assert np.abs(formula).max() <= 1


@pytest.mark.claim("several_classes#two-classes")
def test_with_two_classes_the_softmax_is_the_logistic_function_of_the_difference() -> (
    None
):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1000, 2)) * 10
    p = torch.softmax(torch.tensor(z), 1).numpy()
    logistic = 1 / (1 + np.exp(-(z[:, 1] - z[:, 0])))
    assert p[:, 1] == pytest.approx(logistic, abs=1e-14)
    y = rng.integers(2, size=1000)
    several = nn.functional.cross_entropy(torch.tensor(z), torch.tensor(y))
    one = nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(z[:, 1] - z[:, 0]), torch.tensor(y, dtype=torch.float64)
    )
    assert several.item() == pytest.approx(one.item())


@pytest.mark.claim("several_classes#targets")
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_cross_entropy_takes_class_numbers_in_int64_and_refuses_other_targets(
    classes: int,
) -> None:
    chance = torch.Generator().manual_seed(0)
    loss = nn.CrossEntropyLoss()
    z = torch.randn(7, classes, generator=chance)
    y = torch.randint(classes, (7,), generator=chance)
    assert loss(z, y).item() == pytest.approx(
        log_loss(y, softmax(z.double().numpy()), labels=range(classes)), abs=1e-6
    )
    for refused in (y.float(), y.int(), y[:, None]):
        with pytest.raises(RuntimeError):
            loss(z, refused)
    with pytest.raises(IndexError):
        loss(z, y - y.min() + classes)


@pytest.mark.claim("several_classes#floor")
def test_with_a_softmax_first_the_loss_stays_above_its_floor(ran: Any) -> None:
    floor = math.log(1 + 9 / math.e)
    assert f"{floor:.4f}" == "1.4612"
    assert f"perfect probabilities: {floor:.4f}\n" in ran.output
    loss = nn.CrossEntropyLoss()
    chance = torch.Generator().manual_seed(0)
    for scale in (0.1, 1, 10, 100, 1000):
        z = scale * torch.randn(300, 10, generator=chance, dtype=torch.float64)
        best = z.argmax(1)  # the labels that cost least
        assert loss(torch.softmax(z, 1), best) >= floor - 1e-12
    z = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([z], lr=5.0)
    for _ in range(3000):  # pushed down as far as it goes
        optimizer.zero_grad()
        loss(torch.softmax(z, 1), torch.tensor([3])).backward()
        optimizer.step()
    pushed = loss(torch.softmax(z, 1), torch.tensor([3])).item()
    assert floor < pushed < floor + 1e-3


@pytest.mark.claim("several_classes#fewer-errors")
def test_the_perceptron_makes_fewer_errors_in_the_mean_over_ten_seeds(
    names: dict[str, Any],
) -> None:
    x, y = names["X_test"].numpy(), names["y_test"].numpy()
    for seeds in (range(10), range(100, 110)):  # the chapter's, and ten others
        means, squares = [], []
        for make, rate in (("linear", 3.0), ("perceptron", 1.0)):
            counts = [
                wrong(trained_by_hand(names, make, rate, seed), x, y) for seed in seeds
            ]
            means.append(np.mean(counts))
            squares.append(np.var(counts, ddof=1) / 10)
        assert means[0] - means[1] > 2 * math.sqrt(sum(squares))
