"""Calibration: how far a model's confidence is from its accuracy, and what a recalibration repairs.

Taught in lesson 7. *Confidence* is the probability that a model gives to its own answer; a model is calibrated when, of
the answers it gives with confidence c, a share c is right. A recalibration maps the model's scores to better
probabilities; the loss that the best of all would leave is the *refinement* (Bröcker 2009; Berta et al., "Rethinking
Early Stopping: Refine, Then Calibrate", 2025), and any one gives an upper bound of it. `labels` have shape (n,),
`logits` and `probabilities` (n, n_classes). Checked against scikit-learn, torchmetrics and torch in
``tests/test_calibration.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib import metrics

#: Temperatures are sought between these; logits that separate the classes perfectly would ask for 0.
TEMPERATURE_RANGE = (1e-2, 1e3)
#: How confidences are put into bins: between equally spaced confidences, or with equally many examples in each.
SCHEMES = ("equal width", "equal mass")


@dataclass(frozen=True)
class LossSplit:
    """The mean cross-entropy, ``refinement + calibration``, and what a temperature takes from it, in nats."""

    loss: float
    refinement: float  # the loss at the best temperature: strictly, an upper bound of the refinement
    calibration: float  # what the temperature saves: a lower bound of what the best recalibration would save
    temperature: float


def fit_temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """Find the temperature, within `TEMPERATURE_RANGE`, at which ``logits / temperature`` cost least.

    The cross-entropy is convex in ``1 / temperature``, so there is one minimum, where its slope is zero (Guo, Pleiss,
    Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017).
    """
    from scipy.optimize import brentq  # slow to import, and the curve reader needs it for kept logits alone

    scores, classes = _checked(labels, logits)
    true_scores = scores[np.arange(len(scores)), classes]

    def slope(log_temperature: float) -> float:
        """Return the slope of the loss in 1 / temperature: the mean logit expected less that of the true class."""
        p = metrics.softmax(scores / np.exp(log_temperature))
        return float(((p * scores).sum(axis=1) - true_scores).mean())

    low, high = np.log(TEMPERATURE_RANGE)
    if slope(low) <= 0:
        return TEMPERATURE_RANGE[0]
    return float(np.exp(brentq(slope, low, high, xtol=1e-9))) if slope(high) < 0 else TEMPERATURE_RANGE[1]


def split_loss(labels: ArrayLike, logits: ArrayLike) -> LossSplit:
    """Split the mean cross-entropy into what a temperature leaves and what it takes away."""
    scores, classes = _checked(labels, logits)
    temperature = fit_temperature(classes, scores)
    loss, scaled = (metrics.cross_entropy(classes, logits=each) for each in (scores, scores / temperature))
    if scaled > loss:  # the search stops a hair from the minimum, where a temperature of 1 may already be better
        scaled, temperature = loss, 1.0
    return LossSplit(loss, scaled, loss - scaled, temperature)


#: What a recalibration gives: logits in, logarithms of probabilities out.
Recalibration = Callable[[NDArray], NDArray[np.float64]]


def temperature_scaling(labels: ArrayLike, logits: ArrayLike) -> Recalibration:
    """Fit a temperature, and return division by it as a recalibration."""
    temperature = fit_temperature(labels, logits)
    return lambda scores: metrics.log_softmax(scores / temperature)


def vector_scaling(labels: ArrayLike, logits: ArrayLike) -> Recalibration:
    """Fit a factor and a shift for the logit of each class (Guo et al. 2017): it can also take back a class bias."""
    from scipy.optimize import minimize

    scores, classes = _checked(labels, logits)
    n, k = scores.shape
    temperature = fit_temperature(classes, scores)
    scores, truth = scores / temperature, np.eye(k)[classes]  # the search starts at the best temperature

    def loss_and_gradient(weights: NDArray) -> tuple[float, NDArray]:
        log_p = metrics.log_softmax(scores * weights[:k] + weights[k:])
        error = (np.exp(log_p) - truth) / n
        return -(log_p * truth).sum() / n, np.concatenate([(error * scores).sum(axis=0), error.sum(axis=0)])

    start = np.repeat([1.0, 0.0], k)
    found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-7}).x
    return lambda new: metrics.log_softmax(np.asarray(new, np.float64) / temperature * found[:k] + found[k:])


def isotonic_confidence(labels: ArrayLike, logits: ArrayLike) -> Recalibration:
    """Fit any rising curve from confidence, at the best temperature, to the share of right answers.

    Isotonic regression (Zadrozny and Elkan 2002). The other classes share the rest as before. Shares stay 1 / n away
    from 0 and 1, where one surprise would cost infinitely much.
    """
    from scipy.optimize import isotonic_regression

    scores, classes = _checked(labels, logits)
    temperature = fit_temperature(classes, scores)
    confidence = metrics.softmax(scores / temperature).max(axis=1)
    levels, place = np.unique(confidence, return_inverse=True)
    counts = np.bincount(place)
    hits = np.bincount(place, weights=metrics.correct(classes, scores)) / counts
    shares = np.clip(isotonic_regression(hits, weights=counts).x, 1 / len(scores), 1 - 1 / len(scores))

    def recalibrate(new: NDArray) -> NDArray[np.float64]:
        p = metrics.softmax(np.asarray(new, np.float64) / temperature)
        row, answer = np.arange(len(p)), p.argmax(axis=1)
        share = np.interp(p[row, answer], levels, shares)
        p[row, answer] = 0
        p *= ((1 - share) / np.maximum(p.sum(axis=1), 1e-300))[:, None]
        p[row, answer] = share
        return np.log(np.maximum(p, 1e-300))

    return recalibrate


def cross_fitted_losses(
    fit: Callable[[NDArray, NDArray], Recalibration], labels: ArrayLike, logits: ArrayLike
) -> NDArray[np.float64]:
    """Compute the cross-entropy of each example, shape (n,), after a recalibration fitted on the other half of them.

    In expectation the mean is an upper bound of the refinement, whichever recalibration `fit` makes. The halves are the
    even and the odd rows.
    """
    scores, classes = _checked(labels, logits)
    losses, even, odd = np.empty(len(scores)), slice(0, None, 2), slice(1, None, 2)
    for half, other in ((even, odd), (odd, even)):
        log_p = fit(classes[other], scores[other])(scores[half])
        losses[half] = -log_p[np.arange(len(log_p)), classes[half]]
    return losses


@dataclass(frozen=True)
class Reliability:
    """What a reliability diagram shows: confidence against accuracy, bin by bin, each of shape (n_bins,)."""

    edges: NDArray[np.float64]  # bin i is above edges[i] up to edges[i + 1], the first with its lower edge; one more
    counts: NDArray[np.int64]  # of examples
    confidence: NDArray[np.float64]  # their mean; NaN in an empty bin
    accuracy: NDArray[np.float64]  # the share of right answers; NaN in an empty bin

    @property
    def ece(self) -> float:
        """Return the expected calibration error: the mean distance of confidence and accuracy, 0 to 1."""
        filled = self.counts > 0
        return float(np.average(np.abs(self.confidence - self.accuracy)[filled], weights=self.counts[filled]))


def reliability(
    labels: ArrayLike, probabilities: ArrayLike, *, n_bins: int = 15, scheme: str = "equal width"
) -> Reliability:
    """Compare confidence with accuracy in bins of confidence (DeGroot and Fienberg 1983).

    The bins' edges are evenly spaced from 0 to 1 or, with the scheme "equal mass", stand at the quantiles of the
    confidences; then there can be fewer bins, since equal confidences are never parted.
    """
    confidence = check.probability_matrix(probabilities).max(axis=1)
    return _binned(confidence, metrics.correct(labels, probabilities), _bin_edges(confidence, n_bins, scheme))


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, *, n_bins: int = 15, scheme: str = "equal width"
) -> float:
    """Compute the expected calibration error, ECE, 0 to 1 (Naeini, Cooper and Hauskrecht 2015), as `reliability` bins.

    In small sets bins are off by chance: compare it with `ece_if_calibrated`.
    """
    return reliability(labels, probabilities, n_bins=n_bins, scheme=scheme).ece


def ece_if_calibrated(
    probabilities: ArrayLike, *, n_bins: int = 15, scheme: str = "equal width", n_draws: int = 200,
    rng: int | np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """Simulate the ECE that chance alone gives: each answer is right with exactly the probability it claims.

    The mean of the `n_draws` values is the bias of the ECE at this number of examples, and a measured ECE inside their
    range shows no miscalibration (the consistency resampling of Bröcker and Smith 2007).
    """
    confidence = check.probability_matrix(probabilities).max(axis=1)
    edges = _bin_edges(confidence, n_bins, scheme)
    n_draws, rng = check.whole_number(n_draws, "n_draws", low=1), np.random.default_rng(rng)
    return np.array([_binned(confidence, rng.random(len(confidence)) < confidence, edges).ece for _ in range(n_draws)])


def overconfidence(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Compute mean confidence minus accuracy: above 0 the model claims more than it keeps. The ECE is no less."""
    confidence = check.probability_matrix(probabilities).max(axis=1)
    return float(confidence.mean() - metrics.accuracy(labels, probabilities))


def brier_score(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Compute the mean Brier score over the examples: the squared distance to the one-hot truth, 0 to 2 (Brier 1950).

    Like cross-entropy it is a proper score: honest probabilities give the lowest expected value.
    """
    matrix = check.probability_matrix(probabilities)
    truth = check.label_vector(labels, matrix.shape[1], n_examples=len(matrix))
    return float(((matrix - np.eye(matrix.shape[1])[truth]) ** 2).sum(axis=1).mean())


def logit_norm(logits: ArrayLike) -> NDArray[np.float64]:
    """Compute the length of each row of logits, shape (n,), after subtracting its mean, which the softmax ignores."""
    scores = check.score_matrix(logits, "logits")
    return np.linalg.norm(scores - scores.mean(axis=1, keepdims=True), axis=1)


def _checked(labels: ArrayLike, logits: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    scores = check.score_matrix(logits, "logits")
    return scores, check.label_vector(labels, scores.shape[1], n_examples=len(scores))


def _bin_edges(confidence: NDArray[np.float64], n_bins: int, scheme: str) -> NDArray[np.float64]:
    quantiles = np.linspace(0, 1, check.whole_number(n_bins, "n_bins", low=1) + 1)
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {SCHEMES}, got {scheme!r}.")
    if scheme == "equal width":
        return quantiles
    edges = np.unique(np.quantile(confidence, quantiles))
    return edges if len(edges) > 1 else np.repeat(edges, 2)  # all confidences are equal: one bin


def _binned(confidence: NDArray[np.float64], hits: NDArray[np.bool_], edges: NDArray[np.float64]) -> Reliability:
    bins = np.searchsorted(edges[1:-1], confidence)
    counts = np.bincount(bins, minlength=len(edges) - 1)
    sums = (np.bincount(bins, weights=values, minlength=len(counts)) for values in (confidence, hits))
    with np.errstate(invalid="ignore"):  # an empty bin has no mean: NaN
        means = [total / counts for total in sums]
    return Reliability(edges, counts, *means)
