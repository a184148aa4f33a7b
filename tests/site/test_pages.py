"""Every page in a real browser: wide and narrow, light and dark."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import matplotlib.image
import pytest
from playwright.sync_api import Locator, Page

from tests.site.conftest import SCREENS, Screen, Seen
from tests.site.test_interactive import DATA

pytestmark = pytest.mark.browser

Visits = dict[Screen, dict[str, Seen]]
each_screen = pytest.mark.parametrize("screen", SCREENS, ids=str)


def found(visits: Visits, screen: Screen, what: str) -> dict[str, Any]:
    """The pages on which something was found, and what it was."""
    pages = {name: getattr(seen, what) for name, seen in visits[screen].items()}
    return {name: value for name, value in pages.items() if value}


@each_screen
def test_pages_ask_nothing_of_other_hosts(visits: Visits, screen: Screen) -> None:
    assert found(visits, screen, "outside") == {}


@each_screen
def test_the_browser_has_nothing_to_complain_of(visits: Visits, screen: Screen) -> None:
    assert found(visits, screen, "complaints") == {}


@each_screen
def test_axe_finds_no_barrier(visits: Visits, screen: Screen) -> None:
    assert found(visits, screen, "violations") == {}


@each_screen
def test_no_page_scrolls_sideways(visits: Visits, screen: Screen) -> None:
    assert found(visits, screen, "sideways") == {}


@each_screen
def test_code_output_and_formulas_scroll_inside_their_boxes(
    visits: Visits, screen: Screen
) -> None:
    assert found(visits, screen, "cut") == {}


@each_screen
def test_every_image_is_there_and_says_what_to_see(
    visits: Visits, screen: Screen
) -> None:
    assert found(visits, screen, "blind") == {}


@each_screen
def test_every_formula_can_be_read_aloud(visits: Visits, screen: Screen) -> None:
    assert found(visits, screen, "silent") == {}


def test_code_fits_a_wide_screen_without_scrolling(visits: Visits) -> None:
    assert found(visits, SCREENS[0], "long") == {}


def test_no_formula_is_left_as_it_was_typed(site: Path, names: list[str]) -> None:
    formulas = 0
    for name in names:
        article = article_of(site, name)
        formulas += article.count('class="katex"')
        prose = re.sub(r"<(pre|code|annotation)\b.*?</\1>", "", article, flags=re.S)
        assert "\\(" not in prose, name
        assert "\\[" not in prose, name
        assert not re.search(r"\$[^$<]+\$", prose), name
    assert formulas > 0


def test_no_page_carries_a_mathematics_script(site: Path, names: list[str]) -> None:
    for name in names:
        text = file_of(site, name).read_text("utf-8")
        assert not re.search(r"<script[^>]*(katex|mathjax)", text, re.I), name


def test_every_link_inside_the_site_leads_somewhere(
    site: Path, names: list[str]
) -> None:
    lost = set()
    for name in names:
        if name == "404.html":  # its links begin at the host's root
            continue
        page = file_of(site, name)
        links = re.findall(r'\s(?:href|src)="([^"]*)"', page.read_text("utf-8"))
        for link in links:
            path, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:|//", link):
                continue
            target = (page.parent / path).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (
                anchor and f'id="{anchor}"' not in target.read_text("utf-8")
            ):
                lost.add(f"{name} -> {link}")
    assert lost == set()


def test_figures_follow_the_palette_button_even_against_the_system(
    site: Path, names: list[str], open_page: Callable[..., Page]
) -> None:
    name = next(name for name in names if "figures/" in article_of(site, name))
    for system in ("light", "dark"):
        page = open_page(name, color_scheme=system)
        figure = page.locator("article img[src*='figures/']").first
        assert (brightness(figure) > 128) == (system == "light")
        switch(page, to="light")
        assert brightness(figure) > 200
        switch(page, to="dark")
        assert brightness(figure) < 80


def test_the_palette_is_remembered(open_page: Callable[..., Page]) -> None:
    page = open_page(color_scheme="light")
    assert scheme(page) == "light"
    switch(page, to="dark")
    assert scheme(page) == "dark"
    page.reload()
    assert scheme(page) == "dark"


def test_the_palette_follows_the_system_at_first(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(color_scheme="dark")
    assert scheme(page) == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(500)  # the colors fade
    assert scheme(page) == "light"


def test_a_fold_opens_by_keyboard(
    site: Path, names: list[str], open_page: Callable[..., Page]
) -> None:
    folded = [name for name in names if "<details" in article_of(site, name)]
    page = open_page(folded[0])
    fold = page.locator("article details").first
    assert not fold.evaluate("fold => fold.open")
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.evaluate("fold => fold.open")


def test_on_paper_every_fold_is_open_and_the_navigation_is_gone(
    site: Path, names: list[str], open_page: Callable[..., Page]
) -> None:
    folded = [name for name in names if "<details" in article_of(site, name)]
    page = open_page(folded[0])
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("article details:not([open])").count() == 0
    for part in (".md-header", ".md-sidebar--primary", ".md-footer", ".md-clipboard"):
        assert not any(each.is_visible() for each in page.locator(part).all()), part
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details[open]").count() == 0


@each_screen
def test_nothing_moves_while_a_page_comes(visits: Visits, screen: Screen) -> None:
    moved = {name: seen.moved for name, seen in visits[screen].items()}
    assert {name: shift for name, shift in moved.items() if shift > 0.02} == {}


def test_a_first_visit_is_light(site: Path, visits: Visits) -> None:
    """All that a page asks for, compressed; an interactive figure has its own bound."""
    heavy = {}
    for name, seen in visits[SCREENS[0]].items():
        files = {
            site / urlsplit(url).path
            for url in seen.asked
            if "/interactive/" not in url
        }
        files.discard(site / name)
        page = DATA.sub("", file_of(site, name).read_text("utf-8"))
        images = re.findall(r'<img [^>]*src="([^"/][^"]*)"', page)  # lazy ones too
        folder = file_of(site, name).parent
        files |= {(folder / image).resolve() for image in images}
        weight = len(gzip.compress(page.encode())) + sum(map(compressed, files))
        if weight > 240_000:
            heavy[name] = weight
    assert heavy == {}


def test_the_search_index_comes_when_it_is_wanted(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload(wait_until="networkidle")
    assert not [url for url in asked if "/search" in url]
    page.locator(".md-search__input").press_sequentially("AccumulateGrad")
    page.wait_for_selector(".md-search-result__link[href*='graph']")
    assert [url for url in asked if "search_index" in url]


def test_the_first_tab_stop_leads_past_the_navigation(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    focus = page.locator(":focus")
    assert "md-skip" in str(focus.get_attribute("class")).split()
    assert focus.is_visible()


def test_the_skip_link_makes_the_text_the_next_tab_stop(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("pytorch/tensors/")
    for key in ("Tab", "Enter", "Tab"):
        page.keyboard.press(key)
    assert page.locator("article :focus").count() == 1
    above = page.locator("article :focus").evaluate(
        "focus => document.querySelector('article h1').compareDocumentPosition(focus)"
    )
    assert above & 4 or above & 16  # behind the title, or within it


def hits(page: Page, words: str, *, least: int = 1) -> list[str]:
    """The pages that the search shows for these words, best first."""
    page.locator(".md-search__input").press_sequentially(words)
    page.wait_for_function(
        "([words, least]) => new URLSearchParams(location.search) && "
        "document.querySelectorAll('.md-search-result__item').length >= least",
        arg=[words, least],
    )
    for _ in range(8):  # the list grows when its end is in sight
        page.wait_for_timeout(200)
        page.locator(".md-search__scrollwrap").evaluate(
            "box => box.scrollTo(0, box.scrollHeight)"
        )
    links = page.locator(".md-search-result__item > .md-search-result__link").all()
    found = [str(link.get_attribute("href")) for link in links]
    paths = [urlsplit(link).path for link in found]
    return list(dict.fromkeys("/".join(path.split("/")[-3:]) for path in paths))


def test_search_finds_a_word_of_a_chapter(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.locator(".md-search__input").press_sequentially("AccumulateGrad")
    page.wait_for_selector(".md-search-result__link[href*='graph']")


def test_search_finds_every_page_that_calls_a_method(
    site: Path, open_page: Callable[..., Page]
) -> None:
    calling = {
        page.parent.relative_to(site).as_posix() + "/"
        for page in site.glob("*/*/index.html")
        if "zero_grad"
        in article_of(site, page.parent.relative_to(site).as_posix() + "/")
    }
    page = open_page()
    found = hits(page, "zero_grad", least=5)
    assert len(calling) > 5
    assert calling <= set(found)


def test_search_shows_a_layer_where_it_is_taught_first(
    open_page: Callable[..., Page],
) -> None:
    found = hits(open_page(), "nn.Linear", least=5)
    assert found[0].startswith("pytorch/")
    teaching = found.index("pytorch/modules/")
    others = [name for name in found if name.startswith(("tools/", "appendices/"))]
    assert all(found.index(name) > teaching for name in others)


def compressed(path: Path) -> int:
    """The bytes that a server sends for a file: fonts and images as they are."""
    data = path.read_bytes()
    return len(data if path.suffix in (".png", ".woff2") else gzip.compress(data))


def file_of(site: Path, name: str) -> Path:
    """The file of a page."""
    return site / (name if name.endswith(".html") else f"{name}index.html")


def article_of(site: Path, name: str) -> str:
    """A page's own text, as HTML."""
    text = file_of(site, name).read_text("utf-8")
    return text.partition("<article")[2].partition("</article")[0]


def switch(page: Page, *, to: str) -> None:
    """Press the palette's button until it says that the colors are the wanted ones."""
    for _ in range(3):
        chosen = page.evaluate("document.body.dataset.mdColorMedia ?? ''")
        if chosen == f"(prefers-color-scheme: {to})":
            break
        page.locator("form[data-md-component=palette] label:visible").click()
    assert scheme(page) == to


def scheme(page: Page) -> str:
    """Whether the page is light or dark: as it says, and as the eye sees it."""
    said: str = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    paper = brightness(page.locator("article"))
    assert said == ("light" if paper > 128 else "dark")
    return said


def brightness(part: Locator) -> float:
    """The mean gray value of what the screen shows, 0 to 255."""
    picture = matplotlib.image.imread(io.BytesIO(part.screenshot()))
    return float(picture[..., :3].mean() * 255)
