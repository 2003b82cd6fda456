"""Averages over epochs agree with their definitions, and cost what they say; jitter is the noise of a curve."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from lessonlib import smoothing

TOLERANCE = 1e-9
PATIENT = settings(deadline=None)


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100)), st.integers(1, 40))
@PATIENT
def test_running_average_agrees_with_its_definition(values: NDArray, window: int) -> None:
    expected = [values[max(0, end - window) : end].mean() for end in range(1, len(values) + 1)]
    np.testing.assert_allclose(smoothing.running_average(values, window), expected, atol=TOLERANCE)


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100)), st.floats(0, 0.99))
@PATIENT
def test_exponential_average_agrees_with_its_definition(values: NDArray, beta: float) -> None:
    ages = [np.arange(end)[::-1] for end in range(1, len(values) + 1)]
    expected = [np.average(values[: len(age)], weights=beta**age) for age in ages]
    np.testing.assert_allclose(smoothing.exponential_average(values, beta), expected, atol=TOLERANCE)


def test_exponential_average_agrees_with_pandas() -> None:
    import pandas as pd

    values = np.random.default_rng(0).normal(size=50)
    np.testing.assert_allclose(
        smoothing.exponential_average(values, 0.8), pd.Series(values).ewm(alpha=0.2).mean(), atol=TOLERANCE
    )


AVERAGES = [
    (smoothing.running_smoothing, smoothing.running_average, 9),
    (smoothing.exponential_smoothing, smoothing.exponential_average, 0.5),
    (smoothing.exponential_smoothing, smoothing.exponential_average, 0.9),
]


@pytest.mark.parametrize(("cost", "average", "parameter"), AVERAGES)
def test_a_steady_trend_appears_late_by_the_stated_lag(cost: Callable, average: Callable, parameter: float) -> None:
    trend = np.arange(400.0)
    assert trend[-1] - average(trend, parameter)[-1] == pytest.approx(cost(parameter).lag, abs=1e-6)


@pytest.mark.parametrize(("cost", "average", "parameter"), AVERAGES)
def test_white_noise_shrinks_by_the_stated_factor(cost: Callable, average: Callable, parameter: float) -> None:
    """The response to one impulse holds the weights; the factor is the root of the sum of their squares."""
    impulse = np.zeros(800)
    impulse[400] = 1.0
    weights = average(impulse, parameter)
    assert math.sqrt((weights**2).sum()) == pytest.approx(cost(parameter).noise_factor, abs=1e-6)


def test_jitter_is_the_standard_deviation_of_white_noise_on_any_line() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, 20_000)
    assert smoothing.jitter(noise) == pytest.approx(0.3, rel=0.03)
    assert smoothing.jitter(noise + 5 - 0.7 * np.arange(20_000)) == pytest.approx(smoothing.jitter(noise), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: smoothing.running_average([1.0], 0), "window"),
        (lambda: smoothing.running_smoothing(1.5), "window"),
        (lambda: smoothing.exponential_average([1.0], 1.0), "below 1"),
        (lambda: smoothing.exponential_average([np.inf], 0.5), "finite"),
        (lambda: smoothing.exponential_smoothing(-0.1), "beta"),
        (lambda: smoothing.jitter([1.0, 2.0]), "three"),
    ],
)
def test_bad_input_is_refused_by_name(call: Callable[[], object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()
