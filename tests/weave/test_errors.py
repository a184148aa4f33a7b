"""Who said it: a module's own words on the error stream stop it, a library's do not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import SmallBook, page
from weave.woven import Woven

Make = Callable[[dict[str, str]], SmallBook]
Run = Callable[[str], Woven]

LIBRARY = """
import logging, sys, traceback, warnings

def warn(level=1):
    warnings.warn("slow here", UserWarning, stacklevel=level)

def log():
    logging.getLogger("noisy.part").warning("slow here")

def handle():
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("noisy.own")
    logger.addHandler(handler)
    logger.propagate = False
    logger.warning("slow here")

def write():
    print("slow here", file=sys.stderr)

def write_deep():
    try:
        raise ValueError("slow here")
    except ValueError:
        traceback.print_exc()

def call(function):
    function()
"""


@pytest.fixture
def run(
    make_book: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Woven]:
    """Weaves a book of one module that may import `noisy`, which is not the book's."""
    place = tmp_path / "site-packages"
    place.mkdir()
    (place / "noisy.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(place))

    def weave(code: str) -> Woven:
        book = make_book(
            {
                "snippets/a.py": f"# %% one\nimport noisy\n\n{code}\nprint('done')\n",
                "docs/a.md": page("a.py#one", printing="one"),
            }
        )
        return book.weave()

    return weave


@pytest.mark.parametrize(
    "call",
    ["warn()", "log()", "handle()", "write()", "write_deep()", "call(noisy.log)"],
)
def test_what_a_library_says_of_itself_is_told_and_stops_nothing(
    run: Run, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "weave"):
        woven = run(f"noisy.{call}")
    assert not woven.failures
    result = woven.results["a"]
    assert result.cells[0].output == "done"
    ((cell, said),) = result.warned
    assert cell == "one"
    assert "slow here" in said
    assert str(Path.cwd()) not in said
    assert "a.py#one: " in caplog.text
    assert "slow here" in caplog.text


@pytest.mark.parametrize(
    "code",
    [
        "noisy.warn(2)",  # which a library says of the line that called it
        "import warnings\nwarnings.warn('mine')",
        "import warnings\nnoisy.call(lambda: warnings.warn('mine'))",
        "import sys\nprint('mine', file=sys.stderr)",
        "import sys\nnoisy.call(lambda: print('mine', file=sys.stderr))",
        "import sys\nsys.stderr.writelines(['mine'])",
        "import logging\nlogging.warning('mine')",
        "import logging\nnoisy.call(lambda: logging.getLogger('x').error('mine'))",
        "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n"
        "    traceback.print_exc()",
        "import os\nos.write(2, b'mine')",
        "import subprocess\nsubprocess.run('echo mine >&2', shell=True)",
        "import numpy as np\nnp.log(np.zeros(1))",
    ],
)
def test_what_the_modules_own_lines_say_or_cause_is_refused(
    run: Run, code: str
) -> None:
    (problem,) = run(code).failures
    assert "writes to standard error, which no page shows" in problem.what


def test_a_helpers_lines_are_the_modules(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nimport b\n\nb.f()\n",
            "snippets/b.py": "import warnings\n\ndef f():\n    warnings.warn('b')\n",
            "docs/a.md": page("a.py#one"),
        }
    )
    assert "writes to standard error" in book.weave(only=["a"]).failures[0].what


def test_what_a_module_catches_of_a_library_is_its_own(run: Run) -> None:
    woven = run(
        "import contextlib, io, logging, sys\n"
        "with contextlib.redirect_stderr(io.StringIO()) as said:\n"
        "    noisy.warn()\n    noisy.write()\n    noisy.log()\n"
        "logging.basicConfig(stream=sys.stdout, format='%(message)s', force=True)\n"
        "noisy.log()\n"
        "print(said.getvalue().count('slow here'))"
    )
    result = woven.results["a"]
    assert result.cells[0].output == "slow here\n4\ndone"
    assert result.warned == ()
