"""A chapter as a Jupyter notebook, with the outputs and figures of this run in it."""

from __future__ import annotations

import base64
import mimetypes
import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from weave.keep.files import digest
from weave.model import Chapter, Fence, Image, Prose, Slot
from weave.questions import answers, shuffled
from weave.render.numbers import LABEL, figures, numbers
from weave.woven import DOCS, FIGURES, Woven

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<to>[^()\s]*)\)")
FOLD = re.compile(r"^\s*</?details[^>]*>\s*$", re.M)
SUMMARY = re.compile(r"<summary>(?P<text>.*?)</summary>")
ATTRIBUTES = re.compile(r"\{: ?[#.][^{}\n]*\}")


def write_notebook(chapter: Chapter, woven: Woven, site_url: str = "") -> str:
    """The chapter in nbformat 4.5, as JSON text; the same bytes for the same input.

    Args:
        chapter: The chapter.
        woven: The book with its results.
        site_url: Where the site is published, if it is: links to other pages lead
            there; else they become their text.
    """
    named = numbers(chapter)
    contents = [[text for _, text in woven.contents(slot)] for slot in chapter.slots]
    asked = [_question(slot, woven) for slot in chapter.slots]
    parts = [chapter.text, sorted(named.items()), contents, asked, site_url]
    return woven.cache.remember(
        f"notebooks/{chapter.path.stem}.ipynb",
        [*parts, _identities(chapter, woven)],
        lambda: _write(chapter, named, woven, site_url),
    )


def _identities(chapter: Chapter, woven: Woven) -> list[tuple[str, str]]:
    """What tells the figures of a notebook apart: their places and digests."""
    names = {"/".join(image.target.split("/")[-2:]) for image in chapter.images}
    names |= {f"{s.module}/{name}" for s in chapter.slots for name in _made(s, woven)}
    files = woven.cache.files  # each of which is named by its digest
    return [
        (name, file.name if file.parent == files else digest(file.read_bytes()))
        for name in sorted(names)
        if (file := woven.figures.get(f"{FIGURES}/{name}"))
    ] + [(str(file), digest(file.read_bytes())) for _, file in _committed(chapter)]


def _write(chapter: Chapter, named: dict[str, str], woven: Woven, site_url: str) -> str:
    import nbformat  # half a second, which a build without news saves
    from nbformat import v4

    cells: list[Any] = []
    prose: list[str] = []

    def end_prose() -> None:
        text = _plain("".join(prose), chapter, named, woven, site_url)
        prose.clear()
        if text:
            cells.append(v4.new_markdown_cell(text, id=f"cell-{len(cells)}"))

    for segment in chapter.segments:
        if isinstance(segment, Prose):
            prose.append(chapter.text[segment.start : segment.end])
        elif isinstance(segment, Slot):
            prose.append(_question(segment, woven))
            end_prose()
            code, outputs, below = _cell(segment, chapter, woven)
            outputs = [v4.new_output(**each) for each in outputs]
            cells.append(
                v4.new_code_cell(code, outputs=outputs, id=f"cell-{len(cells)}")
            )
            prose.append(below)
    end_prose()
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    book = v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(book)
    return str(nbformat.writes(book)) + "\n"


def _cell(
    slot: Slot, chapter: Chapter, woven: Woven
) -> tuple[str, list[dict[str, Any]], str]:
    """A slot's code, its outputs, and what other machines have printed below it."""
    texts: dict[Fence | None, str] = dict(woven.contents(slot))
    outputs: list[dict[str, Any]] = []
    if text := texts.get(slot.output) if slot.output else None:
        stream = {"output_type": "stream", "name": "stdout", "text": f"{text}\n"}
        outputs.append(stream)
    alts = {image.target.split("/")[-1]: image.alt for image in chapter.images}
    for name in _made(slot, woven):
        file = woven.figures.get(f"{FIGURES}/{slot.module}/{name}")
        if file is not None:
            alt = alts.get(name, name)
            data = {"text/html": _picture(file, alt)}
            outputs.append({"output_type": "display_data", "data": data})
    below = texts.get(slot.recorded, "") if slot.recorded else ""
    return texts.get(slot.code, ""), outputs, below


def _question(slot: Slot, woven: Woven) -> str:
    """A slot's question and its answers, which stand above the cell."""
    if slot.question is None or not (found := answers(slot, woven)):
        return ""
    choices = "".join(f"* `{each.text}`\n" for each in shuffled(found))
    return f"\n\n**Predict.** {slot.question.question}\n\n{choices}"


def _made(slot: Slot, woven: Woven) -> list[str]:
    """The names of the figures that a slot's cell draws."""
    result = woven.result(slot)
    return [name for name, _ in result.files] if result else []


def _borrowed(image: Image, chapter: Chapter, woven: Woven) -> Path | None:
    """The file of a figure that the code of another page draws, or None."""
    name = "/".join(image.target.split("/")[-2:])
    drawn = [f"{s.module}/{each}" for s in chapter.slots for each in _made(s, woven)]
    return None if name in drawn else woven.figures.get(f"{FIGURES}/{name}")


def _plain(
    text: str, chapter: Chapter, named: dict[str, str], woven: Woven, site_url: str
) -> str:
    """The Markdown between two blocks, as it reads in a notebook.

    Folds are opened, figures stand below their code already and leave their captions,
    references and equations have their numbers.
    """

    def link(match: re.Match[str]) -> str:
        words, to = match["text"], match["to"]
        if (number := named.get(to.removeprefix("#"))) and words in (
            "Figure",
            "Equation",
        ):
            return f"{words} {number}"
        if to.startswith(("https:", "http:")):
            return match[0]
        page = _address(to, chapter, woven, site_url)
        return f"[{words}]({page})" if page else words

    text = FRONT_MATTER.sub("", text)
    lines = chapter.text.split("\n")
    for _, place, image in figures(chapter):
        if place.endswith("-interactive"):
            continue
        line = lines[image.line - 1]
        shown = f"**Figure {named[place]}.** {image.title}".rstrip()
        if file := _borrowed(image, chapter, woven):
            shown = f"{_picture(file, image.alt)}\n\n{shown}"
        text = text.replace(line, shown)
    for image, file in _committed(chapter):
        text = text.replace(lines[image.line - 1], _picture(file, image.alt))
    text = LABEL.sub(lambda label: _tag(named.get(f"equation-{label['name']}")), text)
    text = SUMMARY.sub(lambda match: f"**{match['text']}**", FOLD.sub("", text))
    text = ATTRIBUTES.sub("", LINK.sub(link, text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _tag(number: str | None) -> str:
    return f"\\tag{{{number.strip('()')}}} " if number else ""


def _address(to: str, chapter: Chapter, woven: Woven, site_url: str) -> str:
    """Where a link of the page leads on the published site; empty if nobody knows."""
    if not site_url:
        return ""
    path, _, anchor = to.partition("#")
    folder = chapter.path.parent.relative_to(woven.book.root / DOCS)
    name = posixpath.normpath(
        posixpath.join(folder.as_posix(), path or chapter.path.name)
    )
    name = name.removesuffix(".md").removesuffix("index")
    slash = "/" if path.endswith(".md") or not path else ""
    return urljoin(site_url, f"{name}{slash}".lstrip("/")) + (
        f"#{anchor}" if anchor else ""
    )


def _committed(chapter: Chapter) -> list[tuple[Image, Path]]:
    """The images that stand on lines of their own and lie in the repository."""
    found = [
        (image, chapter.path.parent / image.target)
        for image in chapter.images
        if image.alone and f"{FIGURES}/" not in image.target
    ]
    return [(image, file) for image, file in found if file.is_file()]


def _picture(file: Path, alt: str) -> str:
    """An image that holds its file, so that a style sheet in it stays inside."""
    kind = mimetypes.guess_type(file)[0] or "image/svg+xml"
    data = base64.b64encode(file.read_bytes()).decode("ascii")
    quoted = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'<img alt="{quoted}" src="data:{kind};base64,{data}">'
