"""Says what a term means where it is used: a link to the glossary holds its sentence.

The sentence becomes the link's title, which Material shows beside the link while it is
pointed at or has the focus.
"""

from __future__ import annotations

import html
import re
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.treeprocessors import Treeprocessor

from weave.model import Chapter, Problem, WeaveError
from weave.site.here import Ask
from weave.site.katex import Formulas

GLOSSARY = "glossary.md"
ENTRY = re.compile(r"^\*\*[^*]+\*\*\{: #(?P<name>\S+) \}: (?P<text>.+)$", re.M)
LINK = re.compile(r"(?:^|/)glossary(?:\.md|/)#(?P<name>\S+)$")
TEX = re.compile(r"\$(?P<tex>[^$]+)\$")
RAISED = re.compile(r"[\^_]|\\d?frac|\\sqrt")  # what one line of text cannot show
MARKUP = re.compile(r"\[(?P<text>[^\]]*)\]\([^)]*\)|[*`]")
MATHML = re.compile(r"<semantics>(?P<shown>.*?)<annotation", re.S)


class TermsTreeprocessor(Treeprocessor):
    """Gives every link to the glossary the sentence that it leads to as its title."""

    def __init__(self, md: Markdown, ask: Ask) -> None:
        super().__init__(md)
        self._ask = ask

    def run(self, root: Element) -> None:
        """Change the tree in place.

        Raises:
            WeaveError: A sentence of the glossary cannot be shown as plain text.
        """
        links = [
            (link, found["name"])
            for link in root.iter("a")
            if (found := LINK.search(link.get("href", ""))) is not None
        ]
        if not links:
            return
        here = self._ask(self.md)
        wanted = {name for _, name in links}
        sentences = meanings(here.woven.book.chapters, wanted, here.formulas)
        for link, name in links:
            if name in sentences:
                link.set("title", sentences[name])


def meanings(
    chapters: tuple[Chapter, ...], names: set[str], formulas: Formulas
) -> dict[str, str]:
    """What the glossary says of terms, by the names of their places, as plain text.

    Raises:
        WeaveError: A formula in an entry needs more than one line of text.
    """
    return {
        entry["name"]: _plain(entry, chapter, formulas)
        for chapter in chapters
        if chapter.path.name == GLOSSARY
        for entry in ENTRY.finditer(chapter.text)
        if entry["name"] in names
    }


def _plain(entry: re.Match[str], chapter: Chapter, formulas: Formulas) -> str:
    def spoken(match: re.Match[str]) -> str:
        if RAISED.search(match["tex"]):
            line = chapter.text.count("\n", 0, entry.start()) + 1
            what = f"the formula ${match['tex']}$ cannot be shown in one line of text"
            hint = "write it without raised, lowered or stacked parts"
            raise WeaveError(Problem(chapter.path, line, what, hint))
        shown = MATHML.search(formulas.render(match["tex"], display=False))
        return html.unescape(re.sub(r"<[^>]+>", "", shown["shown"] if shown else ""))

    text = TEX.sub(spoken, entry["text"])
    text = MARKUP.sub(lambda match: match["text"] or "", text)
    return text[:1].upper() + text[1:]
