"""A page's Markdown with the results of this run in it, for Python-Markdown to render.

Code goes into longer fences, and what was printed into HTML by structure, so that
nothing a module prints can break out of its block.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

from weave.differences import is_a_variant, is_the_machines
from weave.model import (
    Chapter,
    Fence,
    Interactive,
    Mark,
    Problem,
    Prose,
    Segment,
    Slot,
    WeaveError,
)
from weave.questions import answers
from weave.render import provenance
from weave.render.about import build_table, machines, reading_minutes, times
from weave.render.fill import block, contents
from weave.render.listing import place
from weave.render.numbers import place_of
from weave.render.outputs import interactive, output, question, text_html, trouble
from weave.results import CellResult
from weave.woven import DOCS, Woven

TITLE = re.compile(r"\A\s*(?:<!--.*?-->\s*)*# .*")
DONE = (
    '<p class="done" data-search-exclude hidden><label><input type="checkbox">'
    " I have read this chapter.</label></p>"
)

Stash = Callable[[str], str]  # takes HTML, gives what stands for it in the Markdown


class PageFold:
    """Shows the segments of one page, one after the other.

    Args:
        chapter: The page.
        woven: The book with its results.
        stash: Keeps HTML out of the way of Markdown.
        forgiving: Whether what goes wrong here becomes a note on the page.
    """

    def __init__(
        self, chapter: Chapter, woven: Woven, stash: Stash, forgiving: bool = False
    ) -> None:
        self.chapter = chapter
        self.woven = woven
        self.stash = stash
        self.forgiving = forgiving
        parts = chapter.path.relative_to(woven.book.root / DOCS).with_suffix("").parts
        self.up = "../" * (len(parts) - (parts[-1] == "index"))
        self._waiting = ""  # an interactive figure, which follows its still one

    def markdown(self) -> str:
        """The whole page."""
        text = "".join(self._show(segment) for segment in self.chapter.segments)
        text += self._waiting
        modules = dict.fromkeys(slot.module for slot in self.chapter.slots)
        if not modules:
            return text
        top = self.stash(times(self.chapter, self.up))
        notes = self._notes([*modules])
        text = TITLE.sub(lambda title: f"{title[0]}\n\n{top}\n{notes}\n", text, count=1)
        ran = [
            self.woven.results[name] for name in modules if name in self.woven.results
        ]
        if ran:
            told = html.escape(provenance.results(ran))
            end = f'{DONE}<div class="provenance">{told}</div>'
            text += f"\n\n{self.stash(end)}\n"
        return text

    def _show(self, segment: Segment) -> str:
        match segment:
            case Prose(start=start, end=end):
                return self._prose(self.chapter.text[start:end])
            case Slot():
                return self._slot(segment)
            case Interactive():
                values = self.woven.values(segment.asked)
                if values is not None:
                    shown = interactive(segment.asked, self._place(segment), values)
                    self._waiting = f"\n\n{self.stash(shown)}\n\n"
                return ""
            case Mark():
                return self._mark(segment)

    def _prose(self, text: str) -> str:
        if not self._waiting:
            return text
        still, _, rest = text.partition("\n\n")
        shown, self._waiting = f"{still}{self._waiting}{rest}", ""
        return shown

    def _place(self, figure: Interactive) -> str:
        """The place of an interactive figure, after that of the still one above it."""
        text = self.chapter.text[figure.start : figure.end]
        line = figure.line + text.count("\n")
        targets = [each.target for each in self.chapter.images if each.line == line]
        return f"{place_of(targets[0]) or figure.asked.name}-interactive"

    def _slot(self, slot: Slot) -> str:
        texts: dict[Fence | None, str] = dict(self.woven.contents(slot))
        if not texts:  # the module has failed; a strict build does not come here
            texts = {
                fence: contents(self.chapter, fence)
                for fence in (slot.code, slot.output)
                if fence is not None
            }
        pieces = []
        if cell := self.woven.cell(slot):
            address = (
                f"{self.up}source/{place(Path(f'{cell.module}.py'))}#line-{cell.line}"
            )
            link = f'<a href="{html.escape(address)}">{cell.module}.py:{cell.line}</a>'
            link = f'<div class="source" data-search-exclude>{link}</div>'
            pieces.append(f"{slot.code.indent}{self.stash(link)}\n\n")
        pieces.append(block(texts[slot.code], "python", slot.code.indent))
        if slot.output is not None:
            printed = self._output(slot, slot.output, texts[slot.output])
            if slot.question and (found := answers(slot, self.woven)):
                printed = question(slot.question.question, found, printed)
            shown = self.stash(printed)
            pieces.append(f"\n{slot.output.indent}{shown}\n")
        if slot.recorded is not None and (told := self._recorded(slot)):
            pieces.append(f"\n{slot.recorded.indent}{self.stash(told)}\n")
        return "".join(pieces)

    def _output(self, slot: Slot, fence: Fence, new: str) -> str:
        result = self.woven.result(slot)
        old = contents(self.chapter, fence)
        if result is None:
            return output(CellResult(slot.cell, new))
        if (
            self.forgiving
            and old != new
            and not is_a_variant(fence, new, slot, self.woven)
            and is_the_machines(fence, slot, self.woven)
        ):
            said = "On this machine the same code prints something else:"
            note = f'<div class="trouble"><p>{said}</p>{text_html(new)}</div>'
            return output(CellResult(slot.cell, old)) + note
        return output(result)

    def _recorded(self, slot: Slot) -> str:
        """What recordings of a cell printed, each below the line that says on what."""
        pieces = []
        for recording, cell in self.woven.recordings(slot):
            told = html.escape(provenance.sentence(recording, bool(cell.output)))
            pieces.append(
                f'<div class="output recorded"><p class="machine">{told}</p>'
                f"{text_html(cell.output)}</div>"
            )
        return "".join(pieces)

    def _mark(self, mark: Mark) -> str:
        name = " ".join(mark.words)
        match mark.kind:
            case "build":
                return build_table(self.chapter, self.woven)
            case "machines":
                modules = {slot.module for slot in self.chapter.slots}
                return machines(self.woven, modules or {*self.woven.book.sources})
            case "minutes":
                path = self.woven.book.root / DOCS / name
                asked = self.woven.chapter(path)
                if asked is None:
                    what, hint = f"there is no page {name}", "name a file below docs/"
                    raise WeaveError(Problem(self.chapter.path, mark.line, what, hint))
                return f"{reading_minutes(asked)} min"
            case "claim":
                claim = self.woven.claim(self.chapter.path.stem, name)
                if claim is None:
                    return ""
                address = f"{self.up}source/{place(claim.path)}#line-{claim.line}"
                return self.stash(
                    f'<a class="claim" href="{html.escape(address)}" '
                    'data-search-exclude title="A test proves this sentence">'
                    "<span>test</span></a>"
                )
        return ""

    def _notes(self, modules: list[str]) -> str:
        """What failed here, for the page of a book that is served all the same."""
        if not self.forgiving:
            return ""
        told = [
            self.woven.failed[name] for name in modules if name in self.woven.failed
        ]
        root = self.woven.book.root / "snippets"
        unread = [name for name in modules if name in self.woven.book.unread]
        told += [
            problem
            for name in unread
            for problem in self.woven.book.problems
            if problem.path == root / f"{name}.py"
        ]
        return "".join(f"\n{self.stash(trouble(problem))}\n" for problem in told)
