"""A page as HTML shows the results of this run, whatever they are made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from tests.weave.books import SmallBook, page, rendered
from weave import publish
from weave.model import WeaveError
from weave.results import CellResult, Table

Make = Callable[[dict[str, str]], SmallBook]
CODE = page("a.py#one").removeprefix("# A page\n\n")
SLOT = page("a.py#one", printing="one").removeprefix("# A page\n\n")
PLAIN = {"code", "div", "pre", "samp", "span"}  # what a page of one slot holds

LAST = '<p class="done"'  # the end of a page: read or not, and what it ran on
LINKS = re.compile(r'<div class="source".*?</div>')  # to the modules


class Reader(HTMLParser):
    """Collects a page's elements, and the text inside some of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outputs: list[str] = []
        self.code: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        if tag == "samp":
            self.outputs.append("")
        if tag == "code":
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        if "samp" in self._open:
            self.outputs[-1] += data
        if "code" in self._open:
            self.code[-1] += data


@pytest.fixture
def make_page(make_book: Make) -> Callable[..., Reader]:
    """`make_page(code, text)`: the page `text`, where cell `a.py#one` is `code`."""

    def make(code: str, text: str = SLOT) -> Reader:
        book = make_book({"snippets/a.py": f"# %% one\n{code}\n", "docs/a.md": text})
        return Reader(LINKS.sub("", rendered(book, text).partition(LAST)[0]))

    return make


def test_a_page_shows_the_code_and_what_it_prints(
    make_page: Callable[..., Reader],
) -> None:
    shown = make_page("x = 1 < 2\nprint(x)")
    assert shown.code == ["x = 1 < 2\nprint(x)\n"]
    assert shown.outputs == ["True"]
    assert "expected-output" not in shown.text


def test_a_page_shows_this_runs_results_and_not_its_own_copy(
    make_page: Callable[..., Reader],
) -> None:
    stale = SLOT.replace("python\n", "python\nprint('old')\n")
    stale = stale.replace("text\n", "text\nold\n")
    shown = make_page("print('new')", stale)
    assert shown.code == ["print('new')\n"]
    assert shown.outputs == ["new"]
    assert "old" not in shown.text


HOSTILE = [
    "<script>alert(1)</script>",
    "```\n<b>outside</b>\n```",
    "~~~\n````",
    "</samp></pre></div><script>alert(1)</script>",
    "&amp; &lt; &#10; &nbsp;",
    "<!-- snippet: a.py#one -->\n```python\n```",
    "<!--",
    "-->",
    "]]> <![CDATA[",
    "**bold** _it_ `code` [a](b) ![c](d) $x$ $$y$$ \\(z\\) {: .c } <https://a.b>",
    "# Title\n\n* list\n\n    indented\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "{{ page.title }} {% raw %} --8<-- 'file' [TOC] :smile: *[abbr]: x",
    "<details markdown='1'>\n\n</details>",
    "first\n\n\n\nlast  ",
    "wzxhzdk:0 klzzwxh:0001",
    "'\"\\",
    "\u00e4 \u2202y/\u2202x \u2192 \U0001f600",
    "\ttab\n  two\n    four",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_printed_is_text_on_the_page(
    make_page: Callable[..., Reader], text: str
) -> None:
    shown = make_page(f"print({text!r})")
    assert shown.outputs == [text]
    assert set(shown.tags) == PLAIN


@pytest.mark.parametrize("text", [each for each in HOSTILE if "\t" not in each])
def test_whatever_stands_in_the_code_is_text_on_the_page(
    make_page: Callable[..., Reader], text: str
) -> None:
    code = f"x = r'''\n{text} '''"
    shown = make_page(code, CODE)
    assert shown.code == [code + "\n"]
    assert set(shown.tags) == PLAIN - {"samp"}


@pytest.mark.parametrize(
    ("opening", "closing", "indent"),
    [
        ("", "", ""),
        ('<details markdown="1">\n<summary>Solution</summary>\n\n', "\n</details>", ""),
        ("1. First:\n\n", "", "    "),
        ("* First:\n\n    * Second:\n\n", "", "        "),
    ],
    ids=["plain", "fold", "list", "nested list"],
)
def test_a_slot_may_stand_in_a_fold_or_a_list(
    make_page: Callable[..., Reader], opening: str, closing: str, indent: str
) -> None:
    inner = "".join(f"{indent}{line}\n" for line in SLOT.splitlines())
    text = f"Before.\n\n{opening}{inner}{closing}\n\nAfter.\n"
    shown = make_page("for i in range(2):\n\n    print(i, '<b>')", text)
    assert shown.outputs == ["0 <b>\n1 <b>"]
    assert shown.code == ["for i in range(2):\n\n    print(i, '<b>')\n"]
    assert "After." in shown.text
    assert "```" not in shown.text
    assert "\x02" not in shown.text


def test_the_prose_around_the_slots_stays(make_page: Callable[..., Reader]) -> None:
    text = f"Zero *one*.\n\n{SLOT}\nTwo.\n\n```console\n$ ls\n```\n\nThree."
    shown = make_page("print(1)", text)
    words = shown.text.split()
    assert words[:2] == ["Zero", "one."]
    assert [word for word in words if word in ("Two.", "ls", "Three.")] == [
        "Two.",
        "ls",
        "Three.",
    ]


def test_a_directive_without_blanks_is_filled_too(
    make_page: Callable[..., Reader],
) -> None:
    text = "<!--snippet:a.py#one-->\n```python\nold\n```\n\nProse."
    assert make_page("x = 1", text).code == ["x = 1\n"]


def test_a_page_without_directives_is_left_alone(
    make_page: Callable[..., Reader],
) -> None:
    shown = make_page("print(1)", "Prose.\n\n```python\nprint(2)\n```\n")
    assert shown.outputs == []
    assert shown.code == ["print(2)\n"]
    assert "ran on" not in shown.text


def test_a_page_says_what_it_ran_on(make_book: Make) -> None:
    import platform

    import numpy as np

    code = "# %% one\nimport numpy as np\nprint(np.sum([1]))\n"
    book = make_book({"snippets/a.py": code, "docs/part/b.md": SLOT})
    line = Reader(rendered(book, SLOT).partition(LAST)[2]).text
    said = f"ran on Python {platform.python_version()}, numpy {np.__version__}"
    assert f"{said}; device: cpu." in line


def test_a_chapter_begins_with_its_length_and_its_code_to_take_along(
    make_book: Make,
) -> None:
    text = f"# A title\n\n{'word ' * 400}\n\n{SLOT}"
    book = make_book({"snippets/a.py": "# %% one\nprint(1)\n", "docs/part/b.md": text})
    html = rendered(book, text, "docs/part/b.md")
    assert re.search(
        r"<h1[^>]*>A title</h1>\s*<p class=.times.[^>]*>2 min to read", html
    )
    assert '<a href="../../programs/b.py" download>' in html
    assert '<a href="../../notebooks/b.ipynb" download>' in html
    assert 'class="waiting">ran in <span data-seconds="a">' in html


def test_a_comment_in_the_code_is_no_title(make_book: Make) -> None:
    text = f"{SLOT}\nProse.\n"
    book = make_book(
        {"snippets/a.py": "# %% one\n# note\nprint(1)\n", "docs/b.md": text}
    )
    assert "to read" not in Reader(rendered(book, text)).text


def test_every_block_leads_to_its_line_of_the_module(make_book: Make) -> None:
    module = "# %% zero\nx = 1\n\n# %% one\nx += 1\nprint(x)\n"
    text = page("a.py#zero", "a.py#one", printing="one")
    book = make_book({"snippets/a.py": module, "docs/part/b.md": text})
    links = re.findall(
        r'class="source"[^>]*><a href="([^"]*)">([^<]*)<',
        rendered(book, text, "docs/part/b.md"),
    )
    assert links == [
        ("../../source/a.html#line-2", "a.py:2"),
        ("../../source/a.html#line-5", "a.py:5"),
    ]
    listing = dict(publish.texts(book.weave()))["source/a.html"]
    assert '<a id="line-5"' in listing


def test_a_data_frame_is_a_table_with_headings(make_book: Make) -> None:
    code = (
        "import pandas as pd\n"
        "print('Before')\n"
        "print(pd.DataFrame({'<b>': [1]}, index=['a & b']))\n"
        "print('After')"
    )
    text = SLOT
    book = make_book({"snippets/a.py": f"# %% one\n{code}\n", "docs/a.md": text})
    html = rendered(book, text)
    assert (
        '<table class="values">'
        '<thead><tr><td></td><th scope="col">&lt;b&gt;</th></tr></thead>'
        '<tbody><tr><th scope="row">a &amp; b</th><td>1</td></tr></tbody></table>'
    ) in html
    assert Reader(html).outputs == ["Before", "After"]


def test_a_table_that_was_not_printed_as_such_stays_text() -> None:
    from weave.render.outputs import output

    table = Table("   x\n0  1", ("", "x"), (("0", "1"),))
    assert "<table" not in output(CellResult("one", "other", (table,)))
    assert "<table" in output(CellResult("one", table.text, (table,)))


def test_a_book_with_a_failure_shows_no_page(make_book: Make) -> None:
    text = page("a.py#one", "b.py#one")
    book = make_book(
        {
            "snippets/a.py": "# %% one\nx = 1\n",
            "snippets/b.py": "# %% one\n1 / 0\n",
            "docs/a.md": text,
        }
    )
    with pytest.raises(WeaveError, match="cell 'one' raises ZeroDivisionError"):
        rendered(book, text)


def test_a_page_can_tell_the_versions_and_the_chapters_of_the_build(
    make_book: Make,
) -> None:
    text = "# About\n\n<!-- weave: build -->\n\nThe end.\n"
    code = "# %% one\nimport numpy as np\nprint(np.sum([1]))\n"
    files = {"snippets/b.py": code, "docs/part/b.md": SLOT, "docs/more/about.md": text}
    files["docs/part/b.md"] = "# A chapter\n\n" + SLOT.replace("a.py", "b.py")
    html = rendered(make_book(files), text, "docs/more/about.md")
    assert re.search(r"<td>numpy</td>\s*<td>[\d.]+</td>", html)
    assert re.search(r"<td>device</td>\s*<td>cpu</td>", html)
    assert '<td><a href="../part/b.md">A chapter</a></td>' in html
    assert '<span data-seconds="b"></span>' in html
    assert html.endswith("<p>The end.</p>")


def test_a_page_can_tell_how_long_another_takes_to_read(make_book: Make) -> None:
    code = "# %% one\n" + "print(1)\n" * 100
    long = "# A\n\n" + SLOT + "\nword" * 600 + "\n"
    book = make_book({"snippets/a.py": code, "docs/a.md": long})
    assert book.run().returncode == 0
    assert "<p>It takes 7 min.</p>" in rendered(
        book, "It takes <!-- weave: minutes a.md -->.\n"
    )
    with pytest.raises(WeaveError, match=r"a.md:3: there is no page b.md; name a"):
        rendered(book, "# Path\n\n<!-- weave: minutes b.md -->\n")


def test_the_values_of_an_interactive_figure_cannot_end_their_script(
    make_book: Make,
) -> None:
    module = "# %% one\nimport matplotlib.pyplot as plt\nplt.plot([1])\n"
    book = make_book({"snippets/a.py": module})
    text = (
        f"{CODE}\n<!-- explore: path after a.py#one\n"
        'word: "</script><b>"\n-->\n![The path](figures/a/one.svg)\n'
    )
    book.write("docs/a.md", text)
    html = rendered(book, text)
    assert html.count("</script>") == 1
    assert '{"word":"\\u003c/script>\\u003cb>"}' in html
    assert html.index('data-figure="path"') > html.index("<img")


@pytest.mark.parametrize(
    "mark",
    [
        "<!-- weave: build -->",
        "<!-- weave: machines -->",
        "<!-- weave: minutes x.md -->",
        "<!-- claim: x -->",
    ],
)
def test_the_marks_of_a_page_are_text_in_what_its_code_is_and_prints(
    make_page: Callable[..., Reader], mark: str
) -> None:
    code = f"x = '''\n{mark}\n'''\nprint({mark!r})"
    shown = make_page(code)
    assert shown.outputs == [mark]
    assert shown.code == [f"{code}\n"]
