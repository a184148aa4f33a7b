"""All that Zensical needs, which has Markdown extensions but neither plugins nor hooks.

It lists the files of docs/ before it renders the first page, which is when the book is
woven here; so what pages link to is written into docs/ and into the site as well. This
module can be deleted in one stroke, with the last case in `weave.site.extension`.
"""

from __future__ import annotations

import threading
from pathlib import Path

from markdown import Markdown
from markdown.postprocessors import Postprocessor
from zensical.config import get_config
from zensical.extensions.context import ContextPreprocessor

from weave import build, publish
from weave.model import WeaveError
from weave.read.book import SNIPPETS, read_book
from weave.site.here import Here
from weave.site.katex import REMEMBERED, Formulas
from weave.woven import DOCS, Woven

_lock = threading.Lock()
_woven: list[tuple[float, Woven]] = []  # when the modules were newest, and the book


class Finish(Postprocessor):
    """Ends KaTeX after each page: Zensical does not say which one is the last."""

    def __init__(self, md: Markdown, formulas: Formulas) -> None:
        super().__init__(md)
        self._formulas = formulas

    def run(self, text: str) -> str:
        """The page's HTML as it is."""
        self._formulas.finish()
        return text


def here(md: Markdown) -> Here:
    """What a page is made from: the book in the working folder, woven when it changes.

    Raises:
        WeaveError: The book has failures. None of its results is to be shown.
    """
    found = getattr(md, "weave_here", None)
    if isinstance(found, Here):
        return found
    context = ContextPreprocessor.from_markdown(md)
    root = Path.cwd()
    path = root / DOCS / (context.page.path if context else "index.md")
    formulas = Formulas(root / REMEMBERED)
    md.postprocessors.register(Finish(md, formulas), "weave-finish", 0)
    made = Here(_book(root), path, formulas)
    md.weave_here = made  # type: ignore[attr-defined]  # of this page alone
    return made


def _book(root: Path) -> Woven:
    with _lock:
        modules = (root / SNIPPETS).rglob("*.py")
        newest = max((path.stat().st_mtime for path in modules), default=0.0)
        if not _woven or newest > _woven[-1][0]:
            woven = build.weave(read_book(root))
            _woven[:] = [(newest, woven)]
            if not woven.failures:
                site = Path(get_config()["site_dir"]).absolute()
                publish.publish(woven)
                publish.write_files(woven, site)
        woven = _woven[-1][1]
    if woven.failures:
        raise WeaveError(*woven.failures)
    return woven
