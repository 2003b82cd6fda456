"""A slider that answers at once: every picture is in the browser before the slider moves.

Write two functions, as for matplotlib's ``FuncAnimation``: `setup` draws the figure and returns the
artists that move, `update` moves them. The `Explorer` draws what stays once, and for each position of
the sliders only what moves, as a small piece of SVG. The browser (``explorer.js``) has these pieces
before they are needed, so that a move asks nothing of the kernel.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lessonlib import figures
from lessonlib.page import static_export
from lessonlib.sliders import Position, sliders_from

#: A frame: the moving artists as SVG, and the sentence that goes with them.
Frame = tuple[str, str]

#: Frames sent with the widget: as many as are drawn in about this many seconds and fit in this size.
EAGER_SECONDS, EAGER_BYTES = 1.0, 1_000_000
#: The current frame and at least this many neighbours are always sent with the widget.
EAGER_FRAMES = 5
#: With more positions than this, frames are drawn only when the slider stands on them.
AHEAD_LIMIT = 2_000
#: How long the kernel may work on one message of the browser, in seconds, before others get their turn.
ANSWER_SECONDS = 0.08

#: The browser's part, for widgets and pages alike.
SCRIPT = (Path(__file__).parent / "explorer.js").read_text(encoding="utf-8")
_CSS = """
.lesson-figure {position:relative; overflow-x:auto}
.lesson-figure svg {min-width:26em}
.lesson-figure p {margin:.3em 0; color:var(--lesson-ink); font-size:1em}
.lesson-figure .lesson-sentence {padding:.1em .5em; background:var(--lesson-paper)}
.lesson-figure .lesson-status {position:absolute; top:0; left:0; margin:0}
.lesson-figure .lesson-status {width:1px; height:1px; overflow:hidden; clip-path:inset(50%)}
.lesson-figure [aria-busy=true] .lesson-moving {opacity:.35; transition:opacity .1s .3s}
.lesson-title {font-weight:bold; margin:.3em 0; line-height:1.3}
.lesson-explorer .widget-slider {flex-wrap:wrap; height:auto}
.lesson-explorer .widget-slider .widget-label {text-align:left}
.lesson-explorer .widget-slider .slider-container {min-width:8em}
.lesson-controls span:first-child {min-width:11em}
.lesson-controls label {display:flex; flex-wrap:wrap; align-items:center; gap:.2em .8em; margin:.3em 0}
.lesson-controls input[type=range] {flex:1 1 12em; max-width:24em}
"""


class Picture(anywidget.AnyWidget):
    """The picture beside the sliders: the background, and the frames that the browser has from the start."""

    _esm = SCRIPT
    _css = figures.theme_css() + _CSS
    picture = traitlets.Dict().tag(sync=True)
    frames = traitlets.List().tag(sync=True)
    axes = traitlets.List().tag(sync=True)
    ahead = traitlets.Bool(True).tag(sync=True)
    sliders = traitlets.List().tag(sync=True, **widgets.widget_serialization)
    slider_0 = traitlets.Any(0).tag(sync=True)
    slider_1 = traitlets.Any(0).tag(sync=True)
    slider_2 = traitlets.Any(0).tag(sync=True)
    slider_3 = traitlets.Any(0).tag(sync=True)


class Explorer:
    """Let the learner move sliders and see the picture follow at once.

    Parameters
    ----------
    setup : callable
        ``setup(fig)`` draws on the empty figure it is given, **sets the axis limits**, and returns the
        artists that move: one, or any nesting of dicts, lists, tuples and namespaces. Return an Axes (or
        `fig`) to have all of it redrawn (slower).
    update : callable
        ``update(artists, **positions)`` moves what `setup` returned and returns one sentence that tells
        what is seen: the alt text and the status line. It must depend on its arguments alone, since
        positions are drawn in any order.
    figsize : tuple of float
        Inches.
    title : str
        Stands above the sliders.
    labels : dict of str
        What to call the sliders; without one, the name itself with spaces.
    start : dict
        Where the sliders stand first; without one, at their first position.
    **sliders : sequence of int, float, str or bool
        One to four sliders by name, each with two or more positions. Evenly spaced whole numbers give
        an ``IntSlider``, evenly spaced floats a ``FloatSlider``, ``[False, True]`` a checkbox, all else a
        ``SelectionSlider``.

    Raises
    ------
    TypeError, ValueError
        If a slider, a label, a start or what the two functions do is not as described; the message names
        the value and the remedy.

    Notes
    -----
    What moves is drawn above what stays, in the order of `zorder`. Frames are computed ahead while the
    kernel is idle where that takes longer than a second, and only on demand for more than
    `AHEAD_LIMIT` positions in all.

    Examples
    --------
    >>> def setup(fig):
    ...     ax = fig.subplots()
    ...     ax.set(xlim=(0, 1), ylim=(0, 5))
    ...     return ax.plot([], [], "o")[0]
    >>> def update(dot, p):
    ...     dot.set_data([p], [-math.log(p)])
    ...     return f"At p = {p:.1f} the loss is {-math.log(p):.2f}."
    >>> Explorer(setup, update, p=[0.2, 0.4, 0.6], start={"p": 0.4})
    At p = 0.4 the loss is 0.92.
    """

    def __init__(
        self,
        setup: Callable[[Figure], Any],
        update: Callable[..., str],
        *,
        figsize: tuple[float, float] = (8.0, 3.4),
        title: str = "",
        labels: Mapping[str, str] | None = None,
        start: Mapping[str, Position] | None = None,
        **sliders: Iterable[Position],
    ) -> None:
        _refuse_reserved({"figsize": figsize, "title": title, "labels": labels, "start": start})
        self.title = title
        self.sliders = sliders_from(sliders, labels or {}, start or {})
        self._setup, self._update = setup, update
        self._check_signature()
        self._sizes = [len(slider.positions) for slider in self.sliders]
        self._start = [slider.start for slider in self.sliders]
        self._frames: dict[int, Frame] = {}
        self._prepare_figure(figsize)
        self._first_frames()

    # ---- drawing -----------------------------------------------------------------------------------

    def _prepare_figure(self, figsize: tuple[float, float]) -> None:
        """Draw the figure at the start position, and from it the background without what moves."""
        with figures.style():
            self._figure = Figure(figsize=figsize, layout="constrained")
            self._artists = self._setup(self._figure)
            for ax in self._figure.axes:
                _ = ax.viewLim  # reading the limits makes matplotlib settle them
                ax.autoscale(False)  # and from here on they stay
            self.sentence = self._move(self._start)
            self._figure.draw_without_rendering()
        self._figure.set_layout_engine("none")
        moving = self._moving()
        seen = [artist.get_visible() for artist in moving]
        for artist in moving:
            artist.set_visible(False)
        self._background = figures.svg_content(self._figure, [self._figure], salt="background")
        for artist, visible in zip(moving, seen, strict=True):
            artist.set_visible(visible)
        self._limits = self._axis_limits()

    def _moving(self) -> list[Artist]:
        """Return the artists that move, lowest first; an artist inside another one, such as its axes, comes with it."""
        found = list(dict.fromkeys(_artists_in(self._artists)))
        if not found:
            raise TypeError(
                f"setup returned {self._artists!r:.80}, which holds no artist: "
                "return what moves, such as {'dot': ax.plot([], [], 'o')[0]}."
            )
        strangers = [artist for artist in found if artist.get_figure(root=True) is not self._figure]
        if strangers:
            raise ValueError(
                f"{strangers[0]} is not part of the figure that setup was given: draw on fig, as in "
                "ax = fig.subplots(), not through plt."
            )
        inside = {part for artist in found for part in artist.findobj(include_self=False)}
        return sorted((artist for artist in found if artist not in inside), key=lambda artist: artist.get_zorder())

    def _axis_limits(self) -> dict[Axes, tuple[float, ...]]:
        redrawn = {ax for artist in self._moving() for ax in artist.findobj(Axes)}
        return {ax: ax.viewLim.bounds for ax in self._figure.axes if ax not in redrawn}

    def _move(self, digits: Sequence[int]) -> str:
        """Call the author's `update` for one position of each slider; return its sentence."""
        values = {slider.name: slider.positions[i] for slider, i in zip(self.sliders, digits, strict=True)}
        try:
            said = self._update(self._artists, **values)
        except Exception as error:
            raise ValueError(f"update failed at {_where(values)}: {type(error).__name__}: {error}") from error
        return figures.sentence(said, f"update (at {_where(values)})")

    def _frame(self, index: int) -> Frame:
        """Return one frame, drawn or remembered."""
        if index not in self._frames:
            digits = [int(digit) for digit in np.unravel_index(index, self._sizes)]
            with figures.style():
                said = self._move(digits)
            moved = [ax for ax, limits in self._axis_limits().items() if self._limits.get(ax) != limits]
            if moved:
                raise ValueError(
                    f"update changed the limits of {moved[0]}, but the axes are drawn only once: "
                    "set the limits in setup, or return the axes from setup to have all of it redrawn."
                )
            self._frames[index] = figures.svg_content(self._figure, self._moving(), salt="frame"), said
        return self._frames[index]

    def _first_frames(self) -> None:
        """Draw the start and, nearest first, as many others as are cheap."""
        total, begun, size = self.n_positions, 0.0, 0
        for done, index in enumerate(self._nearest_first()):
            fragment, _ = self._frame(index)
            size += len(fragment)
            if done == 0:  # the first frame pays for what is loaded once
                begun = time.perf_counter()
            elif done >= EAGER_FRAMES:
                estimate = (time.perf_counter() - begun) / done * total
                if total > AHEAD_LIMIT or estimate > EAGER_SECONDS or size > EAGER_BYTES:
                    break

    def _nearest_first(self) -> list[int]:
        """Return the numbers of all positions, those few slider steps from the start first."""
        steps = sum(np.abs(grid - begin) for grid, begin in zip(np.indices(self._sizes), self._start, strict=True))
        return np.argsort(steps, axis=None, kind="stable").tolist()

    @property
    def n_positions(self) -> int:
        """How many pictures there are: the product of the sliders' positions."""
        return math.prod(self._sizes)

    # ---- with a kernel -----------------------------------------------------------------------------

    @cached_property
    def picture(self) -> Picture:
        """The widget that shows the picture, linked to `controls` in the browser."""
        pairs = [slider.widget(self._label_width) for slider in self.sliders]
        standing = {f"slider_{i}": getattr(control, trait) for i, (control, trait) in enumerate(pairs)}
        picture = Picture(
            picture=self._picture_state(),
            frames=[[index, *frame] for index, frame in self._frames.items()],
            axes=[slider.axis() for slider in self.sliders],
            ahead=self.n_positions <= AHEAD_LIMIT,
            sliders=[control for control, _ in pairs],
            **standing,
        )
        picture.on_msg(lambda _, content, __: picture.send({"frames": self.answer(content)}))
        self._links = [
            widgets.jslink((control, trait), (picture, f"slider_{i}")) for i, (control, trait) in enumerate(pairs)
        ]
        return picture

    @property
    def controls(self) -> list[widgets.Widget]:
        """The sliders as ipywidgets, in the order of the call."""
        return list(self.picture.sliders)

    @cached_property
    def widget(self) -> widgets.VBox:
        """Title, sliders and picture as one widget, to be put into other layouts."""
        title = [widgets.HTML(f'<p class="lesson-title">{escape(self.title)}</p>')] if self.title else []
        return widgets.VBox([*title, *self.controls, self.picture]).add_class("lesson-explorer")

    def answer(self, content: Mapping[str, Any]) -> list[list[Any]]:
        """Draw frames that the browser asks for, as many as fit in `ANSWER_SECONDS`, at least one.

        Parameters
        ----------
        content : dict
            ``{"want": [index, ...]}``, most urgent first.

        Returns
        -------
        list of [index, svg, sentence]
            Where `update` fails, the sentence says so.
        """
        wanted = [i for i in content.get("want", []) if isinstance(i, int) and 0 <= i < self.n_positions]
        begun, frames = time.perf_counter(), []
        for index in wanted:
            try:
                frame = self._frame(index)
            except Exception as error:  # there is no cell that could show it
                frame = "", f"This picture could not be drawn: {error}"
            frames.append([index, *frame])
            if time.perf_counter() - begun > ANSWER_SECONDS:
                break
        return frames

    # ---- without a kernel --------------------------------------------------------------------------

    def to_html(self) -> str:
        """Return a piece of HTML with every picture in it: sliders that live without kernel or network.

        Raises
        ------
        ValueError
            If there are more than `AHEAD_LIMIT` positions.
        """
        if self.n_positions > AHEAD_LIMIT:
            raise ValueError(
                f"{self.n_positions} pictures are too many for one page (limit {AHEAD_LIMIT}): give fewer positions."
            )
        data = {
            "picture": self._picture_state(),
            "frames": [self._frame(index) for index in range(self.n_positions)],
            "axes": [slider.axis() for slider in self.sliders],
        }
        hydrate = 'document.querySelectorAll(".lesson-explorer:not([data-live])").forEach'
        return (
            f'<div class="lesson-explorer" role="group" aria-label="{escape(self.title or "Explorer")}">'
            f"<style>{Picture._css}</style>"
            + (f'<p class="lesson-title">{escape(self.title)}</p>' if self.title else "")
            + f'<div class="lesson-controls">{"".join(slider.html() for slider in self.sliders)}</div>'
            f'<div class="lesson-figure">{self._still_svg()}</div>'
            f'<script type="application/json">{_script_safe(json.dumps(data))}</script>'
            f'<script type="module">{SCRIPT}\n{hydrate}((box) => {{ box.dataset.live = ""; hydrate(box); }});</script>'
            "</div>"
        )

    def _still_svg(self) -> str:
        """Return the start picture for a page whose scripts do not run."""
        fragment, said = self._frame(int(np.ravel_multi_index(self._start, self._sizes)))
        return figures.svg_image(self._figure, self._background + fragment, said) + f"<p>{escape(said)}</p>"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        if static_export() and self.n_positions <= AHEAD_LIMIT:
            return {"text/html": self.to_html(), "text/plain": self.sentence}
        self._move(self._start)
        still = figures.static_bundle(self._figure, self.sentence)
        if static_export():
            return still
        # The sentence is the same on every machine, so that nbval can compare it.
        live = self.widget._repr_mimebundle_(**options) or {}
        return {**live, "image/png": still["image/png"], "text/plain": self.sentence}

    def __repr__(self) -> str:
        return self.sentence

    # ---- small things ------------------------------------------------------------------------------

    @property
    def _label_width(self) -> str:
        """Return room for the longest label that stands in front of its control."""
        in_front = [len(slider.label) for slider in self.sliders if slider.kind != "checkbox"]
        return f"{max(in_front, default=0) * 0.55 + 1:.1f}em"

    def _picture_state(self) -> dict[str, Any]:
        return {"background": self._background, **figures.svg_size(self._figure)}

    def _check_signature(self) -> None:
        """Refuse an `update` that does not take the sliders, before anything is drawn."""
        names = [slider.name for slider in self.sliders]
        try:
            inspect.signature(self._update).bind(None, **dict.fromkeys(names))
        except TypeError as error:
            raise TypeError(
                f"update does not fit the sliders {', '.join(names)} ({error}): "
                f"define it as update(artists, {', '.join(names)})."
            ) from error


def _artists_in(found: Any, seen: set[int] | None = None) -> Iterator[Artist]:
    """Walk through containers and namespaces and yield every artist in them."""
    seen = set() if seen is None else seen
    if id(found) in seen or isinstance(found, str | bytes | type | ModuleType | FunctionType | MethodType):
        return
    seen.add(id(found))
    if isinstance(found, Artist):
        yield found
        return
    if isinstance(found, Mapping):
        inner: Iterable[Any] = found.values()
    elif isinstance(found, list | tuple | set) or (isinstance(found, np.ndarray) and found.dtype == object):
        inner = np.ravel(found) if isinstance(found, np.ndarray) else found
    else:
        inner = getattr(found, "__dict__", {}).values()
    for item in inner:
        yield from _artists_in(item, seen)


def _refuse_reserved(options: dict[str, Any]) -> None:
    """Catch a slider that bears the name of an option."""
    kinds = {"figsize": (tuple, list), "title": str, "labels": (Mapping, type(None)), "start": (Mapping, type(None))}
    for name, value in options.items():
        if not isinstance(value, kinds[name]) or (name == "figsize" and len(value) != 2):
            raise TypeError(
                f"{name} is an option of Explorer and cannot be {value!r:.80}: "
                "pass what its docstring says, or give the slider of this name another name."
            )


def _where(values: Mapping[str, Position]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())


def _script_safe(text: str) -> str:
    """Escape JSON so that no text in it can end the script element."""
    return re.sub("[<>&]", lambda sign: f"\\u{ord(sign.group()):04x}", text)
