"""What a result depends on, as far as it is known before the module runs."""

from __future__ import annotations

import json
import os
import platform
import sys
import sysconfig
from functools import cache
from pathlib import Path

from weave.keep.files import digest
from weave.model import Source


@cache
def engine() -> str:
    """Digest of the engine's own text, as it was when this process first asked."""
    texts = sorted(Path(__file__).parents[1].rglob("*.py"))
    return digest(b"".join(digest(path.read_bytes()).encode() for path in texts))


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


def key_of(source: Source, root: Path, device: str) -> str:
    """The key of a module's result on this machine, as 64 hexadecimal digits.

    It covers the module's text, every file of this repository that it imports, what
    the pages wish to know, Python, the installed packages, the device and the engine.
    """
    parts = [
        engine(),
        device,
        platform.python_implementation(),
        sys.version,
        platform.machine(),
        sys.platform,
        os.environ.get("ATEN_CPU_CAPABILITY", ""),
        *packages(),
        source.text,
    ]
    for wish in source.interactive:
        parts += [wish.figure, wish.cell, json.dumps(wish.values)]
    for path in source.imports:
        parts += [path.relative_to(root).as_posix(), digest(path.read_bytes())]
    return digest(json.dumps(parts).encode())
