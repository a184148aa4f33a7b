"""One module's process: what it may do, and its answer.

The process was forked from a parent that has only imported packages. It leads its own
process group, works in an empty folder, and answers with one JSON file: the result, or
the problem. Whatever the module does to this process dies with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import asdict
from multiprocessing import connection, forkserver, parent_process

from weave.keep.codec import to_json
from weave.model import Problem, WeaveError
from weave.run.session import Job, Session

PR_SET_PDEATHSIG = 1  # prctl(2): the signal for when the parent has ended
LARGEST_FILE = 64 << 20  # bytes a module may write to one file, its output included


def main(job: Job) -> None:
    """Run the module, write the answer, and end this process without ceremony."""
    if hasattr(os, "setsid"):
        os.setsid()
        _die_with_parent()
    os.environ.update(environment(job.device, job.threads))
    try:
        _need_device(job)
        if not job.record:  # a GPU's libraries write large files
            _limit_files()
        answer = {"result": to_json(Session(job).run())}
    except WeaveError as error:
        answer = {"problem": _as_json(error.problems[0])}
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        answer = {"problem": _as_json(_broken(job, error))}
    part = job.answer.with_suffix(".part")
    part.write_text(json.dumps(answer), encoding="utf-8")
    part.replace(job.answer)
    os._exit(0)


def _as_json(problem: Problem) -> dict[str, object]:
    told = {**asdict(problem), "path": str(problem.path)}
    return {  # what an exception says may hold half a character
        name: each.encode("utf-8", "backslashreplace").decode()
        if isinstance(each, str)
        else each
        for name, each in told.items()
    }


def _broken(job: Job, error: Exception) -> Problem:
    """The module broke what the engine stands on: its folder, its descriptors."""
    cell = None
    with suppress(OSError):
        cell = job.source.cell(job.at.read_text())
    what = f"cell {cell.name!r} breaks its process" if cell else "breaks its process"
    what += f": {type(error).__name__}: {error}"
    hint = "let it leave alone the folder and the files that it did not make"
    told = "".join(traceback.format_exception(error))
    return Problem(job.source.path, cell.line if cell else 1, what, hint, told)


def environment(device: str, threads: int = 1) -> dict[str, str]:
    """The environment in which modules run: their threads, no hash salt, no window."""
    settings = {
        "MKL_NUM_THREADS": str(threads),
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": str(threads),
        "PYTHONHASHSEED": "0",
    }
    if device == "cpu":
        settings |= {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}
    return settings


def _die_with_parent() -> None:
    """End this process group when the build that wants its result is gone."""
    parent = parent_process()
    if parent is None:
        return

    if sys.platform == "linux":  # also while the module holds Python's lock
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 9)
            # The forkserver ends when nobody holds this pipe; every worker inherits it.
            os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.killpg(0, 9)

    threading.Thread(target=watch, daemon=True).start()


def _need_device(job: Job) -> None:
    """Refuse to call results those of a device that this machine has not."""
    if job.device == "cpu":
        return
    import torch

    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None or found.type != job.device:
        what = f"this machine has no device {job.device!r}, but {found or 'only a CPU'}"
        hint = "leave --device out, or name the device that is here"
        raise WeaveError(Problem(job.source.path, 1, what, hint))


def _limit_files() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit bounds what is written there
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
