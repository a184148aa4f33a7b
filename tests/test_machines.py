"""A page's numbers are those of every x86-64 machine, not only of its builder's.

Sums of floating-point numbers depend on their order, and this on the instructions and
the threads at hand. So each module runs again with other ones, and must print the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from weave import build
from weave.build import Woven
from weave.runner import cores

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.stem for path in (ROOT / "snippets").glob("*.py"))
#: Without AVX2 and on one thread; with AVX2 at most and on two threads.
MACHINES = {
    "plain": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OMP_NUM_THREADS": "1",
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_CBWR": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OMP_NUM_THREADS": "2",
    },
}


@pytest.fixture(scope="module")
def woven() -> Woven:
    """The results that the pages show."""
    return build.weave(build.read_book(ROOT))


@pytest.fixture(scope="module")
def printed(
    woven: Woven, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], Future[str]]]:
    """What each module prints on each machine; as many run at once as there are cores.

    The longest begin first, as they bound the rest.
    """
    with ThreadPoolExecutor(cores()) as pool:
        yield {
            (name, machine): pool.submit(run, name, machine, tmp_path_factory)
            for name in sorted(MODULES, key=lambda name: -woven.results[name].seconds)
            for machine in MACHINES
        }


def run(name: str, machine: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a module prints on a machine, or the error that ends it."""
    settings = {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0", **MACHINES[machine]}
    done = subprocess.run(
        [sys.executable, str(ROOT / "snippets" / f"{name}.py")],
        cwd=tmp_path_factory.mktemp(f"{name}-{machine}"),
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_module_prints_the_same_on_another_machine(
    name: str,
    machine: str,
    woven: Woven,
    printed: dict[tuple[str, str], Future[str]],
) -> None:
    shown = [f"{cell.output}\n" for cell in woven.results[name].cells if cell.output]
    assert printed[name, machine].result() == "".join(shown)
