"""What is said on the error stream, and by whom.

A page cannot show it, so a module's own words there are refused. What a library says
of itself, from its own lines, is no fault of the module: it is told and stops nothing.
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import sysconfig
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

from weave.run.capture import LONGEST_OUTPUT, Capture

ENGINE = f"{Path(__file__).parents[1]}{os.sep}"
STDLIB = f"{sysconfig.get_path('stdlib')}{os.sep}"
PACKAGES = re.compile(r"[/\\](?:site|dist)-packages[/\\]")


class Errors(Capture):
    """The error stream; keeps apart what libraries say there from their own lines.

    Args:
        path: The file for what the module says.
        root: The book's root; its files are the module's, wherever it is installed.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self._root = f"{root}{os.sep}"
        self._told: list[str] = []
        super().__init__(2, path, "stderr")
        warnings.showwarning = self._warned
        plain = logging.StreamHandler.emit

        def emit(handler: Any, record: logging.LogRecord) -> None:
            stream = getattr(handler, "stream", None)
            if self._is_library(record.pathname) and _descriptor(stream) == 2:
                self._told.append(handler.format(record))
            else:
                plain(handler, record)

        setattr(logging.StreamHandler, "emit", emit)  # noqa: B010  # in this process

    def said(self) -> str:
        """What the module has written since the last call, without its root."""
        data, _ = self.take(LONGEST_OUTPUT)
        return data.decode("utf-8", "replace").strip().replace(self._root, "")

    def told(self) -> str:
        """What libraries have said of themselves since the last call."""
        text = "".join(f"{each.strip()}\n" for each in self._told).strip()
        self._told.clear()
        return text[:LONGEST_OUTPUT]

    def _stream(self, raw: Any) -> io.TextIOWrapper:
        errors = self

        class Stream(io.TextIOWrapper):
            def write(self, text: str) -> int:
                if errors._is_by_library(sys._getframe(1)):
                    errors._told.append(text)
                    return len(text)
                return super().write(text)

        return Stream(raw, encoding="utf-8", line_buffering=True)

    def _warned(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        file = file or sys.stderr
        if file is self.stream and self._is_library(filename):
            place = PACKAGES.split(filename)[-1]
            self._told.append(f"{place}:{lineno}: {category.__name__}: {message}\n")
        elif file is not None:
            file.write(
                warnings.formatwarning(message, category, filename, lineno, line)
            )

    def _is_by_library(self, frame: FrameType | None) -> bool:
        """Whether the innermost frame that is not Python's own is a library's."""
        while frame is not None:
            name = frame.f_code.co_filename
            if not self._is_library(name):
                if name.startswith((self._root, ENGINE)):
                    return False
            elif PACKAGES.search(name) or not name.startswith((STDLIB, "<")):
                return True
            frame = frame.f_back
        return False

    def _is_library(self, name: str) -> bool:
        """Whether a file of code is Python's or a package's, not the module's."""
        if PACKAGES.search(name):
            return True
        if name.startswith((self._root, ENGINE)):
            return False
        return os.path.isabs(name) or name.startswith("<frozen ")  # noqa: PTH117


def _descriptor(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, TypeError, ValueError):
        return None
