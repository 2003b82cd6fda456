"""Rehearse a whole cycle with a class that does not exist, and see that every submission gets what it should.

    python3 course.py cycle                    60 submissions, hostile ones among them
    python3 course.py cycle --submissions 12   fewer

It makes a class in a temporary folder (or --keep FOLDER), hands out, collects, grades, gives back and writes tables, by
the same code as the commands a teacher uses, and says how long each step took.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from exercises.grading import exercise, grade
from exercises.grading.classroom import Classroom
from exercises.grading.gradebook import Gradebook
from exercises.grading.scoring import EXPLANATION
from tools import specimens
from tools.specimens import Specimen

#: The rehearsed submissions are small; one that is not done after this was made never to end.
SECONDS = 30


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what begins, and how long it took."""
    started = time.monotonic()
    print(f"== {title}", flush=True)
    yield
    print(f"   {time.monotonic() - started:.0f} s", flush=True)


def choose(classroom: Classroom, wanted: int) -> list[tuple[str, Specimen]]:
    """Choose submissions: every attack on the first exercise, then variants of all exercises in turn."""
    sources = [exercise.read(exercise.SOURCES / f"{stem}.py") for stem in classroom.stems]
    releases = [specimens.released(classroom.folder, source.stem) for source in sources]
    hostile = [(sources[0].stem, one) for one in specimens.attacks(sources[0], releases[0])]
    turns = [
        [(source.stem, one) for one in specimens.specimens(source, release)]
        for source, release in zip(sources, releases, strict=True)
    ]
    ordinary = [one for row in itertools.zip_longest(*turns) for one in row if one]
    # Where there is room for few, they are a third attacks, always the same.
    attacks = hostile if wanted >= 2 * len(hostile) else random.Random(1).sample(hostile, wanted // 3)
    return [*itertools.islice(itertools.cycle(ordinary), wanted - len(attacks)), *attacks]


def hand_in(chosen: Sequence[tuple[str, Specimen]], folder: Path) -> dict[tuple[str, str], Specimen]:
    """Write the submissions as a learning platform would; return what each must get, by learner and exercise."""
    folder.mkdir(parents=True)
    expected = {}
    for number, (stem, specimen) in enumerate(chosen):
        student = f"student{number:03}"
        expected[student, stem] = specimen
        if specimen.content is not None:
            (folder / f"{student}_{stem}.ipynb").write_bytes(specimen.content)
    return expected


def mistakes(book: Gradebook, expected: dict[tuple[str, str], Specimen]) -> list[str]:
    """Return what is wrong with the results, one sentence for each submission that is lost or wrongly graded."""
    found = []
    for name, specimen in expected.items():
        result = book.entry(*name).result
        if (result.state == "missing") != (specimen.content is None):
            found.append(f"{name}: lost ({specimen.title})")
            continue
        lost = {mark.question for mark in result.marks if mark.fault} - {EXPLANATION}
        if lost != set(specimen.loses):
            found.append(f"{name}: {specimen.title}: should lose {sorted(specimen.loses)}, lost {sorted(lost)}")
    return found


def rehearse(folder: Path, sources: Sequence[Path], wanted: int, cores: int) -> list[str]:
    """Run the cycle in an empty folder; return what went wrong."""
    with step("derive and release"):
        classroom = Classroom.make(folder / "class", sources)
    submitted = folder / "class" / "handed-in"
    with step("hand in"):
        expected = hand_in(choose(classroom, wanted), submitted)
        students = [student for student, _ in expected]
        (classroom.folder / "students.csv").write_text("".join(f"{student}\n" for student in students))
    with step("who handed in what, grading, feedback, tables"):
        words = [str(submitted), "--class", str(classroom.folder), "--cores", str(cores), "--seconds", str(SECONDS)]
        if status := grade.main(words):
            return [f"grading ended with {status}"]
    return mistakes(Gradebook.open(classroom.folder), expected)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 course.py cycle", description=__doc__.split("\n")[0])
    parser.add_argument("exercises", nargs="*", help="numbers or names; without any, all")
    parser.add_argument("--submissions", type=grade.at_least(1), default=60)
    parser.add_argument("--cores", type=grade.at_least(1), default=grade.usable_cores())
    parser.add_argument("--keep", type=Path, help="an empty folder for the class; without, it is deleted")
    words = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rehearsal-", ignore_cleanup_errors=True) as temporary:
        wrong = rehearse(
            words.keep or Path(temporary), exercise.sources(words.exercises), words.submissions, words.cores
        )
    print(f"{words.submissions} submissions in {time.monotonic() - started:.0f} s on {words.cores} cores.")
    print("\n".join(wrong) or "Every one of them got what it should.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
