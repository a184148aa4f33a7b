"""Measures the engine on this book, as ratios within one run: `nox -s bench`.

Every row is a ratio of two things measured side by side, several times, since times
alone say more about the machine than about the engine. Works on a copy of the book.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
ROUNDS = 5
EIGHT = (
    *("neurons", "multilayer_perceptron", "naming", "tensors", "modules"),
    *("gradient_descent", "building_blocks", "devices"),
)
CONF = """
extensions = ["sphinx_gallery.gen_gallery"]
exclude_patterns = ["env", "site"]
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "made",
    "download_all_examples": False,
}
"""
COLD = """
import json, sys, time
from pathlib import Path
from weave import build
from weave.read.book import read_book
from weave.run import pool
book = read_book(Path.cwd())
begun = time.perf_counter()
woven = build.weave(book)
wall = time.perf_counter() - begun
assert not woven.failures, woven.failures
results = woven.results.values()
json.dump({
    "wall": wall,
    "longest": max(each.seconds for each in results),
    "cpu": sum(each.cpu for each in results),
    "cores": pool.cores(),
    "modules": len(woven.ran),
}, sys.stdout)
"""
WARM_START = """
import json, sys, time
from pathlib import Path
from weave import build
from weave.read.book import read_book
from weave.read.module import read_source
from weave.run import pool
root = Path.cwd()
book = read_book(root)
nothing = Path(sys.argv[1])
nothing.write_text("# %% nothing\\npass\\n")
source = read_source(nothing, root)
begun = time.perf_counter()
pool.preload(pool.needed([*book.sources.values()], root))
list(pool.run([source], root, root / ".weave"))
json.dump({"wall": time.perf_counter() - begun}, sys.stdout)
"""
# What a site without the engine needs all the same: its formulas, remembered.
FORMULAS = """
from pathlib import Path
from types import SimpleNamespace
from pymdownx.arithmatex import ArithmatexExtension
from weave.site.formulas import FormulasPostprocessor
from weave.site.katex import Formulas

formulas = Formulas(Path(".weave/formulas.json"))
here = SimpleNamespace(formulas=formulas, path=Path("page.md"))

class Alone(ArithmatexExtension):
    def extendMarkdown(self, md):
        self.setConfig("generic", True)
        super().extendMarkdown(md)
        md.postprocessors.register(FormulasPostprocessor(md, lambda md: here), "f", 35)

def makeExtension(**settings):
    return Alone(**settings)
"""


def ask(code: str, cwd: Path, *arguments: str) -> dict[str, Any]:
    """What a fresh Python process says, as JSON, after running the code."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def build_time(cwd: Path, config: str) -> float:
    """Seconds that `mkdocs build` takes with a configuration file."""
    with tempfile.TemporaryDirectory() as site:
        command = [sys.executable, "-m", "mkdocs", "build", "-q", "-f", config]
        begun = time.perf_counter()
        subprocess.run([*command, "-d", site], cwd=cwd, check=True)
        return time.perf_counter() - begun


def ran(cwd: Path) -> list[str]:
    """The modules that a build runs now."""
    code = (
        "import json, sys; from pathlib import Path;"
        "from weave import build; from weave.read.book import read_book;"
        "woven = build.weave(read_book(Path.cwd()));"
        "json.dump({'ran': woven.ran}, sys.stdout)"
    )
    return list(ask(code, cwd)["ran"])


def without_weave(copy: Path) -> str:
    """A configuration of the same site whose pages show the committed text."""
    text = (copy / "mkdocs.yml").read_text("utf-8")
    off = text.replace("  weave: {}\n", "")
    off = off.replace("  - weave.site.extension\n", "  - formulas_alone\n")
    assert "weave" not in re.sub(r"#.*", "", off)
    (copy / "off.yml").write_text(off, encoding="utf-8")
    (copy / "formulas_alone.py").write_text(FORMULAS, encoding="utf-8")
    return "off.yml"


def generated(folder: Path, count: int) -> Path:
    """A book of `count` small chapters with the site settings of this one."""
    book = folder / f"chapters-{count}"
    shutil.copytree(ROOT / "docs" / "assets", book / "docs" / "assets")
    shutil.copytree(ROOT / "overrides", book / "overrides")
    (book / "snippets").mkdir()
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    begin, end = settings.index("nav:"), settings.index("theme:")
    settings = settings[:begin] + settings[end:]
    (book / "mkdocs.yml").write_text(settings, encoding="utf-8")
    (book / "docs" / "index.md").write_text("# Home\n", encoding="utf-8")
    for number in range(count):
        code = "".join(f"# %% cell-{n}\nx = {number + n}\nprint(x)\n" for n in range(4))
        (book / f"snippets/c{number}.py").write_text(code, encoding="utf-8")
        page = f"# Chapter {number}\n" + "".join(
            f"\n{'Some words of prose, and a formula, $x^2$. ' * 10}\n\n"
            f"<!-- snippet: c{number}.py#cell-{n} -->\n```python\n```\n\n"
            "<!--pytest-codeblocks:expected-output-->\n```text\n```\n"
            for n in range(4)
        )
        (book / f"docs/c{number}.md").write_text(page, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "weave"], cwd=book, check=True)
    return book


def spread(values: list[float]) -> str:
    """The median, and the range in brackets."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def cold(copy: Path) -> tuple[str, str, str, str, bool]:
    """All modules, none remembered, against what no scheduler can beat."""
    ratios, walls = [], []
    modules = 0
    for round_ in range(3):
        shutil.rmtree(copy / ".weave", ignore_errors=True)
        start = ask(WARM_START, copy, str(copy.parent / f"nothing{round_}.py"))["wall"]
        got = ask(COLD, copy)
        bound = 1.25 * max(got["longest"], got["cpu"] / got["cores"]) + start
        ratios.append(got["wall"] / bound)
        walls.append(got["wall"])
        modules = int(got["modules"])
    good = statistics.median(ratios) <= 1
    what = f"cold weave of {modules} modules / bound"
    return what, spread(ratios), "<= 1", f"{statistics.median(walls):.1f} s", good


def warm(copy: Path, what: str = "this book") -> tuple[str, str, str, str, bool]:
    """A site with nothing changed, against the same site without the engine."""
    off = without_weave(copy)
    subprocess.run([sys.executable, "-m", "weave"], cwd=copy, check=True)
    build_time(copy, "mkdocs.yml"), build_time(copy, off)
    ons, offs = [], []
    for _ in range(ROUNDS):
        ons.append(build_time(copy, "mkdocs.yml"))
        offs.append(build_time(copy, off))
    ratios = [on / without for on, without in zip(ons, offs, strict=True)]
    good = statistics.median(ratios) <= 1.10
    told = f"{statistics.median(ons):.2f} s / {statistics.median(offs):.2f} s"
    said = f"warm build / build without weave, {what}"
    return said, spread(ratios), "<= 1.10", told, good


def prose(copy: Path) -> tuple[str, str, str, str, bool]:
    """One word of prose changed: no module runs."""
    page = sorted((copy / "docs").rglob("tensors.md"))[0]
    page.write_text(page.read_text("utf-8").replace("We ", "You ", 1), encoding="utf-8")
    names = ran(copy)
    return "modules run after a word of prose", str(len(names)), "0", "", not names


def cell(copy: Path) -> tuple[str, str, str, str, bool]:
    """One cell changed: its module runs, and those that import it."""
    module = copy / "snippets" / "drawing.py"
    module.write_text(module.read_text("utf-8") + "\n# a change\n", encoding="utf-8")
    importers = {
        path.stem
        for path in (copy / "snippets").glob("*.py")
        if re.search(r"^from drawing import", path.read_text("utf-8"), re.M)
    }
    names = set(ran(copy))
    expected = importers | {"drawing"}
    told = ", ".join(sorted(names))
    what = "modules run after a change of drawing.py"
    return what, str(len(names)), str(len(expected)), told, names == expected


def eight(folder: Path) -> Path:
    """A book of eight chapters of this one, with its site's settings."""
    book = folder / "eight"
    for name in ("docs/assets", "overrides"):
        shutil.copytree(ROOT / name, book / name)
    (book / "snippets").mkdir()
    (book / "docs" / "part").mkdir()
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    begin, end = settings.index("nav:"), settings.index("theme:")
    (book / "mkdocs.yml").write_text(settings[:begin] + settings[end:], "utf-8")
    (book / "docs" / "index.md").write_text("# Home\n", "utf-8")
    for name in EIGHT:
        page = next((ROOT / "docs").rglob(f"{name}.md"))
        shutil.copy(page, book / "docs" / "part")
        shutil.copy(ROOT / "snippets" / f"{name}.py", book / "snippets")
    return book


def gallery(folder: Path) -> Path:
    """The same eight modules as a gallery of sphinx-gallery, and its Python.

    It is installed into an environment of its own, which sees this one's packages.
    """
    place = folder / "gallery"
    (place / "examples").mkdir(parents=True)
    (place / "conf.py").write_text(CONF, "utf-8")
    (place / "index.rst").write_text("Home\n====\n\n.. toctree::\n\n   made/index\n")
    (place / "examples" / "GALLERY_HEADER.rst").write_text("Eight\n=====\n", "utf-8")
    for name in EIGHT:
        code = (ROOT / "snippets" / f"{name}.py").read_text("utf-8")
        docstring = ast.get_docstring(ast.parse(code)) or name
        body = code.partition('"""')[2].partition('"""')[2]
        text = f'"""\n{name}\n{"=" * len(name)}\n\n{docstring}\n"""\n{body}'
        (place / "examples" / f"plot_{name}.py").write_text(text, "utf-8")
    subprocess.run([sys.executable, "-m", "venv", str(place / "env")], check=True)
    found = place.glob("env/lib/python*/site-packages")
    (next(found) / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [str(place / "env" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "sphinx", "sphinx-gallery"], check=True)
    return place


def changed(path: Path, number: int) -> None:
    """Change a cheap cell, the last one of a module."""
    text = path.read_text("utf-8")
    path.write_text(f"{text}print({number})\n", encoding="utf-8")


def peer(folder: Path) -> tuple[str, str, str, str, bool]:
    """One cheap cell changed, from the command line, against sphinx-gallery."""
    book, place = eight(folder), gallery(folder)
    sphinx = [str(place / "env" / "bin" / "python"), "-m", "sphinx", "-q", "-b", "html"]
    commands = {
        book: [sys.executable, "-m", "mkdocs", "build", "-q", "-d", "site"],
        place: [*sphinx, ".", "site"],
    }
    modules = {
        book: book / "snippets" / "naming.py",
        place: place / "examples" / "plot_naming.py",
    }
    took: dict[Path, list[float]] = {book: [], place: []}
    for number in range(-1, ROUNDS):
        for each, command in commands.items():
            if number >= 0:
                changed(modules[each], number)
            begun = time.perf_counter()
            subprocess.run(command, cwd=each, check=True, capture_output=True)
            if number >= 0:
                took[each].append(time.perf_counter() - begun)
    ratios = [a / b for a, b in zip(took[book], took[place], strict=True)]
    good = statistics.median(ratios) <= 0.8
    seconds = [f"{statistics.median(took[each]):.2f} s" for each in (book, place)]
    what = "a changed cheap cell / sphinx-gallery, 8 chapters"
    return what, spread(ratios), "<= 0.8", " / ".join(seconds), good


def main() -> int:
    """Print the table; gives 1 if a bound is not held."""
    table = Table("what", "median (range)", "bound", "seconds, names", "held")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "book"
        ignored = shutil.ignore_patterns(".git", ".nox", ".weave")
        shutil.copytree(ROOT, copy, ignore=ignored)
        rows = [measure(copy) for measure in (cold, warm, prose, cell)]
        rows.append(peer(Path(folder)))
        for count in (10, 100, 400):
            book = generated(Path(folder), count)
            rows.append(warm(book, f"{count} chapters"))
    for *texts, good in rows:
        table.add_row(*texts, "yes" if good else "no")
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"{os.cpu_count()} cores, Python {sys.version.partition(' ')[0]}")
    console.print(table)
    return 0 if all(good for *_, good in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
