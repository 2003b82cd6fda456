"""Refuse bad input with a message that names the value and the remedy.

Every public function checks what it was given through these few functions, so that the same
mistake gives the same message everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

#: How far a row of probabilities may be from summing to one (float32 softmax rows stay within it).
PROBABILITY_TOLERANCE = 1e-4
#: How many numbers are worked on at once: few enough for a processor's cache, so that large inputs need no large
#: copies, and enough for the loop over the blocks to cost nothing.
NUMBERS_AT_ONCE = 2**14


def row_blocks(array: NDArray) -> Iterator[slice]:
    """Give slices of consecutive rows, each of about `NUMBERS_AT_ONCE` numbers, that cover an array."""
    step = max(1, NUMBERS_AT_ONCE * len(array) // array.size) if array.size else 1
    return (slice(start, start + step) for start in range(0, len(array), step))


def finite_array(
    values: ArrayLike, name: str, *, ndim: int | None = None, dtype: DTypeLike | None = np.float64
) -> NDArray:
    """Return `values` as a non-empty array of numbers without NaN or infinity.

    Parameters
    ----------
    values : array_like
        Numbers of any shape.
    name : str
        What the caller calls them; used in the message.
    ndim : int, optional
        The number of dimensions required.
    dtype : dtype, optional
        None leaves an array of numbers as it is, uncopied: for large arrays that are worked on in `row_blocks`.

    Returns
    -------
    ndarray of float64, or of `dtype`
        The same shape as `values`.

    Raises
    ------
    ValueError
        If the array is empty, holds NaN or infinity, or has another number of dimensions.
    TypeError
        If `values` are not numbers.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiubOV":  # text, dates and complex numbers would be turned into something else
            raise TypeError(f"{array.dtype.name} is no type of real numbers")
        if array.dtype.kind in "OV":  # Python's objects, and bfloat16, which NumPy does not know as a float
            array = array.astype(np.float64)
        array = array.astype(dtype or array.dtype, copy=False)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a torch tensor that requires grad
        raise TypeError(
            f"{name} must be numbers in a rectangular array, got {values!r:.80} ({error}): "
            "convert it first, a torch tensor with .detach().cpu().float().numpy()."
        ) from error
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}): pass at least one example.")
    if ndim is not None and array.ndim != ndim:
        remedy = "pass a single number" if ndim == 0 else "pass one number per example"
        raise ValueError(f"{name} must have {ndim} dimension(s), got shape {array.shape}: {remedy}.")
    rows = np.atleast_1d(array)
    if not all(np.isfinite(rows[some]).all() for some in row_blocks(rows)):
        bad = ~np.isfinite(array)
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f" at index {first} ({int(bad.sum())} such values)" if array.ndim else ""
        raise ValueError(f"{name} holds {array[first]}{where}: remove or repair what is not finite before you measure.")
    return array


def label_vector(labels: ArrayLike, n_classes: int, *, n_examples: int | None = None) -> NDArray[np.int64]:
    """Return `labels` as an int64 vector of class indices below `n_classes`.

    Parameters
    ----------
    labels : array_like, shape (n_examples,)
        Whole numbers from 0 to ``n_classes - 1``.
    n_classes : int
        The number of classes.
    n_examples : int, optional
        How many labels there must be.

    Returns
    -------
    ndarray of int64, shape (n_examples,)

    Raises
    ------
    ValueError
        If the labels are one-hot, fractional, out of range, or not as many as the examples.
    """
    array = finite_array(labels, "labels", dtype=None)
    if array.ndim != 1:
        raise ValueError(
            f"labels must be a vector of class indices, got shape {array.shape}: "
            "pass labels.argmax(axis=1) if they are one-hot, labels.ravel() if they are a column."
        )
    if n_examples is not None and len(array) != n_examples:
        raise ValueError(f"{len(array)} labels for {n_examples} examples: pass one label per row of the predictions.")
    if array.dtype.kind == "f" and (fractional := array != np.floor(array)).any():
        raise ValueError(
            f"labels must be whole numbers, got {array[fractional][0]}: pass class indices, not probabilities."
        )
    outside = (array < 0) | (array >= n_classes)
    if outside.any():
        raise ValueError(
            f"label {int(array[outside][0])} is outside 0..{n_classes - 1}: "
            f"number the classes from 0, or pass predictions for more than {n_classes} classes."
        )
    return array.astype(np.int64)


def score_matrix(scores: ArrayLike, name: str, *, dtype: DTypeLike | None = np.float64) -> NDArray:
    """Return `scores` as a matrix with one row per example and one column per class.

    Parameters
    ----------
    scores : array_like, shape (n_examples, n_classes)
        Logits or probabilities; at least two classes.
    name : str
        What the caller calls them; used in the message.
    dtype : dtype, optional
        As `finite_array`.

    Returns
    -------
    ndarray of float64, or of `dtype`, shape (n_examples, n_classes)

    Raises
    ------
    ValueError
        If it is not a finite matrix with at least two columns.
    """
    matrix = finite_array(scores, name, dtype=dtype)
    if matrix.ndim != 2:
        remedy = f"pass {name}[None, :] for a single example" if matrix.ndim < 2 else "pass one matrix at a time"
        raise ValueError(f"{name} must have shape (n_examples, n_classes), got {matrix.shape}: {remedy}.")
    if matrix.shape[1] < 2:
        raise ValueError(
            f"{name} has {matrix.shape[1]} column: pass a single sigmoid output p as the two columns [1 - p, p]."
        )
    return matrix


def probability_matrix(probabilities: ArrayLike, *, dtype: DTypeLike | None = np.float64) -> NDArray:
    """Return `probabilities` as a matrix whose rows are distributions over the classes.

    Parameters
    ----------
    probabilities : array_like, shape (n_examples, n_classes)
        Non-negative rows that sum to one within `PROBABILITY_TOLERANCE`.
    dtype : dtype, optional
        As `finite_array`.

    Returns
    -------
    ndarray of float64, or of `dtype`, shape (n_examples, n_classes)

    Raises
    ------
    ValueError
        If a value lies outside 0..1 or a row does not sum to one.
    """
    matrix = score_matrix(probabilities, "probabilities", dtype=dtype)
    if matrix.min() < 0 or matrix.max() > 1:
        outside = matrix[(matrix < 0) | (matrix > 1)]
        raise ValueError(
            f"probabilities hold {float(outside[0]):.6g}, outside 0..1: "
            "if these are logits, pass them as logits=... or apply softmax once."
        )
    sums = matrix.sum(axis=1, dtype=np.float64)
    off = np.abs(sums - 1) > PROBABILITY_TOLERANCE
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise ValueError(
            f"probabilities in row {row} sum to {sums[row]:.6g}, not 1: "
            "apply softmax once, or divide each row by its sum."
        )
    return matrix


def one_of(**given: Any) -> tuple[str, Any]:
    """Return name and value of the one of two arguments that is not None.

    Raises
    ------
    TypeError
        If both are None, or neither is.
    """
    named = [(name, value) for name, value in given.items() if value is not None]
    if len(named) != 1:
        names = " and ".join(f"{name}=" for name in given)
        raise TypeError(f"pass exactly one of {names}, got {'both' if named else 'neither'}.")
    return named[0]


def number_within(value: float, name: str, low: float, high: float) -> float:
    """Return `value` as a float if it lies in the closed interval from `low` to `high`.

    Raises
    ------
    ValueError
        If it is not a finite number in the interval.
    """
    number = finite_array(value, name, ndim=0).item()
    if not low <= number <= high:
        wanted = f"between {low:g} and {high:g}" if high < np.inf else f"at least {low:g}"
        raise ValueError(f"{name} must be {wanted}, got {number:g}.")
    return number


def whole_number(value: int, name: str, *, low: int, high: int | None = None) -> int:
    """Return `value` as an int if it is a whole number of at least `low` and, where given, at most `high`.

    Raises
    ------
    ValueError
        If it is fractional, below `low` or above `high`.
    """
    number = finite_array(value, name, ndim=0).item()
    if number != int(number) or number < low or (high is not None and number > high):
        wanted = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {wanted}, got {value!r}.")
    return int(value)  # not of the float, which rounds what is larger than 2**53
