"""What averaging over epochs does to a curve, and how much a curve jitters without it.

Taught in lesson 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check


@dataclass(frozen=True)
class Smoothing:
    """What an average over epochs does to a curve.

    Attributes
    ----------
    name : str
    lag : float
        By how many epochs a steady trend appears late.
    noise_factor : float
        What remains of the standard deviation of noise that is independent from epoch to epoch.
    """

    name: str
    lag: float
    noise_factor: float

    def __str__(self) -> str:
        return f"{self.name}: noise x {self.noise_factor:.3f}, late by {self.lag:g} epochs"


def running_smoothing(window: int) -> Smoothing:
    """Return lag ``(w - 1) / 2`` and noise factor ``1 / sqrt(w)`` of an average over the last w epochs.

    Parameters
    ----------
    window : int
        At least 1.

    Returns
    -------
    Smoothing

    Raises
    ------
    ValueError
        If the window is below 1.

    Examples
    --------
    >>> print(running_smoothing(9))
    running average over 9 epochs: noise x 0.333, late by 4 epochs
    """
    w = check.whole_number(window, "window", low=1)
    return Smoothing(f"running average over {w} epochs", (w - 1) / 2, w**-0.5)


def exponential_smoothing(beta: float) -> Smoothing:
    """Return lag ``β / (1 - β)`` and noise factor ``sqrt((1 - β) / (1 + β))`` of an exponential average.

    Parameters
    ----------
    beta : float
        The weight of the past, from 0 to below 1.

    Returns
    -------
    Smoothing
        As they are once the start is forgotten (S. W. Roberts 1959, *Technometrics* 1).

    Raises
    ------
    ValueError
        If beta is not in 0..1 or is 1.

    Examples
    --------
    >>> print(exponential_smoothing(0.8))
    exponential average with β = 0.8: noise x 0.333, late by 4 epochs
    """
    beta = _beta(beta)
    lag, factor = round(beta / (1 - beta), 12), ((1 - beta) / (1 + beta)) ** 0.5
    return Smoothing(f"exponential average with β = {beta:g}", lag, factor)


def running_average(values: ArrayLike, window: int) -> NDArray[np.float64]:
    """Average each value with those before it, at most `window` of them in all.

    Parameters
    ----------
    values : array_like, shape (n_epochs,)
    window : int
        At least 1.

    Returns
    -------
    ndarray of float64, shape (n_epochs,)
        The first ones average what there is.

    Raises
    ------
    ValueError
        If the values are not a finite vector or the window is below 1.

    Examples
    --------
    >>> running_average([1.0, 3.0, 5.0], 2)
    array([1., 2., 4.])
    """
    array = check.finite_array(values, "values", ndim=1)
    w = min(check.whole_number(window, "window", low=1), len(array))
    # Cut into blocks of w, each window is the end of one block and the start of the next, so two running sums within
    # the blocks serve all windows: as many additions as there are values, and none of numbers far apart, as in one
    # running sum of everything (van Herk 1992, Pattern Recognition Letters 13, there for maxima).
    blocks = np.concatenate([np.zeros(w), array, np.zeros(-len(array) % w)]).reshape(-1, w)
    starts = np.cumsum(blocks, axis=1).ravel()
    ends = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    last = w + np.arange(len(array))
    whole = last % w == w - 1  # the window is a block
    sums = starts[last] + np.where(whole, 0, ends[last - w + 1])
    return sums / np.minimum(np.arange(1, len(array) + 1), w)


def exponential_average(values: ArrayLike, beta: float) -> NDArray[np.float64]:
    """Average each value with all before it, with weights that shrink by `beta` per epoch.

    Parameters
    ----------
    values : array_like, shape (n_epochs,)
    beta : float
        The weight of the past, from 0 (no smoothing) to below 1.

    Returns
    -------
    ndarray of float64, shape (n_epochs,)
        Weights sum to one from the start (the bias correction of Kingma and Ba 2015, section 3).

    Raises
    ------
    ValueError
        If the values are not a finite vector, or beta is not in 0..1 or is 1.

    Examples
    --------
    >>> exponential_average([1.0, 4.0], 0.5)
    array([1., 3.])
    """
    array, beta = check.finite_array(values, "values", ndim=1), _beta(beta)
    total, weight, averages = 0.0, 0.0, np.empty_like(array)
    for epoch, value in enumerate(array):
        total, weight = beta * total + value, beta * weight + 1
        averages[epoch] = total / weight
    return averages


def jitter(values: ArrayLike) -> float:
    """Measure the epoch-to-epoch noise of a curve, whatever its trend.

    Parameters
    ----------
    values : array_like, shape (n_epochs,)
        At least three.

    Returns
    -------
    float
        The root mean square of the second differences over ``sqrt(6)``: zero for a straight line, and the
        standard deviation of noise that is independent from epoch to epoch (the second difference of such
        noise has the variance 1 + 4 + 1; after J. von Neumann 1941, *Annals of Mathematical Statistics* 12,
        who took first differences).

    Raises
    ------
    ValueError
        If there are fewer than three values or one is not finite.

    Examples
    --------
    >>> jitter([1.0, 2.0, 3.0, 4.0])
    0.0
    """
    array = check.finite_array(values, "values", ndim=1)
    if len(array) < 3:
        raise ValueError(f"values hold {len(array)} epochs: jitter needs at least three.")
    return float(np.sqrt((np.diff(array, 2) ** 2).mean() / 6))


def _beta(beta: float) -> float:
    beta = check.number_within(beta, "beta", 0, 1)
    if beta == 1:
        raise ValueError(f"beta must be below 1, got {beta:g}: nothing new would ever count.")
    return beta
