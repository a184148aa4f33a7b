"""Markdown to slots, and slots filled back into Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest

from weave.chapter import contents, fill, parse_chapter, read_chapter
from weave.model import WeaveError

PATH = Path("docs/a.md")
SLOT = """\
# Title

<!-- snippet: a.py#one -->
```python
x = 1
```

<!--pytest-codeblocks:expected-output-->
```text
1
```

The end.
"""


def problem_of(text: str) -> str:
    with pytest.raises(WeaveError) as caught:
        parse_chapter(text, PATH)
    return str(caught.value)


def test_a_slot_is_a_directive_a_python_fence_and_an_output_fence() -> None:
    chapter = parse_chapter(SLOT, PATH)
    (slot,) = chapter.slots
    assert (slot.line, slot.address) == (3, "a.py#one")
    assert (slot.code.line, contents(chapter, slot.code)) == (4, "x = 1")
    assert slot.output is not None
    assert (slot.output.line, contents(chapter, slot.output)) == (9, "1")


def test_filling_changes_only_what_stands_between_the_backticks() -> None:
    chapter = parse_chapter(SLOT, PATH)
    (slot,) = chapter.slots
    assert slot.output is not None
    filled = fill(chapter, [(slot.code, "x = 2\nprint(x)"), (slot.output, "2")])
    assert filled == SLOT.replace("x = 1\n", "x = 2\nprint(x)\n").replace(
        "\n1\n", "\n2\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        SLOT,
        SLOT.removesuffix("\n"),
        SLOT.replace("\n", "\r\n"),
        SLOT.replace("Title", "Größe → ∂y/∂x   "),
        SLOT + "\ttab and trailing blanks   \n\n\n",
        SLOT.replace("```python", "````python").replace("1\n```\n\n<", "1\n````\n\n<"),
        "* item\n\n" + "".join(f"    {line}\n" for line in SLOT.splitlines()[2:]),
    ],
    ids=["plain", "no-end", "crlf", "unicode", "blanks", "four-backticks", "indented"],
)
def test_filling_with_what_is_there_gives_the_same_bytes(text: str) -> None:
    chapter = parse_chapter(text, PATH)
    (slot,) = chapter.slots
    assert slot.output is not None
    assert contents(chapter, slot.code) == "x = 1"
    same = [(slot.code, "x = 1"), (slot.output, "1")]
    assert fill(chapter, same) == text


def test_an_empty_fence_is_filled_and_a_filled_one_is_emptied() -> None:
    empty = SLOT.replace("x = 1\n", "").replace("\n1\n", "\n")
    chapter = parse_chapter(empty, PATH)
    (slot,) = chapter.slots
    assert slot.output is not None
    assert contents(chapter, slot.code) == contents(chapter, slot.output) == ""
    assert fill(chapter, [(slot.code, "x = 1"), (slot.output, "1")]) == SLOT
    full = parse_chapter(SLOT, PATH)
    (slot,) = full.slots
    assert slot.output is not None
    assert fill(full, [(slot.code, ""), (slot.output, "")]) == empty


def test_blank_lines_inside_code_stay_without_indentation() -> None:
    text = "- a\n\n  <!-- snippet: a.py#one -->\n  ```python\n  ```\n"
    chapter = parse_chapter(text, PATH)
    filled = fill(chapter, [(chapter.slots[0].code, "x = 1\n\ny = 2")])
    assert filled == text.replace("```python\n", "```python\n  x = 1\n\n  y = 2\n")


def test_a_directive_inside_another_fence_or_comment_is_text() -> None:
    text = f"````markdown\n{SLOT}````\n\n<!--\n{SLOT.split('<!--pytest')[0]}-->\n"
    assert parse_chapter(text, PATH).slots == ()


def test_a_text_that_would_close_its_fence_is_refused() -> None:
    chapter = parse_chapter(SLOT, PATH)
    with pytest.raises(WeaveError) as caught:
        fill(chapter, [(chapter.slots[0].code, 'print("""\n```\n""")')])
    assert "docs/a.md:4: the text for this fence holds a line of ```" in str(
        caught.value
    )
    assert "open and close this fence with ````" in str(caught.value)


def test_an_unclosed_fence_is_named_by_its_first_line() -> None:
    said = problem_of("# A\n\n<!-- snippet: a.py#one -->\n```python\nx = 1\n")
    assert said == (
        "docs/a.md:4: this fence is never closed; "
        "add a line of ``` where the block ends"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<!-- snippet: a#one -->\n```python\n```\n",
            "docs/a.md:1: <!-- snippet: a#one --> names no cell; "
            "write <!-- snippet: module.py#cell -->",
        ),
        (
            "<!-- snippet: a.py#one -->\n\n```python\n```\n",
            "docs/a.md:1: this directive stands above no Python fence; "
            "put ```python and ``` directly below it",
        ),
        (
            "<!-- snippet: a.py#one -->\n```py\n```\n",
            "docs/a.md:1: this directive stands above no Python fence; "
            "put ```python and ``` directly below it",
        ),
        (
            "<!--pytest-codeblocks:expected-output-->\n```text\n```\n",
            "docs/a.md:1: this output marker belongs to no snippet; "
            "put it below a fence that a snippet directive claims",
        ),
        (
            SLOT.replace("```text", "```"),
            "docs/a.md:8: this output marker stands above no text fence; "
            "put ```text and ``` directly below it",
        ),
    ],
)
def test_a_wrong_directive_says_what_to_do(text: str, expected: str) -> None:
    assert problem_of(text).splitlines()[0] == expected


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"# A\n\nGr\xf6sse\n")
    with pytest.raises(WeaveError, match=r"a\.md:3: is not UTF-8; save the file"):
        read_chapter(path)


def test_images_are_found_with_brackets_in_their_text_and_not_in_code() -> None:
    text = "![The row m[1] of m](f/a.svg)\n\n`![no](b.svg)`\n\n<!-- ![no](c.svg) -->\n"
    chapter = parse_chapter(text, PATH)
    found = [(image.line, image.alt, image.target) for image in chapter.images]
    assert found == [(1, "The row m[1] of m", "f/a.svg")]
