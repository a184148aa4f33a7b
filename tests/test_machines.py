"""A page's numbers are those of every x86-64 machine, not only of its builder's.

Sums of floating-point numbers depend on their order, and this on the instructions and
the threads at hand. The engine runs modules on one thread with the best instructions
that there are; here each runs without AVX2 and on two threads, and prints the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.measured import between_marks, without_measured
from weave import build
from weave.build import Woven

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.stem for path in (ROOT / "snippets").glob("*.py"))
OTHER = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OMP_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
}


@pytest.fixture(scope="module")
def woven() -> Woven:
    """The results that the pages show."""
    return build.weave(build.read_book(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_a_module_prints_the_same_on_another_machine(
    name: str, woven: Woven, tmp_path: Path
) -> None:
    source = woven.book.sources[name]
    program = tmp_path / f"{name}.py"
    codes = [
        between_marks(cell.code) if cell.name in source.measured else cell.code
        for cell in source.cells
    ]
    program.write_text("\n".join(codes), encoding="utf-8")
    settings = {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0", **OTHER}
    settings |= {"PYTHONPATH": str(ROOT / "snippets")}
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shown = [f"{cell.output}\n" for cell in woven.results[name].cells if cell.output]
    assert without_measured(done.stdout) == "".join(shown)
