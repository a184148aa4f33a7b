"""Is what the chapter on tensors says and prints true?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("tensors")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def test_the_running_example_gives_19_as_by_hand(names: dict[str, Any]) -> None:
    by_hand = ((1 + 2 * 3) * 5 + (2 + 2 * 4) * 6) / 5
    assert by_hand == 19
    assert names["y"].item() == by_hand
    assert names["y"].shape == ()


def test_the_three_vectors_are_those_of_the_book(names: dict[str, Any]) -> None:
    assert names["x1"].tolist() == [1, 2]
    assert names["x2"].tolist() == [3, 4]
    assert names["x3"].tolist() == [5, 6]
    assert {names[x].dtype for x in ("x1", "x2", "x3")} == {torch.float32}


def test_numpy_agrees_on_the_running_example(ran: Any) -> None:
    x1, x2, x3 = np.array([1, 2]), np.array([3, 4]), np.array([5, 6])
    assert (x1 + 2 * x2) @ x3 / 5 == 19
    assert "tensor(19.)\ntorch.Size([])\n19.0\n19.0\n" in ran.output


def test_float32_keeps_about_seven_digits_and_float64_about_sixteen() -> None:
    for dtype, digits in ((torch.float32, 7), (torch.float64, 16)):
        error = abs(torch.tensor(1 / 3, dtype=dtype).double().item() * 3 - 1)
        assert error < 10**-digits


def test_both_libraries_have_the_operations_of_the_table_of_names() -> None:
    a = np.arange(6.0).reshape(2, 3)
    t = torch.from_numpy(a)
    assert (a.sum(axis=0) == t.sum(dim=0).numpy()).all()
    by_axis = t.sum(axis=0)  # type: ignore[call-overload]  # types know dim only
    assert torch.equal(by_axis, t.sum(dim=0))
    assert a.astype(np.float32).dtype == t.to(torch.float32).numpy().dtype
    assert not np.shares_memory(a.copy(), a)
    assert not np.shares_memory(t.clone().numpy(), a)
    assert (np.concatenate([a, a]) == torch.cat([t, t]).numpy()).all()
    assert a.size == t.numel() == 6
    assert t.size() == t.shape


def test_a_float32_tensor_of_counts_is_what_float_gives(names: dict[str, Any]) -> None:
    assert torch.equal(names["counts"].float(), names["counts"].to(torch.float32))
    assert names["counts"].dtype == torch.int64


def test_offset_and_strides_lead_to_each_entry_of_each_view(
    names: dict[str, Any],
) -> None:
    memory = names["in_memory"].tolist()
    for view in (names["m"], names["flipped"]):
        first, second = view.stride()
        for i in range(view.shape[0]):
            for j in range(view.shape[1]):
                position = view.storage_offset() + i * first + j * second
                assert memory[position] == view[i, j]
    (step,) = names["row"].stride()
    for i in range(3):
        assert memory[names["row"].storage_offset() + i * step] == names["row"][i]


def test_transposing_swaps_the_two_strides(names: dict[str, Any]) -> None:
    assert names["m"].stride() == (3, 1)
    assert names["flipped"].stride() == (1, 3)


def test_the_99_stands_once_in_memory_and_in_every_view(names: dict[str, Any]) -> None:
    assert names["in_memory"].tolist() == [10, 11, 12, 13, 99, 15]
    for view in ("m", "flipped", "row"):
        assert (names[view] == 99).sum() == 1


def test_a_result_shares_memory_exactly_if_an_edit_shows_through(
    names: dict[str, Any], ran: Any
) -> None:
    for name in names["results"]:
        m = torch.arange(10.0, 16.0).reshape(2, 3)
        result = eval(name, {"m": m})  # the expression that the page shows
        before = m.clone()
        result += 1
        shares = not torch.equal(m, before)
        word = "shares memory with m" if shares else "copies"
        assert f"{name:16} {word}\n" in ran.output


def test_reading_the_transpose_along_its_rows_takes_no_fixed_step() -> None:
    positions = torch.arange(6).reshape(2, 3).T.reshape(6).tolist()
    assert positions == [0, 3, 1, 4, 2, 5]


def test_an_array_shares_memory_exactly_if_an_edit_shows_through(
    names: dict[str, Any], ran: Any
) -> None:
    for name in names["from_array"]:
        a = np.array([1.0, 2.0])
        result = eval(name, {"a": a, "torch": torch})
        result += 1
        shares = a.tolist() == [2, 3]
        assert shares or a.tolist() == [1, 2]
        word = "shares memory with a" if shares else "copies"
        assert f"{name:28} {word}\n" in ran.output


def test_the_numpy_method_shares_memory() -> None:
    t = torch.tensor([1.0, 2.0])
    t.numpy()[0] = 5
    assert t.tolist() == [5, 2]


def test_a_sum_of_two_dtypes_is_float64_and_a_product_is_refused(ran: Any) -> None:
    single = torch.tensor([1.0])
    assert (single + single.double()).dtype == torch.float64
    assert "found\nDouble and Float" in ran.output


def test_an_integer_tensor_drops_a_fraction_silently(names: dict[str, Any]) -> None:
    assert names["lengths"].tolist() == [0, 2]


def test_the_sum_of_the_products_by_entries_is_the_inner_product(
    names: dict[str, Any],
) -> None:
    starred = (names["x1"] + 2 * names["x2"]) * names["x3"] / 5
    assert starred.tolist() == [7, 12]
    assert starred.sum() == names["y"]


def test_the_column_mistake_gives_the_mean_over_all_nine_pairs(ran: Any) -> None:
    pairs = [(i - j) ** 2 for i in (1, 2, 3) for j in (1, 2, 3)]
    assert f"tensor({sum(pairs) / len(pairs):.4f})\ntensor(0.)\n" in ran.output


def test_editing_the_centered_ages_in_place_changes_the_array(ran: Any) -> None:
    assert "[-10.   0.  10.]\n[20. 30. 40.]\n" in ran.output


def test_the_shapes_of_the_first_exercise_are_numpys(ran: Any) -> None:
    x, w, b = np.zeros((4, 2)), np.zeros(2), np.zeros((4, 1))
    answers = (x * w, x @ w, x.sum(axis=0), x[:, 0], x[:, :1], x @ w + b)
    assert "".join(f"{answer.shape}\n" for answer in answers) in ran.output


def test_three_inputs_at_once_give_what_each_gives_alone(names: dict[str, Any]) -> None:
    together = (names["X1"] + 2 * names["x2"]) @ names["x3"] / 5
    alone = [((a + 6) * 5 + (b + 8) * 6) / 5 for a, b in names["X1"].tolist()]
    assert together.tolist() == pytest.approx(alone)


def test_an_edit_in_place_reaches_all_sharers_and_no_copy(
    names: dict[str, Any],
) -> None:
    assert names["zeros"].tolist() == [1, 1, 0]
    assert names["p"].tolist() == [11, 11, 10]
    assert names["q"].tolist() == [1, 1]
    assert names["r"].tolist() == [0, 0, 0]


def test_standardized_columns_have_mean_0_and_mean_square_1(
    names: dict[str, Any],
) -> None:
    columns = names["standardized"].double()
    assert columns.mean(dim=0).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert columns.square().mean(dim=0).tolist() == pytest.approx([1, 1])
