"""Answers that are known, from ``exercises/teachers/submissions``: right in another way than ours, and wrong ones.

Grading names a mistake that it finds there. ``exercises/README.md`` says how the files are written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jupytext

from exercises.grading import exercise, sandbox_runner
from exercises.grading.exercise import Exercise, Question
from lessonlib import comparing

FOLDER = exercise.SOURCES / "submissions"


@dataclass(frozen=True)
class Variant:
    """Answers that replace those of the solved notebook."""

    title: str
    loses: str | None  # the question that it must lose; None: none
    preamble: list[str]  # cells that run first
    cells: list[str]


def variants(stem: str) -> list[Variant]:
    """Return the right and wrong variants of an exercise; none if nobody has written any yet."""
    if not (FOLDER / f"{stem}.py").exists():
        return []
    preamble, found = [], defaultdict(list)
    for cell in jupytext.read(FOLDER / f"{stem}.py", fmt="py:percent").cells:
        if "right" in cell.metadata:
            found[cell.metadata["right"], None].append(cell.source)
        elif "wrong" in cell.metadata:
            found[cell.metadata["because"], exercise.names_of(cell, "wrong")[0]].append(cell.source)
        else:
            preamble.append(cell.source)
    return [Variant(title, loses, preamble, cells) for (title, loses), cells in found.items()]


def answers_of(variant: Variant, solved: Mapping[str, Any], keys: Sequence[Question]) -> dict[str, list[Any]]:
    """Return what a variant answers, run after the solved notebook that left `solved`, as the sandbox would tell it."""
    namespace = dict(solved)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for number, code in enumerate((*variant.preamble, *variant.cells)):
            with contextlib.suppress(Exception):  # a cell that fails is an answer that is missing, as in a submission
                exercise.run_code(code, namespace, f"<{variant.title}, cell {number}>")
        asked = [exercise.request(key) for key in keys]
        return {one["names"][0]: sandbox_runner.collect(namespace, one, seconds=20)["got"] for one in asked}


def key_with_mistakes(source: Exercise, secret: str) -> list[Question]:
    """Return the key of an exercise with what its wrong variants answer, so that grading can name the mistake."""
    solved = exercise.solve(source, secret)
    keys = exercise.answer_key(source, secret, solved)
    found: dict[str, list[tuple[str, list]]] = {key.name: [] for key in keys}
    for variant in variants(source.stem):
        asked = [key for key in keys if key.name == variant.loses]
        for name, got in answers_of(variant, solved, asked).items() if asked else ():
            found[name].append((variant.title, comparing.from_json(got)))
    return [dataclasses.replace(key, mistakes=found[key.name]) for key in keys]
