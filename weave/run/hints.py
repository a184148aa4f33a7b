"""What to do about an exception: more is said of those that readers' edits raise."""

from __future__ import annotations

import socket
import traceback
import urllib.error
from difflib import get_close_matches
from typing import Any

PACKAGES = {"cv2": "opencv-python", "sklearn": "scikit-learn"}


def hint_for(error: BaseException) -> str:
    """What to do about an exception that a cell has raised."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        install = f"python3 -m pip install {PACKAGES.get(package, package)}"
        return f"install the package ({install}), and name it in pyproject.toml"
    if isinstance(error, urllib.error.URLError | socket.gaierror | ConnectionError):
        return "put the data into the repository: no build may need a network"
    if isinstance(error, KeyError) and (columns := _columns(error)):
        close = get_close_matches(str(error.args[0]), columns, n=1, cutoff=0.5)
        return f"did you mean {close[0]!r}?" if close else "see the frame's columns"
    return "repair the cell, or catch the exception and print it"


def _columns(error: BaseException) -> list[str]:
    """The columns of the data frame in which the exception arose, if it was one."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        found: Any = frame.f_locals.get("self")
        if type(found).__name__ == "DataFrame":
            return [str(name) for name in found.columns]
    return []
