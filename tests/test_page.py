"""Questions in a page without a kernel: what the browser is given, and that it gives nothing away at a glance."""

from __future__ import annotations

import base64
import json
import math

import pytest
from bs4 import BeautifulSoup, Tag

from lessonlib import checks, page, predictions
from lessonlib.predictions import Question

RIGHT, WRONG = ("yes & no", "Yes: <so> it is."), [("no", "It overlooks <this>."), ("both", "And that.")]


@pytest.fixture(autouse=True)
def in_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for output that lives without a kernel."""
    monkeypatch.setenv("LESSONLIB_STATIC", "1")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of what a settled question displays."""
    displayed: list[str] = []
    monkeypatch.setattr(predictions, "_display_html", displayed.append)
    return displayed


def form_of(shown: object) -> tuple[Tag, dict]:
    """Return a question's form and what its browser decodes."""
    form = BeautifulSoup(shown._repr_mimebundle_()["text/html"], "html.parser").form
    return form, json.loads(base64.b64decode(form["data-page"]))


@pytest.mark.parametrize(("value", "static"), [("1", True), ("", False), ("0", False)])
def test_static_output_is_asked_for_by_a_variable(monkeypatch: pytest.MonkeyPatch, value: str, static: bool) -> None:
    monkeypatch.setenv("LESSONLIB_STATIC", value)
    assert page.static_export() is static


def test_a_check_becomes_a_form_whose_feedback_fits_its_options() -> None:
    form, told = form_of(checks.choice("c", "Why <both>?", right=RIGHT, wrong=WRONG))
    options = [label.get_text().strip() for label in form.select("label")]
    assert form.legend.get_text() == "Why <both>?"
    assert dict(zip(options, told["feedback"], strict=True)) == dict([RIGHT, *WRONG])
    assert options[told["right"]] == RIGHT[0]


def test_no_feedback_stands_in_the_page_as_text() -> None:
    html = checks.choice("c", "Why?", right=RIGHT, wrong=WRONG)._repr_mimebundle_()["text/html"]
    assert not any(words in html for words in ("so it is", "&lt;so&gt;", "overlooks"))


def test_a_number_is_asked_in_a_field_with_its_known_mistakes() -> None:
    asked = checks.number("n", "ln 10?", answer=math.log(10), tolerance=0.01, hint="Natural.", known={1: "Base 10."})
    form, told = form_of(asked)
    assert form.select_one("label input[type=text]")
    assert told["answer"] == math.log(10)
    assert (told["shown"], told["known"]) == ("2.303", [[1.0, "Base 10."]])


def test_an_item_of_the_inventory_does_not_hold_its_answer() -> None:
    _, told = form_of(checks.inventory_item("i", "What?", right="a", wrong=["b"]))
    assert set(told) == {"kind", "name", "reply"}


def test_a_prediction_asks_how_sure_and_starts_at_the_even_guess() -> None:
    form, _ = form_of(Question("p", "Rises?", ["yes", "no", "cannot tell", "both"]))
    sure = [(option.get_text(), float(option["value"])) for option in form.select("option")]
    assert sure[0] == ("just guessing", 0.25)
    assert sure[-1] == ("100%", 1.0)


@pytest.mark.parametrize("measured", [0.12, 0.11])
def test_an_outcome_leaves_a_line_for_the_verdict(measured: float, shown: list[str]) -> None:
    """The number of the option, and how it is written, go to the browser, where the prediction is."""
    verdict = Question("p", "How much?", [0.11, 0.37]).settle(measured)
    line = BeautifulSoup(shown[0], "html.parser").p
    assert (line["data-name"], line["data-outcome"], line["data-told"], line["data-options"]) == ("p", "0", "0.11", "2")
    assert str(verdict) == "It came out: 0.11."


def test_outside_a_page_nothing_extra_is_shown(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    monkeypatch.delenv("LESSONLIB_STATIC")
    verdict = Question("p", "How much?", [0.11, 0.37]).settle(0.11)
    assert shown == []
    assert "No prediction of yours is kept" in str(verdict)
    assert "form" not in checks.choice("c", "Why?", right=RIGHT, wrong=WRONG)._repr_mimebundle_()["text/html"]


def test_names_cannot_break_out_of_the_page() -> None:
    form, told = form_of(Question('"><script>alert(1)</script>', "<b>?", ["<i>", "b"]))
    assert form["data-name"] == told["name"] == '"><script>alert(1)</script>'
    assert form.select("b, i, fieldset script") == []
