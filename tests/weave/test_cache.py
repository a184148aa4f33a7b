"""Results are remembered for as long as nothing that they depend on has changed."""

from __future__ import annotations

import errno
import json
import marshal
import os
import pickle
import platform
import py_compile
import subprocess
import sys
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.weave.books import ROOT, SmallBook, page
from weave.keep import key, store
from weave.keep.files import PART, digest, sweep, write
from weave.keep.store import Cache
from weave.model import WeaveError
from weave.read.book import read_book
from weave.results import CellResult, Result, Table

Make = Callable[[dict[str, str]], SmallBook]

RESULT = Result(
    module="a",
    cells=(
        CellResult(
            "one",
            "é 1\n  2",
            (Table("x\n0 1", ("", "x"), (("0", "1"),)),),
            (("one.svg", digest(b"<svg/>")),),
        ),
        CellResult("two", ""),
    ),
    seconds=0.25,
    cpu=0.5,
    device="cpu",
    versions=(("python", "3.11.7"),),
)
KEY = "0123456789abcdef" * 4


@pytest.fixture
def kept(tmp_path: Path) -> Cache:
    return Cache(tmp_path / ".weave", tmp_path)


def stored(kept: Cache) -> Path:
    """The file that holds the one result of this cache."""
    kept.keep(b"<svg/>")
    kept.store(RESULT, KEY)
    (path,) = kept.results.iterdir()
    return path


# Storing


def test_a_result_is_loaded_as_it_was_stored(kept: Cache) -> None:
    stored(kept)
    assert kept.load("a", KEY) == RESULT


def test_another_key_is_another_result(kept: Cache) -> None:
    stored(kept)
    assert kept.load("a", KEY[::-1]) is None
    assert kept.load("a", KEY[:32] + "f" * 32) is None
    assert kept.load("b", KEY) is None


def test_loading_a_result_runs_nothing_that_it_holds(
    kept: Cache, tmp_path: Path
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    path = stored(kept)
    assert isinstance(json.loads(path.read_text("utf-8")), dict)
    for trap in (pickle.dumps(Trap()), marshal.dumps("x"), b"__import__('os').abort()"):
        path.write_bytes(trap)
        assert kept.load("a", KEY) is None
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("length", [0, 1, 40, 200, -2])
def test_a_result_cut_short_is_a_miss(kept: Cache, length: int) -> None:
    path = stored(kept)
    path.write_bytes(path.read_bytes()[:length])
    assert kept.load("a", KEY) is None


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '"text"', "{}", "\x00" * 300, f'{{"key": "{KEY}"}}']
)
def test_a_result_that_is_something_else_is_a_miss(kept: Cache, text: str) -> None:
    stored(kept).write_text(text)
    assert kept.load("a", KEY) is None


def test_a_result_in_which_one_character_has_changed_is_a_miss(kept: Cache) -> None:
    path = stored(kept)
    text = path.read_text("utf-8")
    assert text.count("é 1") == 1
    path.write_text(text.replace("é 1", "é 7"), "utf-8")
    assert kept.load("a", KEY) is None


def test_a_result_that_is_not_utf8_is_a_miss(kept: Cache) -> None:
    path = stored(kept)
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff"))
    assert kept.load("a", KEY) is None


@pytest.mark.parametrize("data", [b"", b"<svg", b"<svg></svg>"])
def test_a_damaged_figure_is_a_miss(kept: Cache, data: bytes) -> None:
    stored(kept)
    kept.path(digest(b"<svg/>")).write_bytes(data)
    assert kept.load("a", KEY) is None


def test_a_missing_figure_is_a_miss(kept: Cache) -> None:
    stored(kept)
    kept.path(digest(b"<svg/>")).unlink()
    assert kept.load("a", KEY) is None


def test_a_damaged_figure_is_mended_when_it_is_kept_again(kept: Cache) -> None:
    name = kept.keep(b"<svg/>")
    kept.path(name).write_bytes(b"<s")
    assert kept.keep(b"<svg/>") == name
    assert kept.read(name) == b"<svg/>"


def test_how_long_a_module_took_is_remembered_beyond_a_change(kept: Cache) -> None:
    assert kept.seconds("a") is None
    stored(kept)
    assert kept.seconds("a") == 0.25
    assert kept.seconds("b") is None


# Pruning


def test_old_results_are_forgotten_but_not_the_newest(kept: Cache) -> None:
    keys = [f"{number:064}" for number in range(1, store.KEPT_PER_MODULE + 3)]
    keys = [each[::-1] for each in keys]
    for age, each in enumerate(reversed(keys)):
        kept.store(Result("a", (), 1, 1, "cpu", ()), each)
        path = kept.results / f"a-{each[:32]}.json"
        os.utime(path, (time.time() - 60 * age, time.time() - 60 * age))
    kept.prune(["a"])
    found = [key for key in keys if kept.load("a", key)]
    assert found == keys[2:]


def test_results_of_a_module_that_is_gone_are_forgotten(kept: Cache) -> None:
    stored(kept)
    kept.store(Result("a-b", (), 1, 1, "cpu", ()), KEY)
    kept.prune(["a-b"])
    assert kept.load("a", KEY) is None
    assert kept.load("a-b", KEY) is not None


def test_a_file_that_no_result_names_goes_when_it_is_old(kept: Cache) -> None:
    stored(kept)
    used, old, young = (digest(b"<svg/>"), kept.keep(b"old"), kept.keep(b"young"))
    part = kept.files / ".abc.12345678.part"
    part.write_bytes(b"half")
    for path in (kept.path(used), kept.path(old)):
        os.utime(path, (1, 1))
    kept.prune(["a"])
    assert kept.read(used) is not None
    assert kept.read(old) is None
    assert kept.read(young) is not None
    assert not part.exists()


# Writing


def test_a_file_is_written_only_if_its_content_changes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.md"
    assert write(path, b"one")
    os.utime(path, (1, 1))
    assert not write(path, b"one")
    assert path.stat().st_mtime == 1
    assert write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["page.md"]


def test_writing_keeps_a_files_permissions(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_bytes(b"one")
    path.chmod(0o640)
    write(path, b"two")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    write(tmp_path / "new", b"one")
    usual = (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "new").stat().st_mode == usual


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "make room on this disk"),
        (errno.EROFS, "let this file and its folder be writable"),
        (errno.EACCES, "let this file and its folder be writable"),
    ],
)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    path = tmp_path / "page.md"
    path.write_bytes(b"one")

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WeaveError) as caught:
        write(path, b"two")
    said = f"{path}:1: cannot be written: {os.strerror(number)}; {hint}"
    assert str(caught.value) == said
    assert path.read_bytes() == b"one"
    assert [each.name for each in tmp_path.iterdir()] == ["page.md"]


HOLD = """
import sys
from pathlib import Path
from weave.keep import files
name, file = files._part(Path(sys.argv[1]))
print(name, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_write_left_is_swept_and_what_is_being_written_is_not(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "p")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        part = Path(writer.stdout.readline().strip())
        assert fnmatch(part.name, PART)
        write(tmp_path / "p", b"while another build writes it")
        assert part.exists()
        writer.kill()
        writer.wait()
        assert part.exists()
    other = tmp_path / ".q.abcdefgh.part"
    other.touch()
    write(tmp_path / "p", b"after that build was killed")
    assert sorted(tmp_path.iterdir()) == [other, tmp_path / "p"]
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "p"]


# What a result depends on


@pytest.fixture
def book(make_book: Make) -> SmallBook:
    """Module a imports b, which imports c and reads a file; d stands alone."""
    book = make_book(
        {
            "snippets/a.py": "# %% one\nfrom b import f\n\nprint(f())\n",
            "snippets/b.py": """
                # %% f
                from pathlib import Path
                from c import number
                def f():
                    data = Path(__file__).with_name("data.txt")
                    return number + int(data.read_text())
                """,
            "snippets/c.py": "# %% number\nnumber = 1\n",
            "snippets/d.py": "# %% alone\nprint('alone')\n",
            "snippets/data.txt": "10\n",
            "docs/a.md": page(
                *("b.py#f", "c.py#number", "a.py#one", "d.py#alone"),
                printing="one alone",
            ),
        }
    )
    assert ran(book) == {"a", "b", "c", "d"}
    return book


def ran(book: SmallBook, device: str = "cpu") -> set[str]:
    """The modules that had to run to bring the book up to date."""
    woven = book.weave(device=device)
    assert not woven.failures
    return set(woven.ran)


def test_what_has_not_changed_does_not_run_again(book: SmallBook) -> None:
    assert ran(book) == set()
    assert book.printed("a") == "11"


def test_prose_runs_no_module(book: SmallBook) -> None:
    book.write("docs/a.md", "One word.\n\n" + book.read("docs/a.md"))
    assert ran(book) == set()


def test_a_changed_cell_runs_its_module_alone(book: SmallBook) -> None:
    book.change("snippets/d.py", "'alone'", "'changed'")
    assert ran(book) == {"d"}


def test_a_changed_helper_runs_what_imports_it_at_any_distance(book: SmallBook) -> None:
    book.change("snippets/c.py", "number = 1", "number = 2")
    assert ran(book) == {"a", "b", "c"}
    assert book.printed("a") == "12"


def test_a_changed_data_file_runs_the_modules_that_read_it(book: SmallBook) -> None:
    book.write("snippets/data.txt", "20\n")
    assert ran(book) == {"a"}
    assert book.printed("a") == "21"


def test_a_data_file_that_is_gone_is_noticed(book: SmallBook) -> None:
    (book.root / "snippets/data.txt").unlink()
    assert "raises FileNotFoundError" in str(book.weave().failures[0])


def test_going_back_to_an_earlier_state_runs_nothing(book: SmallBook) -> None:
    book.change("snippets/c.py", "number = 1", "number = 2")
    ran(book)
    book.change("snippets/c.py", "number = 2", "number = 1")
    assert ran(book) == set()
    assert book.printed("a") == "11"


def test_a_touched_file_runs_nothing(book: SmallBook) -> None:
    for path in (book.root / "snippets").iterdir():
        os.utime(path)
    assert ran(book) == set()


def test_a_moved_book_runs_nothing(book: SmallBook) -> None:
    moved = SmallBook(book.root.rename(book.root.with_name("moved")))
    assert ran(moved) == set()


def test_another_version_of_a_package_runs_everything(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = key.packages()
    monkeypatch.setattr(key, "packages", lambda: (*found[:-1], "torch-99.0"))
    assert ran(book) == {"a", "b", "c", "d"}


def test_another_python_runs_everything(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    assert ran(book) == {"a", "b", "c", "d"}


def test_another_engine_runs_everything(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key, "engine", lambda: "another")
    assert ran(book) == {"a", "b", "c", "d"}


def test_another_device_asks_for_another_result(book: SmallBook) -> None:
    source = read_book(book.root).sources["d"]
    on_cpu, on_cuda = (key.key_of(source, book.root, each) for each in ("cpu", "cuda"))
    assert on_cpu != on_cuda
    woven = book.weave(device="nosuch")
    assert len(woven.results) == 0
    assert ran(book) == set()  # the results for the CPU are still there


def test_the_packages_are_those_that_are_installed() -> None:
    found = dict(each.rsplit("-", 1) for each in key.packages())
    assert {"torch", "numpy", "matplotlib"} <= found.keys()
    assert found["pytest"] == pytest.__version__


def test_the_engine_is_all_its_text_that_makes_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests: list[str] = []
    monkeypatch.setattr(key, "__file__", str(tmp_path / "keep/key.py"))
    for name in ("model.py", "read/a.py", "keep/a.py", "run/a.py", "run/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / "model.py").touch()
        (tmp_path / "results.py").touch()
        (tmp_path / name).write_text(f"x = {len(digests)}")
        digests.append(key.engine.__wrapped__())
    assert len(set(digests)) == 5
    (tmp_path / "page.py").write_text("what shows results does not change them")
    assert key.engine.__wrapped__() == digests[-1]


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("import tool.inner", "tool.inner.x"),
        ("from tool.inner import x", "x"),
        ("from tool import inner", "inner.x"),
        ("import tool", "tool.inner.x"),
        ("import importlib; tool = importlib.import_module('tool')", "tool.inner.x"),
        ("tool = __import__('tool')", "tool.inner.x"),
    ],
)
@pytest.mark.parametrize("compiled", [False, True], ids=["", "compiled"])
def test_a_changed_file_of_a_package_is_seen(
    make_book: Make,
    statement: str,
    value: str,
    compiled: bool,
) -> None:
    book = make_book(
        {
            "snippets/a.py": f"# %% one\n{statement}\nprint({value})\n",
            "snippets/tool/__init__.py": "from . import inner\n",
            "snippets/tool/inner.py": "x = 1\n",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )

    def compile_all() -> None:  # as `python snippets/a.py` leaves them behind
        for path in (book.root / "snippets/tool").glob("*.py"):
            py_compile.compile(str(path), doraise=True)

    if compiled:
        compile_all()
    assert book.printed("a") == "1"
    book.write("snippets/tool/inner.py", "x = 23\n")
    if compiled:
        compile_all()
    assert ran(book) == {"a"}
    assert book.printed("a") == "23"


def test_a_file_opened_without_pythons_file_objects_is_seen(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": """
                # %% one
                import os
                from pathlib import Path
                name = Path(__file__).parent / "data" / "numbers.txt"
                file = os.open(name, os.O_RDONLY)
                print(os.read(file, 9).decode())
                """,
            "snippets/data/numbers.txt": "1 2 3",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    assert book.printed("a") == "1 2 3"
    book.write("snippets/data/numbers.txt", "4 5 6")
    assert book.printed("a") == "4 5 6"


def test_a_module_with_a_slip_keeps_its_results(book: SmallBook) -> None:
    good = book.read("snippets/d.py")
    book.write("snippets/d.py", good + "x = = 1\n")
    book.change("snippets/a.py", "print(f())", "print(f() + 1)")
    assert "is not Python" in str(book.weave().failures[0])
    book.write("snippets/d.py", good)
    assert ran(book) == set()


def test_damaged_results_run_again_and_come_out_right(book: SmallBook) -> None:
    for path in (book.root / ".weave/results").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert ran(book) == {"a", "b", "c", "d"}
    assert book.printed("a") == "11"


def test_without_the_cache_everything_runs_again(book: SmallBook) -> None:
    for path in (book.root / ".weave/results").iterdir():
        path.unlink()
    assert ran(book) == {"a", "b", "c", "d"}
    assert book.printed("a") == "11"
