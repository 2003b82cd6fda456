"""A reading of curves, and how it is shown: a few lines of text, everything, a picture, a web page.

Taught in lesson 9.
"""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import storage
from lessonlib.reading.evidence import Curves
from lessonlib.reading.findings import ASKS_FOR, OF_NUMBERS, PATTERNS, RESTS_ON, Finding, number, say, sayable, share
from lessonlib.runs import Run
from lessonlib.uncertainty import Change

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lessonlib.figures import Panel

MOST_POINTS = 2_000  # a longer curve is thinned for the picture, which has fewer pixels
_INTERVAL = 1.96  # half-width of a 95 % interval in standard errors


@dataclass(frozen=True)
class BestEpoch:
    """The epoch (in the log's numbers) that ``by`` would choose, and what each measure of validation is there."""

    by: str
    epoch: int
    loss: float | None
    accuracy: float | None
    refinement: float | None

    def __str__(self) -> str:
        says = {"loss": number, "accuracy": share, "refinement": number}
        there = [f"{name} {say(getattr(self, name))}" for name, say in says.items() if getattr(self, name) is not None]
        return f"by {self.by}: {self.epoch} ({', '.join(there)})"


@dataclass(frozen=True, repr=False)
class Reading:
    """What the curves of one run say: `findings`, of which the first is the most important, and there is always one."""

    run: Run
    curves: Curves  # what the patterns saw
    findings: tuple[Finding, ...]
    best: tuple[BestEpoch, ...]

    @property
    def first(self) -> Finding:
        """Return the most important finding."""
        return self.findings[0]

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """Return the findings that call for action."""
        return tuple(finding for finding in self.findings if finding.severity == "alarm")

    @property
    def source(self) -> str:
        """Return where the curves come from: a file's name, or what was passed."""
        return str(self.run.provenance.get("origin", "run"))

    def find(self, pattern: str) -> Finding | None:
        """Return the finding of a pattern, or None if it was not found; ValueError if there is no such pattern."""
        if pattern not in PATTERNS:
            raise ValueError(f"no pattern {pattern!r}: choose one of {', '.join(PATTERNS)}.")
        return next((finding for finding in self.findings if finding.pattern == pattern), None)

    def _change(self, measure: str) -> Change | None:
        c = self.curves
        known = c.val_loss is not None and c.n > 1 and measure in c.measures
        return c.change(measure, c.lowest, c.end) if known else None

    loss_change = property(lambda self: self._change("loss"), doc="From the lowest validation loss to the end.")
    accuracy_change = property(lambda self: self._change("accuracy"), doc="Of validation, over the same epochs.")

    @property
    def structure(self) -> tuple[str, ...]:
        """Return what the log is made of."""
        return tuple(self.run.provenance.get("structure", ()))

    @property
    def missing(self) -> str:
        """Return in one line what sizes can be passed, and what they would add."""
        c = self.curves
        accuracy = c.val_accuracy is not None or c.train_accuracy is not None
        return say(ASKS_FOR, c=c, accuracy=accuracy) if c.measures else ""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what was done to the log, and what the uncertainty of the reading rests on."""
        c, about = self.curves, self.run.provenance
        renamed = [f"{ours} is {theirs!r}" for ours, theirs in about.get("columns", {}).items() if ours != theirs]
        pairs = zip(about.get("numbers", ()), about.get("epochs_beside") or (), strict=False)
        facts = {
            "renamed": ", ".join(renamed),
            "beside": ", ".join([f"{step} is epoch {epoch:g}" for step, epoch in pairs][:3]),
            "n_is_told": c.n_val is not None and about.get("n_val") == c.n_val,
            "passed_over": c.passed_over or None,
        }
        return (*about.get("notes", ()), *sayable(RESTS_ON, c=c, **facts))

    @property
    def head(self) -> str:
        """Return what was read, in one line."""
        c, about = self.curves, self.run.provenance
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        read = [_in_words(name) for name in names if getattr(c, name) is not None]
        numbers, beside = about.get("numbers", self.run.epochs), about.get("epochs_beside")
        size = "" if c.n_val is None else f"; n = {c.n_val:,}"
        size += "" if c.n_classes is None else f", {c.n_classes} classes"
        beside = f", epochs {beside[0]:g} to {beside[-1]:g}" if beside else ""
        counted = f"{len(numbers)} {c.unit}{'s' * (len(numbers) > 1)} ({numbers[0]} to {numbers[-1]}{beside})"
        return f"{self.source}: {counted}, {', '.join(read) or 'no finite curve'}{size}"

    def __str__(self) -> str:
        first, *others = self.findings
        alarms = [finding for finding in others if finding.severity == "alarm"][:1]
        limit = f"the curves cannot tell {first.limit}" if first.limit else ""
        sure = "; ".join(filter(None, [self._basis(), limit]))
        notes = [f.title[0].lower() + f.title[1:] for f in others if f not in alarms and f.pattern != "best_epoch"]
        lines = [
            self.head,
            *(f"Log: {line}" for line in self.structure[:2]),
            _headline(first),
            f"  Evidence: {first.evidence}",
            sure and f"  How sure: {sure}.",
            f"  What to do: {first.advice}",
            "" if alarms else f"  To confirm: {first.confirm}",
            *(f"{_headline(finding)}: {finding.evidence}" for finding in alarms),
            notes and f"Also: {'; '.join(notes[:4])}.",
            self.best and f"Best {self.curves.unit} {'; '.join(map(str, self.best))}.",
            self.missing,
            "All of it: print(reading.full), --full.",
        ]
        return "\n".join(filter(None, lines))

    __repr__ = __str__

    def _basis(self) -> str:
        """Return what a statement about validation rests on."""
        c = self.curves
        if (c.val_loss is None and c.val_accuracy is None) or self.first.pattern in OF_NUMBERS:
            return ""
        return "n is not known, so it holds for this validation set" if c.n_val is None else f"n = {c.n_val:,}"

    @property
    def full(self) -> str:
        """Return every finding with all its parts, and what the reading rests on."""
        body = [f"{position}. {finding}" for position, finding in enumerate(self.findings, start=1)]
        rests = filter(None, [*self.structure, *self.assumptions, self.missing])
        return "\n\n".join([self.head, *body, "\n".join(["What this rests on", *(f"  - {line}" for line in rests)])])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": html(self), "text/plain": str(self)}


def _headline(finding: Finding) -> str:
    return f"{'ALARM' if finding.severity == 'alarm' else 'Note'}: {finding.title} ({finding.where})"


def _in_words(name: str) -> str:
    return name.replace("train_", "training ").replace("val_", "validation ")


def figure(reading: Reading) -> tuple[Figure, str]:
    """Draw loss and accuracy, the first alarm shaded, the best epochs marked; return picture and alt text."""
    from lessonlib import figures  # needed by who shows a picture only

    c = reading.curves
    drawn = {"train_loss": number, "val_loss": number, "val_accuracy": share}
    parts = [
        f"{_in_words(name)} from {says(getattr(c, name)[0])} to {says(getattr(c, name)[-1])}"
        for name, says in drawn.items() if c.n and getattr(c, name) is not None
    ]  # fmt: skip
    curves = "; ".join(parts) or "no finite curve"
    alt = f"Curves of {reading.run.n_epochs} {c.unit}s: {curves}. First finding: {reading.first.title}."
    panels = [_panel(reading, "loss", c.loss_error), _panel(reading, "accuracy", c.accuracy_error)]
    panels = [panel for panel in panels if panel.marks] or panels[:1]
    fig = figures.draw(figures.Picture(alt, *panels), figsize=(4.8 * len(panels), 4.2))
    with figures.style():
        fig.suptitle(textwrap.fill(reading.first.title, 60 * len(panels)), fontsize="medium")
        for ax in fig.axes if c.n else ():
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small", frameon=False)
    return fig, alt


def _panel(reading: Reading, measure: str, errors: NDArray[np.float64] | None) -> Panel:
    from lessonlib import figures

    c, marks = reading.curves, []
    title, scale = ("Accuracy, %", 100) if measure == "accuracy" else ("Loss", 1)
    shown = np.unique(np.linspace(0, c.n - 1, min(c.n, MOST_POINTS)).astype(int))
    x, train, val = c.epochs[shown], getattr(c, f"train_{measure}"), getattr(c, f"val_{measure}")
    if c.n and train is not None:
        marks.append(figures.line(x, scale * train[shown], label="training"))
    if c.n and val is not None:
        marks.append(figures.line(x, scale * val[shown], "vermilion", label="validation"))
        if errors is not None:
            low, high = (scale * (val + side * _INTERVAL * errors)[shown] for side in (-1, 1))
            marks.append(figures.area(x, low, high, "vermilion", label="its 95 % interval"))
    for best in reading.best:
        if best.by == measure:
            label = f"best: {c.unit} {best.epoch}"
            marks.append(figures.points(best.epoch, scale * getattr(best, measure), "green", label=label, size=7))
    if marks and reading.first.severity == "alarm":
        first, last = reading.first.epochs
        marks.append(figures.span(first - 0.5, last + 0.5, reading.first.where, "purple"))
    return figures.Panel(title, *marks, xlabel=c.unit, legend=False)


def html(reading: Reading, *, own_page: bool = False) -> str:
    """Return a reading as HTML: summary, picture with alt text (PNG, or following the theme), everything folded."""
    from lessonlib import figures

    picture = figures.static_bundle(*figure(reading), own_page=own_page)["text/html"]
    summary, full = escape(str(reading).rpartition("\n")[0]), escape(reading.full)
    return _filled("reading.html", severity=reading.first.severity, summary=summary, picture=picture, full=full)


def _filled(template: str, **parts: str) -> str:
    return Template(Path(__file__).with_name(template).read_text(encoding="utf-8")).substitute(parts)


def save(reading: Reading, path: str | os.PathLike[str]) -> Path:
    """Write the annotated picture (``.png``) or the whole reading as a page that needs nothing else (``.html``).

    ValueError if the path ends in anything else; written completely or not at all.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".png":
        from lessonlib import figures

        content = figures.png_bytes(figure(reading)[0], dpi=150)
    elif suffix == ".html":
        page = _filled("page.html", source=escape(reading.source), reading=html(reading, own_page=True))
        content = page.encode()
    else:
        raise ValueError(f"{path} ends in {suffix!r}: a picture ends in .png, a page in .html.")
    return storage.write_atomically(path, lambda file: file.write(content))
