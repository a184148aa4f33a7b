"""A chapter's code as one program for a reader to take along."""

from __future__ import annotations

from collections.abc import Sequence

from weave.model import Cell


def write_program(title: str, cells: Sequence[Cell]) -> str:
    """The code of a chapter's cells, one below the other, as a Python file's text.

    Editors that know cells, such as VS Code and Spyder, run them one by one.
    """
    parts = [f'"""{title}: the code of the chapter. License: MIT."""\n']
    parts += [f"# %% {cell.name}\n{cell.code}\n" for cell in cells]
    return "\n\n".join(parts)
