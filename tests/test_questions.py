"""Predictions lock and are scored, checks answer every answer, the learner's code is judged; all of it is kept."""

from __future__ import annotations

import base64
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonlib import figures, questions, storage
from lessonlib.questions import Forecast, Panel, Prediction

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _new_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test as a kernel that has shown nothing."""
    new_kernel(monkeypatch)


def new_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "_SHOWN", set())
    monkeypatch.setattr(questions, "_TASKS", {})


def kept(file: str = questions.PREDICTIONS) -> list[dict]:
    """Return what is in a file of the learner."""
    return storage.read_records(file)


def press(panel: Panel, *values: object) -> str:
    """Set the controls from the top, press the button and return the answer line."""
    for control, value in zip(panel.controls, values, strict=False):
        control.value = value
    panel.button.click()
    return panel.answer_line.value


def verdict_of(line: str) -> str | None:
    """Return what a check's answer line says to a program."""
    mark = BeautifulSoup(line, "html.parser").select_one("[data-verdict]")
    return mark and mark["data-verdict"]


# ------------------------------------------------------------------------------------------------------- a prediction


def ask(name: str = "q", options: tuple = ("rises", "falls", "stays"), **more: object) -> Prediction:
    return Prediction(name, "What happens?", options, **more)


def predict(question: Prediction, option: object, confidence: float) -> str:
    """Answer a prediction, and return what is said below the button."""
    return press(question.panel(), str(option), confidence)


def test_a_prediction_is_kept_resolved_and_scored() -> None:
    question = ask()
    assert "falls" in press(question.panel(), "falls", 0.8)
    verdict = question.resolve("falls")
    assert verdict.brier == pytest.approx(0.2**2 + 2 * 0.1**2)
    assert "0.06" in str(verdict)
    assert [record["kind"] for record in kept()] == ["prediction", "outcome"]
    assert questions.forecasts() == [Forecast("q", (pytest.approx(0.1), 0.8, pytest.approx(0.1)), 1)]


@pytest.mark.parametrize("n_options", [2, 3, 10])
@pytest.mark.parametrize("confidence", [0.6, 0.95, 1])
def test_a_choice_becomes_a_distribution_with_the_rest_shared_evenly(n_options: int, confidence: float) -> None:
    choice = n_options - 1
    predict(ask(options=tuple(range(n_options))), choice, confidence)
    distribution = kept()[0]["probabilities"]
    assert sum(distribution) == pytest.approx(1)
    assert distribution[choice] == confidence
    np.testing.assert_allclose(np.delete(distribution, choice), (1 - confidence) / (n_options - 1))


def test_it_is_closed_once_the_result_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the panel that stands there, on one made anew, for a caller, and in the next session."""
    question = ask()
    panel = question.panel()
    press(panel, "falls", 0.8)
    first = question.resolve("rises")
    assert all(control.disabled for control in (*panel.controls, panel.button))
    press(panel, "rises", 1.0)
    assert "Closed" in predict(question, "rises", 1.0)
    new_kernel(monkeypatch)
    assert ask().why_closed()
    assert "falls" in ask().panel().answer_line.value
    assert ask().resolve("rises") == first
    assert ask().resolve("falls").brier != first.brier  # the experiment run again, with another result
    assert [forecast.outcome for forecast in questions.forecasts()] == [0]
    assert len(kept()) == 2


def test_who_predicted_nothing_is_shut_out_until_the_kernel_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    question = ask()
    verdict = question.resolve("falls")
    assert (verdict.brier, kept(), questions.forecasts()) == (None, [], [])
    press(ask().panel(), "falls", 1.0)
    assert kept() == []
    new_kernel(monkeypatch)
    press(ask().panel(), "falls", 1.0)
    assert ask().resolve("falls").brier == 0


def test_the_last_prediction_before_the_result_counts() -> None:
    question = ask()
    panel = question.panel()
    press(panel, "rises", 1.0)
    press(panel, "falls", 0.9)
    assert question.resolve("falls").brier == pytest.approx(0.1**2 + 2 * 0.05**2)


def test_forecasts_come_in_the_order_of_the_outcomes() -> None:
    asked = {name: ask(name, ("yes", "no")) for name in "abc"}
    for question in asked.values():
        predict(question, "yes", 0.7)
    asked["c"].resolve("yes")
    asked["a"].resolve("no")
    assert [(f.question, f.outcome) for f in questions.forecasts()] == [("c", 0), ("a", 1)]


@pytest.mark.parametrize(("measured", "nearest"), [(0.0, 0), (0.36, 1), (99.0, 2), (-5, 0), (np.float32(1.1), 2)])
@pytest.mark.parametrize("options", [(0.2, 0.5, 1), tuple(np.array([0.2, 0.5, 1.0]))], ids=["python", "numpy"])
def test_of_numbers_the_nearest_came_true(options: tuple, measured: float, nearest: int) -> None:
    question = ask(options=options)
    predict(question, options[nearest], 1.0)
    assert question.resolve(measured).brier == 0


def test_a_prediction_of_an_earlier_edition_with_other_options_does_not_count() -> None:
    old = ask(options=("rises", "falls"))
    predict(old, "rises", 0.9)
    old.resolve("falls")
    questions._SHOWN.clear()
    assert ask().why_closed() is None
    predict(ask(), "stays", 0.9)
    assert ask().resolve("stays").brier < 0.1


def test_what_an_older_version_kept_still_counts(home: Path) -> None:
    """Lines as the first version wrote them."""
    home.mkdir()
    (home / questions.PREDICTIONS).write_text(
        '{"kind": "prediction", "probabilities": [0.9, 0.1], "question": "1-a", "time": "2026-01-01T10:00:00+00:00"}\n'
        '{"kind": "outco\n'
        '{"kind": "outcome", "option": 0, "question": "1-a", "time": "2026-01-01T10:01:00+00:00"}\n'
    )
    with pytest.warns(UserWarning, match="line 2 is damaged"):
        assert questions.forecasts() == [Forecast("1-a", (0.9, 0.1), 0)]


@pytest.mark.parametrize("n_options", [2, 3, 6])
def test_no_confidence_below_the_even_guess_is_offered(n_options: int) -> None:
    offered = ask(options=tuple(range(n_options))).panel().controls[1].options
    assert offered[0] == ("just guessing", 1 / n_options)
    assert all(value > 1 / n_options for _, value in offered[1:])


# --------------------------------------------------------------------------------------------------------------- checks

RIGHT = ("The loss of a wrong answer can grow", "Yes: it has no <upper> bound.")
WRONG = [("Accuracy is wrong", "It counts what it says."), ("It cannot happen", "It did, in <lesson 2> & 3.")]


def ask_choice() -> Panel:
    return questions.choice("why", "Why do both rise?", right=RIGHT, wrong=WRONG)


def ask_number(**options: object) -> Panel:
    settings = {"answer": math.log(10), "tolerance": 0.01, "hint": "Which log?", "known": {1.0: "That is log10."}}
    return questions.number("ln10", "What is ln 10?", **settings | options)


def ask_item() -> Panel:
    return questions.inventory_item(
        "item", "Can both rise?", right="yes", wrong=["no", "only with a bug"], reply="Later."
    )


def ask_prediction() -> Panel:
    return ask().panel()


@pytest.mark.parametrize("option", [RIGHT, *WRONG])
def test_every_option_of_a_check_gets_its_own_feedback_escaped_and_is_kept(option: tuple[str, str]) -> None:
    line = press(ask_choice(), option[0])
    assert option[1] in BeautifulSoup(line, "html.parser").get_text()
    assert "<lesson" not in line
    assert verdict_of(line) == ("right" if option == RIGHT else "wrong")
    (record,) = questions.answers()["why"]
    assert (record["given"], record["right"]) == (option[0], option == RIGHT)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["time"])


@pytest.mark.parametrize("text", ["2.303", " 2.31 ", "2,303", "23.03e-1", str(math.log(10))])
def test_a_number_within_the_tolerance_is_right_however_it_is_written(text: str) -> None:
    assert verdict_of(press(ask_number(), text)) == "right"
    assert questions.answers()["ln10"][0]["given"] == pytest.approx(2.303, abs=0.01)


def test_a_known_mistake_gets_its_own_feedback_and_another_number_the_hint() -> None:
    assert "That is log10." in press(ask_number(), "1")
    assert "Which log?" in press(ask_number(), "−2.303")  # a minus sign as the course prints it
    assert [record["right"] for record in questions.answers()["ln10"]] == [False, False]


@pytest.mark.parametrize("text", ["", "two", "1 000", "nan", "inf", "<b>"])
def test_what_is_no_number_is_neither_kept_nor_judged(text: str) -> None:
    assert verdict_of(press(ask_number(answer=0), text)) is None
    assert questions.answers() == {}


def test_an_item_of_the_inventory_gives_nothing_away() -> None:
    assert len({press(ask_item(), option) for option in ("yes", "no", "only with a bug")}) == 1
    assert [record["right"] for record in questions.answers()["item"]] == [True, False, False]


@given(st.text(), st.lists(st.text(), unique=True))
@settings(deadline=None)
def test_shuffled_options_are_the_same_options(name: str, options: list[str]) -> None:
    assert sorted(questions.shuffled(name, options)) == sorted(options)


def test_names_decide_the_order_which_is_the_same_in_every_process() -> None:
    assert len({tuple(questions.shuffled(f"check {n}", "abcd")) for n in range(200)}) == 24
    code = "from lessonlib import questions; print(*questions.shuffled('why', 'abcdefgh'))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == questions.shuffled("why", "abcdefgh")


# ------------------------------------------------------------------------------------------------------- every question

EVERY = [(ask_prediction, "rises"), (ask_choice, RIGHT[0]), (ask_number, "2.303"), (ask_item, "yes")]


@pytest.mark.parametrize(("make", "_answer"), EVERY)
def test_the_static_text_is_the_same_each_time_and_holds_question_and_options(
    make: Callable[[], Panel], _answer: str
) -> None:
    one, other = make()._repr_mimebundle_(), make()._repr_mimebundle_()
    for kind in ("text/plain", "text/html"):
        assert one[kind] == other[kind]
        assert all(text in one[kind] for text in (make().question, *make().options))
    assert "application/vnd.jupyter.widget-view+json" in one


@pytest.mark.parametrize("make", [ask_prediction, ask_choice, ask_item])
def test_a_button_pressed_without_a_choice_keeps_nothing(make: Callable[[], Panel]) -> None:
    assert "Choose an answer first" in press(make())
    assert kept() == kept(questions.CHECKS) == []


@pytest.mark.parametrize(("make", "answer"), EVERY)
def test_a_file_that_cannot_be_written_is_said_beside_the_button(
    make: Callable[[], Panel], answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on <device>")

    monkeypatch.setattr(storage, "append_record", refuse)
    line = press(make(), answer)
    assert "No space left on &lt;device&gt;" in line
    assert "set LESSONLIB_HOME to a folder that you can write to" in line


def test_what_the_author_wrote_is_shown_as_text_and_never_as_html() -> None:
    panel = Prediction("q", "Is a < b & <script>x</script>?", ["<b>yes</b>", "no"]).panel()
    shown = [panel.widget.children[0].value, press(panel, "<b>yes</b>"), panel._repr_mimebundle_()["text/html"]]
    assert not any(tag in text for tag in ("<script>", "<b>") for text in shown)


LOCKED = ask("locked", ("yes", "no"))
BAD = {
    "one-option": (lambda: ask(options=("yes",)), "needs at least two different options, got ['yes']"),
    "equal-options": (lambda: ask(options=("a", "a")), "needs at least two different options"),
    "resolve-unknown": (lambda: LOCKED.resolve("explodes"), "'explodes' of prediction 'locked' is none of"),
    "resolve-nan": (lambda: ask(options=(1, 2)).resolve(math.nan), "remove or repair"),
    "no-wrong": (lambda: questions.choice("c", "?", right=RIGHT, wrong=[]), "check 'c' needs at least two different"),
    "wrong-is-right": (
        lambda: questions.choice("c", "?", right=RIGHT, wrong=[(RIGHT[0], "No.")]),
        "two different options",
    ),
    "no-feedback": (lambda: questions.choice("c", "?", right=("yes", " "), wrong=WRONG), "needs feedback to each"),
    "item-equal": (
        lambda: questions.inventory_item("i", "?", right="a", wrong=["a"], reply=""),
        "two different options",
    ),
    "answer-nan": (lambda: ask_number(answer=math.nan), "answer holds nan: remove or repair"),
    "tolerance-zero": (lambda: ask_number(tolerance=0), "tolerance of check 'ln10' must be positive, got 0"),
    "mistake-is-right": (lambda: ask_number(known={2.3: "Low."}), "mistake 2.3 is within the tolerance"),
    "no-case": (lambda: questions.solution("s", cases=[], hint="h"), "needs at least one case and a hint"),
    "no-hint": (lambda: questions.solution("s", cases=[(1,)], hint=" "), "needs at least one case and a hint"),
    "no-value": (lambda: questions.solution("s", cases=[(1,)], hint="h")(print), "cannot be compared"),
    "no-solution": (lambda: questions.your_code("s"), "run the cells above this one first"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_argument_is_refused_with_its_value_and_nothing_is_kept(bad: tuple) -> None:
    call, message = bad
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
    assert kept() == []


# -------------------------------------------------------------------------------------------------- the learner's code


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """Return the list of what is displayed."""
    displayed: list = []
    monkeypatch.setattr(questions, "display", lambda what, raw=False: displayed.append(what))
    return displayed


@pytest.fixture
def course(shown: list) -> Callable:
    """Return the course's own lines, after the hidden cell has run."""

    @questions.solution("2-error", cases=[([1.0, 2.0], [2.0, 5.0]), ([0.0, 4.0], [1.0, 1.0])], hint="Subtract <first>.")
    def paired_error(before, after):
        change = np.subtract(after, before)
        return change.std(ddof=1) / np.sqrt(len(change))

    return paired_error


def try_code(function: Callable) -> Callable:
    return questions.your_code("2-error")(function)


def test_right_code_stands_for_the_rest_of_the_lesson(course: Callable, shown: list) -> None:
    def mine(before, after):
        change = np.array(after) - before
        before.clear()  # what the learner does to the inputs harms nobody
        return float(np.std(change, ddof=1) / len(change) ** 0.5)

    assert try_code(mine) is mine
    assert shown[0].state == "right"
    (record,) = kept(questions.CODE)
    assert (record["code"], record["right"]) == ("2-error", True)
    assert "before.clear()" in record["source"]


def test_wrong_code_is_told_which_input_gave_what(course: Callable, shown: list) -> None:
    assert try_code(lambda before, after: 1.0) is course  # right for the first pair, not for the second
    assert shown[0].state == "wrong"
    assert "([0.0, 4.0], [1.0, 1.0]): Expected 2.0, got 1.0." in shown[0].said


def test_an_error_is_shown_at_the_learners_own_line(course: Callable, shown: list) -> None:
    def mine(before, after):
        return np.subtract(before, after) + None

    assert try_code(mine) is course
    assert shown[0].state == "error"
    assert "TypeError" in shown[0].said
    assert "`return np.subtract(before, after) + None`" in shown[0].said


def test_an_unchanged_cell_lets_the_lesson_go_on_and_keeps_nothing(course: Callable, shown: list) -> None:
    def dots(before, after): ...

    def raises(before, after):
        raise NotImplementedError

    for stub in (dots, raises):
        assert try_code(stub) is course
    assert [answer.state for answer in shown] == ["missing", "missing"]
    assert kept(questions.CODE) == []


def test_what_the_learner_wrote_is_shown_again_when_the_cell_is_fresh(course: Callable, shown: list) -> None:
    def mine(before, after):
        return 7 + 0

    try_code(mine)
    try_code(mine)  # run again: once is enough
    assert len(kept(questions.CODE)) == 1
    try_code(lambda before, after: ...)
    assert "return 7 + 0" in shown[-1]._repr_html_()


def test_an_interrupted_loop_ends_there(course: Callable) -> None:
    def interrupted(before, after):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        try_code(interrupted)


def test_hint_and_solution_wait_behind_folds(course: Callable, shown: list, monkeypatch: pytest.MonkeyPatch) -> None:
    try_code(lambda before, after: ...)
    for static in (False, True):
        monkeypatch.setenv("LESSONLIB_STATIC", str(int(static)))
        answer = BeautifulSoup(shown[0]._repr_html_(), "html.parser")
        hint, solution = answer.select("details")
        assert "Subtract <first>." in hint.get_text()
        assert "def paired_error(before, after):" in solution.get_text()
        assert "@questions.solution" not in solution.get_text()
        assert (answer.select_one("[role=status]") is None) == static  # a page cannot try anything


# ------------------------------------------------------------------------------------------------- without a kernel


@pytest.fixture
def static(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSONLIB_STATIC", "1")


def form_of(shown: object) -> tuple[Tag, dict]:
    """Return a question's form and what its browser decodes."""
    form = BeautifulSoup(shown._repr_mimebundle_()["text/html"], "html.parser").form
    return form, json.loads(base64.b64decode(form["data-page"]))


@pytest.mark.parametrize(("value", "is_static"), [("1", True), ("", False), ("0", False)])
def test_static_output_is_asked_for_by_a_variable(monkeypatch, value: str, is_static: bool) -> None:
    monkeypatch.setenv("LESSONLIB_STATIC", value)
    assert figures.static_export() is is_static


@pytest.mark.usefixtures("static")
def test_a_check_becomes_a_form_whose_feedback_fits_its_options_and_stands_nowhere_as_text() -> None:
    form, told = form_of(ask_choice())
    options = [label.get_text().strip() for label in form.select("label")]
    assert dict(zip(options, told["feedback"], strict=True)) == dict([RIGHT, *WRONG])
    assert options[told["right"]] == RIGHT[0]
    assert "upper" not in str(form)


@pytest.mark.usefixtures("static")
def test_a_number_is_asked_in_a_field_and_an_item_does_not_hold_its_answer() -> None:
    form, told = form_of(ask_number())
    assert form.select_one("label input[type=text]")
    assert (told["answer"], told["shown"], told["known"]) == (math.log(10), "2.303", [[1.0, "That is log10."]])
    assert set(form_of(ask_item())[1]) == {"kind", "name", "reply"}


@pytest.mark.usefixtures("static")
def test_a_prediction_becomes_a_form_and_its_outcome_a_line_for_the_browser(shown: list) -> None:
    question = ask("p", (0.11, 0.37))
    form, _ = form_of(question)
    assert form.select_one("select")
    question.resolve(0.12)
    line = BeautifulSoup(shown[0]["text/html"], "html.parser").p
    assert (line["data-name"], line["data-outcome"], line["data-options"]) == ("p", "0", "2")


@pytest.mark.usefixtures("static")
def test_names_cannot_break_out_of_the_page() -> None:
    form, told = form_of(Prediction('"><script>alert(1)</script>', "<b>?", ["<i>", "b"]))
    assert form["data-name"] == told["name"] == '"><script>alert(1)</script>'
    assert form.select("b, i, fieldset script") == []
