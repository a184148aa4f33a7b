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

    <!-- explore: ... -->, <!-- predict: ... -->   what it asks of modules: see `asked`

    <!-- weave: build -->                          marks, which the site fills in
    A sentence. <!-- claim: its-name -->

Everything else is prose. What a fence or a place of recordings holds is never read.
"""

from __future__ import annotations

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
from weave.read.asked import read_figure, read_question
from weave.read.inline import comments, images, without_code
from weave.read.lines import Lines

DIRECTIVE = re.compile(r"\s*<!--\s*snippet:(?P<target>.*?)-->\s*")
TARGET = re.compile(r"(?P<module>[A-Za-z_]\w*)\.py#(?P<cell>[\w-]+)")
EXPLORE = re.compile(r"\s*<!--\s*explore:\s*(?P<target>.*?)\s*(?:-->\s*)?")
PREDICT = re.compile(r"\s*<!--\s*predict:\s*(?P<text>.*?)\s*(?:-->\s*)?")
OUTPUT = re.compile(r"\s*<!--\s*pytest-codeblocks:\s*expected-output\s*-->\s*")
RECORDED = re.compile(r"(?P<indent>[ \t]*)<!--\s*recorded\s*-->\s*")
END_OF_RECORDED = "<!-- end of recorded -->"
MARK = re.compile(
    r"(?:weave:\s*(?P<kind>\w+)|(?P<own>claim|introduces):)(?P<rest>.*)", re.S
)
MARKS = ("build", "machines", "minutes", "claim", "introduces")


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


class _Reader(Lines):
    """Reads a page line by line; each `read` gives the line to go on with."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text, path)
        self.segments: list[Segment] = []
        self.images: list[Image] = []
        self._prose = (1, 0)  # line and offset at which the current prose begins

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
        if explore := EXPLORE.fullmatch(line):
            end, figure = read_figure(self, index, explore["target"])
            if figure is not None:
                self.add(figure, end + 1)
            return end
        if PREDICT.fullmatch(line):
            what = "this question belongs to no snippet"
            self.report(index, what, "put it between a snippet's block and its output")
            return self.end_of_comment(index) or len(self.lines)
        if OUTPUT.fullmatch(line):
            what = "this output marker belongs to no snippet"
            hint = "put it below a fence that a snippet directive claims"
            self.report(index, what, hint)
            return index + 1
        if RECORDED.fullmatch(line):
            what = "this place for recordings belongs to no snippet"
            self.report(index, what, "put it below the fences of a snippet")
            return self._recorded(index)[1]
        if (fence := self.fence(index)) is not None:
            return fence[2]
        return self._words(index)

    def _recorded(self, index: int) -> tuple[Fence, int]:
        """The place for recordings that begins at this line, and the line after it.

        Its own end is not found in a fence, where a recorded output may hold one.
        """
        indent = (RECORDED.fullmatch(self.lines[index]) or {"indent": ""})["indent"]
        end = index + 1
        while end < len(self.lines) and self.lines[end].strip() != END_OF_RECORDED:
            fence = self.fence(end)
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
        fence = self.fence(first + 1)
        if fence is None or fence[1] != "python":
            what = "this directive stands above no Python fence"
            self.report(first, what, "put ```python and ``` directly below it")
            return first + 1
        code, _, index = fence
        output = recorded = question = None
        after = self.skip_blank(index)
        below = self.lines[after] if after < len(self.lines) else ""
        if asked := PREDICT.fullmatch(below):
            cell = target.groups() if target else ("", "")
            index, question = read_question(self, after, asked["text"], *cell)
            after = self.skip_blank(index)
        if after < len(self.lines) and OUTPUT.fullmatch(self.lines[after]):
            fence = self.fence(after + 1)
            if fence is None or fence[1] != "text":
                what = "this output marker stands above no text fence"
                self.report(after, what, "put ```text and ``` directly below it")
                index = after + 1
            else:
                output, _, index = fence
        after = self.skip_blank(index)
        if after < len(self.lines) and RECORDED.fullmatch(self.lines[after]):
            recorded, index = self._recorded(after)
        if question and (output is None or recorded):
            what = "nothing is printed below this question that every machine prints"
            hint = "put it above an output that has no recordings, or delete it"
            self.report(question.line - 1, what, hint)
        if target is not None:
            start, end = self.offsets[first], self.offsets[index]
            names = (target["module"], target["cell"])
            slot = Slot(first + 1, start, end, *names, code, output, recorded, question)
            self.add(slot, index + 1)
        return index

    def _words(self, index: int) -> int:
        """A line of prose: its marks and images; a comment may go on below it."""
        line = self.lines[index]
        plain, found, open_at = comments(without_code(line))
        if open_at is not None:
            end = self.end_of_comment(index)
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
