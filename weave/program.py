"""What a reader can take along: a chapter's code as one program, a module as a page."""

from __future__ import annotations

import html
from collections.abc import Sequence

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from weave.model import Book, Cell, Source

LISTING = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="The module {name} of From Neurons to PyTorch.">
<title>{name} - From Neurons to PyTorch</title>
<link rel="icon" href="../assets/logo.svg">
<link rel="stylesheet" href="../assets/stylesheets/source.css">
</head>
<body>
<header><p>{shown}</p><h1><code>{name}</code></h1></header>
<main>{code}</main>
</body>
</html>
"""


def write_program(title: str, cells: Sequence[Cell]) -> str:
    """The code of a chapter's cells, one below the other, as a Python file's text.

    Editors that know cells, such as VS Code and Spyder, run them one by one.
    """
    parts = [f'"""{title}: the code of the chapter. License: MIT."""\n']
    parts += [f"# %% {cell.name}\n{cell.code}\n" for cell in cells]
    return "\n\n".join(parts)


def write_listing(source: Source, pages: Sequence[tuple[str, str]]) -> str:
    """A module as an HTML page on which each line has a place, such as `#line-7`.

    Args:
        source: The module.
        pages: Title and address of every page that shows a cell of it.
    """
    name = f"snippets/{source.path.name}"
    links = [
        f'<a href="{html.escape(address)}">{html.escape(title)}</a>'
        for title, address in pages
    ]
    shown = f"Shown in {', '.join(links)}" if links else "Shown on no page"
    return LISTING.format(name=name, shown=shown, code=_highlighted(source.text))


def shown_in(book: Book, module: str) -> list[tuple[str, str]]:
    """Title and address, from a listing, of every page that shows a module's cells."""
    found = []
    for chapter in book.chapters:
        if any(slot.module == module for slot in chapter.slots):
            place = chapter.path.relative_to(book.root / "docs").with_suffix("")
            found.append((title_of(chapter.text), f"../{place.as_posix()}/"))
    return found


def title_of(text: str) -> str:
    """The first heading of a page's Markdown."""
    return text.partition("# ")[2].partition("\n")[0]


def _highlighted(code: str) -> str:
    formatter = HtmlFormatter(
        linenos="inline",
        lineanchors="line",
        anchorlinenos=True,
        cssclass="listing",
    )
    shown: str = highlight(code, PythonLexer(), formatter)
    return shown.replace("<pre>", '<pre tabindex="0">', 1)
