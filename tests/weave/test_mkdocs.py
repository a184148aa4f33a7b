"""`mkdocs build` weaves by itself: what it shows, what it warns of, what stops it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.weave.books import SmallBook, page, run
from weave.site.here import Here
from weave.site.katex import Formulas
from weave.site.mkdocs import WeavePlugin

Make = Callable[[dict[str, str]], SmallBook]
SITE = """
site_name: A small book
site_url: https://example.org/
theme: mkdocs
plugins: [weave]
markdown_extensions: [pymdownx.superfences, weave.site.extension]
"""
PLOT = """
# %% one
print(19)

# %% plot
import matplotlib.pyplot as plt

plt.plot([1, 2])
plt.show()
"""
CHAPTER = page("a.py#one", "a.py#plot", printing="one")
CHAPTER += "\n![A rising line](figures/a/plot.svg)\n"


@pytest.fixture
def book(make_book: Make) -> SmallBook:
    book = make_book(
        {"mkdocs.yml": SITE, "snippets/a.py": PLOT, "docs/index.md": CHAPTER}
    )
    assert book.run().returncode == 0
    return book


def built(book: SmallBook, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `mkdocs build` says, and how it ends."""
    return run("-m", "mkdocs", "build", *arguments, cwd=book.root)


def test_a_woven_book_is_built_strictly_with_figures_and_notebooks(
    book: SmallBook,
) -> None:
    done = built(book, "--strict")
    assert done.returncode == 0, done.stderr
    assert "<samp>19</samp>" in book.read("site/index.html")
    assert "<svg" in book.read("site/figures/a/plot.svg")
    assert '"a"' in book.read("site/figures/runs.json")
    assert "print(19)" in book.read("site/notebooks/index.ipynb")


def test_building_writes_nothing_below_docs(book: SmallBook) -> None:
    before = book.files()
    assert built(book, "--strict").returncode == 0
    book.change("snippets/a.py", "[1, 2]", "[2, 1]")
    built(book)
    assert book.files() == before
    assert book.read("site/figures/a/plot.svg") != book.read("docs/figures/a/plot.svg")


def test_a_changed_number_is_shown_and_warned_of_and_an_error_if_strict(
    book: SmallBook,
) -> None:
    book.change("snippets/a.py", "print(19)", "print(20)")
    done = built(book)
    assert done.returncode == 0
    assert "<samp>20</samp>" in book.read("site/index.html")
    assert "docs/index.md:10: differs from what snippets/a.py#one prints" in done.stderr
    assert "- 19" in done.stderr
    assert "+ 20" in done.stderr
    strict = built(book, "--strict")
    assert strict.returncode != 0
    assert "docs/index.md:10: differs from what snippets/a.py#one" in strict.stderr


def test_a_module_that_fails_stops_the_build(book: SmallBook) -> None:
    assert built(book).returncode == 0
    before = book.files("site")
    book.change("snippets/a.py", "print(19)", "print(19 / 0)")
    done = built(book)
    assert done.returncode != 0
    assert "the build stops at what is wrong in the book:" in done.stderr
    assert "snippets/a.py:2: cell 'one' raises ZeroDivisionError" in done.stderr
    assert book.files("site") == before


def test_a_wrong_formula_stops_the_build(book: SmallBook) -> None:
    book.change("docs/index.md", "# A page\n", "# A page\n\nWrong: $\\nope$.\n")
    done = built(book)
    assert done.returncode != 0
    assert r"docs/index.md:3: KaTeX cannot read $\nope$: " in done.stderr


def test_a_build_is_dated_by_its_commit(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-02-03T04:05:06Z")
    me = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init"], ["add", "docs"], [*me, "commit", "-m", "a"]):
        subprocess.run(
            ["git", *command], cwd=book.root, check=True, capture_output=True
        )
    assert built(book).returncode == 0
    assert "2001-02-03" in book.read("site/sitemap.xml")


def test_recordings_are_on_the_page_with_their_machines(book: SmallBook) -> None:
    book.write(
        "docs/index.md",
        CHAPTER.replace("![A", "<!-- recorded -->\n<!-- end of recorded -->\n![A")
        + "\n<!-- weave: machines -->\n",
    )
    assert book.run().returncode == 0
    done = built(book, "--strict")
    assert done.returncode != 0
    assert "no machine has recorded a.py#plot as it is now" in done.stderr
    recorder = [*("-m", "weave.record", "--busy", "--device", "cpu")]
    assert run(*recorder, cwd=book.root).returncode == 0
    assert book.run().returncode == 0
    done = built(book, "--strict")
    assert done.returncode == 0, done.stderr
    site = book.read("site/index.html")
    shown = '<div class="output recorded"><p class="machine">Recorded on 20'
    assert site.count(shown) == 1
    assert re.search(r"<li>\s*the CPU .* with PyTorch .*, on 20\d\d-", site)
    assert "No GPU has recorded so far" in site
    assert "<svg" in book.read("site/figures/a/plot.svg")
    told = json.loads(book.read("recorded/cpu/results.json"))
    told |= {"device": "cuda", "name": "Invented 1"}
    shutil.copytree(book.root / "recorded/cpu", book.root / "recorded/gpu")
    book.write("recorded/gpu/results.json", json.dumps(told))
    assert book.run().returncode == 0
    assert built(book, "--strict").returncode == 0
    site = book.read("site/index.html")
    assert site.count('<p class="machine">Recorded on 20') == 2
    assert "No GPU has recorded" not in site


def test_new_recordings_and_all_that_modules_ask_for_are_watched_while_serving(
    make_book: Make,
) -> None:
    book = make_book(
        {
            "mkdocs.yml": SITE,
            "snippets/helpers/__init__.py": "x = 1\n",
            "data/one.txt": "1",
            "snippets/a.py": "# %% one\nimport helpers\nfrom pathlib import Path\n"
            "root = Path(helpers.__file__).parents[2]\n"
            "print((root / 'data' / 'one.txt').read_text())\n",
            "docs/index.md": page("a.py#one", printing="one"),
            "recorded/pages.json": "{}",
        }
    )
    watched: list[str] = []
    server: Any = SimpleNamespace(watch=watched.append)
    config: Any = SimpleNamespace(config_file_path=str(book.root / "mkdocs.yml"))
    plugin = WeavePlugin()
    formulas = Formulas(book.root / "formulas.json")
    plugin._here = Here(book.weave(), book.root, formulas)
    plugin.on_serve(server, config=config, builder=None)
    for name in ("recorded", "snippets/helpers/__init__.py", "data/one.txt"):
        assert str(book.root / name) in watched
