"""A reading of curves, and how it is shown: a few lines of text, everything, a picture, a web page.

Taught in lesson 9.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import storage
from lessonlib.reading.evidence import Curves
from lessonlib.reading.findings import OF_NUMBERS, PATTERNS, READING, Finding, say, sayable
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
        return f"by {self.by}: {self.epoch} ({', '.join(sayable(READING['best'], best=self))})"


@dataclass(frozen=True, repr=False)
class Reading:
    """What the curves of one run say: `findings`, of which the first is the most important, and there is always one."""

    run: Run
    curves: Curves  # what the patterns saw
    findings: tuple[Finding, ...]
    best: tuple[BestEpoch, ...]

    first = property(lambda self: self.findings[0], doc="The most important finding.")
    source = property(
        lambda self: str(self.run.provenance.get("origin", "run")), doc="A file's name, or what was passed."
    )
    structure = property(lambda self: tuple(self.run.provenance.get("structure", ())), doc="What the log is made of.")
    loss_change = property(lambda self: self._change("loss"), doc="From the lowest validation loss to the end.")
    accuracy_change = property(lambda self: self._change("accuracy"), doc="Of validation, over the same epochs.")

    def _change(self, measure: str) -> Change | None:
        c = self.curves
        known = c.val_loss is not None and c.n > 1 and measure in c.measures
        return c.change(measure, c.lowest, c.end) if known else None

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """Return the findings that call for action."""
        return tuple(finding for finding in self.findings if finding.severity == "alarm")

    def find(self, pattern: str) -> Finding | None:
        """Return the finding of a pattern, or None if it was not found; ValueError if there is no such pattern."""
        if pattern not in PATTERNS:
            raise ValueError(f"no pattern {pattern!r}: choose one of {', '.join(PATTERNS)}.")
        return next((finding for finding in self.findings if finding.pattern == pattern), None)

    @property
    def missing(self) -> str:
        """Return in one line what sizes can be passed, and what they would add."""
        c = self.curves
        accuracy = c.val_accuracy is not None or c.train_accuracy is not None
        return say(READING["asks_for"], c=c, accuracy=accuracy) if c.measures else ""

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
        return (*about.get("notes", ()), *sayable(READING["rests_on"], c=c, **facts))

    @property
    def head(self) -> str:
        """Return what was read, in one line."""
        c, about = self.curves, self.run.provenance
        numbers, beside = about.get("numbers", self.run.epochs), about.get("epochs_beside")
        beside = f", epochs {beside[0]:g} to {beside[-1]:g}" if beside else ""
        counted = f"{len(numbers)} {c.unit}{'s' * (len(numbers) > 1)} ({numbers[0]} to {numbers[-1]}{beside})"
        read, sizes = (tuple(sayable(READING[name], c=c)) for name in ("curves", "sizes"))
        return f"{self.source}: {counted}, {', '.join(read) or 'no finite curve'}{''.join(sizes)}"

    def __str__(self) -> str:
        c, (first, *others) = self.curves, self.findings
        alarms = [finding for finding in others if finding.severity == "alarm"][:1]
        of_numbers = not c.measures or first.pattern in OF_NUMBERS
        sure = "; ".join(filter(None, sayable(READING["sure"], c=c, of_numbers=of_numbers, limit=first.limit)))
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
            self.best and f"Best {c.unit} {'; '.join(map(str, self.best))}.",
            self.missing,
            "All of it: print(reading.full), --full.",
        ]
        return "\n".join(filter(None, lines))

    __repr__ = __str__

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


def figure(reading: Reading) -> tuple[Figure, str]:
    """Draw loss and accuracy, the first alarm shaded, the best epochs marked; return picture and alt text."""
    from lessonlib import figures  # needed by who shows a picture only

    c = reading.curves
    curves = "; ".join(sayable(READING["drawn"], c=c)) or "no finite curve"
    alt = f"Curves of {reading.run.n_epochs} {c.unit}s: {curves}. First finding: {reading.first.title}."
    panels = [_panel(reading, "loss", c.loss_error), _panel(reading, "accuracy", c.accuracy_error)]
    panels = [panel for panel in panels if panel.marks] or panels[:1]
    fig = figures.draw(figures.Picture(alt, *panels), figsize=(4.8 * len(panels), 4.2))
    fig.suptitle(reading.first.title, fontsize="medium", wrap=True)
    for ax in fig.axes if c.n else ():
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small", frameon=False)
    return fig, alt


def _panel(reading: Reading, measure: str, errors: NDArray[np.float64] | None) -> Panel:
    """Return the panel of loss or accuracy, without marks where there is no such curve."""
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
        half = np.diff(c.epochs).mean() / 2 if c.n > 1 else 0.5  # of the way to the next, in the log's own numbers
        marks.insert(0, figures.span(first - half, last + half, reading.first.where, "purple"))
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
