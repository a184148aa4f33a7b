"""Is what the chapter on the recorded graph says and prints true?"""

from collections.abc import Callable
from typing import Any

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


def test_a_result_requires_a_gradient_exactly_if_an_input_does(
    names: dict[str, Any],
) -> None:
    assert not names["x2"].new_zeros(2).requires_grad
    inputs = {
        "z1": ["x2"],
        "z2": ["x1", "z1"],
        "z3": ["z2", "x3"],
        "y": ["z3"],
    }
    requires = {"x1": True, "x2": False, "x3": True}
    for name, sources in inputs.items():
        requires[name] = any(requires[source] for source in sources)
        assert names[name].requires_grad is requires[name]
        assert (names[name].grad_fn is not None) is requires[name]


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


def test_a_node_has_one_edge_for_each_input_of_its_operation() -> None:
    a, b, c = (torch.tensor(value, requires_grad=True) for value in (1.0, 2.0, 3.0))
    for result, count in (
        (a.exp(), 1),
        (a * b, 2),
        (torch.stack([a, b, c]), 3),
    ):
        assert result.grad_fn is not None
        assert len(result.grad_fn.next_functions) == count


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


def test_the_nodes_return_the_derivatives_of_their_operations() -> None:
    x, y = example("x1", "x3")
    div: Any = y.grad_fn
    dot: Any = div.next_functions[0][0]
    add: Any = dot.next_functions[0][0]
    with torch.no_grad():
        (for_z3, for_5) = div(torch.tensor(1.0))
        (for_z2, for_x3) = dot(for_z3)
        (for_x1, for_z1) = add(for_z2)
    assert for_5 is None
    assert for_z1 is None
    assert for_z3.item() == pytest.approx(1 / 5)
    assert for_x1.tolist() == pytest.approx([5 / 5, 6 / 5])
    assert for_x3.tolist() == pytest.approx([7 / 5, 10 / 5])
    assert x["x1"].grad is None


def test_the_product_has_saved_its_factors_and_the_sum_no_tensor(
    names: dict[str, Any],
) -> None:
    assert names["dot"]._saved_self.tolist() == [7, 10]
    assert names["dot"]._saved_tensor.tolist() == [5, 6]
    saved = [name for name in dir(names["add"]) if name.startswith("_saved")]
    values = [getattr(names["add"], name) for name in saved]
    assert not any(isinstance(value, torch.Tensor) for value in values)


def test_each_branch_of_an_if_leaves_its_own_graph(names: dict[str, Any]) -> None:
    x3 = names["x3"]
    positive = torch.tensor([1.0, 0.0], requires_grad=True)
    negative = torch.tensor([-1.0, 0.0], requires_grad=True)
    product = ("DotBackward0", ("AccumulateGrad",), ("AccumulateGrad",))
    absolute = names["absolute"]
    assert kinds(absolute(positive, x3).grad_fn) == product
    assert kinds(absolute(negative, x3).grad_fn) == ("NegBackward0", product)
    assert absolute(positive, x3).item() == absolute(negative, x3).item() == 5


def test_a_leaf_is_a_tensor_that_no_recorded_operation_has_made(
    names: dict[str, Any],
) -> None:
    for name in ("x1", "x2", "x3", "z1", "z2", "z3", "y"):
        assert names[name].is_leaf is (names[name].grad_fn is None)
    leaves = {name for name, row in names["rows"].items() if row["is_leaf"]}
    assert leaves == {"x1", "x2", "x3", "z1"}
    kept = {name for name, row in names["rows"].items() if row["retains_grad"]}
    assert kept == {"z2"}


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
    assert lines(names["t"].grad_fn) == 1 + (1 + 2 * 3) + 3
    assert len(names["walk"](names["t"].grad_fn)) == 5
    assert "5 nodes\n" in ran.output


def test_the_graph_grows_by_one_node_for_each_doubling(ran: Any) -> None:
    for length in (1.0, 10.0, 40.0):
        doublings = next(n for n in range(100) if length * 2**n >= 100)
        assert f"length {length}: {doublings} doublings\n" in ran.output
