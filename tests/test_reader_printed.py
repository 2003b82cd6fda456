# ruff: noqa: E501
"""What trainings print is read as the curves that were printed, whatever the tool."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonlib.reading import logs

N = 8
E = np.arange(N)
TRAIN, VAL = np.round(0.2 + 1.1 * np.exp(-E / 2.5), 4), np.round(0.5 + 0.8 * np.exp(-E / 1.5) + 0.03 * E, 4)
HIT, VAL_HIT = np.round(0.98 - 0.6 * np.exp(-E / 2.5), 4), np.round(0.75 - 0.4 * np.exp(-E / 1.5), 4)
KERAS = "loss: {t:.4f} - acc: {a:.4f} - val_loss: {v:.4f} - val_acc: {w:.4f}"

#: What each tool prints in an epoch: i (from 0), its number e (from 1), losses t and v, accuracies a and w.
PRINTED = {
    "Keras with carriage returns": "Epoch {e}/8\n\r 512/6000 [=>....] - ETA: 3s - loss: 9.1 - acc: 0.2"
    "\r6000/6000 [====] - 4s 690us/step - " + KERAS + "\n",
    "Keras with backspaces": "Epoch {e}/8\n 32/188 [=>...] - ETA: 3s - loss: 9.1 - acc: 0.2\b\b\b\b"
    "188/188 [====] - 1s 3ms/step - loss: 8 - acc: 0.3\b\b\b188/188 [====] - 1s 3ms/step - " + KERAS + "\n",
    "Keras 3": "Epoch {e}/8\n\x1b[1m188/188\x1b[0m \x1b[32m━━━━━━\x1b[0m \x1b[1m2s\x1b[0m 4ms/step - " + KERAS + "\n",
    "Keras without headers": "188/188 - 1s - 5ms/step - " + KERAS + "\n",
    "Keras with a checkpoint": "Epoch {e}/8\n188/188 - 1s - "
    + KERAS
    + "\nEpoch {e:05d}: val_loss improved from 1 to 0.9\n",
    "logging": "2031-05-01 10:00:00,123 - trainer - INFO - Epoch {e}/8 | Train Loss: {t:.4f} | Train Acc: {A:.2f}% | "
    "Val Loss: {v:.4f} | Val Acc: {W:.2f}%\n",
    "key=value": "[2031-05-01T10:00:00Z] epoch={i} train_loss={t:.4f} train_acc={a:.4f} val_loss={v:.4f} val_acc={w:.4f}\n",
    "root logger": "INFO:root:epoch: {e} train_loss: {t:.4f} train_acc: {a:.4f} val_loss: {v:.4f} val_acc: {w:.4f}\n",
    "dict": "{{'epoch': {i}, 'train_loss': {t:.4f}, 'train_acc': {a:.4f}, 'val_loss': np.float64({v:.4f}), 'val_acc': {w:.4f}}}\n",
    "Hugging Face": "{{'loss': {t:.4f}, 'learning_rate': 2e-05, 'epoch': {e}.0}}\n{{'eval_loss': {v:.4f}, "
    "'eval_accuracy': {w:.4f}, 'epoch': {e}.0}}\n 10%|█   | {i}/3750 [00:10<00:30, 10.1it/s]\n",
    "JSON lines": '{{"epoch": {i}, "train_loss": {t:.4f}, "train_acc": {a:.4f}, "val_loss": {v:.4f}, "val_acc": {w:.4f}}}\n',
    "Lightning": "Epoch {i}:  50%|██  | 469/938 [00:05<00:05, 90.1it/s, v_num=3, train_loss=9.1]\rEpoch {i}: 100%|████| "
    "938/938 [00:10<00:00, 90.1it/s, v_num=3, train_loss={t:.4f}, val_loss={v:.4f}, val_acc={w:.4f}]\n",
    "XGBoost": "[{i}]\ttrain-mlogloss:{t:.5f}\teval-mlogloss:{v:.5f}\n",
    "LightGBM": "[{i}]\ttraining's multi_logloss: {t:.5f}\tvalid_1's multi_logloss: {v:.5f}\n",
    "CatBoost": "{i}:\tlearn: {t:.7f}\ttest: {v:.7f}\tbest: 0.6 (3)\ttotal: 60.1ms\tremaining: 1m\n",
    "nanoGPT": "step {i}00: train loss {t:.4f}, val loss {v:.4f}\nsaving checkpoint\niter {i}00: loss {t:.4f}, time 22.1ms, mfu 5%\n",
    "batches and a test": "Epoch {e}\n-----\nloss: {p:.6f}  [   64/60000]\nloss: {m:.6f}  [ 6464/60000]\nTest Error: \n"
    " Accuracy: {W:.2f}%, Avg loss: {v:.6f} \n",
    "PyTorch's MNIST": "Train Epoch: {e} [0/60000 (0%)]\tLoss: {p:.6f}\nTrain Epoch: {e} [640/60000 (1%)]\tLoss: {m:.6f}\n\n"
    "Test set: Average loss: {v:.4f}, Accuracy: {n}/10000 ({W:.0f}%)\n\n",
    "train and val lines": "Epoch {i}/7\n----------\ntrain Loss: {t:.4f} Acc: {a:.4f}\nval Loss: {v:.4f} Acc: {w:.4f}\n\n",
    "steps in an epoch": "Epoch [{e}/8], Step [100/600], Loss: {p:.4f}\nEpoch [{e}/8], Step [200/600], Loss: {m:.4f}\n"
    "Epoch [{e}/8], Val Loss: {v:.4f}, Val Accuracy: {W:.2f} %\n",
    "value (mean)": "Epoch: [{i}][  0/5005]\tTime 5.1 ( 5.1)\tLoss 6.9e+00 ({t:.4e})\tAcc@1   0.00 ( {A:.2f})\n"
    "Test: [  0/196]\tTime 5.1 ( 5.1)\tLoss 6.9e+00 ({v:.4e})\tAcc@1   0.00 ( {W:.2f})\n * Acc@1 {W:.3f} Acc@5 98.000\n",
    "commas and words": "epoch {e}, train loss {t:.4f}, train acc {a:.4f}, test loss {v:.4f}, test acc {w:.4f}\n",
    "three lines": "Epoch: {e:02} | Epoch Time: 0m 13s\n\tTrain Loss: {t:.4f} | Train Acc: {A:.2f}%\n"
    "\t Val. Loss: {v:.4f} |  Val. Acc: {W:.2f}%\n",
    "headed sections": "=== Epoch {e} ===\nTrain\n  Loss: {t:.4f}\n  Acc: {a:.4f}\nVal\n  Loss: {v:.4f}\n  Acc: {w:.4f}\n",
    "results of ignite": "Training Results - Epoch: {e}  Avg accuracy: {a:.4f} Avg loss: {t:.4f}\n"
    "Validation Results - Epoch: {e}  Avg accuracy: {w:.4f} Avg loss: {v:.4f}\n",
    "sets in brackets": "{i}/8 * Epoch {i} (train): loss={t:.4f} | accuracy01={a:.4f}\n"
    "{i}/8 * Epoch {i} (valid): loss={v:.4f} | accuracy01={w:.4f}\n",
    "prose": "In epoch {e}, the training loss is {t:.4f} and the validation loss is {v:.4f}.\n",
    "end of epoch": "| epoch {e:3d} |   200/ 2983 batches | lr 20.00 | loss {t:5.4f} | ppl  2000.1\n---------\n"
    "| end of epoch {e:3d} | time: 10.5s | valid loss {v:5.4f} | valid ppl   160.1\n",
}
#: Tables: the header and one line per epoch.
TABLES = {
    "Markdown": ("| Training Loss | Epoch | Validation Loss | Accuracy |\n|:---:|:---:|---|---|\n",
                 "| {t:.4f} | {e}.0 | {v:.4f} | {w:.4f} |\n"),
    "rich": ("┏━━━┳━━━┓\n┃ Epoch ┃ train_loss ┃ val_loss ┃ val_acc ┃\n┡━━━╇━━━┩\n", "│ {i} │ {t:.4f} │ {v:.4f} │ {w:.4f} │\n"),
    "psql": ("start\n+---+---+\n| epoch | train loss | valid loss | valid acc |\n+---+---+\n",
             "| {i} | {t:.4f} | {v:.4f} | {w:.4f} |\n+---+---+\n"),
    "fastai": ("epoch     train_loss  valid_loss  accuracy  time    \n", "{i}         {t:.4f}    {v:.4f}    {w:.4f}  00:01     \n"),
    "tabs": ("Epoch\tTraining Loss\tValidation Loss\tAccuracy\n", "{e}\t{t:.4f}\t{v:.4f}\t{w:.4f}\n"),
    "skorch": ("  epoch    train_loss    valid_acc    valid_loss\n-------  ------  ------  ------\n",
               "      {e}        \x1b[36m{t:.4f}\x1b[0m       {w:.4f}        {v:.4f}\n"),
}  # fmt: skip


def printed(line: str) -> str:
    """Return what is printed in all epochs."""
    rows = zip(E.tolist(), TRAIN, VAL, HIT, VAL_HIT, strict=True)
    return "".join(
        line.format(i=i, e=i + 1, t=t, v=v, a=a, w=w, A=100 * a, W=100 * w, p=t + 0.1, m=t - 0.1, n=round(10_000 * w))
        for i, t, v, a, w in rows
    )


def assert_read(text: str) -> None:
    """Check every curve that was found, that both losses (or what there is) were, and the epochs' own numbers."""
    run = logs.read_log(text)
    assert run.n_epochs == N
    assert "val_loss" in run.metrics
    expected = {"train_loss": TRAIN, "val_loss": VAL, "train_accuracy": HIT, "val_accuracy": VAL_HIT}
    for name, values in run.metrics.items():
        if name != "learning_rate":
            np.testing.assert_allclose(values, expected[name.removeprefix("running_")], atol=1.1e-4, err_msg=name)
    assert np.ptp(np.diff(run.provenance["numbers"])) == 0


@pytest.mark.parametrize("tool", PRINTED)
def test_printed_lines_are_read(tool: str) -> None:
    assert_read(printed(PRINTED[tool]))


@pytest.mark.parametrize("tool", TABLES)
def test_printed_tables_are_read(tool: str) -> None:
    header, line = TABLES[tool]
    assert_read(header + printed(line))


def test_lists_that_were_printed_are_read() -> None:
    assert_read(f"train_losses = {TRAIN.tolist()}\nval_losses = {VAL.tolist()}\n")
    assert_read(str({"loss": TRAIN.tolist(), "accuracy": list(HIT), "val_loss": VAL.tolist()}))


def test_a_loss_of_another_kind_is_read_as_one_and_it_is_said() -> None:
    for name in ("dice_loss", "rmse", "l2"):
        text = printed(
            "Epoch {e}\ntrain: 100%|██| 46/46 [00:30<00:00, NAME={t:.4f}]\nvalid: 100%|██| 9/9 [00:01<00:00, NAME={v:.4f}]\n"
        )
        assert_read(text.replace("NAME", name))
        assert "no cross-entropy" in " ".join(logs.read_log(text.replace("NAME", name)).provenance["notes"])


def test_the_index_of_a_printed_data_frame_is_no_epoch() -> None:
    assert_read("    train_loss  valid_loss  valid_acc\n" + printed("{i}      {t:.4f}    {v:.4f}   {w:.4f}\n"))


def test_a_printed_table_may_name_its_model_in_words() -> None:
    assert_read(
        "| epoch | model | train loss | valid loss |\n|---|---|---|---|\n"
        + printed("| {i} | big | {t:.4f} | {v:.4f} |\n")
    )


@pytest.mark.parametrize("tool", TABLES)
@pytest.mark.parametrize(
    "between", ["Better model found at epoch 3 with valid_loss value: 0.9.", "Saving checkpoint ..."]
)
def test_a_table_goes_on_below_what_was_printed_between_its_rows(tool: str, between: str) -> None:
    header, line = TABLES[tool]
    assert_read(header + printed(line + between + "\n"))


def test_a_row_of_a_table_may_have_a_mark_and_one_without_all_values_is_left_out() -> None:
    header, *rows = ("epoch train_loss val_loss val_acc\n" + printed("{i} {t:.4f} {v:.4f} {w:.4f}\n")).splitlines()
    assert_read("\n".join([header, *(f"{row} *" if i in (2, 7) else row for i, row in enumerate(rows))]))
    run = logs.read_log("\n".join([header, *rows[:3], rows[3].rpartition(" ")[0], *rows[4:]]))
    assert run.provenance["numbers"] == [0, 1, 2, 4, 5, 6, 7]
    assert "fewer values than the table's header has names: 1" in run.provenance["structure"][0]


@pytest.mark.parametrize("tool", TABLES)
def test_a_test_that_is_printed_below_a_table_is_no_epoch(tool: str) -> None:
    header, line = TABLES[tool]
    text = header + printed(line) + "\nTest loss: 9.1\nTest accuracy: 0.1\n"
    assert_read(text)
    assert "later evaluation" in logs.read_log(text).provenance["structure"][0]


@pytest.mark.parametrize("tool", ["XGBoost", "CatBoost", "prose"])
def test_a_text_may_be_quoted(tool: str) -> None:
    assert_read(printed("> " + PRINTED[tool]))


def test_catboost_without_a_validation_set_has_a_training_loss() -> None:
    run = logs.read_log(printed("{i}:\tlearn: {t:.7f}\ttotal: 60.1ms\tremaining: 1m\n"))
    np.testing.assert_allclose(run["train_loss"], TRAIN)


def test_folds_that_are_printed_one_after_the_other_are_told_apart() -> None:
    text = "".join(
        f"Fold {fold}\n" + printed("Epoch {e}: train_loss: {t:.4f} | val_loss: {v:.4f}\n") for fold in (1, 2, 3)
    )
    assert_read(text)
    assert "holds 3 runs, of 8, 8 and 8 epochs" in logs.read_log(text).provenance["structure"][0]


def test_decimal_commas_are_read_where_there_are_no_points() -> None:
    text = printed("Epoche {e}: train loss {t:.4f}, val loss {v:.4f}\n").replace(".", ",")
    assert_read(text)
    assert "decimal points" in logs.read_log(text).provenance["notes"][0]


@pytest.mark.parametrize(
    ("line", "n_val", "n_classes"),
    [
        ("Train on 6000 samples, validate on 1500 samples\n", 1500, None),
        ("Found 800 files belonging to 5 classes.\nUsing 160 files for validation.\n", 160, 5),
        ("Found 4000 images belonging to 3 classes.\nFound 1000 images belonging to 3 classes.\n", 1000, 3),
        ("***** Running Evaluation *****\n  Num examples = 872\n  Batch size = 8\n", 872, None),
    ],
)
def test_sizes_that_the_log_names_are_taken(line: str, n_val: int, n_classes: int | None) -> None:
    about = logs.read_log(line + printed(PRINTED["Keras 3"])).provenance
    assert (about["n_val"], about.get("n_classes")) == (n_val, n_classes)


def test_what_is_printed_after_the_last_epoch_is_no_epoch() -> None:
    tail = "Epoch 8: early stopping\nRestoring model weights from the end of the best epoch: 3.\n"
    tail += "313/313 - 1s - loss: 9.1 - acc: 0.1\nTest accuracy: 0.1\n"
    text = printed(PRINTED["Keras with a checkpoint"]) + tail
    assert_read(text)
    assert "later evaluation" in logs.read_log(text).provenance["structure"][0]


@pytest.mark.parametrize(
    "text", ["hello\nworld\n", "step 1: reward 0.5\nstep 2: reward 0.4\n", "\n\n", "1 2 3\n4 5 6\n", "{\n"]
)
def test_text_without_a_loss_is_said_to_be_what_it_looks_like(text: str) -> None:
    with pytest.raises(logs.LogError, match=r"--columns val_loss=|is empty"):
        logs.read_log(text)


def test_a_fragment_before_the_first_header_belongs_to_no_epoch() -> None:
    whole = printed(PRINTED["Keras with carriage returns"])
    cut = "2/1563 - val_loss: 9.1021 - val_acc: 0.6200\n" + whole
    assert_read(cut)
    assert logs.read_log(cut).provenance["numbers"] == logs.read_log(whole).provenance["numbers"]
    headless = logs.read_log(whole.removeprefix("Epoch 1/8\n"))
    assert headless.provenance["numbers"] == list(range(2, N + 1))
    np.testing.assert_allclose(headless["val_loss"], VAL[1:])


OWN = "".join(f"ep={i + 1:02} | L_tr {TRAIN[i]} | L_te {VAL[i]} | hit_tr {HIT[i]} | hit_te {VAL_HIT[i]}\n" for i in E)
OWN_DICT = "{{'ep': {e}, 'L_tr': {t}, 'L_te': {v}, 'hit_tr': {a}, 'hit_te': {w}}}\n"
TOLD = {"train_loss": "L_tr", "val_loss": "L_te", "train_accuracy": "hit_tr", "val_accuracy": "hit_te"}


@pytest.mark.parametrize("text", [OWN, OWN.replace(" 0.", "=0.").replace(" 1.", "=1."), printed(OWN_DICT)])
def test_names_that_are_told_are_metrics_of_printed_text(text: str) -> None:
    run = logs.read_log(text, columns=TOLD)
    np.testing.assert_allclose(run["val_loss"], VAL)
    np.testing.assert_allclose(run["val_accuracy"], VAL_HIT)


def test_text_whose_names_are_not_known_is_refused_with_the_names_that_it_has() -> None:
    with pytest.raises(logs.LogError, match=f"text of {N} lines.*L_tr, L_te, hit_tr, hit_te.*val_loss='L_te'"):
        logs.read_log(OWN + "\n\n")
    with pytest.raises(logs.LogError, match="there is no column 'L_va': the log has epoch, L_tr"):
        logs.read_log(OWN, columns={"val_loss": "L_va"})
    with pytest.raises(logs.LogError) as refused:
        logs.read_log("step 1: top5_acc 0.91\nstep 2: top5_acc 0.95\n")
    assert "val_loss='top5_acc'" not in str(refused.value)


@pytest.mark.parametrize("line", ["Epoch [{e}/8], d_loss: {t}, g_loss: {v}, D(x): 0.52\n",
                                  "[{i}/25][0/1583]\tLoss_D: {t}\tLoss_G: {v}\tD(x): 0.5171\n"])  # fmt: skip
def test_the_two_losses_of_a_gan_are_not_taken_for_training_and_validation(line: str) -> None:
    with pytest.raises(logs.LogError, match="GAN"):
        logs.read_log(printed(line))
    name = "d_loss" if "d_loss" in line else "Loss_D"
    np.testing.assert_allclose(logs.read_log(printed(line), columns={"val_loss": name})["val_loss"], TRAIN)


def test_the_summary_of_an_evaluation_stands_for_its_batches() -> None:
    batches = "Test: [ 0/20]\tLoss 6.9e+00 ({v:.4e})\tAcc@1   0.00 ( 90.00)\n" * 2
    run = logs.read_log(
        printed("Epoch: [{i}][99/100]\tLoss 6.9e+00 ({t:.4e})\n" + batches + " *   Acc@1 {W:.3f} Acc@5 98.000\n")
    )
    np.testing.assert_allclose(run["val_accuracy"], VAL_HIT, atol=1e-4)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*PRINTED, *TABLES]), st.integers(0, 400), st.integers(0, 1_500), st.randoms())
def test_a_cut_or_shuffled_text_is_read_or_refused_with_a_reason(tool: str, start: int, end: int, random) -> None:
    header, line = ("", PRINTED[tool]) if tool in PRINTED else TABLES[tool]
    text = (header + printed(line))[start : start + end] + "\n"
    lines = text.splitlines(keepends=True)
    random.shuffle(lines)
    for given_ in (text, "".join(lines)):
        try:
            run = logs.read_log(given_)
        except logs.LogError:
            continue
        else:
            assert len(run.provenance["numbers"]) == run.n_epochs


@settings(max_examples=100, deadline=None)
@given(st.permutations(["epoch", "train_loss", "val_loss", "val_acc", "lr", "val_f1"]), st.booleans(), st.integers(0, 2),
       st.sampled_from([str.upper, str.title, lambda name: name.replace("_", " "), lambda name: name.replace("val", "eval")]),
       st.sampled_from([", ", " | ", "\t", "; "]), st.sampled_from([": ", "=", " "]))  # fmt: skip
def test_order_names_percent_steps_and_further_columns_change_nothing(
    order: list[str], percent: bool, counted: int, renamed: Callable[[str], str], between: str, after: str
) -> None:
    unit, counts = [("epoch", E + 1), ("epoch", E), ("step", 250 * E)][counted]
    accuracies = [f"{100 * w:.2f}%" for w in VAL_HIT] if percent else [f"{w:.4f}" for w in VAL_HIT]
    columns = {"epoch": counts.tolist(), "train_loss": TRAIN, "val_loss": VAL, "val_acc": accuracies,
               "lr": [0.001] * N, "val_f1": VAL_HIT}  # fmt: skip
    names = {name: unit if name == "epoch" else renamed(name) for name in order}
    text = "\n".join(between.join(f"{names[name]}{after}{columns[name][i]}" for name in order) for i in E)
    assert_read(text + "\n")
    assert logs.read_log(text + "\n").provenance["numbers"] == counts.tolist()
    table = [",".join(names[name] for name in order), *(",".join(str(columns[name][i]) for name in order) for i in E)]
    assert_read("\n".join(table) + "\n")
    assert_read(json.dumps({names[name]: list(columns[name]) for name in order}))
