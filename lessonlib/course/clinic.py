"""The curve clinic: twelve recorded runs of unknown cause, and the grading of a diagnosis (lesson 10).

A diagnosis has three parts (cause, evidence, action), asked one after the other; the feedback comes when all three are
answered, and the first answers count. The answers lie beside the cases in a file that is encoded: it keeps a glance
out, not a determined reader. ``python -m tools.clinic_cases`` makes both.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from lessonlib import _validate as check
from lessonlib import metrics, questions, storage
from lessonlib.figures import static_export
from lessonlib.runs import Run

#: The learner's diagnoses.
FILE = "clinic.jsonl"
N_CASES = 12
#: What is asked of each case, in this order.
PARTS = {
    "cause": "What happened?",
    "evidence": "Which look at the curves speaks for that, and against its rivals?",
    "action": "What do you do first?",
}
#: The share of the points that passes.
PASS = 2 / 3
CASE_FILE, ANSWERS = "case-{:02}.npz", "answers.sealed"


@dataclass(frozen=True)
class Case:
    """One run as a stranger shows it: metrics per epoch, and in its provenance what the stranger tells."""

    number: int
    run: Run

    def told(self, name: str) -> Any:
        """Return ``story``, ``n_train``, ``n_val``, ``n_classes`` or ``class_shares`` (None: not told)."""
        return self.run.provenance[name]

    def training(self, measure: str) -> NDArray:
        """Return the loss or accuracy that was logged: after each epoch or, failing that, the mean over the epoch."""
        name = f"train_{measure}"
        return self.run[name if name in self.run.metrics else f"running_{name}"]

    def curves(self, measure: str) -> tuple[NDArray, NDArray, NDArray]:
        """Return training, validation and the latter's standard errors; accuracy in per cent."""
        if measure == "loss":
            return self.training("loss"), self.run["val_loss"], self.run["val_loss_se"]
        val = self.run["val_accuracy"]
        errors = [metrics.accuracy_standard_error(share, self.told("n_val")) for share in val]
        return 100 * self.training("accuracy"), 100 * val, 100 * np.array(errors)

    def __str__(self) -> str:
        shares = ", ".join(f"{100 * share:.1f} %" for share in self.told("class_shares") or [])
        sizes = f"{self.told('n_train'):,} training and {self.told('n_val'):,} validation examples"
        classes = f"{self.told('n_classes')} classes{f' with shares {shares} in validation' if shares else ''}"
        return f"{self.told('story')} ({sizes}, {classes}.)"


def folder() -> Path:
    """Return the folder of the cases."""
    return storage.course_folder("clinic", remedy="make the cases with python -m tools.clinic_cases")


def case(number: int) -> Case:
    """Load a case, from 1 to `N_CASES`."""
    number = check.whole_number(number, "number", low=1, high=N_CASES)
    return Case(number, Run.load(folder() / CASE_FILE.format(number)))


# ---- the answers ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """One option of a part of a case; one of each part is right."""

    text: str
    right: bool
    feedback: str


@dataclass(frozen=True)
class Answer:
    """What is known of a case: the patterns of the curve reader that name its cause, and the options by part."""

    named_by: frozenset[str]
    options: Mapping[str, tuple[Option, ...]]

    def right(self, part: str) -> Option:
        """Return the right option of a part."""
        return next(option for option in self.options[part] if option.right)


@functools.cache
def _answers(path: Path) -> tuple[Answer, ...]:
    sealed = json.loads(zlib.decompress(base64.b64decode(path.read_text(encoding="ascii"))))
    options = ({part: tuple(Option(**each) for each in entry["options"][part]) for part in PARTS} for entry in sealed)
    return tuple(Answer(frozenset(entry["named_by"]), each) for entry, each in zip(sealed, options, strict=True))


def answer(number: int) -> Answer:
    """Return what is known of a case: for grading, and not before the learner's own answer."""
    number = check.whole_number(number, "number", low=1, high=N_CASES)
    return _answers((folder() / ANSWERS).resolve())[number - 1]


def grade(number: int, part: str, text: str) -> Option:
    """Return the option that the learner chose; a ValueError says which ones there are."""
    if part not in PARTS:
        raise ValueError(f"part must be one of {tuple(PARTS)}, got {part!r}.")
    options = {option.text: option for option in answer(number).options[part]}
    if text not in options:
        raise ValueError(f"{part} of case {number} must be one of {list(options)}, got {text!r}.")
    return options[text]


# ---- the learner's diagnoses ----------------------------------------------------------------------------


def keep(number: int, part: str, text: str) -> Option:
    """Keep the learner's answer to one part of a case, and grade it; what cannot be graded is not kept."""
    graded = grade(number, part, text)
    questions.keep_answer(FILE, case=number, part=part, given=text)
    return graded


def kept(number: int) -> dict[str, Option]:
    """Return the learner's first answers to a case, by part; those to another edition of the clinic do not count."""
    first: dict[str, Option] = {}
    for record in storage.read_records(FILE, "case"):
        try:
            if record["case"] == number:
                first.setdefault(record.get("part"), grade(number, record.get("part"), record.get("given")))
        except ValueError:
            continue
    return first


@dataclass(frozen=True)
class Score:
    """The learner's complete diagnoses of the cases `asked`: by case and part the option chosen."""

    asked: tuple[int, ...]
    diagnoses: dict[int, dict[str, Option]]

    @property
    def points(self) -> int:
        """Return how many parts were right."""
        return sum(option.right for parts in self.diagnoses.values() for option in parts.values())

    @property
    def pass_mark(self) -> int:
        """Return how many points pass when every case is answered."""
        return int(np.ceil(PASS * len(PARTS) * len(self.asked)))

    @property
    def confusions(self) -> dict[tuple[str, str], list[int]]:
        """Return the cases in which the first cause was taken for the second."""
        found = defaultdict(list)
        for number, parts in self.diagnoses.items():
            if not parts["cause"].right:
                found[answer(number).right("cause").text, parts["cause"].text].append(number)
        return dict(found)

    def __str__(self) -> str:
        questions_asked = [options for number in self.asked for options in answer(number).options.values()]
        guessed = sum(1 / len(options) for options in questions_asked)
        rule = f"Of {len(questions_asked)} points guessing earns {guessed:.1f} on average; {self.pass_mark} pass."
        if not self.diagnoses:
            return f"No case answered yet: your points and your confusions appear here. {rule}"
        each = ", ".join(f"{part} {sum(parts[part].right for parts in self.diagnoses.values())}" for part in PARTS)
        lines = [f"{len(self.diagnoses)} of {len(self.asked)} cases answered: {self.points} points ({each}). {rule}"]
        for (true, given), numbers in self.confusions.items():
            where = f"case {numbers[0]}" if len(numbers) == 1 else f"cases {', '.join(map(str, numbers))}"
            lines.append(f"  {where}: it was '{true}', you took it for '{given}'.")
        return "\n".join(lines if self.confusions else [*lines, "  No cause was taken for another."])


def score(numbers: Iterable[int]) -> Score:
    """Return the score of the learner's first diagnoses of these cases."""
    asked = tuple(numbers)
    made = {number: kept(number) for number in asked}
    return Score(asked, {number: parts for number, parts in made.items() if len(parts) == len(PARTS)})


class Form:
    """The three questions of a case, for a notebook: one at a time, each answered once, then the feedback."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.names = {part: f"10-case-{number}-{part}" for part in PARTS}
        self.asked = {part: f"Case {number}. {question}" for part, question in PARTS.items()}
        self.options = {
            part: questions.shuffled(self.names[part], [option.text for option in options])
            for part, options in answer(number).options.items()
        }

    def widget(self) -> ipywidgets.VBox:
        """Return the widgets: the parts that are answered, and the first that is not."""
        box = ipywidgets.VBox()
        self._fill(box)
        return box

    def _fill(self, box: ipywidgets.VBox) -> None:
        answered, shown = kept(self.number), []
        for part in PARTS:
            shown.append(self._panel(part, box, answered.get(part)).widget)
            if part not in answered:
                break
        else:
            shown.append(ipywidgets.HTML(self.feedback()))
        box.children = tuple(shown)

    def _panel(self, part: str, box: ipywidgets.VBox, given: Option | None) -> questions.Panel:
        buttons = questions.radio_buttons(self.options[part])

        def press() -> str:
            if buttons.value is None:
                return "Choose an answer first."
            if part not in kept(self.number):
                keep(self.number, part, buttons.value)
            self._fill(box)
            return "Kept."

        controls = {"button": "Keep", "on_press": press, "in_page": {}}
        panel = questions.Panel(self.asked[part], self.options[part], [buttons], **controls)
        if given:
            buttons.value = given.text
            panel.close("Kept.")
        return panel

    def feedback(self) -> str:
        """Return what is said, as HTML, of a case that is answered."""
        said = (
            f"{part.capitalize()}: {questions.judged(option.right, self._said(option, part))}"
            for part, option in kept(self.number).items()
        )
        return f'<p role="status">{"<br>".join(said)}</p>'

    def _said(self, option: Option, part: str) -> str:
        right = answer(self.number).right(part)
        return option.feedback + ("" if option.right else f" It is: {right.text}. {right.feedback}")

    def _in_page(self, part: str) -> str:
        """Return one question as a form that works without a kernel."""
        options = [grade(self.number, part, text) for text in self.options[part]]
        others = [self.names[other] for other in PARTS if other != part]
        content = {
            "kind": "choice",
            "name": self.names[part],
            "right": [option.right for option in options].index(True),
            "feedback": [self._said(option, part) for option in options],
            "after": others[: list(PARTS).index(part)],
            "together": others,
        }
        return questions.panel_html(self.asked[part], self.options[part], "Keep", content)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        asked, options_asked = self.asked["cause"], self.options["cause"]
        plain = "\n".join([asked, *(f"  ( ) {text}" for text in options_asked)])
        if static_export():
            return {"text/plain": plain, "text/html": "".join(map(self._in_page, PARTS))}
        items = "".join(f"<li>{html.escape(text)}</li>" for text in options_asked)
        bundle = self.widget()._repr_mimebundle_(**options) or {}
        return {**bundle, "text/plain": plain, "text/html": f"<p><strong>{asked}</strong></p><ul>{items}</ul>"}
