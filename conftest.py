"""Makes chapters tests, where pytest-codeblocks is installed: tests/blocks.py."""

import importlib.util
import os

# As the engine runs modules: on tensors this small, more threads wait for one another.
for variable in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A machine that only runs tests/gpu and tests/snippets needs torch and pytest alone.
if importlib.util.find_spec("pytest_codeblocks"):
    pytest_plugins = ["tests.blocks"]
