"""How the book looks: its type, its four voices, on phones, wide screens and paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.site.conftest import WHOLE
from tests.site.test_reading import chapters
from tests.weave.books import ROOT

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
CHAPTER = "pytorch/gradient_descent/"
PHONE = {"width": 390, "height": 844}


def style(part: Locator, name: str, pseudo: str | None = None) -> str:
    """What the browser has computed for one property of a part of the page."""
    question = "(part, [name, pseudo]) => getComputedStyle(part, pseudo)[name]"
    return str(part.evaluate(question, [name, pseudo]))


def pixels(part: Locator, name: str) -> float:
    """A computed length."""
    return float(style(part, name).removesuffix("px"))


def test_text_and_code_are_set_in_the_books_own_type(open_page: Open) -> None:
    page = open_page(CHAPTER)
    used = page.evaluate(
        """() => [...document.fonts].filter(font => font.status === "loaded")
            .map(font => font.family.replaceAll('"', ""))"""
    )
    assert {"Neurons Serif", "Neurons Mono"} <= set(used)
    for selector, family in (("article > p", "Serif"), ("article pre > code", "Mono")):
        part = page.locator(selector).nth(1)
        assert style(part, "fontFamily").startswith(f'"Neurons {family}"')


@pytest.mark.parametrize("width", [1280, 1920, 390])
def test_code_has_about_four_fifths_of_the_size_of_text(
    open_page: Open, width: int
) -> None:
    page = open_page(CHAPTER, viewport={"width": width, "height": 900})
    text = pixels(page.locator("article > p:not([class])").first, "fontSize")
    code = pixels(page.locator("article > .highlight code").first, "fontSize")
    assert 0.74 <= code / text <= 0.86


def test_the_fonts_have_the_signs_of_text_and_code(open_page: Open) -> None:
    page = open_page(CHAPTER)
    modules = (ROOT / "snippets").glob("*.py")
    code = {sign for path in modules for sign in path.read_text("utf-8")} - {"\n"}
    letters = {chr(number) for number in range(0x20, 0x7F)}
    text = letters | set("\u2212\u2026\u2013\u2014\u2018\u2019\u201c\u201d\u00b7\u00d7")
    # A sign that a font lacks is as wide as another font makes it.
    missing = """([family, signs]) => {
        const pen = document.createElement("canvas").getContext("2d")
        const width = (sign, other) => {
            pen.font = `100px "${family}", ${other}`
            return pen.measureText(sign).width
        }
        return signs.filter(sign => width(sign, "serif") !== width(sign, "monospace"))
    }"""
    for family, signs in (("Neurons Serif", text), ("Neurons Mono", letters | code)):
        assert page.evaluate(missing, [family, sorted(signs)]) == [], family
    assert page.evaluate(missing, ["no such font", sorted(letters)])
    fonts = ROOT / "docs" / "assets" / "fonts"
    assert "SIL OPEN FONT LICENSE" in (fonts / "LICENSE.txt").read_text("utf-8")


def test_the_four_voices_are_told_apart_without_color(open_page: Open) -> None:
    page = open_page(CHAPTER)
    term = page.locator("article > p:has(a[href*=glossary] > strong)").first
    assert pixels(term, "borderLeftWidth") > 1
    first = page.locator("#common-mistakes ~ h3 ~ .highlight").first
    assert "mistake" in style(first, "content", "::before")
    assert pixels(first, "borderLeftWidth") > 3
    exercise = page.locator("h3[id^=exercise-]").first
    assert pixels(exercise, "borderTopWidth") > 0
    assert pixels(exercise, "borderLeftWidth") > 3
    recap = page.locator("#recap + ul")
    assert pixels(recap, "borderRightWidth") > 0
    plain = page.locator("article > .highlight").first
    assert style(plain, "content", "::before") in ("none", "normal")
    assert pixels(plain, "borderLeftWidth") < 2


def test_only_the_first_block_of_a_section_of_mistakes_is_marked(
    open_page: Open,
) -> None:
    page = open_page(CHAPTER)
    marked = page.evaluate(
        """() => [...document.querySelectorAll("article > .highlight")]
            .filter(block =>
                getComputedStyle(block, "::before").content.includes("mistake"))
            .map(block => {
                let at = block
                while (!/H[23]/.test(at.tagName)) at = at.previousElementSibling
                let above = at
                while (above.tagName !== "H2") above = above.previousElementSibling
                return [above.id, at.id]
            })"""
    )
    assert marked
    assert {section for section, _ in marked} == {"common-mistakes"}
    titles = [title for _, title in marked]
    assert len(titles) == len(set(titles))


def test_a_fold_has_no_icon_of_a_page(open_page: Open) -> None:
    page = open_page(CHAPTER)
    summary = page.locator("article details > summary").first
    assert style(summary, "display", "::before") == "none"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_copy_button_covers_no_code(open_page: Open, width: int) -> None:
    page = open_page(CHAPTER, viewport={"width": width, "height": 844})
    page.wait_for_function(WHOLE)
    block = page.locator("article > .highlight").nth(1)
    block.scroll_into_view_if_needed()
    button = block.locator(".md-code__button")
    button.wait_for()
    code, copy = block.locator("code").bounding_box(), button.bounding_box()
    assert code is not None
    assert copy is not None
    assert copy["y"] + copy["height"] <= code["y"] + 1
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button.click()
    assert page.evaluate("navigator.clipboard.readText()").strip()


def test_what_scrolls_on_a_phone_shows_that_it_does(open_page: Open) -> None:
    page = open_page(CHAPTER, viewport=PHONE)
    page.wait_for_function(WHOLE)
    shaded = page.evaluate(
        """() => [...document.querySelectorAll("pre > code, .formula, .output pre")]
            .filter(box => box.scrollWidth > box.clientWidth + 1)
            .map(box => getComputedStyle(box).backgroundImage)
            .map(image => image.split("linear").length - 1)"""
    )
    assert shaded
    assert set(shaded) == {4}


@pytest.mark.parametrize("width", [1280, 390])
def test_code_in_tables_stays_in_one_line(open_page: Open, width: int) -> None:
    page = open_page("appendices/build/", viewport={"width": width, "height": 844})
    broken = page.evaluate(
        """() => [...document.querySelectorAll("article td code")]
            .filter(code => code.getClientRects().length > 1)
            .map(code => code.textContent)"""
    )
    assert page.locator("article td code").count() > 5
    assert broken == []


@pytest.mark.parametrize("width", [1440, 390, 360])
def test_a_sign_behind_a_formula_stays_in_its_line(open_page: Open, width: int) -> None:
    page = open_page("foundations/neurons/", viewport={"width": width, "height": 900})
    page.wait_for_function(WHOLE)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    lost = page.evaluate(
        """() => [...document.querySelectorAll("article .katex")].filter(formula => {
            const next = formula.nextSibling
            if (!(next instanceof Text && /^[.,;:)]/.test(next.data))) return false
            const range = document.createRange()
            range.setStart(next, 0)
            range.setEnd(next, 1)
            const sign = range.getBoundingClientRect()
            const parts = formula.querySelector(".katex-html").children
            const end = [...parts].at(-1).getBoundingClientRect()
            return sign.left < end.right - 2 || sign.bottom < end.top
        }).map(formula => formula.textContent)"""
    )
    assert page.locator("article .kept").count() > 5
    assert lost == []


def test_chapters_have_numbers_in_the_navigation_and_appendices_have_none(
    open_page: Open,
) -> None:
    page = open_page(CHAPTER)
    counted = page.evaluate(
        """() => [...document.querySelectorAll(".md-nav--primary a.md-nav__link")]
            .filter(link => link.checkVisibility())
            .filter(link => !link.getAttribute("href").startsWith("#"))
            .map(link => [link.getAttribute("href"),
                getComputedStyle(link, "::before").content.includes("counter")])"""
    )
    numbered = [href for href, has in counted if has]
    assert len(numbered) == len(chapters())
    assert not any("appendices" in href for href in numbered)
    assert sum(not has for _, has in counted) >= 5


def test_a_wide_screen_is_used_beside_the_prose(open_page: Open) -> None:
    page = open_page(CHAPTER, viewport={"width": 1920, "height": 1080})
    prose = page.locator("article > p:not([class])").first.bounding_box()
    figure = page.locator("article > .interactive")
    figure.locator("svg").wait_for()
    box, drawn = figure.bounding_box(), figure.locator("svg").bounding_box()
    controls = figure.locator(".controls").bounding_box()
    assert prose is not None
    assert box is not None
    assert drawn is not None
    assert controls is not None
    assert box["width"] > 1.3 * prose["width"]
    assert controls["x"] >= drawn["x"] + drawn["width"]


def test_on_paper_tables_are_no_larger_than_text_and_pages_have_numbers(
    open_page: Open, site: Path
) -> None:
    page = open_page("foundations/neurons/")
    page.emulate_media(media="print")
    text = pixels(page.locator("article > p:not([class])").first, "fontSize")
    for selector in ("article table", "article pre > code", "article figcaption"):
        assert pixels(page.locator(selector).first, "fontSize") <= text
    assert style(page.locator("article > .highlight").first, "breakInside") == "avoid"
    rules = (site / "assets" / "stylesheets" / "print.css").read_text("utf-8")
    assert "counter(page)" in rules
