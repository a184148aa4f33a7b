"""The fixture from which the engine's tests get their books."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import SmallBook
from weave.run import pool


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Begin to import the slow packages, once for the few tests that need them."""
    pool.preload(["matplotlib.pyplot", "pandas", "torch"])


@pytest.fixture
def make_book(tmp_path: Path) -> Callable[[dict[str, str]], SmallBook]:
    """`make_book({"snippets/a.py": ..., "docs/a.md": ...})` writes the files."""

    def make(files: dict[str, str]) -> SmallBook:
        book = SmallBook(tmp_path / "book")
        (book.root / "docs").mkdir(parents=True)
        (book.root / "snippets").mkdir()
        for name, text in files.items():
            book.write(name, text)
        return book

    return make
