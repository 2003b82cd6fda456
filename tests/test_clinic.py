"""The curve clinic: cases that give nothing away, grading with feedback, the score, the lesson with a learner in it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.test_concept_inventory import answer as answer_inventory

from lessonlib import storage
from lessonlib.course import clinic
from lessonlib.predictions import Question
from notebooks import build
from tests.browser import browser, page  # noqa: F401
from tools import clinic_cases

NUMBERS = range(1, clinic.N_CASES + 1)
#: Cases that are trained again here: those that take no second.
QUICK = ("memorised", "majority", "ceiling", "unfinished", "softmax")


def choice(number: int, credit: float) -> dict[str, str]:
    """Return an option of each part with this credit, or the worst where a part has none such."""
    options = clinic.answer(number).options
    return {
        part: next(
            (o.text for o in options[part] if o.credit == credit), min(options[part], key=lambda o: o.credit).text
        )
        for part in clinic.PARTS
    }


# ---- the cases -------------------------------------------------------------------------------------------------------


def test_there_are_twelve_cases_of_twelve_causes() -> None:
    assert len(clinic.cases()) == len(clinic_cases.RECORDINGS) == clinic.N_CASES == 12
    assert len({clinic.answer(number).right("cause").text for number in NUMBERS}) == 12


@pytest.mark.parametrize("number", NUMBERS)
def test_a_case_tells_what_a_stranger_would_and_no_more(number: int) -> None:
    case = clinic.case(number)
    told = {"case", "n_train", "n_val", "n_classes", "class_shares", "story"}
    assert set(case.run.provenance) == told
    assert case.run.val_logits is None
    assert case.n_train > 0
    assert case.n_val > 0
    assert case.class_shares is None or sum(case.class_shares) == pytest.approx(1, abs=1e-4)


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
    assert case.story == clinic_cases.with_story(cause, case).story
    assert set(made["named_by"]) == stored.named_by
    for part in clinic.PARTS:
        assert made["options"][part] == [vars(option) for option in stored.options[part]]


def test_nothing_can_be_read_at_a_glance() -> None:
    sealed = (clinic.folder() / clinic.ANSWERS).read_text()
    lesson = build.sources(["10"])[0].read_text()
    feedback = [o.feedback for n in NUMBERS for part in clinic.answer(n).options.values() for o in part]
    assert not any(text in sealed or text in lesson for text in feedback)
    assert not any(cause in path.name for path in clinic.folder().iterdir() for cause in clinic_cases.CAUSES)


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in clinic.folder().iterdir()) < 100_000


@pytest.mark.parametrize("number", [0, 13, 1.5])
def test_a_case_that_does_not_exist_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="from 1 to 12"):
        clinic.case(number)


def test_missing_cases_are_reported_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clinic, "__file__", str(tmp_path / "package" / "clinic.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"python -m tools\.clinic_cases"):
        clinic.case(1)


# ---- the options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "part"), list(itertools.product(NUMBERS, clinic.PARTS)))
def test_every_part_has_three_options_one_of_them_right_each_with_feedback(number: int, part: str) -> None:
    options = clinic.answer(number).options[part]
    assert len({option.text for option in options}) == 3
    assert sorted(option.credit for option in options)[-1] == 1
    assert [option.credit for option in options].count(1) == 1
    assert all(option.credit in clinic.CREDITS and len(option.feedback) > 20 for option in options)


@pytest.mark.parametrize("cause", clinic_cases.RECORDINGS)
def test_the_right_cause_is_the_one_that_was_built_in(cause: str) -> None:
    assert clinic.answer(clinic_cases.number_of(cause)).right("cause").text == clinic_cases.CAUSES[cause]


def test_the_right_option_is_not_given_away_by_its_place() -> None:
    places = [
        clinic.Form(number).options[part].index(clinic.answer(number).right(part).text)
        for number, part in itertools.product(NUMBERS, clinic.PARTS)
    ]
    assert all(5 <= places.count(place) <= 20 for place in range(3))


@pytest.mark.parametrize("part", clinic.PARTS)
def test_the_right_option_is_not_given_away_by_its_length(part: str) -> None:
    """Neither the longest nor the shortest of three is right much more often than by chance."""
    ranks = []
    for number in NUMBERS:
        lengths = sorted(len(option.text) for option in clinic.answer(number).options[part])
        ranks.append(lengths.index(len(clinic.answer(number).right(part).text)))
    assert max(map(ranks.count, range(3))) <= 7


# ---- grading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("credit", clinic.CREDITS)
def test_a_diagnosis_is_graded_part_by_part(credit: float) -> None:
    for number in NUMBERS:
        given = choice(number, credit)
        graded = clinic.diagnose(number, **given)
        assert {part: option.text for part, option in graded.items()} == given
        assert all(graded[part] in options for part, options in clinic.answer(number).options.items())


def test_the_first_diagnosis_counts() -> None:
    clinic.diagnose(3, **choice(3, 0))
    clinic.diagnose(3, **choice(3, 1))
    assert clinic.score().total < 3
    assert clinic.score().n_answered == 1


def test_all_right_earns_every_point_and_confuses_nothing() -> None:
    for number in NUMBERS:
        clinic.diagnose(number, **choice(number, 1))
    score = clinic.score()
    assert (score.total, score.possible, score.confusions) == (36, 36, {})
    assert "36 of 36 points" in str(score)
    assert "No cause was taken for another" in str(score)


def test_a_wrong_cause_is_listed_with_what_it_was_taken_for() -> None:
    given = choice(5, 1) | {"cause": choice(5, 0.5)["cause"]}
    clinic.diagnose(5, **given)
    score = clinic.score()
    assert score.confusions == {(clinic.answer(5).right("cause").text, given["cause"]): [5]}
    assert score.by_part() == {"cause": 0.5, "evidence": 1, "action": 1}
    assert f"you took it for '{given['cause']}'" in str(score)


def test_without_a_diagnosis_the_score_says_what_will_appear() -> None:
    assert "No case answered yet" in str(clinic.score())


def test_the_points_of_a_guesser_are_those_of_all_options_on_average() -> None:
    credits = [o.credit for n in NUMBERS for part in clinic.answer(n).options.values() for o in part]
    assert clinic.points_by_guessing() == pytest.approx(sum(credits) / 3)


@pytest.mark.parametrize("number", [1, 99])
def test_an_answer_to_another_edition_does_not_count(number: int) -> None:
    storage.append_record(clinic.FILE, {"case": number, "cause": "long gone", "evidence": "x", "action": "y"})
    assert clinic.diagnoses() == {}


@pytest.mark.parametrize(
    ("number", "part", "text", "message"),
    [
        (1, "guess", "x", "part must be one of"),
        (1, "cause", "x", "cause of case 1 must be one of"),
        (99, "cause", "x", "from 1 to 12"),
    ],
)
def test_what_cannot_be_graded_is_refused(number: int, part: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clinic.grade(number, part, text)


def test_a_diagnosis_with_an_unknown_option_is_not_kept() -> None:
    with pytest.raises(ValueError, match="action of case 2"):
        clinic.diagnose(2, **(choice(2, 1) | {"action": "pray"}))
    assert clinic.diagnoses() == {}


# ---- the form --------------------------------------------------------------------------------------------------------


def test_the_form_wants_all_three_answers_before_it_says_anything() -> None:
    panel = clinic.Form(4).panel()
    panel.widget.children[2].value = choice(4, 1)["cause"]
    panel.button.click()
    assert "all three" in panel.answer_line.value
    assert clinic.diagnoses() == {}


def test_the_form_gives_the_feedback_on_each_part_and_counts_once() -> None:
    panel, given = clinic.Form(4).panel(), choice(4, 1)
    for child, part in zip(panel.widget.children[2::2], clinic.PARTS, strict=False):
        child.value = given[part]
    panel.button.click()
    assert panel.answer_line.value.count("1 of 1") == 3
    assert "first diagnosis counts" not in panel.answer_line.value
    panel.button.click()
    assert "first diagnosis counts" in panel.answer_line.value
    assert clinic.score().total == 3


def test_the_form_shows_its_options_where_no_widget_can_run() -> None:
    bundle = clinic.Form(7)._repr_mimebundle_()
    assert all(text in bundle["text/plain"] for text in choice(7, 1).values())


def test_the_form_is_three_forms_in_a_page_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSONLIB_STATIC", "1")
    html = clinic.Form(7)._repr_mimebundle_()["text/html"]
    assert html.count("<form") == 3
    assert not any(o.feedback in html for part in clinic.answer(7).options.values() for o in part)


def test_the_forms_of_a_page_say_nothing_before_all_three_are_answered(
    page: Page,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("LESSONLIB_STATIC", "1")
    (tmp_path / "case.html").write_text(clinic.Form(7)._repr_mimebundle_()["text/html"], encoding="utf-8")
    page.goto((tmp_path / "case.html").as_uri())
    given = choice(7, 1)
    for answered, part in enumerate(clinic.PARTS, start=1):
        form = page.locator(f"form[data-name='10-case-7-{part}']")
        form.get_by_label(given[part]).check()
        form.get_by_role("button").click()
        expect(page.get_by_text("Right.", exact=True)).to_have_count(3 if answered == 3 else 0)
    page.reload()
    expect(page.get_by_text("Right.", exact=True)).to_have_count(3)


# ---- the lesson with a learner in it ---------------------------------------------------------------------------------


def shown_with(home: Path) -> str:
    """Execute lesson 10 with a learner's folder and return everything that it says."""
    notebook = build.convert(build.sources(["10"])[0])
    build.execute(notebook, LESSONLIB_HOME=str(home))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(json.dumps(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs)


def test_the_lesson_shows_gain_brier_score_and_confusions_of_a_simulated_learner(home: Path) -> None:
    answer_inventory("pre", right=4)
    answer_inventory("post", right=10)
    for number in NUMBERS:
        clinic.diagnose(number, **choice(number, 1 if number > 3 else 0.5))
    for number in range(24):  # always 80 % sure of the first of two options, and wrong every fourth time
        question = Question(f"simulated-{number}", "?", ["a", "b"])
        question.record(0, 0.8)
        question.settle("b" if number % 4 == 0 else "a")
    shown = shown_with(home)
    brier = (3 * 2 * 0.2**2 + 2 * 0.8**2) / 4
    assert "normalised gain 0.75" in shown
    assert f"predictions settled: 24; mean Brier score {brier:.2f}" in shown
    assert "even guesses on the same questions would have got 0.50" in shown
    assert "Confidence minus accuracy +0.05 over 24 predictions" in shown
    assert "12 of 12 cases answered" in shown
    assert "you took it for" in shown
    assert "the reader names it" in shown
