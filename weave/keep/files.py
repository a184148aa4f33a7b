"""Names files by their content, and writes them whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from weave.model import Problem, WeaveError

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
    sweep(path.parent, f".{path.name}.*.part")
    handle, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode)
        if only_over is not None and path.read_bytes() != only_over:
            return False
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    return True


def sweep(folder: Path, pattern: str) -> None:
    """Remove files that a build left which was killed; young ones may be in use."""
    for path in folder.glob(pattern):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > YOUNG:
                path.unlink()


@cache
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
