"""What a check in an exercise says to right, wrong, missing and misshapen answers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lessonlib import comparing
from lessonlib.comparing import NotRight, expect, expect_choice, expect_number

WORDS = ["rises", "falls"]


def said(check, *arguments, capsys, **options):
    """Return what a check prints, or the first line of its complaint."""
    try:
        check(*arguments, hint="look again", **options)
    except NotRight as complaint:
        return str(complaint).splitlines()[0]
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("got", "options", "sentence"),
    [
        (0.5, {}, "A number in the possible range: it can be graded."),
        (np.float32(1), {}, "A number in the possible range: it can be graded."),
        (None, {}, comparing.NO_ANSWER),
        (1.5, {}, "Expected a number from 0 to 1, got 1.5."),
        (float("nan"), {}, "Expected a number from 0 to 1, got nan."),
        ("0.5", {}, "Expected a number from 0 to 1, got '0.5'."),
        ([0.5], {}, "Expected a number from 0 to 1, got [0.5]."),
        ([0.5, 0.25], {"length": 2}, "2 numbers in the possible range: they can be graded."),
        (np.array([0.5, 0.25]), {"length": 2}, "2 numbers in the possible range: they can be graded."),
        ([None, None], {"length": 2}, comparing.NO_ANSWER),
        ([0.5, None], {"length": 2}, "Expected 2 numbers from 0 to 1, got [0.5, None]."),
        ([0.5, 0.5, 0.5], {"length": 2}, "Expected 2 numbers from 0 to 1, got [0.5, 0.5, 0.5]."),
        ([0.5, 7], {"length": 2}, "Expected 2 numbers from 0 to 1, got [0.5, 7]."),
        (0.5, {"length": 2}, "Expected 2 numbers from 0 to 1, got 0.5."),
    ],
)
def test_numbers(got, options, sentence, capsys):
    assert said(expect_number, got, 0, 1, capsys=capsys, **options) == sentence


@pytest.mark.parametrize(
    ("got", "options", "sentence"),
    [
        ("Rises ", {}, "One of the options: it can be graded."),
        ("up", {}, "Expected one of 'rises', 'falls', got 'up'."),
        (["rises", "falls"], {"length": 2}, "One of the options: it can be graded."),
        (["rises"], {"length": 2}, "Expected 2 words, got 1."),
        ("rises", {"length": 2}, "Expected 2 words, got 1."),
        ([None, None], {"length": 2}, comparing.NO_ANSWER),
        (["rises", None], {"length": 2}, "Expected one of 'rises', 'falls', got None."),
    ],
)
def test_choices(got, options, sentence, capsys):
    assert said(expect_choice, got, WORDS, capsys=capsys, **options) == sentence


def test_a_right_example_is_not_called_a_right_answer(capsys):
    assert said(expect, 0.25 + 0.25, 0.5, capsys=capsys) == "Right for this example."


@pytest.mark.parametrize("nothing", [None, comparing.Opaque("something of type Model")])
def test_what_cannot_be_compared_equals_nothing(nothing):
    assert comparing.difference([1, nothing], [1, nothing])
    assert comparing.difference([1, 2], [1, nothing]).startswith("Item 1: Expected")


def test_every_complaint_ends_with_the_hint():
    with pytest.raises(NotRight, match=r"Expected 2, got 1\.\nHint: count again"):
        expect(1, 2, hint="count again")


def test_an_empty_list_is_an_answer():
    assert comparing.difference([], []) is None
    assert comparing.difference([], [4]) == "Expected shape (1,), got shape (0,): []."


def test_a_whole_number_too_long_to_be_written_is_described():
    endless = 10**5000
    assert comparing.difference(endless, 4) == "Expected 4, got a whole number of 16610 bits."
    travelled = comparing.from_json(json.loads(json.dumps(comparing.to_json([endless, 2**63]))))
    assert comparing.difference(travelled, [4, 2**63]).endswith("got [something of type int, 9223372036854775808].")


def test_an_empty_array_of_a_billion_rows_is_cut_and_described_not_written():
    wire = comparing.to_json(np.empty((10**9, 0)))
    said = comparing.difference(comparing.from_json(wire), np.ones(3))
    assert said == "Expected shape (3,), got shape (200000, 0): an array of shape (200000, 0)."
