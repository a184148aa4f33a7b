r"""The numbers of a page's figures and equations, by their places.

An image that stands alone on its line is a figure: its file's name gives its place,
`figure-surface`, the image's title its caption. An interactive figure follows it, as
`figure-surface-interactive`. A displayed formula with `\label{chain}` is an equation,
`equation-chain`. A link to such a place whose text is `Figure` or `Equation` gets its
number.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from weave.model import Chapter, Image, Problem, Prose, WeaveError

LABEL = re.compile(r"\\label\{(?P<name>[a-z][a-z0-9-]*)\}\s*")
PLACE = re.compile(r"(?:\.\./)*figures/(?P<name>[^/]+/[^/]+\.svg)")
FENCED = re.compile(r"(?ms)^[ \t]*(`{3,}|~{3,}).*?^[ \t]*\1")
REFERENCES = {"Figure": "figure-", "Equation": "equation-"}


def place_of(target: str) -> str | None:
    """The place of a figure on its page, such as `figure-surface`, or None."""
    found = PLACE.fullmatch(target)
    return f"figure-{PurePosixPath(found['name']).stem}" if found else None


def figures(chapter: Chapter) -> list[tuple[int, str, Image]]:
    """Line, place and image of each figure; interactive ones follow the still ones."""
    asked = {
        place.line + chapter.text[place.start : place.end].count("\n")
        for place in chapter.interactive
    }
    found = []
    for image in chapter.images:
        place = place_of(image.target)
        if place is None or not image.alone:
            continue
        found.append((image.line, place, image))
        if image.line in asked:
            found.append((image.line, f"{place}-interactive", image))
    return found


def numbers(chapter: Chapter) -> dict[str, str]:
    """The number of each figure and equation, `3` or `(2)`, by its place.

    Raises:
        WeaveError: Two of them have one place.
    """
    named: dict[str, str] = {}
    for count, (line, place, _) in enumerate(figures(chapter), 1):
        if place in named:
            what = f"this page has two places named {place}"
            hint = "show the figure once, or rename one"
            raise WeaveError(Problem(chapter.path, line, what, hint))
        named[place] = str(count)
    labels = [
        (segment.line + text.count("\n", 0, label.start()), label["name"])
        for segment in chapter.segments
        if isinstance(segment, Prose)
        and "\\label" in (text := chapter.text[segment.start : segment.end])
        for label in LABEL.finditer(_without_fences(text))
    ]
    for count, (line, name) in enumerate(labels, 1):
        if f"equation-{name}" in named:
            what = f"this page has two places named equation-{name}"
            hint = "show the equation once, or rename one"
            raise WeaveError(Problem(chapter.path, line, what, hint))
        named[f"equation-{name}"] = f"({count})"
    return named


def dangling(place: str, named: dict[str, str], chapter: Chapter) -> Problem:
    """The problem of a reference to a place that the page does not have."""
    line = 1 + chapter.text.count("\n", 0, max(0, chapter.text.find(f"(#{place})")))
    what = f"this page has no {place}"
    hint = f"its figures and equations are {', '.join(named) or 'none'}"
    return Problem(chapter.path, line, what, hint)


def _without_fences(text: str) -> str:
    """The text with blank lines in place of its fences, so that lines stay the same."""
    return FENCED.sub(lambda match: "\n" * match[0].count("\n"), text)
