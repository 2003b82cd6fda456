"""Early stopping keeps the epoch that Keras keeps, and its cost is what the last epoch has and the kept one has not."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonlib.runs import Stop, stop_epoch

# Keras compares in float32, where two close float64 values may be equal: float16 values stay apart.
curves = st.lists(st.floats(0, 10, allow_nan=False, width=16), min_size=1, max_size=30)
patiences = st.integers(1, 12)


class Weights:
    """Stands in for a Keras model: its weights are the number of the epoch."""

    def __init__(self) -> None:
        self.weights, self.stop_training = 0, False

    def get_weights(self) -> int:
        return self.weights

    def set_weights(self, weights: int) -> None:
        self.weights = weights


def keras_stop(values: list[float], patience: int, mode: str) -> Stop:
    """Let Keras's own callback decide."""
    callback = keras.callbacks.EarlyStopping(monitor="val", patience=patience, mode=mode, restore_best_weights=True)
    model = Weights()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values, start=1):
        model.weights = epoch
        callback.on_epoch_end(epoch - 1, {"val": value})
        if model.stop_training:
            break
    callback.on_train_end()
    return Stop(kept=model.weights, ended=epoch)


@given(values=curves, patience=patiences, larger_is_better=st.booleans())
def test_the_rule_is_that_of_keras(values: list[float], patience: int, larger_is_better: bool) -> None:
    ours = stop_epoch(values, patience=patience, larger_is_better=larger_is_better)
    assert ours == keras_stop(values, patience, "max" if larger_is_better else "min")


@given(values=curves, patience=patiences)
def test_a_longer_patience_never_keeps_a_worse_epoch(values: list[float], patience: int) -> None:
    shorter, longer = stop_epoch(values, patience=patience), stop_epoch(values, patience=patience + 1)
    assert values[longer.kept - 1] <= values[shorter.kept - 1]
    assert longer.ended >= shorter.ended


@given(values=curves)
def test_with_patience_for_every_epoch_the_best_of_all_is_kept(values: list[float]) -> None:
    assert stop_epoch(values, patience=len(values)) == Stop(int(np.argmin(values)) + 1, len(values))


def test_a_diverged_epoch_is_never_better_and_uses_up_patience() -> None:
    assert stop_epoch([1.0, np.nan, np.nan, 0.5], patience=2) == Stop(kept=1, ended=3)
    assert stop_epoch([np.nan, 0.4], patience=2, larger_is_better=True) == Stop(kept=2, ended=2)


@pytest.mark.parametrize(
    ("values", "patience", "message"),
    [
        ([], 1, r"one number per epoch, got shape \(0,\): pass run\['val_loss'\]"),
        ([[1.0, 2.0]], 1, r"got shape \(1, 2\)"),
        ([1.0], 0, "patience must be a whole number of at least 1, got 0"),
        ([1.0], 1.5, "patience must be a whole number of at least 1, got 1.5"),
        ([np.nan, np.nan, 1.0], 2, "NaN or infinite in all 2 epochs up to the stop"),
    ],
)
def test_what_cannot_be_stopped_is_refused(values: list, patience: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stop_epoch(values, patience=patience)
