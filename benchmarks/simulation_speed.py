"""Compare the simulation of smaller validation sets with the loop that one would write first, side by side.

Two jobs: *every* size from 10 to 10,000, and the grid of sizes that lesson 5 shows; 1,000 validation sets of each. The
loop draws each set anew and takes its mean loss and accuracy. For the first job it would run for many minutes, so it is
timed on a sample: sizes spread evenly over the range, a few sets of each, and the mean time per set times the number of
sets. The two take turns, and only the ratios within a turn count, since machines drift. Each turn also compares the
spreads with theory: a fast simulation that is wrong would be worth nothing.

Why one pass is valid: the first n of a sequence of independent draws are n independent draws. So the running sums of
one sequence of 10,000 draws, read off at n, are an exact sample of the sum for every n. Sets of different sizes then
share examples; that leaves the distribution at each size as it is. The gain is in the sizes: the loop draws sum(n)
examples, one pass draws max(n). With a few sizes that is modest, with all of them three orders of magnitude.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lessonlib import uncertainty

POOL = 20_000
JOBS = {
    "every size from 10 to 10,000": np.arange(10, 10_001),
    "the lesson's grid": np.unique(np.geomspace(10, 10_000, 31).round().astype(int)),
}
#: How many of the loop's sets are timed at most.
SAMPLE = 4_000


def naive_set(losses: NDArray, hits: NDArray, n: int, rng: np.random.Generator) -> tuple[float, float]:
    """Draw one validation set and measure it."""
    chosen = rng.choice(len(losses), size=n)
    return losses[chosen].mean(), hits[chosen].mean()


def naive_seconds(losses: NDArray, hits: NDArray, sizes: Sequence[int], n_sets: int) -> float:
    """Return the seconds of the loop over all sizes and sets, from a sample of them."""
    rng = np.random.default_rng(0)
    spread = np.linspace(0, len(sizes) - 1, min(len(sizes), 200)).round().astype(int)
    each = max(1, min(n_sets, SAMPLE // len(spread)))
    started = time.perf_counter()
    for i in spread:
        for _ in range(each):
            naive_set(losses, hits, int(sizes[i]), rng)
    return (time.perf_counter() - started) / (len(spread) * each) * len(sizes) * n_sets


def fast_seconds(losses: NDArray, hits: NDArray, sizes: Sequence[int], n_sets: int) -> tuple[float, float]:
    """Return the seconds of `smaller_sets`, and its largest relative departure from theory."""
    started = time.perf_counter()
    sets = uncertainty.smaller_sets(losses, hits, sizes, n_sets=n_sets, rng=0)
    seconds = time.perf_counter() - started
    departures = sets.loss_spread / sets.loss_theory, sets.accuracy_spread / sets.accuracy_theory
    return seconds, max(float(np.abs(ratio - 1).max()) for ratio in departures)


def report(n_sets: int = 1_000, repeats: int = 3) -> str:
    """Return the result as a Markdown table: median seconds and the ratio with its range."""
    losses = np.random.default_rng(0).exponential(size=POOL)
    hits = losses < 1.5
    lines = ["| job | loop, s | one pass, s | ratio (range) | farthest from theory |", "|---|---|---|---|---|"]
    for name, sizes in JOBS.items():
        fast_seconds(losses, hits, sizes, n_sets)  # warms up
        turns = [
            (naive_seconds(losses, hits, sizes, n_sets), *fast_seconds(losses, hits, sizes, n_sets))
            for _ in range(repeats)
        ]
        slow, fast, departure = map(statistics.median, zip(*turns, strict=True))
        ratios = [a / b for a, b, _ in turns]
        lines.append(
            f"| {name} | {slow:.1f} | {fast:.3f} | {statistics.median(ratios):.0f} "
            f"({min(ratios):.0f} to {max(ratios):.0f}) | {departure:.0%} |"
        )
    return "\n".join(lines)
