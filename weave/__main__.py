"""`python -m weave`: run what is stale, fill the chapters, or only look.

Exit code: 0 if all is well, 1 if something is wrong, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from weave import build, progress, publish
from weave.model import Problem, WeaveError
from weave.read.book import read_book
from weave.run import pool


def main(arguments: list[str] | None = None) -> int:
    """Weave the book; gives the exit code."""
    try:
        return _weave(_parser().parse_args(arguments))
    except WeaveError as error:
        print(error, file=sys.stderr)
        return 1


def _weave(options: argparse.Namespace) -> int:
    book = read_book(options.root)
    with progress.bar() as shown:
        woven = build.weave(
            book,
            only=options.only,
            jobs=options.jobs,
            device=options.device,
            limit=options.limit,
            progress=shown,
        )
    problems = [*woven.problems] if options.check else [*woven.failures]
    changed: list[Path] = []
    if not options.check:
        try:
            changed = build.fill_chapters(woven)
        except WeaveError as error:
            problems += error.problems
        if not problems and not options.only:
            publish.publish(woven)
    _tell(problems)
    for path in changed:
        print(f"wrote {path.relative_to(book.root)}")
    if problems:
        things = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        print(f"weave: {things}", file=sys.stderr)
        return 1
    print(
        f"weave: {len(woven.results)} modules, {len(woven.ran)} of them run; "
        f"{len(book.chapters)} chapters, {len(changed)} of them changed"
    )
    return 0


def _tell(problems: list[Problem]) -> None:
    """Print the problems: those of the pages, then those of this machine."""
    for problem in problems:
        if not problem.machine:
            print(problem, file=sys.stderr)
    machines = [problem for problem in problems if problem.machine]
    if machines:
        said = "The pages are up to date, but this machine prints something else:"
        print(said, *machines, sep="\n", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m weave", description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; say where a chapter differs from its module",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this module"
    )
    parser.add_argument(
        "--jobs", type=_positive(int), metavar="N", help="modules run at once (cores)"
    )
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="device of the results (cpu)"
    )
    parser.add_argument(
        "--limit",
        type=_positive(float),
        default=pool.LIMIT,
        metavar="S",
        help=f"seconds after which a module is ended ({pool.LIMIT:g})",
    )
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), help="the book's folder (this one)"
    )
    return parser


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not more than 0")
        return value

    number.__name__ = kind.__name__
    return number


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("weave: interrupted; what has ended is remembered")
