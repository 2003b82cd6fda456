"""Predictions are asked, kept, settled once and scored properly."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lessonlib import panel, predictions, storage
from lessonlib.predictions import Forecast, Question, brier_score, spread

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def kept() -> list[dict]:
    """Return what is in the learner's file."""
    return storage.read_records(predictions.FILE)


@st.composite
def distributions(draw: st.DrawFn, n_options: int) -> NDArray[np.float64]:
    """Draw a distribution over the options."""
    weights = np.array(draw(st.lists(st.floats(0, 1), min_size=n_options, max_size=n_options)))
    weights = weights if weights.sum() > 1e-6 else np.ones(n_options)
    return weights / weights.sum()


def expected_score(stated: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """Return the mean Brier score of a stated distribution when outcomes follow the true one."""
    return sum(p * brier_score(stated, outcome) for outcome, p in enumerate(true))


# --- the score ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_options", [2, 3, 5, 10])
def test_brier_score_agrees_with_scikit_learn(n_options: int) -> None:
    from sklearn.metrics import brier_score_loss

    rng = np.random.default_rng(n_options)
    for row, outcome in zip(rng.dirichlet(np.ones(n_options), 50), rng.integers(n_options, size=50), strict=True):
        expected = brier_score_loss([outcome], [row], labels=list(range(n_options)), scale_by_half=False)
        assert brier_score(row, outcome) == pytest.approx(expected, abs=1e-12)


@given(st.integers(2, 6).flatmap(lambda k: st.tuples(distributions(k), distributions(k))))
@PATIENT
def test_brier_score_is_proper_the_truth_has_the_lowest_expected_score(pair: tuple) -> None:
    stated, true = pair
    excess = expected_score(stated, true) - expected_score(true, true)
    assert excess == pytest.approx(((stated - true) ** 2).sum(), abs=1e-9)
    assert excess >= -1e-9


@given(st.integers(2, 6).flatmap(distributions), st.data())
@PATIENT
def test_brier_score_lies_between_zero_and_two(row: NDArray, data: st.DataObject) -> None:
    assert -1e-12 <= brier_score(row, data.draw(st.integers(0, len(row) - 1))) <= 2 + 1e-9


@pytest.mark.parametrize("n_options", [2, 3, 10])
def test_brier_score_is_zero_when_certain_and_right_two_when_certain_and_wrong(n_options: int) -> None:
    certain = np.eye(n_options)[0]
    assert brier_score(certain, 0) == 0
    assert brier_score(certain, 1) == 2
    assert brier_score(np.full(n_options, 1 / n_options), 1) == pytest.approx((n_options - 1) / n_options)


@given(st.integers(2, 10), st.floats(0, 1), st.data())
@PATIENT
def test_a_choice_becomes_a_distribution_with_the_rest_shared_evenly(
    n_options: int, confidence: float, data: st.DataObject
) -> None:
    choice = data.draw(st.integers(0, n_options - 1))
    distribution = spread(choice, confidence, n_options)
    assert distribution.sum() == pytest.approx(1)
    assert distribution[choice] == confidence
    np.testing.assert_allclose(np.delete(distribution, choice), (1 - confidence) / (n_options - 1))


QUESTION = Question("q", "What happens?", ["rises", "falls", "stays"])
BAD_CALLS = {
    "brier-sum": (lambda: brier_score([0.5, 0.4], 0), ValueError, "sum to 0.9", "divide each row by its sum"),
    "brier-logits": (lambda: brier_score([2.0, -1.0], 0), ValueError, "2, outside 0..1", "apply softmax"),
    "brier-nan": (lambda: brier_score([np.nan, 1.0], 0), ValueError, "nan at index (0,)", "remove or repair"),
    "brier-empty": (lambda: brier_score([], 0), ValueError, "shape (0,)", "pass at least one"),
    "brier-one": (lambda: brier_score([1.0], 0), ValueError, "1 column", "as the two columns"),
    "brier-matrix": (lambda: brier_score(np.eye(2), 0), ValueError, "shape (2, 2)", "pass one number per"),
    "brier-outcome-high": (lambda: brier_score([0.5, 0.5], 2), ValueError, "got 2", "whole number from 0 to 1"),
    "brier-outcome-low": (lambda: brier_score([0.5, 0.5], -1), ValueError, "got -1", "whole number from 0 to 1"),
    "brier-outcome-half": (lambda: brier_score([0.5, 0.5], 0.5), ValueError, "got 0.5", "whole number from 0 to 1"),
    "brier-outcome-one-hot": (lambda: brier_score([0.5, 0.5], [0, 1]), ValueError, "shape (2,)", "a single number"),
    "spread-choice": (lambda: spread(3, 0.5, 3), ValueError, "choice", "whole number from 0 to 2, got 3"),
    "spread-negative": (lambda: spread(-1, 0.5, 3), ValueError, "choice", "whole number from 0 to 2, got -1"),
    "spread-percent": (lambda: spread(0, 80, 3), ValueError, "got 80", "confidence must be between 0 and 1"),
    "spread-nan": (lambda: spread(0, np.nan, 3), ValueError, "confidence holds nan", "remove or repair"),
    "spread-one-option": (lambda: spread(0, 0.5, 1), ValueError, "got 1", "n_options must be a whole number of at"),
    "record-choice": (lambda: QUESTION.record(3, 0.5), ValueError, "got 3", "choice must be a whole number from 0"),
    "record-confidence": (lambda: QUESTION.record(0, 1.1), ValueError, "got 1.1", "must be between 0 and 1"),
    "record-word": (lambda: QUESTION.record("rises", 0.5), TypeError, "'rises'", "convert it first"),
    "settle-unknown": (lambda: QUESTION.settle("explodes"), ValueError, "'explodes'", "is none of ['rises', 'falls'"),
    "settle-nan": (lambda: Question("n", "?", [1, 2]).settle(np.nan), ValueError, "nan", "remove or repair"),
    "settle-word": (lambda: Question("n", "?", [1, 2]).settle("two"), TypeError, "'two'", "convert it first"),
    "one-option": (lambda: Question("q", "?", ["yes"]), ValueError, "['yes']", "needs at least two different options"),
    "equal-options": (lambda: Question("q", "?", ["a", "a"]), ValueError, "['a', 'a']", "at least two different"),
    "no-options": (lambda: Question("q", "?", []), ValueError, "[]", "at least two different options"),
}


@pytest.mark.parametrize("bad", BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_arguments_are_refused_naming_value_and_remedy_and_nothing_is_kept(bad: tuple) -> None:
    call, kind, value, remedy = bad
    with pytest.raises(kind, match=re.escape(value)) as caught:
        call()
    assert remedy in str(caught.value)
    assert kept() == []


# --- keeping and settling -----------------------------------------------------------------------------------------


def test_a_recorded_prediction_is_kept_as_a_distribution_with_its_time() -> None:
    QUESTION.record(1, 0.8)
    (record,) = kept()
    assert record["kind"] == "prediction"
    assert record["question"] == "q"
    assert record["probabilities"] == pytest.approx([0.1, 0.8, 0.1])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["time"])


def test_a_settled_prediction_is_scored_and_said_in_a_sentence() -> None:
    QUESTION.record(1, 0.8)
    verdict = QUESTION.settle("falls")
    assert verdict.brier == pytest.approx(0.2**2 + 2 * 0.1**2)
    assert str(verdict) == repr(verdict)
    assert str(verdict) == "It came out: falls. Your Brier score: 0.06 (0 is perfect, an even guess gets 0.67)."
    assert predictions.forecasts() == [Forecast("q", (pytest.approx(0.1), 0.8, pytest.approx(0.1)), 1)]
    assert predictions.forecasts()[0].brier == pytest.approx(verdict.brier)


def test_without_a_prediction_the_outcome_is_shown_and_nothing_is_kept() -> None:
    verdict = QUESTION.settle("falls")
    assert verdict.brier is None
    assert str(verdict) == "It came out: falls. (No prediction of yours is kept for this question.)"
    assert kept() == []
    assert predictions.forecasts() == []


def test_the_last_prediction_before_the_first_outcome_counts_and_later_ones_do_not() -> None:
    QUESTION.record(0, 1.0)
    QUESTION.record(1, 0.9)
    QUESTION.settle("rises")
    QUESTION.record(0, 1.0)  # easy, afterwards
    QUESTION.settle("rises")
    QUESTION.settle("stays")  # the experiment run again
    (forecast,) = predictions.forecasts()
    assert forecast.probabilities == pytest.approx((0.05, 0.9, 0.05))
    assert forecast.outcome == 0
    assert [record["kind"] for record in kept()] == ["prediction", "prediction", "outcome", "prediction"]


def test_hindsight_changes_neither_the_verdict_nor_the_forecast() -> None:
    QUESTION.record(0, 0.8)
    QUESTION.record(1, 0.9)
    first = QUESTION.settle("rises")
    QUESTION.record(0, 1.0)
    assert QUESTION.settle("rises") == first
    assert [forecast.brier for forecast in predictions.forecasts()] == [first.brier]


def test_forecasts_come_in_the_order_of_settling_and_unsettled_ones_not_at_all() -> None:
    asked = {name: Question(name, "?", ["yes", "no"]) for name in "abc"}
    for question in asked.values():
        question.record(0, 0.7)
    asked["c"].settle("yes")
    asked["a"].settle("no")
    assert [(f.question, f.outcome) for f in predictions.forecasts()] == [("c", 0), ("a", 1)]


def test_questions_do_not_see_each_others_predictions() -> None:
    QUESTION.record(0, 0.5)
    assert Question("other", "?", ["yes", "no"]).settle("yes").brier is None


@pytest.mark.parametrize(
    ("measured", "nearest"),
    [(0.0, 0), (0.34, 0), (0.36, 1), (0.5, 1), (99.0, 2), (-5, 0), (np.float32(1.1), 2), (0.35, 0)],
)
@pytest.mark.parametrize("options", [(0.2, 0.5, 1), tuple(np.array([0.2, 0.5, 1.0]))], ids=["python", "numpy"])
def test_numbers_are_settled_by_the_nearest_option(options: tuple, measured: float, nearest: int) -> None:
    question = Question("n", "How much?", options)
    question.record(nearest, 1.0)
    assert question.settle(measured).brier == 0


def test_integer_options_of_numpy_are_settled_by_the_nearest_too() -> None:
    assert Question("n", "How many?", np.array([10, 20])).settle(19).outcome == "20"


def test_a_prediction_kept_when_the_question_had_other_options_does_not_count() -> None:
    Question("q", "What happens?", ["rises", "falls"]).record(0, 0.9)
    assert QUESTION.settle("stays").brier is None
    assert predictions.forecasts() == []


def test_a_damaged_line_does_not_lose_the_other_predictions(home: Path) -> None:
    QUESTION.record(0, 0.9)
    with open(home / predictions.FILE, "a") as file:
        file.write('{"kind": "outco')
    with pytest.warns(UserWarning, match="line 2 is damaged"):
        assert QUESTION.settle("rises").brier == pytest.approx(0.1**2 + 2 * 0.05**2)


def test_a_line_that_is_no_prediction_is_passed_over_with_a_warning() -> None:
    storage.append_record(predictions.FILE, {"note": "edited by hand"})
    QUESTION.record(0, 0.9)
    with pytest.warns(UserWarning, match="line 1 is damaged"):
        QUESTION.settle("rises")
    with pytest.warns(UserWarning, match="line 1 is damaged"):
        assert len(predictions.forecasts()) == 1


# --- asking -------------------------------------------------------------------------------------------------------


def controls(asked: panel.Panel) -> tuple:
    """Return the radio buttons and the list of confidences of a panel."""
    _, choice, confidence, button, answer = asked.widget.children
    assert (button, answer) == (asked.button, asked.answer_line)
    return choice, confidence


def test_pressing_the_button_keeps_the_choice_with_its_confidence() -> None:
    asked = QUESTION.panel()
    choice, confidence = controls(asked)
    choice.value, confidence.value = "falls", 0.8
    asked.button.click()
    assert kept()[0]["probabilities"] == pytest.approx([0.1, 0.8, 0.1])
    assert asked.answer_line.value == '<p role="status">Kept: <em>falls</em>, 80%. Now run on.</p>'


def test_a_learner_who_is_just_guessing_keeps_the_even_guess() -> None:
    asked = QUESTION.panel()
    choice, confidence = controls(asked)
    choice.index = 2
    assert confidence.label == "just guessing"
    asked.button.click()
    assert kept()[0]["probabilities"] == pytest.approx([1 / 3] * 3)


def test_without_a_choice_nothing_is_kept_and_the_panel_says_so() -> None:
    asked = QUESTION.panel()
    assert controls(asked)[0].value is None
    asked.button.click()
    assert kept() == []
    assert "Choose an answer first." in asked.answer_line.value


@pytest.mark.parametrize("n_options", [2, 3, 6])
def test_no_confidence_below_the_even_guess_is_offered(n_options: int) -> None:
    offered = controls(Question("q", "?", list(range(n_options))).panel())[1].options
    assert offered[0] == ("just guessing", 1 / n_options)
    assert all(value > 1 / n_options for _, value in offered[1:])
    assert offered[-1] == ("100%", 1.0)


def test_what_the_author_wrote_is_shown_as_text_and_never_as_html() -> None:
    asked = Question("q", "Is a < b & <script>x</script>?", ["<b>yes</b>", "no"]).panel()
    controls(asked)[0].index = 0
    asked.button.click()
    shown = [asked.widget.children[0].value, asked.answer_line.value, asked._repr_mimebundle_()["text/html"]]
    for html in shown:
        assert "<script>" not in html
        assert "<b>" not in html
    assert "a &lt; b &amp; &lt;script&gt;" in shown[0]
    assert "&lt;b&gt;yes&lt;/b&gt;" in shown[1]


def test_a_file_that_cannot_be_written_is_said_beside_the_button(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on <device>")

    monkeypatch.setattr(storage, "append_record", refuse)
    asked = QUESTION.panel()
    controls(asked)[0].index = 0
    asked.button.click()
    assert "could not be kept" in asked.answer_line.value
    assert "No space left on &lt;device&gt;" in asked.answer_line.value
    assert "set LESSONLIB_HOME" in asked.answer_line.value


def test_question_and_options_stand_there_as_text_where_widgets_cannot() -> None:
    bundles = [QUESTION._repr_mimebundle_() for _ in range(2)]
    assert bundles[0]["text/plain"] == "What happens?\n  ( ) rises\n  ( ) falls\n  ( ) stays"
    assert bundles[0]["text/html"] == (
        "<p><strong>What happens?</strong></p><ul><li>rises</li><li>falls</li><li>stays</li></ul>"
    )
    for kind in ("text/plain", "text/html"):
        assert bundles[0][kind] == bundles[1][kind]
    assert "application/vnd.jupyter.widget-view+json" in bundles[0]


def test_what_is_kept_is_plain_json_a_line(home: Path) -> None:
    QUESTION.record(0, 0.9)
    QUESTION.settle("rises")
    lines = (home / predictions.FILE).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["prediction", "outcome"]
