"""From a module's text to its cells."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from pathlib import Path

from weave.model import Cell, Problem, Source, WeaveError
from weave.read.imports import files_of, parse, reachable

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
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        hint = "save the file as UTF-8"
        raise WeaveError(Problem(path, line, "is not UTF-8", hint)) from error
    try:
        tree = parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or str(error)
        hint = "repair the module; no cell of it has run"
        raise WeaveError(
            Problem(path, line, f"is not Python: {reason}", hint)
        ) from error
    cells, problems = _cells(path, text, tree, root, inside=frozenset())
    if problems:  # of which strings that hold markers may be the cause
        inside = _lines_inside_strings(tree)
        cells, problems = _cells(path, text, tree, root, inside)
    if problems:
        raise WeaveError(*problems)
    imports = tuple(sorted(reachable(path, tree, root)))
    return Source(path, path.stem, text, tuple(cells), imports)


def definition(source: Source, name: str) -> Cell | None:
    """The cell of a module that binds `name` at the module's top level, or None."""
    for cell in source.cells:
        for node in parse(cell.code).body:
            if name in _bound(node):
                return cell
    return None


def _cells(
    path: Path, text: str, tree: ast.Module, root: Path, inside: Collection[int]
) -> tuple[list[Cell], list[Problem]]:
    lines = text.split("\n")
    marks = [
        (number, match["name"].strip())
        for number, line in enumerate(lines, 1)
        if number not in inside and (match := MARKER.fullmatch(line.rstrip()))
    ]
    problems = []
    first = marks[0][0] if marks else len(lines) + 1
    for node in tree.body:
        if node.lineno < first and not _is_docstring(node, tree):
            hint = "put a line '# %% name' above it, so that a page can show it"
            what = "code stands before the first cell, where no page can show it"
            problems.append(Problem(path, node.lineno, what, hint))
            break
    cells: list[Cell] = []
    seen: dict[str, int] = {}
    ends = [*(number for number, _ in marks[1:]), len(lines) + 1][: len(marks)]
    for (number, name), end in zip(marks, ends, strict=True):
        if not NAME.fullmatch(name):
            what = f"the cell's name {name!r} is not lowercase words joined by hyphens"
            problems.append(Problem(path, number, what, "write '# %% such-a-name'"))
            continue
        if name in seen:
            what = f"a cell named {name!r} exists already, at line {seen[name]}"
            problems.append(Problem(path, number, what, "give this cell another name"))
            continue
        seen[name] = number
        body = lines[number : end - 1]
        start = number + 1
        while body and not body[0].strip():
            del body[0]
            start += 1
        code = "\n".join(body).rstrip()
        if not code:
            what = f"the cell {name!r} is empty"
            problems.append(Problem(path, number, what, "write its code, or remove it"))
            continue
        nodes = [node for node in tree.body if number < _last_line(node) < end]
        if any(node.lineno < number < _last_line(node) for node in tree.body) or any(
            node.lineno < end <= _last_line(node) for node in tree.body
        ):
            what = f"the cell {name!r} is not complete Python by itself"
            hint = "let the '# %%' lines stand between statements"
            problems.append(Problem(path, start, what, hint))
            continue
        borrowed = _borrowed(nodes, path, root)
        cells.append(Cell(path.stem, name, code, start, borrowed))
    return cells, problems


def _is_docstring(node: ast.stmt, tree: ast.Module) -> bool:
    return node is tree.body[0] and ast.get_docstring(tree) is not None


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
