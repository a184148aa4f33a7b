"""Every module on this machine's accelerator gives what it gives on the CPU."""

from __future__ import annotations

import pytest
import torch

from tests.gpu import agreement
from tests.gpu.agreement import Run

needs_accelerator = pytest.mark.skipif(
    agreement.accelerator() is None,
    reason="torch finds no accelerator on this machine (CUDA, ROCm, XPU or MPS), so "
    "there is nothing to compare with the CPU; tests/snippets has run on the CPU",
)


@needs_accelerator
@pytest.mark.parametrize("module", agreement.modules())
def test_a_module_gives_the_same_on_both(module: str) -> None:
    apart = agreement.shown_apart().get(module, [])
    cpu = agreement.run(module, on_cpu=True)
    other = agreement.run(module, on_cpu=False)
    assert agreement.different_outputs(cpu, other, apart) == []
    measured = agreement.assigned(module, apart)
    assert agreement.different_numbers(cpu.values, other.values, measured) == []


def test_the_comparison_finds_another_digit_but_not_another_name() -> None:
    one = Run({"a": "12.5 on cpu\n", "b": "True\n"}, {})
    same = Run({"a": "12.5 on cuda:0\n", "b": "True\n"}, {})
    other = Run({"a": "12.6 on cuda:0\n"}, {})
    assert agreement.different_outputs(one, same, []) == []
    found = agreement.different_outputs(one, other, [])
    assert [each.partition(":")[0] for each in found] == ["a", "b"]
    assert "12.6 on cuda:0" in found[0]
    assert agreement.different_outputs(one, other, ["a", "b"]) == []


def test_the_comparison_finds_numbers_that_do_not_agree() -> None:
    one = {"x": torch.tensor([1.0, 2.0]), "nan": torch.tensor(float("nan"))}
    assert agreement.different_numbers(one, one, set()) == []
    close = {**one, "x": torch.tensor([1.0005, 2.0])}
    assert agreement.different_numbers(one, close, set()) == []
    far = {**one, "x": torch.tensor([1.01, 2.0])}
    assert agreement.different_numbers(one, far, set()) == ["x differs by up to 0.01"]
    assert agreement.different_numbers(one, far, {"x"}) == []
    short = {**one, "x": torch.tensor([1.0])}
    assert agreement.different_numbers(one, short, set()) == [
        "x has shape (2,), then (1,)"
    ]
    del short["x"]
    assert agreement.different_numbers(one, short, set()) == [
        "x is missing on the other device"
    ]


def test_a_module_runs_in_a_process_of_its_own_without_an_accelerator() -> None:
    ran = agreement.run("devices", on_cpu=True)
    assert ran.outputs["device"] == "cpu\n"
    assert ran.outputs["three-ways"] == f"{1.0 + 2 + 3}\n"
    assert ran.values["c"] == 3
    assert "model.weight" not in ran.values  # it is on meta in the end
    again = agreement.run("devices", on_cpu=True)
    assert agreement.different_outputs(ran, again, []) == []
    assert agreement.different_numbers(ran.values, again.values, set()) == []


def test_numbers_that_are_drawn_without_a_seed_are_the_same_in_both() -> None:
    one, other = (agreement.run("differences", on_cpu=cpu) for cpu in (True, False))
    assert "model.weight" in one.values
    assert agreement.different_numbers(one.values, other.values, set()) == []


def test_a_module_that_fails_tells_why() -> None:
    with pytest.raises(AssertionError, match="KeyError: 'nothing'"):
        agreement.run("nothing", on_cpu=True)


def test_what_measured_cells_assign_is_known() -> None:
    names = agreement.assigned("speed", ["too-early", "workloads"])
    assert {"A", "too_early", "right", "points", "work"} <= names
    assert "held" not in names
