"""Is what the chapter on devices says and prints true?"""

import io
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


@pytest.mark.claim("devices#device-exists")
def test_the_device_that_is_found_exists_on_this_machine(
    names: dict[str, Any],
) -> None:
    device = names["device"]
    assert (device.type != "cpu") == torch.accelerator.is_available()
    assert torch.ones(3, device=device).sum().item() == 3  # it computes
    built_for = torch.accelerator.current_accelerator()  # without looking
    if built_for is None:
        assert device.type == "cpu"
    elif not torch.accelerator.is_available():
        with pytest.raises((AssertionError, RuntimeError)):
            torch.ones(3, device=built_for)


@pytest.mark.claim("devices#three-ways")
def test_all_three_ways_reach_a_device_or_refuse_a_missing_one(
    ran: Any, names: dict[str, Any]
) -> None:
    here = names["device"].type
    x = torch.tensor([1.0, 2.0])

    def ways(kind: str) -> list[Callable[[], Tensor]]:
        return [
            lambda: getattr(x, kind)(),
            lambda: x.to(kind),
            lambda: torch.tensor([1.0, 2.0], device=kind),
        ]

    for way in ways(here if here in {"cpu", "cuda", "xpu"} else "cpu"):
        assert way().device.type in {here, "cpu"}
        assert way().tolist() == [1.0, 2.0]
    missing = [kind for kind in ("cuda", "xpu") if kind != here]
    for kind in missing:
        for way in ways(kind):
            with pytest.raises((AssertionError, RuntimeError)):
                way()
    assert ran.output.count(" is refused\n") == 3


def test_a_build_for_cpus_says_what_the_text_quotes() -> None:
    if torch.version.cuda or torch.version.hip:
        pytest.skip("this PyTorch is built for a GPU")
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        torch.ones(2).to("cuda")


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


@pytest.mark.claim("devices#mixing")
@pytest.mark.parametrize("operation", [torch.add, torch.mul, torch.sub, torch.maximum])
def test_two_devices_do_not_mix_but_numbers_go_with_any(operation: Any) -> None:
    places = [torch.device("meta")]
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is not None:
        places.append(found)
    for place in places:
        there = torch.ones(2, device=place)
        for here in (torch.ones(2), torch.ones(1)):
            for pair in ((here, there), (there, here)):
                with pytest.raises(RuntimeError, match="device"):
                    operation(*pair)
        for pair in ((torch.tensor(2.0), there), (there, torch.tensor(2.0))):
            assert operation(*pair).device.type == place.type
    assert (2.0 * torch.ones(2, device="meta")).is_meta
    with pytest.raises(RuntimeError, match="not on the expected device"):
        torch.ones(2) * torch.tensor(2.0, device="meta")


@pytest.mark.claim("devices#follows")
@pytest.mark.parametrize("place", ["cpu", "meta", "found"])
def test_results_and_gradients_are_where_the_operands_are(
    names: dict[str, Any], place: str
) -> None:
    device = names["device"] if place == "found" else torch.device(place)
    x = torch.ones(3, 2, device=device, requires_grad=True)
    w = torch.ones(2, device=device, requires_grad=True)
    results = [x @ w, x.sum(0), x.exp(), torch.cat([x, x]), (x @ w).mean()]
    assert {each.device.type for each in results} == {device.type}
    results[-1].backward()
    assert x.grad is not None
    assert w.grad is not None
    assert {x.grad.device.type, w.grad.device.type} == {device.type}


def test_this_pytorch_lets_a_matrix_product_with_a_ghost_pass(ran: Any) -> None:
    product = torch.ones(2, 2) @ torch.ones(2, 2, device="meta")
    assert product.device == torch.device("cpu")
    assert ran.namespace["ghost"].is_meta


@pytest.mark.claim("devices#to-tensor")
def test_to_records_a_copy_but_returns_the_tensor_itself_where_it_is() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert x.to("cpu") is x
    copy = x.to("cpu", copy=True)
    assert copy is not x
    assert copy.data_ptr() != x.data_ptr()
    moved = x.to("meta")
    assert not moved.is_leaf
    assert moved.grad_fn is not None


@pytest.mark.claim("devices#device-of-arguments")
def test_the_repaired_sum_agrees_with_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    assert names["weighted_sum_anywhere"](torch.tensor([5.0, 6.0])) == 1 * 5 + 2 * 6
    on_device = torch.tensor([5.0, 6.0], device=names["device"])
    assert names["weighted_sum_anywhere"](on_device).item() == 1 * 5 + 2 * 6
    ghost = names["weighted_sum_anywhere"](torch.ones(2, device="meta"))
    assert ghost.is_meta
    with pytest.raises(RuntimeError, match="device"):
        names["weighted_sum"](torch.ones(2, device="meta"))
    assert ghost.shape == ()


@pytest.mark.claim("devices#to-module")
def test_a_moved_module_has_parameters_that_the_old_optimizer_does_not_hold() -> None:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert model.to("meta") is model
    assert all(each.is_meta for each in model.parameters())
    held = {id(p) for p in optimizer.param_groups[0]["params"]}
    assert held.isdisjoint(id(p) for p in model.parameters())


def test_a_moved_module_leaves_tensors_behind_that_are_plain_attributes() -> None:
    model = torch.nn.Linear(2, 1)
    model.plain = torch.ones(2)
    model.register_buffer("fixed", torch.ones(2))
    model.to("meta")
    assert (model.plain.is_meta, model.fixed.is_meta) == (False, True)


def test_copy_and_indices_may_come_from_another_device() -> None:
    there = torch.ones(2, device="meta")
    assert there.copy_(torch.zeros(2)).is_meta
    assert there[torch.tensor([1])].is_meta


@pytest.mark.claim("devices#with-device")
def test_the_default_device_counts_where_nothing_else_decides() -> None:
    here, array = torch.ones(2), np.ones(2)
    with torch.device("meta"):
        undecided = [torch.ones(2), torch.tensor([1.0]), torch.nn.Linear(2, 1).weight]
        decided = [
            torch.ones_like(here),
            torch.from_numpy(array),
            here + 1,
            torch.ones(2, device="cpu"),
        ]
    assert all(each.is_meta for each in undecided)
    assert not any(each.is_meta for each in decided)
    assert not torch.ones(2).is_meta


@pytest.mark.claim("devices#map-location")
@pytest.mark.parametrize("saved_from", ["cpu", "found"])
def test_map_location_loads_to_another_device(
    names: dict[str, Any], saved_from: str
) -> None:
    device = names["device"] if saved_from == "found" else torch.device("cpu")
    file = io.BytesIO()
    torch.save(torch.arange(3.0, device=device), file)
    for place in ("cpu", "meta", names["device"].type):
        file.seek(0)
        loaded = torch.load(file, map_location=place)
        assert loaded.device.type == place
        if place != "meta":
            assert loaded.tolist() == [0.0, 1.0, 2.0]


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
