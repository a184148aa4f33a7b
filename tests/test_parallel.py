"""What is about one chapter runs in one process."""

from __future__ import annotations

import pytest

parallel = pytest.importorskip("tests.parallel")


@pytest.mark.parametrize(
    "nodeid",
    [
        "docs/pytorch/tensors.md::line 12",
        "tests/snippets/test_tensors.py::test_a_view_shares_its_memory",
        "tests/snippets/test_tensors.py::test_a_shape[a::b/c.d]",
    ],
)
def test_a_chapters_blocks_and_tests_are_about_the_same(nodeid: str) -> None:
    assert parallel.scope_of(nodeid) == "tensors"
