"""The curve clinic: cases that give nothing away, parts asked one at a time, the score beside that of a guesser."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from lessonlib import storage
from lessonlib.course import clinic
from notebooks import build
from tests.browser import browser, page  # noqa: F401
from tools import clinic_cases

NUMBERS = range(1, clinic.N_CASES + 1)
#: Cases that are trained again here: those that take no second.
QUICK = ("memorised", "majority", "ceiling", "unfinished", "softmax")


def choice(number: int, part: str, *, right: bool = True) -> str:
    """Return a right or a wrong option."""
    return next(option.text for option in clinic.answer(number).options[part] if option.right == right)


def diagnose(number: int, *, right: bool = True) -> None:
    """Answer a whole case."""
    for part in clinic.PARTS:
        clinic.keep(number, part, choice(number, part, right=right))


# ---- the cases -------------------------------------------------------------------------------------------------------


def test_there_are_twelve_cases_of_twelve_causes() -> None:
    assert len(clinic_cases.RECORDINGS) == clinic.N_CASES == 12
    assert len({clinic.answer(number).right("cause").text for number in NUMBERS}) == 12


@pytest.mark.parametrize("number", NUMBERS)
def test_a_case_tells_what_a_stranger_would_and_no_more(number: int) -> None:
    case = clinic.case(number)
    assert set(case.run.provenance) == {"case", "n_train", "n_val", "n_classes", "class_shares", "story"}
    assert case.run.val_logits is None
    assert case.told("story").rstrip()[-1] == "?"
    assert f"{case.told('n_train'):,} training" in str(case)


@pytest.mark.parametrize("cause", clinic_cases.RECORDINGS)
def test_the_cause_of_a_case_shows_in_its_curves(cause: str) -> None:
    assert clinic_cases.RECORDINGS[cause].shows(clinic_cases.facts(clinic_cases.stored(cause)))


@pytest.mark.parametrize("cause", QUICK)
def test_the_command_makes_a_case_again(cause: str) -> None:
    # Other processors round otherwise, and training lets that grow.
    assert clinic_cases.difference_from_stored(cause) < 0.05


@pytest.mark.parametrize("cause", clinic_cases.RECORDINGS)
def test_the_stored_stories_and_answers_are_those_of_the_texts(cause: str) -> None:
    case = clinic_cases.stored(cause)
    made, stored = clinic_cases.answer_to(cause), clinic.answer(case.number)
    assert case.told("story") == clinic_cases.with_story(cause, case).told("story")
    assert set(made["named_by"]) == stored.named_by
    for part in clinic.PARTS:
        assert made["options"][part] == [vars(option) for option in stored.options[part]]


def test_nothing_can_be_read_at_a_glance() -> None:
    sealed = (clinic.folder() / clinic.ANSWERS).read_text()
    lessons = "".join(source.read_text() for source in build.sources() if source.stem.startswith("10"))
    feedback = [o.feedback for n in NUMBERS for part in clinic.answer(n).options.values() for o in part]
    assert not any(text in sealed or text in lessons for text in feedback)


def test_missing_cases_are_reported_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "__file__", str(tmp_path / "package" / "storage.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"python -m tools\.clinic_cases"):
        clinic.case(1)


# ---- the options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "part"), list(itertools.product(NUMBERS, clinic.PARTS)))
def test_one_option_of_a_part_is_right_and_no_option_shows_a_measurement(number: int, part: str) -> None:
    options = clinic.answer(number).options[part]
    assert len({option.text for option in options}) == {"cause": 5, "evidence": 4, "action": 3}[part]
    assert [option.right for option in options].count(True) == 1
    assert all(len(option.feedback) > 15 for option in options)
    assert not any(sign.isdigit() for option in options for sign in option.text)


def test_the_evidence_does_not_depend_on_the_cause() -> None:
    """The same look at the curves is on offer in many cases: right in some, wrong in others."""
    offers: dict[str, list[bool]] = {}
    for number in NUMBERS:
        for option in clinic.answer(number).options["evidence"]:
            offers.setdefault(option.text, []).append(option.right)
    assert sum(len(each) for each in offers.values()) / len(offers) > 3
    assert all(any(each) and not all(each) for text, each in offers.items() if any(each))


@pytest.mark.parametrize("part", clinic.PARTS)
@pytest.mark.parametrize(
    "strategy",
    [lambda o: max(o, key=len), lambda o: min(o, key=len), lambda o: sorted(o, key=len)[len(o) // 2],
     lambda o: o[0], lambda o: o[1], lambda o: o[-1]],
    ids=["longest", "shortest", "middle length", "first", "second", "last"],
)  # fmt: skip
def test_a_strategy_without_knowledge_does_not_pay(part: str, strategy) -> None:
    """At most seven of twelve where one of three is right, six where one of four or five is."""
    earned = sum(clinic.grade(n, part, strategy(clinic.Form(n).options[part])).right for n in NUMBERS)
    assert earned <= (7 if part == "action" else 6)


def chances_by_guessing(numbers: Iterable[int]) -> np.ndarray:
    """Return the chance of 0, 1, 2, ... points for one who guesses every part of these cases."""
    chances = np.ones(1)
    for number in numbers:
        for options in clinic.answer(number).options.values():
            chances = np.convolve(chances, [1 - 1 / len(options), 1 / len(options)])
    return chances


def test_the_pass_mark_is_far_above_what_guessing_earns() -> None:
    for asked in (range(1, 7), NUMBERS):
        chances, score = chances_by_guessing(asked), clinic.score(asked)
        mean = chances @ np.arange(len(chances))
        assert chances.sum() == pytest.approx(1)
        assert mean == pytest.approx(len(asked) * (1 / 5 + 1 / 4 + 1 / 3))
        assert chances[score.pass_mark :].sum() < 0.001
        assert f"guessing earns {mean:.1f} on average; {score.pass_mark} pass" in str(score)


# ---- grading ---------------------------------------------------------------------------------------------------------


def test_all_right_earns_every_point_and_confuses_nothing() -> None:
    for number in NUMBERS:
        diagnose(number)
    score = clinic.score(NUMBERS)
    assert (score.points, score.confusions) == (36, {})
    assert "No cause was taken for another" in str(score)


def test_the_first_answers_count() -> None:
    diagnose(3, right=False)
    diagnose(3, right=True)
    assert clinic.score(NUMBERS).points == 0


def test_a_case_counts_when_its_three_parts_are_answered() -> None:
    clinic.keep(3, "cause", choice(3, "cause"))
    assert clinic.score(NUMBERS).diagnoses == {}
    assert "No case answered yet" in str(clinic.score(NUMBERS))


def test_a_wrong_cause_is_listed_with_what_it_was_taken_for() -> None:
    diagnose(5, right=False)
    taken = choice(5, "cause", right=False)
    assert clinic.score([5]).confusions == {(choice(5, "cause"), taken): [5]}
    assert f"you took it for '{taken}'" in str(clinic.score([5]))


@pytest.mark.parametrize("record", [{"case": 1, "part": "cause", "given": "long gone"}, {"case": 1, "cause": "x"}])
def test_an_answer_to_another_edition_does_not_count(record: dict) -> None:
    storage.append_record(clinic.FILE, record)
    assert clinic.kept(1) == {}


@pytest.mark.parametrize(
    ("number", "part", "message"),
    [
        (1, "guess", "part must be one of"),
        (1, "cause", "cause of case 1 must be one of"),
        (99, "cause", "from 1 to 12"),
    ],
)
def test_what_cannot_be_graded_is_refused_and_not_kept(number: int, part: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clinic.keep(number, part, "x")
    assert clinic.kept(1) == {}


# ---- the form --------------------------------------------------------------------------------------------------------


def press(box, part: int, value: str | None) -> None:
    """Choose an option of a part of a form and press its button."""
    panel = box.children[part]
    panel.children[1].value = value
    panel.children[-2].click()


def test_the_form_asks_one_part_after_the_other_and_tells_nothing_before_the_last() -> None:
    box = clinic.Form(4).widget()
    for place, part in enumerate(clinic.PARTS):
        assert len(box.children) == place + 1
        press(box, place, choice(4, part, right=place != 1))
    assert [panel.children[1].disabled for panel in box.children[:3]] == [True] * 3
    told = box.children[3].value
    assert told.count('data-verdict="right"') == 2
    assert told.count('data-verdict="wrong"') == 1
    assert clinic.score([4]).points == 2


def test_a_form_that_was_answered_comes_back_answered_and_closed() -> None:
    clinic.keep(4, "cause", choice(4, "cause"))
    box = clinic.Form(4).widget()
    assert len(box.children) == 2
    assert box.children[0].children[1].value == choice(4, "cause")
    assert box.children[0].children[1].disabled


def test_without_a_choice_nothing_is_kept() -> None:
    box = clinic.Form(4).widget()
    press(box, 0, None)
    assert (len(box.children), clinic.kept(4)) == (1, {})


def test_the_form_shows_its_first_question_where_no_widget_can_run() -> None:
    text = clinic.Form(7)._repr_mimebundle_()["text/plain"]
    assert choice(7, "cause") in text
    assert choice(7, "evidence") not in text


def test_the_forms_of_a_page_appear_one_at_a_time(
    page: Page,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("LESSONLIB_STATIC", "1")
    html = clinic.Form(7)._repr_mimebundle_()["text/html"]
    assert not any(o.feedback in html for part in clinic.answer(7).options.values() for o in part)
    (tmp_path / "case.html").write_text(html, encoding="utf-8")
    page.goto((tmp_path / "case.html").as_uri())
    for answered, part in enumerate(clinic.PARTS, start=1):
        expect(page.locator("form:visible")).to_have_count(answered)
        form = page.locator(f"form[data-name='10-case-7-{part}']")
        form.get_by_label(choice(7, part)).check()
        form.get_by_role("button").click()
        expect(page.locator("[data-verdict=right]")).to_have_count(3 if answered == 3 else 0)
        expect(form.get_by_role("button")).to_be_disabled()
    page.reload()
    expect(page.locator("[data-verdict=right]")).to_have_count(3)
