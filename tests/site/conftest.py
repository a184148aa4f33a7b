"""The built site, served from this machine, and Chromium that looks at every page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

ROOT = Path(__file__).parents[2]
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The strictest that a page may be served with: nothing from elsewhere, no script and
# no style sheet inside the page. Style attributes are allowed, formulas need them.
POLICY = "default-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'"

# What is wrong with a page's layout, asked of the page itself.
LOOK = """() => {
    const all = selector => [...document.querySelectorAll(selector)]
    const start = element => element.textContent.trim().slice(0, 60)
    const scrolls = box => ["auto", "scroll"].includes(getComputedStyle(box).overflowX)
    const boxes = all(".highlight pre > code, .output pre, .frame, .formula")
        .filter(box => box.offsetParent && box.scrollWidth > box.clientWidth + 1)
    return {
        sideways: document.documentElement.scrollWidth - innerWidth,
        cut: boxes.filter(box => !scrolls(box)).map(start),
        long: all(".highlight pre > code")
            .filter(box => box.scrollWidth > box.clientWidth + 1).map(start),
        blind: all("article img")
            .filter(image => !image.naturalWidth || !image.alt.trim())
            .map(image => image.src),
        silent: all("article .katex")
            .filter(formula => !formula.querySelector("math")).map(start),
    }
}"""


# Read the page to its end, as fast as a browser lays it out; what has moved meanwhile
# without being asked to, as Chromium adds it up (Layout Instability API).
READ = """async () => {
    const frame = () => new Promise(done => requestAnimationFrame(done))
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
        scrollTo(0, y)
        await frame()
        await frame()
        await new Promise(done => setTimeout(done, 20))
    }
    for (const image of document.images) {
        image.loading = "eager"
        await image.decode().catch(() => {})
    }
}"""
# All that the style sheet leaves undrawn at first is there. Not `async`: what is waited
# for is what the function returns, and a promise counts as true.
WHOLE = """() => [...document.querySelectorAll("article > *")]
    .every(block => getComputedStyle(block).contentVisibility === "visible")"""
# What has moved by the time that all blocks have told their sizes.
MOVED = """async () => {
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
    return moved
}"""
# Answers every question of the page, one of them right; how many there are.
ANSWER = """() => {
    const questions = [...document.querySelectorAll(".predict")]
    questions.forEach((each, index) => {
        const kind = index ? "li[data-missed] button" : "li:not([data-missed]) button"
        each.querySelector(kind).click()
    })
    return questions.length
}"""
LISTEN = """
    globalThis.moved = 0
    new PerformanceObserver((list) => {
        for (const shift of list.getEntries()) {
            if (!shift.hadRecentInput) moved += shift.value
        }
    }).observe({ type: "layout-shift", buffered: true })
"""


class Screen(NamedTuple):
    """One kind of reader: the width of the screen, and the system's colors."""

    width: int
    scheme: Any

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


WIDTHS, SCHEMES = (1280, 360), ("light", "dark")
SCREENS = [Screen(width, scheme) for width in WIDTHS for scheme in SCHEMES]


@dataclass(frozen=True)
class Seen:
    """What the browser found on one page; each list is empty where all is well."""

    outside: list[str]  # requests to other hosts
    complaints: list[str]  # errors and warnings in the console
    violations: list[str]  # axe-core's
    sideways: int  # pixels by which the page is wider than the screen
    cut: list[str]  # boxes whose contents are wider, and do not scroll
    long: list[str]  # code that must be scrolled to be read
    blind: list[str]  # images that do not load, or have no text in their place
    silent: list[str]  # formulas without MathML
    moved: float  # the layout shift while the page comes and is read
    asked: list[str]  # the addresses of all that the page asked for


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site: the folder that $SITE names, or one built now."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"]).absolute()
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="session")
def names(site: Path) -> list[str]:
    """Every page's name, such as `pytorch/tensors/`; the first is the home page."""
    pages = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted(page.removesuffix("index.html") for page in pages)


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served: at the same path as where it is published."""
    sitemap = (site / "sitemap.xml").read_text("utf-8")
    published = re.search(r"<loc>(.+?)</loc>", sitemap)
    path = urlsplit(published[1]).path if published else "/"

    class Server(SimpleHTTPRequestHandler):
        def translate_path(self, asked: str) -> str:
            inside = asked.startswith(path)
            return super().translate_path(asked.removeprefix(path) if inside else "/.")

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Cache-Control", "no-store")  # every visit is the first
            super().end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    class Patient(ThreadingHTTPServer):
        request_queue_size = 128  # a busy machine answers late, and still answers

    server = Patient(("127.0.0.1", 0), partial(Server, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{path}"
    server.shutdown()
    server.server_close()


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, while the context lasts."""
    given = os.environ.get("CHROMIUM") or "chromium"
    path = shutil.which(given) or playwright.chromium.executable_path
    running = playwright.chromium.launch(executable_path=path, args=FLAGS)
    yield running
    running.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright for the thread of the tests, which can have but one."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, started once."""
    with chromium(playwright) as running:
        yield running


@pytest.fixture(scope="session")
def firefox(playwright: Playwright) -> Iterator[Browser]:
    """Firefox as it is installed, started once."""
    path = shutil.which(os.environ.get("FIREFOX") or "firefox-esr")
    if path is None:
        pytest.skip("no Firefox found; install it, or set FIREFOX to its path")
    running = playwright.firefox.launch(channel="moz-firefox", executable_path=path)
    yield running
    running.close()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Any]:
    """`open_page("pytorch/tensors/", color_scheme="dark")` is that page, opened."""
    pages = []

    def open_it(name: str = "", **reader: Any) -> Page:
        viewport = {"width": 1280, "height": 800}
        page = browser.new_page(**{"viewport": viewport, **reader})
        pages.append(page)
        page.goto(address + name, wait_until="networkidle")
        return page

    yield open_it
    for page in pages:
        page.close()


@pytest.fixture(scope="session")
def visits(site: Path, address: str, names: list[str]) -> dict[Screen, dict[str, Seen]]:
    """Every page as each reader sees it; each is opened once, several at a time."""

    def visit(screen: Screen) -> dict[str, Seen]:
        with sync_playwright() as own, chromium(own) as running:
            page = running.new_page(
                viewport={"width": screen.width, "height": 800},
                color_scheme=screen.scheme,
                reduced_motion="reduce",
            )
            page.add_init_script(LISTEN)
            return {name: look(page, screen, name, address) for name in names}

    with ThreadPoolExecutor(min(len(SCREENS), os.cpu_count() or 1)) as pool:
        return dict(zip(SCREENS, pool.map(visit, SCREENS), strict=True))


def look(page: Page, screen: Screen, name: str, address: str) -> Seen:
    """Open a page and ask it everything."""
    asked: set[str] = set()
    complaints: list[str] = []

    def hear(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    events: list[tuple[Any, Any]] = [
        ("request", lambda request: asked.add(request.url)),
        ("pageerror", lambda error: complaints.append(str(error))),
        ("console", hear),
    ]
    for event, heard in events:
        page.on(event, heard)
    page.goto(address + name, wait_until="networkidle")
    page.evaluate(READ)
    page.wait_for_function(WHOLE, timeout=60_000)
    moved = page.evaluate(MOVED)
    for place in page.locator(".interactive").all():
        place.locator("svg").wait_for()
    every = screen.scheme == "light"
    violations = accessibility(page, all_rules=every)
    if page.evaluate(ANSWER):
        violations += accessibility(page, all_rules=every, part=".predict")
    found = page.evaluate(LOOK)
    for event, heard in events:
        page.remove_listener(event, heard)
    inside = (address, "data:", "blob:")
    outside = [url for url in asked if not url.startswith(inside)]
    return Seen(
        outside=outside,
        complaints=complaints,
        violations=violations,
        moved=moved,
        asked=sorted(url.removeprefix(address) for url in asked),
        **found,
    )


def accessibility(page: Page, *, all_rules: bool, part: str = "html") -> list[str]:
    """What axe-core finds; the dark scheme can change nothing but contrasts."""
    page.evaluate(AXE.read_text("utf-8"))
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if not all_rules:
        options["runOnly"] = ["color-contrast"]
    run = "([part, how]) => axe.run(part, how).then(found => found.violations)"
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in page.evaluate(run, [part, options])
        for node in rule["nodes"]
    ]
