"""What a finite validation set can show: intervals, comparisons, verdicts, noise along a curve.

Taught in lesson 5. Losses (nats) and hits have shape (n_examples,), those of two sets of predictions in the same order;
accuracies are shares; `level` is the share of fresh validation sets whose interval contains the true value. Coverage on
simulated data is checked in ``tests/test_uncertainty.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib.metrics import Estimate, accuracy_standard_error, estimate_mean

Verdict = Literal["rise", "fall", "flat", "cannot tell"]


@dataclass(frozen=True)
class Interval:
    """An estimate with the range of true values that it does not rule out; not always symmetric."""

    estimate: Estimate
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Change:
    """The change of a measure, after minus before, and what may be said of it."""

    interval: Interval
    margin: float  # the smallest change that would matter, stated before looking

    @property
    def verdict(self) -> Verdict:
        """Return what the interval allows to say; see `judge`."""
        return judge(self.interval.low, self.interval.high, self.margin)

    def __str__(self) -> str:
        i = self.interval
        return (
            f"{self.verdict}: {i.estimate.value:+.3f}, {100 * i.level:g} % interval {i.low:+.3f} to {i.high:+.3f}, "
            f"smallest relevant change {self.margin:g} (n = {i.estimate.n})"
        )


def accuracy_interval(accuracy: float, n_examples: int, *, level: float = 0.95) -> Interval:
    """Compute the Wilson score interval of an accuracy (E. B. Wilson 1927, *JASA* 22).

    Never empty and never outside 0..1, where ``p ± z * standard error`` claims certainty for an accuracy of 0 or 1;
    recommended over that by L. Brown, T. Cai and A. DasGupta (2001), *Statistical Science* 16.
    """
    error = accuracy_standard_error(accuracy, n_examples)
    z, p, n = _normal_quantile(level), float(accuracy), int(n_examples)
    weight = z**2 / n
    centre = (p + weight / 2) / (1 + weight)
    half = z * np.sqrt(p * (1 - p) / n + weight / (4 * n)) / (1 + weight)
    return Interval(Estimate(p, error, n), float(max(0, centre - half)), float(min(1, centre + half)), level)


def mean_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Compute an interval for the mean of one value per example, such as its loss or a difference of losses.

    Losses are skewed, and ``mean ± t * standard error`` ends too low far too often: a set without one of the few costly
    examples has a small mean *and* a small error. So the skewness is taken out first, by the cubic transformation of
    P. Hall (1992), *Journal of the Royal Statistical Society B* 54, with the quantile of Student's t. Below about 50
    examples of a confident network it still misses too often.
    """
    from scipy import special  # slow to import, and accuracies do not need it

    array = check.finite_array(values, "values", ndim=1)
    estimate, n = estimate_mean(array), len(array)
    if n < 2:
        raise ValueError("values hold 1 example: one alone shows no spread, pass at least two.")
    error = estimate.standard_error * np.sqrt(n / (n - 1))
    quantile = float(special.stdtrit(n - 1, (1 + _open_share(level, "level")) / 2))
    ends, sd = [quantile, -quantile], array.std()
    if sd > 1e-12 * np.abs(array).max():  # equal values may differ from their mean by a rounding error
        skewness = float((((array - array.mean()) / sd) ** 3).mean()) / np.sqrt(n)
        if abs(skewness) >= 1e-6:  # else the transformation is none, and would divide by nearly zero
            ends = [3 / skewness * (np.cbrt(1 + skewness * (z - skewness / 6)) - 1) for z in ends]
    low, high = (float(estimate.value - error * z) for z in ends)
    return Interval(estimate, low, high, level)


def _normal_quantile(level: float) -> float:
    return NormalDist().inv_cdf((1 + _open_share(level, "level")) / 2)


def judge(low: float, high: float, margin: float) -> Verdict:
    """Say what an interval for a change allows to say.

    *flat* if the whole interval lies within the margin either way (the equivalence of D. Schuirmann 1987, *Journal of
    Pharmacokinetics and Biopharmaceutics* 15), *rise* or *fall* if it excludes zero, else *cannot tell*. A verdict is
    wrong only where the interval misses the truth.

    >>> judge(-0.002, 0.004, margin=0.01), judge(-0.02, 0.03, margin=0.01)
    ('flat', 'cannot tell')
    """
    if not low <= high:
        raise ValueError(f"an interval must not end below its start, got {low} to {high}: swap them.")
    margin = check.number_within(margin, "margin", 0, np.inf)
    if -margin < low and high < margin:
        return "flat"
    return "rise" if low > 0 else "fall" if high < 0 else "cannot tell"


def loss_change(before: ArrayLike, after: ArrayLike, *, margin: float, level: float = 0.95) -> Change:
    """Compare two sets of predictions by the loss of each example: the interval of the paired differences.

    It is much surer than two separate means, since hard examples are hard both times.
    """
    first, second = _pair(before, after, "losses")
    return Change(mean_interval(second - first, level=level), margin)


def accuracy_change(before: ArrayLike, after: ArrayLike, *, margin: float, level: float = 0.95) -> Change:
    """Compare two sets of predictions by the hits of each example: only those gained and those lost count.

    The interval is that of D. Bonett and R. Price (2012), *Journal of Educational and Behavioral Statistics* 37, which
    adds one example to those gained and one to those lost. The test of the same question is `mcnemar_p_value`.
    """
    gained, lost = gained_and_lost(before, after)
    mean = estimate_mean(np.subtract(after, before, dtype=np.float64))
    z, n = _normal_quantile(level), mean.n
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = z * np.sqrt((up + down - (up - down) ** 2) / (n + 2))
    low, high = max(-1, up - down - half), min(1, up - down + half)
    return Change(Interval(mean, float(low), float(high), level), margin)


def unpaired_change(before: Estimate, after: Estimate, *, margin: float, level: float = 0.95) -> Change:
    """Compare two means that were measured on *different* examples, or of which only means are known."""
    error = float(np.hypot(before.standard_error, after.standard_error))
    difference = Estimate(after.value - before.value, error, min(before.n, after.n))
    return Change(Interval(difference, *difference.interval(_normal_quantile(level)), level), margin)


def gained_and_lost(before: ArrayLike, after: ArrayLike) -> tuple[int, int]:
    """Count the examples that became right and those that became wrong."""
    first, second = (_hits(values, "hits") for values in _pair(before, after, "hits"))
    return int((second > first).sum()), int((second < first).sum())


def mcnemar_p_value(gained: int, lost: int) -> float:
    """Compute the chance of so uneven a split of the changed answers if both sides were equally likely.

    The two-sided mid-p value of McNemar's test (Q. McNemar 1947, *Psychometrika* 12), the form advised by M. Fagerland,
    S. Lydersen and P. Laake (2013), *BMC Medical Research Methodology* 13; 1 if nothing changed.
    """
    from scipy import special

    a, b = (check.whole_number(count, name, low=0) for count, name in ((gained, "gained"), (lost, "lost")))
    if a == b:
        return 1.0
    fewer = min(a, b)
    below = special.bdtr(fewer - 1, a + b, 0.5) if fewer else 0.0
    return float(special.bdtr(fewer, a + b, 0.5) + below)


def examples_needed(change: float, sd: float, *, level: float = 0.95, power: float = 0.8) -> int:
    """Compute how many examples, at least 2, show a true change with the chance `power`: their interval excludes zero.

    `sd` is the standard deviation of what one example contributes: of the paired differences; for a single accuracy
    ``sqrt(p (1 - p))``; for accuracies on different examples ``sqrt(2 p (1 - p))``. By the normal approximation, up to
    10**18.
    """
    effect = abs(check.finite_array(change, "change", ndim=0).item())
    if effect == 0:
        raise ValueError(f"change must not be zero, got {change!r}: no number of examples shows what is not there.")
    sd = check.number_within(sd, "sd", 0, np.inf)
    z = _normal_quantile(level) + NormalDist().inv_cdf(_open_share(power, "power"))
    return max(2, int(np.ceil(np.clip(z * sd / effect, 0, 1e9) ** 2)))  # z may be negative: next to nothing is needed


def _pair(before: ArrayLike, after: ArrayLike, what: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    given = ((before, f"{what} before"), (after, f"{what} after"))
    first, second = (check.finite_array(values, name, ndim=1) for values, name in given)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} {what} before and {len(second)} after: pass the same examples twice.")
    return first, second


def _hits(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = check.finite_array(values, name, ndim=1)
    odd = (array != 0) & (array != 1)
    if odd.any():
        raise ValueError(f"{name} must be 0 or 1, got {array[odd][0]:g}: pass metrics.correct(labels, scores).")
    return array


def _open_share(value: float, name: str) -> float:
    share = check.finite_array(value, name, ndim=0).item()
    if not 0 < share < 1:
        raise ValueError(f"{name} must be between 0 and 1, exclusive, got {share:g}: 95 % is 0.95.")
    return share


@dataclass(frozen=True)
class SeedCount:
    """In how many of n seeds something happened, written as a band that another processor prints too."""

    count: int
    n: int

    @property
    def mostly(self) -> bool:
        """Tell whether it happened in at least eight of ten seeds, the course's bar for "it happens"."""
        return 10 * self.count >= 8 * self.n

    @property
    def rarely(self) -> bool:
        """Tell whether it happened in at most two of ten seeds."""
        return 10 * self.count <= 2 * self.n

    def __str__(self) -> str:
        n, most = self.n, -(-8 * self.n // 10)
        if self.mostly:
            return f"at least {most} of {n} seeds"
        return f"at most {n - most} of {n} seeds" if self.rarely else f"{n - most + 1} to {most - 1} of {n} seeds"


def count_seeds(happened: ArrayLike) -> SeedCount:
    """Count the seeds in which something happened, for a sentence that holds on any processor.

    A bare count differs between processors now and then; the band does not, unless the count stands at its edge (7 or
    8, 2 or 3 of 10): then choose another limit, or more seeds. Assert what you claim: ``count_seeds(rise > 0).mostly``.

    >>> print("the loss rises in", count_seeds([True] * 9 + [False]))
    the loss rises in at least 8 of 10 seeds
    """
    hits = _hits(happened, "happened")
    return SeedCount(int(hits.sum()), len(hits))


def running_average(values: ArrayLike, window: int) -> NDArray[np.float64]:
    """Average each value with those before it, at most `window` of them in all; the first average what there is."""
    array, w = check.finite_array(values, "values", ndim=1), check.whole_number(window, "window", low=1)
    return np.array([array[max(0, end - w) : end].mean() for end in range(1, len(array) + 1)])


def exponential_average(values: ArrayLike, beta: float) -> NDArray[np.float64]:
    """Average each value with all before it, with weights that shrink by `beta`, 0 to 1, per epoch.

    Weights sum to one from the start (the bias correction of Kingma and Ba 2015, section 3).
    """
    array, beta = check.finite_array(values, "values", ndim=1), check.number_within(beta, "beta", 0, 1)
    total, weight, averages = 0.0, 0.0, np.empty_like(array)
    for epoch, value in enumerate(array):
        total, weight = beta * total + value, beta * weight + 1
        averages[epoch] = total / weight
    return averages


def jitter(values: ArrayLike) -> float:
    """Measure the epoch-to-epoch noise of a curve of at least three epochs, whatever its trend.

    The root mean square of the second differences over ``sqrt(6)``: zero for a straight line, and for noise that is
    independent from epoch to epoch its standard deviation, as 1 + 4 + 1 = 6 (after J. von Neumann 1941, *Annals of
    Mathematical Statistics* 12, who took first differences).
    """
    array = check.finite_array(values, "values", ndim=1)
    if len(array) < 3:
        raise ValueError(f"values hold {len(array)} epochs: jitter needs at least three.")
    return float(np.sqrt((np.diff(array, 2) ** 2).mean() / 6))
