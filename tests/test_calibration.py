"""Calibration agrees with scikit-learn, torchmetrics and torch, and keeps its promises for any logits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from lessonlib import calibration, metrics

PATIENT = settings(deadline=None, max_examples=50)


def sample(seed: int, n: int = 300, n_classes: int = 5, scale: float = 3.0) -> tuple[NDArray, NDArray]:
    """Draw logits without ties, shape (n, n_classes), and labels that follow them in part."""
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=(n, n_classes))
    labels = np.where(rng.random(n) < 0.6, logits.argmax(axis=1), rng.integers(0, n_classes, n))
    return labels, logits


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray, NDArray]:
    """Draw a sample of some size, from shy to very sure."""
    return sample(
        draw(st.integers(0, 2**20)),
        n=draw(st.integers(2, 60)),
        n_classes=draw(st.integers(2, 6)),
        scale=draw(st.floats(0.1, 20)),
    )


# --- the split of the loss ----------------------------------------------------------------------------------------


@given(cases())
@PATIENT
def test_refinement_and_calibration_sum_to_the_loss_and_neither_is_negative(case: tuple[NDArray, NDArray]) -> None:
    labels, logits = case
    split = calibration.split_loss(labels, logits)
    assert split.loss == metrics.cross_entropy(labels, logits=logits)
    assert split.refinement + split.calibration == pytest.approx(split.loss, rel=0, abs=1e-9)
    assert split.refinement >= 0
    assert split.calibration >= 0
    low, high = calibration.TEMPERATURE_RANGE
    assert low <= split.temperature <= high


@given(cases())
@PATIENT
def test_the_refinement_is_the_loss_at_the_temperature_and_no_temperature_does_better(
    case: tuple[NDArray, NDArray],
) -> None:
    labels, logits = case
    split = calibration.split_loss(labels, logits)
    at = metrics.cross_entropy(labels, logits=logits / split.temperature)
    assert split.refinement == pytest.approx(at, abs=1e-12)
    for temperature in np.geomspace(*calibration.TEMPERATURE_RANGE, 60):
        assert split.refinement <= metrics.cross_entropy(labels, logits=logits / temperature) + 2e-6


@given(cases())
@PATIENT
def test_a_temperature_never_changes_a_prediction(case: tuple[NDArray, NDArray]) -> None:
    labels, logits = case
    scaled = logits / calibration.fit_temperature(labels, logits)
    assert (scaled.argmax(axis=1) == logits.argmax(axis=1)).all()


@given(st.integers(0, 2**20), st.floats(0.2, 8))
@PATIENT
def test_multiplying_the_logits_multiplies_the_temperature_and_leaves_the_refinement(seed: int, factor: float) -> None:
    labels, logits = sample(seed)
    one, other = calibration.split_loss(labels, logits), calibration.split_loss(labels, factor * logits)
    assert other.temperature == pytest.approx(factor * one.temperature, rel=1e-3)
    assert other.refinement == pytest.approx(one.refinement, abs=1e-8)


@given(cases(), st.randoms(use_true_random=False))
@PATIENT
def test_the_numbering_of_the_classes_and_the_order_of_the_examples_do_not_matter(
    case: tuple[NDArray, NDArray], random
) -> None:
    labels, logits = case
    classes, order = list(range(logits.shape[1])), list(range(len(labels)))
    random.shuffle(classes)
    random.shuffle(order)
    renamed = np.argsort(classes)[labels][order], logits[:, classes][order]
    for measure in (measures_of, split_of):
        assert measure(*renamed) == pytest.approx(measure(labels, logits), abs=1e-6)


def measures_of(labels: NDArray, logits: NDArray) -> list[float]:
    p = metrics.softmax(logits)
    eces = [calibration.expected_calibration_error(labels, p, scheme=scheme) for scheme in calibration.SCHEMES]
    return [*eces, calibration.overconfidence(labels, p), calibration.brier_score(labels, p)]


def split_of(labels: NDArray, logits: NDArray) -> list[float]:
    split = calibration.split_loss(labels, logits)
    return [split.loss, split.refinement, split.calibration]


def test_at_the_temperature_torch_finds_no_slope_of_the_loss() -> None:
    """The loss is convex in ``1 / temperature``: where its slope is zero is its minimum."""
    labels, logits = sample(1, n=2_000)
    inverse = torch.tensor(1 / calibration.fit_temperature(labels, logits), dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(inverse * torch.tensor(logits), torch.tensor(labels))
    (slope,) = torch.autograd.grad(loss, inverse, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, inverse)
    # One step of Newton's method reaches the minimum from so near; it changes the temperature by less than this share.
    assert abs(slope / curvature / inverse).item() < 1e-5


def test_labels_drawn_from_the_model_ask_for_no_temperature() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(20_000, 4))
    labels = (metrics.softmax(logits).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    split = calibration.split_loss(labels, logits)
    assert split.temperature == pytest.approx(1, abs=0.05)
    assert split.calibration < 1e-3


def test_logits_that_are_always_right_ask_for_a_temperature_at_which_they_cost_nothing() -> None:
    split = calibration.split_loss([0, 1], [[1.0, 0.0], [0.0, 1.0]])
    assert split.temperature < 0.1
    assert split.refinement < 1e-9


def test_logits_that_are_always_wrong_ask_for_the_highest_temperature() -> None:
    temperature = calibration.fit_temperature([1, 0], [[1.0, 0.0], [0.0, 1.0]])
    assert temperature == pytest.approx(calibration.TEMPERATURE_RANGE[1], rel=0.05)


# --- recalibrations -----------------------------------------------------------------------------------------------


def test_with_two_classes_vector_scaling_is_the_logistic_regression_of_scikit_learn() -> None:
    labels, logits = sample(5, n=1_000, n_classes=2)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(logits, labels)
    ours = np.exp(calibration.vector_scaling(labels, logits)(logits))
    np.testing.assert_allclose(ours, reference.predict_proba(logits), atol=1e-5)
    loss = metrics.cross_entropy(labels, probabilities=ours)
    assert loss == pytest.approx(log_loss(labels, reference.predict_proba(logits)), abs=1e-9)


def test_vector_scaling_takes_back_a_class_bias_and_a_temperature_cannot() -> None:
    rng = np.random.default_rng(6)
    truth = rng.normal(size=(20_000, 3))
    labels = (metrics.softmax(truth).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    logits = 2 * truth * [1, 2, 3] + [1.0, -1.0, 0.5]
    best = metrics.cross_entropy(labels, logits=truth)
    left = {
        fit: calibration.cross_fitted_losses(fit, labels, logits).mean() - best
        for fit in (calibration.vector_scaling, calibration.temperature_scaling)
    }
    assert left[calibration.vector_scaling] == pytest.approx(0, abs=2e-3)
    assert left[calibration.temperature_scaling] > 0.02


def test_isotonic_confidence_is_the_isotonic_regression_of_scikit_learn() -> None:
    labels, logits = sample(7, n=400)
    p = metrics.softmax(logits / calibration.fit_temperature(labels, logits))
    reference = IsotonicRegression(y_min=1 / 400, y_max=1 - 1 / 400, out_of_bounds="clip")
    reference.fit(p.max(axis=1), metrics.correct(labels, logits))
    _, new = sample(8, n=200)
    shown = np.exp(calibration.isotonic_confidence(labels, logits)(new))
    before = metrics.softmax(new / calibration.fit_temperature(labels, logits))
    row, answer = np.arange(200), new.argmax(axis=1)
    np.testing.assert_allclose(shown[row, answer], reference.predict(before.max(axis=1)), atol=1e-6)
    np.testing.assert_allclose(shown.sum(axis=1), 1, atol=1e-12)
    others = np.ones_like(shown, bool)
    others[row, answer] = False
    ratio = (shown / before)[others].reshape(200, -1)  # the other classes keep their ratios
    np.testing.assert_allclose(ratio / ratio[:, :1], 1, rtol=1e-9)


@pytest.mark.parametrize(
    "fit", [calibration.temperature_scaling, calibration.vector_scaling, calibration.isotonic_confidence]
)
def test_on_its_own_examples_no_recalibration_is_worse_than_the_best_temperature(fit: object) -> None:
    labels, logits = sample(9, n=500)
    loss = metrics.cross_entropy(labels, logits=fit(labels, logits)(logits))
    assert loss <= calibration.split_loss(labels, logits).refinement + 1e-6


def test_cross_fitting_judges_each_half_by_the_other() -> None:
    labels, logits = sample(10, n=101)
    losses = calibration.cross_fitted_losses(calibration.temperature_scaling, labels, logits)
    for half, other in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        temperature = calibration.fit_temperature(labels[other], logits[other])
        expected = metrics.cross_entropy_per_example(labels[half], logits=logits[half] / temperature)
        np.testing.assert_allclose(losses[half], expected, atol=1e-12)


# --- reliability and ECE ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bins", [1, 7, 15, 40])
@pytest.mark.parametrize("seed", range(3))
def test_ece_is_that_of_torchmetrics(seed: int, n_bins: int) -> None:
    labels, logits = sample(seed, n=500)
    p = metrics.softmax(logits)
    reference = multiclass_calibration_error(torch.tensor(p), torch.tensor(labels), 5, n_bins=n_bins, norm="l1")
    ours = calibration.expected_calibration_error(labels, p, n_bins=n_bins)
    assert ours == pytest.approx(reference.item(), abs=1e-6)


@pytest.mark.parametrize(("scheme", "strategy"), [("equal width", "uniform"), ("equal mass", "quantile")])
@pytest.mark.parametrize("n_bins", [3, 15])
def test_the_diagram_is_that_of_scikit_learn(scheme: str, strategy: str, n_bins: int) -> None:
    labels, logits = sample(4, n=500)
    p = metrics.softmax(logits)
    bins = calibration.reliability(labels, p, n_bins=n_bins, scheme=scheme)
    hits = metrics.correct(labels, p)
    accuracy, confidence = calibration_curve(hits, p.max(axis=1), n_bins=n_bins, strategy=strategy)
    filled = bins.counts > 0
    np.testing.assert_allclose(bins.accuracy[filled], accuracy, atol=1e-12)
    np.testing.assert_allclose(bins.confidence[filled], confidence, atol=1e-12)


@given(cases(), st.integers(1, 30), st.sampled_from(calibration.SCHEMES))
@PATIENT
def test_every_example_lies_in_one_bin_between_its_edges(
    case: tuple[NDArray, NDArray], n_bins: int, scheme: str
) -> None:
    labels, logits = case
    bins = calibration.reliability(labels, metrics.softmax(logits), n_bins=n_bins, scheme=scheme)
    filled = bins.counts > 0
    assert bins.counts.sum() == len(labels)
    assert len(bins.edges) == len(bins.counts) + 1
    assert (bins.edges[:-1] - 1e-12 <= bins.confidence)[filled].all()
    assert (bins.confidence <= bins.edges[1:] + 1e-12)[filled].all()
    assert np.isnan(bins.accuracy[~filled]).all()


@given(cases(), st.integers(1, 30), st.sampled_from(calibration.SCHEMES))
@PATIENT
def test_ece_lies_between_the_overconfidence_and_one(case: tuple[NDArray, NDArray], n_bins: int, scheme: str) -> None:
    labels, logits = case
    p = metrics.softmax(logits)
    gap = abs(calibration.overconfidence(labels, p))
    ece = calibration.expected_calibration_error(labels, p, n_bins=n_bins, scheme=scheme)
    assert gap - 1e-12 <= ece <= 1
    assert calibration.expected_calibration_error(labels, p, n_bins=1, scheme=scheme) == pytest.approx(gap, abs=1e-12)


def test_bins_of_equal_mass_hold_equally_many() -> None:
    labels, logits = sample(5, n=300)
    bins = calibration.reliability(labels, metrics.softmax(logits), n_bins=10, scheme="equal mass")
    assert set(bins.counts.tolist()) <= {29, 30, 31}


def test_a_bin_by_hand() -> None:
    p = [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]]
    bins = calibration.reliability([0, 1, 1, 0], p, n_bins=2)
    assert bins.edges.tolist() == [0, 0.5, 1]
    assert bins.counts.tolist() == [0, 4]
    assert bins.confidence[1] == pytest.approx(2.85 / 4)
    assert bins.accuracy[1] == 0.5
    assert bins.ece == pytest.approx(2.85 / 4 - 0.5)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    bins = calibration.reliability([0, 0], [[0.5, 0.5], [1.0, 0.0]], n_bins=2)
    assert bins.counts.tolist() == [1, 1]


def test_the_base_rate_predictor_is_calibrated_and_tells_nothing() -> None:
    labels, p = [0, 1] * 50, [[0.5, 0.5]] * 100
    for scheme in calibration.SCHEMES:
        bins = calibration.reliability(labels, p, scheme=scheme)
        assert len(bins.counts) == (15 if scheme == "equal width" else 1)  # equal confidences are never parted
        assert bins.ece == 0
    assert metrics.cross_entropy(labels, probabilities=p) == pytest.approx(math.log(2))


# --- the bias of ECE ----------------------------------------------------------------------------------------------


def test_a_calibrated_model_has_an_ece_that_shrinks_with_the_root_of_n() -> None:
    _, logits = sample(6, n=6_400)
    p = metrics.softmax(logits)
    few, many = (calibration.ece_if_calibrated(p[:n], n_draws=100, rng=0).mean() for n in (400, 6_400))
    assert few > 0
    assert few / many == pytest.approx(4, rel=0.25)


def test_in_one_bin_the_bias_is_the_mean_distance_of_a_binomial_share_from_its_mean() -> None:
    p = np.tile([0.7, 0.3], (400, 1))
    eces = calibration.ece_if_calibrated(p, n_bins=1, n_draws=4_000, rng=1)
    normal = math.sqrt(2 / math.pi * 0.7 * 0.3 / 400)
    assert eces.shape == (4_000,)
    assert eces.mean() == pytest.approx(normal, rel=0.05)


def test_the_simulation_repeats_from_a_seed_and_certain_answers_are_always_right() -> None:
    _, logits = sample(7, n=50)
    p = metrics.softmax(logits)
    one, two = (calibration.ece_if_calibrated(p, n_draws=3, rng=5) for _ in range(2))
    assert one.tolist() == two.tolist()
    assert calibration.ece_if_calibrated([[1.0, 0.0]] * 5, n_draws=2, rng=0).tolist() == [0, 0]


# --- Brier score and logits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_brier_score_is_that_of_scikit_learn(n_classes: int) -> None:
    labels, logits = sample(8, n=100, n_classes=n_classes)
    p = metrics.softmax(logits)
    ours = calibration.brier_score(labels, p)
    assert ours == pytest.approx(brier_score_loss(labels, p, labels=range(n_classes), scale_by_half=False), abs=1e-12)


@given(cases(), st.floats(-100, 100), st.floats(0.1, 10))
@PATIENT
def test_the_logit_norm_ignores_what_all_classes_share_and_scales(
    case: tuple[NDArray, NDArray], shift: float, factor: float
) -> None:
    _, logits = case
    norm = calibration.logit_norm(logits)
    np.testing.assert_allclose(calibration.logit_norm(factor * logits + shift), factor * norm, rtol=1e-6, atol=1e-9)
    assert calibration.logit_norm([[3.0, 4.0, 5.0]])[0] == pytest.approx(math.sqrt(2))


# --- what is refused ----------------------------------------------------------------------------------------------

LABELS, P = [0, 1], [[0.9, 0.1], [0.2, 0.8]]


@pytest.mark.parametrize(
    "measure",
    [
        calibration.reliability,
        calibration.expected_calibration_error,
        calibration.overconfidence,
        calibration.brier_score,
    ],
)
@pytest.mark.parametrize(
    ("labels", "probabilities", "complaint"),
    [
        (LABELS, [[2.0, -1.0], [0.0, 1.0]], "if these are logits"),
        (LABELS, [[0.5, 0.2], [0.5, 0.5]], "sum to 0.7"),
        (LABELS, [[np.nan, 0.5], [0.5, 0.5]], "holds nan"),
        ([0], P, "1 labels for 2 examples"),
        ([0, 2], P, "label 2 is outside 0..1"),
        ([[1, 0], [0, 1]], P, "one-hot"),
        ([], [], "empty"),
    ],
)
def test_bad_predictions_are_refused_with_their_remedy(measure, labels, probabilities, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        measure(labels, probabilities)


@pytest.mark.parametrize("split", [calibration.fit_temperature, calibration.split_loss])
@pytest.mark.parametrize(
    ("labels", "logits", "complaint"),
    [
        ([0], P, "1 labels for 2 examples"),
        ([0, 3], P, "label 3 is outside"),
        (LABELS, [[np.inf, 0.0], [0.0, 1.0]], "holds inf"),
        (LABELS, [0.5, 0.5], "shape"),
    ],
)
def test_bad_logits_are_refused(split, labels, logits, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        split(labels, logits)


@pytest.mark.parametrize("n_bins", [0, -1, 1.5])
def test_a_number_of_bins_below_one_is_refused(n_bins: float) -> None:
    with pytest.raises(ValueError, match="n_bins must be a whole number"):
        calibration.reliability(LABELS, P, n_bins=n_bins)


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'equal width', 'equal mass'.*got 'quantile'"):
        calibration.expected_calibration_error(LABELS, P, scheme="quantile")


def test_no_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="n_draws must be a whole number of at least 1, got 0"):
        calibration.ece_if_calibrated(P, n_draws=0, rng=0)


def test_logits_of_another_shape_have_no_norm() -> None:
    with pytest.raises(ValueError, match="logits must have shape"):
        calibration.logit_norm([1.0, 2.0])
