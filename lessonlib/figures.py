"""How the course's pictures look: one palette, a light and a dark theme, alt text on every figure.

Colour is never the only cue: each palette colour has its own line style, marker and hatch. Pictures drawn as SVG name
the palette's colours as CSS variables, so that they follow the page's theme. Every colour reaches a contrast of 4.5 on
its background in both themes, so that each may be used for text.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import inspect
import io
import os
import pickle
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from PIL import Image  # matplotlib depends on it

from lessonlib.calibration import Reliability
from lessonlib.metrics import accuracy_standard_error
from lessonlib.runs import Run

#: Colours of series, after Okabe and Ito, darkened until they can be read as text on white.
PALETTE = {"blue": "#0072b2", "vermilion": "#b84f00", "green": "#005a42", "purple": "#a8417c", "grey": "#666666"}
#: The second cue, for the same names.
LINE_STYLES = {"blue": "-", "vermilion": "--", "green": "-.", "purple": ":", "grey": (0, (6, 1.5, 1, 1.5, 1, 1.5))}
MARKERS = {"blue": "o", "vermilion": "s", "green": "^", "purple": "D", "grey": "x"}
HATCHES = {"blue": "", "vermilion": "//", "green": "..", "purple": "xx", "grey": "--"}
#: Text and axes, grid lines, background.
INK, GRID, PAPER = "#222222", "#d9d9d9", "#ffffff"

LIGHT = {**PALETTE, "ink": INK, "grid": GRID, "paper": PAPER}
DARK = {"blue": "#3fa7ee", "vermilion": "#ff7d2a", "green": "#1fd6a5", "purple": "#e07fb6", "grey": "#a8a8a8",
        "ink": "#e8e8e8", "grid": "#3d3d3d", "paper": "#111111"}  # fmt: skip

#: The style of ``.lesson-figure``; LIGHT and DARK stand for the themes' variables.
STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
#: Ids in the SVG begin with this; whoever puts the SVG on a page replaces it by something unique there.
ID_PREFIX = "lesson-id-"

_VARIABLES = {colour: f"var(--lesson-{name})" for name, colour in LIGHT.items()}
_VARIABLES |= {"#000000": "var(--lesson-ink)"}

_RC = {
    **dict.fromkeys(("figure.facecolor", "savefig.facecolor", "axes.facecolor", "hatch.color"), PAPER),
    **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "text.color"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("grid.color", "legend.edgecolor"), GRID),
    **dict.fromkeys(("lines.color", "patch.facecolor"), PALETTE["blue"]),
    "axes.prop_cycle": cycler(color=list(PALETTE.values())) + cycler(linestyle=list(LINE_STYLES.values())),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    **dict.fromkeys(("axes.grid", "axes.axisbelow"), True),
    "axes.titlesize": "medium",
    "lines.linewidth": 2.0,
    "lines.markersize": 7.0,
    "font.family": ["DejaVu Sans"],
    "svg.fonttype": "none",
}


#: The context in which to draw in the course's style: palette, second cues, quiet axes.
style = functools.partial(mpl.rc_context, _RC)


def in_this_thread() -> Callable[..., None]:
    """Return a function that has another one called in the thread of the cells, between them; without a kernel at once.

    JupyterLab handles messages in threads beside it, and they share matplotlib's state (jupyterlab/jupyterlab#19719).
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return lambda function, *given: function(*given)
    return lambda function, *given: None if loop.is_closed() else loop.call_soon_threadsafe(function, *given)


def static_export() -> bool:
    """Tell whether ``LESSONLIB_STATIC=1`` asks for output that lives in a page without a kernel."""
    return os.environ.get("LESSONLIB_STATIC", "") not in ("", "0")


def theme_css() -> str:
    """Return the CSS of ``.lesson-figure``: the palette as variables, light or dark like its page, else its system."""
    light, dark = ("".join(f"--lesson-{name}:{colour};" for name, colour in theme.items()) for theme in (LIGHT, DARK))
    return STYLE.replace("LIGHT", light).replace("DARK", dark)


def svg_content(fig: Figure, artists: Iterable[Artist]) -> str:
    """Draw some artists of a figure that is laid out, or all of it, as themed SVG without the ``<svg>`` around it.

    Equal input gives equal markup: ids are a hash of what they name. On a page each content needs an `ID_PREFIX` of its
    own, which the page's author puts there.
    """
    fig.dpi = 72  # the unit of the SVG backend is the point
    out = io.StringIO()
    with mpl.rc_context({**_RC, "svg.hashsalt": "panel"}):
        renderer = RendererSVG(*fig.get_size_inches() * 72, out, image_dpi=144)
        # What is written so far is the document's head, with a style rule that would leak into the page.
        start = out.tell()
        for artist in artists:
            artist.draw(renderer)
        renderer.finalize()
    body = out.getvalue()[start:].rpartition("</svg>")[0]
    return re.sub(r">\s+<", "><", re.sub(r"<[^>]*>", _themed_tag, body)).strip()


def svg_size(size: Sequence[float]) -> dict[str, Any]:
    """Return the ``viewBox`` of a figure of so many inches, and the ``width`` in CSS pixels that it has at most."""
    width, height = size
    return {"viewBox": f"0 0 {72 * width:g} {72 * height:g}", "width": round(96 * width)}


def svg_element(size: Mapping[str, Any], content: str, alt: str = "") -> str:
    """Return `svg_content` as an ``<svg>`` of its own that says `alt`; its ids follow from the content."""
    unique = "f" + hashlib.sha256(content.encode()).hexdigest()[:8] + "-"
    says = f'role="img" aria-label="{escape(alt)}"' if alt else 'aria-hidden="true"'
    wide = f"width:100%;flex:1 1 {0.7 * size['width']:g}px;max-width:{size['width']}px"
    return f'<svg {says} viewBox="{size["viewBox"]}" style="{wide}">{content.replace(ID_PREFIX, unique)}</svg>'


def _themed_tag(match: re.Match[str]) -> str:
    """Rewrite one tag: palette colours as variables, ids with the prefix, coordinates to 1/100 point."""
    tag = match.group()
    if tag.startswith("<!"):  # a comment holding a formula's source
        return ""
    tag = tag.replace("xlink:href", "href")
    if tag.startswith("<g "):
        tag = re.sub(r' id="[^"]*"', "", tag)  # nothing refers to a group
    tag = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{ID_PREFIX}", tag)
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda colour: _VARIABLES.get(colour.group(), colour.group()), tag)
    tag = re.sub(r' transform="rotate\(-?0 [^"]*"', "", tag)
    tag = re.sub(r" ?font-family: 'DejaVu Sans';?", "", tag)  # said once, by theme_css
    return re.sub(r' (?:d|x|y)="[^"]*"', _rounded, tag)


def _rounded(match: re.Match[str]) -> str:
    short = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number.group()):.2f}".rstrip("0").rstrip("."), match.group())
    return re.sub(r"\s*\n\s*", " ", short)


def png_bytes(fig: Figure, *, dpi: int = 100) -> bytes:
    """Draw the figure as a PNG in the light theme, with at most 64 colours."""
    out = io.BytesIO()
    with style():
        FigureCanvasAgg(fig).print_figure(out, format="png", dpi=dpi)
    small = io.BytesIO()
    Image.open(out).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def static_bundle(fig: Figure, alt: str, *, own_page: bool = False) -> dict[str, Any]:
    """Return the mimebundle of a figure that stands still: HTML with alt text, PNG, and the sentence."""
    png = base64.b64encode(png_bytes(fig)).decode("ascii")
    html = f'<img alt="{escape(alt)}" src="data:image/png;base64,{png}">'  # survives viewers that strip markup
    if own_page or static_export():  # there a style is allowed, and the figure follows the reader's theme
        html = f'<div class="lesson-figure"><style>{theme_css()}</style>{_svg(fig, alt)}</div>'
    return {"text/html": html, "image/png": png, "text/plain": alt}


def panels_html(picture: Picture, *, figsize: tuple[float, float] = (4.4, 2.9)) -> str:
    """Return a picture as HTML, its panels (each of `figsize` inches) side by side or below each other, as fits."""
    drawn = [_svg(draw(Picture(picture.sentence, panel), figsize=figsize), "") for panel in picture.panels]
    says = f'role="img" aria-label="{escape(picture.sentence)}"'  # one picture, as an explorer's panels are
    row = f'<div {says} style="display:flex;flex-wrap:wrap;gap:4px">{"".join(drawn)}</div>'
    return f'<div class="lesson-figure"><style>{theme_css()}</style>{row}<p>{escape(picture.sentence)}</p></div>'


def _svg(fig: Figure, alt: str) -> str:
    with style():
        fig.draw_without_rendering()  # lets a layout engine do its work
    return svg_element(svg_size(fig.get_size_inches()), svg_content(fig, [fig]), alt)


def show(picture: Picture, *, figsize: tuple[float, float] = (8.0, 3.4)) -> None:
    """Display a picture in the notebook; `figsize` is inches of its panels together."""
    from IPython.display import display

    fig = draw(picture, figsize=figsize)
    if pyplot := sys.modules.get("matplotlib.pyplot"):  # importing it would choose a backend for the learner
        pyplot.close(fig)  # else the notebook shows it twice
    display(static_bundle(fig, picture.sentence), raw=True)


# ---- marks: what a panel shows -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Mark:
    """One thing that a panel shows, as `mark` makes it of a function and its arguments."""

    draw: Callable[[Axes], object]
    key: bytes  # marks of one key look the same and are drawn once
    x: np.ndarray  # what the panel's limits must hold
    y: np.ndarray
    look: tuple[Any, ...]  # what decides how the label looks in the legend; empty without one
    setting: Callable[[Axes], object]
    setting_key: bytes
    limits: Mapping[str, tuple[float, float]]  # those that the mark asks for


def _held(x: Any = (), start: Any = (), end: Any = (), y: Any = (), low: Any = (), high: Any = ()) -> Any:
    return np.hstack((x, start, end)), np.hstack((y, low, high))


def mark(
    draw: Callable[..., object], *, hold: Callable[..., Any] = _held, setting: Callable[..., object] = lambda ax: None,
    limits: Callable[..., Mapping[str, Any]] | None = None,
) -> Callable[..., Mark]:  # fmt: skip
    """Make a kind of mark of a function ``draw(ax, ...)`` that draws on axes; use it as a decorator.

    Its further arguments can be pickled. What is called x, y, low, high or error is a number or a vector, all of one
    length; colour is one of the palette. `hold` returns the x and y that the panel's limits must hold, by default all
    x, start, end and all y, low, high; `setting` draws on the axes what is not data; `limits` returns what the panel's
    are unless given; each is called with those of the arguments that it names.

    >>> @mark
    ... def arrow(ax, x, y, colour="purple"):
    ...     ax.annotate("", (x, y), (x, 0), arrowprops={"color": PALETTE[colour]})
    >>> Panel("Loss", arrow(3, 0.7)).marks[0].y
    array([0.7])
    """
    signature = inspect.signature(draw)
    signature = signature.replace(parameters=list(signature.parameters.values())[1:])

    @functools.wraps(draw)
    def make(*args: Any, **options: Any) -> Mark:
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        given = _with_vectors(bound.arguments)
        if "colour" in given and given["colour"] not in (*PALETTE, signature.parameters["colour"].default):
            colours = ", ".join(PALETTE)
            raise ValueError(f"colour={given['colour']!r} is not in the palette: choose one of {colours}.")

        def taken(function: Callable[..., Any]) -> dict[str, Any]:
            return {name: given[name] for name in inspect.signature(function).parameters if name in given}

        x, y = hold(**taken(hold))
        return Mark(
            draw=lambda ax: draw(ax, **given),
            key=pickle.dumps([draw.__name__, given]),
            x=np.ravel(x), y=np.ravel(y),
            look=(draw.__name__, given["label"], given.get("colour")) if given.get("label") else (),
            setting=lambda ax: setting(ax, **taken(setting)),
            setting_key=pickle.dumps([id(setting), taken(setting)]),
            limits=limits(**taken(limits)) if limits else {},
        )  # fmt: skip

    make.__signature__ = signature
    return make


def _with_vectors(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mark's arguments, numbers and vectors as copies of floats, or say which is not as it must be."""
    names = [name for name in ("x", "y", "low", "high", "error") if name in given]
    numbers = {name: np.array(given[name], dtype=float) for name in names}
    if len({array.shape for array in numbers.values()}) > 1 or any(array.ndim > 1 for array in numbers.values()):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in numbers.items())
        raise ValueError(f"{' and '.join(numbers)} must be numbers, or vectors of one length; got shapes {shapes}.")
    return {**given, **numbers}


#: How far a number stands from what it belongs to, in points.
NUMBER_OFFSET = 8
#: A word that a line may run through stands on paper that the line shines through.
_ON_PAPER = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 1.0}


def _stroke(colour: str, **more: Any) -> dict[str, Any]:
    return {"color": PALETTE[colour], "linestyle": LINE_STYLES[colour], **more}


def _tint(colour: str) -> dict[str, Any]:
    return {"facecolor": PALETTE[colour], "hatch": HATCHES[colour], "alpha": 0.15, "linewidth": 0}


@mark
def line(ax: Axes, x: ArrayLike, y: ArrayLike, colour: str = "blue", *, label: str = "", width: float = 2.0) -> None:
    """Draw a line through points."""
    ax.plot(x, y, label=label, **_stroke(colour, linewidth=width))


@mark
def points(
    ax: Axes, x: ArrayLike, y: ArrayLike, colour: str = "blue", *, label: str = "", size: float = 5.0
) -> None:  # fmt: skip
    """Draw points that no line joins, `size` in points."""
    ax.plot(x, y, MARKERS[colour], color=PALETTE[colour], label=label, alpha=0.5, ms=size)


@mark
def dot(ax: Axes, x: float, y: float, words: str = "", colour: str = "vermilion") -> None:
    """Draw one marker with words above it, on the roomier side."""
    ax.plot([x], [y], MARKERS[colour], color=PALETTE[colour], zorder=4, clip_on=False)
    if words:
        across = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[0]
        side, sign = ("right", -1) if across > 0.5 else ("left", 1)
        aside = {"xytext": (sign * NUMBER_OFFSET, NUMBER_OFFSET), "ha": side, "va": "bottom", "bbox": _ON_PAPER}
        ax.annotate(words, (x, y), textcoords="offset points", zorder=4, color=PALETTE[colour], **aside)


@functools.partial(mark, hold=lambda x, y, error: (x, [y - error, y + error]))
def band(
    ax: Axes, x: ArrayLike, y: ArrayLike, error: ArrayLike, colour: str = "vermilion", *, label: str = ""
) -> None:  # fmt: skip
    """Draw a line within a band of `error`, such as one standard error, either way."""
    ax.fill_between(x, y - error, y + error, color=PALETTE[colour], alpha=0.2, linewidth=0)
    ax.plot(x, y, label=label, **_stroke(colour))


@mark
def area(ax: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str = "grey", *, label: str = "") -> None:
    """Shade what lies between two curves."""
    ax.fill_between(x, low, high, color=PALETTE[colour], alpha=0.2, linewidth=0, label=label)


@mark
def level(ax: Axes, y: float, words: str = "", colour: str = "grey", *, below: bool = False) -> None:
    """Draw a horizontal line with words at its right end, above it or `below`."""
    ax.axhline(y, **_stroke(colour, linewidth=1.3))
    place = {"ha": "right", "va": "top" if below else "bottom", "transform": ax.get_yaxis_transform()}
    ax.text(0.99, y, words, color=PALETTE[colour], bbox=_ON_PAPER, **place)


@mark
def upright(ax: Axes, x: float, words: str = "", colour: str = "grey") -> None:
    """Draw a vertical line with words at its top."""
    ax.axvline(x, **_stroke(colour, linewidth=1.3))
    ax.text(x, 0.99, f" {words}", color=PALETTE[colour], va="top", transform=ax.get_xaxis_transform())


@mark
def span(
    ax: Axes, start: float, end: float, words: str = "", colour: str = "grey", *, height: float = 0.93
) -> None:  # fmt: skip
    """Shade a range of x and write words into it, at `height` as a share of the panel's."""
    ax.axvspan(start, end, **_tint(colour))
    place = {"ha": "center", "va": "top", "transform": ax.get_xaxis_transform()}
    ax.text((start + end) / 2, height, words, color=PALETTE[colour], **place)


@mark
def text(ax: Axes, x: float, y: float, words: str, colour: str = "ink") -> None:
    """Write words at a point."""
    ax.text(x, y, words, color=LIGHT[colour])


@functools.partial(mark, hold=lambda edges, heights: (edges, [0, *heights]))
def stairs(ax: Axes, edges: ArrayLike, heights: ArrayLike, colour: str = "blue", *, label: str = "") -> None:
    """Draw the outline of a histogram: `heights` of shape (n,) between `edges` of shape (n + 1,)."""
    ax.stairs(heights, edges, label=label, **_stroke(colour, linewidth=2))


def bars(
    values: Mapping[str, float], *, right: Sequence[bool] | None = None, texts: Sequence[str] | None = None,
    digits: int = 2, most: float = 0.0, signed: bool = False,
) -> Mark:  # fmt: skip
    """Return horizontal bars from zero, with their values to `digits` decimals, or `texts`, at their ends.

    Those that are not `right` are vermilion and hatched. `most` is what the axis holds at least, such as 1 for shares.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"bars take a dict from name to value, got {values!r:.80}: pass dict(zip(names, values)).")
    lengths = [float(value) for value in values.values()]
    blue = right if right is not None else [not signed or length <= 0 for length in lengths]
    kinds = ["blue" if each else "vermilion" for each in blue]
    form = f"{'+' if signed else ''}.{digits}f"
    texts = [f"{length:{form}}" for length in lengths] if texts is None else list(texts)
    return _rows([*map(str, values)], lengths, kinds, texts, most, signed)


def signed_bars(values: Mapping[str, float], *, texts: Sequence[str] | None = None) -> Mark:
    """Return horizontal bars to both sides of zero: what adds is vermilion and hatched, what takes away blue."""
    return bars(values, texts=texts, signed=True)


def _row_names(ax: Axes, names: list[str], signed: bool) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.grid(axis="y", visible=False)
    if signed:
        ax.axvline(0, color=PALETTE["grey"], linewidth=1)


def _reach(lengths: list[float], most: float, signed: bool) -> tuple[list[float], list[float]]:
    """Return what the axis of bars must hold: zero, all bars, and room for the words at their right ends."""
    low, high = (pick([0.0, *np.nan_to_num(lengths)]) for pick in (min, max))
    high = max(high, most)
    return [low, high + (0.5 * (high - low) if signed else 0.13 * high)], []


@functools.partial(mark, hold=_reach, setting=_row_names, limits=lambda names: {"y": (len(names) - 0.4, -0.6)})
def _rows(
    ax: Axes, names: list[str], lengths: list[float], kinds: list[str], texts: list[str], most: float, signed: bool
) -> None:  # fmt: skip
    colours, hatches = zip(*((PALETTE[kind], HATCHES[kind]) for kind in kinds), strict=True)
    ax.barh(range(len(names)), lengths, zorder=2, color=colours, hatch=hatches)
    for row, (length, words) in enumerate(zip(lengths, texts, strict=True)):
        beside = {"xytext": (NUMBER_OFFSET / 2, 0), "textcoords": "offset points", "va": "center", "zorder": 4}
        ax.annotate(words, (max(length, 0), row), **beside)


def _class_names(ax: Axes, names: Sequence[str]) -> None:
    n = len(names)
    for row, column in np.ndindex(n, n):
        tint = _tint("blue" if row == column else "vermilion")
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **tint))
    ax.set(xlabel="said", ylabel="true")
    ax.set_xticks(range(n), names)
    ax.set_yticks(range(n), names, rotation="vertical", va="center")
    ax.grid(visible=False)
    ax.tick_params(length=0)


@functools.partial(mark, setting=_class_names,
                   limits=lambda names: {"x": (-0.5, len(names) - 0.5), "y": (len(names) - 0.5, -0.5)})  # fmt: skip
def table(ax: Axes, counts: ArrayLike, names: Sequence[str]) -> None:
    """Write a confusion matrix, as `sklearn.metrics.confusion_matrix` gives it: rows are what is true (lesson 4)."""
    for (row, column), count in np.ndenumerate(counts):
        ax.text(column, row, f"{count}", ha="center", va="center", fontsize=16, zorder=4)


def _diagonal(ax: Axes) -> None:
    ax.plot([0, 1], [0, 1], **_stroke("grey", linewidth=1.2))
    ax.text(0.03, 0.97, "underconfident", color=PALETTE["grey"], va="top", transform=ax.transAxes)
    ax.text(0.97, 0.03, "overconfident", color=PALETTE["grey"], ha="right", transform=ax.transAxes)
    ax.set(xlabel="confidence", ylabel="accuracy")


@functools.partial(mark, setting=_diagonal, limits=lambda: {"x": (0, 1), "y": (0, 1)})
def reliability(ax: Axes, bins: Reliability) -> None:
    """Draw a reliability diagram of `calibration.reliability`, with the gap of each bin to the diagonal (lesson 7)."""
    filled = bins.counts > 0
    confidence, accuracy = bins.confidence[filled], bins.accuracy[filled]
    ax.vlines(confidence, confidence, accuracy, color=PALETTE["vermilion"], linewidth=3)
    ax.plot(confidence, accuracy, MARKERS["blue"], color=PALETTE["blue"], zorder=4)


# ---- panels and pictures ------------------------------------------------------------------------------

Limits = tuple[float, float]
#: Ends of an axis; None for one that is to be found.
Ends = tuple[float | None, float | None]


class Panel:
    """Axes with a title and the marks on them, drawn in their order.

    `x` and `y` are the limits; an end that is left out or None holds all that an explorer shows in any position. Ticks
    are places, or map each place to its words. `legend` is where it stands, such as "upper left", or False for none; by
    default where it covers least of the first picture.
    """

    def __init__(
        self, title: str, *marks: Mark, x: Ends | None = None, y: Ends | None = None, xlabel: str = "",
        ylabel: str = "", xscale: str = "linear", yscale: str = "linear", xticks: Any = None, yticks: Any = None,
        legend: str | bool | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(title, str):
            raise TypeError(f"A panel begins with its title, got {title!r:.80}: Panel('Loss, nats', ...).")
        if wrong := [mark for mark in marks if not isinstance(mark, Mark)]:
            remedy = "a figure drawn with matplotlib goes into Picture(sentence, figure=fig)"
            got = f"got {wrong[0]!r:.80}, which would not be drawn"
            raise TypeError(f"A panel shows marks such as figures.line(x, y), {got}; {remedy}.")
        self.title, self.marks, self.legend = title, marks, legend
        self.scales, self.ticks = (xscale, yscale), (xticks, yticks)
        #: Of x and y the labels that are given: a mark may bring its own.
        self.labels = {name: label for name, label in (("xlabel", xlabel), ("ylabel", ylabel)) if label}
        #: What the axes show without the marks, as something that can be compared.
        self.still = repr((title, self.labels, self.scales, self.ticks)), *(mark.setting_key for mark in marks)
        #: What the legend names.
        self.named = [mark for mark in marks if mark.look and legend is not False]
        asked = [{"x": x, "y": y}, *(mark.limits for mark in marks)]
        #: Of x and y the ends that are given, None for those to be found.
        self.ends: tuple[Ends, Ends] = tuple(
            next((tuple(each[axis]) for each in asked if each.get(axis)), (None, None)) for axis in "xy"
        )

    def prepare(self, ax: Axes, limits: Sequence[Limits]) -> None:
        """Draw all but the marks."""
        ax.set(xscale=self.scales[0], yscale=self.scales[1])  # first, since it takes the ticks away
        for mark in self.marks:
            mark.setting(ax)
        ax.set(xlim=limits[0], ylim=limits[1], title=self.title, **self.labels)
        for axis, ticks in zip((ax.xaxis, ax.yaxis), self.ticks, strict=True):
            if ticks is not None:
                words = ticks.values() if isinstance(ticks, Mapping) else [f"{tick:g}" for tick in ticks]
                axis.set_ticks(list(ticks), words)
                axis.set_ticks([], minor=True)


class Picture:
    """What is seen at one moment: a sentence, and panels side by side, on a narrow screen below each other.

    The sentence tells, from the data, what it shows: its alt text, and the line below it. A matplotlib `figure` in
    place of panels is for what the marks cannot show; it is drawn about ten times more slowly.
    """

    def __init__(self, said: str, *panels: Panel, figure: Figure | None = None) -> None:
        if not isinstance(said, str) or not said.strip():
            remedy = "A Picture begins with one sentence that says what it shows, such as f'At p = {p:.2f} ...'"
            raise ValueError(f"{remedy}; got {said!r:.80}.")
        self.sentence = " ".join(said.split())
        if wrong := [panel for panel in panels if not isinstance(panel, Panel)]:
            raise TypeError(f"A picture shows panels, got {wrong[0]!r:.80}: Picture(sentence, Panel('Loss', ...)).")
        if bool(panels) == (figure is not None):
            raise ValueError(f"A picture has panels or a figure, got {len(panels)} panels and figure={figure!r:.60}.")
        self.panels, self.figure = panels, figure


def find_limits(panels: Sequence[Panel]) -> list[Limits]:
    """Return the limits of x and y that hold all states of a panel, with a little room, but none at zero."""
    unique, limits = {mark.key: mark for panel in panels for mark in panel.marks}.values(), []
    for axis, (low, high) in enumerate(panels[0].ends):
        if low is None or high is None:
            values = np.concatenate([[], *(mark.y if axis else mark.x for mark in unique)])
            values, is_log = values[np.isfinite(values)], panels[0].scales[axis] == "log"
            values = np.log(values[values > 0]) if is_log else values
            least, most = (values.min(), values.max()) if len(values) else (0, 1)
            if least == most:
                least, most = least - 0.5, most + 0.5
            room = (0.05 if axis else 0.02) * (most - least)
            ends = [end + side if end or is_log else 0.0 for end, side in ((least, -room), (most, room))]
            found = np.exp(ends) if is_log else ends
            low, high = found[0] if low is None else low, found[1] if high is None else high
        limits.append((float(low), float(high)))
    return limits


def draw(picture: Picture, *, figsize: tuple[float, float] = (8.0, 3.4), limits: Sequence[Any] | None = None) -> Figure:
    """Return a picture as one figure, for a file or for the notebook's stored output."""
    if picture.figure is not None:
        return picture.figure
    with style():
        fig = Figure(figsize=figsize, layout="constrained")
        axes = fig.subplots(1, len(picture.panels), squeeze=False)[0]
        for i, (ax, panel) in enumerate(zip(axes, picture.panels, strict=True)):
            panel.prepare(ax, limits[i] if limits else find_limits([panel]))
            for mark in panel.marks:
                mark.draw(ax)
            if panel.named:
                ax.legend(loc=panel.legend or "best")
    return fig


class Easel:
    """A panel's axes on a figure of their own, from which its pieces are drawn as SVG, each once."""

    def __init__(self, panel: Panel, limits: Sequence[Limits], size: tuple[float, float]) -> None:
        self.limits = limits
        self.figure = Figure(figsize=size, layout="constrained")
        self._ax = self.figure.subplots()
        panel.prepare(self._ax, limits)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")
        self._drawn: dict[Any, str] = {}
        self._legend_place: Any = panel.legend or "best"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Where the axes lie: left, bottom, right, top as shares of the figure."""
        return self._ax.get_position().extents

    def place(self, *, bottom: float, top: float) -> None:
        """Put the axes between two heights, so that those of neighbouring panels stand level."""
        left, _, right, _ = self.bounds
        self._ax.set_position((left, bottom, right - left, top - bottom))

    def pieces(self, panel: Panel) -> list[str]:
        """Return the panel as SVG, lowest piece first: axes, marks, legend."""
        axes = self._once(("axes", panel.still), self._axes, panel)
        pieces = [self._once(mark.key, self._marks, [mark]) for mark in panel.marks]
        if panel.named:
            looks = [mark.look for mark in panel.named]
            pieces.append(self._once(("legend", *looks), self._marks, panel.marks, legend=True))
        clip = re.search(r"<defs><clipPath.*?</clipPath></defs>", axes)
        return [axes, *(piece.replace(clip.group(), "") if clip else piece for piece in pieces)]

    def _once(self, key: Any, draw: Callable[..., str], *args: Any, **options: Any) -> str:
        if key not in self._drawn:
            self._drawn[key] = draw(*args, **options)
        return self._drawn[key]

    def _axes(self, panel: Panel) -> str:
        position = self._ax.get_position()
        self._ax.clear()
        panel.prepare(self._ax, self.limits)
        self._ax.set_position(position)
        self._kept = set(self._ax.get_children())
        return svg_content(self.figure, [self.figure])

    def _marks(self, marks: Sequence[Mark], *, legend: bool = False) -> str:
        """Draw marks, or only the legend of them; its place is that where it first covered least."""
        for mark in marks:
            mark.draw(self._ax)
        shown = [self._ax.legend(loc=self._legend_place)] if legend else []
        added = [artist for artist in self._ax.get_children() if artist not in self._kept]
        content = svg_content(self.figure, shown or sorted(added, key=Artist.get_zorder))
        if legend and self._legend_place == "best":
            box = shown[0].get_window_extent()
            self._legend_place = tuple(self._ax.transAxes.inverted().transform((box.x0, box.y0)))
        for artist in added:
            artist.remove()
        return content


def figure_pieces(fig: Figure) -> list[str]:
    """Return a figure drawn with matplotlib as SVG, a piece for each artist on its axes, lowest first."""
    fig.draw_without_rendering()
    artists = [fig.patch]
    for ax in fig.axes:
        seen = [artist for artist in ax.get_children() if artist.get_visible() and artist is not ax.patch]
        artists += [ax.patch, *sorted(seen, key=Artist.get_zorder)]
    return [svg_content(fig, [artist]) for artist in (*artists, *fig.texts, *fig.legends)]


def training_panels(
    run: Run, *, val_loss: ArrayLike | None = None, val_accuracy: ArrayLike | None = None, epoch: int | None = None,
    loss: Ends = (0, None), accuracy: Ends = (0, 103),
) -> list[Panel]:  # fmt: skip
    """Return two panels, loss in nats and accuracy in per cent, training and validation, over a run's epochs.

    `val_loss` and `val_accuracy` (shares) stand in place of the run's own curves; these have a band of one standard
    error where it is known. A dot stands at `epoch`, the first being 1; `loss` and `accuracy` limit the upright axes.
    """
    n_val = run.provenance.get("n_val")
    hit_errors = [accuracy_standard_error(a, n_val) for a in run["val_accuracy"]] if n_val else None
    panels = []
    for name, title, scale, given, error, ends in (
        ("loss", "Loss, nats", 1, val_loss, run.metrics.get("val_loss_se"), loss),
        ("accuracy", "Accuracy, %", 100, val_accuracy, hit_errors, accuracy),
    ):
        values, marks = scale * np.asarray(run[f"val_{name}"] if given is None else given), []
        if f"train_{name}" in run.metrics:
            marks.append(line(run.epochs, scale * run[f"train_{name}"], label="training"))
        if given is None and error is not None:
            marks.append(band(run.epochs, values, scale * np.asarray(error), label="validation"))
        else:
            marks.append(line(run.epochs, values, "vermilion", label="validation"))
        if epoch is not None:
            here = values[epoch - 1]
            marks.append(dot(epoch, here, f"{here:.2f}" if name == "loss" else f"{here:.1f} %", "purple"))
        panels.append(Panel(title, *marks, x=(0.5, run.n_epochs + 0.5), y=ends, xlabel="epoch"))
    return panels
