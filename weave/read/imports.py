"""What running a module loads: files of this repository, and packages."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path
from sys import stdlib_module_names

from weave.model import Problem, Source, WeaveError


def third_party(
    sources: Sequence[Source], root: Path, *, tried: bool = True
) -> tuple[str, ...]:
    """Names of the modules that the sources import from installed packages, sorted.

    These are what a process preloads once for all of them; without `tried` those are
    left out that a source imports in a `try` alone, so that it can do without them.
    """
    names = set()
    for source in sources:
        for file in (source.path, *source.imports):
            for name in _imported_names(parse(read_text(file)), tried=tried):
                top = name.partition(".")[0]
                if top not in stdlib_module_names and not files_of(
                    top, (source.path.parent, root)
                ):
                    names.add(name)
    return tuple(sorted(names))


def read_text(path: Path) -> str:
    """The text of a Python file, with or without a byte-order mark."""
    return path.read_text(encoding="utf-8-sig")


@lru_cache(1024)
def parse(text: str) -> ast.Module:
    """The text's syntax tree, which nobody may change: it is remembered.

    Raises:
        SyntaxError: It is not Python, or more deeply nested than Python can read.
    """
    try:
        return ast.parse(text)
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("it is nested too deep") from error
    except ValueError as error:  # of a text with null bytes
        raise SyntaxError(str(error)) from error


def files_of(name: str, folders: Sequence[Path]) -> list[Path]:
    """The files below the folders that `import name` loads, packages first.

    Python's own finder decides which, as it will when the module runs.
    """
    places: list[str] = [str(folder) for folder in folders]
    files: list[Path] = []
    whole = ""
    for part in name.split("."):
        whole = f"{whole}.{part}".lstrip(".")
        spec = PathFinder.find_spec(whole, places)
        if spec is None:
            break
        if spec.origin and spec.origin.endswith((".py", *EXTENSION_SUFFIXES)):
            files.append(Path(spec.origin))
        places = [*(spec.submodule_search_locations or ())]
        if not places:
            break
    return files


def reachable(path: Path, tree: ast.Module, root: Path) -> set[Path]:
    """The files of this repository that running the module loads, itself left out.

    Raises:
        WeaveError: One of them is not Python.
    """
    importlib.invalidate_caches()  # files may have come within a tick of the clock
    top = (path.parent, root)
    found: set[Path] = set()
    waiting = [(path, tree)]
    while waiting:
        importer, tree = waiting.pop()
        for name, folders in _wanted(importer, tree, top):
            for file in files_of(name, folders):
                if file != path and file not in found:
                    found.add(file)
                    if file.suffix == ".py":
                        waiting.append((file, _read(file, path)))
    return found


def _wanted(
    importer: Path, tree: ast.Module, top: tuple[Path, ...]
) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """The names that a file may import, each with where Python looks for it."""
    for name in _imported_names(tree):
        yield name, top
    for node in _statements(tree):
        if isinstance(node, ast.ImportFrom):
            above = importer.parents[: node.level][-1:] if node.level else top
            if node.level > len(importer.parents):
                continue  # which Python itself will say when it runs
            for alias in node.names:
                yield ".".join([*filter(None, [node.module]), alias.name]), (*above,)


def _imported_names(tree: ast.Module, *, tried: bool = True) -> set[str]:
    """The modules that the tree may import by their full names."""
    names = set()
    for node in _statements(tree, tried=tried):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _statements(tree: ast.AST, *, tried: bool = True) -> Iterator[ast.stmt]:
    """Every statement, in whatever block; expressions, the bulk, are passed by."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Try) and not tried:
            continue
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _statements(node, tried=tried)


def _read(file: Path, importer: Path) -> ast.Module:
    try:
        return parse(read_text(file))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None) or 1
        what = f"is not Python: {getattr(error, 'msg', None) or error}"
        hint = f"repair it; {importer.name} imports it"
        raise WeaveError(Problem(file, line, what, hint)) from error
