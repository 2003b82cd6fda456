"""Keep the grades in nbgrader's gradebook, through nbgrader's own autograder.

nbgrader restores the checks of each repaired notebook from its database, saves the scores, and afterwards its export,
its formgrader and its exchange know them. One of its steps is replaced: the notebook is not executed in nbgrader's
kernel, where a submission could read the hidden tests that stand beside it; each check gets the outcome that grading in
the sandbox has found.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbgrader.apps.api import NbGraderAPI
from nbgrader.preprocessors import CheckCellMetadata, LimitOutput, NbGraderPreprocessor, SaveAutoGrades
from sqlalchemy.exc import SAWarning
from traitlets import Unicode
from traitlets.config import Config

from exercises.grading import derive, repair
from exercises.grading.classroom import Classroom
from exercises.grading.exercise import ExerciseError
from lessonlib import storage

if TYPE_CHECKING:
    from exercises.grading.scoring import Result

#: Where the notebooks lie that nbgrader gets to see; what learners handed in stays as it was.
REPAIRED = "repaired"

#: Beside each of them; nbgrader copies it along, which tells what has been recorded.
FINGERPRINT = "fingerprint.txt"


class RecordedMarks(NbGraderPreprocessor):
    """Give each check the outcome that the sandbox found, in the place of nbgrader's `Execute`."""

    results = Unicode(help="the folder with the results").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        named = resources["nbgrader"]
        path = Path(self.results) / named["assignment"] / f"{named['student']}.json"
        marks = {mark["question"]: mark for mark in json.loads(path.read_text(encoding="utf-8"))["marks"]}
        for cell in nb.cells:
            grader = cell.metadata.get("nbgrader", {})
            if grader.get("grade"):
                cell.outputs = [_output(marks[grader["grade_id"].removeprefix("check-")])]
        return nb, resources


def _output(mark: Mapping[str, Any]) -> NotebookNode:
    """Return what a check would have shown; nbgrader takes an error for no points."""
    if not mark["fault"]:
        return nbformat.v4.new_output("stream", name="stdout", text="Right.\n")
    said = f"{mark['fault']}\nHint: {mark['hint']}"
    return nbformat.v4.new_output("error", ename="NotRight", evalue=said, traceback=said.splitlines())


def _api(classroom: Classroom, **settings: dict[str, Any]) -> NbGraderAPI:
    base = {
        "CourseDirectory": {"root": str(classroom.folder), "course_id": "loss-and-accuracy"},
        "ClearSolutions": {"code_stub": {"python": derive.STUB}},
        "NbGraderAPI": {"log_level": "WARN"},
    }
    config = Config(base)
    config.merge(Config(settings))
    return NbGraderAPI(config=config)


@contextlib.contextmanager
def _as_nbgrader_likes_it() -> Iterator[None]:
    """Let nbgrader find the program ``alembic``, which it starts by name, and spare the teacher its warnings."""
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader 0.9.6 with SQLAlchemy 2.1; the rows are written
            yield
    finally:
        os.environ["PATH"] = path


def release(classroom: Classroom, stem: str) -> None:
    """Let nbgrader make the learners' notebook of an exercise from its source, and enter it into the gradebook.

    Raises
    ------
    ExerciseError
        If nbgrader refuses.
    """
    with _as_nbgrader_likes_it():
        _succeed(_api(classroom).generate_assignment(stem), f"nbgrader could not release {stem}")


def record(results: Sequence[Result], paths: Mapping[tuple[str, str], Path | None], classroom: Classroom) -> None:
    """Enter results into the gradebook; those that are in it already cost nothing.

    Parameters
    ----------
    results : sequence of Result
    paths : mapping of (student, exercise) to Path or None
        What was handed in.
    classroom : Classroom
    """
    for stem in sorted({one.exercise for one in results}):
        new = [one for one in results if one.exercise == stem and not _is_recorded(one, classroom)]
        for one in new:
            _put_repaired(one, paths[one.student, stem], classroom)
        if new:
            api = _api(
                classroom,
                CourseDirectory={"submitted_directory": REPAIRED},
                RecordedMarks={"results": str(classroom.folder / "results")},
                Autograde={
                    "autograde_preprocessors": [
                        RecordedMarks,
                        ClearMetadataPreprocessor,
                        LimitOutput,
                        SaveAutoGrades,
                        CheckCellMetadata,
                    ]
                },
                OverwriteCells={"add_missing_cells": True},
            )
            with _as_nbgrader_likes_it():
                _succeed(api.autograde(stem, "*", force=False), f"nbgrader could not record {stem}")


def _is_recorded(result: Result, classroom: Classroom) -> bool:
    mark = classroom.folder / "autograded" / result.student / result.exercise / FINGERPRINT
    return mark.exists() and mark.read_text(encoding="utf-8") == result.fingerprint


def _put_repaired(result: Result, path: Path | None, classroom: Classroom) -> None:
    """Write the notebook that stands for a submission: repaired, or as it was handed out where there is nothing."""
    notebook = classroom.released(result.exercise)
    if result.state == "graded":
        notebook = repair.repair(notebook, repair.load(path)).notebook
    folder = classroom.folder / REPAIRED / result.student / result.exercise
    shutil.rmtree(classroom.folder / "autograded" / result.student / result.exercise, ignore_errors=True)
    text = derive.text(notebook).encode("utf-8", errors="replace")
    storage.write_atomically(folder / f"{result.exercise}.ipynb", lambda file: file.write(text))
    storage.write_atomically(folder / FINGERPRINT, lambda file: file.write(result.fingerprint.encode()))


def _succeed(answer: Mapping[str, Any], failure: str) -> None:
    if not answer["success"]:
        raise ExerciseError(f"{failure}: {answer.get('log')}\n{answer.get('error')}")
