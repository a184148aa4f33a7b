"""Keeps `mkdocs serve` quick: what has not changed since the last build is kept.

MkDocs renders and indexes every page again whenever one file is saved. For a book of
long pages this takes seconds, so while it serves, a page that is made from the same as
in the build before keeps its rendered content and its entries in the search index. What
is not found where it is expected is left alone, and then done again as usual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page


class Kept:
    """The pages and the search entries of the builds so far."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[object, dict[str, Any]]] = {}
        self._entries: dict[str, tuple[object, list[Any]]] = {}

    def keep_page(self, page: Page, key: object) -> None:
        """Let a page, when it is to be rendered, take over what it was if it can.

        Args:
            page: A page that MkDocs is about to render.
            key: All that its content depends on; equal if nothing of this has changed.
        """
        render: Callable[[MkDocsConfig, Files], None] = page.render
        name = page.file.src_uri

        def kept_or_rendered(config: MkDocsConfig, files: Files) -> None:
            known, state = self._pages.get(name, (None, {}))
            if known == key:
                vars(page).update(state)
                return
            before = dict(vars(page))
            render(config, files)
            changed = {
                attribute: value
                for attribute, value in vars(page).items()
                if attribute not in before or before[attribute] is not value
            }
            self._pages[name] = (key, changed)

        page.render = kept_or_rendered  # type: ignore[method-assign]  # of this page

    def keep_entries(self, config: MkDocsConfig) -> None:
        """Let the search plugin take over the entries of unchanged pages."""
        for name in ("search", "material/search"):
            index = getattr(config.plugins.get(name), "search_index", None)
            add = getattr(index, "add_entry_from_context", None)
            entries = getattr(index, "entries", None)
            if add is None or not isinstance(entries, list):
                continue

            def add_kept(
                page: Page,
                entries: list[Any] = entries,
                add: Callable[[Page], None] = add,
            ) -> None:
                key = (page.content, page.title, page.url, str(page.meta))
                known, kept = self._entries.get(page.file.src_uri, (None, []))
                if known != key:
                    length = len(entries)
                    add(page)
                    kept = [dict(entry) for entry in entries[length:]]
                    self._entries[page.file.src_uri] = (key, kept)
                else:
                    entries += [dict(entry) for entry in kept]

            setattr(index, "add_entry_from_context", add_kept)  # noqa: B010  # of this build
