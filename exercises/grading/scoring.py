"""What the answers of a submission earn, and what learner and teacher are told of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exercises.grading import exercise
from exercises.grading.exercise import Key
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
    marks: list[Mark]  # of the questions that are graded here
    #: What learner and teacher should know: repairs, why it was refused or ended early.
    notes: list[str] = field(default_factory=list)
    cell_errors: list[str] = field(default_factory=list)  # the first errors of the learner's cells
    seconds: float = 0.0
    file: str = ""  # what was handed in
    beside: dict[str, str] = field(default_factory=dict)  # what nbgrader wrote beside it
    when: float = 0.0  # seconds since 1970
    digest: str = ""  # of the file; with the next one: the same means that it need not be graded again
    asked: str = ""  # of the questions and how they are judged
    explanation: str = ""
    explanation_points: float = 0.0  # how many points a person may give for it
    #: Of the learner's code, as `sandbox_reader.shapes` gives them.
    shapes: list = field(default_factory=list, repr=False)

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    @property
    def possible(self) -> float:
        return sum(mark.possible for mark in self.marks)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Result:
        return cls(**content | {"marks": [Mark(**mark) for mark in content["marks"]]})


def result_of(student: str, stem: str, keys: Sequence[Key], outcome: Outcome, plan: Plan) -> Result:
    """Judge what a submission told from inside the sandbox; it may have told anything."""
    told: dict[str, list[dict]] = {}
    errors: dict[int, str] = {}
    for line in outcome.lines:
        if isinstance(line.get("question"), str):
            told.setdefault(line["question"], []).append(line)
        elif isinstance(line.get("cell"), int) and isinstance(line.get("error"), str):
            errors.setdefault(line["cell"], line["error"][:400])
    marks = []
    for key in keys:
        names = set(key.question.names)
        broken = next((text for step, text in errors.items() if names & plan.defines.get(step, set())), "")
        tries = told.get(key.question.name, [{}])  # the first answer counts, whatever was told afterwards
        line = next(filter(answered, tries), tries[-1])
        marks.append(explained(mark(key, line, outcome.ended), broken, bool(names & plan.answered)))
    said = [f"{text}, in the cell that begins: {_begin(plan, step)}" for step, text in errors.items()]
    notes = [*plan.notes, *([outcome.ended] if outcome.ended else [])]
    return Result(student, stem, "graded", marks, notes, said[:5], round(outcome.seconds, 1))


def _begin(plan: Plan, step: int) -> str:
    code = plan.steps[step].get("run", "") if 0 <= step < len(plan.steps) else ""
    return code.strip().split("\n")[0][:80]


def no_marks(keys: Sequence[Key]) -> list[Mark]:
    """Return zero points for every question."""
    nothing = comparing.NO_ANSWER
    return [Mark(key.question.name, 0, key.question.points, nothing, nothing) for key in keys]


def mark(key: Key, told: dict[str, Any], ended: str) -> Mark:
    """Judge what a submission told about one question."""
    question, share, mistake = key.question, 0.0, ""
    try:
        got = comparing.from_json(told.get("got", []))
        got = got if isinstance(got, list) else []
        fault = exercise.judge(key, got) or ""
        empty = isinstance(got[0], dict) and all(value is None for value in got[0].values()) if got else False
        fault = comparing.NO_ANSWER if fault and empty and question.draw is None else fault
        mistake = exercise.recognise(key, got) if fault else ""
        share = exercise.share_right(key, got) if fault else 1.0
        shown = f"{', '.join(question.names)}: {comparing.shorten(got[0])} is not right." if fault and got else fault
    except (ValueError, TypeError, RecursionError, OverflowError, AttributeError, KeyError, IndexError) as error:
        fault = shown = f"The answer cannot be read ({type(error).__name__})."
    error = told.get("error")
    error = error[:400] if fault and isinstance(error, str) else ""
    if fault == comparing.NO_ANSWER:
        fault = f"No answer. {ended}" if ended and not told else fault
        shown = fault
    elif question.draw is not None:  # the inputs differ from class to class, and so do not give the answer away
        shown = fault
    points = round(2 * share * question.points) / 2 if share < 1 else question.points
    return Mark(question.name, points, question.points, fault[:1000], shown[:1000], question.hint, error, mistake)


def explained(mark: Mark, broken: str, stands: bool) -> Mark:
    """Return a mark that says "not answered" only where nothing stands, and else what the learner's code did."""
    if not mark.fault.startswith((comparing.NO_ANSWER, "No answer.")):
        return replace(mark, error=mark.error or broken) if mark.fault else mark
    if error := mark.error or broken:
        said = f"No answer: your code stopped with {error}"
    elif stands and mark.fault == comparing.NO_ANSWER:
        said = f"Your code for {mark.question} ran, but it gives None: is a `return` or an assignment missing?"
    else:
        return mark
    return Mark(mark.question, 0, mark.possible, said, said, mark.hint, error, mark.mistake)
