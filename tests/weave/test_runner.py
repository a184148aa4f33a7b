"""A module that misbehaves is contained, and the others still run."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.process
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import SmallBook, page
from weave.model import Problem
from weave.read.module import has_newer_text, read_source
from weave.run import pool

Make = Callable[[dict[str, str]], SmallBook]

# name: (the bad cell's code, what is said of it)
BAD = {
    "raises": ("1 / 0", "raises ZeroDivisionError: division by zero"),
    "exits": ("import sys\nsys.exit(0)", "ends the program: SystemExit(0)"),
    "exits-3": ("raise SystemExit(3)", "ends the program: SystemExit(3)"),
    "leaves": ("import os\nos._exit(5)", "ended its process with exit code 5"),
    "leaves-0": ("import os\nos._exit(0)", "ended its process with exit code 0"),
    "kills": ("import os\nos.kill(os.getpid(), 9)", "was killed by SIGKILL"),
    "segfaults": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
        "was killed by SIGSEGV",
    ),
    "hangs": ("while True:\n    pass", "did not end within 1.5 s"),
    "sleeps": ("import time\ntime.sleep(1000)", "did not end within 1.5 s"),
    "interrupts": ("raise KeyboardInterrupt", "raises KeyboardInterrupt"),
    "megabyte": ("print('x' * 1_000_000)", "prints 1,000,001 bytes"),
    "colors": ("print('\\x1b[31mred\\x1b[0m')", "prints the control character '\\x1b'"),
    "carriage": ("print('50 %\\r100 %')", "prints the control character '\\r'"),
    "bytes": (
        "import sys\nsys.stdout.buffer.write(b'\\xff\\n')",
        "prints bytes that are not UTF-8: b'\\xff'",
    ),
    "no-newline": ("print('x', end='')", "prints text that does not end its line"),
    "blank": ("print()", "prints blank lines only"),
    "stderr": (
        "import sys\nprint('careful', file=sys.stderr)",
        "writes to standard error, which no page shows",
    ),
    "warns": (
        "import warnings\nwarnings.warn('careful')",
        "writes to standard error, which no page shows",
    ),
    "closes": ("import sys\nsys.stdout.close()", "raises ValueError: I/O operation"),
    "stops": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "did not end within 1.5 s",
    ),
    "holds-the-lock": ("sum(range(10**12))", "did not end within 1.5 s"),
    "aborts": ("import os\nos.abort()", "was killed by SIGABRT"),
    "kills-its-group": ("import os\nos.killpg(0, 9)", "was killed by SIGKILL"),
    "nameless-signal": ("import os\nos.kill(os.getpid(), 40)", "was killed by"),
    "exits-with-text": (
        "raise SystemExit('why')",
        "ends the program: SystemExit('why')",
    ),
    "notes": (
        "error = ValueError('x')\nerror.add_note('see page 3')\nraise error",
        "raises ValueError: x",
    ),
    "says-nothing": ("raise ValueError", "raises ValueError;"),
    "says-a-lot": ("raise ValueError('one\\ntwo')", "raises ValueError: one;"),
    "cannot-say": (
        "class Bad(Exception):\n    def __str__(self):\n        return 1 / 0\n\n"
        "raise Bad",
        "",
    ),
    "recurses": ("def f():\n    f()\n\nf()", "raises RecursionError: maximum"),
    "group": (
        "raise ExceptionGroup('both', [ValueError(1), KeyError(2)])",
        "raises ExceptionGroup: both (2 sub-exceptions)",
    ),
    "asks": ("input('Name? ')", "raises EOFError"),
    "megabyte-of-wide-text": ("print('€' * 1_000_000)", "prints 3,000,001 bytes"),
    "too-long": ("print('x' * 20_000)", "prints 20,001 characters"),
    "nul": ("print('a\\0b')", "prints the control character '\\x00'"),
    "surrogate": ("print('\\ud800')", "raises UnicodeEncodeError"),
    "much-on-stderr": (
        "import sys\nsys.stderr.write('x' * 1_000_000)",
        "writes to standard error, which no page shows",
    ),
    "raises-in-thread": (
        "import threading\nt = threading.Thread(target=int, args='x')\n"
        "t.start()\nt.join()",
        "writes to standard error, which no page shows",
    ),
    "no-stdout": ("import sys\nsys.stdout = None", "raises AttributeError"),
    "closes-descriptor": ("import os\nos.close(1)\nprint(1)", "raises OSError"),
    "closes-all": ("import os\nos.closerange(0, 256)", ""),
    "deletes-its-folder": ("import shutil\nshutil.rmtree('..')", ""),
    "imports-nothing": ("import no_such_package", "raises ModuleNotFoundError: No"),
    "fills-disk": (
        "open('big', 'wb').write(b'0' * (65 << 20))",
        "raises OSError: [Errno 27] File too large",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_module_is_reported_and_the_others_run(
    make_book: Make, name: str
) -> None:
    code, said = BAD[name]
    book = make_book(
        {
            "snippets/bad.py": "# %% good\nx = 1\n\n# %% bad\n" + code + "\n",
            "snippets/other.py": "# %% one\nprint('fine')\n",
            "docs/a.md": page(
                "bad.py#good", "bad.py#bad", "other.py#one", printing="one"
            ),
        }
    )
    limit = 1.5 if "did not end" in said else 60
    woven = book.weave(limit=limit)
    (problem,) = woven.failures
    assert str(problem).startswith("snippets/bad.py:")
    assert f"cell 'bad' {said}" in str(problem)
    assert "shown by docs/a.md:7" in str(problem)
    assert sorted(woven.results) == ["other"]
    assert woven.results["other"].cells[0].output == "fine"
    assert not list((book.root / ".weave/results").glob("bad-*"))
    again = book.weave(limit=limit)  # a failure is never remembered
    assert again.ran == ("bad",)


def test_a_traceback_points_into_the_module(make_book: Make) -> None:
    code = """
        # %% one
        def halve(x):
            return x / 0

        # %% two
        print("before")
        halve(1)
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one", "a.py#two")})
    (problem,) = book.weave().failures
    assert (str(problem.path), problem.line) == ("snippets/a.py", 3)
    assert 'File "snippets/a.py", line 7, in <module>' in problem.detail
    assert "return x / 0" in problem.detail
    assert "weave/run/" not in problem.detail


def test_nothing_a_module_started_outlives_it(make_book: Make, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"""
        # %% one
        import subprocess
        from pathlib import Path

        child = subprocess.Popen(["sleep", "1000"])
        Path({str(pid)!r}).write_text(str(child.pid))
        print("done")
    """
    book = make_book(
        {"snippets/a.py": code, "docs/a.md": page("a.py#one", printing="one")}
    )
    begun = time.monotonic()
    assert book.weave().problems != ()  # the fence is still empty, nothing else
    assert time.monotonic() - begun < 5
    deadline = time.monotonic() + 5
    while _alive(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(int(pid.read_text()))


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status != "Z"


def test_what_a_module_does_to_its_process_stays_there(make_book: Make) -> None:
    spoil = """
        # %% one
        import os, random, sys

        random.seed(1)
        os.environ["SPOILED"] = "yes"
        os.chdir("/")
        sys.path.append("/spoiled")
        sys.stdout = None
    """
    look = """
        # %% one
        import os, sys
        from pathlib import Path

        print(os.environ.get("SPOILED"), "/spoiled" in sys.path, list(Path().iterdir()))
    """
    files = {f"snippets/m{n}.py": spoil if n % 2 else look for n in range(6)}
    cells = [f"m{n}.py#one" for n in range(6)]
    book = make_book({**files, "docs/a.md": page(*cells)})
    before = dict(os.environ), Path.cwd()
    woven = book.weave(jobs=1)
    for n in (0, 2, 4):
        assert woven.results[f"m{n}"].cells[0].output == "None False []"
    assert before == (dict(os.environ), Path.cwd())


def test_threads_and_exit_handlers_do_not_hold_a_module_up(make_book: Make) -> None:
    code = """
        # %% one
        import atexit, threading, time

        threading.Thread(target=time.sleep, args=(1000,)).start()
        atexit.register(print, "too late")
        print("done")
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    begun = time.monotonic()
    woven = book.weave()
    assert time.monotonic() - begun < 10
    assert woven.results["a"].cells[0].output == "done"


def test_what_subprocesses_and_descriptors_print_is_output(make_book: Make) -> None:
    code = """
        # %% one
        import os, subprocess

        print("first")
        subprocess.run(["echo", "second"])
        os.write(1, b"third\\n")
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    assert book.weave().results["a"].cells[0].output == "first\nsecond\nthird"


def test_a_module_runs_as_a_script_does(make_book: Make) -> None:
    code = """
        # %% one
        import pickle
        import sys
        from dataclasses import dataclass
        from pathlib import Path

        @dataclass
        class Point:
            x: int

        print(__name__, Path(__file__).name, Path(sys.argv[0]).name)
        print(pickle.loads(pickle.dumps(Point(1))))
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    output = book.weave().results["a"].cells[0].output
    assert output == "__main__ a.py a.py\nPoint(x=1)"


def test_figures_left_open_are_saved_in_light_and_dark_and_named(
    make_book: Make,
) -> None:
    code = """
        # %% plot
        import matplotlib.pyplot as plt

        plt.plot([1, 2], color="black")
        plt.title("</svg><script>alert(1)</script>")
        plt.figure()
        plt.rcParams["lines.linewidth"] = 9

        # %% more
        print(plt.get_fignums())
    """
    book = make_book(
        {"snippets/a.py": code, "docs/a.md": page("a.py#plot", "a.py#more")}
    )
    woven = book.weave()
    plot, more = woven.results["a"].cells
    assert [name for name, _ in plot.files] == ["plot.svg", "plot-2.svg"]
    assert (more.output, more.files) == ("[]", ())
    path = woven.figures["figures/a/plot.svg"]
    svg = path.read_text("utf-8")
    assert "prefers-color-scheme:dark" in svg
    assert "var(--ink)" in svg
    assert "<script>" not in svg
    again = book.weave()
    assert again.ran == ()
    assert again.results["a"].cells == woven.results["a"].cells


def test_a_printed_data_frame_is_kept_as_a_table_too(make_book: Make) -> None:
    code = """
        # %% frame
        import pandas as pd

        print("Look:")
        print(pd.DataFrame({"a": [1, 2], "b<": [0.5, 0.25]}, index=["p", "q"]))
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#frame")})
    (cell,) = book.weave().results["a"].cells
    (table,) = cell.tables
    assert table.header == ("", "a", "b<")
    assert table.rows == (("p", "1", "0.50"), ("q", "2", "0.25"))
    assert cell.output == "Look:\n" + table.text


def test_a_data_frame_made_by_a_borrowed_function_is_a_table_too(
    make_book: Make,
) -> None:
    book = make_book(
        {
            "snippets/tools.py": "# %% make\nimport pandas as pd\n\n\n"
            "def make():\n    return pd.DataFrame({'a': [1, 2]})\n",
            "snippets/a.py": "# %% borrow\nfrom tools import make\n\n"
            "# %% frame\nprint(make())\n",
            "docs/a.md": page("tools.py#make", "a.py#frame", printing="frame"),
        }
    )
    shown = book.weave().results["a"].cell("frame")
    assert shown is not None
    assert [table.header for table in shown.tables] == [("", "a")]


def test_more_modules_than_jobs_all_run_and_the_slow_start_first(
    make_book: Make,
) -> None:
    files = {
        f"snippets/m{n}.py": f"# %% one\nimport time\ntime.sleep({n / 10})\n"
        for n in range(4)
    }
    book = make_book({**files, "docs/a.md": page(*(f"m{n}.py#one" for n in range(4)))})
    begun: list[str] = []
    from weave.build import Progress

    book.weave(jobs=1)
    for n in range(4):
        book.write(f"snippets/m{n}.py", files[f"snippets/m{n}.py"] + "# changed\n")
    book.weave(jobs=1, progress=Progress(began=begun.append))
    assert begun == ["m3", "m2", "m1", "m0"]


def test_a_device_that_is_not_here_is_refused(make_book: Make) -> None:
    book = make_book(
        {"snippets/a.py": "# %% one\nx = 1\n", "docs/a.md": page("a.py#one")}
    )
    (problem,) = book.weave(device="tpu").failures
    assert "this machine has no device 'tpu'" in str(problem)


@pytest.mark.parametrize(
    "end",
    ["pass", "1 / 0", "os._exit(1)", "os.kill(os.getpid(), 9)", "time.sleep(1000)"],
)
def test_a_grandchild_that_keeps_the_output_open_ends_with_its_module(
    make_book: Make, tmp_path: Path, end: str
) -> None:
    pid = tmp_path / "pid"
    code = f"""
        # %% one
        import os, time
        from pathlib import Path

        child = os.fork()
        if child == 0:
            time.sleep(1000)
        Path({str(pid)!r}).write_text(str(child))
        {end}
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    begun = time.monotonic()
    book.weave(limit=2)
    assert time.monotonic() - begun < 10
    assert _gone(int(pid.read_text()))


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _alive(pid)


@pytest.mark.parametrize("last", ["time.sleep(1000)", "sum(range(10**12))"])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_module_outlives_the_build_that_wants_it(
    make_book: Make, tmp_path: Path, sent: signal.Signals, last: str
) -> None:
    pid = tmp_path / "pid"
    code = f"""
        # %% one
        import os, time
        from pathlib import Path

        Path({str(tmp_path)!r}, "part").write_text(str(os.getpid()))
        Path({str(tmp_path)!r}, "part").rename({str(pid)!r})
        {last}
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    with book.start("-m", "weave") as build:
        deadline = time.monotonic() + 30
        while not pid.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        worker = int(pid.read_text())
        try:
            build.send_signal(sent)
            assert build.wait(30) != 0
            assert _gone(worker)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        assert build.stderr is not None
        assert "Traceback" not in build.stderr.read()


@pytest.mark.parametrize("jobs", [1, 2])
def test_as_many_modules_run_at_once_as_there_are_jobs(
    make_book: Make, tmp_path: Path, jobs: int
) -> None:
    meet = """
        # %% one
        import time
        from pathlib import Path

        Path({here!r}).touch()
        deadline = time.monotonic() + {patience}
        while time.monotonic() < deadline and not Path({there!r}).exists():
            time.sleep(0.01)
        print(Path({there!r}).exists())
    """
    here, there = str(tmp_path / "a"), str(tmp_path / "b")
    patience = 0.5 if jobs == 1 else 30
    book = make_book(
        {
            "snippets/a.py": meet.format(here=here, there=there, patience=patience),
            "snippets/b.py": meet.format(here=there, there=here, patience=patience),
            "docs/a.md": page("a.py#one", "b.py#one", printing="one"),
        }
    )
    results = book.weave(jobs=jobs).results
    met = [results[module].cells[0].output for module in "ab"]
    assert met == (["False", "True"] if jobs == 1 else ["True", "True"])


def test_modules_run_with_one_thread_no_window_and_no_graphics_card(
    make_book: Make,
) -> None:
    code = """
        # %% one
        import os
        for name in ("OMP_NUM_THREADS", "MPLBACKEND", "CUDA_VISIBLE_DEVICES"):
            print(repr(os.environ[name]))
        print({str(i) for i in range(9)})
    """
    book = make_book(
        {"snippets/a.py": code, "docs/a.md": page("a.py#one", printing="one")}
    )
    *settings, names = book.printed("a").splitlines()
    assert settings == ["'1'", "'agg'", "''"]
    ordered = subprocess.run(
        [sys.executable, "-c", "print({str(i) for i in range(9)})"],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    assert names == ordered.stdout.strip()  # so sets print the same in every run


def test_what_a_module_sets_in_a_package_stays_there(make_book: Make) -> None:
    spoil = """
        # %% one
        import random, sys, warnings
        import matplotlib
        import numpy as np
        import torch

        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(2)
        np.set_printoptions(precision=2)
        matplotlib.rcParams["font.size"] = 99
        warnings.simplefilter("ignore")
        sys.setrecursionlimit(99_999)
    """
    look = """
        # %% one
        import random, sys, warnings
        import matplotlib
        import numpy as np
        import torch

        random.seed(0)
        print(torch.get_default_dtype(), torch.get_num_threads(), np.array([1 / 3]))
        print(matplotlib.rcParams["font.size"], sys.getrecursionlimit())
        print(warnings.filters[-1][0] == "ignore", random.random())
    """
    files = {f"snippets/m{n}.py": spoil if n == 1 else look for n in range(3)}
    cells = [f"m{n}.py#one" for n in range(3)]
    book = make_book({**files, "docs/a.md": page(*cells)})
    results = book.weave(jobs=1).results
    assert results["m0"].cells == results["m2"].cells
    assert results["m0"].cells[0].output.startswith("torch.float32 1 [0.33333333]")
    (problem,) = book.weave(limit=60).failures[:1]
    assert "prints, but the page shows no output" in str(problem)


def test_a_module_that_replaces_standard_output_harms_nobody(make_book: Make) -> None:
    code = """
        # %% one
        import contextlib, io, sys

        with contextlib.redirect_stdout(io.StringIO()) as caught:
            print("into the string")
        print(caught.getvalue().upper(), end="")
        sys.stdout = io.StringIO()
        print("lost")

        # %% two
        sys.stdout = sys.__stdout__
        print("found")
    """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one", "a.py#two")})
    one, two = book.weave().results["a"].cells
    assert (one.output, two.output) == ("INTO THE STRING", "found")


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (
            "import sklearn_of_another_name",
            "install the package (python3 -m pip install sklearn_of_another_name), "
            "and name it in pyproject.toml",
        ),
        (
            "raise ModuleNotFoundError('No module', name='sklearn.datasets')",
            "install the package (python3 -m pip install scikit-learn), "
            "and name it in pyproject.toml",
        ),
        (
            "import pandas as pd\npd.DataFrame({'radius_mean': [1]})['radius mean']",
            "did you mean 'radius_mean'?",
        ),
        (
            "import urllib.request\n"
            "urllib.request.urlopen('http://host.invalid/data.csv')",
            "put the data into the repository: no build may need a network",
        ),
        (
            "raise ConnectionRefusedError",
            "put the data into the repository: no build may need a network",
        ),
        ("{}['a']", "repair the cell, or catch the exception and print it"),
    ],
)
def test_what_a_readers_edit_raises_is_told_with_what_to_do(
    make_book: Make, code: str, hint: str
) -> None:
    book = make_book(
        {"snippets/a.py": f"# %% one\n{code}\n", "docs/a.md": page("a.py#one")}
    )
    (said,) = book.problems()
    assert said.startswith("snippets/a.py:")
    assert said.endswith(f"; {hint}")


# Being ended, being forged, leaving nothing behind


def test_a_newer_text_of_a_module_ends_its_older_run(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nwhile True:\n    pass\n",
            "snippets/b.py": "# %% one\nprint('fine')\n",
        }
    )
    paths = sorted((book.root / "snippets").iterdir())
    sources = [read_source(path, book.root) for path in paths]
    begun = time.monotonic()
    ended = []
    for source, answer, _ in pool.run(
        sources, book.root, book.root / ".weave", stop=has_newer_text
    ):
        ended.append((source.module, isinstance(answer, Problem)))
        if source.module == "b":
            book.write("snippets/a.py", "# %% one\nprint('repaired')\n")
        else:
            assert "cell 'one' is ended, as a newer text of it exists" in str(answer)
    assert ended == [("b", False), ("a", True)]
    assert time.monotonic() - begun < 30
    assert book.printed("a") == "repaired"


@pytest.mark.parametrize(
    "answer",
    [
        "{}",
        "[]",
        "not JSON",
        '{"result": {}}',
        '{"result": {"cells": 5}}',
        '{"problem": 1}',
        '{"problem": {"path": "a", "line": "1", "what": "x", "hint": "y"}}',
        '{"problem": {"path": "a", "line": 1, "what": "\\ud800", "hint": "y"}}',
        '{"result": {"module": "b", "cells": [], "seconds": 1, "cpu": 1,'
        ' "device": "cpu", "versions": []}}',
        '{"result": {"module": "a", "cells": [{"name": "one", "output": 7}],'
        ' "seconds": NaN, "cpu": 1, "device": "cpu", "versions": []}}',
        "[" * 100_000,
    ],
)
def test_a_forged_answer_is_told(make_book: Make, answer: str) -> None:
    code = f"""
        # %% one
        import os
        from pathlib import Path
        answer = {answer!r} if len({answer!r}) < 1000 else {answer[0]!r} * 100_000
        Path("../answer.json").write_text(answer)
        os._exit(0)
        """
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    (problem,) = book.weave().failures
    assert str(problem).startswith("snippets/a.py:2: cell 'one' left an answer that")


@pytest.mark.parametrize("said", ["'\\ud800'", "'é' * 9", "'\\0'", "b'\\xff'"])
def test_whatever_an_exception_says_can_be_told(make_book: Make, said: str) -> None:
    code = f"# %% one\nraise ValueError({said})\n"
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#one")})
    (problem,) = book.weave().failures
    assert "cell 'one' raises ValueError" in str(problem)
    str(problem).encode()


def test_what_a_killed_build_leaves_is_swept_by_a_later_one(
    make_book: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    place = Path(tempfile.mkdtemp(prefix="t"))  # sockets need a short path
    request.addfinalizer(lambda: shutil.rmtree(place, ignore_errors=True))
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    mark = tmp_path / "begun"
    hangs = f"# %% one\nimport time\n\nopen({str(mark)!r}, 'w')\ntime.sleep(99)\n"
    book = make_book({"snippets/a.py": hangs, "docs/a.md": page("a.py#one")})
    with book.start("-m", "weave") as build:
        while not mark.exists() and build.poll() is None:
            time.sleep(0.01)
        (dead,) = place.glob("weave-*")
        mark.unlink()
        with book.start("-m", "weave") as other:
            while not mark.exists() and other.poll() is None:
                time.sleep(0.01)
            (living,) = set(place.glob("weave-*")) - {dead}
            build.kill()
            build.wait()
            assert dead.exists()
            book.write("snippets/a.py", "# %% one\nx = 1\n")
            assert not book.weave().failures
            assert not dead.exists()
            assert living.exists()
            other.kill()
            other.wait()
    book.write("snippets/a.py", "# %% one\nx = 2\n")
    assert not book.weave().failures
    assert not list(place.glob("weave-*"))


# Where nothing can be kept


def a_device(book: SmallBook, tmp_path: Path) -> str:
    (book.root / ".weave").symlink_to("/dev/full")
    return "Not a directory"


def a_file(book: SmallBook, tmp_path: Path) -> str:
    (book.root / ".weave").write_text("")
    return "Not a directory"


def dangling(book: SmallBook, tmp_path: Path) -> str:
    (book.root / ".weave").symlink_to(tmp_path / "nothing" / "here")
    return "File exists"


def a_file_inside(book: SmallBook, tmp_path: Path) -> str:
    (book.root / ".weave").mkdir()
    (book.root / ".weave/results").write_text("")
    return "File exists"


@pytest.mark.parametrize("place", [a_device, a_file, dangling, a_file_inside])
@pytest.mark.parametrize(
    "code", ["print(1)", "from matplotlib import pyplot as p\np.plot([1])"]
)
def test_a_cache_that_cannot_be_written_is_told(
    make_book: Make, tmp_path: Path, place: Callable[[SmallBook, Path], str], code: str
) -> None:
    book = make_book(
        {"snippets/a.py": f"# %% one\n{code}\n", "docs/a.md": page("a.py#one")}
    )
    reason = place(book, tmp_path)
    done = book.run()
    assert done.returncode == 1
    assert done.stderr.count(".weave/") == 1
    assert (
        f":1: cannot be written: {reason}; remove the file or the link" in done.stderr
    )


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="wants a second file system")
def test_the_cache_may_lie_on_another_file_system(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nprint(1)\n",
            "docs/a.md": page("a.py#one", printing="one"),
        }
    )
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        (book.root / ".weave").symlink_to(place)
        assert book.run().returncode == 0
        assert "```text\n1\n```" in book.read("docs/a.md")
        assert book.weave().ran == ()


# What is imported before


def test_only_what_the_modules_import_is_preloaded(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nimport json, numpy as np, b\n",
            "snippets/b.py": "# %% one\nimport pandas\n",
            "snippets/c.py": "# %% one\nimport torch\n",
            "snippets/d.py": "# %% one\nimport torch\ntorch.optim.SGD\n",
            "snippets/e.py": "# %% one\nfrom matplotlib import colors\n",
        }
    )
    snippets = book.root / "snippets"

    def needed(*names: str) -> tuple[str, ...]:
        return pool.needed(
            [read_source(snippets / f"{name}.py", book.root) for name in names],
            book.root,
        )

    assert needed() == ()
    assert needed("a") == ("numpy", "pandas")
    assert needed("b", "c") == ("pandas", "torch")
    assert needed("d") == ("torch", "torch._dynamo")
    assert "matplotlib.backends.backend_svg" in needed("e")


def test_an_interrupt_while_a_module_starts_leaves_nothing_running(
    make_book: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "pid"
    code = (
        f"# %% one\nimport os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))"
    )
    book = make_book({"snippets/a.py": f"{code}\ntime.sleep(1000)\n"})
    start = multiprocessing.process.BaseProcess.start

    def interrupted(process: multiprocessing.process.BaseProcess) -> None:
        start(process)
        while not mark.exists() or not mark.read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        book.weave()
    assert _gone(int(mark.read_text()))
    assert multiprocessing.active_children() == []
