"""What a page tells of chapters and of the build: times, versions, machines."""

from __future__ import annotations

import html
import os
import re

from weave.model import Chapter
from weave.render import provenance
from weave.render.fill import contents
from weave.woven import Woven

RECORDED = re.compile(r"(?s)<!-- recorded -->.*?<!-- end of recorded -->")
WORDS, LINES = 200, 25  # that a student reads in a minute: of prose, of code


def times(chapter: Chapter, up: str) -> str:
    """How long a chapter takes to read and to run, and its code to take along.

    The seconds are filled in by the page from `figures/runs.json`.
    """
    modules = " ".join(dict.fromkeys(slot.module for slot in chapter.slots))
    stem = html.escape(chapter.path.stem)
    program = f'<a href="{up}programs/{stem}.py" download>a program</a>'
    notebook = f'<a href="{up}notebooks/{stem}.ipynb" download>a notebook</a>'
    seconds = f'<span data-seconds="{html.escape(modules)}">\u2007\u2007\u2007</span>'
    return (
        f'<p class="times" data-search-exclude>{reading_minutes(chapter)} min to read. '
        f"Its code, as {program} or {notebook}, "
        f'<span class="waiting">ran in {seconds}\u00a0s.</span></p>'
    )


def reading_minutes(chapter: Chapter) -> int:
    """How long a page takes to read: its prose and the code that is shown in it."""
    code = sum(contents(chapter, slot.code).count("\n") + 1 for slot in chapter.slots)
    prose = RECORDED.sub("", chapter.text)
    prose = re.sub(r"(?ms)^ *```.*?^ *```|<!--.*?-->", "", prose)
    return max(1, round(len(prose.split()) / WORDS + code / LINES))


def build_table(chapter: Chapter, woven: Woven) -> str:
    """What the whole book ran on, as Markdown: versions, then each chapter.

    The seconds are left out, as two builds may differ in them; the page fills them in
    from `figures/runs.json`.
    """
    ran = woven.results
    versions = sorted({pair for each in ran.values() for pair in each.versions})
    devices = ", ".join(sorted({each.device for each in ran.values()}))
    lines = ["| what | version |", "| --- | --- |"]
    lines += [f"| {name} | {version} |" for name, version in versions]
    lines += [f"| device | {devices} |", ""]
    lines += ["| chapter | module | seconds |", "| --- | --- | ---: |"]
    for other in woven.book.chapters:
        name = other.path.stem
        if name in ran:
            way = os.path.relpath(other.path, chapter.path.parent).replace(os.sep, "/")
            seconds = f'<span data-seconds="{name}"></span>'
            lines.append(
                f"| [{other.title}]({way}) | `snippets/{name}.py` | {seconds} |"
            )
    return "\n".join(lines)


def machines(woven: Woven, modules: set[str]) -> str:
    """Markdown: which machines have recorded modules, and that no GPU has."""
    found = [
        recording
        for recording in woven.book.recordings
        if recording.module in modules
        and any(woven.is_of_today(recording, name) for name, _ in recording.code)
    ]
    told = dict.fromkeys(
        f"* {provenance.as_markdown(provenance.machine(each))}, on {each.date}"
        for each in found
    )
    lines = [*told, ""] if told else []
    if all(recording.device == "cpu" for recording in found):
        lines.append("No GPU has recorded so far; no measured number here is a GPU's.")
    return "\n".join(lines)
