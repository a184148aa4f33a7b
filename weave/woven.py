"""A book with the results of its modules: what each of its pages is made from.

Whoever renders a page is handed one of these; nothing keeps a current one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from weave.keep.store import Cache
from weave.model import Asked, Book, Cell, Chapter, Claim, Fence, Problem, Slot
from weave.read.recordings import code_digest
from weave.render import provenance
from weave.render.fill import block
from weave.results import CellResult, Recording, Result

DOCS = "docs"
FIGURES = "figures"  # in docs/, generated
CACHE = ".weave"


@dataclass(frozen=True)
class Woven:
    """A book with the results of its modules, and everything that is wrong with it.

    `ran` names the modules that had to run, in the order in which they ended;
    `failed` says of those that gave no result what stopped them.
    """

    book: Book
    results: dict[str, Result]
    problems: tuple[Problem, ...] = ()
    ran: tuple[str, ...] = ()
    failed: dict[str, Problem] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[Problem, ...]:
        """The problems that stop every build, not only a strict one."""
        return tuple(problem for problem in self.problems if not problem.warning)

    @property
    def cache(self) -> Cache:
        """Where results and their figures are kept."""
        return Cache(self.book.root / CACHE, self.book.root)

    def chapter(self, path: Path) -> Chapter | None:
        """The chapter of this path, or None."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> dict[Path, Chapter]:
        return {chapter.path: chapter for chapter in self.book.chapters}

    @cached_property
    def shown_in(self) -> dict[str, list[Chapter]]:
        """The chapters that show cells of a module, by the module's name."""
        found: dict[str, list[Chapter]] = {}
        for chapter in self.book.chapters:
            for module in dict.fromkeys(slot.module for slot in chapter.slots):
                found.setdefault(module, []).append(chapter)
        return found

    def cell(self, slot: Slot) -> Cell | None:
        """The cell that a slot shows, or None."""
        source = self.book.sources.get(slot.module)
        return source.cell(slot.cell) if source else None

    def result(self, slot: Slot) -> CellResult | None:
        """What this build has of the slot's cell, or None."""
        result = self.results.get(slot.module)
        return result.cell(slot.cell) if result else None

    def claim(self, page: str, name: str) -> Claim | None:
        """The test of a page's sentence, or None."""
        found = (c for c in self.book.claims if (c.page, c.name) == (page, name))
        return next(found, None)

    def recordings(self, slot: Slot) -> list[tuple[Recording, CellResult]]:
        """What a slot shows of the recordings, never of other code than today's.

        Below an output of this build, the CPU's recording would only repeat it.
        """
        if slot.recorded is None:
            return []
        return [
            (recording, cell)
            for recording in self.book.recordings
            if recording.module == slot.module
            and (slot.measured or recording.device != "cpu")
            and (cell := recording.result.cell(slot.cell)) is not None
            and self.is_of_today(recording, cell.name)
        ]

    def is_of_today(self, recording: Recording, cell: str) -> bool:
        """Whether the code that was recorded is the code that the book shows now."""
        source = self.book.sources.get(recording.module)
        if source is None or source.cell(cell) is None:
            return False
        return dict(recording.code)[cell] == code_digest(source, cell, self.book.root)

    def contents(self, slot: Slot) -> list[tuple[Fence, str]]:
        """The slot's fences, each with what belongs in it; nothing without a result."""
        cell, shown = self.cell(slot), self.result(slot)
        if cell is None or shown is None:
            return []
        pairs = [(slot.code, cell.code)]
        if slot.output is not None:
            pairs.append((slot.output, shown.output))
        if slot.recorded is not None:
            pieces = []
            for recording, recorded in self.recordings(slot):
                told = provenance.sentence(recording, bool(recorded.output))
                pieces.append(provenance.as_markdown(told) + "\n")
                if recorded.output:
                    pieces.append(block(recorded.output, "text"))
            pairs.append((slot.recorded, "\n" + "\n".join(pieces) if pieces else ""))
        return pairs

    def values(self, asked: Asked) -> str | None:
        """What a page that asks was given, as JSON, or None.

        Of a measured cell it is what each recording gave, with its machine's name:
        `{"recordings": [{"machine": ..., ...}, ...]}`.
        """
        slot = self._measured.get((asked.module, asked.cell))
        if slot is None:
            result = self.results.get(asked.module)
            cell = result.cell(asked.cell) if result else None
            return dict(cell.data).get(asked.name) if cell else None
        given = []
        for recording, cell in self.recordings(slot):
            if values := dict(cell.data).get(asked.name):
                machine = f"{provenance.machine(recording)}, {recording.date}"
                given.append({"machine": machine, **json.loads(values)})
        told = {"recordings": given}
        return (
            json.dumps(told, ensure_ascii=False, separators=(",", ":"))
            if given
            else None
        )

    @cached_property
    def figures(self) -> dict[str, Path]:
        """Each figure's place in docs/, `figures/tensors/plane.svg`, and its file."""
        cache = self.cache
        places = {
            f"{FIGURES}/{module}/{name}": cache.path(digest)
            for module, result in sorted(self.results.items())
            for cell in result.cells
            if (module, cell.name) not in self._measured
            for name, digest in cell.files
        }
        for place, others in self.variants.items():
            if place not in places:  # nothing of this build: the first recording's
                places[place] = others[0][1]
                others = others[1:]
            places |= {variant(place, slug): file for slug, file in others}
        return places

    @cached_property
    def variants(self) -> dict[str, list[tuple[str, Path]]]:
        """The recordings of a figure, by its place: each machine's folder, and file."""
        found: dict[str, list[tuple[str, Path]]] = {}
        for chapter in self.book.chapters:
            for slot in chapter.slots:
                for recording, cell in self.recordings(slot):
                    for name, _ in cell.files:
                        place = f"{FIGURES}/{slot.module}/{name}"
                        file = recording.folder / slot.module / name
                        found.setdefault(place, []).append(
                            (recording.folder.name, file)
                        )
        return found

    @cached_property
    def _measured(self) -> dict[tuple[str, str], Slot]:
        return {
            (slot.module, slot.cell): slot
            for chapter in self.book.chapters
            for slot in chapter.slots
            if slot.measured
        }


def variant(place: str, slug: str) -> str:
    """The place of a figure as another machine drew it."""
    path = PurePosixPath(place)
    return str(path.with_name(f"{path.stem}.{slug}{path.suffix}"))
