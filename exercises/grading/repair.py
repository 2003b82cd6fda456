"""Decide what of a submission runs, and in which order.

First what was handed in, as it was handed in, as nbgrader would run it: each question is asked where its check stands.
Only a submission that then has something wrong and whose cells were moved, copied or changed gets a second chance: its
own cells, each in the place of the answer whose name it defines, in the notebook that was handed out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: A cell as `sandbox_reader` tells it.
Cell = Mapping[str, Any]

#: What begins the grade_id of a check, and of a written explanation; those of answers begin otherwise.
CHECK, EXPLAIN = "check-", "explain-"

#: Shorter cells are alike by chance.
TELLING = 40


@dataclass
class Plan:
    """What runs."""

    steps: list[dict[str, str]] = field(default_factory=list)  # for `sandbox_runner.run`
    #: The names that the learner's own cells define, by the number of the step.
    defines: dict[int, set[str]] = field(default_factory=dict)

    def ask(self, check: str) -> None:
        """Ask the question of a check, given by its grade_id."""
        self.steps.append({"ask": check.removeprefix(CHECK)})

    def run(self, cell: Cell, own: set[str]) -> None:
        """Run a cell of which these names are the learner's own work."""
        self.defines[len(self.steps)] = own
        self.steps.append({"run": cell["source"]})


def normal(code: str) -> str:
    """Return code or text without the differences that editors make."""
    return "\n".join(line.rstrip() for line in code.strip().splitlines())


def role(cell: Cell) -> str:
    """Return what a released cell is: "text", "setup", "answer", "check" or "explain"."""
    name = cell["grade_id"]
    if not name:
        return "setup" if cell["code"] else "text"
    return "check" if name.startswith(CHECK) else "explain" if name.startswith(EXPLAIN) else "answer"


def answer_places(release: Sequence[Cell]) -> dict[str, int]:
    """Return the place of each answer cell of a released notebook, by its grade_id and by each name that it defines."""
    places: dict[str, int] = {}
    for place, cell in enumerate(release):
        if role(cell) == "answer":
            places |= dict.fromkeys([*cell["defines"], cell["grade_id"]], place)
    return places


def resemblance(release: Sequence[Cell], cells: Sequence[Cell]) -> float:
    """Return how much of an exercise's notebook is in another one, from 0 to 1: of its cells, or of its answers."""
    there = {normal(cell["source"]) for cell in cells}
    telling = [normal(cell["source"]) for cell in release if len(cell["source"]) >= TELLING and role(cell) != "answer"]
    asked = set(answer_places(release))
    given = {name for cell in cells for name in cell["defines"]} & asked
    return max(sum(text in there for text in telling) / len(telling), len(given) / len(asked))


def as_handed_in(release: Sequence[Cell], cells: Sequence[Cell]) -> Plan:
    """Return the submission's cells in its own order."""
    checks = {normal(cell["source"]): cell["grade_id"] for cell in release if role(cell) == "check"}
    untouched = {normal(cell["source"]) for cell in release}
    answers, plan = set(answer_places(release)), Plan()
    for cell in cells:
        text = normal(cell["source"])
        own = set(cell["defines"]) if text not in untouched else set()
        # Whoever copies a check and writes an answer into the copy has copied the check's mark as well.
        check = checks.get(text) or ("" if text in untouched or own & answers else cell["grade_id"])
        if cell["code"] and check in checks.values():
            plan.ask(check)
        elif cell["code"] and text:
            plan.run(cell, own)
    return plan


def repaired(release: Sequence[Cell], cells: Sequence[Cell]) -> Plan:
    """Return the learner's own cells in the order of the notebook that was handed out.

    A cell that defines an answer's name takes that answer's place; the others stay in front of the one that they stood
    before. Changed set-up cells run first, and then the release's own. What was made a text cell runs.
    """
    places, plan = answer_places(release), Plan()
    untouched = {"", *(normal(cell["source"]) for cell in release)}
    setup_ids = {cell["id"] for cell in release if role(cell) == "setup"}
    checks = {cell["grade_id"] for cell in release if role(cell) == "check"}
    here: dict[int, list[Cell]] = defaultdict(list)
    others: list[Cell] = []
    for cell in cells:
        answers = [places[name] for name in cell["defines"] if name in places]
        is_code = cell["code"] or (cell["parses"] and answers)
        if not is_code or normal(cell["source"]) in untouched:
            continue
        place = max(answers, default=places.get(cell["grade_id"]))
        if place is not None:
            here[place] += [*others, cell]
            others = []
        elif cell["id"] in setup_ids or "CLASS_SEED" in cell["defines"]:
            plan.run(cell, set(cell["defines"]))
        elif cell["grade_id"] not in checks:
            others.append(cell)
    if here:
        here[max(here)] += others
    for place, original in enumerate(release):
        if role(original) == "check":
            plan.ask(original["grade_id"])
        elif place not in here and role(original) in ("setup", "answer"):
            plan.run(original, set())
        for cell in here.get(place, ()):
            plan.run(cell, set(cell["defines"]))
    return plan


def explanation(release: Sequence[Cell], cells: Sequence[Cell]) -> str:
    """Return what a learner wrote where an explanation is asked for; where its mark is lost, all text of their own."""
    ids = {cell["grade_id"] for cell in release if role(cell) == "explain"}
    untouched = {normal(cell["source"]) for cell in release}
    texts = [cell for cell in cells if not cell["code"] and normal(cell["source"]) not in untouched]
    marked = [cell for cell in texts if cell["grade_id"] in ids] or texts
    return "\n\n".join(cell["source"].strip() for cell in marked if ids and cell["source"].strip())
