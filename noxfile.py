"""Every command of this book. `nox -l` lists them; `nox -s NAME -- ARGUMENTS` runs one.

All sessions share one environment, `.nox/env`: the packages of requirements.lock and
one torch. It is made when a session first needs it, and anew when the lock changes.
With BOOK_TORCH=2.11.0, or BOOK_TORCH=newest, they use that torch, in an environment of
its own beside the standard one.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import shutil
import sys
from pathlib import Path

import nox
from filelock import FileLock, Timeout
from nox.command import CommandFailed

ROOT = Path(__file__).parent.resolve()
LOCK = ROOT / "requirements.lock"
SETTINGS = nox.project.load_toml(ROOT / "pyproject.toml")
PINNED = SETTINGS["tool"]["uv"]["constraint-dependencies"][0]  # "torch==..."
VISION = ("torch==2.14.1", "torchvision==0.29.1", "scikit-learn")


def torch_of(asked: str) -> tuple[str, Path]:
    """The requirement and the environment that a value of BOOK_TORCH stands for."""
    if asked in ("", PINNED.partition("==")[2]):
        return PINNED, ROOT / ".nox" / "env"
    if asked == "newest":
        return "torch", ROOT / ".nox" / "env-torch-newest"
    if re.fullmatch(r"\d+(\.\d+)+[\w.+]*", asked):
        return f"torch=={asked}", ROOT / ".nox" / f"env-torch-{asked}"
    sys.exit(f"BOOK_TORCH={asked}: is no version; write one such as 2.11.0, or newest")


TORCH, ENV = torch_of(os.environ.get("BOOK_TORCH", ""))
BIN, SUFFIX = (ENV / "Scripts", ".exe") if os.name == "nt" else (ENV / "bin", "")
PYTHON = BIN / f"python{SUFFIX}"
STAMP = ENV / "made-from.txt"

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "none"  # sessions use .nox/env instead
nox.options.sessions = ["tests", "lint"]


@nox.session
def serve(session: nox.Session) -> None:
    """Show the book at a local address; a saved file is on the page at once."""
    python(session, "-m", "mkdocs", "serve", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite, and every code block of the book as a reader would."""
    if session.posargs:
        python(session, "-m", "pytest", *session.posargs)
        return
    suite = ["-m", "pytest", "--codeblocks", "tests", "docs"]
    suite += ["--numprocesses=logical", "--maxprocesses=8"]
    elsewhere = "not browser and not bench"
    together(
        session,
        ["-m", "weave", "--check"],  # the tests find its results
        [*suite, "-m", f"not timed and {elsewhere}"],
        ["-m", "pytest", "tests", "-m", f"timed and {elsewhere}"],
    )


@nox.session
def weave(session: nox.Session) -> None:
    """Run the modules that changed and fill the chapters; --check only looks."""
    python(session, "-m", "weave", *session.posargs)


@nox.session
def new(session: nox.Session) -> None:
    """Make a chapter, its module and its test, green at once: `-- part/name`."""
    python(session, "house/new.py", *session.posargs)
    python(session, "-m", "weave")


@nox.session
def build(session: nox.Session) -> None:
    """Build the site, strictly, into site/."""
    python(session, "-m", "mkdocs", "build", "--strict", *session.posargs)


@nox.session
def zensical(session: nox.Session) -> None:
    """Build the same site with Zensical, the successor of Material for MkDocs."""
    python(session, "-m", "weave")
    python(session, "-m", "zensical", "build", "--clean", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, types and spelling; `-- --fix` repairs what it can."""
    fix = "--fix" in session.posargs
    together(
        session,
        ["-m", "ruff", "check", *(["--fix"] if fix else [])],
        ["-m", "ruff", "format", *([] if fix else ["--check"])],
        ["-m", "mypy"],
        ["-m", "codespell_lib", *(["--write-changes"] if fix else [])],
    )


@nox.session
def browser(session: nox.Session) -> None:
    """Open the built pages in Chromium, some in Firefox: access, layout, figures."""
    browsers = {"CHROMIUM": find_chromium(session), "FIREFOX": find_firefox(session)}
    python(session, "-m", "mkdocs", "build", "--strict")
    pages = session.posargs or ["tests/site"]
    python(session, "-m", "pytest", "-m", "browser", *pages, **browsers)


@nox.session
def gpu(session: nox.Session) -> None:
    """Test every module on this machine's accelerator, against its CPU.

    Nothing is installed where the Python of nox, or $GPU_PYTHON, has torch and pytest.
    """
    tests_of_devices = ["tests/gpu", "tests/test_devices.py", "tests/snippets"]
    with_device(session, "-m", "pytest", *(session.posargs or tests_of_devices))


@nox.session
def record(session: nox.Session) -> None:
    """Run what pages show as recorded on the best device, and keep it in recorded/."""
    with_device(session, "-m", "weave.record", *session.posargs)


@nox.session(venv_backend="virtualenv", reuse_venv=True)
def vision(session: nox.Session) -> None:
    """Record what torchvision gives, in an environment of its own; it is large."""
    session.install(*VISION)
    module = ["vision_torchvision", "--device", "cpu", "--busy"]  # it measures no time
    session.run("python", "-m", "weave.record", *module, *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure how long builds take, cold and warm, on an otherwise idle machine."""
    python(session, "benchmarks/bench.py", *session.posargs)


@nox.session(venv_backend="virtualenv", reuse_venv=True)
def lock(session: nox.Session) -> None:
    """Write requirements.lock from pyproject.toml; `-- --upgrade` renews all."""
    session.install("uv==0.13.9")
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--group", "all"),
        *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
        *("--generate-hashes", "--no-emit-package", "torch"),
        *("--no-header", "--quiet", "--output-file", LOCK.name, *session.posargs),
    )


@nox.session
def clean(session: nox.Session) -> None:
    """Delete what builds and tests leave behind, except the environment."""
    left = [".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".weave"]
    made = ["docs/figures", "docs/notebooks", "docs/programs", "docs/source", "site"]
    made += ["snippets/.ruff_cache"]
    for name in [*left, *made]:
        if (ROOT / name).exists():
            session.log(f"deleting {name}")
            shutil.rmtree(ROOT / name)


def python(session: nox.Session, *arguments: str, **extra: str) -> None:
    """Run the environment's Python, which is made first if it is missing or stale."""
    make_environment(session)
    session.run(str(PYTHON), *arguments, env=variables(**extra), external=True)


def with_device(session: nox.Session, *arguments: str) -> None:
    """Run the Python whose torch knows the accelerator, or else the environment's."""
    given = os.environ.get("GPU_PYTHON", "")
    if os.environ.get("BOOK_TORCH") and not given:
        python(session, *arguments)
        return
    if given and not shutil.which(given):
        session.error(f"GPU_PYTHON={given} is no program")
    chosen = given or sys.executable
    asked = "import matplotlib, pandas, pytest, sklearn, torch"
    try:
        session.run(chosen, "-c", asked, external=True, silent=True, log=False)
    except CommandFailed:
        if given:
            session.error(f"GPU_PYTHON={given} cannot {asked}")
        python(session, *arguments)
    else:
        session.log(f"using {chosen} and the torch that it has")
        session.run(chosen, *arguments, external=True)


def variables(**extra: str) -> dict[str, str | None]:
    """What the environment's programs see besides the variables of this process."""
    return {
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        "VIRTUAL_ENV": str(ENV),
        "PYTHONDONTWRITEBYTECODE": None,  # modules are compiled when first imported
        "NO_MKDOCS_2_WARNING": "1",  # a banner; pyproject.toml holds MkDocs below 2
        **extra,
    }


def together(session: nox.Session, *commands: list[str]) -> None:
    """Run all the commands, then fail if any of them failed."""
    make_environment(session)
    failed = []
    for command in commands:
        try:
            python(session, *command)
        except CommandFailed:
            failed.append(" ".join(command[1:]))
    if failed:
        session.error("failed: " + "; ".join(failed))


def make_environment(session: nox.Session) -> None:
    """Make the environment unless it is there and made from the very same things.

    Its stamp is written last, so an environment whose making was interrupted has
    none and is made again. A second nox waits for the first.
    """
    if sys.version_info < (3, 11):  # noqa: UP036  # nox may run on an older one
        session.error(
            f"needs Python 3.11 or later, and nox runs on {platform.python_version()}; "
            "install nox with a newer one: python3.12 -m pip install nox"
        )
    packages, book = wanted()
    if stamped() == f"{packages}\n{book}":
        return
    ENV.parent.mkdir(exist_ok=True)
    guard = FileLock(ENV.with_name(f"{ENV.name}.lock"))
    try:
        guard.acquire(timeout=0)
    except Timeout:
        session.log("another nox is making the environment; waiting for it")
        guard.acquire()
    with guard:
        made_from = stamped()
        if made_from == f"{packages}\n{book}":
            return
        STAMP.unlink(missing_ok=True)
        run = functools.partial(session.run_install, external=True, env=variables())
        # Modules are compiled when first imported: compiling all takes minutes.
        pip = [str(PYTHON), "-m", "pip", "install", "--no-compile"]
        if made_from.rpartition("\n")[0] != packages:
            session.log("making the environment, once for all sessions; torch is large")
            if ENV.exists():
                shutil.rmtree(ENV)
            run(sys.executable, "-m", "virtualenv", "--quiet", str(ENV))
            locked = ["--require-hashes", "--only-binary", ":all:", "--no-deps"]
            run(*pip, *locked, "--requirement", str(LOCK))
            # The locked packages are all that the pinned torch needs, but for CUDA on
            # Linux; another torch may replace some of them.
            run(*pip, TORCH)
        # The book itself, in place, built by the backend that is locked.
        run(*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        run(
            str(PYTHON), "-c", "import matplotlib.pyplot, pandas, sklearn, torch, weave"
        )
        STAMP.write_text(f"{packages}\n{book}", encoding="utf-8")


def wanted() -> tuple[str, str]:
    """What the environment's packages, and the book in it, are made from."""
    locked = [x for x in LOCK.read_text("utf-8").split("\n") if "    # " not in x]
    packages = [
        f"Python {sys.version} on {platform.system()} {platform.machine()}",
        f"{LOCK.name} {digest(locked)}",
        TORCH,
    ]
    return "\n".join(packages), f"the book at {ROOT} {digest(SETTINGS['project'])}"


def digest(value: object) -> str:
    """The digest of a value of strings, lists and dictionaries."""
    return hashlib.sha256(repr(value).encode()).hexdigest()


def stamped() -> str:
    """What the environment was made from, or nothing if it is not complete."""
    try:
        return STAMP.read_text(encoding="utf-8") if PYTHON.exists() else ""
    except FileNotFoundError:
        return ""


def find_chromium(session: nox.Session) -> str:
    """The path of a Chromium or Chrome: $CHROMIUM, the system's, or Playwright's."""
    given = os.environ.get("CHROMIUM", "")
    if given:
        if shutil.which(given):
            return given
        session.error(f"CHROMIUM={given} is no program")
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    make_environment(session)
    ask = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as playwright: print(playwright.chromium.executable_path)"
    )
    own = session.run(str(PYTHON), "-c", ask, external=True, silent=True)
    if own and Path(own.strip()).exists():
        return str(own.strip())
    session.error(
        "no Chromium found; install it (Debian: apt-get install chromium; elsewhere: "
        f"{BIN / 'playwright'} install chromium) or set CHROMIUM to its path"
    )


def find_firefox(session: nox.Session) -> str:
    """The path of Firefox: $FIREFOX or the system's; "" where there is none."""
    given = os.environ.get("FIREFOX", "")
    if given and not shutil.which(given):
        session.error(f"FIREFOX={given} is no program")
    for name in (given, "firefox-esr", "firefox"):
        if found := shutil.which(name):
            return found
    session.warn("no Firefox found: only Chromium will look at the pages")
    return ""
