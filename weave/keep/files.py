"""Names files by their content, and writes them whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from glob import escape
from pathlib import Path
from typing import IO, Any

from weave.model import Problem, WeaveError

PART = ".*.????????.part"  # the names of files that a build is writing
YOUNG = 3600.0  # seconds for which what nothing refers to may be another build's
HINTS = {
    errno.EDQUOT: "make room on this disk",
    errno.ENOSPC: "make room on this disk",
    errno.EEXIST: "remove the file or the link that stands in a folder's place",
    errno.ENOTDIR: "remove the file or the link that stands in a folder's place",
    errno.EISDIR: "remove the folder that stands in its place",
}


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes, only_over: bytes | None = None) -> bool:
    """Write a file whole or not at all, and only if its content changes.

    Args:
        path: The file; its folder is made if needed.
        data: Its new content.
        only_over: What it must hold right before the new one takes its place; else
            nothing is written, as somebody else has.

    Returns:
        Whether the file was written.

    Raises:
        WeaveError: It cannot be written; says why. The file is then as it was.
    """
    with suppress(OSError):
        if path.read_bytes() == data:
            return False
    try:
        return _replace(path, data, only_over)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        hint = HINTS.get(error.errno or 0, "let this file and its folder be writable")
        raise WeaveError(Problem(path, 1, what, hint)) from error


def _replace(path: Path, data: bytes, only_over: bytes | None) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, f".{escape(path.name)}.????????.part")
    name, file = _part(path)
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            name.chmod(mode)
            if only_over is not None and path.read_bytes() != only_over:
                return False
            if sys.platform == "win32":  # where an open file cannot be renamed
                file.close()
            name.replace(path)
    finally:
        name.unlink(missing_ok=True)
    return True


def _part(path: Path) -> tuple[Path, IO[bytes]]:
    """A new file beside the path, locked for as long as this build writes it."""
    while True:
        handle, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)
        file = os.fdopen(handle, "wb")
        claim(file, wait=True)
        if Path(name).exists():  # else another build swept it before it was locked
            return Path(name), file
        file.close()


def sweep(folder: Path, pattern: str = PART) -> None:
    """Remove the parts of files that a build left which was killed."""
    for path in folder.glob(pattern):
        with suppress(OSError), path.open("r+b") as file:
            if claim(file) or time.time() - path.stat().st_mtime > YOUNG:
                path.unlink()


def claim(file: IO[Any], *, wait: bool = False) -> bool:
    """Lock an open file until it is closed or its process ends.

    Args:
        file: Open for writing.
        wait: Whether to wait for another process that has it locked.

    Returns:
        Whether it is locked now; never on Windows, which keeps open files itself.
    """
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # another process has it, or this file system knows no locks
        return False
    return True


@cache
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
