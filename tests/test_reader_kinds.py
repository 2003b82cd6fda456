"""Each kind of log that people come with gets the right first line, in every form that the same curves can have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lessonlib.reading import logs, reader

Log = dict[str, np.ndarray]
VARIANTS = range(3)


def csv(log: Log, rng: np.random.Generator) -> str:
    """Write a table, its columns in any order."""
    names = [str(name) for name in rng.permutation(list(log))]
    return "\n".join(
        [",".join(names), *(",".join(f"{log[n][i]:.6g}" for n in names) for i in range(len(log[names[0]])))]
    )


def lines(log: Log, rng: np.random.Generator) -> str:
    """Write what a loop prints."""
    counts = log.get("epoch", np.arange(len(next(iter(log.values())))) + 1)
    named = [name for name in log if name != "epoch"]
    return "".join(
        f"Epoch {count:.0f}: " + ", ".join(f"{n.replace('_', ' ')} {log[n][i]:.5f}" for n in named) + "\n"
        for i, count in enumerate(counts)
    )


def markdown(log: Log, rng: np.random.Generator) -> str:
    """Write the table of a model card."""
    names = list(log)
    rows = ["| " + " | ".join(f"{log[n][i]:.6g}" for n in names) + " |" for i in range(len(log[names[0]]))]
    return "\n".join(["| " + " | ".join(names) + " |", "|" + "---|" * len(names), *rows]) + "\n"


def records(log: Log, rng: np.random.Generator) -> str:
    """Write a JSON list of dicts."""
    return json.dumps([{n: round(float(log[n][i]), 6) for n in log} for i in range(len(next(iter(log.values()))))])


FORMS = {"csv": csv, "lines": lines, "markdown": markdown, "records": records}


def down(n: int, start: float, end: float, rate: float = 5.0) -> np.ndarray:
    return end + (start - end) * np.exp(-rate * np.linspace(0, 1, n))


def rough(rng: np.random.Generator, values: np.ndarray, sd: float) -> np.ndarray:
    return values + sd * rng.normal(size=len(values))


# ---- kinds: from a generator to curves ---------------------------------------------------------------------------


def memorising(rng: np.random.Generator) -> Log:
    n = int(rng.integers(8, 30))
    x = np.linspace(0, 1, n)
    val = down(n, 1.0, 0.5, 12) + rng.uniform(0.4, 1) * x**1.5
    return {"loss": down(n, 0.9, 0.02), "acc": 1 - down(n, 0.35, 0.005), "val_loss": val,
            "val_acc": rng.uniform(0.7, 0.85) - 0.15 * np.exp(-6 * x)}  # fmt: skip


def both_rise(rng: np.random.Generator) -> Log:
    n = int(rng.integers(10, 16))
    turn = n // 3
    bend = np.concatenate([np.linspace(0.6, 0, turn), np.linspace(0, rng.uniform(0.2, 0.4), n - turn + 1)[1:]])
    return {
        "loss": 1 + bend,
        "accuracy": 0.65 - bend / 3,
        "val_loss": 0.95 + 1.2 * bend,
        "val_accuracy": 0.66 - bend / 3,
    }


def negative(rng: np.random.Generator) -> Log:
    n, level = int(rng.integers(6, 12)), rng.uniform(3, 90)
    return {"loss": -down(n, 1, level), "accuracy": np.full(n, 0.1), "val_loss": -down(n, 1, level),
            "val_accuracy": np.full(n, 0.1)}  # fmt: skip


def regression(rng: np.random.Generator) -> Log:
    n, unit = int(rng.integers(8, 25)), rng.uniform(0.02, 0.3)
    return {"loss": down(n, unit, unit / 9), "val_loss": down(n, unit, unit / 7), "acc": np.zeros(n),
            "val_acc": np.full(n, rng.choice([0.0, 0.004]))}  # fmt: skip


def guessing(rng: np.random.Generator) -> Log:
    n, k = int(rng.integers(8, 25)), int(rng.choice([2, 3, 10]))
    lucky = np.full(n, 1 / k)
    lucky[rng.integers(n // 2, n)] += 0.06
    return {"loss": rough(rng, np.full(n, np.log(k)), 0.002), "val_loss": rough(rng, np.full(n, np.log(k)), 0.002),
            "val_accuracy": lucky, "accuracy": rough(rng, np.full(n, 1 / k), 0.01).clip(0, 1)}  # fmt: skip


def carries_nothing_over(rng: np.random.Generator) -> Log:
    n, k = int(rng.integers(8, 20)), int(rng.integers(3, 9))
    hits = np.round(rng.normal(300 / k, 6, n)) / 300
    return {"loss": down(n, 1.1 * np.log(k), 0.7 * np.log(k)), "acc": 1 - down(n, 1 - 1 / k, 0.6),
            "val_loss": rough(rng, np.full(n, np.log(k) + 0.01), 0.004), "val_acc": hits.clip(0, 1)}  # fmt: skip


def unseen_classes(rng: np.random.Generator) -> Log:
    n = int(rng.integers(6, 14))
    return {"loss": down(n, 1.2, 0.2), "acc": 1 - down(n, 0.35, 0.05), "val_loss": rough(rng, np.full(n, 5.0), 0.4),
            "val_acc": rng.uniform(0, 0.04, n)}  # fmt: skip


def still_falling(rng: np.random.Generator) -> Log:
    n = int(rng.integers(5, 14))
    x = np.arange(n)
    return {"train_loss": 6.9 * 0.93**x, "eval_loss": 6.6 * 0.87**x, "eval_top1": 100 * (1 - 0.9**x) + 0.5}


def annealed(rng: np.random.Generator) -> Log:
    n = int(rng.integers(5, 11))
    return still_falling(rng) | {
        "train_loss": 1.6 * 0.93 ** np.arange(n), "eval_loss": 0.7 * 0.92 ** np.arange(n),
        "eval_top1": np.linspace(78, 88, n), "lr": 0.025 * (1 + np.cos(np.pi * (np.arange(n) + 0.5) / n)) + 1e-5,
    }  # fmt: skip


def without_validation_loss(rng: np.random.Generator) -> Log:
    n = int(rng.integers(25, 50))
    return {"train_loss": down(n, 1.1, 0.1, 3), "test_acc": rough(rng, 100 * (1 - down(n, 0.6, 0.16, 9)), 0.3)}


def far_better_validation(rng: np.random.Generator) -> Log:
    n = int(rng.integers(20, 60))
    return {"train_loss": down(n, 1.2, 0.95), "train_acc": 1 - down(n, 0.64, 0.45), "val_loss": down(n, 1.0, 0.6),
            "val_acc": 1 - down(n, 0.6, rng.uniform(0.2, 0.28))}  # fmt: skip


def dead(rng: np.random.Generator) -> Log:
    n, level = int(rng.integers(6, 20)), rng.uniform(0.6, 3)
    return {"loss": np.r_[level + 0.01, np.full(n - 1, level)], "acc": np.r_[0.49, np.full(n - 1, 0.5)]}


def fast(rng: np.random.Generator) -> Log:
    n = int(rng.integers(10, 18))
    return {
        "loss": down(n, 0.5, 0.004, 30),
        "accuracy": np.r_[0.85, np.full(n - 1, 1.0)],
        "val_loss": np.linspace(0.5, rng.uniform(0.62, 0.8), n),
        "val_accuracy": np.r_[0.78, 0.81, np.full(n - 2, 0.82)],
    }


def frozen(rng: np.random.Generator) -> Log:
    n = int(rng.integers(8, 20))
    return {"loss": down(n, 0.7, 0.1), "accuracy": 1 - down(n, 0.2, 0.03),
            "val_loss": rng.uniform(4, 9) - down(n, 3, 0),
            "val_accuracy": np.full(n, round(rng.uniform(0.3, 0.7), 4))}  # fmt: skip


def penalised(rng: np.random.Generator) -> Log:
    n, penalty = int(rng.integers(20, 40)), rng.uniform(0.8, 2)
    return {"loss": down(n, 6, penalty + 0.03, 9), "accuracy": 1 - down(n, 0.4, 0.01, 9),
            "val_loss": down(n, 5.9, penalty + 0.06, 9), "val_accuracy": 1 - down(n, 0.4, 0.015, 9)}  # fmt: skip


def one_bad_measurement(rng: np.random.Generator) -> Log:
    log = healthy(rng)
    at = int(rng.integers(3, len(log["loss"]) - 4))
    log["val_loss"][at], log["val_acc"][at] = 40 * log["val_loss"][at], 0.1
    return log


def focal(rng: np.random.Generator) -> Log:
    n = int(rng.integers(15, 30))
    hit = 1 - down(n, 0.7, 0.3, 6)
    return {"loss": 0.1 * (1 - hit), "accuracy": hit, "val_loss": 0.11 * (1 - hit), "val_accuracy": hit - 0.005}


def healthy(rng: np.random.Generator) -> Log:
    n = int(rng.integers(20, 40))
    return {"loss": rough(rng, down(n, 2.2, 0.14, 8), 0.002), "acc": 1 - down(n, 0.7, 0.05, 8),
            "val_loss": rough(rng, down(n, 1.9, 0.16, 8), 0.002), "val_acc": 1 - down(n, 0.6, 0.055, 8)}  # fmt: skip


def diverged(rng: np.random.Generator) -> Log:
    n = int(rng.integers(10, 20))
    loss = np.r_[down(n - 4, 2.3, 0.4), 2.6, 3.5, 5.5, 8]
    return {"loss": loss, "val_loss": loss + 0.1}


#: Each kind, what may be said first, and a word that the first finding must hold.
KINDS: dict[Callable[[np.random.Generator], Log], tuple[set[str], str]] = {
    memorising: ({"confident_errors"}, "Training loss"),
    both_rise: ({"both_rise"}, "validation loss"),
    negative: ({"negative_loss"}, "-"),
    regression: ({"meaningless_accuracy"}, "0."),
    guessing: ({"not_moving", "chance"}, "guessing"),
    carries_nothing_over: ({"not_moving"}, "With"),
    unseen_classes: ({"unrepresentative_validation"}, "validation"),
    still_falling: ({"unfinished"}, "fifth"),
    annealed: ({"unfinished"}, "annealed"),
    without_validation_loss: ({"accuracy_stands"}, "stays"),
    far_better_validation: ({"validation_better"}, "accuracy at the end"),
    dead: ({"dead"}, "accuracy 50.0 %"),
    fast: ({"confident_errors"}, "accuracy"),
    frozen: ({"frozen_validation"}, "training accuracy reaches"),
    penalised: ({"mostly_penalty"}, "nats"),
    one_bad_measurement: ({"odd_epochs"}, "far from"),
    focal: ({"other_loss"}, "ln 2"),
    healthy: ({"healthy"}, "improved, stands"),
    diverged: ({"diverged"}, "began at"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_is_named_without_sizes_in_every_form(kind: Callable, form: str) -> None:
    expected, word = KINDS[kind]
    for variant in VARIANTS:
        rng = np.random.default_rng([list(KINDS).index(kind), variant])
        log = kind(rng)
        n = min(map(len, log.values()))
        source = FORMS[form]({"epoch": np.arange(n)} | {name: values[:n] for name, values in log.items()}, rng)
        reading = reader.read(source + "\n")
        assert reading.first.pattern in expected, (variant, str(reading))
        assert word in reading.first.evidence
        assert len(str(reading).splitlines()) <= 12
        assert reading.run.provenance["numbers"][0] == 0


def test_guessing_among_known_classes_is_chance_and_no_label_noise() -> None:
    for variant in VARIANTS:
        log = guessing(np.random.default_rng(variant))
        k = round(1 / float(np.median(log["val_accuracy"])))
        names = [finding.pattern for finding in reader.read(log, n_classes=k).findings]
        assert names[0] == "chance"
        assert "noise_ceiling" not in names


# ---- structure --------------------------------------------------------------------------------------------------


def run_of(n: int, rng: np.random.Generator) -> Log:
    return {
        "loss": down(n, 0.9, 0.01, 6),
        "val_loss": down(n, 0.6, 0.45, 9) + 0.6 * np.linspace(0, 1, n) ** 2 + rng.normal(0, 0.003, n),
    }


@pytest.mark.parametrize("how", ["numbered on", "from 0 again", "told by a column"])
@pytest.mark.parametrize("sizes", [(40, 8), (12, 30), (20, 9, 14)])
def test_of_several_runs_in_one_file_the_longest_is_read_and_it_is_said(how: str, sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(sum(sizes))
    runs = [run_of(n, rng) for n in sizes]
    log = {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
    log["epoch"] = np.arange(sum(sizes)) if how == "numbered on" else np.concatenate([np.arange(n) for n in sizes])
    if how == "told by a column":
        log["seed"] = np.repeat(np.arange(len(sizes)), sizes)
    reading = reader.read(csv(log, rng) + "\n")
    assert reading.run.n_epochs == max(sizes)
    assert f"{len(sizes)} runs" in reading.structure[0]
    assert str(reading).splitlines()[1].startswith("Log: ")
    np.testing.assert_allclose(reading.curves.val_loss, runs[int(np.argmax(sizes))]["val_loss"], rtol=1e-4)


@pytest.mark.parametrize("per_epoch", [1, 3, 10])
def test_a_validate_after_the_training_is_left_out_and_it_is_said(per_epoch: int) -> None:
    rows = ["epoch,step,val_loss,train_loss,val_acc"]
    for epoch in range(6):
        rows += [f"{epoch},{per_epoch * epoch + i},,{1 / (epoch + 1):.3f}," for i in range(per_epoch)]
        rows += [f"{epoch},{per_epoch * epoch + per_epoch - 1},{1.2 / (epoch + 1):.3f},,{0.9 + epoch / 100:.3f}"]
    rows += [f"6,{6 * per_epoch},0.01,,0.999"]
    reading = reader.read("\n".join(rows) + "\n")
    assert (reading.run.n_epochs, reading.best[0].epoch) == (6, 5)
    assert "later validate()" in reading.structure[0]


@pytest.mark.parametrize("every", [1, 10, 50])
def test_losses_of_batches_are_no_epochs(every: int) -> None:
    rng = np.random.default_rng(every)
    steps = every * np.arange(1, 61)
    loss = down(60, 2.3, 0.8) * np.exp(0.1 * rng.normal(size=60))
    for source in (
        csv({"step": steps, "loss": loss}, rng),
        "".join(f"iter {s}: loss {v:.4f}, time 20.1ms\n" for s, v in zip(steps, loss, strict=True)),
        json.dumps(
            [
                {"loss": v, "learning_rate": 1e-5, "epoch": s / 5_000, "step": int(s)}
                for s, v in zip(steps, loss, strict=True)
            ]
        ),
    ):
        reading = reader.read(source + "\n")
        assert [finding.pattern for finding in reading.findings] == ["batch_losses"]
        assert reading.first.where == f"steps {every} to {60 * every}"


@pytest.mark.parametrize("every", [100, 250, 500])
def test_evaluations_at_steps_keep_their_numbers(every: int) -> None:
    history = []
    for i in range(1, 11):
        history += [{"epoch": every * (i - 0.5) / 1000, "step": every * i - every // 2, "loss": 0.7 * 0.8**i}]
        history += [
            {"epoch": every * i / 1000, "step": every * i, "eval_loss": 0.4 + 0.03 * abs(i - 4), "eval_accuracy": 0.8}
        ]
    reading = reader.read({"log_history": history, "best_metric": None})
    assert (reading.best[0].epoch, reading.curves.unit) == (4 * every, "step")
    assert f"{10 * every}, epochs" in reading.head


def test_of_evaluation_sets_with_names_of_their_own_one_is_read_and_it_is_said() -> None:
    history = []
    for e in range(1, 8):
        history += [{"loss": 0.6 * 0.7**e, "epoch": e}]
        history += [
            {f"eval_{s}_loss": 0.5 + e / 30 + i, f"eval_{s}_accuracy": 0.8, "epoch": e}
            for i, s in enumerate(("mnli", "mm"))
        ]
    reading = reader.read({"log_history": history})
    assert reading.curves.val_loss.tolist() == pytest.approx([0.5 + e / 30 for e in range(1, 8)])
    assert "eval_mnli_loss was read, eval_mm_loss not (--columns val_loss=" in reading.structure[0]


def test_phases_are_said() -> None:
    rates = [0.01 * 0.3**e if e < 5 else 0.001 for e in range(12)]
    rows = [f"{e},{'head' if e < 5 else 'all'},{1.5 * 0.8**e:.4f},{1.4 * 0.85**e:.4f},{rates[e]}" for e in range(12)]
    structure = reader.read("epoch,stage,loss,val_loss,lr\n" + "\n".join(rows) + "\n").structure
    assert "head, then all" in structure[0]
    assert "rises again in row 6" in structure[1]


def test_a_row_for_each_set_is_spread_over_columns() -> None:
    rows = [f"{e},{part},{loss / (e + 1):.3f}" for e in range(8) for part, loss in (("train", 1.0), ("valid", 1.2))]
    reading = reader.read("epoch,phase,loss\n" + "\n".join(rows) + "\n")
    assert reading.curves.val_loss.tolist() == pytest.approx([round(1.2 / (e + 1), 3) for e in range(8)])
    assert "One row for each set" in reading.structure[0]


def test_lists_beside_records_are_what_is_read() -> None:
    log = {"val_loss": [1.4, 1.1, 0.9, 0.8], "train_loss": [1.3, 1.0, 0.8, 0.7], "augment": [{"flip": 1}, {"crop": 2}]}
    assert logs.read_log(log)["val_loss"].tolist() == log["val_loss"]


@pytest.mark.parametrize(
    "names", [("validation_0-logloss", "validation_1-logloss"), ("valid_0's auc", "valid_0's binary_logloss")]
)
def test_numbered_sets_of_boosting_are_told_apart_and_it_is_said(names: tuple[str, str]) -> None:
    text = "".join(
        f"[{i}]\t{names[0]}:{0.7 - i / 50:.5f}\t{names[1]}:{0.6 + abs(i - 12) / 40:.5f}\n" for i in range(30)
    )
    reading = reader.read(text)
    assert reading.curves.unit == "round"
    assert reading.best[0].epoch == 12
    if "auc" not in names[0]:
        assert "Two evaluation sets" in reading.structure[0]
        assert "--columns" in reading.structure[0]


@pytest.mark.parametrize("parts", [("box", "cls", "dfl"), ("box", "obj", "cls"), ("giou", "cls", "obj")])
def test_the_log_of_a_detector_is_known_as_one(parts: tuple[str, ...]) -> None:
    names = [f"{side}/{part}_loss" for side in ("train", "val") for part in parts] + ["metrics/mAP50-95(B)"]
    text = ",".join(["epoch", *names]) + "\n" + "\n".join(",".join(["1.5"] * (len(names) + 1)) for _ in range(5))
    with pytest.raises(logs.LogError, match=r"mAP50-95, .*--columns train_loss='train/cls_loss'"):
        reader.read(text)


@pytest.mark.parametrize("folder", ["plots/metrics", "metrics"])
def test_the_folder_of_dvclive_is_read(tmp_path: Path, folder: str) -> None:
    steps = 100 * np.arange(1, 13) - 1
    for part, values in (("train", down(12, 1, 0.1)), ("val", 0.2 + 0.05 * np.abs(np.arange(12) - 7))):
        file = tmp_path / folder / part / "loss.tsv"
        file.parent.mkdir(parents=True)
        file.write_text("step\tloss\n" + "".join(f"{s}\t{v:.5f}\n" for s, v in zip(steps, values, strict=True)))
    reading = reader.read(tmp_path)
    assert (reading.best[0].epoch, reading.curves.unit) == (799, "step")


# ---- what sizes add -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [64, 150, 872])
def test_accuracies_that_are_multiples_of_1_in_n_give_n(n: int) -> None:
    rng = np.random.default_rng(n)
    hits = np.sort(rng.integers(n // 4, n, 12)) / n
    reading = reader.read({"val_loss": down(12, 1, 0.5), "val_accuracy": np.round(hits, 6)})
    assert reading.curves.n_val == n
    assert any(f"n = {n}" in line for line in reading.assumptions)
    other = reader.read({"val_loss": down(12, 1, 0.5), "val_accuracy": np.round(rng.uniform(0.3, 0.9, 12), 4)})
    assert other.curves.n_val is None


def test_more_examples_are_asked_for_only_where_they_are_fewer() -> None:
    log = healthy(np.random.default_rng(3))
    log["val_acc"] = rough(np.random.default_rng(4), log["val_acc"], 0.004)
    few, many = (reader.read(log, n_val=n, n_classes=5).full for n in (300, 5_000))
    assert "you need about" in few
    assert "you need about" not in many


def test_without_n_no_interval_is_given() -> None:
    log = memorising(np.random.default_rng(0))
    assert "interval" not in str(reader.read(log))
    assert "interval" in str(reader.read(log, n_val=1_000))
