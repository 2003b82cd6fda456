"""What the answers of a submission earn, and what is kept of it: a result for each, two tables for all."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from exercises.grading import exercise
from exercises.grading.exercise import Key
from exercises.grading.sandbox import Outcome
from lessonlib import comparing, storage

#: Spreadsheets take a cell that starts so for a formula, and learners choose their names.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Mark:
    """What one question earned.

    Attributes
    ----------
    question : str
    points, possible : float
    fault : str
        "" if right, else what was expected and got.
    hint : str
    error : str
        What the learner's own code raised, if it did.
    mistake : str
        What is wrong, where the answers are those of a known mistake.
    """

    question: str
    points: float
    possible: float
    fault: str = ""
    hint: str = ""
    error: str = ""
    mistake: str = ""


@dataclass(frozen=True)
class Result:
    """What became of a submission.

    Attributes
    ----------
    state : str
        "graded", "refused" (no notebook of this exercise), "missing", or "failed" (an error of the grader).
    marks : list of Mark
    notes : list of str
        What learner and teacher should know: repairs, why it was refused or ended early.
    cell_errors : list of str
        The first errors of the learner's cells.
    seconds : float
    fingerprint : str
        Of the file and of what was asked: the same means that it need not be graded again.
    """

    student: str
    exercise: str
    state: str
    marks: list[Mark]
    notes: list[str] = field(default_factory=list)
    cell_errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    fingerprint: str = ""

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    @property
    def possible(self) -> float:
        return sum(mark.possible for mark in self.marks)

    @classmethod
    def load(cls, path: Path) -> Result | None:
        """Read a result; None if there is none or it cannot be read."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(**content | {"marks": [Mark(**mark) for mark in content["marks"]]})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, path: Path) -> None:
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        storage.write_atomically(path, lambda file: file.write(text.encode("utf-8", errors="replace")))


# ------------------------------------------------------------------------------------------------------------- judging


def result_of(student: str, stem: str, keys: Sequence[Key], outcome: Outcome, notes: Sequence[str] = ()) -> Result:
    """Judge what a submission told from inside the sandbox; it may have told anything."""
    told = {line["question"]: line for line in outcome.lines if isinstance(line.get("question"), str)}
    marks = [mark(key, told.get(key.question.name, {}), outcome.ended) for key in keys]
    errors = [line["error"][:400] for line in outcome.lines if "cell" in line and isinstance(line.get("error"), str)]
    notes = [*notes, *([outcome.ended] if outcome.ended else [])]
    seconds = round(outcome.seconds, 1)
    return Result(student, stem, "graded", marks, notes, errors[:5], seconds)


def no_marks(keys: Sequence[Key]) -> list[Mark]:
    """Return zero points for every question."""
    return [Mark(key.question.name, 0, key.question.points, comparing.NO_ANSWER) for key in keys]


def mark(key: Key, told: dict[str, Any], ended: str) -> Mark:
    """Judge what a submission told about one question."""
    question = key.question
    try:
        got = comparing.from_json(told.get("got", []))
        got = got if isinstance(got, list) else []
        fault = exercise.judge(key, got)
        mistake = exercise.recognise(key, got) if fault else ""
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        fault, mistake = f"The answer cannot be read ({type(error).__name__}).", ""
    error = told.get("error")
    error = error[:400] if fault and isinstance(error, str) else ""
    if fault == comparing.NO_ANSWER and (error or (ended and not told)):
        fault = f"No answer: your code stopped with {error}" if error else f"No answer. {ended}"
    points = 0 if fault else question.points
    return Mark(question.name, points, question.points, fault or "", question.hint, error, mistake)


# ---------------------------------------------------------------------------------------------------------- the tables


def write_tables(results: Sequence[Result], folder: Path) -> None:
    """Write ``grades.csv``, a line for each submission, and ``by-question.csv``, what the class got wrong."""
    heading = ["student", "exercise", "points", "possible", "percent", "state", "notes"]
    rows = []
    for one in results:
        percent, notes = _percent(one.points, one.possible), " ".join(one.notes)
        rows.append((one.student, one.exercise, one.points, one.possible, percent, one.state, notes))
    write_csv(folder / "grades.csv", heading, rows)
    by_question: dict[tuple[str, str], list[Mark]] = {}
    for one in results:
        for each in one.marks if one.state == "graded" else []:
            by_question.setdefault((one.exercise, each.question), []).append(each)
    heading = ["exercise", "question", "answers", "percent right", "most frequent fault", "how often"]
    write_csv(folder / "by-question.csv", heading, (_question_row(*item) for item in by_question.items()))


def _question_row(named: tuple[str, str], marks: Sequence[Mark]) -> list[object]:
    faults = Counter(each.mistake or each.fault for each in marks if each.fault)
    fault, often = faults.most_common(1)[0] if faults else ("", 0)
    return [*named, len(marks), _percent(len(marks) - faults.total(), len(marks)), fault, often]


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def write_csv(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table so that spreadsheets read it and run no formula that a learner put into a name."""

    def safe(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *([safe(value) for value in row] for row in rows)])
    storage.write_atomically(path, lambda file: file.write(text.getvalue().encode("utf-8", errors="replace")))
