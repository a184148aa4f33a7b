r"""Numbers the figures and equations of a page, and fills in the references to them.

A paragraph that holds nothing but an image becomes a figure: its file's name gives its
place, `figure-surface`, the image's title its caption. A displayed formula with
`\label{chain}` becomes an equation, `equation-chain`. A link to such a place whose text
is `Figure` or `Equation` gets its number.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from weave import build, markdown
from weave.check import FIGURES
from weave.model import Problem, WeaveError

PRIORITY = 6  # after attributes are read (8), before MkDocs collects the anchors (5)
LABEL = re.compile(r"\\label\{(?P<name>[a-z][a-z0-9-]*)\}\s*")
PLACE = re.compile(rf"(?:\.\./)*{FIGURES}/(?P<name>[^/]+/[^/]+\.svg)")
REFERENCES = {"Figure": "figure-", "Equation": "equation-"}


class Numbers(Treeprocessor):
    """Numbers what a page's tree holds, in the order of the page."""

    def run(self, root: Element) -> None:
        """Change the tree in place.

        Raises:
            WeaveError: A reference leads to no figure or equation of the page, or two
                of them have one name.
        """
        numbers: dict[str, str] = {}
        self._figures(root, numbers)
        self._equations(root, numbers)
        for link in root.iter("a"):
            word, place = link.text or "", link.get("href", "").removeprefix("#")
            if link.get("class") or word not in REFERENCES or len(link):
                continue
            if link.get("href", "").startswith(f"#{REFERENCES[word]}"):
                if place not in numbers:
                    raise WeaveError(_dangling(place, numbers))
                link.text = AtomicString(f"{word} {numbers[place]}")

    def _figures(self, root: Element, numbers: dict[str, str]) -> None:
        for paragraph in root.iter("p"):
            image = paragraph[0] if len(paragraph) == 1 else None
            if image is None or image.tag != "img" or _words(paragraph, image):
                continue
            found = PLACE.fullmatch(image.get("src", ""))
            if found is None:
                continue
            _measure(image, found["name"])
            name = f"figure-{PurePosixPath(found['name']).stem}"
            number = _next(name, numbers)
            numbers[name] = number
            paragraph.tag = "figure"
            paragraph.set("id", name)
            paragraph.text = None
            image.tail = None
            caption = SubElement(paragraph, "figcaption")
            link = SubElement(caption, "a", {"href": f"#{name}", "class": "number"})
            link.text = AtomicString(f"Figure {number}")
            link.tail = AtomicString(f" {image.attrib.pop('title', '')}".rstrip())

    def _equations(self, root: Element, numbers: dict[str, str]) -> None:
        for box in root.iter("div"):
            label = LABEL.search(box.text or "")
            if box.get("class") != "arithmatex" or label is None:
                continue
            name = f"equation-{label['name']}"
            number = _next(name, numbers)
            numbers[name] = f"({number})"
            box.set("id", name)
            tagged = LABEL.sub(rf"\\tag{{{number}}} ", box.text or "")
            box.text = AtomicString(tagged)


class NumbersExtension(Extension):
    """`weave.numbers` in the site's list of Markdown extensions."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # their name
        """Register what numbers a page."""
        md.treeprocessors.register(Numbers(md), "weave-numbers", PRIORITY)


def makeExtension(**settings: Any) -> NumbersExtension:  # noqa: N802  # their name
    """What Python-Markdown calls to get the extension."""
    return NumbersExtension(**settings)


def _words(paragraph: Element, image: Element) -> str:
    return ((paragraph.text or "") + (image.tail or "")).strip()


def _measure(image: Element, name: str) -> None:
    """Give an image its size in pixels, so that nothing moves when it comes."""
    files = dict(build.current().files())
    file = files.get(f"{FIGURES}/{name}")
    if file is None:
        return
    head = file.read_bytes()[:600]
    svg = head[head.find(b"<svg") :]
    for side in ("width", "height"):
        found = re.search(rb'\b%s="([\d.]+)pt"' % side.encode(), svg)
        if found:
            image.set(side, str(round(float(found[1]) * 4 / 3)))
    image.set("loading", "lazy")


def _next(name: str, numbers: dict[str, str]) -> str:
    """The number of the figure or equation that comes after those numbered so far."""
    kind = name.partition("-")[0]
    if name in numbers:
        what = f"this page has two places named {name}"
        hint = f"show the {kind} once, or rename one"
        raise WeaveError(_problem(name.partition("-")[2], what, hint))
    return str(1 + sum(other.startswith(f"{kind}-") for other in numbers))


def _dangling(place: str, numbers: dict[str, str]) -> Problem:
    what = f"this page has no {place}"
    hint = f"its figures and equations are {', '.join(numbers) or 'none'}"
    return _problem(f"(#{place})", what, hint)


def _problem(words: str, what: str, hint: str) -> Problem:
    """What is wrong, at the first line of the page that holds these words."""
    path = markdown.page.get() or Path("page.md")
    text = path.read_text("utf-8") if path.is_file() else ""
    line = text.count("\n", 0, max(0, text.find(words))) + 1
    return Problem(path, line, what, hint)
