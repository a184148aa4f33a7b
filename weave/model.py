"""The engine's vocabulary: frozen dataclasses that every other module speaks in.

Nothing here imports anything of ours, and nothing here does anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weave.results import Filled, Recording


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it.

    `path` is shown relative to the book's root where it lies inside it; `line` counts
    from 1. `detail` holds further lines, such as a traceback, printed indented.
    Only a strict build refuses a `warning`; others may not have one of a `machine`.
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

    `line` is that of the first line of `code`, from 1. `imported` lists (module, name)
    for a cell that only imports from siblings: a page shows it by those definitions.
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

    `imports` are the files of this repository that running it loads, found by reading
    the import statements of it and of what it imports; `asked` is what pages ask of it.
    """

    path: Path
    module: str
    text: str
    cells: tuple[Cell, ...]
    imports: tuple[Path, ...]
    asked: tuple[Asked, ...] = ()

    def cell(self, name: str) -> Cell | None:
        """The cell of that name, or None."""
        return next((cell for cell in self.cells if cell.name == name), None)


@dataclass(frozen=True)
class Asked:
    """What a page asks of a module when a cell has run: expressions, each named.

    `name` says for which interactive figure, or it is for a `question` to the reader:
    each answer, as `print` shows it, is named by what it misses, the right one by "".
    """

    path: Path
    line: int
    name: str
    module: str
    cell: str
    values: tuple[tuple[str, str], ...]
    question: str = ""


@dataclass(frozen=True)
class Fence:
    """A fenced block of a chapter, as the place of its contents in the text.

    `line` is that of the opening fence, from 1; `start` and `end` are offsets of the
    contents, `indent` precedes every line, `ticks` open it; empty between comments.
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

    `recorded` is the place of what recordings printed, and `question` asks for the
    output before it is shown, if there are any.
    """

    line: int
    start: int
    end: int
    module: str
    cell: str
    code: Fence
    output: Fence | None
    recorded: Fence | None = None
    question: Asked | None = None

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
    """A segment that shows an interactive figure, by values asked of a module."""

    line: int
    start: int
    end: int
    asked: Asked


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

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """All that the page asks of modules."""
        questions = tuple(slot.question for slot in self.slots if slot.question)
        return (*(each.asked for each in self.interactive), *questions)

    @property
    def title(self) -> str:
        """The first heading."""
        return self.text.partition("# ")[2].partition("\n")[0].strip()


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

    `unread` names the modules that could not be read; `problems` says why.
    """

    root: Path
    chapters: tuple[Chapter, ...]
    sources: dict[str, Source]
    unread: frozenset[str]
    problems: tuple[Problem, ...]
    recordings: tuple[Recording, ...] = ()
    filled: Filled | None = None
    claims: tuple[Claim, ...] = ()
