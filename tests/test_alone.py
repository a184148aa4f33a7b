"""The page alone is enough, on any x86-64 machine: its blocks, joined, print its text.

Each chapter's blocks run as one program in an empty folder, with only the published
packages. They run as an older machine would run them: without AVX2 and on two threads.
Sums of floating-point numbers depend on their order, and this on the instructions and
the threads at hand; the engine runs modules on one thread with the best instructions
that there are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from pytest_codeblocks.main import CodeBlock, extract_from_file

from tests.blocks import outputs
from tests.measured import between_marks, without_measured

DOCS = Path(__file__).parents[1] / "docs"
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
}


def blocks_of(page: Path) -> list[CodeBlock]:
    """The page's Python blocks, read as pytest-codeblocks reads them."""
    return [each for each in extract_from_file(page) if each.syntax == "python"]


PAGES = {
    page.stem: page
    for page in sorted(DOCS.rglob("*.md"))
    if "notebooks" not in page.parts and blocks_of(page)
}

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    pytest.mark.slow,
]


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


def program_of(page: Path) -> str:
    """The page's Python blocks, joined as a reader would join them.

    Between marks stands what other machines and other runs print otherwise.
    """
    shown = outputs(page)
    return "\n".join(
        block.code if len(shown[block.lineno] or ()) == 1 else between_marks(block.code)
        for block in blocks_of(page)
    )


def outputs_of(page: Path) -> str:
    """What the page says that they print, on every machine."""
    shown = [each or [] for each in outputs(page).values()]
    return "".join(each[0] for each in shown if len(each) == 1)


def chosen(session: pytest.Session) -> list[str]:
    """The pages of which this session runs the test."""
    calls = [getattr(item, "callspec", None) for item in session.items]
    stems = {call.params.get("stem") for call in calls if call}
    return [stem for stem in PAGES if stem in stems]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the published packages and what they need, nothing else."""
    folder = tmp_path_factory.mktemp("alone") / "packages"
    folder.mkdir()
    for name in needed(PUBLISHED):
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or ()}
        for top in tops - {"..", "__pycache__"}:
            place = folder / top
            if not place.is_symlink():
                place.symlink_to(Path(str(found.locate_file(top))))
    return folder


@pytest.fixture(scope="module")
def printed(packages: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """What each page's code prints, alone, and under `errors` all tracebacks."""
    work = packages.parent
    jobs = []
    for stem in chosen(request.session):
        page = PAGES[stem]
        program = work / f"{stem}.py"
        program.write_text(program_of(page), encoding="utf-8")
        folder = work / f"{stem}-empty"
        folder.mkdir()
        jobs.append([str(program), str(folder), str(work / f"{stem}.out")])
    (work / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("alone.py")
    command = [sys.executable, "-I", "-S", str(script), str(packages)]
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    } | {"MPLBACKEND": "agg", **OTHER_MACHINE}
    done = subprocess.run(
        [*command, str(work / "jobs.json")],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    outputs = {Path(output).stem: Path(output) for _, _, output in jobs}
    return {
        stem: path.read_text("utf-8") if path.exists() else done.stderr
        for stem, path in outputs.items()
    } | {"errors": done.stderr}


@pytest.mark.parametrize("stem", PAGES)
def test_the_joined_blocks_print_what_the_page_shows(
    stem: str, printed: dict[str, str]
) -> None:
    left = without_measured(printed[stem])
    assert left == outputs_of(PAGES[stem]), printed["errors"]


def test_the_repository_is_not_importable_there(packages: Path) -> None:
    code = f"import sys; sys.path.append({str(packages)!r}); import weave"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True
    )
    assert "No module named 'weave'" in done.stderr
