"""Predictions: ask the learner before an experiment, keep the answer, score it afterwards.

A prediction is a distribution over a few options, so it can be scored as the course scores a
network: with the Brier score. Lesson 10 shows the learner their own reliability diagram.
"""

from __future__ import annotations

import datetime
import html
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib import page, storage

if TYPE_CHECKING:  # it loads ipywidgets, which scripts do not need
    from lessonlib.panel import Panel

FILE = "predictions.jsonl"
#: How sure a learner can say they are, besides the even guess.
CONFIDENCES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Forecast:
    """A prediction that has been settled.

    Attributes
    ----------
    question : str
        Its identifier.
    probabilities : tuple of float
        One for each option, summing to one.
    outcome : int
        Which option came true.
    """

    question: str
    probabilities: tuple[float, ...]
    outcome: int

    @property
    def brier(self) -> float:
        """Return its Brier score; 0 is perfect, 2 is certain and wrong."""
        return brier_score(self.probabilities, self.outcome)


def brier_score(probabilities: ArrayLike, outcome: int) -> float:
    """Compute the Brier score of one forecast over K options.

    Parameters
    ----------
    probabilities : array_like, shape (n_options,)
        Non-negative and summing to one.
    outcome : int
        The option that came true, from 0.

    Returns
    -------
    float
        The sum of squared differences to the one-hot outcome (Brier 1950): 0 at best, 2 at
        worst, ``(K - 1) / K`` for the even guess.

    Raises
    ------
    ValueError
        If the probabilities are not a distribution or the outcome is not an option.

    Examples
    --------
    >>> brier_score([0.5, 0.5], 0)
    0.5
    """
    row = check.probability_matrix(check.finite_array(probabilities, "probabilities", ndim=1)[None, :])[0]
    came_true = check.whole_number(outcome, "outcome", low=0, high=len(row) - 1)
    return float(((row - np.eye(len(row))[came_true]) ** 2).sum())


def spread(choice: int, confidence: float, n_options: int) -> NDArray[np.float64]:
    """Turn a choice and a confidence into a distribution; the rest is shared evenly.

    Parameters
    ----------
    choice : int
        The chosen option, from 0.
    confidence : float
        Its probability.
    n_options : int
        At least 2.

    Returns
    -------
    ndarray of float64, shape (n_options,)

    Raises
    ------
    ValueError
        If there are fewer than two options, the choice is none of them or the confidence is not in 0..1.
    """
    n_options = check.whole_number(n_options, "n_options", low=2)
    chosen = check.whole_number(choice, "choice", low=0, high=n_options - 1)
    confidence = check.number_within(confidence, "confidence", 0, 1)
    distribution = np.full(n_options, (1 - confidence) / (n_options - 1))
    distribution[chosen] = confidence
    return distribution


class Question:
    """A question asked before an experiment and settled after it.

    Parameters
    ----------
    name : str
        Identifies the question in the learner's file, such as ``"1-cost-of-0.6"``.
    text : str
        What is asked.
    options : sequence of str or of float
        The possible answers. Numbers are settled by the nearest one.

    Raises
    ------
    ValueError
        If there are fewer than two options or two are equal.
    """

    def __init__(self, name: str, text: str, options: Sequence[str] | Sequence[float]) -> None:
        if len(options) < 2 or len(set(options)) < len(options):
            raise ValueError(f"question {name!r} needs at least two different options, got {list(options)}.")
        self.name, self.text, self.options = name, text, tuple(options)

    def record(self, choice: int, confidence: float) -> None:
        """Keep a prediction in the learner's file.

        Parameters
        ----------
        choice : int
            The chosen option, from 0.
        confidence : float
            Its probability, 0 to 1.

        Raises
        ------
        ValueError
            If the choice is not an option or the confidence is not in 0..1.
        OSError
            If the file cannot be written.
        """
        distribution = spread(choice, confidence, len(self.options))
        self._append("prediction", probabilities=distribution.tolist())

    def settle(self, outcome: str | float) -> Verdict:
        """Compare the learner's prediction with what the experiment gave.

        Only the first outcome is kept, and the last prediction before it counts, here and in `forecasts`.

        Parameters
        ----------
        outcome : str or float
            The option that came true or, where the options are numbers, the number measured.

        Returns
        -------
        Verdict
            Shows the outcome and, if there was a prediction, how it did.

        Raises
        ------
        ValueError
            If the outcome is not among the options.
        OSError
            If the learner's file cannot be written.
        """
        index = self._index_of(outcome)
        records = [record for record in _records() if record["question"] == self.name]
        settled = [number for number, record in enumerate(records) if record["kind"] == "outcome"]
        before = records[: settled[0]] if settled else records  # hindsight does not count
        # A prediction kept under an earlier edition of the question may have another number of options.
        made = [r for r in before if r["kind"] == "prediction" and len(r["probabilities"]) == len(self.options)]
        if made and not settled:
            self._append("outcome", option=index)
        score = brier_score(made[-1]["probabilities"], index) if made else None
        if page.static_export():  # the reader's prediction is in the browser, and so is its score
            _display_html(page.verdict_html(self.name, [str(option) for option in self.options], index))
        return Verdict(str(self.options[index]), score, len(self.options))

    def _index_of(self, outcome: str | float) -> int:
        if all(isinstance(option, numbers.Real) for option in self.options):
            measured = check.finite_array(outcome, "outcome", ndim=0).item()
            return int(np.argmin([abs(option - measured) for option in self.options]))
        if outcome not in self.options:
            raise ValueError(f"outcome {outcome!r} of question {self.name!r} is none of {list(self.options)}.")
        return self.options.index(outcome)

    def _append(self, kind: str, **content: object) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        storage.append_record(FILE, {"kind": kind, "question": self.name, "time": now, **content})

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        return self.panel()._repr_mimebundle_(**options)

    def panel(self) -> Panel:
        """Return the widgets that ask the question, a `lessonlib.panel.Panel`."""
        import ipywidgets as widgets

        from lessonlib.panel import Panel, radio_buttons

        texts = [str(option) for option in self.options]
        choice = radio_buttons(texts)
        guess = 1 / len(texts)
        sure = [("just guessing", guess), *((f"{c:.0%}", c) for c in CONFIDENCES if c > guess)]
        style = {"description_width": "initial"}
        confidence = widgets.Dropdown(options=sure, value=guess, description="How sure?", style=style)

        def press() -> str:
            if choice.index is None:
                return "Choose an answer first."
            self.record(choice.index, confidence.value)
            return f"Kept: <em>{html.escape(texts[choice.index])}</em>, {confidence.label}. Now run on."

        in_page = {"kind": "prediction", "name": self.name, "confidences": sure}
        button = "Keep my prediction"
        return Panel(self.text, texts, [choice, confidence], button=button, on_press=press, in_page=in_page)


@dataclass(frozen=True)
class Verdict:
    """How a prediction did; shows itself as a sentence.

    Attributes
    ----------
    outcome : str
        The option that came true.
    brier : float or None
        The score of the learner's prediction; None if there was none.
    n_options : int
    """

    outcome: str
    brier: float | None
    n_options: int

    def __str__(self) -> str:
        if self.brier is None and page.static_export():
            return f"It came out: {self.outcome}."
        if self.brier is None:
            return f"It came out: {self.outcome}. (No prediction of yours is kept for this question.)"
        even = (self.n_options - 1) / self.n_options
        return (
            f"It came out: {self.outcome}. Your Brier score: {self.brier:.2f} "
            f"(0 is perfect, an even guess gets {even:.2f})."
        )

    __repr__ = __str__


def _display_html(html: str) -> None:
    from IPython.display import HTML, display  # scripts do without

    display(HTML(html))


def _records() -> list[dict]:
    return storage.read_records(FILE, "kind", "question")


def forecasts() -> list[Forecast]:
    """Return every settled prediction of the learner, in the order of settling.

    Of several predictions for one question the last one before its first outcome counts.

    Returns
    -------
    list of Forecast

    Raises
    ------
    OSError
        If the learner's file cannot be read.
    """
    latest: dict[str, list[float]] = {}
    settled: dict[str, Forecast] = {}
    for record in _records():
        name = record["question"]
        if record["kind"] == "prediction":
            latest[name] = record["probabilities"]
        elif name not in settled and name in latest:
            settled[name] = Forecast(name, tuple(latest[name]), record["option"])
    return list(settled.values())
