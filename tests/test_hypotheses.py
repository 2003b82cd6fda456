"""The judge of the predictions finds known effects, covers them as often as it says, and says what it lacks."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy import stats

from lessonlib import runs, training
from lessonlib.course import hypotheses
from lessonlib.course.hypotheses import Finding, Prediction
from lessonlib.runs import Run
from tools import predictions_outcome

N_PICTURES = 400


def run_of(seed: int, *, loss_change: float, accuracy: tuple[float, float] = (0.6, 0.6)) -> Run:
    """Make a run of three epochs with the lowest validation loss in the second, and a known change on test pictures."""
    rng = np.random.default_rng(seed)
    losses = rng.exponential(1.0, N_PICTURES)
    losses = np.stack([losses, losses + loss_change + rng.normal(0, 0.1, N_PICTURES)])
    correct = np.stack([np.arange(N_PICTURES) < share * N_PICTURES for share in accuracy])
    metrics = {
        "val_loss": [1.5, 1.0, 1.2],
        "val_other_loss": [3.0, 4.0, 5.0],
        "test_other_loss": [3.0, 4.0, 5.0],
        "test_loss": [1.4, *losses.mean(axis=1)],
        "test_accuracy": [0.5, *accuracy],
    }
    details = {
        "test_losses": losses.astype(np.float16),
        "test_scaled_losses": losses.astype(np.float16),
        "test_correct": correct.astype(np.int8),
    }
    return Run(metrics, provenance={"seed": seed}, details=details)


def prediction(measure: str, low: float, high: float, recipe: str = "a", against: str = "") -> Prediction:
    """Make a prediction that matters in its range alone."""
    words = dict.fromkeys(("date", "experiment", "refuted_by", "claim", "source"), "x")
    return Prediction(id="p", recipe=recipe, against=against, measure=measure, low=low, high=high, **words)


RUNS = {
    "a": {seed: run_of(seed, loss_change=0.5, accuracy=(0.6, 0.63)) for seed in range(8)},
    "b": {seed: run_of(seed, loss_change=0.2) for seed in range(8)},
    "one": {0: run_of(0, loss_change=0.5)},
}


def judge(*rows: Prediction) -> list[hypotheses.Outcome]:
    """Judge predictions about the runs above."""
    return hypotheses.judge(rows, lambda recipe: RUNS.get(recipe, {}))


def test_a_seed_that_has_no_change_has_no_sign_to_flip() -> None:
    still = run_of(9, loss_change=0.5)
    still.details["test_losses"][1] = still.details["test_losses"][0]
    found = hypotheses.find("flip_share_200", "a", lambda recipe: {**RUNS["a"], 9: still})
    assert list(found.seeds) == list(RUNS["a"])
    assert math.isfinite(found.mean)


# --- the verdicts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (prediction("loss_change", 0.4, math.inf), "held"),
        (prediction("loss_change", 0.4, 0.6), "held"),
        (prediction("loss_change", 0.6, math.inf), "failed"),
        (prediction("loss_change", -math.inf, 0.4), "failed"),
        (prediction("loss_change", 0.499, math.inf), "cannot tell"),
        (prediction("accuracy_change", 1, math.inf), "held"),
        (prediction("loss_change", 0.2, 0.4, against="b"), "held"),
        (prediction("loss_change", 0.2, 0.4, recipe="c"), "not run yet"),
        (prediction("loss_change", 0.2, 0.4, recipe="one"), "too few seeds"),
    ],
)
def test_a_known_effect_gets_the_verdict_that_it_deserves(row: Prediction, verdict: str) -> None:
    (outcome,) = judge(row)
    assert outcome.verdict == verdict


def test_a_contrast_is_paired_by_seed_over_the_seeds_that_both_recipes_have(monkeypatch) -> None:
    monkeypatch.setitem(RUNS, "b", {seed: RUNS["b"][seed] for seed in (2, 3, 5)})
    (outcome,) = judge(prediction("loss_change", 0.2, 0.4, against="b"))
    assert list(outcome.finding.seeds) == [2, 3, 5]
    # The same seed draws the same noise in both: what is left is the difference of the effects.
    assert list(outcome.finding.seeds.values()) == pytest.approx([0.3] * 3, abs=1e-3)


def test_an_effect_of_a_factor_weighs_the_eight_cells_against_each_other() -> None:
    changes = {cell: 0.5 if cell.endswith("-bn") else 0.2 for cell in training.CELLS}
    cells = {cell: {seed: run_of(seed, loss_change=change) for seed in range(4)} for cell, change in changes.items()}
    rows = [prediction("loss_change", 0, 1, recipe=f"cells:{name}") for name in ("bn-plain", "adam-sgd")]
    factor, none = hypotheses.judge(rows, cells.__getitem__)
    assert factor.finding.mean == pytest.approx(0.3, abs=1e-3)
    assert none.finding.mean == pytest.approx(0, abs=1e-3)
    assert hypotheses.contrast("bn-plain beyond cosine-constant")["sgd-constant-bn"] == 0.5


def test_wrong_labels_in_validation_count_in_expectation() -> None:
    run = RUNS["a"][0]
    expected = 0.8 * run["test_loss"] + 0.2 * run["test_other_loss"]
    value = hypotheses.MEASURES["noisy_20_loss_change"](run)
    assert value == pytest.approx(expected[-1] - expected[1])
    value = hypotheses.MEASURES["noisy_20_accuracy_change"](run)
    assert value == pytest.approx(100 * 0.03 * (0.8 - 0.2 / 9))


# --- the statistics -------------------------------------------------------------------------------------------------


def test_over_seeds_alone_the_interval_is_that_of_a_t_test() -> None:
    values = [1.0, 1.5, 0.7, 2.2, 1.1]
    finding = Finding.of(dict(enumerate(values)))
    expected = stats.ttest_1samp(values, 1.0)
    np.testing.assert_allclose(finding.interval(), expected.confidence_interval(0.95), rtol=1e-9)
    against, _ = finding.p_values(1.0, math.inf)
    assert against == pytest.approx(expected.pvalue)


def test_the_interval_counts_the_pictures_that_all_seeds_share() -> None:
    """The truth 0 is covered in about 95 % of experiments; an interval over seeds alone covers it far less often."""
    rng = np.random.default_rng(0)
    covered, by_seeds_alone = [], []
    for _ in range(400):
        pictures = rng.normal(0, 2, 100)  # what a picture adds, the same for every seed
        each = {seed: rng.normal(0, 0.1) + pictures + rng.normal(0, 1, 100) for seed in range(8)}
        for found, pictures_too in ((covered, True), (by_seeds_alone, False)):
            finding = Finding.of({seed: v if pictures_too else v.mean() for seed, v in each.items()})
            low, high = finding.interval()
            found.append(low <= 0 <= high)
    assert 0.92 < np.mean(covered) < 0.99
    assert np.mean(by_seeds_alone) < 0.85


def test_holm_multiplies_the_smallest_p_value_by_their_number_and_keeps_the_order() -> None:
    np.testing.assert_allclose(hypotheses.holm([0.04, 0.01, 0.03, 0.5]), [0.09, 0.04, 0.09, 0.5])


def test_eight_of_eight_seeds_are_significant_in_a_sign_test_and_five_of_five_are_not() -> None:
    assert hypotheses.sign_test(8, 8) == pytest.approx(0.0078125)
    assert hypotheses.sign_test(5, 5) == 0.0625


def test_many_true_nulls_seldom_give_a_verdict() -> None:
    """With 40 rows whose truth lies on the bound, a verdict on any is wrong; Holm keeps that to about 1 in 20."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(60):
        findings = [Finding.of(dict(enumerate(rng.normal(size=8)))) for _ in range(40)]
        wrong += (hypotheses.holm([min(f.p_values(0, math.inf)) for f in findings]) < hypotheses.ALPHA).any()
    assert wrong <= 9


# --- the predictions and the page ---------------------------------------------------------------------------------


def test_every_prediction_names_recipes_and_a_measure_that_exist_and_a_range_that_could_be_missed() -> None:
    rows = hypotheses.predictions()
    assert len({(row.id, row.recipe) for row in rows}) == len(rows)
    for row in rows:
        assert row.measure in hypotheses.MEASURES, row
        assert row.low < row.high, row
        assert math.isfinite(row.low) or math.isfinite(row.high), row
        assert all((row.claim, row.source, row.experiment, row.date)), row
        if row.recipe.startswith("cells:"):
            assert all(math.isfinite(weight) for weight in hypotheses.contrast(row.recipe[6:]).values())
        else:
            assert row.recipe.removesuffix("-full") in training.RECIPES, row
        assert not row.against or row.against in training.RECIPES, row


def test_all_recordings_together_stay_below_25_megabytes() -> None:
    assert sum(path.stat().st_size for path in runs.recordings_folder().glob("*.npz")) < 25e6


def test_the_page_agrees_with_the_recordings() -> None:
    recorded = functools.cache(hypotheses.recorded)
    outcomes = hypotheses.judge(hypotheses.predictions(), recorded)
    written = predictions_outcome.PAGE.read_text(encoding="utf-8")
    assert predictions_outcome.page(outcomes, recorded) == written, "python -m tools.predictions_outcome writes it anew"
