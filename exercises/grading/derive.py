"""Derive the notebooks of the exercises from their sources.

python3 course.py derive              write the public student notebooks, exercises/exercise_NN_name.ipynb
python3 course.py derive --check      change nothing; fail when one is not what its source says
python3 course.py derive --class X    make the folder X of a class, with numbers and hidden tests of its own
python3 course.py derive 1 3          only these
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from exercises.grading import exercise, notebooks
from exercises.grading.classroom import Classroom
from exercises.grading.exercise import ExerciseError


def public_notebook(path: Path) -> str:
    """Return the text of the student notebook that everybody gets."""
    return notebooks.text(notebooks.student_notebook(notebooks.nbgrader_notebook(exercise.read(path))))


def write_public(paths: Iterable[Path]) -> None:
    """Write the public student notebooks beside the sources' folder."""
    for path in paths:
        target = exercise.FOLDER / f"{path.stem}.ipynb"
        target.write_text(public_notebook(path), encoding="utf-8", newline="\n")
        print(target.relative_to(exercise.FOLDER.parent))


def stale(paths: Iterable[Path]) -> list[str]:
    """Return the names of the public notebooks that are not what their sources say."""
    targets = {path: exercise.FOLDER / f"{path.stem}.ipynb" for path in paths}
    return [
        target.name
        for path, target in targets.items()
        if not target.exists() or target.read_text(encoding="utf-8") != public_notebook(path)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 course.py derive", description=__doc__.split("\n")[0])
    parser.add_argument("exercises", nargs="*", help="numbers or names; without any, all")
    parser.add_argument("--class", dest="classroom", type=Path, help="make or renew the folder of a class")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a notebook is stale")
    words = parser.parse_args(arguments)
    try:
        paths = exercise.sources(words.exercises)
        if words.check:
            old = stale(paths)
            print(
                "\n".join(f"{name} is not what its source says: python3 course.py derive" for name in old)
                or "up to date"
            )
            return bool(old)
        if words.classroom:
            Classroom.make(words.classroom, paths)
            print(f"{words.classroom}: hand out what is in release/; keep the rest to yourself, secret.txt above all")
            return 0
        write_public(paths)
    except ExerciseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
