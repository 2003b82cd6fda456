"""A slider that answers at once: every picture is in the browser before the slider moves.

An `Explorer` takes one function of the sliders' values that returns a `Picture`, and finds out by itself what differs
from position to position: each piece is drawn and sent once, by its content, and the browser (``explorer.js``) puts
the pieces together without asking the kernel. How one is written: ``docs/writing-lessons.md``.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets

from lessonlib import figures
from lessonlib.figures import Panel, Picture, static_export, training_panels

__all__ = ["Explorer", "Panel", "Picture", "slider", "training_panels"]

Position = int | float | str | bool
#: For each panel the numbers of its pieces, lowest first; and the sentence.
Frame = tuple[list[list[int]], str]

#: Frames sent with the widget: as many as are drawn in about this many seconds and fit in this size.
EAGER_SECONDS, EAGER_BYTES = 1.0, 1_000_000
#: The current frame and at least this many neighbours are always sent with the widget.
EAGER_FRAMES = 5
#: With more positions than this, frames are drawn only when the slider stands on them.
AHEAD_LIMIT = 2_000
#: How long the kernel may work on one message of the browser, in seconds, before others get their turn.
ANSWER_SECONDS = 0.08

#: The browser's part, for widgets and pages alike.
SCRIPT, STYLE = (Path(__file__).with_suffix(kind).read_text(encoding="utf-8") for kind in (".js", ".css"))


# ---- sliders -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slider:
    """One slider: the values it gives, the number of the position shown first, and what stands beside it."""

    positions: tuple[Position, ...]
    start: int
    label: str

    @property
    def is_box(self) -> bool:
        return len(self.positions) == 2 and all(self.positions[i] is bool(i) for i in range(2))

    @cached_property
    def texts(self) -> list[str]:
        """The positions as the learner reads them: of floats, the decimals that write them, or tell them apart."""
        if self.is_box:
            return ["off", "on"]
        kinds = {type(position) for position in self.positions}
        if float not in kinds or not kinds <= {int, float}:
            return [str(position) for position in self.positions]
        values = np.array(self.positions, dtype=float)
        apart = max(2, math.ceil(-math.log10(np.diff(np.sort(values)).min())) + 1)
        exact = (n for n in range(5) if np.allclose(values.round(n), values, rtol=0, atol=1e-9))
        decimals = next(exact, apart)
        return [f"{value:z.{decimals}f}" for value in values]  # z: no -0.0

    def html(self) -> str:
        """Return its native control."""
        texts, label = self.texts, f"<span>{escape(self.label)}</span>"
        # JupyterLab takes the arrow keys away from a control that does not ask for them.
        keys = 'autocomplete="off" data-lm-suppress-shortcuts="true"'
        if self.is_box:
            return f'<label><input type="checkbox" {keys}{" checked" * self.start}>{label}</label>'
        if any(isinstance(position, str) for position in self.positions):
            chosen = [" selected" if i == self.start else "" for i in range(len(texts))]
            options = "".join(f'<option value="{i}"{chosen[i]}>{escape(text)}</option>' for i, text in enumerate(texts))
            return f"<label>{label}<select {keys}>{options}</select></label>"
        shown, room = escape(texts[self.start]), max(map(len, texts))
        return (
            f'<label>{label}<span class="lesson-range"><input type="range" min="0" max="{len(texts) - 1}" '
            f'value="{self.start}" {keys} aria-valuetext="{shown}">'
            f'<span class="lesson-value" style="min-width:{room}ch" aria-hidden="true">{shown}</span></span></label>'
        )


def slider(values: Iterable[Position], *, start: Position | None = None, label: str = "") -> Slider:
    """Describe one slider of an `Explorer`: its positions, two or more, where it `start`s, and what stands beside it.

    ``[False, True]`` gives a box to tick.
    """
    if isinstance(values, tuple) and all(type(value) in (int, float) for value in values):
        low, high, *step = values if len(values) in (2, 3) else (0, 0)
        if low < high and all(0 < each < high - low for each in step):  # to `interact` this is a range
            by = step[0] if step else 1 if isinstance(low, int) and isinstance(high, int) else (high - low) / 20
            is_whole = all(isinstance(value, int) for value in (low, high, by))
            every = f"range({low}, {high + 1}, {by})" if is_whole else f"np.arange({low}, {high + by / 2:g}, {by:g})"
            raise ValueError(f"{values} gives {len(values)} positions: write {every} for all between, or {[*values]}.")
    if isinstance(values, str | bytes | set | frozenset | Mapping) or not isinstance(values, Iterable):
        remedy = f"{list(values)!r:.60}, and look up in the function what they stand for" if isinstance(
            values, Mapping) else "[False, True] or np.linspace(0, 1, 21)"  # fmt: skip
        raise TypeError(f"{values!r:.80} is no list of positions: give a list, a range or an array, such as {remedy}.")
    positions = tuple(value.item() if isinstance(value, np.generic) else value for value in values)
    for i, value in enumerate(positions):
        if not isinstance(value, int | float | str):
            raise TypeError(f"Position {i} is {value!r:.80}: use numbers, words or booleans that stand for it.")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"Position {i} is {value}: leave it out.")
        if value in positions[:i]:
            raise ValueError(f"Position {value!r} occurs twice: leave one out (np.unique does).")
    if len(positions) < 2:
        raise ValueError(f"{[*positions]} are fewer than two positions: give more, or fix the value in the function.")
    return Slider(positions, 0 if start is None else _number_of(start, positions), label)


def _number_of(value: Any, positions: tuple[Position, ...]) -> int:
    for i, position in enumerate(positions):
        if isinstance(position, str) or not isinstance(value, int | float | np.generic):
            found = isinstance(value, str) and position == value
        else:
            found = math.isclose(position, value, rel_tol=1e-9, abs_tol=1e-12)
        if found:
            return i
    raise ValueError(f"start={value!r:.40} is not among the positions {[*positions]!r:.80}: start on one of them.")


# ---- the explorer --------------------------------------------------------------------------------------


class Stage(anywidget.AnyWidget):
    """An explorer with a kernel: its HTML, where its sliders stand, what the browser has from the start."""

    _esm = SCRIPT
    _css = figures.theme_css() + STYLE
    html = traitlets.Unicode().tag(sync=True)
    here, panels, pieces, frames, axes = (traitlets.List().tag(sync=True) for _ in range(5))
    ahead = traitlets.Bool(True).tag(sync=True)


class Explorer:
    """Let the learner move sliders and see the picture follow at once.

    `picture` returns the `Picture` for one value of each slider. It must depend on its arguments alone, since positions
    are drawn in any order. `title` stands above the sliders; `figsize` is inches of all panels side by side. The others
    are sliders, or sequences of values, by the names of the function's arguments.

    Limits that no panel gives are found from the pictures of all positions. With more than `AHEAD_LIMIT` positions the
    limits must be given, and frames are drawn only on demand.
    """

    def __init__(
        self, picture: Callable[..., Picture], /, *, title: str = "", figsize: tuple[float, float] = (8.0, 3.4),
        **sliders: Any,
    ) -> None:  # fmt: skip
        if not sliders:
            raise ValueError("An Explorer has at least one slider, got none: pass name=positions.")
        self.title, self._function, self._figsize = title, picture, figsize
        self.sliders = {name: _as_slider(name, given) for name, given in sliders.items()}
        self._axes = [{"argument": name, "name": s.label, "labels": s.texts} for name, s in self.sliders.items()]
        self._sizes = [len(each.positions) for each in self.sliders.values()]
        #: How many pictures there are.
        self.n_positions = math.prod(self._sizes)
        self._start = int(np.ravel_multi_index([each.start for each in self.sliders.values()], self._sizes))
        self._frames: dict[int, Frame] = {}
        self._pieces: dict[str, int] = {}
        self._pictures: dict[int, Picture] = {}
        self._first: Picture | None = None  # there is none yet to be compared with
        self._first = self._picture(self._start)
        self._set_up()
        self._first_frames()

    # ---- drawing -----------------------------------------------------------------------------------

    def _picture(self, index: int) -> Picture:
        """Call the author's function for one position, or return what it gave when limits were looked for."""
        if index in self._pictures:
            return self._pictures.pop(index)
        digits = np.unravel_index(index, self._sizes)
        values = {name: each.positions[i] for (name, each), i in zip(self.sliders.items(), digits, strict=True)}
        where = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        name = getattr(self._function, "__name__", "the function")
        open_before = _open_in_pyplot()
        try:
            with figures.style():
                picture = self._function(**values)
        except Exception as error:
            raise ValueError(f"{name} failed at {where}: {type(error).__name__}: {error}") from error
        finally:
            drawn = _open_in_pyplot() - open_before
            for number in drawn:
                sys.modules["matplotlib.pyplot"].close(number)
        if not isinstance(picture, Picture):
            remedy = "return Picture(sentence, Panel('Loss', ...)), or Picture(sentence, figure=fig)"
            raise TypeError(f"{name} returned {picture!r:.60} at {where}, which would not be drawn: {remedy}.")
        if drawn and picture.figure is None:
            raise ValueError(f"{name} drew with pyplot, which would not be shown: use Picture(sentence, figure=fig).")
        self._check_alike(picture, where)
        return picture

    def _check_alike(self, picture: Picture, where: str) -> None:
        """Refuse a picture that has other panels or limits than the first one."""
        panels, firsts = picture.panels, (self._first or picture).panels
        if len(panels) != len(firsts):
            remedy = "give every picture the same panels, of which some may be empty, or a figure"
            raise ValueError(f"The picture at {where} has {len(panels)} panels instead of {len(firsts)}: {remedy}.")
        for panel, first in zip(panels, firsts, strict=True):
            if panel.ends != first.ends or panel.scales != first.scales:
                raise ValueError(
                    f"Panel {panel.title!r} has the limits {panel.ends} at {where} instead of {first.ends} and would "
                    "jump: give the same limits (or bars, also of length 0) in every picture, or none."
                )

    def _set_up(self) -> None:
        self._limits: list[Any] = []
        if self._first.figure is not None:
            self._panels = [figures.svg_size(self._first.figure.get_size_inches())]
            return
        panels, states = self._first.panels, [self._first]
        if any(None in ends for panel in panels for ends in panel.ends):
            if self.n_positions > AHEAD_LIMIT:
                remedy = "give each panel its limits, as in Panel('Loss', ..., x=(0, 40), y=(0, 5))"
                raise ValueError(f"{self.n_positions} positions (at most {AHEAD_LIMIT}) to find limits from: {remedy}.")
            self._pictures = {index: self._picture(index) for index in range(self.n_positions)}
            states = [*self._pictures.values()]
        self._limits = [figures.find_limits([state.panels[i] for state in states]) for i in range(len(panels))]
        size = self._figsize[0] / len(panels), self._figsize[1]
        with figures.style():
            self._easels = [figures.Easel(*each, size) for each in zip(panels, self._limits, strict=True)]
        low, high = (max(e.bounds[1] for e in self._easels), min(e.bounds[3] for e in self._easels))
        for easel in self._easels:
            easel.place(bottom=low, top=high)
        self._panels = [figures.svg_size(size)] * len(panels)

    def _frame(self, index: int) -> Frame:
        if index not in self._frames:
            picture = self._first if index == self._start else self._picture(index)
            if picture.figure is not None:
                panels = [figures.figure_pieces(picture.figure)]
            else:
                with figures.style():
                    panels = [easel.pieces(panel) for easel, panel in zip(self._easels, picture.panels, strict=True)]
            numbers = [[self._pieces.setdefault(piece, len(self._pieces)) for piece in panel] for panel in panels]
            self._frames[index] = numbers, picture.sentence
        return self._frames[index]

    def _first_frames(self) -> None:
        """Draw the start and, those few slider steps away first, as many others as are cheap."""
        begin = np.unravel_index(self._start, self._sizes)
        steps = sum(np.abs(grid - at) for grid, at in zip(np.indices(self._sizes), begin, strict=True))
        total, begun = self.n_positions, 0.0
        for done, index in enumerate(np.argsort(steps, axis=None, kind="stable").tolist()):
            self._frame(index)
            if done == 0:  # the first frame pays for what is loaded once
                begun = time.perf_counter()
            elif done >= EAGER_FRAMES:
                estimate = (time.perf_counter() - begun) / done * total
                size = sum(map(len, self._pieces))
                if total > AHEAD_LIMIT or estimate > EAGER_SECONDS or size > EAGER_BYTES:
                    break

    def _html(self, picture: str = "") -> str:
        """Return title, sliders and picture."""
        title = f'<p class="lesson-title">{escape(self.title)}</p>' if self.title else ""
        controls = "".join(each.html() for each in self.sliders.values())
        return f'{title}<div class="lesson-controls">{controls}</div><div class="lesson-figure">{picture}</div>'

    # ---- with a kernel -----------------------------------------------------------------------------

    @cached_property
    def stage(self) -> Stage:
        """The explorer as a widget, which may be put into other layouts."""
        stage = Stage(
            html=self._html(),
            here=[each.start for each in self.sliders.values()],
            panels=self._panels,
            pieces=[[number, piece] for piece, number in self._pieces.items()],
            frames=[[index, *frame] for index, frame in self._frames.items()],
            axes=self._axes,
            ahead=self.n_positions <= AHEAD_LIMIT,
        )
        between_cells = figures.in_this_thread()
        stage.on_msg(lambda _, content, __: between_cells(lambda: stage.send(self.answer(content))))
        return stage

    def answer(self, content: Mapping[str, Any]) -> dict[str, list[list[Any]]]:
        """Draw what the browser wants, ``{"want": [index, ...]}``, for `ANSWER_SECONDS`, but at least one frame."""
        wanted = [i for i in content.get("want", []) if isinstance(i, int) and 0 <= i < self.n_positions]
        begun, frames = time.perf_counter(), []
        for index in wanted:
            try:
                frame = self._frame(index)
            except Exception as error:  # there is no cell that could show it
                frame = [[] for _ in self._panels], f"This picture could not be drawn: {error}"
            frames.append([index, *frame])
            if time.perf_counter() - begun > ANSWER_SECONDS:
                break
        needed = {number for _, slots, _ in frames for panel in slots for number in panel}
        pieces = [[number, svg] for svg, number in self._pieces.items() if number in needed]
        return {"frames": frames, "pieces": pieces}

    # ---- without a kernel --------------------------------------------------------------------------

    def to_html(self) -> str:
        """Return a piece of HTML with all pictures in it; it lives without kernel or network."""
        frames = [self._frame(index) for index in range(self.n_positions)]
        pieces = sorted(self._pieces)  # whatever was drawn first
        renumber = {self._pieces[piece]: i for i, piece in enumerate(pieces)}
        data = {
            "panels": self._panels,
            "pieces": pieces,
            "frames": [[[[renumber[n] for n in panel] for panel in slots], said] for slots, said in frames],
            "axes": self._axes,
        }
        # No text in the JSON may end the script element.
        data = re.sub("[<>&]", lambda sign: f"\\u{ord(sign.group()):04x}", json.dumps(data))
        hydrate = 'document.querySelectorAll(".lesson-explorer:not([data-live])").forEach'
        return (
            f'<div class="lesson-explorer" role="group" aria-label="{escape(self.title or "Explorer")}">'
            f"<style>{Stage._css}</style>{self._html(self._still())}"
            f'<script type="application/json">{data}</script>'
            f'<script type="module">{SCRIPT}\n{hydrate}((box) => {{ box.dataset.live = ""; hydrate(box); }});</script>'
            "</div>"
        )

    def _still(self) -> str:
        """Return the start for a page whose scripts do not run."""
        (slots, said), pieces = self._frame(self._start), list(self._pieces)
        panels = ["".join(pieces[number] for number in panel) for panel in slots]
        drawn = "".join(map(figures.svg_element, self._panels, panels))
        return f'<div class="lesson-panels" role="img" aria-label="{escape(said)}">{drawn}</div><p>{escape(said)}</p>'

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        if static_export() and self.n_positions <= AHEAD_LIMIT:
            return {"text/html": self.to_html(), "text/plain": repr(self)}
        start = figures.draw(self._first, figsize=self._figsize, limits=self._limits)
        still = figures.static_bundle(start, repr(self))
        if static_export():
            return still
        # The sentence is the same on every machine, so that nbval can compare it.
        live = widgets.VBox([self.stage])._repr_mimebundle_(**options) or {}
        return {**live, "image/png": still["image/png"], "text/plain": repr(self)}

    def __repr__(self) -> str:
        return self._first.sentence


def _as_slider(name: str, given: Any) -> Slider:
    try:
        made = given if isinstance(given, Slider) else slider(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    return replace(made, label=made.label or name.replace("_", " "))


def _open_in_pyplot() -> set[int]:
    """Return the numbers of pyplot's figures, without importing it, which would choose a backend for the learner."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()
