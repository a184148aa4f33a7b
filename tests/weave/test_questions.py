"""A question between a block and its output: its answers come from the module."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from tests.weave.books import OUTPUT, SmallBook, rendered
from weave import publish
from weave.model import WeaveError
from weave.read.page import parse_chapter

Make = Callable[[dict[str, str]], SmallBook]
MODULE = "# %% one\nx = [1, 2]\nprint('x is', x)\n\n# %% two\nx.append(3)\n"
ASKED = """\
<!-- predict: What is `x`?
x
x[::-1]  # The list keeps its order.
len(x)  # A list is printed, "not" its <b>length</b>.
-->
"""
PAGE = f"""\
# A page

<!-- snippet: a.py#one -->
```python
```

{ASKED}
{OUTPUT}
```text
```

<!-- snippet: a.py#two -->
```python
```
"""


@pytest.fixture
def book(make_book: Make) -> SmallBook:
    return make_book({"snippets/a.py": MODULE, "docs/a.md": PAGE})


def test_the_answers_are_what_the_module_gives_after_the_cell(book: SmallBook) -> None:
    cells = book.weave().results["a"].cells
    (given,) = dict(cells[0].data).values()
    assert [*json.loads(given).values()] == ["[1, 2]", "[2, 1]", "2"]
    assert cells[1].data == ()


def test_the_page_stays_as_it_is_but_for_what_is_filled_in(book: SmallBook) -> None:
    book.run()
    text = book.read("docs/a.md")
    assert ASKED in text
    assert "```text\nx is [1, 2]\n```" in text
    assert book.run("--check").returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("x[::-1]  # The list keeps its order.", "x[::-1]", 9, "does not say what"),
        ("\nx\n", "\nx  # That is right.\n", 8, "does not say what was missed"),
        (
            "len(x)",
            "2",
            10,
            "'2  # A list is printed, \"not\" its <b>length</b>.' is n",
        ),
        ("len(x)", "[2, 1 + 1]", 10, "is no answer that the module gives"),
        ("len(x)", "len(x", 10, "is no answer that the module gives"),
        ("x[::-1]  # The list keeps its order.\n", "", 7, "question has 2 answers"),
        (" What is `x`?", "", 7, "this question has 3 answers"),
        (OUTPUT, "Else.\n\n" + OUTPUT, 7, "nothing is printed below this question"),
        ("```\n\n<!-- predict", "```\n\nElse.\n\n<!-- predict", 9, "to no snippet"),
    ],
)
def test_a_wrong_question_says_what_to_do(
    old: str, new: str, line: int, said: str
) -> None:
    assert PAGE.count(old) == 1
    text = PAGE.replace(old, new)
    with pytest.raises(WeaveError) as caught:
        parse_chapter(text, Path("docs/a.md"))
    problems = [str(each) for each in caught.value.problems]
    found = next(each for each in problems if said in each)
    assert found.startswith(f"docs/a.md:{line}: ")
    assert "; " in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\nx\n", "\nx + x\n", "'[1, 2, 1, 2]', is not what a.py#one prints"),
        ("\nx\n", "\nx[:0] or ' '\n", "' ', is not what a.py#one prints"),
        ("\nx\n", "\nx[0] + 0.5\n", "'1.5', is not what a.py#one prints"),
        ("x[::-1]", "sorted(x)", "the answer '[1, 2]' is given twice"),
        ("x[::-1]", "f'{len(x):.1f}'", "the answer '2' is given twice"),
    ],
)
def test_a_right_answer_is_right_and_the_wrong_ones_are_others(
    book: SmallBook, old: str, new: str, said: str
) -> None:
    book.change("docs/a.md", old, new)
    book.run()
    (problem,) = [each for each in book.problems() if said in each]
    assert problem.startswith("docs/a.md:9: ")


def test_a_number_that_is_part_of_another_is_not_printed(book: SmallBook) -> None:
    book.change("snippets/a.py", "'x is', x", "'x is', 12, 0.2, 2.0, 'a2'")
    book.change("docs/a.md", "\nx\n", "\nx[1]\n")
    assert any("the right answer, '2', is not" in said for said in book.problems())


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("y", "the answer y raises NameError"),
        ("print(x)", "an answer prints"),
        ("exit(x)", "the answer exit(x) raises SystemExit"),
    ],
)
def test_an_answer_that_cannot_be_had_is_refused_where_it_stands(
    book: SmallBook, expression: str, said: str
) -> None:
    book.change("docs/a.md", "len(x)", expression)
    (problem,) = [each for each in book.problems() if said in each]
    assert problem.startswith("docs/a.md:7: ")


def test_the_output_is_in_a_fold_below_the_answers(book: SmallBook) -> None:
    html = rendered(book, PAGE)
    place = html[html.index('<div class="predict">') :]
    place = place[: place.index("</details></div>")]
    head, fold = place.split("<details>")
    assert "What is <code>x</code>?" in head
    assert "x is [1, 2]" not in head
    assert "x is [1, 2]" in fold
    items = re.findall(
        r"<li(?: data-missed=\"([^\"]*)\")?><code>(.*?)</code></li>", head
    )
    assert {unescape(text): unescape(missed) for missed, text in items} == {
        "[1, 2]": "",
        "[2, 1]": "The list keeps its order.",
        "2": 'A list is printed, "not" its <b>length</b>.',
    }
    assert html.count('<div class="output">') == 1


def test_the_order_of_the_answers_tells_nothing(book: SmallBook) -> None:
    places = []
    for number in range(12):
        book.write("snippets/a.py", f"# %% one\nx = {number + 20}\nprint(x)\n")
        text = PAGE[: PAGE.index("<!-- snippet: a.py#two")]
        text = text.replace("x[::-1]", "-x").replace("len(x)", "10 * x")
        book.write("docs/a.md", text)
        items = re.findall(r"<li( data-missed)?", rendered(book, text))
        places.append(items.index(""))
    assert set(places) == {0, 1, 2}


def test_a_notebook_asks_above_the_cell(book: SmallBook) -> None:
    ((_, text),) = publish.notebooks(book.weave())
    above, code, *_ = json.loads(text)["cells"]
    words = "".join(above["source"])
    assert words.index("**Predict.** What is `x`?") < words.index("* `[1, 2]`")
    assert sorted(re.findall(r"^\* `(.*)`$", words, re.M)) == ["2", "[1, 2]", "[2, 1]"]
    assert code["cell_type"] == "code"


def test_a_question_with_other_answers_is_asked_anew(book: SmallBook) -> None:
    book.weave()
    book.change("docs/a.md", "len(x)", "len(x) + 1")
    woven = book.weave()
    assert woven.ran == ("a",)
    ((_, text),) = publish.notebooks(woven)
    assert "* `3`" in text
