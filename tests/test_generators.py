"""`mkdocs build`, `mkdocs serve` and `zensical build` show the same book."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def words(text: str) -> list[str]:
    """What a reader sees of a page's article: words, and images with their names."""
    article = text[text.index("<article") : text.index("</article>")]
    article = re.sub(r"(?s)<(script|style|annotation)\b.*?</\1>", "", article)
    article = re.sub(r'<a class="headerlink".*?</a>', "", article)
    for image in set(re.findall(r"<img[^>]*>", article)):
        alt = re.search(r'alt="([^"]*)"', image)
        name = re.search(r'src="(?:[^"]*/)?([^"/]*)"', image)
        seen = f" [{alt and alt[1]}: {name and name[1]}] "
        article = article.replace(image, seen)
    return html.unescape(re.sub(r"<[^>]+>", " ", article)).split()


def pages(site: Path) -> dict[str, list[str]]:
    """Each page of a built site, by its address, with what a reader sees of it."""
    return {
        path.parent.relative_to(site).as_posix(): words(path.read_text("utf-8"))
        for path in sorted(site.rglob("index.html"))
        if "notebooks" not in path.parts
    }


def figures(site: Path) -> dict[str, bytes]:
    """Each figure of a built site with its bytes."""
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in sorted((site / "figures").rglob("*.svg"))
    }


def run(*command: str, cwd: Path) -> None:
    """Run a command, and show what it says if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the book, with its cache, in which to build."""
    place = tmp_path_factory.mktemp("copy") / "book"
    ignored = shutil.ignore_patterns(".git", ".nox", "figures", "notebooks")
    shutil.copytree(ROOT, place, ignore=ignored)
    shutil.rmtree(place / "site", ignore_errors=True)
    return place


@pytest.fixture(scope="module")
def built(copy: Path) -> Path:
    """The site as `mkdocs build --strict` makes it."""
    site = copy.parent / "mkdocs"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]
    run(*command, str(site), cwd=copy)
    return site


def test_zensical_shows_what_mkdocs_shows(copy: Path, built: Path) -> None:
    zensical = Path(sys.executable).with_name("zensical")
    run(str(zensical), "build", "--clean", "--strict", cwd=copy)
    assert pages(copy / "site") == pages(built)
    assert figures(copy / "site") == figures(built)


@pytest.mark.slow
def test_the_notebooks_pages_show_the_outputs_of_this_run(
    copy: Path, built: Path
) -> None:
    site = copy.parent / "with-notebooks"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    run(*command, "-f", "notebooks.yml", "--site-dir", str(site), cwd=copy)
    assert pages(site) == pages(built)
    notebooks = sorted((site / "notebooks").glob("*.ipynb"))
    assert [each.name for each in notebooks] == [
        each.name for each in sorted((built / "notebooks").glob("*.ipynb"))
    ]
    for notebook in notebooks:
        assert (
            notebook.read_bytes() == (built / "notebooks" / notebook.name).read_bytes()
        )
        page = (site / "notebooks" / notebook.stem / "index.html").read_text("utf-8")
        shown = " ".join(re.sub(r"<[^>]+>", "", html.unescape(page)).split())
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                if output["output_type"] == "stream":
                    text = " ".join("".join(output["text"]).split())
                    assert text in shown or "<" in text, (notebook.name, text)


def test_serving_shows_what_building_shows(copy: Path, built: Path) -> None:
    with Server(copy) as server:
        served = {page: words(server.fetch(page)) for page in pages(built)}
    assert served == pages(built)


@pytest.mark.slow
@pytest.mark.timed
def test_what_is_saved_while_serving_is_on_the_page_at_once(copy: Path) -> None:
    page, module = copy / "docs/pytorch/tensors.md", copy / "snippets/tensors.py"
    text, code = page.read_text("utf-8"), module.read_text("utf-8")
    try:
        with Server(copy) as server:
            server.fetch("pytorch/tensors")
            assert server.builds() == 1
            for change in range(3):  # a machine may be busy once
                seen = f"The {change + 1}. saved sentence."
                page.write_text(f"{text}\n{seen}\n", encoding="utf-8")
                sentence = server.wait("pytorch/tensors", seen)
                if sentence <= 2:
                    break
            assert sentence <= 2
            for change in range(3):
                seen = f"saved cell {change + 1}"
                changed = code.replace("print(", f'print("{seen}")\nprint(', 1)
                module.write_text(changed, encoding="utf-8")
                cell = server.wait("pytorch/tensors", seen)
                if cell <= 3:
                    break
            assert cell <= 3
            assert server.quiet(), "each build sets off another"
    finally:
        page.write_text(text, encoding="utf-8")
        module.write_text(code, encoding="utf-8")


class Server:
    """`mkdocs serve` of a book, at a free address, while a `with` block lasts."""

    def __init__(self, book: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._book = book
        self._log = book.parent / "serve.log"

    def __enter__(self) -> Server:
        command = [sys.executable, "-m", "mkdocs", "serve", "-a", self.address]
        environment = os.environ | {"SITE_URL": f"http://{self.address}/"}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=self._book, stdout=log, stderr=log, env=environment
            )
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait()

    def fetch(self, page: str) -> str:
        """A served page, once the server is there."""
        url = f"http://{self.address}/{page}/".replace("/./", "/")
        for _ in range(600):
            assert self._process.poll() is None, self._log.read_text()
            try:
                with urllib.request.urlopen(url) as answer:
                    text: str = answer.read().decode("utf-8")
                    return re.sub(r"<script>var livereload.*?</script>", "", text)
            except urllib.error.URLError as error:
                if isinstance(error, urllib.error.HTTPError):
                    raise
                time.sleep(0.1)
        raise AssertionError(self._log.read_text())

    def wait(self, page: str, text: str) -> float:
        """Seconds until a page shows a text."""
        begun = time.monotonic()
        while text not in self.fetch(page):
            assert time.monotonic() < begun + 60, self._log.read_text()
            time.sleep(0.05)
        return time.monotonic() - begun

    def builds(self) -> int:
        """How often the server has built the book."""
        return self._log.read_text().count("Documentation built")

    def quiet(self) -> bool:
        """Whether the server comes to rest: no build in three seconds.

        The last save may still be owed a build of its own, where the server saw the
        file both emptied and written; a build that sets off the next never rests.
        """
        for _ in range(5):
            builds = self.builds()
            time.sleep(3)
            if self.builds() == builds:
                return True
        return False


def test_two_builds_give_the_same_bytes(copy: Path, built: Path) -> None:
    again = copy.parent / "again"
    shutil.rmtree(copy / ".weave")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]
    run(*command, str(again), cwd=copy)
    timings = Path("figures/runs.json")
    for path in sorted(built.rglob("*")):
        name = path.relative_to(built)
        if path.is_file() and name != timings:
            assert (again / name).read_bytes() == path.read_bytes(), name
    assert len(list(again.rglob("*"))) == len(list(built.rglob("*")))
