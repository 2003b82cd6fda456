"""What the names in logs mean: which metric of which set, and what counts epochs or steps, whatever the tool."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

#: The metrics that a log can have, under our names.
NAMES = (
    "train_loss", "train_accuracy", "val_loss", "val_accuracy", "running_train_loss", "running_train_accuracy",
    "val_loss_se",
)  # fmt: skip
SPLITS = {
    **dict.fromkeys(("val", "valid", "validation", "validate", "validating", "dev", "eval", "evaluation", "evaluate",
                     "test", "testing", "tst", "va", "te", "holdout", "valset", "testset"), "val"),
    **dict.fromkeys(("train", "training", "trn", "tr", "learn", "trainset"), "train"),
}  # fmt: skip
_MEASURES = {
    **dict.fromkeys(("loss", "losses", "nll", "crossentropy", "logloss", "mlogloss", "xent", "cost"), "loss"),
    **dict.fromkeys(("accuracy", "acc", "accs", "accuracies", "multiclassaccuracy", "binaryaccuracy", "top1", "acc1",
                     "prec1", "accuracy01", "errorrate", "merror"), "accuracy"),
}  # fmt: skip
#: Words of a name that say nothing about which metric it is.
_FILLERS = {
    "epoch", "step", "categorical", "sparse", "binary", "multi", "multiclass", "ce", "bce", "avg", "average", "mean",
    "total", "running", "score", "metric", "metrics", "history", "log", "logs", "list", "value", "results", "result",
    "set", "on", "the", "of", "data", "dataset", "final", "current", "s", "main", "classification", "overall", "lm",
    "is", "was", "and", "with",
}  # fmt: skip
_KNOWN = {*SPLITS, *_MEASURES, *_FILLERS}
#: Errors of a regression, which can stand for the loss.
_ERRORS = {"rmse", "mse", "mae", "l1", "l2", "mape", "error"}
#: Words of which one stands in the names of a regression's errors, whatever else is logged.
REGRESSION = {"rmse", "mse", "mae", "mape", "squared", "absolute"}
#: Words that measure something, in any column: such a column is named if it is not read.
_SCORES = {*_MEASURES, *_ERRORS, "f1", "auc", "map", "map50", "perplexity", "ppl", "bleu", "recall", "precision", "iou",
           "wer", "cer", "rouge", "rouge1", "dice", "objective", "top5", "acc5"}  # fmt: skip
#: Two words, or a word and a sign, that are one: ``acc@1``, ``top-1``, ``cross_entropy``, ``valLoss``.
_SPELLINGS = (
    (r"([a-z])([A-Z])", r"\1 \2"),
    (r"(?i)(top|acc|prec)[-_ @](1|5)(?![a-z0-9])", r"\g<1>\2"),
    (r"(?i)cross[-_ ]?entropy", "crossentropy"),
    (r"(?i)log[-_ ]loss", "logloss"),
    (r"(?i)error[-_ ]?rate|(?<=-)error$|(?<=binary_|.multi_)error$", "errorrate"),
    (r"(?i)(valid(?:ation)?|val|eval|test)[-_ /](\d)(?![0-9])", r"\1"),  # the number of an evaluation set
    (r"(?i)dataloader_idx_\d+", ""),
)
_POSITIONS = {
    **dict.fromkeys(("epoch", "epochs", "ep", "epoche"), "epoch"),
    **dict.fromkeys(("step", "steps", "global step", "trainer global step", "iteration", "iterations", "iter", "iters",
                     "training step"), "step"),
    **dict.fromkeys(("round", "rounds", "boosting round", "tree", "trees"), "round"),
}  # fmt: skip
_BEFORE_A_POSITION = {*_FILLERS, *SPLITS, "end", "start", "starting", "finished", "after", "for", "at"}


#: Names of columns whose values tell runs apart.
RUN_WORDS = {("run",), ("fold",), ("seed",), ("trial",), ("experiment",), ("model",), ("repeat",), ("run", "id")}


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, spelled in one way."""
    for spelling, standard in _SPELLINGS:
        name = re.sub(spelling, standard, name)
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
    if name in NAMES:
        return name
    found = words(run_and_metric(name)[1])
    measures = {_MEASURES[word] for word in found if word in _MEASURES}
    splits = {SPLITS[word] for word in found if word in SPLITS}
    if len(measures) != 1 or len(splits) > 1 or not _KNOWN.issuperset(found):
        return None
    measure = measures.pop()
    if not splits or (splits == {"train"} and "running" in found):
        return f"running_train_{measure}"
    return f"{splits.pop()}_{measure}"


def is_metric(name: str, told: Collection[str]) -> bool:
    """Tell whether a name is that of a metric: it is told to be one, or known."""
    return name in told or canonical_name(name) is not None


def run_and_metric(name: str) -> tuple[str, str]:
    """Split "run - metric", as Weights & Biases writes it; a name of known words has no run."""
    run, _, metric = name.rpartition(" - ")
    return ("", name) if not run or _KNOWN.issuperset(words(name)) else (run, metric)


def loosely(names: Iterable[str]) -> dict[str, str]:
    """Return our names for losses that share one further word (``dice_loss``) or are errors (``rmse``), if all do."""
    found, qualifiers = {}, set()
    for name in names:
        own = set(words(name))
        if own & (_ERRORS | {"loss"}):
            rest = frozenset(own - _KNOWN - {"l"})
            qualifiers.add(rest)
            plain = " ".join(
                "loss" if word in rest and word in _ERRORS else word
                for word in words(name)
                if word not in rest or word in _ERRORS
            )
            if (ours := canonical_name(plain)) and ours not in found.values():
                found[name] = ours
    return found if len(qualifiers) == 1 else {}


@lru_cache(maxsize=4096)
def splits_of(text: str) -> tuple[str, ...]:
    """Return the sets that a text names as words of their own, in their order."""
    return tuple(SPLITS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in SPLITS)


def measures_something(name: str) -> bool:
    """Tell whether a column is a loss or a score of any kind."""
    return bool(_SCORES.intersection(words(name))) and not {"improved", "improve", "from", "time", "best"} & set(
        words(name)
    )


@lru_cache(maxsize=4096)
def position(name: str) -> str | None:
    """Return "epoch", "step" or "round" for a name that counts them."""
    found = words(name)
    for n in (3, 2, 1):
        kind = _POSITIONS.get(" ".join(found[-n:])) if len(found) >= n else None
        if kind and _BEFORE_A_POSITION.issuperset(found[:-n]) and not {"loss", "acc"} & set(found):
            return kind
    return None


def is_rate(name: str) -> bool:
    """Tell whether a column holds the learning rate."""
    found = words(name)
    return "lr" in found or found[:2] == ("learning", "rate") or found[-2:] == ("learning", "rate")
