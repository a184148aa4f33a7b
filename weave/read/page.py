"""The one grammar: from a page's Markdown to segments that cover all of its text.

    <!-- snippet: autograd.py#backward -->         a slot: a directive directly above
    ```python                                      a Python fence, and below it, if
    y.backward()                                   the cell prints, its output
    ```

    <!--pytest-codeblocks:expected-output-->
    ```text
    ```

    <!-- recorded -->                              where recordings stand below the
    <!-- end of recorded -->                       output of a build, or instead of it

    <!-- explore: descent after gradient_descent.py#paths
    rates: list(styles)
    -->                                            an interactive figure's values

    <!-- weave: build -->                          marks, which the site fills in
    A sentence. <!-- claim: its-name -->

Everything else is prose. What a fence or a place of recordings holds is never read.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from weave.model import (
    Chapter,
    Fence,
    Image,
    Interactive,
    Mark,
    Problem,
    Prose,
    Segment,
    Slot,
    WeaveError,
)
from weave.read.inline import comments, images, without_code

DIRECTIVE = re.compile(r"\s*<!--\s*snippet:(?P<target>.*?)-->\s*")
TARGET = re.compile(r"(?P<module>[A-Za-z_]\w*)\.py#(?P<cell>[\w-]+)")
EXPLORE = re.compile(r"\s*<!--\s*explore:(?P<target>.*?)(?:-->\s*)?")
EXPLORED = re.compile(
    r"(?P<figure>[a-z][a-z_]*) after (?P<module>[A-Za-z_]\w*)\.py#(?P<cell>[\w-]+)"
)
VALUE = re.compile(r"\s*(?P<name>[A-Za-z_]+): +(?P<expression>\S.*?)\s*")
OUTPUT = re.compile(r"\s*<!--\s*pytest-codeblocks:\s*expected-output\s*-->\s*")
RECORDED = re.compile(r"(?P<indent>[ \t]*)<!--\s*recorded\s*-->\s*")
END_OF_RECORDED = "<!-- end of recorded -->"
OPENING = re.compile(r"(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)")
MARK = re.compile(
    r"(?:weave:\s*(?P<kind>\w+)|(?P<own>claim|introduces):)(?P<rest>.*)", re.S
)
MARKS = ("build", "machines", "minutes", "claim", "introduces")
BYTE_ORDER_MARK = "\ufeff"


def read_chapter(path: Path) -> Chapter:
    """Read a Markdown file.

    Raises:
        WeaveError: See `parse_chapter`; also for text that is not UTF-8.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        hint = "save the file as UTF-8"
        raise WeaveError(Problem(path, line, "is not UTF-8", hint)) from error
    return parse_chapter(text, path)


def parse_chapter(text: str, path: Path) -> Chapter:
    """Cut a page's text into segments, and find its images.

    Raises:
        WeaveError: A fence is not closed; a directive is malformed or claims no
            fence; an output marker belongs to no directive. All are reported.
    """
    reader = _Reader(text, path)
    index = 0
    while index < len(reader.lines):
        index = reader.read(index)
    reader.end_prose(len(text))
    if reader.problems:
        raise WeaveError(*reader.problems)
    return Chapter(path, text, tuple(reader.segments), tuple(reader.images))


def split_lines(text: str) -> list[str]:
    """The lines of a text, each with its newline, as editors count them.

    Unlike `str.splitlines`, which splits at form feeds and Unicode's separators too.
    """
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def closes(ticks: str) -> re.Pattern[str]:
    """What a line looks like that closes a fence opened with these ticks."""
    return re.compile(rf"[ \t]*{re.escape(ticks[0])}{{{len(ticks)},}}\s*")


class _Reader:
    """Reads a page line by line; each `read` gives the line to go on with."""

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
        self.segments: list[Segment] = []
        self.images: list[Image] = []
        self._prose = (1, 0)  # line and offset at which the current prose begins

    def report(self, index: int, what: str, hint: str) -> None:
        self.problems.append(Problem(self.path, index + 1, what, hint))

    def add(self, segment: Slot | Interactive | Mark, line: int) -> None:
        """Add a segment after the prose above it; prose goes on at this line."""
        self.end_prose(segment.start)
        self.segments.append(segment)
        self._prose = (line, segment.end)

    def end_prose(self, end: int) -> None:
        line, start = self._prose
        if end > start:
            self.segments.append(Prose(line, start, end))

    def read(self, index: int) -> int:
        line = self.lines[index]
        if DIRECTIVE.fullmatch(line):
            return self._slot(index)
        if EXPLORE.fullmatch(line.rstrip("\n")):
            return self._interactive(index)
        if OUTPUT.fullmatch(line):
            what = "this output marker belongs to no snippet"
            hint = "put it below a fence that a snippet directive claims"
            self.report(index, what, hint)
            return index + 1
        if RECORDED.fullmatch(line):
            what = "this place for recordings belongs to no snippet"
            self.report(index, what, "put it below the fences of a snippet")
            return self._recorded(index)[1]
        if (fence := self._fence(index)) is not None:
            return fence[2]
        return self._words(index)

    def _fence(self, index: int) -> tuple[Fence, str, int] | None:
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

    def _recorded(self, index: int) -> tuple[Fence, int]:
        """The place for recordings that begins at this line, and the line after it.

        Its own end is not found in a fence, where a recorded output may hold one.
        """
        indent = (RECORDED.fullmatch(self.lines[index]) or {"indent": ""})["indent"]
        end = index + 1
        while end < len(self.lines) and self.lines[end].strip() != END_OF_RECORDED:
            fence = self._fence(end)
            end = fence[2] if fence else end + 1
        if end >= len(self.lines):
            hint = f"add a line {END_OF_RECORDED} below it"
            self.report(index, "this place for recordings has no end", hint)
            end = index + 1
        start, stop = self.offsets[index + 1], self.offsets[min(end, len(self.lines))]
        place = Fence(index + 1, start, stop, indent)
        return place, min(end + 1, len(self.lines))

    def _slot(self, first: int) -> int:
        line = self.lines[first]
        named = DIRECTIVE.fullmatch(line)
        target = TARGET.fullmatch(named["target"].strip()) if named else None
        if target is None:
            what = f"{line.strip()} names no cell"
            self.report(first, what, "write <!-- snippet: module.py#cell -->")
        fence = self._fence(first + 1)
        if fence is None or fence[1] != "python":
            what = "this directive stands above no Python fence"
            self.report(first, what, "put ```python and ``` directly below it")
            return first + 1
        code, _, index = fence
        output = recorded = None
        after = self._skip_blank(index)
        if after < len(self.lines) and OUTPUT.fullmatch(self.lines[after]):
            fence = self._fence(after + 1)
            if fence is None or fence[1] != "text":
                what = "this output marker stands above no text fence"
                self.report(after, what, "put ```text and ``` directly below it")
                index = after + 1
            else:
                output, _, index = fence
        after = self._skip_blank(index)
        if after < len(self.lines) and RECORDED.fullmatch(self.lines[after]):
            recorded, index = self._recorded(after)
        if target is not None:
            start, end = self.offsets[first], self.offsets[index]
            names = (target["module"], target["cell"])
            slot = Slot(first + 1, start, end, *names, code, output, recorded)
            self.add(slot, index + 1)
        return index

    def _interactive(self, first: int) -> int:
        """An interactive figure's values, in a comment above the still figure."""
        end = self._end_of_comment(first)
        if end is None:
            self.report(first, "this comment is never closed", "add --> where it ends")
            return len(self.lines)
        head = EXPLORE.fullmatch(self.lines[first].rstrip("\n"))
        target = EXPLORED.fullmatch(head["target"].strip()) if head else None
        if target is None:
            hint = (
                "write <!-- explore: figure after module.py#cell, "
                "then lines name: value"
            )
            what = f"{self.lines[first].strip()} names no figure and cell"
            self.report(first, what, hint)
        below = self.lines[end].strip() if end < len(self.lines) else ""
        if not (below.startswith("![") and images(below)):
            hint = "put its still figure, ![...](...), on the line below the -->"
            self.report(first, "this directive stands above no figure", hint)
        values = self._values(first + 1, end)
        if target is not None:
            start, stop = self.offsets[first], self.offsets[end]
            names = (target["figure"], target["module"], target["cell"])
            place = Interactive(first + 1, start, stop, self.path, *names, values)
            self.add(place, end + 1)
        return end

    def _values(self, first: int, end: int) -> tuple[tuple[str, str], ...]:
        values: dict[str, str] = {}
        for index in range(first, end):
            line = self.lines[index].replace("-->", "")
            if not line.strip():
                continue
            value = VALUE.fullmatch(line.rstrip("\n"))
            if value is None or not _is_expression(value["expression"]):
                what = f"{line.strip()!r} is no name with an expression"
                self.report(index, what, "write name: expression, on one line")
            elif value["name"] in values:
                self.report(index, f"{value['name']} is given twice", "give it once")
            else:
                values[value["name"]] = value["expression"]
        return tuple(values.items())

    def _words(self, index: int) -> int:
        """A line of prose: its marks and images; a comment may go on below it."""
        line = self.lines[index]
        plain, found, open_at = comments(without_code(line))
        if open_at is not None:
            end = self._end_of_comment(index)
            if end is None:
                what = "this comment is never closed"
                self.report(index, what, "add --> where the comment ends")
                return len(self.lines)
            start, stop = self.offsets[index] + open_at, self.offsets[end]
            stop = self.text.find("-->", start) + 3
            self._mark(index, start, stop, end)
            return end
        for start, stop in found:
            if DIRECTIVE.fullmatch(line[start:stop]):
                what = "a directive shares its line with other text"
                hint = "put it on a line of its own, above its fence"
                self.report(index, what, hint)
            offset = self.offsets[index]
            self._mark(index, offset + start, offset + stop, index)
        self.images += [Image(index + 1, *found) for found in images(plain)]
        return index + 1

    def _mark(self, index: int, start: int, end: int, last: int) -> None:
        match = MARK.fullmatch(self.text[start + 4 : end - 3].strip())
        if match is None:
            return
        kind = match["kind"] or match["own"]
        if kind not in MARKS:
            what = f"there is no mark {kind!r}"
            self.report(index, what, f"the marks are {', '.join(MARKS)}")
            return
        mark = Mark(index + 1, start, end, kind, tuple(match["rest"].split()))
        self.add(mark, last + 1)

    def _skip_blank(self, index: int) -> int:
        while index < len(self.lines) and not self.lines[index].strip():
            index += 1
        return index

    def _end_of_comment(self, index: int) -> int | None:
        """The line after the one that closes the comment, or None."""
        for end in range(index, len(self.lines)):
            opened = self.lines[end].rfind("<!--") if end == index else -1
            if self.lines[end].find("-->", max(0, opened)) >= 0:
                return end + 1
        return None


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True
