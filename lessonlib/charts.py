"""Parts of pictures: what an explorer's `setup` places and its `update` moves.

Each function draws one part on matplotlib axes and returns a small object that holds the artists
that move and the one method that moves them. Colour and look come from `lessonlib.figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import ArrayLike

from lessonlib.figures import HATCHES, LINE_STYLES, MARKERS, PALETTE
from lessonlib.runs import Run


def panels(fig: Figure, *titles: str) -> list[Axes]:
    """Place one pair of axes per title side by side and return them, left to right."""
    axes = fig.subplots(1, len(titles), squeeze=False)[0]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
    fig.set_layout_engine("constrained")
    return list(axes)


@dataclass
class Dot:
    """A marker with a number beside it."""

    marker: Line2D
    number: Text

    def move(self, x: float, y: float, text: str) -> None:
        """Put the dot at (`x`, `y`) in data units with `text` on the side where there is room."""
        self.marker.set_data([x], [y])
        left, right = self.marker.axes.get_xlim()
        self.number.set_position((x, y))
        self.number.set_text(f"  {text}  ")
        self.number.set_horizontalalignment("right" if x > (left + right) / 2 else "left")


def dot(ax: Axes, colour: str = "vermilion") -> Dot:
    """Draw a dot to be moved; the axes' limits must be set already."""
    (marker,) = ax.plot([], [], MARKERS[colour], color=PALETTE[colour], zorder=4)
    return Dot(marker, ax.text(0, 0, "", color=PALETTE[colour], va="bottom", zorder=4))


def curve(ax: Axes, x: ArrayLike, y: ArrayLike, *, colour: str = "blue", label: str | None = None) -> Line2D:
    """Draw a line in a palette colour with its line style and return it."""
    (line,) = ax.plot(x, y, color=PALETTE[colour], linestyle=LINE_STYLES[colour], label=label)
    return line


def level(ax: Axes, y: float, text: str, *, colour: str = "grey") -> None:
    """Draw a horizontal line at `y` that stays, named at its right end."""
    ax.axhline(y, color=PALETTE[colour], linestyle=LINE_STYLES[colour], linewidth=1.2)
    ax.text(0.99, y, text, color=PALETTE[colour], ha="right", va="bottom", transform=ax.get_yaxis_transform())


@dataclass
class Level:
    """A horizontal line that moves, with its name above it."""

    line: Line2D
    name: Text

    def move(self, y: float, text: str) -> None:
        """Put the line at `y` in data units and name it `text`."""
        self.line.set_ydata([y, y])
        self.name.set_y(y)
        self.name.set_text(text)


def moving_level(ax: Axes, colour: str = "vermilion") -> Level:
    """Draw a horizontal line to be moved."""
    line = ax.axhline(0, color=PALETTE[colour], linestyle=LINE_STYLES[colour], linewidth=1.5)
    name = ax.text(0.99, 0, "", color=PALETTE[colour], ha="right", va="bottom", transform=ax.get_yaxis_transform())
    return Level(line, name)


@dataclass
class Bars:
    """Bars whose lengths, numbers and marks follow the data; right and wrong differ in colour and hatch."""

    bars: BarContainer
    numbers: list[Text]

    def set(self, values: Sequence[float], *, right: Sequence[bool] | None = None, digits: int = 2) -> None:
        """Give each bar its value; `right` says which are blue and plain, the others are vermilion and hatched."""
        right = [True] * len(values) if right is None else right
        for bar, number, value, good in zip(self.bars, self.numbers, values, right, strict=True):
            bar.set_width(value)
            bar.set_facecolor(PALETTE["blue" if good else "vermilion"])
            bar.set_hatch(HATCHES["blue" if good else "vermilion"])
            number.set_x(value)
            number.set_text(f" {value:.{digits}f}")


def bars(ax: Axes, names: Sequence[str], *, largest: float, xlabel: str) -> Bars:
    """Draw one horizontal bar per name, top to bottom, on an axis from 0 to a little over `largest`."""
    container = ax.barh(range(len(names)), [0] * len(names), color=PALETTE["blue"], zorder=2)
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.4, -0.6), xlim=(0, largest * 1.18), xlabel=xlabel)
    ax.grid(axis="y", visible=False)
    numbers = [ax.text(0, row, "", va="center", zorder=3) for row in range(len(names))]
    return Bars(container, numbers)


@dataclass
class Span:
    """A shaded range of x with a name at its top."""

    area: Rectangle
    name: Text

    def move(self, start: float, end: float, text: str) -> None:
        """Shade from `start` to `end` in data units and name the range `text`."""
        self.area.set_x(start)
        self.area.set_width(end - start)
        self.name.set_x((start + end) / 2)
        self.name.set_text(text)


def span(ax: Axes, *, colour: str, height: float = 0.93) -> Span:
    """Draw a shaded range to be moved; `height` is where its name stands, as a share of the axes."""
    area = Rectangle(
        (0, 0), 0, 1, transform=ax.get_xaxis_transform(), facecolor=PALETTE[colour], alpha=0.15,
        hatch=HATCHES[colour], edgecolor=PALETTE[colour], linewidth=0,
    )
    ax.add_patch(area)
    name = ax.text(0, height, "", color=PALETTE[colour], ha="center", va="top", transform=ax.get_xaxis_transform())
    return Span(area, name)


def curves_with_error(
    ax: Axes, epochs: ArrayLike, values: ArrayLike, standard_errors: ArrayLike, *, colour: str, label: str
) -> list[Artist]:
    """Draw a metric per epoch as a line in a band of one standard error either way.

    Parameters
    ----------
    ax : Axes
    epochs, values, standard_errors : array_like, shape (n_epochs,)
    colour : str
        A name in the palette; its line style goes with it.
    label : str
        For the legend.

    Returns
    -------
    list of Artist
        The line and the band.
    """
    values, errors = np.asarray(values), np.asarray(standard_errors)
    band = ax.fill_between(epochs, values - errors, values + errors, color=PALETTE[colour], alpha=0.2, linewidth=0)
    return [curve(ax, epochs, values, colour=colour, label=label), band]


def training_curves(fig: Figure, run: Run, *, accuracy_error: ArrayLike | None = None) -> list[Axes]:
    """Draw loss (left) and accuracy (right) per epoch, training and validation, with standard errors.

    Parameters
    ----------
    fig : Figure
    run : Run
        With ``train_loss``, ``val_loss``, ``train_accuracy`` and ``val_accuracy``; ``val_loss_se``
        if the standard error of the loss is known.
    accuracy_error : array_like, shape (n_epochs,), optional
        Standard errors of the validation accuracy.

    Returns
    -------
    list of Axes
        Loss and accuracy.

    Raises
    ------
    KeyError
        If a metric is missing.
    """
    loss_ax, accuracy_ax = panels(fig, "Loss (nats)", "Accuracy (%)")
    nothing = np.zeros(run.n_epochs)
    loss_error = run["val_loss_se"] if "val_loss_se" in run.metrics else nothing
    accuracy_error = nothing if accuracy_error is None else np.asarray(accuracy_error)
    curve(loss_ax, run.epochs, run["train_loss"], colour="blue", label="training")
    curves_with_error(loss_ax, run.epochs, run["val_loss"], loss_error, colour="vermilion", label="validation")
    curve(accuracy_ax, run.epochs, 100 * run["train_accuracy"], colour="blue", label="training")
    curves_with_error(
        accuracy_ax, run.epochs, 100 * run["val_accuracy"], 100 * accuracy_error, colour="vermilion", label="validation"
    )
    for ax in (loss_ax, accuracy_ax):
        ax.set_xlabel("epoch")
        ax.legend()
    return [loss_ax, accuracy_ax]
