"""The answer in one minute: the first page's text and the README's first paragraph, with numbers from the recordings.

``python -m tools.website.answer`` enters it into the README.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined

from lessonlib import calibration, ledger, metrics, runs, uncertainty
from lessonlib.course import hypotheses
from lessonlib.runs import Run
from lessonlib.training import CELLS
from notebooks import build

TEMPLATE = Path(__file__).with_name("answer.md")
#: What lies between these lines of the README is written by this module.
BEGIN, END = "<!-- answer: python -m tools.website.answer -->", "<!-- end of the answer -->"
README_ENDS = "<!-- so far the README -->"
#: As in lesson 6: the pictures whose answers every seed has kept, and the example of a small validation set.
N_KEPT, FEW = 2_000, 1_000


@functools.cache
def text() -> str:
    """Return the first page in Markdown; a line ``EXPLORER id`` stands where an explorer of a lesson belongs."""
    return Environment(undefined=StrictUndefined).from_string(TEMPLATE.read_text("utf-8")).render(numbers())


def numbers() -> dict[str, str]:
    """Compute every number of the answer from the recordings."""
    main = runs.recordings("main")
    found = np.array([since_lowest(run) for run in main])
    change, rise, gain, left, wrong_both, *confidence = found.T
    recorded = functools.cache(hypotheses.recorded)
    cells = {name: [hypotheses.find(f"{m}_change", name, recorded) for m in ("loss", "accuracy")] for name in CELLS}
    accuracy = {name: each.mean for name, (_, each) in cells.items()}
    rising = [name for name, (loss, _) in cells.items() if loss.mean > 0.1]
    repaired = [hypotheses.find("share_repaired", name, recorded).mean for name in rising]
    factors = {name: hypotheses.find("accuracy_change", f"cells:{name}", recorded)
               for name in ("cosine-constant", "bn-plain", "adam-sgd")}  # fmt: skip
    verdicts = [each.verdict for each in hypotheses.judge(hypotheses.predictions(), recorded)]
    accuracy_at_end = np.mean([run["val_accuracy"][-1] for run in main])
    known = uncertainty.accuracy_interval(accuracy_at_end, FEW)
    names = ("right_before", "wrong_before", "right_after", "wrong_after")
    surer = (confidence[2] > confidence[0]) & (confidence[3] > confidence[1])
    # What the text says in words.
    assert factors["cosine-constant"].mean > max(abs(factors[other].mean) for other in ("bn-plain", "adam-sgd"))
    assert wrong_both.mean() > change.mean()
    assert len(CELLS) == 8
    return {
        "seeds": str(len(found)),
        "surer": f"{surer.sum()} of {len(found)}",
        "rise": between(100 * rise, 0, " %", sign=""),
        "gain": between(gain, 1, sign=""),
        "taken_back": f"{(left < 0).sum()} of {len(found)}",
        "change": f"{change.mean():.2f}",
        "wrong_both": f"{wrong_both.mean():.2f}",
        **{name: f"{100 * values.mean():.0f}" for name, values in zip(names, confidence, strict=True)},
        "cosine": between([accuracy[name] for name in CELLS if "cosine" in name], 1),
        "constant": between([accuracy[name] for name in CELLS if "constant" in name], 1),
        "schedule": with_interval(factors["cosine-constant"]),
        "batch_norm": with_interval(factors["bn-plain"]),
        "cell_seeds": between([len(each.seeds) for _, each in cells.values()], 0, sign=""),
        "rising_cells": str(len(rising)),
        "least_repaired": f"{np.floor(100 * min(repaired)):.0f}",
        "worst": between([min(accuracy.values())], 1),
        "few": f"{FEW:,}",
        "known": f"{100 * accuracy_at_end:.0f}",
        "half_width": f"{100 * (known.high - known.low) / 2:.0f}",
        "guess": f"{np.log(10):.2f}",
        "floor": f"{metrics.double_softmax_floor(10):.2f}",
        "held": str(verdicts.count("held")),
        "failed": str(verdicts.count("failed")),
    }


def since_lowest(run: Run) -> tuple[float, ...]:
    """Pick the lowest loss and a temperature on every other picture; on the rest, say what happened up to the end.

    Change of the loss in nats and as a share, of accuracy in points; what the temperature leaves of the rise; what
    answers add that are wrong both times; confidence of right and wrong answers, before and after.
    """
    picking = np.arange(N_KEPT) % 2 == 0
    picks, judges = (run.judged_on(np.flatnonzero(chosen)) for chosen in (picking, ~picking))
    low = picks.best_epoch() - 1
    temperature = calibration.fit_temperature(picks.val_labels, picks.val_logits[-1].astype(float))
    before, after = judges.val_logits[[low, -1]].astype(float)
    book = ledger.between(judges.val_labels, logits=(before, after))
    left = metrics.cross_entropy(judges.val_labels, logits=after / temperature) - book.loss_before
    confidence = []
    for logits in (before, after):
        sure, right = metrics.softmax(logits).max(axis=1), metrics.correct(judges.val_labels, logits)
        confidence += [sure[right].mean(), sure[~right].mean()]
    wrong_both = dict(book.items())["wrong → wrong"].contribution
    return book.change, book.change / book.loss_before, 100 * book.accuracy_change, left, wrong_both, *confidence


def between(values: Sequence[float], digits: int, unit: str = "", sign: str = "+") -> str:
    """Say from where to where values lie, once if they are all the same."""
    low, high = (f"{end:{sign}.{digits}f}".replace("-", "−") for end in (min(values), max(values)))
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def with_interval(finding: hypotheses.Finding) -> str:
    """Say a mean and its 95 % interval."""
    low, high = finding.interval()
    return f"{finding.mean:+.1f} ({low:.1f} to {high:.1f})"


def readme_with_answer(readme: str) -> str:
    """Return the README with the answer between its two marks."""
    said = text().partition(README_ENDS)[0].split("\n", 1)[1].strip()
    lines = [line if line.startswith("|") else textwrap.fill(line, 135) for line in said.splitlines()]
    block = "\n".join([BEGIN, *lines, END])
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, readme, flags=re.DOTALL)


if __name__ == "__main__":
    build.write_if_changed(build.README, readme_with_answer(build.README.read_text("utf-8")))
