"""What is wrong with a book whose modules have run: each problem, with its hint.

Nothing here runs or writes anything; a module without a result is left out of every
comparison with results, since its own failure is reported already.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from posixpath import normpath

from weave import recorded
from weave.chapter import contents
from weave.model import Book, Cell, Chapter, Fence, Problem, Result, Slot
from weave.read.module import definition

DOCS = "docs"
SNIPPETS = "snippets"
FIGURES = "figures"  # in docs/, generated


def shown_cell(book: Book, slot: Slot) -> Cell | None:
    """The cell that a slot shows, or None."""
    source = book.sources.get(slot.module)
    return source.cell(slot.cell) if source else None


def fresh(
    book: Book, results: Mapping[str, Result], slot: Slot
) -> Iterator[tuple[Fence, str]]:
    """The slot's fences, each with what belongs in it; nothing without a result."""
    cell = shown_cell(book, slot)
    result = results.get(slot.module)
    shown = result.cell(slot.cell) if result else None
    if cell is None or shown is None:
        return
    yield slot.code, cell.code
    if slot.output is not None:
        yield slot.output, shown.output
    if slot.recorded is not None:
        yield slot.recorded, recorded.as_markdown(book, slot)


def references(book: Book, results: Mapping[str, Result]) -> Iterator[Problem]:
    """Slots and images that name what is not there, or show it wrongly."""
    for chapter in book.chapters:
        last: dict[str, tuple[int, Slot]] = {}
        for slot in chapter.slots:
            source = book.sources.get(slot.module)
            if source is None:
                if slot.module not in book.unread:
                    what = f"there is no module {SNIPPETS}/{slot.module}.py"
                    hint = _nearest(slot.module, book.sources, "the modules are")
                    yield Problem(chapter.path, slot.line, what, hint)
                continue
            cell = source.cell(slot.cell)
            if cell is None:
                what = f"{SNIPPETS}/{slot.module}.py has no cell {slot.cell!r}"
                hint = _nearest(
                    slot.cell, [c.name for c in source.cells], "its cells are"
                )
                yield Problem(chapter.path, slot.line, what, hint)
                continue
            index = source.cells.index(cell)
            if slot.module in last and last[slot.module][0] >= index:
                other = last[slot.module][1]
                what = (
                    f"{slot.address} stands below {other.address} of line {other.line}"
                )
                hint = "show a module's cells once each, in the module's order"
                yield Problem(chapter.path, slot.line, what, hint)
            last[slot.module] = (index, slot)
            yield from _wrong_output(chapter, slot, results)
        yield from _unshown_borrowings(chapter, book)
        yield from _wrong_images(chapter, book, results)


def _wrong_output(
    chapter: Chapter, slot: Slot, results: Mapping[str, Result]
) -> Iterator[Problem]:
    result = results.get(slot.module)
    shown = result.cell(slot.cell) if result else None
    if shown is None or slot.measured:
        return
    if shown.output and slot.output is None:
        what = f"{slot.address} prints, but the page shows no output"
        hint = (
            "add <!--pytest-codeblocks:expected-output--> and an empty ```text fence "
            "below it, then run nox -s weave"
        )
        yield Problem(chapter.path, slot.line, what, hint)
    elif not shown.output and slot.output is not None:
        what = f"{slot.address} prints nothing, but the page has an output fence"
        yield Problem(chapter.path, slot.output.line, what, "remove the output fence")


def _unshown_borrowings(chapter: Chapter, book: Book) -> Iterator[Problem]:
    """Names that a page's module imports from a sibling whose definition it hides."""
    shown = {(slot.module, slot.cell) for slot in chapter.slots}
    first = {slot.module: slot for slot in reversed(chapter.slots)}
    for module, slot in first.items():
        source = book.sources.get(module)
        if source is None:
            continue
        for cell in source.cells:
            for other, name in cell.imported:
                place = (
                    definition(book.sources[other], name)
                    if other in book.sources
                    else None
                )
                if place is not None and (other, place.name) not in shown:
                    what = f"{module}.py borrows {name} from {other}.py, unshown here"
                    hint = f"write <!-- snippet: {place.address} --> above a fence"
                    yield Problem(chapter.path, slot.line, what, hint)


def _wrong_images(
    chapter: Chapter, book: Book, results: Mapping[str, Result]
) -> Iterator[Problem]:
    docs = book.root / DOCS
    for image in chapter.images:
        target = _in_docs(image.target, chapter, book)
        if f"{FIGURES}/" not in image.target:
            continue
        if not image.alt.strip():
            what = f"the figure {image.target} has no alternative text"
            hint = "say between the brackets what a reader should see in it"
            yield Problem(chapter.path, image.line, what, hint)
        parts = target.split("/")
        module = parts[1] if len(parts) == 3 else ""
        if parts[0] != FIGURES or (
            module not in book.sources and module not in book.unread
        ):
            up = os.path.relpath(docs / FIGURES, chapter.path.parent)
            what = f"{image.target} is no place of a figure"
            yield Problem(chapter.path, image.line, what, f"write {up}/module/cell.svg")
        elif module in results:
            cells = results[module].cells
            made = [name for cell in cells for name, _ in cell.files]
            name = re.sub(r"(-\d+)?\.svg$", "", parts[2])
            if book.sources[module].is_unrecorded(results[module].cell(name)):
                continue  # which is a problem of its own: see weave.recorded.wrong
            if parts[2] not in made:
                what = f"{SNIPPETS}/{module}.py makes no figure {parts[2]!r}"
                hint = _nearest(parts[2], made, "its figures are")
                yield Problem(chapter.path, image.line, what, hint)


def interactive(book: Book) -> Iterator[Problem]:
    """Figures that move, and name a module or a cell that is not there."""
    for chapter in book.chapters:
        for wish in chapter.interactive:
            source = book.sources.get(wish.module)
            if source is None:
                if wish.module not in book.unread:
                    what = f"there is no module {SNIPPETS}/{wish.module}.py"
                    hint = _nearest(wish.module, book.sources, "the modules are")
                    yield Problem(chapter.path, wish.line, what, hint)
            elif source.cell(wish.cell) is None:
                what = f"{SNIPPETS}/{wish.module}.py has no cell {wish.cell!r}"
                names = [cell.name for cell in source.cells]
                hint = _nearest(wish.cell, names, "its cells are")
                yield Problem(chapter.path, wish.line, what, hint)


def unshown(book: Book, results: Mapping[str, Result]) -> Iterator[Problem]:
    """Cells and figures that no chapter shows."""
    shown = {
        (slot.module, slot.cell) for chapter in book.chapters for slot in chapter.slots
    }
    images = {
        _in_docs(image.target, chapter, book)
        for chapter in book.chapters
        for image in chapter.images
    }
    for module, source in book.sources.items():
        for cell in source.cells:
            if (module, cell.name) not in shown and not cell.imported:
                what = f"no chapter shows the cell {cell.name!r}"
                hint = f"write <!-- snippet: {cell.address} --> above a Python fence"
                yield Problem(source.path, cell.line, what, hint)
        result = results.get(module)
        for made in result.cells if result else ():
            for name, _ in made.files:
                target = f"{FIGURES}/{module}/{name}"
                if target not in images:
                    what = f"no chapter shows the figure {target}"
                    hint = f"write ![what to see in it](…/{target})"
                    place = source.cell(made.name)
                    yield Problem(source.path, place.line if place else 1, what, hint)


def differences(book: Book, results: Mapping[str, Result]) -> Iterator[Problem]:
    """Fences whose text in the chapter is not what the module says and prints."""
    for chapter in book.chapters:
        for slot in chapter.slots:
            for fence, new in fresh(book, results, slot):
                old = contents(chapter, fence)
                if old == new:
                    continue
                origin = f"{SNIPPETS}/{slot.address}"
                if fence is slot.code:
                    what = f"differs from {origin}"
                    hint = "edit the module, then run nox -s weave"
                elif fence is slot.recorded:
                    what = f"differs from what is recorded of {origin}"
                    hint = "check that the prose is still true, then run nox -s weave"
                else:
                    what = f"differs from what {origin} prints"
                    hint = "check that the prose is still true, then run nox -s weave"
                line, detail = _difference(old, new)
                place = fence.line + 1 + line
                yield Problem(chapter.path, place, what, hint, detail, warning=True)


def _difference(old: str, new: str) -> tuple[int, str]:
    """Where two texts differ first, as a line from 0, and the lines that do."""
    before, after = old.split("\n") if old else [], new.split("\n") if new else []
    line = next(
        (
            i
            for i, pair in enumerate(zip(before, after, strict=False))
            if pair[0] != pair[1]
        ),
        min(len(before), len(after)),
    )
    tail = 0
    while (
        tail < min(len(before), len(after)) - line
        and before[-1 - tail] == after[-1 - tail]
    ):
        tail += 1
    removed = [f"- {text}" for text in before[line : len(before) - tail]]
    added = [f"+ {text}" for text in after[line : len(after) - tail]]
    return line, "\n".join([*removed, *added])


def _nearest(name: str, known: Iterable[str], sentence: str) -> str:
    names = list(known)
    close = get_close_matches(name, names, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{sentence} {', '.join(names) or 'none'}"


def _in_docs(target: str, chapter: Chapter, book: Book) -> str:
    """An image's target, which is relative to its chapter, relative to docs/."""
    folder = chapter.path.parent.relative_to(book.root / DOCS).as_posix()
    return normpath(f"{folder}/{target}")
