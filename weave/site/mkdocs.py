"""The MkDocs plugin: lets `mkdocs build` and `mkdocs serve` weave by themselves.

It runs what is stale before each build, hands to MkDocs what pages show and link to
(so that serving never writes below docs/, where MkDocs watches), and turns the engine's
problems into MkDocs' warnings and errors. While serving nothing is refused: a page says
what failed.
"""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path
from typing import Any, Literal

from markdown import Markdown
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from weave import build, progress, publish
from weave.keep.files import write
from weave.read.book import DOCS, read_book
from weave.read.module import has_newer_text
from weave.read.recordings import FOLDER
from weave.run import pool
from weave.site.extension import WeaveExtension
from weave.site.here import Here
from weave.site.katex import REMEMBERED, Formulas
from weave.site.serving import Kept
from weave.woven import Woven

EXTENSION = "weave.site.extension"  # in mkdocs.yml, for generators without plugins
EXAMPLE = "https://example.org/"  # where no site is published
log = logging.getLogger("mkdocs.plugins.weave")


class WeavePlugin(BasePlugin):  # type: ignore[type-arg,no-untyped-call]  # no settings
    """`weave` in the site's list of plugins."""

    def __init__(self) -> None:
        self.serving = False
        self.kept = Kept()
        self._planned: build.Plan | None = None
        self._here: Here | None = None
        self._server: LiveReloadServer | None = None
        self._watched: set[Path] = set()

    def on_startup(
        self, *, command: Literal["build", "gh-deploy", "serve"], dirty: bool
    ) -> None:
        """Begin to import what stale modules need, or the next edit while serving."""
        self.serving = command == "serve"
        self._planned = build.plan(read_book(Path.cwd()))
        book, wanted = self._planned.book, self._planned.wanted
        soon = [*book.sources.values()] if self.serving else wanted
        if soon:
            pool.preload(pool.needed(soon, book.root))

    def on_config(self, config: MkDocsConfig) -> None:
        """Hand the extension its book; date the build by its commit.

        So two builds of one commit are equal.
        """
        extension = WeaveExtension(self._ask)
        config.markdown_extensions = [
            extension if each == EXTENSION else each
            for each in config.markdown_extensions
        ]
        if "SOURCE_DATE_EPOCH" not in os.environ:
            root = Path(config.config_file_path).parent
            command = ["git", "log", "-1", "--format=%ct"]
            try:
                asked = subprocess.run(
                    command, cwd=root, capture_output=True, text=True
                )
            except OSError:  # no git here; then the date is today's
                return
            if asked.returncode == 0 and asked.stdout.strip():
                os.environ["SOURCE_DATE_EPOCH"] = asked.stdout.strip()

    def on_pre_build(self, *, config: MkDocsConfig) -> None:
        """Weave the book; stop the build on a failure, warn of what differs."""
        root = Path(config.config_file_path).parent.resolve()
        planned, self._planned = self._planned, None
        if planned is None or planned.book.root != root:
            planned = build.plan(read_book(root))
        with progress.bar() as shown:
            stop = has_newer_text if self.serving else None
            woven = build.weave(
                planned.book, planned=planned, progress=shown, stop=stop
            )
        formulas = Formulas(root / REMEMBERED)
        self._here = Here(woven, root, formulas, forgiving=self.serving)
        for problem in woven.problems:
            if problem.warning or self.serving:
                log.warning("%s", problem)
        if woven.failures and not self.serving:
            told = "\n".join(map(str, woven.failures))
            raise PluginError(f"the build stops at what is wrong in the book:\n{told}")
        if "mkdocs-jupyter" in config.plugins:  # which renders real files only
            for name, text in publish.notebooks(woven, _address(config)):
                write(root / DOCS / name, text.encode())
        self._watch(woven)

    def on_files(self, files: Files, *, config: MkDocsConfig) -> None:
        """Add what this run has made, in place of anything older that lies in docs/."""
        woven = self._woven()
        own = [f"{folder}/" for folder in publish.GENERATED]
        real = "mkdocs-jupyter" in config.plugins
        if real:
            own.remove(f"{publish.NOTEBOOKS}/")
        for file in [*files]:
            if file.src_uri.startswith(tuple(own)):
                files.remove(file)
        for name, text in publish.texts(woven, _address(config)):
            if name.startswith(tuple(own)):
                files.append(File.generated(config, name, content=text))
        for name, path in woven.figures.items():
            files.append(File.generated(config, name, abs_src_path=str(path)))

    def on_env(self, env: Any, *, config: MkDocsConfig, files: Files) -> None:
        """While serving, keep the search entries of pages that are as they were."""
        if self.serving:
            self.kept.keep_entries(config)

    def on_page_markdown(
        self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files
    ) -> None:
        """Say which file is rendered next; while serving, an old page may do."""
        if self._here is not None and page.file.abs_src_path is not None:
            self._here.path = Path(page.file.abs_src_path)
            if self.serving and (key := self._key(self._here.path, markdown, files)):
                self.kept.keep_page(page, key)

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """Put the notebooks beside the pages that mkdocs-jupyter made of them."""
        if self._here is not None:
            self._here.formulas.finish()
        if "mkdocs-jupyter" in config.plugins:
            for name, text in publish.notebooks(self._woven(), _address(config)):
                write(Path(config.site_dir, name), text.encode())

    def on_build_error(self, *, error: Exception) -> None:
        """End KaTeX, which would keep the process from ending."""
        if self._here is not None:
            self._here.formulas.finish()

    def on_serve(
        self, server: LiveReloadServer, /, *, config: MkDocsConfig, builder: object
    ) -> None:
        """Show new recordings at once, too, and what modules have read and imported."""
        self._server = server
        folder = Path(config.config_file_path).parent / FOLDER
        if folder.is_dir():
            server.watch(str(folder))
        self._watch(self._woven())

    def _ask(self, md: Markdown) -> Here:
        if self._here is None:
            raise PluginError("weave: a page is rendered before the book is woven")
        return self._here

    def _woven(self) -> Woven:
        return self._ask(Markdown()).woven

    def _watch(self, woven: Woven) -> None:
        """Watch what results depend on, wherever it lies in the book."""
        if self._server is None:
            return
        root = woven.book.root
        asked = [each for r in woven.results.values() for each in r.asked]
        wanted = {root / name for _, name, _ in asked}
        wanted |= {path for s in woven.book.sources.values() for path in s.imports}
        for path in sorted(wanted - self._watched):
            inside = path.is_relative_to(root / DOCS)
            if path.exists() and not inside:
                self._server.watch(str(path))
                self._watched.add(path)

    def _key(self, path: Path, text: str, files: Files) -> object:
        """All that a page is made from, or None for a page that tells of others."""
        woven = self._woven()
        chapter = woven.chapter(path)
        kinds = {mark.kind for mark in chapter.marks} if chapter else set()
        if chapter is None or kinds - {"claim", "introduces"}:
            return None
        modules = {slot.module for slot in chapter.slots}
        modules |= {asked.module for asked in chapter.asked}
        return (
            text,
            sorted(file.src_uri for file in files),
            [
                (woven.book.sources.get(m), woven.results.get(m), woven.failed.get(m))
                for m in sorted(modules)
            ],
            [each for each in woven.book.recordings if each.module in modules],
            [c.text for c in woven.book.chapters if c.path.name == "glossary.md"],
            [claim for claim in woven.book.claims if claim.page == path.stem],
            woven.book.filled,
        )


def _address(config: MkDocsConfig) -> str:
    """Where the site is published, or nothing if nobody has said so."""
    url = config.site_url or ""
    return (
        "" if url.startswith((EXAMPLE, "http://127.0.0.1", "http://localhost")) else url
    )
