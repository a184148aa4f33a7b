"""What a page is rendered from, handed to everything that renders it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markdown import Markdown

from weave.model import Chapter, WeaveError
from weave.render.outputs import trouble
from weave.site.katex import Formulas
from weave.woven import Woven


@dataclass
class Here:
    """What is rendered: a page of a woven book.

    `forgiving` asks to show what goes wrong on the page instead of raising it.
    """

    woven: Woven
    path: Path
    formulas: Formulas
    forgiving: bool = False
    chapter: Chapter | None = None

    def problem(self, error: WeaveError) -> str:
        """The notes that stand in the place of what cannot be shown.

        Raises:
            WeaveError: Nothing is forgiven.
        """
        if not self.forgiving:
            raise error
        return "".join(trouble(problem) for problem in error.problems)


Ask = Callable[[Markdown], Here]
