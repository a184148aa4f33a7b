"""What a page asks of modules, in comments: values of figures, answers of questions.

    <!-- explore: descent after gradient_descent.py#paths
    rates: list(styles)
    -->

stands above the still figure that an interactive one follows; its values have names.

    <!-- predict: Which shape does it print?
    tuple(W.shape)
    tuple(W.T.shape)  # These are the rows and columns of the transpose.
    W.numel()  # A shape has one number for each axis; this is their product.
    -->

stands between a block and its output. Each line is an answer: an expression, of which
the reader sees what `print` shows of it, and behind it what is missed by a reader who
chooses it. The right answer comes first, without such a sentence.
"""

from __future__ import annotations

import ast
import re

from weave.model import Asked, Interactive
from weave.read.inline import images
from weave.read.lines import Lines, is_expression, named_expressions

EXPLORED = re.compile(
    r"(?P<figure>[a-z][a-z_]*) after (?P<module>[A-Za-z_]\w*)\.py#(?P<cell>[\w-]+)"
)

ANSWER = re.compile(r"\s*(?P<expression>\S.*?)(?:  # (?P<missed>\S.*?))?\s*")
FEWEST = 3


def read_figure(page: Lines, first: int, head: str) -> tuple[int, Interactive | None]:
    """An interactive figure's values, in a comment above the still figure.

    Gives the line below it, and the figure if it names one; reports what is wrong.
    """
    end = page.end_of_comment(first)
    if end is None:
        page.report(first, "this comment is never closed", "add --> where it ends")
        return len(page.lines), None
    target = EXPLORED.fullmatch(head)
    if target is None:
        hint = "write <!-- explore: figure after module.py#cell, then lines name: value"
        what = f"{page.lines[first].strip()} names no figure and cell"
        page.report(first, what, hint)
    below = page.lines[end].strip() if end < len(page.lines) else ""
    if not (below.startswith("![") and images(below)):
        hint = "put its still figure, ![...](...), on the line below the -->"
        page.report(first, "this directive stands above no figure", hint)
    values = named_expressions(page, first + 1, end)
    if target is None:
        return end, None
    names = (target["figure"], target["module"], target["cell"])
    asked = Asked(page.path, first + 1, *names, values)
    span = page.offsets[first], page.offsets[end]
    return end, Interactive(first + 1, *span, asked)


def read_question(
    page: Lines, first: int, text: str, module: str, cell: str
) -> tuple[int, Asked]:
    """The question that begins at this line, after the line below it.

    What is wrong with it is reported to the page.
    """
    end = page.end_of_comment(first)
    if end is None:
        page.report(first, "this comment is never closed", "add --> where it ends")
        end = len(page.lines)
    answers: dict[str, str] = {}
    for index in range(first + 1, end):
        line = page.lines[index].replace("-->", "").rstrip("\n")
        if not line.strip():
            continue
        answer = ANSWER.fullmatch(line)
        expression, missed = answer.groups("") if answer else ("", "")
        if not is_expression(expression) or _is_typed(expression):
            what = f"{line.strip()!r} is no answer that the module gives"
            hint = "write an expression of the module's names, on one line"
            page.report(index, what, hint)
        elif bool(missed) != bool(answers) or missed in answers:
            what = f"the answer {expression} does not say what was missed"
            hint = "write the right one first, and '  # a sentence' behind each other"
            page.report(index, what, hint)
        else:
            answers[missed] = expression
    if not text or len(answers) < FEWEST:
        what = f"this question has {len(answers)} answers"
        hint = f"write <!-- predict: the question, then {FEWEST} answers or more"
        page.report(first, what, hint)
    place = (page.path, first + 1, f"question of {page.path.stem}", module, cell)
    return end, Asked(*place, tuple(answers.items()), text)


def _is_typed(expression: str) -> bool:
    """Whether a number of the answer is typed into the page."""
    tree = ast.parse(expression, mode="eval")
    named = any(isinstance(node, ast.Name) for node in ast.walk(tree))
    return not named and any(character.isdigit() for character in expression)
