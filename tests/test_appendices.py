"""The appendices know the chapters: every work cited, every term defined."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
GLOSSARY = DOCS / "appendices" / "glossary.md"
DIFFERENCES = DOCS / "appendices" / "differences.md"
NOTATION = DOCS / "appendices" / "notation.md"
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


def entries() -> dict[str, tuple[str, str]]:
    """What the glossary says of each term, and where it sends its reader."""
    form = r"^\*\*.+?\*\*\{: #(\S+) \}: (.+)\nSee \[[^\]]+\]\(([^)]+)\)\.$"
    found = re.findall(form, text(GLOSSARY), re.M)
    return {anchor: (meaning, see) for anchor, meaning, see in found}


def section(page: Path, anchor: str) -> str:
    """The section of a page that an anchor names, with its heading; empty if none."""
    parts = re.split(r"^(?=#{2,3} )", page.read_text("utf-8"), flags=re.M)
    for level, part in [(len(p) - len(p.lstrip("#")), p) for p in parts]:
        heading = part.partition("\n")[0].strip("# ")
        named = re.search(r"\{: #([\w-]+) \}$", heading)
        slug = re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-")
        if anchor == (named[1] if named else slug):
            if level == 3:
                return part
            return re.split(
                r"^## ", "".join(parts[parts.index(part) :])[3:], flags=re.M
            )[0]
    return ""


def test_every_term_has_one_sentence_and_a_section_that_explains_it() -> None:
    assert set(entries()) == set(terms())
    for anchor, (meaning, _) in entries().items():
        assert meaning.endswith("."), anchor
        assert not re.search(r"[.?!] [A-Z]", meaning), anchor


@pytest.mark.parametrize("anchor", sorted(terms()))
def test_the_section_that_a_term_leads_to_is_there_and_speaks_of_it(
    anchor: str,
) -> None:
    page, _, place = entries()[anchor][1].partition("#")
    told = section((GLOSSARY.parent / page).resolve(), place)
    assert told, f"{page} has no #{place}"
    words = [word[:5].lower() for word in re.findall(r"\w{3,}", terms()[anchor])]
    assert all(word in told.lower() for word in words), f"{page}#{place}: {words}"


def test_every_link_to_the_glossary_leads_to_a_term() -> None:
    linked = {
        anchor
        for page in CHAPTERS
        for anchor in re.findall(r"glossary\.md#([\w-]+)\)", text(page))
    }
    assert linked <= set(terms())


def test_no_symbol_is_given_two_meanings() -> None:
    tables = text(NOTATION).partition("## Neurons")[2].partition("## The running")[0]
    rows = re.findall(r"^\| (\$.+?) \| (.+?) \| (.+?) \|$", tables, re.M)
    symbols = [
        symbol
        for first, _, _ in rows
        for symbol in re.findall(r"\$([^$=]+)", first)
        if symbol.strip(", ")
    ]
    assert len(symbols) > 40
    assert len(symbols) == len(set(symbols)), sorted(symbols)


def test_what_the_workshop_named_and_left_out_is_here() -> None:
    table = text(DIFFERENCES).partition("| named, but left out")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| .+?\(`(\w+)`\) \| (.+) \|$", table, re.M)
    assert len(rows) == 4
    for name, told in rows:
        links = re.findall(r"\(([^)#]+)(?:#[\w-]+)?\)", told)
        assert links, name
        for link in links:
            page = (DIFFERENCES.parent / link).resolve()
            assert name in page.read_text("utf-8"), f"{name} is not in {page}"


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda path: path.stem)
def test_a_term_of_the_glossary_in_bold_links_to_it(page: Path) -> None:
    known = {term.lower() for term in terms().values()}
    bold = re.findall(r"(?<!\[)\*\*([A-Za-z][^*\n]*)\*\*(?!\])", text(page))
    assert [term for term in bold if term.lower() in known] == []
