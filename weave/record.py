"""`python -m weave.record`: run what pages show as recorded, and keep what it gave.

On a machine with an accelerator, its results land in `recorded/` as data; elsewhere the
CPU's do. Needs torch and what the modules import, but no MkDocs.

Exit code: 0 if all is recorded, 1 if something is wrong, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from weave.keep.codec import to_json
from weave.keep.files import write
from weave.model import Book, Problem
from weave.read.book import read_book
from weave.read.imports import third_party
from weave.read.recordings import FOLDER, RESULTS, code_digest
from weave.results import Result
from weave.run import pool
from weave.run.machine import best_device, describe, is_idle, versions
from weave.woven import CACHE

LIMIT = 3600.0  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Record; gives the exit code."""
    options = _parser().parse_args(arguments)
    book = read_book(options.root)
    inside = book.root / FOLDER
    problems = [each for each in book.problems if not each.path.is_relative_to(inside)]
    device = options.device or best_device()
    wanted = marked(book, device)
    for name in sorted(set(options.modules) - set(wanted)):
        what = f"no page shows what {device} records of {name!r}"
        hint = f"the modules with such cells are {', '.join(wanted) or 'none'}"
        problems.append(Problem(inside / "…", 1, what, hint))
    names: list[str] = []
    for name in options.modules or wanted:
        missing = lacking(book, name) if name in wanted else []
        if missing and options.modules:
            what = f"{name} needs {', '.join(missing)}, which cannot be imported here"
            hint = "record it where it can be (torchvision: nox -s vision)"
            problems.append(Problem(inside / "…", 1, what, hint))
        elif missing:
            print(f"leaving {name} as it is: {', '.join(missing)} is not here")
        else:
            names.append(name)
    if not problems and not (options.busy or is_idle()):
        what = "other programs keep this machine busy, so that times would be too long"
        hint = "end them and try again, or add --busy if times do not matter"
        problems.append(Problem(inside / "…", 1, what, hint))
    if not problems:
        problems += record(book, names, device, options.limit)
    for problem in problems:
        if problem.path.is_relative_to(book.root):
            problem = replace(problem, path=problem.path.relative_to(book.root))
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def marked(book: Book, device: str) -> dict[str, list[str]]:
    """The cells that pages show as recorded, by module, in the order of the module.

    On the CPU, those are left out whose output a build makes itself.
    """
    asked = {
        (slot.module, slot.cell)
        for chapter in book.chapters
        for slot in chapter.slots
        if slot.recorded is not None and (slot.measured or device != "cpu")
    }
    cells = {
        name: [cell.name for cell in source.cells if (name, cell.name) in asked]
        for name, source in sorted(book.sources.items())
    }
    return {name: names for name, names in cells.items() if names}


def lacking(book: Book, module: str) -> list[str]:
    """What a module imports only in a `try` and would have to do without here.

    A recording is made for what such packages give, so it waits for them.
    """
    source = [book.sources[module]]
    needed = third_party(source, book.root, tried=False)
    missing = []
    for name in third_party(source, book.root):
        if name not in needed:
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001  # of a package made for another torch
                missing.append(name.partition(".")[0])
    return sorted(set(missing))


def record(
    book: Book, modules: Sequence[str], device: str, limit: float = LIMIT
) -> list[Problem]:
    """Run modules one after the other, and write what their marked cells gave.

    Args:
        book: The book; its `recorded/` is written.
        modules: Names of modules of which a page shows recorded cells.
        device: The type of PyTorch's device, such as `cuda`.
        limit: Seconds after which a module is ended.

    Returns:
        What went wrong; a module with a problem leaves its older recording as it was.
    """
    problems: list[Problem] = []
    cells = marked(book, device)
    sources = [book.sources[name] for name in modules]
    runs = pool.run(
        sources,
        book.root,
        book.root / CACHE,
        jobs=1,  # nothing else shall disturb what is measured
        device=device,
        limit=limit,
        record=True,
        began=lambda source: print(
            f"recording {source.module} on {device}", flush=True
        ),
    )
    for source, answer, seconds in runs:
        if isinstance(answer, Problem):
            problems.append(answer)
            continue
        for cell, said in answer.warned:  # a GPU's libraries do so now and then
            print(f"{answer.module}.py#{cell} warned, and was recorded:\n{said}")
        path = keep(book, answer, cells[source.module], describe(device))
        print(f"wrote {path.relative_to(book.root)} after {seconds:.1f} s", flush=True)
    print("run nox -s weave, which puts it on the pages, and read git diff")
    return problems


def keep(
    book: Book, result: Result, cells: Sequence[str], machine: dict[str, Any]
) -> Path:
    """Write what some cells of a result gave into the folder of their machine.

    What the folder holds of other modules stays; a damaged file is replaced.

    Args:
        book: The book; its `recorded/` is written.
        result: What the module gave.
        cells: The names of its cells to keep.
        machine: See `describe`.

    Returns:
        The file with the machine's results.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", machine["name"].lower()).strip("-")
    slug = "cpu" if machine["device"] == "cpu" else slug
    path = book.root / FOLDER / slug / RESULTS
    known = {"device": machine["device"], "name": machine["name"], "modules": {}}
    try:
        before = json.loads(path.read_text("utf-8"))
        if (before["device"], before["name"]) == (known["device"], known["name"]):
            runs = {**before["modules"]}
            known["modules"] = {
                name: runs[name] for name in runs if name in book.sources
            }
    except (OSError, ValueError, KeyError, TypeError):
        pass
    source = book.sources[result.module]
    held = replace(
        result,
        cells=tuple(cell for cell in result.cells if cell.name in cells),
        seconds=round(result.seconds, 1),
        cpu=round(result.cpu, 1),
        asked=(),  # of the book, so that a build may believe it
        warned=(),
    )
    figures = path.parent / result.module
    shutil.rmtree(figures, ignore_errors=True)
    for cell in held.cells:
        for name, wanted in cell.files:
            data = (book.root / CACHE / "files" / wanted).read_bytes()
            write(figures / name, data)
    known["modules"][result.module] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "facts": {**machine["facts"], **versions(result)},
        "code": {name: code_digest(source, name, book.root) for name in cells},
        "result": to_json(held),
    }
    known["modules"] = dict(sorted(known["modules"].items()))
    text = json.dumps(known, indent=1, ensure_ascii=False)
    write(path, f"{text}\n".encode())
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m weave.record", description=__doc__)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="record these (all that are shown)"
    )
    parser.add_argument(
        "--device", metavar="D", help="record on this device (the best that is here)"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=LIMIT,
        metavar="S",
        help=f"seconds after which a module is ended ({LIMIT:g})",
    )
    parser.add_argument(
        "--busy",
        action="store_true",
        help="record although other programs compute, which makes times too long",
    )
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), help="the book's folder (this one)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
