"""A real ``model.fit``: its History and its CSVLogger file are read alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lessonlib.reading import logs, reader


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, object, Path]:
    """Return the two Histories and the one log of a small training that was continued once."""
    import keras

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("keras") / "training.csv"
    x = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
    y = x[:, :3].argmax(axis=1)
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = {"validation_split": 0.5, "verbose": 0}
    first = model.fit(x, y, epochs=3, callbacks=[keras.callbacks.CSVLogger(path)], **fit)
    second = model.fit(x, y, epochs=6, callbacks=[keras.callbacks.CSVLogger(path, append=True)], **fit)
    return first, second, path


def test_histories_and_the_file_of_csv_logger_are_the_same_training(fitted: tuple[object, object, Path]) -> None:
    *histories, path = fitted
    first, second = map(logs.read_log, histories)
    from_file = logs.read_log(path)
    assert set(first.metrics) == set(from_file.metrics)
    assert len(first.metrics) == 4
    for name in first.metrics:
        np.testing.assert_allclose(np.append(first[name], second[name]), from_file[name], rtol=1e-12)
    assert "numbered on" in from_file.provenance["notes"][0]


def test_a_history_is_read(fitted: tuple[object, object, Path]) -> None:
    reading = reader.read(fitted[1], n_val=60, n_classes=3)
    assert reading.run.n_epochs == 6
    assert {best.by for best in reading.best} == {"loss", "accuracy"}
