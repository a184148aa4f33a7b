"""Fills a page with the results of this run, in any generator built on Python-Markdown.

A preprocessor: it reads the page's directives as the engine does, puts the module's
code into the code fences, and turns the output fences into HTML by structure, so that
nothing a module prints can break out of its block.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Collection
from contextvars import ContextVar
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

from weave import build, recorded
from weave.chapter import DIRECTIVE, contents, parse_chapter, split_lines
from weave.check import DOCS, shown_cell
from weave.model import (
    Cell,
    CellResult,
    Chapter,
    Interactive,
    Problem,
    Result,
    Slot,
    Table,
    WeaveError,
)

#: The Markdown file that is being rendered, where the site generator tells us.
page: ContextVar[Path | None] = ContextVar("page", default=None)

BUILD = "<!-- weave: build -->"  # where a page wants to tell of the whole build
MACHINES = "<!-- weave: machines -->"  # and of the recordings that it shows
MINUTES = re.compile(r"<!-- weave: minutes (?P<name>\S+) -->")  # and of a page's length
TITLE = re.compile(r"\A\s*# .*")
DONE = (
    '<p class="done" data-search-exclude hidden><label><input type="checkbox">'
    " I have read this chapter.</label></p>"
)
WORDS, LINES = 200, 25  # that a student reads in a minute: of prose, of code
PRIORITY = 28  # before fenced code (25), after line endings are normalized (30)


class Fill(Preprocessor):
    """Replaces the contents of claimed fences by the results of this run."""

    def run(self, lines: list[str]) -> list[str]:
        """The page's lines, filled.

        Raises:
            WeaveError: The page or the book has failures.
        """
        text = "\n".join(lines)
        if MINUTES.search(text):
            lines = _with_minutes(lines, build.current())
            text = "\n".join(lines)
        if BUILD in lines:
            here = lines.index(BUILD)
            woven = build.current()
            lines = lines[:here] + build_table(text, woven) + lines[here + 1 :]
            return _with_machines(lines, woven, woven.book.sources)
        if not DIRECTIVE.search(text):
            return lines
        chapter = parse_chapter(text + "\n", page.get() or Path("page.md"))
        woven = build.current()
        pieces: list[str] = []
        position = 0
        starts = [0]
        for line in split_lines(chapter.text):
            starts.append(starts[-1] + len(line))
        shown = _shown_chapter(chapter.slots, woven)
        up = _way_up(shown, woven)
        places: list[Slot | Interactive] = sorted(
            [*chapter.slots, *chapter.interactive], key=attrgetter("line")
        )
        for place in places:
            pieces.append(chapter.text[position : starts[place.line - 1]])
            if isinstance(place, Interactive):
                pieces.append(self._moving(place, woven))
                position = chapter.text.find("-->", starts[place.line - 1]) + 3
                continue
            slot = place
            pieces.append(self._listing(slot, woven, up))
            pieces.append(self._code(slot, woven))
            last = slot.code
            if slot.output is not None:
                pieces.append(self._output(slot, woven))
                last = slot.output
            if slot.recorded is not None:
                pieces.append(self._recorded(slot, woven))
                last = slot.recorded
            position = chapter.text.find("\n", last.end) + 1 or len(chapter.text)
        pieces += [chapter.text[position:], self._end(chapter.slots, woven)]
        if shown is not None:
            top: str = self.md.htmlStash.store(times_html(shown, up))
            pieces[0] = TITLE.sub(rf"\g<0>\n\n{top}\n", pieces[0], count=1)
        modules = {slot.module for slot in chapter.slots}
        return _with_machines("".join(pieces).split("\n"), woven, modules)

    def _listing(self, slot: Slot, woven: build.Woven, up: str) -> str:
        cell = shown_cell(woven.book, slot)
        if cell is None:
            return ""
        link: str = self.md.htmlStash.store(listing_html(cell, up))
        return f"{slot.code.indent}{link}\n\n"

    def _code(self, slot: Slot, woven: build.Woven) -> str:
        cell = shown_cell(woven.book, slot)
        code = cell.code if cell else ""
        ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
        block = f"{ticks}python\n{code}\n{ticks}"
        return "".join(f"{slot.code.indent}{line}\n" for line in block.split("\n"))

    def _output(self, slot: Slot, woven: build.Woven) -> str:
        result = woven.results.get(slot.module)
        shown = result.cell(slot.cell) if result else None
        if shown is None or slot.output is None:
            return ""
        stored: str = self.md.htmlStash.store(output_html(shown))
        return f"\n{slot.output.indent}{stored}\n"

    def _recorded(self, slot: Slot, woven: build.Woven) -> str:
        text = recorded_html(slot, woven)
        indent = slot.recorded.indent if slot.recorded else ""
        return f"\n{indent}{self.md.htmlStash.store(text)}\n" if text else ""

    def _moving(self, wish: Interactive, woven: build.Woven) -> str:
        result = woven.results.get(wish.module)
        cell = result.cell(wish.cell) if result else None
        values = dict(cell.data).get(wish.figure) if cell else None
        if values is None:
            return ""
        return str(self.md.htmlStash.store(moving_html(wish.figure, values))) + "\n"

    def _end(self, slots: tuple[Slot, ...], woven: build.Woven) -> str:
        modules = dict.fromkeys(slot.module for slot in slots)
        results = [woven.results[name] for name in modules if name in woven.results]
        if not results:
            return ""
        stored: str = self.md.htmlStash.store(DONE + provenance_html(results))
        return f"\n\n{stored}\n"


class WeaveExtension(Extension):
    """`weave.markdown` in the site's list of Markdown extensions."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # their name
        """Register the preprocessor."""
        md.preprocessors.register(Fill(md), "weave", PRIORITY)


def makeExtension(**settings: Any) -> WeaveExtension:  # noqa: N802  # their name
    """What Python-Markdown calls to get the extension."""
    return WeaveExtension(**settings)


def output_html(shown: CellResult) -> str:
    """What a cell printed, as HTML: text in `samp`, data frames as tables."""
    pieces = []
    rest = shown.output
    for table in shown.tables:
        before, found, after = rest.partition(table.text)
        if not found:
            continue
        pieces += [_text(before.strip("\n")), _table(table)]
        rest = after
    pieces.append(_text(rest.strip("\n") if shown.tables else rest))
    return f'<div class="output">{"".join(pieces)}</div>'


def recorded_html(slot: Slot, woven: build.Woven) -> str:
    """What recordings of a cell printed, each below the line that says on what."""
    pieces = []
    for recording, cell in recorded.shown(woven.book, slot):
        told = html.escape(recorded.provenance(recording, cell))
        machine = f'<p class="machine">{told}</p>'
        pieces.append(
            f'<div class="output recorded">{machine}{_text(cell.output)}</div>'
        )
    return "".join(pieces)


def moving_html(figure: str, values: str) -> str:
    """The place of a figure that moves, with its data; the still figure follows it.

    Without scripts it is empty, and the still figure is all that there is to see.
    """
    data = values.replace("<", "\\u003c")
    return (
        f'<div class="moving" data-figure="{html.escape(figure)}">'
        f'<script type="application/json">{data}</script></div>'
    )


def listing_html(cell: Cell, up: str) -> str:
    """A link from a block of code to its place in the module it comes from."""
    place = f"{up}{build.LISTINGS}/{cell.module}.html#line-{cell.line}"
    text = f"{cell.module}.py:{cell.line}"
    link = f'<a href="{html.escape(place)}">{html.escape(text)}</a>'
    return f'<div class="source" data-search-exclude>{link}</div>'


def times_html(chapter: Chapter, up: str) -> str:
    """How long a chapter takes to read and to run, and its code to take along.

    The seconds are filled in by the page from `figures/runs.json`.
    """
    modules = " ".join(dict.fromkeys(slot.module for slot in chapter.slots))
    stem = html.escape(chapter.path.stem)
    program = f'<a href="{up}{build.PROGRAMS}/{stem}.py" download>a program</a>'
    notebook = f'<a href="{up}{build.NOTEBOOKS}/{stem}.ipynb" download>a notebook</a>'
    seconds = f'<span data-seconds="{html.escape(modules)}">\u2007\u2007\u2007</span>'
    return (
        f'<p class="times" data-search-exclude>{reading_minutes(chapter)} min to read. '
        f"Its code, as {program} or {notebook}, "
        f'<span class="waiting">ran in {seconds}\u00a0s.</span></p>'
    )


def provenance_html(results: list[Result]) -> str:
    """The line that says what the page's modules ran on.

    It holds nothing that two builds of one commit could disagree on.
    """
    versions = {name: version for each in results for name, version in each.versions}
    python = versions.pop("python", "")
    names = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    devices = ", ".join(sorted({each.device for each in results}))
    said = f"This page ran on Python {python}" + (f", {names}" if names else "")
    return (
        '<div class="provenance">'
        f"{html.escape(said)}; device: {html.escape(devices)}.</div>"
    )


def _with_minutes(lines: list[str], woven: build.Woven) -> list[str]:
    """The lines with the minutes of reading in place of the comments that ask."""
    docs = woven.book.root / DOCS
    texts = {
        chapter.path.relative_to(docs).as_posix(): chapter
        for chapter in woven.book.chapters
    }

    def minutes(match: re.Match[str], number: int) -> str:
        if match["name"] not in texts:
            path = page.get() or Path("page.md")
            what = f"there is no page {match['name']}"
            raise WeaveError(Problem(path, number, what, "name a file below docs/"))
        return f"{reading_minutes(texts[match['name']])} min"

    return [
        MINUTES.sub(partial(minutes, number=number), line)
        for number, line in enumerate(lines, 1)
    ]


def _with_machines(
    lines: list[str], woven: build.Woven, modules: Collection[str]
) -> list[str]:
    """The lines with the machines that have recorded in place of the comment."""
    if MACHINES not in lines:
        return lines
    here = lines.index(MACHINES)
    told = recorded.machines(woven.book, modules)
    return [*lines[:here], *told, *lines[here + 1 :]]


def reading_minutes(chapter: Chapter) -> int:
    """How long a page takes to read: its prose and the code that is shown in it."""
    code = sum(contents(chapter, slot.code).count("\n") + 1 for slot in chapter.slots)
    prose = re.sub(r"(?ms)^ *```.*?^ *```|<!--.*?-->", "", chapter.text)
    return max(1, round(len(prose.split()) / WORDS + code / LINES))


def build_table(text: str, woven: build.Woven) -> list[str]:
    """What the whole book ran on, as lines of Markdown: versions, then each chapter.

    The seconds are left out, as two builds may differ in them; the page fills them in
    from `figures/runs.json`.
    """
    ran = woven.results
    versions = sorted({pair for each in ran.values() for pair in each.versions})
    devices = sorted({each.device for each in ran.values()})
    lines = ["| what | version |", "| --- | --- |"]
    lines += [f"| {name} | {version} |" for name, version in versions]
    lines += [f"| device | {', '.join(devices)} |", ""]
    lines += ["| chapter | module | seconds |", "| --- | --- | ---: |"]
    texts = {chapter.path: chapter.text for chapter in woven.book.chapters}
    here = next((path for path in texts if text.strip() == texts[path].strip()), None)
    for chapter in woven.book.chapters:
        name = chapter.path.stem
        if name not in ran:
            continue
        title = chapter.text.partition("# ")[2].partition("\n")[0]
        if here is not None:
            way = os.path.relpath(chapter.path, here.parent).replace(os.sep, "/")
            title = f"[{title}]({way})"
        seconds = f'<span data-seconds="{name}"></span>'
        lines.append(f"| {title} | `snippets/{name}.py` | {seconds} |")
    return lines


def _shown_chapter(slots: tuple[Slot, ...], woven: build.Woven) -> Chapter | None:
    """The chapter of the book that has these slots, if there are any."""
    if not slots:
        return None
    cells = [(slot.module, slot.cell) for slot in slots]
    for chapter in woven.book.chapters:
        if cells == [(slot.module, slot.cell) for slot in chapter.slots]:
            return chapter
    return None


def _way_up(chapter: Chapter | None, woven: build.Woven) -> str:
    """The way from a chapter's page to the site's first page, such as `../../`."""
    if chapter is None:
        return ""
    parts = chapter.path.relative_to(woven.book.root / DOCS).with_suffix("").parts
    return "../" * (len(parts) - (parts[-1] == "index"))


def _text(text: str) -> str:
    if not text:
        return ""
    # Newlines as references: nothing that reads the page by lines can see a line of it.
    escaped = html.escape(text, quote=False).replace("\n", "&#10;")
    pre = '<pre tabindex="0" role="group" aria-label="Output">'
    return f"{pre}<samp>{escaped}</samp></pre>"


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col">{html.escape(name)}</th>' if name else "<td></td>"
        for name in table.header
    )
    rows = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return (
        '<div class="frame" tabindex="0" role="group" aria-label="Output">'
        f'<table class="values"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


__all__ = ["WeaveError", "WeaveExtension", "makeExtension", "page"]
