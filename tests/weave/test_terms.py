"""Links to the glossary say what the term means."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import ROOT, SmallBook, rendered
from weave.model import WeaveError
from weave.read.book import read_book
from weave.site.katex import Formulas
from weave.site.terms import ENTRY, meanings

Make = Callable[[dict[str, str]], SmallBook]
ENTRIES = (
    "# Glossary\n\n"
    "**Rate**{: #rate }: the factor $\\alpha<1$ of `step`, or *speed*; see "
    "[there](a.md#b).\nMore words.\n\n"
    '**Other**{: #other }: "quoted" & so on.\n'
)


@pytest.fixture
def make_html(
    make_book: Make,
) -> Callable[[str, str], str]:
    """`make_html(glossary, text)`: the page `text` of a book with that glossary."""

    def make(glossary: str, text: str) -> str:
        book = make_book({"docs/part/glossary.md": glossary, "docs/a.md": text})
        (book.root / "snippets").mkdir(exist_ok=True)
        return rendered(book, text)

    return make


def titles(page: str) -> list[str]:
    """The titles of a page's links."""
    return [html.unescape(each) for each in re.findall(r'title="([^"]*)"', page)]


def test_a_link_to_a_term_gets_its_sentence_as_plain_text(
    make_html: Callable[[str, str], str],
) -> None:
    page = make_html(ENTRIES, "A [**rate**](part/glossary.md#rate).")
    assert titles(page) == ["The factor \u03b1<1 of step, or speed; see there."]


def test_every_link_to_a_term_gets_it_and_no_other(
    make_html: Callable[[str, str], str],
) -> None:
    text = (
        "[a](part/glossary.md#other), [b](../glossary.md#other), "
        "[c](part/glossary.md), [d](part/glossary.md#nothing), [e](my-glossary.md#rate)"
    )
    assert titles(make_html(ENTRIES, text)) == ['"quoted" & so on.'] * 2


def test_a_formula_that_one_line_cannot_show_is_refused(
    make_html: Callable[[str, str], str],
) -> None:
    glossary = ENTRIES + "\n**Power**{: #power }: the number $x^2$.\n"
    with pytest.raises(WeaveError) as raised:
        make_html(glossary, "[power](part/glossary.md#power)")
    (problem,) = raised.value.problems
    assert str(problem).endswith(
        "glossary.md:8: the formula $x^2$ cannot be shown in one line of text; "
        "write it without raised, lowered or stacked parts"
    )


def test_the_books_own_glossary_can_be_shown(tmp_path: Path) -> None:
    chapters = read_book(ROOT).chapters
    text = next(each.text for each in chapters if each.path.name == "glossary.md")
    names = {entry["name"] for entry in ENTRY.finditer(text)}
    formulas = Formulas(tmp_path / "formulas.json")
    found = meanings(chapters, names, formulas)
    formulas.finish()
    assert len(found) > 60
    assert not [text for text in found.values() if "$" in text or "](" in text]
