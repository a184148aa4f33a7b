"""Is what the chapter on the function graph says and prints true?"""

import itertools
import random
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
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


@pytest.mark.claim("function_graph#four-operations")
def test_the_four_steps_give_the_numbers_of_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    assert names["z1"].tolist() == [2 * 3, 2 * 4] == [6, 8]
    assert names["z2"].tolist() == [1 + 6, 2 + 8] == [7, 10]
    assert names["z3"].item() == 7 * 5 + 10 * 6 == 95
    assert names["y"].item() == 95 / 5 == 19


@pytest.mark.claim("function_graph#same-graph")
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


def edges_by_hand() -> set[tuple[str, str]]:
    return {
        ("x2", "z1"),
        ("x1", "z2"),
        ("z1", "z2"),
        ("z2", "z3"),
        ("x3", "z3"),
        ("z3", "y"),
    }


def orders_by_hand() -> Iterator[tuple[str, ...]]:
    """Every order of the seven nodes in which each comes after its inputs."""
    for order in itertools.permutations(("x1", "x2", "x3", "z1", "z2", "z3", "y")):
        place = {name: order.index(name) for name in order}
        if all(place[source] < place[target] for source, target in edges_by_hand()):
            yield order


def test_the_graph_has_three_inputs_four_operations_and_six_edges(
    names: dict[str, Any],
) -> None:
    assert [node.name for node in names["operations"]] == ["z1", "z2", "z3", "y"]
    edges = {
        (source.name, node.name)
        for node, sources in names["needs"].items()
        for source in sources
    }
    assert edges == edges_by_hand()


def test_evaluating_the_graph_agrees_with_the_function_on_random_vectors(
    names: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    for _ in range(5):
        x1, x2, x3 = torch.randn(3, 2, dtype=torch.float64)
        inputs = {"x1": x1, "x2": x2, "x3": x3}
        values = names["evaluate"](names["order"], inputs)
        expected = by_hand(*(tuple(x.tolist()) for x in (x1, x2, x3)))
        assert values["y"].item() == pytest.approx(expected)


@pytest.mark.claim("function_graph#any-topological-order")
def test_every_topological_order_gives_19_and_an_operation_too_early_fails(
    names: dict[str, Any],
) -> None:
    inputs = {name: names[name] for name in ("x1", "x2", "x3")}
    topological = set(orders_by_hand())
    for order in itertools.permutations(("x1", "x2", "x3", "z1", "z2", "z3", "y")):
        place = {name: order.index(name) for name in order}
        early = any(
            place[target] < place[source]
            for source, target in edges_by_hand()
            if source not in inputs  # whose values are given from the beginning
        )
        assert not (early and order in topological)
        nodes = [names["by_name"][name] for name in order]
        if early:
            with pytest.raises(KeyError):
                names["evaluate"](nodes, inputs)
        else:
            assert names["evaluate"](nodes, inputs)["y"].item() == 19


@pytest.mark.claim("function_graph#ready")
def test_in_a_topological_order_the_inputs_of_every_operation_are_ready(
    names: dict[str, Any],
) -> None:
    rng = random.Random(0)
    for _ in range(50):  # random acyclic graphs
        count = rng.randint(1, 12)
        needs = {
            node: rng.sample(range(node), rng.randint(0, min(node, 3)))
            for node in range(count)
        }
        shuffled = dict(rng.sample(list(needs.items()), count))
        done: set[int] = set()
        for node in TopologicalSorter(shuffled).static_order():
            assert done.issuperset(needs[node])
            done.add(node)
        assert done == set(range(count))
    assert tuple(node.name for node in names["order"]) in set(orders_by_hand())


@pytest.mark.claim("function_graph#reversed")
def test_reversed_each_operation_comes_before_its_inputs() -> None:
    for order in orders_by_hand():
        place = {name: i for i, name in enumerate(reversed(order))}
        assert all(place[target] < place[source] for source, target in edges_by_hand())


def test_fifteen_orders_are_topological_as_counting_places_says(ran: Any) -> None:
    # x2, z1, z2, z3, y are a chain. x1 may stand at 3 places before z2;
    # x3 then has the 5 places before z3 in the resulting chain of six.
    assert f"{3 * 5} of {7 * 6 * 5 * 4 * 3 * 2}\n" in ran.output


@pytest.mark.claim("function_graph#reach")
def test_a_change_of_an_input_reaches_only_what_lies_on_a_path_from_it(
    names: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    for changed in ("x1", "x2", "x3"):
        reached = {changed}
        for _ in range(7):
            reached |= {
                target for source, target in edges_by_hand() if source in reached
            }
        for _ in range(10):
            inputs = {name: torch.randn(2) for name in ("x1", "x2", "x3")}
            before = names["evaluate"](names["order"], inputs)
            inputs[changed] = torch.randn(2)
            after = names["evaluate"](names["order"], inputs)
            moved = {
                name for name in before if not torch.equal(before[name], after[name])
            }
            assert moved == reached  # for random numbers, even all of it


@pytest.mark.claim("function_graph#derivative")
def test_the_derivative_is_the_product_of_the_factors_along_the_path() -> None:
    # from x1's first entry to y there is one path: +, then @ with x3, then / 5
    rng = random.Random(0)
    for _ in range(20):
        x1, x2, x3 = ((rng.uniform(-2, 2), rng.uniform(-2, 2)) for _ in range(3))
        up = by_hand((x1[0] + 1e-6, x1[1]), x2, x3)
        down = by_hand((x1[0] - 1e-6, x1[1]), x2, x3)
        assert (up - down) / 2e-6 == pytest.approx(1 * x3[0] * (1 / 5), abs=1e-8)
        # from x2's first entry the path begins with the factor 2
        up = by_hand(x1, (x2[0] + 1e-6, x2[1]), x3)
        down = by_hand(x1, (x2[0] - 1e-6, x2[1]), x3)
        assert (up - down) / 2e-6 == pytest.approx(2 * 1 * x3[0] * (1 / 5), abs=1e-8)


@pytest.mark.claim("function_graph#paths")
def test_over_several_paths_the_products_are_added() -> None:
    # s * s + s has three paths from s: factors s * 1, s * 1 and 1
    for s in (-3.0, 0.5, 17.0):
        measured = (
            ((s + 1e-6) ** 2 + (s + 1e-6)) - ((s - 1e-6) ** 2 + (s - 1e-6))
        ) / 2e-6
        assert measured == pytest.approx(s * 1 + s * 1 + 1, rel=1e-6)


def test_the_nudge_changes_y_by_the_partial_derivative_times_the_nudge(
    names: dict[str, Any],
) -> None:
    h = 1e-6
    slope = (
        by_hand((1 + h, 2), (3, 4), (5, 6)) - by_hand((1 - h, 2), (3, 4), (5, 6))
    ) / (2 * h)
    assert slope == pytest.approx(1)
    change = names["changes"]["y"]
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


def test_the_spreadsheet_is_computed_and_a_new_rate_makes_tax_and_total_stale(
    ran: Any,
) -> None:
    net, tax = 20 * 3, 20 * 3 * 0.25
    assert f"net = {net:.1f}\ntax = {tax}\ntotal = {net + tax}\n" in ran.output
    assert "recompute after a new rate: tax total\n" in ran.output


def test_the_cycle_is_that_of_the_price_and_the_total(ran: Any) -> None:
    (line,) = [each for each in ran.output.splitlines() if "CycleError" in each]
    assert set(line.split(": ")[-1].split()) == {"price", "net", "total"}


def test_the_drawing_puts_on_each_edge_the_value_computed_by_hand(
    names: dict[str, Any],
) -> None:
    show, values = names["show"], names["values"]
    assert {name: show(value) for name, value in values.items()} == {
        "x1": "(1, 2)",
        "x2": "(3, 4)",
        "x3": "(5, 6)",
        "z1": "(6, 8)",
        "z2": "(7, 10)",
        "z3": "95",
        "y": "19",
    }
    drawn = {(source.name, target.name) for source, target, _ in names["edges"]}
    assert drawn == edges_by_hand() | {("y", "output")}
    assert [names["labels"][node] for node in names["operations"]] == [
        "z1 = 2 * x2",
        "z2 = x1 + z1",
        "z3 = z2 @ x3",
        "y = z3 / 5",
    ]


def test_the_second_drawing_marks_the_path_along_which_values_change(
    names: dict[str, Any],
) -> None:
    for source, target, change in names["edges"]:
        ends = [names["looks"].get(node, "") for node in (source, target)]
        marked = all("marked" in end for end in ends)
        assert marked == (change != "(0, 0)")
