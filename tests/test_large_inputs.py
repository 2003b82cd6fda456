"""Large inputs are worked on in blocks: the values are those of one piece, and no large copy is made."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

from lessonlib import _validate, metrics, smoothing, uncertainty

N, K = 20_000, 100  # 123 blocks
RNG = np.random.default_rng(0)
LABELS = RNG.integers(K, size=N)
LOGITS = (RNG.standard_normal((N, K)) * 3).astype(np.float32)
PROBABILITIES = special.softmax(LOGITS.astype(np.float64), axis=1).astype(np.float32)


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most memory that some work holds at once."""
    work()  # what is made once does not count
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_the_blocks_cover_every_row_once() -> None:
    for shape in ((1,), (5, 3), (N, K), (3, 10**5), (70_000,), (0, 4), (4, 0)):
        array = np.empty(shape, np.int8)
        covered = [i for rows in _validate.row_blocks(array) for i in range(len(array))[rows]]
        assert covered == list(range(len(array)))


def test_losses_and_hits_of_many_blocks_are_those_of_one_piece() -> None:
    log_p = special.log_softmax(LOGITS.astype(np.float64), axis=1)
    expected = -log_p[np.arange(N), LABELS]
    np.testing.assert_allclose(metrics.log_softmax(LOGITS), log_p, atol=1e-12)
    np.testing.assert_allclose(metrics.cross_entropy_per_example(LABELS, logits=LOGITS), expected, atol=1e-12)
    from_probabilities = metrics.cross_entropy_per_example(LABELS, probabilities=PROBABILITIES)
    np.testing.assert_allclose(from_probabilities, expected, atol=1e-5)
    np.testing.assert_array_equal(metrics.correct(LABELS, LOGITS), LOGITS.argmax(axis=1) == LABELS)


@pytest.mark.parametrize(
    "work",
    [
        lambda: metrics.cross_entropy_per_example(LABELS, logits=LOGITS),
        lambda: metrics.cross_entropy_per_example(LABELS, probabilities=PROBABILITIES),
        lambda: metrics.accuracy(LABELS, LOGITS),
    ],
    ids=["logits", "probabilities", "accuracy"],
)
def test_no_copy_of_large_scores_is_made(work: Callable[[], object]) -> None:
    assert peak_bytes(work) < LOGITS.nbytes / 2


def test_the_examples_of_all_smaller_sets_are_never_drawn_at_once() -> None:
    losses = RNG.exponential(size=1_000)
    work = peak_bytes(lambda: uncertainty.smaller_sets(losses, losses < 1, (10, 10_000), n_sets=200, rng=0))
    assert work < 200 * 10_000 * 16 / 4  # at once they would be as many numbers of 16 bytes


def test_labels_are_checked_without_a_copy_in_floats() -> None:
    assert peak_bytes(lambda: _validate.label_vector(LABELS.astype(np.int16), K)) < 2 * LABELS.nbytes


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_number_in_a_late_block_is_refused_at_its_place(bad: float) -> None:
    scores = LOGITS.copy()
    scores[N - 7, 3] = bad
    with pytest.raises(ValueError, match=rf"logits holds .* at index \({N - 7}, 3\) \(1 such values\)"):
        metrics.cross_entropy(LABELS, logits=scores)


def test_a_row_of_a_late_block_that_is_no_distribution_is_refused_by_its_number() -> None:
    scores = PROBABILITIES.copy()
    scores[N - 7] /= 2
    with pytest.raises(ValueError, match=rf"probabilities in row {N - 7} sum to 0\.5"):
        metrics.cross_entropy(LABELS, probabilities=scores)


@pytest.mark.parametrize("labels", [[0.5, 1], [0, 2], [-1, 0], [True, 2], np.array([0, 2**63], np.uint64)])
def test_labels_of_every_type_are_checked_as_they_come(labels: object) -> None:
    with pytest.raises(ValueError, match=r"label"):
        _validate.label_vector(labels, 2)


@pytest.mark.parametrize("number", [2**53 + 1, 2**70 + 1, np.int64(2**62 + 1)])
def test_a_whole_number_larger_than_a_float_can_hold_is_not_rounded(number: int) -> None:
    assert _validate.whole_number(number, "seed", low=0) == number


def test_a_running_average_adds_each_value_a_fixed_number_of_times() -> None:
    """A window of 5,000 needs as much memory as one of 10; a sum of every window would need 50 million additions."""
    values = RNG.standard_normal(50_000)
    narrow, wide = (peak_bytes(lambda w=w: smoothing.running_average(values, w)) for w in (10, 5_000))
    assert wide < 1.5 * narrow
    sums = np.cumsum(np.concatenate([[0.0], values]))
    np.testing.assert_allclose(
        smoothing.running_average(values, 5_000)[4_999:], (sums[5_000:] - sums[:-5_000]) / 5_000, atol=1e-12
    )
