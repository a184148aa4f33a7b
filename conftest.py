"""Makes chapters tests and runs them in parallel, where what it needs is installed."""

import importlib.util
import os

# As the engine runs modules: on tensors this small, more threads wait for one another.
for variable in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A machine that only runs tests/gpu and tests/snippets needs torch and pytest alone.
pytest_plugins = [
    helper
    for needed, helper in {
        "pytest_codeblocks": "tests.blocks",
        "xdist": "tests.parallel",
    }.items()
    if importlib.util.find_spec(needed)
]
