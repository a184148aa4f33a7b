"""From a module's text to its cells, and to the files that its imports load."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from weave.model import Cell, Problem, Source, WeaveError

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
        cure = "save the file as UTF-8"
        raise WeaveError(Problem(path, line, "is not UTF-8", cure)) from error
    try:
        tree = _tree(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or str(error)
        cure = "repair the module; no cell of it has run"
        raise WeaveError(
            Problem(path, line, f"is not Python: {reason}", cure)
        ) from error
    cells, problems = _cells(path, text, tree, root, inside=frozenset())
    if problems:  # of which strings that hold markers may be the cause
        inside = _lines_inside_strings(tree)
        cells, problems = _cells(path, text, tree, root, inside)
    if problems:
        raise WeaveError(*problems)
    imports = tuple(sorted(_reachable(path, tree, root)))
    return Source(path, path.stem, text, tuple(cells), imports)


def third_party(sources: list[Source], root: Path) -> tuple[str, ...]:
    """Names of the modules that the sources import from installed packages, sorted.

    These are what a warm parent process imports once for all of them.
    """
    names = set()
    for source in sources:
        for file in (source.path, *source.imports):
            tree = _tree(file.read_text(encoding="utf-8"))
            for name in _imported_names(tree):
                top = name.partition(".")[0]
                ours = _files(name, (source.path.parent, root))
                if top not in sys.stdlib_module_names and not ours:
                    names.add(name)
    return tuple(sorted(names))


def definition(source: Source, name: str) -> Cell | None:
    """The cell of a module that binds `name` at the module's top level, or None."""
    for cell in source.cells:
        for node in _tree(cell.code).body:
            if name in _bound(node):
                return cell
    return None


@lru_cache(1024)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement, in whatever block; expressions, the bulk, are passed by."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _statements(node)


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
            cure = "put a line '# %% name' above it, so that a page can show it"
            what = "code stands before the first cell, where no page can show it"
            problems.append(Problem(path, node.lineno, what, cure))
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
            cure = "let the '# %%' lines stand between statements"
            problems.append(Problem(path, start, what, cure))
            continue
        borrowed = _borrowed(nodes, path, root)
        cells.append(Cell(path.stem, name, code, start, borrowed))
    return cells, problems


def _parse(file: Path, importer: Path) -> ast.Module:
    try:
        return _tree(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:  # not UTF-8 is a ValueError too
        line = getattr(error, "lineno", None) or 1
        what = f"is not Python: {getattr(error, 'msg', None) or error}"
        cure = f"repair it; {importer.name} imports it"
        raise WeaveError(Problem(file, line, what, cure)) from error


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
        files = _files(node.module, (path.parent, root))
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


def _imported_names(tree: ast.Module) -> set[str]:
    """The modules that the tree may import by their full names."""
    names = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _files(name: str, folders: Iterable[Path]) -> list[Path]:
    """The files below the folders that `import name` loads, packages first."""
    for folder in folders:
        files: list[Path] = []
        place = folder
        for part in name.split("."):
            if (file := place / f"{part}.py").is_file():
                return [*files, file]
            place = place / part
            if (file := place / "__init__.py").is_file():
                files.append(file)
            elif not place.is_dir():
                break
        if files:
            return files
    return []


def _reachable(path: Path, tree: ast.Module, root: Path) -> set[Path]:
    """The files of this repository that running the module loads, itself left out."""
    top: tuple[Path, ...] = (
        path.parent,
        root,
    )  # where Python looks when the module is run as a script
    found: set[Path] = set()
    waiting = [(path, tree)]
    while waiting:
        importer, tree = waiting.pop()
        wanted: list[tuple[str, tuple[Path, ...]]]
        wanted = [(name, top) for name in _imported_names(tree)]
        for node in _statements(tree):
            if isinstance(node, ast.ImportFrom):
                within = [node.module] if node.module else []
                names = [".".join([*within, alias.name]) for alias in node.names]
                above = (importer.parents[max(node.level, 1) - 1],)
                wanted += [(name, above if node.level else top) for name in names]
        for name, folders in wanted:
            for file in _files(name, folders):
                if file != path and file not in found:
                    found.add(file)
                    waiting.append((file, _parse(file, path)))
    return found
