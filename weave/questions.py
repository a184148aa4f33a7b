"""The questions of a page with the answers that this build gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from weave.keep.files import digest
from weave.model import Chapter, Problem, Slot
from weave.woven import Woven


@dataclass(frozen=True)
class Answer:
    """What a reader may choose, and what one who does has missed; nothing if right."""

    text: str
    missed: str


def answers(slot: Slot, woven: Woven) -> list[Answer]:
    """The answers of a slot's question, the right one first; none if it has failed."""
    given = woven.values(slot.question) if slot.question else None
    found = json.loads(given) if given else {}
    return [Answer(text, missed) for missed, text in found.items()]


def shuffled(found: list[Answer]) -> list[Answer]:
    """The answers in an order that tells nothing, and is the same in every build."""
    return sorted(found, key=lambda each: digest(each.text.encode()))


def wrong_questions(chapter: Chapter, woven: Woven) -> Iterator[Problem]:
    """Questions whose right answer is not printed, or whose wrong ones are right."""
    for slot in chapter.slots:
        found, shown = answers(slot, woven), woven.result(slot)
        if slot.question is None or shown is None or not found:
            continue
        line = slot.question.line
        right = found[0].text
        alone = rf"(?<![\w.]){re.escape(right)}(?!\w|\.\d)"
        if not right.strip() or not re.search(alone, shown.output):
            what = f"the right answer, {right!r}, is not what {slot.address} prints"
            hint = "let the first answer be a part of the output"
            yield Problem(chapter.path, line, what, hint)
        said = [_meaning(each.text) for each in found]
        for number, each in enumerate(found):
            if said[number] in said[:number]:
                what = f"the answer {each.text!r} is given twice"
                hint = "let each answer be another one"
                yield Problem(chapter.path, line, what, hint)


def _meaning(text: str) -> float | str:
    """What an answer says, however it is written: `1e-3` is `0.001`."""
    try:
        return float(text)
    except ValueError:
        return " ".join(text.split())
