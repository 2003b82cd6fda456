"""What the curve reader finds: its patterns, in the words of ``patterns.toml``, and the finding itself."""

from __future__ import annotations

import math
import string
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Severity = Literal["alarm", "note"]
#: A sentence with facts in it, or several of which the first is said whose facts are all there.
Text = str | list[str]


@dataclass(frozen=True)
class Pattern:
    """One thing that curves can say: see the head of ``patterns.toml``."""

    title: Text
    evidence: list[Text]
    confirm: Text
    advice: Text
    limit: Text
    severity: Severity = "alarm"


_WORDS = tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8"))
#: What a reading says beside its findings.
READING: dict[str, list[Text]] = _WORDS.pop("reading")
#: What each pattern of a reading is, by its name.
PATTERNS = {name: Pattern(**about) for name, about in _WORDS.items()}
#: What the numbers say of themselves, whatever the validation set: said before what the curves show.
OF_NUMBERS = {"diverged", "batch_losses", "negative_loss", "meaningless_accuracy", "other_loss", "dead", "odd_epochs",
              "mostly_penalty", "double_softmax"}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that the curves of a run say.

    ``epochs`` are the first and the last it is about, in the log's own numbers; ``unit`` is what they count.
    ``evidence`` holds numbers, with their uncertainty where it is known.
    """

    pattern: str
    epochs: tuple[int, int]
    unit: str
    title: str
    evidence: str
    advice: str
    confirm: str
    limit: str

    @property
    def severity(self) -> Severity:
        """Return whether it calls for action ("alarm") or for attention ("note")."""
        return PATTERNS[self.pattern].severity

    @property
    def where(self) -> str:
        """Return what it is about as text: "epochs 3 to 9"."""
        first, last = self.epochs
        return f"{self.unit} {first}" if first == last else f"{self.unit}s {first} to {last}"

    def __str__(self) -> str:
        headings = ("Evidence", "What to do", "To confirm", "Cannot tell")
        said = zip(headings, (self.evidence, self.advice, self.confirm, self.limit), strict=True)
        parts = "".join(f"\n   {heading}: {text}" for heading, text in said if text)
        return f"[{self.severity}] {self.title} ({self.where}).{parts}"


def number(value: float) -> str:
    """Return a number with three significant digits, without an exponent where it can be read without."""
    if value and math.isfinite(value) and 1e-4 <= abs(value) < 1e6:
        return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """Return a share as a percentage with one digit behind the point."""
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * value:.1f} points"


_WAYS = {
    "number": number, "share": share, "points": points, "list": lambda names: ", ".join(names[:12]),
    "if": lambda fact: "", "unless": lambda fact: "",
}  # fmt: skip


class _Sentence(string.Formatter):
    """Puts facts into a sentence; a LookupError tells that it cannot be said."""

    def format_field(self, fact: Any, way: str) -> str:
        is_missing = fact is None or (isinstance(fact, (bool, np.bool_, str, tuple)) and not fact)
        if is_missing != (way == "unless"):
            raise LookupError(way)
        return _WAYS[way](fact) if way in _WAYS else super().format_field(fact, way)


def sayable(texts: Iterable[Text], **facts: Any) -> Iterator[str]:
    """Yield of each text what can be said with these facts: itself, or the first of several, or nothing."""
    for text in texts:
        for sentence in [text] if isinstance(text, str) else text:
            try:
                yield _Sentence().vformat(sentence, (), facts)
                break
            except LookupError:
                continue


def say(text: Text, **facts: Any) -> str:
    """Return what can be said of one text, or nothing."""
    return "".join(sayable([text], **facts))
