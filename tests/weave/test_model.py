"""The vocabulary: how a problem reads, and how cells are found by name."""

from __future__ import annotations

from pathlib import Path

from weave.model import Cell, Problem, Source, WeaveError
from weave.results import CellResult, Result

PLACE = Path("docs/a.md")


def test_a_problem_reads_as_file_line_what_is_wrong_and_what_to_do() -> None:
    problem = Problem(PLACE, 7, "this fence is never closed", "add a line of ```")
    assert str(problem) == "docs/a.md:7: this fence is never closed; add a line of ```"


def test_the_detail_of_a_problem_is_indented_below_it() -> None:
    problem = Problem(PLACE, 7, "differs", "look", "- 1\n+ 2")
    assert str(problem) == "docs/a.md:7: differs; look\n    - 1\n    + 2"


def test_an_error_says_all_its_problems() -> None:
    error = WeaveError(Problem(PLACE, 1, "one", "do"), Problem(PLACE, 2, "two", "do"))
    assert str(error) == "docs/a.md:1: one; do\ndocs/a.md:2: two; do"
    assert [problem.line for problem in error.problems] == [1, 2]


def test_a_cell_is_addressed_by_its_module_and_name() -> None:
    cell = Cell("tensors", "create", "x = 1", 3)
    source = Source(Path("tensors.py"), "tensors", "", (cell,), ())
    assert cell.address == "tensors.py#create"
    assert source.cell("create") is cell
    assert source.cell("other") is None


def test_a_cells_result_is_found_by_its_name() -> None:
    one = CellResult("one", "1")
    result = Result("a", (one,), 0.1, 0.1, "cpu", ())
    assert result.cell("one") is one
    assert result.cell("two") is None
