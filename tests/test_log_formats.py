"""Logs as the tools write them, a few rows of each: what is read, and what is said to have been done."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from lessonlib.__main__ import main
from lessonlib.reading import logs
from lessonlib.runs import Run

FASTAI = """epoch,train_loss,valid_loss,accuracy,time
0,0.810056,0.461939,0.896825,04:39
1,0.620161,0.418320,0.880952,04:36
2,0.507046,0.339602,0.904761,04:34
"""

FASTAI_ERROR_RATE = """epoch,train_loss,valid_loss,error_rate,time
0,0.81,0.46,0.104,00:39
1,0.62,0.42,0.119,00:36
"""

ULTRALYTICS = """                  epoch,             train/loss,  metrics/accuracy_top1,  metrics/accuracy_top5,               val/loss,                 lr/pg0
                      1,                 0.5692,                0.91837,                      1,                0.23504,             0.00047200
                      2,                 0.2415,                0.93878,                      1,                0.21328,             0.00093268
                      3,                 0.2237,                0.93197,                      1,                0.21424,             0.00137766
"""  # noqa: E501

WANDB_CHART = """"Step","happy-frog-7 - val_loss","happy-frog-7 - val_loss__MIN","happy-frog-7 - val_loss__MAX"
"99","0.9","0.9","0.9"
"199","0.7","0.7","0.7"
"299","0.8","0.8","0.8"
"""

WANDB_HISTORY = """,_step,_runtime,_timestamp,epoch,train/loss,val/loss,val/acc
0,0,3.1,1748551479.7,0,1.9,1.7,31.25
1,1,6.0,1748551482.6,1,1.5,1.4,42.5
2,2,8.8,1748551485.4,2,1.2,1.3,46.0
"""

TIMM = """epoch,train_loss,eval_loss,eval_top1,eval_top5,lr
0,6.9,6.8,0.32,1.2,0.001
1,6.5,6.1,3.4,11.9,0.001
2,6.0,5.2,11.8,29.3,0.001
"""

CLASSIC_PYTORCH = """Learning Rate,Train Loss,Valid Loss,Train Acc.,Valid Acc.,
0.1,1.5,1.2,45.1,56.9,
0.1,1.1,1.0,60.2,64.5,
""".replace(",", "\t")

GERMAN = """Epoche;Training Loss;Validation Loss;Validation Accuracy (%)
1;1,52;1,31;52,4 %
2;1,21;1,14;58,9 %
3;1,02;1,10;60,2 %
"""

SAVETXT = "# epoch train_loss val_loss val_acc\n1 1.5e+00 1.4e+00 5.0e-01\n2 1.2e+00 1.3e+00 5.5e-01\n"

DEIT = "\n".join(
    json.dumps({"train_lr": 1e-6, "train_loss": 6.9 - epoch, "test_loss": 6.8 - epoch, "test_acc1": 10.0 * epoch,
                "test_acc5": 20.0 * epoch, "epoch": epoch, "n_parameters": 5717416}) for epoch in range(3)
)  # fmt: skip

NESTED_JSON = json.dumps(
    {"train": {"loss": [1.5, 1.2], "acc": [0.4, 0.5]}, "val": {"loss": [1.4, 1.3], "acc": [0.5, 0.6]}, "best": 2}
)

RECORDS_JSON = json.dumps(
    {"config": {"lr": 0.1}, "history": [{"epoch": e, "train": {"loss": t}, "val": {"loss": v}} for e, t, v in
                                        ((1, 1.5, 1.4), (2, 1.2, 1.3))]}
)  # fmt: skip

PANDAS_JSON = json.dumps({"loss": {"0": 1.5, "1": 1.2}, "val_loss": {"0": 1.4, "1": 1.3}})


@pytest.mark.parametrize(
    ("name", "text", "expected", "said"),
    [
        ("history.csv", FASTAI, {"train_loss": 0.507046, "val_loss": 0.339602, "val_accuracy": 0.904761},
         "accuracy was taken to be of the validation set"),
        ("history.csv", FASTAI_ERROR_RATE, {"train_loss": 0.62, "val_loss": 0.42, "val_accuracy": 0.881},
         "1 minus the accuracy"),
        ("results.csv", ULTRALYTICS, {"train_loss": 0.2237, "val_loss": 0.21424, "val_accuracy": 0.93197},
         "metrics/accuracy_top1 was taken"),
        ("wandb_export.csv", WANDB_CHART, {"val_loss": 0.8}, ""),
        ("wandb.csv", WANDB_HISTORY, {"train_loss": 1.2, "val_loss": 1.3, "val_accuracy": 0.46}, "percentage"),
        ("summary.csv", TIMM, {"train_loss": 6.0, "val_loss": 5.2, "val_accuracy": 0.118}, "percentage"),
        ("log.txt", CLASSIC_PYTORCH,
         {"train_loss": 1.1, "val_loss": 1.0, "train_accuracy": 0.602, "val_accuracy": 0.645}, "percentage"),
        ("tabelle.csv", GERMAN, {"train_loss": 1.02, "val_loss": 1.10, "val_accuracy": 0.602}, "percentage"),
        ("log.txt", SAVETXT, {"train_loss": 1.2, "val_loss": 1.3, "val_accuracy": 0.55}, ""),
        ("log.txt", DEIT, {"train_loss": 4.9, "val_loss": 4.8, "val_accuracy": 0.2}, "chosen by a test set"),
        ("h.json", NESTED_JSON,
         {"train_loss": 1.2, "train_accuracy": 0.5, "val_loss": 1.3, "val_accuracy": 0.6}, ""),
        ("h.json", RECORDS_JSON, {"train_loss": 1.2, "val_loss": 1.3}, ""),
        ("h.json", PANDAS_JSON, {"running_train_loss": 1.2, "val_loss": 1.3}, ""),
    ],
)  # fmt: skip
def test_the_last_epoch_of_a_log_and_what_is_said_of_it(
    tmp_path: Path, name: str, text: str, expected: dict[str, float], said: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    run = logs.read_log(path)
    assert {metric: pytest.approx(values[-1]) for metric, values in run.metrics.items()} == expected
    assert said in " ".join(run.provenance["notes"])


# ---- Hugging Face -----------------------------------------------------------------------------------------------


def test_what_hugging_faces_trainer_saved_is_read(root: Path) -> None:
    path = root / "tests" / "logs" / "trainer_state.json"
    history = json.loads(path.read_text(encoding="utf-8"))["log_history"]
    run = logs.read_log(path)
    assert run["val_loss"].tolist() == [record["eval_loss"] for record in history if "eval_loss" in record]
    assert set(run.metrics) == {"running_train_loss", "val_loss", "val_accuracy"}  # not the summary's train_loss
    assert np.isfinite(run["running_train_loss"]).all()
    assert logs.read_log(history)["val_accuracy"].tolist() == run["val_accuracy"].tolist()


def trainer_state(logging_steps: int, eval_steps: int, steps: int = 600) -> dict:
    """Return what Hugging Face's Trainer saves: a record for each logging, one for each evaluation, and a summary."""
    history = []
    for step in range(50, steps + 1, 50):
        epoch = step / 200
        if step % logging_steps == 0:
            history.append(
                {"epoch": epoch, "grad_norm": 1.0, "learning_rate": 5e-5, "loss": 3 - step / 300, "step": step}
            )
        if step % eval_steps == 0:
            history.append({"epoch": epoch, "eval_accuracy": step / 1000, "eval_loss": 3 - step / 400,
                            "eval_runtime": 3.1, "eval_samples_per_second": 25.9, "step": step})  # fmt: skip
    history.append({"epoch": steps / 200, "step": steps, "total_flos": 3.9e14, "train_loss": 1.9, "train_runtime": 9.5})
    return {"best_metric": None, "global_step": steps, "log_history": history, "num_train_epochs": 3}


def test_the_trainer_state_of_hugging_face_is_read_up_to_each_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps(trainer_state(logging_steps=50, eval_steps=100)), encoding="utf-8")
    run = logs.read_log(path)
    assert set(run.metrics) == {"running_train_loss", "val_loss", "val_accuracy"}
    np.testing.assert_allclose(run["val_loss"], 3 - np.arange(100, 601, 100) / 400)
    np.testing.assert_allclose(run["running_train_loss"], 3 - np.arange(75, 576, 100) / 300)  # means of two


def test_a_training_loss_that_is_logged_less_often_is_interpolated_and_it_is_said() -> None:
    run = logs.read_log(trainer_state(logging_steps=200, eval_steps=50))
    assert np.isnan(run["running_train_loss"][:3]).all()  # nothing is known before the first
    np.testing.assert_allclose(run["running_train_loss"][3:], 3 - np.arange(200, 601, 50) / 300)
    assert any("loss has 3 values for 12 epochs: it was interpolated" in note for note in run.provenance["notes"])


# ---- MLflow -----------------------------------------------------------------------------------------------------


def mlflow_run(folder: Path, *, with_steps: bool = True) -> Path:
    """Write the folder of a run as MLflow's file store does."""
    for name, values in {
        "train/loss": [1.5, 1.2, 1.0],
        "val_loss": [1.4, 1.3, 1.35],
        "val_accuracy": [0.5, 0.6, 0.6],
    }.items():
        file = folder / "metrics" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"1700000000{i} {value} {i if with_steps else 0}" for i, value in enumerate(values)]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "params").mkdir()
    (folder / "params" / "lr").write_text("0.1", encoding="utf-8")
    return folder


@pytest.mark.parametrize("with_steps", [True, False])
def test_the_folder_of_an_mlflow_run_is_read(tmp_path: Path, with_steps: bool) -> None:
    folder = mlflow_run(tmp_path / "mlruns" / "0" / "4f2a", with_steps=with_steps)
    for given in (folder, folder / "metrics", tmp_path / "mlruns"):
        run = logs.read_log(given)
        assert run["train_loss"].tolist() == [1.5, 1.2, 1.0]
        assert run["val_accuracy"].tolist() == [0.5, 0.6, 0.6]
    mlflow_run(tmp_path / "mlruns" / "0" / "5b3c")
    with pytest.raises(logs.LogError, match="holds 2 runs of MLflow: pass the folder of one"):
        logs.read_log(tmp_path / "mlruns")


def test_metrics_of_mlflow_without_steps_are_read(tmp_path: Path) -> None:
    file = mlflow_run(tmp_path / "run") / "metrics" / "val_loss"
    file.write_text("1700 1.4\n1701 1.3\n1702 1.2\n", encoding="utf-8")
    assert logs.read_log(tmp_path / "run")["val_loss"].tolist() == [1.4, 1.3, 1.2]


def test_a_file_that_is_no_metric_of_mlflow_is_named(tmp_path: Path) -> None:
    folder = mlflow_run(tmp_path / "run")
    (folder / "metrics" / "val_loss").write_text("now better 1\n", encoding="utf-8")
    with pytest.raises(logs.LogError, match="val_loss is no metric of MLflow"):
        logs.read_log(folder)


# ---- TensorBoard ------------------------------------------------------------------------------------------------


def event_file(path: Path, scalars: list[tuple[str, int, float]]) -> None:
    """Write an event file with one record for each scalar."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def varint(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value % 128 | 128]) + varint(value // 128)

    import tensorflow

    path.parent.mkdir(parents=True, exist_ok=True)
    with tensorflow.io.TFRecordWriter(str(path)) as writer:
        for tag, step, value in scalars:
            summary = field(1, field(1, tag.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", value))
            writer.write(bytes([2 << 3]) + varint(step) + field(5, summary))


def test_one_run_in_a_folder_of_runs_is_read_and_of_several_one_is_asked_for(tmp_path: Path) -> None:
    scalars = [("train_loss_epoch", 9, 1.0), ("val_loss", 9, 1.1), ("train_loss_epoch", 19, 0.5), ("val_loss", 19, 0.9)]
    event_file(tmp_path / "version_0" / "events.out.tfevents.1", scalars)
    assert logs.read_log(tmp_path)["val_loss"].tolist() == [pytest.approx(1.1), pytest.approx(0.9)]
    event_file(tmp_path / "version_1" / "events.out.tfevents.2", scalars)
    with pytest.raises(logs.LogError, match=r"version_0/train_loss_epoch.*Several runs: pass one"):
        logs.read_log(tmp_path)


def test_the_folders_of_add_scalars_say_which_set_it_is(tmp_path: Path) -> None:
    for part, value in (("train", 1.0), ("validation", 1.25)):
        event_file(tmp_path / f"Loss_{part}" / "events.out.tfevents.1", [("Loss", 0, value), ("Loss", 1, value / 2)])
    run = logs.read_log(tmp_path)
    assert (run["train_loss"].tolist(), run["val_loss"].tolist()) == ([1, 0.5], [1.25, 0.625])


def test_a_lone_validation_folder_stays_validation(tmp_path: Path) -> None:
    event_file(
        tmp_path / "20260101" / "validation" / "events.out.tfevents.1", [("epoch_loss", 0, 1.0), ("epoch_loss", 1, 0.5)]
    )
    assert logs.read_log(tmp_path)["val_loss"].tolist() == [1, 0.5]


def test_a_training_by_step_and_a_validation_by_epoch_are_put_side_by_side(tmp_path: Path) -> None:
    scalars = [("Loss/train", step, 1 - step / 1000) for step in range(1000)]
    scalars += [("Loss/val", epoch, 1 - epoch / 10) for epoch in range(10)]
    event_file(tmp_path / "events.out.tfevents.1", scalars)
    run = logs.read_log(tmp_path)
    np.testing.assert_allclose(run["val_loss"], 1 - np.arange(10) / 10, rtol=1e-6)
    np.testing.assert_allclose(run["train_loss"], 1 - (np.arange(50, 1000, 100) / 1000), atol=2e-3)
    assert "read as epochs of equal length" in run.provenance["notes"][0]


# ---- odd things that happen to logs -----------------------------------------------------------------------------


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_second_fit_in_one_log_goes_on_and_a_run_that_began_anew_is_another(tmp_path: Path) -> None:
    first, second = [2.0, 1.5, 1.2], [1.1, 1.0]
    header = "epoch,loss,val_loss\n"
    rows = [f"{epoch},{loss},{loss + 0.1}\n" for part in (first, second) for epoch, loss in enumerate(part)]
    run = logs.read_log(write(tmp_path / "on.csv", header + "".join(rows)))
    assert run["running_train_loss"].tolist() == first + second
    assert "goes on from where it was" in run.provenance["notes"][0]
    again = [2.1, 1.4, 1.1, 0.9]
    rows = [f"{epoch},{loss},{loss + 0.1}\n" for part in (first, again) for epoch, loss in enumerate(part)]
    run = logs.read_log(write(tmp_path / "anew.csv", header + "".join(rows)))
    assert run["running_train_loss"].tolist() == again
    assert "holds 2 runs, of 3 and 4 epochs" in run.provenance["structure"][0]


def test_epochs_keep_the_numbers_of_the_log(tmp_path: Path) -> None:
    run = logs.read_log(write(tmp_path / "a.csv", "epoch,loss,val_loss\n5,1,1\n10,0.9,1\n20,0.8,1\n"))
    assert (run.provenance["unit"], run.provenance["numbers"]) == ("epoch", [5, 10, 20])


def test_a_test_after_the_training_is_no_epoch(tmp_path: Path) -> None:
    text = "epoch,step,train_loss,val_loss,test_loss\n0,9,,1.5,\n0,9,1.6,,\n1,19,,1.2,\n1,19,1.3,,\n0,20,,,1.25\n"
    run = logs.read_log(write(tmp_path / "metrics.csv", text))
    assert run["val_loss"].tolist() == [1.5, 1.2]


def test_a_test_set_is_read_as_validation_only_where_there_is_none() -> None:
    assert logs.read_log({"test_loss": [1.0], "valid_loss": [2.0]})["val_loss"].tolist() == [2]
    assert logs.read_log({"test_loss": [1.0], "train_loss": [2.0]})["val_loss"].tolist() == [1]


def test_of_several_runs_in_one_table_one_is_asked_for_and_they_are_never_mixed(tmp_path: Path) -> None:
    header = '"Step","a - val_loss","a - val_loss__MIN","long-b - val_loss","long-b - train_loss"'
    path = write(tmp_path / "w.csv", header + '\n"1","0.5","0.5","0.6","0.7"\n')
    with pytest.raises(logs.LogError, match="holds 2 runs, a, long-b: say which by one column"):
        logs.read_log(path)
    assert set(logs.read_log(path, columns={"val_loss": "a - val_loss"}).metrics) == {"val_loss"}
    other = logs.read_log(path, columns={"val_loss": "long-b - val_loss"})
    assert (other["val_loss"].tolist(), other["train_loss"].tolist()) == ([0.6], [0.7])


def test_a_bare_accuracy_is_of_the_training_set_if_it_is_told_or_if_the_loss_is() -> None:
    log = {"train_loss": [1.0], "val_loss": [1.0], "accuracy": [0.5]}
    assert "val_accuracy" in logs.read_log(log).metrics
    told = logs.read_log(log, columns={"train_accuracy": "accuracy"})
    assert "val_accuracy" not in told.metrics
    assert "val_accuracy" not in logs.read_log({"loss": [1.0], "val_loss": [1.0], "accuracy": [0.5]}).metrics
    ours = {"train_loss": [1.0], "val_loss": [1.0], "running_train_accuracy": [0.5]}
    assert set(logs.read_log(ours).metrics) == set(ours)


def test_a_validation_that_ended_early_is_not_spread_out(tmp_path: Path) -> None:
    scalars = [("Loss/train", epoch, 1 - epoch / 30) for epoch in range(30)]
    event_file(tmp_path / "a.tfevents.1", scalars + [("Loss/val", epoch, 1 - epoch / 30) for epoch in range(10)])
    run = logs.read_log(tmp_path)
    np.testing.assert_array_equal(run["train_loss"], run["val_loss"])


def test_what_single_precision_adds_to_a_perfect_accuracy_is_no_error() -> None:
    assert logs.read_log({"val_accuracy": [0.5, 1.0000001]})["val_accuracy"].tolist() == [0.5, 1]


def test_an_accuracy_that_is_nan_beside_a_finite_loss_is_a_gap(tmp_path: Path) -> None:
    run = logs.read_log(write(tmp_path / "a.csv", "epoch,val_loss,val_acc\n1,1,nan\n2,1,0.5\n"))
    assert np.isnan(run["val_accuracy"]).tolist() == [True, False]


def test_other_columns_of_a_dict_may_have_any_length() -> None:
    log = {"val_loss": [1.0, 0.5], "class_names": ["cat", "dog", "horse"], "confusion": [[1, 2], [3, 4], [5, 6]]}
    assert isinstance(logs.read_log(log), Run)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"epoch,val_loss\n1,0,5\n2,0,4\n", "3 cells under a header of 2.*Decimal commas"),
        ("a.csv", b"Name,State,Runtime,val_loss\nfrog,finished,12,0.5\n", "table of runs, one row for each"),
        ("history.pkl", b"\x80\x04}q\x00.", "can run code when it is opened"),
        ("history.npy", b"\x93NUMPY", "can run code when it is opened"),
        ("a.xlsx", b"PK\x03\x04\0\0", "save as CSV"),
        ("a.log", b"Epoch 1/10\n32/32 - 1s - reward: 0.5\n", "looks like text of 2 lines"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("r.csv", b"epoch,train/box_loss,val/kl_loss\n1,1,1\n", "it has epoch, train/box_loss, val/kl_loss"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(logs.LogError, match=message):
        logs.read_log(tmp_path / name)
    assert main(["read", str(tmp_path / name)]) == 1
    assert capsys.readouterr().err.startswith("lessonlib: ")


def test_a_folder_without_curves_names_the_logs_in_it(tmp_path: Path) -> None:
    write(tmp_path / "results.csv", ULTRALYTICS)
    with pytest.raises(logs.LogError, match=r"in this folder: results\.csv"):
        logs.read_log(tmp_path)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    "table",
    [
        "epoch,loss,val_loss\n1,0.9,0.8\n2,0.7\n3,0.6,0.5\n",
        'epoch,loss,note,val_loss\n1,0.9,"a, b",0.8\n2,0.7,"c, d",\n3,0.6,,0.5\n',
    ],
    ids=["a short row", "commas in quotes"],
)
def test_a_csv_is_read_whole_as_a_file_and_pasted(tmp_path: Path, table: str, as_text: bool) -> None:
    path = tmp_path / "log.csv"
    path.write_text(table, encoding="utf-8")
    run = logs.read_log(table if as_text else path)
    np.testing.assert_array_equal(run["val_loss"], [0.8, np.nan, 0.5])
    np.testing.assert_array_equal(run["running_train_loss"], [0.9, 0.7, 0.6])
