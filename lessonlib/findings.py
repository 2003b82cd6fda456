"""What the curve reader finds: the names of its patterns, and the finding itself. Used by `lessonlib.patterns`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lessonlib.uncertainty import Change

#: What each pattern is called in a reading.
PATTERNS = {
    "diverged": "The training diverged",
    "double_softmax": "The loss stands on the floor of a softmax applied twice",
    "chance": "Nothing was learnt: validation is at chance",
    "majority": "Validation is no better than always saying the most frequent class",
    "confident_errors": "Validation loss rose and accuracy did not fall: errors became confident",
    "overfitting": "Overfitting: validation became worse while training went on improving",
    "unrepresentative_validation": "Training and validation sets differ from the beginning",
    "learning_rate_too_high": "The learning rate is too high: the training loss itself jumps",
    "real_fluctuation": "Validation jumps by more than its sampling noise",
    "unfinished": "Unfinished: the loss is still falling",
    "noise_ceiling": "Stuck together at a ceiling: consistent with noise in the labels",
    "underfitting": "Stuck together: the model or its inputs say too little",
    "dip": "Accuracy fell while the loss fell",
    "validation_better": "Validation is better than training",
    "gap": "Training is better than validation, which does not get worse",
    "sampling_noise": "The jumps of validation are what a set of this size does by chance",
    "cannot_tell": "The data do not suffice to tell",
    "healthy": "Nothing is wrong that these curves can show",
    "best_epoch": "The best epoch depends on what is to be best",
}

Severity = Literal["alarm", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that the curves say.

    Attributes
    ----------
    pattern : str
        A key of `PATTERNS`.
    epochs : tuple of int
        The first and the last epoch it is about.
    evidence : str
        Numbers with their uncertainty.
    confirm : str
        What would confirm it.
    advice : str
        What to do.
    severity : {"alarm", "note"}
        An alarm calls for action, a note for attention.
    """

    pattern: str
    epochs: tuple[int, int]
    evidence: str
    confirm: str
    advice: str
    severity: Severity

    @property
    def title(self) -> str:
        """Return what the pattern is called."""
        return PATTERNS[self.pattern]

    def __str__(self) -> str:
        first, last = self.epochs
        where = f"epoch {first}" if first == last else f"epochs {first} to {last}"
        return (
            f"[{self.severity}] {self.title} ({where}).\n"
            f"   Evidence: {self.evidence}\n   To confirm: {self.confirm}\n   What to do: {self.advice}"
        )


def said(change: Change, scale: float = 1) -> str:
    """Return verdict, estimate and interval of a change, in units of 1 / scale."""
    i = change.interval
    digits = 3 if scale == 1 else 1
    numbers = [f"{scale * value:+.{digits}f}" for value in (i.estimate.value, i.low, i.high)]
    return f"{change.verdict}: {numbers[0]} ({percent(i.level)} interval {numbers[1]} to {numbers[2]})"


def percent(level: float) -> str:
    return f"{100 * level:g} %"
