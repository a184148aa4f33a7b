"""Remembers results under a key that covers everything they depend on.

    .weave/results/tensors-3f2a….json    one result: printed text, names of files
    .weave/files/9c…                     the bytes of figures, named by their digest

A result is looked up by its key (see `key`) and then believed only if every file
of this repository that the run opened still has the content it had, and if every
figure is whole. Writing goes to a temporary file that is then renamed, so a build
that is killed leaves nothing half-written, and two builds do no harm.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from weave.keep.codec import from_json, to_json
from weave.keep.files import digest, write
from weave.keep.key import engine
from weave.model import Result

KEPT_PER_MODULE = 8
YOUNG = 3600.0  # seconds for which a file that nothing refers to may be another build's


class Cache:
    """The remembered results of one book.

    Args:
        folder: Where they live, such as `.weave`; made when first needed.
        root: The book's root; the files that a run read are named relative to it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.results = folder / "results"
        self.files = folder / "files"
        self.texts = folder / "texts"
        self.root = root

    def load(self, module: str, key: str) -> Result | None:
        """The result under this key, or None where there is none to be trusted."""
        try:
            text = (self.results / f"{module}-{key[:32]}.json").read_text("utf-8")
            data = json.loads(text)
            if data["key"] != key or data["digest"] != _digest_of(data["result"]):
                return None
            result = from_json(data["result"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        for name, wanted in result.reads:
            try:
                if digest((self.root / name).read_bytes()) != wanted:
                    return None
            except OSError:
                return None
        for cell in result.cells:
            for _, wanted in cell.files:
                if self.read(wanted) is None:
                    return None
        return result

    def store(self, result: Result, key: str) -> None:
        """Remember a result whose files are kept already (see `keep`)."""
        told = to_json(result)
        data = {"key": key, "digest": _digest_of(told), "result": told}
        text = json.dumps(data, indent=1, ensure_ascii=False)
        write(self.results / f"{result.module}-{key[:32]}.json", text.encode())

    def keep(self, data: bytes) -> str:
        """Keep a file's bytes; gives the digest that `read` takes."""
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
        except OSError:
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
        key = digest(json.dumps([engine(), parts]).encode())
        try:
            known, _, text = path.read_bytes().decode("utf-8").partition("\n")
            head, _, whole = known.partition(" ")
            if head == key and whole == digest(text.encode()):
                return text
        except (OSError, ValueError):
            pass
        text = make()
        write(path, f"{key} {digest(text.encode())}\n{text}".encode())
        return text

    def seconds(self, module: str) -> float | None:
        """How long the module took when it last ran, or None."""
        for path in self._newest(module):
            try:
                return float(json.loads(path.read_text("utf-8"))["result"]["seconds"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def prune(self, modules: Iterable[str]) -> None:
        """Forget old results: of each module all but the newest few, and of others all.

        A file that no result refers to goes too, unless it is so young that another
        build may be about to refer to it.
        """
        known = set(modules)
        kept: set[str] = set()
        for path in sorted(self.results.glob("*.json")):
            module = path.stem.rpartition("-")[0]
            if module not in known:
                path.unlink(missing_ok=True)
        for module in known:
            for path in self._newest(module)[KEPT_PER_MODULE:]:
                path.unlink(missing_ok=True)
        for path in self.results.glob("*.json"):
            try:
                data = json.loads(path.read_text("utf-8"))
                kept |= {
                    name
                    for cell in data["result"]["cells"]
                    for _, name in cell["files"]
                }
            except (OSError, ValueError, KeyError, TypeError):
                path.unlink(missing_ok=True)
        now = time.time()
        for folder in (self.files, self.results):
            for path in folder.glob("*"):
                unused = folder is self.files and path.name not in kept
                try:
                    if (unused or path.suffix == ".part") and (
                        now - path.stat().st_mtime > YOUNG
                    ):
                        path.unlink()
                except OSError:
                    continue

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


def _digest_of(told: dict[str, Any]) -> str:
    return digest(json.dumps(told, sort_keys=True).encode())
