"""What a cell gives: the text that it prints and the figures that it draws."""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from pathlib import Path
from typing import Any, NoReturn

from weave.model import Cell, Problem, Source, WeaveError
from weave.run import style

LONGEST_OUTPUT = 20_000  # characters a cell may print: about 250 lines
TURNS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


class Capture:
    """Sends a file descriptor, and Python's stream on it, into a file.

    Working on the descriptor also catches what C code and subprocesses print.
    """

    def __init__(self, descriptor: int, path: Path, name: str) -> None:
        getattr(sys, name).flush()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._taken = 0
        os.dup2(self._file, descriptor)
        raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
        self.stream = self._stream(raw)
        setattr(sys, name, self.stream)
        setattr(sys, f"__{name}__", self.stream)

    def _stream(self, raw: Any) -> io.TextIOWrapper:
        return io.TextIOWrapper(raw, encoding="utf-8", line_buffering=True)

    def take(self, most: int) -> tuple[bytes, int]:
        """What was written since the last call, `most` bytes of it, and its length."""
        begin, end = self._taken, os.fstat(self._file).st_size
        self._taken = end
        data = b""
        os.lseek(self._file, begin, os.SEEK_SET)  # appending does not mind
        while len(data) < min(most, end - begin):
            data += os.read(self._file, min(most, end - begin) - len(data))
        return data, end - begin


def refuse(
    cell: Cell, source: Source, what: str, hint: str, detail: str = ""
) -> NoReturn:
    """Raise what is wrong with what a cell gave."""
    what = f"cell {cell.name!r} {what}"
    raise WeaveError(Problem(source.path, cell.line, what, hint, detail))


def output(out: Capture, cell: Cell, source: Source) -> str:
    """What the cell has printed, without the last newline, if a page can show it."""
    data, length = out.take(4 * LONGEST_OUTPUT)
    if length > len(data):
        hint = f"print at most {LONGEST_OUTPUT:,} characters"
        refuse(cell, source, f"prints {length:,} bytes", hint)
    try:
        text = data.decode("utf-8").replace(os.linesep, "\n")
    except UnicodeDecodeError as error:
        what = f"prints bytes that are not UTF-8: {data[error.start : error.end]!r}"
        refuse(cell, source, what, "print text")
    if len(text) > LONGEST_OUTPUT:
        hint = f"print at most {LONGEST_OUTPUT:,}"
        refuse(cell, source, f"prints {len(text):,} characters", hint)
    for character in text:
        kind = unicodedata.category(character)
        if (kind in ("Cc", "Zl", "Zp") and character not in "\n\t") or (
            character in TURNS
        ):
            what = f"prints the control character {character!r}"
            hint = "print plain text, without colors or cursor movements"
            refuse(cell, source, what, hint)
    if text and not text.strip():
        refuse(cell, source, "prints blank lines only", "print something")
    if text and not text.endswith("\n"):
        what = "prints text that does not end its line"
        refuse(cell, source, what, "end it with a newline")
    return text.removesuffix("\n")


def figures(cell: Cell, source: Source) -> dict[str, bytes]:
    """Draw and close the figures that the cell has left open; SVG files by name."""
    if "matplotlib.pyplot" not in sys.modules:
        return {}
    import matplotlib.pyplot as plt

    files = {}
    for count, number in enumerate(plt.get_fignums(), 1):
        name = f"{cell.name}.svg" if count == 1 else f"{cell.name}-{count}.svg"
        svg = style.draw(plt.figure(number))
        if wrong := style.wrong(svg):
            hint = "draw it otherwise; links lead to https:// addresses"
            refuse(cell, source, f"draws {name}, which {wrong}", hint)
        files[name] = svg.encode("utf-8")
    plt.close("all")
    return files
