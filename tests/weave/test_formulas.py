"""Formulas become HTML with MathML while the page is built; wrong ones stop it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import SmallBook, rendered
from weave.model import WeaveError
from weave.site import katex
from weave.site.katex import FormulaError, Formulas

MATHML = re.compile(r'<annotation encoding="application/x-tex">(.*?)</annotation>')


@pytest.fixture
def html_of(make_book: Callable[[dict[str, str]], SmallBook]) -> Callable[[str], str]:
    """`html_of(text)`: the HTML of the page `docs/a.md` of a book."""

    def make(text: str) -> str:
        return rendered(make_book({"docs/a.md": text}), text)

    return make


def test_a_formula_in_a_line_is_html_with_mathml_that_holds_its_source(
    html_of: Callable[[str], str],
) -> None:
    html = html_of("The slope is $2x$ here.\n")
    assert MATHML.findall(html) == ["2x"]
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML">' in html
    assert "katex-display" not in html
    assert re.fullmatch(r"<p>The slope is .* here\.</p>", html, re.S)


def test_a_formula_is_kept_with_the_signs_beside_it_but_may_break_between_its_parts(
    html_of: Callable[[str], str], tmp_path: Path
) -> None:
    formulas = Formulas(tmp_path / "formulas.json")
    a, b, c = (formulas.render(tex, display=False) for tex in ("a+b", "b+c", "c"))
    part = '<span class="katex-base">'
    broken = a.replace(f"</span>{part}", f"</span><wbr>{part}")
    assert broken.count("<wbr>") == 1
    html = html_of("Let ($a+b$), $b+c$ be ($c$ or *$c$*).\n").replace("\n", "")
    assert html == (
        f'<p>Let <span class="kept">({broken}),</span> {b} be '
        f'<span class="kept">({c}</span> or <em>{c}</em>).</p>'
    )


def test_a_displayed_formula_can_be_scrolled_by_keyboard(
    html_of: Callable[[str], str],
) -> None:
    html = html_of("$$\ny = \\frac{1}{2}\n$$\n")
    assert MATHML.findall(html) == [r"y = \frac{1}{2}"]
    assert 'class="formula" tabindex="0" role="group" aria-label="Formula"' in html
    assert "katex-display" in html


def test_dollars_in_code_and_prices_are_no_formulas(
    html_of: Callable[[str], str],
) -> None:
    html = html_of("`$x$` costs $5 or $6.\n\n```text\n$y$\n```\n")
    assert "katex" not in html
    assert "$y$" in html
    assert "costs $5 or $6." in html


def test_letters_that_html_reserves_reach_katex_as_they_are(
    html_of: Callable[[str], str],
) -> None:
    (source,) = MATHML.findall(html_of("$a < b \\& c > d$\n"))
    assert source == r"a &lt; b \&amp; c &gt; d"


@pytest.mark.parametrize(
    ("tex", "said"),
    [
        (r"\fraq{1}{2}", r"Undefined control sequence: \fraq"),
        (r"\left(1", "Expected"),
        (r"x^2^3", "Double superscript"),
        ("\u00e4", "Accented Unicode text"),
    ],
)
def test_a_wrong_formula_is_named_with_file_line_and_cause(
    html_of: Callable[[str], str], tex: str, said: str
) -> None:
    with pytest.raises(WeaveError) as raised:
        html_of(f"# Title\n\nRight: $x$.\n\nWrong: ${tex}$ and $y$.\n")
    (problem,) = raised.value.problems
    assert (problem.path.name, problem.line) == ("a.md", 5)
    assert problem.what.startswith("KaTeX cannot read $")
    assert said in problem.what


def test_all_wrong_formulas_of_a_page_are_reported(
    html_of: Callable[[str], str],
) -> None:
    with pytest.raises(WeaveError) as raised:
        html_of("$\\one$, $x$ and $\\two$.\n")
    assert len(raised.value.problems) == 2


def test_what_was_rendered_is_remembered_and_katex_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "formulas.json"
    first = Formulas(file)
    html = first.render("x^2", display=False)
    first.finish()

    def fail(self: Formulas, tex: str, display: bool) -> str:
        raise AssertionError(f"asked again for {tex}")

    monkeypatch.setattr(Formulas, "_run_katex", fail)
    assert Formulas(file).render("x^2", display=False) == html
    with pytest.raises(AssertionError):
        Formulas(file).render("x^2", display=True)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null"])
def test_a_damaged_memory_is_begun_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "formulas.json"
    file.write_text(text)
    anew = Formulas(file)
    html = anew.render("x", display=False)
    anew.finish()
    assert list(json.loads(file.read_text()).values()) == [html]


def test_two_builds_at_once_keep_each_others_formulas(tmp_path: Path) -> None:
    file = tmp_path / "formulas.json"
    one, two = Formulas(file), Formulas(file)
    one.render("x", display=False)
    two.render("y", display=False)
    one.finish()
    two.finish()
    assert len(json.loads(file.read_text())) == 2


def test_another_katex_is_asked_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "formulas.json"
    first = Formulas(file)
    first.render("x", display=False)
    first.finish()
    monkeypatch.setattr(katex, "_katex_digest", lambda: "another")
    second = Formulas(file)
    second.render("x", display=False)
    second.finish()
    assert len(json.loads(file.read_text())) == 2


def test_the_error_says_what_katex_says() -> None:
    with pytest.raises(FormulaError, match=r"Undefined control sequence: \\nope"):
        Formulas(Path("formulas.json")).render(r"\nope", display=False)
