"""What every test run has in common, whichever files are named: notebooks and tests meet the environment of the build.

No test may touch the learner's own files or reach the network, and a notebook must give what it gave when it was built.
"""

from __future__ import annotations

import importlib
import os
import tempfile

import pytest

from notebooks.build import notebook_environment

pytest_plugins = ["tests.outside", "tests.lessons_once"]

HOME = pytest.StashKey[tempfile.TemporaryDirectory]()


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before any test module, or any kernel of nbval, starts (in each worker of xdist too)."""
    config.stash[HOME] = tempfile.TemporaryDirectory(prefix="lesson-tests-", ignore_cleanup_errors=True)
    os.environ.update(notebook_environment(config.stash[HOME].name))
    importlib.import_module("lessonlib.keras_recorder")  # before a test loads TensorFlow: what must come first is there


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the tests left in the temporary home."""
    config.stash[HOME].cleanup()
