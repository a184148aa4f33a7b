"""Runs the Python blocks of a chapter as one program, each block a test of its own.

pytest-codeblocks finds the blocks and their expected outputs; here its blocks share one
namespace, in the order of the page, as the reader's session does. A block that is
selected alone replays those above it first. A failure shows a true traceback.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import types
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_codeblocks.main import CodeBlock, extract_from_file
from pytest_codeblocks.plugin import MarkdownFile, TestBlock

from weave.read.page import read_chapter
from weave.render.fill import contents

#: The sessions of this process, by the names of their chapters.
SESSIONS: dict[str, Session] = {}
RECORDED = re.compile(r"(?ms)^(`{3,})text\n(?P<text>.*?)^\1$")


class ChapterFile(MarkdownFile):  # type: ignore[misc]  # the plugin has no types
    """A chapter: its Python blocks, in order, and the session that they share."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each Python block."""
        self.session_of_blocks = Session(self.path)
        SESSIONS[self.path.stem] = self.session_of_blocks
        blocks = [
            each for each in extract_from_file(self.path) if each.syntax == "python"
        ]
        self.session_of_blocks.blocks = blocks
        shown = outputs(self.path)
        for block in blocks:
            name = f"line {block.lineno}"
            item = ChapterBlock.from_parent(self, name=name, obj=block)
            item.outputs = shown.get(block.lineno, [""])
            yield item


def outputs(page: Path) -> dict[int, list[str] | None]:
    """What each block may print, by the line of its fence.

    That is the page's output, or what other machines have recorded; None if the page
    shows recordings alone, as each run prints something else.
    """
    found: dict[int, list[str] | None] = {}
    chapter = read_chapter(page)
    for slot in chapter.slots:
        shown = [f"{contents(chapter, slot.output)}\n" if slot.output else ""]
        if slot.recorded:
            text = contents(chapter, slot.recorded)
            shown += [each["text"] for each in RECORDED.finditer(text)]
        found[slot.code.line] = None if slot.measured else shown
    return found


class Session:
    """Runs blocks in one namespace, none twice and none before those above it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: list[CodeBlock] = []
        self.printed: list[str] = []
        self._main = types.ModuleType("__main__")

    @property
    def names(self) -> dict[str, Any] | None:
        """What all blocks together have defined; None before the last has run."""
        whole = len(self.printed) == len(self.blocks)
        return self._main.__dict__ if whole else None

    def run(self, block: CodeBlock) -> str:
        """Run a block after those above it; gives what it alone has printed."""
        index = self.blocks.index(block)
        if index < len(self.printed):
            self.printed = []
            self._main = types.ModuleType("__main__")
        for each in self.blocks[len(self.printed) : index + 1]:
            self.printed.append("")  # it has been tried, even if it raises
            self.printed[-1] = self._run_one(each)
        return self.printed[-1]

    def _run_one(self, block: CodeBlock) -> str:
        import matplotlib.pyplot as plt

        plt.switch_backend("agg")
        printed = io.StringIO()
        code = compile("\n" * block.lineno + block.code, str(self.path), "exec")
        before, here = sys.modules["__main__"], Path.cwd()
        sys.modules["__main__"] = self._main
        with tempfile.TemporaryDirectory() as empty, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
            os.chdir(empty)
            try:
                with contextlib.redirect_stdout(printed):
                    exec(code, self._main.__dict__)  # the book's own code
            except SystemExit as error:
                raise AssertionError(
                    f"the block ends the program: {error!r}"
                ) from error
            finally:
                os.chdir(here)
                sys.modules["__main__"] = before
                plt.close("all")
        return printed.getvalue()


class ChapterBlock(TestBlock):  # type: ignore[misc]  # the plugin has no types
    """One Python block of a chapter, with the output that the page shows below it."""

    outputs: list[str] | None = None

    def runtest(self) -> None:
        """Run the block, and compare what it prints, to the letter, if it can be."""
        printed = self.parent.session_of_blocks.run(self.obj)
        if self.outputs and printed not in self.outputs[1:]:
            assert printed == self.outputs[0]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        """The traceback, from the chapter's own lines on where there are some."""
        own = [entry for entry in excinfo.traceback if Path(entry.path) == self.path]
        if own:
            excinfo.traceback = type(excinfo.traceback)(own)
        return pytest.Item.repr_failure(self, excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the block stands, and what it is called in reports."""
        return self.path, self.obj.lineno - 1, self.name


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, Any, Any]:
    """Take the place of the plugin's own file, whose blocks share nothing."""
    found = yield
    return [
        ChapterFile.from_parent(parent, path=file_path)
        if type(each) is MarkdownFile
        else each
        for each in (found if isinstance(found, list) else [found])
        if each is not None
    ]
