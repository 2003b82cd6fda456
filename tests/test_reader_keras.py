"""A real ``model.fit``: its History and its CSVLogger file are read alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lessonlib import logs, reader


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    """Return the History and the log of a small training that was continued once."""
    import keras

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("keras") / "training.csv"
    x = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
    y = x[:, :3].argmax(axis=1)
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = {"validation_split": 0.5, "verbose": 0}
    model.fit(x, y, epochs=3, callbacks=[keras.callbacks.CSVLogger(path)], **fit)
    history = model.fit(x, y, epochs=6, callbacks=[keras.callbacks.CSVLogger(path, append=True)], **fit)
    return history, path


def test_history_and_csv_logger_are_the_same_run(fitted: tuple[object, Path]) -> None:
    history, path = fitted
    direct, from_file = logs.read_log(history), logs.read_log(path)
    assert set(direct.metrics) == set(from_file.metrics)
    assert len(direct.metrics) == 4
    for name in direct.metrics:
        np.testing.assert_allclose(direct[name], from_file[name], rtol=1e-12)
    assert "3 rows that later ones replace" in from_file.provenance["notes"][0]


def test_a_history_is_read(fitted: tuple[object, Path]) -> None:
    reading = reader.read(fitted[0], n_val=60, n_classes=3)
    assert reading.run.n_epochs == 6
    assert {best.by for best in reading.best} == {"loss", "accuracy"}
