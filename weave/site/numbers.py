"""Shows the numbers of a page's figures and equations, and the references to them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from weave.model import WeaveError
from weave.render.numbers import LABEL, PLACE, REFERENCES, dangling, numbers, place_of
from weave.render.outputs import NUMBER
from weave.site.here import Ask, Here
from weave.woven import FIGURES, variant

INTERACTIVE = re.compile(r'<figure class="interactive" id="(?P<place>[^"]+)"')


class NumbersTreeprocessor(Treeprocessor):
    """Makes figures of images, and shows every number of `weave.render.numbers`."""

    def __init__(self, md: Markdown, ask: Ask) -> None:
        super().__init__(md)
        self._ask = ask

    def run(self, root: Element) -> None:
        """Change the tree in place.

        Raises:
            WeaveError: A reference leads to no figure or equation of the page, or two
                of them have one name.
        """
        here = self._ask(self.md)
        if here.chapter is None:
            return
        try:
            named = numbers(here.chapter)
            self._figures(root, named, here)
            self._equations(root, named)
            self._interactive(named)
            for link in root.iter("a"):
                word, to = link.text or "", link.get("href", "")
                if link.get("class") or len(link) or word not in REFERENCES:
                    continue
                if to.startswith(f"#{REFERENCES[word]}"):
                    place = to.removeprefix("#")
                    if place not in named:
                        raise WeaveError(dangling(place, named, here.chapter))
                    link.text = AtomicString(f"{word} {named[place]}")
        except WeaveError as error:
            note = self.md.htmlStash.store(here.problem(error))
            root.append(Element("p"))
            root[-1].text = note

    def _figures(self, root: Element, named: dict[str, str], here: Here) -> None:
        for paragraph in root.iter("p"):
            image = paragraph[0] if len(paragraph) == 1 else None
            if image is None or image.tag != "img" or _words(paragraph, image):
                continue
            found, place = (
                PLACE.fullmatch(image.get("src", "")),
                place_of(image.get("src", "")),
            )
            if found is None or place is None or place not in named:
                continue
            paragraph.tag = "figure"
            paragraph.set("id", place)
            paragraph.text = image.tail = None
            caption = Element("figcaption")
            link = SubElement(caption, "a", {"href": f"#{place}", "class": "number"})
            link.text = AtomicString(f"Figure {named[place]}")
            link.tail = AtomicString(f" {image.attrib.pop('title', '')}".rstrip())
            _show(paragraph, image, f"{FIGURES}/{found['name']}", here)
            paragraph.append(caption)

    def _equations(self, root: Element, named: dict[str, str]) -> None:
        for box in root.iter("div"):
            label = LABEL.search(box.text or "")
            if box.get("class") != "arithmatex" or label is None:
                continue
            place = f"equation-{label['name']}"
            number = named.get(place, "").strip("()")
            box.set("id", place)
            tagged = LABEL.sub(rf"\\tag{{{number}}} ", box.text or "")
            box.text = AtomicString(tagged)

    def _interactive(self, named: dict[str, str]) -> None:
        blocks = self.md.htmlStash.rawHtmlBlocks
        for index, text in enumerate(blocks):
            found = INTERACTIVE.match(text) if isinstance(text, str) else None
            if found is not None and isinstance(text, str):
                place = found["place"]
                link = (
                    f'<a class="number" href="#{place}">'
                    f"Figure {named.get(place, '')}</a>"
                )
                blocks[index] = text.replace(NUMBER, link)


def _words(paragraph: Element, image: Element) -> str:
    return ((paragraph.text or "") + (image.tail or "")).strip()


def _show(figure: Element, image: Element, name: str, here: Here) -> None:
    """Give an image its size, and put beside it what other machines have drawn.

    A figure that failed to be drawn here leaves its words.
    """
    file = here.woven.figures.get(name)
    if file is None:
        figure.remove(image)
        SubElement(figure, "p", {"class": "trouble"}).text = AtomicString(
            f"Not drawn on this machine: {image.get('alt', '')}"
        )
        return
    _measure(image, file)
    for slug, other in here.woven.variants.get(name, ()):
        place = variant(name, slug)
        if place not in here.woven.figures:
            continue  # it stands in the place of the first one
        source = image.get("src", "").removesuffix(name) + place
        alt = f"{image.get('alt', '')} (as {slug} drew it)"
        _measure(SubElement(figure, "img", {"src": source, "alt": alt}), other)


def _measure(image: Element, file: Path) -> None:
    """Give an image its size in pixels, so that nothing moves when it comes."""
    head = file.read_bytes()[:600]
    svg = head[head.find(b"<svg") :]
    for side in ("width", "height"):
        found = re.search(rb'\b%s="([\d.]+)pt"' % side.encode(), svg)
        if found:
            image.set(side, str(round(float(found[1]) * 4 / 3)))
    image.set("loading", "lazy")
