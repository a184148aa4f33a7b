"""Runs a module, cell by cell, in one namespace of this process."""

from __future__ import annotations
import __future__

import builtins
import linecache
import os
import sys
import time
import traceback
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weave.keep.store import Cache
from weave.model import Asked, Cell, Problem, Source, WeaveError
from weave.read.imports import read_text
from weave.results import CellResult, Result, Table
from weave.run import asked, style
from weave.run.capture import Capture, figures, output, refuse
from weave.run.errors import ENGINE, Errors
from weave.run.hints import hint_for
from weave.run.tables import watch_tables
from weave.run.watch import Watch, installed

FEATURES = sum(
    getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
)


@dataclass(frozen=True)
class Job:
    """What a process has to do: which module, for which device, and where to answer.

    `record` asks to run as for a recording: with `threads` threads instead of one, and
    whatever is written to the error stream.
    """

    source: Source
    root: Path
    cache: Path
    scratch: Path
    device: str
    packages: tuple[str, ...]
    record: bool = False
    threads: int = 1

    @property
    def answer(self) -> Path:
        """The file in which the process leaves its result or its problem."""
        return self.scratch / "answer.json"

    @property
    def at(self) -> Path:
        """The file in which the process says which cell it has begun."""
        return self.scratch / "at"


class Session:
    """A module that runs in this process, which is changed for it beyond repair."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.source = source = job.source
        helpers = [each for each in source.imports if each.suffix == ".py"]
        texts = [source.text, *(read_text(each) for each in helpers)]
        self.watch = Watch(job.root, (job.cache, job.scratch, *installed()))
        folder = job.scratch / "empty"
        folder.mkdir()
        os.chdir(folder)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(source.path.parent))
        sys.argv = [str(source.path)]
        self.out = Capture(1, job.scratch / "out", "stdout")
        self.err = Errors(job.scratch / "err", job.root)
        if "matplotlib" in sys.modules or any("matplotlib" in text for text in texts):
            style.use()
        pandas = any("pandas" in text for text in texts)
        self.tables: list[Table] = watch_tables() if pandas else []
        main = types.ModuleType("__main__")
        main.__file__ = str(source.path)
        main.__builtins__ = builtins  # type: ignore[attr-defined]  # as exec puts it
        self.namespace = main.__dict__
        sys.modules["__main__"] = main
        self.warned: list[tuple[str, str]] = []

    def run(self) -> Result:
        """Run every cell.

        Raises:
            WeaveError: A cell did what no page can show.
        """
        flags = self._compile(self.source.text, 0).co_flags & FEATURES
        begun = time.perf_counter()
        cells = tuple(self._cell(cell, flags) for cell in self.source.cells)
        return Result(
            module=self.source.module,
            cells=cells,
            seconds=time.perf_counter() - begun,
            cpu=time.process_time(),
            device=self.job.device,
            versions=_versions(self.job.packages),
            asked=self.watch.told(),
            unsettled=self.watch.unsettled(),
            warned=tuple(self.warned),
        )

    def _compile(self, text: str, flags: int) -> types.CodeType:
        path = str(self.source.path)
        try:
            code: types.CodeType = compile(text, path, "exec", flags, dont_inherit=True)
            return code
        except (SyntaxError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or "it is nested too deep"
            hint = "repair the module; no cell of it has run"
            problem = Problem(self.source.path, line, f"is not Python: {reason}", hint)
            raise WeaveError(problem) from error

    def _cell(self, cell: Cell, flags: int) -> CellResult:
        job, source = self.job, self.source
        job.at.write_text(cell.name)
        self.tables.clear()
        drawn = self._execute(cell, flags)
        said, told = self.err.said(), self.err.told()
        if said and not job.record:
            hint = "repair what it complains of, or catch it and print it"
            what = "writes to standard error, which no page shows"
            refuse(cell, source, what, hint, said)
        self.warned += [(cell.name, text) for text in (said, told) if text]
        printed = output(self.out, cell, source)
        data = tuple(
            (each.name, self._values(each))
            for each in source.asked
            if each.cell == cell.name
        )
        keep = Cache(job.cache, job.root).keep
        return CellResult(
            cell.name,
            printed,
            tuple(table for table in self.tables if table.text in printed),
            tuple((name, keep(svg)) for name, svg in drawn.items()),
            data,
        )

    def _values(self, each: Asked) -> str:
        streams = (self.out, self.err)
        copied = not self.job.record
        return asked.values(each, self.namespace, self.watch, streams, copied)

    def _execute(self, cell: Cell, flags: int) -> dict[str, bytes]:
        """Run the cell; gives the figures that it leaves open, by name."""
        code = self._compile("\n" * (cell.line - 1) + cell.code, flags)
        try:
            exec(code, self.namespace)  # the module's own code: to run it is the point
            files = figures(cell, self.source)
            sys.stdout.flush()
            sys.stderr.flush()
            return files
        except WeaveError:
            raise
        except SystemExit as error:
            what = f"cell {cell.name!r} ends the program: SystemExit({error.code!r})"
            hint = "let the module run to its last cell"
            at = self._line_in(error, cell)
            raise WeaveError(Problem(self.source.path, at, what, hint)) from error
        except BaseException as error:
            said = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")
            what = f"cell {cell.name!r} raises {said}"
            at = self._line_in(error, cell)
            told = self._traceback(error)
            problem = Problem(self.source.path, at, what, hint_for(error), told)
            raise WeaveError(problem) from error

    def _line_in(self, error: BaseException, cell: Cell) -> int:
        """The line of the module at which the exception passed last."""
        path = str(self.source.path)
        walk = traceback.walk_tb(error.__traceback__)
        lines = [line for frame, line in walk if frame.f_code.co_filename == path]
        return lines[-1] if lines else cell.line

    def _traceback(self, error: BaseException) -> str:
        """The traceback without the engine's frames and this machine's paths."""
        linecache.checkcache()
        told = traceback.TracebackException.from_exception(error)
        each: traceback.TracebackException | None = told
        while each is not None:
            frames = [f for f in each.stack if not f.filename.startswith(ENGINE)]
            each.stack = traceback.StackSummary.from_list(frames)
            each = each.__cause__ or each.__context__
        return "".join(told.format()).replace(f"{self.job.root}{os.sep}", "")


def _versions(packages: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = {"python": sys.version.partition(" ")[0]}
    for name in packages:
        top = name.partition(".")[0]
        version: Any = getattr(sys.modules.get(top), "__version__", None)
        if version is not None:
            found[top] = str(version)
    return tuple(found.items())
