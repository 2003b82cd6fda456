"""Refuse bad input with a message that names the value and the remedy, the same for the same mistake everywhere.

The contract holds for the whole library, and no other docstring repeats it: what is no number where numbers are
expected, and both or neither of two arguments of which one is needed, raise TypeError; what is empty, not finite, of
another shape or length than it must be, out of its range, or no class of the predictions, raises ValueError.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: How far a row of probabilities may be from summing to one (float32 softmax rows stay within it).
PROBABILITY_TOLERANCE = 1e-4


def finite_array(values: ArrayLike, name: str, *, ndim: int | None = None, as_float: bool = True) -> NDArray[Any]:
    """Return what its caller calls `name` as a non-empty, finite float64 array, of `ndim` dimensions where given.

    Without `as_float` it keeps its type of numbers, so that large whole ones are not rounded.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiubOV":  # text, dates and complex numbers would be turned into something else
            raise TypeError(f"{array.dtype.name} is no type of real numbers")
        if array.dtype.kind in "OV":  # Python's objects, and bfloat16, which NumPy does not know as a float
            array = array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a torch tensor that requires grad
        remedy = "convert it first, a torch tensor with .detach().cpu().float().numpy()"
        got = f"got {values!r:.80} ({error})"
        raise TypeError(f"{name} must be numbers in a rectangular array, {got}: {remedy}.") from error
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}): pass at least one example.")
    if ndim is not None and array.ndim != ndim:
        remedy = "pass a single number" if ndim == 0 else "pass one number per example"
        raise ValueError(f"{name} must have {ndim} dimension(s), got shape {array.shape}: {remedy}.")
    if not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f" at index {first} ({int(bad.sum())} such values)" if array.ndim else ""
        raise ValueError(f"{name} holds {array[first]}{where}: remove or repair what is not finite before you measure.")
    return array.astype(np.float64, copy=False) if as_float else array


def label_vector(labels: ArrayLike, n_classes: int, *, n_examples: int | None = None) -> NDArray[np.int64]:
    """Return `labels` as an int64 vector of class indices below `n_classes`, one for each of `n_examples`."""
    array = finite_array(labels, "labels", as_float=False)
    if array.ndim != 1:
        remedy = "pass labels.argmax(axis=1) if they are one-hot, labels.ravel() if they are a column"
        raise ValueError(f"labels must be a vector of class indices, got shape {array.shape}: {remedy}.")
    if n_examples is not None and len(array) != n_examples:
        raise ValueError(f"{len(array)} labels for {n_examples} examples: pass one label per row of the predictions.")
    if array.dtype.kind == "f" and (fractional := array != np.floor(array)).any():
        remedy = "pass class indices, not probabilities"
        raise ValueError(f"labels must be whole numbers, got {array[fractional][0]}: {remedy}.")
    outside = (array < 0) | (array >= n_classes)
    if outside.any():
        remedy = f"number the classes from 0, or pass predictions for more than {n_classes} classes"
        raise ValueError(f"label {int(array[outside][0])} is outside 0..{n_classes - 1}: {remedy}.")
    return array.astype(np.int64)


def score_matrix(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return logits or probabilities as a matrix with one row per example and one column per class, at least two."""
    matrix = finite_array(scores, name)
    if matrix.ndim != 2:
        remedy = f"pass {name}[None, :] for a single example" if matrix.ndim < 2 else "pass one matrix at a time"
        raise ValueError(f"{name} must have shape (n_examples, n_classes), got {matrix.shape}: {remedy}.")
    if matrix.shape[1] < 2:
        raise ValueError(f"{name} has 1 column: pass a single sigmoid output p as the two columns [1 - p, p].")
    return matrix


def probability_matrix(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return a matrix whose rows are distributions over the classes, within `PROBABILITY_TOLERANCE`."""
    matrix = score_matrix(probabilities, "probabilities")
    outside = (matrix < 0) | (matrix > 1)
    if outside.any():
        remedy = "if these are logits, pass them as logits=... or apply softmax once"
        raise ValueError(f"probabilities hold {float(matrix[outside][0]):.6g}, outside 0..1: {remedy}.")
    sums = matrix.sum(axis=1)
    off = np.abs(sums - 1) > PROBABILITY_TOLERANCE
    if off.any():
        row = int(off.argmax())
        remedy = "apply softmax once, or divide each row by its sum"
        raise ValueError(f"probabilities in row {row} sum to {sums[row]:.6g}, not 1: {remedy}.")
    return matrix


def one_of(**given: Any) -> tuple[str, Any]:
    """Return name and value of the one argument that is not None."""
    named = [(name, value) for name, value in given.items() if value is not None]
    if len(named) != 1:
        names = " and ".join(f"{name}=" for name in given)
        raise TypeError(f"pass exactly one of {names}, got {'both' if named else 'neither'}.")
    return named[0]


def number_within(value: float, name: str, low: float, high: float) -> float:
    """Return `value` as a float if it lies in the closed interval from `low` to `high`."""
    number = finite_array(value, name, ndim=0).item()
    if not low <= number <= high:
        wanted = f"between {low:g} and {high:g}" if high < np.inf else f"at least {low:g}"
        raise ValueError(f"{name} must be {wanted}, got {number:g}.")
    return number


def whole_number(value: int, name: str, *, low: int, high: int | None = None) -> int:
    """Return `value` as an int if it is a whole number of at least `low` and, where given, at most `high`."""
    number = finite_array(value, name, ndim=0).item()
    if number != int(number) or number < low or (high is not None and number > high):
        wanted = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {wanted}, got {value!r}.")
    return int(value)  # not of the float, which rounds what is larger than 2**53
