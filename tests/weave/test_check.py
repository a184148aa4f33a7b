"""What is wrong between chapters and modules is said with its place and its hint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.weave.books import SmallBook, page, rendered
from weave import publish

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


def test_each_claim_of_a_page_has_one_test_and_each_test_one_sentence(
    make_book: Make,
) -> None:
    book = make_book(
        {
            **GOOD,
            "docs/a.md": "# A\n\nIt is. <!-- claim: it-is -->\n\n" + GOOD["docs/a.md"],
            "tests/snippets/test_a.py": "import pytest\n\n\n"
            '@pytest.mark.claim("a#it-was")\ndef test_it_was() -> None:\n    pass\n',
        }
    )
    said = [each.partition(";")[0] for each in book.problems() if "claim" in each]
    assert said == [
        "docs/a.md:3: no test would fail if the claim 'it-is' were false",
        "tests/snippets/test_a.py:5: the claim a#it-was stands in 0 places "
        "and has 1 tests, not one of each",
    ]
    book.change("tests/snippets/test_a.py", '"a#it-was"', '"a#it-is"')
    assert not [each for each in book.problems() if "claim" in each]
    html = rendered(book, book.read("docs/a.md"))
    assert '<a class="claim" href="../source/test_a.html#line-5"' in html
    listing = dict(publish.texts(book.weave()))["source/test_a.html"]
    assert '<a id="line-5"' in listing
    book.change("docs/a.md", "It is. ", "It is. <!-- claim: it-is --> Twice. ")
    assert [each for each in book.problems() if "stands in 2 places" in each]


def test_what_editors_leave_beside_chapters_is_no_chapter(make_book: Make) -> None:
    book = make_book(GOOD)
    (book.root / "docs/.#a.md").symlink_to("user@host.1234")
    (book.root / "snippets/.#a.py").symlink_to("user@host.1234")
    (book.root / "docs/dangling.md").symlink_to("nowhere")
    (book.root / "docs/d.md").mkdir()
    (book.root / "snippets/d.py").mkdir()
    assert book.run().returncode == 0
    assert len(book.weave().book.chapters) == 1
