"""Logs of other tools become the same run, and what is no log gives an error that says what to do."""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonlib.reading import logs, names
from lessonlib.runs import Run

HERE = Path(__file__).resolve().parent / "logs"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a text file and return its path."""
    path.write_text(text, encoding=encoding)
    return path


def unpack(name: str, target: Path) -> Path:
    """Unpack an event file of this folder to where a tool would have written it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.decompress((HERE / name).read_bytes()))
    return target


# ---- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("val_loss", "val_loss"), ("valid_loss", "val_loss"), ("Loss/validation", "val_loss"),
        ("eval/loss", "val_loss"),
        ("validation/epoch_loss", "val_loss"), ("valLoss", "val_loss"), ("test_acc", "val_accuracy"),
        ("val_sparse_categorical_accuracy", "val_accuracy"), ("Accuracy/val", "val_accuracy"),
        ("loss", "running_train_loss"), ("acc", "running_train_accuracy"), ("train_loss_epoch", "train_loss"),
        ("train_loss_step", "train_loss"), ("Training Loss", "train_loss"),
        ("running_train_loss", "running_train_loss"),
        ("learning_rate", None), ("val_f1", None), ("val_loss_ema", None), ("epoch", None), ("train_val_loss", None),
        ("val_reconstruction_loss", None), ("val_top5_accuracy", None),
    ],
)  # fmt: skip
def test_names_of_other_tools_are_recognised(name: str, ours: str | None) -> None:
    assert names.canonical_name(name) == ours


def test_the_plainest_of_several_columns_is_taken() -> None:
    run = logs.read_log({"train_loss_step": [9.0, 9], "train_loss_epoch": [2.0, 1], "val_loss": [3.0, 2]})
    assert run["train_loss"].tolist() == [2, 1]


def test_two_columns_that_could_be_meant_are_an_error_until_one_is_named() -> None:
    log = {"dev_loss": [1.0, 2.0], "val/loss": [3.0, 4.0]}
    with pytest.raises(logs.LogError, match="say which, columns="):
        logs.read_log(log)
    assert logs.read_log(log, columns={"val_loss": "dev_loss"})["val_loss"].tolist() == [1, 2]


def test_columns_must_be_our_names_and_exist() -> None:
    with pytest.raises(logs.LogError, match="choose from train_loss"):
        logs.read_log({"a": [1.0]}, columns={"validation": "a"})
    with pytest.raises(logs.LogError, match="no column 'b'"):
        logs.read_log({"a": [1.0]}, columns={"val_loss": "b"})


def test_a_column_of_any_name_can_be_told() -> None:
    assert logs.read_log({"J": [2.0, 1.0]}, columns={"val_loss": "J"})["val_loss"].tolist() == [2, 1]


# ---- tools ------------------------------------------------------------------------------------------------------


def test_lightnings_ragged_rows_become_one_row_per_epoch() -> None:
    run = logs.read_log(HERE / "lightning_metrics.csv")
    table = pd.read_csv(HERE / "lightning_metrics.csv")
    for ours, theirs in (("train_loss", "train_loss_epoch"), ("val_loss", "val_loss"), ("val_accuracy", "val_acc")):
        np.testing.assert_allclose(run[ours], table[theirs].dropna(), rtol=1e-12)
    assert run.n_epochs == 6
    assert "one per epoch" in run.provenance["notes"][0]


def test_the_training_loss_of_the_steps_is_averaged_where_it_is_all_there_is(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "epoch,step,train_loss,val_loss\n0,1,4,\n0,3,2,\n0,3,,5\n1,5,1,\n1,7,1,\n1,7,,3\n")
    run = logs.read_log(path)
    assert run["train_loss"].tolist() == [3, 1]
    assert run["val_loss"].tolist() == [5, 3]


def test_pytorchs_event_file_is_read_as_tensorboard_reads_it(tmp_path: Path) -> None:
    """What TensorBoard's own accumulator read in it is kept beside the file."""
    run = logs.read_log(unpack("torch_events.gz", tmp_path / "events.out.tfevents.1.host"))
    read = json.loads((HERE / "torch_events.json").read_text(encoding="utf-8"))
    assert set(run.metrics) == {"train_loss", "val_loss", "val_accuracy"}
    for name, theirs in run.provenance["columns"].items():
        np.testing.assert_allclose(run[name], [value for _, value in read[theirs]], rtol=1e-12)


def test_the_folder_of_keras_tensorboard_is_the_history_of_that_training(tmp_path: Path) -> None:
    for part in ("train", "validation"):
        unpack(f"keras_events_{part}.gz", tmp_path / part / "events.out.tfevents.1.host.0.v2")
    run = logs.read_log(tmp_path)
    history = logs.read_log(HERE / "keras_history.json")
    for name in ("val_loss", "val_accuracy"):
        np.testing.assert_allclose(run[name], history[name], rtol=1e-6)
    np.testing.assert_allclose(run["train_loss"], history["running_train_loss"], rtol=1e-6)


def test_a_cut_off_event_file_gives_what_is_whole(tmp_path: Path) -> None:
    whole = logs.read_log(unpack("torch_events.gz", tmp_path / "a.tfevents"))
    cut = tmp_path / "b.tfevents"
    cut.write_bytes((tmp_path / "a.tfevents").read_bytes()[:-3])
    part = logs.read_log(cut)
    assert part["train_loss"].tolist() == whole["train_loss"][: part.n_epochs].tolist()
    assert whole.n_epochs - 1 <= part.n_epochs


def test_a_damaged_or_empty_event_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tfevents"
    for content, message in ((b"", "empty"), (b"not an event file, but long enough to look for one", "damaged")):
        path.write_bytes(content)
        with pytest.raises(logs.LogError, match=message):
            logs.read_log(path)
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(logs.LogError, match="no event file"):
        logs.read_log(folder)


def test_a_dataframe_is_read() -> None:
    frame = pd.DataFrame({"epoch": [0, 1, 2], "loss": [3.0, 2, 1], "val_loss": [3.0, 2, 2], "note": ["a", "b", "c"]})
    run = logs.read_log(frame)
    assert run["val_loss"].tolist() == [3, 2, 2]
    assert run["running_train_loss"].tolist() == [3, 2, 1]
    with pytest.raises(logs.LogError, match="stands 2 times"):
        logs.read_log(pd.DataFrame([[1.0, 2.0]], columns=["val_loss", "val_loss"]))


def test_a_saved_run_and_a_run_are_given_back(tmp_path: Path) -> None:
    run = Run({"val_loss": [1.0, 0.5]})
    assert logs.read_log(run) is run
    assert logs.read_log(run.save(tmp_path / "r.npz"))["val_loss"].tolist() == [1, 0.5]


# ---- strange files ------------------------------------------------------------------------------------------------


def test_percentages_become_shares_and_it_is_said() -> None:
    run = logs.read_log({"val_accuracy": [55.0, 80.0]})
    assert run["val_accuracy"].tolist() == [0.55, 0.8]
    assert "percentage" in run.provenance["notes"][0]


@pytest.mark.parametrize("largest", [1.2, 101.0, 5_000.0])
def test_an_accuracy_that_is_neither_share_nor_percentage_is_refused(largest: float) -> None:
    with pytest.raises(logs.LogError, match=f"reaches {largest:g}"):
        logs.read_log({"val_accuracy": [0.5, largest]})


def test_a_continued_log_loses_the_rows_that_were_replaced(tmp_path: Path) -> None:
    text = "epoch,val_loss\n0,9\n1,8\n2,7\nepoch,val_loss\n1,5\n2,4\n3,3\n"
    run = logs.read_log(write(tmp_path / "log.csv", text))
    assert run["val_loss"].tolist() == [9, 5, 4, 3]
    assert "2 rows that later ones replace" in run.provenance["notes"][0]


def test_steps_are_gathered_up_to_each_validation(tmp_path: Path) -> None:
    text = "step,loss,val_loss\n10,4,\n20,2,3\n30,1,\n40,1,2\n"
    run = logs.read_log(write(tmp_path / "log.csv", text))
    assert run["running_train_loss"].tolist() == [3, 1]
    assert run["val_loss"].tolist() == [3, 2]


def test_a_loss_written_as_nan_is_a_divergence_and_an_empty_cell_a_gap(tmp_path: Path) -> None:
    run = logs.read_log(write(tmp_path / "log.csv", "epoch,loss,val_loss\n0,2,2\n1,nan,nan\n"))
    assert not np.isfinite(run["val_loss"][-1])
    assert run.n_epochs == 2
    run = logs.read_log(write(tmp_path / "log2.csv", "epoch,loss,val_loss\n0,2,2\n1,1,\n2,1,1\n"))
    assert np.isnan(run["val_loss"]).tolist() == [False, True, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_of_spreadsheets_are_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "log.csv", "époque;val_loss\n1;0,5\n2;0,25\n", encoding)
    assert logs.read_log(path)["val_loss"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x1c", "is empty"),
        (b"# ", "holds no table"),
        (b"epoch,val_loss\n", "no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file"),
        (b"\xff\xfea", "UTF-16"),
        (b"epoch,lr\n0,1\n", "no column of the log.csv is a loss"),
        (b"epoch,val_loss,val_loss\n0,1,2\n", "stands 2 times"),
        (b"epoch,val_loss\n0,abc\n1,def\n", "there is no number in val_loss"),
        (b"just some words", "no rows"),
    ],
)
def test_what_is_no_log_is_refused_with_a_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(logs.LogError, match=message):
        logs.read_log(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "holds a list"),
        ("{}", "holds no list"),
        ('{"loss": []}', "there is no number in loss"),
        ('[{"loss": null, "epoch": 1}, {"loss": null, "epoch": 1}]', "there is no number in loss"),
    ],
)
def test_json_that_is_no_history_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(logs.LogError, match=message):
        logs.read_log(write(tmp_path / "h.json", text))


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(logs.LogError, match="equally long"):
        logs.read_log({"loss": [1.0, 2.0], "val_loss": [1.0]})


def test_what_is_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="got int"):
        logs.read_log(3)
    with pytest.raises(FileNotFoundError, match="there is no log"):
        logs.read_log(tmp_path / "none.csv")


def test_a_long_file_is_read(tmp_path: Path) -> None:
    n = 50_000
    rows = np.column_stack([np.arange(n), np.linspace(2, 1, n), np.linspace(2, 1.5, n)])
    path = tmp_path / "long.csv"
    frame = pd.DataFrame(rows, columns=["step", "loss", "val_loss"])
    frame.to_csv(path, index=False)
    assert logs.read_log(path).n_epochs == n


@given(
    st.lists(
        st.tuples(st.floats(0.01, 10), st.floats(0.01, 10), st.floats(0, 1)), min_size=1, max_size=30
    )
)  # fmt: skip
def test_a_file_of_csv_logger_says_what_the_history_said(rows: list[tuple[float, float, float]]) -> None:
    loss, val_loss, val_accuracy = (list(column) for column in zip(*rows, strict=True))
    history = {"loss": loss, "val_loss": val_loss, "val_accuracy": val_accuracy}
    direct = logs.read_log(history)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *history])
            writer.writerows([epoch, *row] for epoch, row in enumerate(rows))
        again = logs.read_log(path)
    for name in direct.metrics:
        np.testing.assert_allclose(again[name], direct[name], rtol=1e-15)
