"""Shows which modules run, and for how long; silent when none does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weave.build import Progress


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar on standard error, which appears when the first module runs.

    In a terminal the bar moves; elsewhere each module gives one line as it ends.
    """
    shown: list[_Display] = []

    def total(count: int) -> None:
        shown.append(_Display(count))

    def began(module: str) -> None:
        shown[-1].began(module)

    def ended(module: str, seconds: float, good: bool) -> None:
        shown[-1].ended(module, seconds, good)

    try:
        yield Progress(total, began, ended)
    finally:
        for display in shown:
            display.stop()


class _Display:
    def __init__(self, count: int) -> None:
        # A build in which nothing runs does without the tenth of a second that this
        # import takes.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._console = Console(stderr=True, highlight=False)
        columns: list[Any] = [TextColumn("{task.description}"), BarColumn()]
        columns += [MofNCompleteColumn(), TimeElapsedColumn()]
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._running: list[str] = []
        if self._console.is_terminal:
            self._bar.start()
        self._task = self._bar.add_task("running", total=count)

    def began(self, module: str) -> None:
        self._running.append(module)
        self._describe()

    def ended(self, module: str, seconds: float, good: bool) -> None:
        self._running.remove(module)
        self._describe()
        verb = "ran" if good else "failed"
        self._console.print(f"{verb:>8} {module} in {seconds:.1f} s")
        self._bar.advance(self._task)

    def stop(self) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def _describe(self) -> None:
        running = f"running {', '.join(self._running)}"
        self._bar.update(self._task, description=running)
