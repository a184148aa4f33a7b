"""Is what the chapter on the backward pass says and prints true?"""

import itertools
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("backward_graph")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def by_hand(
    x1: tuple[float, float], x2: tuple[float, float], x3: tuple[float, float]
) -> float:
    """Compute the running example in plain Python arithmetic."""
    return ((x1[0] + 2 * x2[0]) * x3[0] + (x1[1] + 2 * x2[1]) * x3[1]) / 5


def inputs(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """The three inputs of the running example, all of them marked."""
    return [
        torch.tensor(value, dtype=dtype, requires_grad=True)
        for value in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    ]


def central_difference(g: Callable[[Tensor], Tensor], x: Tensor) -> list[float]:
    """Measure the gradient of g at x, entry by entry."""
    result = []
    for i in range(len(x)):
        up, down = x.detach().clone(), x.detach().clone()
        up[i] += 1e-6
        down[i] -= 1e-6
        result.append(((g(up) - g(down)) / 2e-6).item())
    return result


@pytest.mark.claim("backward_graph#example")
def test_backward_fills_in_two_gradients_and_leaves_the_third_empty(ran: Any) -> None:
    x1, x2, x3 = inputs()
    x2 = x2.detach()
    assert [x.grad for x in (x1, x2, x3)] == [None, None, None]
    ((x1 + 2 * x2) @ x3 / 5).backward()
    assert x1.grad is not None
    assert x3.grad is not None
    assert x1.grad.tolist() == pytest.approx([5 / 5, 6 / 5])
    assert x2.grad is None
    assert x3.grad.tolist() == pytest.approx([(1 + 2 * 3) / 5, (2 + 2 * 4) / 5])
    assert ran.output.startswith(
        "None None None\ntensor([1.0000, 1.2000])\nNone\ntensor([1.4000, 2.0000])\n"
    )


def test_autograd_agrees_with_central_differences_of_plain_arithmetic() -> None:
    x1, x2, x3 = inputs()
    ((x1 + 2 * x2) @ x3 / 5).backward()
    at = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
    h = 1e-6
    for k, x in enumerate((x1, x2, x3)):
        assert x.grad is not None
        for i in range(2):
            moved = []
            for sign in (1, -1):
                point = [list(pair) for pair in at]
                point[k][i] += sign * h
                moved.append(by_hand(*((p[0], p[1]) for p in point)))
            assert x.grad[i].item() == pytest.approx((moved[0] - moved[1]) / (2 * h))


def test_the_chain_rule_by_hand_gives_what_autograd_gives(
    names: dict[str, Any],
) -> None:
    assert names["dz3"].item() == pytest.approx(1 / 5)
    assert names["dz2"].tolist() == pytest.approx([5 / 5, 6 / 5])
    assert names["dx3"].tolist() == pytest.approx([7 / 5, 10 / 5])
    x1, x2, x3 = inputs(torch.float32)
    names["f"](x1, x2, x3).backward()
    assert x1.grad is not None
    assert x3.grad is not None
    assert torch.equal(x1.grad, names["dx1"])
    assert torch.equal(x3.grad, names["dx3"])


OPERATIONS = [
    "torch.tanh(torch.tensor([[1.0, 2, 3], [0, -1, 1]]).double() @ u)",
    "u**3",
    "u.cumsum(0)",
    "u.flip(0) * u",
    "u.sum().reshape(1)",
    "torch.maximum(u, u.flip(0) + 0.01)",
]


@pytest.mark.claim("backward_graph#vjp")
@pytest.mark.parametrize("code", OPERATIONS)
def test_an_operation_multiplies_by_its_transposed_jacobian(code: str) -> None:
    def g(u: Tensor) -> Tensor:
        result: Tensor = eval(code, {"u": u, "torch": torch})
        return result

    def entry(i: int) -> Callable[[Tensor], Tensor]:
        return lambda x: g(x)[i]

    torch.manual_seed(0)
    u = torch.randn(3, dtype=torch.float64, requires_grad=True)
    v = g(u)
    above = torch.randn(v.shape, dtype=torch.float64)  # dy/dv
    v.backward(above)
    rows = [central_difference(entry(i), u) for i in range(len(v))]
    jacobian = torch.tensor(rows, dtype=torch.float64)  # (m, n), measured
    assert u.grad is not None
    assert torch.allclose(u.grad, jacobian.T @ above, atol=1e-7)


def arrivals(result: Tensor, a: Tensor, b: Tensor) -> tuple[Any, Any]:
    """The gradients of a and b when the gradient 2 arrives at a number."""
    of_a, of_b = torch.autograd.grad(result, [a, b], torch.tensor(2.0))
    return of_a, of_b


def pairs() -> Iterator[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    for a, b in torch.randn(20, 2):
        yield a.clone().requires_grad_(), b.clone().requires_grad_()


@pytest.mark.claim("backward_graph#add")
def test_add_gives_both_inputs_the_gradient_that_arrives() -> None:
    for a, b in pairs():
        assert arrivals(a + b, a, b) == (2, 2)


@pytest.mark.claim("backward_graph#multiply")
def test_multiply_gives_each_input_the_other_times_the_gradient() -> None:
    for a, b in pairs():
        assert arrivals(a * b, a, b) == (2 * b, 2 * a)


@pytest.mark.claim("backward_graph#max")
def test_max_gives_all_to_the_larger_input_and_nothing_to_the_smaller() -> None:
    for a, b in pairs():
        assert arrivals(torch.maximum(a, b), a, b) == ((2, 0) if a > b else (0, 2))


@pytest.mark.claim("backward_graph#tie")
def test_at_a_tie_each_gets_half() -> None:
    for number in (-1.0, 0.0, 3.0):
        a = torch.tensor(number, requires_grad=True)
        b = torch.tensor(number, requires_grad=True)
        assert arrivals(torch.maximum(a, b), a, b) == (1, 1)


@pytest.mark.claim("backward_graph#matrices")
def test_of_the_products_of_two_matrices_that_fit_one_is_the_gradient() -> None:
    torch.manual_seed(0)
    n, k, m = 3, 2, 4
    left = torch.randn(n, k, dtype=torch.float64, requires_grad=True)
    right = torch.randn(k, m, dtype=torch.float64, requires_grad=True)
    arrived = torch.randn(n, m, dtype=torch.float64)

    def products(one: Tensor, other: Tensor, shape: torch.Size) -> list[Tensor]:
        factors = [(one, other), (other, one)]
        found = []
        for first, second in factors:
            for p, q in itertools.product((first, first.T), (second, second.T)):
                if p.shape[1] == q.shape[0] and (p @ q).shape == shape:
                    found.append(p @ q)
        return found

    (candidate_left,) = products(arrived, right, left.shape)
    (candidate_right,) = products(arrived, left, right.shape)

    def weighed(flat: Tensor) -> Tensor:
        one, other = flat[: n * k].reshape(n, k), flat[n * k :].reshape(k, m)
        return ((one @ other) * arrived).sum()

    flat = torch.cat([left.detach().flatten(), right.detach().flatten()])
    measured = torch.tensor(central_difference(weighed, flat), dtype=torch.float64)
    assert torch.allclose(candidate_left.flatten(), measured[: n * k], atol=1e-6)
    assert torch.allclose(candidate_right.flatten(), measured[n * k :], atol=1e-6)
    by_autograd = torch.autograd.grad(left @ right, [left, right], arrived)
    assert torch.allclose(by_autograd[0], candidate_left)
    assert torch.allclose(by_autograd[1], candidate_right)


OPERATIONS_OF_TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sin": lambda a, b: a.sin(),
    "max": lambda a, b: torch.maximum(a, b + 0.01),
    "div": lambda a, b: a / (1 + b * b),
}


def random_graph(seed: int) -> tuple[Tensor, list[Tensor]]:
    """A number computed from three leaves by shared, random operations."""
    rng = random.Random(seed)
    leaves = [
        torch.tensor(rng.uniform(0.5, 1.5), dtype=torch.float64, requires_grad=True)
        for _ in range(3)
    ]
    values = list(leaves)
    for _ in range(rng.randint(3, 12)):
        a, b = rng.choice(values), rng.choice(values)
        operation = rng.choice(("add", "mul", "sin", "max", "div"))
        values.append(OPERATIONS_OF_TWO[operation](a, b))
    return values[-1] + values[-2] * values[-3], leaves


@pytest.mark.claim("backward_graph#once")
def test_each_node_works_once_and_before_all_that_it_leads_to(
    names: dict[str, Any],
) -> None:
    shared = False
    for seed in range(30):
        result, _ = random_graph(seed)
        nodes: list[Any] = [result.grad_fn]
        worked: list[Any] = []
        for node in nodes:
            for following, _ in node.next_functions:
                if following is not None and following not in nodes:
                    nodes.append(following)
        for node in nodes:
            node.register_hook(lambda *_, n=node, w=worked: w.append(n))
        ours = names["backward_order"](result.grad_fn)
        result.backward()
        assert len(worked) == len(nodes) == len(ours)
        assert set(worked) == set(nodes) == set(ours)
        for order in (worked, ours):
            place = {node: i for i, node in enumerate(order)}
            for node in nodes:
                for following, _ in node.next_functions:
                    assert following is None or place[node] < place[following]
        entering = [n for node in nodes for n, _ in node.next_functions if n]
        shared = shared or len(entering) > len(set(entering))
    assert shared  # in some graphs, several paths meet


@pytest.mark.claim("backward_graph#our-pass")
def test_our_own_pass_brings_to_the_leaves_what_autograd_brings(
    names: dict[str, Any],
) -> None:
    for seed in range(30):
        result, leaves = random_graph(seed)
        with torch.no_grad():
            arrived = names["gradients"](result.grad_fn)
        ours = {
            id(node.variable): gradient.item()
            for node, gradient in arrived.items()
            if hasattr(node, "variable")
        }
        result.backward()
        for leaf in leaves:
            assert (leaf.grad is None) == (id(leaf) not in ours)
            if leaf.grad is not None:
                assert ours[id(leaf)] == pytest.approx(leaf.grad.item())


@pytest.mark.claim("backward_graph#paths")
def test_the_derivative_is_the_sum_over_all_paths_of_the_products() -> None:
    for seed in range(30):
        result, leaves = random_graph(seed)
        total = dict.fromkeys(map(id, leaves), 0.0)

        def follow(node: Any, product: Tensor, total: dict[int, float] = total) -> None:
            """Go along every path by itself; nothing is added before its end."""
            if hasattr(node, "variable"):
                total[id(node.variable)] += product.item()
                return
            passed = node(product)
            passed = passed if isinstance(passed, tuple) else (passed,)
            for (following, _), gradient in zip(
                node.next_functions, passed, strict=True
            ):
                if following is not None:
                    follow(following, gradient)

        with torch.no_grad():
            follow(result.grad_fn, torch.tensor(1.0, dtype=torch.float64))
        result.backward()
        for leaf in leaves:
            grad = 0.0 if leaf.grad is None else leaf.grad.item()
            assert total[id(leaf)] == pytest.approx(grad)


def test_each_node_received_the_gradient_for_its_tensor(ran: Any) -> None:
    for line in (
        "DivBackward0 of y receives 1\n",
        "DotBackward0 of z3 receives 0.2\n",
        "AddBackward0 of z2 receives (1, 1.2)\n",
        "AccumulateGrad into x1.grad receives (1, 1.2)\n",
        "AccumulateGrad into x3.grad receives (1.4, 2)\n",
    ):
        assert line in ran.output


def test_the_measured_slopes_are_the_gradients_of_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    f, slopes = names["f"], names["slopes"]
    a1, a2, a3 = (x.detach() for x in inputs())
    z2 = a1 + 2 * a2
    for measured, expected in (
        (slopes(lambda x: f(x, a2, a3), a1), a3 / 5),
        (slopes(lambda x: f(a1, x, a3), a2), 2 * a3 / 5),
        (slopes(lambda x: f(a1, a2, x), a3), z2 / 5),
    ):
        assert torch.allclose(measured, expected)


def test_over_all_paths_the_derivative_of_s_squared_plus_s_is_2_s_plus_1(
    ran: Any, names: dict[str, Any]
) -> None:
    s = 1 * 5 + 2 * 6
    assert f"DotBackward0 of s receives {2 * s + 1}\n" in ran.output
    assert names["received"][names["c"].grad_fn].item() == 1
    x1, _, x3 = inputs()

    def c(x: Tensor) -> Tensor:
        s = x @ x3.detach()
        return s * s + s

    c(x1).backward()
    assert x1.grad is not None
    assert x1.grad.tolist() == [35 * 5, 35 * 6]
    assert x1.grad.tolist() == pytest.approx(central_difference(c, x1))


@pytest.mark.claim("backward_graph#accumulate")
def test_grad_adds_up_over_calls_until_it_is_emptied(ran: Any) -> None:
    lines = [f"tensor([{k * 1.0:.4f}, {k * 1.2:.4f}])\n" for k in (1, 2, 3)]
    assert "".join(lines) in ran.output
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    expected = torch.zeros(2)
    for step in range(5):
        weights = torch.tensor([float(step), 1.0])
        (x @ weights).backward()
        expected += weights
        assert x.grad is not None
        assert torch.equal(x.grad, expected)
    x.grad = None
    (x @ torch.tensor([3.0, 4.0])).backward()
    found: Any = x.grad
    assert found.tolist() == [3, 4]


@pytest.mark.claim("backward_graph#leaves")
def test_leaves_hold_a_gradient_and_results_only_if_asked() -> None:
    x1, x2, x3 = inputs()
    x2 = x2.detach()
    z1 = 2 * x2
    z2 = x1 + z1
    z3 = z2 @ x3
    z2.retain_grad()
    z3.backward()
    assert z2.grad is not None
    assert z2.grad.tolist() == [5, 6]
    assert x1.grad is not None
    assert x3.grad is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert z3.grad is None
    assert x2.grad is None
    assert z1.grad is None


SAVES: list[tuple[str, bool]] = [
    ("(x + 1).sum()", False),
    ("x.mean()", False),
    ("(x - w).sum()", False),
    ("(-x).sum()", False),
    ("x.reshape(1, 2).sum()", False),
    ("x[0]", False),
    ("torch.stack([x, x]).sum()", False),
    ("(x * x).sum()", True),
    ("x @ w", True),
    ("(2 * x).sum()", True),
    ("x.exp().sum()", True),
    ("x.sum() / 5", True),
    ("x.max()", True),
    ("(x + 2 * w) @ w / 5", True),
]


@pytest.mark.claim("backward_graph#second-backward")
@pytest.mark.parametrize(("code", "saves"), SAVES)
def test_a_second_backward_raises_only_where_saved_tensors_were_freed(
    code: str, saves: bool
) -> None:
    kept = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    def compute(x: Tensor) -> Any:
        return eval(code, {"x": x, "w": torch.tensor([5.0, 6.0]), "torch": torch})

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    once = torch.autograd.grad(compute(x), x)[0]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute(x)
    result = compute(x)
    result.backward()
    if saves:
        with pytest.raises(RuntimeError, match="backward through the graph a second"):
            result.backward()
    else:
        assert kept == []
        result.backward()
        assert x.grad is not None
        assert torch.equal(x.grad, 2 * once)
    kept_alive = compute(x)
    x.grad = None
    kept_alive.backward(retain_graph=True)
    kept_alive.backward()
    summed: Any = x.grad
    assert torch.equal(summed, 2 * once)


def test_a_retained_graph_gives_its_gradients_twice(ran: Any) -> None:
    assert "tensor([2., 2.])\ntensor([2.0000, 2.4000])\n" in ran.output


@pytest.mark.claim("backward_graph#not-recorded")
def test_no_grad_records_nothing_and_a_detached_value_counts_as_a_constant() -> None:
    x1, x2, x3 = inputs()
    with torch.no_grad():
        for result in (x1 + x2, 2 * x1, x1 @ x3, x1.exp()):
            assert result.grad_fn is None
            assert not result.requires_grad
    y = (x1 + 2 * x2).detach() @ x3 / 5
    y.backward()
    assert x1.grad is None
    assert x2.grad is None
    assert x3.grad is not None
    constant = torch.tensor([7.0, 10.0], dtype=torch.float64)
    (expected,) = torch.autograd.grad(constant @ x3 / 5, x3)
    assert torch.equal(x3.grad, expected)


def test_the_step_lowers_y_by_the_rate_times_the_squared_gradient(ran: Any) -> None:
    # y is linear in x1, so the change is exact
    after = by_hand((1 - 0.1 * 1.0, 2 - 0.1 * 1.2), (3, 4), (5, 6))
    assert after == pytest.approx(19 - 0.1 * (1.0**2 + 1.2**2))
    assert f"19.000 -> {after:.3f}\n" in ran.output


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor",
        "RuntimeError: Trying to backward through the graph a second time",
        "RuntimeError: grad can be implicitly created only for scalar outputs",
        "RuntimeError: element 0 of tensors does not require grad",
        "RuntimeError: one of the variables needed for gradient computation has",
    ):
        assert message in ran.output


@pytest.mark.claim("backward_graph#weights")
def test_weights_given_to_backward_weigh_the_entries(ran: Any) -> None:
    assert "tensor([10.,  1.])\n" in ran.output
    torch.manual_seed(0)
    for _ in range(5):
        x1, x2, _ = inputs()
        weights = torch.randn(2, dtype=torch.float64)
        (x1 * x2.exp()).backward(weights)
        (expected,) = torch.autograd.grad(weights @ (x1 * x2.exp()), x1)
        assert x1.grad is not None
        assert torch.allclose(x1.grad, expected)


@pytest.mark.claim("backward_graph#new-tensor")
def test_a_new_tensor_leaves_the_saved_value_as_it_was() -> None:
    x1, x2, x3 = inputs()
    z2 = x1 + 2 * x2
    z3 = z2 @ x3
    z2 = z2 + 1
    z3.backward()
    assert x3.grad is not None
    assert x3.grad.tolist() == [7, 10]


@pytest.mark.claim("backward_graph#check")
def test_gradcheck_takes_the_right_gradients_and_refuses_wrong_ones(
    ran: Any, names: dict[str, Any]
) -> None:
    x1, _, x3 = inputs()
    for ours, plain in (
        (names["Dot"].apply(x1, x3), x1 @ x3),
        (names["Dot"].apply(x3, x3), x3 @ x3),
    ):
        assert ours.item() == plain.item()
    assert torch.autograd.gradcheck(names["Dot"].apply, (x1, x3))
    for factor in (0.0, 0.99, 1.01, -1.0, 2.0):

        class Wrong(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Tensor) -> Tensor:
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx: Any, above: Tensor, factor: float = factor) -> Tensor:
                (x,) = ctx.saved_tensors
                wrong: Tensor = above * 3 * x**2 * factor
                return wrong

        with pytest.raises(RuntimeError, match="Jacobian mismatch"):
            torch.autograd.gradcheck(Wrong.apply, (x1,))
        measured = central_difference(lambda x: (x**3).sum(), x1)
        (right,) = torch.autograd.grad((x1**3).sum(), x1)
        assert measured == pytest.approx(right.tolist())
    assert (
        "GradcheckError: Jacobian mismatch for output 0 with respect to input 0,\n"
        "numerical:tensor([[5.0000],\n"
    ) in ran.output


def test_the_gradient_of_a_neuron_is_the_central_difference(
    names: dict[str, Any],
) -> None:
    x = names["x"].double()
    theta, b = names["theta"].detach().double(), torch.tensor(0.5).double()
    slope = names["slope"].item()
    measured = central_difference(lambda w: torch.sigmoid(w @ x + b), theta)
    assert (slope * x).tolist() == pytest.approx(measured, abs=1e-6)
    (of_b,) = central_difference(
        lambda c: torch.sigmoid(theta @ x + c[0]), b.reshape(1)
    )
    assert (names["h"] * (1 - names["h"])).item() == pytest.approx(of_b, abs=1e-6)


def test_the_parts_add_up_to_the_gradient_of_the_whole(
    ran: Any, names: dict[str, Any]
) -> None:
    rows, theta = names["rows"].double(), names["theta"].detach().double()
    closed_form = 2 / len(rows) * rows.T @ (rows @ theta)
    assert names["theta"].grad.tolist() == pytest.approx(closed_form.tolist())
    assert ran.output.count("tensor([-29., -35.])\n") == 2


def test_a_bias_of_a_layer_gets_the_sum_over_the_samples(
    ran: Any, names: dict[str, Any]
) -> None:
    rows, V, G = (names[name].detach().double() for name in ("rows", "V", "G"))

    def weighed(flat: Tensor) -> Tensor:
        total: Tensor = ((rows @ flat[:6].reshape(3, 2).T + flat[6:]) * G).sum()
        return total

    flat = torch.cat([V.flatten(), torch.zeros(3, dtype=torch.float64)])
    measured = torch.tensor(central_difference(weighed, flat), dtype=torch.float64)
    assert torch.allclose((G.T @ rows).flatten(), measured[:6], rtol=1e-5)
    assert torch.allclose(G.sum(dim=0), measured[6:], rtol=1e-5)
    assert ran.output.endswith("True\nTrue\n")
