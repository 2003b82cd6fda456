"""Does this machine have what the lessons need? Lesson 0 asks, and says what to do where it has not."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lessonlib import runs, storage

#: What must be installed for every lesson, and for some.
REQUIRED = ("numpy", "matplotlib", "ipywidgets", "anywidget", "scikit-learn")
FRAMEWORKS = {"torch": "lessons 1, 3 and 6", "keras": "lessons 1, 3, 4 and 9"}
INSTALL = "close this notebook and run `python3 course.py start` in the folder of the course"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    subject : str
        What was looked at.
    ok : bool
        Whether the lessons can use it.
    detail : str
        Which version or place was found; differs from machine to machine.
    remedy : str
        What to do if it is not ok.
    """

    subject: str
    ok: bool
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.subject:30} {'ok' if self.ok else 'MISSING. To do: ' + self.remedy}"


def report() -> list[Finding]:
    """Look at Python, the packages, the recordings and the learner's folder, importing nothing heavy.

    Returns
    -------
    list of Finding
        Each prints as one line that is the same on every machine that has what is needed.
    """
    course = f"start Jupyter in the folder of the course, or set {runs.FOLDER_VARIABLE} to its notebooks/recordings"
    own = f"set {storage.HOME_VARIABLE} to a folder that you may write to"
    return [
        _python(),
        *_packages(),
        _place("recorded runs", runs.recordings_folder, lambda folder: any(folder.glob("*.npz")), course),
        _place("a place for your answers", storage.learner_folder, lambda folder: os.access(folder, os.W_OK), own),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer, then " + INSTALL)


def _packages() -> Iterator[Finding]:
    wanted = dict.fromkeys(REQUIRED, "every lesson") | FRAMEWORKS
    for name, lessons in wanted.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = ""
        yield Finding(f"{name} ({lessons})", bool(version), version, INSTALL)


def _place(subject: str, find: Callable[[], Path], is_usable: Callable[[Path], bool], remedy: str) -> Finding:
    try:
        folder = find()
    except OSError as error:
        return Finding(subject, False, str(error), remedy)
    return Finding(subject, is_usable(folder), str(folder), remedy)
