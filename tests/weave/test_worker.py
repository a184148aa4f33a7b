"""What one module's run catches: output, figures, tables, tracebacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.weave.books import SmallBook, page
from weave.model import Problem
from weave.results import CellResult
from weave.run import capture
from weave.woven import Woven

Make = Callable[[dict[str, str]], SmallBook]


@pytest.fixture
def run(make_book: Make) -> Callable[[str], Woven]:
    """Weaves a book of one module, `a`, without a page."""
    return lambda code: make_book({"snippets/a.py": code}).weave()


def cells(woven: Woven) -> tuple[CellResult, ...]:
    assert "a" in woven.results, woven.failures
    return woven.results["a"].cells


def failure(woven: Woven) -> Problem:
    """What the module itself did wrong; that no page shows it is left out."""
    assert "a" not in woven.results
    (problem,) = [each for each in woven.failures if "no chapter" not in each.what]
    return problem


# Output


def test_each_cell_has_what_it_printed_itself(run: Callable[[str], Woven]) -> None:
    woven = run(
        """
        # %% one
        x = 1
        print("ä → ∂", x)
        # %% two
        x += 1
        # %% three
        print(f"  {x}\\n\\n\\ttab ")
        """
    )
    assert [cell.output for cell in cells(woven)] == ["ä → ∂ 1", "", "  2\n\n\ttab "]


def test_a_subprocess_prints_in_its_place(run: Callable[[str], Woven]) -> None:
    woven = run(
        """
        # %% one
        import os, subprocess, sys
        print("first")
        subprocess.run(["echo", "second"])
        os.write(1, b"third\\n")
        sys.stdout.buffer.write(b"fourth\\n")
        # %% two
        print("fifth")
        """
    )
    one, two = cells(woven)
    assert one.output == "first\nsecond\nthird\nfourth"
    assert two.output == "fifth"


def test_output_of_the_greatest_length_is_shown(run: Callable[[str], Woven]) -> None:
    (cell,) = cells(run("# %% one\nprint('é' * 19_999)\n"))
    assert cell.output == "é" * 19_999
    assert capture.LONGEST_OUTPUT == 20_000


def test_markup_is_output_like_any_other(run: Callable[[str], Woven]) -> None:
    text = "<script>alert(1)</script>\n```\n</pre>&amp;"
    (cell,) = cells(run(f"# %% one\nprint({text!r})\n"))
    assert cell.output == text


def test_a_module_runs_in_an_empty_folder_as_a_script(
    run: Callable[[str], Woven],
) -> None:
    woven = run(
        """
        # %% one
        import sys
        from pathlib import Path
        print(__name__, list(Path().iterdir()), Path(sys.argv[0]).name, len(sys.argv))
        Path("made.txt").write_text("a file of its own")
        # %% two
        print([path.name for path in Path().iterdir()], Path(__file__).name)
        """
    )
    one, two = cells(woven)
    assert one.output == "__main__ [] a.py 1"
    assert two.output == "['made.txt'] a.py"


def test_a_future_import_holds_for_the_cells_below(run: Callable[[str], Woven]) -> None:
    woven = run(
        """
        # %% one
        from __future__ import annotations
        # %% two
        def f(x: no_such_name) -> None: ...
        print(f.__annotations__)
        """
    )
    assert cells(woven)[1].output == "{'x': 'no_such_name', 'return': 'None'}"


def test_warnings_that_a_cell_catches_are_its_own_affair(
    run: Callable[[str], Woven],
) -> None:
    woven = run(
        """
        # %% one
        import warnings
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("careful")
        print(caught[0].message)
        """
    )
    assert cells(woven)[0].output == "careful"


def test_what_a_cell_writes_to_standard_error_is_told(
    run: Callable[[str], Woven],
) -> None:
    problem = failure(run("# %% one\nimport warnings\n\nwarnings.warn('careful')\n"))
    assert (problem.path, problem.line) == (Path("snippets/a.py"), 2)
    assert problem.detail.startswith("snippets/a.py:4: UserWarning: careful")


# Tracebacks


def test_a_traceback_begins_in_the_module_and_shows_its_lines(
    run: Callable[[str], Woven],
) -> None:
    problem = failure(
        run(
            """
            # %% one
            def halve(x):
                return x / 0

            # %% two
            print("before")
            halve(1)
            """
        )
    )
    assert (problem.line, problem.what) == (
        3,
        "cell 'two' raises ZeroDivisionError: division by zero",
    )
    lines = problem.detail.splitlines()
    assert "           ~~^~~" in lines
    # Under the call, Python 3.13 puts marks as well, and 3.11 none.
    assert [line for line in lines if line.strip("~^ ")] == [
        "Traceback (most recent call last):",
        '  File "snippets/a.py", line 7, in <module>',
        "    halve(1)",
        '  File "snippets/a.py", line 3, in halve',
        "    return x / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_an_error_in_a_helper_is_placed_where_the_module_calls_it(
    make_book: Make,
) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nimport b\n\nb.fail()\n",
            "snippets/b.py": "# %% fail\ndef fail():\n    raise ValueError('b')\n",
            "docs/a.md": page("a.py#one", "b.py#fail"),
        }
    )
    problem = failure(book.weave())
    assert (problem.path, problem.line) == (Path("snippets/a.py"), 4)
    assert 'File "snippets/b.py", line 3, in fail' in problem.detail


def test_a_module_that_ends_the_program_is_placed_at_that_line(
    run: Callable[[str], Woven],
) -> None:
    problem = failure(run("# %% one\nimport sys\n\nsys.exit(3)\n"))
    assert str(problem) == (
        "snippets/a.py:4: cell 'one' ends the program: SystemExit(3); "
        "let the module run to its last cell"
    )


def test_a_problem_names_the_page_that_shows_the_cell(make_book: Make) -> None:
    book = make_book(
        {
            "snippets/a.py": "# %% one\nx = 1\n# %% two\n1 / 0\n",
            "docs/a.md": page("a.py#one", "a.py#two"),
            "docs/b.md": "Nothing here.\n",
        }
    )
    (problem,) = book.weave().failures
    assert problem.detail.splitlines()[0] == "shown by docs/a.md:7"


# Figures

PLOT = "import matplotlib.pyplot as plt\n"


def test_figures_are_named_by_their_cell_and_closed(
    run: Callable[[str], Woven],
) -> None:
    woven = run(
        f"# %% set-up\n{PLOT}\n# %% curve\nplt.plot([1, 2])\nplt.figure()\n\n"
        "# %% none\nprint(plt.get_fignums())\n\n"
        "# %% last\nplt.plot([2, 1])\nplt.show()\n"
    )
    names = [[name for name, _ in cell.files] for cell in cells(woven)]
    assert names == [[], ["curve.svg", "curve-2.svg"], [], ["last.svg"]]
    assert cells(woven)[2].output == "[]"


def test_a_figure_that_a_cell_closes_is_not_kept(run: Callable[[str], Woven]) -> None:
    (cell,) = cells(run(f"# %% one\n{PLOT}plt.plot([1])\nplt.close()\n"))
    assert cell.files == ()


def test_a_figure_that_cannot_be_drawn_fails_in_its_own_cell(
    run: Callable[[str], Woven],
) -> None:
    problem = failure(
        run(f"# %% one\n{PLOT}plt.title(r'$\\frac{{$')\n\n# %% two\nx = 1\n")
    )
    assert problem.line == 2
    assert problem.what.startswith("cell 'one' raises ValueError")
    assert "ParseSyntaxException" in problem.detail or "frac" in problem.detail


@pytest.mark.parametrize("last", ["", "\n# %% two\nx = 1\n"])
def test_a_warning_while_drawing_is_told_of_the_cell_that_drew(
    run: Callable[[str], Woven], last: str
) -> None:
    problem = failure(run(f"# %% one\n{PLOT}plt.title('\u4e2d')\n{last}"))
    assert problem.what.startswith("cell 'one' writes to standard error")
    assert "missing from" in problem.detail


def test_the_same_figure_has_the_same_bytes_in_every_run(make_book: Make) -> None:
    code = f"# %% one\n{PLOT}plt.plot([1, 3, 2], label='x')\nplt.legend()\nplt.show()\n"
    book = make_book({"snippets/a.py": code, "snippets/b.py": code})
    results = book.weave().results
    assert results["a"].cells[0].files == results["b"].cells[0].files


def test_a_figures_title_is_no_markup(run: Callable[[str], Woven]) -> None:
    title = "</svg><script>alert(1)</script><!-- --><defs>"
    woven = run(f"# %% one\n{PLOT}plt.title({title!r})\n")
    path = woven.figures["figures/a/one.svg"]
    svg = path.read_text("utf-8")
    assert "<script" not in svg
    assert svg.count("</svg>") == 1
    assert svg.index("<style>") < svg.index("<defs>")


# Tables


def test_a_printed_data_frame_is_a_table_as_well(run: Callable[[str], Woven]) -> None:
    woven = run(
        """
        # %% one
        import pandas as pd
        frame = pd.DataFrame({"a": [1, 2], "<b>": [0.5, 0.25]}, index=["p", "q"])
        print("Before")
        print(frame)
        print("after", frame["a"].sum())
        # %% two
        text = str(frame)
        print(len(frame))
        # %% three
        print(frame.describe().loc[["mean"]])
        """
    )
    one, two, three = cells(woven)
    (table,) = one.tables
    assert table.header == ("", "a", "<b>")
    assert table.rows == (("p", "1", "0.50"), ("q", "2", "0.25"))
    assert one.output == f"Before\n{table.text}\nafter 3"
    assert two.tables == ()
    assert three.tables[0].rows[0][0] == "mean"


# What it ran on


def test_a_result_says_what_it_ran_on(run: Callable[[str], Woven]) -> None:
    import numpy as np

    woven = run("# %% one\nimport json\nimport numpy as np\n")
    result = woven.results["a"]
    versions = dict(result.versions)
    assert versions.keys() == {"python", "numpy"}
    assert versions["numpy"] == np.__version__
    assert result.device == "cpu"
    assert 0 < result.seconds < 60
    assert 0 < result.cpu < 60


def test_a_device_that_is_not_here_is_refused(make_book: Make) -> None:
    book = make_book({"snippets/a.py": "# %% one\nx = 1\n"})
    problem = failure(book.weave(device="nosuch"))
    assert problem.what.startswith("this machine has no device 'nosuch'")
    assert not list((book.root / ".weave").glob("results/*"))


# What page and module must not do to each other

EXPLORE = "<!-- explore: f after a.py#one\n{}\n-->\n![x](figures/a/one.svg)\n"


def exploring(make_book: Make, *expressions: str) -> SmallBook:
    asked = "\n".join(expressions)
    return make_book(
        {
            "snippets/a.py": "# %% one\nimport random\n\nx = [1]\nrandom.seed(1)\n\n"
            "# %% two\nprint(x, round(random.random(), 6))\n",
            "docs/a.md": page("a.py#one", "a.py#two") + EXPLORE.format(asked),
        }
    )


@pytest.mark.parametrize(
    "expression",
    ["[x.append(2), 3]", "random.random()", "globals().update(x=7)", "x.clear()"],
)
def test_what_an_interactive_figure_asks_changes_nothing(
    make_book: Make, expression: str
) -> None:
    result = exploring(make_book, f"a: {expression}").weave().results["a"]
    assert result.cells[1].output == "[1] 0.134364"


def test_what_an_interactive_figure_asks_is_computed_after_its_cell(
    make_book: Make,
) -> None:
    result = exploring(make_book, "a: [len(x), 1 / 3]").weave().results["a"]
    assert result.cells[0].data == (("f", '{"a":[1,0.3333333]}'),)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("print('LEAK')", "a value of the figure 'f' prints"),
        ("__import__('sys').stderr.write('x')", "a value of the figure 'f' prints"),
        ("1 / 0", "the value a of the figure 'f' raises ZeroDivisionError"),
        ("exit(3)", "the value a of the figure 'f' raises SystemExit"),
        ("__import__('os')._exit(0)", "a value that a page asks for ends its process"),
        ("float('nan')", "the value a of the figure 'f' raises ValueError"),
        ("[*range(3)][9]", "the value a of the figure 'f' raises IndexError"),
    ],
)
def test_an_expression_that_gives_no_value_is_refused_where_it_stands(
    make_book: Make, expression: str, said: str
) -> None:
    problem = failure(exploring(make_book, f"a: {expression}").weave())
    assert str(problem).startswith(f"docs/a.md:10: {said}")


# Figures that must not be published


@pytest.mark.parametrize(
    "draw",
    [
        "plt.title('style=\"fill:#1f77b4\"')",
        "plt.title('<metadata>')\nplt.xlabel('</metadata>')",
        "plt.title('<!-- x -->')",
        "plt.plot([1]).pop().set_url('https://pytorch.org')",
        "plt.imshow([[1, 2]])",
    ],
)
def test_a_figure_is_xml_whatever_its_texts_say(
    run: Callable[[str], Woven], draw: str
) -> None:
    woven = run(f"# %% one\n{PLOT}{draw}\n")
    assert cells(woven)[0].files[0][0] == "one.svg"
    path = woven.figures["figures/a/one.svg"]
    ElementTree.parse(path)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        " java\tscript:",
    ],
)
def test_a_figure_links_to_pages_only(run: Callable[[str], Woven], url: str) -> None:
    problem = failure(run(f"# %% one\n{PLOT}plt.plot([1, 2]).pop().set_url({url!r})\n"))
    assert "cell 'one' draws one.svg, which links to '" in problem.what


def test_a_figure_that_is_not_xml_is_refused(run: Callable[[str], Woven]) -> None:
    problem = failure(run(f"# %% one\n{PLOT}plt.plot([1, 2]).pop().set_gid('\\x01')\n"))
    assert "cell 'one' draws one.svg, which is not XML" in problem.what


@pytest.mark.parametrize(
    "arrange",
    [
        "figure.tight_layout()",
        "figure.subplots_adjust(left=0.3)",
        "figure.colorbar(axes.scatter([1], [2], c=[3]))\nfigure.tight_layout()",
        "figure.set_layout_engine('constrained')",
        "figure.colorbar(axes.scatter([1], [2], c=[3]))",
        "plt.tight_layout()",
    ],
)
def test_a_figure_may_be_arranged_as_in_any_script(
    run: Callable[[str], Woven], arrange: str
) -> None:
    code = f"# %% one\n{PLOT}figure, axes = plt.subplots()\naxes.plot([1, 2])\n"
    assert cells(run(f"{code}{arrange}\n"))[0].files


def test_a_figure_that_nobody_arranged_is_arranged(run: Callable[[str], Woven]) -> None:
    code = f"# %% one\n{PLOT}figure, axes = plt.subplots(3, 1{{}})\n" + "".join(
        f"axes[{n}].set(title='title', xlabel='label')\n" for n in range(3)
    )
    second = code.format(", layout='constrained'").replace("one", "two")
    one, two = cells(run(code.format("") + second))
    assert one.files[0][1] == two.files[0][1]


# What may be printed


@pytest.mark.parametrize(
    "text", ["5\u00a0%", "👩\u200d🔬", "na\u00adive", "é", "\ue000"]
)
def test_text_of_any_language_may_be_printed(
    run: Callable[[str], Woven], text: str
) -> None:
    (cell,) = cells(run(f"# %% one\nprint({text!r})\n"))
    assert cell.output == text


@pytest.mark.parametrize("text", ["a\u202eb", "a\u2066b", "a\u2028b", "a\x85b"])
def test_what_turns_or_breaks_lines_may_not(
    run: Callable[[str], Woven], text: str
) -> None:
    problem = failure(run(f"# %% one\nprint({text!r})\n"))
    assert "prints the control character" in problem.what


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        ("x = 1\nawait x", 3, "is not Python: 'await' outside function"),
        ("x = 1\nreturn x", 3, "is not Python: 'return' outside function"),
        ("x = " + "1+" * 20_000 + "1", 1, "is not Python: it is nested too deep"),
    ],
)
def test_what_python_cannot_compile_is_placed_at_its_line(
    run: Callable[[str], Woven], code: str, line: int, said: str
) -> None:
    problem = failure(run(f"# %% one\n{code}\n"))
    assert (problem.line, problem.what) == (line, said)
    assert problem.hint == "repair the module; no cell of it has run"


def test_a_relative_import_beyond_the_book_raises_as_in_python(
    run: Callable[[str], Woven],
) -> None:
    problem = failure(run("# %% one\nfrom ........ import z\n"))
    assert "cell 'one' raises ImportError: attempted relative import" in problem.what
