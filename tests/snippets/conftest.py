"""Hands the results of a chapter's module to its tests.

Where the blocks of its page have just run in this process, one after another, these are
the results; otherwise the module runs, once a session.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import runpy
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

SNIPPETS = Path(__file__).parents[2] / "snippets"
matplotlib.use("agg")


@dataclass(frozen=True)
class Run:
    """A module that has run: the names it defined, and all that it printed."""

    namespace: dict[str, Any]
    output: str


@functools.cache
def _run(name: str) -> Run | Exception:
    blocks: Any = sys.modules.get("tests.blocks")
    session = blocks and blocks.SESSIONS.get(name)
    if session and session.names is not None:
        return Run(session.names, "".join(session.printed))
    printed = io.StringIO()
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        sys.path.insert(0, str(SNIPPETS))
        os.chdir(empty)
        try:
            with contextlib.redirect_stdout(printed):
                namespace = runpy.run_path(
                    str(SNIPPETS / f"{name}.py"), run_name="__main__"
                )
        except Exception as error:  # noqa: BLE001  # each test of the module tells it
            return error
        finally:
            os.chdir(here)
            sys.path.remove(str(SNIPPETS))
            plt.close("all")
    return Run(namespace, printed.getvalue())


@pytest.fixture
def run_module() -> Callable[[str], Run]:
    """`run_module("tensors")` runs snippets/tensors.py, once a session."""

    def run(name: str) -> Run:
        ran = _run(name)
        if isinstance(ran, Exception):
            raise ran
        return ran

    return run


@pytest.fixture(scope="session")
def tumors() -> tuple[Any, Any]:
    """The lab's two features and 1 for malignant, in float64, in its order of rows."""
    bunch = load_breast_cancer()
    rows = np.random.RandomState(0).permutation(569)
    return bunch.data[rows, :2], 1.0 - bunch.target[rows]
