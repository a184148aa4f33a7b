"""What readers take along: a chapter's code in one file, a module as a page."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.weave.books import SmallBook, page
from weave import publish

MODULE = "# %% one\nx = '<b>'\n\n\n# %% two\nprint(x, 1 < 2)\n"
Make = Callable[[dict[str, str]], SmallBook]


@pytest.fixture
def texts(make_book: Make) -> dict[str, str]:
    """All programs and listings of a book of one chapter, by their places."""
    chapter = page("a.py#one", "a.py#two", printing="two")
    chapter = chapter.replace("# A page", "# Less & more")
    book = make_book({"snippets/a.py": MODULE, "docs/part/b.md": chapter})
    return dict(publish.texts(book.weave()))


def test_the_program_is_the_code_of_the_page_in_its_order(
    texts: dict[str, str],
) -> None:
    assert texts["programs/b.py"] == (
        '"""Less & more: the code of the chapter. License: MIT."""\n'
        "\n\n# %% one\nx = '<b>'\n"
        "\n\n# %% two\nprint(x, 1 < 2)\n"
    )


def test_the_program_runs(texts: dict[str, str]) -> None:
    command = [sys.executable, "-c", texts["programs/b.py"]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "<b> True\n"


def test_the_listing_has_every_line_of_the_module_and_a_place_for_it(
    texts: dict[str, str],
) -> None:
    main = texts["source/a.html"].partition("<main>")[2].partition("</main>")[0]
    assert re.findall(r'<a id="line-(\d+)"', main) == [str(n) for n in range(1, 7)]
    numbers = re.compile(r'<span class="linenos">\s*\d+</span>')
    text = html.unescape(re.sub(r"<[^>]+>", "", numbers.sub("", main)))
    assert text == MODULE + "\n"


def test_the_listing_leads_back_to_the_pages_that_show_it(
    texts: dict[str, str],
) -> None:
    link = '<a href="../part/b/">Less &amp; more</a>'
    assert f"Shown in {link}" in texts["source/a.html"]


def test_what_no_chapter_shows_any_more_is_removed(make_book: Make) -> None:
    files = {"snippets/a.py": MODULE, "docs/b.md": page("a.py#one", "a.py#two")}
    book = make_book(files)
    publish.publish(book.weave())
    assert (book.root / "docs/programs/b.py").exists()
    (book.root / "docs/b.md").rename(book.root / "docs/c.md")
    publish.publish(book.weave())
    programs = sorted(path.name for path in (book.root / "docs/programs").iterdir())
    assert programs == ["c.py"]
