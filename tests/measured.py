"""Sets apart what a module measures, as it prints other numbers in each run."""

from __future__ import annotations

import re

BEGIN, END = "<measured>", "</measured>"


def between_marks(code: str) -> str:
    """The code of a measured cell, which prints its output between marks."""
    return f"print({BEGIN!r})\n{code}\nprint({END!r})"


def without_measured(printed: str) -> str:
    """What was printed, without what stands between marks."""
    return re.sub(f"{BEGIN}\n.*?{END}\n", "", printed, flags=re.S)
