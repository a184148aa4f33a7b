"""Is what the chapter on tensors says and prints true?"""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
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


@pytest.mark.claim("tensors#running-example")
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


def test_numpy_and_matmul_agree_on_the_running_example(ran: Any) -> None:
    x1, x2, x3 = np.array([1, 2]), np.array([3, 4]), np.array([5, 6])
    assert (x1 + 2 * x2) @ x3 / 5 == 19
    assert "tensor(19.)\ntorch.Size([])\n19.0\ntensor(19.)\n" in ran.output


@pytest.mark.claim("tensors#digits")
def test_float32_keeps_about_seven_digits_and_float64_about_sixteen() -> None:
    numbers = np.random.default_rng(0).uniform(1, 10, 1000)
    for dtype, size, digits in ((torch.float32, 4, 7), (torch.float64, 8, 16)):
        assert torch.zeros(1, dtype=dtype).element_size() == size
        worst = 0.0
        for number in numbers:
            exact = Fraction(float(number)) / 3  # of more digits than either keeps
            kept = Fraction(torch.tensor(float(exact), dtype=dtype).item())
            worst = max(worst, float(abs(kept - exact) / exact))
        assert 10 ** -(digits + 1) < worst < 2 * 10**-digits


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


@pytest.mark.claim("tensors#strides")
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
    (step,) = names["second"].stride()
    for i in range(3):
        assert memory[names["second"].storage_offset() + i * step] == names["second"][i]


def test_transposing_swaps_the_two_strides(names: dict[str, Any]) -> None:
    assert names["m"].stride() == (3, 1)
    assert names["flipped"].stride() == (1, 3)


def test_the_99_stands_once_in_memory_and_in_every_view(names: dict[str, Any]) -> None:
    assert names["in_memory"].tolist() == [10, 11, 12, 13, 99, 15]
    for view in ("m", "flipped", "second"):
        assert (names[view] == 99).sum() == 1


def shows_through(code: str) -> bool:
    """Whether an edit of the result of this expression of m changes m itself."""
    m = torch.arange(10.0, 16.0).reshape(2, 3)
    before = m.clone()
    result = eval(code, {"m": m})
    result += 1
    return not torch.equal(m, before)


@pytest.mark.claim("tensors#view-or-copy")
@pytest.mark.parametrize(
    ("shares", "code"),
    [(True, code) for code in ("m[1]", "m[:, 0]", "m[:, ::2]", "m[1:]", "m.T", "m.mT")]
    + [(False, code) for code in ("m + 0", "1 * m", "-m", "m.exp()", "m.clone()")]
    + [(False, code) for code in ("m[[0, 1]]", "m[[1]]", "m[m > 12]", "m[m > 0]")],
)
def test_slices_and_transposes_are_views_and_the_rest_copies(
    shares: bool, code: str
) -> None:
    assert shows_through(code) is shares


def test_the_page_says_shares_exactly_where_an_edit_shows_through(
    names: dict[str, Any], ran: Any
) -> None:
    for code in names["results"]:
        word = "shares memory with m" if shows_through(code) else "copies"
        assert f"{code:16} {word}\n" in ran.output


@pytest.mark.claim("tensors#reshape-or-view")
def test_reshape_copies_exactly_where_view_refuses() -> None:
    kinds = set()
    for shape in itertools.product((1, 2, 3, 4), repeat=3):
        for order in itertools.permutations(range(3)):
            source = torch.zeros(shape).permute(order)
            for target in {(source.numel(),), (shape[0], -1), (-1, shape[2])}:
                result = source.reshape(target)
                copied = result.data_ptr() != source.data_ptr()
                try:
                    assert source.view(target).data_ptr() == source.data_ptr()
                    refused = False
                except RuntimeError:
                    refused = True
                assert copied == refused
                kinds.add(refused)
    assert kinds == {True, False}


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


@pytest.mark.claim("tensors#numpy-memory")
def test_from_numpy_and_numpy_share_memory_and_tensor_copies() -> None:
    for dtype in (np.float32, np.float64, np.int64, np.bool_):
        a = np.zeros(3, dtype=dtype)
        torch.from_numpy(a)[0] = 1
        assert a[0] == 1
        torch.tensor(a)[1] = 1
        assert a[1] == 0
        t = torch.from_numpy(a).clone()
        t.numpy()[2] = 1
        assert t[2] == 1


@pytest.mark.claim("tensors#default-dtypes")
def test_floats_become_float32_integers_int64_and_arrays_keep_their_dtype() -> None:
    assert torch.tensor([0.5, 1e30]).dtype == torch.float32
    assert torch.tensor([1, 2**40]).dtype == torch.int64
    for dtype in (np.float16, np.float32, np.float64, np.int8, np.int32, np.int64):
        a = np.ones(2, dtype=dtype)
        assert torch.tensor(a).numpy().dtype == torch.from_numpy(a).numpy().dtype
        assert torch.tensor(a).numpy().dtype == dtype


def stretched(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
    """The rule of the page on two shapes, in plain Python; None if they do not fit."""
    result = []
    pairs = itertools.zip_longest(reversed(left), reversed(right), fillvalue=1)
    for one, other in pairs:
        if one != other and 1 not in (one, other):
            return None
        result.append(other if one == 1 else one)
    return tuple(reversed(result))


@pytest.mark.claim("tensors#broadcast-rule")
def test_lengths_fit_from_the_last_axis_on_if_equal_or_one_or_missing() -> None:
    shapes = [
        shape
        for axes in range(4)
        for shape in itertools.product((1, 2, 3), repeat=axes)
    ]
    for left, right in itertools.product(shapes, repeat=2):
        expected = stretched(left, right)
        if expected is None:
            with pytest.raises(RuntimeError):
                torch.zeros(left) - torch.zeros(right)
            with pytest.raises(RuntimeError):
                torch.broadcast_shapes(left, right)
        else:
            assert (torch.zeros(left) - torch.zeros(right)).shape == expected
            assert torch.broadcast_shapes(left, right) == expected


@pytest.mark.claim("tensors#column-minus-vector")
def test_a_vector_minus_a_column_has_the_shape_n_n() -> None:
    for n in (1, 2, 5):
        assert (torch.zeros(n) - torch.zeros(n, 1)).shape == (n, n)
        assert (torch.zeros(n, 1) - torch.zeros(n)).shape == (n, n)


@pytest.mark.claim("tensors#at-is-matmul")
def test_at_and_matmul_give_the_same_for_vectors_matrices_and_stacks() -> None:
    torch.manual_seed(0)
    shapes = [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4))]
    for left, right in shapes:
        a, b = torch.randn(left), torch.randn(right)
        assert torch.equal(a @ b, torch.matmul(a, b))


@pytest.mark.claim("tensors#transposes")
def test_mt_swaps_the_last_two_axes_of_any_tensor_and_t_those_of_a_matrix() -> None:
    for shape in ((2, 3), (5, 2, 3), (4, 5, 2, 3)):
        x = torch.rand(shape)
        assert x.mT.shape == (*shape[:-2], 3, 2)
        assert torch.equal(x.mT, x.transpose(-1, -2))
    matrix = torch.rand(2, 3)
    assert torch.equal(matrix.T, matrix.mT)


@pytest.mark.claim("tensors#star-and-at")
def test_at_between_vectors_is_the_sum_of_what_star_multiplies() -> None:
    torch.manual_seed(0)
    for n in (1, 2, 7):
        a, b = torch.randn(2, n, dtype=torch.float64)
        products = [x * y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        assert (a * b).tolist() == products
        assert (a @ b).item() == pytest.approx(sum(products))


def test_the_arranged_shapes_hold_the_same_numbers(names: dict[str, Any]) -> None:
    flat = list(range(6))
    for code in ("flat.reshape(2, 3)", "flat.view(2, 3)", "flat.unflatten(0, (2, 3))"):
        assert names["arranged"][code].tolist() == [flat[:3], flat[3:]]
    pairs = names["arranged"]["torch.cartesian_prod(flat, x1)"].tolist()
    assert [tuple(pair) for pair in pairs] == list(itertools.product(flat, (1, 2)))


def test_gather_picks_one_entry_from_each_row(names: dict[str, Any]) -> None:
    rows = [[1, 2, 3], [4, 5, 6]]
    picked = [
        [row[i] for i in (index,)] for row, index in zip(rows, (2, 0), strict=True)
    ]
    assert names["matrix"].gather(1, names["index"]).tolist() == picked


def test_every_home_has_its_distance_to_every_shop(ran: Any) -> None:
    shops, homes = [(0, 0), (3, 4)], [(0, 0), (0, 4), (3, 0)]
    rows = [[math.dist(home, shop) for shop in shops] for home in homes]
    assert rows == [[0, 5], [4, 3], [3, 4]]
    assert ran.output.endswith(f"{torch.tensor(rows)}\n")


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
    assert ran.output.startswith(f"tensor({sum(pairs) / len(pairs):.4f})\n")
    assert "(3, 3)\n(3,) tensor(0.)\n" in ran.output


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
