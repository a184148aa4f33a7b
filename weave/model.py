"""The engine's vocabulary: frozen dataclasses that every other module speaks in.

Nothing here imports anything of ours, and nothing here does anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weave.results import Recording


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it.

    `path` is shown relative to the book's root where it lies inside it; `line`
    counts from 1. `detail` holds further lines (a traceback, a difference) that
    are printed indented below the message. `warning` marks a problem that only
    a strict build refuses, `machine` one that other machines may not have.
    """

    path: Path
    line: int
    what: str
    hint: str
    detail: str = ""
    warning: bool = False
    machine: bool = False

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
class Source:
    """A module's text cut into cells, with what it needs from this repository.

    `imports` are the files of this repository that running the module loads,
    found by reading the import statements of it and, in turn, of what it imports.
    `interactive` are the interactive figures of all pages that ask for its values.
    """

    path: Path
    module: str
    text: str
    cells: tuple[Cell, ...]
    imports: tuple[Path, ...]
    interactive: tuple[Interactive, ...] = ()

    def cell(self, name: str) -> Cell | None:
        """The cell of that name, or None."""
        return next((cell for cell in self.cells if cell.name == name), None)


@dataclass(frozen=True)
class Fence:
    """A fenced block of a chapter, as the place of its contents in the text.

    `line` is the line of the opening fence, from 1; `start` and `end` delimit
    the contents as character offsets; `indent` is what precedes every line.
    `ticks` opens and closes it; empty for a place that comments delimit.
    """

    line: int
    start: int
    end: int
    indent: str
    ticks: str = ""


@dataclass(frozen=True)
class Prose:
    """A segment that every reader of the page sees as it stands in the Markdown."""

    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Slot:
    """A segment that a cell fills: its code and, below, its output.

    `recorded` is the place, if there is one, of what recordings of the cell printed.
    """

    line: int
    start: int
    end: int
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
class Interactive:
    """A segment that asks a module for an interactive figure's values, after one cell.

    `values` are pairs of a name and a Python expression; each is evaluated in the
    module when the cell has run. `path` and `line` say which page asks.
    """

    line: int
    start: int
    end: int
    path: Path
    figure: str
    module: str
    cell: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Mark:
    """A comment of the page's own that the site fills in, such as `weave: minutes`."""

    line: int
    start: int
    end: int
    kind: str
    words: tuple[str, ...]


Segment = Prose | Slot | Interactive | Mark


@dataclass(frozen=True)
class Image:
    """An image of a chapter, its line from 1, and whether it stands alone on it."""

    line: int
    alt: str
    target: str
    title: str
    alone: bool


@dataclass(frozen=True)
class Chapter:
    """A Markdown file as segments that cover all of its text, and its images."""

    path: Path
    text: str
    segments: tuple[Segment, ...]
    images: tuple[Image, ...]

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The segments that cells fill."""
        return tuple(each for each in self.segments if isinstance(each, Slot))

    @cached_property
    def interactive(self) -> tuple[Interactive, ...]:
        """The interactive figures."""
        return tuple(each for each in self.segments if isinstance(each, Interactive))

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """The marks."""
        return tuple(each for each in self.segments if isinstance(each, Mark))

    @property
    def title(self) -> str:
        """The first heading."""
        return self.text.partition("# ")[2].partition("\n")[0].strip()


@dataclass(frozen=True)
class Filled:
    """Where the pages' outputs were filled in, and of which code.

    `on` says it in words, such as `Python 3.11.7`; `code` maps a cell's address to the
    digest of the code, and of the files that it read, when its output was filled in.
    """

    on: tuple[str, ...]
    code: dict[str, str]


@dataclass(frozen=True)
class Claim:
    """A test that fails if a sentence is false: of `page`, named `name` there."""

    path: Path
    line: int
    page: str
    name: str


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
    filled: Filled | None = None
    claims: tuple[Claim, ...] = ()
