"""Data frames that are printed: each is kept as a table as well."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

from weave.results import Table


class _Rows(HTMLParser):
    """Collects the text of a table's cells, row by row, the head apart."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.head = 0
        self._in_head = self._in_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._in_head = tag == "thead" or (self._in_head and tag != "tbody")
        self._in_cell = tag in ("td", "th")
        if tag == "tr":
            self.rows.append([])
            self.head += self._in_head
        if self._in_cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def watch_tables() -> list[Table]:
    """A list that from now on collects every data frame that is turned into text."""
    import pandas as pd

    tables: list[Table] = []
    plain: Callable[[pd.DataFrame], str] = pd.DataFrame.__repr__

    def watched(frame: pd.DataFrame) -> str:
        text = plain(frame)
        parser = _Rows()
        parser.feed(frame.to_html(notebook=False, show_dimensions=False))
        if parser.head == 1 and len(parser.rows) > 1 and "..." not in text:
            head, *rows = (tuple(row) for row in parser.rows)
            tables.append(Table(text, head, tuple(rows)))
        return text

    setattr(pd.DataFrame, "__repr__", watched)  # noqa: B010  # in this process only
    return tables
