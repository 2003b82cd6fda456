"""The folder of a class: what is handed out, who is in it, and where grading finds and puts things.

It is an nbgrader course folder at the same time, so that nbgrader's exchange and its own autograder work in it. What is
in it: ``docs/teachers-guide.md``. The command makes it:

    python3 course.py derive              write the public student notebooks, exercises/exercise_NN_name.ipynb
    python3 course.py derive --class X    make the folder X of a class, with numbers and hidden tests of its own
    python3 course.py derive 1 3          only these
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import secrets
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exercises.grading import corpus, derive, exercise, sandbox_reader
from exercises.grading.exercise import ExerciseError, Question
from exercises.grading.repair import Cell

NBGRADER_CONFIG = f'''"""nbgrader's settings for this class; written by `course.py derive --class`."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "loss-and-accuracy"
c.CourseDirectory.root = {{root!r}}
c.ClearSolutions.code_stub = {{{{"python": {derive.STUB!r}}}}}
c.ClearSolutions.text_stub = {derive.WRITE_HERE!r}
c.OverwriteCells.add_missing_cells = True
c.ExecutePreprocessor.timeout = 60
'''


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
            said = f"{folder} is not the folder of a class (no secret.txt): python3 course.py derive --class {folder}"
            raise ExerciseError(said) from None
        if len(secret) < 16:
            raise ExerciseError(f"{folder / 'secret.txt'} holds {len(secret)} characters, a secret has at least 16.")
        return cls(folder.resolve(), secret)

    @classmethod
    def make(cls, folder: Path, sources: Iterable[Path], *, secret: str | None = None) -> Classroom:
        """Make the folder of a class, or write its notebooks anew with the secret that it has."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # learners may have accounts on the same machine
        sources, secret = list(sources), secret or secrets.token_hex(16)
        settings = Path(__file__).with_name("class.toml").read_text(encoding="utf-8")
        settings = settings.replace("EXERCISE", sources[0].stem)
        for name, text in {"secret.txt": f"{secret}\n", "class.toml": settings}.items():
            if not (folder / name).exists():
                (folder / name).write_text(text, encoding="utf-8")
        (folder / "secret.txt").chmod(0o600)
        classroom = cls.open(folder)
        config = NBGRADER_CONFIG.format(root=str(classroom.folder))
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
        for path in sources:
            source, stem = exercise.read(path), path.stem
            solved = derive.nbgrader_notebook(source, classroom.secret)
            for place, text in {
                f"source/{stem}/{stem}.ipynb": derive.text(solved),
                f"release/{stem}/{stem}.ipynb": derive.text(derive.student_notebook(solved)),
                f"solutions/{stem}.ipynb": derive.text(derive.solution_notebook(solved)),
                f"solutions/{stem}.md": "\n\n".join(cell.source for cell in source.with_role("rubric")) + "\n",
            }.items():
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).write_text(text, encoding="utf-8", newline="\n")
        return classroom

    @property
    def stems(self) -> list[str]:
        """The exercises that were handed out."""
        found = (self.folder / "release").glob("*/*.ipynb")
        return sorted(path.stem for path in found if path.stem == path.parent.name)

    def released(self, stem: str) -> list[Cell]:
        """Return the cells of the notebook that the class got, as `sandbox_reader` tells them."""
        path = self.folder / "release" / stem / f"{stem}.ipynb"
        return sandbox_reader.notebook(path.read_bytes())["cells"]

    def key(self, stem: str) -> list[Question]:
        """Return the questions of an exercise with what this class's grading asks, and with the mistakes it knows."""
        return corpus.key_with_mistakes(exercise.load(stem), self.secret)


# ------------------------------------------------------------------------------------------------------- who is in it


def read_table(path: Path) -> list[list[str]]:
    """Return the rows of a table that the teacher wrote, none if there is no file; semicolons do for commas."""
    try:
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except UnicodeDecodeError:
        raise ExerciseError(f"{path} is not in UTF-8. Save it anew from the spreadsheet, as 'CSV UTF-8'.") from None
    heading = text.partition("\n")[0]
    sign = ";" if heading.count(";") > heading.count(",") else ","
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign) if any(map(str.strip, row))]


def read_records(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table by its heading."""
    heading, *rows = read_table(path) or [[]]
    return [dict(zip(heading, row, strict=False)) for row in rows]


#: The columns of ``students.csv`` that tables for upload need, each with the names that it has in exports.
COLUMNS = {
    "name": ("name", "student", "full name", "display name"),
    "first": ("first name", "firstname", "given name"),
    "last": ("last name", "lastname", "surname", "family name"),
    "id": ("id", "canvas id", "canvas user id"),
    "sis": ("sis user id", "id number", "idnumber", "student id", "sid"),
    "login": ("sis login id", "login", "username", "user", "github", "github username"),
    "email": ("email", "email address", "e-mail"),
    "section": ("section",),
}


@dataclass(frozen=True)
class Roster:
    """The learners of a class."""

    rows: Mapping[str, dict[str, str]]  # by the learner's name, what `COLUMNS` names and the file holds

    @classmethod
    def load(cls, path: Path) -> Roster:
        """Read the file; without one, nobody is known. Without a heading, its first column holds the names."""
        table = read_table(path)
        known = {alias: column for column, aliases in COLUMNS.items() for alias in aliases}
        heading = [known.get(cell.strip().casefold(), "") for cell in table[0]] if table else []
        table, heading = (table[1:], heading) if any(heading) else (table, ["name"])
        rows: dict[str, dict[str, str]] = {}
        for cells in table:
            row = {column: cell.strip() for column, cell in zip(heading, cells, strict=False) if column}
            name = row.get("name") or " ".join(filter(None, (row.get("first"), row.get("last"))))
            name = name or row.get("login") or row.get("email", "")
            if name in rows:
                raise ExerciseError(f"{path}: two learners are called {name!r}; tell them apart in the first column.")
            if name and name not in ("Points Possible", "Student, Test"):  # Canvas's own lines
                rows[name] = row
        return cls(rows)

    def names(self) -> dict[str, str]:
        """Return every way to write a learner, as `plain` leaves it, with the learner's name; ambiguous ones lack."""
        found: dict[str, set[str]] = {}
        for name, row in self.rows.items():
            parts = re.split(r"[,\s]+", name)
            both = (f"{row.get('first', '')} {row.get('last', '')}", f"{row.get('last', '')} {row.get('first', '')}")
            ids = (row.get(column, "") for column in ("id", "sis", "login", "email"))
            for way in (name, " ".join([*parts[1:], parts[0]]), *both, *ids):
                found.setdefault(plain(way), set()).add(name)
        return {way: next(iter(names)) for way, names in found.items() if way and len(names) == 1}


def plain(text: str) -> str:
    """Return a name without what platforms change in it: case, accents' encoding, spaces and signs.

    >>> plain("Lovelace, Ada")
    'lovelaceada'
    """
    return "".join(sign for sign in unicodedata.normalize("NFC", text).casefold() if sign.isalnum())


# ------------------------------------------------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python3 course.py derive", description="Derive the notebooks of the exercises from their sources."
    )
    parser.add_argument("exercises", nargs="*", help="numbers or names; without any, all")
    parser.add_argument("--class", dest="classroom", type=Path, help="make or renew the folder of a class")
    words = parser.parse_args(arguments)
    try:
        paths = exercise.sources(words.exercises)
        if words.classroom:
            Classroom.make(words.classroom, paths)
            print(f"{words.classroom}: hand out what is in release/; keep the rest to yourself, secret.txt above all")
        else:
            for path, said in derive.public_notebooks(paths).items():
                path.write_text(said, encoding="utf-8", newline="\n")
                print(path.relative_to(exercise.FOLDER.parent))
    except ExerciseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
