"""The picture of TensorBoard is of this code, and its caption says the truth of it."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from importlib.metadata import version

import pytest

from house import dashboard
from weave.keep.files import digest
from weave.read.book import read_book
from weave.read.recordings import code_digest


def test_the_record_belongs_to_the_picture() -> None:
    data = dashboard.PICTURE.read_bytes()
    record = dashboard.recorded()
    assert record["picture"] == digest(data)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert list(struct.unpack(">II", data[16:24])) == record["size"]
    assert len(data) <= 60_000


def test_the_picture_is_of_the_code_that_logs_today() -> None:
    hint = "the code has changed: run python -m house.dashboard"
    assert dashboard.recorded()["code"] == dashboard.code(), hint


@pytest.mark.parametrize("changed", ["run", "train", "report", dashboard.CELL])
def test_a_change_of_the_code_that_logs_makes_the_picture_old(changed: str) -> None:
    source = read_book(dashboard.ROOT).sources[dashboard.MODULE]
    cells = tuple(
        replace(cell, code=f"{cell.code}\n# changed") if cell.name == changed else cell
        for cell in source.cells
    )
    other = code_digest(replace(source, cells=cells), dashboard.CELL, dashboard.ROOT)
    assert other != dashboard.recorded()["code"]


def test_code_behind_the_logging_leaves_the_picture_new() -> None:
    source = read_book(dashboard.ROOT).sources[dashboard.MODULE]
    last = replace(source.cells[-1], code="changed = True")
    other = replace(source, cells=(*source.cells[:-1], last))
    assert code_digest(other, dashboard.CELL, dashboard.ROOT) == dashboard.code()


def test_the_caption_is_the_records_own() -> None:
    text = dashboard.CHAPTER.read_text("utf-8")
    assert dashboard.filled(text, dashboard.recorded()) == text
    other = {**dashboard.recorded(), "tensorboard": "9.9.9"}
    assert "TensorBoard 9.9.9" in dashboard.filled(text, other)


def test_the_version_is_one_that_the_lock_has_had() -> None:
    """A newer TensorBoard does not make the picture false, only older than itself."""
    taken = tuple(map(int, dashboard.recorded()["tensorboard"].split(".")[:2]))
    assert taken <= tuple(map(int, version("tensorboard").split(".")[:2]))
    assert json.loads(dashboard.RECORD.read_text("utf-8"))["date"] >= "2026-11-25"
