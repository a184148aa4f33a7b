"""A chapter that `nox -s new` makes is green at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house.new import make

ROOT = Path(__file__).parents[1]
SETTINGS = """\
site_name: Small
nav:
  - Home: index.md
  - Foundations:
      - "Neurons: one": foundations/neurons.md
  - Tools:
      - Devices: tools/devices.md
"""
NEEDED = [
    "pyproject.toml",
    "conftest.py",
    "tests/blocks.py",
    "tests/parallel.py",
    "tests/test_book.py",
    "tests/snippets/conftest.py",
]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A book of three pages without code, with this book's rules."""
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "mkdocs.yml").write_text(SETTINGS)
    (tmp_path / "snippets").mkdir()
    for page in ("index.md", "foundations/neurons.md", "tools/devices.md"):
        path = tmp_path / "docs" / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {path.stem.capitalize()}\n")
    return tmp_path


@pytest.mark.slow
def test_a_new_chapter_is_green_at_once(small: Path) -> None:
    made = make(small, "foundations/order_of_sums")
    assert [path.relative_to(small).as_posix() for path in made] == [
        "snippets/order_of_sums.py",
        "docs/foundations/order_of_sums.md",
        "tests/snippets/test_order_of_sums.py",
        "mkdocs.yml",
    ]
    written = [made[0], made[2]]
    for command in (
        ["weave", "--root", "."],
        ["pytest", "-q", "--codeblocks", "docs", "tests"],
        ["ruff", "check", *written],
        ["ruff", "format", "--check", *written],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=small,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_comes_last_in_its_part(small: Path) -> None:
    make(small, "foundations/sums")
    make(small, "tools/more")
    assert (small / "mkdocs.yml").read_text().splitlines()[3:] == [
        "  - Foundations:",
        '      - "Neurons: one": foundations/neurons.md',
        "      - Sums: foundations/sums.md",
        "  - Tools:",
        "      - Devices: tools/devices.md",
        "      - More: tools/more.md",
    ]
    page = (small / "docs/foundations/sums.md").read_text()
    assert "**Prerequisites:** [Neurons: one](neurons.md)." in page


@pytest.mark.parametrize(
    ("chapter", "message"),
    [
        ("", "'' is no chapter; write part/name"),
        ("Sums", "'Sums' is no chapter"),
        ("foundations/../x", "is no chapter"),
        ("poetry/sums", "nav has no part poetry; there are foundations, tools"),
        ("foundations/neurons", "docs/foundations/neurons.md: is there already"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    small: Path, chapter: str, message: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    with pytest.raises(SystemExit, match=message):
        make(small, chapter)
    assert before == {path: path.stat().st_mtime_ns for path in small.rglob("*")}
