"""What differs because the page is old, and what because of the machine."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.weave.books import OUTPUT, SmallBook, page, rendered
from weave import build
from weave.read.book import read_book
from weave.results import CellResult
from weave.woven import Woven

Make = Callable[[dict[str, str]], SmallBook]


@pytest.fixture
def book(make_book: Make) -> SmallBook:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nprint('here')\n\n# %% two\nprint(2)\n",
            "docs/a.md": page("a.py#one", "a.py#two", printing="one two"),
        }
    )
    assert book.run().returncode == 0
    return book


def on_another_machine(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch, printed: str
) -> None:
    """Let cell one print something else from now on, with other versions."""
    weave = build.weave

    def woven(*arguments: object, **settings: object) -> Woven:
        known = weave(*arguments, **settings)  # type: ignore[arg-type]  # as given
        result = known.results["a"]
        cells = (CellResult("one", printed), *result.cells[1:])
        versions = (("python", "3.99.0"),)
        results = {"a": replace(result, cells=cells, versions=versions)}
        return build.checked(replace(known, results=results))

    monkeypatch.setattr(build, "weave", woven)


def test_of_which_code_the_outputs_are_stands_beside_the_recordings(
    book: SmallBook,
) -> None:
    told = json.loads(book.read("recorded/pages.json"))
    assert f"python {platform.python_version()}" in told["on"]
    assert list(told["code"]) == ["a.py#one", "a.py#two"]
    before = book.read("recorded/pages.json")
    assert book.run().returncode == 0
    assert book.read("recorded/pages.json") == before
    book.write("snippets/b.py", "# %% one\nimport numpy as np\nprint(np.sum([1]))\n")
    book.write("docs/b.md", page("b.py#one", printing="one"))
    assert book.run("--only", "b").returncode == 0  # which tells nothing of the others
    assert json.loads(book.read("recorded/pages.json"))["on"] == told["on"]
    assert book.run().returncode == 0
    assert "numpy" in json.loads(book.read("recorded/pages.json"))["on"][1]


def test_the_same_code_that_prints_otherwise_differs_because_of_the_machine(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_another_machine(book, monkeypatch, "there")
    (problem,) = build.weave(read_book(book.root)).problems
    assert problem.machine
    assert problem.warning
    said = str(problem)
    assert "docs/a.md:10: differs from what snippets/a.py#one prints on this" in said
    assert f"filled in with python {platform.python_version()}" in said
    assert "this is python 3.99.0" in said
    assert "- here" in said
    assert "+ there" in said
    checked = book.run("--check")
    assert checked.returncode == 1
    head = "The pages are up to date, but this machine prints something else:"
    assert checked.stderr.startswith(head)


def test_what_is_old_is_told_apart_from_what_the_machine_prints(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.change("snippets/a.py", "print(2)", "print(3)")
    on_another_machine(book, monkeypatch, "there")
    old, machine = book.run("--check").stderr.split("The pages are up to date, but")
    assert "a.py#two" in old
    assert "a.py#one" not in old
    assert "a.py#one" in machine
    assert "a.py#two" not in machine
    book.change("snippets/a.py", "'here'", "'HERE'")  # now that cell's page is old too
    assert not [p for p in build.weave(read_book(book.root)).problems if p.machine]


def test_a_data_file_that_a_cell_read_is_part_of_its_code(make_book: Make) -> None:
    code = (
        "# %% one\nfrom pathlib import Path\n"
        "print(Path({!r}, 'data', 'd.txt').read_text())\n"
    )
    book = make_book(
        {"data/d.txt": "old", "docs/a.md": page("a.py#one", printing="one")}
    )
    book.write("snippets/a.py", code.format(str(book.root)))
    assert book.run().returncode == 0
    book.write("data/d.txt", "new")
    (problem,) = book.weave().problems
    assert not problem.machine


def test_what_a_recording_shows_of_such_a_machine_is_no_difference(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "<!-- recorded -->\n<!-- end of recorded -->\n\n<!-- snippet: a.py#two"
    book.change("docs/a.md", "<!-- snippet: a.py#two", place)
    assert book.run().returncode == 0
    from weave.read.recordings import code_digest

    source = read_book(book.root).sources["a"]
    cell = {"name": "one", "output": "there", "tables": [], "files": [], "data": []}
    result = {"module": "a", "cells": [cell], "seconds": 1.0, "cpu": 1.0}
    result |= {"device": "mps", "versions": [], "asked": [], "warned": []}
    run = {"date": "2026-01-01", "facts": {}, "result": result}
    run["code"] = {"one": code_digest(source, "one", book.root)}
    told = {"device": "mps", "name": "Invented", "modules": {"a": run}}
    book.write("recorded/invented/results.json", json.dumps(told))
    assert book.run().returncode == 0
    text = book.read("docs/a.md")
    assert text.count("```text\nthere\n```") == 1
    on_another_machine(book, monkeypatch, "there")
    assert build.weave(read_book(book.root)).problems == ()
    on_another_machine(book, monkeypatch, "elsewhere")
    assert len(build.weave(read_book(book.root)).problems) == 1


def test_serving_shows_the_committed_text_and_says_what_differs_here(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_another_machine(book, monkeypatch, "there <b>")
    html = rendered(book, book.read("docs/a.md"), forgiving=True)
    assert "<samp>here</samp>" in html
    assert "On this machine the same code prints something else:" in html
    assert "<samp>there &lt;b&gt;</samp>" in html
    html = rendered(book, book.read("docs/a.md"))
    assert "<samp>here</samp>" not in html


def test_serving_shows_the_committed_text_of_a_module_that_failed(
    book: SmallBook,
) -> None:
    text = book.read("docs/a.md")
    book.change("snippets/a.py", "print(2)", "print(2 / 0)")
    html = rendered(book, text, forgiving=True)
    assert "<samp>here</samp>" in html
    assert "<samp>2</samp>" in html
    note = html.partition('class="trouble"')[2].partition("</div>")[0]
    assert (
        "<strong>a.py:5</strong>: cell 'two' raises ZeroDivisionError"
        in note.replace("&#x27;", "'")
    )
    assert "Traceback" in note
    book.change("snippets/a.py", "print(2 / 0)", "print(2")
    note = rendered(book, text, forgiving=True).partition('class="trouble"')[2]
    assert "is not Python" in note


def test_serving_shows_a_page_that_cannot_be_read_with_what_is_wrong(
    book: SmallBook,
) -> None:
    text = book.read("docs/a.md") + "\n<!-- snippet: a.py -->\n"
    html = rendered(book, text, forgiving=True)
    assert "<code" in html
    assert "a.md:" in html.partition('class="trouble"')[2]
    html = rendered(book, book.read("docs/a.md") + "\n$\\nope$\n", forgiving=True)
    assert "KaTeX cannot read" in html.partition('class="trouble"')[2]
    assert OUTPUT not in html
