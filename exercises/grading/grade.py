"""Grade what a class handed in, in parallel, and survive all of it.

How it is used: ``docs/teachers-guide.md``. It can be stopped and started again: what is graded and unchanged is not
graded again.

A submission is never judged where it runs. It computes, in the sandbox, what it answers to hidden inputs; whether that
is right is found here, from expected values that it has no way to read.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from exercises.grading import exercise, feedback, intake, lookalikes, repair, sandbox
from exercises.grading.classroom import Classroom
from exercises.grading.exercise import Exercise, ExerciseError, Question
from exercises.grading.gradebook import Gradebook, write_csv
from exercises.grading.intake import COUNTS, Handed
from exercises.grading.repair import Cell
from exercises.grading.sandbox import Limits, Sandbox, SandboxError, Stopped
from exercises.grading.scoring import EXPLANATION, Mark, Result, nothing, result_of
from lessonlib import comparing


@dataclass(frozen=True)
class Asked:
    """One exercise of a class: what was handed out and what is asked."""

    source: Exercise
    release: list[Cell]
    keys: list[Question]

    @classmethod
    def of(cls, classroom: Classroom, stem: str) -> Asked:
        return cls(exercise.load(stem), classroom.released(stem), classroom.key(stem))

    @cached_property
    def questions(self) -> list[dict]:
        return [exercise.request(key) for key in self.keys]

    @cached_property
    def fingerprint(self) -> str:
        """Identify what is asked and how it is judged."""
        asked = [[key.names, key.hint, key.library, key.tolerance, comparing.to_json(key.cases)] for key in self.keys]
        return hashlib.sha256(repr([self.source.points, *asked]).encode()).hexdigest()[:32]


def grade_one(handed: Handed, asked: Asked, box: Sandbox) -> Result:
    """Grade a submission in the sandbox: as handed in, and if that is not all right and it can be repaired, again."""
    if handed.refused:
        return nothing(handed.student, asked.source, "refused", f"Not graded. {handed.refused}")
    named, plan = (handed.student, handed.exercise), repair.as_handed_in(asked.release, handed.cells)
    outcome = box.run(plan.steps, asked.questions)
    result = result_of(*named, asked.keys, outcome, plan)
    second = repair.repaired(asked.release, handed.cells)
    if result.points < result.possible and not outcome.ended and second.steps != plan.steps:
        # One of the two counts as a whole: the better mark of each question would be two tries at each.
        repaired = result_of(*named, asked.keys, box.run(second.steps, asked.questions), second)
        if repaired.points > result.points:
            notes = [*repaired.notes, "Repaired: the cells ran in the order of the exercise, with its own set-up."]
            result = replace(repaired, notes=notes, cell_errors=result.cell_errors)
    shapes = [shape for cell in handed.cells if cell["code"] for shape in cell["shapes"]]
    text, said = repair.explanation(asked.release, handed.cells)[:20_000], "to be marked by your teacher"
    marks = [*result.marks, Mark(EXPLANATION, 0, asked.source.points[EXPLANATION], said, said)]
    return replace(result, marks=marks, shapes=shapes, explanation=text)


def _surely(handed: Handed, asked: Asked, box: Sandbox) -> Result:
    """Grade a submission; one that breaks the grader itself must not take the others with it."""
    try:
        result = grade_one(handed, asked, box)
    except Stopped:
        raise
    except Exception as error:
        note = f"Not graded: the grader failed ({type(error).__name__}: {error}). Please report it."
        result = nothing(handed.student, asked.source, "failed", note)
    return replace(
        result,
        notes=[*result.notes, *([sandbox.UNSAFE] if box.engine is sandbox.NO_ENGINE else [])],
        file=intake.printable(handed.file),
        digest=handed.digest or handed.refused,
        when=handed.when,
        asked=asked.fingerprint,
    )


def to_grade(handed: Sequence[Handed], book: Gradebook, asked: dict[str, Asked], again: bool) -> Iterator[Handed]:
    """Yield what is new, or is asked for again; a learner's attempts beyond those that count are told and left."""
    for one in handed:
        kept = book.attempts(one.student, one.exercise)
        old = next((old for old in kept if old.digest == (one.digest or one.refused)), None)
        graded = sum(old.state == "graded" for old in kept)
        if old is None and graded >= book.rules.attempts:
            print(f"{one.exercise}  {one.student}: handed in again; the first {graded} count (class.toml, attempts)")
        elif old is None or again or old.asked != asked[one.exercise].fingerprint:
            yield one


def keep(result: Result, book: Gradebook) -> None:
    """Enter a result as soon as it is there, and say so."""
    book.add(result)
    named = f"{result.exercise}  {result.student}: {result.points:g} of {result.possible:g}"
    print(f"{named}  ({result.seconds:.0f} s) {' '.join(result.notes)}"[:160].rstrip(), flush=True)


def say_who(handed: Sequence[Handed], folder: Path) -> None:
    """Print whose file is what, and keep the list as ``handed-in.csv``."""
    rows = [
        (intake.printable(one.file), one.student, one.exercise, one.fate, one.note or one.refused) for one in handed
    ]
    write_csv(folder / "handed-in.csv", ["file", "student", "exercise", "fate", "note"], rows)
    shown = [row for row in rows if not row[3].startswith("ignored") or intake.ENDING.search(row[0])]
    for file, student, stem, fate, note in shown:
        print(f"{file}: {f'{student}, {stem}' if fate == COUNTS else fate}{f' [{note}]' if note else ''}")
    counted, quiet = sum(one.fate == COUNTS for one in handed), len(rows) - len(shown)
    others = len(shown) - counted
    print(f"{counted} count, {others} notebooks do not, {quiet} other files are ignored: {folder / 'handed-in.csv'}")


def write_everything(book: Gradebook, classroom: Classroom) -> None:
    """Write tables, pages and the list of look-alikes of the whole class, and say so."""
    entries = book.entries()
    book.write_tables(entries)
    feedback.write_all(entries, classroom.folder)
    rows = []
    for stem in sorted({one.result.exercise for one in entries}):
        common = [shape for cell in classroom.released(stem) for _, shape in cell["shapes"]]
        results = [one.result for one in entries if one.result.exercise == stem]
        rows += lookalikes.find(results, exercise.load(stem), common)
    write_csv(classroom.folder / "look-alikes.csv", lookalikes.HEADING, rows)
    if rows:
        print(f"{len(rows)} look-alikes: {classroom.folder / 'look-alikes.csv'}; talk to them, it costs no marks.")
    print(f"{len(entries)} in {classroom.folder / 'grades.csv'}; pages in {classroom.folder / 'feedback'}.")
    if unread := sum(one.result.state in ("refused", "failed") for one in entries):
        print(f"{unread} could not be graded; the notes in grades.csv say why.")


# -------------------------------------------------------------------------------------------------------- the command


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_least(lowest: float) -> Callable[[str], float]:
    """Return what reads a number of the command line, whole if `lowest` is, and refuses one that is lower."""

    def number(text: str) -> float:
        found = type(lowest)(text)
        if not found >= lowest:
            raise argparse.ArgumentTypeError(f"{text} is too little: give {lowest:g} or more")
        return found

    return number


def grade(words: argparse.Namespace) -> None:
    """Find out who handed in what, grade what is new, write everything."""
    limits = Limits(seconds=words.seconds, memory=int(words.memory_gb * 2**30))
    classroom = Classroom.open(words.classroom)
    book = Gradebook.open(classroom.folder)
    hidden = [classroom.folder, words.folder.resolve()]
    with Sandbox.open(hidden, limits, unsafe=words.unsafe_no_isolation) as box:
        isolated = f"Submissions run in {box.engine.name}." if box.engine is not sandbox.NO_ENGINE else sandbox.UNSAFE
        print(isolated, flush=True)
        handed = intake.survey(words.folder, classroom, book.roster, box, cores=words.cores)
        say_who(handed, classroom.folder)
        counting = [one for one in handed if one.fate == COUNTS and words.student in (None, one.student)]
        if not counting:
            raise ExerciseError(f"{words.folder} holds no submission of {', '.join(classroom.stems)}.")
        if words.list:
            return
        asked = {stem: Asked.of(classroom, stem) for stem in sorted({one.exercise for one in counting})}
        try:
            left = list(to_grade(counting, book, asked, words.again))
            if left:
                print(f"{len(left)} of {len(counting)} submissions to grade, {words.cores} at a time.", flush=True)
                box.each(lambda one: keep(_surely(one, asked[one.exercise], box), book), left, words.cores)
        finally:
            write_everything(book, classroom)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    reader = argparse.ArgumentParser(prog="python3 course.py grade", description=__doc__.split("\n")[0])
    reader.add_argument("folder", type=Path, nargs="?", help="what was handed in")
    reader.add_argument("--class", dest="classroom", type=Path, default=Path("coursework"), help="the class's folder")
    reader.add_argument("--list", action="store_true", help="only say whose file is what")
    reader.add_argument("--student", help="only this learner")
    reader.add_argument("--again", action="store_true", help="grade even what is graded and unchanged")
    reader.add_argument("--cores", type=at_least(1), default=usable_cores(), help="how many at a time")
    reader.add_argument("--seconds", type=at_least(10), default=Limits.seconds, help="for one notebook")
    reader.add_argument("--memory-gb", type=at_least(1.0), default=Limits.memory / 2**30, help="for one notebook")
    reader.add_argument("--unsafe-no-isolation", action="store_true", help="run strangers' code as your own")
    reader.add_argument("--build-image", action="store_true", help="build the image for Docker or Podman")
    words = reader.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a learner's name may have letters that a terminal lacks
    try:
        if words.build_image:
            return sandbox.build_image()
        if words.folder is None:
            reader.error("name the folder with what was handed in")
        grade(words)
    except (ExerciseError, SandboxError, OSError) as error:  # a full disk, a folder that is only read
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Stopped):
        print("Stopped. What is graded is kept; the same command goes on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    for name in ("SIGTERM", "SIGHUP"):  # the end of a session stops the grader as Ctrl-C does, so that it cleans up
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    sys.exit(main())
