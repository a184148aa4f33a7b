"""Runs modules in processes of their own, several at once, and ends those that hang.

The processes are forked from one parent that has imported the packages already (the
standard library's forkserver with its preload), because importing them is most of what
a small module costs. The parent only imports: computing there would leave every child
with threads that do not exist.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import connection, forkserver
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from weave.keep.codec import from_json
from weave.model import Problem, Result, Source
from weave.read.imports import third_party
from weave.run import process as worker

LIMIT = 600.0  # seconds
FORKS = sys.platform.startswith("linux")  # elsewhere forked libraries are unreliable


@dataclass
class _Running:
    source: Source
    process: BaseProcess
    job: worker.Job
    folder: tempfile.TemporaryDirectory[str]
    begun: float


def preload(packages: Sequence[str]) -> None:
    """Start the parent, which begins to import the packages; does not wait for it.

    Calling it again does nothing: a process has one such parent, for its lifetime.
    """
    if not FORKS:
        return
    extra = ["torch._dynamo"] if "torch" in packages else []
    if any(name.startswith("matplotlib") for name in packages):
        extra += ["matplotlib.pyplot", "matplotlib.backends.backend_svg"]
    multiprocessing.set_forkserver_preload([*packages, *extra, "weave.run.process"])
    with _environment(worker.environment("")):
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
    record: bool = False,
) -> Iterator[tuple[Source, Result | Problem, float]]:
    """Run modules, in the order given, at most `jobs` at once.

    Args:
        sources: The modules; put the longest first, since it bounds the rest.
        root: The book's root.
        cache: The cache's folder, into which workers put figures.
        jobs: How many at once; by default one for each core this process may use.
        device: Where the modules are meant to run; `cpu` hides CUDA devices.
        limit: Seconds after which a module is ended.
        began: Called with each module as it starts.
        record: Whether to keep what a build leaves out, and use every core.

    Yields:
        Each module as it ends, with its result or its problem, and the seconds from
        its start to its end.
    """
    if jobs is None:
        jobs = cores()
    # What a library has begun on a GPU does not survive a fork.
    forks = FORKS and not record
    context: BaseContext = multiprocessing.get_context(
        "forkserver" if forks else "spawn"
    )
    waiting = list(sources)
    running: list[_Running] = []
    if forks:
        preload(third_party(list(sources), root))
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                source = waiting.pop(0)
                began(source)
                running.append(_start(source, root, cache, device, context, record))
            left = min(each.begun + limit for each in running) - time.monotonic()
            sentinels = [each.process.sentinel for each in running]
            connection.wait(sentinels, max(0.0, left))
            for each in list(running):
                seconds = time.monotonic() - each.begun
                if not each.process.is_alive():
                    answer = _answer(each)
                elif seconds >= limit:
                    answer = _late(each, limit)
                else:
                    continue
                running.remove(each)
                _end(each)
                yield each.source, answer, seconds
    finally:
        for each in running:
            _end(each)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(
    source: Source,
    root: Path,
    cache: Path,
    device: str,
    context: BaseContext,
    record: bool,
) -> _Running:
    folder = tempfile.TemporaryDirectory(prefix="weave-", ignore_cleanup_errors=True)
    scratch = Path(folder.name).resolve()
    packages = third_party([source], root)
    threads = cores() if record else 1
    job = worker.Job(source, root, cache, scratch, device, packages, record, threads)
    process = context.Process(target=worker.main, args=(job,))  # type: ignore[attr-defined]
    with _no_main():
        process.start()
    return _Running(source, process, job, folder, time.monotonic())


def _answer(each: _Running) -> Result | Problem:
    try:
        answer = json.loads(each.job.answer.read_text("utf-8"))
    except (OSError, ValueError):
        code = each.process.exitcode or 0
        if code < 0:
            how = f"was killed by signal {-code}"
            with suppress(ValueError):
                how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"ended its process with exit code {code}"
        hint = "let the module run to its last cell"
        return _problem_at(each, how, hint)
    if "problem" in answer:
        told = Problem(**answer["problem"])
        return replace(told, path=Path(told.path))
    return from_json(answer["result"])


def _late(each: _Running, limit: float) -> Problem:
    what = f"did not end within {limit:g} s"
    hint = "make it end, or raise the limit with --limit"
    return _problem_at(each, what, hint)


def _problem_at(each: _Running, what: str, hint: str) -> Problem:
    """A problem of a module that cannot speak for itself, at the cell it had begun."""
    source = each.source
    try:
        cell = source.cell(each.job.at.read_text())
    except OSError:
        cell = None
    if cell is None:
        return Problem(source.path, 1, f"the module {what}", hint)
    return Problem(source.path, cell.line, f"cell {cell.name!r} {what}", hint)


def _end(each: _Running) -> None:
    """End the module's whole process group, with everything it has started."""
    pid = each.process.pid
    if pid is not None and hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    with suppress(OSError):
        each.process.kill()
    each.process.join()
    each.process.close()
    each.folder.cleanup()


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
