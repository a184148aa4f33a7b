"""The whole path, on small books: what is said, what is written, what is left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import OUTPUT, ROOT, SmallBook, page

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


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a.py#one", "b.py#one"], "docs/a.md:11: there is no module snippets/b.py; "),
        (["a.py#two"], "docs/a.md:3: snippets/a.py has no cell 'two'; its cells are"),
        (
            ["a.py#ones"],
            "docs/a.md:3: snippets/a.py has no cell 'ones'; did you mean 'one'?",
        ),
        (
            [],
            "snippets/a.py:2: no chapter shows the cell 'one'; write <!-- snippet: ",
        ),
        (
            ["a.py#one", "a.py#one"],
            "docs/a.md:11: a.py#one stands below a.py#one of line 3",
        ),
    ],
)
def test_a_wrong_reference_says_what_to_do(
    make_book: Make, cells: list[str], expected: str
) -> None:
    book = make_book({**GOOD, "docs/a.md": page(*cells, printing="one")})
    assert any(said.startswith(expected) for said in book.problems()), book.problems()


def test_a_printing_cell_needs_an_output_fence_and_a_silent_one_none(
    make_book: Make,
) -> None:
    book = make_book({**GOOD, "docs/a.md": page("a.py#one")})
    (said,) = [each for each in book.problems() if "prints" in each]
    assert said.startswith("docs/a.md:3: a.py#one prints, but the page shows no output")
    book.write("docs/a.md", page("a.py#one", printing="one"))
    book.write("snippets/a.py", "# %% one\nx = 19\n")
    (said,) = [each for each in book.problems() if "prints" in each]
    assert said.startswith("docs/a.md:8: a.py#one prints nothing, but the page has")


def test_a_figure_must_be_shown_exist_and_speak(make_book: Make) -> None:
    code = "# %% plot\nimport matplotlib.pyplot as plt\n\nplt.plot([1, 2])\n"
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#plot")})
    book.weave()
    assert any(
        each.startswith(
            "snippets/a.py:2: no chapter shows the figure figures/a/plot.svg"
        )
        for each in book.problems()
    )
    text = page("a.py#plot")
    book.write(
        "docs/a.md", text + "\n![](figures/a/plot.svg)\n![x](figures/a/plt.svg)\n"
    )
    said = "\n".join(book.problems())
    assert "docs/a.md:7: the figure figures/a/plot.svg has no alternative text" in said
    assert "snippets/a.py makes no figure 'plt.svg'; did you mean 'plot.svg'?" in said
    book.write("docs/a.md", text + "\n![A rising line](figures/a/plot.svg)\n")
    assert book.run().returncode == 0
    assert "<svg" in book.read("docs/figures/a/plot.svg")


def test_a_borrowed_definition_must_be_shown_on_the_page(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/tools.py": "# %% twice\ndef twice(x):\n    return 2 * x\n",
            "snippets/a.py": "# %% borrow\nfrom tools import twice\n"
            "\n# %% one\ntwice(1)\n",
            "docs/a.md": page("a.py#one"),
            "docs/tools.md": page("tools.py#twice"),
        }
    )
    assert any(
        each.startswith("docs/a.md:3: a.py borrows twice from tools.py, unshown here")
        for each in book.problems()
    )
    book.write("docs/a.md", page("tools.py#twice", "a.py#one"))
    assert book.run().returncode == 0


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


def test_only_one_module_can_be_woven(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nprint('a')\n",
            "snippets/b.py": "# %% one\n1 / 0\n",
            "docs/a.md": page("a.py#one", "b.py#one", printing="one"),
        }
    )
    assert book.run("--only", "a").returncode == 0
    assert "print('a')" in book.read("docs/a.md")
    done = book.run("--only", "nothing")
    assert done.returncode == 1
    assert "there is no module 'nothing'; the modules are a, b" in done.stderr


def test_a_folder_without_a_book_is_named(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "weave"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "has no folder docs/ or snippets/; run this in the folder" in done.stderr


def test_a_wrong_command_line_exits_with_2(book: SmallBook) -> None:
    assert book.run("--jobs", "0").returncode == 2
    assert book.run("--nonsense").returncode == 2


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
