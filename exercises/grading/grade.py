"""Grade what a class handed in, in parallel, and survive all of it.

    python3 course.py grade FOLDER --class CLASS            grade what is new
    python3 course.py grade FOLDER --class CLASS --list     only say whose file is what
    python3 course.py grade FOLDER --class CLASS --again --student "Ada Lovelace" --question floor
    python3 course.py grade --build-image                   once, where Docker or Podman isolates

FOLDER is what the platform hands out; CLASS is the folder that ``python3 course.py derive --class CLASS`` made. The
command can be stopped and started again: what is graded and unchanged is not graded again.

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
from exercises.grading.exercise import ExerciseError, Key
from exercises.grading.gradebook import Gradebook, write_csv
from exercises.grading.intake import COUNTS, Handed
from exercises.grading.repair import Cell
from exercises.grading.sandbox import Limits, Sandbox, SandboxError, Stopped
from exercises.grading.scoring import Result, no_marks, result_of
from lessonlib import comparing


@dataclass(frozen=True)
class Asked:
    """One exercise of a class: what was handed out and what is asked."""

    stem: str
    release: list[Cell]
    keys: list[Key]
    explanation_points: float

    @classmethod
    def of(cls, classroom: Classroom, stem: str) -> Asked:
        points = exercise.read(exercise.SOURCES / f"{stem}.py").explain_points
        return cls(stem, classroom.released(stem), classroom.key(stem), points)

    @cached_property
    def questions(self) -> list[dict]:
        return [exercise.request(key) for key in self.keys]

    @cached_property
    def fingerprint(self) -> str:
        """Identify what is asked and how it is judged."""
        digest = hashlib.sha256(repr(self.explanation_points).encode())
        for key in self.keys:
            cases = [[comparing.to_json(case.arguments), comparing.to_json(case.expected)] for case in key.cases]
            asked = key.question
            digest.update(repr((asked.names, asked.points, asked.hint, asked.library, asked.tolerance, cases)).encode())
        return digest.hexdigest()[:32]


def grade_one(handed: Handed, asked: Asked, box: Sandbox, slot: int) -> Result:
    """Grade a submission in the sandbox: as handed in, and if that is not all right and it can be repaired, again."""
    named = handed.student, handed.exercise
    if handed.refused:
        return Result(*named, "refused", no_marks(asked.keys), [f"Not graded. {handed.refused}"])
    plan = repair.as_handed_in(asked.release, handed.cells)
    outcome = box.run(plan.steps, asked.questions, slot)
    result = result_of(*named, asked.keys, outcome, plan)
    second = repair.repaired(asked.release, handed.cells)
    if result.points < result.possible and not outcome.ended and second.steps != plan.steps:
        # One of the two counts as a whole: the better mark of each question would be two tries at each.
        repaired = result_of(*named, asked.keys, box.run(second.steps, asked.questions, slot), second)
        if repaired.points > result.points:
            notes = [*repaired.notes, "Repaired: the cells ran in the order of the exercise."]
            result = replace(repaired, notes=notes, cell_errors=result.cell_errors)
    shapes = [shape for cell in handed.cells if cell["code"] for shape in cell["shapes"]]
    text = repair.explanation(asked.release, handed.cells)[:20_000]
    return replace(result, shapes=shapes, explanation=text)


def _surely(handed: Handed, asked: Asked, box: Sandbox, slot: int) -> Result:
    """Grade a submission; one that breaks the grader itself must not take the others with it."""
    try:
        result = grade_one(handed, asked, box, slot)
    except Stopped:
        raise
    except Exception as error:
        note = f"Not graded: the grader failed ({type(error).__name__}: {error}). Please report it."
        result = Result(handed.student, handed.exercise, "failed", no_marks(asked.keys), [note])
    notes = [*result.notes, *([sandbox.UNSAFE] if box.engine is sandbox.NO_ENGINE else [])]
    known = {"file": intake.printable(handed.file), "digest": handed.digest or handed.refused, "when": handed.when}
    known |= {"beside": dict(handed.beside), "asked": asked.fingerprint}
    return replace(result, notes=notes, explanation_points=asked.explanation_points, **known)


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


def grade_all(
    left: Sequence[Handed], book: Gradebook, asked: dict[str, Asked], box: Sandbox, cores: int, question: str | None
) -> None:
    """Grade submissions in parallel, and keep each result when it is there."""

    def work(handed: Handed, slot: int) -> None:
        result = _surely(handed, asked[handed.exercise], box, slot)
        if question:
            result = _only(question, result, book)
        book.add(result)
        print(_progress(result), flush=True)

    box.each(work, left, cores)


def _only(question: str, result: Result, book: Gradebook) -> Result:
    """Return an older result of the same file with the new mark of one question in it."""
    old = next((o for o in book.attempts(result.student, result.exercise) if o.digest == result.digest), None)
    new = {mark.question: mark for mark in result.marks if mark.question == question}
    return replace(old, marks=[new.get(mark.question, mark) for mark in old.marks]) if old else result


def _progress(result: Result) -> str:
    named = f"{result.exercise}  {result.student}: {result.points:g} of {result.possible:g}"
    return f"{named}  ({result.seconds:.0f} s) {' '.join(result.notes)}"[:160].rstrip()


def with_missing(handed: Sequence[Handed], book: Gradebook, asked: dict[str, Asked]) -> None:
    """Enter those of the class who have handed in nothing."""
    there = {(one.student, one.exercise) for one in handed}
    for stem, one in asked.items():
        for student in book.roster.rows:
            if (student, stem) not in there and not book.attempts(student, stem):
                marks = no_marks(one.keys)
                note = ["Nothing was handed in."]
                book.add(Result(student, stem, "missing", marks, note, explanation_points=one.explanation_points))


def say_who(handed: Sequence[Handed], folder: Path) -> None:
    """Print whose file is what, and keep the list as ``handed-in.csv``."""
    rows = [
        (intake.printable(one.file), one.student, one.exercise, one.fate, one.note or one.refused) for one in handed
    ]
    write_csv(folder / "handed-in.csv", ["file", "student", "exercise", "fate", "note"], rows)
    quiet = 0
    for one in handed:
        if one.fate.startswith("ignored") and not intake.ENDING.search(one.file):
            quiet += 1
        else:
            said = f"{one.student}, {one.exercise}" if one.fate == COUNTS else one.fate
            note = f" [{one.note or one.refused}]" if one.note or one.refused else ""
            print(f"{intake.printable(one.file)}: {said}{note}")
    counted = sum(one.fate == COUNTS for one in handed)
    others = len(handed) - counted - quiet
    print(f"{counted} count, {others} notebooks do not, {quiet} other files are ignored: {folder / 'handed-in.csv'}")


def write_everything(book: Gradebook, classroom: Classroom) -> None:
    """Write tables, pages and the list of look-alikes of the whole class."""
    book.write_tables()
    entries = book.entries()
    feedback.write_all(entries, classroom.folder)
    rows = []
    for stem in sorted({one.result.exercise for one in entries}):
        common = [shape for cell in classroom.released(stem) for _, shape, _ in cell["shapes"]]
        results = [one.result for one in entries if one.result.exercise == stem]
        rows += lookalikes.find(results, exercise.read(exercise.SOURCES / f"{stem}.py"), common)
    write_csv(classroom.folder / "look-alikes.csv", lookalikes.HEADING, rows)
    if rows:
        print(f"{len(rows)} look-alikes: {classroom.folder / 'look-alikes.csv'}; talk to them, it costs no marks.")


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


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    words = argparse.ArgumentParser(prog="python3 course.py grade", description=__doc__.split("\n")[0])
    words.add_argument("folder", type=Path, nargs="?", help="what was handed in")
    words.add_argument("--class", dest="classroom", type=Path, default=Path("coursework"), help="the class's folder")
    words.add_argument("--list", action="store_true", help="only say whose file is what")
    words.add_argument("--student", help="only this learner")
    words.add_argument("--question", help="with --again: only this question's mark changes")
    words.add_argument("--again", action="store_true", help="grade even what is graded and unchanged")
    words.add_argument("--cores", type=at_least(1), default=usable_cores(), help="how many at a time")
    words.add_argument("--seconds", type=at_least(10), default=Limits.seconds, help="for one notebook")
    words.add_argument("--memory-gb", type=at_least(1.0), default=Limits.memory / 2**30, help="for one notebook")
    words.add_argument("--unsafe-no-isolation", action="store_true", help="run strangers' code as your own")
    words.add_argument("--build-image", action="store_true", help="build the image for Docker or Podman")
    return words


def grade(words: argparse.Namespace) -> None:
    """Find out who handed in what, grade what is new, write everything."""
    limits = Limits(seconds=words.seconds, step_seconds=words.seconds / 6, memory=int(words.memory_gb * 2**30))
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
                grade_all(left, book, asked, box, words.cores, words.question if words.again else None)
            if not words.student:
                with_missing(counting, book, asked)
        finally:
            write_everything(book, classroom)
    unread = sum(one.result.state in ("refused", "failed") for one in book.entries())
    print(f"{len(book.entries())} in {classroom.folder / 'grades.csv'}; pages in {classroom.folder / 'feedback'}.")
    if unread:
        print(f"{unread} could not be graded; the notes in grades.csv say why.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    reader = parser()
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
