"""What is wrong between chapters and modules is said with its place and its hint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.weave.books import SmallBook, page

Make = Callable[[dict[str, str]], SmallBook]

GOOD = {
    "snippets/a.py": "# %% one\nx = 19\nprint(x)\n",
    "docs/a.md": page("a.py#one", printing="one"),
}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a.py#one", "b.py#one"], "docs/a.md:11: there is no module snippets/b.py; "),
        (["a.py#two"], "docs/a.md:3: snippets/a.py has no cell 'two'; its cells are"),
        (
            ["a.py#ones"],
            "docs/a.md:3: snippets/a.py has no cell 'ones'; did you mean 'one'?",
        ),
        (
            [],
            "snippets/a.py:2: no chapter shows the cell 'one'; write <!-- snippet: ",
        ),
        (
            ["a.py#one", "a.py#one"],
            "docs/a.md:11: a.py#one stands below a.py#one of line 3",
        ),
    ],
)
def test_a_wrong_reference_says_what_to_do(
    make_book: Make, cells: list[str], expected: str
) -> None:
    book = make_book({**GOOD, "docs/a.md": page(*cells, printing="one")})
    assert any(said.startswith(expected) for said in book.problems()), book.problems()


def test_a_printing_cell_needs_an_output_fence_and_a_silent_one_none(
    make_book: Make,
) -> None:
    book = make_book({**GOOD, "docs/a.md": page("a.py#one")})
    (said,) = [each for each in book.problems() if "prints" in each]
    assert said.startswith("docs/a.md:3: a.py#one prints, but the page shows no output")
    book.write("docs/a.md", page("a.py#one", printing="one"))
    book.write("snippets/a.py", "# %% one\nx = 19\n")
    (said,) = [each for each in book.problems() if "prints" in each]
    assert said.startswith("docs/a.md:8: a.py#one prints nothing, but the page has")


def test_a_figure_must_be_shown_exist_and_speak(make_book: Make) -> None:
    code = "# %% plot\nimport matplotlib.pyplot as plt\n\nplt.plot([1, 2])\n"
    book = make_book({"snippets/a.py": code, "docs/a.md": page("a.py#plot")})
    book.weave()
    assert any(
        each.startswith(
            "snippets/a.py:2: no chapter shows the figure figures/a/plot.svg"
        )
        for each in book.problems()
    )
    text = page("a.py#plot")
    book.write(
        "docs/a.md", text + "\n![](figures/a/plot.svg)\n![x](figures/a/plt.svg)\n"
    )
    said = "\n".join(book.problems())
    assert "docs/a.md:7: the figure figures/a/plot.svg has no alternative text" in said
    assert "snippets/a.py makes no figure 'plt.svg'; did you mean 'plot.svg'?" in said
    book.write("docs/a.md", text + "\n![A rising line](figures/a/plot.svg)\n")
    assert book.run().returncode == 0
    assert "<svg" in book.read("docs/figures/a/plot.svg")


def test_a_borrowed_definition_must_be_shown_on_the_page(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/tools.py": "# %% twice\ndef twice(x):\n    return 2 * x\n",
            "snippets/a.py": "# %% borrow\nfrom tools import twice\n"
            "\n# %% one\ntwice(1)\n",
            "docs/a.md": page("a.py#one"),
            "docs/tools.md": page("tools.py#twice"),
        }
    )
    assert any(
        each.startswith("docs/a.md:3: a.py borrows twice from tools.py, unshown here")
        for each in book.problems()
    )
    book.write("docs/a.md", page("tools.py#twice", "a.py#one"))
    assert book.run().returncode == 0
