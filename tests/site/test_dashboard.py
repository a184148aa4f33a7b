"""The real TensorBoard, on the event files that the chapter's module writes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import matplotlib.image
import numpy as np
import pytest
import tensorboard
from playwright.sync_api import Browser, Page

from house import dashboard

pytestmark = pytest.mark.browser


def hues(picture: bytes) -> set[int]:
    """The hues, in sixths of the circle, of which a picture has many pixels."""
    red, green, blue = np.moveaxis(
        matplotlib.image.imread(io.BytesIO(picture))[..., :3], 2, 0
    )
    strong = np.ptp([red, green, blue], axis=0) > 0.4
    angle = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)
    sixths = np.floor(angle[strong] / (np.pi / 3)).astype(int) % 6
    return {int(each) for each in set(sixths) if np.sum(sixths == each) > 100}


def test_tensorboard_draws_a_curve_for_each_run(browser: Browser) -> None:
    with (
        dashboard.event_files() as runs,
        dashboard.tensorboard(runs) as (address, version),
    ):
        page = browser.new_page(viewport={"width": 1020, "height": 520})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        cards = dashboard.open_curves(page, address)
        paths = cards.locator("tb-truncated-path").all_inner_texts()
        names = ["".join(each.split()) for each in paths]
        drawn = [hues(card.locator("line-chart").screenshot()) for card in cards.all()]
        page.close()
    assert version == tensorboard.__version__
    assert names == ["objective/training", "objective/validation"]
    assert all(len(each) == 3 for each in drawn), drawn
    outside = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert outside == []


def test_the_page_shows_the_picture_and_of_what_it_is(
    site: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page("training/monitoring/")
    image = page.locator("article img[src$='tensorboard.png']")
    image.scroll_into_view_if_needed()
    size: Any = image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert size == dashboard.recorded()["size"]
    assert image.get_attribute("loading") == "lazy"
    name = urlsplit(str(image.evaluate("image => image.src"))).path
    assert name.endswith("/assets/recorded/tensorboard.png")
    assert (site / "assets" / "recorded" / "tensorboard.png").stat().st_size < 60_000
