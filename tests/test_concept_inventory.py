"""The concept inventory: two parallel forms, the gain between them, and what is kept of the answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonlib.course import concept_inventory
from lessonlib.course.concept_inventory import Comparison
from lessonlib.panel import Panel

FORMS = {"pre": concept_inventory.PRE_TEST, "post": concept_inventory.POST_TEST}


def press(panel: Panel, value: str) -> str:
    """Give an answer, press the button and return the answer line."""
    panel.widget.children[1].value = value
    panel.button.click()
    return panel.answer_line.value


def panels(form: str) -> list[Panel]:
    """Return the panels of a form."""
    return concept_inventory.pre_test() if form == "pre" else concept_inventory.post_test()


def answer(form: str, *, right: int) -> None:
    """Answer a whole form, the first `right` questions rightly."""
    for number, (panel, item) in enumerate(zip(panels(form), FORMS[form], strict=True)):
        press(panel, item.right if number < right else item.wrong[0])


# ---- the two forms ---------------------------------------------------------------------------------------------------


def test_both_forms_ask_for_the_same_twelve_concepts_in_the_same_order() -> None:
    assert [item.concept for item in concept_inventory.PRE_TEST] == [
        item.concept for item in concept_inventory.POST_TEST
    ]
    assert len({item.concept for item in concept_inventory.POST_TEST}) == 12


@pytest.mark.parametrize("form", FORMS)
def test_every_item_has_one_right_and_three_wrong_options(form: str) -> None:
    assert all(len({item.right, *item.wrong}) == 4 for item in FORMS[form])


def test_no_text_of_one_form_repeats_in_the_other() -> None:
    texts = {form: {text for i in items for text in (i.question, i.right, *i.wrong)} for form, items in FORMS.items()}
    assert not texts["pre"] & texts["post"]


@pytest.mark.parametrize(("before", "after"), list(zip(*FORMS.values(), strict=True)), ids=lambda item: item.concept)
def test_the_questions_of_a_pair_share_few_words(before: concept_inventory.Item, after: concept_inventory.Item) -> None:
    words = [{word.strip(".,:;'").lower() for word in item.question.split()} for item in (before, after)]
    assert len(words[0] & words[1]) < 0.5 * min(len(each) for each in words)


@pytest.mark.parametrize("form", FORMS)
def test_the_right_option_is_not_given_away_by_its_length(form: str) -> None:
    """Whoever takes the longest option of four is right about as often as by chance."""
    assert sum(len(item.right) > max(map(len, item.wrong)) for item in FORMS[form]) <= 4


@pytest.mark.parametrize("form", FORMS)
def test_the_right_option_is_not_given_away_by_its_place(form: str) -> None:
    places = [panel.options.index(item.right) for panel, item in zip(panels(form), FORMS[form], strict=True)]
    assert max(map(places.count, range(4))) <= 6


# ---- what is kept ----------------------------------------------------------------------------------------------------


def test_the_answer_line_tells_no_one_what_is_right() -> None:
    panel, item = concept_inventory.post_test()[0], concept_inventory.POST_TEST[0]
    assert (
        press(panel, item.right)
        == press(panel, item.wrong[0])
        == '<p role="status">Kept. Your first answer counts.</p>'
    )


def test_each_form_counts_its_own_answers() -> None:
    answer("pre", right=3)
    assert (concept_inventory.n_answered("pre"), concept_inventory.n_answered("post")) == (12, 0)
    press(concept_inventory.post_test()[4], concept_inventory.POST_TEST[4].right)
    assert (concept_inventory.n_answered("pre"), concept_inventory.n_answered("post")) == (12, 1)


def test_a_form_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="form must be 'pre' or 'post', got 'mid'"):
        concept_inventory.n_answered("mid")


# ---- the gain --------------------------------------------------------------------------------------------------------


def test_the_gain_of_a_learner_comes_from_both_forms() -> None:
    answer("pre", right=4)
    answer("post", right=10)
    both = concept_inventory.compare()
    assert (both.n_items, len(both.gained), both.lost) == (12, 6, [])
    assert both.gain == pytest.approx((10 - 4) / (12 - 4))
    assert both.gained == [item.concept for item in concept_inventory.PRE_TEST[4:10]]


def test_the_first_answer_counts() -> None:
    answer("pre", right=4)
    answer("pre", right=12)
    answer("post", right=8)
    assert concept_inventory.compare().gain == pytest.approx((8 - 4) / (12 - 4))


def test_only_concepts_that_were_answered_twice_are_compared() -> None:
    answer("pre", right=0)
    press(concept_inventory.post_test()[2], concept_inventory.POST_TEST[2].right)
    both = concept_inventory.compare()
    assert both.gained == [concept_inventory.PRE_TEST[2].concept]
    assert (both.n_items, both.gain) == (1, 1.0)


def test_without_answers_there_is_no_gain() -> None:
    both = concept_inventory.compare()
    assert (both.n_items, both.gain, both.p_value) == (0, None, 1.0)


def test_who_knew_everything_has_no_gain_but_can_lose() -> None:
    both = Comparison({"a": True, "b": True}, {"a": True, "b": False})
    assert (both.gain, both.lost) == (None, ["b"])


def test_luck_explains_an_even_exchange_and_hardly_a_one_sided_one() -> None:
    concepts = "abcdefgh"
    wrong, right = dict.fromkeys(concepts, False), dict.fromkeys(concepts, True)
    mixed = {concept: concept < "e" for concept in concepts}
    assert Comparison(wrong, right).p_value < 0.01
    assert Comparison(mixed, {concept: not value for concept, value in mixed.items()}).p_value > 0.5


@given(st.floats(0, 0.99), st.floats(0, 1))
def test_the_normalised_gain_leads_from_before_to_after(before: float, after: float) -> None:
    gain = concept_inventory.normalised_gain(before, after)
    assert gain <= 1
    assert before + gain * (1 - before) == pytest.approx(after)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [(1, 1, "nothing was missing"), (-0.1, 0.5, "before must be between 0 and 1"), (0.5, 1.2, "after must be between")],
)
def test_impossible_shares_are_refused(before: float, after: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        concept_inventory.normalised_gain(before, after)
