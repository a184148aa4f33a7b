"""A module, or the test of a claim, as a page on which every line has a place."""

from __future__ import annotations

import html
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from weave.model import Chapter
from weave.woven import DOCS, Woven

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{name}, a file of From Neurons to PyTorch.">
<title>{name} - From Neurons to PyTorch</title>
<link rel="icon" href="../assets/logo.svg">
<link rel="stylesheet" href="../assets/stylesheets/source.css">
</head>
<body>
<header>
<nav aria-label="Site"><a href="../">From Neurons to PyTorch</a>{around}</nav>
<p>{shown}</p><h1><code>{name}</code></h1>
</header>
<main>{code}</main>
</body>
</html>
"""


def place(path: Path) -> str:
    """Where the listing of a file lies below its folder, such as `tensors.html`."""
    return f"{path.stem}.html"


def listings(woven: Woven, folder: str) -> Iterator[tuple[str, str]]:
    """Place and text of the listings: of all modules, and of the tests of claims."""
    root = woven.book.root
    tests = sorted({claim.path for claim in woven.book.claims})
    paths = [source.path for source in woven.book.sources.values()] + tests
    for number, path in enumerate(paths):
        about = woven.shown_in.get(path.stem.removeprefix("test_"), [])
        around = [
            paths[number - 1] if number else None,
            *paths[number + 1 : number + 2],
        ]
        told = (
            path.relative_to(root).as_posix(),
            _shown(about, woven),
            _around(around),
        )
        text = woven.cache.remember(
            f"{folder}/{place(path)}",
            [path.read_text("utf-8", errors="replace"), *told],
            partial(_listing, path, *told),
        )
        yield f"{folder}/{place(path)}", text


def _listing(path: Path, name: str, shown: str, around: str) -> str:
    from pygments import highlight  # needed for what is new only
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    formatter = HtmlFormatter(
        linenos="inline",
        lineanchors="line",
        anchorlinenos=True,
        cssclass="listing",
    )
    code = path.read_text("utf-8", errors="replace")
    told: str = highlight(code, PythonLexer(), formatter)
    told = told.replace("<pre>", '<pre tabindex="0">', 1)
    return PAGE.format(name=name, shown=shown, around=around, code=told)


def _shown(chapters: list[Chapter], woven: Woven) -> str:
    links = []
    for chapter in chapters:
        address = chapter.path.relative_to(woven.book.root / DOCS).with_suffix("")
        title = html.escape(chapter.title)
        links.append(f'<a href="../{html.escape(address.as_posix())}/">{title}</a>')
    return f"Shown in {', '.join(links)}" if links else "Shown on no page"


def _around(paths: list[Path | None]) -> str:
    words = ("previous", "next")
    return "".join(
        f' <a rel="{word[:4]}" href="{html.escape(place(path))}">'
        f"{word}: {html.escape(path.name)}</a>"
        for word, path in zip(words, paths, strict=False)
        if path is not None
    )
