"""Hypotheses: which of the predictions in ``docs/predictions.csv`` the recorded runs bear out.

``docs/predictions.md`` defines the measures and the rule; ``python -m tools.predictions_outcome`` writes what came out.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lessonlib import runs
from lessonlib.runs import Run
from lessonlib.training import CELLS

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: The level of the tests, and one less the coverage of the intervals.
ALPHA = 0.05
#: With fewer seeds the variance between them is known too badly for a verdict.
LEAST_SEEDS = 5


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A row of ``docs/predictions.csv``: a measure of a recipe's runs is expected to lie between `low` and `high`."""

    id: str
    date: str
    experiment: str
    recipe: str
    against: str
    measure: str
    low: float
    high: float
    refuted_by: str
    claim: str
    source: str


def predictions(path: Path = DOCS / "predictions.csv") -> list[Prediction]:
    """Read the predictions; an empty bound is an open one."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    for row in rows:
        row |= {"low": float(row["low"] or -math.inf), "high": float(row["high"] or math.inf)}
    return [Prediction(**row) for row in rows]


# --- the measures of one run: a number, or what each test picture gives where the measure is the mean over them -------

Measured = float | NDArray[np.float64]
_PICTURES = {"loss": ("test_losses", 1), "scaled": ("test_scaled_losses", 1), "accuracy": ("test_correct", 100)}


def _on_pictures(run: Run, name: str, *, change: bool) -> NDArray[np.float64]:
    detail, unit = _PICTURES[name]
    lowest, last = unit * run.details[detail].astype(np.float64)
    return last - lowest if change else last


def _at_lowest(run: Run, metric: str, by: str = "val_loss") -> float:
    return float(run[metric][run.best_epoch(by) - 1])


def _flip_share(run: Run, n: int = 200) -> float:
    """Return the chance that the mean change over n pictures has the other sign (normal approximation)."""
    each = _on_pictures(run, "loss", change=True)
    return math.nan if not each.any() else float(stats.norm.cdf(-abs(each.mean()) * math.sqrt(n) / each.std()))


def _judged_by_noise(run: Run, share: float, of: str) -> float:
    loss = {name: (1 - share) * run[f"{name}_loss"] + share * run[f"{name}_other_loss"] for name in ("val", "test")}
    accuracy = (1 - share) * run["test_accuracy"] + share * (1 - run["test_accuracy"]) / 9  # one of nine other classes
    values = {"loss": loss["test"], "accuracy": 100 * accuracy, "clean": run["test_loss"]}[of]
    return float(values[-1] - values[loss["val"].argmin()])


def _stop_gain(run: Run, by: str) -> float:
    return 100 * (_at_lowest(run, "test_accuracy", by) - _at_lowest(run, "test_accuracy"))


MEASURES: Mapping[str, Callable[[Run], Measured]] = {
    **{f"{name}_change": partial(_on_pictures, name=name, change=True) for name in _PICTURES},
    **{f"last_{name}": partial(_on_pictures, name=name, change=False) for name in _PICTURES},
    "share_repaired": lambda run: 1 - MEASURES["scaled_change"](run).mean() / MEASURES["loss_change"](run).mean(),
    "right_confidence_change": lambda run: run.since_lowest_loss("test_confidence_right"),
    "wrong_confidence_change": lambda run: run.since_lowest_loss("test_confidence_wrong"),
    "logit_norm_ratio": lambda run: run["test_logit_norm"][-1] / _at_lowest(run, "test_logit_norm"),
    "train_accuracy_at_lowest": lambda run: _at_lowest(run, "train_accuracy"),
    "flip_share_200": _flip_share,
    "val_change_at_lowest_test": lambda run: _at_lowest(run, "val_loss", "test_loss") - run["val_loss"][0],
    "stop_by_accuracy_gain": partial(_stop_gain, by="val_accuracy"),
    "stop_by_scaled_gain": partial(_stop_gain, by="val_refinement_bound"),
    **{
        name.format(percent): partial(_judged_by_noise, share=percent / 100, of=of)
        for percent in (2, 5, 10, 20, 40)
        for name, of in (("noisy_{}_loss_change", "loss"), ("noisy_{}_accuracy_change", "accuracy"),
                         ("clean_change_after_noisy_{}", "clean"))
    },
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A mean over seeds with its standard error, which counts the seeds and, where they are given, the pictures.

    NaN with fewer than two seeds.
    """

    seeds: Mapping[int, float]  # the value of each
    mean: float = math.nan
    standard_error: float = math.nan
    freedom: float = math.nan  # degrees of freedom after Welch and Satterthwaite

    @classmethod
    def of(cls, measured: Mapping[int, Measured]) -> Finding:
        """Average over seeds that were all judged on the same pictures.

        The variances over the seeds and over the pictures add up. What is special to a seed and a picture together
        counts in both: the interval is a little too wide.
        """
        values = np.array([np.mean(one) for one in measured.values()])
        seeds = dict(zip(measured, values.tolist(), strict=True))
        if len(values) < 2:
            return cls(seeds)
        parts = [(values.var(ddof=1) / len(values), len(values) - 1)]
        if (each := np.mean(list(measured.values()), axis=0)).ndim:
            parts.append((each.var(ddof=1) / len(each), len(each) - 1))
        parts = [(max(part, 1e-24), df) for part, df in parts]  # equal seeds have no variance, and divide by it
        variance = sum(part for part, _ in parts)
        freedom = variance**2 / sum(part**2 / df for part, df in parts)
        return cls(seeds, float(values.mean()), math.sqrt(variance), freedom)

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the mean."""
        half = stats.t.ppf(1 - ALPHA / 2, self.freedom) * self.standard_error
        return self.mean - half, self.mean + half

    def p_values(self, low: float, high: float) -> tuple[float, float]:
        """Return the two-sided p-values against "the mean is outside" and "the mean is inside" of low to high."""
        distances = [(self.mean - low) / self.standard_error, (high - self.mean) / self.standard_error]
        inside = max(stats.t.sf(distances, self.freedom))
        return min(1.0, 2 * inside), min(1.0, 2 * stats.t.sf(-min(distances), self.freedom))


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Return p-values that hold together for all of them (Holm 1979)."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1)[np.argsort(order)]


def sign_test(n_inside: int, n: int) -> float:
    """Return the two-sided p-value of `n_inside` of n seeds on one side, if either side were as likely."""
    return float(stats.binomtest(n_inside, n).pvalue)


@dataclass(frozen=True)
class Outcome:
    """A prediction, what was found, and one of "held", "failed", "cannot tell", "too few seeds" and "not run yet"."""

    prediction: Prediction
    finding: Finding
    p: float
    verdict: str


def judge(every: Sequence[Prediction], recorded: Callable[[str], Mapping[int, Run]]) -> list[Outcome]:
    """Judge predictions by recorded runs: `recorded` gives those of a recipe by seed, or an empty mapping."""
    findings = [find(each.measure, each.recipe, recorded, against=each.against) for each in every]
    run = [i for i, finding in enumerate(findings) if len(finding.seeds) >= LEAST_SEEDS]
    both = {i: findings[i].p_values(every[i].low, every[i].high) for i in run}
    adjusted = dict(zip(run, holm([min(both[i]) for i in run]), strict=True)) if run else {}
    outcomes = []
    for i, (prediction, finding) in enumerate(zip(every, findings, strict=True)):
        if i not in adjusted:
            verdict = "too few seeds" if finding.seeds else "not run yet"
        else:
            verdict = "cannot tell" if adjusted[i] >= ALPHA else "held" if both[i][0] < both[i][1] else "failed"
        outcomes.append(Outcome(prediction, finding, adjusted.get(i, math.nan), verdict))
    return outcomes


def find(measure: str, recipe: str, recorded: Callable[[str], Mapping[int, Run]], *, against: str = "") -> Finding:
    """Average one of `MEASURES` over the seeds of a recipe, of its difference from another, or of a cells' contrast."""
    weights = {recipe: 1.0} | ({against: -1.0} if against else {})
    if recipe.startswith("cells:"):
        weights = contrast(recipe.removeprefix("cells:"))
    by_recipe = {recipe: recorded(recipe) for recipe in weights}
    seeds = sorted(set.intersection(*map(set, by_recipe.values())))
    value = MEASURES[measure]
    found = {seed: sum(w * value(by_recipe[r][seed]) for r, w in weights.items()) for seed in seeds}
    return Finding.of({seed: each for seed, each in found.items() if not np.isnan(each).any()})  # NaN: has none


def contrast(name: str) -> dict[str, float]:
    """Return the weights of the eight cells in a contrast such as "bn-plain" or "bn-plain beyond cosine-constant"."""
    weights = dict.fromkeys(CELLS, 0.0)
    for sign, (plus, minus) in zip((1, -1), (part.split("-") for part in name.split(" beyond ")), strict=False):
        for cell in CELLS:
            levels = cell.split("-")
            weights[cell] += sign * (0.25 if plus in levels else -0.25 if minus in levels else math.nan)
    return {cell: weight for cell, weight in weights.items() if weight}


def recorded(recipe: str) -> dict[int, Run]:
    """Return the recorded runs of a recipe by seed."""
    try:
        found = runs.recordings(recipe)
    except FileNotFoundError:
        return {}
    return {run.provenance["seed"]: run for run in found}
