"""The progress bar: there while modules run, silent when none does."""

from __future__ import annotations

import time

import pytest

from weave import progress


def test_nothing_is_said_when_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar():
        pass
    assert capsys.readouterr() == ("", "")


def test_each_module_gives_a_line_with_its_name_and_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.bar() as shown:
        shown.total(2)
        shown.began("tensors")
        shown.began("graphs")
        shown.ended("tensors", 1.26, True)
        shown.ended("graphs", 0.02, False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["     ran tensors in 1.3 s", "  failed graphs in 0.0 s"]


def test_a_terminal_shows_what_is_running(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress.bar() as shown:
        shown.total(1)
        shown.began("tensors")
        time.sleep(0.5)  # the bar is drawn ten times a second
        shown.ended("tensors", 1.26, True)
    err = capsys.readouterr().err
    assert "running tensors" in err
    assert "1/1" in err
    assert "ran tensors in 1.3 s" in err
