"""The explorer of a setup and an update function. It goes when the last lesson is rewritten.

Then delete this file, ``charts.py``, ``tests/test_charts.py``, their names in ``docs/architecture.md``, and in
``explorer.py`` `Explorer.__new__` with its import of importlib. Nothing else depends on them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lessonlib import explorer, figures
from lessonlib.explorer import Position


class PairExplorer(explorer.Explorer):
    """An explorer of ``setup(fig)``, which returns the artists that move, and ``update(artists, **positions)``."""

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
        labels, start = labels or {}, start or {}
        self._begin(
            title,
            {
                name: explorer.slider(list(values), start=start.get(name), label=labels.get(name, ""))
                for name, values in sliders.items()
            },
        )
        self._setup, self._update = setup, update
        self._check_signature()
        self._prepare_figure(figsize)
        self._panels = [figures.svg_size(self._figure.get_size_inches())]
        self._first_frames()

    def _figure_at_start(self) -> Figure:
        self._move_to(self._start)
        return self._figure

    def _draw(self, index: int) -> tuple[list[list[str]], str]:
        with figures.style():
            said = self._move_to(index)
        moved = [ax for ax, limits in self._axis_limits().items() if self._limits.get(ax) != limits]
        if moved:
            raise ValueError(
                f"update changed the limits of {moved[0]}, but the axes are drawn only once: "
                "set the limits in setup, or return the axes from setup to have all of it redrawn."
            )
        return [[self._background, figures.svg_content(self._figure, self._moving(), salt="frame")]], said

    def _prepare_figure(self, figsize: tuple[float, float]) -> None:
        """Draw the figure at the start position, and from it the background without what moves."""
        with figures.style():
            self._figure = Figure(figsize=figsize, layout="constrained")
            self._artists = self._setup(self._figure)
            for ax in self._figure.axes:
                _ = ax.viewLim  # reading the limits makes matplotlib settle them
                ax.autoscale(False)  # and from here on they stay
            self._move_to(self._start)
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

    def _move_to(self, index: int) -> str:
        """Call the author's `update` for one position; return its sentence."""
        values = self._values(index)
        try:
            said = self._update(self._artists, **values)
        except Exception as error:
            raise ValueError(f"update failed at {_where(values)}: {type(error).__name__}: {error}") from error
        return figures.sentence(said, f"update (at {_where(values)})")

    def _check_signature(self) -> None:
        """Refuse an `update` that does not take the sliders, before anything is drawn."""
        names = list(self.sliders)
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


def _where(values: Mapping[str, Position]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())
