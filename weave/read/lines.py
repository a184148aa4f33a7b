"""The lines of a page, and where its fences and comments end."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from weave.model import Fence, Problem

OPENING = re.compile(r"(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)")
VALUE = re.compile(r"\s*(?P<name>[A-Za-z_]+): +(?P<expression>\S.*?)\s*")
BYTE_ORDER_MARK = "\ufeff"


def split_lines(text: str) -> list[str]:
    """The lines of a text, each with its newline, as editors count them.

    Unlike `str.splitlines`, which splits at form feeds and Unicode's separators too.
    """
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def closes(ticks: str) -> re.Pattern[str]:
    """What a line looks like that closes a fence opened with these ticks."""
    return re.compile(rf"[ \t]*{re.escape(ticks[0])}{{{len(ticks)},}}\s*")


class Lines:
    """The lines of a text with their offsets, and the problems found in it."""

    def __init__(self, text: str, path: Path) -> None:
        self.path = path
        self.text = text
        self.lines = split_lines(text)
        self.offsets = [0]
        for line in self.lines:
            self.offsets.append(self.offsets[-1] + len(line))
        if text.startswith(BYTE_ORDER_MARK):
            self.lines[0] = self.lines[0][1:]
            self.offsets[0] = 1
        self.problems: list[Problem] = []

    def report(self, index: int, what: str, hint: str) -> None:
        """Note a problem of the line with this index, from 0."""
        self.problems.append(Problem(self.path, index + 1, what, hint))

    def fence(self, index: int) -> tuple[Fence, str, int] | None:
        """The fence that opens at this line: it, its info, the line after it."""
        if index >= len(self.lines):
            return None
        opening = OPENING.fullmatch(self.lines[index].rstrip("\r\n"))
        if opening is None:
            return None
        ticks, closing = opening["ticks"], closes(opening["ticks"])
        for end in range(index + 1, len(self.lines)):
            if closing.fullmatch(self.lines[end]):
                break
        else:
            what = "this fence is never closed"
            self.report(index, what, f"add a line of {ticks} where the block ends")
            end = len(self.lines)
        start, stop = self.offsets[index + 1], self.offsets[end]
        fence = Fence(index + 1, start, stop, opening["indent"], ticks)
        return fence, opening["info"].strip(), min(end + 1, len(self.lines))

    def skip_blank(self, index: int) -> int:
        """The first line from here on that is not blank."""
        while index < len(self.lines) and not self.lines[index].strip():
            index += 1
        return index

    def end_of_comment(self, index: int) -> int | None:
        """The line after the one that closes the comment, or None."""
        for end in range(index, len(self.lines)):
            opened = self.lines[end].rfind("<!--") if end == index else -1
            if self.lines[end].find("-->", max(0, opened)) >= 0:
                return end + 1
        return None


def named_expressions(page: Lines, first: int, end: int) -> tuple[tuple[str, str], ...]:
    """Pairs of a name and a Python expression, one pair a line, `name: expression`."""
    values: dict[str, str] = {}
    for index in range(first, end):
        line = page.lines[index].replace("-->", "")
        if not line.strip():
            continue
        value = VALUE.fullmatch(line.rstrip("\n"))
        if value is None or not is_expression(value["expression"]):
            what = f"{line.strip()!r} is no name with an expression"
            page.report(index, what, "write name: expression, on one line")
        elif value["name"] in values:
            page.report(index, f"{value['name']} is given twice", "give it once")
        else:
            values[value["name"]] = value["expression"]
    return tuple(values.items())


def is_expression(text: str) -> bool:
    """Whether the text is one Python expression."""
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True
