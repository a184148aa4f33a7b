"""A module's text to cells and imports."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from weave.model import WeaveError
from weave.read.imports import third_party
from weave.read.module import definition, has_newer_text, read_source


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


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x0c", "\x1c"])
def test_a_line_ends_where_python_says_it_does(tmp_path: Path, odd: str) -> None:
    code = f'text = "one{odd}line"\nprint(len(text))'
    text = f"# %% one\n{code}\n\n# %% two\nprint(2)\n"
    one, two = read_source(write(tmp_path, "snippets/a.py", text), tmp_path).cells
    assert (one.line, one.code) == (2, code)
    assert (two.line, two.code) == (6, "print(2)")


def test_blank_lines_and_indentation_inside_a_cell_are_kept(tmp_path: Path) -> None:
    code = "def f():\n    x = 1\n\n\n    return x  \n# end"
    path = write(tmp_path, "snippets/a.py", f"# %% one\n\n\n{code}\n\n\n")
    (cell,) = read_source(path, tmp_path).cells
    assert (cell.line, cell.code) == (4, code)


def test_windows_line_endings_do_not_reach_the_cells(tmp_path: Path) -> None:
    path = write(tmp_path, "snippets/a.py", "")
    path.write_bytes(b"# %% one\r\nx = 1\r\nprint(x)\r\n")
    assert read_source(path, tmp_path).cells[0].code == "x = 1\nprint(x)"


def test_only_a_marker_at_the_start_of_its_line_begins_a_cell(tmp_path: Path) -> None:
    text = "# %% one\nif True:\n    # %% two\n    print(1)\n"
    source = read_source(write(tmp_path, "snippets/a.py", text), tmp_path)
    assert [cell.name for cell in source.cells] == ["one"]


def test_a_module_without_cells_shows_nothing_and_so_may_do_nothing(
    tmp_path: Path,
) -> None:
    (said,) = problems_of(tmp_path, "x = 1\n")
    assert said.startswith("a.py:1: code stands before the first cell, where no page")
    path = write(tmp_path, "snippets/b.py", '"""Nothing yet."""\n')
    assert read_source(path, tmp_path).cells == ()


@pytest.mark.parametrize("name", ["", "two_words", "Upper", "-x", "x--y", "\u00fcber"])
def test_a_cells_name_is_words_joined_by_hyphens(tmp_path: Path, name: str) -> None:
    (said,) = problems_of(tmp_path, f"# %% {name}\nx = 1\n")
    assert said.startswith(f"a.py:1: the cell's name {name!r} is not lowercase words")


def test_every_mistake_in_a_module_is_reported_at_once(tmp_path: Path) -> None:
    text = "import os\n# %% One\nx = 1\n# %% two\n# %% two\ny = 1\n"
    said = problems_of(tmp_path, text)
    assert [each.split(":")[1] for each in said] == ["1", "2", "4", "5"]


def test_a_module_in_another_encoding_is_reported_at_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "snippets/a.py", "")
    path.write_bytes(b"# %% one\n\n# gr\xfcn\nx = 1\n")
    with pytest.raises(WeaveError, match=r"a\.py:3: is not UTF-8; save the file as"):
        read_source(path, tmp_path)


@pytest.mark.parametrize("helper", [b"x = = 1\n", b"# gr\xfcn\n", b"x = 1\x00\n"])
def test_a_helper_that_is_not_python_is_reported_with_who_imports_it(
    tmp_path: Path, helper: bytes
) -> None:
    write(tmp_path, "snippets/b.py", "").write_bytes(helper)
    with pytest.raises(WeaveError) as caught:
        read_source(write(tmp_path, "snippets/a.py", "# %% x\nimport b\n"), tmp_path)
    (problem,) = caught.value.problems
    assert problem.path == tmp_path / "snippets/b.py"
    assert problem.what.startswith("is not Python: ")
    assert problem.hint == "repair it; a.py imports it"


def imports_of(root: Path, text: str) -> list[str]:
    source = read_source(write(root, "snippets/a.py", text), root)
    return [path.relative_to(root).as_posix() for path in source.imports]


def test_helpers_that_import_each_other_are_no_trouble(tmp_path: Path) -> None:
    write(tmp_path, "snippets/b.py", "import c\n")
    write(tmp_path, "snippets/c.py", "import b, a\n")
    found = imports_of(tmp_path, "# %% one\nimport b\n")
    assert found == ["snippets/b.py", "snippets/c.py"]


def test_an_import_inside_a_function_counts(tmp_path: Path) -> None:
    write(tmp_path, "snippets/b.py", "x = 1\n")
    found = imports_of(tmp_path, "# %% one\ndef f():\n    import b\n")
    assert found == ["snippets/b.py"]


@pytest.mark.parametrize(
    ("statement", "inside"),
    [
        ("import tool.inner", ""),
        ("from tool import inner", ""),
        ("from tool.inner import f", ""),
        ("import tool", "from . import inner"),
        ("import tool", "from .inner import f"),
        ("import tool", "from tool import inner"),
    ],
)
def test_a_package_comes_with_the_modules_that_it_loads(
    tmp_path: Path, statement: str, inside: str
) -> None:
    write(tmp_path, "snippets/tool/__init__.py", inside + "\n")
    write(tmp_path, "snippets/tool/inner.py", "f = 1\n")
    found = imports_of(tmp_path, f"# %% one\n{statement}\n")
    assert found == ["snippets/tool/__init__.py", "snippets/tool/inner.py"]


def test_a_folder_without_init_is_a_package_too(tmp_path: Path) -> None:
    write(tmp_path, "snippets/tool/inner.py", "f = 1\n")
    found = imports_of(tmp_path, "# %% one\nimport tool.inner\n")
    assert found == ["snippets/tool/inner.py"]


@pytest.mark.parametrize("name", ["f", "G", "x", "y", "np", "os"])
def test_the_cell_that_defines_a_name_is_found(tmp_path: Path, name: str) -> None:
    text = (
        "# %% before\na = b = 0\n# %% here\nimport os.path\nimport numpy as np\n"
        "def f(): ...\nclass G: ...\nx, (y, z) = 1, (2, 3)\n"
    )
    source = read_source(write(tmp_path, "snippets/a.py", text), tmp_path)
    found = definition(source, name)
    assert found is not None
    assert found.name == "here"
    assert definition(source, "path") is None


@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_byte_order_mark_is_no_part_of_a_module(tmp_path: Path, mark: str) -> None:
    write(tmp_path, "snippets/b.py", f"{mark}import c\n")
    write(tmp_path, "snippets/c.py", f"{mark}x = 1\n")
    path = write(tmp_path, "snippets/a.py", f"{mark}# %% one\nimport b\n")
    source = read_source(path, tmp_path)
    assert [(cell.name, cell.line, cell.code) for cell in source.cells] == [
        ("one", 2, "import b")
    ]
    assert [each.name for each in source.imports] == ["b.py", "c.py"]
    assert not has_newer_text(source)


def test_a_decorator_cut_from_its_function_is_told(tmp_path: Path) -> None:
    text = "# %% one\n@property\n# %% two\ndef f(x): ...\n"
    said = problems_of(tmp_path, text)
    assert said[0].startswith("a.py:2: the cell 'one' is not complete Python by itself")


@pytest.mark.parametrize("level", [2, 8, 99])
def test_a_relative_import_beyond_the_root_is_left_to_python(
    tmp_path: Path, level: int
) -> None:
    assert imports_of(tmp_path, f"# %% one\nfrom {'.' * level} import z\n") == []


@pytest.mark.parametrize("helper", [False, True])
def test_what_is_nested_too_deep_is_told(tmp_path: Path, helper: bool) -> None:
    deep = "x = " + "(" * 5_000 + ")" * 5_000 + "\n"
    write(tmp_path, "snippets/b.py", deep)
    text = "# %% one\nimport b\n" if helper else f"# %% one\n{deep}"
    (said,) = problems_of(tmp_path, text)
    assert "is not Python: " in said


def test_a_long_sum_is_read_or_told_but_raises_nothing_else(tmp_path: Path) -> None:
    for count in (100, 4_000, 100_000):
        text = f"# %% one\nx = {'1+' * count}1\n"
        path = write(tmp_path, "snippets/a.py", text)
        with contextlib.suppress(WeaveError):
            assert read_source(path, tmp_path).text == text


def test_a_package_goes_before_a_module_as_in_python(tmp_path: Path) -> None:
    write(tmp_path, "snippets/h.py", "import c\n")
    write(tmp_path, "snippets/c.py", "x = 1\n")
    assert imports_of(tmp_path, "# %% one\nimport h\n") == [
        "snippets/c.py",
        "snippets/h.py",
    ]
    write(tmp_path, "snippets/h/__init__.py", "x = 1\n")
    assert imports_of(tmp_path, "# %% one\nimport h\n") == ["snippets/h/__init__.py"]


def test_a_folder_named_like_a_module_is_told(tmp_path: Path) -> None:
    path = tmp_path / "snippets/a.py"
    path.mkdir(parents=True)
    with pytest.raises(WeaveError, match=r"a\.py:1: cannot be read: Is a directory"):
        read_source(path, tmp_path)
