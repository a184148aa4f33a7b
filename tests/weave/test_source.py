"""A module's text to cells and imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from weave.model import WeaveError
from weave.source import definition, read_source, third_party


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(root: Path, text: str) -> list[str]:
    path = write(root, "snippets/a.py", text)
    with pytest.raises(WeaveError) as caught:
        read_source(path, root)
    return [str(each).partition("snippets/")[2] for each in caught.value.problems]


def test_a_module_is_cut_into_named_cells(tmp_path: Path) -> None:
    text = '"""Doc."""\n\n# %% one\nx = 1\n\n# %% two-more\n\nprint(x)\n'
    source = read_source(write(tmp_path, "snippets/a.py", text), tmp_path)
    cells = [(cell.address, cell.line, cell.code) for cell in source.cells]
    assert cells == [("a.py#one", 4, "x = 1"), ("a.py#two-more", 8, "print(x)")]


def test_a_marker_inside_a_string_is_text(tmp_path: Path) -> None:
    text = '# %% one\ntext = """\n# %% not-a-cell\n"""\n'
    source = read_source(write(tmp_path, "snippets/a.py", text), tmp_path)
    assert [cell.name for cell in source.cells] == ["one"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# %% one\nx = 1\n# %% one\nx = 2\n",
            "a.py:3: a cell named 'one' exists already, at line 1; "
            "give this cell another name",
        ),
        (
            '"""Doc."""\nimport os\n# %% one\nx = 1\n',
            "a.py:2: code stands before the first cell, where no page can show it; "
            "put a line '# %% name' above it, so that a page can show it",
        ),
        (
            "# %% One Cell\nx = 1\n",
            "a.py:1: the cell's name 'One Cell' is not lowercase words joined by "
            "hyphens; write '# %% such-a-name'",
        ),
        (
            "# %% one\n\n# %% two\nx = 1\n",
            "a.py:1: the cell 'one' is empty; write its code, or remove it",
        ),
        (
            "# %% one\nx = (1 +\n",
            "a.py:2: is not Python: '(' was never closed; "
            "repair the module; no cell of it has run",
        ),
        (
            "# %% one\nfor i in range(3):\n# %% two\n    print(i)\n",
            "a.py:2: the cell 'one' is not complete Python by itself; "
            "let the '# %%' lines stand between statements",
        ),
    ],
)
def test_a_wrong_module_says_where_and_what_to_do(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert problems_of(tmp_path, text)[0] == expected


def test_imports_are_followed_through_the_repository(tmp_path: Path) -> None:
    write(tmp_path, "snippets/b.py", "import tools.deep\n")
    write(tmp_path, "snippets/tools/__init__.py", "from .near import y\n")
    write(tmp_path, "snippets/tools/near.py", "y = 1\n")
    write(tmp_path, "snippets/tools/deep.py", "from c import x\n")
    write(tmp_path, "snippets/c.py", "x = 1\n")
    path = write(tmp_path, "snippets/a.py", "# %% one\nimport b, os, torch\n")
    source = read_source(path, tmp_path)
    names = [file.relative_to(tmp_path).as_posix() for file in source.imports]
    assert names == [
        "snippets/b.py",
        "snippets/c.py",
        "snippets/tools/__init__.py",
        "snippets/tools/deep.py",
        "snippets/tools/near.py",
    ]
    assert third_party([source], tmp_path) == ("torch",)


def test_a_cell_of_imports_from_siblings_is_a_borrowing(tmp_path: Path) -> None:
    helper = write(tmp_path, "snippets/b.py", "# %% twice\ndef twice(x):\n    pass\n")
    text = "# %% borrow\nfrom b import twice\n\n# %% one\nimport math\n"
    source = read_source(write(tmp_path, "snippets/a.py", text), tmp_path)
    borrowed = [cell.imported for cell in source.cells]
    assert borrowed == [(("b", "twice"),), ()]
    place = definition(read_source(helper, tmp_path), "twice")
    assert place is not None
    assert place.address == "b.py#twice"
