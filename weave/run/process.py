"""Runs one module, cell by cell, in a process of its own.

The process was forked from a parent that has only imported the packages. It leads
its own process group, works in an empty folder, and answers with one JSON file: the
result, or the problem. Whatever the module does to this process dies with it.
"""

from __future__ import annotations
import __future__

import ctypes
import importlib.util
import io
import json
import linecache
import os
import socket
import sys
import threading
import time
import traceback
import types
import urllib.error
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from html.parser import HTMLParser
from multiprocessing import connection, forkserver, parent_process
from pathlib import Path
from typing import Any

from weave.keep.files import digest
from weave.keep.store import Cache
from weave.model import Cell, CellResult, Interactive, Problem, Result, Source, Table
from weave.run import style

LONGEST_OUTPUT = 20_000  # characters a cell may print: about 250 lines
DIGITS = 7  # significant, of a number in the data of a figure that moves
PR_SET_PDEATHSIG = 1  # prctl(2): the signal for when the parent has ended
LARGEST_FILE = 64 << 20  # bytes a module may write to one file, its output included
FEATURES = sum(
    getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
)


@dataclass(frozen=True)
class Job:
    """What a worker has to do: which module, for which device, and where to answer.

    `record` asks for what a build leaves out: all that measured cells print and draw,
    computed with `threads` threads instead of one.
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
        """The file in which the worker leaves its result or its problem."""
        return self.scratch / "answer.json"

    @property
    def at(self) -> Path:
        """The file in which the worker says which cell it has begun."""
        return self.scratch / "at"


class FailureError(Exception):
    """A cell did what no page can show; `problem` says what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def main(job: Job) -> None:
    """Run the module, write the answer, and end this process without ceremony."""
    if hasattr(os, "setsid"):
        os.setsid()
        _die_with_parent()
    os.environ.update(environment(job.device, job.threads))
    try:
        answer = {"result": asdict(_run(job))}
    except FailureError as failure:
        answer = {"problem": asdict(failure.problem)}
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        # The module broke what the engine stands on: its folder, its descriptors.
        answer = {"problem": asdict(_broken(job, error))}
    text = json.dumps(answer, default=str)
    part = job.answer.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(job.answer)
    os._exit(0)


def _broken(job: Job, error: Exception) -> Problem:
    cell = None
    with suppress(OSError):
        cell = job.source.cell(job.at.read_text())
    said = f"{type(error).__name__}: {error}"
    what = f"cell {cell.name!r} breaks its worker" if cell else "breaks its worker"
    hint = "let it leave alone the folder and the files that it did not make"
    line = cell.line if cell else 1
    told = "".join(traceback.format_exception(error))
    return Problem(job.source.path, line, f"{what}: {said}", hint, told)


def environment(device: str, threads: int = 1) -> dict[str, str]:
    """The environment in which modules run: their threads, no hash salt, no window."""
    settings = {
        "MKL_NUM_THREADS": str(threads),
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": str(threads),
        "PYTHONHASHSEED": "0",
    }
    if device == "cpu":
        settings |= {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}
    return settings


def _die_with_parent() -> None:
    """End this process group when the build that wants its result is gone."""
    parent = parent_process()
    if parent is None:
        return

    if sys.platform == "linux":  # also while the module holds Python's lock
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 9)
            # The forkserver ends when nobody holds this pipe; every worker inherits it.
            os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.killpg(0, 9)

    threading.Thread(target=watch, daemon=True).start()


def _run(job: Job) -> Result:
    source = job.source
    _need_device(job)
    reads = _watch_reads(job.root)
    folder = job.scratch / "empty"
    folder.mkdir()
    os.chdir(folder)
    if not job.record:  # a GPU's libraries write large files
        _limit_files()
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(source.path.parent))
    sys.argv = [str(source.path)]
    out = _Capture(1, job.scratch / "out", "stdout")
    err = _Capture(2, job.scratch / "err", "stderr")
    if "matplotlib" in sys.modules or "matplotlib" in source.text:
        _style()
    texts = [source.text, *(path.read_text("utf-8") for path in source.imports)]
    tables = _watch_tables() if any("pandas" in text for text in texts) else []
    main = types.ModuleType("__main__")
    main.__file__ = str(source.path)
    sys.modules["__main__"] = main
    whole = compile(source.text, str(source.path), "exec", dont_inherit=True)
    flags = whole.co_flags & FEATURES
    keep = Cache(job.cache, job.root).keep
    results = []
    warned: list[tuple[str, str]] = []
    begun = time.perf_counter()
    for cell in source.cells:
        job.at.write_text(cell.name)
        tables.clear()
        figures = _execute(cell, source, main.__dict__, flags, job.root)
        said = _said(err, job.root)
        if said and not job.record:
            raise _complaint(said, cell, source)
        warned += [(cell.name, said)] if said else []
        output = _output(out, cell, source)
        data = tuple(
            (wish.figure, _granted(wish, main.__dict__))
            for wish in source.interactive
            if wish.cell == cell.name
        )
        shown = tuple(table for table in tables if table.text in output)
        files = tuple((name, keep(data)) for name, data in figures.items())
        results.append(CellResult(cell.name, output, shown, files, data))
    seconds = time.perf_counter() - begun
    read = tuple(
        (name, digest((job.root / name).read_bytes())) for name in sorted(reads)
    )
    return Result(
        module=source.module,
        cells=tuple(results),
        seconds=seconds,
        cpu=time.process_time(),
        device=job.device,
        versions=_versions(job.packages),
        reads=read,
        warned=tuple(warned),
    )


def _execute(
    cell: Cell, source: Source, namespace: dict[str, Any], flags: int, root: Path
) -> dict[str, bytes]:
    """Run the cell; gives the figures that it leaves open, by name."""
    padded = "\n" * (cell.line - 1) + cell.code
    code = compile(padded, str(source.path), "exec", flags, dont_inherit=True)
    try:
        exec(code, namespace)  # the module's own code: running it is the purpose
        figures = _figures(cell)
        sys.stdout.flush()
        sys.stderr.flush()
        return figures
    except SystemExit as error:
        line = _line_in(source.path, error, cell)
        what = f"cell {cell.name!r} ends the program: SystemExit({error.code!r})"
        hint = "let the module run to its last cell"
        raise FailureError(Problem(source.path, line, what, hint)) from error
    except BaseException as error:
        line = _line_in(source.path, error, cell)
        said = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")
        linecache.checkcache()
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        told = "".join(traceback.format_exception(type(error), error, frames))
        told = told.replace(f"{root}{os.sep}", "")
        what = f"cell {cell.name!r} raises {said}"
        hint = _hint(error)
        raise FailureError(Problem(source.path, line, what, hint, told)) from error


def _granted(wish: Interactive, namespace: dict[str, Any]) -> str:
    """The values that a figure wishes for, as JSON."""
    granted = {}
    for name, expression in wish.values:
        try:
            value = eval(expression, namespace)  # the page's own expression
            granted[name] = _as_data(value)
            json.dumps(granted[name], allow_nan=False)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            what = f"the value {name} of the figure {wish.figure!r} raises {said}"
            hint = "write an expression of numbers, texts, tensors, lists and dicts"
            raise FailureError(Problem(wish.path, wish.line, what, hint)) from error
    return json.dumps(granted, separators=(",", ":"), allow_nan=False)


def _as_data(value: Any) -> Any:
    """The value as JSON can hold it; numbers with DIGITS significant digits."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {str(name): _as_data(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(each) for each in value]
    return value


def _hint(error: BaseException) -> str:
    """What to do about an exception; more for those that readers' edits raise."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        package = {"sklearn": "scikit-learn", "cv2": "opencv-python"}.get(
            package, package
        )
        install = f"python3 -m pip install {package}"
        return f"install the package ({install}), and name it in pyproject.toml"
    if isinstance(error, urllib.error.URLError | socket.gaierror | ConnectionError):
        return "put the data into the repository: no build may need a network"
    if isinstance(error, KeyError) and (columns := _columns(error)):
        close = get_close_matches(str(error.args[0]), columns, n=1, cutoff=0.5)
        return f"did you mean {close[0]!r}?" if close else "see the frame's columns"
    return "repair the cell, or catch the exception and print it"


def _columns(error: BaseException) -> list[str]:
    """The columns of the data frame in which the exception arose, if it was one."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        found: Any = frame.f_locals.get("self")
        if type(found).__name__ == "DataFrame":
            return [str(name) for name in found.columns]
    return []


def _line_in(path: Path, error: BaseException, cell: Cell) -> int:
    """The line of the module at which the exception passed last."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == str(path)
    ]
    return lines[-1] if lines else cell.line


class _Capture:
    """Sends a file descriptor, and Python's stream on it, into a file.

    Working on the descriptor also catches what C code and subprocesses print.
    """

    def __init__(self, descriptor: int, path: Path, stream: str) -> None:
        getattr(sys, stream).flush()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._taken = 0
        os.dup2(self._file, descriptor)
        raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
        text = io.TextIOWrapper(raw, encoding="utf-8", line_buffering=True)
        setattr(sys, stream, text)
        setattr(sys, f"__{stream}__", text)

    def take(self, most: int) -> tuple[bytes, int]:
        """What was written since the last call, `most` bytes of it, and its length."""
        begin, end = self._taken, os.fstat(self._file).st_size
        self._taken = end
        data = b""
        os.lseek(self._file, begin, os.SEEK_SET)  # appending does not mind
        while len(data) < min(most, end - begin):
            data += os.read(self._file, min(most, end - begin) - len(data))
        return data, end - begin


def _refuse(cell: Cell, source: Source, what: str, hint: str) -> FailureError:
    return FailureError(
        Problem(source.path, cell.line, f"cell {cell.name!r} {what}", hint)
    )


def _said(err: _Capture, root: Path) -> str:
    """What has been written to the error stream, without this machine's paths."""
    data, _ = err.take(LONGEST_OUTPUT)
    return data.decode("utf-8", "replace").strip().replace(f"{root}{os.sep}", "")


def _complaint(said: str, cell: Cell, source: Source) -> FailureError:
    what = "writes to standard error, which no page shows"
    hint = "repair what it complains of, or catch it and print it"
    failure = _refuse(cell, source, what, hint)
    return FailureError(replace(failure.problem, detail=said))


def _output(out: _Capture, cell: Cell, source: Source) -> str:
    """What the cell has printed, without the last newline, if a page can show it."""
    data, length = out.take(4 * LONGEST_OUTPUT)
    if length > len(data):
        what = f"prints {length:,} bytes"
        hint = f"print at most {LONGEST_OUTPUT:,} characters"
        raise _refuse(cell, source, what, hint)
    try:
        text = data.decode("utf-8").replace(os.linesep, "\n")
    except UnicodeDecodeError as error:
        what = f"prints bytes that are not UTF-8: {data[error.start : error.end]!r}"
        raise _refuse(cell, source, what, "print text") from error
    if len(text) > LONGEST_OUTPUT:
        what = f"prints {len(text):,} characters"
        raise _refuse(cell, source, what, f"print at most {LONGEST_OUTPUT:,}")
    for character in text:
        if not character.isprintable() and character not in "\n\t":
            what = f"prints the control character {character!r}"
            hint = "print plain text, without colors or cursor movements"
            raise _refuse(cell, source, what, hint)
    if text and not text.strip():
        raise _refuse(cell, source, "prints blank lines only", "print something")
    if text and not text.endswith("\n"):
        what = "prints text that does not end its line"
        raise _refuse(cell, source, what, "end it with a newline")
    return text.removesuffix("\n")


def _figures(cell: Cell) -> dict[str, bytes]:
    """Draw and close the figures that the cell has left open."""
    if "matplotlib.pyplot" not in sys.modules:
        return {}
    import matplotlib.pyplot as plt
    import matplotlib.style

    files = {}
    fixed = {name: value for name, value in style.STYLE.items() if "svg." in name}
    for count, number in enumerate(plt.get_fignums(), 1):
        drawn = io.BytesIO()
        with matplotlib.style.context(fixed):
            plt.figure(number).savefig(drawn, **style.SAVE)
        name = f"{cell.name}.svg" if count == 1 else f"{cell.name}-{count}.svg"
        files[name] = style.recolor(drawn.getvalue().decode("utf-8")).encode("utf-8")
    plt.close("all")
    return files


def _style() -> None:
    import warnings

    import matplotlib.style

    matplotlib.style.use(style.STYLE)
    # plt.show() at the end of a cell opens a window for the reader; here there is none.
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")


class _Rows(HTMLParser):
    """Collects the text of a table's cells, row by row, the head apart."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.head = 0
        self._in_head = self._in_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._in_head = tag == "thead" or (self._in_head and tag != "tbody")
        self._in_cell = tag in ("td", "th")
        if tag == "tr":
            self.rows.append([])
            self.head += self._in_head
        if self._in_cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def _watch_tables() -> list[Table]:
    """A list that from now on collects every data frame that is turned into text."""
    import pandas as pd

    tables: list[Table] = []
    plain: Callable[[pd.DataFrame], str] = pd.DataFrame.__repr__

    def watched(frame: pd.DataFrame) -> str:
        text = plain(frame)
        parser = _Rows()
        parser.feed(frame.to_html(notebook=False, show_dimensions=False))
        if parser.head == 1 and len(parser.rows) > 1 and "..." not in text:
            head, *rows = (tuple(row) for row in parser.rows)
            tables.append(Table(text, head, tuple(rows)))
        return text

    setattr(pd.DataFrame, "__repr__", watched)  # noqa: B010  # in this process only
    return tables


def _need_device(job: Job) -> None:
    """Refuse to call results those of a device that this machine has not."""
    if job.device == "cpu":
        return
    import torch

    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None or found.type != job.device:
        what = f"this machine has no device {job.device!r}, but {found or 'only a CPU'}"
        hint = "leave --device out, or name the device that is here"
        raise FailureError(Problem(job.source.path, 1, what, hint))


def _watch_reads(root: Path) -> set[str]:
    """A set that from now on collects the files of this repository that are read."""
    reads: set[str] = set()
    inside = f"{root}{os.sep}"
    outside = tuple(f"{place}{os.sep}" for place in (sys.prefix, root / ".weave"))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        name = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100  # keeps links
        if not name.startswith(inside) or name.startswith(outside):
            return
        if name.endswith(".pyc"):
            with suppress(ValueError, NotImplementedError):
                name = importlib.util.source_from_cache(name)
        if Path(name).is_file():
            reads.add(Path(name).relative_to(root).as_posix())

    sys.addaudithook(hook)
    return reads


def _versions(packages: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = {"python": sys.version.partition(" ")[0]}
    for name in packages:
        top = name.partition(".")[0]
        version = getattr(sys.modules.get(top), "__version__", None)
        if version is not None:
            found[top] = str(version)
    return tuple(found.items())


def _limit_files() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit bounds what is written there
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
