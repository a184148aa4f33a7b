"""Names files by their content, and writes them whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes, only_over: bytes | None = None) -> bool:
    """Write a file whole or not at all, and only if its content changes.

    The temporary file that is then renamed stands beside it, hidden.

    Args:
        path: The file; its folder is made if needed.
        data: Its new content.
        only_over: What it must hold right before the new one takes its place; else
            nothing is written, as somebody else has.

    Returns:
        Whether the file was written.
    """
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".part", prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode)
        if only_over is not None and path.read_bytes() != only_over:
            Path(name).unlink()
            return False
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


@cache
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
