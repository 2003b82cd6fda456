"""Checks answer every answer, keep it, give nothing away too early, and look the same to everyone."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonlib import checks, storage
from lessonlib.panel import Panel

ROOT = Path(__file__).resolve().parents[1]
RIGHT = ("The loss of a wrong answer can grow", "Yes: it has no upper bound.")
WRONG = [("Accuracy is wrong", "It counts what it says."), ("It cannot happen", "It did, in <lesson 2> & 3.")]


def ask_choice() -> Panel:
    """Return a check with one right and two wrong options."""
    return checks.choice("why", "Why do both rise?", right=RIGHT, wrong=WRONG)


def ask_number(**options: object) -> Panel:
    """Return a check for ln 10, with a known mistake."""
    settings = {"answer": math.log(10), "tolerance": 0.01, "hint": "Which log?", "known": {1.0: "That is log10."}}
    return checks.number("ln10", "What is ln 10?", **settings | options)


def ask_item() -> Panel:
    """Return an item of the inventory."""
    return checks.inventory_item("item", "Can both rise?", right="yes", wrong=["no", "only with a bug"])


def answer(panel: Panel, value: str | None) -> str:
    """Give an answer, press the button and return the answer line."""
    if value is not None:
        panel.widget.children[1].value = value
    panel.button.click()
    return panel.answer_line.value


# --- a choice -----------------------------------------------------------------------------------------------------


def test_the_right_option_gets_its_feedback_and_is_kept_as_right() -> None:
    assert answer(ask_choice(), RIGHT[0]) == (
        '<p role="status"><strong>Right.</strong> Yes: it has no upper bound.</p>'
    )
    (kept,) = checks.answers()["why"]
    assert (kept["given"], kept["right"]) == (RIGHT[0], True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", kept["time"])


@pytest.mark.parametrize("option", WRONG)
def test_every_wrong_option_gets_its_own_feedback_escaped_and_is_kept_as_wrong(option: tuple[str, str]) -> None:
    line = answer(ask_choice(), option[0])
    feedback = option[1].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert line == f'<p role="status"><strong>Not quite.</strong> {feedback}</p>'
    assert [kept["right"] for kept in checks.answers()["why"]] == [False]


@pytest.mark.parametrize("ask", [ask_choice, ask_item])
def test_a_button_pressed_without_a_choice_keeps_nothing(ask: Callable[[], Panel]) -> None:
    assert "Choose an answer first" in answer(ask(), None)
    assert checks.answers() == {}


def test_every_answer_is_kept_oldest_first_and_by_name() -> None:
    panel = ask_choice()
    for given_answer in (WRONG[0][0], RIGHT[0]):
        answer(panel, given_answer)
    answer(ask_item(), "yes")
    assert [kept["given"] for kept in checks.answers()["why"]] == [WRONG[0][0], RIGHT[0]]
    assert list(checks.answers()) == ["why", "item"]


def test_question_and_options_are_shown_escaped() -> None:
    panel = checks.choice("e", "Is 1 < 2 & <i>so</i>?", right=("<b>yes</b>", "Yes."), wrong=[("no", "It is.")])
    shown = panel.widget.children[0].value + panel._repr_mimebundle_()["text/html"]
    assert "<i>" not in shown
    assert "<b>" not in shown
    assert "Is 1 &lt; 2 &amp; &lt;i&gt;so&lt;/i&gt;?" in shown


# --- a number -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2.303", "2.30", " 2.31 ", "2,303", "23.03e-1", str(math.log(10))])
def test_a_number_within_the_tolerance_is_right_however_it_is_written(text: str) -> None:
    assert answer(ask_number(), text) == '<p role="status"><strong>Right.</strong> It is 2.303.</p>'
    (kept,) = checks.answers()["ln10"]
    assert kept["right"]
    assert kept["given"] == pytest.approx(2.303, abs=0.01)


def test_a_known_mistake_gets_its_own_feedback_and_another_number_the_hint() -> None:
    assert "That is log10." in answer(ask_number(), "1")
    assert "Which log?" in answer(ask_number(), "−2.303")  # a minus sign as the course prints it
    assert [kept["given"] for kept in checks.answers()["ln10"]] == [1.0, -2.303]
    assert not any(kept["right"] for kept in checks.answers()["ln10"])


@pytest.mark.parametrize("text", [None, "", "   ", "two", "1 000", "1.2.3", "nan", "inf", "-infinity", "<b>"])
def test_what_is_no_number_is_neither_kept_nor_judged(text: str | None) -> None:
    assert answer(ask_number(answer=0), text) == '<p role="status">Type a number first, such as 0.25.</p>'
    assert checks.answers() == {}


def test_feedback_on_numbers_is_escaped() -> None:
    panel = ask_number(hint="a < b", known={1.0: "c & d"})
    assert "a &lt; b" in answer(panel, "7")
    assert "c &amp; d" in answer(panel, "1")


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 10), st.floats(-1e6, 1e6))
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_right_is_exactly_what_lies_within_the_tolerance(wanted: float, tolerance: float, typed: float) -> None:
    line = answer(checks.number("n", "?", answer=wanted, tolerance=tolerance, hint="Again."), repr(typed))
    assert ("Right." in line) == (abs(typed - wanted) <= tolerance)


# --- the inventory ------------------------------------------------------------------------------------------------


def test_an_item_of_the_inventory_is_kept_and_gives_nothing_away() -> None:
    lines = [answer(ask_item(), option) for option in ("yes", "no", "only with a bug")]
    assert len(set(lines)) == 1
    assert "Kept." in lines[0]
    assert [kept["right"] for kept in checks.answers()["item"]] == [True, False, False]


# --- the same for everyone ----------------------------------------------------------------------------------------


@given(st.text(), st.lists(st.text(), unique=True))
@settings(deadline=None)
def test_shuffled_options_are_the_same_options_in_the_same_order_each_time(name: str, options: list[str]) -> None:
    once = checks.shuffled(name, options)
    assert sorted(once) == sorted(options)
    assert checks.shuffled(name, options) == once


def test_other_names_give_other_orders() -> None:
    orders = {tuple(checks.shuffled(f"check {n}", "abcd")) for n in range(200)}
    assert len(orders) == 24, "of 24 orders each should come up in 200 names"
    assert len({order[0] for order in orders}) == 4


def test_the_order_of_the_options_is_the_same_in_every_process() -> None:
    code = "from lessonlib import checks; print(*checks.shuffled('why', 'abcdefgh'))"
    for hash_seed in ("0", "1"):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        assert done.stdout.split() == checks.shuffled("why", "abcdefgh")


@pytest.mark.parametrize("ask", [ask_choice, ask_number, ask_item])
def test_the_static_text_is_the_same_each_time_and_holds_question_and_options(ask: Callable[[], Panel]) -> None:
    one, other = ask()._repr_mimebundle_(), ask()._repr_mimebundle_()
    for kind in ("text/plain", "text/html"):
        assert one[kind] == other[kind]
        for text in (ask().question, *ask().options):
            assert text in one[kind]
    assert "application/vnd.jupyter.widget-view+json" in one


def test_the_options_shown_are_those_of_the_text_in_the_same_order() -> None:
    panel = ask_choice()
    assert panel.widget.children[1].options == panel.options
    assert panel._repr_mimebundle_()["text/plain"] == "\n".join(
        ["Why do both rise?", *(f"  ( ) {option}" for option in panel.options)]
    )


# --- refusals -----------------------------------------------------------------------------------------------------

BAD_CHECKS = {
    "no-wrong": (lambda: checks.choice("c", "?", right=RIGHT, wrong=[]), "check 'c' needs a right and a wrong option"),
    "wrong-twice": (lambda: checks.choice("c", "?", right=RIGHT, wrong=[WRONG[0]] * 2), "all different"),
    "wrong-is-right": (lambda: checks.choice("c", "?", right=RIGHT, wrong=[(RIGHT[0], "No.")]), "all different"),
    "no-feedback": (lambda: checks.choice("c", "?", right=RIGHT, wrong=[("no", "")]), "each with feedback"),
    "blank-feedback": (lambda: checks.choice("c", "?", right=("yes", " "), wrong=WRONG), "each with feedback"),
    "item-no-wrong": (lambda: checks.inventory_item("i", "?", right="a", wrong=[]), "item 'i' needs a right and"),
    "item-equal": (lambda: checks.inventory_item("i", "?", right="a", wrong=["a"]), "all different"),
    "item-wrong-twice": (lambda: checks.inventory_item("i", "?", right="a", wrong=["b", "b"]), "all different"),
    "answer-nan": (lambda: ask_number(answer=math.nan), "answer holds nan: remove or repair"),
    "answer-inf": (lambda: ask_number(answer=math.inf), "answer holds inf: remove or repair"),
    "answer-vector": (lambda: ask_number(answer=[1.0, 2.0]), "shape (2,): pass a single number"),
    "tolerance-zero": (lambda: ask_number(tolerance=0), "tolerance of check 'ln10' must be positive, got 0"),
    "tolerance-negative": (lambda: ask_number(tolerance=-1), "must be positive, got -1"),
    "tolerance-nan": (lambda: ask_number(tolerance=math.nan), "must be positive, got nan"),
    "mistake-is-right": (
        lambda: ask_number(known={2.3: "Too low."}),
        "check 'ln10': the mistake 2.3 is within the tolerance",
    ),
}


@pytest.mark.parametrize("bad", BAD_CHECKS.values(), ids=BAD_CHECKS)
def test_a_check_that_cannot_work_is_refused_when_it_is_made(bad: tuple) -> None:
    make, message = bad
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(("ask", "given_answer"), [(ask_choice, RIGHT[0]), (ask_number, "2.303"), (ask_item, "yes")])
def test_a_file_that_cannot_be_written_is_said_beside_the_button(
    ask: Callable[[], Panel], given_answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(storage.HOME_VARIABLE, str(tmp_path / "file"))
    line = answer(ask(), given_answer)
    assert "Your answer could not be kept" in line
    assert "set LESSONLIB_HOME to a folder that you can write to" in line
