"""Where a page's committed text is not what its module says and prints, and why.

A difference is the page's if the code has changed since the page was filled in, and
the machine's if the very same code prints otherwise here: then the versions, the
device or the processor are others. Which code it was stands in `recorded/pages.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from weave.keep.files import digest
from weave.model import Chapter, Fence, Problem, Slot
from weave.read.book import SNIPPETS
from weave.read.recordings import code_digest
from weave.render.fill import contents
from weave.results import Filled, Result
from weave.woven import Woven


def differences(woven: Woven) -> Iterator[Problem]:
    """Every fence of the book that differs; all are warnings."""
    for chapter in woven.book.chapters:
        for slot in chapter.slots:
            for fence, new in woven.contents(slot):
                old = contents(chapter, fence)
                if old != new and not is_a_variant(fence, new, slot, woven):
                    yield _difference(chapter, slot, fence, old, new, woven)


def is_a_variant(fence: Fence, new: str, slot: Slot, woven: Woven) -> bool:
    """Whether what is printed here is what the page shows of such a machine."""
    return fence is slot.output and new in (
        cell.output for _, cell in woven.recordings(slot)
    )


def is_the_machines(fence: Fence, slot: Slot, woven: Woven) -> bool:
    """Whether an output that differs is one of the very code that the page shows."""
    known = woven.book.filled
    if known is None or fence is not slot.output:
        return False
    return known.code.get(slot.address) == code_of(slot, woven)


def code_of(slot: Slot, woven: Woven) -> str | None:
    """Digest of the code of a slot's output and of the files that it read, or None."""
    source, result = woven.book.sources.get(slot.module), woven.results.get(slot.module)
    if source is None or result is None or source.cell(slot.cell) is None:
        return None
    code = code_digest(source, slot.cell, woven.book.root)
    return digest(json.dumps([code, sorted(result.asked)]).encode())[:16]


def filled(woven: Woven) -> Filled:
    """On what, and of which code, the pages' outputs are filled in by these results."""
    known = woven.book.filled or Filled((), {})
    code = {
        slot.address: told
        for chapter in woven.book.chapters
        for slot in chapter.slots
        if slot.output is not None
        and (told := code_of(slot, woven) or known.code.get(slot.address))
    }
    whole = woven.results.keys() >= woven.book.sources.keys()
    on = machine(woven.results.values()) if whole or not known.on else known.on
    return Filled(on, dict(sorted(code.items())))


def machine(results: Iterable[Result]) -> tuple[str, ...]:
    """What results were computed on, as words: versions and device."""
    found: dict[str, str] = {}
    for result in results:
        found |= dict(result.versions) | {"device": result.device}
    return tuple(f"{name} {version}" for name, version in sorted(found.items()))


def _difference(
    chapter: Chapter, slot: Slot, fence: Fence, old: str, new: str, woven: Woven
) -> Problem:
    origin = f"{SNIPPETS}/{slot.address}"
    hint = "check that the prose is still true, then run nox -s weave"
    machine_differs = is_the_machines(fence, slot, woven)
    if fence is slot.code:
        what, hint = f"differs from {origin}", "edit the module, then run nox -s weave"
    elif fence is slot.recorded:
        what = f"differs from what is recorded of {origin}"
    elif machine_differs:
        what = f"differs from what {origin} prints on this machine, of the same code"
        hint = f"print what does not depend on it; {_changed(woven)}"
    else:
        what = f"differs from what {origin} prints"
    line, detail = _lines(old, new)
    place = fence.line + 1 + line
    return Problem(
        chapter.path, place, what, hint, detail, warning=True, machine=machine_differs
    )


def _changed(woven: Woven) -> str:
    """What is another here than where the pages were filled in."""
    here = machine(woven.results.values())
    there = woven.book.filled.on if woven.book.filled else ()
    changed = [each for each in there if each not in here]
    if not changed:
        return "versions and device are those with which the page was filled in"
    now = [each for each in here if each not in there]
    return f"the page was filled in with {', '.join(changed)}, this is {', '.join(now)}"


def _lines(old: str, new: str) -> tuple[int, str]:
    """Where two texts differ first, as a line from 0, and the lines that do."""
    before, after = old.split("\n") if old else [], new.split("\n") if new else []
    pairs = enumerate(zip(before, after, strict=False))
    line = next(
        (i for i, pair in pairs if pair[0] != pair[1]), min(len(before), len(after))
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
