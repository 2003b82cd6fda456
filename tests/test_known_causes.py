"""Runs with a known cause: each shows what it is known for, and nothing in a run names it.

One seed of each cause is trained; ``KNOWN_CAUSES_SEEDS=10`` trains ten.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from lessonlib import problems
from lessonlib.course import known_causes
from lessonlib.network import Network, fit

SEEDS = range(100, 100 + int(os.environ.get("KNOWN_CAUSES_SEEDS", "1")))


def looks(run):
    """What separates the causes: gaps in points, the loss below knowing nothing, its late fall, what changed since."""
    shares = np.array(run.provenance["class_shares"])
    entropy = -np.sum(shares[shares > 0] * np.log(shares[shares > 0]))
    loss, accuracy = run["val_loss"], run["val_accuracy"]
    gaps = 100 * (run["train_accuracy"] - accuracy)
    return {
        "first gap": gaps[0],
        "last gap": gaps[-1],
        "below": entropy - loss[-1],
        "late fall": loss[-1 - len(loss) // 5] - loss[-1],
        "rise": loss[-1] / loss.min() - 1,
        "since lowest": 100 * (accuracy[-1] - accuracy[loss.argmin()]),
        "accuracy": 100 * accuracy[-1],
        "training rises": (np.diff(run["train_loss"][-21:]) > 0).sum(),
    }


SHOWS = {
    "healthy": lambda seen: seen["accuracy"] > 90 and abs(seen["late fall"]) < 0.05 and seen["last gap"] < 10,
    "not finished": lambda seen: seen["late fall"] > 0.08 and seen["rise"] == 0,
    "rate too high": lambda seen: seen["training rises"] >= 4,
    "few validation examples": lambda seen: seen["training rises"] < 4,
    "confident errors": lambda seen: seen["rise"] > 0.1 and seen["since lowest"] > -1,
    "overfitting": lambda seen: seen["rise"] > 0.15 and seen["since lowest"] < -3 and seen["last gap"] > 13,
    "noise ceiling": lambda seen: seen["below"] > 1 and abs(seen["late fall"]) < 0.04 and seen["accuracy"] < 65,
    "too simple": lambda seen: abs(seen["below"]) < 0.02,
    "tiny features": lambda seen: 0.04 < seen["below"] < 0.15 and seen["rise"] == 0,
    "too little data": lambda seen: seen["last gap"] > 15,
    "other rows": lambda seen: seen["first gap"] > 18,
}


@pytest.mark.parametrize("cause", known_causes.CAUSES)
def test_a_cause_shows_what_it_is_known_for_on_fresh_seeds(cause):
    shown = [SHOWS[cause](looks(known_causes.train(cause, [seed, 0]))) for seed in SEEDS]
    assert sum(shown) >= 0.8 * len(shown)


def test_a_run_holds_a_log_and_nothing_that_names_its_cause():
    run = known_causes.train("too simple", 7)
    assert tuple(run.metrics) == known_causes.LOGGED
    assert set(run.provenance) == {"n_train", "n_val", "n_classes", "class_shares"}
    assert run.val_logits is None
    assert sum(run.provenance["class_shares"]) == pytest.approx(1)


def test_epochs_judged_anew_by_all_examples_are_as_they_were_and_by_one_right_or_wrong():
    sets = (problems.xor(n, rng=1) for n in (50, 30))
    run = fit(Network([2, 2], rng=1), *sets, epochs=3, learning_rate=0.1, batch_size=50, rng=1)
    by_all, by_one = (known_causes.judged_anew(run, n_val, rng=2) for n_val in (30, 1))
    for name in ("val_loss", "val_accuracy"):
        np.testing.assert_allclose(by_all[name], run[name], rtol=1e-3)  # logits are kept as float16
    assert set(by_one["val_accuracy"]) <= {0, 1}
    assert (by_one.provenance["n_val"], len(by_one.val_labels)) == (1, 1)


def test_the_same_seed_gives_the_same_ward_and_another_seed_other_runs():
    first, again, other = (known_causes.ward(["too simple", "tiny features"], [seed, 2]) for seed in (5, 5, 6))
    assert list(first) == ["A", "B"]
    for letter in first:
        np.testing.assert_array_equal(first[letter]["val_loss"], again[letter]["val_loss"])
        assert not np.array_equal(first[letter]["val_loss"], other[letter]["val_loss"])


def test_every_order_of_a_ward_comes_up():
    causes = ["too simple", "tiny features"]
    lengths = {tuple(run.n_epochs for run in known_causes.ward(causes, [seed]).values()) for seed in range(8)}
    assert lengths == {(30, 10), (10, 30)}


def test_a_ward_can_hold_fewer_runs_than_causes():
    assert list(known_causes.ward(["too simple", "tiny features", "too little data"], [1], n_runs=2)) == ["A", "B"]


def test_an_unknown_cause_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no cause 'bad luck': choose one of healthy"):
        known_causes.train("bad luck", 0)


def test_a_run_can_be_looked_at(capsys):
    run = known_causes.train("tiny features", 3)
    known_causes.look(run)
    assert f"10 epochs: train_loss from {run['train_loss'][0]:.2f}" in capsys.readouterr().out
