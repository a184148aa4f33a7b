"""Is what the chapter on devices says and prints true?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("devices")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def test_one_two_three_make_six_on_the_device_that_was_found(
    ran: Any, names: dict[str, Any]
) -> None:
    kind = names["device"].type
    assert ran.output.split()[:3] == [str(names["device"]), str(1.0 + 2 + 3), kind]
    assert all(names[name].device.type == kind for name in "abc")


def test_the_device_is_an_accelerator_only_if_one_is_available(
    names: dict[str, Any],
) -> None:
    is_accelerator = names["device"].type != "cpu"
    assert is_accelerator == torch.accelerator.is_available()


def test_all_three_ways_to_an_absent_device_raise_the_same_error(ran: Any) -> None:
    absent = re.findall(
        r"^AssertionError: Torch not compiled with (\w+) enabled$", ran.output, re.M
    )
    assert len(absent) == 3
    assert len(set(absent)) == 1
    assert absent[0] == ("XPU" if torch.backends.cuda.is_built() else "CUDA")


def test_without_the_check_a_build_for_cuda_would_still_name_cuda() -> None:
    built_for = torch.accelerator.current_accelerator()
    if torch.backends.cuda.is_built():
        assert built_for == torch.device("cuda")
    if built_for is None:
        assert torch.accelerator.current_accelerator(check_available=True) is None


def test_the_steps_of_gradient_descent_follow_their_closed_form(ran: Any) -> None:
    # x - 0.7 * 2 x = -0.4 x in each step
    steps = " ".join(f"{(-0.4) ** k:.2f}" for k in range(10))
    assert f"\n{steps}\n" in ran.output
    assert steps.startswith("1.00 -0.40 0.16 -0.06 0.03 -0.01 0.00")


def test_the_trained_layer_is_the_least_squares_solution(ran: Any) -> None:
    random = np.random.RandomState(0)
    x = random.rand(1000, 2)
    y = 2 * x[:, 0] - x[:, 1] + random.randn(1000)
    design = np.column_stack([x, np.ones(1000)])
    (w1, w2, b), squares, *_ = np.linalg.lstsq(design, y)
    assert f"weights {w1:.2f} {w2:.2f}  bias {b:.2f}\n" in ran.output
    assert f"loss {squares[0] / 1000:.3f}\n" in ran.output


def test_a_vector_and_a_ghost_are_refused_but_numbers_are_allowed() -> None:
    ghost = torch.ones(2, device="meta")
    for cpu_tensor in (torch.ones(2), torch.ones(1)):
        with pytest.raises(RuntimeError, match="not on the expected device"):
            cpu_tensor * ghost
    for number in (2.0, torch.tensor(2.0)):
        assert (number * ghost).is_meta
        assert (ghost - number).is_meta
    with pytest.raises(RuntimeError, match="not on the expected device"):
        torch.ones(2) * torch.tensor(2.0, device="meta")


def test_this_pytorch_lets_a_matrix_product_with_a_ghost_pass(ran: Any) -> None:
    product = torch.ones(2, 2) @ torch.ones(2, 2, device="meta")
    assert product.device == torch.device("cpu")
    assert "refused" not in ran.output


def test_to_records_a_copy_but_returns_the_tensor_itself_where_it_is() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert x.to("cpu") is x
    copy = x.to("cpu", copy=True)
    assert copy is not x
    assert copy.data_ptr() != x.data_ptr()
    moved = x.to("meta")
    assert not moved.is_leaf
    assert moved.grad_fn is not None


def test_the_repaired_sum_agrees_with_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    assert names["weighted_sum_anywhere"](torch.tensor([5.0, 6.0])) == 1 * 5 + 2 * 6
    ghost = names["weighted_sum_anywhere"](torch.ones(2, device="meta"))
    assert ghost.is_meta
    assert ghost.shape == ()


def test_a_moved_model_has_parameters_that_the_old_optimizer_does_not_hold() -> None:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.to("meta")
    held = {id(p) for p in optimizer.param_groups[0]["params"]}
    assert held.isdisjoint(id(p) for p in model.parameters())


def test_no_default_device_is_left_behind(ran: Any) -> None:
    assert ran.output
    assert torch.get_default_device() == torch.device("cpu")


def test_one_hot_agrees_with_pytorchs_own(names: dict[str, Any]) -> None:
    labels = torch.tensor([3, 0, 3, 1])
    expected = torch.nn.functional.one_hot(labels, 5).float()
    assert torch.equal(names["one_hot"](labels, 5), expected)


def test_move_leaves_all_but_tensors_as_it_was(names: dict[str, Any]) -> None:
    batch = {"x": torch.ones(2), "deep": [{"y": torch.zeros(3)}, "name", None], "n": 3}
    moved = names["move"](batch, "meta")
    assert moved["x"].is_meta
    assert moved["deep"][0]["y"].is_meta
    assert moved["deep"][1:] == ["name", None]
    assert moved["n"] == 3
    assert not batch["x"].is_meta if isinstance(batch["x"], Tensor) else False


def test_the_large_layer_counts_as_by_hand(ran: Any) -> None:
    weights, biases = 100_000 * 1_000_000, 100_000
    assert ran.output.count(f"{4 * (weights + biases):,} bytes") == 2
