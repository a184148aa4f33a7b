"""The book can be read in the order of its navigation, and each chapter teaches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pkgutil import resolve_name
from posixpath import join, normpath

import pytest
import torch

from tests.test_book import CHAPTERS, DOCS, nav_targets, settings
from weave.model import Chapter
from weave.render.about import reading_minutes
from weave.render.fill import contents

ORDER = {name: place for place, name in enumerate(nav_targets(settings()["nav"]))}
IN_ORDER = sorted(
    CHAPTERS, key=lambda page: ORDER[page.path.relative_to(DOCS).as_posix()]
)
#: Where PyTorch's methods are; a name that ordinary objects have too says nothing.
METHODS = {
    name
    for owner in (torch.Tensor, torch.nn.Module, torch.optim.Optimizer)
    for name in dir(owner)
    if not name.startswith("_")
} - {name for kind in (str, list, dict, set, tuple, int, float) for name in dir(kind)}
MODULES = {"torch", "nn", "F"}
DRAWS = {"plt", "ax", "axes", "axis", "fig", "figure", "picture", "panel", "panels"}

every_chapter = pytest.mark.parametrize(
    "page", IN_ORDER, ids=lambda page: page.path.stem
)


def name_of(page: Chapter) -> str:
    """The page as the navigation names it."""
    return page.path.relative_to(DOCS).as_posix()


def links(page: Chapter, text: str) -> Iterator[str]:
    """The pages to which a text of this page links."""
    folder = page.path.parent.relative_to(DOCS).as_posix()
    for target in re.findall(r"\]\(([^)#\s]+\.md)", text):
        yield normpath(join(folder, target))


@every_chapter
def test_the_next_and_the_previous_chapter_are_those_of_the_navigation(
    page: Chapter,
) -> None:
    here = ORDER[name_of(page)]
    for line in page.text.splitlines():
        for words, step in (("next chapter", 1), ("previous chapter", -1)):
            if words in line.lower():
                found = [ORDER[name] for name in links(page, line)]
                assert here + step in found or not found, (page.path, line)


@every_chapter
def test_what_a_chapter_builds_on_comes_before_it(page: Chapter) -> None:
    asked = re.search(r"(?m)^.*(?:Prerequisites|[Bb]uilds on|You need).*$", page.text)
    assert asked, page.path
    for name in links(page, asked[0]):
        if name in ORDER and not name.startswith("appendices/"):
            assert ORDER[name] < ORDER[name_of(page)], (page.path, name)


def introduced(page: Chapter) -> set[str]:
    """The names of the API that a chapter says to explain for the first time."""
    marks = [mark.words for mark in page.marks if mark.kind == "introduces"]
    return {word for words in marks for word in words}


def used(page: Chapter) -> dict[str, int]:
    """The names of PyTorch's API in a chapter's code, each with its block's line."""
    found: dict[str, int] = {}
    roots: dict[str, str] = {}
    others: set[str] = set()  # modules of other packages: `math.cos` is no method
    for slot in page.slots:
        tree = ast.parse(contents(page, slot.code))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.partition(".")[0] == "torch":
                        full = alias.name if alias.asname else "torch"
                        roots[alias.asname or "torch"] = full
                    else:
                        others.add(alias.asname or alias.name.partition(".")[0])
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                names = node.names if module.partition(".")[0] == "torch" else []
                for alias in names:
                    roots[alias.asname or alias.name] = f"{module}.{alias.name}"
        inner: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and id(node) not in inner:
                parts, below = [node.attr], node.value
                while isinstance(below, ast.Attribute):
                    inner.add(id(below))
                    parts.append(below.attr)
                    below = below.value
                if isinstance(below, ast.Name) and below.id in roots:
                    full = ".".join([roots[below.id], *reversed(parts)])
                    found.setdefault(full, slot.line)
                elif not (isinstance(below, ast.Name) and below.id in others):
                    for part in parts:
                        if part in METHODS:
                            found.setdefault(f".{part}", slot.line)
            elif isinstance(node, ast.Name) and node.id in {*roots} - MODULES:
                found.setdefault(roots[node.id], slot.line)
    return found


def holds(name: str) -> bool:
    """Whether a name is a class, with which a chapter introduces what belongs to it."""
    return isinstance(resolve_name(name), type) if name.startswith("torch") else False


def test_no_name_of_the_api_is_used_before_the_chapter_that_introduces_it() -> None:
    known: set[str] = set()
    early = []
    for page in IN_ORDER:
        known |= introduced(page)
        ends = {name.rpartition(".")[2] for name in known}
        for name, line in used(page).items():
            whole = name.rpartition(".")[2] in ends if name[0] == "." else name in known
            owner = name.rpartition(".")[0]
            if not whole and not (owner in known and holds(owner)):
                early.append(f"{page.path.relative_to(DOCS)}:{line}: {name}")
    assert early == []


@every_chapter
def test_what_a_chapter_introduces_stands_in_its_prose_and_is_no_earlier_ones(
    page: Chapter,
) -> None:
    prose = re.sub(r"<!--.*?-->", "", page.text, flags=re.S)
    before = [each for each in IN_ORDER if ORDER[name_of(each)] < ORDER[name_of(page)]]
    for name in introduced(page):
        assert name.rpartition(".")[2] in prose, f"{page.path}: {name} is not explained"
        again = [str(each.path) for each in before if name in introduced(each)]
        assert not again, f"{page.path}: {name} is introduced by {again} already"


def drawing_lines(code: str) -> tuple[int, int]:
    """How many lines of code draw, and how many there are."""
    drawn: set[int] = set()
    lines = [line for line in code.split("\n") if line.strip()]
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.stmt) or isinstance(
            node, ast.FunctionDef | ast.ClassDef | ast.For | ast.With | ast.If
        ):
            continue
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        words = ast.dump(node)
        if names & DRAWS or "matplotlib" in words or "pygraphviz" in words:
            drawn |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(drawn), len(lines)


def open_code(page: Chapter) -> list[str]:
    """The blocks of a chapter that are not folded."""
    folded = [
        match.span() for match in re.finditer(r"(?s)<details.*?</details>", page.text)
    ]
    return [
        contents(page, slot.code)
        for slot in page.slots
        if not any(start < slot.start < end for start, end in folded)
    ]


@every_chapter
def test_a_chapters_first_block_teaches_and_little_of_its_open_code_draws(
    page: Chapter,
) -> None:
    blocks = open_code(page)
    drawn, lines = drawing_lines(blocks[0])
    assert drawn * 2 <= lines, f"{page.path}: the first block draws"
    counts = [drawing_lines(block) for block in blocks]
    drawn, lines = sum(d for d, _ in counts), sum(n for _, n in counts)
    assert drawn < lines / 5, f"{page.path}: {drawn} of {lines} open lines draw"


@every_chapter
def test_a_chapter_takes_at_most_half_an_hour_to_read(page: Chapter) -> None:
    assert reading_minutes(page) <= 30


@every_chapter
def test_each_sentence_of_a_recap_is_proven_by_a_test(page: Chapter) -> None:
    recap = page.text.partition("## Recap\n")[2].partition("\n## ")[0]
    for line in recap.splitlines():
        if re.search(r"\]\([^)]*\.md\)", line) and "claim" not in line:
            continue  # it leads on
        if line.startswith(("-", "*")) or (line and line[0].isalpha()):
            assert "<!-- claim: " in line, f"{page.path}: no claim: {line}"


@every_chapter
def test_lessons_are_free_of_typing_noise(page: Chapter) -> None:
    for slot in page.slots:
        code = contents(page, slot.code)
        noise = re.findall(r": Any\b|assert .* is not None|# type: ignore", code)
        assert not noise, f"{page.path}:{slot.line}: {noise}"
