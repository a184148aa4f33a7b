"""The engine as one Markdown extension: `weave.site.extension`.

The site generator's adapter (`weave.site.mkdocs`, `weave.site.zensical`) hands it what
the page is made from: see `weave.site.here`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markdown import Markdown
from markdown.preprocessors import Preprocessor
from pymdownx.arithmatex import ArithmatexExtension

from weave.model import WeaveError
from weave.read.page import parse_chapter
from weave.render.html import PageFold
from weave.site.formulas import FormulasPostprocessor
from weave.site.here import Ask, Here
from weave.site.numbers import NumbersTreeprocessor
from weave.site.terms import TermsTreeprocessor

BEFORE_FENCES = 28  # fenced code is read at 25, line endings are normalized at 30
BEFORE_RAW_HTML = 35  # which, and so every code block, comes back at 30
AFTER_ATTRIBUTES = 7  # which are read at 8; MkDocs collects the anchors at 5


class Fill(Preprocessor):
    """Reads the page, and puts the results of this run into its fences."""

    def __init__(self, md: Markdown, ask: Ask) -> None:
        super().__init__(md)
        self._ask = ask

    def run(self, lines: list[str]) -> list[str]:
        """The page's lines, filled.

        Raises:
            WeaveError: The page cannot be read, or the book has failures.
        """
        here = self._ask(self.md)
        text = "\n".join(lines)
        stash: Callable[[str], str] = self.md.htmlStash.store
        here.chapter = None
        try:
            known = here.woven.chapter(here.path)
            if known is not None and known.text.strip("\n") == text.strip("\n"):
                here.chapter = known  # which has been read already
            else:
                here.chapter = parse_chapter(f"{text}\n", here.path)
        except WeaveError as error:
            return [*lines, "", stash(here.problem(error)), ""]
        if here.chapter.slots and here.woven.failures and not here.forgiving:
            raise WeaveError(*here.woven.failures)
        fold = PageFold(here.chapter, here.woven, stash, here.forgiving)
        return [*fold.markdown().split("\n"), "", ""]  # which end the last block


class WeaveExtension(ArithmatexExtension):  # type: ignore[misc]  # it has no types
    """Fills pages, renders formulas, numbers figures, and explains terms.

    Args:
        here: Gives what the page is made from that a Markdown instance renders. A site
            generator that cannot say is Zensical.
    """

    def __init__(self, here: Ask | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._here = here

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # their name
        """Register what fills, renders, numbers and explains."""
        ask = self._here
        if ask is None:
            ask = _zensicals
        self.setConfig("generic", True)
        super().extendMarkdown(md)
        md.preprocessors.register(Fill(md, ask), "weave", BEFORE_FENCES)
        formulas = FormulasPostprocessor(md, ask)
        md.postprocessors.register(formulas, "weave-formulas", BEFORE_RAW_HTML)
        numbers, terms = NumbersTreeprocessor(md, ask), TermsTreeprocessor(md, ask)
        md.treeprocessors.register(terms, "weave-terms", AFTER_ATTRIBUTES)
        md.treeprocessors.register(numbers, "weave-numbers", AFTER_ATTRIBUTES - 1)


def _zensicals(md: Markdown) -> Here:
    from weave.site import zensical

    return zensical.here(md)


def makeExtension(**settings: Any) -> WeaveExtension:  # noqa: N802  # their name
    """What Python-Markdown calls to get the extension."""
    return WeaveExtension(**settings)
