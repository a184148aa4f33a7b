"""On what a result was computed, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from weave.results import Recording, Result


def sentence(recording: Recording, prints: bool) -> str:
    """On what a cell was recorded, and when, as a sentence above what it printed."""
    end = ":" if prints else "."
    return f"Recorded on {recording.date} on {machine(recording)}{end}"


def machine(recording: Recording) -> str:
    """The machine of a recording and its version of PyTorch, to go into a sentence."""
    facts = dict(recording.facts)
    if recording.device == "cpu":
        kind, count = "the CPU", facts.get("threads", "1")
        told = [f"{count} thread" + "s" * (count != "1")]
    else:
        kind, names = "a GPU", ("CUDA", "ROCm", "driver")
        told = [f"{name} {facts[name]}" for name in names if name in facts]
    details = f" ({', '.join(told)})" if told else ""
    version = facts.get("PyTorch", "of an unknown version")
    further = "torchvision"  # a package that the book's own environment lacks
    version += f" and {further} {facts[further]}" if further in facts else ""
    return f"{kind} {recording.name}{details} with PyTorch {version}"


def as_markdown(text: str) -> str:
    """Text whose characters mean nothing to Markdown; plain words stay as they are."""
    text = re.sub(r"[&<$|~]", lambda found: f"&#{ord(found[0])};", text)
    return re.sub(r"[\\`*_{}\[\]>]", r"\\\g<0>", text)


def results(found: Iterable[Result]) -> str:
    """What a page's modules ran on, as a sentence.

    It holds nothing that two builds of one commit could disagree on.
    """
    found = list(found)
    versions = {name: version for each in found for name, version in each.versions}
    python = versions.pop("python", "")
    names = "".join(f", {name} {version}" for name, version in sorted(versions.items()))
    devices = ", ".join(sorted({each.device for each in found}))
    return f"This page ran on Python {python}{names}; device: {devices}."
