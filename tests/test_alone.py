"""The page alone is enough: its blocks, joined, print what it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.measured import between_marks, without_measured
from weave.build import read_book
from weave.chapter import contents
from weave.model import Cell, Chapter
from weave.program import title_of, write_program

ROOT = Path(__file__).parents[1]
PUBLISHED = ("matplotlib", "numpy", "pandas", "scikit-learn", "torch")
CHAPTERS = [chapter for chapter in read_book(ROOT).chapters if chapter.slots]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def needed(names: tuple[str, ...]) -> set[str]:
    """The named distributions and all that they require on this machine."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found


def code_of(chapter: Chapter) -> str:
    """The chapter's Python blocks, joined as in the program that a reader downloads.

    What measured blocks print stands between marks, as it differs from run to run.
    """
    cells = []
    for slot in chapter.slots:
        code = contents(chapter, slot.code)
        if slot.measured:
            code = between_marks(code)
        cells.append(Cell(slot.module, slot.cell, code, slot.line))
    return write_program(title_of(chapter.text), cells)


def outputs_of(chapter: Chapter) -> str:
    """What the chapter says that they print."""
    return "".join(
        contents(chapter, slot.output) + "\n"
        for slot in chapter.slots
        if slot.output is not None
    )


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each chapter's code prints, alone, and under `errors` all tracebacks."""
    work = tmp_path_factory.mktemp("alone")
    packages = work / "packages"
    packages.mkdir()
    for name in needed(PUBLISHED):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or ()} - {
            "..",
            "__pycache__",
        }:
            place = packages / top
            if not place.is_symlink():
                place.symlink_to(Path(str(found.locate_file(top))))
    jobs = []
    for chapter in CHAPTERS:
        stem = chapter.path.stem
        program = work / f"{stem}.py"
        program.write_text(code_of(chapter), encoding="utf-8")
        folder = work / f"{stem}-empty"
        folder.mkdir()
        jobs.append([str(program), str(folder), str(work / f"{stem}.out")])
    (work / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("alone.py")
    command = [sys.executable, "-I", "-S", str(script), str(packages)]
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    } | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [*command, str(work / "jobs.json")],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    outputs = {Path(output).stem: Path(output) for _, _, output in jobs}
    return {
        stem: path.read_text("utf-8") if path.exists() else done.stderr
        for stem, path in outputs.items()
    } | {"errors": done.stderr}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_the_joined_blocks_print_what_the_page_shows(
    chapter: Chapter, printed: dict[str, str]
) -> None:
    left = without_measured(printed[chapter.path.stem])
    assert left == outputs_of(chapter), printed["errors"]


def test_the_repository_is_not_importable_there(
    printed: dict[str, str], tmp_path: Path
) -> None:
    packages = next(tmp_path.parent.glob("alone*/packages"))
    code = f"import sys; sys.path.append({str(packages)!r}); import weave"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True
    )
    assert "No module named 'weave'" in done.stderr
