"""Grade a folder of submissions, in parallel, and survive all of them.

    python3 course.py grade FOLDER --class CLASS

FOLDER holds notebooks: STUDENT/EXERCISE.ipynb, STUDENT/EXERCISE/EXERCISE.ipynb (as nbgrader collects them), or files
with names such as STUDENT_12345_EXERCISE.ipynb (as learning platforms hand them out). CLASS is the folder that
``python3 course.py derive --class CLASS`` made. The command can be stopped and started again: what is graded and
unchanged is not graded again.

A submission is never judged where it runs. It computes, in the sandbox, what it answers to hidden inputs; whether that
is right is found here, from expected values that it has no way to read.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from exercises.grading import exercise, feedback, gradebook, repair, scoring
from exercises.grading.classroom import Classroom, student_name
from exercises.grading.exercise import ExerciseError, Key
from exercises.grading.sandbox import Limits, Sandbox, SandboxError
from exercises.grading.scoring import Result, no_marks, result_of
from lessonlib import comparing


@dataclass(frozen=True)
class Submission:
    """A file that a learner handed in (None: none)."""

    student: str
    exercise: str
    path: Path | None


# ------------------------------------------------------------------------------------------------- finding submissions


def find(folder: Path, stems: Sequence[str], only: str | None = None) -> list[Submission]:
    """Find the submissions in a folder; of several files of one learner for one exercise the newest counts.

    Raises
    ------
    ExerciseError
        If there is no such folder, or it holds no notebook.
    """
    if not folder.is_dir():
        raise ExerciseError(f"{folder} is no folder: name the one with the submissions.")
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.rglob("*.ipynb"), key=lambda path: (path.stat().st_mtime, path)):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):  # Jupyter's checkpoints
            continue
        stem = only or _exercise_of(inside, path, stems)
        if stem:
            found[_student_of(inside, stem), stem] = path
        else:
            print(f"{inside}: belongs to none of {', '.join(stems)}; not graded", file=sys.stderr)
    return [Submission(student, stem, path) for (student, stem), path in sorted(found.items())]


def _exercise_of(inside: Path, path: Path, stems: Sequence[str]) -> str | None:
    """Tell by the name, else by what the notebook says of itself, which exercise a file is."""
    for stem in stems:
        if stem in inside.as_posix():
            return stem
    try:
        said = repair.load(path).metadata.get("exercise")
    except repair.Refused:
        return stems[0] if len(stems) == 1 else None
    return said if said in stems else stems[0] if len(stems) == 1 else None


def _student_of(inside: Path, stem: str) -> str:
    """Return the folder's name, or what stands before the exercise's in the file's."""
    return student_name(inside.parts[0] if len(inside.parts) > 1 else inside.stem.split(stem)[0])


def with_missing(found: Sequence[Submission], students: Sequence[str], stems: Iterable[str]) -> list[Submission]:
    """Add an empty submission for each learner of the list who handed in nothing."""
    there = {(one.student, one.exercise) for one in found}
    wanted = [(student, stem) for stem in stems for student in students]
    return [*found, *(Submission(*pair, None) for pair in wanted if pair not in there)]


# -------------------------------------------------------------------------------------------------------- grading one


def grade_one(submission: Submission, classroom: Classroom, keys: Sequence[Key], box: Sandbox, slot: int) -> Result:
    """Grade a submission in the sandbox."""
    named = submission.student, submission.exercise
    if submission.path is None:
        return Result(*named, "missing", no_marks(keys), ["Nothing was handed in."])
    try:
        repaired = repair.repair(classroom.released(submission.exercise), repair.load(submission.path))
    except repair.Refused as refusal:
        return Result(*named, "refused", no_marks(keys), [f"Not graded. {refusal}"])
    cells = [cell.source for cell in repair.learners_cells(repaired.notebook)]
    questions = [{"names": list(key.question.names), "calls": exercise.calls_of(key)} for key in keys]
    return result_of(*named, keys, box.run(cells, questions, slot), repaired.notes)


# -------------------------------------------------------------------------------------------------------- grading all


def fingerprint(submission: Submission, keys: Sequence[Key]) -> str:
    """Identify a submission's file together with what is asked of it and how it is judged."""
    digest = hashlib.sha256()
    for key in keys:
        cases = [[comparing.to_json(case.arguments), comparing.to_json(case.expected)] for case in key.cases]
        digest.update(repr((key.question.names, key.question.points, key.question.hint, cases)).encode())
    if submission.path is not None:
        with open(submission.path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def result_path(classroom: Classroom, submission: Submission) -> Path:
    return classroom.folder / "results" / submission.exercise / f"{submission.student}.json"


def grade_all(
    submissions: Sequence[Submission], classroom: Classroom, *, cores: int, limits: Limits, hide: Sequence[Path] = ()
) -> list[Result]:
    """Grade submissions in parallel; those with a result that still holds are not graded again."""
    keys = {stem: classroom.key(stem) for stem in sorted({one.exercise for one in submissions})}
    prints = [fingerprint(one, keys[one.exercise]) for one in submissions]
    results = [Result.load(result_path(classroom, one)) for one in submissions]
    left = [place for place, old in enumerate(results) if old is None or old.fingerprint != prints[place]]
    if not left:
        return results
    slots: SimpleQueue[int] = SimpleQueue()
    for slot in range(cores):
        slots.put(slot)

    def work(place: int) -> None:
        submission, slot = submissions[place], slots.get()
        result = _surely(submission, classroom, keys[submission.exercise], box, slot)
        slots.put(slot)
        results[place] = replace(result, fingerprint=prints[place])
        results[place].save(result_path(classroom, submission))
        print(_progress(results[place]), flush=True)

    with Sandbox.open([classroom.folder, *hide], limits) as box, ThreadPoolExecutor(cores) as pool:
        print(f"{box.promises}\n{len(left)} of {len(submissions)} submissions to grade, {cores} at a time.", flush=True)
        list(pool.map(work, left))
    return results


def _surely(submission: Submission, classroom: Classroom, keys: Sequence[Key], box: Sandbox, slot: int) -> Result:
    """Grade a submission; one that breaks the grader itself must not take the others with it."""
    try:
        return grade_one(submission, classroom, keys, box, slot)
    except Exception as error:
        note = f"Not graded: the grader failed ({type(error).__name__}: {error}). Please report it."
        return Result(submission.student, submission.exercise, "failed", no_marks(keys), [note])


def _progress(result: Result) -> str:
    named = f"{result.exercise}  {result.student}: {result.points:g} of {result.possible:g}"
    return f"{named}  ({result.seconds:.0f} s) {' '.join(result.notes)}"[:160].rstrip()


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 course.py grade", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="the submissions")
    parser.add_argument("--class", dest="classroom", type=Path, default=Path("coursework"), help="the class's folder")
    parser.add_argument("--exercise", help="every file is a submission of this exercise (number or name)")
    parser.add_argument("--cores", type=at_least(1), default=usable_cores(), help="how many at a time")
    parser.add_argument("--seconds", type=at_least(10), default=Limits.seconds, help="for one notebook")
    parser.add_argument("--memory-gb", type=at_least(1.0), default=Limits.memory / 2**30, help="for one notebook")
    words = parser.parse_args(arguments)
    limits = Limits(seconds=words.seconds, step_seconds=words.seconds / 6, memory=int(words.memory_gb * 2**30))
    try:
        classroom = Classroom.open(words.classroom)
        only = exercise.sources([words.exercise])[0].stem if words.exercise else None
        found = find(words.folder, classroom.stems, only)
        stems = sorted({one.exercise for one in found})
        submissions = with_missing(found, classroom.students(), [only] if only else stems)
        if not submissions:
            raise ExerciseError(f"{words.folder} holds no submission of {', '.join(classroom.stems)}.")
        results = grade_all(submissions, classroom, cores=words.cores, limits=limits, hide=[words.folder])
    except (ExerciseError, SandboxError) as error:
        print(error, file=sys.stderr)
        return 1
    paths = {(one.student, one.exercise): one.path for one in submissions}
    feedback.write_all(results, classroom)
    scoring.write_tables(results, classroom.folder)
    gradebook.record(results, paths, classroom)
    refused = sum(one.state in ("refused", "failed") for one in results)
    print(f"{len(results)} submissions: {classroom.folder / 'grades.csv'}; pages in {classroom.folder / 'feedback'}.")
    if refused:
        print(f"{refused} could not be graded; the notes in grades.csv say why.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
