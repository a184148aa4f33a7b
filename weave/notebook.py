"""A chapter as a Jupyter notebook, with the outputs and figures of this run in it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from weave.chapter import split_lines
from weave.model import Chapter, Fence, Slot

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?!https?:)[^)]*\)")
FIGURE = re.compile(r"^\s*!\[[^\]]*\]\([^)]*figures/[^)]*\)\s*(\{[^}]*\})?\s*$", re.M)
FOLD = re.compile(r"^\s*</?details[^>]*>\s*$", re.M)
SUMMARY = re.compile(r"<summary>(?P<text>.*?)</summary>")


def write_notebook(
    chapter: Chapter,
    blocks: Sequence[tuple[Slot, Mapping[Fence, str], Mapping[str, str]]],
) -> str:
    """The chapter in nbformat 4.5, as JSON text; the same bytes for the same input.

    Args:
        chapter: The chapter.
        blocks: Each slot with what belongs in its fences, and its figures: the name,
            such as `plot-2.svg`, and the SVG text.
    """
    cells: list[dict[str, Any]] = []
    position = 0
    starts = _line_starts(chapter.text)
    alts = {
        "/".join(image.target.split("/")[-2:]): image.alt for image in chapter.images
    }

    def add(kind: str, source: str, **more: Any) -> None:
        lines = source.splitlines(keepends=True)
        cells.append(
            {
                "cell_type": kind,
                "id": f"cell-{len(cells)}",
                "metadata": {},
                "source": lines,
            }
            | more
        )

    def add_prose(text: str) -> None:
        if prose := _prose(text):
            add("markdown", prose)

    for slot, texts, figures in blocks:
        add_prose(chapter.text[position : starts[slot.line - 1]])
        outputs: list[dict[str, Any]] = []
        if slot.output is not None and texts.get(slot.output):
            text = texts[slot.output] + "\n"
            outputs.append(
                {
                    "name": "stdout",
                    "output_type": "stream",
                    "text": text.splitlines(keepends=True),
                }
            )
        for name, svg in figures.items():
            outputs.append(_picture(svg, alts.get(f"{slot.module}/{name}", name)))
        add("code", texts[slot.code], execution_count=None, outputs=outputs)
        last = slot.output or slot.code
        position = chapter.text.find("\n", last.end) + 1 or len(chapter.text)
    add_prose(chapter.text[position:])
    book = {
        "cells": cells,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def _prose(text: str) -> str:
    """The Markdown between two blocks, as it reads in a notebook.

    Folds are opened, figures stand below their code already, and links to other
    chapters, which a downloaded notebook cannot follow, become their text.
    """
    text = FRONT_MATTER.sub("", text)
    text = FIGURE.sub("", FOLD.sub("", text))
    text = SUMMARY.sub(lambda match: f"**{match['text']}**", text)
    text = LINK.sub(lambda match: match["text"], text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _picture(svg: str, alt: str) -> dict[str, Any]:
    """A figure as an image of its own, so that its style sheet stays inside it."""
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    quoted = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    html = f'<img alt="{quoted}" src="data:image/svg+xml;base64,{data}">'
    return {
        "data": {"text/html": [html]},
        "metadata": {},
        "output_type": "display_data",
    }


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in split_lines(text):
        starts.append(starts[-1] + len(line))
    return starts
