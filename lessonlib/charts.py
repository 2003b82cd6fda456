"""Parts of pictures: what an explorer's `setup` places and its `update` moves.

Each function draws one part on matplotlib axes and returns a small object that holds the artists
that move and the one method that moves them. Colour and look come from `lessonlib.figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, StepPatch
from matplotlib.text import Annotation, Text
from numpy.typing import ArrayLike

from lessonlib.calibration import Reliability
from lessonlib.figures import HATCHES, LINE_STYLES, MARKERS, PALETTE, PAPER
from lessonlib.metrics import accuracy_standard_error
from lessonlib.runs import Run


def panels(fig: Figure, *titles: str) -> list[Axes]:
    """Place one pair of axes per title side by side and return them, left to right."""
    axes = fig.subplots(1, len(titles), squeeze=False)[0]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
    fig.set_layout_engine("constrained")
    return list(axes)


#: How far a number stands from what it belongs to, in points.
NUMBER_OFFSET = 8
#: A word that a line may run through stands on paper that the line shines through.
_ON_PAPER = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 1.0}


@dataclass
class Dot:
    """A marker with a number beside it."""

    marker: Line2D
    number: Annotation

    def move(self, x: float, y: float, text: str) -> None:
        """Put the dot at (`x`, `y`) in data units with `text` above it, on the side where there is room."""
        ax = self.marker.axes
        self.marker.set_data([x], [y])
        is_right = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[0] > 0.5
        self.number.xy = (x, y)
        self.number.set_text(text)
        self.number.set_position((-NUMBER_OFFSET if is_right else NUMBER_OFFSET, NUMBER_OFFSET))
        self.number.set_horizontalalignment("right" if is_right else "left")


def dot(ax: Axes, colour: str = "vermilion") -> Dot:
    """Draw a dot to be moved; the axes' limits must be set already."""
    (marker,) = ax.plot([], [], MARKERS[colour], color=PALETTE[colour], zorder=4)
    return Dot(marker, _number(ax, va="bottom", color=PALETTE[colour], bbox=_ON_PAPER))


def _number(ax: Axes, **look: Any) -> Annotation:
    """Draw an empty number whose distance from its point is in points, whatever the axes' limits."""
    return ax.annotate("", (0, 0), (NUMBER_OFFSET / 2, 0), textcoords="offset points", zorder=4, **look)


def curve(ax: Axes, x: ArrayLike, y: ArrayLike, *, colour: str = "blue", label: str | None = None) -> Line2D:
    """Draw a line in a palette colour with its line style and return it."""
    (line,) = ax.plot(x, y, color=PALETTE[colour], linestyle=LINE_STYLES[colour], label=label)
    return line


def level(ax: Axes, y: float, text: str, *, colour: str = "grey") -> None:
    """Draw a horizontal line at `y` that stays, named at its right end."""
    ax.axhline(y, color=PALETTE[colour], linestyle=LINE_STYLES[colour], linewidth=1.2)
    _level_name(ax, colour).set(y=y, text=text)


def _level_name(ax: Axes, colour: str) -> Text:
    at_right = {"ha": "right", "va": "bottom", "transform": ax.get_yaxis_transform()}
    return ax.text(0.99, 0, "", color=PALETTE[colour], bbox=_ON_PAPER, **at_right)


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
    return Level(line, _level_name(ax, colour))


@dataclass
class Bars:
    """Bars whose lengths, numbers and marks follow the data; right and wrong differ in colour and hatch."""

    bars: BarContainer
    numbers: list[Annotation]

    def set(self, values: Sequence[float], *, right: Sequence[bool] | None = None, digits: int = 2) -> None:
        """Give each bar its value; `right` says which are blue and plain, the others are vermilion and hatched."""
        right = [True] * len(values) if right is None else right
        for bar, number, value, good in zip(self.bars, self.numbers, values, right, strict=True):
            _fill(bar, value, "blue" if good else "vermilion")
            number.xy = (value, number.xy[1])
            number.set_text(f"{value:.{digits}f}")


def bars(ax: Axes, names: Sequence[str], *, largest: float, xlabel: str) -> Bars:
    """Draw one horizontal bar per name, top to bottom, on an axis from 0 to a little over `largest`."""
    ax.set(xlim=(0, largest * 1.18), xlabel=xlabel)
    return Bars(*_rows(ax, names))


def _rows(ax: Axes, names: Sequence[str]) -> tuple[BarContainer, list[Annotation]]:
    """Draw a horizontal bar of no length and an empty number for each name, top to bottom."""
    container = ax.barh(range(len(names)), [0] * len(names), zorder=2)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    numbers = [_number(ax, va="center") for _ in names]
    for row, number in enumerate(numbers):
        number.xy = (0, row)
    return container, numbers


def _fill(bar: Rectangle, value: float, colour: str) -> None:
    bar.set(width=value, facecolor=PALETTE[colour], hatch=HATCHES[colour])


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
    area = _shade(ax, (0, 0), 0, colour)
    area.set_transform(ax.get_xaxis_transform())
    name = ax.text(0, height, "", color=PALETTE[colour], ha="center", va="top", transform=ax.get_xaxis_transform())
    return Span(area, name)


def _shade(ax: Axes, corner: tuple[float, float], width: float, colour: str) -> Rectangle:
    """Draw a pale rectangle of height 1."""
    area = Rectangle(corner, width, 1, facecolor=PALETTE[colour], hatch=HATCHES[colour], alpha=0.15, linewidth=0)
    return ax.add_patch(area)


@dataclass
class Band:
    """A line in a band of one standard error either way, both to be moved."""

    line: Line2D
    band: FillBetweenPolyCollection

    def move(self, y: ArrayLike, standard_errors: ArrayLike) -> None:
        """Give the line new values and errors, shape (n_points,), at the x it was drawn with."""
        x, values, errors = self.line.get_xdata(), np.asarray(y), np.asarray(standard_errors)
        self.line.set_ydata(values)
        self.band.set_data(x, values - errors, values + errors)


def band(
    ax: Axes, x: ArrayLike, y: ArrayLike, standard_errors: ArrayLike, *, colour: str, label: str | None = None
) -> Band:
    """Draw a line in a palette colour within a band of one standard error either way.

    Parameters
    ----------
    ax : Axes
    x, y, standard_errors : array_like, shape (n_points,)
    colour : str
        A name in the palette; its line style goes with it.
    label : str, optional
        For the legend.

    Returns
    -------
    Band
    """
    values, errors = np.asarray(y), np.asarray(standard_errors)
    area = ax.fill_between(x, values - errors, values + errors, color=PALETTE[colour], alpha=0.2, linewidth=0)
    return Band(curve(ax, x, values, colour=colour, label=label), area)


def training_curves(
    fig: Figure, run: Run, *, draw_validation: bool = True, loss_top: float | None = None
) -> tuple[Axes, Axes]:
    """Draw loss (left) and accuracy (right) per epoch, validation with its standard errors.

    Parameters
    ----------
    fig : Figure
    run : Run
        With ``train_loss``, ``val_loss``, ``val_loss_se``, ``train_accuracy`` and ``val_accuracy``,
        and ``n_val`` in its provenance.
    draw_validation : bool
        Whether to draw the validation curves; an explorer that moves them draws them itself.
    loss_top : float, optional
        The upper limit of the loss axis.

    Returns
    -------
    tuple of Axes
        Loss and accuracy, with limits that hold for all of the run.

    Raises
    ------
    KeyError
        If a metric or the validation size is missing.
    """
    loss_ax, accuracy_ax = panels(fig, "Loss, nats", "Accuracy, %")
    curve(loss_ax, run.epochs, run["train_loss"], colour="blue", label="training")
    curve(accuracy_ax, run.epochs, 100 * run["train_accuracy"], colour="blue", label="training")
    if draw_validation:
        accuracy_errors = [accuracy_standard_error(a, run.provenance["n_val"]) for a in run["val_accuracy"]]
        band(loss_ax, run.epochs, run["val_loss"], run["val_loss_se"], colour="vermilion", label="validation")
        band(
            accuracy_ax, run.epochs, 100 * run["val_accuracy"], 100 * np.array(accuracy_errors),
            colour="vermilion", label="validation",
        )  # fmt: skip
        for ax in (loss_ax, accuracy_ax):
            ax.legend()
    top = loss_top or 1.15 * max(run["train_loss"].max(), run["val_loss"].max())
    loss_ax.set(xlim=(0.5, run.n_epochs + 0.5), ylim=(0, top), xlabel="epoch")
    accuracy_ax.set(xlim=(0.5, run.n_epochs + 0.5), ylim=(0, 103), xlabel="epoch")
    return loss_ax, accuracy_ax


@dataclass
class CountTable:
    """A square table of counts; what is right stands on its diagonal."""

    numbers: list[list[Text]]

    def set(self, counts: ArrayLike) -> None:
        """Write the counts, shape (n_classes, n_classes), as `sklearn.metrics.confusion_matrix` gives them."""
        for row, values in zip(self.numbers, np.asarray(counts), strict=True):
            for number, value in zip(row, values, strict=True):
                number.set_text(f"{value}")


def count_table(ax: Axes, names: Sequence[str], *, truth: str = "true", said: str = "said") -> CountTable:
    """Draw an empty confusion matrix: a row for each true class, a column for each answer (lesson 4).

    Parameters
    ----------
    ax : Axes
    names : sequence of str
        The classes.
    truth, said : str
        What rows and columns are called.

    Returns
    -------
    CountTable
    """
    n = len(names)
    for row in range(n):
        for column in range(n):
            colour = "blue" if row == column else "vermilion"
            _shade(ax, (column - 0.5, row - 0.5), 1, colour)
    ax.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel=said, ylabel=truth)
    ax.set_xticks(range(n), names)
    ax.set_yticks(range(n), names, rotation="vertical", va="center")
    ax.grid(visible=False)
    ax.tick_params(length=0)
    return CountTable(
        [[ax.text(x, y, "", ha="center", va="center", fontsize=16, zorder=4) for x in range(n)] for y in range(n)]
    )


@dataclass
class SignedBars:
    """Bars to both sides of zero; what adds is vermilion and hatched, what takes away blue and plain."""

    bars: BarContainer
    numbers: list[Annotation]

    def set(self, values: Sequence[float], texts: Sequence[str]) -> None:
        """Give each bar its value and the text at its end."""
        for bar, number, value, text in zip(self.bars, self.numbers, values, texts, strict=True):
            _fill(bar, value, "vermilion" if value > 0 else "blue")
            number.xy = (max(value, 0), number.xy[1])  # to the right of zero there is always room
            number.set_text(text)


def signed_bars(ax: Axes, names: Sequence[str], *, low: float, high: float, xlabel: str) -> SignedBars:
    """Draw one horizontal bar per name, top to bottom, on an axis from `low` to `high` with a line at zero.

    Leave room for the texts between the longest bar and `high`.
    """
    ax.axvline(0, color=PALETTE["grey"], linewidth=1)
    ax.set(xlim=(low, high), xlabel=xlabel)
    return SignedBars(*_rows(ax, names))


def loss_accuracy_plane(ax: Axes, *, lowest_accuracy: float = 0.0, loss_top: float) -> None:
    """Prepare the plane of accuracy (across) and mean loss (up) and mark where no predictions can lie.

    A wrong answer gives its true class at most one half, so it costs at least ln 2, whatever the number of classes:
    below ``(1 - accuracy) ln 2`` there is nothing (lesson 2).
    """
    accuracy = np.array([lowest_accuracy, 1.0])
    floor = (1 - accuracy) * np.log(2)
    ax.fill_between(accuracy, 0, floor, facecolor=PALETTE["grey"], alpha=0.2, linewidth=0)
    ax.plot(accuracy, floor, color=PALETTE["grey"], linewidth=1.2, linestyle=LINE_STYLES["grey"])
    margin = 0.03 * (1 - lowest_accuracy)
    ax.set(xlim=(lowest_accuracy - margin, 1 + margin), ylim=(0, loss_top), xlabel="accuracy", ylabel="mean loss, nats")


def points(ax: Axes, x: ArrayLike, y: ArrayLike, *, colour: str, label: str | None = None) -> Line2D:
    """Draw unconnected points in a palette colour with its marker and return them."""
    (markers,) = ax.plot(x, y, MARKERS[colour], color=PALETTE[colour], alpha=0.5, markersize=5, label=label)
    return markers


def stairs(ax: Axes, edges: ArrayLike, *, colour: str, label: str | None = None) -> StepPatch:
    """Draw the outline of a histogram to be moved: pass new heights, shape (n_bins,), to its ``set_data``."""
    return ax.stairs(
        np.zeros(len(edges) - 1), edges, color=PALETTE[colour], linestyle=LINE_STYLES[colour], linewidth=2, label=label
    )


@dataclass
class ReliabilityDiagram:
    """Accuracy against confidence in bins, with the gap of each bin to the diagonal."""

    points: Line2D
    gaps: Line2D

    def move(self, bins: Reliability) -> None:
        """Show the bins that hold examples."""
        filled = bins.counts > 0
        confidence, accuracy = bins.confidence[filled], bins.accuracy[filled]
        self.points.set_data(confidence, accuracy)
        nothing = np.full(len(confidence), np.nan)  # breaks the line between two gaps
        self.gaps.set_data(np.repeat(confidence, 3), np.column_stack([confidence, accuracy, nothing]).ravel())


def reliability_diagram(ax: Axes) -> ReliabilityDiagram:
    """Draw an empty reliability diagram: on the diagonal confidence is kept, below it the model is overconfident."""
    ax.plot([0, 1], [0, 1], color=PALETTE["grey"], linestyle=LINE_STYLES["grey"], linewidth=1.2)
    ax.text(0.03, 0.97, "underconfident", color=PALETTE["grey"], va="top", transform=ax.transAxes)
    ax.text(0.97, 0.03, "overconfident", color=PALETTE["grey"], ha="right", transform=ax.transAxes)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    (gaps,) = ax.plot([], [], color=PALETTE["vermilion"], linewidth=3, solid_capstyle="butt")
    (points,) = ax.plot([], [], MARKERS["blue"], color=PALETTE["blue"], zorder=4)
    return ReliabilityDiagram(points, gaps)
