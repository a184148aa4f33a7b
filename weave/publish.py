"""What the site offers beside its pages: written into docs/, or handed over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from weave.keep.files import PART, sweep, write
from weave.render import listing, notebook, program
from weave.woven import DOCS, FIGURES, Woven

# In docs/, generated, as FIGURES is:
NOTEBOOKS = "notebooks"
PROGRAMS = "programs"
LISTINGS = "source"
GENERATED = (FIGURES, NOTEBOOKS, PROGRAMS, LISTINGS)
RUNS = f"{FIGURES}/runs.json"


def publish(woven: Woven, site_url: str = "") -> None:
    """Write what pages show and link to into docs/; remove what earlier runs left."""
    docs = woven.book.root / DOCS
    wanted = write_files(woven, docs, site_url)
    sweep(docs, f"**/{PART}")
    for folder in GENERATED:
        for path in sorted((docs / folder).rglob("*"), reverse=True):
            if path.name.startswith("."):
                continue  # another build is about to rename it
            if path.is_file() and path not in wanted:
                path.unlink(missing_ok=True)
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def write_files(woven: Woven, folder: Path, site_url: str = "") -> set[Path]:
    """Write all that is generated below a folder; gives the files' paths."""
    files = {name: path.read_bytes() for name, path in woven.figures.items()}
    files |= {name: text.encode() for name, text in texts(woven, site_url)}
    for name, data in files.items():
        write(folder / name, data)
    return {folder / name for name in files}


def texts(woven: Woven, site_url: str = "") -> Iterator[tuple[str, str]]:
    """What the site offers beside its pages: each file's place in docs/, and its text.

    That are the chapters as notebooks and as programs, the modules and the tests of
    claims as pages with numbered lines, and the times of this build.
    """
    yield from notebooks(woven, site_url)
    for chapter in woven.book.chapters:
        cells = [cell for slot in chapter.slots if (cell := woven.cell(slot))]
        if cells:
            name = f"{PROGRAMS}/{chapter.path.stem}.py"
            yield name, program.write_program(chapter.title, cells)
    yield from listing.listings(woven, LISTINGS)
    yield RUNS, runs(woven)


def notebooks(woven: Woven, site_url: str = "") -> Iterator[tuple[str, str]]:
    """Each chapter as a Jupyter notebook: its place in docs/, and its JSON text."""
    for chapter in woven.book.chapters:
        if chapter.slots:
            name = f"{NOTEBOOKS}/{chapter.path.stem}.ipynb"
            yield name, notebook.write_notebook(chapter, woven, site_url)


def runs(woven: Woven) -> str:
    """How long each module took, in seconds, as JSON: the one text that varies."""
    times = {
        name: round(each.seconds, 3) for name, each in sorted(woven.results.items())
    }
    return json.dumps(times, indent=1) + "\n"
