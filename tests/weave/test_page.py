"""Markdown to slots, and slots filled back into Markdown."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from weave.model import WeaveError
from weave.read.page import parse_chapter, read_chapter
from weave.render.fill import contents, fill

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


FENCED = SLOT.split("\n\n", 1)[1].rsplit("\n\n", 1)[0] + "\n"  # without the prose


@pytest.mark.parametrize(
    "prose",
    [
        "A comment begins with `<!--` and hides what follows.",
        "A comment is `<!-- like this -->`.",
        "Write ``<!-- snippet: a.py#b -->`` above the fence.",
        "An arrow --> is no comment.",
        "This is inline: ```x = 1```, not a fence.",
        f"````markdown\n{FENCED}````",
        f"~~~markdown\n{FENCED}~~~",
        "<!-- Not yet:\n<!-- snippet: a.py#zero -->",
        "<!--\nsnippet: a.py#zero\n-->",
    ],
)
def test_what_only_speaks_of_directives_neither_claims_nor_hides(prose: str) -> None:
    (slot,) = parse_chapter(f"{prose}\n\n{FENCED}", PATH).slots
    assert (slot.cell, slot.line) == ("one", prose.count("\n") + 3)


def test_slots_in_lists_and_folds_know_their_indentation() -> None:
    text = """\
1. First:

    <!--snippet:a.py#one-->
    ```python
    x = 1
      # two more
    ```

<details markdown="1">
<summary>Solution</summary>

<!-- snippet: a.py#two -->
```python
```

</details>
"""
    chapter = parse_chapter(text, PATH)
    one, two = chapter.slots
    assert (one.cell, one.code.indent, one.output) == ("one", "    ", None)
    assert (two.cell, two.code.indent, two.output) == ("two", "", None)
    assert contents(chapter, one.code) == "x = 1\n  # two more"


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x0c", "\x0b", "\x1c"])
def test_lines_are_counted_as_an_editor_counts_them(odd: str) -> None:
    chapter = parse_chapter(f"odd{odd}line\n\n{FENCED}", PATH)
    (slot,) = chapter.slots
    assert (slot.line, contents(chapter, slot.code)) == (3, "x = 1")
    assert fill(chapter, [(slot.code, f"'{odd}'")]).count(odd) == 2


@pytest.mark.parametrize(
    "line",
    [
        "<!-- snippet: a.py#one --> see below",
        "- <!-- snippet: a.py#one -->",
        "> <!-- snippet: a.py#one -->",
    ],
)
def test_a_directive_that_shares_its_line_is_not_overlooked(line: str) -> None:
    assert problem_of(f"Prose.\n\n{line}\n```python\n```\n") == (
        "docs/a.md:3: a directive shares its line with other text; "
        "put it on a line of its own, above its fence"
    )


def test_a_comment_that_is_never_closed_is_reported_where_it_opens() -> None:
    assert problem_of("# A\n\nProse <!-- and no end.\n\nMore.\n") == (
        "docs/a.md:3: this comment is never closed; add --> where the comment ends"
    )


def test_a_longer_fence_needs_as_many_backticks_to_close() -> None:
    said = problem_of("<!-- snippet: a.py#one -->\n````python\n```\n")
    assert said == (
        "docs/a.md:2: this fence is never closed; "
        "add a line of ```` where the block ends"
    )


@pytest.mark.parametrize("below", ["", "Text.\n", "```\n```\n", "    x = 1\n"])
def test_a_directive_must_stand_directly_above_a_python_fence(below: str) -> None:
    said = problem_of(f"Prose.\n\n<!-- snippet: a.py#one -->\n{below}")
    assert said == (
        "docs/a.md:3: this directive stands above no Python fence; "
        "put ```python and ``` directly below it"
    )


@pytest.mark.parametrize("target", ["", "a", "a.py", "a#one", "a.py#", "b/a.py#one"])
def test_a_directive_must_name_a_cell(target: str) -> None:
    assert problem_of(f"<!-- snippet: {target} -->\n```python\n```\n") == (
        f"docs/a.md:1: <!-- snippet: {target} --> names no cell; "
        "write <!-- snippet: module.py#cell -->"
    )


def test_every_mistake_in_a_chapter_is_reported_at_once() -> None:
    said = problem_of("<!-- snippet: a -->\n```python\n```\n\n<!-- snippet: a.py#b -->")
    assert [line.split(":")[1] for line in said.splitlines()] == ["1", "5"]


def test_everything_outside_the_fences_comes_back_byte_for_byte() -> None:
    page = (
        "\ufeff---\ntitle: Gr\u00fcn\n---\n\n# T\u00eftle  \n\ttab\t\n\n"
        "Line with \x0b odd \u2028 ends\x85 and no-break\xa0space. \n"
        "* list  \n\n"
        "    <!--   snippet:  a.py#one   -->  \n"
        "    ```  python  \n"
        "    old\n"
        "    ```  \n"
        "  \n"
        "    <!-- pytest-codeblocks: expected-output -->\n"
        "    ```text\n"
        "    ```\n\n"
        "````markdown\n```python\n<!-- snippet: a.py#one -->\n```\n````\n"
        "~~~\n<!-- snippet: a.py#one -->\n~~~\n"
        "<!--\n<!-- snippet: a.py#one\n-->\n"
        "| a | b |\n|---|---|\n\n\n\nNo newline at the end"
    )
    chapter = parse_chapter(page, PATH)
    (slot,) = chapter.slots
    assert slot.output is not None
    filled = fill(chapter, [(slot.code, "new\n\n  line"), (slot.output, "\u00e9")])
    assert filled == page.replace("    old\n", "    new\n\n      line\n").replace(
        "    ```text\n", "    ```text\n    \u00e9\n"
    )


@pytest.mark.parametrize(
    "content", ["a\n", "\na", "a\n\n\nb", "  a  ", "\ta", "\u00e9"]
)
def test_what_is_filled_in_is_read_back(content: str) -> None:
    indented = "".join(f"  {line}\n" for line in FENCED.splitlines())
    for page in (FENCED, FENCED.replace("\n", "\r\n"), indented):
        chapter = parse_chapter(page, PATH)
        (slot,) = chapter.slots
        assert slot.output is not None
        text = fill(chapter, [(slot.code, content), (slot.output, content)])
        assert page.count("\r\n") == 0 or text.count("\r\n") == text.count("\n")
        chapter = parse_chapter(text, PATH)
        (slot,) = chapter.slots
        assert slot.output is not None
        assert contents(chapter, slot.code) == content
        assert contents(chapter, slot.output) == content


@pytest.mark.parametrize("line", ["```", "  ```", "`````", "``` ", "\t```"])
def test_any_line_that_would_close_the_fence_is_refused(line: str) -> None:
    chapter = parse_chapter(FENCED, PATH)
    with pytest.raises(WeaveError, match=r"docs/a\.md:2: the text for this fence"):
        fill(chapter, [(chapter.slots[0].code, f"before\n{line}\nafter")])


def test_a_longer_fence_takes_a_line_of_three_backticks() -> None:
    chapter = parse_chapter(FENCED.replace("```", "````"), PATH)
    assert "````python\n```\n````\n" in fill(chapter, [(chapter.slots[0].code, "```")])


def test_backticks_inside_a_line_close_nothing() -> None:
    chapter = parse_chapter(FENCED, PATH)
    assert "\nsay ``` now\n" in fill(chapter, [(chapter.slots[0].code, "say ``` now")])


def test_images_are_found_with_their_text_and_line_outside_of_code() -> None:
    text = (
        "Text ![one](figures/a/one.svg) and `![no](code.svg)`.\n\n"
        "```markdown\n![no](fence.svg)\n```\n\n"
        '![two \\] words](<figures/a/two.svg> "title")\n'
        "![](figures/a/three.svg){ width=300 }\n"
    )
    images = parse_chapter(text, PATH).images
    assert [(image.line, image.alt, image.target) for image in images] == [
        (1, "one", "figures/a/one.svg"),
        (7, "two \\] words", "figures/a/two.svg"),
        (8, "", "figures/a/three.svg"),
    ]


ASKED = """\
<!-- explore: descent after a.py#one
rate: 0.7
path: [x for x in range(3)]
-->
![The path](../figures/a/one.svg)
"""


def test_an_interactive_figure_names_a_cell_and_expressions() -> None:
    (place,) = parse_chapter("# Title\n\n" + ASKED, PATH).interactive
    asked = place.asked
    assert (place.line, asked.name, asked.module, asked.cell) == (
        3,
        "descent",
        "a",
        "one",
    )
    assert asked.values == (("rate", "0.7"), ("path", "[x for x in range(3)]"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a.py#one", "a.py", "docs/a.md:1: <!-- explore: descent after a.py names no"),
        ("![The path]", "\n![", "docs/a.md:1: this directive stands above no figure; "),
        ("-->", "", "docs/a.md:1: this comment is never closed; add --> where it ends"),
        ("0.7", "0.7 +", "docs/a.md:2: 'rate: 0.7 +' is no name with an expression; "),
        ("path:", "rate:", "docs/a.md:3: rate is given twice; give it once"),
        ("path:", "path", "docs/a.md:3: 'path [x for x in range(3)]' is no name with"),
    ],
)
def test_a_wrong_interactive_figure_says_what_to_do(
    old: str, new: str, expected: str
) -> None:
    assert ASKED.count(old) == 1
    assert problem_of(ASKED.replace(old, new)).startswith(expected)


@pytest.mark.parametrize("text", [SLOT, ASKED, "", "---\na: b\n---\n", "\ufeff" + SLOT])
def test_segments_cover_all_of_the_text_once_in_its_order(text: str) -> None:
    chapter = parse_chapter(f"{text}A <!-- claim: b --> c.\n\nEnd", PATH)
    position = 0
    for segment in chapter.segments:
        assert segment.start == position
        position = segment.end
        line = 1 + chapter.text.count("\n", 0, segment.start)
        assert segment.line == line
    assert position == len(chapter.text)


def test_marks_are_comments_of_the_prose_alone() -> None:
    text = (
        "| a | <!-- weave: minutes b.md --> |\n\n"
        "True. <!-- claim: it-is-true -->\n\n"
        "<!-- introduces: torch.tensor\ntorch.Tensor.shape -->\n\n"
        "`<!-- weave: build -->`\n\n```text\n<!-- weave: build -->\n```\n\n"
        + SLOT.replace("\n1\n", "\n<!-- weave: build -->\n")
    )
    marks = parse_chapter(text, PATH).marks
    assert [(mark.line, mark.kind, mark.words) for mark in marks] == [
        (1, "minutes", ("b.md",)),
        (3, "claim", ("it-is-true",)),
        (5, "introduces", ("torch.tensor", "torch.Tensor.shape")),
    ]
    with pytest.raises(WeaveError, match=r"docs/a.md:1: there is no mark 'bild'"):
        parse_chapter("<!-- weave: bild -->\n", PATH)


@pytest.mark.parametrize(
    "line",
    [
        *("<!-- " * 16000, "![a](" * 16000, "![" * 16000, "[" * 20000),
        *("<!-- a -->" * 8000, "![a](b)" * 8000, "![a](b" * 8000 + ")"),
        "`" * 8000 + "a`b" * 8000,
    ],
)
def test_a_long_line_takes_no_longer_than_its_length(line: str) -> None:
    begun = time.perf_counter()
    with contextlib.suppress(WeaveError):
        parse_chapter(f"{line}\n", PATH)
    assert time.perf_counter() - begun < 2
