"""What torchvision gave where it was recorded, and that its absence is told."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

RECORDED = Path(__file__).parents[2] / "recorded" / "cpu" / "results.json"


def is_here() -> bool:
    """Whether torchvision can be imported, which takes more than its being there."""
    try:
        importlib.import_module("torchvision")
    except Exception:  # noqa: BLE001  # of another torch it raises RuntimeError
        return False
    return True


@pytest.fixture
def printed() -> dict[str, str]:
    """What each cell printed in the environment that has torchvision."""
    run = json.loads(RECORDED.read_text("utf-8"))["modules"]["vision_torchvision"]
    assert run["facts"]["torchvision"].startswith("0.29.1")
    assert run["facts"]["PyTorch"].startswith("2.14.1")
    return {cell["name"]: cell["output"] for cell in run["result"]["cells"]}


def resnet18(classes: int) -> int:
    """The parameters of ResNet-18, counted from the paper's table of its layers."""

    def conv(k: int, before: int, after: int) -> int:
        return k * k * before * after + 2 * after  # batch norm has two for a channel

    count, before = conv(7, 3, 64), 64
    for after in (64, 128, 256, 512):
        count += conv(3, before, after) + 3 * conv(3, after, after)
        if before != after:
            count += conv(1, before, after)
        before = after
    return count + 512 * classes + classes


def test_where_torchvision_is_missing_the_module_says_what_to_install(
    run_module: Callable[[str], Any],
) -> None:
    if is_here():
        pytest.skip("torchvision is here")
    told = "To run these cells: python3 -m pip install torchvision\n"
    assert run_module("vision_torchvision").output == told


def test_where_torchvision_is_here_the_cells_print_what_was_recorded(
    run_module: Callable[[str], Any], printed: dict[str, str]
) -> None:
    if not is_here():
        pytest.skip("torchvision is missing")
    told = "".join(f"{text}\n" for text in printed.values() if text)
    assert run_module("vision_torchvision").output == told


def test_torchvision_states_which_pytorch_it_needs(printed: dict[str, str]) -> None:
    assert printed["torchvision"].startswith("torchvision 0.29.1 needs torch")
    assert "2.14" in printed["torchvision"]


def test_the_recorded_folders_are_the_ten_classes(printed: dict[str, str]) -> None:
    _, classes = load_digits(return_X_y=True)
    assert printed["write"] == str(sorted({str(each) for each in classes[:100]}))
    first = f"100 images, {len(np.unique(classes[:100]))} classes\n"
    assert printed["image-folder"].startswith(first)
    assert printed["image-folder"].endswith("as by hand: True")


def test_the_recorded_counts_are_those_of_the_paper(printed: dict[str, str]) -> None:
    assert f"{resnet18(10):,} parameters" in printed["resnet"]
    assert f"{resnet18(1000):,} parameters" in printed["pretrained"]
    assert printed["head"].endswith(str(512 * 10 + 10))


def test_the_saved_weights_gave_the_same_logits(printed: dict[str, str]) -> None:
    assert printed["save"] == "the same logits: True"
    assert printed["augment"] == "twice the same: False"
