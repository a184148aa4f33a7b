"""`mkdocs serve` refuses nothing, and shows at once what was saved, wherever it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.test_generators import Server
from tests.weave.books import SmallBook, page

Make = Callable[[dict[str, str]], SmallBook]
SITE = """
site_name: A small book
site_url: https://example.org/
theme: mkdocs
plugins: [weave]
watch: [snippets]
markdown_extensions: [attr_list, pymdownx.superfences, weave.site.extension]
"""
MODULE = """
# %% one
from pathlib import Path

from helpers import x

data = Path(__file__).parents[1] / "data"
print(x, (data / "d.txt").read_text(), len([*data.iterdir()]))
"""


@pytest.fixture
def book(make_book: Make) -> SmallBook:
    book = make_book(
        {
            "mkdocs.yml": SITE,
            "data/d.txt": "red",
            "snippets/helpers/__init__.py": "x = 1\n",
            "snippets/a.py": MODULE,
            "snippets/b.py": "# %% one\nprint('b')\n",
            "docs/index.md": "# Home\n\nA [word](glossary.md#word).\n",
            "docs/a.md": page("a.py#one", printing="one"),
            "docs/b.md": page("b.py#one", printing="one"),
            "docs/glossary.md": "# G\n\n**Word**{: #word }: the first meaning.\n",
        }
    )
    assert book.run().returncode == 0
    return book


@pytest.fixture
def served(book: SmallBook) -> Iterator[Server]:
    with Server(book.root) as server:
        assert "1 red 1" in server.fetch("a")
        yield server


def soon(seconds: float) -> bool:
    """Whether it took no longer than a reader waits; a busy machine has longer."""
    return seconds < 10


def test_a_module_that_raises_is_told_on_its_page_and_the_repair_is_shown(
    book: SmallBook, served: Server
) -> None:
    book.change("snippets/a.py", "print(x", "print(y")
    assert soon(served.wait("a", "raises NameError"))
    shown = served.fetch("a")
    assert "1 red 1" in shown  # the committed text
    assert "b" in served.fetch("b")
    book.change("snippets/a.py", "print(y", "print(2 * x")
    assert soon(served.wait("a", "2 red 1"))
    assert "raises NameError" not in served.fetch("a")


def test_the_repair_of_an_endless_loop_ends_the_loop(
    book: SmallBook, served: Server
) -> None:
    book.change("snippets/a.py", "print(x", "while True: pass\nprint(x")
    time.sleep(2)
    book.change("snippets/a.py", "while True: pass\nprint(x", "print(3 * x")
    assert soon(served.wait("a", "3 red 1"))


def test_helpers_and_data_are_watched_and_pages_know_what_they_are_made_from(
    book: SmallBook, served: Server
) -> None:
    book.change("snippets/helpers/__init__.py", "1", "4")
    assert soon(served.wait("a", "4 red 1"))
    book.write("data/d.txt", "blue")
    assert soon(served.wait("a", "4 blue 1"))
    book.write("data/e.txt", "")
    assert soon(served.wait("a", "4 blue 2"))
    book.change("docs/glossary.md", "the first meaning", "another meaning")
    assert soon(served.wait("", "Another meaning."))
    book.write("docs/b.md", "# Broken\n\n<!-- snippet: b -->\n")
    assert soon(served.wait("b", "names no cell"))
    assert "4 blue 2" in served.fetch("a")
