"""A KerasRecorder measures what ``model.evaluate`` measures, changes nothing, and gives a `Run` like any other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from lessonlib import metrics
from lessonlib.keras_recorder import KerasRecorder
from lessonlib.problems import Examples, imbalanced_gaussians, teacher
from lessonlib.runs import MEASURED_TRAINING_EXAMPLES, Run

TRAIN, VAL = teacher(120, 75, rng=0)
THREE = Examples(TRAIN.x, np.arange(120) % 3)
THREE_VAL = Examples(VAL.x, np.arange(75) % 3)
N_EPOCHS = 2

SPARSE = keras.losses.SparseCategoricalCrossentropy
BINARY = keras.losses.BinaryCrossentropy


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """Give every test the same random numbers."""
    keras.utils.set_random_seed(0)


def build(n_out: int, activation: str | None, loss: object, *, measures: tuple = ("accuracy",)):
    """Return a small compiled network."""
    layers = [
        keras.Input((20,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(n_out, activation=activation),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, metrics=list(measures))
    return model


def record(model, recorder, train: Examples, *, epochs: int = N_EPOCHS, batch_size: int = 50):
    """Train with a recorder; return its run and what Keras says."""
    history = model.fit(train.x, train.y, epochs=epochs, batch_size=batch_size, callbacks=[recorder], verbose=0)
    return recorder.run(), history.history


@pytest.fixture
def recorded() -> Run:
    """Return a run of three classes with all validation logits."""
    recorder = KerasRecorder(THREE, THREE_VAL, from_logits=True, keep_logits=75)
    return record(build(3, None, SPARSE(from_logits=True)), recorder, THREE)[0]


# --- what it measures ---------------------------------------------------------------------------------------------

KINDS = {
    "logits, three classes": (3, None, lambda: SPARSE(from_logits=True), True, THREE, THREE_VAL),
    "probabilities, three classes": (3, "softmax", SPARSE, False, THREE, THREE_VAL),
    "logit, two classes": (1, None, lambda: BINARY(from_logits=True), True, TRAIN, VAL),
    "probability, two classes": (1, "sigmoid", BINARY, False, TRAIN, VAL),
    "a loss named by a string": (3, "softmax", lambda: "sparse_categorical_crossentropy", False, THREE, THREE_VAL),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_measures_what_evaluate_reports(kind: str) -> None:
    n_out, activation, loss, from_logits, train, val = KINDS[kind]
    # A one-column output that is a logit is right where it is above 0, which Keras must be told.
    accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0) if kind.startswith("logit,") else "accuracy"
    model = build(n_out, activation, loss(), measures=(accuracy,))
    run, _ = record(model, KerasRecorder(train, val, from_logits=from_logits), train)
    for prefix, examples in (("train", train), ("val", val)):
        loss_there, accuracy_there = model.evaluate(examples.x, examples.y, batch_size=32, verbose=0)
        assert run[f"{prefix}_loss"][-1] == pytest.approx(loss_there, abs=1e-5)
        assert run[f"{prefix}_accuracy"][-1] == pytest.approx(accuracy_there, abs=1e-5)


@pytest.mark.parametrize("last", [[], [keras.layers.Rescaling(1.0)]], ids=["softmax last", "a layer behind it"])
@pytest.mark.parametrize("n_out", [1, 3])
def test_certain_answers_cost_what_they_cost_in_keras(n_out: int, last: list[keras.layers.Layer]) -> None:
    train, val = (THREE, THREE_VAL) if n_out == 3 else (TRAIN, VAL)
    end = keras.layers.Dense(n_out, activation="softmax" if n_out == 3 else "sigmoid")
    model = keras.Sequential([keras.Input((20,)), end, *last])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=SPARSE() if n_out == 3 else BINARY())
    end.set_weights([1e3 * weight for weight in end.get_weights()])
    run, _ = record(model, KerasRecorder(train, val, from_logits=False), train, epochs=1)
    assert run["val_loss"][-1] > 5
    assert (run["val_loss"][-1] > 17) == (not last)  # the logits are remembered by a softmax layer alone
    assert run["val_loss"][-1] == pytest.approx(model.evaluate(*val, verbose=0), rel=1e-5)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of Keras, for bfloat16
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_softmax_in_half_precision_is_measured(policy: str) -> None:
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(3, activation="softmax", dtype=policy)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=SPARSE())
    run, _ = record(model, KerasRecorder(THREE, THREE_VAL, from_logits=False), THREE)
    assert run["val_loss"][-1] == pytest.approx(model.evaluate(*THREE_VAL, verbose=0), rel=1e-2)


def test_the_running_values_are_what_keras_reports() -> None:
    model = build(3, None, SPARSE(from_logits=True))
    run, history = record(model, KerasRecorder(THREE, THREE_VAL, from_logits=True), THREE)
    np.testing.assert_allclose(run["running_train_loss"], history["loss"])
    np.testing.assert_allclose(run["running_train_accuracy"], history["accuracy"])
    assert not np.allclose(run["running_train_loss"], run["train_loss"], atol=1e-3)


def test_the_accuracy_of_the_top_k_is_not_taken_for_the_accuracy() -> None:
    top = keras.metrics.SparseTopKCategoricalAccuracy(3)  # of three classes: always 1
    for measures, names in (((top, "accuracy"), {"running_train_accuracy"}), ((top,), set())):
        model = build(3, None, SPARSE(from_logits=True), measures=measures)
        run, history = record(model, KerasRecorder(THREE, THREE_VAL, from_logits=True), THREE)
        assert names == {"running_train_accuracy"} & set(run.metrics)
        for name in names:
            np.testing.assert_array_equal(run[name], history["accuracy"])


def test_class_weights_do_not_enter_the_measured_loss() -> None:
    rare = imbalanced_gaussians(200, positive_share=0.2, rng=1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=SPARSE(from_logits=True))
    recorder = KerasRecorder(rare, rare, from_logits=True)
    model.fit(rare.x, rare.y, class_weight={0: 1.0, 1: 9.0}, epochs=1, callbacks=[recorder], verbose=0)
    run = recorder.run()
    assert run["train_loss"][0] == pytest.approx(model.evaluate(*rare, verbose=0), abs=1e-5)
    assert abs(run["running_train_loss"][0] - run["train_loss"][0]) > 0.1
    assert "running_train_accuracy" not in run.metrics


def test_the_standard_error_is_that_of_the_mean_of_the_losses(recorded: Run) -> None:
    losses = recorded.val_losses()[-1]
    assert recorded["val_loss_se"][-1] == pytest.approx(losses.std() / np.sqrt(75), rel=1e-2)  # float16 logits


def test_a_large_training_set_is_measured_on_a_part_of_it() -> None:
    n = MEASURED_TRAINING_EXAMPLES + 500
    many = Examples(np.resize(TRAIN.x, (n, 20)), np.resize(THREE.y, n))
    recorder = KerasRecorder(many, THREE_VAL, from_logits=True)
    model = build(3, None, SPARSE(from_logits=True))
    run, _ = record(model, recorder, many, epochs=1, batch_size=500)
    x, y = recorder.train
    assert len(y) == MEASURED_TRAINING_EXAMPLES
    assert run["train_loss"][0] == pytest.approx(model.evaluate(x, y, verbose=0)[0], abs=1e-5)
    assert run.provenance["n_train"] == n


# --- what it keeps ------------------------------------------------------------------------------------------------


def test_the_kept_logits_give_the_recorded_measures(recorded: Run) -> None:
    assert recorded.val_logits.shape == (N_EPOCHS, 75, 3)
    np.testing.assert_allclose(recorded.val_losses().mean(axis=1), recorded["val_loss"], atol=1e-3)
    np.testing.assert_allclose(recorded.val_hits().mean(axis=1), recorded["val_accuracy"], atol=0.03)


@pytest.mark.parametrize(("n_out", "activation", "n_classes"), [(3, "softmax", 3), (1, "sigmoid", 2)])
def test_log_probabilities_serve_as_logits(n_out: int, activation: str, n_classes: int) -> None:
    train, val = (THREE, THREE_VAL) if n_out == 3 else (TRAIN, VAL)
    model = build(n_out, activation, SPARSE() if n_out == 3 else BINARY())
    run, _ = record(model, KerasRecorder(train, val, from_logits=False, keep_logits=10), train)
    assert run.val_logits.shape == (N_EPOCHS, 10, n_classes)
    said = model.predict(val.x[:10], verbose=0)
    np.testing.assert_allclose(metrics.softmax(run.val_logits[-1])[:, -1], said[:, -1], atol=1e-3)


def test_without_keep_logits_none_are_kept() -> None:
    recorder = KerasRecorder(THREE, THREE_VAL, from_logits=True)
    run, _ = record(build(3, None, SPARSE(from_logits=True)), recorder, THREE, epochs=1)
    assert run.val_logits is None


def test_the_run_says_where_it_comes_from_and_survives_a_file(recorded: Run, tmp_path) -> None:
    about = Run.load(recorded.save(tmp_path / "run.npz")).provenance
    assert about["recipe"]["name"] == "keras"
    assert (about["n_train"], about["n_val"]) == (120, 75)


def test_a_second_fit_begins_a_new_recording() -> None:
    recorder = KerasRecorder(THREE, THREE_VAL, from_logits=True, keep_logits=5)
    model = build(3, None, SPARSE(from_logits=True))
    record(model, recorder, THREE, epochs=3)
    run, _ = record(model, recorder, THREE, epochs=1)
    assert run.n_epochs == 1


@pytest.mark.parametrize(("n_out", "n_classes"), [(1, 2), (3, 3)])
def test_a_network_that_diverged_has_nan_and_the_run_goes_on(n_out: int, n_classes: int) -> None:
    train, val = (THREE, THREE_VAL) if n_out == 3 else (TRAIN, VAL)
    model = build(n_out, None, SPARSE(from_logits=True) if n_out == 3 else BINARY(from_logits=True))
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    run, _ = record(model, KerasRecorder(train, val, from_logits=True, keep_logits=5), train)
    assert np.isnan(run["val_loss"]).all()
    assert run.val_logits.shape == (N_EPOCHS, 5, n_classes)


# --- what it leaves alone -----------------------------------------------------------------------------------------


def test_the_recorder_does_not_change_the_training() -> None:
    def weights(callbacks: Callable[[], list]) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        model = build(3, None, SPARSE(from_logits=True))
        model.fit(THREE.x, THREE.y, epochs=3, callbacks=callbacks(), verbose=0)
        return model.get_weights()

    alone = weights(list)
    watched = weights(lambda: [KerasRecorder(THREE, THREE_VAL, from_logits=True)])
    for a, b in zip(alone, watched, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_is_a_keras_callback_and_a_recorder() -> None:
    recorder = KerasRecorder(THREE, THREE_VAL, from_logits=True)
    assert isinstance(recorder, KerasRecorder)
    assert isinstance(recorder, keras.callbacks.Callback)


def test_the_module_is_imported_without_keras() -> None:
    program = "import sys, lessonlib.keras_recorder; sys.exit(any(m in sys.modules for m in ('keras', 'tensorflow')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- what it refuses ----------------------------------------------------------------------------------------------


def test_labels_in_a_column_are_taken() -> None:
    recorder = KerasRecorder((THREE.x, THREE.y[:, None]), THREE_VAL, from_logits=True)
    assert recorder.train[1].shape == (120,)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ((THREE.x[:0], THREE.y[:0]), "train holds no example"),
        ((THREE.x, THREE.y[:5]), "5 labels for 120 examples"),
        ((THREE.x, THREE.y - 1), "label -1 is outside"),
    ],
)
def test_examples_that_do_not_fit_are_refused(train: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KerasRecorder(train, THREE_VAL, from_logits=True)


def test_more_logits_than_there_are_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="keep_logits must be a whole number from 0 to 75, got 76"):
        KerasRecorder(THREE, THREE_VAL, from_logits=True, keep_logits=76)


def test_from_logits_has_no_default() -> None:
    with pytest.raises(TypeError, match="from_logits"):
        KerasRecorder(THREE, THREE_VAL)


@pytest.mark.parametrize("given", [THREE.x, (*THREE, THREE.y), (None,), 3, ([THREE.x, VAL.x], THREE.y)])
def test_what_is_no_pair_of_arrays_is_refused(given: object) -> None:
    with pytest.raises(TypeError, match=r"train must be a pair of arrays \(inputs, class indices\), got "):
        KerasRecorder(given, THREE_VAL, from_logits=True)


@pytest.mark.parametrize(
    ("n_out", "last", "from_logits", "message"),
    [
        (3, keras.layers.Softmax(), True, "ends in a softmax or sigmoid: pass from_logits=False"),
        (1, keras.layers.Activation("sigmoid"), True, "ends in a softmax or sigmoid: pass from_logits=False"),
        (3, keras.layers.Lambda(lambda z: keras.ops.softmax(z) * 1.0), True, "sums to 1: .*, pass from_logits=False"),
        (3, keras.layers.Activation("linear"), False, "pass them as logits"),
    ],
)
def test_outputs_that_are_plainly_something_else_are_refused(
    n_out: int, last: keras.layers.Layer, from_logits: bool, message: str
) -> None:
    train, val = (THREE, THREE_VAL) if n_out == 3 else (TRAIN, VAL)
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(n_out), last])
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy" if n_out == 3 else "binary_crossentropy")
    with pytest.raises(ValueError, match=message):
        record(model, KerasRecorder(train, val, from_logits=from_logits), train)


def test_labels_beyond_the_models_classes_are_refused() -> None:
    recorder = KerasRecorder(THREE, Examples(VAL.x, THREE_VAL.y + 2), from_logits=True)
    with pytest.raises(ValueError, match=r"label . is outside 0\.\.2"):
        record(build(3, None, SPARSE(from_logits=True)), recorder, THREE)


def test_outputs_that_are_no_matrix_are_refused() -> None:
    model = keras.Sequential([keras.Input((20,)), keras.layers.Reshape((4, 5)), keras.layers.Dense(3)])
    model.compile(optimizer="sgd", loss="mse")
    recorder = KerasRecorder(THREE, THREE_VAL, from_logits=True)
    with pytest.raises(ValueError, match=r"outputs have shape \(120, 4, 3\)"):
        model.fit(THREE.x, np.zeros((120, 4, 3)), callbacks=[recorder], verbose=0)


def test_asking_before_training_is_refused() -> None:
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        KerasRecorder(THREE, THREE_VAL, from_logits=True).run()


def test_triton_is_loaded_before_tensorflow_or_not_at_all(tmp_path: Path) -> None:
    """The other way round, PyTorch built for NVIDIA GPUs ends the process; here a stand-in says who was first."""
    (tmp_path / "triton.py").write_text("import sys; print('tensorflow' in sys.modules)")
    for order, said in (
        ("lessonlib.keras_recorder, tensorflow", "False"),
        ("tensorflow, lessonlib.keras_recorder", ""),
    ):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        done = subprocess.run(
            [sys.executable, "-c", f"import {order}"], env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout.strip()) == (0, said), done.stderr
