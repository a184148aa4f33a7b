"""What helps a reader along: times, downloads, terms, progress, a fitting measure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, Route

from tests.site.conftest import WHOLE
from tests.weave.books import ROOT
from weave.read.module import read_source

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
CHAPTER = "foundations/neurons/"
CHARACTERS = """() => {
    const lines = []
    for (const block of document.querySelectorAll("article > p:not([class])")) {
        if (block.querySelector(".katex, code, .interactive")) continue
        const style = getComputedStyle(block)
        const count = Math.round(block.clientHeight / parseFloat(style.lineHeight))
        // The last line of a paragraph is rarely full: count it as half a line.
        if (count > 2) lines.push(block.textContent.length / (count - 0.5))
    }
    return lines.reduce((sum, each) => sum + each, 0) / lines.length
}"""


def chapters() -> list[str]:
    """The files of the chapters: all in the navigation but for home and appendices."""
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    nav = text.partition("\nnav:\n")[2].partition("\n  - Appendices:")[0]
    return re.findall(r"^ {6}- .*: (\S+\.md)$", nav, re.M)


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page(CHAPTER)


def test_a_line_of_prose_has_about_70_characters(page: Page) -> None:
    page.wait_for_function(WHOLE)
    for width in (1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert 62 <= page.evaluate(CHARACTERS) <= 78


def test_a_page_says_how_long_it_takes_to_read_and_to_run(
    page: Page, site: Path
) -> None:
    seconds = json.loads((site / "figures/runs.json").read_text("utf-8"))["neurons"]
    shown = page.locator(".times").inner_text()
    assert "min to read" in shown
    assert f"ran in {seconds:.1f}\u00a0s." in shown


def test_a_long_page_is_soon_whole(page: Page) -> None:
    page.wait_for_function(WHOLE, timeout=10_000)


def test_the_fonts_of_formulas_are_put_to_use_before_a_formula_is_seen(
    page: Page,
) -> None:
    def unseen(route: Route) -> None:
        response = route.fetch()
        hidden = response.text().replace("<article ", '<article style="display: none" ')
        route.fulfill(response=response, body=hidden)

    page.route(f"**/{CHAPTER}", unseen)
    page.reload(wait_until="networkidle")
    assert not page.locator("article").is_visible()
    asked, used, fetched = page.evaluate(
        """() => [
            [...document.querySelectorAll("link[data-font]")].map(link => link.href),
            [...document.fonts].filter(font =>
                font.family.includes("KaTeX") && font.status === "loaded").length,
            performance.getEntriesByType("resource").map(entry => entry.name)
                .filter(name => name.includes("KaTeX") && name.endsWith(".woff2")),
        ]"""
    )
    assert len(asked) >= 3
    assert used == len(asked)
    assert sorted(fetched) == sorted(asked)


def test_an_address_leads_to_its_section_while_the_page_becomes_whole(
    open_page: Open,
) -> None:
    page = open_page(f"{CHAPTER}#exercises")
    page.wait_for_timeout(2000)
    place = page.locator("#exercises").bounding_box()
    assert place is not None
    assert 0 <= place["y"] <= 150


def test_without_scripts_nothing_is_promised_that_does_not_come(
    open_page: Open,
) -> None:
    page = open_page(CHAPTER, java_script_enabled=False)
    assert page.locator(".times").is_visible()
    assert not page.locator(".waiting").is_visible()
    assert not page.locator(".done").is_visible()


def test_the_chapters_code_can_be_downloaded(page: Page, site: Path) -> None:
    for kind in ("program", "notebook"):
        link = page.locator(".times a", has_text=kind)
        assert link.get_attribute("download") is not None
        place = urljoin(f"{site.as_uri()}/{CHAPTER}", link.get_attribute("href"))
        text = Path(place.removeprefix("file://")).read_text("utf-8")
        assert "theta = torch.tensor([2.7, 0.8])" in text


def test_a_block_leads_to_its_first_line_in_the_module(page: Page) -> None:
    source = read_source(ROOT / "snippets" / "neurons.py", ROOT)
    cell = next(cell for cell in source.cells if cell.name == "surface")
    link = page.locator(".source a", has_text=f"neurons.py:{cell.line}")
    page.locator("article details", has=link).locator("summary").click()
    link.click()
    page.wait_for_url("**/source/neurons.html#*")
    line = page.locator("a:target")
    assert line.evaluate("line => line.id") == f"line-{cell.line}"
    text = line.evaluate("line => line.parentElement.textContent")
    assert cell.code.splitlines()[0] in text
    assert page.locator("a:target + a").is_visible()
    page.locator("header a", has_text="One neuron that decides").click()
    page.wait_for_url(f"**/{CHAPTER}")


def test_a_term_says_what_it_means_where_it_is_pointed_at_or_focused(
    page: Page,
) -> None:
    tip = page.locator("[role=tooltip]")
    link = page.locator("article a[href$='#activation-function']").first
    link.focus()
    tip.wait_for()
    assert "nonlinear function \u03c6" in tip.inner_text()
    look = tip.locator(".md-tooltip2__inner").evaluate(
        """tip => {
            const { fontSize, fontWeight } = getComputedStyle(tip)
            return [parseFloat(fontSize), fontWeight]
        }"""
    )
    assert look[0] >= 13
    assert look[1] == "400"
    assert link.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.locator("h1").click()
    tip.wait_for(state="hidden")
    link.hover()
    tip.wait_for()


def test_what_has_been_read_is_kept_in_this_browser_until_it_is_to_be_forgotten(
    page: Page,
) -> None:
    here = ".md-nav--primary a[data-read]"
    assert page.locator(here).count() == 0
    box = page.get_by_label("I have read this chapter")
    box.focus()
    page.keyboard.press("Space")
    assert page.locator(here).count() == 1
    page.reload(wait_until="networkidle")
    assert box.is_checked()
    page.locator(".md-nav--primary a", has_text="Home").click()
    page.wait_for_url(lambda url: CHAPTER not in url)
    told = page.locator(".progress")
    told.wait_for()
    count = len(chapters())
    assert f"You have read 1 of the {count} chapters." in told.inner_text()
    assert told.locator("a").inner_text() == "The multilayer perceptron"
    assert page.locator("article td a[data-read]").count() == 1
    told.get_by_role("button").click()
    told.wait_for(state="hidden")
    assert page.locator("[data-read]").count() == 0
    page.goto(told.page.url + CHAPTER, wait_until="networkidle")
    assert not box.is_checked()


def test_a_figure_stands_beside_its_code_where_the_screen_allows(
    open_page: Open,
) -> None:
    page = open_page("pytorch/modules/")
    figure = page.locator("article > .highlight + figure").first
    code = page.locator("article > .highlight:has(+ figure)").first
    for width, beside in ((1920, True), (1280, False), (360, False)):
        page.set_viewport_size({"width": width, "height": 900})
        figure.scroll_into_view_if_needed()
        drawn, written = figure.locator("img").bounding_box(), code.bounding_box()
        assert drawn is not None
        assert written is not None
        if beside:
            assert drawn["x"] >= written["x"] + written["width"]
            assert drawn["y"] < written["y"] + written["height"]
            assert drawn["x"] + drawn["width"] <= width
        else:
            assert drawn["y"] >= written["y"] + written["height"]
        after = page.locator("article > .highlight + figure + *").first.bounding_box()
        assert after is not None
        assert after["y"] >= max(
            drawn["y"] + drawn["height"], written["y"] + written["height"]
        )
