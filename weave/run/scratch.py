"""The temporary folders in which modules run, swept after a build that was killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weave.keep.files import claim
from weave.model import Problem, WeaveError

PREFIX = "weave-"
LOCK = "lock"


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder, which is this build's for as long as it lives.

    Raises:
        WeaveError: There is no place for it.
    """
    try:
        place = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        lock = (place / f".{LOCK}").open("w")
        if claim(lock):
            (place / f".{LOCK}").rename(place / LOCK)
    except OSError as error:
        what = f"there is no place for temporary folders: {error.strerror or error}"
        hint = "make room there, or name another folder in TMPDIR"
        raise WeaveError(Problem(Path(_where()), 1, what, hint)) from error
    try:
        sweep(place.parent)
        yield place
    finally:
        lock.close()
        shutil.rmtree(place, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the folders of builds that no longer live."""
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError), path.open("r+") as lock:
            if claim(lock):
                shutil.rmtree(path.parent, ignore_errors=True)


def _where() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return "/tmp"
