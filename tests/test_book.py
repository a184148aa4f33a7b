"""Rules that hold for the whole book."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_codeblocks.main import extract_from_file

from weave.check import problems
from weave.model import Chapter
from weave.read.book import read_book
from weave.render.fill import contents
from weave.woven import Woven

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BOOK = read_book(ROOT)
PAGES = [page for page in BOOK.chapters if "notebooks" not in page.path.parts]
CHAPTERS = [
    page for page in PAGES if page.slots and "appendices" not in page.path.parts
]
PUBLISHED = {"matplotlib", "numpy", "pandas", "sklearn", "tensorboard", "torch"}
PUBLISHED |= {"torchvision"}  # where it is missing, its chapter says so
WIDEST = 76

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
every_chapter = pytest.mark.parametrize(
    "page", CHAPTERS, ids=lambda page: page.path.stem
)


class _Tagless(yaml.SafeLoader):
    """Reads mkdocs.yml, whose own tags mean nothing here."""


_Tagless.add_multi_constructor("", lambda loader, suffix, node: None)
_Tagless.add_constructor("!ENV", lambda loader, node: None)


def settings() -> dict[str, Any]:
    """The site's settings."""
    loaded: dict[str, Any] = yaml.load(
        (ROOT / "mkdocs.yml").read_text("utf-8"), Loader=_Tagless
    )
    return loaded


def nav_targets(entries: list[Any]) -> Iterator[str]:
    """The Markdown files that the navigation names, in its order."""
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(value, list):
            yield from nav_targets(value)
        else:
            yield value


def fences(text: str) -> Iterator[tuple[int, str, str, list[str]]]:
    """Every fenced block: its line, its fence, its info string, its lines.

    Reads the text by its own lights, not by the engine's, so that the two can disagree.
    """
    lines = text.splitlines()
    index = 0
    while index < len(lines):
        opening = re.match(r"[\s>*+-]*(`{3,}|~{3,})(.*)$", lines[index])
        index += 1
        if not opening:
            continue
        first, body = index, []
        while index < len(lines) and not re.match(
            rf"[\s>]*{re.escape(opening[1])}[`~]*\s*$", lines[index]
        ):
            body.append(lines[index])
            index += 1
        index += 1
        yield first, opening[1], opening[2], body


def prose(page: Chapter) -> str:
    """The page's text without blocks, comments, code spans, formulas and targets."""
    lines = page.text.splitlines()
    for first, _, _, body in fences(page.text):
        for index in range(first - 1, min(first + len(body) + 1, len(lines))):
            lines[index] = ""
    text = "\n".join(lines)
    text = re.sub(r"<!-- recorded -->.*?<!-- end of recorded -->", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"^!\[.*$", "", text, flags=re.M)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
    text = re.sub(r"(?<!\\)\$[^$\n]+\$", "", text)
    text = re.sub(r"`[^`\n]+`", "", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"<[^>\n]+>", "", text)


def test_the_book_is_read_without_a_problem() -> None:
    assert [str(problem) for problem in BOOK.problems] == []


def test_every_chapter_shows_what_its_module_says_and_prints() -> None:
    command = [sys.executable, "-m", "weave", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, done.stderr), done.stderr


def test_every_cell_is_shown_somewhere() -> None:
    unshown = [str(problem) for problem in problems(Woven(BOOK, {}))]
    assert [said for said in unshown if "no chapter shows" in said] == []


def test_every_page_is_in_the_navigation_and_nothing_else_is() -> None:
    listed = list(nav_targets(settings()["nav"]))
    pages = sorted(page.path.relative_to(DOCS).as_posix() for page in PAGES)
    assert sorted(listed) == pages


def test_every_module_has_a_chapter_and_a_test_of_its_name() -> None:
    chapters = {page.path.stem for page in PAGES}
    tests = {path.stem for path in (ROOT / "tests" / "snippets").glob("test_*.py")}
    shared = {path.stem for each in BOOK.sources.values() for path in each.imports}
    for name in BOOK.sources:
        if name not in shared:  # by several chapters, which show what they use
            own = name in chapters or name.partition("_")[0] in chapters
            assert own, f"snippets/{name}.py has no chapter {name}.md"
        assert f"test_{name}" in tests, f"snippets/{name}.py has no test_{name}.py"


@every_page
def test_every_python_fence_is_claimed_and_run(page: Chapter) -> None:
    claimed = {slot.code.line for slot in page.slots}
    for line, fence, info, _ in fences(page.text):
        word = re.sub(r"[^a-z0-9].*", "", info.strip().strip("{.} ").lower())
        if word in {"python", "py", "python3", "pycon", "ipython", "sh", "bash"}:
            place = f"{page.path}:{line}: {fence}{info}"
            assert (fence[0], info) == ("`", "python"), f"{place} is never run"
            assert line in claimed, f"{place} has no snippet directive"
    blocks = [each for each in extract_from_file(page.path) if each.syntax == "python"]
    assert len(blocks) == len(page.slots)


@every_page
def test_no_block_is_wider_than_the_page(page: Chapter) -> None:
    for line, _, _, body in fences(page.text):
        for offset, text in enumerate(body, 1):
            wide = f"{page.path}:{line + offset}: {len(text)} columns"
            assert len(text.rstrip()) <= WIDEST, wide


@every_page
def test_nothing_shown_imports_from_the_repository(page: Chapter) -> None:
    for slot in page.slots:
        for node in ast.walk(ast.parse(contents(page, slot.code))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "."]
            for name in names:
                top = name.partition(".")[0]
                known = top in PUBLISHED or top in sys.stdlib_module_names
                assert known, f"{page.path}:{slot.line}: shows an import of {name}"


@every_page
def test_every_image_says_what_to_see(page: Chapter) -> None:
    for image in page.images:
        words = len(image.alt.split())
        assert words >= 6, f"{page.path}:{image.line}: {image.alt!r}"


@every_page
def test_every_decimal_in_the_prose_is_printed_or_written_by_code(
    page: Chapter,
) -> None:
    shown = "\n".join(
        "\n".join(body) for _, _, info, body in fences(page.text) if info != "console"
    )
    numbers = {float(text) for text in re.findall(r"\d+\.\d+(?:e-?\d+)?", shown)}
    for text in re.findall(r"(?<![\w.])\d+\.\d+(?![\w]|\.\d)", prose(page)):
        digits = len(text.partition(".")[2])
        found = any(round(number, digits) == float(text) for number in numbers)
        assert found, f"{page.path}: {text} is in the prose, but no code here shows it"


@every_page
def test_no_page_makes_light_of_its_matter_or_promises_more(page: Chapter) -> None:
    refused = r"\b(simply|obviously|trivially|easily|TODO|coming soon|lorem ipsum)\b"
    assert re.findall(refused, prose(page), re.I) == [], page.path


@every_page
def test_one_sentence_stands_on_a_line(page: Chapter) -> None:
    for line in prose(page).splitlines():
        second = re.search(r"[a-z)][.?!] [A-Z][a-z]+ [a-z]", line)
        if line.lstrip().startswith(("|", "[^", "- ", "* ")) or re.match(
            r"\d+\.", line
        ):
            continue  # a table's row or a list's item may hold a short second sentence
        assert second is None, f"{page.path}: two sentences on the line: {line.strip()}"


@every_chapter
def test_a_chapter_has_the_form_of_a_chapter(page: Chapter) -> None:
    headings = re.findall(r"^## (.+)$", page.text, re.M)
    form = ["Common mistakes", "Exercises", "Recap", "Further reading"]
    assert headings[-4:] == form, page.path
    assert len(headings) > len(form), page.path
    before_sections = page.text.partition("\n## ")[0]
    assert before_sections.startswith("# ")
    assert "**Prerequisites:**" in before_sections


@every_chapter
def test_a_chapter_has_common_mistakes_and_solved_exercises(page: Chapter) -> None:
    mistakes = page.text.partition("## Common mistakes\n")[2].partition("\n## ")[0]
    assert mistakes.count("\n### ") >= 1, page.path
    assert "<!--pytest-codeblocks:expected-output-->" in mistakes, page.path
    exercises = page.text.partition("## Exercises\n")[2].partition("\n## ")[0]
    parts = exercises.split("\n### Exercise ")[1:]
    assert 3 <= len(parts) <= 5, page.path
    for number, part in enumerate(parts, 1):
        assert part.startswith(f"{number}: "), f"{page.path}: exercise {number}"
        solution = part.partition("<summary>Solution</summary>")[2]
        assert "<!-- snippet: " in solution, f"{page.path}: exercise {number}"


@every_chapter
def test_a_chapter_asks_for_three_outputs_before_it_shows_them(page: Chapter) -> None:
    asked = [slot.question for slot in page.slots if slot.question]
    taught = page.text.index("\n## Exercises\n")
    shown = sum(slot.output is not None for slot in page.slots if slot.start < taught)
    assert len(asked) >= min(3, shown), page.path
    for each in asked:
        assert re.fullmatch(r"[A-Z`].*[.?:]", each.question), each.question
        missed = [sentence for sentence, _ in each.values if sentence]
        assert all(re.fullmatch(r"[A-Z`].*\.", sentence) for sentence in missed)
