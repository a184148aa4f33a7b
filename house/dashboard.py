"""Takes the picture of TensorBoard that the chapter on monitoring shows.

`python -m house.dashboard` runs the chapter's module up to the cell that logs, starts
the real TensorBoard on its event files, and photographs its curves in Chromium. Three
files are written: the picture, what it is a picture of (`recorded/dashboard.json`), and
the caption in the chapter, which nobody writes by hand. Needs the group `browser`.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weave.keep.files import digest
from weave.read.book import read_book
from weave.read.recordings import code_digest

ROOT = Path(__file__).parents[1]
MODULE, CELL = "monitoring", "three-runs"
CHAPTER = ROOT / "docs" / "training" / "monitoring.md"
PICTURE = ROOT / "docs" / "assets" / "recorded" / "tensorboard.png"
RECORD = ROOT / "recorded" / "dashboard.json"
ASK = "?darkMode=false&smoothing=0&runFilter=rate&tagFilter=objective/#timeseries"
PLACE = re.compile(r"(?s)(<!-- dashboard -->\n).*?(<!-- end of dashboard -->)")
ALT = (
    "TensorBoard with a list of three runs, each with a color of its own, and two "
    "panels of curves over the step, objective/training and objective/validation. "
    "In both, the curve of rate 0.001 stays high and falls slowly, while those of "
    "rates 0.01 and 0.1 fall fast at first and stay low."
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def code() -> str:
    """The digest of the code that logs, and of all that it imports from here."""
    return code_digest(read_book(ROOT).sources[MODULE], CELL, ROOT)


def recorded() -> dict[str, Any]:
    """What the picture is a picture of."""
    record: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
    return record


@contextmanager
def event_files() -> Iterator[Path]:
    """The folder of event files that the module's cells have written."""
    source = read_book(ROOT).sources[MODULE]
    names = [cell.name for cell in source.cells]
    cells = source.cells[: names.index(CELL) + 1]
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        sys.path.insert(0, str(source.path.parent))
        os.chdir(empty)
        namespace: dict[str, Any] = {"__name__": "__main__"}
        try:
            for cell in cells:
                exec(compile(cell.code, f"<{cell.name}>", "exec"), namespace)
            yield namespace["runs"]
        finally:
            if "folder" in namespace:
                namespace["folder"].cleanup()
            os.chdir(here)
            sys.path.remove(str(source.path.parent))


@contextmanager
def tensorboard(runs: Path) -> Iterator[tuple[str, str]]:
    """TensorBoard's address and version, while it serves these event files."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(runs)]
    command += ["--host", "127.0.0.1", "--port", "0", "--load_fast=false"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            said = ""
            for line in server.stderr:
                said += line
                if found := re.match(r"TensorBoard (\S+) at (http://\S+?)/? ", line):
                    break
            else:
                raise RuntimeError(f"TensorBoard did not start:\n{said}")
            yield found[2], found[1]
        finally:
            server.terminate()


def open_curves(page: Any, address: str) -> Any:
    """Open the time series, wait for their curves, and give the cards."""
    page.goto(f"{address}/{ASK}", wait_until="load")
    page.get_by_role("button", name="Close side pane").click(timeout=60_000)
    cards = page.locator("metrics-filtered-view scalar-card")
    cards.nth(1).locator("line-chart").wait_for(timeout=60_000)
    page.wait_for_timeout(3000)  # the curves are drawn by a worker
    return cards


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, while the context lasts."""
    from playwright.sync_api import sync_playwright

    given = shutil.which(os.environ.get("CHROMIUM") or "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given, args=FLAGS)
        yield browser
        browser.close()


def caption(record: dict[str, Any]) -> str:
    """What stands in the chapter: the picture, and of what it is one."""
    width, height = record["size"]
    return (
        f"![{ALT}](../assets/recorded/{PICTURE.name})"
        f"{{ width={width} height={height} loading=lazy }}\n\n"
        f"*TensorBoard {record['tensorboard']} with the event files of this chapter, "
        f"photographed in Chromium {record['chromium']} on {record['date']}.*\n\n"
    )


def filled(text: str, record: dict[str, Any]) -> str:
    """A chapter's text with this picture and its caption."""
    return PLACE.sub(lambda found: f"{found[1]}\n{caption(record)}{found[2]}", text)


def main() -> None:
    """Take the picture, and write what it shows."""
    from PIL import Image

    with (
        event_files() as runs,
        tensorboard(runs) as (address, version),
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1020, "height": 520})
        open_curves(page, address)
        taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        release = browser.version
    PICTURE.parent.mkdir(exist_ok=True)
    taken.quantize(64, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    record = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "tensorboard": version,
        "chromium": release,
        "size": list(taken.size),
        "code": code(),
        "picture": digest(PICTURE.read_bytes()),
    }
    RECORD.write_text(f"{json.dumps(record, indent=1)}\n", encoding="utf-8")
    CHAPTER.write_text(filled(CHAPTER.read_text("utf-8"), record), encoding="utf-8")
    print(f"wrote {PICTURE.name}, {PICTURE.stat().st_size} bytes, and its caption")


if __name__ == "__main__":
    main()
