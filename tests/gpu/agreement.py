"""Runs a module on one device, and compares what two devices gave.

Works wherever torch and the module's packages are; needs no MkDocs.

Tolerance: what is printed must be the same to the letter, but for the device's name.
The tensors and networks that a module leaves behind must agree to a relative 1e-3 or an
absolute 1e-4, as sums in `float32` come out a little different in another order.
Measured cells are left out: pages show the recordings of each device beside each other.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import pickle
import re
import subprocess
import sys
import tempfile
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from weave import record
from weave.model import Cell
from weave.read.book import read_book

ROOT = Path(__file__).parents[2]
RELATIVE, ABSOLUTE = 1e-3, 1e-4
KINDS = re.compile(r"\b(cuda|xpu|mps)(:\d+)?\b")
Values = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Run:
    """What a module printed, cell by cell, and the numbers that it left, on the CPU."""

    outputs: dict[str, str]
    values: dict[str, torch.Tensor]


def accelerator() -> str | None:
    """The type of the accelerator that torch finds on this machine, if any."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return found.type if found else None


def shown_apart() -> dict[str, list[str]]:
    """The cells, by module, of which pages show what each device gave."""
    return record.marked(read_book(ROOT), accelerator() or "any")


def modules() -> list[str]:
    """The names of all modules."""
    return sorted(read_book(ROOT).sources)


def run(module: str, *, on_cpu: bool) -> Run:
    """Run a module in a process of its own, on the accelerator or without it.

    Raises:
        AssertionError: It failed; the message is what it printed as it did.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "run.pickle"
        command = [sys.executable, "-m", "tests.gpu.agreement", module, str(kept)]
        done = subprocess.run(
            [*command, "cpu" if on_cpu else "accelerator"],
            cwd=ROOT,
            env={**os.environ, "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        loaded: Run = pickle.loads(kept.read_bytes())  # written a moment ago, by us
        return loaded


def run_cells(cells: tuple[Cell, ...], path: Path) -> Run:
    """Run the cells of a module here, one after the other, as one program."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    sys.path.insert(0, str(path.parent))
    torch.manual_seed(0)  # of what a module draws, prints nowhere, and leaves behind
    outputs = {}
    for cell in cells:
        printed = io.StringIO()
        code = compile("\n" * (cell.line - 1) + cell.code, str(path), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, main.__dict__)  # the book's own code
        outputs[cell.name] = printed.getvalue()
    return Run(outputs, numbers(vars(main)))


def numbers(names: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """All tensors and states of modules among the names, as `float64` on the CPU."""
    found = {}
    for name, value in names.items():
        if isinstance(value, torch.Tensor) and value.device.type != "meta":
            found[name] = value.detach().cpu().to(torch.float64)
        elif isinstance(value, torch.nn.Module):
            for key, each in value.state_dict().items():
                if each.device.type != "meta":
                    found[f"{name}.{key}"] = each.cpu().to(torch.float64)
    return found


def different_outputs(one: Run, other: Run, apart: list[str]) -> list[str]:
    """The cells, but for those shown apart, in which two runs print other things."""
    return [
        f"{name}:\n{text}is on the other device\n{other.outputs.get(name)}"
        for name, text in one.outputs.items()
        if name not in apart and plain(text) != plain(other.outputs.get(name, ""))
    ]


def assigned(module: str, cells: list[str]) -> set[str]:
    """The names to which the named cells of a module give values."""
    source = read_book(ROOT).sources[module]
    return {
        node.id
        for cell in source.cells
        if cell.name in cells
        for node in ast.walk(ast.parse(cell.code))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def plain(text: str) -> str:
    """The text with every device called `cpu`."""
    return KINDS.sub("cpu", text)


def different_numbers(one: Values, other: Values, measured: set[str]) -> list[str]:
    """The names, but for measured ones, whose numbers do not agree."""
    found = []
    for name in sorted(set(one) - measured):
        a, b = one[name], other.get(name)
        if b is None:
            found.append(f"{name} is missing on the other device")
        elif a.shape != b.shape:
            found.append(f"{name} has shape {tuple(a.shape)}, then {tuple(b.shape)}")
        elif not torch.allclose(a, b, RELATIVE, ABSOLUTE, equal_nan=True):
            found.append(f"{name} differs by up to {(a - b).abs().max().item():.2g}")
    return found


def without_accelerator() -> None:
    """Let torch find none in this process."""

    def none(check_available: bool = False) -> None:
        """Give no device."""

    torch.accelerator.current_accelerator = none
    torch.accelerator.is_available = lambda: False
    torch.cuda.is_available = lambda: False


def main() -> None:
    """Run one module, as `run` asks for it."""
    module, kept, device = sys.argv[1:]
    source = read_book(ROOT).sources[module]
    if device == "cpu":
        without_accelerator()
    ran = run_cells(source.cells, source.path)
    sys.modules["__main__"] = types.ModuleType("__main__")
    Path(kept).write_bytes(pickle.dumps(Run(ran.outputs, ran.values)))


if __name__ == "__main__":
    # The class that is pickled must not be that of this __main__.
    from tests.gpu import agreement

    agreement.main()
