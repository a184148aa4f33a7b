"""The page for a missing address leads home from any depth, below any address."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.site.conftest import POLICY, ROOT, accessibility

pytestmark = pytest.mark.browser
PREFIX = "/some/prefix/"
SETTINGS = f"""
site_name: Small
site_url: https://example.org/published/elsewhere/
theme: {{ name: material, custom_dir: {ROOT / "overrides"}, font: false }}
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site served where its settings do not say, as a host of plain files does."""
    book = tmp_path_factory.mktemp("small")
    (book / "docs").mkdir()
    (book / "docs/index.md").write_text("# The first page\n")
    (book / "mkdocs.yml").write_text(SETTINGS)
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet"]
    subprocess.run(command, cwd=book, check=True)
    missing = (book / "site/404.html").read_bytes()

    class Host(SimpleHTTPRequestHandler):
        def translate_path(self, asked: str) -> str:
            known = asked.startswith(PREFIX)
            return super().translate_path(asked.removeprefix(PREFIX) if known else "/-")

        def send_error(self, code: int, *arguments: Any) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(missing)

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", POLICY)
            super().end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    handler = partial(Host, directory=str(book / "site"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("missing", ["tenors", "a/tenors/", "a/b/c/d/tenors.html"])
def test_a_missing_page_leads_home(
    browser: Browser, elsewhere: str, missing: str
) -> None:
    page = browser.new_page()
    page.goto(elsewhere + missing, wait_until="networkidle")
    assert page.locator("h1").inner_text() == "There is no such page"
    assert page.locator("object >> visible=true").count() >= 1
    (picture,) = [f for f in page.frames if f.url == elsewhere + "home.svg"]
    picture.locator("a").click()
    page.wait_for_url(elsewhere)
    assert page.locator("h1").inner_text() == "The first page"
    page.close()


def test_where_no_picture_is_found_a_link_leads_to_the_published_book(
    browser: Browser, elsewhere: str
) -> None:
    page = browser.new_page()
    page.goto(elsewhere + "a/b/c/d/e/f/g/", wait_until="networkidle")
    link = page.locator("a")
    assert link.get_attribute("href") == "https://example.org/published/elsewhere/"
    assert link.is_visible()
    page.close()


def test_the_page_opened_by_its_own_name_is_like_every_other(
    browser: Browser, elsewhere: str
) -> None:
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{elsewhere}404.html", wait_until="networkidle")
    assert asked == [f"{elsewhere}404.html", f"{elsewhere}home.svg"]
    assert said == []
    assert accessibility(page, all_rules=True) == []
    page.close()
