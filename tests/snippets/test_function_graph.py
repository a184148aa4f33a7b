"""Is what the chapter on the function graph says and prints true?"""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import fx


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("function_graph")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def by_hand(
    x1: tuple[float, float], x2: tuple[float, float], x3: tuple[float, float]
) -> float:
    """Compute the running example in plain Python arithmetic."""
    return ((x1[0] + 2 * x2[0]) * x3[0] + (x1[1] + 2 * x2[1]) * x3[1]) / 5


def test_the_four_steps_give_the_numbers_of_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    assert names["z1"].tolist() == [2 * 3, 2 * 4] == [6, 8]
    assert names["z2"].tolist() == [1 + 6, 2 + 8] == [7, 10]
    assert names["z3"].item() == 7 * 5 + 10 * 6 == 95
    assert names["y"].item() == 95 / 5 == 19


def test_the_formula_and_its_steps_are_recorded_as_the_same_operations(
    names: dict[str, Any],
) -> None:
    def steps(x1: torch.Tensor, x2: torch.Tensor, x3: torch.Tensor) -> torch.Tensor:
        z1 = 2 * x2
        z2 = x1 + z1
        z3 = z2 @ x3
        return z3 / 5

    def recorded(function: Callable[..., Any]) -> list[tuple[str, str]]:
        nodes = fx.symbolic_trace(function).graph.nodes
        return [(node.name, str(node.args)) for node in nodes]

    assert recorded(steps) == recorded(names["f"])


def test_the_graph_has_three_inputs_four_operations_and_six_edges(
    names: dict[str, Any],
) -> None:
    assert [node.name for node in names["inputs"]] == ["x1", "x2", "x3"]
    assert [node.name for node in names["operations"]] == ["z1", "z2", "z3", "y"]
    edges = {
        (source.name, node.name)
        for node in names["operations"]
        for source in node.all_input_nodes
    }
    assert edges == {
        ("x2", "z1"),
        ("x1", "z2"),
        ("z1", "z2"),
        ("z2", "z3"),
        ("x3", "z3"),
        ("z3", "y"),
    }


def test_evaluating_the_graph_agrees_with_the_function_on_random_vectors(
    names: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    for _ in range(5):
        x1, x2, x3 = torch.randn(3, 2, dtype=torch.float64)
        inputs = {"x1": x1, "x2": x2, "x3": x3}
        values = names["evaluate"](names["operations"], inputs)
        expected = by_hand(*(tuple(x.tolist()) for x in (x1, x2, x3)))
        assert values["y"].item() == pytest.approx(expected)


def test_an_order_is_topological_exactly_if_it_can_be_carried_out(
    names: dict[str, Any],
) -> None:
    inputs = {name: names[name] for name in ("x1", "x2", "x3")}
    for operations in itertools.permutations(names["operations"]):
        order = [*names["inputs"], *operations]
        if names["is_topological"](order):
            values = names["evaluate"](list(operations), inputs)
            assert values["y"].item() == 19
        else:
            with pytest.raises(KeyError):
                names["evaluate"](list(operations), inputs)


def test_fifteen_orders_are_topological_as_counting_places_says(ran: Any) -> None:
    # x2, z1, z2, z3, y are a chain. x1 may stand at 3 places before z2;
    # x3 then has the 5 places before z3 in the resulting chain of six.
    assert f"{3 * 5} of {7 * 6 * 5 * 4 * 3 * 2}\n" in ran.output


def test_the_affected_operations_are_those_whose_values_move(
    names: dict[str, Any],
) -> None:
    for changed in names["inputs"]:
        inputs = {name: names[name] for name in ("x1", "x2", "x3")}
        inputs[changed.name] = inputs[changed.name] + 1
        after = names["evaluate"](names["operations"], inputs)
        moved = [
            node
            for node in names["operations"]
            if not torch.equal(after[node.name], names["values"][node.name])
        ]
        assert names["affected"](changed) == moved


def test_recomputing_only_what_is_affected_gives_what_computing_all_gives(
    names: dict[str, Any],
) -> None:
    assert names["again"]["y"].item() == pytest.approx(by_hand((1, 2), (3, 4), (1, 0)))
    assert names["nudged"]["y"].item() == pytest.approx(
        by_hand((1.1, 2), (3, 4), (5, 6))
    )


def test_the_nudge_changes_y_by_the_partial_derivative_times_the_nudge(
    names: dict[str, Any],
) -> None:
    h = 1e-6
    slope = (
        by_hand((1 + h, 2), (3, 4), (5, 6)) - by_hand((1 - h, 2), (3, 4), (5, 6))
    ) / (2 * h)
    assert slope == pytest.approx(1)
    change = names["nudged"]["y"] - names["values"]["y"]
    assert change.item() == pytest.approx(0.1 * slope, abs=1e-5)


def test_a_result_does_not_follow_its_input(ran: Any, names: dict[str, Any]) -> None:
    assert names["result"].item() == 19
    after = by_hand((100, 2), (3, 4), (5, 6))
    assert f"tensor(19.)\ntensor({after:.0f}.)\n" in ran.output


def test_calling_the_function_in_place_twice_adds_2_x2_twice(ran: Any) -> None:
    second = by_hand((7, 10), (3, 4), (5, 6))
    assert f"tensor(19.)\ntensor({second:.4f})\n" in ran.output


def test_without_parentheses_the_division_comes_before_the_sum(ran: Any) -> None:
    number = (6 * 5 + 8 * 6) / 5
    assert f"tensor([{1 + number:.4f}, {2 + number:.4f}])\n" in ran.output


def test_a_branch_on_a_value_cannot_be_traced(ran: Any) -> None:
    assert "TraceError: symbolically traced variables" in ran.output


def test_the_first_exercise_agrees_with_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    solution = names["solution"]
    assert solution["z1"].tolist() == [0, 2]
    assert solution["z2"].tolist() == [1, 4]
    assert solution["z3"].item() == 1 * 5 + 4 * 6 == 29
    assert solution["y"].item() == pytest.approx(29 / 5)


def test_a_value_used_twice_has_one_node_with_two_users(names: dict[str, Any]) -> None:
    graph = fx.symbolic_trace(names["twice"]).graph
    (s,) = (node for node in graph.nodes if node.name == "matmul")
    assert {user.name for user in s.users} == {"mul", "add"}
    assert names["twice"](names["x1"], names["x3"]).item() == 17**2 + 17


def test_the_costs_are_4n_and_4n_plus_1(ran: Any) -> None:
    n = 2
    first = n + n + (2 * n - 1) + 1  # 2 x2, the sum, the inner product, / 5
    second = 2 * (2 * n - 1) + 1 + 1 + 1  # two inner products, 2 *, the sum, / 5
    assert (first, second) == (4 * n, 4 * n + 1)
    assert f"tensor(19.)\n{first} {second}\n" in ran.output


def test_the_drawing_puts_on_each_edge_the_value_computed_by_hand(
    names: dict[str, Any],
) -> None:
    labels = names["labels"]
    drawn = {(labels[s], labels[t]): value for s, t, value in names["edges"]}
    assert drawn == {
        ("x2", "z1 = 2 * x2"): "(3, 4)",
        ("x1", "z2 = x1 + z1"): "(1, 2)",
        ("z1 = 2 * x2", "z2 = x1 + z1"): "(6, 8)",
        ("z2 = x1 + z1", "z3 = z2 @ x3"): "(7, 10)",
        ("x3", "z3 = z2 @ x3"): "(5, 6)",
        ("z3 = z2 @ x3", "y = z3 / 5"): "95",
        ("y = z3 / 5", "output"): "19",
    }


def test_the_second_drawing_marks_the_path_along_which_values_change(
    names: dict[str, Any],
) -> None:
    for source, target, change in names["changes"]:
        ends = [names["looks"].get(node, "") for node in (source, target)]
        marked = all("marked" in end for end in ends)
        assert marked == (change != "(0, 0)")
