"""Renders formulas while the site is built: KaTeX, run here, so that no page runs it.

`$…$` in a line and `$$…$$` on lines of their own become KaTeX's HTML with MathML for
screen readers. KaTeX is `katex/katex.min.js` (MIT), run by V8 through mini-racer; what
it gives is remembered in `.weave/formulas.json`, so that a build in which no formula is
new does not even start it.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markdown import Markdown
from markdown.postprocessors import Postprocessor
from pymdownx.arithmatex import ArithmatexExtension

from weave import markdown
from weave.keep.files import write
from weave.model import Problem, WeaveError

if TYPE_CHECKING:
    from py_mini_racer import MiniRacer

KATEX = Path(__file__).parent / "katex" / "katex.min.js"
REMEMBERED = Path(".weave") / "formulas.json"
FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex"(?P<place> id="[a-z0-9-]+")?>'
    r"\\(?P<open>[(\[])(?P<tex>.*?)\\[)\]]</(?P=tag)>",
    re.S,
)
RENDER = """
;function render(tex, display) {
  const options = {displayMode: display, throwOnError: true, strict: "error"};
  try { return JSON.stringify({html: katex.renderToString(tex, options)}); }
  catch (error) { return JSON.stringify({error: error.message}); }
}
"""
UNDERLINE = re.compile("\u0332")  # with which KaTeX marks the place in plain text
PRIORITY = 35  # before raw HTML, and so every code block, comes back (30)


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

    def render(self, tex: str, *, display: bool) -> str:
        """A formula as HTML with MathML in it.

        Raises:
            FormulaError: KaTeX cannot read it.
        """
        key = hashlib.sha256(f"{_katex_digest()} {display} {tex}".encode()).hexdigest()
        if key not in self._known:
            self._known[key] = self._run_katex(tex, display)
        return self._known[key]

    def finish(self) -> None:
        """End KaTeX, and write what is new with what other builds have added."""
        if self._engine is not None:
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


class Replace(Postprocessor):
    """Puts rendered formulas in the place of those that arithmatex has marked."""

    def run(self, text: str) -> str:
        """The page's HTML with its formulas rendered.

        Raises:
            WeaveError: KaTeX cannot read some of them; all are reported.
        """
        problems: list[Problem] = []

        def render(match: re.Match[str]) -> str:
            tex = html.unescape(match["tex"]).strip()
            display = match["open"] == "["
            try:
                rendered = formulas.render(tex, display=display)
            except FormulaError as error:
                problems.append(_problem(tex, str(error)))
                return ""
            if display:
                place = match["place"] or ""
                box = f'<div class="formula"{place} tabindex="0" role="group"'
                return f'{box} aria-label="Formula">{rendered}</div>'
            return rendered

        if "arithmatex" not in text:
            return text
        with _lock:
            formulas = _formulas(REMEMBERED.absolute())
            try:
                text = FORMULA.sub(render, text)
            finally:
                formulas.finish()
        if problems:
            raise WeaveError(*problems)
        return text


class FormulasExtension(ArithmatexExtension):  # type: ignore[misc]  # it has no types
    """`weave.formulas` in the site's list of Markdown extensions."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # their name
        """Register arithmatex, which finds the formulas, and what renders them."""
        self.setConfig("generic", True)
        super().extendMarkdown(md)
        md.postprocessors.register(Replace(md), "weave-formulas", PRIORITY)


def makeExtension(**settings: Any) -> FormulasExtension:  # noqa: N802  # their name
    """What Python-Markdown calls to get the extension."""
    return FormulasExtension(**settings)


def rendered(tex: str) -> str:
    """One formula of a line of text as HTML with MathML in it.

    Raises:
        FormulaError: KaTeX cannot read it.
    """
    with _lock:
        formulas = _formulas(REMEMBERED.absolute())
        try:
            return formulas.render(tex, display=False)
        finally:
            formulas.finish()


_lock = threading.Lock()


@cache
def _formulas(file: Path) -> Formulas:
    return Formulas(file)


@cache
def _katex_digest() -> str:
    return hashlib.sha256(KATEX.read_bytes()).hexdigest()


def _problem(tex: str, said: str) -> Problem:
    """The problem of a formula, at the line where the page's file has it."""
    path = markdown.page.get() or Path("page.md")
    what = f"KaTeX cannot read ${tex}$: {said}"
    line = 1
    try:
        text = path.read_text("utf-8")
    except OSError:
        text = ""
    squeezed = re.sub(r"\s|\\tag\{\d+\}", "", tex)
    for match in re.finditer(r"\$+([^$]+?)\$+", text):
        if re.sub(r"\s|\\label\{[^}]*\}", "", match[1]) == squeezed:
            line = text.count("\n", 0, match.start(1)) + 1
            break
    return Problem(path, line, what, "correct the formula")
