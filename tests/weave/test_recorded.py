"""Recordings: taken on this machine's CPU, shown with where they come from, checked."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weave.books import OUTPUT, SmallBook
from weave import build, figure, record, recorded
from weave.model import Recording
from weave.run import pool

Make = Callable[[dict[str, str]], SmallBook]
REGION = "<!-- recorded -->\n<!-- end of recorded -->\n"
MODULE = """
    # %% one
    x = 1
    print(x)

    # %% clock
    import time
    print(f"{time.perf_counter_ns()} ns")

    # %% two
    print(x + 1)
    """
PAGE = f"""# A page

<!-- snippet: a.py#one -->
```python
```

{OUTPUT}
```text
```

{REGION}
<!-- snippet: a.py#clock -->
```python
```

{REGION}
<!-- snippet: a.py#two -->
```python
```

{OUTPUT}
```text
```
"""
PLOT = """
    # %% plot
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.loglog([1, 10, 100], [1 / 3, 2, 3], "o--", label="a line", color="gray")
    axes.text(1, 2, "a note")
    axes.set(xlabel="size", ylabel="time")
    axes.legend(title="what")
    plt.show()
    """
PLOT_PAGE = f"""# A page

<!-- snippet: a.py#plot -->
```python
```

{REGION}
![A line that rises](figures/a/plot.svg)
"""


@pytest.fixture
def book(make_book: Make) -> SmallBook:
    return make_book({"snippets/a.py": MODULE, "docs/a.md": PAGE})


def take(book: SmallBook, *arguments: str) -> tuple[int, str]:
    """What `python -m weave.record` on the CPU gives: its exit code, its words."""
    told = io.StringIO()
    command = ["--root", str(book.root), "--device", "cpu", "--busy", *arguments]
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = record.main(command)
    return code, told.getvalue()


def as_gpu(book: SmallBook, name: str = "Invented 1") -> Path:
    """Say of the CPU's recording that it is of a GPU, in a file of its own."""
    data = json.loads(book.read("recorded/cpu.json"))
    data |= {"device": "cuda", "name": name}
    source = build.read_book(book.root).sources["a"]
    run = data["modules"]["a"]
    run["facts"] |= {"CUDA": "12.8", "driver": "570.1"}
    if source.cell("one"):
        digest = recorded.code_digest(source, "one", book.root)
        run["cells"]["one"] = {
            "code": digest,
            "output": ["1"],
            "figures": {},
            "data": {},
        }
    return book.write(f"recorded/{name}.json", json.dumps(data, indent=1))


def recordings(book: SmallBook) -> list[Recording]:
    return list(build.read_book(book.root).recordings)


def test_what_no_machine_has_recorded_is_a_problem(book: SmallBook) -> None:
    book.run()
    (problem,) = book.problems()
    assert problem == (
        "docs/a.md:23: no machine has recorded a.py#clock as it is now; "
        "run nox -s record -- a, and commit recorded/"
    )


def test_a_recording_holds_what_ran_on_which_machine_and_when(book: SmallBook) -> None:
    code, told = take(book)
    assert code == 0
    assert re.search(
        r"recording a on cpu\nwrote recorded/cpu.json after \d+\.\d s", told
    )
    data = json.loads(book.read("recorded/cpu.json"))
    assert data["device"] == "cpu"
    assert len(data["name"]) > 2
    run = data["modules"]["a"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", run["date"])
    assert {"system", "threads", "PyTorch", "Python"} <= set(run["facts"])
    assert list(run["cells"]) == ["clock"]  # a build prints the other itself
    assert re.fullmatch(r"\d+ ns", run["cells"]["clock"]["output"][0])


def test_the_page_shows_it_with_where_it_comes_from(book: SmallBook) -> None:
    take(book)
    book.run()
    text = book.read("docs/a.md")
    (recording,) = recordings(book)
    clock = recording.cell("clock")
    assert clock is not None
    told = recorded.provenance(recording, clock)
    assert f"\n{told}\n\n```text\n{clock.output}\n```\n" in text
    assert text.count(told) == 1  # the CPU says nothing new below a build's output
    assert recording.name in told
    assert recording.date in told
    assert book.problems() == []
    book.run()
    assert book.read("docs/a.md") == text


def test_a_gpus_recording_stands_below_the_builds_output(book: SmallBook) -> None:
    take(book)
    as_gpu(book)
    book.run()
    text = book.read("docs/a.md")
    told = "on a GPU Invented 1 (CUDA 12.8, driver 570.1) with PyTorch"
    assert text.count(told) == 2
    first = text.partition("#clock")[0]
    assert first.count("```text\n1\n```") == 2
    assert book.problems() == []


def test_the_output_of_a_measured_cell_is_no_build_s(book: SmallBook) -> None:
    take(book)
    result = book.weave().results["a"].cell("clock")
    assert result is not None
    assert result.output == ""
    book.change("snippets/a.py", "# %% two", "# %% two\n# so it runs again")
    text = book.read("docs/a.md")
    book.run()
    assert book.read("docs/a.md") != text  # the code of cell two is there
    assert book.problems() == []


def test_a_recording_of_other_code_fails_the_check_and_is_not_shown(
    book: SmallBook,
) -> None:
    take(book)
    book.run()
    (shown,) = recordings(book)
    book.change("snippets/a.py", "x = 1", "x = 2")
    book.run()
    problems = book.problems()
    clock = next(cell for cell in shown.cells if cell.cell == "clock")
    assert problems[0].startswith("docs/a.md:23: no machine has recorded a.py#clock")
    assert problems[-1] == (
        f"recorded/cpu.json:{clock.line}: is a recording of other code than "
        f"a.py#clock is now; {recorded.AGAIN}"
    )
    assert book.read("recorded/cpu.json").split("\n")[clock.line - 1].strip() == (
        '"clock": {'
    )
    assert "Recorded on" not in book.read("docs/a.md")
    assert book.run("--check").returncode == 1
    assert take(book)[0] == 0
    book.run()
    assert book.problems() == []


def test_code_below_a_cell_does_not_make_its_recording_old(book: SmallBook) -> None:
    take(book)
    book.change("snippets/a.py", "print(x + 1)", "print(x + 2)")
    book.run()
    assert book.problems() == []


def test_what_a_module_imports_from_this_repository_is_part_of_the_code(
    book: SmallBook,
) -> None:
    book.write("snippets/b.py", "# %% y\ny = 1\n")
    book.change("snippets/a.py", "x = 1", "from b import y\nx = y")
    take(book)
    before = len(book.problems())
    book.write("snippets/b.py", "# %% y\ny = 2\n")
    old = [each for each in book.problems() if "other code" in each]
    assert len(book.problems()) > before
    assert len(old) == 1


def test_what_no_page_shows_is_to_be_deleted(book: SmallBook) -> None:
    take(book)
    book.change("recorded/cpu.json", '"clock"', '"clocks"')
    assert any(
        "records a.py#clocks, which no page shows as recorded" in each
        for each in book.problems()
    )


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"code"', '"codes"', "is no recording: ValueError: a.py#"),
        ('{\n "device"', '\n "device"', "is not JSON"),
        ('"name": ', '"names": ', "is no recording: KeyError: 'name'"),
    ],
)
def test_a_damaged_recording_is_a_problem_of_its_file(
    book: SmallBook, old: str, new: str, what: str
) -> None:
    take(book)
    text = book.read("recorded/cpu.json")
    book.write("recorded/cpu.json", text.replace(old, new, 1))
    problem = next(each for each in book.problems() if each.startswith("recorded/"))
    assert re.match(r"recorded/cpu\.json:\d+: " + re.escape(what), problem)
    assert "run nox -s record" in problem
    assert take(book)[0] == 0  # and recording again repairs it
    book.run()
    assert book.problems() == []


def test_recording_one_module_keeps_the_others(book: SmallBook) -> None:
    book.write("snippets/b.py", MODULE)
    book.write("docs/b.md", PAGE.replace("a.py#", "b.py#"))
    assert take(book)[0] == 0
    before = json.loads(book.read("recorded/cpu.json"))["modules"]
    assert list(before) == ["a", "b"]
    assert take(book, "b")[0] == 0
    after = json.loads(book.read("recorded/cpu.json"))["modules"]
    assert after["a"] == before["a"]
    assert after["b"]["cells"]["clock"] != before["b"]["cells"]["clock"]


def test_a_module_that_fails_leaves_its_older_recording(book: SmallBook) -> None:
    take(book)
    text = book.read("recorded/cpu.json")
    book.change("snippets/a.py", "print(x + 1)", "print(x / 0)")
    code, told = take(book)
    assert code == 1
    assert "snippets/a.py:10: cell 'two' raises ZeroDivisionError" in told
    assert book.read("recorded/cpu.json") == text


def test_a_recording_uses_every_core_and_a_build_one(book: SmallBook) -> None:
    asked = "import os, time; print(os.environ['OMP_NUM_THREADS'])"
    book.change("snippets/a.py", "import time", asked)
    book.change(
        "snippets/a.py", "x = 1", "import os; x = os.environ['OMP_NUM_THREADS']"
    )
    book.change("snippets/a.py", "print(x + 1)", "print(x)")
    assert take(book)[0] == 0
    (recording,) = recordings(book)
    clock = recording.cell("clock")
    assert clock is not None
    assert clock.output.split("\n")[0] == str(pool.cores())
    assert dict(recording.facts)["threads"] == str(pool.cores())
    one = book.weave().results["a"].cell("one")
    assert one is not None
    assert one.output == "1"


def test_what_a_recording_warns_of_is_told(book: SmallBook) -> None:
    book.change("snippets/a.py", "import time", "import sys, time")
    book.change("snippets/a.py", "print(f", "print('hm', file=sys.stderr)\nprint(f")
    code, told = take(book)
    assert code == 0
    assert "a.py#clock warned, and was recorded:\nhm\n" in told
    (recording,) = recordings(book)
    assert "hm" not in str(recording)


def test_what_cannot_be_recorded_is_refused(book: SmallBook) -> None:
    code, told = take(book, "nothing")
    assert code == 1
    assert "no page shows what cpu records of 'nothing'" in told
    assert "the modules with such cells are a" in told
    code, told = take(book, "--device", "cuda")
    if record.best_device() != "cuda":
        assert code == 1
        assert "this machine has no device 'cuda'" in told


def test_times_are_not_recorded_while_other_programs_run(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = [9e9, 9e9, 0.0]
    monkeypatch.setattr(os, "getloadavg", lambda: (loads.pop(0), 0.0, 0.0))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert record.is_idle()
    assert loads == []
    monkeypatch.setattr(os, "getloadavg", lambda: (9e9, 0.0, 0.0))
    assert not record.is_idle(patience=0.0)
    monkeypatch.setattr(record, "is_idle", lambda: False)
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        assert record.main(["--root", str(book.root), "--device", "cpu"]) == 1
    assert "other programs keep this machine busy" in told.getvalue()
    assert not (book.root / "recorded").exists()


def test_places_for_recordings_are_complete(make_book: Make) -> None:
    book = make_book(
        {
            "docs/a.md": "# A\n\n<!-- recorded -->\n<!-- end of recorded -->\n",
            "docs/b.md": PAGE.replace("<!-- end of recorded -->\n", ""),
        }
    )
    assert [each.partition(";")[0] for each in book.problems()][:3] == [
        "docs/a.md:3: this place for recordings belongs to no snippet",
        "docs/b.md:11: this place for recordings has no end",
        "docs/b.md:17: this place for recordings has no end",
    ]


@pytest.mark.slow
def test_a_recorded_figure_is_drawn_from_its_data(make_book: Make) -> None:
    book = make_book({"snippets/a.py": PLOT, "docs/a.md": PLOT_PAGE})
    assert take(book)[0] == 0
    text = book.read("recorded/cpu.json")
    assert "[1.0, 10.0, 100.0]" in text
    assert "0.333333," in text
    book.run()
    assert re.search(r"\nRecorded on \S+ on the CPU .*\.\n", book.read("docs/a.md"))
    assert book.problems() == []
    alone = book.read("docs/figures/a/plot.svg")
    assert alone.count("a note") == 1  # in the comment that names the glyphs
    as_gpu(book)
    book.run()
    both = book.read("docs/figures/a/plot.svg")
    assert both.count("a note") == 2
    assert "Invented 1" in both
    book.run()
    assert book.read("docs/figures/a/plot.svg") == both


def test_a_figure_that_moves_gets_the_data_of_every_recording(make_book: Make) -> None:
    wish = "<!-- explore: f after a.py#plot\nt: [0.1, len(axes.lines)]\n-->\n"
    page = PLOT_PAGE.replace("![A line", f"{wish}![A line")
    book = make_book({"snippets/a.py": PLOT, "docs/a.md": page})
    book.run()
    cell = book.weave().results["a"].cell("plot")
    assert cell is not None
    assert cell.data == ()
    assert take(book)[0] == 0
    as_gpu(book)
    cell = book.weave().results["a"].cell("plot")
    assert cell is not None
    ((name, text),) = cell.data
    assert name == "f"
    one, other = json.loads(text)["recordings"]
    assert one["t"] == other["t"] == [0.1, 1]
    assert one["machine"].startswith("the CPU ")
    assert other["machine"].startswith("a GPU Invented 1 (CUDA 12.8, driver 570.1)")
    book.run()
    assert book.problems() == []
    book.change("docs/a.md", "[0.1,", "[0.2,")  # another question, an old answer
    assert any("is a recording of other code" in each for each in book.problems())


@pytest.mark.slow
def test_a_drawing_survives_json_and_is_drawn_alike() -> None:
    import matplotlib.pyplot as plt

    names: dict[str, object] = {}
    exec(re.sub(r"(?m)^    |plt\.show\(\)", "", PLOT), names)
    drawn = figure.drawing(names["figure"])
    assert figure.Drawing.from_json(json.loads(json.dumps(drawn.as_json()))) == drawn
    assert drawn.lines[0].style == "--"
    assert drawn.lines[0].label == "a line"
    assert (drawn.xscale, drawn.legend) == ("log", "what")
    assert figure.draw([("one", drawn)]) == figure.draw([("one", drawn)])
    axes = plt.gca()
    axes.axvline(3)
    with pytest.raises(ValueError, match="does not stand in the data's coordinates"):
        figure.drawing(axes.figure)
    axes.lines[-1].remove()
    axes.bar([1], [2])
    with pytest.raises(ValueError, match="Rectangle, not lines and texts"):
        figure.drawing(axes.figure)
    plt.close("all")


def test_a_figure_that_waits_for_a_recording_is_no_second_problem(
    make_book: Make,
) -> None:
    book = make_book({"snippets/a.py": PLOT, "docs/a.md": PLOT_PAGE})
    book.run()  # which fills the code
    assert [each.partition(";")[0] for each in book.problems()] == [
        "docs/a.md:14: no machine has recorded a.py#plot as it is now"
    ]
