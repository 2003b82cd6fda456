"""What tests want from outside the course, and what becomes of them on a machine that lacks it.

A test says what it wants: ``@pytest.mark.needs("git")``, or by taking the fixture ``browser``; a file that imports
PyTorch or Keras wants those. What is missing leaves its tests out of the run, and the last lines of the run count and
name them. Under ``CI=true`` the tests stay in and fail, unless the thing does not exist for that kind of machine.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.browser import works as browser_works


@dataclass(frozen=True)
class Outside:
    """Something that the course does not bring along.

    Attributes
    ----------
    found : callable
        Tells whether this machine has it.
    remedy : str
        What a person does to have it.
    possible : bool
        Whether this kind of machine can have it.
    """

    found: Callable[[], bool]
    remedy: str
    possible: bool = True


def program(name: str, package: str = "", *, possible: bool = True) -> Outside:
    """Return an outside thing that is a program on the path."""
    return Outside(lambda: shutil.which(name) is not None, f"install {package or name}", possible)


def module(name: str, *, possible: bool = True) -> Outside:
    """Return an outside thing that is a package of Python's."""
    return Outside(lambda: importlib.util.find_spec(name) is not None, "run `python3 course.py install`", possible)


def bubblewrap_works() -> bool:
    """Tell whether bubblewrap isolates: it may be there on a system that lets nobody make user namespaces."""
    command = ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "true"]
    return shutil.which("bwrap") is not None and subprocess.run(command, capture_output=True).returncode == 0


HERE = (platform.system(), platform.machine())
FRAMEWORKS_EXIST = HERE not in {("Darwin", "x86_64"), ("Windows", "ARM64")}
OUTSIDE = {
    "browser": Outside(browser_works, "install Chromium, Chrome or Edge, or name one in LESSONLIB_BROWSER"),
    "git": program("git"),
    "bash": program("bash", possible=os.name == "posix"),
    "node": program("node", "Node.js"),
    "docker": program("docker", possible=HERE[0] == "Linux"),
    "bwrap": Outside(bubblewrap_works, "install bubblewrap, and let users make namespaces", HERE[0] == "Linux"),
    "nbgrader": module("nbgrader"),
    "torch": module("torch", possible=FRAMEWORKS_EXIST),
    "keras": module("keras", possible=FRAMEWORKS_EXIST),
}
#: How a file, Python or notebook, shows that it wants a framework.
WANTS = {
    "torch": re.compile(r"\b(?:import|from) torch\b|lessonlib(?:\.| import [\w, ]*)training\b"),
    "keras": re.compile(r"\b(?:import|from) (?:keras|tensorflow)\b"),
}
LEFT_OUT = pytest.StashKey[dict[str, Counter[str]]]()


@cache
def missing(name: str) -> bool:
    """Tell whether this machine lacks an outside thing.

    Raises
    ------
    KeyError
        If `OUTSIDE` has no such name.
    """
    return not OUTSIDE[name].found()


def wanted_by(item: pytest.Item) -> set[str]:
    """Return the names of the outside things that a test wants."""
    marked = {name for mark in item.iter_markers("needs") for name in mark.args}
    return marked | ({"browser"} & set(getattr(item, "fixturenames", ())))


def stays(name: str) -> bool:
    """Tell whether a test that lacks this stays in the run, and fails: in CI, where it could have been installed."""
    return os.environ.get("CI") == "true" and OUTSIDE[name].possible


# ---------------------------------------------------------------------------------------------------------------- hooks


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(name, ...): what the test wants from outside; see tests/outside.py")
    config.stash[LEFT_OUT] = {}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a whole file that imports a framework which is not there: importing it would fail."""
    if collection_path.suffix not in {".py", ".ipynb"} or collection_path == Path(__file__):
        return None
    for name, pattern in WANTS.items():
        if missing(name) and not stays(name) and pattern.search(collection_path.read_text(encoding="utf-8")):
            note(config, name, collection_path)
            return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out each test that wants what is missing."""
    kept, out = [], []
    for item in items:
        lacking = sorted(name for name in wanted_by(item) if missing(name) and not stays(name))
        if lacking:
            note(config, lacking[0], item.path)
        (out if lacking else kept).append(item)
    if out:
        items[:] = kept
        config.hook.pytest_deselected(items=out)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail, in CI, with what to install instead of with what the lack leads to."""
    for name in sorted(wanted_by(item)):
        if missing(name):
            pytest.fail(f"no {name} on this machine: {OUTSIDE[name].remedy}", pytrace=False)


def note(config: pytest.Config, name: str, path: Path) -> None:
    """Count a test, or a file, that is left out."""
    config.stash[LEFT_OUT].setdefault(name, Counter())[path.name] += 1


# With pytest-xdist the workers collect, all of them the same tests, and the controller reports.
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        told = {name: dict(files) for name, files in session.config.stash[LEFT_OUT].items()}
        session.config.workeroutput["left_out"] = told


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    told = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[LEFT_OUT] |= {name: Counter(files) for name, files in told.items()}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Iterator[None]:
    """Say at the very end what was left out, and what would bring it back."""
    result = yield
    if left_out := config.stash[LEFT_OUT]:
        terminalreporter.section("left out, for want of something outside the course")
        for line in summary(left_out):
            terminalreporter.line(line)
    return result


def summary(left_out: dict[str, Counter[str]]) -> Iterator[str]:
    """Yield for each missing thing how many tests went with it, from which files, and what to do."""
    for name, files in sorted(left_out.items()):
        if name in WANTS:
            yield f"No {name}: left out whole: {', '.join(sorted(files))}."
        else:
            listed = ", ".join(f"{file} {count}" for file, count in sorted(files.items()))
            yield f"No {name}: {files.total()} tests left out ({listed})."
        yield f"    To run them: {OUTSIDE[name].remedy}."
