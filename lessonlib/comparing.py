"""Compare a learner's answer with what was expected, and say in words what differs.

The exercises use it in the notebook (`expect` and its relatives, which print praise, or raise `NotRight` with what
differs and the hint), and in the grader, on inputs that the learner has not seen; so do the lessons' own tasks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

#: How far a number may be from the expected one, as a share of it (or absolutely, below one).
TOLERANCE = 1e-6
#: What is said of an answer that is not there.
NO_ANSWER = "Not answered yet, or nothing returned."
#: Longer values are cut in messages.
MESSAGE_LENGTH = 120
#: No answer to any question of this course is larger. Python does not write whole numbers of some thousand digits; of
#: an array of text each item takes the room of the longest.
LARGEST_ARRAY = 200_000
LONGEST_INTEGER = 64  # bits
LONGEST_TEXT = 100


class NotRight(AssertionError):
    """An answer is missing or wrong; shown in a notebook as one sentence instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class Opaque:
    """Stands for something that is neither numbers nor text; it equals no expected answer."""

    def __init__(self, description: str) -> None:
        self.description = description

    def __repr__(self) -> str:
        return self.description


# ------------------------------------------------------------------------------------------------------ in the notebook


def expect(got: Any, expected: Any, *, hint: str, tolerance: float = TOLERANCE) -> None:
    """Say that an answer is right for an example; the grading tries others, so it may still be wrong there."""
    _settle(difference(got, expected, tolerance=tolerance), hint, "Right for this example.")


def answered(got: Any) -> Any:
    """Return an answer, so that a check can go on with it, or raise `NotRight` if there is none yet."""
    if found := missing(got):
        raise NotRight(found)
    return got


def expect_number(got: Any, low: float, high: float, *, hint: str, length: int | None = None) -> None:
    """Say that an answer is a number from `low` to `high`, or a list of `length` numbers; the grading finds which."""
    wanted, it = ("a number", "it") if length is None else (f"{length} numbers", "they")
    numbers, shape = _numbers(got), () if length is None else (length,)
    fits = numbers is not None and numbers.shape == shape and ((low <= numbers) & (numbers <= high)).all()
    found = None if fits else f"Expected {wanted} from {low:g} to {high:g}, got {shorten(got)}."
    _settle(missing(got) or found, hint, f"{wanted.capitalize()} in the possible range: {it} can be graded.")


def expect_choice(got: Any, options: Sequence[str], *, hint: str, length: int | None = None) -> None:
    """Say that an answer, or each of `length` in a list, is one of the options; the grading finds which is right."""
    given = list(got) if isinstance(got, (list, tuple)) else [got]
    wrong = [item for item in given if not any(_same_text(item, option) for option in options)]
    found = f"Expected one of {', '.join(map(repr, options))}, got {shorten(wrong[0])}." if wrong else None
    if not wrong and length not in (None, len(given)):
        found = f"Expected {length} words, got {len(given)}."
    _settle(missing(got) or found, hint, "One of the options: it can be graded.")


def _settle(found: str | None, hint: str, praise: str) -> None:
    if found is not None:
        raise NotRight(f"{found}\nHint: {hint}")
    print(praise)


# ----------------------------------------------------------------------------------------------------- many comparisons

#: ``compare(got, expected, *arguments)``: None if the answer is right, else a sentence.
Compare = Callable[..., str | None]


def first_fault(
    got: Sequence[Any], cases: Sequence[tuple[Sequence[Any] | None, Any]], *, tolerance: float = TOLERANCE,
    compare: Compare | None = None,
) -> tuple[int, str] | None:  # fmt: skip
    """Find the first of several answers that is not right: its number and a sentence, or None.

    `cases` hold (arguments, expected) for each answer. `compare` replaces `difference`; where it raises, it is wrong.

    >>> first_fault([4, 8], [([2], 4), ([3], 9)])
    (1, 'Expected 9, got 8.')
    """
    compare = compare or (lambda got, expected, *_: difference(got, expected, tolerance=tolerance))
    for place, (arguments, expected) in enumerate(cases):
        answer = got[place] if place < len(got) else None
        try:
            found = missing(answer) or compare(answer, expected, *(arguments or ()))
        except Exception as error:
            found = f"Expected something else: {shorten(answer)} cannot be compared ({type(error).__name__}: {error})."
        if found:
            return place, found
    return None


def expect_cases(
    answer: Any, cases: str, *, hint: str, tolerance: float = TOLERANCE, compare: Compare | None = None
) -> None:
    """Hold a function or a value against cases in JSON: the hidden tests of a notebook for plain nbgrader.

    `cases` is the JSON of a list of [arguments, expected], each written by `to_json`; arguments are null for a value.
    """
    pairs = from_json(json.loads(cases))
    got = [answer if arguments is None else answer(*arguments) for arguments, _ in pairs]
    fault = first_fault(from_json(to_json(got)), pairs, tolerance=tolerance, compare=compare)
    _settle(fault and fault[1], hint, "Right.")


# ------------------------------------------------------------------------------------------------------- the comparison


def missing(got: Any) -> str | None:
    """Return a sentence if there is no answer yet: None, `...`, or a list of nothing else; an empty list is one."""
    items = got if isinstance(got, (list, tuple)) and got else [got]
    return NO_ANSWER if all(item is None or item is ... for item in items) else None


def difference(got: Any, expected: Any, *, tolerance: float = TOLERANCE) -> str | None:
    """Return in one sentence how an answer differs from the expected one, or None if it does not.

    Numbers agree within the tolerance, text whatever its case and the space around it, lists and dicts item by item.

    >>> difference({"cause": "Noise ", "epoch": 4}, {"cause": "noise", "epoch": 5})
    'epoch: Expected 5, got 4.'
    """
    if nothing := missing(got):
        return nothing
    if isinstance(expected, str):
        return None if _same_text(got, expected) else _sentence(got, expected)
    if expected is None or isinstance(expected, Opaque):  # which no answer equals
        return _sentence(got, expected)
    if (numbers := _numbers(expected)) is not None:
        return _different_numbers(got, numbers, expected, tolerance)
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping) or set(got) != set(expected):
            return f"Expected a dict with the keys {', '.join(map(str, expected))}, got {shorten(got)}."
        parts = {key: (got[key], value) for key, value in expected.items()}
    else:
        if not isinstance(got, (list, tuple, np.ndarray)) or len(got) != len(expected):
            return f"Expected {len(expected)} items, got {shorten(got)}."
        parts = {f"Item {place}": pair for place, pair in enumerate(zip(got, expected, strict=True))}
    for name, (mine, theirs) in parts.items():
        if found := difference(mine, theirs, tolerance=tolerance):
            return f"{name}: {found}"
    return None


def _different_numbers(got: Any, numbers: np.ndarray, expected: Any, tolerance: float) -> str | None:
    given = _numbers(got)
    if given is None:
        return _sentence(got, expected)
    if given.shape != numbers.shape:
        return f"Expected shape {numbers.shape}, got shape {given.shape}: {shorten(got)}."
    with np.errstate(invalid="ignore"):  # infinity minus infinity; equal infinities are found equal first
        near = np.abs(given - numbers) <= tolerance * np.maximum(1, np.abs(numbers))
    same = (given == numbers) | (np.isnan(given) & np.isnan(numbers)) | (near & np.isfinite(numbers))
    return None if same.all() else _sentence(got, expected)


def _numbers(value: Any) -> np.ndarray | None:
    """Return numbers as a float array, or None if they are none (text counts as none)."""
    try:
        array = np.asarray(value)
        return array.astype(float) if array.dtype.kind in "biuf" else None
    except (TypeError, ValueError):
        return None


def _same_text(got: Any, expected: str) -> bool:
    return isinstance(got, str) and got.strip().casefold() == expected.strip().casefold()


def _sentence(got: Any, expected: Any) -> str:
    return f"Expected {shorten(expected)}, got {shorten(got)}."


def shorten(value: Any) -> str:
    """Write a value for a message: six digits, one line, not too long."""
    if isinstance(value, np.ndarray):
        few = value.size <= 50 and max(value.shape, default=0) <= 50  # an empty array can have a million rows
        value = value.tolist() if few else Opaque(f"an array of shape {value.shape}")
    text = " ".join(repr(_rounded(value)).split())
    return text if len(text) <= MESSAGE_LENGTH else text[:MESSAGE_LENGTH] + " ..."


def _rounded(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        first = map(_rounded, value[:MESSAGE_LENGTH])  # the rest is cut anyway
        return type(value)(first) if type(value) in (list, tuple) else list(first)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}")
    if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
        return Opaque(f"a whole number of {value.bit_length()} bits")
    return value.item() if isinstance(value, np.generic) else value


# ------------------------------------------------------------------------------------------ from one process to another


def to_json(value: Any) -> Any:
    """Turn an answer into what JSON can hold: text, numbers, lists, dicts, arrays of numbers; the rest is described.

    Tensors of torch and TensorFlow become arrays. No code travels with an answer, as it would with pickle.
    """
    if value is None or value is ... or isinstance(value, (str, bool)):
        return None if value is ... else value
    if type(value) is float or (type(value) is int and value.bit_length() <= LONGEST_INTEGER):
        return value
    if isinstance(value, Mapping):
        return {"dict": {str(key): to_json(item) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, (Fraction, Decimal)):
        return float(value)
    array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    if array.dtype.kind == "f":
        array = array.astype(float)  # extended precision has no JSON
    if array.dtype.kind in "UO" and array.ndim and array.size <= LARGEST_ARRAY:
        return [to_json(item) for item in array.tolist()]
    if array.dtype.kind not in "biuf" or array.size > LARGEST_ARRAY:
        return {"opaque": f"something of type {type(value).__name__}"}
    if array.ndim == 0:
        return array.item()
    return {"array": array.ravel().tolist(), "shape": list(array.shape), "kind": array.dtype.kind}


def from_json(value: Any) -> Any:
    """Undo `to_json`; what it has not made raises ValueError."""
    match value:
        case list(items):
            return [from_json(item) for item in items]
        case str(text) if len(text) > LONGEST_TEXT:
            return Opaque(f"a text of {len(text)} characters")
        case {"dict": dict(items)}:
            return {key: from_json(item) for key, item in items.items()}
        case {"opaque": str(text)}:
            return Opaque(text)
        case {"array": list(numbers), "shape": list(shape), "kind": str(kind)} if kind in set("biuf"):
            # Whole numbers stay whole: inputs of the tests are labels. An empty array could have a billion rows.
            rows = [min(length, LARGEST_ARRAY) for length in shape]
            return np.array(numbers, dtype={"b": bool, "f": float}.get(kind, int)).reshape(rows)
        case dict():
            raise ValueError(f"no answer that to_json has made: {shorten(value)}")
    return value
