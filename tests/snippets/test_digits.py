"""The data that the chapters on the digits share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_digits


def test_the_parts_are_the_whole_set_each_image_once(
    run_module: Callable[[str], Any],
) -> None:
    parts = run_module("digits").namespace["load_parts"]()
    assert [len(y) for _, y in parts] == [1078, 359, 360]
    rows = [np.column_stack([X.numpy() * 16, y.numpy()]) for X, y in parts]
    joined = np.concatenate(rows)
    pixels, classes = load_digits(return_X_y=True)
    whole = np.column_stack([pixels, classes])
    assert sorted(map(tuple, joined)) == sorted(map(tuple, whole))
