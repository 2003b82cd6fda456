"""Checks: short questions with feedback on every answer, and the concept inventory without.

Each answer is kept in the learner's file. A check is only as good as its wrong answers: each one
is a misconception that people really hold, and its feedback says what it overlooks.
"""

from __future__ import annotations

import datetime
import hashlib
import html
import math
import random
from collections.abc import Mapping, Sequence

import ipywidgets as widgets

from lessonlib import _validate as validate
from lessonlib import storage
from lessonlib.panel import Panel, radio_buttons

FILE = "checks.jsonl"


def choice(name: str, question: str, *, right: tuple[str, str], wrong: Sequence[tuple[str, str]]) -> Panel:
    """Ask a question with one right option and feedback on every option.

    Parameters
    ----------
    name : str
        Identifies the check in the learner's file.
    question : str
        Plain text.
    right : tuple of (str, str)
        The right option and its feedback.
    wrong : sequence of (str, str)
        The wrong options, each with what it overlooks.

    Returns
    -------
    Panel
        The options in an order that the name decides, the same for everyone.

    Raises
    ------
    ValueError
        If there is no wrong option, two options are equal, or a feedback is empty.
    """
    feedback = dict([right, *wrong])
    if not wrong or len(feedback) < len(wrong) + 1 or not all(map(str.strip, feedback.values())):
        raise ValueError(
            f"check {name!r} needs a right and a wrong option, all different, each with feedback, "
            f"got {[right, *wrong]}."
        )
    options = shuffled(name, list(feedback))
    buttons = radio_buttons(options)

    def press() -> str:
        if buttons.index is None:
            return "Choose an answer first."
        chosen = buttons.value
        is_right = chosen == right[0]
        _keep(name, chosen, is_right)
        return f"<strong>{'Right.' if is_right else 'Not quite.'}</strong> {html.escape(feedback[chosen])}"

    told = [feedback[option] for option in options]
    in_page = {"kind": "choice", "name": name, "right": options.index(right[0]), "feedback": told}
    return Panel(question, options, [buttons], button="Check", on_press=press, in_page=in_page)


def number(
    name: str, question: str, *, answer: float, tolerance: float, hint: str, known: Mapping[float, str] | None = None
) -> Panel:
    """Ask for a number.

    Parameters
    ----------
    name : str
        Identifies the check in the learner's file.
    question : str
        Plain text; say the unit and how many digits are wanted.
    answer : float
        Computed by the lesson, never typed.
    tolerance : float
        How far from it still counts as right.
    hint : str
        Shown for a wrong number.
    known : mapping of float to str, optional
        Feedback for wrong numbers that a known mistake leads to.

    Returns
    -------
    Panel

    Raises
    ------
    ValueError
        If the answer is not finite, the tolerance not positive, or a known mistake counts as right.
    """
    answer = validate.finite_array(answer, "answer", ndim=0).item()
    if not tolerance > 0:
        raise ValueError(f"tolerance of check {name!r} must be positive, got {tolerance}.")
    known = dict(known or {})
    for mistake in known:
        if abs(mistake - answer) <= tolerance:
            raise ValueError(f"check {name!r}: the mistake {mistake} is within the tolerance of the answer {answer}.")
    # FloatText would start at 0, and an untouched 0 is no answer.
    style = {"description_width": "initial"}  # or the label is cut off
    field = widgets.Text(placeholder="for example 0.25", description="Your number", style=style)

    def press() -> str:
        given = _read_number(field.value)
        if given is None:
            return "Type a number first, such as 0.25."
        is_right = abs(given - answer) <= tolerance
        _keep(name, given, is_right)
        if is_right:
            return f"<strong>Right.</strong> It is {answer:.4g}."
        told = [text for mistake, text in known.items() if abs(given - mistake) <= tolerance]
        return f"<strong>Not quite.</strong> {html.escape(told[0] if told else hint)}"

    in_page = {"kind": "number", "name": name, "answer": answer, "tolerance": tolerance, "shown": f"{answer:.4g}"}
    in_page |= {"hint": hint, "known": [[float(mistake), text] for mistake, text in known.items()]}
    return Panel(question, [], [field], button="Check", on_press=press, in_page=in_page)


def _read_number(text: str) -> float | None:
    try:
        value = float(text.replace(",", ".").replace("−", "-"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def inventory_item(
    name: str,
    question: str,
    *,
    right: str,
    wrong: Sequence[str],
    reply: str = "You meet this question again at the end of the course.",
) -> Panel:
    """Ask an item of the concept inventory: the answer is kept and nothing is given away.

    Parameters
    ----------
    name : str
        Identifies the item in the learner's file.
    question : str
        Plain text.
    right : str
    wrong : sequence of str
    reply : str
        What is said when the answer has been kept.

    Returns
    -------
    Panel

    Raises
    ------
    ValueError
        If there is no wrong option or two options are equal.
    """
    if not wrong or len({right, *wrong}) < len(wrong) + 1:
        raise ValueError(
            f"inventory item {name!r} needs a right and a wrong option, all different, got {[right, *wrong]}."
        )
    options = shuffled(question, [right, *wrong])
    buttons = radio_buttons(options)

    def press() -> str:
        if buttons.index is None:
            return "Choose an answer first; choose the one you find most likely if you are not sure."
        _keep(name, buttons.value, buttons.value == right)
        return f"Kept. {html.escape(reply)}"

    in_page = {"kind": "item", "name": name, "reply": reply}
    return Panel(question, options, [buttons], button="Keep my answer", on_press=press, in_page=in_page)


def shuffled(key: str, options: Sequence[str]) -> list[str]:
    """Return the options in an order that depends on the key alone."""
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    order = list(options)
    random.Random(seed).shuffle(order)
    return order


def answers() -> dict[str, list[dict]]:
    """Return the learner's kept answers by name of the check, oldest first.

    Returns
    -------
    dict of str to list of dict
        Each answer has ``given`` and ``right`` (bool).

    Raises
    ------
    OSError
        If the learner's file cannot be read.
    """
    by_name: dict[str, list[dict]] = {}
    for record in storage.read_records(FILE, "check", "given", "right"):
        by_name.setdefault(record["check"], []).append(record)
    return by_name


def _keep(name: str, given: str | float, is_right: bool) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    storage.append_record(FILE, {"check": name, "given": given, "right": is_right, "time": now})
