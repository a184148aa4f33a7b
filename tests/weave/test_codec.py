"""A result goes through JSON and comes back the same, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.weave.test_cache import RESULT
from weave.keep.codec import from_json, to_json


def test_a_result_comes_back_as_it_was() -> None:
    assert from_json(json.loads(json.dumps(to_json(RESULT)))) == RESULT


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("module",), 1, "module is not of type str"),
        (("module",), "\ud800", "module is not text without lone surrogates"),
        (("seconds",), float("nan"), "seconds is not of type float"),
        (("seconds",), float("inf"), "seconds is not of type float"),
        (("seconds",), True, "seconds is not of type float"),
        (("seconds",), "1", "seconds is not of type float"),
        (("unsettled",), 1, "unsettled is not of type bool"),
        (("cells",), None, "cells is not a list"),
        (("cells",), "ab", "cells is not a list"),
        (("cells", 0), [], "cells[0] is not an object of name, output"),
        (("cells", 0, "output"), None, "cells[0].output is not of type str"),
        (("cells", 0, "files"), [["a"]], "cells[0].files[0] is not a list of 2"),
        (("cells", 0, "more"), 1, "cells[0] is not an object of name, output"),
        (("cells", 0, "tables", 0, "rows", 0, 0), 1, ".rows[0][0] is not of type str"),
    ],
)
def test_what_is_no_result_is_told_in_which_part(
    path: tuple[str | int, ...], value: object, said: str
) -> None:
    data: Any = json.loads(json.dumps(to_json(RESULT)))
    part = data
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(ValueError, match="is not") as caught:
        from_json(data)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["module", "cells", "seconds"])
def test_what_lacks_a_part_is_no_result(name: str) -> None:
    data = to_json(RESULT)
    del data[name]
    with pytest.raises(ValueError, match="it is not complete"):
        from_json(data)


def test_what_is_nested_too_deep_is_no_result() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="is not"):
        from_json({**to_json(RESULT), "cells": deep})
