"""Small books for the engine's tests, made from a dictionary of files."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from markdown import Markdown

from weave import build
from weave.__main__ import main
from weave.read.book import read_book
from weave.site.extension import WeaveExtension
from weave.site.here import Here
from weave.site.katex import Formulas
from weave.woven import Woven

ROOT = Path(__file__).parents[2]
OUTPUT = "<!--pytest-codeblocks:expected-output-->"


@dataclass(frozen=True)
class SmallBook:
    """A book in a temporary folder."""

    root: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file, its text dedented."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        """A file's text."""
        return (self.root / name).read_text("utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Put `new` in the place of `old`, which must be there once."""
        text = (self.root / name).read_bytes()
        assert text.count(old.encode()) == 1
        (self.root / name).write_bytes(text.replace(old.encode(), new.encode()))

    def files(self, folder: str = "docs") -> dict[str, bytes]:
        """Every file below a folder with its bytes, but for the one with timings."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file() and path.name != "runs.json"
        }

    def weave(self, **settings: object) -> Woven:
        """Weave the book as it is now, in this process."""
        return build.weave(read_book(self.root), **settings)  # type: ignore[arg-type]  # the tests' own choice

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What `python -m weave` does and says, but in this process, which is quick."""
        out, err = io.StringIO(), io.StringIO()
        command = ["--root", str(self.root), *arguments]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(command)
        return subprocess.CompletedProcess(
            command, code, out.getvalue(), err.getvalue()
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a process of Python's, for which this repository is importable.

        It hears the keyboard, even if these tests run where nothing can interrupt
        them, as in a shell's background: there, what they start would be deaf too.
        """
        return subprocess.Popen(
            [sys.executable, *arguments],
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def printed(self, module: str, cell: str = "one") -> str:
        """What a cell prints, once the book is woven as it is now."""
        found = self.weave().results[module].cell(cell)
        assert found is not None
        return found.output

    def problems(self) -> list[str]:
        """The first lines of what is wrong with the book."""
        return [str(problem).splitlines()[0] for problem in self.weave().problems]


def rendered(
    book: SmallBook, text: str, name: str = "docs/a.md", *, forgiving: bool = False
) -> str:
    """The HTML of a page of this book, with the site's extensions that matter here."""
    formulas = Formulas(book.root / ".weave" / "formulas.json")
    here = Here(book.weave(), book.root / name, formulas, forgiving)
    extensions = ["attr_list", "md_in_html", "tables", "pymdownx.superfences"]
    page = Markdown(extensions=[*extensions, WeaveExtension(lambda md: here)])
    try:
        html: str = page.convert(text)
    finally:
        formulas.finish()
    return html


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the environment's Python, for which this repository is importable."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True
    )


def environment() -> dict[str, str]:
    """The environment of a process that is to find this repository's modules."""
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}


def page(*cells: str, printing: str = "") -> str:
    """A chapter that shows cells (`a.py#one`); those in `printing` with an output."""
    parts = ["# A page\n"]
    for cell in cells:
        parts.append(f"<!-- snippet: {cell} -->\n```python\n```\n")
        if cell.partition("#")[2] in printing.split():
            parts.append(f"{OUTPUT}\n```text\n```\n")
    return "\n".join(parts)
