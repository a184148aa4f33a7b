"""Says what a term means where it is used: a link to the glossary holds its sentence.

The sentence becomes the link's title, which Material shows beside the link while it is
pointed at or has the focus.
"""

from __future__ import annotations

import html
import re
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from weave import build, formulas
from weave.model import Chapter, Problem, WeaveError

PRIORITY = 7  # after attributes are read (8)
GLOSSARY = "glossary.md"
ENTRY = re.compile(r"^\*\*[^*]+\*\*\{: #(?P<name>\S+) \}: (?P<text>.+)$", re.M)
LINK = re.compile(r"(?:^|/)glossary(?:\.md|/)#(?P<name>\S+)$")
TEX = re.compile(r"\$(?P<tex>[^$]+)\$")
RAISED = re.compile(r"[\^_]|\\d?frac|\\sqrt")  # what one line of text cannot show
MARKUP = re.compile(r"\[(?P<text>[^\]]*)\]\([^)]*\)|[*`]")
MATHML = re.compile(r"<semantics>(?P<shown>.*?)<annotation", re.S)


class Terms(Treeprocessor):
    """Gives every link to the glossary the sentence that it leads to as its title."""

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
        sentences = meanings(build.current().book.chapters)
        for link, name in links:
            if name in sentences:
                link.set("title", sentences[name])


class TermsExtension(Extension):
    """`weave.terms` in the site's list of Markdown extensions."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # their name
        """Register what gives the links their titles."""
        md.treeprocessors.register(Terms(md), "weave-terms", PRIORITY)


def makeExtension(**settings: Any) -> TermsExtension:  # noqa: N802  # their name
    """What Python-Markdown calls to get the extension."""
    return TermsExtension(**settings)


def meanings(chapters: tuple[Chapter, ...]) -> dict[str, str]:
    """What the glossary says of each term, by the name of its place, as plain text.

    Raises:
        WeaveError: A formula in an entry needs more than one line of text.
    """
    return {
        entry["name"]: _plain(entry, chapter)
        for chapter in chapters
        if chapter.path.name == GLOSSARY
        for entry in ENTRY.finditer(chapter.text)
    }


def _plain(entry: re.Match[str], chapter: Chapter) -> str:
    def spoken(match: re.Match[str]) -> str:
        if RAISED.search(match["tex"]):
            line = chapter.text.count("\n", 0, entry.start()) + 1
            what = f"the formula ${match['tex']}$ cannot be shown in one line of text"
            hint = "write it without raised, lowered or stacked parts"
            raise WeaveError(Problem(chapter.path, line, what, hint))
        shown = MATHML.search(formulas.rendered(match["tex"]))
        return html.unescape(re.sub(r"<[^>]+>", "", shown["shown"] if shown else ""))

    text = TEX.sub(spoken, entry["text"])
    text = MARKUP.sub(lambda match: match["text"] or "", text)
    return text[:1].upper() + text[1:]
