"""What a chapter's block may print, as the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pytest_codeblocks")
from tests.blocks import outputs

SNIPPET = "<!-- snippet: page.py#cell -->\n"
OUTPUT = "<!--pytest-codeblocks:expected-output-->\n```text\ncpu\n```\n"
RECORDED = """
<!-- recorded -->

Recorded on 2026-11-24 on a GPU:

```text
cuda
```

<!-- end of recorded -->
"""


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("Text.\n", [""]),
        ("", [""]),
        (OUTPUT, ["cpu\n"]),
        (OUTPUT + RECORDED, ["cpu\n", "cuda\n"]),
        (
            OUTPUT + RECORDED.replace(" recorded -->", "recorded-->", 1),
            ["cpu\n", "cuda\n"],
        ),
        (RECORDED, None),
    ],
)
def test_the_page_says_what_a_block_may_print(
    tmp_path: Path, below: str, expected: list[str] | None
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{SNIPPET}```python\nprint(device)\n```\n\n{below}")
    assert outputs(page) == {4: expected}


def test_a_longer_fence_ends_where_it_says(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f'{SNIPPET}````python\ntext = """\n```\n"""\n````\n\n{RECORDED}')
    assert outputs(page) == {2: None}
