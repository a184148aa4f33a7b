"""A chapter as a notebook, with the outputs and figures of this run."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.weave.books import SmallBook, page
from weave import publish

Make = Callable[[dict[str, str]], SmallBook]
TEXT = (
    "---\ntitle: Curves\n---\n\n# Curves\n\nSee [tensors](tensors.md#shape) and "
    "[the site](https://pytorch.org).\n\n"
    + page("a.py#curve", printing="curve").removeprefix("# A page\n\n")
    + '\n![A "rising" line](figures/a/curve.svg)\n\n![None](figures/a/curve-2.svg)\n'
    '\n<details markdown="1">\n<summary>Solution</summary>\n\n'
    + page("a.py#curve-wide").removeprefix("# A page\n\n")
    + "\n![Wide](figures/a/curve-wide.svg)\n\n</details>\n\nThe end.\n"
)
CODE = """\
# %% curve
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.figure()
print("two\\nlines")

# %% curve-wide
plt.plot([3])
"""


@pytest.fixture
def text(make_book: Make) -> str:
    """The notebook of a book's one chapter, as JSON text."""
    book = make_book({"snippets/a.py": CODE, "docs/a.md": TEXT})
    woven = book.weave()
    assert not woven.failures
    ((name, text),) = publish.notebooks(woven)
    assert name == "notebooks/a.ipynb"
    return text


@pytest.fixture
def cells(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["cells"]
    return found


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_prose_and_code_alternate_as_on_the_page(cells: list[dict[str, Any]]) -> None:
    kinds = [cell["cell_type"] for cell in cells]
    assert kinds == ["markdown", "code", "markdown", "code", "markdown"]
    assert source(cells[1]).startswith("import matplotlib.pyplot as plt\n")
    assert source(cells[3]) == "plt.plot([3])"
    assert source(cells[4]) == "**Figure 3.**\n\nThe end."


def test_prose_reads_well_outside_of_the_site(cells: list[dict[str, Any]]) -> None:
    assert source(cells[0]) == (
        "# Curves\n\nSee tensors and [the site](https://pytorch.org)."
    )
    assert source(cells[2]) == "**Figure 1.**\n\n**Figure 2.**\n\n**Solution**"


def test_outputs_are_those_of_this_run(cells: list[dict[str, Any]]) -> None:
    stream, *pictures = cells[1]["outputs"]
    assert stream["output_type"] == "stream"
    assert "".join(stream["text"]) == "two\nlines\n"
    assert len(pictures) == 2
    html = "".join(pictures[0]["data"]["text/html"])
    data = html.partition("base64,")[2].removesuffix('">')
    assert base64.b64decode(data).startswith(b"<?xml")


def test_every_figure_has_its_own_alternative_text(cells: list[dict[str, Any]]) -> None:
    pictures = [
        "".join(output["data"]["text/html"]).partition(" src=")[0]
        for cell in cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert pictures == [
        '<img alt="A &quot;rising&quot; line"',
        '<img alt="None"',
        '<img alt="Wide"',
    ]


def test_a_notebook_is_valid_and_the_same_each_time(text: str, make_book: Make) -> None:
    data = json.loads(text)
    assert (data["nbformat"], data["nbformat_minor"]) == (4, 5)
    names = [cell["id"] for cell in data["cells"]]
    assert len(set(names)) == len(names)
    for cell in data["cells"]:
        assert cell.keys() >= {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            assert cell.keys() >= {"execution_count", "outputs"}
            compile(source(cell), "cell", "exec")
    assert text.endswith("}\n")


def test_a_chapter_without_code_is_no_notebook(make_book: Make) -> None:
    book = make_book({"docs/a.md": "# Only prose\n"})
    assert list(publish.notebooks(book.weave())) == []
