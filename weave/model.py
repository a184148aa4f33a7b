"""The engine's vocabulary: frozen dataclasses that every other module speaks in.

Nothing here imports anything of ours, and nothing here does anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it.

    `path` is shown relative to the book's root where it lies inside it; `line`
    counts from 1. `detail` holds further lines (a traceback, a difference) that
    are printed indented below the message. `warning` marks a problem that only
    a strict build refuses.
    """

    path: Path
    line: int
    what: str
    hint: str
    detail: str = ""
    warning: bool = False

    def __str__(self) -> str:
        head = f"{self.path}:{self.line}: {self.what}; {self.hint}"
        return "\n".join([head, *(f"    {line}" for line in self.detail.splitlines())])


class WeaveError(Exception):
    """Raised where the work cannot go on; carries the problems that say why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Cell:
    """A named part of a module: `# %% name` and the lines below it.

    `line` is the line number, from 1, of the first line of `code` in the module.
    `imported` lists (module, name) for a cell that does nothing but import names
    from other snippet modules: a page shows it by showing those definitions.
    """

    module: str
    name: str
    code: str
    line: int
    imported: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        """How a directive names this cell, such as `tensors.py#create`."""
        return f"{self.module}.py#{self.name}"


@dataclass(frozen=True)
class Interactive:
    """An interactive figure: the values that it shows of a module, after one cell.

    `values` are pairs of a name and a Python expression; each is evaluated in the
    module when the cell has run. `path` and `line` say which page asks.
    """

    path: Path
    line: int
    figure: str
    module: str
    cell: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Source:
    """A module's text cut into cells, with what it needs from this repository.

    `imports` are the files of this repository that running the module loads,
    found by reading the import statements of it and, in turn, of what it imports.
    `interactive` are those of all pages, in their order. `measured` names the cells
    whose output differs from run to run, so that pages show recordings of it.
    """

    path: Path
    module: str
    text: str
    cells: tuple[Cell, ...]
    imports: tuple[Path, ...]
    interactive: tuple[Interactive, ...] = ()
    measured: tuple[str, ...] = ()

    def is_unrecorded(self, cell: CellResult | None) -> bool:
        """Whether the result is that of a measured cell, and no figure is recorded."""
        return cell is not None and cell.name in self.measured and not cell.files

    def cell(self, name: str) -> Cell | None:
        """The cell of that name, or None."""
        return next((cell for cell in self.cells if cell.name == name), None)


@dataclass(frozen=True)
class Fence:
    """A fenced block of a chapter, as the place of its contents in the text.

    `line` is the line of the opening fence, from 1; `start` and `end` delimit
    the contents as character offsets; `indent` is what precedes every line.
    `closing` is the line that ends it, if it is no fence but lies between comments.
    """

    line: int
    start: int
    end: int
    indent: str
    closing: str = ""


@dataclass(frozen=True)
class Slot:
    """A place in a chapter that a cell fills: its code and, below, its output.

    `recorded` is the place, if there is one, of what recordings of the cell printed.
    """

    line: int
    module: str
    cell: str
    code: Fence
    output: Fence | None
    recorded: Fence | None = None

    @property
    def address(self) -> str:
        """The cell's address, such as `tensors.py#create`."""
        return f"{self.module}.py#{self.cell}"

    @property
    def measured(self) -> bool:
        """Whether the page shows recordings in place of what this build prints."""
        return self.recorded is not None and self.output is None


@dataclass(frozen=True)
class Image:
    """An image of a chapter: alt text, target as written, line from 1."""

    line: int
    alt: str
    target: str


@dataclass(frozen=True)
class Chapter:
    """A Markdown file with its slots, images and interactive figures, each in order."""

    path: Path
    text: str
    slots: tuple[Slot, ...]
    images: tuple[Image, ...]
    interactive: tuple[Interactive, ...] = ()


@dataclass(frozen=True)
class Table:
    """A data frame that a cell printed, to be shown as a table.

    `text` is exactly what was printed; `header` and each of `rows` are the same
    cells as text, the index first.
    """

    text: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class CellResult:
    """What one cell gave: its printed text, printed tables, files, and values.

    `files` maps a name such as `backward.svg` to the digest under which the
    cache holds its bytes; `data` maps the name of an interactive figure to the
    values that it asks for, as JSON; `drawings` maps the name of a measured
    cell's figure to what is drawn in it, as JSON (see `weave.figure.drawing`).
    """

    name: str
    output: str
    tables: tuple[Table, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    data: tuple[tuple[str, str], ...] = ()
    drawings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Result:
    """A whole module's result.

    `seconds` is the wall time of the module's own cells, `cpu` the processor time of
    its whole process, in seconds. `asked` is what it asked of this repository while it
    ran: what (see `weave.keep.key`), of which path, and the answer; `unsettled` says
    that an answer has changed meanwhile, so that the result is not to be remembered.
    `warned` is, by cell, what libraries said of themselves on the error stream.
    """

    module: str
    cells: tuple[CellResult, ...]
    seconds: float
    cpu: float
    device: str
    versions: tuple[tuple[str, str], ...]
    asked: tuple[tuple[str, str, str], ...] = ()
    unsettled: bool = False
    warned: tuple[tuple[str, str], ...] = ()

    def cell(self, name: str) -> CellResult | None:
        """The result of the cell of that name, or None."""
        return next((cell for cell in self.cells if cell.name == name), None)


@dataclass(frozen=True)
class Recorded:
    """What one cell printed and drew on the machine of a recording.

    `line` is its place in the recording's file; `code` is the digest of the code that
    ran (see `weave.recorded.code_digest`); `drawings` and `data` are those of a
    `CellResult`.
    """

    cell: str
    line: int
    code: str
    output: str
    drawings: tuple[tuple[str, str], ...] = ()
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Recording:
    """One module's run on a machine that a build has not: on which, when, and what.

    `device` is the type of PyTorch's device, such as `cuda`, and `name` the device's
    own, such as `NVIDIA H200`; `facts` are further ones, such as the driver's version.
    """

    path: Path
    line: int
    module: str
    device: str
    name: str
    date: str
    facts: tuple[tuple[str, str], ...]
    cells: tuple[Recorded, ...]

    def cell(self, name: str) -> Recorded | None:
        """What the cell of that name gave, or None."""
        return next((cell for cell in self.cells if cell.cell == name), None)


@dataclass(frozen=True)
class Book:
    """What has been read: the chapters, the modules by name, and the recordings.

    `unread` names the modules that could not be read; `problems` says why, and why
    chapters and recordings are missing.
    """

    root: Path
    chapters: tuple[Chapter, ...]
    sources: dict[str, Source]
    unread: frozenset[str]
    problems: tuple[Problem, ...]
    recordings: tuple[Recording, ...] = ()
