"""A result as JSON, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from weave.model import CellResult, Result, Table


def to_json(result: Result) -> dict[str, Any]:
    """The result in the types that JSON has."""
    return asdict(result)


def from_json(data: dict[str, Any]) -> Result:
    """The result whose `dataclasses.asdict` went through JSON.

    Raises:
        KeyError, TypeError, ValueError: The data is not of that form.
    """
    cells = tuple(
        CellResult(
            name=cell["name"],
            output=cell["output"],
            tables=tuple(
                Table(
                    table["text"],
                    tuple(table["header"]),
                    tuple(tuple(row) for row in table["rows"]),
                )
                for table in cell["tables"]
            ),
            files=tuple((name, wanted) for name, wanted in cell["files"]),
            data=tuple((name, values) for name, values in cell["data"]),
        )
        for cell in data["cells"]
    )
    return Result(
        module=data["module"],
        cells=cells,
        seconds=data["seconds"],
        cpu=data["cpu"],
        device=data["device"],
        versions=tuple((name, version) for name, version in data["versions"]),
        reads=tuple((name, wanted) for name, wanted in data["reads"]),
        warned=tuple((name, said) for name, said in data["warned"]),
    )
