"""Figures and equations have numbers, and references to them have the same ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import SmallBook, rendered
from weave.model import WeaveError

CHAIN = "$$\n\\label{chain}\ny = x\n$$\n"
SUM = "$$\n\\label{sum}\ns = a + b\n$$\n"
PLAIN = "$$\nz = 0\n$$\n"
FIGURE = '![A line that rises.](figures/a/one.svg "The line.")\n'
DRAWN = "# %% one\nimport matplotlib.pyplot as plt\n\nplt.plot([0, 1])\nplt.show()\n"


@pytest.fixture
def make_html(
    make_book: Callable[[dict[str, str]], SmallBook], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """`make_html(text)`: the page `docs/a.md` of a book whose one cell draws."""

    def make(text: str) -> str:
        shown = "<!-- snippet: a.py#one -->\n```python\n```\n\n"
        book = make_book({"snippets/a.py": DRAWN, "docs/a.md": f"{shown}{text}"})
        monkeypatch.chdir(book.root)
        return rendered(book, text)

    return make


def test_an_image_alone_becomes_a_figure_with_its_caption_and_size(
    make_html: Callable[[str], str],
) -> None:
    html = make_html(FIGURE)
    assert html.startswith('<figure id="figure-one"><img alt="A line that rises."')
    number = '<a class="number" href="#figure-one">Figure 1</a>'
    assert f"<figcaption>{number} The line.</figcaption></figure>" in html
    assert re.search(r' height="[1-9][0-9]+"', html)
    assert re.search(r' width="[1-9][0-9]+"', html)
    assert 'loading="lazy"' in html
    assert "title=" not in html


def test_an_image_among_words_or_of_another_folder_stays_as_it_is(
    make_html: Callable[[str], str],
) -> None:
    html = make_html(f"Look: {FIGURE}\n![A logo.](assets/logo.svg)\n")
    assert html.count("<img") == 2
    assert "<figure" not in html


def test_only_formulas_with_a_label_are_numbered_in_the_order_of_the_page(
    make_html: Callable[[str], str],
) -> None:
    html = make_html(f"{PLAIN}\n{CHAIN}\n{PLAIN}\n{SUM}\n")
    assert html.index('id="equation-chain"') < html.index('id="equation-sum"')
    sources = re.findall(r"<annotation[^>]*>(.*?)</annotation>", html, re.S)
    tags = [re.findall(r"\\tag\{(.*?)\}", source) for source in sources]
    assert tags == [[], ["1"], [], ["2"]]
    assert "\\label" not in html


def test_references_before_and_after_get_the_number_of_what_they_name(
    make_html: Callable[[str], str],
) -> None:
    places = (
        "Equation](#equation-sum",
        "Equation](#equation-chain",
        "Figure](#figure-one",
    )
    sentence = ", ".join(f"[{place})" for place in places) + "\n"
    html = make_html(f"{sentence}\n{CHAIN}\n{FIGURE}\n{SUM}\n{sentence}")
    assert html.count('<a href="#equation-sum">Equation (2)</a>') == 2
    assert html.count('<a href="#equation-chain">Equation (1)</a>') == 2
    assert html.count('<a href="#figure-one">Figure 1</a>') == 2


def test_a_link_with_words_of_its_own_keeps_them(
    make_html: Callable[[str], str],
) -> None:
    html = make_html(f"[the chain rule](#equation-chain)\n\n{CHAIN}")
    assert '<a href="#equation-chain">the chain rule</a>' in html


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            f"One.\n\n{CHAIN}\n[Equation](#equation-chian)\n",
            8,
            "this page has no equation-chian; "
            "its figures and equations are equation-chain",
        ),
        (
            "[Figure](#figure-two)\n",
            1,
            "this page has no figure-two; its figures and equations are none",
        ),
        (
            f"{CHAIN}\n{CHAIN}",
            7,
            "this page has two places named equation-chain; "
            "show the equation once, or rename one",
        ),
    ],
)
def test_a_reference_to_nothing_and_a_name_used_twice_stop_the_build(
    make_html: Callable[[str], str], text: str, line: int, said: str
) -> None:
    with pytest.raises(WeaveError) as raised:
        make_html(text)
    (problem,) = raised.value.problems
    assert problem.line == line
    assert problem.path == Path.cwd() / "docs" / "a.md"
    assert f"{problem.what}; {problem.hint}" == said
