"""The command `python -m weave`: its options, its exit codes, its last words."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import SmallBook, page, run

Make = Callable[[dict[str, str]], SmallBook]


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
    done = run("-m", "weave", cwd=tmp_path)
    assert done.returncode == 1
    assert "has no folder docs/ or snippets/; run this in the folder" in done.stderr


def test_a_wrong_command_line_exits_with_2(make_book: Make) -> None:
    book = make_book({"docs/a.md": "# Only prose\n"})
    for wrong in (["--jobs", "0"], ["--limit", "-1"], ["--nonsense"], ["a"]):
        with pytest.raises(SystemExit) as ended:
            book.run(*wrong)
        assert ended.value.code == 2


def test_the_last_line_counts_what_was_done(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nprint('a')\n",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    first = "weave: 1 modules, 1 of them run; 1 chapters, 1 of them changed\n"
    again = "weave: 1 modules, 0 of them run; 1 chapters, 0 of them changed\n"
    assert book.run().stdout == f"wrote docs/a.md\n{first}"
    assert book.run().stdout == again


def test_checking_writes_nothing(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nprint('a')\n",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    before = book.files()
    assert book.run("--check").returncode == 1
    assert book.files() == before


def test_a_module_beyond_its_limit_is_named(make_book: Make) -> None:
    code = "# %% one\nimport time\n\ntime.sleep(60)\n"
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    done = book.run("--limit", "1")
    assert done.returncode == 1
    assert "snippets/a.py:2: cell 'one'" in done.stderr


def test_interrupted_by_the_keyboard_it_says_so_without_a_traceback(
    make_book: Make, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    code = f"# %% one\nimport time\n\nopen({str(begun)!r}, 'w')\ntime.sleep(60)\n"
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    with book.start("-m", "weave") as process:
        while not begun.exists() and process.poll() is None:
            pass
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert said.strip().endswith("interrupted; what has ended is remembered")
    assert "Traceback" not in said
