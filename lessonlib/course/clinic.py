"""The curve clinic: twelve recorded runs of unknown cause, and the grading of a diagnosis.

A case is what a stranger would show: curves, the sizes of the two sets, the number of classes and a question. A
diagnosis has three parts (cause, evidence, action); each option of each part has its feedback and earns a whole, half
or no point. The answers lie beside the cases in a file that is encoded, so that nobody reads them by accident: it keeps
a glance out, not a determined reader. ``python -m tools.clinic_cases`` makes both. Taught in lesson 10.
"""

from __future__ import annotations

import base64
import datetime
import functools
import html
import json
import textwrap
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from lessonlib import _validate as check
from lessonlib import checks, page, storage
from lessonlib.runs import Run

if TYPE_CHECKING:  # it loads ipywidgets, which grading does not need
    from lessonlib.panel import Panel

#: The learner's diagnoses.
FILE = "clinic.jsonl"
N_CASES = 12
#: What is asked of each case.
PARTS = {
    "cause": "What happened?",
    "evidence": "Which observation speaks for it?",
    "action": "What do you do first?",
}
CREDITS = (0.0, 0.5, 1.0)
ANSWERS = "answers.sealed"


# ---- the cases ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One run as a stranger shows it.

    Attributes
    ----------
    number : int
        From 1.
    run : Run
        Metrics per epoch; its provenance holds what the stranger tells, and nothing else.
    """

    number: int
    run: Run

    @property
    def story(self) -> str:
        """Return what the stranger says and asks."""
        return self.run.provenance["story"]

    @property
    def n_train(self) -> int:
        """Return the number of training examples."""
        return self.run.provenance["n_train"]

    @property
    def n_val(self) -> int:
        """Return the number of validation examples."""
        return self.run.provenance["n_val"]

    @property
    def n_classes(self) -> int:
        """Return the number of classes."""
        return self.run.provenance["n_classes"]

    @property
    def class_shares(self) -> list[float] | None:
        """Return the shares of the classes in the validation set; None where the stranger does not tell."""
        return self.run.provenance["class_shares"]

    def training(self, measure: str) -> NDArray:
        """Return the training curve that was logged: after each epoch or, failing that, the mean over the epoch.

        Parameters
        ----------
        measure : {"loss", "accuracy"}

        Returns
        -------
        ndarray of float64, shape (n_epochs,)
        """
        name = f"train_{measure}"
        return self.run[name if name in self.run.metrics else f"running_{name}"]


def folder() -> Path:
    """Return the folder of the cases: ``clinic`` in the working folder, else ``notebooks/clinic`` beside the package.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    beside = Path(__file__).resolve().parents[2] / "notebooks" / "clinic"
    for candidate in (Path("clinic"), beside):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"no cases at clinic or {beside}: make them with python -m tools.clinic_cases.")


def case_file(number: int) -> str:
    """Return the file name of a case."""
    return f"case-{number:02}.npz"


def case(number: int) -> Case:
    """Load a case.

    Parameters
    ----------
    number : int
        From 1 to `N_CASES`.

    Returns
    -------
    Case

    Raises
    ------
    ValueError
        If there is no such case.
    FileNotFoundError, RunFileError
        If its file is missing or damaged.
    """
    number = check.whole_number(number, "number", low=1, high=N_CASES)
    return Case(number, Run.load(folder() / case_file(number)))


def cases() -> list[Case]:
    """Load all cases, in order."""
    return [case(number) for number in range(1, N_CASES + 1)]


# ---- the answers ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """One option of a part of a case.

    Attributes
    ----------
    text, feedback : str
    credit : float
        One of `CREDITS`.
    """

    text: str
    credit: float
    feedback: str


@dataclass(frozen=True)
class Answer:
    """What is known of a case.

    Attributes
    ----------
    named_by : frozenset of str
        The patterns of `lessonlib.reading.patterns` that name the cause.
    options : mapping of str to tuple of Option
        By part; exactly one option of each earns the whole point.
    """

    named_by: frozenset[str]
    options: Mapping[str, tuple[Option, ...]]

    def right(self, part: str) -> Option:
        """Return the option of a part that earns the whole point."""
        return next(option for option in self.options[part] if option.credit == 1)


def seal(answers: Sequence[Mapping[str, Any]]) -> str:
    """Encode the answers, one mapping per case, so that they cannot be read at a glance."""
    packed = zlib.compress(json.dumps(answers).encode(), 9)
    return textwrap.fill(base64.b64encode(packed).decode(), 100) + "\n"


@functools.cache
def _answers(path: Path) -> tuple[Answer, ...]:
    sealed = json.loads(zlib.decompress(base64.b64decode(path.read_text(encoding="ascii"))))
    return tuple(
        Answer(
            frozenset(entry["named_by"]),
            {part: tuple(Option(**option) for option in entry["options"][part]) for part in PARTS},
        )
        for entry in sealed
    )


def answer(number: int) -> Answer:
    """Return what is known of a case: for grading, and not before the learner's own answer.

    Raises
    ------
    ValueError
        If there is no such case.
    FileNotFoundError
        If the answers are missing.
    """
    number = check.whole_number(number, "number", low=1, high=N_CASES)
    return _answers((folder() / ANSWERS).resolve())[number - 1]


def grade(number: int, part: str, text: str) -> Option:
    """Return the option of a part that the learner chose, with its credit and feedback.

    Parameters
    ----------
    number : int
        Of the case.
    part : {"cause", "evidence", "action"}
    text : str
        The chosen option.

    Returns
    -------
    Option

    Raises
    ------
    ValueError
        If there is no such case, part or option.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {tuple(PARTS)}, got {part!r}.")
    options = {option.text: option for option in answer(number).options[part]}
    if text not in options:
        raise ValueError(f"{part} of case {number} must be one of {list(options)}, got {text!r}.")
    return options[text]


def points_by_guessing() -> float:
    """Return the points that one who chooses by chance earns on average, over all parts of all cases."""
    graded = [answer(number).options.values() for number in range(1, N_CASES + 1)]
    return sum(sum(option.credit for option in part) / len(part) for parts in graded for part in parts)


# ---- the learner's diagnoses ----------------------------------------------------------------------------


def diagnose(number: int, *, cause: str, evidence: str, action: str) -> dict[str, Option]:
    """Keep a diagnosis of the learner and grade it.

    Parameters
    ----------
    number : int
        Of the case.
    cause, evidence, action : str
        The chosen options.

    Returns
    -------
    dict of str to Option
        By part.

    Raises
    ------
    ValueError
        If there is no such case or option; nothing is kept then.
    OSError
        If the learner's file cannot be written.
    """
    given = {"cause": cause, "evidence": evidence, "action": action}
    graded = {part: grade(number, part, text) for part, text in given.items()}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    storage.append_record(FILE, {"case": number, "time": now, **given})
    return graded


def diagnoses() -> dict[int, dict[str, Option]]:
    """Return the learner's first diagnosis of each case, graded, by number of the case.

    Later ones were made after the feedback and do not count, nor do those of another edition of the clinic.

    Raises
    ------
    OSError
        If the learner's file cannot be read.
    """
    first: dict[int, dict[str, Option]] = {}
    for record in storage.read_records(FILE, "case", *PARTS):
        try:
            graded = {part: grade(record["case"], part, record[part]) for part in PARTS}
        except ValueError:  # a case or an option of another edition
            continue
        first.setdefault(record["case"], graded)
    return dict(sorted(first.items()))


@dataclass(frozen=True)
class Score:
    """How the learner's diagnoses did.

    Attributes
    ----------
    points : dict of int to dict of str to float
        By case and part.
    confusions : dict of (str, str) to list of int
        The cases in which the first cause was taken for the second.
    """

    points: dict[int, dict[str, float]]
    confusions: dict[tuple[str, str], list[int]]

    @property
    def n_answered(self) -> int:
        """Return how many cases were answered."""
        return len(self.points)

    @property
    def total(self) -> float:
        """Return the sum of all points."""
        return sum(sum(parts.values()) for parts in self.points.values())

    @property
    def possible(self) -> int:
        """Return how many points the answered cases could earn."""
        return len(PARTS) * self.n_answered

    def by_part(self) -> dict[str, float]:
        """Return the points of each part, over the answered cases."""
        return {part: sum(parts[part] for parts in self.points.values()) for part in PARTS}

    def __str__(self) -> str:
        if not self.points:
            possible = len(PARTS) * N_CASES
            return f"No case answered yet: your points and your confusions appear here, out of {possible} points."
        each = ", ".join(f"{part} {points:g} of {self.n_answered}" for part, points in self.by_part().items())
        lines = [f"{self.n_answered} of {N_CASES} cases answered: {self.total:g} of {self.possible} points ({each})."]
        for (true, given), numbers in self.confusions.items():
            where = f"case {numbers[0]}" if len(numbers) == 1 else f"cases {', '.join(map(str, numbers))}"
            lines.append(f"  {where}: it was '{true}', you took it for '{given}'.")
        return "\n".join(lines if self.confusions else [*lines, "  No cause was taken for another."])


def score() -> Score:
    """Return the score of the learner's first diagnoses.

    Raises
    ------
    OSError
        If the learner's file cannot be read.
    """
    made = diagnoses()
    confusions = defaultdict(list)
    for number, parts in made.items():
        if parts["cause"].credit < 1:
            confusions[answer(number).right("cause").text, parts["cause"].text].append(number)
    points = {number: {part: option.credit for part, option in parts.items()} for number, parts in made.items()}
    return Score(points, dict(confusions))


# ---- the form -------------------------------------------------------------------------------------------


class Form:
    """The three questions of a case, to be shown in a notebook; answered with one button.

    Parameters
    ----------
    number : int
        Of the case.

    Raises
    ------
    ValueError
        If there is no such case.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.options = {
            part: checks.shuffled(self._name(part), [option.text for option in options])
            for part, options in answer(number).options.items()
        }

    def _name(self, part: str) -> str:
        return f"10-case-{self.number}-{part}"

    def panel(self) -> Panel:
        """Return the widgets that ask."""
        import ipywidgets as widgets

        from lessonlib.panel import Panel, radio_buttons

        choices = {part: radio_buttons(options) for part, options in self.options.items()}
        controls = [
            widget
            for part, buttons in choices.items()
            for widget in (widgets.HTML(f"<p>{html.escape(PARTS[part])}</p>"), buttons)
        ]

        def press() -> str:
            if any(buttons.value is None for buttons in choices.values()):
                return "Answer all three questions first: the feedback on one gives the others away."
            return self._reply({part: buttons.value for part, buttons in choices.items()})

        question = f"Case {self.number}: your diagnosis"
        return Panel(question, [], controls, button="Give my diagnosis", on_press=press, in_page={})

    def _reply(self, given: dict[str, str]) -> str:
        """Keep and grade a diagnosis and return the feedback as HTML."""
        is_first = self.number not in diagnoses()
        graded = diagnose(self.number, **given)
        lines = [
            f"<strong>{part.capitalize()}, {option.credit:g} of 1.</strong> {html.escape(option.feedback)}"
            for part, option in graded.items()
        ]
        return "<br>".join(lines if is_first else [*lines, "Your first diagnosis counts."])

    def _in_page(self, part: str) -> str:
        """Return one question as a form that works without a kernel."""
        options = [grade(self.number, part, text) for text in self.options[part]]
        told = [f"{'Half of it. ' if option.credit == 0.5 else ''}{option.feedback}" for option in options]
        right = [option.credit for option in options].index(1)
        others = [self._name(other) for other in PARTS if other != part]
        content = {"kind": "choice", "name": self._name(part), "right": right, "feedback": told, "together": others}
        question = f"Case {self.number}: {PARTS[part]}"
        return page.panel_html(question, self.options[part], "Check", content)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        lines = [f"Case {self.number}: your diagnosis"]
        for part, texts in self.options.items():
            lines += [PARTS[part], *(f"  ( ) {text}" for text in texts)]
        plain = "\n".join(lines)
        if page.static_export():
            return {"text/plain": plain, "text/html": "".join(self._in_page(part) for part in PARTS)}
        asked = "".join(
            f"<p>{html.escape(PARTS[part])}</p><ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>"
            for part, texts in self.options.items()
        )
        bundle = self.panel().widget._repr_mimebundle_(**options) or {}
        return {**bundle, "text/plain": plain, "text/html": f"<p><strong>{lines[0]}</strong></p>{asked}"}
