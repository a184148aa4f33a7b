"""Runs programs in empty folders, with nothing importable but one folder of packages.

Called by test_alone.py as `python -I -S alone.py PACKAGES JOBS`: PACKAGES is the only
folder on the path beside the standard library; JOBS is a JSON list of [program, folder,
output file]. The slow imports happen once; each program runs in a fork of this process.
"""

import json
import os
import sys
from pathlib import Path


def run(program: str, folder: str, output: str) -> None:
    """Run one program as its reader would; never returns."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.chdir(folder)
    sys.argv = ["page.py"]
    code = compile(Path(program).read_text("utf-8"), "page.py", "exec")
    try:
        exec(code, {"__name__": "__main__"})  # the page's own code
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  # whatever it is, it is the answer
        sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)


def main(packages: str, jobs: str) -> int:
    """Run every job, as many at once as there are cores; gives how many failed."""
    sys.path.append(packages)
    import matplotlib.pyplot as plt
    import pandas  # noqa: F401  # for the forks
    import torch._dynamo  # noqa: F401  # for the forks

    plt.switch_backend("agg")
    failed = running = 0
    for job in json.loads(Path(jobs).read_text("utf-8")):
        if running == (os.cpu_count() or 1):
            failed += os.wait()[1] != 0
            running -= 1
        if os.fork() == 0:
            run(*job)
        running += 1
    while running:
        failed += os.wait()[1] != 0
        running -= 1
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
