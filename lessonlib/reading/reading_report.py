"""A reading of curves, and how it is shown: a few lines of text, everything, a picture, a web page.

Taught in lesson 9.
"""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonlib import storage
from lessonlib.reading.evidence import Curves
from lessonlib.reading.findings import OF_NUMBERS, PATTERNS, Finding, number, share
from lessonlib.runs import Run
from lessonlib.uncertainty import Change

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 2_000  # a longer curve is thinned for the picture, which has fewer pixels
_SIDES, _MEASURES = {"train": "training", "val": "validation"}, ("loss", "accuracy")
_INTERVAL = 1.96  # half-width of a 95 % interval in standard errors
_CSS = """
.reading {max-width:60rem; line-height:1.45}
.reading pre {white-space:pre-wrap; border-left:4px solid #666; padding-left:.6rem; font:inherit}
.reading pre.alarm {border-color:#b84f00}
.reading dl {margin:.2rem 0 0; display:grid; grid-template-columns:max-content 1fr; gap:.1rem .8rem}
.reading dt {font-weight:600}
.reading dd {margin:0}
.reading img {max-width:100%}
"""
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Reading of {source}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root {{color-scheme:light dark}} body {{font-family:sans-serif; margin:1rem auto; padding:0 1rem; max-width:60rem}}
</style></head><body><main><h1>Reading of {source}</h1>{reading}</main></body></html>
"""


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
    """What the curves of one run say.

    The first of the `findings` is the most important; there is always one. The changes are those of the validation set,
    from the stretch of the lowest loss to the end. `structure` says what the log is made of, `assumptions` what
    was done to it and what the uncertainty rests on, `missing` what sizes would add; `curves` is what the patterns saw.
    """

    run: Run
    findings: tuple[Finding, ...]
    loss_change: Change | None
    accuracy_change: Change | None
    best: tuple[BestEpoch, ...]
    structure: tuple[str, ...]
    assumptions: tuple[str, ...]
    missing: str
    curves: Curves

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
        return self.run.provenance.get("origin", "run")

    def find(self, pattern: str) -> Finding | None:
        """Return the finding of a pattern, or None if it was not found; ValueError if there is no such pattern."""
        if pattern not in PATTERNS:
            raise ValueError(f"no pattern {pattern!r}: choose one of {', '.join(PATTERNS)}.")
        return next((finding for finding in self.findings if finding.pattern == pattern), None)

    @property
    def head(self) -> str:
        """Return what was read, in one line."""
        c, about = self.curves, self.run.provenance
        read = [f"{said} {m}" for s, said in _SIDES.items() for m in _MEASURES if getattr(c, f"{s}_{m}") is not None]
        numbers, beside = about.get("numbers", self.run.epochs), about.get("epochs_beside")
        size = "" if c.n_val is None else f"; n = {c.n_val:,}"
        size += "" if c.n_classes is None else f", {c.n_classes} classes"
        beside = f", epochs {beside[0]:g} to {beside[-1]:g}" if beside else ""
        counted = f"{len(numbers)} {c.unit}{'s' * (len(numbers) > 1)} ({numbers[0]} to {numbers[-1]}{beside})"
        return f"{self.source}: {counted}, {', '.join(read) or 'no finite curve'}{size}"

    def __str__(self) -> str:
        first, *others = self.findings
        alarms = [finding for finding in others if finding.severity == "alarm"][:1]
        lines = [self.head, *(f"Log: {line}" for line in self.structure[:2]), _headline(first)]
        parts = first.parts
        limit = f"the curves cannot tell {parts.pop('Cannot tell')}" if "Cannot tell" in parts else ""
        sure = "; ".join(filter(None, [self._basis(), limit]))
        parts = {"Evidence": parts.pop("Evidence"), **({"How sure": f"{sure}."} if sure else {}), **parts}
        lines += [f"  {heading}: {text}" for heading, text in parts.items() if heading != "To confirm" or not alarms]
        lines += [f"{_headline(finding)}: {finding.evidence}" for finding in alarms]
        notes = [f.title for f in others if f not in alarms and f.pattern != "best_epoch"][:4]
        if notes:
            lines.append(f"Also: {'; '.join(title[0].lower() + title[1:] for title in notes)}.")
        if self.best:
            lines.append(f"Best {self.curves.unit} " + "; ".join(map(str, self.best)) + ".")
        if self.missing:
            lines.append(self.missing)
        return "\n".join([*lines, "All of it: print(reading.full), --full."])

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
        rests = [*self.structure, *self.assumptions, *([self.missing] if self.missing else [])]
        return "\n\n".join([self.head, *body, "\n".join(["What this rests on", *(f"  - {line}" for line in rests)])])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": html(self), "text/plain": str(self)}


def _headline(finding: Finding) -> str:
    return f"{'ALARM' if finding.severity == 'alarm' else 'Note'}: {finding.title} ({finding.where})"


def figure(reading: Reading) -> tuple[Figure, str]:
    """Draw loss and accuracy, the first alarm shaded, the best epochs marked; return picture and alt text."""
    from matplotlib.figure import Figure  # needed by who shows a picture only

    from lessonlib import figures

    c = reading.curves
    measures = [m for m in _MEASURES if c.n and any(getattr(c, f"{s}_{m}") is not None for s in _SIDES)]
    n_panels = max(len(measures), 1)
    with figures.style():
        fig = Figure(figsize=(4.8 * n_panels, 4.2), layout="constrained")
        fig.suptitle(textwrap.fill(reading.first.title, 60 * n_panels), fontsize="medium")
        for ax, measure in zip(fig.subplots(1, n_panels, squeeze=False)[0], measures, strict=False):
            _draw(ax, reading, measure)
    return fig, _alt_text(reading)


def _draw(ax: Axes, reading: Reading, measure: str) -> None:
    from matplotlib.ticker import MaxNLocator

    from lessonlib.figures import LINE_STYLES, MARKERS, PALETTE

    c, scale = reading.curves, 100 if measure == "accuracy" else 1
    shown = np.unique(np.linspace(0, c.n - 1, min(c.n, MOST_POINTS)).astype(int))
    x = c.epochs[shown]
    ax.set(xlabel=c.unit, title="accuracy, %" if measure == "accuracy" else "loss")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    errors = c.loss_error if measure == "loss" else c.accuracy_error
    for (part, name), colour in zip(_SIDES.items(), ("blue", "vermilion"), strict=True):
        values = getattr(c, f"{part}_{measure}")
        if values is None:
            continue
        ax.plot(x, scale * values[shown], color=PALETTE[colour], linestyle=LINE_STYLES[colour], label=name)
        if part == "val" and errors is not None:
            half = _INTERVAL * errors[shown]
            ax.fill_between(x, scale * (values[shown] - half), scale * (values[shown] + half), color=PALETTE[colour],
                            alpha=0.2, linewidth=0, label="its 95 % interval")  # fmt: skip
    for best in reading.best:
        if best.by == measure:
            ax.plot([best.epoch], [scale * getattr(best, measure)], MARKERS["green"], color=PALETTE["green"],
                    linestyle="none", label=f"best: {c.unit} {best.epoch}")  # fmt: skip
    if reading.first.severity == "alarm":
        start, end = reading.first.epochs
        half = 0.5 * float(np.median(np.diff(c.epochs))) if c.n > 1 else 0.5
        look = {"color": PALETTE["purple"], "alpha": 0.12, "linewidth": 0, "label": reading.first.where}
        ax.axvspan(start - half, end + half, **look)
    if measure == "accuracy":  # the curves' own range, not that of a wide interval
        low, high = ax.dataLim.intervaly
        ax.set_ylim(max(-2, low - 2), min(102, high + 2))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small", frameon=False)


def _alt_text(reading: Reading) -> str:
    """Return what the picture shows, in one or two sentences."""
    c = reading.curves
    drawn = (("training loss", c.train_loss, number), ("validation loss", c.val_loss, number),
             ("validation accuracy", c.val_accuracy, share))  # fmt: skip
    parts = [f"{name} from {says(v[0])} to {says(v[-1])}" for name, v, says in drawn if v is not None and len(v)]
    curves = "; ".join(parts) or "no finite curve"
    return f"Curves of {reading.run.n_epochs} {c.unit}s: {curves}. First finding: {reading.first.title}."


def html(reading: Reading, *, own_page: bool = False) -> str:
    """Return a reading as HTML: summary, picture with alt text (PNG, or following the theme), all findings folded."""
    from lessonlib import figures

    picture = figures.static_bundle(*figure(reading), own_page=own_page)["text/html"]
    summary = str(reading).rpartition("\n")[0]
    rests = "".join(f"<li>{escape(line)}</li>" for line in (*reading.structure, *reading.assumptions))
    return (
        f'<div class="reading"><style>{_CSS}</style><pre class="{reading.first.severity}">{escape(summary)}</pre>'
        f"{picture}"
        f"<details><summary>All findings</summary><ol>{''.join(map(_item, reading.findings))}</ol></details>"
        f"<details><summary>What this rests on</summary><ul>{rests}</ul></details></div>"
    )


def _item(finding: Finding) -> str:
    body = "".join(f"<dt>{heading}</dt><dd>{escape(text)}</dd>" for heading, text in finding.parts.items())
    return f"<li><strong>{escape(finding.title)}</strong> ({finding.severity}, {finding.where})<dl>{body}</dl></li>"


def save(reading: Reading, path: str | os.PathLike[str]) -> Path:
    """Write the annotated picture (``.png``) or the whole reading as a page that needs nothing else (``.html``).

    ValueError if the path ends in anything else; written completely or not at all.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".png":
        from lessonlib import figures

        content = figures.png_bytes(figure(reading)[0], dpi=150)
    elif suffix == ".html":
        content = _PAGE.format(source=escape(str(reading.source)), reading=html(reading, own_page=True)).encode()
    else:
        raise ValueError(f"{path} ends in {suffix!r}: a picture ends in .png, a page in .html.")
    return storage.write_atomically(path, lambda file: file.write(content))
