"""Asks the package index for the facts that the chapter on frameworks dates.

`python benchmarks/versions.py` prints, for each package of the chapter's tables, the
newest version and the license that its metadata states. It asks for the newest Python,
since pip otherwise names only what the Python in use can install, and for older ones
where a package is not there yet.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from typing import Any

PYTHONS = ("3.14", "3.13")  # the newest first
PACKAGES = (
    *("tensorflow", "torch", "keras", "fastai"),
    *("jax", "flax", "lightning", "onnx", "mlx", "tinygrad"),
)


def ask(*arguments: str) -> dict[str, Any] | None:
    """What pip answers as JSON, or None if it could not."""
    options = ("--no-input", "--disable-pip-version-check", "--no-color")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return answer


def newest(package: str) -> tuple[str, str] | None:
    """The newest version, and the newest Python that can install one."""
    for python in PYTHONS:
        found = ask("index", "versions", package, "--python-version", python, "--json")
        if found:
            return found["latest"], python
    return None


def license_of(package: str, python: str) -> str:
    """The license in the package's metadata, in one line, or a question mark."""
    where = ("--target", "unused", "--python-version", python, "--only-binary=:all:")
    only = ("--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--report", "-")
    found = ask("install", package, *where, *only)
    if not found or not found["install"]:
        return "?"
    metadata = found["install"][0]["metadata"]
    trove = [
        each.rpartition(" :: ")[2]
        for each in metadata.get("classifier", [])
        if each.startswith("License :: ")
    ]
    stated = metadata.get("license_expression") or metadata.get("license") or "?"
    return trove[0] if len(stated) > 40 and trove else stated.splitlines()[0]


def main() -> int:
    """Print one line for each package; 1 if the index could not be asked."""
    rows = {package: newest(package) for package in PACKAGES}
    if not any(rows.values()):
        print("pip cannot reach a package index: is there a network?", file=sys.stderr)
        return 1
    print(f"{datetime.date.today():%d %B %Y}: version, Python, license")
    for package, found in rows.items():
        if found is None:
            print(f"{package:12} not found")
            continue
        version, python = found
        print(f"{package:12} {version:10} {python}  {license_of(package, python)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
