"""The ledger: which examples a change in mean loss comes from, to the last digit.

Between two sets of predictions on the same examples each answer stays right, becomes wrong, becomes right or stays
wrong, and the change in mean loss is the sum over these four: exact to the last bit (`math.fsum`). Taught in lesson 2,
used in lesson 7. Labels and scores as in `lessonlib.metrics`; an infinite loss, which cannot be shared out, raises
ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib import metrics


@dataclass(frozen=True)
class Part:
    """The examples that share one fate, and what they add to the change in mean loss."""

    count: int
    share: float  # of all examples, 0 to 1
    rise: float  # what those whose loss rose add to the mean loss, at least 0
    fall: float  # what those whose loss fell add, at most 0
    contribution: float  # rise + fall: the sum of their changes over the number of *all* examples


@dataclass(frozen=True, repr=False)
class Ledger:
    """The change in mean loss between two sets of predictions, split by what became of the answers."""

    right_to_right: Part
    right_to_wrong: Part
    wrong_to_right: Part
    wrong_to_wrong: Part
    loss_before: float
    loss_after: float
    accuracy_before: float
    accuracy_after: float
    n: int

    @property
    def change(self) -> float:
        """Return the change in mean loss, in nats."""
        return self.loss_after - self.loss_before

    @property
    def accuracy_change(self) -> float:
        """Return the change in accuracy, as a share."""
        return self.accuracy_after - self.accuracy_before

    def items(self) -> Iterator[tuple[str, Part]]:
        """Give each part with its name, such as ``"right → wrong"``, in the order of the table."""
        for name in ("right_to_right", "right_to_wrong", "wrong_to_right", "wrong_to_wrong"):
            yield name.replace("_to_", " → "), getattr(self, name)

    def __str__(self) -> str:
        rows = self._rows()
        first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [f"{name:{first}}" + "".join(map("  {:>{}}".format, cells, widths)) for name, *cells in rows]
        return "\n".join([*lines, self._summary()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        top = "".join(f'<th scope="col">{name}</th>' for name in head)
        body = ""
        for name, *cells in rows:
            body += f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        return f"<table><caption>{self._summary()}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

    def _rows(self) -> list[list[str]]:
        parts = dict(self.items())
        rise, fall = (math.fsum(getattr(part, what) for part in parts.values()) for what in ("rise", "fall"))
        parts["all"] = Part(self.n, 1.0, rise, fall, self.change)
        rows = [["answer", "examples", "share", "rise, nats", "fall, nats", "sum, nats"]]
        for name, part in parts.items():
            nats = (part.rise, part.fall, part.contribution)
            signed = (f"{x:+.3f}" if round(x, 3) else "0.000" for x in nats)
            rows.append([name, str(part.count), f"{part.share:.1%}", *signed])
        return rows

    def _summary(self) -> str:
        return (
            f"Mean loss {self.loss_before:.3f} → {self.loss_after:.3f} nats, "
            f"accuracy {self.accuracy_before:.1%} → {self.accuracy_after:.1%}, n = {self.n}"
        )


def between(
    labels: ArrayLike, *, logits: Sequence[ArrayLike] | None = None, probabilities: Sequence[ArrayLike] | None = None
) -> Ledger:
    """Split the change in mean cross-entropy between two sets of predictions for the same examples: (before, after).

    >>> ledger = between([0, 0], probabilities=([[0.9, 0.1], [0.4, 0.6]], [[0.9, 0.1], [0.6, 0.4]]))
    >>> ledger.wrong_to_right.count, round(ledger.change, 3)
    (1, -0.203)
    """
    kind, pair = check.one_of(logits=logits, probabilities=probabilities)
    before, after = _pair(pair, kind)
    losses = [metrics.cross_entropy_per_example(labels, **{kind: scores}) for scores in (before, after)]
    if (infinite := np.isinf(losses).any(axis=0)).any():
        remedy = "pass logits=..., or clip the probabilities and say so"
        raise ValueError(f"example {infinite.argmax()} gave its true class probability 0, an infinite loss: {remedy}.")
    hits = [metrics.correct(labels, scores) for scores in (before, after)]
    changes = losses[1] - losses[0]
    n = len(changes)

    def part(was_right: bool, is_right: bool) -> Part:
        of_part = changes[(hits[0] == was_right) & (hits[1] == is_right)]
        rise, fall = (math.fsum(of_part[chosen]) / n for chosen in (of_part > 0, of_part < 0))
        return Part(len(of_part), len(of_part) / n, rise, fall, math.fsum(of_part) / n)

    parts = (part(was_right, is_right) for was_right in (True, False) for is_right in (True, False))
    return Ledger(*parts, *(math.fsum(each) / n for each in losses), *(float(each.mean()) for each in hits), n)


def _pair(pair: object, kind: str) -> tuple[NDArray, NDArray]:
    try:
        before, after = pair
    except (TypeError, ValueError) as error:
        raise ValueError(f"{kind} must be a pair (before, after), got {pair!r:.80}: pass {kind}=(old, new).") from error
    before, after = check.score_matrix(before, f"{kind} before"), check.score_matrix(after, f"{kind} after")
    if before.shape != after.shape:
        raise ValueError(f"{kind} before have shape {before.shape}, after {after.shape}: pass the same examples twice.")
    return before, after
