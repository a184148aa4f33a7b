"""What one line of prose holds: code spans, comments, images; each in linear time."""

from __future__ import annotations

import re

ATTRIBUTES = re.compile(r"\s*(?:\{[^{}]*\})?\s*")
RUN = re.compile(r"`+")
TARGET = re.compile(
    r"\s*<?(?P<target>[^)\s>]+)>?"
    r"(?:\s+\"(?P<title>(?:[^\"\\]|\\.)*)\")?[^)]*\)"
)


def without_code(line: str) -> str:
    """The line with spaces in place of its code spans, so that places stay the same."""
    runs = [match.span() for match in RUN.finditer(line)]
    following: dict[int, int] = {}  # a run's length: the next run of that length
    closed: list[int | None] = [None] * len(runs)
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        closed[number] = following.get(length)
        following[length] = number
    pieces = []
    position = number = 0
    while number < len(runs):
        end = closed[number]
        if end is None:
            number += 1
            continue
        start, stop = runs[number][0], runs[end][1]
        pieces += [line[position:start], " " * (stop - start)]
        position, number = stop, end + 1
    return "".join([*pieces, line[position:]])


def comments(line: str) -> tuple[str, list[tuple[int, int]], int | None]:
    """The line without its comments, their places, and where one is left open."""
    pieces: list[str] = []
    found: list[tuple[int, int]] = []
    position = 0
    while (start := line.find("<!--", position)) >= 0:
        pieces.append(line[position:start])
        end = line.find("-->", start + 4)
        if end < 0:
            return "".join(pieces), found, start
        found.append((start, end + 3))
        position = end + 3
    return "".join([*pieces, line[position:]]), found, None


def images(line: str) -> list[tuple[str, str, str, bool]]:
    """The images of a line, `![alt](target "title")`.

    Brackets in the alternative text come in pairs, as in `m[1]`, or are escaped.

    Returns:
        Of each its alternative text, target and title, and whether it stands alone.
    """
    partner = _brackets(line)
    first, last = len(line) - len(line.lstrip()), line.rfind(")")
    found = []
    position = 0
    while 0 <= (start := line.find("![", position)) < last:
        position = start + 2
        close = partner.get(start + 1)
        if close is None or line[close + 1 : close + 2] != "(":
            continue
        match = TARGET.match(line, close + 2)
        if match is not None:
            position = match.end()
            alone = start == first and bool(ATTRIBUTES.fullmatch(line, position))
            alt = line[start + 2 : close]
            found.append((alt, match["target"], match["title"] or "", alone))
    return found


def _brackets(line: str) -> dict[int, int]:
    """Each opening bracket's place, with that of the bracket that closes it."""
    partner, opened = {}, []
    escaped = False
    for place, character in enumerate(line):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "[":
            opened.append(place)
        elif character == "]" and opened:
            partner[opened.pop()] = place
    return partner
