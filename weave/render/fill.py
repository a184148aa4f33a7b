"""The page's Markdown again, with other contents in its claimed fences."""

from __future__ import annotations

import re
from collections.abc import Iterable

from weave.model import Chapter, Fence, Problem, WeaveError
from weave.read.lines import closes


def fill(chapter: Chapter, contents: Iterable[tuple[Fence, str]]) -> str:
    """The chapter's text with other contents between the backticks of some fences.

    Args:
        chapter: The chapter; its text outside these fences comes back byte for byte.
        contents: Pairs of a fence and the text that belongs in it, without the
            fence's indentation and without a final newline.

    Raises:
        WeaveError: A text holds a line that would close its fence.
    """
    problems = []
    pieces = []
    position = 0
    for fence, content in sorted(contents, key=lambda pair: pair[0].start):
        if _would_close(fence, content):
            ticks = fence.ticks
            what = (
                f"the text for this fence holds a line of {ticks}, which would close it"
            )
            hint = f"open and close this fence with {ticks + ticks[0]}"
            problems.append(Problem(chapter.path, fence.line, what, hint))
            continue
        pieces.append(chapter.text[position : fence.start])
        pieces.append(_indented(content, fence, chapter.text))
        position = fence.end
    if problems:
        raise WeaveError(*problems)
    return "".join([*pieces, chapter.text[position:]])


def contents(chapter: Chapter, fence: Fence) -> str:
    """What stands in the fence now, without indentation and final newline."""
    body = chapter.text[fence.start : fence.end].replace("\r\n", "\n")
    lines = [line.removeprefix(fence.indent) for line in body.split("\n")]
    return "\n".join(lines).removesuffix("\n")


def block(text: str, info: str, indent: str = "") -> str:
    """A fenced block of Markdown around any text, with longer ticks than it holds."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    ticks = "`" * max(3, 1 + longest)
    lines = f"{ticks}{info}\n{text}\n{ticks}".split("\n")
    return "".join(f"{indent}{line}\n" for line in lines)


def _would_close(fence: Fence, content: str) -> bool:
    if not fence.ticks:  # it ends at a comment, and all in it is written here
        return False
    return any(closes(fence.ticks).fullmatch(line) for line in content.split("\n"))


def _indented(content: str, fence: Fence, text: str) -> str:
    """The content as it stands inside the fence: indented, with the file's newlines."""
    if not content:
        return ""
    newline = "\r\n" if "\r\n" in text[: fence.start] else "\n"
    lines = content.split("\n")
    return "".join((fence.indent + line if line else "") + newline for line in lines)
