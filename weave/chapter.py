"""From a chapter's Markdown to its slots, and back to Markdown with them filled.

A slot is a directive directly above a Python fence, and the output fence below it
(a figure that moves has a directive of its own, see `_interactive`):

    <!-- snippet: autograd.py#backward -->
    ```python
    y.backward()
    ```

    <!--pytest-codeblocks:expected-output-->
    ```text
    ```

Where the output of a build is not what a page is about, since it is of a GPU or
differs from run to run, recordings take its place, or stand below it:

    <!-- recorded -->
    <!-- end of recorded -->
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from weave.model import Chapter, Fence, Image, Interactive, Problem, Slot, WeaveError

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
COMMENT = re.compile(r"<!--.*?-->")
IMAGE = re.compile(
    r"!\[(?P<alt>(?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]"  # brackets in pairs, as in m[1]
    r"\(\s*<?(?P<target>[^)\s>]+)[^)]*\)"
)
CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


def read_chapter(path: Path) -> Chapter:
    """Read a Markdown file.

    Raises:
        WeaveError: See `parse_chapter`; also for text that is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        hint = "save the file as UTF-8"
        raise WeaveError(Problem(path, line, "is not UTF-8", hint)) from error
    return parse_chapter(text, path)


def parse_chapter(text: str, path: Path) -> Chapter:
    """Find the slots, the images and the interactive figures of a chapter.

    Raises:
        WeaveError: A fence is not closed; a directive is malformed or claims no
            fence; an output marker belongs to no directive. All are reported.
    """
    problems: list[Problem] = []
    slots: list[Slot] = []
    images: list[Image] = []
    interactive: list[Interactive] = []
    lines = split_lines(text)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))

    def report(number: int, what: str, hint: str) -> None:
        problems.append(Problem(path, number + 1, what, hint))

    def fence_at(index: int) -> tuple[Fence, str, int] | None:
        """The fence that opens at line `index`: it, its info, the line after it."""
        opening = (
            OPENING.fullmatch(lines[index].rstrip("\r\n"))
            if index < len(lines)
            else None
        )
        if opening is None:
            return None
        ticks = opening["ticks"]
        closing = re.compile(rf"[ \t]*{re.escape(ticks[0])}{{{len(ticks)},}}\s*")
        for end in range(index + 1, len(lines)):
            if closing.fullmatch(lines[end]):
                place = Fence(
                    index + 1, offsets[index + 1], offsets[end], opening["indent"]
                )
                return place, opening["info"].strip(), end + 1
        what = "this fence is never closed"
        report(index, what, f"add a line of {ticks} where the block ends")
        place = Fence(index + 1, offsets[index + 1], len(text), opening["indent"])
        return place, opening["info"].strip(), len(lines)

    def region_at(index: int) -> tuple[Fence, int]:
        """The place for recordings whose comment is line `index`; the line after."""
        indent = (RECORDED.fullmatch(lines[index]) or {"indent": ""})["indent"]
        for end in range(index + 1, len(lines)):
            if lines[end].strip() == END_OF_RECORDED:
                break
        else:
            hint = f"add a line {END_OF_RECORDED} below it"
            report(index, "this place for recordings has no end", hint)
            end = index + 1
        start = offsets[index + 1]
        place = Fence(index + 1, start, offsets[end], indent, END_OF_RECORDED)
        return place, end + 1

    index = 0
    while index < len(lines):
        line = lines[index]
        if directive := DIRECTIVE.fullmatch(line):
            target = TARGET.fullmatch(directive["target"].strip())
            if target is None:
                what = f"{line.strip()} names no cell"
                report(index, what, "write <!-- snippet: module.py#cell -->")
            fence = fence_at(index + 1)
            if fence is None or fence[1] != "python":
                what = "this directive stands above no Python fence"
                report(index, what, "put ```python and ``` directly below it")
                index += 1
                continue
            code, _, index = fence
            after = _skip_blank(lines, index)
            output = None
            if after < len(lines) and OUTPUT.fullmatch(lines[after]):
                fence = fence_at(after + 1)
                if fence is None or fence[1] != "text":
                    what = "this output marker stands above no text fence"
                    report(after, what, "put ```text and ``` directly below it")
                    index = after + 1
                else:
                    output, _, index = fence
            after = _skip_blank(lines, index)
            recorded = None
            if after < len(lines) and RECORDED.fullmatch(lines[after]):
                recorded, index = region_at(after)
            if target is not None:
                module, cell = target["module"], target["cell"]
                slots.append(Slot(code.line - 1, module, cell, code, output, recorded))
        elif EXPLORE.fullmatch(line.rstrip("\n")):
            after = _end_of_comment(lines, index) or len(lines)
            try:
                interactive.append(_interactive(lines, index, after, path))
            except WeaveError as error:
                problems += error.problems
            index = after
        elif OUTPUT.fullmatch(line):
            what = "this output marker belongs to no snippet"
            report(index, what, "put it below a fence that a snippet directive claims")
            index += 1
        elif RECORDED.fullmatch(line):
            what = "this place for recordings belongs to no snippet"
            report(index, what, "put it below the fences of a snippet")
            _, index = region_at(index)
        elif (fence := fence_at(index)) is not None:
            index = fence[2]
        else:
            plain = COMMENT.sub("", CODE_SPAN.sub("", line))
            if "<!--" in plain:
                end = _end_of_comment(lines, index)
                if end is None:
                    what = "this comment is never closed"
                    report(index, what, "add --> where the comment ends")
                    end = len(lines)
                index = end
                continue
            if DIRECTIVE.search(CODE_SPAN.sub("", line)):
                what = "a directive shares its line with other text"
                report(index, what, "put it on a line of its own, above its fence")
            images += [
                Image(index + 1, match["alt"], match["target"])
                for match in IMAGE.finditer(plain)
            ]
            index += 1
    if problems:
        raise WeaveError(*problems)
    return Chapter(path, text, tuple(slots), tuple(images), tuple(interactive))


def fill(chapter: Chapter, contents: Iterable[tuple[Fence, str]]) -> str:
    """The chapter's text with other contents between the backticks of some fences.

    Args:
        chapter: The chapter; its text outside these fences comes back byte for byte.
        contents: Pairs of a fence and the text that belongs in it, without the
            fence's indentation and without a final newline.

    Raises:
        WeaveError: A text holds a line that would close its fence.
    """
    text = chapter.text
    problems = []
    pieces = []
    position = 0
    for fence, content in sorted(contents, key=lambda pair: pair[0].start):
        if fence.closing:
            pieces += [text[position : fence.start], indented(content, fence, text)]
            position = fence.end
            continue
        match = OPENING.fullmatch(split_lines(text)[fence.line - 1].rstrip("\r\n"))
        ticks = match["ticks"] if match else "```"
        closing = re.compile(
            rf"^[ \t]*{re.escape(ticks[0])}{{{len(ticks)},}}\s*$", re.M
        )
        if closing.search(content):
            what = (
                f"the text for this fence holds a line of {ticks}, which would close it"
            )
            hint = f"open and close this fence with {ticks + ticks[0]}"
            problems.append(Problem(chapter.path, fence.line, what, hint))
            continue
        pieces += [text[position : fence.start], indented(content, fence, text)]
        position = fence.end
    if problems:
        raise WeaveError(*problems)
    return "".join([*pieces, text[position:]])


def indented(content: str, fence: Fence, text: str) -> str:
    """The content as it stands inside the fence: indented, with the file's newlines."""
    newline = "\r\n" if "\r\n" in text[: fence.start] else "\n"
    return (
        "".join(
            (fence.indent + line if line else "") + newline
            for line in content.split("\n")
        )
        if content
        else ""
    )


def contents(chapter: Chapter, fence: Fence) -> str:
    """What stands in the fence now, without indentation and final newline."""
    body = chapter.text[fence.start : fence.end].replace("\r\n", "\n")
    lines = [line.removeprefix(fence.indent) for line in body.split("\n")]
    return "\n".join(lines).removesuffix("\n")


def split_lines(text: str) -> list[str]:
    """The lines of a text, each with its newline, as editors count them.

    Unlike `str.splitlines`, which splits at form feeds and Unicode's separators too.
    """
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _interactive(lines: list[str], index: int, end: int, path: Path) -> Interactive:
    """What a figure that moves asks of a module, in a comment above the still figure.

        <!-- explore: descent after gradient_descent.py#paths
        rates: list(styles)
        -->
        ![What a reader should see](../figures/gradient_descent/paths.svg)

    Every further line is a name, a colon and a Python expression.
    """
    problems: list[Problem] = []

    def report(number: int, what: str, hint: str) -> None:
        problems.append(Problem(path, number + 1, what, hint))

    head = EXPLORE.fullmatch(lines[index].rstrip("\n"))
    target = EXPLORED.fullmatch(head["target"].strip()) if head else None
    if target is None:
        hint = "write <!-- explore: figure after module.py#cell, then lines name: value"
        report(index, f"{lines[index].strip()} names no figure and cell", hint)
    if end >= len(lines) or not IMAGE.match(lines[end].strip()):
        hint = "put its still figure, ![...](...), on the line below the -->"
        report(index, "this directive stands above no figure", hint)
    if "-->" not in lines[end - 1]:
        report(index, "this comment is never closed", "add --> where it ends")
    values: list[tuple[str, str]] = []
    for number in range(index + 1, end):
        line = lines[number].replace("-->", "")
        if not line.strip():
            continue
        value = VALUE.fullmatch(line.rstrip("\n"))
        try:
            tree = ast.parse(value["expression"], mode="eval") if value else None
        except SyntaxError:
            tree = None
        if value is None or tree is None:
            what = f"{line.strip()!r} is no name with an expression"
            report(number, what, "write name: expression, on one line")
        elif value["name"] in dict(values):
            report(number, f"{value['name']} is given twice", "give it once")
        else:
            values.append((value["name"], value["expression"]))
    if problems or target is None:
        raise WeaveError(*problems)
    return Interactive(
        path,
        index + 1,
        target["figure"],
        target["module"],
        target["cell"],
        tuple(values),
    )


def _skip_blank(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _end_of_comment(lines: list[str], index: int) -> int | None:
    """The index of the line after the one that closes the comment, or None."""
    for end in range(index, len(lines)):
        if "-->" in lines[end].split("<!--")[-1]:
            return end + 1
    return None
