"""The appendices know the chapters: every work cited, every term defined."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
GLOSSARY = DOCS / "appendices" / "glossary.md"
BIBLIOGRAPHY = DOCS / "appendices" / "bibliography.md"
CHAPTERS = sorted(
    path
    for path in DOCS.rglob("*.md")
    if "## Further reading" in path.read_text("utf-8")
)
#: Pages that a program's makers write about it: cited where they are used.
DOCUMENTATION = re.compile(
    r"https://(docs\.|numpy\.org|pandas\.|matplotlib\.|scikit-learn\.|onnx\."
    r"|graphviz\.|pytorch\.|www\.tensorflow\.|keras\.io|jax\.|flax\.|lightning\.ai|ml-explore\.|docs\.tinygrad|www\.mathworks\.|archive\.ics\.uci\.edu)"
)
WORK = re.compile(r"https://[^)\s]*(?:\([^)\s]*\)[^)\s]*)*")


def text(path: Path) -> str:
    """A page without its code."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text("utf-8"))


def terms() -> dict[str, str]:
    """The terms of the glossary, by their anchors."""
    found = re.findall(r"^\*\*(.+?)\*\*\{: #(\S+) \}: ", text(GLOSSARY), re.M)
    anchors = [anchor for _, anchor in found]
    assert len(anchors) == len(set(anchors))
    return {anchor: term for term, anchor in found}


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda path: path.stem)
def test_every_work_cited_for_further_reading_is_in_the_bibliography(
    page: Path,
) -> None:
    known = BIBLIOGRAPHY.read_text("utf-8")
    reading = text(page).partition("## Further reading")[2]
    for line in reading.splitlines():
        for link in WORK.findall(line):
            if not DOCUMENTATION.match(link):
                base = re.sub(r"contents/.*", "", link)  # a chapter of a book
                assert base in known, f"{page}: {link}"


def test_works_are_in_the_order_of_their_authors() -> None:
    works = re.findall(r"^\* (.+?) \(\d{4}\)", BIBLIOGRAPHY.read_text("utf-8"), re.M)
    assert len(works) == BIBLIOGRAPHY.read_text("utf-8").count("\n* ")
    names = [re.sub(r"^(\S+\. )+", "", work).lower() for work in works]
    assert names == sorted(names)


def test_terms_are_in_alphabetical_order_below_their_letters() -> None:
    letters = re.split(r"^## (.)$", text(GLOSSARY), flags=re.M)[1:]
    for letter, entries in zip(letters[::2], letters[1::2], strict=True):
        found = re.findall(r"^\*\*(.+?)\*\*\{", entries, re.M)
        assert found == sorted(found, key=str.lower)
        assert all(term.startswith(letter) for term in found)
    assert letters[::2] == sorted(letters[::2])


def test_every_term_is_linked_from_where_it_is_defined() -> None:
    linked = {
        anchor
        for page in CHAPTERS
        for anchor in re.findall(r"\[\*\*[^*]+\*\*\]\([^)#]*#([^)]+)\)", text(page))
    }
    assert set(terms()) == linked


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda path: path.stem)
def test_a_term_of_the_glossary_in_bold_links_to_it(page: Path) -> None:
    known = {term.lower() for term in terms().values()}
    bold = re.findall(r"(?<!\[)\*\*([A-Za-z][^*\n]*)\*\*(?!\])", text(page))
    assert [term for term in bold if term.lower() in known] == []
