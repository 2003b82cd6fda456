"""The folder of a class: what is handed out, and where grading finds and puts things.

It is an nbgrader course folder at the same time, so that nbgrader's commands and its pages in JupyterHub work in it:

    secret.txt            what makes this class's numbers and hidden tests; keep it to yourself
    release/E/E.ipynb     exercise E for the learners
    source/E/E.ipynb      the solved notebook with hidden tests, for nbgrader
    solutions/E.ipynb     to show when everybody has handed in
    submitted/            what learners handed in (this or any other folder)
    results/E/S.json      what grading found out about learner S
    feedback/S/E/E.html   for the learner
    grades.csv, by-question.csv, gradebook.db, nbgrader_config.py
"""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from exercises.grading import corpus, derive, exercise
from exercises.grading.exercise import Exercise, ExerciseError, Key

NBGRADER_CONFIG = '''"""nbgrader's settings for this class; written by `course.py derive --class`."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "loss-and-accuracy"
c.CourseDirectory.root = {root!r}
c.ClearSolutions.code_stub = {{"python": {stub!r}}}
c.OverwriteCells.add_missing_cells = True
c.ExecutePreprocessor.timeout = 60
'''


@dataclass(frozen=True)
class Classroom:
    """A class's folder.

    Attributes
    ----------
    folder : Path
    secret : str
    """

    folder: Path
    secret: str

    @classmethod
    def open(cls, folder: Path) -> Classroom:
        """Open the folder of a class.

        Raises
        ------
        ExerciseError
            If it is none.
        """
        try:
            secret = (folder / "secret.txt").read_text(encoding="utf-8").strip()
        except OSError:
            raise ExerciseError(
                f"{folder} is not the folder of a class (no secret.txt): python3 course.py derive --class {folder}"
            ) from None
        if len(secret) < 16:
            raise ExerciseError(f"{folder / 'secret.txt'} holds {len(secret)} characters, a secret has at least 16.")
        return cls(folder.resolve(), secret)

    @classmethod
    def make(cls, folder: Path, sources: Iterable[Path], *, secret: str | None = None) -> Classroom:
        """Make the folder of a class, or write its notebooks anew with the secret that it has.

        nbgrader makes the learners' notebooks from what is written here, and enters them into its gradebook.
        """
        from exercises.grading import gradebook  # which needs this module

        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "secret.txt").exists():
            (folder / "secret.txt").write_text((secret or secrets.token_hex(16)) + "\n", encoding="utf-8")
            (folder / "secret.txt").chmod(0o600)
        classroom = cls.open(folder)
        config = NBGRADER_CONFIG.format(root=str(classroom.folder), stub=derive.STUB)
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
        for path in sources:
            classroom._write(exercise.read(path))
            gradebook.release(classroom, path.stem)
        return classroom

    def _write(self, source: Exercise) -> None:
        solved = derive.nbgrader_notebook(source, self.secret)
        name = f"{source.stem}.ipynb"
        for notebook, path in (
            (solved, self.folder / "source" / source.stem / name),
            (derive.solution_notebook(solved), self.folder / "solutions" / name),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(derive.text(notebook), encoding="utf-8", newline="\n")

    @property
    def stems(self) -> list[str]:
        """The exercises that were handed out."""
        return sorted(path.stem for path in (self.folder / "release").glob("*/*.ipynb"))

    def released(self, stem: str) -> NotebookNode:
        """Return the notebook that the class got."""
        return nbformat.read(self.folder / "release" / stem / f"{stem}.ipynb", as_version=4)

    def key(self, stem: str) -> list[Key]:
        """Return the questions of an exercise with what this class's grading asks, and with the mistakes it knows."""
        return corpus.key_with_mistakes(exercise.read(exercise.SOURCES / f"{stem}.py"), self.secret)

    def students(self) -> list[str]:
        """Return the learners in ``students.csv``, if there is such a file: the first column, no heading."""
        try:
            with open(self.folder / "students.csv", encoding="utf-8-sig", newline="") as file:
                return [student_name(row[0]) for row in csv.reader(file) if row and row[0].strip()]
        except FileNotFoundError:
            return []


def student_name(text: str) -> str:
    """Return a learner's name as folders and tables hold it.

    >>> student_name("Ana María ")
    'Ana_María'
    """
    return re.sub(r"[^\w.@-]+", "_", text).strip("_-. ") or "unnamed"
