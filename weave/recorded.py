"""What other machines have printed: reads recordings, compares, shows them.

    recorded/cpu.json             each file holds the runs of one device, by module
    recorded/nvidia-….json

`python -m weave.record` writes them; nothing here runs a module.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from weave.figure import Drawing
from weave.keep.files import digest
from weave.model import Book, Problem, Recorded, Recording, Slot, Source, WeaveError

FOLDER = "recorded"
AGAIN = "record again on such a machine (nox -s record), or delete what is old"
RESULTS = {"code", "output", "figures", "data"}


def code_digest(source: Source, cell: str, root: Path) -> str:
    """SHA-256 of all code that a cell's results depend on, as 64 hexadecimal digits.

    That is the module's code from its first cell to this one, every file of this
    repository that the module imports, and what figures that move ask of the cell.

    Raises:
        ValueError: The module has no such cell.
    """
    names = [each.name for each in source.cells]
    shown = source.cells[: names.index(cell) + 1]
    parts = [[each.name, each.code] for each in shown]
    parts += [
        [path.relative_to(root).as_posix(), digest(path.read_bytes())]
        for path in source.imports
    ]
    parts += [
        [w.figure, json.dumps(w.values)] for w in source.interactive if w.cell == cell
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_recordings(root: Path) -> tuple[list[Recording], list[Problem]]:
    """Every recording below `recorded/`, and what is wrong with files that hold none.

    The recordings of the CPU come first, then those of the other devices by name.
    """
    recordings: list[Recording] = []
    problems: list[Problem] = []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            recordings += read_file(path)
        except WeaveError as error:
            problems += error.problems
    recordings.sort(key=lambda each: (each.device != "cpu", each.name, each.module))
    return recordings, problems


def read_file(path: Path) -> list[Recording]:
    """The recordings of one file, one for each module.

    Raises:
        WeaveError: The file is not JSON, or not of the form that is written here.
    """
    hint = "take it from version control again, or delete it and run nox -s record"
    try:
        text = path.read_bytes().decode("utf-8")
        data = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        reason = f"is not JSON: {getattr(error, 'msg', None) or error}"
        raise WeaveError(Problem(path, line, reason, hint)) from error
    lines = text.split("\n")
    try:
        return [
            _recording(path, lines, data, module, run)
            for module, run in data["modules"].items()
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"is no recording: {type(error).__name__}: {error}"
        raise WeaveError(Problem(path, 1, said, hint)) from error


def _recording(
    path: Path, lines: list[str], data: dict[str, Any], module: str, run: dict[str, Any]
) -> Recording:
    line = _line_of(lines, module, 0)
    facts = [(name, str(value)) for name, value in run["facts"].items()]
    cells = []
    for name, cell in run["cells"].items():
        if set(cell) != RESULTS:
            raise ValueError(f"{module}.py#{name} has not exactly {sorted(RESULTS)}")
        drawings = []
        for figure, drawn in cell["figures"].items():
            Drawing.from_json(drawn)  # or an error
            drawings.append((figure, json.dumps(drawn, separators=(",", ":"))))
        place = _line_of(lines, name, line)
        printed = "\n".join(cell["output"])
        moving = tuple(
            (figure, json.dumps({**values}, separators=(",", ":")))
            for figure, values in cell["data"].items()
        )
        cells.append(
            Recorded(name, place, cell["code"], printed, tuple(drawings), moving)
        )
    return Recording(
        path=path,
        line=line,
        module=module,
        device=data["device"],
        name=data["name"],
        date=run["date"],
        facts=tuple(facts),
        cells=tuple(cells),
    )


def _line_of(lines: list[str], name: str, after: int) -> int:
    """The line, from 1, on which an object of that name begins."""
    begins = re.compile(rf"\s*{re.escape(json.dumps(name))}: \{{")
    for number in range(after, len(lines)):
        if begins.match(lines[number]):
            return number + 1
    return 1


def is_of_today(book: Book, recording: Recording, cell: Recorded) -> bool:
    """Whether the code that was recorded is the code that the book shows now."""
    source = book.sources.get(recording.module)
    if source is None or source.cell(cell.cell) is None:
        return False
    return cell.code == code_digest(source, cell.cell, book.root)


def shown(book: Book, slot: Slot) -> list[tuple[Recording, Recorded]]:
    """What a slot shows of the recordings, never of other code than today's.

    Below an output of this build, the CPU's recording would only repeat it.
    """
    if slot.recorded is None:
        return []
    found = [
        (recording, cell)
        for recording in book.recordings
        if recording.module == slot.module
        and (slot.measured or recording.device != "cpu")
        and (cell := recording.cell(slot.cell)) is not None
    ]
    return [pair for pair in found if is_of_today(book, *pair)]


def moving_data(book: Book, slot: Slot) -> tuple[tuple[str, str], ...]:
    """What a measured cell's figures that move are given: the data of each recording.

    As JSON, `{"recordings": [{"machine": ..., ...}, ...]}`, by the figure's name.
    """
    held: dict[str, list[str]] = {}
    for recording, cell in shown(book, slot):
        told = json.dumps(f"{machine(recording)}, {recording.date}", ensure_ascii=False)
        for figure, values in cell.data:
            held.setdefault(figure, []).append(f'{{"machine":{told},{values[1:]}')
    return tuple(
        (figure, f'{{"recordings":[{",".join(each)}]}}')
        for figure, each in held.items()
    )


def provenance(recording: Recording, cell: Recorded) -> str:
    """On what a cell was recorded, and when, as a sentence above what it printed."""
    end = ":" if cell.output else "."
    return f"Recorded on {recording.date} on {machine(recording)}{end}"


def machine(recording: Recording) -> str:
    """The machine of a recording and its version of PyTorch, to go into a sentence."""
    facts = dict(recording.facts)
    if recording.device == "cpu":
        kind, count = "the CPU", facts.get("threads", "1")
        told = [f"{count} thread" + "s" * (count != "1")]
    else:
        kind, names = "a GPU", ("CUDA", "ROCm", "driver")
        told = [f"{name} {facts[name]}" for name in names if name in facts]
    details = f" ({', '.join(told)})" if told else ""
    version = facts.get("PyTorch", "of an unknown version")
    return f"{kind} {recording.name}{details} with PyTorch {version}"


def machines(book: Book, modules: Iterable[str]) -> list[str]:
    """Lines of Markdown: which machines have recorded modules, and that no GPU has."""
    found = [
        recording
        for recording in book.recordings
        if recording.module in modules
        and any(is_of_today(book, recording, cell) for cell in recording.cells)
    ]
    told = dict.fromkeys(
        f"* {machine(recording)}, on {recording.date}" for recording in found
    )
    lines = [*told, ""] if told else []
    if all(recording.device == "cpu" for recording in found):
        lines.append("No GPU has recorded so far; no measured number here is a GPU's.")
    return lines


def as_markdown(book: Book, slot: Slot) -> str:
    """What belongs between the comments of a slot's place for recordings."""
    pieces = []
    for recording, cell in shown(book, slot):
        runs = re.findall("`+", cell.output)
        ticks = "`" * max(3, 1 + max(map(len, runs), default=0))
        pieces.append(provenance(recording, cell))
        if cell.output:
            pieces.append(f"{ticks}text\n{cell.output}\n{ticks}")
    return "\n" + "\n\n".join(pieces) + "\n" if pieces else ""


def wrong(book: Book) -> Iterator[Problem]:
    """Recordings of other code than today's or of nothing, and what none has recorded.

    All are warnings, so that an author who edits the code can go on looking at pages.
    """
    wanted = {
        (slot.module, slot.cell): (chapter, slot)
        for chapter in book.chapters
        for slot in chapter.slots
        if slot.recorded is not None
    }
    for recording in book.recordings:
        for cell in recording.cells:
            address = f"{recording.module}.py#{cell.cell}"
            if recording.module in book.unread:
                continue
            if (recording.module, cell.cell) not in wanted:
                what = f"records {address}, which no page shows as recorded"
            elif not is_of_today(book, recording, cell):
                what = f"is a recording of other code than {address} is now"
            else:
                continue
            yield Problem(recording.path, cell.line, what, AGAIN, warning=True)
    for chapter, slot in wanted.values():
        source = book.sources.get(slot.module)
        if source is None or source.cell(slot.cell) is None:
            continue
        if slot.measured and not shown(book, slot):
            what = f"no machine has recorded {slot.address} as it is now"
            hint = f"run nox -s record -- {slot.module}, and commit {FOLDER}/"
            line = slot.recorded.line if slot.recorded else slot.line
            yield Problem(chapter.path, line, what, hint, warning=True)
