"""No code of the book takes an accelerator for granted."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

SNIPPETS = Path(__file__).parents[1] / "snippets"
MODULES = sorted(SNIPPETS.glob("*.py"))
KINDS = {"cuda", "xpu", "mps", "hip"}
ASKS = {"is_available", "is_built", "type"}  # what a condition asks a device for


def unguarded(code: str) -> list[str]:
    """The places where code asks for one kind of device without asking whether it is.

    A place is guarded below an `if` that asks, in a function which returns first if the
    device is of another kind, or inside a call of `attempt`, which shows the error.
    """
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in _unguarded(ast.parse(code))
        if isinstance(node, ast.expr)
    ]


def _unguarded(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and _asks(node.test):
        return
    if isinstance(node, ast.IfExp) and _asks(node.test):
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "attempt":
        return
    if isinstance(node, ast.FunctionDef):
        first = next((each for each in node.body if isinstance(each, ast.If)), None)
        returns = first is not None and isinstance(first.body[-1], ast.Return)
        if first is not None and returns and _asks(first.test):
            return
    if _asks_for_device(node):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child)


def _asks(test: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Attribute) and each.attr in ASKS for each in ast.walk(test)
    )


def _asks_for_device(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        owner = ast.unparse(node.func.value)
        if node.func.attr in KINDS and owner != "torch":
            return True  # tensor.cuda()
        if owner in {f"torch.{kind}" for kind in KINDS} and node.func.attr not in ASKS:
            return True  # torch.cuda.Stream()
    given = [*node.args, *(each.value for each in node.keywords)]
    named = [
        each.value.partition(":")[0]
        for each in given
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    # A device that is only named, to be looked at, is on no machine.
    is_name = ast.unparse(node.func) in {"torch.device", "print"}
    return bool(KINDS & {*named}) and not is_name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_device_is_taken_for_granted(path: Path) -> None:
    assert unguarded(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("x.cuda()", 1),
        ("x.to('cuda:0')", 1),
        ("torch.ones(2, device='mps')", 1),
        ("torch.cuda.Stream()", 1),
        ("def f(x):\n    return x.cuda()", 1),
        ("if n > 3:\n    x.cuda()", 1),
        ("if torch.cuda.is_available():\n    x.cuda()", 0),
        ("def f(s):\n    if device.type != 'cuda':\n        return s\n    s.cuda()", 0),
        ("attempt(lambda: x.cuda())", 0),
        ("y = x.pin_memory() if device.type == 'cuda' else x", 0),
        ("torch.cuda.is_available()", 0),
        ("x.to(device)", 0),
    ],
)
def test_the_rule_finds_what_it_should(code: str, count: int) -> None:
    assert len(unguarded(code)) == count


@pytest.fixture(scope="module")
def lab() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("lab", SNIPPETS / "lab.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lab"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["lab"]


def test_what_chapters_share_computes_on_the_device_of_its_arguments(
    lab: ModuleType,
) -> None:
    with torch.device("meta"):
        samples, labels = torch.empty(7, 2), torch.empty(7)
        weights = torch.empty(5, 9)
    columns = lab.columns(samples)
    assert (columns.device.type, columns.shape) == ("meta", (3, 7))
    hidden = weights[..., :6].unflatten(-1, (2, 3))
    output = weights[..., 6:].unflatten(-1, (1, 3))
    for_hidden, for_output = lab.gradients(hidden, output, columns, labels)
    for result, shape in [
        (lab.predict(weights, columns), (5, 7)),
        (lab.objective(weights, columns, labels), (5,)),
        (lab.wrong(weights, columns, labels), (5,)),
        (for_hidden, (5, 2, 3)),
        (for_output, (5, 1, 3)),
    ]:
        assert (result.device.type, result.shape) == ("meta", shape)
