"""Bad input is refused with a message that names the value and the remedy; good input passes unchanged.

The functions that use these checks are tested for one refusal each, in their own files.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from lessonlib import _validate as check

SCORES = [[0.5, -1.0, 2.0], [0.0, 0.0, 1.0]]

#: What the check is, what it is given, the error, and what its message must hold: the value and the remedy.
REFUSALS: dict[str, tuple[Callable[[], object], type[Exception], str, str]] = {
    # labels of two examples, three classes
    "label too large": (lambda: labels([2, 3]), ValueError, "label 3 is outside 0..2", "number the classes from 0"),
    "label negative": (lambda: labels([2, -1]), ValueError, "label -1 is outside 0..2", "number the classes from 0"),
    "label huge": (lambda: labels([2, 1e30]), ValueError, "is outside 0..2", "number the classes from 0"),
    "label beyond int64": (
        lambda: labels(np.array([0, 2**63], np.uint64)), ValueError, "outside 0..2", "number the classes from 0"
    ),
    "label fractional": (lambda: labels([2, 0.5]), ValueError, "got 0.5", "pass class indices"),
    "labels one-hot": (
        lambda: labels([[0, 0, 1], [1, 0, 0]]), ValueError, "shape (2, 3)", "pass labels.argmax(axis=1)"
    ),
    "labels as a column": (lambda: labels([[2], [0]]), ValueError, "shape (2, 1)", "labels.ravel()"),
    "too few labels": (lambda: labels([2]), ValueError, "1 labels for 2 examples", "pass one label per row"),
    "too many labels": (lambda: labels([2, 0, 1]), ValueError, "3 labels for 2 examples", "pass one label per row"),
    "a label is NaN": (lambda: labels([2, np.nan]), ValueError, "nan at index (1,)", "remove or repair"),
    "no labels": (lambda: labels([]), ValueError, "shape (0,)", "pass at least one example"),
    "labels are words": (lambda: labels(["cat", "dog"]), TypeError, "['cat', 'dog']", "convert it first"),
    "labels are digits as text": (lambda: labels(["2", "0"]), TypeError, "['2', '0']", "convert it first"),
    # scores
    "a score is NaN": (lambda: scores([[0.5, np.nan], [0.2, 0.3]]), ValueError, "nan at index (0, 1)", "repair"),
    "a score is -inf": (lambda: scores([[0.5, 0.1], [0.2, -np.inf]]), ValueError, "-inf at index (1, 1)", "repair"),
    "no rows": (lambda: scores(np.empty((0, 3))), ValueError, "shape (0, 3)", "pass at least one example"),
    "no columns": (lambda: scores(np.empty((2, 0))), ValueError, "shape (2, 0)", "pass at least one example"),
    "a single row": (lambda: scores([0.2, 0.3, 0.5]), ValueError, "got (3,)", "[None, :]"),
    "three axes": (lambda: scores(np.zeros((2, 3, 4))), ValueError, "got (2, 3, 4)", "pass one matrix at a time"),
    "a sigmoid's column": (lambda: scores([[0.3], [0.4]]), ValueError, "has 1 column", "as the two columns [1 - p, p]"),
    "complex scores": (lambda: scores(np.ones((2, 3)) + 1j), TypeError, "complex128", "convert it first"),
    "ragged scores": (lambda: scores([[0.5, 0.5], [1.0]]), TypeError, "[[0.5, 0.5], [1.0]]", "convert it first"),
    "a tensor in training": (lambda: scores(tensor_in_training()), TypeError, "requires_grad", ".detach()"),
    # probabilities
    "logits as probabilities": (lambda: shares([[2.5, -1.5]]), ValueError, "2.5, outside 0..1", "pass them as logits="),
    "percentages": (lambda: shares([[20, 30, 50]]), ValueError, "20, outside 0..1", "apply softmax once"),
    "a row sums to less": (
        lambda: shares([[0.2, 0.8], [0.2, 0.7]]), ValueError, "row 1 sum to 0.9", "divide each row by its sum"
    ),
    "a row sums to more": (lambda: shares([[0.7, 0.7], [0.5, 0.5]]), ValueError, "row 0 sum to 1.4", "softmax once"),
    # vectors and single numbers
    "a matrix for a vector": (lambda: vector(SCORES), ValueError, "shape (2, 3)", "one number per example"),
    "a list for a number": (lambda: share([0.5, 0.6]), ValueError, "shape (2,)", "pass a single number"),
    "a number too large": (lambda: share(87), ValueError, "got 87", "share must be between 0 and 1"),
    "a number negative": (lambda: check.number_within(-1, "sd", 0, np.inf), ValueError, "got -1", "at least 0"),
    "a number is NaN": (lambda: share(np.nan), ValueError, "holds nan", "remove or repair"),
    "a fraction for a count": (lambda: count(2.5), ValueError, "got 2.5", "whole number of at least 2"),
    "a count too small": (lambda: count(1), ValueError, "got 1", "of at least 2"),
    "a count too large": (lambda: count(11, high=10), ValueError, "got 11", "from 2 to 10"),
    "an infinite count": (lambda: count(np.inf), ValueError, "holds inf", "remove or repair"),
    "a word for a count": (lambda: count("ten"), TypeError, "'ten'", "convert it first"),
    # one of two
    "neither": (lambda: check.one_of(logits=None, probabilities=None), TypeError, "neither", "exactly one of logits="),
    "both": (lambda: check.one_of(logits=1, probabilities=2), TypeError, "both", "exactly one of logits="),
}  # fmt: skip


def labels(given: object) -> object:
    return check.label_vector(given, 3, n_examples=2)


def scores(given: object) -> object:
    return check.score_matrix(given, "scores")


def shares(given: object) -> object:
    return check.probability_matrix(given)


def vector(given: object) -> object:
    return check.finite_array(given, "values", ndim=1)


def share(given: object) -> object:
    return check.number_within(given, "share", 0, 1)


def count(given: object, **limits: int) -> object:
    return check.whole_number(given, "n", low=2, **limits)


def tensor_in_training() -> object:
    import torch

    return torch.zeros(2, 3, requires_grad=True)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_bad_input_is_refused_naming_value_and_remedy(refusal: tuple) -> None:
    call, kind, value, remedy = refusal
    with pytest.raises(kind, match=re.escape(value)) as caught:
        call()
    assert remedy in str(caught.value)


def test_half_precision_and_objects_become_double_precision() -> None:
    import ml_dtypes

    for given in (np.array([0.5, 1], ml_dtypes.bfloat16), np.array([0.5, 1], object), np.float16([0.5, 1])):
        array = vector(given)
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, [0.5, 1])


@pytest.mark.parametrize("given", [[1.0, 0.0], [True, False], np.uint8([1, 0])])
def test_labels_of_every_type_become_int64(given: object) -> None:
    array = labels(given)
    assert array.dtype == np.int64
    np.testing.assert_array_equal(array, [1, 0])


@pytest.mark.parametrize("number", [2**53 + 1, 2**70 + 1, np.int64(2**62 + 1)])
def test_a_whole_number_larger_than_a_float_can_hold_is_not_rounded(number: int) -> None:
    assert count(number) == number


def test_the_ends_of_a_range_belong_to_it() -> None:
    assert (share(0), share(1), count(2), count(10, high=10)) == (0, 1, 2, 10)


def test_probabilities_of_a_float32_softmax_are_near_enough_to_one() -> None:
    rows = np.random.default_rng(0).random((50, 1_000)).astype(np.float32)
    shares(rows / rows.sum(axis=1, keepdims=True))
