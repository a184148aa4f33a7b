"""Remembers results under a key that covers everything they depend on.

    .weave/results/tensors-3f2a….json    one result: printed text, names of files
    .weave/files/9c…                     the bytes of figures, named by their digest

A result is looked up by its key and then believed only if everything that the run
asked of this repository has the answer it had (see `weave.keep.key`), and if every
figure is whole. A build that is killed leaves nothing half-written, and two builds
at once do no harm.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from weave.keep.codec import from_json, to_json
from weave.keep.files import YOUNG, digest, sweep, write
from weave.keep.key import answer, engine
from weave.results import Result

KEPT_PER_MODULE = 8
DAMAGED = (OSError, ValueError, KeyError, TypeError, RecursionError)


class Cache:
    """The remembered results of one book.

    Args:
        folder: Where they live, such as `.weave`; made when first needed.
        root: The book's root; what a run asked for is named relative to it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.results = folder / "results"
        self.files = folder / "files"
        self.texts = folder / "texts"
        self.root = root

    def load(self, module: str, key: str) -> Result | None:
        """The result under this key, or None where there is none to be trusted."""
        try:
            data = _read(self.results / f"{module}-{key[:32]}.json")
            if data["key"] != key or data["digest"] != _digest_of(data["result"]):
                return None
            result = from_json(data["result"])
        except DAMAGED:
            return None
        figures = [wanted for cell in result.cells for _, wanted in cell.files]
        whole = all(self.read(wanted) is not None for wanted in figures)
        return result if whole and is_settled(result, self.root) else None

    def store(self, result: Result, key: str) -> None:
        """Remember a result whose files are kept already (see `keep`).

        One that changed what it depends on is not remembered.

        Raises:
            WeaveError: The cache cannot be written.
        """
        if result.unsettled:
            return
        told = to_json(result)
        data = {"key": key, "digest": _digest_of(told), "result": told}
        text = json.dumps(data, indent=1, ensure_ascii=False)
        write(self.results / f"{result.module}-{key[:32]}.json", text.encode())

    def keep(self, data: bytes) -> str:
        """Keep a file's bytes; gives the digest that `read` takes.

        Raises:
            WeaveError: The cache cannot be written.
        """
        name = digest(data)
        if self.read(name) is None:
            write(self.files / name, data)
        return name

    def path(self, name: str) -> Path:
        """Where the file of this digest is kept."""
        return self.files / name

    def read(self, name: str) -> bytes | None:
        """The bytes of a kept file, or None where it is missing or damaged."""
        try:
            data = self.path(name).read_bytes()
        except (OSError, ValueError):
            return None
        return data if digest(data) == name else None

    def remember(self, name: str, parts: object, make: Callable[[], str]) -> str:
        """A text that is made again only if what it is made of has changed.

        Args:
            name: Where it is kept, below the cache's `texts/`.
            parts: All that it is made of beside the engine, in JSON's types.
            make: Makes it.
        """
        path = self.texts / name
        key = digest(json.dumps([engine(whole=True), parts]).encode())
        with suppress(*DAMAGED):
            known, _, text = path.read_bytes().decode("utf-8").partition("\n")
            if known == f"{key} {digest(text.encode())}":
                return text
        text = make()
        write(path, f"{key} {digest(text.encode())}\n{text}".encode())
        return text

    def seconds(self, module: str) -> float | None:
        """How long the module took when it last ran, or None."""
        for path in self._newest(module):
            with suppress(*DAMAGED):
                return float(_read(path)["result"]["seconds"])
        return None

    def prune(self, modules: Iterable[str]) -> None:
        """Forget old results: of each module all but the newest few, and of others all.

        A file that no result refers to goes too, unless it is so young that another
        build may be about to refer to it.
        """
        known = set(modules)
        old = [path for name in known for path in self._newest(name)[KEPT_PER_MODULE:]]
        kept: set[str] = set()
        for path in self.results.glob("*.json"):
            if path in old or path.stem.rpartition("-")[0] not in known:
                _remove(path)
                continue
            try:
                cells = _read(path)["result"]["cells"]
                kept |= {name for cell in cells for _, name in cell["files"]}
            except DAMAGED:
                _remove(path)
        for folder in (self.files, self.results):
            sweep(folder)
        for path in self.files.glob("[!.]*"):
            with suppress(OSError):
                if path.name not in kept and time.time() - path.stat().st_mtime > YOUNG:
                    path.unlink()

    def _newest(self, module: str) -> list[Path]:
        def age(path: Path) -> float:
            try:
                return -path.stat().st_mtime
            except OSError:
                return 0.0

        found = [
            path
            for path in self.results.glob(f"{module}-*.json")
            if path.stem.rpartition("-")[0] == module
        ]
        return sorted(found, key=lambda path: (age(path), path.name))


def is_settled(result: Result, root: Path) -> bool:
    """Whether everything that the run asked of the book is as it was then."""
    return all(answer(kind, root / name) == told for kind, name, told in result.asked)


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _digest_of(told: dict[str, Any]) -> str:
    return digest(json.dumps(told, sort_keys=True).encode())
