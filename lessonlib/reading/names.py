"""What the names in logs mean: which metric of which set, and what counts epochs or steps, whatever the tool.

The words themselves stand in ``names.toml``.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

#: What ``names.toml`` holds: words, the lines and sizes that tools print, hints.
WRITTEN = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
#: The metrics that a log can have, under our names.
NAMES = (
    "train_loss", "train_accuracy", "val_loss", "val_accuracy", "running_train_loss", "running_train_accuracy",
    "val_loss_se",
)  # fmt: skip
SETS, _MEASURES, _COUNTS = (
    {word: meaning for meaning, found in WRITTEN[kind].items() for word in found}
    for kind in ("sets", "measures", "counts")
)
_WORDS = {kind: set(found) for kind, found in WRITTEN["words"].items()}
_KNOWN = {*SETS, *_MEASURES, *_WORDS["say_nothing"]}
_ERRORS = _WORDS["errors"]
_SCORES = {*_MEASURES, *_ERRORS, *_WORDS["scores"]}
_BEFORE_A_COUNT = {*SETS, *_WORDS["say_nothing"], *_WORDS["before_a_count"]}
#: Words of which one stands in the names of a regression's errors, whatever else is logged.
REGRESSION = _WORDS["regression"]


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, spelled in one way."""
    for spelling in WRITTEN["spellings"]:
        name = re.sub(spelling["written"], spelling["meant"], name)
    return tuple(word for word in re.split(r"[^a-z0-9]+", name.lower()) if word)


@lru_cache(maxsize=4096)
def canonical_name(name: str) -> str | None:
    """Return our name for a metric of another tool, or None if it is none of ours.

    A bare ``loss`` or ``accuracy`` is Keras' mean over the moving epoch. An error rate goes by the accuracy's name.

    Examples
    --------
    >>> canonical_name("Accuracy/validation"), canonical_name("loss"), canonical_name("learning_rate")
    ('val_accuracy', 'running_train_loss', None)
    >>> canonical_name("happy-frog-7 - val/top1"), canonical_name("happy-frog-7 - val/top1__MAX")  # Weights & Biases
    ('val_accuracy', None)
    """
    return name if name in NAMES else _meaning(words(run_and_metric(name)[1]))


def _meaning(found: tuple[str, ...]) -> str | None:
    """Return which metric words name that are all known."""
    measures = {_MEASURES[word] for word in found if word in _MEASURES}
    sets = {SETS[word] for word in found if word in SETS}
    if len(measures) != 1 or len(sets) > 1 or not _KNOWN.issuperset(found):
        return None
    which = sets.pop() if sets else "running_train"
    return f"{'running_train' if which == 'train' and 'running' in found else which}_{measures.pop()}"


def further_words(name: str) -> tuple[frozenset[str], str | None]:
    """Return the words of a loss or accuracy that say which one it is, and our name for it without them.

    >>> further_words("eval_mnli_loss"), further_words("rmse")
    ((frozenset({'mnli'}), 'val_loss'), (frozenset({'rmse'}), 'running_train_loss'))
    """
    further = frozenset(words(name)) - _KNOWN - {"l"}
    plain = ("loss" if word in _ERRORS else word for word in words(name) if word not in further - _ERRORS)
    return further, _meaning(tuple(plain))


def run_and_metric(name: str) -> tuple[str, str]:
    """Split "run - metric", as Weights & Biases writes it; a name of known words has no run."""
    run, _, metric = name.rpartition(" - ")
    return ("", name) if not run or _KNOWN.issuperset(words(name)) else (run, metric)


@lru_cache(maxsize=4096)
def splits_of(text: str) -> tuple[str, ...]:
    """Return the sets ("train", "val") that a text names as words of their own, in their order."""
    return tuple(SETS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in SETS)


def measures_something(name: str) -> bool:
    """Tell whether a column is a loss or a score of any kind."""
    found = words(name)
    return not _SCORES.isdisjoint(found) and _WORDS["no_score"].isdisjoint(found)


@lru_cache(maxsize=4096)
def position(name: str) -> str | None:
    """Return "epoch", "step" or "round" for a name that counts them."""
    *before, last = words(name) or ("",)
    return _COUNTS.get(last) if _BEFORE_A_COUNT.issuperset(before) else None


def tells_runs(name: str) -> bool:
    """Return whether the values of a column tell runs apart."""
    return " ".join(words(name)) in _WORDS["runs"]


def is_rate(name: str) -> bool:
    """Tell whether a column holds the learning rate."""
    found = words(name)
    return "lr" in found or ("learning", "rate") in (found[:2], found[-2:])
