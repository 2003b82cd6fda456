"""Does this machine have what the lessons need? Lesson 0 asks, and says what to do where it has not.

PyTorch and Keras may still be on their way: `course.py start` opens lesson 0 first and fetches them meanwhile.
"""

from __future__ import annotations

import contextlib
import html
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from IPython.display import HTML, display

from lessonlib import runs, storage

#: What must be installed, and for which lessons.
PACKAGES = dict.fromkeys(("numpy", "matplotlib", "ipywidgets", "anywidget", "scikit-learn"), "every lesson")
PACKAGES |= {"torch": "lessons with PyTorch", "keras": "lessons with Keras"}
INSTALL = "close this notebook and run `python3 course.py start` in the folder of the course"


@dataclass(frozen=True)
class Finding:
    """One line of the report: whether the lessons can use its subject, and what to do if not."""

    subject: str
    ok: bool
    detail: str
    remedy: str
    on_its_way: bool = False

    def __str__(self) -> str:
        if self.on_its_way:
            return f"{self.subject:30} on its way; a lesson that needs it waits for it"
        return f"{self.subject:30} {'ok' if self.ok else 'MISSING. To do: ' + self.remedy}"


def report() -> list[Finding]:
    """Look at Python, packages, recordings and the learner's folder; on a good machine each line is the same."""
    course = f"start Jupyter in the folder of the course, or set {runs.FOLDER_VARIABLE} to its notebooks/recordings"
    version, own = platform.python_version(), f"set {storage.HOME_VARIABLE} to a folder that you may write to"
    return [
        Finding("Python", sys.version_info >= (3, 11), version, f"install Python 3.11 or newer, then {INSTALL}"),
        *_packages(),
        _place("recorded runs", runs.recordings_folder, lambda folder: any(folder.glob("*.npz")), course),
        _place("a place for your answers", storage.learner_folder, lambda folder: os.access(folder, os.W_OK), own),
    ]


def _packages() -> Iterator[Finding]:
    for name, lessons in PACKAGES.items():
        how_far, version = _being_fetched(name), ""
        if how_far is None:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                version = importlib.metadata.version(name)
        on_its_way = how_far is not None
        yield Finding(f"{name} ({lessons})", on_its_way or bool(version), how_far or version, INSTALL, on_its_way)


def _place(subject: str, find: Callable[[], Path], is_usable: Callable[[Path], bool], remedy: str) -> Finding:
    try:
        folder = find()
    except OSError as error:
        return Finding(subject, False, str(error), remedy)
    return Finding(subject, is_usable(folder), str(folder), remedy)


class FrameworkMissing(ImportError):
    """A framework is not there and nobody is fetching it; shown in a notebook as its message alone."""

    def _render_traceback_(self) -> list[str]:  # what IPython prints in place of a traceback
        return [str(self)]


def need(*frameworks: str, every: float = 1.0) -> None:
    """Return when the frameworks can be imported; while one is being fetched, wait and show how far it is."""
    shown = None
    for name in frameworks:
        while (how_far := _being_fetched(name)) is not None:
            shown = shown or display(HTML(""), display_id=True)
            how_far = html.escape(how_far) or "soon"
            shown.update(HTML(f"<p>This lesson needs {name}, which is being fetched: {how_far} ...</p>"))
            time.sleep(every)
        importlib.invalidate_caches()
        if importlib.util.find_spec(name) is None:
            why = _progress()[0].get(name, "")
            reason = why.strip().splitlines()[-1] if why not in {"", "waiting", "fetching", "ready"} else ""
            to_do = reason or f"To have it: {INSTALL}."
            raise FrameworkMissing(f"This lesson needs {name}, which is not there. {to_do}")
    if shown:
        shown.update(HTML(f"<p>{' and '.join(frameworks)}: ready.</p>"))


def _being_fetched(framework: str) -> str | None:
    """Return how far the fetching of a framework is, or None if it is not being fetched."""
    parts, text, age = _progress()
    if age > 15 or parts.get(framework) not in {"waiting", "fetching"}:  # a note that stands still: nobody fetches
        return None
    return text if parts[framework] == "fetching" else ""


def _progress() -> tuple[dict[str, str], str, float]:
    """Return what `course.py` notes while it installs into this environment: state by part, how far, seconds since."""
    note = Path(sys.prefix) / "course" / "progress.json"
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        return dict(content["parts"]), str(content["text"]), time.time() - note.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return {}, "", float("inf")
