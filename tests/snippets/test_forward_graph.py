"""Is what the chapter on the recorded graph says and prints true?"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("forward_graph")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def example(*marked: str) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Compute the running example anew; return its inputs and y."""
    numbers = {"x1": [1.0, 2.0], "x2": [3.0, 4.0], "x3": [5.0, 6.0]}
    x = {
        name: torch.tensor(value, requires_grad=name in marked)
        for name, value in numbers.items()
    }
    return x, (x["x1"] + 2 * x["x2"]) @ x["x3"] / 5


def kinds(node: Any) -> Any:
    """Return the recorded graph as nested tuples: (type, branch, ...)."""
    if node is None:
        return None
    return (type(node).__name__, *(kinds(n) for n, _ in node.next_functions))


def test_the_four_steps_give_the_numbers_of_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    assert names["z1"].tolist() == [2 * 3, 2 * 4]
    assert names["z2"].tolist() == [1 + 6, 2 + 8]
    assert names["z3"].item() == 7 * 5 + 10 * 6
    assert names["y"].item() == 95 / 5


@pytest.mark.claim("forward_graph#default")
def test_no_way_of_making_a_tensor_requires_a_gradient_by_default() -> None:
    for made in (
        torch.tensor([1.0]),
        torch.zeros(2),
        torch.rand(2),
        torch.arange(3.0),
        torch.from_numpy(np.ones(2)),
        torch.tensor(1.0) + torch.tensor(2.0),
    ):
        assert made.requires_grad is False


#: Operations with a derivative: how many tensors go in, and how many have a pair.
OPERATIONS: list[tuple[str, int, int]] = [
    ("v[0] + v[1]", 2, 2),
    ("v[0] - v[1]", 2, 2),
    ("v[0] * v[1]", 2, 2),
    ("v[0] / v[1]", 2, 2),
    ("v[0] @ v[1]", 2, 2),
    ("v[0] / 5", 1, 2),  # the number becomes a tensor
    ("2 * v[0]", 1, 2),
    ("v[0] ** 2", 1, 1),  # the number remains one
    ("v[0] ** v[1]", 2, 2),
    ("v[0].exp()", 1, 1),
    ("v[0].sum()", 1, 1),
    ("v[0][0]", 1, 1),
    ("v[0].clamp(0, 1)", 1, 1),
    ("torch.where(v[0].detach() > 0, v[0], v[1])", 2, 2),
    ("v[0].gather(0, torch.tensor([1]))", 1, 1),
    ("v[0][torch.tensor([True, False])]", 1, 1),
    ("torch.lerp(v[0], v[1], v[2])", 3, 3),
    ("torch.addcmul(v[0], v[1], v[2])", 3, 3),
    ("torch.stack([v[0], v[1], v[2]])", 3, 3),
    ("torch.cat([v[0], v[1], v[2], v[0]])", 3, 4),
]


@pytest.mark.claim("forward_graph#pairs")
@pytest.mark.parametrize(("code", "inputs", "pairs"), OPERATIONS)
def test_a_node_has_one_pair_for_each_tensor_that_can_be_differentiated(
    code: str, inputs: int, pairs: int
) -> None:
    v = [torch.tensor([1.0, 2.0], requires_grad=True) for _ in range(inputs)]
    node = eval(code, {"v": v, "torch": torch}).grad_fn
    assert len(node.next_functions) == pairs
    ends = [end.variable for end, _ in node.next_functions if end is not None]
    order = [next(i for i, x in enumerate(v) if x is end) for end in ends]
    assert sorted(set(order)) == order[:inputs]  # all of them, in their order


@pytest.mark.claim("forward_graph#none")
@pytest.mark.parametrize(
    ("code", "inputs", "pairs"), [each for each in OPERATIONS if each[1] > 1]
)
def test_an_input_that_requires_no_gradient_has_the_pair_none_0(
    code: str, inputs: int, pairs: int
) -> None:
    for silent in range(inputs):
        v = [torch.tensor([1.0, 2.0], requires_grad=i != silent) for i in range(inputs)]
        node = eval(code, {"v": v, "torch": torch}).grad_fn
        assert len(node.next_functions) == pairs
        for i, (end, index) in enumerate(node.next_functions):
            if i % inputs == silent:
                assert (end, index) == (None, 0)
            else:
                assert end.variable is v[i % inputs]


@pytest.mark.claim("forward_graph#recorded")
def test_an_operation_is_recorded_exactly_if_an_input_requires_a_gradient() -> None:
    for code, inputs, _ in OPERATIONS:
        for marks in itertools.product((False, True), repeat=inputs):
            v = [torch.tensor([1.0, 2.0], requires_grad=mark) for mark in marks]
            result = eval(code, {"v": v, "torch": torch})
            assert result.requires_grad is any(marks)
            assert (result.grad_fn is not None) is any(marks)
            with torch.no_grad():
                assert eval(code, {"v": v, "torch": torch}).grad_fn is None


def test_the_example_records_what_the_rule_says(names: dict[str, Any]) -> None:
    for name in ("z1", "z2", "z3", "y"):
        assert names[name].requires_grad is (name != "z1")
        assert (names[name].grad_fn is not None) is (name != "z1")


@pytest.mark.claim("forward_graph#tree")
def test_the_tree_is_division_over_product_over_sum(names: dict[str, Any]) -> None:
    assert kinds(names["y"].grad_fn) == (
        "DivBackward0",
        (
            "DotBackward0",
            ("AddBackward0", ("AccumulateGrad",), None),
            ("AccumulateGrad",),
        ),
        None,
    )


def test_the_printed_tree_names_the_tensors(ran: Any) -> None:
    assert (
        "DivBackward0 of y ()\n"
        "    DotBackward0 of z3 ()\n"
        "        AddBackward0 of z2 (2,)\n"
        "            AccumulateGrad into x1 (2,)\n"
        "            None\n"
        "        AccumulateGrad into x3 (2,)\n"
        "    None\n"
    ) in ran.output


def test_the_first_edge_of_y_leads_to_the_very_node_of_z3(
    names: dict[str, Any],
) -> None:
    y, z3, z2 = names["y"], names["z3"], names["z2"]
    assert y.grad_fn.next_functions[0][0] is z3.grad_fn
    assert z3.grad_fn.next_functions[0][0] is z2.grad_fn
    assert z3.grad_fn.next_functions[1][0].variable is names["x3"]
    assert z2.grad_fn.next_functions[0][0].variable is names["x1"]


@pytest.mark.claim("forward_graph#index")
def test_the_index_of_an_edge_is_the_place_among_the_results(
    names: dict[str, Any],
) -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    parts = x.unbind()
    for i in range(3):
        for j in range(3):
            node = (parts[i] * parts[j]).grad_fn
            assert node is not None
            assert [index for _, index in node.next_functions] == [i, j]


def test_walking_finds_every_node_once(names: dict[str, Any]) -> None:
    _, y = example("x1", "x3")
    found = names["walk"](y.grad_fn)
    assert len(found) == len({id(node) for node in found}) == 5


@pytest.mark.claim("forward_graph#node-is-a-function")
@pytest.mark.parametrize(("code", "inputs", "pairs"), OPERATIONS)
def test_a_node_turns_the_gradient_of_the_result_into_those_of_the_inputs(
    code: str, inputs: int, pairs: int
) -> None:
    torch.manual_seed(0)
    v = [torch.rand(2, dtype=torch.float64) + 0.5 for _ in range(inputs)]
    v = [x.requires_grad_() for x in v]

    def weighed(*values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = eval(code, {"v": values, "torch": torch})
        return (result * weights).sum()

    result = eval(code, {"v": v, "torch": torch})
    weights = torch.rand(result.shape, dtype=torch.float64)
    with torch.no_grad():
        returned = result.grad_fn(weights)
    returned = returned if isinstance(returned, tuple) else (returned,)
    for place, x in enumerate(v):
        parts = [
            gradient
            for gradient, (end, _) in zip(
                returned, result.grad_fn.next_functions, strict=True
            )
            if end is not None and end.variable is x
        ]
        for i in range(2):  # the central difference, entry by entry
            sides = []
            for sign in (1, -1):
                moved = [value.detach().clone() for value in v]
                moved[place][i] += sign * 1e-6
                sides.append(weighed(*moved).item())
            slope = (sides[0] - sides[1]) / 2e-6
            assert sum(parts)[i].item() == pytest.approx(slope, abs=1e-7)


def test_the_page_calls_the_nodes_with_the_gradients_of_the_hand_calculation(
    ran: Any,
) -> None:
    assert (
        "(tensor(0.2000), None)\n"
        "(tensor([1.0000, 1.2000]), tensor([1.4000, 2.0000]))\n"
        "(tensor([1.0000, 1.2000]), None)\n"
    ) in ran.output


@pytest.mark.claim("forward_graph#saved")
def test_the_product_saves_its_factors_and_the_sum_no_tensor() -> None:
    kept: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.detach().clone())
        return tensor

    a = torch.tensor([7.0, 10.0], requires_grad=True)
    b = torch.tensor([5.0, 6.0], requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        product = a @ b
        assert sorted(each.tolist() for each in kept) == [[5, 6], [7, 10]]
        kept.clear()
        total = a + b
        assert kept == []
    assert product.item() == 95
    assert total.tolist() == [12, 16]


@pytest.mark.claim("forward_graph#define-by-run")
def test_each_branch_of_an_if_leaves_its_own_graph(names: dict[str, Any]) -> None:
    x3 = names["x3"]
    positive = torch.tensor([1.0, 0.0], requires_grad=True)
    negative = torch.tensor([-1.0, 0.0], requires_grad=True)
    product = ("DotBackward0", ("AccumulateGrad",), ("AccumulateGrad",))
    absolute = names["absolute"]
    assert kinds(absolute(positive, x3).grad_fn) == product
    assert kinds(absolute(negative, x3).grad_fn) == ("NegBackward0", product)
    assert absolute(positive, x3).item() == absolute(negative, x3).item() == 5


@pytest.mark.claim("forward_graph#leaf")
def test_a_tensor_is_a_leaf_exactly_if_it_has_no_grad_fn(
    names: dict[str, Any],
) -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    tensors = [names[name] for name in ("x1", "x2", "x3", "z1", "z2", "z3", "y")]
    tensors += [x.detach(), x[0], x.view(2, 1), x > 1, torch.ones(2) + 1, x.clone()]
    with torch.no_grad():
        tensors += [2 * x, x.exp()]
    kinds = set()
    for tensor in tensors:
        assert tensor.is_leaf is (tensor.grad_fn is None)
        kinds.add(tensor.is_leaf)
    assert kinds == {True, False}


def test_the_table_has_the_leaves_and_the_retained_gradient(ran: Any) -> None:
    for line in (
        "x1  True    True          False        NoneType\n",
        "x2  True    False         False        NoneType\n",
        "z1  True    False         False        NoneType\n",
        "z2  False   True          True         AddBackward0\n",
        "y   False   True          False        DivBackward0\n",
    ):
        assert line in ran.output


@pytest.mark.claim("forward_graph#reversed-arrows")
def test_the_recorded_edges_are_those_of_the_function_reversed_without_x2(
    names: dict[str, Any],
) -> None:
    forward = {
        ("x2", "z1"),
        ("x1", "z2"),
        ("z1", "z2"),
        ("z2", "z3"),
        ("x3", "z3"),
        ("z3", "y"),
    }
    x, _ = example("x1", "x3")
    values = dict(x)
    values["z1"] = 2 * values["x2"]
    values["z2"] = values["x1"] + values["z1"]
    values["z3"] = values["z2"] @ values["x3"]
    values["y"] = values["z3"] / 5

    def owner(node: Any) -> str:
        return next(
            name
            for name, tensor in values.items()
            if node is tensor.grad_fn or getattr(node, "variable", None) is tensor
        )

    recorded = {
        (owner(node), owner(following))
        for node in names["walk"](values["y"].grad_fn)
        for following, _ in node.next_functions
        if following is not None
    }
    branch = {("x2", "z1"), ("z1", "z2")}
    assert recorded == {(target, source) for source, target in forward - branch}


def test_the_number_of_a_nodes_name_distinguishes_variants() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert type((x**2).grad_fn).__name__ == "PowBackward0"
    assert type((x**x).grad_fn).__name__ == "PowBackward1"


def test_the_mistakes_raise_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "Only Tensors of floating point and complex dtype",
        "a leaf Variable that requires grad is being used in an",
        "Can't call numpy() on Tensor that requires grad",
    ):
        assert f"RuntimeError: {message}" in ran.output


def test_the_refused_change_in_place_has_changed_nothing(
    names: dict[str, Any],
) -> None:
    assert names["x1"].tolist() == [1, 2]


def test_a_mark_that_comes_too_late_gives_no_gradient() -> None:
    w = torch.tensor([1.0, 2.0])
    square = w @ w
    w.requires_grad_()
    assert not square.requires_grad
    (w @ w).backward()
    assert w.grad is not None
    assert w.grad.tolist() == [2 * 1, 2 * 2]


def test_what_is_rebuilt_from_numbers_has_lost_its_record(ran: Any) -> None:
    assert "False\nTrue StackBackward0\n" in ran.output


def test_marking_the_third_input_puts_its_branch_into_the_graph() -> None:
    _, y = example("x1", "x2", "x3")
    product = ("MulBackward0", ("AccumulateGrad",), None)
    assert kinds(y.grad_fn) == (
        "DivBackward0",
        (
            "DotBackward0",
            ("AddBackward0", ("AccumulateGrad",), product),
            ("AccumulateGrad",),
        ),
        None,
    )


def test_a_shared_value_is_printed_once_a_path_but_is_one_node(
    ran: Any, names: dict[str, Any]
) -> None:
    def lines(node: Any) -> int:
        return 1 + sum(lines(n) for n, _ in node.next_functions if n is not None)

    # below the sum: the product with two copies of s, and s once more;
    # each copy of s prints 3 lines
    assert lines(names["c"].grad_fn) == 1 + (1 + 2 * 3) + 3
    assert len(names["walk"](names["c"].grad_fn)) == 5
    assert "5 nodes\n" in ran.output


def test_the_paths_double_from_layer_to_layer_but_the_nodes_do_not(
    names: dict[str, Any],
) -> None:
    def paths(node: Any) -> int:
        following = [n for n, _ in node.next_functions if n is not None]
        return sum(map(paths, following)) if following else 1

    x = torch.tensor(1.0, requires_grad=True)
    for layer in range(1, 9):
        x = x * x
        assert paths(x.grad_fn) == 2**layer
        assert len(names["walk"](x.grad_fn)) == layer + 1


def test_the_graph_of_the_neuron_has_ends_for_weights_and_bias_only(ran: Any) -> None:
    theta = torch.ones(2, requires_grad=True)
    b = torch.ones((), requires_grad=True)
    neuron = torch.sigmoid(theta @ torch.ones(2) + b)
    assert kinds(neuron.grad_fn) == (
        "SigmoidBackward0",
        (
            "AddBackward0",
            ("DotBackward0", ("AccumulateGrad",), None),
            ("AccumulateGrad",),
        ),
    )
    assert ran.output.endswith("            None\n        AccumulateGrad into b ()\n")
