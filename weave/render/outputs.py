"""What a module gave, as HTML by structure, so that nothing in it can break out."""

from __future__ import annotations

import html
import re

from weave.model import Asked, Problem
from weave.questions import Answer, shuffled
from weave.results import CellResult, Table

NUMBER = "<!-- number -->"  # of an interactive figure, filled in by weave.site.numbers


def trouble(problem: Problem) -> str:
    """A note on a page that shows committed text, as its module failed here."""
    where = html.escape(f"{problem.path.name}:{problem.line}")
    said = html.escape(f"{problem.what}; {problem.hint}.")
    more = (
        f"<details><summary>What it said</summary>{text_html(problem.detail)}</details>"
    )
    return (
        f'<div class="trouble" role="note"><p><strong>{where}</strong>: {said} '
        "The page shows what was printed when it was last filled in.</p>"
        f"{more if problem.detail else ''}</div>"
    )


def output(shown: CellResult) -> str:
    """What a cell printed, as HTML: text in `samp`, data frames as tables."""
    pieces = []
    rest = shown.output
    for table in shown.tables:
        before, found, after = rest.partition(table.text)
        if found:
            pieces += [text_html(before.strip("\n")), _table(table)]
            rest = after
    pieces.append(text_html(rest.strip("\n") if shown.tables else rest))
    return f'<div class="output">{"".join(pieces)}</div>'


def interactive(asked: Asked, place: str, values: str) -> str:
    """The place of an interactive figure, with its data; empty without scripts."""
    data = values.replace("<", "\\u003c")
    return (
        f'<figure class="interactive" id="{html.escape(place)}" '
        f'data-figure="{html.escape(asked.name)}">'
        f'<script type="application/json">{data}</script>'
        f"<figcaption>{NUMBER}</figcaption></figure>"
    )


def question(text: str, found: list[Answer], shown: str) -> str:
    """A question and its answers, and in a fold below them the output that is right.

    Without scripts the answers are a list to choose from in the head.
    """
    items = ""
    for each in shuffled(found):
        missed = f' data-missed="{html.escape(each.missed)}"' if each.missed else ""
        items += f"<li{missed}><code>{html.escape(each.text)}</code></li>"
    return (
        f'<div class="predict"><p><strong>Predict.</strong> {_spans(text)}</p>'
        f"<ul data-search-exclude>{items}</ul>"
        f"<details><summary>What it prints</summary>{shown}</details></div>"
    )


def _spans(text: str) -> str:
    """A sentence with its code spans."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def text_html(text: str) -> str:
    """Printed text, that stays text whatever it holds."""
    if not text:
        return ""
    # Newlines as references: nothing that reads the page by lines can see a line of it.
    escaped = html.escape(text, quote=False).replace("\n", "&#10;")
    pre = '<pre tabindex="0" role="group" aria-label="Output">'
    return f"{pre}<samp>{escaped}</samp></pre>"


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col">{html.escape(name)}</th>' if name else "<td></td>"
        for name in table.header
    )
    rows = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return (
        '<div class="frame" tabindex="0" role="group" aria-label="Output">'
        f'<table class="values"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
