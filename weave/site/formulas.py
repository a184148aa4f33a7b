"""Shows a page's formulas: `$…$` in a line, and `$$…$$` on lines of their own.

They become KaTeX's HTML with MathML for screen readers.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from markdown import Markdown
from markdown.postprocessors import Postprocessor

from weave.model import Problem, WeaveError
from weave.site.here import Ask
from weave.site.katex import FormulaError

# With the signs beside it: a formula is a box to the browser, which may break the line
# behind it even where a full stop follows.
FORMULA = re.compile(
    r"(?P<before>[(\[\u201c]*)"
    r'<(?P<tag>span|div) class="arithmatex"(?P<place> id="[a-z0-9-]+")?>'
    r"\\(?P<open>[(\[])(?P<tex>.*?)\\[)\]]</(?P=tag)>"
    r"(?P<after>[.,;:!?)\]\u201d\u2019]*)",
    re.S,
)
PARTS = '</span><wbr><span class="katex-base">'


class FormulasPostprocessor(Postprocessor):
    """Puts rendered formulas in the place of those that arithmatex has marked."""

    def __init__(self, md: Markdown, ask: Ask) -> None:
        super().__init__(md)
        self._ask = ask

    def run(self, text: str) -> str:
        """The page's HTML with its formulas rendered.

        Raises:
            WeaveError: KaTeX cannot read some of them; all are reported.
        """
        if "arithmatex" not in text:
            return text
        here = self._ask(self.md)
        problems: list[Problem] = []

        def render(match: re.Match[str]) -> str:
            tex = html.unescape(match["tex"]).strip()
            display = match["open"] == "["
            try:
                rendered = here.formulas.render(tex, display=display)
            except FormulaError as error:
                problems.append(_problem(tex, str(error), here.path))
                rendered = f"<code>{html.escape(tex)}</code>"
            if display:
                place = match["place"] or ""
                box = f'<div class="formula"{place} tabindex="0" role="group"'
                rendered = f'{box} aria-label="Formula">{rendered}</div>'
            shown = f"{match['before']}{rendered}{match['after']}"
            if display or shown == rendered:
                return shown
            # Between its parts a long formula may still break.
            shown = shown.replace('</span><span class="katex-base">', PARTS)
            return f'<span class="kept">{shown}</span>'

        text = FORMULA.sub(render, text)
        return here.problem(WeaveError(*problems)) + text if problems else text


def _problem(tex: str, said: str, path: Path) -> Problem:
    """The problem of a formula, at the line where the page's file has it."""
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
