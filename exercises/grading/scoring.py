"""What the answers of a submission earn, and what learner and teacher are told of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exercises.grading import exercise
from exercises.grading.exercise import Exercise, Question
from exercises.grading.repair import Plan
from exercises.grading.sandbox import Outcome
from exercises.grading.sandbox_runner import answered
from lessonlib import comparing

#: The question that a person marks.
EXPLANATION = "explanation"


@dataclass(frozen=True)
class Mark:
    """What one question earned."""

    question: str
    points: float
    possible: float
    fault: str = ""  # "" if right, else what was expected and got: for the teacher
    #: The same for the learner. What is expected of the class's own values stays unsaid: another hand-in may follow.
    shown: str = ""
    hint: str = ""
    error: str = ""  # what the learner's own code raised, if it did
    mistake: str = ""  # what is wrong, where the answers are those of a known mistake


@dataclass(frozen=True)
class Result:
    """What became of a submission."""

    student: str
    exercise: str
    state: str  # "graded", "refused" (it cannot be read), "missing", or "failed" (an error of the grader)
    marks: list[Mark]  # of every question, the explanation among them
    #: What learner and teacher should know: repairs, why it was refused or ended early.
    notes: list[str] = field(default_factory=list)
    cell_errors: list[str] = field(default_factory=list)  # the first errors of the learner's cells
    seconds: float = 0.0
    file: str = ""  # what was handed in
    when: float = 0.0  # seconds since 1970
    digest: str = ""  # of the file; with the next one: the same means that it need not be graded again
    asked: str = ""  # of the questions and how they are judged
    explanation: str = ""
    #: Of the learner's code, as `sandbox_reader.shapes` gives them.
    shapes: list = field(default_factory=list, repr=False)

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    @property
    def possible(self) -> float:
        return sum(mark.possible for mark in self.marks)


def nothing(student: str, source: Exercise, state: str, note: str) -> Result:
    """Return the result of a submission that earns nothing: `state` is "refused", "missing" or "failed"."""
    said = comparing.NO_ANSWER
    marks = [Mark(name, 0, points, said, said) for name, points in source.points.items()]
    return Result(student, source.stem, state, marks, [note])


def result_of(student: str, stem: str, keys: Sequence[Question], outcome: Outcome, plan: Plan) -> Result:
    """Judge what a submission told from inside the sandbox; it may have told anything."""
    told: dict[str, list[dict]] = defaultdict(list)
    errors: dict[int, str] = {}
    for line in outcome.lines:
        step = line.get("cell")
        if isinstance(line.get("question"), str):
            told[line["question"]].append(line)
        elif isinstance(step, int) and 0 <= step < len(plan.steps) and isinstance(line.get("error"), str):
            errors.setdefault(step, line["error"][:400])
    defined = set().union(*plan.defines.values())
    marks = []
    for key in keys:
        names = set(key.names)
        broken = next((text for step, text in errors.items() if names & plan.defines.get(step, set())), "")
        tries = told.get(key.name, [{}])  # the first answer counts, whatever was told afterwards
        line = next(filter(answered, tries), tries[-1])
        marks.append(mark(key, line, outcome.ended, broken, stands=bool(names & defined)))
    begins = {step: plan.steps[step].get("run", "").strip().split("\n")[0][:80] for step in errors}
    said = [f"{text}, in the cell that begins: {begins[step]}" for step, text in errors.items()]
    ended = [outcome.ended] if outcome.ended else []
    return Result(student, stem, "graded", marks, ended, said[:5], round(outcome.seconds, 1))


def mark(question: Question, told: dict[str, Any], ended: str = "", broken: str = "", *, stands: bool = False) -> Mark:
    """Judge what a submission told about one question.

    `ended` is why the whole of it was stopped, `broken` what the cell with the answer raised; `stands` tells whether
    there is such a cell: "not answered" is said only where there is none.
    """
    share, mistake = 0.0, ""
    try:
        got = comparing.from_json(told.get("got", []))
        got = got if isinstance(got, list) else []
        fault = exercise.judge(question, got) or ""
        mistake = exercise.recognise(question, got) if fault else ""
        share = exercise.share_right(question, got) if fault else 1.0
        if question.draw is None and got and fault:  # what is expected of the class's own values stays unsaid
            shown = f"{', '.join(question.names)}: {comparing.shorten(got[0])} is not right."
            empty = isinstance(got[0], dict) and all(value is None for value in got[0].values())
            fault = comparing.NO_ANSWER if empty else fault
        else:
            shown = fault
    except (ValueError, TypeError, RecursionError, OverflowError, AttributeError, KeyError, IndexError) as error:
        fault = shown = f"The answer cannot be read ({type(error).__name__})."
    error = told.get("error")
    error = (error[:400] if isinstance(error, str) else "") or broken
    if fault == comparing.NO_ANSWER:
        if error:
            fault = f"No answer: your code stopped with {error}"
        elif ended and not told:
            fault = f"No answer. {ended}"
        elif stands:
            fault = f"Your code for {question.name} ran, but it gives None: is a `return` or an assignment missing?"
        shown = fault
    points = round(2 * share * question.points) / 2 if share < 1 else question.points
    error = error if fault else ""
    return Mark(question.name, points, question.points, fault[:1000], shown[:1000], question.hint, error, mistake)
