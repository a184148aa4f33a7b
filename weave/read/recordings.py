"""What other machines have given: reads `recorded/`; nothing here runs a module.

    recorded/cpu/results.json            the runs of one machine, by module
    recorded/cpu/speed/copies.svg        and the figures that were drawn there

`python -m weave.record` writes them. A recording's result has the form of a build's
(see `weave.keep.codec`); beside it stands on what, when, and of which code it is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from weave.keep.codec import from_json
from weave.keep.files import digest
from weave.model import Problem, Source, WeaveError
from weave.results import Recording

FOLDER = "recorded"
RESULTS = "results.json"
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
NAME = re.compile(r"[A-Za-z_]\w*")
FIGURE = re.compile(r"[a-z0-9-]+\.svg")
WORD = re.compile(r"[a-z][a-z0-9]*")


def code_digest(source: Source, cell: str, root: Path) -> str:
    """SHA-256 of all code that a cell's results depend on, as 64 hexadecimal digits.

    That is the module's code from its first cell to this one, every file of this
    repository that the module imports, and what interactive figures ask of the cell.

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
    asked = [a for a in source.asked if a.cell == cell and not a.question]
    parts += [[each.name, json.dumps(each.values)] for each in asked]
    return digest(json.dumps(parts).encode())


def read_recordings(root: Path) -> tuple[list[Recording], list[Problem]]:
    """Every recording below `recorded/`, and what is wrong with files that hold none.

    The recordings of the CPU come first, then those of the other devices by name.
    """
    recordings: list[Recording] = []
    problems: list[Problem] = []
    for path in sorted((root / FOLDER).glob(f"*/{RESULTS}")):
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
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        reason = f"is not JSON: {getattr(error, 'msg', None) or error}"
        raise WeaveError(Problem(path, line, reason, hint)) from error
    lines = text.split("\n")
    try:
        return [
            _recording(path, lines, data, module, run)
            for module, run in data["modules"].items()
        ]
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        said = f"is no recording: {type(error).__name__}: {error}"
        raise WeaveError(Problem(path, 1, said, hint)) from error


def _recording(
    path: Path, lines: list[str], data: dict[str, Any], module: str, run: dict[str, Any]
) -> Recording:
    result = from_json(run["result"])
    if result.module != _checked(NAME, module):
        raise ValueError(f"{module} holds the result of {result.module}")
    for cell in result.cells:
        for name, wanted in cell.files:
            if (
                digest((path.parent / module / _checked(FIGURE, name)).read_bytes())
                != wanted
            ):
                raise ValueError(f"{module}/{name} is not the figure that was drawn")
    begins = re.compile(rf"\s*{re.escape(json.dumps(module))}: \{{")
    found = (number for number, line in enumerate(lines, 1) if begins.match(line))
    return Recording(
        path=path,
        line=next(found, 1),
        device=_checked(WORD, data["device"]),
        name=_in_one_line(data["name"]),
        date=_checked(DATE, run["date"]),
        facts=tuple(
            (_in_one_line(name), _in_one_line(str(value)))
            for name, value in run["facts"].items()
        ),
        code=tuple(
            (cell.name, _in_one_line(run["code"][cell.name])) for cell in result.cells
        ),
        result=result,
    )


def _checked(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise ValueError(f"{text!r} is not of the form {form.pattern}")
    return text


def _in_one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{text!r} is not one line of text")
    return text
