"""A result depends on everything that its module asked of the book's folder."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import ROOT, SmallBook, page

Make = Callable[[dict[str, str]], SmallBook]
HERE = "from pathlib import Path\n\nhere = Path(__file__).parent\n"


@pytest.fixture
def asking(make_book: Make) -> Callable[[str], SmallBook]:
    """A book of one cell that starts from `here`, its folder, where `data` is."""

    def make(code: str) -> SmallBook:
        book = make_book(
            {
                "snippets/a.py": f"# %% one\n{HERE}{code}\n",
                "snippets/data/one.txt": "1\n",
                "docs/a.md": page("a.py#one", printing="one"),
            }
        )
        woven = book.weave()
        assert not woven.failures
        assert book.weave().ran == ()
        return book

    return make


def fresh(book: SmallBook) -> bool:
    """Whether the book as it stands shows what a run from scratch would print."""
    shown = book.printed("a")
    for path in (book.root / ".weave/results").iterdir():
        path.unlink()
    return shown == book.printed("a")


def add(book: SmallBook) -> None:
    book.write("snippets/data/two.txt", "22\n")


def grow(book: SmallBook) -> None:
    book.write("snippets/data/one.txt", "1234\n")


def remove(book: SmallBook) -> None:
    (book.root / "snippets/data/one.txt").unlink()


def put_a_folder(book: SmallBook) -> None:
    (book.root / "snippets/data/two.txt").mkdir()


@pytest.mark.parametrize("change", [add, grow, remove, put_a_folder])
@pytest.mark.parametrize(
    "code",
    [
        'print(len(list((here / "data").glob("*.txt"))))',
        'print(len(list((here / "data").rglob("*"))))',
        'print(sorted(path.name for path in (here / "data").iterdir()))',
        "import os\nprint(sorted(os.listdir(here / 'data')))",
        "import os\nprint(sum(e.stat().st_size for e in os.scandir(here / 'data')))",
        "import os\nprint([len(names) for _, _, names in os.walk(here)])",
        "import glob\nprint(len(glob.glob(str(here / '*' / '*.txt'))))",
        'print((here / "data/two.txt").exists(), (here / "data/one.txt").is_file())',
        'print((here / "data/two.txt").is_dir(), (here / "data/one.txt").exists())',
        "import os\nprint(os.access(here / 'data/two.txt', os.R_OK))",
        "import os\nprint(os.path.lexists(here / 'data/two.txt'))",
        'one = here / "data/one.txt"\nprint(one.exists() and one.stat().st_size)',
        "try:\n    print(open(here / 'data/two.txt').read())\n"
        "except OSError as error:\n    print(type(error).__name__)",
    ],
)
def test_what_a_module_sees_of_its_folder_is_never_old(
    asking: Callable[[str], SmallBook],
    code: str,
    change: Callable[[SmallBook], None],
) -> None:
    book = asking(code)
    change(book)
    assert fresh(book)


def test_a_folder_that_nobody_asked_for_runs_nothing(
    asking: Callable[[str], SmallBook],
) -> None:
    book = asking("import json, os\nprint(os.path.exists(here / 'data'))")
    add(book)
    book.write("snippets/new.py", "# %% one\nx = 1\n")
    assert book.weave().ran == ("new",)


SLOW = """
import time
print(open(here / "data/one.txt").read().strip())
(Path({mark!r}) / "read").touch()
time.sleep({pause})
"""


def test_a_file_saved_while_the_module_runs_is_not_shown_old_for_ever(
    make_book: Make, tmp_path: Path
) -> None:
    slow = SLOW.format(mark=str(tmp_path), pause=1)
    book = make_book(
        {
            "snippets/a.py": f"# %% one\n{HERE}{slow}",
            "snippets/data/one.txt": "old\n",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    with book.start("-m", "weave") as build:
        deadline = time.monotonic() + 30
        while not (tmp_path / "read").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        book.write("snippets/data/one.txt", "new\n")
        build.communicate(timeout=30)
    assert not list((book.root / ".weave").glob("results/*"))
    assert book.printed("a") == "new"
    assert book.weave().ran == ()


@pytest.mark.parametrize(
    "code",
    [
        'n = here / "n.txt"\nn.write_text(str(int(n.read_text()) + 1))\n'
        "print(n.read_text())",
        'open(here / "n.txt", "a").write("1")\nprint((here / "n.txt").read_text())',
        'import os\nos.replace(here / "n.txt", here / "m.txt")\n'
        'os.replace(here / "m.txt", here / "n.txt")\nprint(1)',
    ],
)
def test_a_module_that_writes_to_the_book_runs_each_time(
    make_book: Make, code: str
) -> None:
    book = make_book(
        {
            "snippets/a.py": f"# %% one\n{HERE}{code}\n",
            "snippets/n.txt": "0",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    assert not book.weave().failures
    assert book.weave().ran == ("a",)


def test_a_package_that_appears_beside_a_module_takes_its_place(
    make_book: Make,
) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nimport h\n\nprint(h.x)\n",
            "snippets/h.py": "x = 'module'\n",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    assert book.printed("a") == "module"
    book.write("snippets/h/__init__.py", "x = 'package'\n")
    assert book.printed("a") == "package"
    book.write("snippets/h/__init__.py", "x = 'changed'\n")
    assert book.printed("a") == "changed"


@pytest.mark.parametrize("statement", ["import h", "h = __import__('h')"])
def test_a_helper_is_its_text_whatever_its_compiled_file_says(
    make_book: Make, statement: str
) -> None:
    import py_compile

    book = make_book(
        {
            "snippets/a.py": f"# %% one\n{statement}\n\nprint(h.x)\n",
            "snippets/h.py": "x = 1\n",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    helper = book.root / "snippets/h.py"
    py_compile.compile(str(helper), doraise=True)
    when = helper.stat().st_mtime_ns
    book.write("snippets/h.py", "x = 2\n")
    os.utime(helper, ns=(when, when))  # saved within the same second, of equal size
    assert book.printed("a") == "2"


def test_a_compiled_file_without_its_text_is_no_helper(make_book: Make) -> None:
    import py_compile

    book = make_book(
        {"snippets/a.py": "# %% one\nimport h\n", "snippets/h.txt": "x = 1"}
    )
    text = book.root / "snippets/h.txt"
    py_compile.compile(str(text), str(text.with_suffix(".pyc")), doraise=True)
    assert "raises ModuleNotFoundError" in str(book.weave().failures[0])


def test_what_an_interactive_figure_asks_counts_too(make_book: Make) -> None:
    explore = "<!-- explore: f after a.py#one\nn: len(list(here.glob('*.txt')))\n-->\n"
    book = make_book(
        {
            "snippets/a.py": f"# %% one\n{HERE}",
            "docs/a.md": page("a.py#one") + explore + "![x](figures/a/one.svg)\n",
        }
    )

    def data() -> object:
        return book.weave().results["a"].cells[0].data

    assert data() == (("f", '{"n":0}'),)
    book.write("snippets/new.txt", "")
    assert data() == (("f", '{"n":1}'),)


def test_where_the_environment_lies_is_no_question_of_the_book(tmp_path: Path) -> None:
    """A copy of the book without its environment's folder knows all results."""
    inside = tmp_path / "env" / "python"
    inside.mkdir(parents=True)
    code = f"""
        import os
        from pathlib import Path
        from weave.run.watch import Watch

        watch = Watch(Path({str(tmp_path)!r}), (Path({str(inside)!r}),))
        for path in {[str(tmp_path), str(inside.parent), str(inside)]!r}:
            os.stat(path)
        print(watch.told())
        os.access({str(tmp_path / "env" / "other")!r}, os.R_OK)
        print([name for _, name, _ in watch.told()])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["()", "['env/other']"], done.stderr
