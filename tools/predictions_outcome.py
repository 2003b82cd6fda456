"""What became of the predictions: writes ``docs/predictions-outcome.md`` from the recorded runs.

``python -m tools.predictions_outcome`` writes the page; with the name of a prediction, such as ``bn-accuracy``, it
prints the rows of that prediction and what each seed gave.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lessonlib.course import hypotheses
from lessonlib.course.hypotheses import Finding, Outcome, sign_test
from lessonlib.runs import Run
from lessonlib.training import CELLS

PAGE = hypotheses.DOCS / "predictions-outcome.md"
VERDICTS = ("failed", "held", "cannot tell", "too few seeds", "not run yet")
HEAD = f"""# What became of the predictions

Made by `python -m tools.predictions_outcome` from the recorded runs. `predictions.md` has the measures and the rule; it
was written before the runs. `python -m tools.predictions_outcome bn-accuracy` prints one prediction, seed by seed.

*Found* is the mean over the seeds with its 95 % interval, which for means over test pictures counts the pictures too.
*Inside* says how many seeds lie in the predicted range themselves (8 of 8: p = {sign_test(8, 8):.3f} in a sign test).
*p* is the verdict's after Holm's correction over all rows with {hypotheses.LEAST_SEEDS} seeds or more: "held" and
"failed" mean p below .05. A row of fewer than eight seeds can still change.
"""


def page(outcomes: Sequence[Outcome], recorded: Callable[[str], Mapping[int, Run]]) -> str:
    """Return the page in Markdown."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    parts = [HEAD, "**" + ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS) + "** of "
             f"{len(outcomes)} rows.\n", "## The predictions that failed\n", _failures(outcomes),
             "## The eight cells\n", _cells(recorded, 0), _cells(recorded, 1), _factors(recorded)]  # fmt: skip
    for experiment, group in itertools.groupby(outcomes, key=lambda outcome: outcome.prediction.experiment):
        parts += [f"## {experiment[0].upper()}{experiment[1:]}\n", _table(list(group))]
    return "\n".join(parts)


def _failures(outcomes: Sequence[Outcome]) -> str:
    failed = [outcome for outcome in outcomes if outcome.verdict == "failed"]
    lines = [
        f"- **{o.prediction.id}**, {_runs(o)}: we said that {o.prediction.claim} "
        f"(`{o.prediction.measure}` {_range(o)}); it was {_interval(o)}, {len(o.finding.seeds)} seeds."
        for o in failed
    ]
    return "\n".join(lines or ["None so far."]) + "\n"


def _cells(recorded: Callable[[str], Mapping[int, Run]], around: int) -> str:
    """Tabulate means over the seeds on the test pictures, of single epochs (around = 0) or with their neighbours."""
    columns = (("loss", "test_loss", 1, 2), ("accuracy", "test_accuracy", 100, 1),
               ("loss at the best temperature", "test_scaled_loss", 1, 3),
               ("after vector scaling", "test_vector_loss", 1, 3),
               ("training accuracy", "train_accuracy", 100, 0))  # fmt: skip
    lines = ["The same, each end a mean of three epochs, since a single lowest epoch is a lucky one.\n" if around else
             "Means over the seeds on the test pictures, at the epoch of the lowest validation loss → at the last.\n",
             "| cell | seeds | " + " | ".join(title for title, *_ in columns) + " |", "|---" * 7 + "|"]  # fmt: skip
    for cell in CELLS:
        found = list(recorded(cell).values())
        ends = [
            [_mean_around(run, epoch, around) for epoch in (run.best_epoch("val_loss"), run.n_epochs - around)]
            for run in found
        ]
        texts = [
            " → ".join(f"{scale * np.mean([pair[end](name) for pair in ends]):.{digits}f}" for end in (0, 1))
            for _, name, scale, digits in columns
            if found
        ]
        lines.append(f"| {cell} | {len(found)} | " + " | ".join(texts or ["not run yet", *[""] * 4]) + " |")
    return "\n".join(lines) + "\n"


FACTORS = {"batch norm": "bn-plain", "cosine": "cosine-constant", "Adam": "adam-sgd"}
SINCE_LOWEST = {"loss": "loss_change", "accuracy": "accuracy_change", "loss at the best temperature": "scaled_change"}


def _factors(recorded: Callable[[str], Mapping[int, Run]]) -> str:
    """Tabulate what each factor adds to the changes since the lowest validation loss, over the other two factors."""
    lines = ["What each factor adds to the change since the lowest validation loss, over the other two factors.\n",
             "| factor | " + " | ".join(SINCE_LOWEST) + " |", "|---" * 4 + "|"]  # fmt: skip
    for factor, contrast in FACTORS.items():
        found = [(hypotheses.find(m, f"cells:{contrast}", recorded), m) for m in SINCE_LOWEST.values()]
        lines.append(f"| {factor} | " + " | ".join(_estimate(finding, measure) for finding, measure in found) + " |")
    return "\n".join(lines) + "\n"


def _mean_around(run: Run, epoch: int, around: int) -> Callable[[str], float]:
    return lambda metric: float(run[metric][max(epoch - 1 - around, 0) : epoch + around].mean())


def _table(outcomes: Sequence[Outcome]) -> str:
    lines = ["| prediction | runs | measure | predicted | seeds | found | inside | p | outcome |", "|" + "---|" * 9]
    for o in outcomes:
        n = len(o.finding.seeds)
        n_inside = sum(o.prediction.low <= value <= o.prediction.high for value in o.finding.seeds.values())
        inside, p = (f"{n_inside} of {n}", f"{o.p:.1g}") if not math.isnan(o.p) else ("", "")
        cells = (o.prediction.id, _runs(o), f"`{o.prediction.measure}`", _range(o), n or "", _interval(o), inside, p)
        lines.append("| " + " | ".join(map(str, cells)) + f" | {o.verdict} |")
    return "\n".join(lines) + "\n"


def _runs(outcome: Outcome) -> str:
    return outcome.prediction.recipe + (f" against {outcome.prediction.against}" if outcome.prediction.against else "")


def _range(outcome: Outcome) -> str:
    low, high = outcome.prediction.low, outcome.prediction.high
    if math.isinf(high):
        return f"at least {low:g}"
    return f"at most {high:g}" if math.isinf(low) else f"{low:g} to {high:g}"


def _interval(outcome: Outcome) -> str:
    return _estimate(outcome.finding, outcome.prediction.measure)


def _estimate(finding: Finding, measure: str) -> str:
    if not finding.seeds:
        return ""
    digits = 1 if "accuracy" in measure and "train" not in measure else 3
    mean = f"{np.mean(list(finding.seeds.values())):+.{digits}f}"
    if len(finding.seeds) < hypotheses.LEAST_SEEDS:
        return mean
    low, high = finding.interval()
    return f"{mean} ({low:+.{digits}f} to {high:+.{digits}f})"


def main() -> None:
    """Write the page, or show one prediction."""
    parser = argparse.ArgumentParser(prog="python -m tools.predictions_outcome", description=__doc__)
    every = hypotheses.predictions()
    parser.add_argument("name", nargs="?", choices=sorted({p.id for p in every}), metavar="PREDICTION")
    name = parser.parse_args().name
    recorded = functools.cache(hypotheses.recorded)
    outcomes = hypotheses.judge(every, recorded)
    if name is None:
        PAGE.write_text(page(outcomes, recorded), encoding="utf-8")
        print(f"{PAGE} written")
        return
    chosen = [outcome for outcome in outcomes if outcome.prediction.id == name]
    print(f"{chosen[0].prediction.claim}\n\n{_table(chosen)}")
    for outcome in chosen:
        print(_runs(outcome), {seed: round(value, 4) for seed, value in outcome.finding.seeds.items()})


if __name__ == "__main__":
    main()
