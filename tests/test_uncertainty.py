"""Intervals and verdicts keep their promises on simulated data; averages agree with their definitions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import stats

from lessonlib import uncertainty
from lessonlib.metrics import Estimate, estimate_mean

TOLERANCE = 1e-9
PATIENT = settings(deadline=None)


def tolerance(share: float, repetitions: int) -> float:
    """Return four standard errors of a share counted in so many repetitions."""
    return 4 * math.sqrt(share * (1 - share) / repetitions)


# --- the Wilson interval of an accuracy ---------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(("right", "n"), [(0, 10), (1, 7), (87, 100), (500, 500), (8_712, 10_000)])
def test_accuracy_interval_agrees_with_scipy(right: int, n: int, level: float) -> None:
    ours = uncertainty.accuracy_interval(right / n, n, level=level)
    theirs = stats.binomtest(right, n).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=TOLERANCE)


@pytest.mark.parametrize("n", [20, 100, 1_000])
@pytest.mark.parametrize("p", [0.5, 0.87, 0.97])
def test_accuracy_interval_covers_as_often_as_it_claims(p: float, n: int) -> None:
    """Exact coverage, by summing over every possible count.

    It jumps with p, since counts are whole, and is 95 % only on average over p: more nearly the more counts there are.
    """
    near = np.linspace(p - 0.02, p + 0.02, 41)
    ends = [uncertainty.accuracy_interval(k / n, n) for k in range(n + 1)]
    low, high = np.array([(i.low, i.high) for i in ends]).T
    covered = [stats.binom.pmf(np.arange(n + 1), n, q)[(low <= q) & (q <= high)].sum() for q in near]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.004 + 0.3 / n)
    assert min(covered) > 0.89


@given(st.floats(0, 1), st.integers(1, 10_000), st.floats(0.01, 0.99))
@PATIENT
def test_accuracy_interval_contains_the_accuracy_and_stays_within_0_and_1(p: float, n: int, level: float) -> None:
    interval = uncertainty.accuracy_interval(p, n, level=level)
    assert 0 <= interval.low <= p + TOLERANCE
    assert p - TOLERANCE <= interval.high <= 1
    assert interval.high > interval.low


# --- the interval of a mean ---------------------------------------------------------------------------------------


def test_mean_interval_of_values_without_skewness_is_students() -> None:
    values = np.array([-3.0, -1.0, 0.0, 1.0, 3.0]) + 7
    ours = uncertainty.mean_interval(values)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=TOLERANCE)


def test_mean_interval_solves_halls_equation() -> None:
    """Each end, put back into Hall's cubic polynomial of the standardised mean, gives the quantile."""
    values = np.random.default_rng(3).exponential(size=60)
    n, interval = len(values), uncertainty.mean_interval(values)
    skewness, error = stats.skew(values), values.std(ddof=1) / math.sqrt(n)
    q = stats.t.ppf(0.975, n - 1)
    for end, wanted in ((interval.low, q), (interval.high, -q)):
        x = (values.mean() - end) / error
        a = skewness / math.sqrt(n)
        assert x + a * x**2 / 3 + a**2 * x**3 / 27 + a / 6 == pytest.approx(wanted, abs=TOLERANCE)


SKEWED: dict[str, Callable[[np.random.Generator, tuple[int, int]], NDArray]] = {
    "normal": lambda rng, shape: rng.normal(3, 2, shape),
    "exponential, like an early loss": lambda rng, shape: rng.exponential(1, shape),
    # Nine in ten cost nearly nothing, one in ten costs nats: skewness about 5.
    "a confident network": lambda rng, shape: np.where(
        rng.random(shape) < 0.1, rng.exponential(3, shape), rng.exponential(0.05, shape)
    ),
}
TRUE_MEAN = {"normal": 3.0, "exponential, like an early loss": 1.0, "a confident network": 0.1 * 3 + 0.9 * 0.05}


@pytest.mark.parametrize("name", SKEWED)
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_mean_interval_covers_as_often_as_it_claims(name: str, level: float) -> None:
    repetitions = 1_500
    sets = SKEWED[name](np.random.default_rng(0), (repetitions, 100))
    intervals = [uncertainty.mean_interval(one, level=level) for one in sets]
    covered = [interval.low <= TRUE_MEAN[name] <= interval.high for interval in intervals]
    # One more point than chance explains: the correction removes the skewness to second order only.
    assert np.mean(covered) == pytest.approx(level, abs=tolerance(level, repetitions) + 0.01)


def test_mean_interval_repairs_what_the_symmetric_interval_gets_wrong() -> None:
    name, repetitions = "a confident network", 1_500
    sets = SKEWED[name](np.random.default_rng(1), (repetitions, 50))
    ours = [uncertainty.mean_interval(one) for one in sets]
    plain = [estimate_mean(one).interval() for one in sets]
    too_low = np.mean([i.high < TRUE_MEAN[name] for i in ours])
    plain_too_low = np.mean([high < TRUE_MEAN[name] for _, high in plain])
    assert plain_too_low > 0.08  # it should be 0.025
    assert too_low < plain_too_low / 2


@given(hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(-1e3, 1e3)), st.floats(0.05, 0.99))
@PATIENT
def test_mean_interval_is_ordered_and_mirrors(values: NDArray, level: float) -> None:
    one, mirrored = uncertainty.mean_interval(values, level=level), uncertainty.mean_interval(-values, level=level)
    assert one.low <= one.high
    assert (mirrored.low, mirrored.high) == pytest.approx((-one.high, -one.low), rel=1e-6, abs=1e-6)


def test_mean_interval_of_equal_values_is_a_point() -> None:
    interval = uncertainty.mean_interval([0.1] * 7)
    assert (interval.low, interval.high) == pytest.approx((0.1, 0.1), abs=TOLERANCE)


# --- comparisons --------------------------------------------------------------------------------------------------


def test_loss_change_is_the_interval_of_the_paired_differences() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.exponential(size=(2, 300))
    change = uncertainty.loss_change(before, after, margin=0.1)
    assert change.interval == uncertainty.mean_interval(after - before)
    assert change.interval.estimate.value == pytest.approx(after.mean() - before.mean(), abs=TOLERANCE)


def test_accuracy_change_agrees_with_the_published_formula() -> None:
    """Bonett and Price: one more example in each of the two cells that count, two more in all."""
    before = np.repeat([1, 1, 0, 0], [40, 9, 3, 8])
    after = np.repeat([1, 0, 1, 0], [40, 9, 3, 8])
    change = uncertainty.accuracy_change(before, after, margin=0.01)
    up, down = 4 / 62, 10 / 62
    half = stats.norm.ppf(0.975) * math.sqrt((up + down - (up - down) ** 2) / 62)
    assert (change.interval.low, change.interval.high) == pytest.approx((up - down - half, up - down + half), abs=1e-9)
    assert change.interval.estimate.value == pytest.approx(-6 / 60, abs=TOLERANCE)


def test_no_interval_for_a_change_in_accuracy_leaves_what_is_possible() -> None:
    none, all_of_two = [0, 0], [1, 1]
    gained = uncertainty.accuracy_change(none, all_of_two, margin=0.01).interval
    lost = uncertainty.accuracy_change(all_of_two, none, margin=0.01).interval
    assert (gained.high, lost.low) == (1, -1)
    assert gained.low == -lost.high


def paired_hits(rng: np.random.Generator, n: int, up: float, down: float) -> tuple[NDArray, NDArray]:
    """Draw hits before and after in which a share `up` is gained and a share `down` lost."""
    kind = rng.choice(4, n, p=[up, down, 0.8 - down, 0.2 - up])
    return np.isin(kind, (1, 2)), np.isin(kind, (0, 2))


@pytest.mark.parametrize(("up", "down"), [(0.02, 0.02), (0.06, 0.03), (0.10, 0.02)])
@pytest.mark.parametrize("n", [100, 1_000])
def test_accuracy_change_covers_as_often_as_it_claims(up: float, down: float, n: int) -> None:
    repetitions, rng = 1_000, np.random.default_rng(0)
    changes = [uncertainty.accuracy_change(*paired_hits(rng, n, up, down), margin=0.01) for _ in range(repetitions)]
    covered = np.mean([change.interval.low <= up - down <= change.interval.high for change in changes])
    assert covered >= 0.95 - tolerance(0.95, repetitions)
    if n * (up + down) > 10:  # with only a few changed examples the added ones make it safer than it says
        assert covered <= 0.96 + tolerance(0.96, repetitions)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (0, 1), (3, 3), (1, 7), (12, 30), (240, 180), (3_000, 3_100)])
def test_mcnemar_agrees_with_the_binomial_distribution(gained: int, lost: int) -> None:
    n, fewer = gained + lost, min(gained, lost)
    exact = stats.binomtest(fewer, n, 0.5).pvalue if n else 1.0
    expected = 1.0 if gained == lost else exact - stats.binom.pmf(fewer, n, 0.5)
    assert uncertainty.mcnemar_p_value(gained, lost) == pytest.approx(expected, abs=TOLERANCE)


@given(st.integers(0, 500), st.integers(0, 500))
@PATIENT
def test_mcnemar_treats_both_sides_alike_and_gives_a_probability(gained: int, lost: int) -> None:
    p = uncertainty.mcnemar_p_value(gained, lost)
    assert p == uncertainty.mcnemar_p_value(lost, gained)
    assert 0 <= p <= 1


def test_mcnemar_is_small_by_chance_no_more_often_than_it_says() -> None:
    repetitions, rng = 20_000, np.random.default_rng(0)
    gained = rng.binomial(60, 0.5, repetitions)
    p = np.array([uncertainty.mcnemar_p_value(k, 60 - k) for k in range(61)])[gained]
    assert (p <= 0.05).mean() <= 0.05 + tolerance(0.05, repetitions)


def test_gained_and_lost_count_what_changed() -> None:
    assert uncertainty.gained_and_lost([True, False, False, True], [False, True, True, True]) == (2, 1)


def test_unpaired_change_combines_the_errors_and_is_wider_than_the_paired_one() -> None:
    rng = np.random.default_rng(0)
    before = rng.exponential(size=400)
    after = before + rng.normal(0.02, 0.1, 400)
    a, b = estimate_mean(before), estimate_mean(after)
    apart = uncertainty.unpaired_change(a, b, margin=0.01).interval
    half = stats.norm.ppf(0.975) * math.hypot(a.standard_error, b.standard_error)
    assert (apart.low, apart.high) == pytest.approx((b.value - a.value - half, b.value - a.value + half), abs=1e-9)
    together = uncertainty.loss_change(before, after, margin=0.01).interval
    assert apart.high - apart.low > 3 * (together.high - together.low)


# --- verdicts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.02, 0.05, "rise"),
        (0.002, 0.05, "rise"),
        (-0.05, -0.02, "fall"),
        (-0.009, 0.009, "flat"),
        (0.001, 0.009, "flat"),  # surely above zero, and surely too small to matter
        (-0.02, 0.005, "cannot tell"),
        (-0.01, 0.01, "cannot tell"),
        (0.0, 0.05, "cannot tell"),
    ],
)
def test_verdict(low: float, high: float, verdict: str) -> None:
    assert uncertainty.judge(low, high, 0.01) == verdict


def test_nothing_is_flat_without_a_margin() -> None:
    assert uncertainty.judge(0.0, 0.0, 0) == "cannot tell"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_verdict_mirrors(low: float, width: float, margin: float) -> None:
    mirror = {"rise": "fall", "fall": "rise"}
    verdict = uncertainty.judge(low, low + width, margin)
    assert uncertainty.judge(-(low + width), -low, margin) == mirror.get(verdict, verdict)


def is_wrong(verdict: str, truth: float, margin: float) -> bool:
    """Say whether a verdict contradicts the true change."""
    false_flat = verdict == "flat" and abs(truth) >= margin
    return false_flat or (verdict == "rise" and truth <= 0) or (verdict == "fall" and truth >= 0)


@pytest.mark.parametrize("truth", [0.0, 0.05, -0.05, 0.15])
@pytest.mark.parametrize("n", [60, 600])
def test_verdicts_on_the_loss_are_wrong_no_more_often_than_the_interval(truth: float, n: int) -> None:
    repetitions, rng = 1_000, np.random.default_rng(1)
    noise = rng.exponential(0.5, (repetitions, n)) - 0.5  # skewed differences
    before = np.zeros(n)
    verdicts = [uncertainty.loss_change(before, one + truth, margin=0.05).verdict for one in noise]
    wrong = np.mean([is_wrong(verdict, truth, 0.05) for verdict in verdicts])
    assert wrong <= 0.05 + tolerance(0.05, repetitions)


@pytest.mark.parametrize(("up", "down"), [(0.03, 0.03), (0.04, 0.03), (0.08, 0.02)])
def test_verdicts_on_the_accuracy_are_wrong_no_more_often_than_the_interval(up: float, down: float) -> None:
    repetitions, rng = 1_000, np.random.default_rng(2)
    pairs = [paired_hits(rng, 500, up, down) for _ in range(repetitions)]
    verdicts = [uncertainty.accuracy_change(*pair, margin=0.01).verdict for pair in pairs]
    wrong = np.mean([is_wrong(verdict, round(up - down, 9), 0.01) for verdict in verdicts])
    assert wrong <= 0.05 + tolerance(0.05, repetitions)


def test_with_enough_examples_no_change_is_called_flat() -> None:
    rng = np.random.default_rng(0)
    pairs = [paired_hits(rng, 20_000, 0.03, 0.03) for _ in range(50)]
    verdicts = [uncertainty.accuracy_change(*pair, margin=0.01).verdict for pair in pairs]
    assert verdicts.count("flat") >= 48


# --- how many examples --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_examples_needed_show_the_change_as_often_as_promised(power: float) -> None:
    change, sd, repetitions = 0.1, 0.8, 1_000
    n = uncertainty.examples_needed(change, sd, power=power)
    sets = np.random.default_rng(0).normal(change, sd, (repetitions, n))
    seen = np.mean([uncertainty.mean_interval(one).low > 0 for one in sets])
    assert seen == pytest.approx(power, abs=tolerance(power, repetitions) + 0.01)


def test_examples_needed_agree_with_the_textbook() -> None:
    expected = ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * 0.5 / 0.02) ** 2
    assert uncertainty.examples_needed(0.02, 0.5) == math.ceil(expected)
    assert uncertainty.examples_needed(-0.02, 0.5) == math.ceil(expected)
    assert uncertainty.examples_needed(5.0, 0.0) == 2


# --- how results show themselves ----------------------------------------------------------------------------------


def test_a_change_reads_like_a_sentence() -> None:
    change = uncertainty.unpaired_change(Estimate(0.5, 0.01, 100), Estimate(0.6, 0.01, 100), margin=0.02)
    assert str(change) == ("rise: +0.100, 95 % interval +0.072 to +0.128, smallest relevant change 0.02 (n = 100)")


def test_results_cannot_be_changed() -> None:
    interval = uncertainty.accuracy_interval(0.5, 10)
    with pytest.raises(dataclasses.FrozenInstanceError):
        interval.low = 0.0


# --- what is refused ----------------------------------------------------------------------------------------------

BAD = [
    (lambda: uncertainty.accuracy_interval(87, 100), "0.87 rather than 87"),
    (lambda: uncertainty.accuracy_interval(0.87, 10, level=95), "95 % is 0.95"),
    (lambda: uncertainty.mean_interval([1.0]), "at least two"),
    (lambda: uncertainty.judge(0.2, 0.1, 0.01), "swap"),
    (lambda: uncertainty.judge(0.0, 0.1, -0.01), "margin"),
    (lambda: uncertainty.loss_change([1.0, 2.0], [1.0, 2.0, 3.0], margin=0.1), "2 losses before and 3 after"),
    (lambda: uncertainty.accuracy_change([0.3, 1.0], [1, 1], margin=0.1), "metrics.correct"),
    (lambda: uncertainty.unpaired_change(Estimate(0, 1, 2), Estimate(0, 1, 2), margin=0.1, level=2), "level"),
    (lambda: uncertainty.mcnemar_p_value(-1, 3), "gained"),
    (lambda: uncertainty.examples_needed(0.0, 1.0), "not there"),
    (lambda: uncertainty.examples_needed(0.1, -1.0), "sd"),
    (lambda: uncertainty.examples_needed(0.1, 1.0, power=1.0), "power"),
    (lambda: uncertainty.count_seeds([0.5, 1]), "0 or 1"),
    (lambda: uncertainty.running_average([1.0], 0), "window"),
    (lambda: uncertainty.exponential_average([1.0], 1.5), "beta"),
    (lambda: uncertainty.jitter([1.0, 2.0]), "three"),
]


@pytest.mark.parametrize(("call", "named"), BAD)
def test_bad_input_is_refused_by_name(call: Callable[[], object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()


# --- repeated with other seeds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "n", "text"),
    [
        (10, 10, "at least 8 of 10 seeds"),
        (8, 10, "at least 8 of 10 seeds"),
        (7, 10, "3 to 7 of 10 seeds"),
        (2, 10, "at most 2 of 10 seeds"),
        (4, 5, "at least 4 of 5 seeds"),
        (3, 3, "at least 3 of 3 seeds"),
        (0, 3, "at most 0 of 3 seeds"),
    ],
)
def test_a_count_of_seeds_is_written_as_its_band(count: int, n: int, text: str) -> None:
    seeds = uncertainty.count_seeds(np.arange(n) < count)
    assert (seeds.count, seeds.n, str(seeds)) == (count, n, text)
    assert seeds.mostly == text.startswith("at least")
    assert seeds.rarely == text.startswith("at most")


# --- noise along a curve ------------------------------------------------------------------------------------------


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100)), st.integers(1, 40))
@PATIENT
def test_running_average_agrees_with_its_definition(values: NDArray, window: int) -> None:
    expected = [values[max(0, end - window) : end].mean() for end in range(1, len(values) + 1)]
    np.testing.assert_allclose(uncertainty.running_average(values, window), expected, atol=TOLERANCE)


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100)), st.floats(0, 1))
@PATIENT
def test_exponential_average_agrees_with_its_definition(values: NDArray, beta: float) -> None:
    ages = [np.arange(end)[::-1] for end in range(1, len(values) + 1)]
    expected = [np.average(values[: len(age)], weights=beta**age) for age in ages]
    np.testing.assert_allclose(uncertainty.exponential_average(values, beta), expected, atol=TOLERANCE)


def test_exponential_average_agrees_with_pandas() -> None:
    import pandas as pd

    values = np.random.default_rng(0).normal(size=50)
    np.testing.assert_allclose(
        uncertainty.exponential_average(values, 0.8), pd.Series(values).ewm(alpha=0.2).mean(), atol=TOLERANCE
    )


def test_jitter_is_the_standard_deviation_of_white_noise_on_any_line() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, 20_000)
    assert uncertainty.jitter(noise) == pytest.approx(0.3, rel=0.03)
    assert uncertainty.jitter(noise + 5 - 0.7 * np.arange(20_000)) == pytest.approx(uncertainty.jitter(noise), rel=1e-6)


def test_a_change_too_small_for_any_set_needs_a_number_of_examples_that_can_be_written() -> None:
    assert uncertainty.examples_needed(2.2e-308, 1.0) == 10**18
