"""The engine stays simple inside: small rooms, short functions, no circles."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.weave.books import ROOT

FILES = sorted((ROOT / "weave").rglob("*.py"))

every_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def imports(path: Path) -> set[str]:
    """The engine's modules that a module imports, by their full names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("weave"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                file = ROOT / (inner.replace(".", "/") + ".py")
                found.add(inner if file.exists() else str(node.module))
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("weave.")}
    return found


def name(path: Path) -> str:
    """A module's full name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@every_file
def test_a_room_is_small_and_its_functions_are_short(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name(path): imports(path) for path in FILES}
    assert len([*TopologicalSorter(graph).static_order()]) >= len(FILES)


def test_only_the_site_knows_a_site_generator_and_only_run_runs() -> None:
    for path in FILES:
        text = path.read_text("utf-8")
        folder = path.parent.name
        if folder != "site":
            assert "mkdocs" not in {
                getattr(node, "module", "").split(".")[0]
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.ImportFrom) and node.module
            }
        if folder in ("read", "keep", "render"):
            assert not [each for each in imports(path) if ".run" in each], path
            assert not [each for each in imports(path) if ".site" in each], path


def test_only_the_grammar_knows_what_a_directive_looks_like() -> None:
    knows = [
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if "<!--\\s*" in path.read_text("utf-8")
    ]
    assert knows == ["weave/read/page.py"]


def test_only_zensicals_module_keeps_a_book_for_the_process() -> None:
    keeps = [
        path.relative_to(ROOT).as_posix()
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Global)
    ]
    assert keeps == []
