"""Shows which modules run, and for how long; silent when none does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from weave.build import Progress


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar on standard error, which appears when the first module runs.

    In a terminal the bar moves; elsewhere each module gives one line as it ends.
    """
    from rich.console import Console  # rich takes a tenth of a second to import
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bar

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    display = Bar(*columns, TimeElapsedColumn(), console=console, transient=True)
    running: list[str] = []

    def total(count: int) -> None:
        if console.is_terminal:
            display.start()
        display.add_task("running", total=count)

    def describe() -> None:
        for task in display.task_ids:
            display.update(task, description=f"running {', '.join(running)}")

    def began(module: str) -> None:
        running.append(module)
        describe()

    def ended(module: str, seconds: float, good: bool) -> None:
        running.remove(module)
        describe()
        verb = "ran" if good else "failed"
        console.print(f"{verb:>8} {module} in {seconds:.1f} s")
        for task in display.task_ids:
            display.advance(task)

    try:
        yield Progress(total, began, ended)
    finally:
        if console.is_terminal:
            display.stop()
