"""The sliders of an Explorer: from the positions an author gives to the controls a learner moves.

Each slider is an ipywidget where there is a kernel, and a native HTML control where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

Position = int | float | str | bool


@dataclass(frozen=True)
class Slider:
    """One slider: its name in `update`, its positions, and how the learner sees them.

    Attributes
    ----------
    name : str
        The keyword that `update` takes.
    label : str
        What stands beside the slider.
    positions : tuple
        What `update` is given.
    start : int
        The number of the first position shown.
    kind : {"int", "float", "select", "checkbox"}
        Which control shows it.
    """

    name: str
    label: str
    positions: tuple[Position, ...]
    start: int
    kind: str

    @property
    def texts(self) -> list[str]:
        """The positions as the learner reads them."""
        if self.kind == "checkbox":
            return ["off", "on"]
        if self.kind == "float" or all(isinstance(position, float) for position in self.positions):
            decimals = _decimals(self.positions)
            return [f"{position:z.{decimals}f}" for position in self.positions]  # z: no -0.0
        return [str(position) for position in self.positions]

    def axis(self) -> dict[str, Any]:
        """Tell the browser how the control's value becomes the number of a position."""
        numeric = self.kind in ("int", "float")
        start, step = (self.positions[0], _step(self.positions)) if numeric else (0, 1)
        return {"name": self.label, "labels": self.texts, "start": start, "step": step}

    def widget(self, label_width: str) -> tuple[widgets.Widget, str]:
        """Return the ipywidget and the name of its trait that says where it stands."""
        first, *_, last = self.positions
        common: dict[str, Any] = {
            "description": self.label,
            "style": {"description_width": label_width},
            "layout": widgets.Layout(width="100%", max_width="40em"),
        }
        value = self.positions[self.start]
        if self.kind == "checkbox":
            return widgets.Checkbox(value=value, indent=False, **common), "value"
        if self.kind == "int":
            step = int(_step(self.positions))
            return widgets.IntSlider(value=value, min=first, max=last, step=step, **common), "value"
        if self.kind == "float":
            step, form = _step(self.positions), f".{_decimals(self.positions)}f"
            return widgets.FloatSlider(
                value=value, min=first, max=last, step=step, readout_format=form, **common
            ), "value"
        options = list(zip(self.texts, range(len(self.positions)), strict=True))
        return widgets.SelectionSlider(options=options, index=self.start, **common), "index"

    def html(self) -> str:
        """Return the native control for a page without a kernel."""
        texts, label = self.texts, f"<span>{escape(self.label)}</span>"
        if self.kind == "checkbox":
            checked = " checked" if self.start else ""
            return f'<label><input type="checkbox" autocomplete="off"{checked}>{label}</label>'
        if any(isinstance(position, str) for position in self.positions):
            options = "".join(
                f'<option value="{i}"{" selected" if i == self.start else ""}>{escape(text)}</option>'
                for i, text in enumerate(texts)
            )
            return f'<label>{label}<select autocomplete="off">{options}</select></label>'
        # JupyterLab takes the arrow keys away from a range input that does not ask for them.
        return (
            f'<label>{label}<input type="range" min="0" max="{len(texts) - 1}" value="{self.start}" '
            f'autocomplete="off" data-lm-suppress-shortcuts="true" aria-valuetext="{escape(texts[self.start])}">'
            f'<span class="lesson-value" aria-hidden="true">{escape(texts[self.start])}</span></label>'
        )


def sliders_from(
    given: Mapping[str, Iterable[Position]], labels: Mapping[str, str], start: Mapping[str, Position]
) -> list[Slider]:
    """Make the sliders of an Explorer from what its author gave.

    Parameters
    ----------
    given : mapping of str to iterable
        One to four sliders, name to positions.
    labels, start : mapping
        For some of the names: what stands beside the slider, and its first position.

    Raises
    ------
    TypeError, ValueError
        If the positions are too few, repeated, not finite or no plain values, or a name is unknown.
    """
    if not 1 <= len(given) <= 4:
        raise ValueError(
            f"An Explorer has 1 to 4 sliders, got {len(given)} ({', '.join(given)}): pass each as name=positions."
        )
    for option, names in (("labels", labels), ("start", start)):
        for name in names:
            if name not in given:
                raise ValueError(f"{option} names {name!r}, but the sliders are {', '.join(given)}.")
    sliders = []
    for name, values in given.items():
        positions = _positions(name, values)
        first = _position_number(name, positions, start.get(name, positions[0]))
        label = str(labels.get(name, name.replace("_", " ")))
        sliders.append(Slider(name, label, positions, first, _kind(positions)))
    return sliders


def _positions(name: str, values: Iterable[Position]) -> tuple[Position, ...]:
    """Return the positions as plain Python values, or refuse them."""
    if isinstance(values, str | bytes | set | frozenset | Mapping) or not isinstance(values, Iterable):
        raise TypeError(
            f"The positions of {name} must be a list, a range or a one-dimensional array, got {values!r:.80}."
        )
    positions = tuple(value.item() if isinstance(value, np.generic) else value for value in values)
    seen = set()
    for i, value in enumerate(positions):
        if not isinstance(value, int | float | str):
            raise TypeError(
                f"Position {i} of {name} is {value!r:.80}: use numbers, strings or booleans, and look up in update "
                "what they stand for."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"Position {i} of {name} is {value}: leave it out.")
        if value in seen:
            raise ValueError(f"Position {value!r} of {name} occurs twice: leave one out (np.unique does).")
        seen.add(value)
    if len(positions) < 2:
        raise ValueError(f"{name} has {len(positions)} position(s): give at least two, or fix its value in update.")
    return positions


def _position_number(name: str, positions: tuple[Position, ...], value: Position) -> int:
    """Return where `value` stands among the positions."""
    for i, position in enumerate(positions):
        if isinstance(position, str) or not isinstance(value, int | float | np.generic):
            found = isinstance(value, str) and position == value
        else:
            found = math.isclose(position, value, rel_tol=1e-9, abs_tol=1e-12)
        if found:
            return i
    raise ValueError(f"start puts {name} at {value!r}, which is not among its positions {_listed(positions)}.")


def _kind(positions: tuple[Position, ...]) -> str:
    """Choose the control: only what is evenly spaced and rising fits a numeric slider."""
    if positions == (False, True) and all(isinstance(position, bool) for position in positions):
        return "checkbox"
    kinds = {type(position) for position in positions}
    if not kinds <= {int, float}:
        return "select"
    steps = np.diff(np.asarray(positions, dtype=float))
    if steps.min() <= 0 or not np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        return "select"
    return "int" if kinds == {int} else "float"


def _step(positions: Sequence[Any]) -> float:
    return (positions[-1] - positions[0]) / (len(positions) - 1)


def _decimals(positions: Sequence[float]) -> int:
    """Return how many decimals write the positions exactly, or else tell them apart."""
    values = np.asarray(positions, dtype=float)
    for decimals in range(5):
        if np.allclose(values.round(decimals), values, rtol=0, atol=1e-9):
            return decimals
    apart = np.abs(np.diff(np.sort(values))).min()
    return max(2, math.ceil(-math.log10(apart)) + 1)


def _listed(positions: Sequence[Position]) -> str:
    shown = ", ".join(repr(position) for position in positions[:6])
    return shown + (f", ... ({len(positions)} in all)" if len(positions) > 6 else "")
