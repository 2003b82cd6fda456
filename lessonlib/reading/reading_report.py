"""A reading of curves as a picture, as rich display in a notebook, and as a web page of its own.

Used by `lessonlib.reading.reader`; taught in lesson 9.
"""

from __future__ import annotations

import base64
import os
import textwrap
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lessonlib import charts, figures, storage
from lessonlib.reading.findings import Finding
from lessonlib.reading.reader import Reading

#: A curve of more points than this is thinned for the picture, which has fewer pixels.
MOST_POINTS = 2_000
_CSS = """
.reading {max-width:60rem; line-height:1.45}
.reading ol {padding-left:1.5rem}
.reading li {margin:0 0 1rem}
.reading dl {margin:.2rem 0 0; display:grid; grid-template-columns:max-content 1fr; gap:.1rem .8rem}
.reading dt {font-weight:600}
.reading dd {margin:0}
.reading .alarm {border-left:4px solid #b84f00; padding-left:.6rem}
.reading .note {border-left:4px solid #666666; padding-left:.6rem}
"""
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Reading of {source}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root {{color-scheme:light dark}} body {{font-family:sans-serif; margin:1rem auto; padding:0 1rem; max-width:60rem}}
</style></head><body><main><h1>Reading of {source}</h1>{reading}</main></body></html>
"""


def figure(reading: Reading) -> tuple[Figure, str]:
    """Draw loss and accuracy with their errors, the epochs of the first alarm shaded, the best epochs marked.

    Parameters
    ----------
    reading : Reading

    Returns
    -------
    tuple of (Figure, str)
        The picture and its alt text.
    """
    c = reading.curves
    with figures.style():
        measures = [m for m in ("loss", "accuracy") if _has(c, m)] or ["loss"]
        fig = Figure(figsize=(4.8 * len(measures), 3.9))
        fig.suptitle(_caption(reading.first, width=60 * len(measures)), fontsize="medium")
        titles = {"loss": "Loss", "accuracy": "Accuracy, %"}
        for ax, measure in zip(charts.panels(fig, *(titles[m] for m in measures)), measures, strict=True):
            _draw(ax, reading, measure)
    return fig, alt_text(reading)


def _caption(first: Finding, width: int) -> str:
    shaded = ", shaded" if first.severity == "alarm" else ""
    return textwrap.fill(f"{first.title} ({first.where}{shaded})", width)


def _has(c: Any, measure: str) -> bool:
    return c.n > 0 and (getattr(c, f"train_{measure}") is not None or getattr(c, f"val_{measure}") is not None)


def _draw(ax: Axes, reading: Reading, measure: str) -> None:
    c = reading.curves
    shown = np.unique(np.linspace(0, max(c.n - 1, 0), min(c.n, MOST_POINTS)).astype(int))
    scale = 100 if measure == "accuracy" else 1
    ax.set(xlabel="epoch", xlim=(0.5, reading.run.n_epochs + 0.5))  # first: a dot's number goes where there is room
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if c.n:
        x = c.epochs[shown]
        train, val = (getattr(c, f"{part}_{measure}") for part in ("train", "val"))
        errors = c.loss_error if measure == "loss" else c.accuracy_error
        if train is not None:
            charts.curve(ax, x, scale * train[shown], colour="blue", label="training")
        if val is not None and errors is not None:
            charts.band(ax, x, scale * val[shown], scale * errors[shown], colour="vermilion", label="validation ± 1 SE")
        elif val is not None:
            charts.curve(ax, x, scale * val[shown], colour="vermilion", label="validation")
        if train is not None or val is not None:
            ax.legend()
    first = reading.first
    if first.severity == "alarm":
        area = charts.span(ax, colour="purple", height=0.99)
        area.move(first.epochs[0] - 0.5, first.epochs[1] + 0.5, "")
    for best in reading.best:
        if best.by == measure:
            value = best.loss if measure == "loss" else best.accuracy
            dot = charts.dot(ax, "green")
            dot.move(best.epoch, scale * value, f"best: {best.epoch}")
            if measure == "loss":  # the curve is above its lowest point, so the number goes below
                dot.number.set_position((dot.number.get_position()[0], -charts.NUMBER_OFFSET))
                dot.number.set_verticalalignment("top")


def alt_text(reading: Reading) -> str:
    """Return what the picture shows, in one or two sentences."""
    c = reading.curves
    parts = []
    for name, values, scale, unit in (
        ("training loss", c.train_loss, 1, ""), ("validation loss", c.val_loss, 1, ""),
        ("validation accuracy", c.val_accuracy, 100, " %"),
    ):  # fmt: skip
        if values is not None and len(values):
            parts.append(f"{name} from {scale * values[0]:.3g}{unit} to {scale * values[-1]:.3g}{unit}")
    curves = "; ".join(parts) or "no finite curve"
    return f"Curves of {reading.run.n_epochs} epochs: {curves}. First finding: {reading.first.title}."


def html(reading: Reading, *, with_figure: bool = True) -> str:
    """Return a reading as HTML that can stand in any page.

    Parameters
    ----------
    reading : Reading
    with_figure : bool
        Whether to put the picture first, as PNG with alt text.

    Returns
    -------
    str
    """
    picture = ""
    if with_figure:
        fig, alt = figure(reading)
        data = base64.b64encode(figures.png_bytes(fig)).decode("ascii")
        picture = f'<p><img style="max-width:100%" alt="{escape(alt)}" src="data:image/png;base64,{data}"></p>'
    items = "".join(_item(finding) for finding in reading.findings)
    assumptions = "".join(f"<li>{escape(line)}</li>" for line in reading.assumptions)
    return (
        f'<div class="reading"><style>{_CSS}</style>{picture}<ol>{items}</ol>'
        f"<details open><summary>Assumptions</summary><ul>{assumptions}</ul></details></div>"
    )


def _item(finding: Finding) -> str:
    body = "".join(f"<dt>{heading}</dt><dd>{escape(text)}</dd>" for heading, text in finding.parts.items())
    return (
        f'<li class="{finding.severity}"><strong>{escape(finding.title)}</strong> '
        f"({finding.severity}, {finding.where})<dl>{body}</dl></li>"
    )


def mimebundle(reading: Reading) -> dict[str, Any]:
    """Return what a notebook shows: HTML with the picture, and the reading as text."""
    return {"text/html": html(reading), "text/plain": str(reading)}


def save(reading: Reading, path: str | os.PathLike[str]) -> Path:
    """Write the annotated picture as PNG, or the whole reading as a web page that needs nothing else.

    Parameters
    ----------
    reading : Reading
    path : path-like
        Ends in ``.png`` or ``.html``.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If it ends in anything else.
    OSError
        If it cannot be written, completely or not at all.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".png":
        content = figures.png_bytes(figure(reading)[0], dpi=150)
    elif suffix == ".html":
        content = _PAGE.format(source=escape(str(reading.source)), reading=html(reading)).encode()
    else:
        raise ValueError(f"{path} ends in {suffix!r}: a picture ends in .png, a page in .html.")
    return storage.write_atomically(path, lambda file: file.write(content))
