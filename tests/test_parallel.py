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


def test_kernels_that_run_notebooks_are_each_of_its_own() -> None:
    test = "test_alone_on_another_machine_every_notebook_prints_what_it_carries"
    ids = [f"tests/test_notebooks.py::{test}[{kernel}]" for kernel in range(4)]
    other = "tests/test_notebooks.py::test_a_notebook_is_valid[tensors]"
    scopes = {parallel.scope_of(nodeid) for nodeid in [*ids, other]}
    assert scopes == {"notebooks", *(f"notebooks{k}]" for k in range(4))}
