"""Every notebook to take along is whole, and prints what it carries where it is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import v4

from weave import build, publish
from weave.read.book import read_book
from weave.woven import Woven

ROOT = Path(__file__).parents[1]
STEMS = [chapter.path.stem for chapter in read_book(ROOT).chapters if chapter.slots]
every_notebook = pytest.mark.parametrize("stem", STEMS)
GROUPS = 2  # kernels that run all notebooks one after the other

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


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_run_in_an_empty_folder_every_notebook_prints_what_it_carries(
    group: int,
    notebooks: dict[str, Notebook],
    woven: Woven,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    measured = {
        slot.address.replace(".py", "")
        for chapter in woven.book.chapters
        for slot in chapter.slots
        if slot.recorded is not None
    }
    cells: list[Any] = []
    expected: list[tuple[str, str | None]] = []
    for stem in STEMS[group::GROUPS]:
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
            varies = slot.address.replace(".py", "") in measured
            cells.append(v4.new_code_cell(cell.source))
            expected.append((slot.address, None if varies else carried))
    whole = v4.new_notebook(cells=cells)
    NotebookClient(
        whole,
        timeout=900,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    for cell, (address, wanted) in zip(whole.cells, expected, strict=True):
        printed = "".join(
            output.text
            for output in cell.outputs
            if output.output_type == "stream" and output.name == "stdout"
        )
        if wanted is not None:
            assert printed == wanted, address
