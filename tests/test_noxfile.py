"""Which torch, and which environment, a session uses."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def noxfile() -> ModuleType:
    """The module noxfile.py."""
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("asked", "requirement", "environment"),
    [
        ("2.11.0", "torch==2.11.0", "env-torch-2.11.0"),
        ("2.13.0+cpu", "torch==2.13.0+cpu", "env-torch-2.13.0+cpu"),
        ("newest", "torch", "env-torch-newest"),
    ],
)
def test_each_torch_has_an_environment_of_its_own(
    noxfile: ModuleType, asked: str, requirement: str, environment: str
) -> None:
    assert noxfile.torch_of(asked) == (requirement, ROOT / ".nox" / environment)


def test_the_pinned_torch_is_in_the_standard_environment(noxfile: ModuleType) -> None:
    standard = (noxfile.PINNED, ROOT / ".nox" / "env")
    assert noxfile.torch_of("") == standard
    assert noxfile.torch_of(noxfile.PINNED.partition("==")[2]) == standard


@pytest.mark.parametrize("asked", ["new", "2", ">=2.11", "../env", "2.11.0/x", "2.11 "])
def test_what_is_no_version_is_refused(noxfile: ModuleType, asked: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(f"BOOK_TORCH={asked}: is no")):
        noxfile.torch_of(asked)


def test_a_refused_torch_ends_every_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOK_TORCH", "old")
    command = [sys.executable, "-m", "nox", "-l"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr


def test_the_pinned_torch_is_one_that_the_book_allows(noxfile: ModuleType) -> None:
    allowed = [
        each
        for each in noxfile.SETTINGS["project"]["dependencies"]
        if each.startswith("torch")
    ]
    lowest = allowed[0].partition(">=")[2]
    pinned = noxfile.PINNED.partition("==")[2]
    assert [int(n) for n in pinned.split(".")] > [int(n) for n in lowest.split(".")]


def test_the_lock_decides_on_packages_and_the_project_on_the_book_alone(
    noxfile: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packages, book = noxfile.wanted()
    changed = tmp_path / "requirements.lock"
    text = (ROOT / "requirements.lock").read_text("utf-8")
    monkeypatch.setattr(noxfile, "LOCK", changed)
    changed.write_text(text.replace("    # via", "    # by way of"))
    assert noxfile.wanted() == (packages, book)
    changed.write_text(text.replace("==", "==1!", 1))
    assert noxfile.wanted()[0] != packages
    assert noxfile.wanted()[1] == book
    project = noxfile.SETTINGS["project"] | {"version": "99"}
    monkeypatch.setitem(noxfile.SETTINGS, "project", project)
    assert noxfile.wanted()[1] != book
