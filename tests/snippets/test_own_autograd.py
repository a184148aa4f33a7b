"""Does our own autograd find what PyTorch, calculus and a recount find?"""

import random
import re
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

Shape = tuple[int, ...]
MODULE = Path(__file__).parents[2] / "snippets" / "own_autograd.py"


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("own_autograd")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


# Random graphs: a recipe of operations that any kind of value can carry out.


def fit(a: Any, b: Any) -> bool:
    """Whether two arrays of at most two axes have a matrix product."""
    return 0 not in (a.ndim, b.ndim) and bool(a.shape[-1] == b.shape[0])


def plan(seed: int) -> tuple[list[Any], list[tuple[str, int, int]]]:
    """Draw leaves, and operations (name, first input, second input) on them."""
    rng, numbers = random.Random(seed), np.random.RandomState(seed)
    m, n = rng.randint(1, 4), rng.randint(2, 4)
    shapes: list[Shape] = [(), (n,), (1, n), (m, 1), (m, n), (n, m), (n, n)]
    leaves = [numbers.normal(size=rng.choice(shapes)) for _ in range(4)]
    leaves += [numbers.normal(size=shape) for shape in ((m, n), (n,))]
    values, recipe = list(leaves), list[tuple[str, int, int]]()
    while len(recipe) < 14:
        name = rng.choice(sorted(PLAIN))
        i, j = rng.randrange(len(values)), rng.randrange(len(values))
        if rng.random() < 0.5:
            i = len(values) - 1  # so that the graph becomes deep
        if name == "matmul":
            i, j = rng.choice(
                [
                    pair
                    for pair in product(range(len(values)), repeat=2)
                    if fit(values[pair[0]], values[pair[1]])
                ]
            )
        a, b = values[i], values[j]
        if name == "transpose":
            if a.ndim != 2:
                continue
        elif name in BINARY:
            try:
                np.broadcast_shapes(a.shape, b.shape)
            except ValueError:
                continue
            if name == "maximum" and np.any(np.abs(a - b) < 1e-3):
                continue  # entries are to be distinct
        out = np.asarray(PLAIN[name](a, b))
        if np.abs(out).max() > 20:
            continue
        recipe.append((name, i, j))
        values.append(out)
    return leaves, recipe


PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1.5),
    "matmul": lambda a, b: a @ b,
    "maximum": np.maximum,
    "exp": lambda a, b: np.exp(a * 0.1),
    "log": lambda a, b: np.log(a * a + 1.5),
    "tanh": lambda a, b: np.tanh(a),
    "sum": lambda a, b: np.sum(a),
    "transpose": lambda a, b: a.T,
}
BINARY = {"add", "subtract", "multiply", "divide", "maximum"}
TORCH = PLAIN | {
    "maximum": torch.maximum,
    "exp": lambda a, b: torch.exp(a * 0.1),
    "log": lambda a, b: torch.log(a * a + 1.5),
    "tanh": lambda a, b: torch.tanh(a),
    "sum": lambda a, b: torch.sum(a),
}


def ours(names: dict[str, Any]) -> dict[str, Callable[[Any, Any], Any]]:
    """The same operations by the chapter's functions."""
    return PLAIN | {
        "maximum": names["maximum"],
        "exp": lambda a, b: names["exp"](a * 0.1),
        "log": lambda a, b: names["log"](a * a + 1.5),
        "tanh": lambda a, b: names["tanh"](a),
        "sum": lambda a, b: names["total"](a),
    }


def carry_out(
    leaves: list[Any],
    recipe: list[tuple[str, int, int]],
    operations: dict[str, Callable[[Any, Any], Any]],
) -> list[Any]:
    """All values of a recipe, leaves first."""
    values = list(leaves)
    for name, i, j in recipe:
        values.append(operations[name](values[i], values[j]))
    return values


def close(a: Any, b: Any, tolerance: float = 1e-12) -> bool:
    """Whether all entries agree, relative to 1 or to the larger entry."""
    a, b = np.asarray(a), np.asarray(b)
    scale = np.maximum(1, np.abs(b))
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= tolerance * scale))


def slopes(function: Callable[[Any], Any], x: Any, step: float = 1e-6) -> Any:
    """The Jacobian by central differences: outputs times inputs."""
    columns = []
    for entry in range(x.size):
        move = np.zeros(x.size)
        move[entry] = step
        move = move.reshape(x.shape)
        high, low = function(x + move), function(x - move)
        columns.append(np.ravel((np.asarray(high) - low) / (2 * step)))
    return np.stack(columns, axis=1)


@pytest.mark.claim("own_autograd#equal")
def test_on_random_graphs_our_gradients_agree_with_pytorchs_to_1e_12(
    names: dict[str, Any],
) -> None:
    seen: set[str] = set()
    broadcast = reused = vectors = 0
    for seed in range(300):
        leaves, recipe = plan(seed)
        values = carry_out([names["Value"](x) for x in leaves], recipe, ours(names))
        tensors = [torch.tensor(x, requires_grad=True) for x in leaves]
        theirs = carry_out(tensors, recipe, TORCH)
        weights = np.random.RandomState(seed).normal(size=values[-1].array.shape)
        found = names["gradients"](values[-1], weights)
        expected = torch.autograd.grad(
            theirs[-1], theirs, torch.tensor(weights), allow_unused=True
        )
        for value, gradient in zip(values, expected, strict=True):
            if gradient is None:
                assert value not in found
            else:
                assert close(found[value], gradient.numpy()), (seed, recipe)
        used = [v for v in names["newest_first"](values[-1]) if v.parents]
        seen |= {value.operation for value in used}
        parents = [parent for value in used for parent in value.parents]
        reused += len(parents) > len(set(parents))
        for value in used:
            shapes = [parent.array.shape for parent in value.parents]
            if value.operation == "matmul":
                vectors += any(len(shape) == 1 for shape in shapes)
            elif value.operation in BINARY:
                broadcast += any(
                    np.prod(shape) < value.array.size for shape in shapes if shape
                )
    assert seen == set(names["compute"]) - {"sin"}
    assert reused > 200
    assert broadcast > 100
    assert vectors > 50


@pytest.mark.claim("own_autograd#enough")
def test_every_gradient_of_a_computation_is_the_central_difference(
    names: dict[str, Any],
) -> None:
    for seed in range(40):
        leaves, recipe = plan(seed)
        values = carry_out([names["Value"](x) for x in leaves], recipe, ours(names))
        found = names["gradients"](names["total"](values[-1]))
        for place, value in enumerate(values):  # leaves and results alike

            def rest(x: Any, place: int = place, plan: Any = (leaves, recipe)) -> Any:
                """The sum of the last value when the one at a place is replaced."""
                given: list[Any] = list(plan[0])
                given[place : place + 1] = [x] if place < len(given) else []
                for name, i, j in plan[1]:
                    out = PLAIN[name](given[i], given[j])
                    given.append(x if len(given) == place else out)
                return np.sum(given[-1])

            measured = slopes(rest, value.array).reshape(value.array.shape)
            assert close(found.get(value, 0 * value.array), measured, 1e-6), seed


def random_inputs(names: dict[str, Any], operation: str) -> list[Any]:
    """Arrays that an operation can take, all entries positive and distinct."""
    numbers = np.random.RandomState(len(operation))
    shapes: dict[str, list[Shape]] = {"matmul": [(3, 2), (2, 4)]}
    inputs = names["pull"][operation].__code__.co_argcount - 2
    return [
        numbers.uniform(0.5, 2, size=shape)
        for shape in shapes.get(operation, [(3, 2)] * inputs)
    ]


@pytest.mark.claim("own_autograd#rules")
def test_each_rule_is_the_gradient_times_the_whole_jacobian(
    names: dict[str, Any],
) -> None:
    assert set(names["pull"]) == set(names["compute"]) == set(names["push"])
    for operation, compute in names["compute"].items():
        arrays = random_inputs(names, operation)
        out = compute(*arrays)
        g = np.random.RandomState(1).normal(size=np.shape(out))
        pulled = names["pull"][operation](np.asarray(g), out, *arrays)
        assert len(pulled) == len(arrays)
        for place, part in enumerate(pulled):

            def moved(
                x: Any, place: int = place, arrays: Any = arrays, compute: Any = compute
            ) -> Any:
                return compute(*arrays[:place], x, *arrays[place + 1 :])

            jacobian = slopes(moved, arrays[place])
            expected = (np.ravel(g) @ jacobian).reshape(arrays[place].shape)
            assert np.allclose(part, expected, atol=1e-7), operation
    # no Jacobian is written down: it would not fit into any memory
    million = np.ones(10**6)
    for part in names["pull"]["add"](million, million, million, million):
        assert part is million


@pytest.mark.claim("own_autograd#hundred")
def test_the_engine_has_about_a_hundred_lines() -> None:
    cells = dict(
        re.findall(r"(?ms)^# %% (\S+)\n(.*?)(?=^# %% |\Z)", MODULE.read_text())
    )
    engine = "compute symbols value pull pull-matmul fit order gradients more functions"
    lines = [
        line
        for name in engine.split()
        for line in cells[name].splitlines()
        if line.strip()
    ]
    assert 90 <= len(lines) <= 115


def hand_trained(start: list[Any], steps: int = 300) -> list[Any]:
    """The network of XOR trained with the derivatives derived by hand."""
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([0.0, 1, 1, 0])
    W, b, v, c = (np.asarray(each, dtype=float) for each in start)
    for _ in range(steps):
        H = np.tanh(X @ W.T + b)
        e = (1 / (1 + np.exp(-(H @ v + c))) - y) / 4
        D = e[:, None] * v * (1 - H**2)
        v, c, W, b = v - e @ H, c - e.sum(), W - D.T @ X, b - D.sum(axis=0)
    return [W, b, v, c]


@pytest.mark.claim("own_autograd#xor")
def test_xor_trains_as_with_the_derivatives_by_hand_of_the_earlier_chapter(
    ran: Any, names: dict[str, Any], run_module: Callable[[str], Any]
) -> None:
    expected = hand_trained(names["start"])
    for parameter, array in zip(names["parameters"], expected, strict=True):
        assert np.allclose(parameter.array, array, atol=1e-9)
    earlier = run_module("multilayer_perceptron")
    line = next(each for each in earlier.output.splitlines() if "2-2-1  " in each)
    loss, p = re.fullmatch(r".*: mean loss (\S+), p = (.*)", line).groups()  # type: ignore[union-attr]
    assert f"at the end: mean loss {loss}\np = {p}\n" in ran.output


@pytest.mark.claim("own_autograd#adjoint")
def test_both_modes_give_the_same_number_between_two_vectors(
    names: dict[str, Any],
) -> None:
    for seed in range(100):
        leaves, recipe = plan(seed)
        numbers = np.random.RandomState(1000 + seed)
        moves = [numbers.normal(size=x.shape) for x in leaves]
        duals = [names["Dual"](x, dx) for x, dx in zip(leaves, moves, strict=True)]
        forward = carry_out(duals, recipe, ours(names))[-1]
        values = [names["Value"](x) for x in leaves]
        result = carry_out(values, recipe, ours(names))[-1]
        w = numbers.normal(size=result.array.shape)
        found = names["gradients"](result, w)
        left = sum(
            np.sum(found[x] * dx)
            for x, dx in zip(values, moves, strict=True)
            if x in found
        )
        right = np.sum(w * forward.tangent)
        assert close(left, right, 1e-11), seed
        assert np.array_equal(forward.array, result.array)

        def program(*tensors: Any, recipe: Any = recipe) -> Any:
            return carry_out(list(tensors), recipe, TORCH)[-1]

        inputs = tuple(map(torch.tensor, leaves)), tuple(map(torch.tensor, moves))
        theirs = torch.func.jvp(program, *inputs)[1]
        assert close(forward.tangent, theirs.numpy(), 1e-11), seed


@pytest.mark.claim("own_autograd#cost")
def test_a_gradient_costs_less_than_4_objectives_or_about_3_for_each_parameter(
    names: dict[str, Any],
) -> None:
    for k in range(1, 20):
        P = 4 * k + 1
        # X W^T, + b, tanh; H v, + c; exp, 1 +, ln; y z, -, +; the sum; / 4
        once = 3 * 4 * k + 4 * k + 4 * k + 4 * (2 * k - 1) + 4 + 3 * 4 + 3 * 4 + 3 + 1
        # at each parent one addition for each entry that arrives, besides the rules
        loss = 1 + (4 + 2) + 4 + 8 + (8 + 3 + 5) + (8 + 8) + 8 + (3 + 5) + 8 + (3 + 5)
        layers = (4 + 7 + 5) * k + (12 + 4) * k + (3 + 5) * k
        first = 8 * (2 * k - 1) + 7 * 2 * k + (8 + 2 * k) + 2 * k
        tangents = (12 + 12 + 4 + 4 + 12) * k + 2 * 4 * (2 * k - 1) + 4
        tangents += 4 + 4 + 4 + 4 + 12 + 12 + 4 + 3 + 3
        recount = once, once + loss + layers + first, P * (once + tangents)
        assert names["costs"](k) == recount
    for P, (once, reverse, forward) in names["measured"].items():
        assert reverse < 4 * once
        assert 2.7 < forward / once / P < 3.3
    limits = (102 / 28, 88 / 28)  # of the recounts, for large k
    assert limits[0] < 4
    assert 2.7 < limits[1] < 3.3


def through_tanh(A: Any, u: Any) -> Any:
    """The function tanh(A u), by NumPy alone."""
    return np.tanh(A @ u)


@pytest.mark.claim("own_autograd#rows-columns")
def test_a_forward_pass_finds_a_column_and_a_reverse_pass_a_row(
    names: dict[str, Any],
) -> None:
    Value, Dual = names["Value"], names["Dual"]
    for m, n in ((1, 5), (3, 4), (5, 1), (6, 2)):
        numbers = np.random.RandomState(10 * m + n)
        A, u = numbers.normal(size=(m, n)), numbers.normal(size=n)
        J = (1 - np.tanh(A @ u) ** 2)[:, None] * A
        columns = [names["tanh"](Dual(A) @ Dual(u, e)).tangent for e in np.eye(n)]
        assert np.allclose(np.stack(columns, axis=1), J)
        leaf = Value(u)
        result = names["tanh"](Value(A) @ leaf)
        rows = [names["gradients"](result, e)[leaf] for e in np.eye(m)]
        assert np.allclose(np.stack(rows), J)


@pytest.mark.claim("own_autograd#both-products")
def test_reverse_mode_multiplies_from_the_left_and_forward_mode_from_the_right(
    names: dict[str, Any],
) -> None:
    numbers = np.random.RandomState(0)
    for m, n in ((1, 4), (4, 1), (3, 5)):
        A, u = numbers.normal(size=(m, n)), numbers.normal(size=n)
        w, du = numbers.normal(size=m), numbers.normal(size=n)
        J = slopes(partial(through_tanh, A), u)
        leaf = names["Value"](u)
        result = names["tanh"](names["Value"](A) @ leaf)
        assert np.allclose(names["gradients"](result, w)[leaf], w @ J, atol=1e-7)
        moved = names["tanh"](names["Dual"](A) @ names["Dual"](u, du))
        assert np.allclose(moved.tangent, J @ du, atol=1e-7)


@pytest.mark.claim("own_autograd#passes")
def test_one_reverse_pass_is_enough_and_one_forward_pass_less_than_n_is_not(
    names: dict[str, Any],
) -> None:
    Value, Dual = names["Value"], names["Dual"]
    for n in (2, 3, 7):
        numbers = np.random.RandomState(n)
        a, u = numbers.normal(size=n), numbers.normal(size=n)
        leaf = Value(u)
        assert np.array_equal(names["gradients"](Value(a) @ leaf)[leaf], a)
        directions = numbers.normal(size=(n - 1, n))
        hidden = np.linalg.svd(directions)[2][-1]  # at right angles to all of them
        for direction in directions:  # another function, with the same tangents
            one = (Dual(a) @ Dual(u, direction)).tangent
            other = (Dual(a + hidden) @ Dual(u, direction)).tangent
            assert np.allclose(one, other)
        all_n = [(Dual(a) @ Dual(u, e)).tangent for e in np.eye(n)]
        assert np.allclose(all_n, a)


@pytest.mark.claim("own_autograd#made-in-order")
def test_each_value_is_made_after_its_parents(names: dict[str, Any]) -> None:
    for seed in range(100):
        leaves, recipe = plan(seed)
        values = carry_out([names["Value"](x) for x in leaves], recipe, ours(names))
        order = names["newest_first"](values[-1])
        place = {value: i for i, value in enumerate(order)}
        assert len(place) == len(order)
        assert order[0] is values[-1]
        for value in order:
            for parent in value.parents:
                assert parent.number < value.number
                assert place[parent] > place[value]


@pytest.mark.claim("own_autograd#sum-copies")
def test_broadcasting_and_summing_are_each_others_way_back(
    names: dict[str, Any],
) -> None:
    pairs: list[tuple[Shape, Shape]] = [
        ((), (2, 3)),
        ((3,), (2, 3)),
        ((1, 3), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 1), (4, 2)),
        ((2, 3), (2, 3)),
        ((1,), (5,)),
    ]
    for small, large in pairs:
        numbers = np.random.RandomState(len(small) + len(large))
        a, G = numbers.normal(size=small), numbers.normal(size=large)
        x, zeros = names["Value"](a), names["Value"](np.zeros(large))
        summed = names["gradients"](x + zeros, G)[x]
        tensor = torch.tensor(a, requires_grad=True)
        (expected,) = torch.autograd.grad(tensor.expand(large), tensor, torch.tensor(G))
        assert close(summed, expected.numpy())
        whole = names["Value"](G)
        copied = names["gradients"](names["total"](whole), 2.5)[whole]
        assert np.array_equal(copied, np.full(large, 2.5))


@pytest.mark.claim("own_autograd#stable-slope")
def test_the_stable_formula_has_right_values_and_one_wrong_slope(
    ran: Any, names: dict[str, Any]
) -> None:
    z = torch.tensor([-1000, -30, -1, -1e-9, 0, 1e-9, 1, 30, 1000]).double()
    z.requires_grad_()
    right = np.logaddexp(0, z.detach().numpy())
    values = names["stable"](z)
    assert np.allclose(values.detach().numpy(), right, atol=1e-15)
    (slope,) = torch.autograd.grad(values.sum(), z)
    wrong = ~torch.isclose(slope, torch.sigmoid(z))
    assert wrong.tolist() == [x == 0 for x in z.tolist()]
    assert slope[4] == 0
    (naive,) = torch.autograd.grad(names["naive"](z).sum(), z)
    assert naive.isnan().tolist() == [x == 1000 for x in z.tolist()]
    # where it stands: both terms have the slope 0 at their kinks
    zero = torch.zeros((), requires_grad=True)
    for kink in (torch.relu(zero), zero.abs()):
        assert torch.autograd.grad(kink, zero)[0] == 0


@pytest.mark.claim("own_autograd#own-derivative")
def test_pytorch_uses_the_derivative_that_a_function_gives_it(
    names: dict[str, Any],
) -> None:
    z = torch.linspace(-50, 50, 41, dtype=torch.float64, requires_grad=True)
    result = names["Softplus"].apply(z)
    assert torch.allclose(result, torch.nn.functional.softplus(z, threshold=1e9))
    (slope,) = torch.autograd.grad(result.sum(), z)
    assert torch.allclose(slope, torch.sigmoid(z))
    for factor in (0.0, -1.0, 3.5):

        class Pretend(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, z: Any) -> Any:
                return z.exp()

            @staticmethod
            def backward(ctx: Any, gradient: Any, factor: float = factor) -> Any:
                return factor * gradient

        pretend: Callable[[Any], Any] = Pretend.apply
        (slope,) = torch.autograd.grad((2 * pretend(z)).sum(), z)
        assert torch.equal(slope, torch.full_like(z, 2 * factor))


def test_the_running_example_by_hand(ran: Any, names: dict[str, Any]) -> None:
    z2 = (1 + 2 * 3, 2 + 2 * 4)
    assert names["z3"].array == z2[0] * 5 + z2[1] * 6 == 95
    g = names["gradients"](names["y"])
    assert names["y"].array == 19
    assert np.allclose(g[names["x1"]], np.array([5, 6]) / 5)
    assert np.allclose(g[names["x2"]], np.array([5, 6]) / 5 * 2)
    assert np.allclose(g[names["x3"]], np.array(z2) / 5)
    assert "[1.  1.2]\n[2.  2.4]\n[1.4 2. ]\n" in ran.output
    two, five = names["z1"].parents[1], names["y"].parents[1]
    assert g[two] == pytest.approx(3 * 1.0 + 4 * 1.2)
    assert g[five] == pytest.approx(-95 / 25)


def test_the_figure_shows_every_value_with_its_gradient(
    names: dict[str, Any],
) -> None:
    labels = {names["x1"]: "x1", names["y"]: "y", names["z3"]: "z3"}
    names["draw_values"](names["y"], labels)
    texts = [text.get_text() for text in plt.gca().texts if text.get_text()]
    plt.close("all")
    assert len(texts) == 9
    assert "x1\n(1, 2)\ngradient (1, 1.2)" in texts
    assert "z3 = matmul\n95\ngradient 0.2" in texts
    assert "y = divide\n19\ngradient 1" in texts


def test_both_passes_of_forward_mode_find_the_two_entries(ran: Any) -> None:
    assert "y = 19.0  moves by 1.0\ny = 19.0  moves by 1.2\n" in ran.output


def test_the_mistakes_give_what_the_chapter_says(
    ran: Any, names: dict[str, Any]
) -> None:
    s = 1 * 5 + 2 * 6
    assert f"[5. 6.]\n[{(2 * s + 1) * 5}. {(2 * s + 1) * 6}.]\n" in ran.output
    assert "(4, 3)\n(3,)\n" in ran.output
    assert names["wrong"].dtype == object
    cured = names["Value"](names["scale"]) * names["x1"]
    assert cured.array.tolist() == [10, 2]


def test_the_sine_has_the_slope_of_the_cosine(names: dict[str, Any]) -> None:
    x = names["Value"](0.5)
    assert names["gradients"](names["sin"](x))[x] == pytest.approx(np.cos(0.5))
    assert names["sin"](names["Dual"](0.5, 1)).tangent == pytest.approx(np.cos(0.5))


def test_the_engine_is_one_operation_of_pytorchs_graph(names: dict[str, Any]) -> None:
    leaves = names["leaves"]
    result = names["Network"].apply(*leaves)
    W, b, v, c = leaves
    X = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]).double()
    z = torch.tanh(X @ W.T + b) @ v + c
    y = torch.tensor([0.0, 1, 1, 0]).double()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
    assert result.item() == pytest.approx(loss.item())
    found = torch.autograd.grad(3 * result, leaves)
    expected = torch.autograd.grad(3 * loss, leaves)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_the_coffee_cools_as_the_closed_form_says(ran: Any) -> None:
    for minute in (1, 10, 60):
        step = 1e-6
        high, low = (20 + 70 * (1 - r) ** minute for r in (0.05 + step, 0.05 - step))
        slope = (high - low) / (2 * step)
        assert f"{minute:2}: {slope:8.2f} {slope:8.2f} {slope:8.2f}\n" in ran.output
