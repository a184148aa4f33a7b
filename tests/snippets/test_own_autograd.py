"""The mathematics of the chapter "Your own autograd"."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest


def test_the_total_is_the_one_by_hand(run_module: Callable[[str], Any]) -> None:
    assert run_module("own_autograd").namespace["total"] == 3 + 5 + 7


@pytest.mark.claim("own_autograd#any-order")
def test_the_sum_of_whole_numbers_does_not_depend_on_their_order() -> None:
    chance = random.Random(0)
    for _ in range(100):
        numbers = [chance.randint(-(10**9), 10**9) for _ in range(10)]
        total = sum(numbers)
        chance.shuffle(numbers)
        assert sum(numbers) == total
