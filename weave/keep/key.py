"""What a result depends on: its key, and everything that the run asked of the world.

The key covers what is known before a module runs. While it runs it asks: for the text
of a file, for the names in a folder, for what a path is, if it is anything. Each such
question about the book's own folder is kept with the digest of its answer, and a
result is believed only as long as every answer is still the same.
"""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
import sysconfig
from functools import cache
from pathlib import Path

from weave.keep.files import digest
from weave.model import Source

TEXT, NAMES, STATUS = "text", "names", "status"  # what can be asked of a path
UNSEEN = {".weave", "__pycache__"}  # what the engine and Python themselves leave


@cache
def engine(*, whole: bool = False) -> str:
    """Digest of what of the engine runs and keeps modules, as this process found it.

    With `whole`, of all of it, as of what renders pages.
    """
    top = Path(__file__).parents[1]
    names = ["read", "keep", "run", *(["", "render", "site"] if whole else [])]
    rooms = (top / name for name in names)
    texts = [
        top / "model.py",
        top / "results.py",
        *(path for room in rooms for path in room.glob("*.py")),
    ]
    return digest(
        b"".join(digest(each.read_bytes()).encode() for each in sorted(texts))
    )


def packages() -> tuple[str, ...]:
    """Every installed distribution with its version, such as `torch-2.13.0`, sorted.

    Read from the names of the metadata folders, which takes about a millisecond
    where reading the metadata itself takes a tenth of a second.
    """
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return tuple(
        sorted(
            entry.name.removesuffix(".dist-info")
            for place in places
            for entry in os.scandir(place)
            if entry.name.endswith(".dist-info")
        )
    )


def key_of(
    source: Source, root: Path, device: str, installed: tuple[str, ...] | None = None
) -> str:
    """The key of a module's result on this machine, as 64 hexadecimal digits.

    It covers the module's text, every file of this repository that it imports, what
    pages ask of it, Python, the installed packages, the device and the engine.
    `installed` is what `packages` gives, if it was asked already.
    """
    parts = [
        engine(),
        device,
        platform.python_implementation(),
        sys.version,
        platform.machine(),
        sys.platform,
        os.environ.get("ATEN_CPU_CAPABILITY", ""),
        *(packages() if installed is None else installed),
        source.text,
    ]
    for each in source.asked:
        parts += [each.name, each.cell, json.dumps(each.values)]
    for path in source.imports:
        parts += [path.relative_to(root).as_posix(), digest(path.read_bytes())]
    return digest(json.dumps(parts).encode())


def answer(question: str, path: Path) -> str:
    """What the file system says now when a module asks this of a path."""
    try:
        if question == TEXT:
            return digest(path.read_bytes())
        if question == STATUS:
            return _status(path)
        names = sorted({each.name for each in path.iterdir()} - UNSEEN)
        told = [(name, _status(path / name)) for name in names]
        return digest(json.dumps(told).encode())
    except OSError as error:
        return type(error).__name__


def _status(path: Path) -> str:
    """Mode and size, and where a link leads; not the times, which a clone changes."""
    found = path.lstat()
    told = f"{found.st_mode:o}"
    if stat.S_ISLNK(found.st_mode):
        told += f" to {path.readlink()}"
        try:
            found = path.stat()
        except OSError:
            return told
        told += f" {found.st_mode:o}"
    return f"{told} {found.st_size}" if stat.S_ISREG(found.st_mode) else told
