"""The ledger adds up to the last digit, agrees with a plain recount, and refuses what cannot be booked."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from lessonlib import ledger, metrics

PATIENT = settings(deadline=None)
HORSE = [[0.51, 0.49], [0.01, 0.99]]
SHRUG = [[0.49, 0.51], [0.49, 0.51]]


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray, NDArray, NDArray]:
    """Draw labels, shape (n,), and two sets of logits, shape (n, K), from shy to very sure."""
    n, k = draw(st.integers(1, 30)), draw(st.integers(2, 6))
    logits = hnp.arrays(np.float64, (n, k), elements=st.floats(-40, 40))
    return draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1))), draw(logits), draw(logits)


# --- it adds up ---------------------------------------------------------------------------------------------------


@given(cases())
@PATIENT
def test_the_four_parts_sum_to_the_change_in_loss_and_in_accuracy(case: tuple[NDArray, NDArray, NDArray]) -> None:
    labels, before, after = case
    book = ledger.between(labels, logits=(before, after))
    parts = [part for _, part in book.items()]
    change = metrics.cross_entropy(labels, logits=after) - metrics.cross_entropy(labels, logits=before)
    assert sum(part.contribution for part in parts) == pytest.approx(book.change, rel=0, abs=1e-12)
    assert book.change == pytest.approx(change, rel=0, abs=1e-12)
    assert sum(part.count for part in parts) == book.n == len(labels)
    assert sum(part.share for part in parts) == pytest.approx(1, abs=1e-12)
    flipped = book.wrong_to_right.share - book.right_to_wrong.share
    assert book.accuracy_change == pytest.approx(flipped, abs=1e-12)
    for part in parts:
        assert part.rise >= 0 >= part.fall
        assert part.rise + part.fall == pytest.approx(part.contribution, rel=0, abs=1e-12)


@given(cases())
@PATIENT
def test_the_way_back_is_the_way_there_with_the_sign_turned(case: tuple[NDArray, NDArray, NDArray]) -> None:
    labels, before, after = case
    there, back = ledger.between(labels, logits=(before, after)), ledger.between(labels, logits=(after, before))
    assert back.change == -there.change
    assert back.right_to_wrong.contribution == -there.wrong_to_right.contribution
    assert back.right_to_wrong.rise == -there.wrong_to_right.fall
    assert back.right_to_right.count == there.right_to_right.count


@given(cases())
@PATIENT
def test_it_agrees_with_a_count_example_by_example(case: tuple[NDArray, NDArray, NDArray]) -> None:
    labels, before, after = case
    book = dict(ledger.between(labels, logits=(before, after)).items())
    sums, counts = dict.fromkeys(book, 0.0), dict.fromkeys(book, 0)
    for label, old, new in zip(labels, before, after, strict=True):
        name = " → ".join("right" if scores.argmax() == label else "wrong" for scores in (old, new))
        counts[name] += 1
        sums[name] += np.logaddexp.reduce(new) - new[label] - np.logaddexp.reduce(old) + old[label]
    assert {name: part.count for name, part in book.items()} == counts
    for name, part in book.items():
        assert part.contribution == pytest.approx(sums[name] / len(labels), abs=1e-9)


@given(cases())
@PATIENT
def test_the_order_of_the_examples_does_not_matter_to_the_last_bit(case: tuple[NDArray, NDArray, NDArray]) -> None:
    labels, before, after = case
    order = np.random.default_rng(0).permutation(len(labels))
    mixed = ledger.between(labels[order], logits=(before[order], after[order]))
    assert mixed == ledger.between(labels, logits=(before, after))


def test_answers_by_hand() -> None:
    book = ledger.between([0, 0], probabilities=(HORSE, SHRUG))
    assert (book.right_to_wrong.count, book.wrong_to_wrong.count) == (1, 1)
    assert book.right_to_wrong.contribution == pytest.approx(np.log(0.51 / 0.49) / 2, abs=1e-12)
    assert book.wrong_to_wrong.contribution == pytest.approx(np.log(0.01 / 0.49) / 2, abs=1e-12)
    assert book.change < 0
    assert book.accuracy_change == -0.5


def test_logits_and_their_probabilities_give_the_same_book() -> None:
    rng = np.random.default_rng(0)
    labels, before, after = rng.integers(0, 4, 50), rng.normal(size=(50, 4)), rng.normal(size=(50, 4))
    one = ledger.between(labels, logits=(before, after))
    two = ledger.between(labels, probabilities=(metrics.softmax(before), metrics.softmax(after)))
    for (_, a), (_, b) in zip(one.items(), two.items(), strict=True):
        assert a.count == b.count
        assert a.contribution == pytest.approx(b.contribution, abs=1e-12)


def test_nothing_changes_between_equal_predictions() -> None:
    book = ledger.between([0, 0], probabilities=(HORSE, HORSE))
    assert book.change == 0
    assert all(part.contribution == 0 for _, part in book.items())


def test_a_single_float16_run_is_booked_in_full_precision() -> None:
    rng = np.random.default_rng(3)
    labels, logits = rng.integers(0, 10, 2_000), rng.normal(0, 6, (2, 2_000, 10)).astype(np.float16)
    book = ledger.between(labels, logits=logits)
    assert sum(part.contribution for _, part in book.items()) == pytest.approx(book.change, rel=0, abs=1e-12)


# --- how it shows itself ------------------------------------------------------------------------------------------


class Cells(HTMLParser):
    """Collect the tags, their attributes and the text of every cell."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_text_names_each_part_once_and_the_sum() -> None:
    text = str(ledger.between([0, 0], probabilities=(HORSE, SHRUG)))
    lines = text.splitlines()
    assert [line.split("  ")[0] for line in lines[1:6]] == [
        "right → right", "right → wrong", "wrong → right", "wrong → wrong", "all",
    ]  # fmt: skip
    assert len({len(line) for line in lines[:6]}) == 1  # columns stand under one another
    assert lines[5].split()[-1] == "-1.926"
    assert lines[6] == "Mean loss 2.639 → 0.713 nats, accuracy 50.0% → 0.0%, n = 2"
    assert repr(ledger.between([0, 0], probabilities=(HORSE, SHRUG))) == text


def test_the_table_has_a_caption_and_headers_that_say_what_they_head() -> None:
    page = Cells()
    page.feed(ledger.between([0, 0], probabilities=(HORSE, SHRUG))._repr_html_())
    scopes = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col"] * 6 + ["row"] * 5
    assert [tag for tag, _ in page.tags].count("caption") == 1
    assert [tag for tag, _ in page.tags].count("td") == 25
    assert page.texts[0].startswith("Mean loss 2.639")
    book = ledger.between([0, 0], probabilities=(HORSE, SHRUG))
    assert [text for text in page.texts if "→" in text][1:] == [name for name, _ in book.items()]


def test_no_number_is_shown_as_a_signed_zero() -> None:
    for text in (str(ledger.between([0, 0], probabilities=(HORSE, HORSE))),):
        assert not re.search(r"[+-]0\.000", text)


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"logits": 3.0}, r"pair \(before, after\), got 3.0"),
        ({"logits": (HORSE, SHRUG, SHRUG)}, "pair"),
        ({"logits": (HORSE, SHRUG[:1])}, r"\(2, 2\), after \(1, 2\)"),
        ({"logits": (HORSE, [[0.0, np.nan]] * 2)}, "logits after holds nan"),
        ({"probabilities": (HORSE, [[0.5, 0.5], [0.0, 1.0]])}, "example 1 gave .* infinite"),
        ({"labels": [0, 2], "logits": (HORSE, SHRUG)}, "label 2"),
    ],
)
def test_two_predictions_that_cannot_be_compared_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ledger.between(**{"labels": [0, 0]} | arguments)
