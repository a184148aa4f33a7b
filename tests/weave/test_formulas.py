"""Formulas become HTML with MathML while the page is built; wrong ones stop it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown import Markdown

from weave import formulas, markdown
from weave.formulas import FormulaError, Formulas
from weave.model import WeaveError

MATHML = re.compile(r'<annotation encoding="application/x-tex">(.*?)</annotation>')


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rendered(text: str) -> str:
    """The HTML of a page's Markdown, with the site's extensions that matter here."""
    extensions = ["attr_list", "tables", "pymdownx.superfences", "weave.formulas"]
    html: str = Markdown(extensions=extensions).convert(text)
    return html


def test_a_formula_in_a_line_is_html_with_mathml_that_holds_its_source() -> None:
    html = rendered("The slope is $2x$ here.\n")
    assert MATHML.findall(html) == ["2x"]
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML">' in html
    assert "katex-display" not in html
    assert re.fullmatch(r"<p>The slope is .* here\.</p>", html, re.S)


def test_a_displayed_formula_can_be_scrolled_by_keyboard() -> None:
    html = rendered("$$\ny = \\frac{1}{2}\n$$\n")
    assert MATHML.findall(html) == [r"y = \frac{1}{2}"]
    assert 'class="formula" tabindex="0" role="group" aria-label="Formula"' in html
    assert "katex-display" in html


def test_dollars_in_code_and_prices_are_no_formulas() -> None:
    html = rendered("`$x$` costs $5 or $6.\n\n```text\n$y$\n```\n")
    assert "katex" not in html
    assert "$y$" in html
    assert "costs $5 or $6." in html


def test_letters_that_html_reserves_reach_katex_as_they_are() -> None:
    (source,) = MATHML.findall(rendered("$a < b \\& c > d$\n"))
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
    tmp_path: Path, tex: str, said: str
) -> None:
    page = tmp_path / "a.md"
    page.write_text(f"# Title\n\nRight: $x$.\n\nWrong: ${tex}$ and $y$.\n", "utf-8")
    before = markdown.page.set(page)
    try:
        with pytest.raises(WeaveError) as raised:
            rendered(page.read_text("utf-8"))
    finally:
        markdown.page.reset(before)
    (problem,) = raised.value.problems
    assert (problem.path, problem.line) == (page, 5)
    assert problem.what.startswith("KaTeX cannot read $")
    assert said in problem.what


def test_all_wrong_formulas_of_a_page_are_reported() -> None:
    with pytest.raises(WeaveError) as raised:
        rendered("$\\one$, $x$ and $\\two$.\n")
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
    monkeypatch.setattr(formulas, "_katex_digest", lambda: "another")
    second = Formulas(file)
    second.render("x", display=False)
    second.finish()
    assert len(json.loads(file.read_text())) == 2


def test_the_error_says_what_katex_says() -> None:
    with pytest.raises(FormulaError, match=r"Undefined control sequence: \\nope"):
        Formulas(Path("formulas.json")).render(r"\nope", display=False)
