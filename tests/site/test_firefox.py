"""The pages with interactive figures, and some others, in another browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.site.conftest import LOOK
from tests.site.test_interactive import FIGURES

pytestmark = pytest.mark.browser

OTHERS = ["", "lab/lab_data/", "appendices/glossary/", "source/neurons.html"]
Opens = Callable[..., tuple[Page, list[str]]]


@pytest.fixture
def opened(firefox: Browser, address: str) -> Iterator[Opens]:
    """`opened("lab/lab_data/", width=360)` is the page and what it complained of."""
    pages = []

    def open_it(name: str, width: int = 1280) -> tuple[Page, list[str]]:
        page = firefox.new_page(viewport={"width": width, "height": 800})
        pages.append(page)
        heard: list[str] = []

        def hear(message: Any) -> None:
            if message.type in ("error", "warning"):
                heard.append(message.text)

        def note(request: Any) -> None:
            if not request.url.startswith((address, "data:", "blob:")):
                heard.append(request.url)

        page.on("console", hear)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", note)
        page.goto(address + name, wait_until="load")
        return page, heard

    yield open_it
    for page in pages:
        page.close()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", [*FIGURES.values(), *OTHERS])
def test_a_page_fits_and_has_nothing_to_complain_of(
    opened: Opens, name: str, width: int
) -> None:
    page, heard = opened(name, width)
    for place in page.locator(".interactive").all():
        place.locator("svg").wait_for()
    page.evaluate(
        """async () => {
            for (const image of document.images) {
                image.loading = "eager"
                await image.decode()
            }
        }"""
    )
    found = page.evaluate(LOOK)
    assert found["sideways"] <= 0
    assert found["cut"] == found["blind"] == found["silent"] == []
    assert heard == []


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_moves_by_keyboard(opened: Opens, figure: str) -> None:
    page, _ = opened(FIGURES[figure])
    place = page.locator(f".interactive[data-figure={figure}]")
    place.locator("svg").wait_for()
    reading = place.locator(".reading")
    slider = place.locator("input[type=range]").first
    if slider.count():
        slider.focus()
        page.keyboard.press("Home")
        first = reading.inner_text()
        assert slider.input_value() == slider.get_attribute("min")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("End")
        assert slider.input_value() == slider.get_attribute("max")
        assert reading.inner_text() != first
        assert slider.get_attribute("aria-valuetext")
    else:
        before = reading.inner_text()
        place.locator("button:enabled").first.focus()
        page.keyboard.press("Enter")
        assert reading.inner_text() != before


def test_the_search_finds_a_word(opened: Opens) -> None:
    page, _ = opened("")
    page.locator(".md-search__input").press_sequentially("AccumulateGrad")
    page.wait_for_selector(".md-search-result__link[href*='graph']")


def test_what_has_been_read_is_kept(opened: Opens) -> None:
    page, _ = opened("pytorch/tensors/")
    page.get_by_label("I have read this chapter").check()
    page.reload()
    assert page.get_by_label("I have read this chapter").is_checked()
    assert page.locator(".md-nav--primary a[data-read]").count() == 1
