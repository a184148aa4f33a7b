"""Renders formulas while the site is built: KaTeX, run here, so that no page runs it.

KaTeX is `weave/katex/katex.min.js` (MIT), run by V8 through mini-racer; what it gives
is remembered in `.weave/formulas.json`, so that a build in which no formula is new does
not even start it.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from weave.keep.files import write

if TYPE_CHECKING:
    from py_mini_racer import MiniRacer

KATEX = Path(__file__).parents[1] / "katex" / "katex.min.js"
REMEMBERED = Path(".weave") / "formulas.json"
RENDER = """
;function render(tex, display) {
  const options = {displayMode: display, throwOnError: true, strict: "error"};
  try { return JSON.stringify({html: katex.renderToString(tex, options)}); }
  catch (error) { return JSON.stringify({error: error.message}); }
}
"""
UNDERLINE = re.compile("\u0332")  # with which KaTeX marks the place in plain text


class FormulaError(ValueError):
    """KaTeX cannot read a formula; the message says why."""


class Formulas:
    """Renders formulas and remembers them in a file.

    Args:
        file: Where to remember them; one that cannot be read is begun anew.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = self._load()
        self._engine: MiniRacer | None = None
        self._lock = threading.Lock()

    def render(self, tex: str, *, display: bool) -> str:
        """A formula as HTML with MathML in it.

        Raises:
            FormulaError: KaTeX cannot read it.
        """
        key = hashlib.sha256(f"{_katex_digest()} {display} {tex}".encode()).hexdigest()
        with self._lock:
            if key not in self._known:
                self._known[key] = self._run_katex(tex, display)
            return self._known[key]

    def finish(self) -> None:
        """End KaTeX, and write what is new with what other builds have added."""
        with self._lock:
            if self._engine is None:
                return
            self._engine.close()  # an engine left open keeps its process from ending
            self._engine = None
            self._known = self._load() | self._known
            text = json.dumps(dict(sorted(self._known.items())), ensure_ascii=False)
            write(self._file, text.encode())

    def _run_katex(self, tex: str, display: bool) -> str:
        if self._engine is None:
            from py_mini_racer import MiniRacer  # needed for a new formula only

            self._engine = MiniRacer()
            self._engine.eval(KATEX.read_text("utf-8") + RENDER)
        answer = json.loads(str(self._engine.call("render", tex, display)))
        if "error" in answer:
            said = str(answer["error"]).removeprefix("KaTeX parse error: ")
            raise FormulaError(UNDERLINE.sub("", said))
        return str(answer["html"])

    def _load(self) -> dict[str, str]:
        try:
            known = json.loads(self._file.read_text("utf-8"))
            return {str(key): str(value) for key, value in known.items()}
        except (OSError, ValueError, AttributeError):
            return {}


@cache
def _katex_digest() -> str:
    return hashlib.sha256(KATEX.read_bytes()).hexdigest()
