"""The whole path: read the book, run what is stale, check, fill, publish."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from weave import check, figure, notebook, program, recorded
from weave.chapter import fill, read_chapter
from weave.check import DOCS, FIGURES, SNIPPETS, fresh
from weave.keep.files import digest, write
from weave.keep.key import engine, key_of
from weave.keep.store import Cache
from weave.model import Book, Chapter, Problem, Result, Slot, Source, WeaveError
from weave.read.module import read_source
from weave.run import pool

# In docs/, generated, as FIGURES is:
NOTEBOOKS = "notebooks"
PROGRAMS = "programs"
LISTINGS = "source"
GENERATED = (FIGURES, NOTEBOOKS, PROGRAMS, LISTINGS)
CACHE = ".weave"


@dataclass(frozen=True)
class Woven:
    """A book with the results of its modules, and everything that is wrong with it.

    `ran` names the modules that had to run, in the order in which they ended.
    """

    book: Book
    results: dict[str, Result]
    problems: tuple[Problem, ...]
    ran: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Problem, ...]:
        """The problems that stop every build, not only a strict one."""
        return tuple(problem for problem in self.problems if not problem.warning)

    @property
    def parts(self) -> Path:
        """Where files are written before they are renamed into place."""
        return Cache(self.book.root / CACHE, self.book.root).parts

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each figure's place in docs/, `figures/tensors/plane.svg`, and its file."""
        kept = Cache(self.book.root / CACHE, self.book.root)
        for module, result in sorted(self.results.items()):
            for cell in result.cells:
                for name, wanted in cell.files:
                    yield f"{FIGURES}/{module}/{name}", kept.path(wanted)


@dataclass
class Progress:
    """Hears of the modules that run; the default hears nothing."""

    total: Callable[[int], None] = field(default=lambda count: None)
    began: Callable[[str], None] = field(default=lambda module: None)
    ended: Callable[[str, float, bool], None] = field(
        default=lambda module, seconds, good: None
    )


def read_book(root: Path) -> Book:
    """Read every chapter below docs/ and every module in snippets/.

    A file that cannot be read becomes a problem and is left out; the rest is read.
    """
    root = root.resolve()
    chapters: list[Chapter] = []
    sources: dict[str, Source] = {}
    unread: set[str] = set()
    problems: list[Problem] = []
    for path in sorted((root / DOCS).rglob("*.md")):
        try:
            chapters.append(read_chapter(path))
        except WeaveError as error:
            problems += error.problems
    for path in sorted((root / SNIPPETS).glob("*.py")):
        moving = [wish for each in chapters for wish in each.interactive]
        asked = tuple(wish for wish in moving if wish.module == path.stem)
        measured = tuple(
            slot.cell
            for each in chapters
            for slot in each.slots
            if slot.module == path.stem and slot.measured
        )
        try:
            sources[path.stem] = replace(
                read_source(path, root), interactive=asked, measured=measured
            )
        except WeaveError as error:
            unread.add(path.stem)
            problems += error.problems
    if not (root / DOCS).is_dir() or not (root / SNIPPETS).is_dir():
        what = f"the book has no folder {DOCS}/ or {SNIPPETS}/"
        hint = "run this in the folder that holds mkdocs.yml, or name it with --root"
        problems.append(Problem(root / "mkdocs.yml", 1, what, hint))
    recordings, damaged = recorded.read_recordings(root)
    problems += damaged
    return Book(
        root,
        tuple(chapters),
        sources,
        frozenset(unread),
        tuple(problems),
        tuple(recordings),
    )


def weave(
    book: Book,
    *,
    only: Collection[str] = (),
    jobs: int | None = None,
    device: str = "cpu",
    limit: float = pool.LIMIT,
    progress: Progress | None = None,
) -> Woven:
    """Bring every module's result up to date and check the book against them.

    Args:
        book: What to weave; nothing of it is written.
        only: Names of modules, to leave the others alone; empty for all.
        jobs: How many modules run at once; by default one a core.
        device: The device that results are for.
        limit: Seconds after which a module is ended.
        progress: Hears of the modules that run, if any does.

    Returns:
        The results and every problem, relative to the book's root, sorted by place.
    """
    progress = progress or Progress()
    kept = Cache(book.root / CACHE, book.root)
    problems = [*book.problems]
    results: dict[str, Result] = {}
    stale: list[Source] = []
    keys: dict[str, str] = {}
    for name in sorted(set(only) - set(book.sources) - book.unread):
        what = f"there is no module {name!r}"
        hint = f"the modules are {', '.join(sorted(book.sources)) or 'none'}"
        problems.append(Problem(book.root / SNIPPETS / f"{name}.py", 1, what, hint))
    for name, source in book.sources.items():
        if only and name not in only:
            continue
        keys[name] = key_of(source, book.root, device)
        result = kept.load(name, keys[name])
        if result is None:
            stale.append(source)
        else:
            results[name] = result
    ran = []
    if stale:
        progress.total(len(stale))
        stale.sort(key=lambda source: -(kept.seconds(source.module) or 0.0))
        for source, answer, seconds in pool.run(
            stale,
            book.root,
            book.root / CACHE,
            jobs=jobs,
            device=device,
            limit=limit,
            began=lambda source: progress.began(source.module),
        ):
            ran.append(source.module)
            if isinstance(answer, Result):
                kept.store(answer, keys[source.module])
                results[source.module] = answer
            else:
                problems.append(_with_pages(answer, source, book))
            progress.ended(source.module, seconds, isinstance(answer, Result))
        kept.prune({*book.sources, *book.unread})
    results = with_recorded_figures(book, results, kept)
    problems += check.references(book, results)
    problems += check.interactive(book)
    if not only:
        problems += check.unshown(book, results)
    problems += check.differences(book, results)
    problems += recorded.wrong(book)
    problems = [_relative(problem, book.root) for problem in problems]
    problems.sort(key=lambda problem: (str(problem.path), problem.line, problem.what))
    return Woven(book, results, tuple(problems), tuple(ran))


def with_recorded_figures(
    book: Book, results: dict[str, Result], kept: Cache
) -> dict[str, Result]:
    """The results, with the figures that recordings hold of their measured cells.

    A figure that shows the same as in an earlier build is not drawn again.
    """
    for chapter in book.chapters:
        for slot in chapter.slots:
            result = results.get(slot.module)
            if not slot.measured or result is None:
                continue
            held: dict[str, list[tuple[str, str]]] = {}
            for recording, cell in recorded.shown(book, slot):
                for name, drawing in cell.drawings:
                    held.setdefault(name, []).append((recording.name, drawing))
            files = []
            for name, drawings in held.items():
                key = digest(json.dumps([engine(), drawings]).encode())
                place = book.root / CACHE / "recorded" / f"{key}.svg"
                if not place.exists():
                    parts = [
                        (title, figure.Drawing.from_json(json.loads(text)))
                        for title, text in drawings
                    ]
                    write(place, figure.draw(parts).encode())
                files.append((name, kept.keep(place.read_bytes())))
            data = recorded.moving_data(book, slot)
            cells = tuple(
                replace(cell, files=tuple(files), data=data)
                if cell.name == slot.cell
                else cell
                for cell in result.cells
            )
            results[slot.module] = replace(result, cells=cells)
    return results


def fill_chapters(woven: Woven) -> list[Path]:
    """Write code and output into the chapters; gives the files that changed.

    Between the backticks of claimed fences only; a chapter whose text is right
    already is not written.

    Raises:
        WeaveError: A text would close its fence. No chapter is written then.
    """
    texts = []
    problems: list[Problem] = []
    for known in woven.book.chapters:
        chapter = read_chapter(known.path)  # which may have been edited meanwhile
        pairs = [
            pair
            for slot in chapter.slots
            for pair in fresh(woven.book, woven.results, slot)
        ]
        try:
            texts.append((chapter.path, fill(chapter, pairs)))
        except WeaveError as error:
            problems += [
                _relative(problem, woven.book.root) for problem in error.problems
            ]
    if problems:
        raise WeaveError(*problems)
    return [path for path, text in texts if write(path, text.encode(), by=woven.parts)]


def publish(woven: Woven) -> None:
    """Write what pages show and link to into docs/; remove what earlier runs left."""
    docs = woven.book.root / DOCS
    wanted = _write_files(woven, docs)
    for folder in GENERATED:
        for path in sorted((docs / folder).rglob("*"), reverse=True):
            if path.is_file() and path not in wanted:
                path.unlink(missing_ok=True)
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def _write_files(woven: Woven, folder: Path) -> set[Path]:
    """Write all that is generated below a folder; gives the files' paths."""
    files = {name: path.read_bytes() for name, path in woven.files()}
    files |= {name: text.encode() for name, text in notebooks(woven)}
    files |= {name: text.encode() for name, text in programs(woven)}
    files[f"{FIGURES}/runs.json"] = runs(woven).encode()
    for name, data in files.items():
        write(folder / name, data, by=woven.parts)
    return {folder / name for name in files}


def notebooks(woven: Woven) -> Iterator[tuple[str, str]]:
    """Each chapter as a Jupyter notebook: its place in docs/, and its JSON text."""
    kept = Cache(woven.book.root / CACHE, woven.book.root)
    for chapter in woven.book.chapters:
        if not chapter.slots:
            continue
        blocks = [
            (
                slot,
                dict(fresh(woven.book, woven.results, slot)),
                _figures_of(slot, woven, kept),
            )
            for slot in chapter.slots
        ]
        name = f"{NOTEBOOKS}/{chapter.path.stem}.ipynb"
        yield name, notebook.write_notebook(chapter, blocks)


def programs(woven: Woven) -> Iterator[tuple[str, str]]:
    """Each chapter's code as a program, and each module as a page: place and text."""
    for chapter in woven.book.chapters:
        cells = [check.shown_cell(woven.book, slot) for slot in chapter.slots]
        if cells:
            text = program.write_program(
                program.title_of(chapter.text), [cell for cell in cells if cell]
            )
            yield f"{PROGRAMS}/{chapter.path.stem}.py", text
    for name, source in woven.book.sources.items():
        text = program.write_listing(source, program.shown_in(woven.book, name))
        yield f"{LISTINGS}/{name}.html", text


def runs(woven: Woven) -> str:
    """How long each module took, in seconds, as JSON: the one text that varies."""
    times = {
        name: round(each.seconds, 3) for name, each in sorted(woven.results.items())
    }
    return json.dumps(times, indent=1) + "\n"


_lock = threading.Lock()
_current: Woven | None = None
_read_at: float | None = None  # when the book was read here, without a hook


def set_current(woven: Woven) -> None:
    """Say which results the pages of this process show."""
    global _current, _read_at
    _current, _read_at = woven, None


def current() -> Woven:
    """The results that the pages of this process show.

    A site generator without hooks never says which; then the book in the working
    folder is woven and published here, again whenever a module has changed.

    Raises:
        WeaveError: The book has failures. None of its results is to be shown.
    """
    global _current, _read_at
    with _lock:
        woven = _current
        if woven is None or (_read_at is not None and _newest_module() > _read_at):
            _read_at = _newest_module()
            _current = woven = weave(read_book(Path.cwd()))
            if not woven.failures:
                publish(woven)
                if site := _zensical_site():
                    _write_files(woven, site)
    if woven.failures:
        raise WeaveError(*woven.failures)
    return woven


def _newest_module() -> float:
    modules = (Path.cwd() / SNIPPETS).rglob("*.py")
    return max((path.stat().st_mtime for path in modules), default=0.0)


def _zensical_site() -> Path | None:
    """Where Zensical builds the site, if it is what runs here.

    It lists the files of docs/ before it renders the first page, which is when the
    figures are made; so they go to the site as well.
    """
    config = sys.modules.get("zensical.config")
    return Path(config.get_config()["site_dir"]).absolute() if config else None


def _figures_of(slot: Slot, woven: Woven, kept: Cache) -> dict[str, str]:
    result = woven.results.get(slot.module)
    cell = result.cell(slot.cell) if result else None
    found = {name: kept.read(wanted) for name, wanted in (cell.files if cell else ())}
    return {name: data.decode("utf-8") for name, data in found.items() if data}


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


def _relative(problem: Problem, root: Path) -> Problem:
    if problem.path.is_relative_to(root):
        return replace(problem, path=problem.path.relative_to(root))
    return problem
