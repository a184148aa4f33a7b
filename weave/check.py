"""What is wrong with a woven book: each problem, with a hint.

Nothing here runs or writes anything; a module without a result is left out of every
comparison with results, since its own failure is reported already.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from posixpath import normpath

from weave.model import Asked, Chapter, Problem, Slot
from weave.questions import wrong_questions
from weave.read.book import SNIPPETS
from weave.read.module import definition
from weave.read.recordings import FOLDER
from weave.woven import DOCS, FIGURES, Woven, variant

AGAIN = "record again on such a machine (nox -s record), or delete what is old"


def problems(woven: Woven, *, whole: bool = True) -> Iterator[Problem]:
    """Everything that is wrong with the pages and the recordings of a book.

    Args:
        woven: The book with the results of its modules.
        whole: Whether it has the results of all of them.
    """
    for chapter in woven.book.chapters:
        yield from _wrong_slots(chapter, woven)
        yield from _unshown_borrowings(chapter, woven)
        yield from _wrong_images(chapter, woven)
        yield from _wrong_marks(chapter, woven)
        yield from wrong_questions(chapter, woven)
        for place in chapter.interactive:
            yield from _missing(place.asked, chapter, woven)
    if whole:
        yield from _unshown(woven)
        yield from _unclaimed(woven)
    yield from _wrong_recordings(woven)


def _missing(place: Slot | Asked, chapter: Chapter, woven: Woven) -> Iterator[Problem]:
    """The problem of a segment that names a module or a cell that is not there."""
    book = woven.book
    source = book.sources.get(place.module)
    if source is None:
        if place.module not in book.unread:
            what = f"there is no module {SNIPPETS}/{place.module}.py"
            hint = _nearest(place.module, book.sources, "the modules are")
            yield Problem(chapter.path, place.line, what, hint)
    elif source.cell(place.cell) is None:
        what = f"{SNIPPETS}/{place.module}.py has no cell {place.cell!r}"
        hint = _nearest(place.cell, [c.name for c in source.cells], "its cells are")
        yield Problem(chapter.path, place.line, what, hint)


def _wrong_slots(chapter: Chapter, woven: Woven) -> Iterator[Problem]:
    """Slots that name what is not there, or show it in another order or wrongly."""
    last: dict[str, tuple[int, Slot]] = {}
    for slot in chapter.slots:
        yield from _missing(slot, chapter, woven)
        source, cell = woven.book.sources.get(slot.module), woven.cell(slot)
        if source is None or cell is None:
            continue
        index = source.cells.index(cell)
        if slot.module in last and last[slot.module][0] >= index:
            other = last[slot.module][1]
            what = f"{slot.address} stands below {other.address} of line {other.line}"
            hint = "show a module's cells once each, in the module's order"
            yield Problem(chapter.path, slot.line, what, hint)
        last[slot.module] = (index, slot)
        shown = woven.result(slot)
        if shown is None or slot.measured:
            continue
        if shown.output and slot.output is None:
            what = f"{slot.address} prints, but the page shows no output"
            hint = (
                "add <!--pytest-codeblocks:expected-output--> and an empty ```text "
                "fence below it, then run nox -s weave"
            )
            yield Problem(chapter.path, slot.line, what, hint)
        elif not shown.output and slot.output is not None:
            what = f"{slot.address} prints nothing, but the page has an output fence"
            hint = "remove the output fence"
            yield Problem(chapter.path, slot.output.line, what, hint)


def _unshown_borrowings(chapter: Chapter, woven: Woven) -> Iterator[Problem]:
    """Names that a page's module imports from a sibling whose definition it hides."""
    sources = woven.book.sources
    shown = {(slot.module, slot.cell) for slot in chapter.slots}
    first = {slot.module: slot for slot in reversed(chapter.slots)}
    for module, slot in first.items():
        for cell in sources[module].cells if module in sources else ():
            for other, name in cell.imported:
                place = definition(sources[other], name) if other in sources else None
                if place is not None and (other, place.name) not in shown:
                    what = f"{module}.py borrows {name} from {other}.py, unshown here"
                    hint = f"write <!-- snippet: {place.address} --> above a fence"
                    yield Problem(chapter.path, slot.line, what, hint)


def _wrong_images(chapter: Chapter, woven: Woven) -> Iterator[Problem]:
    book = woven.book
    for image in chapter.images:
        if f"{FIGURES}/" not in image.target:
            continue
        if not image.alt.strip():
            what = f"the figure {image.target} has no alternative text"
            hint = "say between the brackets what a reader should see in it"
            yield Problem(chapter.path, image.line, what, hint)
        target = in_docs(image.target, chapter, woven)
        parts = target.split("/")
        module = parts[1] if len(parts) == 3 else ""
        if parts[0] != FIGURES or module not in {*book.sources, *book.unread}:
            up = os.path.relpath(book.root / DOCS / FIGURES, chapter.path.parent)
            what = f"{image.target} is no place of a figure"
            yield Problem(chapter.path, image.line, what, f"write {up}/module/cell.svg")
        elif module in woven.results and target not in woven.figures:
            cell = re.sub(r"(-\d+)?\.svg$", "", parts[2])
            measured = [
                s.cell for s in chapter.slots if s.module == module and s.measured
            ]
            if cell in measured:
                continue  # which is a problem of its own: see _wrong_recordings
            made = [
                name.split("/")[2] for name in woven.figures if f"/{module}/" in name
            ]
            what = f"{SNIPPETS}/{module}.py makes no figure {parts[2]!r}"
            hint = _nearest(parts[2], made, "its figures are")
            yield Problem(chapter.path, image.line, what, hint)


def _wrong_marks(chapter: Chapter, woven: Woven) -> Iterator[Problem]:
    """Marks that name no page, and sentences that no test would refute."""
    for mark in chapter.marks:
        name = " ".join(mark.words)
        asked = woven.book.root / DOCS / name
        if mark.kind == "minutes" and woven.chapter(asked) is None:
            what, hint = f"there is no page {name}", "name a file below docs/"
            yield Problem(chapter.path, mark.line, what, hint)
        if mark.kind == "claim" and woven.claim(chapter.path.stem, name) is None:
            address = f"{chapter.path.stem}#{name}"
            what = f"no test would fail if the claim {name!r} were false"
            hint = f'mark one with @pytest.mark.claim("{address}")'
            yield Problem(chapter.path, mark.line, what, hint, warning=True)


def _unclaimed(woven: Woven) -> Iterator[Problem]:
    """Tests of sentences that no page says, and sentences with two tests or places."""
    said = Counter(
        (chapter.path.stem, " ".join(mark.words))
        for chapter in woven.book.chapters
        for mark in chapter.marks
        if mark.kind == "claim"
    )
    tested = Counter((claim.page, claim.name) for claim in woven.book.claims)
    for claim in woven.book.claims:
        key = (claim.page, claim.name)
        if said[key] != 1 or tested[key] != 1:
            what = (
                f"the claim {claim.page}#{claim.name} stands in {said[key]} places "
                f"and has {tested[key]} tests, not one of each"
            )
            hint = f"mark its sentence with <!-- claim: {claim.name} -->, once"
            yield Problem(claim.path, claim.line, what, hint, warning=True)


def _unshown(woven: Woven) -> Iterator[Problem]:
    """Cells and figures that no chapter shows."""
    chapters = woven.book.chapters
    shown = {(slot.module, slot.cell) for each in chapters for slot in each.slots}
    images = {in_docs(image.target, c, woven) for c in chapters for image in c.images}
    images |= {
        variant(place, slug)
        for place in images
        for slug, _ in woven.variants.get(place, ())
    }
    for module, source in woven.book.sources.items():
        for cell in source.cells:
            if (module, cell.name) not in shown and not cell.imported:
                what = f"no chapter shows the cell {cell.name!r}"
                hint = f"write <!-- snippet: {cell.address} --> above a Python fence"
                yield Problem(source.path, cell.line, what, hint)
        result = woven.results.get(module)
        for made in result.cells if result else ():
            for name, _ in made.files:
                target = f"{FIGURES}/{module}/{name}"
                if target not in images:
                    what = f"no chapter shows the figure {target}"
                    hint = f"write ![what to see in it](…/{target})"
                    place = source.cell(made.name)
                    yield Problem(source.path, place.line if place else 1, what, hint)


def _wrong_recordings(woven: Woven) -> Iterator[Problem]:
    """Recordings of other code than today's or of nothing, and what none has recorded.

    All are warnings, so that an author who edits the code can go on looking at pages.
    """
    book = woven.book
    wanted = {
        (slot.module, slot.cell): (chapter, slot)
        for chapter in book.chapters
        for slot in chapter.slots
        if slot.recorded is not None
    }
    for recording in book.recordings:
        for cell in recording.result.cells:
            address = f"{recording.module}.py#{cell.name}"
            if recording.module in book.unread:
                continue
            if (recording.module, cell.name) not in wanted:
                what = f"records {address}, which no page shows as recorded"
            elif not woven.is_of_today(recording, cell.name):
                what = f"is a recording of other code than {address} is now"
            else:
                continue
            yield Problem(recording.path, recording.line, what, AGAIN, warning=True)
    for chapter, slot in wanted.values():
        if slot.measured and woven.cell(slot) and not woven.recordings(slot):
            what = f"no machine has recorded {slot.address} as it is now"
            hint = f"run nox -s record -- {slot.module}, and commit {FOLDER}/"
            line = slot.recorded.line if slot.recorded else slot.line
            yield Problem(chapter.path, line, what, hint, warning=True)


def in_docs(target: str, chapter: Chapter, woven: Woven) -> str:
    """An image's target, which is relative to its chapter, relative to docs/."""
    folder = chapter.path.parent.relative_to(woven.book.root / DOCS).as_posix()
    return normpath(f"{folder}/{target}")


def _nearest(name: str, known: Iterable[str], sentence: str) -> str:
    names = list(known)
    close = get_close_matches(name, names, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{sentence} {', '.join(names) or 'none'}"
