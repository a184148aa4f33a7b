"""The way of a book: read it, run what is stale, check; then fill or publish it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from weave import check, differences
from weave.keep import key
from weave.keep.files import write
from weave.model import Book, Problem, Source, WeaveError
from weave.read.book import PAGES, SNIPPETS
from weave.read.page import read_chapter
from weave.render.fill import fill
from weave.results import Result
from weave.run import pool
from weave.woven import CACHE, Woven


@dataclass
class Progress:
    """Hears of the modules that run; the default hears nothing."""

    total: Callable[[int], None] = field(default=lambda count: None)
    began: Callable[[str], None] = field(default=lambda module: None)
    ended: Callable[[str, float, bool], None] = field(
        default=lambda module, seconds, good: None
    )


@dataclass(frozen=True)
class Plan:
    """What is known of a book before anything runs: results, and which are wanted.

    `wanted` are the modules without a result to be believed, the longest first;
    `keys` says under which key each module's result is kept.
    """

    book: Book
    results: dict[str, Result]
    wanted: list[Source]
    keys: dict[str, str]


def plan(book: Book, only: Collection[str] = (), device: str = "cpu") -> Plan:
    """Look up the results of the named modules, or of all, and see what has to run."""
    cache = Woven(book, {}).cache
    names = [name for name in book.sources if not only or name in only]
    installed = key.packages()
    keys = {
        name: key.key_of(book.sources[name], book.root, device, installed)
        for name in names
    }
    known = {name: cache.load(name, keys[name]) for name in names}
    results = {name: result for name, result in known.items() if result is not None}
    wanted = [book.sources[name] for name in names if name not in results]
    wanted.sort(key=lambda source: -(cache.seconds(source.module) or 0.0))
    return Plan(book, results, wanted, keys)


def weave(
    book: Book,
    *,
    only: Collection[str] = (),
    jobs: int | None = None,
    device: str = "cpu",
    limit: float = pool.LIMIT,
    progress: Progress | None = None,
    planned: Plan | None = None,
    stop: Callable[[Source], bool] | None = None,
) -> Woven:
    """Bring every module's result up to date and check the book against them.

    Args:
        book: What to weave; nothing of it is written.
        only: Names of modules, to leave the others alone; empty for all.
        jobs: How many modules run at once; by default one a core.
        device: The device that results are for.
        limit: Seconds after which a module is ended.
        progress: Hears of the modules that run, if any does.
        planned: What `plan` gave, if it was asked already.
        stop: Asked of each running module now and then: whether to end it.

    Returns:
        The results and every problem, relative to the book's root, sorted by place.
    """
    hears = progress or Progress()
    planned = planned or plan(book, only, device)
    cache, results = Woven(book, {}).cache, dict(planned.results)
    failed: dict[str, Problem] = {}
    ran: list[str] = []
    if planned.wanted:
        hears.total(len(planned.wanted))
        for source, answer, seconds in pool.run(
            planned.wanted,
            book.root,
            book.root / CACHE,
            jobs=jobs,
            device=device,
            limit=limit,
            stop=stop or (lambda source: False),
            began=lambda source: hears.began(source.module),
        ):
            ran.append(source.module)
            if isinstance(answer, Result):
                cache.store(answer, planned.keys[source.module])
                results[source.module] = answer
            else:
                failed[source.module] = _with_pages(answer, source, book)
            hears.ended(source.module, seconds, isinstance(answer, Result))
        cache.prune({*book.sources, *book.unread})
    return checked(Woven(book, results, (), tuple(ran), failed), only)


def checked(woven: Woven, only: Collection[str] = ()) -> Woven:
    """The woven book with all that is wrong with it, sorted by place."""
    book = woven.book
    problems = [*book.problems, *_unknown(only, book), *woven.failed.values()]
    problems += check.problems(woven, whole=not only)
    problems += differences.differences(woven)
    problems = [relative(problem, book.root) for problem in problems]
    problems.sort(key=lambda problem: (str(problem.path), problem.line, problem.what))
    return replace(woven, problems=tuple(problems))


def fill_chapters(woven: Woven) -> list[Path]:
    """Write code and output into the chapters; gives the files that changed.

    Between the backticks of claimed fences only; a chapter whose text is right
    already is not written, and one that an editor saves meanwhile is filled anew.

    Raises:
        WeaveError: A text would close its fence. No chapter is written then.
    """
    paths = [chapter.path for chapter in woven.book.chapters]
    problems: list[Problem] = []
    for path in paths:
        try:
            _filled(path, woven)
        except WeaveError as error:
            problems += [relative(each, woven.book.root) for each in error.problems]
    if problems:
        raise WeaveError(*problems)
    changed = [path for path in paths if _fill(path, woven)]
    told = differences.filled(woven)
    if told.code:
        text = json.dumps({"on": told.on, "code": told.code}, indent=1)
        write(woven.book.root / PAGES, f"{text}\n".encode())
    return changed


def _fill(path: Path, woven: Woven) -> bool:
    """Fill a chapter; gives whether it changed. It is as it was read when renamed."""
    while True:
        before, text = _filled(path, woven)
        data = text.encode()
        if data == before:
            return False
        if write(path, data, only_over=before):
            return True


def _filled(path: Path, woven: Woven) -> tuple[bytes, str]:
    chapter = read_chapter(path)  # which may have been edited meanwhile
    pairs = [pair for slot in chapter.slots for pair in woven.contents(slot)]
    return chapter.text.encode(), fill(chapter, pairs)


def relative(problem: Problem, root: Path) -> Problem:
    """The problem, its place told from the book's root where it lies inside."""
    if problem.path.is_relative_to(root):
        return replace(problem, path=problem.path.relative_to(root))
    return problem


def _unknown(only: Collection[str], book: Book) -> Iterator[Problem]:
    for name in sorted(set(only) - set(book.sources) - book.unread):
        what = f"there is no module {name!r}"
        hint = f"the modules are {', '.join(sorted(book.sources)) or 'none'}"
        yield Problem(book.root / SNIPPETS / f"{name}.py", 1, what, hint)


def _with_pages(problem: Problem, source: Source, book: Book) -> Problem:
    """The problem, with the pages that would show the cell in which it arose."""
    inside = [cell for cell in source.cells if cell.line <= problem.line]
    name = inside[-1].name if inside else ""
    pages = [
        f"shown by {chapter.path.relative_to(book.root)}:{slot.line}"
        for chapter in book.chapters
        for slot in chapter.slots
        if (slot.module, slot.cell) == (source.module, name)
    ]
    return replace(problem, detail="\n".join([*pages, *problem.detail.splitlines()]))
