"""The whole path, on small books: what is said, what is written, what is left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.weave.books import OUTPUT, ROOT, SmallBook, page
from weave import build

Make = Callable[[dict[str, str]], SmallBook]

GOOD = {
    "snippets/a.py": "# %% one\nx = 19\nprint(x)\n",
    "docs/a.md": page("a.py#one", printing="one"),
}


@pytest.fixture
def book(make_book: Make) -> SmallBook:
    book = make_book(GOOD)
    done = book.run()
    assert done.returncode == 0, done.stderr
    return book


def test_weaving_fills_code_and_output(book: SmallBook) -> None:
    assert book.read("docs/a.md") == (
        "# A page\n\n<!-- snippet: a.py#one -->\n```python\nx = 19\nprint(x)\n```\n\n"
        f"{OUTPUT}\n```text\n19\n```\n"
    )
    assert book.run("--check").returncode == 0


def test_a_changed_number_is_reported_with_place_old_and_new(book: SmallBook) -> None:
    book.write("snippets/a.py", "# %% one\nx = 20\nprint(x)\n")
    before = book.read("docs/a.md")
    done = book.run("--check")
    assert done.returncode == 1
    assert (
        "docs/a.md:5: differs from snippets/a.py#one; "
        "edit the module, then run nox -s weave\n    - x = 19\n    + x = 20\n"
    ) in done.stderr
    assert (
        "docs/a.md:11: differs from what snippets/a.py#one prints; "
        "check that the prose is still true, then run nox -s weave\n"
        "    - 19\n    + 20\n"
    ) in done.stderr
    assert book.read("docs/a.md") == before
    assert book.run().returncode == 0
    assert book.read("docs/a.md") == before.replace("19", "20")


def test_a_page_edited_by_hand_is_repaired_from_the_module(book: SmallBook) -> None:
    right = book.read("docs/a.md")
    (book.root / "docs/a.md").write_text(right.replace("x = 19", "x = 91"))
    assert book.problems() == [
        "docs/a.md:5: differs from snippets/a.py#one; "
        "edit the module, then run nox -s weave"
    ]
    assert "wrote docs/a.md" in book.run().stdout
    assert book.read("docs/a.md") == right


def test_nothing_is_written_when_nothing_changes(book: SmallBook) -> None:
    files = [path for path in (book.root / "docs").rglob("*") if path.is_file()]
    for path in files:
        os.utime(path, (0, 0))
    done = book.run()
    assert "0 of them run" in done.stdout
    assert done.stderr == ""  # no progress bar either
    assert [path.stat().st_mtime for path in files] == [0] * len(files)


def test_all_failures_are_reported_at_the_end_and_nothing_is_published(
    make_book: Make,
) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\n1 / 0\n",
            "snippets/b.py": "# %% one\nprint('b')\n",
            "snippets/c.py": "# %% one\nint('c')\n",
            "snippets/d.py": "# %% one\nx = (\n",
            "docs/a.md": page("a.py#one", "b.py#one", "c.py#one", printing="one"),
        }
    )
    done = book.run()
    assert done.returncode == 1
    assert "snippets/a.py:2: cell 'one' raises ZeroDivisionError" in done.stderr
    assert "snippets/c.py:2: cell 'one' raises ValueError" in done.stderr
    assert "snippets/d.py:2: is not Python" in done.stderr
    assert "weave: 3 problems" in done.stderr
    assert not (book.root / "docs/figures").exists()
    assert "print('b')" in book.read("docs/a.md")
    assert "1 / 0" not in book.read("docs/a.md")


MANY = {
    **{
        f"snippets/m{n}.py": "# %% one\nimport time\n"
        f"time.sleep(0.1)\nfor i in range(50):\n    print(i, {n})\n"
        for n in range(8)
    },
    "docs/a.md": page(*(f"m{n}.py#one" for n in range(8)), printing="one"),
}


def contents(book: SmallBook) -> dict[str, bytes]:
    return {
        path.relative_to(book.root).as_posix(): path.read_bytes()
        for path in sorted((book.root / "docs").rglob("*"))
        if path.is_file() and path.name != "runs.json"
    }


def start(book: SmallBook) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "weave"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        command, cwd=book.root, env=environment, stdout=quiet, stderr=quiet
    )


def test_a_build_killed_at_any_moment_leaves_the_next_one_right(
    make_book: Make,
) -> None:
    book = make_book(MANY)
    moments = random.Random(0)
    for _ in range(8):
        process = start(book)
        time.sleep(moments.uniform(0.05, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert book.read("docs/a.md").startswith("# A page\n")
    assert book.run().returncode == 0
    after = contents(book)
    assert after["docs/a.md"].count(b"49 ") == 8
    assert not [name for name in after if name.endswith(".part")]
    assert book.run("--check").returncode == 0


def test_two_builds_at_once_are_right(make_book: Make) -> None:
    book = make_book(MANY)
    processes = [start(book), start(book)]
    assert [process.wait() for process in processes] == [0, 0]
    assert book.run("--check").returncode == 0
    assert contents(book)["docs/a.md"].count(b"49 ") == 8


def test_two_cold_builds_give_identical_bytes(make_book: Make) -> None:
    import shutil

    code = "# %% plot\nimport matplotlib.pyplot as plt\n\nplt.plot([1, 2])\n"
    text = page("p.py#plot") + "\n![A rising line](figures/p/plot.svg)\n"
    book = make_book({**MANY, "snippets/p.py": code, "docs/p.md": text})
    assert book.run().returncode == 0
    first = contents(book)
    for folder in (".weave", "docs/figures", "docs/notebooks"):
        shutil.rmtree(book.root / folder)
    assert book.run().returncode == 0
    assert contents(book) == first
    assert "docs/figures/p/plot.svg" in first
    assert "docs/notebooks/a.ipynb" in first


def test_figures_of_removed_modules_are_removed(make_book: Make) -> None:
    code = "# %% plot\nimport matplotlib.pyplot as plt\n\nplt.plot([1, 2])\n"
    text = page("p.py#plot") + "\n![A rising line](figures/p/plot.svg)\n"
    book = make_book({**GOOD, "snippets/p.py": code, "docs/p.md": text})
    assert book.run().returncode == 0
    (book.root / "snippets/p.py").unlink()
    (book.root / "docs/p.md").unlink()
    assert book.run().returncode == 0
    assert not (book.root / "docs/figures/p").exists()


MOVING = {
    "snippets/a.py": """\
        # %% one
        import matplotlib.pyplot as plt
        path = [1.0, 1 / 3]
        plt.plot(path)
        plt.show()

        # %% two
        path.append(2.0)
        """,
    "docs/a.md": page("a.py#one")
    + "\n<!-- explore: path after a.py#one\npath: path\nname: 'a'\n-->\n"
    + "![The path](figures/a/one.svg)\n\n"
    + page("a.py#two"),
}


def test_a_figure_that_moves_gets_the_values_as_they_were_after_its_cell(
    make_book: Make,
) -> None:
    woven = make_book(MOVING).weave()
    assert woven.failures == ()
    ((figure, values),) = woven.results["a"].cells[0].data
    assert (figure, values) == ("path", '{"path":[1.0,0.3333333],"name":"a"}')
    assert woven.results["a"].cells[1].data == ()


def test_another_wish_runs_the_module_anew_and_no_other(make_book: Make) -> None:
    book = make_book(MOVING | {"snippets/b.py": "# %% one\nx = 1\n"})
    book.write("docs/b.md", page("b.py#one"))
    assert set(book.weave().ran) == {"a", "b"}
    assert book.weave().ran == ()
    book.change("docs/a.md", "path: path", "path: path[:1]")
    assert book.weave().ran == ("a",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("missing", "the value path of the figure 'path' raises NameError: name 'mis"),
        ("plt", "the value path of the figure 'path' raises TypeError: Object of typ"),
        ("1e999", "the value path of the figure 'path' raises ValueError: Out of rang"),
    ],
)
def test_a_wish_that_cannot_be_granted_names_the_page(
    make_book: Make, value: str, expected: str
) -> None:
    book = make_book(MOVING)
    book.change("docs/a.md", "path: path", f"path: {value}")
    (problem,) = book.weave().failures
    assert f"{problem.path}:{problem.line}" == "docs/a.md:7"
    assert problem.what.startswith(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.py#three", "snippets/a.py has no cell 'three'"),
        ("b.py#one", "there is no module snippets/b.py"),
    ],
)
def test_a_wish_for_what_is_not_there_is_reported(
    make_book: Make, name: str, expected: str
) -> None:
    book = make_book(MOVING)
    book.change("docs/a.md", "after a.py#one", f"after {name}")
    assert expected in [problem.what for problem in book.weave().problems]


def test_what_an_editor_saves_while_pages_are_filled_is_not_lost(
    make_book: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = make_book({"snippets/a.py": "# %% one\nprint(1)\n"})
    text = page("a.py#one", printing="one")
    path = book.write("docs/a.md", text)
    woven = book.weave()
    saves = [b"First. ", b"Second. ", b"Third. "]
    fsync = os.fsync

    def saving(descriptor: int) -> None:
        """The editor saves right before the new text takes its place."""
        fsync(descriptor)
        if saves:
            path.write_bytes(saves.pop(0) + path.read_bytes())

    monkeypatch.setattr(os, "fsync", saving)
    assert build.fill_chapters(woven) == [path]
    assert book.read("docs/a.md").startswith("Third. Second. First. # A page")
    assert "```text\n1\n```" in book.read("docs/a.md")
