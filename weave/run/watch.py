"""What a module asks of the world: which texts, which folders, what is there.

Everything that it asks of the book's own folder becomes part of what its result depends
on, with the answer as it was when it was asked. Helpers are compiled from their text.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType
from typing import Any

from weave.keep.key import NAMES, STATUS, TEXT, UNSEEN, answer

# Python's audit events, with how many paths each has.
WRITES = {
    "os.chmod": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
}
LISTS = {"os.listdir", "os.scandir"}
LOOKS = ("access", "lstat", "readlink", "stat")  # of which no event tells
SETS = ("supports_dir_fd", "supports_effective_ids", "supports_fd")
IMPORTER = "<frozen importlib._bootstrap_external>"


class Watch:
    """Keeps what this process asks of the book from now on.

    Args:
        root: The book's root.
        outside: Folders that do not count, though they may lie below the root.
    """

    def __init__(self, root: Path, outside: tuple[Path, ...]) -> None:
        self.asked: dict[tuple[str, str], str] = {}
        self.wrote = self._busy = False
        self._root = str(root)
        self._outside = tuple(
            f"{each}{os.sep}" for each in (*outside, *map(root.joinpath, UNSEEN))
        )
        sys.addaudithook(self._hear)
        for name in LOOKS:
            self._wrap(name)
        importers = FileFinder.path_hook(
            (ExtensionFileLoader, EXTENSION_SUFFIXES), (FromText, SOURCE_SUFFIXES)
        )

        def import_from_text(folder: str) -> Any:
            if self._inside(folder) is None:
                raise ImportError
            return importers(folder)

        sys.path_hooks.insert(0, import_from_text)
        sys.path_importer_cache.clear()

    def told(self) -> tuple[tuple[str, str, str], ...]:
        """What was asked, of which path, and the first answer; sorted."""
        return tuple(sorted((*asked, said) for asked, said in self.asked.items()))

    def unsettled(self) -> bool:
        """Whether an answer has changed meanwhile, or the module wrote to the book."""
        now = {(kind, name): self._answer(kind, name) for kind, name in self.asked}
        return self.wrote or now != self.asked

    def add(self, told: list[tuple[str, str, str]], wrote: bool) -> None:
        """Take over what a copy of this process has asked."""
        for kind, name, said in told:
            self.asked.setdefault((kind, name), said)
        self.wrote |= wrote

    def _ask(self, kind: str, path: Any) -> None:
        if self._busy or (name := self._inside(path)) is None:
            return
        if kind == STATUS and self._holds(name):
            return  # a folder by necessity, such as .nox with this Python in it
        if (kind, name) not in self.asked:
            self.asked[kind, name] = self._answer(kind, name)

    def _answer(self, kind: str, name: str) -> str:
        self._busy = True
        try:
            return answer(kind, Path(self._root, name))
        finally:
            self._busy = False

    def _inside(self, path: Any) -> str | None:
        """The path below the root, with slashes, if it is one that counts."""
        if path is None:
            path = "."
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        try:
            name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  # keeps links
        except (OSError, ValueError):
            return None
        below = f"{name}{os.sep}"
        if not below.startswith(f"{self._root}{os.sep}"):
            return None
        if below.startswith(self._outside):
            return None
        return os.path.relpath(name, self._root).replace(os.sep, "/")

    def _holds(self, name: str) -> bool:
        """Whether a folder that does not count lies in this one."""
        whole = os.path.normpath(os.path.join(self._root, name))  # noqa: PTH118
        return any(each.startswith(f"{whole}{os.sep}") for each in self._outside)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if _writes(mode, flags):
                self.wrote |= not self._busy and self._inside(path) is not None
            else:
                self._ask(TEXT, path)
        elif event in LISTS:
            if sys._getframe(1).f_code.co_filename != IMPORTER:
                self._ask(NAMES, arguments[0])
        elif event in WRITES:
            paths = arguments[: WRITES[event]]
            self.wrote |= any(self._inside(each) is not None for each in paths)

    def _wrap(self, name: str) -> None:
        plain: Callable[..., Any] = getattr(os, name)

        @functools.wraps(plain)
        def watched(path: Any, *arguments: Any, **options: Any) -> Any:
            if options.get("dir_fd") is None:
                self._ask(STATUS, path)
            return plain(path, *arguments, **options)

        for each in (*SETS, "supports_follow_symlinks"):
            if plain in (found := getattr(os, each)):
                found.add(watched)
        setattr(os, name, watched)


class FromText(SourceFileLoader):
    """Loads a helper from its text alone, whatever a `.pyc` beside it says."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the module's text as it is now."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    kinds = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    return isinstance(flags, int) and bool(flags & kinds)


def installed() -> Iterator[Path]:
    """The folders of Python and of its packages."""
    for name in {sys.prefix, sys.exec_prefix, sys.base_prefix}:
        yield Path(name)
