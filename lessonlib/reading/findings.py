"""What the curve reader finds: its patterns with what would confirm them and what to do, and the finding itself."""

from __future__ import annotations

import math
import string
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

Severity = Literal["alarm", "note"]


class Pattern(NamedTuple):
    """One thing that curves can say: see the head of ``patterns.toml``."""

    title: str
    confirm: str
    advice: str
    limit: str
    severity: Severity = "alarm"
    says: dict[str, str] = {}  # noqa: RUF012 - read only


#: What each pattern of a reading is, by its name.
PATTERNS = {
    name: Pattern(**about)
    for name, about in tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8")).items()
}
#: What the numbers say of themselves, whatever the validation set: said before what the curves show.
OF_NUMBERS = {"diverged", "batch_losses", "negative_loss", "meaningless_accuracy", "other_loss", "dead", "odd_epochs",
              "mostly_penalty", "double_softmax"}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that the curves of a run say.

    ``epochs`` are the first and the last it is about, in the log's own numbers; `unit` is what they count. ``evidence``
    holds numbers, with their uncertainty where it is known; the other texts are the pattern's, unless the run asks for
    others.
    """

    pattern: str
    epochs: tuple[int, int]
    evidence: str
    title: str = ""
    confirm: str = ""
    advice: str = ""
    limit: str = ""
    unit: str = "epoch"

    def __post_init__(self) -> None:
        for part in ("title", "confirm", "advice", "limit"):
            object.__setattr__(self, part, getattr(self, part) or getattr(PATTERNS[self.pattern], part))

    @property
    def severity(self) -> Severity:
        """Return whether it calls for action ("alarm") or for attention ("note")."""
        return PATTERNS[self.pattern].severity

    @property
    def parts(self) -> dict[str, str]:
        """Return what is said of it, under its headings."""
        headings = ("Evidence", "What to do", "To confirm", "Cannot tell")
        said = zip(headings, (self.evidence, self.advice, self.confirm, self.limit), strict=True)
        return {heading: text for heading, text in said if text}

    @property
    def where(self) -> str:
        """Return what it is about as text: "epochs 3 to 9"."""
        first, last = self.epochs
        return f"{self.unit} {first}" if first == last else f"{self.unit}s {first} to {last}"

    def __str__(self) -> str:
        parts = "".join(f"\n   {heading}: {text}" for heading, text in self.parts.items())
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


class Sentence(string.Formatter):
    """Puts facts into a pattern's sentences: ``{loss:number}``, ``{right:share}``, ``{jump:points}``."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Write one fact."""
        says = {"number": number, "share": share, "points": points}.get(format_spec)
        return says(value) if says else super().format_field(value, format_spec)
