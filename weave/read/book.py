"""The whole book, as it lies in its folders."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from weave.model import Book, Chapter, Claim, Problem, Source, WeaveError
from weave.read.module import read_source
from weave.read.page import read_chapter
from weave.read.recordings import FOLDER, read_recordings
from weave.results import Filled

DOCS = "docs"
SNIPPETS = "snippets"
TESTS = "tests/snippets"
PAGES = f"{FOLDER}/pages.json"  # of which code the pages' outputs were filled in


def read_book(root: Path) -> Book:
    """Read every chapter below docs/ and every module in snippets/.

    A file that cannot be read becomes a problem and is left out; the rest is read.
    """
    root = root.resolve()
    chapters: list[Chapter] = []
    sources: dict[str, Source] = {}
    unread: set[str] = set()
    problems: list[Problem] = []
    for path in files((root / DOCS).rglob("*.md")):
        try:
            chapters.append(read_chapter(path))
        except WeaveError as error:
            problems += error.problems
    asked = [each for chapter in chapters for each in chapter.asked]
    for path in files((root / SNIPPETS).glob("*.py")):
        wanted = tuple(each for each in asked if each.module == path.stem)
        try:
            sources[path.stem] = replace(read_source(path, root), asked=wanted)
        except WeaveError as error:
            unread.add(path.stem)
            problems += error.problems
    if not (root / DOCS).is_dir() or not (root / SNIPPETS).is_dir():
        what = f"the book has no folder {DOCS}/ or {SNIPPETS}/"
        hint = "run this in the folder that holds mkdocs.yml, or name it with --root"
        problems.append(Problem(root / "mkdocs.yml", 1, what, hint))
    recordings, damaged = read_recordings(root)
    return Book(
        root,
        tuple(chapters),
        sources,
        frozenset(unread),
        (*problems, *damaged),
        tuple(recordings),
        _read_filled(root / PAGES),
        tuple(_read_claims(root)),
    )


def files(paths: Iterator[Path]) -> list[Path]:
    """The files among paths, sorted, but for those that editors hide: `.#index.md`."""
    return sorted(
        path for path in paths if not path.name.startswith(".") and path.is_file()
    )


def _read_filled(path: Path) -> Filled | None:
    """Where the pages were filled in; None if nobody knows, as of a damaged file."""
    try:
        told = json.loads(path.read_text("utf-8"))
        return Filled(tuple(map(str, told["on"])), {**told["code"]})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _read_claims(root: Path) -> Iterator[Claim]:
    """The tests of sentences: `@pytest.mark.claim("page#name")` above each."""
    for path in files((root / TESTS).glob("test_*.py")):
        text = path.read_text("utf-8", errors="replace")
        if "mark.claim(" not in text:
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue  # which pytest says
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                match mark:
                    case ast.Call(
                        func=ast.Attribute(attr="claim"),
                        args=[ast.Constant(value=str(address))],
                    ):
                        page, _, name = address.partition("#")
                        yield Claim(path, node.lineno, page, name)
