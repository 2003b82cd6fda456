"""The folder of a class: what is handed out, and where grading finds and puts things.

It is an nbgrader course folder at the same time, so that nbgrader's exchange and its own autograder work in it:

    secret.txt            what makes this class's numbers and hidden tests; keep it to yourself
    release/E/E.ipynb     exercise E for the learners
    source/E/E.ipynb      the solved notebook with hidden tests, for nbgrader
    solutions/E.ipynb     to show when everybody has handed in; E.md: how the written explanation is marked
    students.csv          who is in the class (you write it)
    class.toml            when exercises are due, what lateness costs, extensions
    corrections.csv       marks that you give yourself
    results/E/S.json      what grading has found out about learner S
    feedback/S/E/E.html   for the learner

and the tables that `gradebook` writes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbgrader.apps.api import NbGraderAPI
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from exercises.grading import corpus, exercise, notebooks, sandbox_reader
from exercises.grading.exercise import Exercise, ExerciseError, Key
from exercises.grading.repair import Cell

COURSE_ID = "loss-and-accuracy"

NBGRADER_CONFIG = '''"""nbgrader's settings for this class; written by `course.py derive --class`."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {course!r}
c.CourseDirectory.root = {root!r}
c.ClearSolutions.code_stub = {{"python": {stub!r}}}
c.ClearSolutions.text_stub = {text!r}
c.OverwriteCells.add_missing_cells = True
c.ExecutePreprocessor.timeout = 60
'''

SETTINGS = """# When the exercises are due, what lateness costs, and who may hand in later. Times are this machine's.
attempts = 3          # how many hand-ins of an exercise are graded: pages that come back are no oracle
lost_per_day = 0.1    # share of the points lost for each day begun after the due time
lost_at_most = 0.5

[due]
# {stem} = 2026-10-08T23:59:00

[extensions."Ada Lovelace"]
# {stem} = 2026-10-12T23:59:00
"""


@dataclass(frozen=True)
class Classroom:
    """A class's folder."""

    folder: Path
    secret: str

    @classmethod
    def open(cls, folder: Path) -> Classroom:
        """Open the folder of a class."""
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
        """Make the folder of a class, or write its notebooks anew with the secret that it has."""
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "secret.txt").exists():
            (folder / "secret.txt").write_text((secret or secrets.token_hex(16)) + "\n", encoding="utf-8")
            (folder / "secret.txt").chmod(0o600)
        classroom = cls.open(folder)
        sources = list(sources)
        config = NBGRADER_CONFIG.format(
            course=COURSE_ID, root=str(classroom.folder), stub=notebooks.STUB, text=notebooks.WRITE_HERE
        )
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
        if not (folder / "class.toml").exists():
            (folder / "class.toml").write_text(SETTINGS.format(stem=sources[0].stem), encoding="utf-8")
        for path in sources:
            classroom._write(exercise.read(path))
        return classroom

    def _write(self, source: Exercise) -> None:
        """Write an exercise's notebooks; nbgrader makes the learners' one and enters it into its database."""
        solved = notebooks.nbgrader_notebook(source, self.secret)
        rubric = "\n\n".join(cell.source for cell in source.with_role("rubric"))
        for path, text in (
            (self.folder / "source" / source.stem / f"{source.stem}.ipynb", notebooks.text(solved)),
            (self.folder / "solutions" / f"{source.stem}.ipynb", notebooks.text(notebooks.solution_notebook(solved))),
            (self.folder / "solutions" / f"{source.stem}.md", rubric + "\n"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        stubs = {"code_stub": {"python": notebooks.STUB}, "text_stub": notebooks.WRITE_HERE}
        directory = {"root": str(self.folder), "course_id": COURSE_ID}
        settings = {"CourseDirectory": directory, "ClearSolutions": stubs, "NbGraderAPI": {"log_level": "WARN"}}
        with _as_nbgrader_likes_it():
            answer = NbGraderAPI(config=Config(settings)).generate_assignment(source.stem)
        if not answer["success"]:
            raise ExerciseError(f"nbgrader could not release {source.stem}: {answer.get('log')}\n{answer.get('error')}")

    @property
    def stems(self) -> list[str]:
        """The exercises that were handed out."""
        return sorted(path.stem for path in (self.folder / "release").glob("*/*.ipynb"))

    def released(self, stem: str) -> list[Cell]:
        """Return the cells of the notebook that the class got, as `sandbox_reader` tells them."""
        path = self.folder / "release" / stem / f"{stem}.ipynb"
        return sandbox_reader.notebook(path.read_bytes())["cells"]

    def key(self, stem: str) -> list[Key]:
        """Return the questions of an exercise with what this class's grading asks, and with the mistakes it knows."""
        return corpus.key_with_mistakes(exercise.read(exercise.SOURCES / f"{stem}.py"), self.secret)


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
