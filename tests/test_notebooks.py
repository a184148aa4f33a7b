"""Every notebook to take along is whole, and prints what it carries where it is run.

It runs in an empty folder, with only the published packages, as an older machine would
run it: without AVX2 and on two threads. Sums of floating-point numbers depend on their
order, and this on the instructions and the threads at hand; the engine runs modules on
one thread with the best instructions that there are.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import v4
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from pytest_codeblocks.main import extract_from_file

from weave import build, publish
from weave.read.book import read_book
from weave.render.fill import contents
from weave.woven import Woven

ROOT = Path(__file__).parents[1]
STEMS = [chapter.path.stem for chapter in read_book(ROOT).chapters if chapter.slots]
every_notebook = pytest.mark.parametrize("stem", STEMS)
KERNELS = 4  # which share the notebooks, and are tests of their own
PUBLISHED = (
    "matplotlib",
    "numpy",
    "pandas",
    "scikit-learn",
    "tensorboard",
    "torch",
)
OTHER_MACHINE = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OMP_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
    "OMP_WAIT_POLICY": "PASSIVE",  # other tests run meanwhile
    "MPLBACKEND": "agg",
}
#: What a kernel runs first; the names that it refuses follow.
REFUSE = """\
import sys


class Refuse:
    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Refuse("""
#: What it runs last.
ASK = """\
try:
    import weave
except ModuleNotFoundError:
    print("is not here")
"""

Notebook = Any


@pytest.fixture(scope="module")
def woven() -> Woven:
    """The book as it is."""
    return build.weave(read_book(ROOT))


@pytest.fixture(scope="module")
def notebooks(woven: Woven) -> dict[str, Notebook]:
    """Every chapter's notebook, by the chapter's name."""
    return {
        Path(name).stem: nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        for name, text in publish.notebooks(woven)
    }


@pytest.fixture(scope="module")
def programs(woven: Woven) -> dict[str, str]:
    """Every chapter's program, by the chapter's name."""
    texts = publish.texts(woven)
    return {Path(name).stem: text for name, text in texts if "programs/" in name}


def absent() -> set[str]:
    """The packages of this environment that neither a chapter nor a kernel needs."""
    # Before Python 3.12 a fresh environment brings setuptools; then torch asks for it.
    there = needed((*PUBLISHED, "ipykernel", "setuptools"))
    own = {path.stem for path in ROOT.iterdir()}  # which the environment may find
    return own | {
        package
        for package, owners in packages_distributions().items()
        if there.isdisjoint(map(canonicalize_name, owners))
    }


def needed(names: tuple[str, ...]) -> set[NormalizedName]:
    """The named distributions and all that they require on this machine."""
    found: set[NormalizedName] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
                waiting += extras_of(requirement.name, requirement.extras)
    return found


def extras_of(name: str, extras: set[str]) -> list[NormalizedName]:
    """What a distribution requires for the named extras."""
    return [
        canonicalize_name(requirement.name)
        for extra in extras
        for requirement in map(Requirement, distribution(name).requires or ())
        if requirement.marker and requirement.marker.evaluate({"extra": extra})
    ]


def words(notebook: Notebook) -> str:
    """All prose of a notebook."""
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


@every_notebook
def test_a_notebook_is_valid_and_of_format_4_5(
    stem: str, notebooks: dict[str, Notebook]
) -> None:
    notebook = notebooks[stem]
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)


@every_notebook
def test_no_number_label_or_image_is_lost_in_a_notebook(
    stem: str, notebooks: dict[str, Notebook]
) -> None:
    text = words(notebooks[stem])
    assert not re.findall(
        r"\[(?:Figure|Equation)\]\(|\\label|<!-- (?:claim|weave)", text
    )
    assert not re.findall(r"\b(?:Figure|Equation)(?= (?:[a-z]|$))", text)
    assert "](../" not in text
    assert "![" not in text
    tags = re.findall(r"\\tag\{(\d+)\}", text)
    assert tags == [str(number) for number in range(1, len(tags) + 1)]
    for number in re.findall(r"Equation \((\d+)\)", text):
        assert number in tags


@every_notebook
def test_every_figure_of_a_chapter_is_in_its_notebook_with_its_caption(
    stem: str, notebooks: dict[str, Notebook], woven: Woven
) -> None:
    chapter = next(each for each in woven.book.chapters if each.path.stem == stem)
    text = words(notebooks[stem])
    images = [i for i in chapter.images if i.alone]
    numbered = [i for i in images if "figures/" in i.target]
    assert text.count("**Figure ") == len(numbered)
    for image in numbered:
        assert image.title.split("$")[0].split("[")[0].strip() in text
    pictures = [
        output
        for cell in notebooks[stem].cells
        for output in cell.get("outputs", [])
        if output.output_type == "display_data"
    ]
    shown = [picture.data["text/html"] for picture in pictures]
    shown += re.findall(r"<img[^>]*>", text)
    assert len(shown) == len(images)
    for picture in shown:
        assert re.match(r'<img alt="[^"]{20,}" src="data:image', picture)


@every_notebook
def test_notebook_and_program_hold_the_blocks_of_the_page(
    stem: str,
    notebooks: dict[str, Notebook],
    programs: dict[str, str],
    woven: Woven,
) -> None:
    page = next(each.path for each in woven.book.chapters if each.path.stem == stem)
    found = extract_from_file(page)
    blocks = [each.code.rstrip() for each in found if each.syntax == "python"]
    cells = [cell for cell in notebooks[stem].cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells] == blocks
    program = programs[stem]
    left = re.split(r"(?m)^# %% [\w-]+\n", program)
    assert [each.rstrip() for each in left[1:]] == blocks


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["mini_batches", "several_processes"])
def test_a_program_that_starts_processes_runs_as_a_script(
    stem: str, programs: dict[str, str], woven: Woven, tmp_path: Path
) -> None:
    (tmp_path / "page.py").write_text(programs[stem], "utf-8")
    chapter = next(each for each in woven.book.chapters if each.path.stem == stem)
    done = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    shown = [contents(chapter, s.output) for s in chapter.slots if s.output]
    assert done.stdout.splitlines() == "\n".join(shown).splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("kernel", range(KERNELS))
def test_alone_on_another_machine_every_notebook_prints_what_it_carries(
    kernel: int, notebooks: dict[str, Notebook], woven: Woven, tmp_path: Path
) -> None:
    measured = {
        slot
        for chapter in woven.book.chapters
        for slot in chapter.slots
        if slot.recorded is not None
    }
    cells = [v4.new_code_cell(f"{REFUSE}{sorted(absent())!r}))")]
    expected: list[tuple[str, str | None]] = [("the kernel", "")]
    for stem in STEMS[kernel::KERNELS]:
        folder = tmp_path / stem
        folder.mkdir()
        begin = f"%reset -f\nimport os; os.chdir({str(folder)!r}); del os"
        cells.append(v4.new_code_cell(begin))
        expected.append((stem, ""))
        chapter = next(each for each in woven.book.chapters if each.path.stem == stem)
        codes = [cell for cell in notebooks[stem].cells if cell.cell_type == "code"]
        for slot, cell in zip(chapter.slots, codes, strict=True):
            carried = "".join(
                output.text for output in cell.outputs if output.output_type == "stream"
            )
            cells.append(v4.new_code_cell(cell.source))
            expected.append((slot.address, None if slot in measured else carried))
    cells.append(v4.new_code_cell(ASK))
    expected.append(("the kernel", "is not here\n"))
    whole = v4.new_notebook(cells=cells)
    client = NotebookClient(whole, timeout=900, kernel_name="python3")
    client.execute(cwd=str(tmp_path), env=os.environ | OTHER_MACHINE)
    for cell, (address, wanted) in zip(whole.cells, expected, strict=True):
        printed = "".join(
            output.text
            for output in cell.outputs
            if output.output_type == "stream" and output.name == "stdout"
        )
        if wanted is not None:
            assert printed == wanted, address
