"""Which machine this is, in words, and whether it has time to measure."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from weave.results import Result
from weave.run import pool

BUSY = 0.3  # of the cores
OPTIONAL = ("torchvision",)  # which the book's own environment lacks


def best_device() -> str:
    """The type of the accelerator that torch finds here, else `cpu`."""
    import torch

    found = torch.accelerator.current_accelerator(check_available=True)
    return found.type if found else "cpu"


def is_idle(patience: float = 180.0) -> bool:
    """Wait until this machine has little else to do; gives whether it came to that.

    Args:
        patience: Seconds to wait; the machine's load is a mean over the last minute.
    """
    if not hasattr(os, "getloadavg"):  # on Windows
        return True
    end = time.monotonic() + patience
    while os.getloadavg()[0] > BUSY * pool.cores():
        if time.monotonic() > end:
            return False
        print("waiting until other programs have ended", flush=True)
        time.sleep(min(15.0, patience / 3))
    return True


def describe(device: str) -> dict[str, Any]:
    """The device of this machine: its type, its name, and what else tells of it."""
    import torch

    facts: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}"}
    facts["threads"] = pool.cores()
    name = _processor()
    if device != "cpu":
        facts["CPU"] = name
        module = torch.get_device_module(device)
        get_name = getattr(module, "get_device_name", None)
        name = str(get_name()) if get_name else f"{device} of {name}"
        if device == "cuda":
            facts["driver"] = _driver() or "unknown"
            kind = "CUDA" if torch.version.cuda else "ROCm"
            facts[kind] = torch.version.cuda or torch.version.hip
    return {"device": device, "name": name, "facts": facts}


def versions(result: Result) -> dict[str, str]:
    """The versions that matter to what is measured, by name."""
    versions = dict(result.versions)
    found = {"PyTorch": versions.get("torch", ""), "Python": versions["python"]}
    return found | {name: versions[name] for name in OPTIONAL if name in versions}


def _processor() -> str:
    """The name of this machine's processor, as it tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        told = ""
    found = re.search(r"^model name\s*:\s*(.+)$", told, re.M)
    return found[1].strip() if found else platform.processor() or platform.machine()


def _driver() -> str | None:
    """The version of the Nvidia driver, or None."""
    ask = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.split("\n")[0].strip() or None
