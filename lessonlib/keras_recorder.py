"""A Keras callback that turns ``model.fit`` into a `Run`: the twin of `lessonlib.training` for people with Keras.

Taught in lesson 3. Keras is imported when a recorder is made, not before.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib.runs import MEASURED_TRAINING_EXAMPLES, Run, loss_and_accuracy

# TensorFlow (since 2.20) lets every library loaded after it see its copy of LLVM. Triton, which PyTorch's builds for
# NVIDIA GPUs load with their first optimizer, takes it for its own, and the process dies: tensorflow/tensorflow#124205.
# Loaded before TensorFlow, Triton keeps its own.
if "tensorflow" not in sys.modules:
    with contextlib.suppress(ImportError):
        import triton  # noqa: F401

Examples = tuple[ArrayLike, ArrayLike]
_EVALUATION_BATCH = 1_000
#: What Keras calls an accuracy that asks for the first answer alone: not that of the top five, nor a weighted one.
_ACCURACY_NAMES = ("accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy")
#: Keras keeps probabilities this far from 0 and 1 before it takes a logarithm.
_KERAS_EPSILON = np.float32(1e-7)


class KerasRecorder:
    """Measure a classifier after each epoch of ``model.fit``, in training and validation alike.

    Pass it as ``model.fit(..., callbacks=[recorder])`` and ask for ``recorder.run()`` afterwards. `train` and `val` are
    inputs as the model takes them, and class indices of shape (n,) or (n, 1). `from_logits` says, as in Keras' losses,
    whether the model's outputs are logits or probabilities: a wrong guess gives a wrong loss and often no error
    (lessons 1 and 3). One output column (a sigmoid, or its logit) is a classifier of two classes. Logits, or logarithms
    of probabilities, of the first `keep_logits` validation examples are kept.

    The losses are the plain cross-entropy whatever was compiled: no class weights, label smoothing or weight penalty.
    Without such extras ``val_loss`` is what ``model.evaluate`` reports: where the last layer is a softmax or sigmoid,
    Keras goes back to the logits behind it, and so does this; other probabilities are kept 1e-7 away from 0 and 1.
    """

    model: Any  # set by Keras when training begins

    def __new__(cls, *_: Any, **__: Any) -> KerasRecorder:
        """Make the object a ``keras.callbacks.Callback``, now that someone needs one."""
        return object.__new__(_as_callback(cls))

    def __init__(self, train: Examples, val: Examples, *, from_logits: bool, keep_logits: int = 0) -> None:
        super().__init__()
        x, y = _examples(train, "train")
        self.val = _examples(val, "val")
        self.n_train, self.from_logits = len(y), from_logits
        order = np.random.default_rng(0).permutation(len(y))[:MEASURED_TRAINING_EXAMPLES]
        self.train = x[order], y[order]
        self.keep_logits = check.whole_number(keep_logits, "keep_logits", low=0, high=len(self.val[1]))
        self.on_train_begin()

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Begin a new recording."""
        self._history, self._kept = [], []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Measure the model as it is now."""
        logs = logs or {}
        row = {"running_train_loss": float(logs["loss"])} if "loss" in logs else {}
        if found := next((name for name in _ACCURACY_NAMES if name in logs), None):
            row["running_train_accuracy"] = float(logs[found])
        row |= loss_and_accuracy(self.train[1], self._logits_of(self.train[0]), prefix="train")
        logits = self._logits_of(self.val[0])
        self._history.append(row | loss_and_accuracy(self.val[1], logits, prefix="val"))
        if self.keep_logits:
            self._kept.append(logits[: self.keep_logits])

    def run(self) -> Run:
        """Return what was recorded, NaN at an epoch at which the network has diverged.

        ``running_train_loss`` and ``running_train_accuracy`` are what Keras reports: means over the epoch while the
        weights move, dropout on. The others are measured after it, in evaluation mode, those of training on up to
        2,000 examples.
        """
        if not self._history:
            raise RuntimeError("nothing was recorded: pass the recorder as model.fit(..., callbacks=[recorder]) first.")
        provenance = {"recipe": {"name": "keras"}, "n_train": self.n_train, "n_val": len(self.val[1])}
        return Run.of_epochs(self._history, self._kept, self.val[1], provenance)

    def _logits_of(self, x: NDArray) -> NDArray[np.float64]:
        import keras

        batches = []
        for start in range(0, len(x), _EVALUATION_BATCH):
            said, are_logits = self.model(x[start : start + _EVALUATION_BATCH], training=False), self.from_logits
            # Keras remembers what went into a final softmax or sigmoid, and its losses use that where it is there.
            if hasattr(said, "_keras_logits"):
                if self.from_logits:
                    end = "the model ends in a softmax or sigmoid"
                    raise ValueError(f"from_logits=True, but {end}: pass from_logits=False.")
                said, are_logits = said._keras_logits, True
            batches.append(_as_logits(keras.ops.convert_to_numpy(said), are_logits))
        return np.concatenate(batches)


@functools.cache
def _as_callback(cls: type) -> type:
    import keras

    return cls if issubclass(cls, keras.callbacks.Callback) else type(cls.__name__, (cls, keras.callbacks.Callback), {})


def _examples(given: Examples, name: str) -> tuple[NDArray, NDArray[np.int64]]:
    try:
        x, y = (np.asarray(part) for part in given)
    except (TypeError, ValueError) as error:
        remedy = "take the arrays out of a data set; a model with several inputs cannot be recorded"
        got = f"got {type(given).__name__} ({error})"
        raise TypeError(f"{name} must be a pair of arrays (inputs, class indices), {got}: {remedy}.") from error
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"{name} holds no example (shape {x.shape}): pass the inputs and labels you train on.")
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    highest = check.finite_array(y, f"the labels of {name}").max()  # how many classes there are, the model will say
    return x, check.label_vector(y, int(highest) + 1, n_examples=len(x))


def _as_logits(outputs: NDArray, from_logits: bool) -> NDArray[np.float64]:
    if outputs.ndim != 2:
        seen = f"this model's outputs have shape {outputs.shape}: KerasRecorder has no measures for it"
        raise ValueError(f"a classifier gives one row per example, {seen}.")
    is_binary = outputs.shape[1] == 1
    if not np.isfinite(outputs).all():
        return np.repeat(outputs, 2 if is_binary else 1, axis=1).astype(np.float64)
    if from_logits:
        if not is_binary and (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-4):
            seen = "every row of the model's outputs is non-negative and sums to 1: these are probabilities"
            raise ValueError(f"from_logits=True, but {seen}, pass from_logits=False.")
        return np.hstack([np.zeros_like(outputs), outputs] if is_binary else [outputs]).astype(np.float64)
    check.probability_matrix(np.hstack([1 - outputs, outputs]) if is_binary else outputs)
    kept = np.clip(outputs.astype(np.float32), _KERAS_EPSILON, 1 - _KERAS_EPSILON)
    return np.log(np.hstack([1 - kept, kept]) if is_binary else kept, dtype=np.float64)
