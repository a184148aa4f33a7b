"""Runs modules in processes of their own, several at once, and ends those that hang.

The processes are forked from one parent that has imported the packages already (the
standard library's forkserver with its preload), because importing them is most of what
a small module costs. The parent only imports: computing there would leave every child
with threads that do not exist.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from weave.keep.codec import decode, from_json
from weave.model import Problem, Source
from weave.read.imports import read_text, third_party
from weave.results import Result
from weave.run import scratch
from weave.run.process import environment, main
from weave.run.session import Job

log = logging.getLogger("weave")
LIMIT = 600.0  # seconds
POLL = 0.5  # seconds, between two looks at whether a module is to be ended
# What makes torch import its compiler, which takes a second.
DYNAMO = re.compile(r"\boptim\b|\bcompile\(|\b_?dynamo\b|\blr_scheduler\b")
FORKS = sys.platform.startswith("linux")  # elsewhere forked libraries are unreliable


@dataclass
class _Running:
    job: Job
    process: BaseProcess
    begun: float


def needed(sources: Sequence[Source], root: Path) -> tuple[str, ...]:
    """What is worth importing before these modules run: what they import, no more.

    What they import in a `try` is left to them: it may raise more than ImportError.
    """
    packages = [*third_party(sources, root, tried=False)]
    files = {path for each in sources for path in (each.path, *each.imports)}
    texts = [read_text(path) for path in files if path.suffix == ".py"]
    if "torch" in packages and any(DYNAMO.search(text) for text in texts):
        packages.append("torch._dynamo")
    if any(name.startswith("matplotlib") for name in packages):
        packages += ["matplotlib.pyplot", "matplotlib.backends.backend_svg"]
    return tuple(packages)


def preload(packages: Sequence[str]) -> None:
    """Start the parent, which begins to import the packages; does not wait for it.

    Calling it again does nothing: a process has one such parent, for its lifetime.
    Whoever knows which modules are stale calls it as early as possible.
    """
    if FORKS:
        multiprocessing.set_forkserver_preload([*packages, "weave.run.process"])
        with _environment(environment("")):
            forkserver.ensure_running()


def run(
    sources: Sequence[Source],
    root: Path,
    cache: Path,
    *,
    jobs: int | None = None,
    device: str = "cpu",
    limit: float = LIMIT,
    began: Callable[[Source], None] = lambda source: None,
    stop: Callable[[Source], bool] = lambda source: False,
    record: bool = False,
) -> Iterator[tuple[Source, Result | Problem, float]]:
    """Run modules, in the order given, at most `jobs` at once.

    Args:
        sources: The modules; put the longest first, since it bounds the rest.
        root: The book's root.
        cache: The cache's folder, into which processes put figures.
        jobs: How many at once; by default one for each core this process may use.
        device: Where the modules are meant to run; `cpu` hides CUDA devices.
        limit: Seconds after which a module is ended.
        began: Called with each module as it starts.
        stop: Asked of each running module about twice a second: whether to end it,
            since a newer text of it exists (see `weave.read.module.has_newer_text`).
        record: Whether to keep what a build leaves out, and use every core.

    Yields:
        Each module as it ends, with its result or its problem, and the seconds from
        its start to its end.

    Raises:
        WeaveError: There is no place for the folders in which modules run.
    """
    # What a library has begun on a GPU does not survive a fork.
    forks = FORKS and not record
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    waiting = list(sources)
    running: list[_Running] = []
    if forks:
        preload(needed(waiting, root))
    with scratch.folder() as place:
        try:
            while waiting or running:
                while waiting and len(running) < (jobs or cores()):
                    source = waiting.pop(0)
                    began(source)
                    job = _job(source, root, cache, place, device, record)
                    _start(job, context, running)
                left = min(each.begun + limit for each in running) - time.monotonic()
                sentinels = [each.process.sentinel for each in running]
                connection.wait(sentinels, min(max(0.0, left), POLL))
                for each in list(running):
                    answer = _answer(each, limit, stop)
                    if answer is not None:
                        running.remove(each)
                        _end(each)
                        yield each.job.source, answer, time.monotonic() - each.begun
        finally:
            for each in running:
                _end(each)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _job(
    source: Source, root: Path, cache: Path, place: Path, device: str, record: bool
) -> Job:
    packages = third_party([source], root)
    threads = cores() if record else 1
    folder = place / source.module
    return Job(source, root, cache, folder, device, packages, record, threads)


def _start(job: Job, context: BaseContext, running: list[_Running]) -> None:
    job.scratch.mkdir()
    process = context.Process(target=main, args=(job,))  # type: ignore[attr-defined]
    # Before it starts: an interrupt between the two would leave it to run for ever.
    running.append(_Running(job, process, time.monotonic()))
    with _no_main():
        process.start()


def _answer(
    each: _Running, limit: float, stop: Callable[[Source], bool]
) -> Result | Problem | None:
    """The module's answer, or what to say in its stead, or None while it runs."""
    if not each.process.is_alive():
        return _read_answer(each)
    if time.monotonic() - each.begun >= limit:
        hint = "make it end, or raise the limit with --limit"
        return _problem_at(each, f"did not end within {limit:g} s", hint)
    if stop(each.job.source):
        what = "is ended, as a newer text of it exists"
        return _problem_at(each, what, "wait until the newer text has run")
    return None


def _read_answer(each: _Running) -> Result | Problem:
    job = each.job
    try:
        answer = json.loads(job.answer.read_text("utf-8"))
        if "problem" in answer:
            return decode(Problem, answer["problem"])
        result = from_json(answer["result"])
        names = [cell.name for cell in result.cells]
        if names != [cell.name for cell in job.source.cells]:
            raise ValueError("it is another module's")
    except OSError:
        code = each.process.exitcode or 0
        how = f"ended its process with exit code {code}"
        if code < 0:
            how = f"was killed by signal {-code}"
            with suppress(ValueError):
                how = f"was killed by {signal.Signals(-code).name}"
        return _problem_at(each, how, "let the module run to its last cell")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        hint = "let the module leave alone the files that it did not make"
        return _problem_at(each, f"left an answer that is none: {error}", hint)
    for name, said in result.warned:  # libraries of themselves, which stops nothing
        log.warning("%s.py#%s: %s", result.module, name, said)
    return result


def _problem_at(each: _Running, what: str, hint: str) -> Problem:
    """A problem of a module that cannot speak for itself, at the cell it had begun."""
    source = each.job.source
    cell = None
    with suppress(OSError, ValueError):
        cell = source.cell(each.job.at.read_text("utf-8"))
    if cell is None:
        return Problem(source.path, 1, f"the module {what}", hint)
    return Problem(source.path, cell.line, f"cell {cell.name!r} {what}", hint)


def _end(each: _Running) -> None:
    """End the module's whole process group, with everything it has started."""
    pid = each.process.pid
    if pid is not None:
        with suppress(OSError, AttributeError):  # Windows has no groups
            os.killpg(pid, signal.SIGKILL)
        with suppress(OSError):
            each.process.kill()
        each.process.join()
    each.process.close()
    shutil.rmtree(each.job.scratch, ignore_errors=True)


@contextmanager
def _no_main() -> Iterator[None]:
    """Hide `__main__`, which multiprocessing would import again in every child."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
