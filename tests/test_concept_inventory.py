"""The concept inventory: two parallel forms that reward no strategy, what is kept of the answers, the gain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scipy.stats import binom

from lessonlib.course import concept_inventory
from lessonlib.course.concept_inventory import FORMS, Comparison, Item, items, panels
from lessonlib.questions import Panel, Prediction
from notebooks import build

N_ITEMS = len(items("pre"))
HEDGE = re.compile(r"\b(may|might|can|could|perhaps|sometimes|depends?|either|cannot|unclear|unknown|usually)\b")
ABSOLUTE = re.compile(r"\b(must|always|never|all|every|only|nothing|exactly|no)\b")


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def taken(options: list[str], worth) -> list[str]:
    """Return the options that a strategy finds best; it draws among them."""
    best = max(map(worth, options))
    return [option for option in options if worth(option) == best]


STRATEGIES = {
    "hedge": lambda options, _: taken(options, lambda o: len(HEDGE.findall(o))),
    "no absolute": lambda options, _: taken(options, lambda o: -len(ABSOLUTE.findall(o))),
    "longest": lambda options, _: taken(options, len),
    "shortest": lambda options, _: taken(options, lambda o: -len(o)),
    "middle length": lambda options, _: sorted(options, key=len)[1:-1],
    "middle place": lambda options, _: options[1:-1],
    "first": lambda options, _: options[:1],
    "second": lambda options, _: options[1:2],
    "third": lambda options, _: options[2:3],
    "last": lambda options, _: options[-1:],
    "a number": lambda options, _: taken(options, lambda o: len(re.findall(r"\d+", o))),
    "no number": lambda options, _: taken(options, lambda o: -len(re.findall(r"\d+", o))),
    "words of the question": lambda options, question: taken(options, lambda o: len(words(o) & words(question))),
    "unlike the others": lambda options, _: taken(
        options, lambda o: -sum(len(words(o) & words(other)) for other in options if other != o)
    ),
    "like the others": lambda options, _: taken(
        options, lambda o: sum(len(words(o) & words(other)) for other in options if other != o)
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_without_knowledge_scores_within_chance(form: str, strategy: str) -> None:
    """From one to seven of sixteen: what nineteen guessers in twenty get."""
    earned = 0.0
    for panel, item in zip(panels(form), items(form), strict=True):
        choice = STRATEGIES[strategy](list(panel.options), item.question)
        earned += (item.right in choice) / len(choice)
    assert 1 <= earned <= 7
    assert binom.cdf(7, N_ITEMS, 0.25) - binom.cdf(0, N_ITEMS, 0.25) > 0.95


@pytest.mark.parametrize("form", FORMS)
def test_no_right_option_is_a_hedge(form: str) -> None:
    assert not [item.right for item in items(form) if HEDGE.search(item.right)]


def test_both_forms_ask_for_the_same_concepts_in_the_same_order() -> None:
    assert [item.concept for item in items("pre")] == [item.concept for item in items("post")]
    assert len({item.concept for item in items("post")}) == N_ITEMS == 16


@pytest.mark.parametrize("form", FORMS)
def test_every_item_has_one_right_and_three_wrong_options(form: str) -> None:
    assert all(len({item.right, *item.wrong}) == 4 and len(item.wrong) == 3 for item in items(form))


def test_no_text_of_one_form_repeats_in_the_other() -> None:
    texts = [{text for i in items(form) for text in (i.question, i.right, *i.wrong)} for form in FORMS]
    assert not texts[0] & texts[1]


@pytest.mark.parametrize(
    ("before", "after"), list(zip(items("pre"), items("post"), strict=True)), ids=lambda item: item.concept
)
def test_a_pair_takes_about_as_long_to_read(before: Item, after: Item) -> None:
    lengths = [sum(len(text.split()) for text in (i.question, i.right, *i.wrong)) for i in (before, after)]
    assert max(lengths) <= 1.5 * min(lengths)


# ---- what is kept ----------------------------------------------------------------------------------------------------


def press(panel: Panel, value: str) -> str:
    """Give an answer, press the button and return the answer line."""
    panel.controls[0].value = value
    panel.button.click()
    return panel.answer_line.value


def answer(form: str, *, right: int) -> None:
    """Answer a whole form, the first `right` questions rightly."""
    for number, (panel, item) in enumerate(zip(panels(form), items(form), strict=True)):
        press(panel, item.right if number < right else item.wrong[0])


def test_the_answer_line_tells_no_one_what_is_right() -> None:
    panel, item = panels("post")[0], items("post")[0]
    assert press(panel, item.right) == press(panel, item.wrong[0])


def test_each_form_counts_its_own_first_answers() -> None:
    answer("pre", right=4)
    answer("pre", right=12)
    assert sum(concept_inventory.answered("pre").values()) == 4
    assert (len(concept_inventory.answered("pre")), concept_inventory.answered("post")) == (N_ITEMS, {})


def test_an_answer_to_an_earlier_edition_does_not_count() -> None:
    from lessonlib import questions, storage

    name = f"pre: {items('pre')[0].concept}"
    storage.append_record(questions.CHECKS, {"check": name, "given": "long gone", "right": True})
    assert concept_inventory.answered("pre") == {}


def test_a_form_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="form must be 'pre' or 'post', got 'mid'"):
        items("mid")


# ---- the gain --------------------------------------------------------------------------------------------------------


def test_the_gain_of_a_learner_comes_from_both_forms() -> None:
    answer("pre", right=4)
    answer("post", right=10)
    both = concept_inventory.compare()
    assert (len(both.before), both.lost) == (N_ITEMS, [])
    assert both.gain == pytest.approx((10 - 4) / (N_ITEMS - 4))
    assert both.gained == [item.concept for item in items("pre")[4:10]]
    assert "you had right: 4 before, 10 after" in str(both)


def test_only_concepts_that_were_answered_twice_are_compared() -> None:
    answer("pre", right=0)
    press(panels("post")[2], items("post")[2].right)
    both = concept_inventory.compare()
    assert (list(both.before), both.gained, both.gain) == ([items("pre")[2].concept], [items("pre")[2].concept], 1.0)


def test_without_answers_there_is_no_gain() -> None:
    both = concept_inventory.compare()
    assert (both.gain, both.p_value) == (None, 1.0)
    assert "Nothing to compare yet" in str(both)


def test_who_knew_everything_has_no_gain_but_can_lose() -> None:
    both = Comparison({"a": True, "b": True}, {"a": True, "b": False})
    assert (both.gain, both.lost) == (None, ["b"])


def test_luck_explains_an_even_exchange_and_hardly_a_one_sided_one() -> None:
    wrong, right = dict.fromkeys("abcdefgh", False), dict.fromkeys("abcdefgh", True)
    mixed = {concept: concept < "e" for concept in "abcdefgh"}
    assert Comparison(wrong, right).p_value < 0.01
    assert Comparison(mixed, {concept: not value for concept, value in mixed.items()}).p_value > 0.5


# ---- the lesson with a learner in it ---------------------------------------------------------------------------------


def test_the_last_lesson_shows_gain_brier_score_and_diagram_of_a_simulated_learner(home: Path) -> None:
    answer("pre", right=4)
    answer("post", right=10)
    for number in range(24):  # always 80 % sure of the first of two options, and wrong every fourth time
        question = Prediction(f"simulated-{number}", "?", ["a", "b"])
        panel = question.panel()
        panel.controls[0].value, panel.controls[1].value = "a", 0.8
        panel.button.click()
        question.resolve("b" if number % 4 == 0 else "a")
    notebook = build.convert(build.sources(["10c"])[0])
    build.execute(notebook, LESSONLIB_HOME=str(home))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = "\n".join(str(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs)
    brier = (3 * 2 * 0.2**2 + 2 * 0.8**2) / 4
    assert "Normalised gain 0.50" in shown
    assert f"24 predictions resolved; mean Brier score {brier:.2f}" in shown
    assert "would have got 0.50" in shown
    assert "Confidence minus accuracy +0.05 over 24 predictions" in shown
