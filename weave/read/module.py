"""From a module's text to its cells."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from pathlib import Path

from weave.model import Cell, Problem, Source, WeaveError
from weave.read.imports import files_of, parse, reachable, read_text

MARKER = re.compile(r"# %%(?P<name>.*)")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read_source(path: Path, root: Path) -> Source:
    """Read a snippet module.

    Args:
        path: The module, such as `snippets/tensors.py`.
        root: The book's root; imports are looked for beside the module and here.

    Raises:
        WeaveError: The text is not UTF-8 or not Python, a cell has no name or one
            that is taken, or code stands before the first cell.
    """
    text = _text(path)
    try:
        tree = parse(text)
        problems: list[Problem] = []
        cells = _cells(path, text, tree, root, frozenset(), problems)
        if problems:  # of which strings that hold markers may be the cause
            problems = []
            inside = _lines_inside_strings(tree)
            cells = _cells(path, text, tree, root, inside, problems)
        if problems:
            raise WeaveError(*problems)
        imports = tuple(sorted(reachable(path, tree, root)))
    except (SyntaxError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or str(error)
        hint = "repair the module; no cell of it has run"
        raise WeaveError(
            Problem(path, line, f"is not Python: {reason}", hint)
        ) from error
    return Source(path, path.stem, text, tuple(cells), imports)


def has_newer_text(source: Source) -> bool:
    """Whether the module's file holds another text than the one that was read."""
    try:
        return read_text(source.path) != source.text
    except (OSError, ValueError):
        return False


def definition(source: Source, name: str) -> Cell | None:
    """The cell of a module that binds `name` at the module's top level, or None."""
    for cell in source.cells:
        for node in parse(cell.code).body:
            if name in _bound(node):
                return cell
    return None


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        hint = "save the file as UTF-8"
        raise WeaveError(Problem(path, line, "is not UTF-8", hint)) from error
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        hint = "let it be a file that can be read, or remove it"
        raise WeaveError(Problem(path, 1, what, hint)) from error


def _cells(
    path: Path,
    text: str,
    tree: ast.Module,
    root: Path,
    inside: Collection[int],
    problems: list[Problem],
) -> list[Cell]:
    """The cells that are as they should be; adds what is wrong with the others."""
    lines = text.split("\n")
    marks = [
        (number, match["name"].strip())
        for number, line in enumerate(lines, 1)
        if number not in inside and (match := MARKER.fullmatch(line.rstrip()))
    ]
    ends = [*(number for number, _ in marks), len(lines) + 1]
    early = [node for node in tree.body if _first_line(node) < ends[0]]
    if tree.body and ast.get_docstring(tree) is not None:
        early = early[1:]
    if early:
        hint = "put a line '# %% name' above it, so that a page can show it"
        what = "code stands before the first cell, where no page can show it"
        problems.append(Problem(path, _first_line(early[0]), what, hint))
    cells: list[Cell] = []
    seen: dict[str, int] = {}
    for (number, name), end in zip(marks, ends[1:], strict=True):
        start, code = _code(lines, number, end)
        spans = [(_first_line(node), _last_line(node)) for node in tree.body]
        if not NAME.fullmatch(name):
            at = number
            what = f"the cell's name {name!r} is not lowercase words joined by hyphens"
            hint = "write '# %% such-a-name'"
        elif name in seen:
            at = number
            what = f"a cell named {name!r} exists already, at line {seen[name]}"
            hint = "give this cell another name"
        elif not code:
            at, what = number, f"the cell {name!r} is empty"
            hint = "write its code, or remove it"
        elif any(a < edge <= b for a, b in spans for edge in (number, end)):
            at, what = start, f"the cell {name!r} is not complete Python by itself"
            hint = "let the '# %%' lines stand between statements"
        else:
            nodes = [each for each in tree.body if number < _last_line(each) < end]
            borrowed = _borrowed(nodes, path, root)
            cells.append(Cell(path.stem, name, code, start, borrowed))
            seen[name] = number
            continue
        seen.setdefault(name, number)
        problems.append(Problem(path, at, what, hint))
    return cells


def _code(lines: list[str], marker: int, end: int) -> tuple[int, str]:
    """A cell's first line that is not blank, from 1, and its code from there on."""
    start = marker
    while start < end - 1 and not lines[start].strip():
        start += 1
    return start + 1, "\n".join(lines[start : end - 1]).rstrip()


def _first_line(node: ast.stmt) -> int:
    """The line on which a statement begins, with its decorators."""
    above: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in above)])


def _lines_inside_strings(tree: ast.Module) -> set[int]:
    """Lines that continue a string, where `# %%` is text and not a marker."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _borrowed(
    nodes: list[ast.stmt], path: Path, root: Path
) -> tuple[tuple[str, str], ...]:
    """What a cell borrows that does nothing but import names from its siblings."""
    names = []
    for node in nodes:
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            return ()
        files = files_of(node.module, (path.parent, root))
        if path.parent not in [file.parent for file in files]:
            return ()
        names += [(node.module, alias.name) for alias in node.names]
    return tuple(names)


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return {
        child.id
        for child in ast.walk(node)
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
    }
