"""Spreads tests over processes: what is about one chapter stays together.

Loaded where pytest-xdist is installed; it acts under `pytest --numprocesses`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


def scope_of(nodeid: str) -> str:
    """What a test is about: the name of its file, which a chapter's files share.

    Kernels that run notebooks have nothing in common and are each of its own.
    """
    file, _, test = nodeid.partition("::")
    kernel = test.partition("carries[")[2]
    return PurePosixPath(file).stem.removeprefix("test_") + kernel


class ByName(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives one process all tests of a name, so that modules and fixtures run once."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByName:
    """Keep the order of collection instead of beginning with the longest files."""
    config.option.loadscopereorder = False
    return ByName(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Begin with the names that have most slow tests, as the last ones bound the rest.

    The blocks of a page come before the tests of its module, which use their results.
    Without several processes the order stays as it is.
    """
    if hasattr(config, "workerinput"):
        slow = Counter(
            scope_of(item.nodeid) for item in items if item.get_closest_marker("slow")
        )
        items.sort(
            key=lambda item: (
                -slow[scope_of(item.nodeid)],
                item.path.suffix != ".md",
            )
        )
