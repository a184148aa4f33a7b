"""What running a module loads: files of this repository, and packages."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from weave.model import Problem, Source, WeaveError


def third_party(sources: list[Source], root: Path) -> tuple[str, ...]:
    """Names of the modules that the sources import from installed packages, sorted.

    These are what a warm parent process imports once for all of them.
    """
    names = set()
    for source in sources:
        for file in (source.path, *source.imports):
            tree = parse(file.read_text(encoding="utf-8"))
            for name in _imported_names(tree):
                top = name.partition(".")[0]
                ours = files_of(name, (source.path.parent, root))
                if top not in sys.stdlib_module_names and not ours:
                    names.add(name)
    return tuple(sorted(names))


@lru_cache(1024)
def parse(text: str) -> ast.Module:
    """The text's syntax tree, which nobody may change: it is remembered."""
    return ast.parse(text)


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement, in whatever block; expressions, the bulk, are passed by."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _statements(node)


def _read(file: Path, importer: Path) -> ast.Module:
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:  # not UTF-8 is a ValueError too
        line = getattr(error, "lineno", None) or 1
        what = f"is not Python: {getattr(error, 'msg', None) or error}"
        hint = f"repair it; {importer.name} imports it"
        raise WeaveError(Problem(file, line, what, hint)) from error


def _imported_names(tree: ast.Module) -> set[str]:
    """The modules that the tree may import by their full names."""
    names = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def files_of(name: str, folders: Iterable[Path]) -> list[Path]:
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


def reachable(path: Path, tree: ast.Module, root: Path) -> set[Path]:
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
            for file in files_of(name, folders):
                if file != path and file not in found:
                    found.add(file)
                    waiting.append((file, _read(file, path)))
    return found
