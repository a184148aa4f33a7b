"""The vocabulary of results: what modules gave, here or on another machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    cache holds its bytes; `data` maps the name of an interactive figure to the values
    that it asked for, as JSON.
    """

    name: str
    output: str
    tables: tuple[Table, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    data: tuple[tuple[str, str], ...] = ()


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
class Recording:
    """A result that a build cannot give: on which machine, when, and of which code.

    `device` is the type of PyTorch's device, such as `cuda`, and `name` the device's
    own, such as `NVIDIA H200`; `facts` are further ones, such as the driver's version.
    `code` pairs each cell of `result` with the digest of the code that ran.
    """

    path: Path
    line: int
    device: str
    name: str
    date: str
    facts: tuple[tuple[str, str], ...]
    code: tuple[tuple[str, str], ...]
    result: Result

    @property
    def module(self) -> str:
        """The module that was recorded."""
        return self.result.module

    @property
    def folder(self) -> Path:
        """Where its figures lie, each as `module/name.svg`."""
        return self.path.parent


@dataclass(frozen=True)
class Filled:
    """Where the pages' outputs were filled in, and of which code.

    `on` says it in words, such as `Python 3.11.7`; `code` maps a cell's address to the
    digest of the code, and of the files that it read, when its output was filled in.
    """

    on: tuple[str, ...]
    code: dict[str, str]
