"""The values that a page asks of a module, each an expression.

They are computed aside, in a copy of the process where it can be copied, so that what
follows in the module never knows that it was asked.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from weave.model import Asked, Problem, WeaveError
from weave.run.capture import Capture
from weave.run.watch import Watch

DIGITS = 7  # significant, of a number
FORKS = sys.platform.startswith("linux")  # elsewhere forked libraries are unreliable


def values(
    asked: Asked,
    namespace: dict[str, Any],
    watch: Watch,
    streams: tuple[Capture, ...],
    copied: bool,
) -> str:
    """The values that a page asks for, as JSON.

    Args:
        asked: The expressions, and who wants to know them.
        namespace: The module's.
        watch: Hears what the expressions ask of the world.
        streams: Where what is printed goes; an expression may print nothing.
        copied: Whether this process can be copied; what a GPU holds cannot.

    Raises:
        WeaveError: An expression raises, prints, or gives what JSON cannot hold.
    """
    if copied and FORKS:
        kind, text = _in_a_copy(lambda: _values(asked, namespace), watch)
    else:
        kind, text = _values(asked, namespace)
    if kind == "problem":
        _refuse(asked, text)
    if any(each.take(0)[1] for each in streams):
        one = "an answer" if asked.question else f"a value of the figure {asked.name!r}"
        _refuse(asked, f"{one} prints")
    return text


def _values(asked: Asked, namespace: dict[str, Any]) -> tuple[str, str]:
    found = {}
    for name, expression in asked.values:
        try:
            value = eval(expression, namespace)  # the page's own
            found[name] = str(value) if asked.question else _as_data(value)
            json.dumps(found[name], allow_nan=False)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # is told
            said = f"{type(error).__name__}: {error}"
            place = f"value {name} of the figure {asked.name!r}"
            place = f"answer {expression}" if asked.question else place
            return "problem", f"the {place} raises {said}"
    sys.stdout.flush()
    sys.stderr.flush()
    return "values", json.dumps(found, separators=(",", ":"), allow_nan=False)


def _in_a_copy(work: Callable[[], tuple[str, str]], watch: Watch) -> tuple[str, str]:
    """What the work gives in a copy of this process, which then ends."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads, which only wait
        child = os.fork()
    if child == 0:
        try:
            if "torch" in sys.modules:  # whose other threads are not copied
                sys.modules["torch"].set_num_threads(1)
            with os.fdopen(writer, "w", encoding="utf-8") as file:
                json.dump([work(), watch.told(), watch.wrote], file)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        text = file.read()
    os.waitpid(child, 0)
    if not text:
        return "problem", "a value that a page asks for ends its process"
    (kind, said), told, wrote = json.loads(text)
    watch.add(told, wrote)
    return kind, said


def _refuse(asked: Asked, what: str) -> NoReturn:
    hint = "write an expression of numbers, texts, tensors, lists and dicts"
    raise WeaveError(Problem(asked.path, asked.line, what, hint))


def _as_data(value: Any) -> Any:
    """The value as JSON can hold it; numbers with DIGITS significant digits."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {str(name): _as_data(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(each) for each in value]
    return value
