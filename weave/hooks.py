"""The thinnest hook: lets `mkdocs build` and `mkdocs serve` weave by themselves.

It runs what is stale before each build, hands the figures to MkDocs from the cache
(so that serving never writes below docs/, where MkDocs watches), and turns the
engine's problems into MkDocs' warnings and errors.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Literal

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from weave import build, markdown, progress, recorded, serving
from weave.check import DOCS, FIGURES
from weave.keep.files import write
from weave.run import pool

DIRECTIVE = re.compile(r"<!--\s*snippet:\s*(\w+)\.py#")
log = logging.getLogger("mkdocs.plugins.weave")


def on_startup(command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
    """While serving, import the packages early: the next edit will need them."""
    serving.active = command == "serve"
    if serving.active:
        book = build.read_book(Path.cwd())
        pool.preload(pool.needed([*book.sources.values()], book.root))


def on_config(config: MkDocsConfig) -> None:
    """Date the build by its commit, so that two builds of one commit are equal."""
    if "SOURCE_DATE_EPOCH" not in os.environ:
        root = Path(config.config_file_path).parent
        command = ["git", "log", "-1", "--format=%ct"]
        try:
            asked = subprocess.run(command, cwd=root, capture_output=True, text=True)
        except OSError:  # no git here; then the date is today's
            return
        if asked.returncode == 0 and asked.stdout.strip():
            os.environ["SOURCE_DATE_EPOCH"] = asked.stdout.strip()


def on_pre_build(config: MkDocsConfig) -> None:
    """Weave the book; stop the build on a failure, warn of what differs."""
    book = build.read_book(Path(config.config_file_path).parent)
    with progress.bar() as shown:
        woven = build.weave(book, progress=shown)
    build.set_current(woven)
    for problem in woven.problems:
        if problem.warning:
            log.warning("%s", problem)
    if woven.failures:
        told = "\n".join(map(str, woven.failures))
        raise PluginError(f"the book is not true, so it is not built:\n{told}")
    if "mkdocs-jupyter" in config.plugins:  # which renders real files only
        for name, text in build.notebooks(woven):
            write(book.root / DOCS / name, text.encode(), by=woven.parts)


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add what this run has made, in place of anything older that lies in docs/."""
    woven = build.current()
    folders = [f"{folder}/" for folder in build.GENERATED]
    if "mkdocs-jupyter" in config.plugins:
        folders.remove(f"{build.NOTEBOOKS}/")
    for file in [*files]:
        if file.src_uri.startswith(tuple(folders)):
            files.remove(file)
    if "mkdocs-jupyter" not in config.plugins:
        for name, text in build.notebooks(woven):
            files.append(File.generated(config, name, content=text))
    for name, text in build.programs(woven):
        files.append(File.generated(config, name, content=text))
    for name, path in woven.files():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    name = f"{FIGURES}/runs.json"
    files.append(File.generated(config, name, content=build.runs(woven)))


def on_env(env: Any, config: MkDocsConfig, files: Files) -> None:
    """While serving, keep what the search index has of pages that are as they were."""
    if serving.active:
        serving.keep_entries(config)


def on_post_build(config: MkDocsConfig) -> None:
    """Put the notebooks beside the pages that mkdocs-jupyter made of them."""
    if "mkdocs-jupyter" in config.plugins:
        for name, text in build.notebooks(build.current()):
            write(Path(config.site_dir, name), text.encode())


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Tell the Markdown extensions which file they render."""
    if page.file.abs_src_path is not None:
        markdown.page.set(Path(page.file.abs_src_path))
    if serving.active and "<!-- weave: " not in text:
        woven = build.current()
        places = sorted(file.src_uri for file in files)
        shown = {
            name: (woven.book.sources.get(name), woven.results.get(name))
            for name in sorted(set(DIRECTIVE.findall(text)))
        }
        taken = [each for each in woven.book.recordings if each.module in shown]
        serving.keep_page(page, (text, places, shown, taken))


def on_serve(server: LiveReloadServer, config: MkDocsConfig, builder: object) -> None:
    """Show new recordings at once, too."""
    folder = Path(config.config_file_path).parent / recorded.FOLDER
    if folder.is_dir():
        server.watch(str(folder))
