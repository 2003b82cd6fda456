"""The curve reader names what was put into the curves, never more than the validation set can show."""

from __future__ import annotations

import dataclasses
import html
import re
import string
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonlib import metrics, runs, uncertainty
from lessonlib.reading import evidence, patterns
from lessonlib.reading.findings import OF_NUMBERS, PATTERNS, say
from lessonlib.reading.reader import read
from lessonlib.runs import Run

T = 40
RISING = np.linspace(0, 1, T)


def falling(start: float, end: float, rate: float = 8.0) -> np.ndarray:
    """Return a loss that has reached its end well before the last epoch."""
    return end + (start - end) * np.exp(-rate * RISING)


def noise(sd: float, seed: int = 0) -> np.ndarray:
    """Return independent noise, one value per epoch."""
    return sd * np.random.default_rng(seed).normal(size=T)


def found(log: dict, **known: object) -> list[str]:
    """Return the patterns of a log, in order."""
    return [finding.pattern for finding in read(log, **known).findings]


HEALTHY = {
    "train_loss": falling(2.3, 0.20), "val_loss": falling(2.3, 0.21),
    "train_accuracy": 1 - falling(0.9, 0.05), "val_accuracy": 1 - falling(0.9, 0.06),
}  # fmt: skip
TURNING = {"train_loss": falling(2.3, 0.02), "val_loss": falling(2.3, 0.6) + 0.8 * RISING}


# ---- each pattern, and its absence ----------------------------------------------------------------------


def test_a_healthy_run_raises_no_alarm() -> None:
    reading = read(HEALTHY, n_val=2_000, n_classes=10)
    assert reading.first.pattern == "healthy"
    assert reading.alarms == ()


def test_loss_up_and_accuracy_up_is_confident_errors() -> None:
    log = TURNING | {"val_accuracy": 0.5 + 0.3 * RISING}
    reading = read(log, n_val=5_000, n_classes=10)
    assert reading.first.pattern == "confident_errors"
    assert (reading.loss_change.verdict, reading.accuracy_change.verdict) == ("rise", "rise")


def test_loss_up_and_accuracy_down_is_overfitting() -> None:
    log = TURNING | {"val_accuracy": 0.8 - 0.2 * RISING}
    assert found(log, n_val=5_000, n_classes=10)[0] == "overfitting"
    assert found(TURNING, n_val=5_000)[0] == "loss_rose"  # where accuracy is not known
    without_training = read({name: log[name] for name in ("val_loss", "val_accuracy")}, n_val=5_000).first
    assert without_training.pattern == "overfitting"
    assert "training" not in without_training.title


def test_a_rise_without_an_accuracy_is_a_rise_of_the_loss_and_sends_to_the_columns_that_were_not_read() -> None:
    x = np.arange(8)
    log = {"train_loss": 0.3 * 0.6**x, "val_loss": 0.3 + 0.02 * x}
    for unread, named in (({"Wer": 35.0 - x}, "Wer"), ({"f1": 0.9 - 0.1 / (x + 1), "val dice": x / 8}, "val dice")):
        first = read(log | unread).first
        assert first.pattern == "loss_rose"
        assert "worse" not in first.title
        assert named in first.advice
        assert "before you stop" in first.advice
    assert "f1" not in first.advice  # of training, as it stands beside one of validation
    assert read(log | {"val_perplexity": np.exp(log["val_loss"])}).first.advice == read(log).first.advice
    alone = read({"val_loss": log["val_loss"]}).first
    assert "training" not in alone.title


def test_in_a_regression_there_are_no_confident_errors() -> None:
    x = np.arange(6)
    log = {"loss": 120 * 0.6**x, "val_loss": 42 + 3.0 * x, "mae": 9 * 0.8**x, "val_mae": 5 + 0.1 * x}
    reading = read(log)
    assert reading.first.pattern == "overfitting"
    assert "val_mae" in reading.first.advice
    assert "confident" not in str(reading)
    spelled = {"loss": log["loss"], "val_loss": log["val_loss"], "val_mean_absolute_error": log["val_mae"]}
    assert "confident" not in str(read(spelled))


def test_errors_are_not_called_confident_where_wrong_answers_do_not_explain_the_loss() -> None:
    right = [0.985, 0.985, 0.986, 0.986, 0.987, 0.987]
    log = {"train_loss": [0.4, 0.38, 0.36, 0.34, 0.32, 0.31], "train_accuracy": [0.99] * 6,
           "val_loss": [0.10, 0.16, 0.24, 0.31, 0.38, 0.42], "val_accuracy": right}  # fmt: skip
    reading = read(log, n_val=5_000, n_classes=2)
    assert [f.pattern for f in reading.findings[:2]] == ["mostly_penalty", "confident_errors"]
    assert "confident" not in reading.findings[1].title


def test_what_the_accuracy_leaves_open_is_said() -> None:
    flat = TURNING | {"val_accuracy": 0.7 + 0.001 * (-1) ** np.arange(T)}
    assert "A fall of up to" in read(flat, n_val=1_000).find("confident_errors").evidence
    assert "A fall of up to" not in read(flat, n_val=1_000_000).find("confident_errors").evidence
    assert "Accuracy is not known" in read(TURNING, n_val=5_000).find("loss_rose").evidence
    alone = read({"val_loss": TURNING["val_loss"]}, n_val=5_000).find("loss_rose")
    assert "whether training went on improving is not known" in alone.evidence


def test_the_same_rise_on_few_examples_cannot_be_told() -> None:
    log = TURNING | {"val_accuracy": 0.5 + 0.3 * RISING}
    log["val_loss"] = falling(2.3, 0.6) + 0.15 * RISING
    assert found(log, n_val=50, n_classes=10)[0] == "cannot_tell"
    assert found(log, n_val=50_000, n_classes=10)[0] == "confident_errors"


def test_losses_that_still_fall_are_unfinished() -> None:
    log = {"train_loss": 2.3 - 1.2 * RISING, "val_loss": 2.3 - 1.15 * RISING, "val_accuracy": 0.1 + 0.5 * RISING}
    assert found(log, n_val=2_000, n_classes=10)[0] == "unfinished"


@pytest.mark.parametrize("train_end", [2.3, 0.1])
def test_validation_at_ln_k_is_chance_whether_or_not_training_learns(train_end: float) -> None:
    log = {"train_loss": falling(2.3, train_end), "val_loss": np.full(T, 2.31), "val_accuracy": 0.1 + noise(0.005)}
    first = read(log, n_val=1_000, n_classes=10).first
    assert first.pattern == "chance"
    assert ("memorised" in first.evidence) == (train_end < 1)


def test_the_share_of_the_largest_class_is_the_majority_and_not_learning() -> None:
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    log = {"train_loss": falling(0.7, entropy), "val_loss": falling(0.7, entropy), "val_accuracy": np.full(T, 0.9)}
    assert found(log, n_val=1_000, n_classes=2, class_shares=[0.9, 0.1])[0] == "majority"
    assert found(log, n_val=1_000, n_classes=2)[0] == "majority"  # a constant accuracy betrays it without the shares
    learnt = log | {"val_loss": falling(0.7, 0.15), "val_accuracy": 1 - falling(0.1, 0.05)}
    assert "majority" not in found(learnt, n_val=1_000, class_shares=[0.9, 0.1])


def test_a_shared_plateau_is_label_noise_or_underfitting_by_its_loss() -> None:
    noisy = float(-0.6 * np.log(0.6) - 0.4 * np.log(0.4 / 9))  # 60 % right, always equally sure
    log = {"train_loss": falling(2.3, noisy), "val_loss": falling(2.3, noisy), "val_accuracy": 1 - falling(0.9, 0.4)}
    names = found(log, n_val=5_000, n_classes=10)
    assert names[:2] == ["noise_ceiling", "underfitting"]
    log |= {"train_loss": falling(2.3, 1.25), "val_loss": falling(2.3, 1.26)}  # cheaper: sure where it can be
    names = found(log, n_val=5_000, n_classes=10)
    assert names[0] == "underfitting"
    assert "noise_ceiling" not in names


def test_jumps_of_validation_are_sampling_noise_or_not_by_their_size() -> None:
    log = HEALTHY | {"val_accuracy": np.clip(0.8 + noise(0.025), 0, 1)}
    reading = read(log, n_val=200, n_classes=10)
    assert reading.alarms == ()
    assert "n = 200 shows an accuracy to ±5.6 points" in reading.find("sampling_noise").evidence
    assert "real_fluctuation" in found(log, n_val=20_000, n_classes=10)


def test_without_n_val_the_reader_says_which_size_would_explain_the_jumps() -> None:
    log = HEALTHY | {"val_accuracy": np.clip(0.8 + noise(0.04), 0, 1)}
    reading = read(log, n_classes=10)
    assert reading.first.pattern == "quiet"
    assert "as fresh sets of" in reading.first.evidence
    assert "--n-val N (in Python n_val=N)" in reading.missing


def test_jumps_that_would_need_a_tiny_validation_set_are_the_first_thing_said() -> None:
    log = {"train_loss": np.linspace(1.8, 0.8, 8), "train_accuracy": np.linspace(0.33, 0.72, 8),
           "val_loss": [1.51, 1.91, 1.24, 2.41, 1.10, 1.81, 1.05, 1.41],
           "val_accuracy": [0.451, 0.382, 0.551, 0.352, 0.612, 0.452, 0.643, 0.552]}  # fmt: skip
    first = read(log).first
    assert "about 15 validation examples" in first.title
    assert "--n-val" in first.advice
    assert "real_fluctuation" in found(log, n_val=5_000)


def test_one_class_always_said_is_no_doubt_of_an_accuracy_that_rises_in_every_epoch() -> None:
    log = {"train_loss": [1.02, 0.51, 0.35, 0.25, 0.19], "val_loss": [0.412, 0.311, 0.290, 0.281, 0.280],
           "val_accuracy": [0.86875, 0.901563, 0.90625, 0.914062, 0.915625]}  # fmt: skip
    assert "always saying a class" not in read(log, n_val=640).full
    log["val_accuracy"] = [0.916, 0.915, 0.916, 0.916, 0.916]
    assert "always saying a class" in read(log, n_val=640).full


def test_a_training_loss_that_jumps_is_a_learning_rate_too_high() -> None:
    jumps = np.abs(noise(0.3))
    log = HEALTHY | {"train_loss": falling(2.3, 0.6) + jumps, "val_loss": falling(2.3, 0.62) + jumps}
    assert "learning_rate_too_high" in found(log, n_val=5_000, n_classes=10)[:2]


def test_a_training_loss_that_falls_in_every_epoch_does_not_jump() -> None:
    epochs = np.arange(12)
    accuracy = np.where(np.isin(epochs, [5, 6, 11]), np.nan, 0.86 - 0.6 * np.exp(-0.4 * epochs))
    log = {"train_loss": 2.2 * np.exp(-0.35 * epochs) + 0.05, "val_loss": 2.1 * np.exp(-0.4 * epochs) + 0.45}
    assert "learning_rate_too_high" not in found(log | {"val_accuracy": accuracy})


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_stops_being_finite_is_a_divergence(bad: float) -> None:
    loss = np.append(np.linspace(2, 5, 10), [bad] * 3)
    first = read({"train_loss": loss, "val_loss": loss}, n_val=100).first
    assert (first.pattern, first.epochs) == ("diverged", (11, 11))
    assert found({"train_loss": [bad] * 5}) == ["diverged"]


def test_a_training_loss_that_runs_away_or_falls_back_to_knowing_nothing_has_diverged() -> None:
    away = {"train_loss": 2.3 + 10 * RISING, "val_loss": 2.3 + 10 * RISING, "val_accuracy": np.full(T, 0.3)}
    assert found(away, n_val=500, n_classes=10)[0] == "diverged"
    back = np.concatenate([np.linspace(2.3, 0.5, 20), np.full(20, 2.303)])
    log = {"train_loss": back, "val_loss": back, "val_accuracy": np.where(back > 2, 0.1, 0.8)}
    assert found(log, n_val=500, n_classes=10)[0] == "diverged"


@pytest.mark.parametrize("k", [2, 3, 10, 100])
def test_a_loss_on_the_floor_of_a_double_softmax_is_recognised(k: int) -> None:
    floor = metrics.double_softmax_floor(k)
    accuracy = 1 - falling(1 - 1 / k, 0.01)
    loss = floor + 0.9 * (1 - accuracy) * (np.log(k) - floor + 0.2)
    log = {"train_loss": loss, "val_loss": loss + 0.01, "train_accuracy": accuracy, "val_accuracy": accuracy - 0.01}
    assert found(log, n_val=2_000, n_classes=k)[0] == "double_softmax"
    assert found(HEALTHY, n_val=2_000, n_classes=k)[0] != "double_softmax"


def test_validation_better_than_training_is_explained_by_the_running_mean_or_not() -> None:
    true = falling(2.3, 0.2, rate=12)
    log = {"loss": np.append((true[:1] + 2.6) / 2, (true[:-1] + true[1:]) / 2), "val_loss": true}
    log |= {"val_accuracy": 1 - falling(0.9, 0.05, rate=12)}
    lagging = read(log, n_val=50_000, n_classes=10).find("validation_better")
    assert lagging is not None
    assert "A mean over the moving epoch explains it" in lagging.evidence
    dropout = read(HEALTHY | {"train_loss": falling(2.3, 0.5)}, n_val=2_000, n_classes=10).find("validation_better")
    assert "dropout" in dropout.evidence
    assert dropout.severity == "note"


def test_validation_better_than_the_finished_weights_is_another_distribution() -> None:
    log = HEALTHY | {"train_loss": falling(2.3, 0.5), "running_train_loss": falling(2.4, 0.5)}
    assert found(log, n_val=2_000, n_classes=10)[0] == "unrepresentative_validation"


def test_a_gap_from_the_first_epochs_is_another_distribution() -> None:
    below = {"val_accuracy": HEALTHY["train_accuracy"] - np.minimum(0.2, HEALTHY["train_accuracy"])}
    assert found(HEALTHY | below, n_val=2_000, n_classes=10)[0] == "unrepresentative_validation"
    grown = {"val_accuracy": HEALTHY["train_accuracy"] - 0.2 * RISING}
    assert "unrepresentative_validation" not in found(HEALTHY | grown, n_val=2_000, n_classes=10)


def test_a_gap_that_training_made_quickly_is_no_other_distribution() -> None:
    """Memorising can begin in the first epoch: then the gap grows on, even if it closes in the end."""
    gap = np.interp(np.arange(T), [0, 1, 8, 20], [0.05, 0.10, 0.25, 0.15])
    log = HEALTHY | {"val_accuracy": HEALTHY["train_accuracy"] - gap}
    assert "unrepresentative_validation" not in found(log, n_val=5_000, n_classes=10)


def test_without_accuracy_the_losses_show_the_gap() -> None:
    losses = {"train_loss": HEALTHY["train_loss"], "val_loss": HEALTHY["val_loss"] + 0.9}
    assert found(losses, n_val=2_000)[0] == "unrepresentative_validation"
    quickly = falling(2.3, 0.1, rate=200)  # a small part of what has been learnt, if much of what is left
    assert "unrepresentative_validation" not in found({"train_loss": quickly, "val_loss": quickly + 0.02}, n_val=10**6)
    losses["val_loss"] = HEALTHY["val_loss"] + 0.4 * RISING
    assert "unrepresentative_validation" not in found(losses, n_val=2_000)


def test_accuracy_that_falls_under_a_falling_loss_is_a_dip() -> None:
    log = {"train_loss": falling(0.7, 0.1, 2), "val_loss": falling(0.7, 0.1, 2)}
    log["val_accuracy"] = 0.95 - 0.4 * np.exp(-(((np.arange(T) - 15) / 4) ** 2))
    dip = read(log, n_val=1_000, n_classes=2).find("dip")
    assert dip is not None
    assert "came back" in dip.evidence
    assert read(log, n_val=10, n_classes=2).find("dip") is None


def test_a_gap_without_a_rise_is_a_note() -> None:
    log = HEALTHY | {"train_loss": falling(2.3, 0.05), "val_loss": falling(2.3, 0.35)}
    reading = read(log, n_val=20_000, n_classes=10)
    assert reading.find("gap").severity == "note"
    assert reading.first.pattern != "healthy"


LANGUAGE_MODEL = {
    "step": [0, 250, 500, 750, 1000, 1500, 2000],
    "train_loss": [4.2874, 1.6012, 1.3412, 1.2212, 1.1312, 0.9812, 0.8212],
    "val_loss": [4.2823, 1.7701, 1.5612, 1.4912, 1.4701, 1.4901, 1.5712],
}


def test_a_loss_that_ends_above_its_lowest_is_not_called_healthy() -> None:
    first = read(LANGUAGE_MODEL).first
    assert (first.pattern, first.epochs) == ("cannot_tell", (1000, 2000))
    assert "1.47 to 1.57 (+7 %)" in first.evidence
    assert "twice more" in first.confirm
    longer = {name: [*values, last] for (name, values), last in zip(LANGUAGE_MODEL.items(), (2500, 0.6512, 1.6812),
                                                                    strict=True)}  # fmt: skip
    assert read(longer).first.pattern == "loss_rose"


def test_a_rise_in_the_gap_of_a_log_asks_for_the_epochs_between() -> None:
    log = {"epoch": [12, 13, 14, 30], "loss": [0.70, 0.67, 0.64, 0.32], "acc": [0.754, 0.764, 0.774, 0.889],
           "val_loss": [0.901, 0.910, 0.921, 1.321], "val_acc": [0.691, 0.690, 0.692, 0.685]}  # fmt: skip
    reading = read(log)
    assert "+47 %" in reading.first.evidence
    assert "between 14 and 30" in reading.first.confirm
    assert "not got worse" not in reading.full


def test_a_mean_of_the_moving_epoch_that_is_missing_costs_no_row() -> None:
    log = HEALTHY | {"running_train_loss": np.append(HEALTHY["train_loss"][:-1] + 0.01, np.nan)}
    assert read(log).curves.n == T


# ---- what is said beside the patterns --------------------------------------------------------------------------------


def test_the_best_epochs_are_those_of_each_measure() -> None:
    run = runs.recording("main", 10)
    best = {choice.by: choice for choice in read(run).best}
    assert best["loss"].epoch == run.best_epoch("val_loss")
    assert best["accuracy"].epoch == run.best_epoch("val_accuracy")
    assert best["refinement"].refinement < best["loss"].refinement
    assert read(run).findings[-1].pattern == "best_epoch"


def test_kept_logits_give_paired_and_narrower_intervals() -> None:
    run = runs.recording("main", 10)
    curves = {name: run[name] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")}
    paired, modelled = read(run).loss_change, read(curves, n_val=5_000, n_classes=10).loss_change
    assert paired.interval.high - paired.interval.low < modelled.interval.high - modelled.interval.low
    assert paired.interval.estimate.value == pytest.approx(modelled.interval.estimate.value, abs=1e-3)
    assert "best temperature" in read(run).first.evidence


@pytest.mark.parametrize("seed", range(10, 20))
def test_the_recorded_main_runs_are_confident_errors(seed: int) -> None:
    run = runs.recording("main", seed)
    curves = {name: run[name] for name in ("train_loss", "val_loss", "val_accuracy")}
    assert read(curves, n_val=5_000, n_classes=10).first.pattern == "confident_errors"


def test_the_modelled_spread_of_the_loss_is_never_too_small_on_recorded_runs() -> None:
    every = map(Run.load, sorted(runs.recordings_folder().glob("*.npz")))
    ratios = []
    for run in every:
        if "val_loss_se" not in run.metrics:  # the language models, whose characters depend on each other
            continue
        n = run.provenance["n_val"]
        modelled = evidence.modelled_loss_sd(run["val_loss"], run["val_accuracy"], n)
        ratios.append(modelled / (run["val_loss_se"] * np.sqrt(n)))
    assert min(ratio.min() for ratio in ratios) > 1


def test_missing_knowledge_is_named_in_one_line_that_can_be_pasted() -> None:
    assert "--n-val N --classes K (in Python n_val=N, n_classes=K)" in read(HEALTHY).missing
    assert read(HEALTHY, n_val=9, class_shares=[1, 1]).missing == ""


def test_text_is_short_and_the_rest_on_request() -> None:
    reading = read(TURNING | {"val_accuracy": 0.5 + 0.3 * RISING}, n_val=5_000, n_classes=10)
    bundle = reading._repr_mimebundle_()
    assert bundle["text/plain"] == str(reading)
    assert len(str(reading).splitlines()) <= 12
    assert str(reading).splitlines()[1].startswith(f"ALARM: {reading.first.title} (epochs")
    for finding in reading.findings:
        assert str(finding) in reading.full
        assert html.escape(str(finding)) in bundle["text/html"]
    assert 'alt="Curves of 40 epochs: training loss from 2.3' in bundle["text/html"]


def test_every_pattern_that_can_be_found_has_a_name() -> None:
    with pytest.raises(ValueError, match="choose one of diverged"):
        read(HEALTHY).find("overfit")
    assert set(found(TURNING, n_val=100)) <= set(PATTERNS)


def test_the_page_says_of_each_pattern_what_a_reading_says(root: Path) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*?\|(.*)\|$", (root / "docs/reading-curves.md").read_text("utf-8"), re.M))
    assert {name: limit.strip() for name, limit in rows.items()} == {name: say(p.limit) for name, p in PATTERNS.items()}


def test_every_fact_in_a_sentence_is_one_that_is_given(root: Path) -> None:
    """A name that nobody gives would only silence its sentence."""
    package = root / "lessonlib" / "reading"
    code = "".join(path.read_text("utf-8") for path in package.glob("*.py"))
    for sentence in re.findall(r'"(.*?)"', (package / "patterns.toml").read_text("utf-8")):
        for _, fact, _, _ in string.Formatter().parse(sentence):
            first, *more = re.findall(r"\w+", fact or "c.n")
            known = set(dir(evidence.Curves)) | {field.name for field in dataclasses.fields(evidence.Curves)}
            assert more[0] in known if first == "c" else re.search(rf"\b{first}\b", code), sentence


# ---- strange runs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_few_epochs_cannot_be_told(n_epochs: int) -> None:
    first = read({name: values[:n_epochs] for name, values in HEALTHY.items()}, n_val=100).first
    assert (first.pattern, first.severity) == ("cannot_tell", "note")


def test_three_evaluations_are_too_few_and_what_they_do_is_said() -> None:
    first = read({"val_loss": [1.131, 1.170, 1.412], "train_loss": [1.1, 0.75, 0.38]}).first
    assert first.pattern == "cannot_tell"
    assert "rises: 1.13, 1.17, 1.41" in first.evidence
    assert "eval_steps" in first.advice


def test_training_alone_cannot_be_told() -> None:
    assert found({"train_loss": falling(2, 0.1)}) == ["cannot_tell"]


def test_accuracy_alone_can_be_read() -> None:
    assert found({"val_accuracy": 0.5 + 0.4 * RISING}, n_val=100)[0] == "unfinished"
    assert found({"val_accuracy": 1 - falling(0.9, 0.2)}, n_val=100)[0] == "accuracy_stands"
    assert found({"train_loss": falling(2, 0.1), "val_accuracy": 0.8 - 0.2 * RISING})[0] == "overfitting"


def test_a_missing_epoch_is_passed_over_and_counted() -> None:
    loss = HEALTHY["val_loss"].copy()
    loss[5] = np.nan
    reading = read(HEALTHY | {"val_loss": loss}, n_val=2_000, n_classes=10)
    assert reading.first.pattern == "healthy"
    assert any("1 epoch" in line for line in reading.assumptions)


def test_a_validation_that_is_missing_at_the_end_is_no_divergence() -> None:
    """Validated in every fifth epoch and stopped in between, or stopped before the last validation."""
    every_fifth = np.where(np.arange(T) % 5 == 4, HEALTHY["val_loss"], np.nan)
    every_fifth[-1] = np.nan
    log = {"epoch": np.arange(T), "train_loss": HEALTHY["train_loss"], "val_loss": every_fifth}
    assert "diverged" not in found(log, n_val=2_000)
    never = read({"train_loss": HEALTHY["train_loss"], "val_loss": np.full(T, np.nan)})
    assert (never.first.pattern, never.first.epochs) == ("cannot_tell", (1, T))
    assert "there is no validation" in never.first.evidence


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"n_val": 0}, "n_val must be a whole number of at least 1"),
        ({"n_classes": 1}, "n_classes must be a whole number of at least 2"),
        ({"class_shares": [0.5, -0.5]}, "must not be negative"),
        ({"class_shares": [0.5, 0.5], "n_classes": 3}, "2 class_shares for n_classes = 3"),
        ({"level": 1.0}, "level must be between 0 and 1"),
        ({"columns": {"loss": "x"}}, "choose from"),
    ],
)
def test_what_is_not_possible_is_refused(known: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(HEALTHY, **known)


def test_a_run_without_loss_or_with_impossible_accuracy_is_refused() -> None:
    with pytest.raises(ValueError, match="no loss or accuracy in this run, only f1"):
        read(Run({"f1": [0.1]}))
    with pytest.raises(ValueError, match="divide percentages by 100"):
        read(Run({"val_accuracy": [55.0]}))


def test_a_long_log_is_read() -> None:
    n = 1_000_000
    x = np.linspace(0, 1, n)
    log = {"train_loss": 0.2 + 2 * np.exp(-8 * x), "val_loss": 0.21 + 2 * np.exp(-8 * x)}
    assert read(log, n_val=2_000).first.pattern == "healthy"


values = st.lists(st.floats(0, 20) | st.just(float("nan")), min_size=6, max_size=6)
shares = st.lists(st.floats(0, 1), min_size=6, max_size=6)


@settings(deadline=None)
@given(values, values, shares, st.none() | st.integers(1, 5_000), st.none() | st.integers(2, 20))
def test_any_curves_are_read_with_alarms_first_but_for_what_the_numbers_themselves_say(
    train: list[float], val: list[float], accuracy: list[float], n_val: int | None, n_classes: int | None
) -> None:
    log = {"train_loss": train * 2, "val_loss": val * 2, "val_accuracy": accuracy * 2}
    reading = read(log, n_val=n_val, n_classes=n_classes)
    severities = [finding.severity for finding in reading.findings if finding.pattern not in OF_NUMBERS]
    assert severities == sorted(severities)  # "alarm" before "note"
    for finding in reading.findings:
        assert 1 <= finding.epochs[0] <= finding.epochs[1] <= 12
        assert finding.pattern in PATTERNS
        assert finding.pattern == "diverged" or not {"nan", "inf"} & set(finding.evidence.lower().split())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_reading_a_longer_scale_of_time_does_not_change_the_first_finding(seed: int) -> None:
    """The numbers of the epochs are labels: only the values count."""
    rng = np.random.default_rng(seed)
    val = falling(2.3, rng.uniform(0.2, 1)) + rng.uniform(0, 1) * RISING
    log = {"train_loss": falling(2.3, 0.1), "val_loss": val}
    assert found(log, n_val=1_000) == found({"epoch": np.arange(5, 5 + T), **log}, n_val=1_000)


# ---- coverage and the corpus ---------------------------------------------------------------------------------------


def test_verdicts_on_curves_are_wrong_less_often_than_they_claim() -> None:
    """Fresh validation sets from a population whose change is known: wrong verdicts stay below 1 - level."""
    rng = np.random.default_rng(0)
    n, trials, wrong = 300, 400, 0
    for _ in range(trials):
        hard = rng.exponential(0.7, n)  # the same examples are dear before and after
        after = hard + rng.normal(0, 0.5, n)  # the true change is zero
        right = rng.random(n) < 0.7
        curves = evidence.prepare(
            Run({"val_loss": np.maximum([hard.mean(), after.mean()], 0), "val_accuracy": [right.mean()] * 2}),
            n_val=n, n_classes=2, class_shares=None, level=0.95,
        )  # fmt: skip
        change = curves.change("loss", slice(0, 1), slice(1, 2))
        wrong += change.verdict in ("rise", "fall")
    assert wrong / trials <= 0.05


def test_moving_means_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=50) + 1e6
    expected = np.convolve(values, np.ones(7) / 7, mode="valid")
    np.testing.assert_allclose(evidence.moving_means(values, 7), expected, rtol=1e-12)


def test_the_scatter_that_chance_allows_is_rarely_exceeded() -> None:
    """Independent sampling noise exceeds the limit of `real_fluctuation` in about 1 of 1,000 runs."""
    rng = np.random.default_rng(0)
    n, share, trials = 200, 0.7, 2_000
    hits = 0
    curves = evidence.prepare(
        Run({"val_accuracy": np.full(T, share)}), n_val=n, n_classes=None, class_shares=None, level=0.95
    )
    limit = patterns._largest_ratio(curves) * uncertainty.accuracy_interval(share, n).estimate.standard_error
    for accuracy in rng.binomial(n, share, (trials, T)) / n:
        hits += evidence.late_jitter(accuracy) > limit
    assert hits / trials < 0.01


def test_reader_needs_no_framework() -> None:
    code = "import sys\nfrom lessonlib.reading import logs, reader\n"
    code += "print({'torch', 'tensorflow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
