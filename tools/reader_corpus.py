"""How often the curve reader names a cause that is known: ``python -m tools.reader_corpus``.

The runs of `tools.drawn_causes.DRAWN` are read at three validation sizes, from loss and accuracy per epoch
alone: once with validation size, classes and class counts, and once without, as people come. Trained runs are kept as
their curves in a folder for temporary files (``--cache``), so that a reader that changed is measured in seconds.

Thresholds of the reader were tuned on seeds 0 to 5, and before that on others below 400. Seeds 400 to 409 were reported
once and led to a change (what may be one class said always keeps a reading from "nothing is wrong"); 500 to 509 were
looked at when rules were taken out. The page ``docs/reader-accuracy.md`` reports 600 to 609, read once, with the reader
as it is.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lessonlib.reading import evidence, reader
from lessonlib.reading.findings import PATTERNS
from lessonlib.runs import Run
from tools.drawn_causes import DRAWN, POOL, Trace

ROOT = Path(__file__).resolve().parents[1]
#: Seeds on which thresholds were tuned, and those that are reported.
TUNING, HELD_OUT = range(6), range(600, 610)
SIZES = (200, 1_000, 4_000)
#: The data can tell when the true effect exceeds this many standard errors of it at that validation size.
CAN_TELL = 3.0
DEFAULT_PAGE = ROOT / "docs" / "reader-accuracy.md"
#: Readings that leave it open.
OPEN = ("cannot_tell", "quiet")

# ---- what should be found, and whether the data can tell ------------------------------------------------------------


Names = set[str] | Callable[[evidence.Curves], set[str]]


@dataclass(frozen=True)
class Cause:
    """What a reading must say of the runs of a cause, and when a validation set of a size can show it.

    Attributes
    ----------
    named_by : set of str or callable
        The patterns of which one must be the first or second finding; may depend on the noiseless curves.
    can_tell : callable
        From the noiseless curves (with the errors of the validation size in question) to a bool, decided without the
        reader.
    uninformed : set of str
        What also counts where neither the validation size nor the classes are known.
    """

    named_by: Names
    can_tell: Callable[[evidence.Curves], bool]
    uninformed: frozenset[str] | set[str] = frozenset()


def always(c: evidence.Curves) -> bool:
    """Nothing in this cause is hidden by the size of the validation set."""
    return True


def _rise(c: evidence.Curves) -> float:
    return float(c.val_loss[c.end].mean() - c.val_loss[c.lowest].mean())


def rise_shows(c: evidence.Curves) -> bool:
    """The loss rises by more than 10 % and more than `CAN_TELL` standard errors."""
    error = np.hypot(c.loss_error[c.lowest].mean(), c.loss_error[c.end].mean())
    return _rise(c) > max(0.1 * c.val_loss[c.lowest].mean(), CAN_TELL * error)


def names_of_rise(c: evidence.Curves) -> set[str]:
    """Accuracy decides the name; where its change is below `CAN_TELL` standard errors, either will do."""
    change = float(c.val_accuracy[c.end].mean() - c.val_accuracy[c.lowest].mean())
    error = float(np.hypot(c.accuracy_error[c.lowest].mean(), c.accuracy_error[c.end].mean()))
    if abs(change) < CAN_TELL * error:
        return {"confident_errors", "overfitting"}
    return {"confident_errors"} if change > 0 else {"overfitting"}


def still_falls(c: evidence.Curves) -> bool:
    """The noiseless loss makes more than 7.5 % of its way in the last fifth, and that is 2 % of the loss or more."""
    before, after = c.val_loss[-1 - c.n // 5], c.val_loss[-1]
    return before - after > max(0.075 * (c.val_loss[0] - after), 0.02 * after)


def stays_poor(c: evidence.Curves) -> bool:
    """The noiseless loss ends above 55 % of that of knowing nothing, and no longer falls or rises."""
    falls = c.val_loss[-1 - c.n // 5] - c.val_loss[-1] > 0.03 * (c.val_loss[0] - c.val_loss[-1])
    return c.val_loss[-1] > 0.55 * np.log(c.n_classes) and not falls and _rise(c) < 0.02 * c.val_loss[-1]


def stays_poor_and_learns(c: evidence.Curves) -> bool:
    """As `stays_poor`, and better than knowing nothing by `CAN_TELL` errors of accuracy and 4 % of the loss."""
    learnt = c.val_accuracy[-1] - c.class_shares.max() > CAN_TELL * c.accuracy_error[-1]
    return stays_poor(c) and learnt and c.val_loss[-1] < 0.96 * np.log(c.n_classes)


def validation_jumps(c: evidence.Curves) -> bool:
    """The noiseless accuracy or loss jumps by more than twice what the size makes it jump by."""
    pairs = ((c.val_accuracy, c.accuracy_error), (c.val_loss, c.loss_error))
    return any(evidence.late_jitter(values) > 2 * errors[c.second_half].mean() for values, errors in pairs)


def training_jumps(c: evidence.Curves) -> bool:
    """The training loss jumps by more than 4 % of its first value."""
    return evidence.late_jitter(c.train_loss) > 0.04 * c.train_loss[0]


def gap_from_start_shows(c: evidence.Curves) -> bool:
    """Accuracy is lower in epochs 2 and 3 already, by `CAN_TELL` standard errors, 7 points and most of the last gap."""
    gaps = c.train_accuracy - c.val_accuracy
    first, error = gaps[1:3].min(), np.sqrt(2) * c.accuracy_error[1:3].mean()
    return first > max(CAN_TELL * error, 0.07, 0.6 * gaps[-1])


def validation_leads(c: evidence.Curves) -> bool:
    """Training is worse than validation by `CAN_TELL` standard errors and a tenth of the loss."""
    half = c.second_half
    worse = c.train_loss if c.running_loss is None else np.minimum(c.running_loss, c.train_loss)
    gap, error = (worse - c.val_loss)[half].mean(), np.sqrt(2) * c.loss_error[half].mean()
    return gap > max(CAN_TELL * error, 0.1 * c.val_loss[half].mean())


def dip_shows(c: evidence.Curves) -> bool:
    """The noiseless accuracy falls by more than 5 points and five standard errors while the loss never rises."""
    drop = np.maximum.accumulate(c.val_accuracy) - c.val_accuracy
    falling = c.val_loss <= np.minimum.accumulate(c.val_loss) * 1.001
    return float(drop[falling].max()) > max(0.05, 5 * np.sqrt(2) * c.accuracy_error.max())


def is_healthy(c: evidence.Curves) -> bool:
    """The noiseless curves neither rise by 5 % nor still fall, and end at less than 40 % of knowing nothing."""
    nothing = -float((c.class_shares * np.log(c.class_shares)).sum())
    return _rise(c) < 0.05 * c.val_loss[-1] and not still_falls(c) and c.val_loss[-1] < 0.4 * nothing


CAUSES: dict[str, Cause] = {
    "healthy": Cause({"healthy"}, is_healthy),
    "memorising": Cause(names_of_rise, rise_shows),
    "memorising noise": Cause(names_of_rise, rise_shows),
    "two kinds": Cause(names_of_rise, rise_shows),
    "unfinished": Cause({"unfinished"}, still_falls),
    "at chance": Cause({"chance"}, always, {"not_moving"}),
    "at majority": Cause({"majority"}, always, {"underfitting"}),
    "noisy labels": Cause({"noise_ceiling"}, stays_poor, {"underfitting"}),
    "too small": Cause({"underfitting"}, stays_poor_and_learns),
    "noisy validation": Cause({"sampling_noise"}, always, {"healthy", *OPEN}),
    "unsteady statistics": Cause({"real_fluctuation"}, validation_jumps, {"cannot_tell", "odd_epochs"}),
    "rate too high": Cause({"learning_rate_too_high"}, training_jumps),
    "diverging": Cause({"diverged"}, always),
    "softmax twice": Cause({"double_softmax"}, always, {"mostly_penalty"}),
    "dropout only in training": Cause({"validation_better"}, validation_leads),
    "other distribution": Cause({"unrepresentative_validation"}, gap_from_start_shows),
    "easier validation": Cause({"unrepresentative_validation"}, validation_leads, {"validation_better"}),
    "dipping": Cause({"dip"}, dip_shows),
    "diverging late": Cause({"diverged"}, always, {"both_rise"}),
}


@dataclass(frozen=True)
class Drawn:
    """The curves of one training: what a log has, on validation sets of each size, and on the pool.

    Attributes
    ----------
    train : mapping of str to list of float
    val : mapping of int to dict
        For each size ``loss``, ``accuracy`` (lists) and ``counts`` of the classes; that of the pool is `POOL`.
    n_classes : int
    resampled : bool
    """

    train: Mapping[str, list[float]]
    val: Mapping[int, Mapping[str, list[float]]]
    n_classes: int
    resampled: bool

    def run(self, size: int) -> Run:
        """Return the log with a validation set of a size."""
        at = self.val[size]
        return Run({**self.train, "val_loss": at["loss"], "val_accuracy": at["accuracy"]})


def trace_of(cause: str, seed: int) -> Trace:
    """Make the run of a cause and a seed; the same again every time."""
    torch.set_num_threads(1)
    return DRAWN[cause](np.random.default_rng([seed, list(CAUSES).index(cause)]))


def drawn(cause: str, seed: int, cache: Path | None = None) -> Drawn:
    """Return the curves of a run, trained now or kept in a folder."""
    path = None if cache is None else cache / f"{cause} {seed}.json"
    if path is not None and path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Drawn(**kept | {"val": {int(size): at for size, at in kept["val"].items()}})
    trace = trace_of(cause, seed)
    rows = {size: trace.draw_rows(size, np.random.default_rng([seed, size])) for size in SIZES}
    rows[POOL] = np.tile(np.arange(POOL), (len(trace.train_loss), 1))
    val, train = {}, {}
    for size, at in rows.items():
        metrics = trace.run(at).metrics
        counts = np.bincount(trace.labels[at[0]], minlength=trace.n_classes)
        val[size] = {"loss": metrics["val_loss"].tolist(), "accuracy": metrics["val_accuracy"].tolist()}
        val[size]["counts"] = counts.tolist()
        train = {name: values.tolist() for name, values in metrics.items() if name[:4] != "val_"}
    found = Drawn(train, val, int(trace.n_classes), bool(trace.resampled))
    if path is not None:
        path.write_text(json.dumps(found.__dict__), encoding="utf-8")
    return found


@dataclass(frozen=True)
class Case:
    """One training read at one validation size, with or without knowing sizes."""

    cause: str
    seed: int
    n_val: int
    informed: bool
    patterns: tuple[str, ...]
    alarms: tuple[str, ...]
    can_tell: bool
    is_first: bool
    is_named: bool
    verdicts: tuple[tuple[str, bool], ...]


def cases_of(cause: str, seed: int, sizes: Iterable[int] = SIZES, cache: Path | None = None) -> list[Case]:
    """Make one run and read it at every size, with and without knowing it."""
    run = drawn(cause, seed, cache)
    return [_case(run, cause, seed, n_val, informed) for n_val in sizes for informed in (True, False)]


def _case(run: Drawn, cause: str, seed: int, n_val: int, informed: bool) -> Case:
    about = CAUSES[cause]
    known = {"n_val": n_val, "n_classes": run.n_classes, "class_shares": run.val[n_val]["counts"]} if informed else {}
    reading = reader.read(run.run(n_val), **known)
    found = tuple(f.pattern for f in reading.findings if f.pattern != "best_epoch")
    if cause.startswith("diverging"):
        named, tells = {"diverged"}, True
        verdicts: tuple[tuple[str, bool], ...] = ()
    else:
        truth = noiseless(run, n_val)
        named = about.named_by if isinstance(about.named_by, set) else about.named_by(truth)
        tells = about.can_tell(truth)
        verdicts = () if run.resampled or not informed else _verdicts(reading, run)
    named = named if informed else named | about.uninformed
    alarms = tuple(finding.pattern for finding in reading.alarms)
    is_named = bool(named & set(found[:2]))
    return Case(cause, seed, n_val, informed, found, alarms, tells, found[0] in named, is_named, verdicts)


def noiseless(run: Drawn, n_val: int) -> evidence.Curves:
    """Return the curves on the whole pool, with the errors that a set of `n_val` would have."""
    counts = run.val[POOL]["counts"]
    return evidence.prepare(run.run(POOL), n_val=n_val, n_classes=run.n_classes, class_shares=counts, level=0.95)


def _verdicts(reading: reader.Reading, run: Drawn) -> tuple[tuple[str, bool], ...]:
    """Compare the verdicts on loss and accuracy with the pool's change over the same epochs."""
    c, said = reading.curves, []
    for change, measure in ((reading.loss_change, "loss"), (reading.accuracy_change, "accuracy")):
        if change is None:
            continue
        curve = np.array(run.val[POOL][measure])[np.isin(np.arange(1, len(run.val[POOL][measure]) + 1), c.epochs)]
        true = float(curve[c.end].mean() - curve[c.lowest].mean())
        wrong = {
            "rise": true <= 0, "fall": true >= 0, "flat": abs(true) >= change.margin, "cannot tell": False,
        }[change.verdict]  # fmt: skip
        said.append((change.verdict, not wrong))
    return tuple(said)


# ---- the page -------------------------------------------------------------------------------------------------------


def share(part: int, whole: int) -> str:
    """Write a share with its counts; 0 % and 100 % are said of none and all only."""
    if whole == 0:
        return "-"
    percent = min(max(round(100 * part / whole), int(part > 0)), 100 - int(part < whole))
    return f"{percent}% ({part} of {whole})"


def named_share(cases: Iterable[Case]) -> tuple[int, int]:
    """Count the readings that name the cause first or second, among those where the data can tell."""
    telling = [case for case in cases if case.can_tell]
    return sum(case.is_named for case in telling), len(telling)


def false_alarms(cases: Iterable[Case]) -> tuple[int, int]:
    """Count the readings of truly healthy runs that raise an alarm."""
    quiet = [case for case in cases if case.cause == "healthy" and case.can_tell]
    return sum(bool(case.alarms) for case in quiet), len(quiet)


def right_verdicts(cases: Iterable[Case]) -> tuple[int, int]:
    """Count the verdicts on loss and accuracy that the pool does not contradict."""
    said = [right for case in cases for _, right in case.verdicts]
    return sum(said), len(said)


def _row_of_sizes(cases: list[Case], n_val: int) -> str:
    at_size = [case for case in cases if case.n_val == n_val]
    is_open = share(sum(case.patterns[0] in OPEN for case in at_size), len(at_size))
    return f"| {n_val:,} | {share(*named_share(at_size))} | {share(*false_alarms(at_size))} | {is_open} |"


def _by_cause(cases: list[Case]) -> list[str]:
    rows = ["| cause built in | data can tell | named first | first or second | left open |", "|---|---|---|---|---|"]
    for cause in CAUSES:
        of = [case for case in cases if case.cause == cause]
        telling = [case for case in of if case.can_tell]
        first = share(sum(case.is_first for case in telling), len(telling))
        left = share(sum(case.patterns[0] in OPEN for case in of), len(of))
        rows.append(f"| {cause} | {len(telling)} of {len(of)} | {first} | {share(*named_share(of))} | {left} |")
    return rows


def _wrong(cases: list[Case]) -> list[str]:
    """List what is said first of runs whose cause is not named and which is not left open, where the data can tell."""
    wrong = Counter(
        (case.cause, case.patterns[0])
        for case in cases
        if case.can_tell and not case.is_named and case.patterns[0] not in OPEN
    )
    return [f"- {cause}: {said} ({n})" for (cause, said), n in sorted(wrong.items())] or ["- nothing"]


def page(cases: list[Case], seeds: range) -> str:
    """Write the page of results."""
    informed, bare = ([case for case in cases if case.informed is known] for known in (True, False))
    verdicts = Counter(verdict for case in informed for verdict, _ in case.verdicts)
    n_runs = len({(case.cause, case.seed) for case in cases})
    lines = [
        f"""# How often the curve reader is right

{n_runs} trained runs with a known cause (seeds {seeds[0]} to {seeds[-1]}, which no threshold was tuned on), each read
at validation sizes {", ".join(f"{n:,}" for n in SIZES)} from loss and accuracy per epoch: once with validation size,
classes and class counts, once with nothing but the curves. This page is written by

    python -m tools.reader_corpus

The data *can tell* when the noiseless curve ({POOL:,} fresh examples) shows the effect, as each cause defines it in the
tool, without the reader: where sampling can hide it, by more than {CAN_TELL:g} standard errors of that validation size;
where it cannot (a loss at its floor, a run that diverges), by a fixed margin. *Left open*: the reading begins with
*cannot tell* or *no alarm, and no all-clear either*.

| | with n, K and class counts | with the curves alone |
|---|---|---|"""
    ]
    for name, count in (
        ("cause named first or second, where the data can tell", named_share),
        ("alarms on healthy runs", false_alarms),
        ("left open", lambda of: (sum(case.patterns[0] in OPEN for case in of), len(of))),
        ("neither named nor left open, where the data can tell", _neither),
    ):
        lines.append(f"| {name} | **{share(*count(informed))}** | **{share(*count(bare))}** |")
    lines += [
        "",
        f"Verdicts (rise, fall, flat, cannot tell) that the noiseless curve does not contradict, at a level of 95 %: "
        f"**{share(*right_verdicts(informed))}**; said: {', '.join(f'{v} {n}' for v, n in verdicts.most_common())}.",
    ]
    for title, of in (("With n, K and class counts", informed), ("With the curves alone", bare)):
        lines += ["", f"## {title}", "",
                  "| validation size | named where the data can tell | alarms on healthy runs | left open |",
                  "|---|---|---|---|", *(_row_of_sizes(of, n_val) for n_val in SIZES), "", *_by_cause(of), "",
                  "What is said first of runs whose cause is neither named nor left open:", "", *_wrong(of), "",
                  "What is said first, where the data can tell:", "", *_confusion(of)]  # fmt: skip
    lines += ["", _WHAT_IT_IS_NOT]
    return "\n".join(lines)


_WHAT_IT_IS_NOT = """## What the corpus is not

Small networks on synthetic problems, one cause at a time. A run that has two causes, or one that is not in the list, is
not measured here. Where the change of accuracy is within its noise, *confident errors* and *overfitting* both count as
right for a rising loss. Without sizes, other names count as well: `not_moving` for chance, `mostly_penalty` (its
evidence names the double softmax), `underfitting` for noisy labels and for inputs that hold nothing,
`validation_better`
for an easier set; and of a validation set that is drawn anew in each epoch it counts as right to raise no alarm.
How whole logs and pastes are read is tested in `tests/test_reader_kinds.py`.
"""


def _neither(cases: Iterable[Case]) -> tuple[int, int]:
    telling = [case for case in cases if case.can_tell]
    return sum(not case.is_named and case.patterns[0] not in OPEN for case in telling), len(telling)


def _confusion(cases: list[Case]) -> list[str]:
    telling = [case for case in cases if case.can_tell]
    said = [name for name in PATTERNS if any(case.patterns[0] == name for case in telling)]
    lines = [f"| cause | {' | '.join(said)} |", "|---|" + "---|" * len(said)]
    for cause in CAUSES:
        counts = Counter(case.patterns[0] for case in telling if case.cause == cause)
        lines.append(f"| {cause} | {' | '.join(str(counts[name] or '') for name in said)} |")
    return lines


def main() -> None:
    """Measure the reader on one half of the corpus and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="the seeds that thresholds are tuned on; writes no page")
    parser.add_argument("--page", type=Path, default=DEFAULT_PAGE, help="default: docs/reader-accuracy.md")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "reader-corpus", help="%(default)s")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    seeds = TUNING if options.tuning else HELD_OUT
    cases = []
    for cause in CAUSES:
        cases += [case for seed in seeds for case in cases_of(cause, seed, cache=options.cache)]
        print(f"{cause}: {share(*named_share(c for c in cases if c.cause == cause))} named", flush=True)
    if options.tuning:
        print(page(cases, seeds))
    else:
        options.page.write_text(page(cases, seeds), encoding="utf-8")


if __name__ == "__main__":
    main()
