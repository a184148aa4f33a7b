"""Recordings: taken on this machine's CPU, shown with where they come from, checked."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from markdown import Markdown

from tests.weave.books import OUTPUT, SmallBook, rendered
from weave import check, record
from weave.read.book import read_book
from weave.read.recordings import code_digest
from weave.render import provenance
from weave.results import Recording
from weave.run import machine, pool

Make = Callable[[dict[str, str]], SmallBook]
RESULTS = "recorded/cpu/results.json"
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
    """Say of the CPU's recording that it is of a GPU, in a folder of its own."""
    shutil.copytree(book.root / "recorded/cpu", book.root / f"recorded/{name}")
    data = json.loads(book.read(RESULTS))
    data |= {"device": "cuda", "name": name}
    source = read_book(book.root).sources["a"]
    run = data["modules"]["a"]
    run["facts"] |= {"CUDA": "12.8", "driver": "570.1"}
    if source.cell("one"):
        run["code"]["one"] = code_digest(source, "one", book.root)
        one = {"name": "one", "output": "1", "tables": [], "files": [], "data": []}
        run["result"]["cells"].insert(0, one)
    return book.write(f"recorded/{name}/results.json", json.dumps(data, indent=1))


def recordings(book: SmallBook) -> list[Recording]:
    return list(read_book(book.root).recordings)


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
        r"recording a on cpu\nwrote recorded/cpu/results.json after \d+\.\d s", told
    )
    data = json.loads(book.read(RESULTS))
    assert data["device"] == "cpu"
    assert len(data["name"]) > 2
    run = data["modules"]["a"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", run["date"])
    assert {"system", "threads", "PyTorch", "Python"} <= set(run["facts"])
    (clock,) = run["result"]["cells"]  # a build prints the other itself
    assert clock["name"] == "clock"
    assert re.fullmatch(r"\d+ ns", clock["output"])


def test_the_page_shows_it_with_where_it_comes_from(book: SmallBook) -> None:
    take(book)
    book.run()
    text = book.read("docs/a.md")
    (recording,) = recordings(book)
    clock = recording.result.cell("clock")
    assert clock is not None
    told = provenance.as_markdown(provenance.sentence(recording, True))
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


def test_what_a_build_measures_is_on_no_page(book: SmallBook) -> None:
    take(book)
    book.run()
    printed = book.printed("a", "clock")
    assert re.fullmatch(r"\d+ ns", printed)
    assert printed not in book.read("docs/a.md")
    assert printed not in rendered(book, book.read("docs/a.md"))
    assert book.problems() == []


def test_a_recording_of_other_code_fails_the_check_and_is_not_shown(
    book: SmallBook,
) -> None:
    take(book)
    book.run()
    book.change("snippets/a.py", "x = 1", "x = 2")
    book.run()
    problems = book.problems()
    assert problems[0].startswith("docs/a.md:23: no machine has recorded a.py#clock")
    assert problems[-1] == (
        f"{RESULTS}:5: is a recording of other code than "
        f"a.py#clock is now; {check.AGAIN}"
    )
    assert book.read(RESULTS).split("\n")[4].strip() == '"a": {'
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
    book.write(RESULTS, book.read(RESULTS).replace('"clock"', '"clocks"'))
    assert any(
        "records a.py#clocks, which no page shows as recorded" in each
        for each in book.problems()
    )


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"code"', '"codes"', "is no recording: KeyError: 'code'"),
        ('{\n "device"', '\n "device"', "is not JSON"),
        ('"date": "', '"date": "<b>', "is no recording: ValueError: '<b>20"),
        ('"name": "', '"name": "\\u001b', "is no recording: ValueError: "),
        ('"a": {', '"../a": {', "is no recording: ValueError: "),
        ('"name": ', '"names": ', "is no recording: KeyError: 'name'"),
    ],
)
def test_a_damaged_recording_is_a_problem_of_its_file(
    book: SmallBook, old: str, new: str, what: str
) -> None:
    take(book)
    text = book.read(RESULTS)
    book.write(RESULTS, text.replace(old, new, 1))
    problem = next(each for each in book.problems() if each.startswith("recorded/"))
    assert re.match(r"recorded/cpu/results\.json:\d+: " + re.escape(what), problem)
    assert "run nox -s record" in problem
    assert take(book)[0] == 0  # and recording again repairs it
    book.run()
    assert book.problems() == []


def test_recording_one_module_keeps_the_others(book: SmallBook) -> None:
    book.write("snippets/b.py", MODULE)
    book.write("docs/b.md", PAGE.replace("a.py#", "b.py#"))
    assert take(book)[0] == 0
    before = json.loads(book.read(RESULTS))["modules"]
    assert list(before) == ["a", "b"]
    assert take(book, "b")[0] == 0
    after = json.loads(book.read(RESULTS))["modules"]
    assert after["a"] == before["a"]
    assert after["b"]["result"]["cells"] != before["b"]["result"]["cells"]


def test_a_module_that_fails_leaves_its_older_recording(book: SmallBook) -> None:
    take(book)
    text = book.read(RESULTS)
    book.change("snippets/a.py", "print(x + 1)", "print(x / 0)")
    code, told = take(book)
    assert code == 1
    assert "snippets/a.py:10: cell 'two' raises ZeroDivisionError" in told
    assert book.read(RESULTS) == text


def test_a_recording_uses_every_core_and_a_build_one(book: SmallBook) -> None:
    asked = "import os, time; print(os.environ['OMP_NUM_THREADS'])"
    book.change("snippets/a.py", "import time", asked)
    book.change(
        "snippets/a.py", "x = 1", "import os; x = os.environ['OMP_NUM_THREADS']"
    )
    book.change("snippets/a.py", "print(x + 1)", "print(x)")
    assert take(book)[0] == 0
    (recording,) = recordings(book)
    clock = recording.result.cell("clock")
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
    if machine.best_device() != "cuda":
        assert code == 1
        assert "this machine has no device 'cuda'" in told


def test_times_are_not_recorded_while_other_programs_run(
    book: SmallBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = [9e9, 9e9, 0.0]
    monkeypatch.setattr(os, "getloadavg", lambda: (loads.pop(0), 0.0, 0.0))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert machine.is_idle()
    assert loads == []
    monkeypatch.setattr(os, "getloadavg", lambda: (9e9, 0.0, 0.0))
    assert not machine.is_idle(patience=0.0)
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


def test_a_recorded_figure_is_the_one_that_was_drawn_there(make_book: Make) -> None:
    book = make_book({"snippets/a.py": PLOT, "docs/a.md": PLOT_PAGE})
    assert take(book)[0] == 0
    drawn = book.read("recorded/cpu/a/plot.svg")
    book.run()
    assert re.search(r"\nRecorded on \S+ on the CPU .*\.\n", book.read("docs/a.md"))
    assert book.problems() == []
    assert book.read("docs/figures/a/plot.svg") == drawn
    as_gpu(book)
    other = drawn.replace("a note", "another note")
    book.write("recorded/Invented 1/a/plot.svg", other)
    said = next(each for each in book.problems() if each.startswith("recorded/"))
    assert "a/plot.svg is not the figure that was drawn" in said
    book.write("recorded/Invented 1/a/plot.svg", drawn)
    book.run()
    assert book.problems() == []
    html = rendered(book, book.read("docs/a.md"))
    assert html.count("<img") == 2
    assert html.count("<figcaption>") == 1
    assert "plot.Invented 1.svg" in html
    assert book.read("docs/figures/a/plot.Invented 1.svg") == drawn


def test_an_interactive_figure_gets_the_values_of_every_recording(
    make_book: Make,
) -> None:
    asked = "<!-- explore: f after a.py#plot\nt: [0.1, len(axes.lines)]\n-->\n"
    page = PLOT_PAGE.replace("![A line", f"{asked}![A line")
    book = make_book({"snippets/a.py": PLOT, "docs/a.md": page})
    book.run()
    (place,) = read_book(book.root).chapters[0].interactive
    assert book.weave().values(place.asked) is None
    assert take(book)[0] == 0
    as_gpu(book)
    text = book.weave().values(place.asked)
    assert text is not None
    one, other = json.loads(text)["recordings"]
    assert one["t"] == other["t"] == [0.1, 1]
    assert one["machine"].startswith("the CPU ")
    assert other["machine"].startswith("a GPU Invented 1 (CUDA 12.8, driver 570.1)")
    book.run()
    assert book.problems() == []
    book.change("docs/a.md", "[0.1,", "[0.2,")  # another question, an old answer
    assert any("is a recording of other code" in each for each in book.problems())


def test_nothing_that_a_recording_says_becomes_markup(book: SmallBook) -> None:
    take(book)
    name = "<script>alert(1)</script> [x](javascript:alert(1)) *y* `z` $q$"
    data = json.loads(book.read(RESULTS))
    end = "<!-- end of recorded -->"
    data["name"] = name
    data["modules"]["a"]["facts"]["threads"] = "<i>2</i>"
    data["modules"]["a"]["result"]["cells"][0]["output"] = f"```\n{end}\n<b>"
    book.write(RESULTS, json.dumps(data, indent=1))
    book.write("docs/a.md", book.read("docs/a.md") + "\n<!-- weave: machines -->\n")
    book.run()
    text = book.read("docs/a.md")
    book.run()
    assert book.read("docs/a.md") == text
    assert book.problems() == []
    for html in (
        rendered(book, text),
        Markdown(extensions=["pymdownx.superfences"]).convert(text),
    ):
        seen = unescape(re.sub(r"<[^>]+>", "", html))
        assert name in seen
        assert f"```\n{end}\n<b>" in seen
        for tag in ("<script>alert", "<i>", "<b>", "<em>", 'href="javascript'):
            assert tag not in html


def test_a_figure_that_waits_for_a_recording_is_no_second_problem(
    make_book: Make,
) -> None:
    book = make_book({"snippets/a.py": PLOT, "docs/a.md": PLOT_PAGE})
    book.run()  # which fills the code
    assert [each.partition(";")[0] for each in book.problems()] == [
        "docs/a.md:14: no machine has recorded a.py#plot as it is now"
    ]


TRIES = """
    # %% one
    try:
        import {package}
        print("here")
    except (ImportError, RuntimeError):
        print("missing")
    """
TRIES_PAGE = f"""# A page

<!-- snippet: a.py#one -->
```python
```

{REGION}"""


def test_what_a_module_tries_to_import_must_be_there_to_be_recorded(
    make_book: Make,
) -> None:
    module = TRIES.format(package="no_such_package")
    book = make_book({"snippets/a.py": module, "docs/a.md": TRIES_PAGE})
    code, told = take(book, "a")
    assert code == 1
    assert "a needs no_such_package, which cannot be imported here" in told
    code, told = take(book)  # whoever records all is told, and stopped by nothing
    assert code == 0
    assert "leaving a as it is: no_such_package is not here" in told
    assert recordings(book) == []


def test_what_a_module_tries_to_import_and_finds_is_recorded(make_book: Make) -> None:
    module = TRIES.format(package="numpy")
    book = make_book({"snippets/a.py": module, "docs/a.md": TRIES_PAGE})
    assert take(book)[0] == 0
    (recording,) = recordings(book)
    assert recording.result.cells[0].output == "here"


def test_an_optional_packages_version_is_told_with_a_recording(
    make_book: Make,
) -> None:
    book = make_book({"snippets/a.py": MODULE, "docs/a.md": PAGE})
    take(book)
    (recording,) = recordings(book)
    assert "torchvision" not in provenance.machine(recording)
    path = book.root / RESULTS
    data = json.loads(path.read_text("utf-8"))
    data["modules"]["a"]["facts"]["torchvision"] = "9.8"
    path.write_text(json.dumps(data), encoding="utf-8")
    (recording,) = recordings(book)
    assert provenance.machine(recording).endswith(" and torchvision 9.8")


def test_what_a_module_tries_to_import_is_not_imported_before_it_runs(
    make_book: Make,
) -> None:
    module = TRIES.format(package="numpy").replace("try:", "import pandas\n    try:")
    book = make_book({"snippets/a.py": module, "docs/a.md": TRIES_PAGE})
    sources = [*read_book(book.root).sources.values()]
    assert pool.needed(sources, book.root) == ("pandas",)
