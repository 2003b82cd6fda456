"""Questions to the learner: predictions before an experiment, checks after it, and lines of code that are theirs.

Every answer is kept in the learner's folder, one JSON record a line. What is shown is a core widget where there is a
kernel, text where widgets cannot be (GitHub), and a form in a page of our own (``LESSONLIB_STATIC=1``).

A question that cannot work is refused with a ValueError when it is made, naming the question. An answer that cannot be
kept raises OSError, which a panel says beside its button. How each is written: docs/writing-lessons.md.
"""

from __future__ import annotations

import ast
import base64
import copy
import datetime
import hashlib
import html
import inspect
import json
import math
import numbers
import random
import textwrap
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from IPython.display import display

from lessonlib import _validate as check
from lessonlib import calibration, comparing, storage
from lessonlib.figures import static_export

#: The learner's files.
PREDICTIONS, CHECKS, CODE = "predictions.jsonl", "checks.jsonl", "code.jsonl"
#: How sure a learner can say they are, besides the even guess.
CONFIDENCES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)

#: The browser's part in a page without a kernel; answers are kept there, on the reader's own machine.
SCRIPT, STYLE = (Path(__file__).with_suffix(kind).read_text(encoding="utf-8") for kind in (".js", ".css"))
_HYDRATE = 'document.querySelectorAll(":is(.lesson-panel, .lesson-verdict):not([data-live])").forEach(hydrate);'


# ----------------------------------------------------------------------------------------------------------- the panel


class Panel:
    """A question with widgets below it, a button, and a line that answers what `on_press` returns (HTML).

    `options` are for the static text; `in_page` is what the form needs in a page without a kernel.
    """

    def __init__(
        self, question: str, options: Sequence[str], controls: Sequence[widgets.Widget], *, button: str,
        on_press: Callable[[], str], in_page: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.question, self.options = question, tuple(options)
        self.controls, self.in_page = tuple(controls), dict(in_page)
        self.answer_line = widgets.HTML()
        self.button = widgets.Button(description=button, layout=widgets.Layout(width="max-content"))
        self.button.on_click(lambda _: self._answer(on_press))
        heading = widgets.HTML(f"<style>{STYLE}</style><p><strong>{html.escape(question)}</strong></p>")
        self.widget = widgets.VBox([heading, *controls, self.button, self.answer_line]).add_class("lesson-question")

    def _answer(self, on_press: Callable[[], str]) -> None:
        try:
            self.say(on_press())
        except OSError as error:  # Jupyter would show it in a log that nobody opens
            self.say(html.escape(_not_kept(error)))

    def say(self, answer: str) -> None:
        """Show `answer` (HTML) below the button; a screen reader reads it out."""
        self.answer_line.value = f'<p role="status">{answer}</p>'

    def close(self, reason: str) -> None:
        """Take no further answer, and say why (HTML)."""
        for control in (*self.controls, self.button):
            control.disabled = True
        self.say(reason)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        plain = "\n".join([self.question, *(f"  ( ) {option}" for option in self.options)])
        if static_export():
            form = panel_html(self.question, self.options, self.button.description, self.in_page)
            return {"text/plain": plain, "text/html": form}
        items = "".join(f"<li>{html.escape(option)}</li>" for option in self.options)
        listed = f"<p><strong>{html.escape(self.question)}</strong></p><ul>{items}</ul>"
        return {**(self.widget._repr_mimebundle_(**options) or {}), "text/plain": plain, "text/html": listed}


def panel_html(question: str, options: Sequence[str], button: str, page: Mapping[str, Any]) -> str:
    """Return a question as a form that works without a kernel; without options it asks for a number.

    `page` is what ``questions.js`` needs; it is encoded so that the page's source gives no answer away at a glance.
    """
    name = html.escape(page["name"])
    fields = "".join(
        f'<label><input type="radio" name="{name}" value="{i}" autocomplete="off"> {html.escape(option)}</label>'
        for i, option in enumerate(options)
    )
    if not options:
        fields = '<label>Your number <input type="text" inputmode="decimal" autocomplete="off"></label>'
    if confidences := page.get("confidences"):
        choices = "".join(f'<option value="{value:.6g}">{html.escape(text)}</option>' for text, value in confidences)
        fields += f'<label>How sure? <select autocomplete="off">{choices}</select></label>'
    secret = base64.b64encode(json.dumps(dict(page)).encode()).decode()
    return (
        f'<form class="lesson-panel" data-kind="{html.escape(page["kind"])}" data-name="{name}" data-page="{secret}">'
        f"<fieldset><legend>{html.escape(question)}</legend>{fields}</fieldset>"
        f'<button type="submit">{html.escape(button)}</button><p role="status"></p></form>'
        f'<style>{STYLE}</style><script type="module">{SCRIPT}\n{_HYDRATE}</script>'
    )


def radio_buttons(options: Sequence[str]) -> widgets.RadioButtons:
    """Return radio buttons with none chosen, as wide as their longest option."""
    return widgets.RadioButtons(options=list(options), value=None, layout=widgets.Layout(width="auto"))


def shuffled(key: str, options: Sequence[str]) -> list[str]:
    """Return the options in an order that depends on the key alone."""
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    order = list(options)
    random.Random(seed).shuffle(order)
    return order


def _not_kept(error: OSError) -> str:
    remedy = f"make room, or set {storage.HOME_VARIABLE} to a folder that you can write to"
    return f"Your answer could not be kept ({error}): {remedy}."


def keep_answer(file: str, **record: object) -> None:
    """Keep a record with the time in a file of the learner's."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    storage.append_record(file, {**record, "time": now})


# ------------------------------------------------------------------------------------------------------- a prediction


@dataclass(frozen=True)
class Forecast:
    """A prediction whose outcome is known: the question's name, a probability for each option, what came true."""

    question: str
    probabilities: tuple[float, ...]
    outcome: int


#: The predictions whose result this kernel has shown.
_SHOWN: set[str] = set()


class Prediction:
    """A question asked before an experiment; a cell that ends with it shows it.

    `name` identifies it in the learner's file, such as ``"1-cost-of-0.6"``. The learner says how sure they are, and
    gets a Brier score, as the course scores a network.
    """

    def __init__(self, name: str, text: str, options: Sequence[str] | Sequence[float]) -> None:
        if len(options) < 2 or len(set(options)) < len(options):
            raise ValueError(f"prediction {name!r} needs at least two different options, got {list(options)}.")
        self.name, self.text, self.options = name, text, tuple(options)
        self._shown_in: list[Panel] = []

    def resolve(self, outcome: str | float) -> Verdict:
        """Close the prediction and compare it with what came true: an option, or the nearest where they are numbers.

        Only the first outcome is kept, and the last prediction before it counts. Without a prediction nothing is kept:
        the question is closed until the kernel is started anew.
        """
        index = self._index_of(outcome)
        made, resolved = self._kept()
        if made and not resolved:
            keep_answer(PREDICTIONS, kind="outcome", question=self.name, option=index)
        _SHOWN.add(self.name)
        for panel in self._shown_in:
            panel.close(self.why_closed())
        if static_export():  # the reader's prediction is in the browser, which fills in how it did
            about = f'data-name="{html.escape(self.name)}" data-outcome="{index}" data-options="{len(self.options)}"'
            display({"text/html": f'<p class="lesson-verdict" role="status" {about}></p>'}, raw=True)
        score = calibration.brier_score([index], [made["probabilities"]]) if made else None
        return Verdict(str(self.options[index]), score, len(self.options))

    def _kept(self) -> tuple[dict | None, bool]:
        """Return the prediction that counts, with as many options as there are now, and whether its outcome is kept."""
        n = len(self.options)
        made, outcomes = _kept_predictions(lambda r: r["question"] == self.name and len(r["probabilities"]) == n)
        return made.get(self.name), self.name in outcomes

    def _index_of(self, outcome: str | float) -> int:
        if all(isinstance(option, numbers.Real) for option in self.options):
            measured = check.finite_array(outcome, "outcome", ndim=0).item()
            return int(np.argmin([abs(option - measured) for option in self.options]))
        if outcome not in self.options:
            raise ValueError(f"outcome {outcome!r} of prediction {self.name!r} is none of {list(self.options)}.")
        return self.options.index(outcome)

    def why_closed(self) -> str | None:
        """Return, as HTML, that the result was shown: by this kernel, or earlier to a learner who had predicted."""
        made, resolved = self._kept()
        if not resolved and self.name not in _SHOWN:
            return None
        if not made:
            return "Closed: the result has been shown. To answer, restart the kernel and stop here."
        best = int(np.argmax(made["probabilities"]))
        said = f"<em>{html.escape(str(self.options[best]))}</em>, {made['probabilities'][best]:.0%}"
        return f"Closed: the result has been shown. You said {said}."

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        return self.panel()._repr_mimebundle_(**options)

    def panel(self) -> Panel:
        """Return the widgets that ask: which option, and how probable it is; the others share the rest evenly."""
        texts = [str(option) for option in self.options]
        choice = radio_buttons(texts)
        guess = 1 / len(texts)
        sure = [("just guessing", guess), *((f"{c:.0%}", c) for c in CONFIDENCES if c > guess)]
        style = {"description_width": "initial"}
        confidence = widgets.Dropdown(options=sure, value=guess, description="How sure?", style=style)

        def press() -> str:
            if closed := self.why_closed():
                return closed
            if choice.index is None:
                return "Choose an answer first."
            shares = np.full(len(texts), (1 - confidence.value) / (len(texts) - 1))
            shares[choice.index] = confidence.value
            keep_answer(PREDICTIONS, kind="prediction", question=self.name, probabilities=shares.tolist())
            return f"Kept: <em>{html.escape(texts[choice.index])}</em>, {confidence.label}. Now run on."

        in_page = {"kind": "prediction", "name": self.name, "confidences": sure}
        panel = Panel(
            self.text, texts, [choice, confidence], button="Keep my prediction", on_press=press, in_page=in_page
        )
        self._shown_in.append(panel)
        if closed := self.why_closed():
            panel.close(closed)
        return panel


@dataclass(frozen=True)
class Verdict:
    """How a prediction did; shows itself as a sentence."""

    outcome: str
    brier: float | None  # None without a prediction
    n_options: int

    def __str__(self) -> str:
        told = f"It came out: {self.outcome}."
        if self.brier is None:
            return told if static_export() else f"{told} (No prediction of yours is kept for this question.)"
        even = (self.n_options - 1) / self.n_options
        return f"{told} Your Brier score: {self.brier:.2f} (0 is perfect, an even guess gets {even:.2f})."

    __repr__ = __str__


def forecasts() -> list[Forecast]:
    """Return the learner's predictions whose outcome is known, in the order of the outcomes."""
    made, outcomes = _kept_predictions(lambda record: True)
    return [Forecast(name, tuple(made[name]["probabilities"]), each["option"]) for name, each in outcomes.items()]


def _kept_predictions(counts: Callable[[dict], bool]) -> tuple[dict[str, dict], dict[str, dict]]:
    """Return by question the last prediction before its outcome, of those that count, and the first outcome after."""
    made: dict[str, dict] = {}
    outcomes: dict[str, dict] = {}
    for record in storage.read_records(PREDICTIONS, "kind", "question"):
        name = record["question"]
        if name in outcomes:
            continue
        if record["kind"] == "prediction" and counts(record):
            made[name] = record
        elif record["kind"] == "outcome" and name in made:
            outcomes[name] = record
    return made, outcomes


# ------------------------------------------------------------------------------------------------------------- a check


def choice(name: str, question: str, *, right: tuple[str, str], wrong: Sequence[tuple[str, str]]) -> Panel:
    """Ask a question (plain text) with one right option; options are pairs of text and feedback.

    `name` identifies the check in the learner's file and decides the order of the options. A check is as good as its
    wrong options: each is a misconception that people hold.
    """
    feedback = dict([right, *wrong])
    if not all(map(str.strip, feedback.values())):
        raise ValueError(f"check {name!r} needs feedback to each option, got {feedback}.")
    options = shuffled(name, [text for text, _ in (right, *wrong)])
    told = [feedback[option] for option in options]
    in_page = {"kind": "choice", "name": name, "right": options.index(right[0]), "feedback": told}
    reply = {option: judged(option == right[0], text) for option, text in feedback.items()}
    return _ask_options(question, options, right[0], reply, button="Check", in_page=in_page)


def inventory_item(name: str, question: str, *, right: str, wrong: Sequence[str], reply: str) -> Panel:
    """Ask an item of the concept inventory: the answer is kept, `reply` is said, and nothing is given away."""

    options, in_page = shuffled(question, [right, *wrong]), {"kind": "item", "name": name, "reply": reply}
    replies = dict.fromkeys(options, f"Kept. {html.escape(reply)}")
    return _ask_options(question, options, right, replies, button="Keep my answer", in_page=in_page)


def _ask_options(
    question: str, options: Sequence[str], right: str, replies: Mapping[str, str], *, button: str,
    in_page: Mapping[str, Any],
) -> Panel:  # fmt: skip
    if len(options) < 2 or len(set(options)) < len(options):
        raise ValueError(f"check {in_page['name']!r} needs at least two different options, got {options}.")
    buttons = radio_buttons(options)

    def press() -> str:
        if buttons.value is None:
            return "Choose an answer first."
        keep_answer(CHECKS, check=in_page["name"], given=buttons.value, right=buttons.value == right)
        return replies[buttons.value]

    return Panel(question, options, [buttons], button=button, on_press=press, in_page=in_page)


def judged(is_right: bool, feedback: str) -> str:
    """Return the verdict as HTML; what reads it asks for the attribute, never for the words."""
    verdict, words = ("right", "Right.") if is_right else ("wrong", "Not quite.")
    return f'<strong data-verdict="{verdict}">{words}</strong> {html.escape(feedback)}'


def number(
    name: str, question: str, *, answer: float, tolerance: float, hint: str, known: Mapping[float, str]
) -> Panel:
    """Ask for a number; say in the question the unit and how many digits are wanted.

    `answer` is computed by the lesson, never typed. `hint` is shown for a wrong number, unless it is one that a `known`
    mistake leads to, within the tolerance: then that one's feedback.
    """
    answer = check.finite_array(answer, "answer", ndim=0).item()
    if not tolerance > 0:
        raise ValueError(f"tolerance of check {name!r} must be positive, got {tolerance}.")
    if near := [mistake for mistake in known if abs(mistake - answer) <= tolerance]:
        raise ValueError(f"check {name!r}: the mistake {near[0]} is within the tolerance of the answer {answer}.")
    # FloatText would start at 0, and an untouched 0 is no answer; without the width the label is cut off.
    style = {"description_width": "initial"}
    entry = widgets.Text(placeholder="for example 0.25", description="Your number", style=style)

    def press() -> str:
        try:
            given = float(entry.value.replace(",", ".").replace("−", "-"))
        except ValueError:
            given = math.nan
        if not math.isfinite(given):
            return "Type a number first, such as 0.25."
        is_right = abs(given - answer) <= tolerance
        keep_answer(CHECKS, check=name, given=given, right=is_right)
        if is_right:
            return judged(True, f"It is {answer:.4g}.")
        told = [text for mistake, text in known.items() if abs(given - mistake) <= tolerance]
        return judged(False, told[0] if told else hint)

    in_page = {"kind": "number", "name": name, "answer": answer, "tolerance": tolerance, "shown": f"{answer:.4g}"}
    in_page |= {"hint": hint, "known": [[float(mistake), text] for mistake, text in known.items()]}
    return Panel(question, [], [entry], button="Check", on_press=press, in_page=in_page)


def answers() -> dict[str, list[dict]]:
    """Return the learner's answers to checks and items by name, oldest first; each has ``given`` and ``right``."""
    by_name: dict[str, list[dict]] = {}
    for record in storage.read_records(CHECKS, "check", "given", "right"):
        by_name.setdefault(record["check"], []).append(record)
    return by_name


# -------------------------------------------------------------------------------------------------- the learner's code


@dataclass(frozen=True)
class _Task:
    """What the learner is to write: the course's own function, and the inputs on which theirs must agree with it."""

    function: Callable[..., Any]
    cases: list[tuple]
    expected: list[Any]
    hint: str
    tolerance: float


_TASKS: dict[str, _Task] = {}


def solution(
    name: str, *, cases: Sequence[tuple], hint: str, tolerance: float = comparing.TOLERANCE
) -> Callable[[Callable], Callable]:
    """Decorate the course's own function, in a collapsed cell above the one where the learner writes theirs.

    Until the learner's is right, the name stands for this one. `name` identifies the task, such as
    ``"5-paired-error"``; `cases` are the positional arguments of each call, for which this function computes what to
    expect, to a relative `tolerance` (absolute below one); `hint` says what to look at.
    """
    cases = [tuple(case) for case in cases]
    if not cases or not hint.strip():
        raise ValueError(f"solution {name!r} needs at least one case and a hint, got cases {cases} and hint {hint!r}.")

    def keep(function: Callable) -> Callable:
        expected = [function(*copy.deepcopy(case)) for case in cases]
        for value in expected:
            if fault := comparing.difference(value, value):
                raise ValueError(f"solution {name!r} returns {value!r}, which cannot be compared: {fault}")
        _TASKS[name] = _Task(function, cases, expected, hint, tolerance)
        return function

    return keep


def your_code(name: str) -> Callable[[Callable], Callable]:
    """Decorate the function that the learner writes, a docstring and ``...`` at first: it is tried when its cell runs.

    The name is bound to theirs once it is right, else to the course's own; the answer below the cell says which.
    """
    task = _TASKS.get(name)
    if task is None:
        raise ValueError(f"no solution {name!r} is known: run the cells above this one first.")

    def judge(function: Callable) -> Callable:
        state, said = _judge(task, function)
        source = _source(function)
        before = [each["source"] for each in storage.read_records(CODE, "code", "source") if each["code"] == name]
        if state != "missing" and source and source not in before[-1:]:
            try:
                keep_answer(CODE, code=name, source=source, right=state == "right")
            except OSError as error:
                said += f" {_not_kept(error)}"
        written = before[-1] if before and state == "missing" else ""
        display(_CodeAnswer(name, state, said, task, written))
        return function if state == "right" else task.function

    return judge


def _judge(task: _Task, function: Callable) -> tuple[str, str]:
    name = task.function.__name__
    goes_on = f"The lesson goes on with the course's own {name}."
    for case, expected in zip(task.cases, task.expected, strict=True):
        written = (each.__name__ if inspect.isroutine(each) else comparing.shorten(each) for each in case)
        call = f"{name}({', '.join(written)})"
        try:
            got = function(*copy.deepcopy(case))
        except NotImplementedError:
            return "missing", f"Nothing written yet. {goes_on}"
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if frame.filename == function.__code__.co_filename]
            where = f" in line {own[-1].lineno}, `{own[-1].line}`" if own else ""
            return "error", f"{call} stopped{where}: {type(error).__name__}: {error}. {goes_on}"
        if got is None or got is ...:
            return "missing", f"Nothing is returned yet. {goes_on}"
        if found := comparing.difference(got, expected, tolerance=task.tolerance):
            return "wrong", f"{call}: {found} {goes_on}"
    n = len(task.cases)
    return "right", f"Right in {n} of {n} cases. The lesson goes on with your {name}."


def _source(function: Callable) -> str:
    """Return a function's text without its decorators; empty where Python does not know it."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""
    first = ast.parse(text).body[0].lineno
    return "\n".join(text.splitlines()[first - 1 :])


@dataclass(frozen=True)
class _CodeAnswer:
    """What is said of the learner's code: a sentence, with the hint and the solution behind folds."""

    name: str
    state: str  # right, wrong, error or missing
    said: str
    task: _Task
    written: str  # what stood there in an earlier session, for a fresh cell

    def __repr__(self) -> str:
        return self.said

    def _repr_html_(self) -> str:
        status = "" if static_export() else f'<p role="status">{html.escape(self.said)}</p>'
        folds = [("Hint", f"<p>{html.escape(self.task.hint)}</p>")]
        for title, code in (("A solution", _source(self.task.function)), ("What you wrote before", self.written)):
            folds += [(title, f"<pre><code>{html.escape(code)}</code></pre>")] if code else []
        shown = "".join(f"<details><summary>{title}</summary>{inside}</details>" for title, inside in folds)
        about = f'data-name="{html.escape(self.name)}" data-state="{self.state}"'
        return f'<div class="lesson-code" {about}>{status}{shown}</div>'
