"""Does this machine have what the lessons need? Lesson 0 asks, and says what to do where it has not."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

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
    return [_python(), *_packages(), _recordings(), _learner_folder()]


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


def _recordings() -> Finding:
    remedy = f"start Jupyter in the folder of the course, or set {runs.FOLDER_VARIABLE} to its notebooks/recordings"
    try:
        folder = runs.recordings_folder()
    except FileNotFoundError as missing:
        return Finding("recorded runs", False, str(missing), remedy)
    return Finding("recorded runs", any(folder.glob("*.npz")), str(folder), remedy)


def _learner_folder() -> Finding:
    remedy = f"set {storage.HOME_VARIABLE} to a folder that you may write to"
    try:
        folder = storage.learner_folder()
    except OSError as error:
        return Finding("a place for your answers", False, str(error), remedy)
    return Finding("a place for your answers", os.access(folder, os.W_OK), str(folder), remedy)
