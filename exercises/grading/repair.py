"""Decide what of a submission runs, and in which order.

First what was handed in, as it was handed in, as nbgrader would run it: each question is asked where its check stands.
Only a submission that then has something wrong and whose cells were moved, copied or changed gets a second chance: its
own cells, each in the place of the answer whose name it defines, in the notebook that was handed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: A cell as `sandbox_reader` tells it.
Cell = Mapping[str, Any]

#: What begins the grade_id of a check, and of a written explanation; those of answers begin otherwise.
CHECK, EXPLAIN = "check-", "explain-"

#: Shorter cells are alike by chance.
TELLING = 40


@dataclass(frozen=True)
class Plan:
    """What runs."""

    steps: list[dict[str, str]]  # for `sandbox_runner.run`
    defines: dict[int, set[str]]  # the names that the learner's own cells define, by the number of the step
    notes: tuple[str, ...] = ()  # what was put right

    @property
    def answered(self) -> set[str]:
        return set().union(*self.defines.values())


def normal(code: str) -> str:
    """Return code or text without the differences that editors make."""
    return "\n".join(line.rstrip() for line in code.strip().splitlines())


def role(cell: Cell) -> str:
    """Return what a released cell is: "text", "setup", "answer", "check" or "explain"."""
    name = cell["grade_id"]
    if name is None:
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
    """Return the submission's cells in its own order; set-up cells that are missing are put back."""
    checks = {normal(cell["source"]): cell["grade_id"] for cell in release if role(cell) == "check"}
    known = set(checks.values())
    untouched = {normal(cell["source"]) for cell in release}
    answers = set(answer_places(release))
    in_code = {name for cell in cells if cell["code"] for name in cell["defines"]}
    steps, defines, notes = [], {}, []
    put_back = _missing_setup(release, cells)
    for place, cell in enumerate(cells):
        steps += [{"run": source} for source in put_back.get(place, [])]
        text = normal(cell["source"])
        own = set(cell["defines"]) if text not in untouched else set()
        # Whoever copies a check and writes an answer into the copy has copied the check's mark as well.
        check = checks.get(text) or (None if text in untouched or own & answers else cell["grade_id"])
        if cell["code"] and check in known:
            steps.append({"ask": check.removeprefix(CHECK)})
        elif cell["code"] and text:
            defines[len(steps)] = own
            steps.append({"run": cell["source"]})
        elif not cell["code"] and cell["parses"] and own & answers - in_code:
            defines[len(steps)] = own
            steps.append({"run": cell["source"]})
            notes.append("A text cell holds an answer; it ran as code.")
    if put_back:
        notes.append("Set-up cells were missing; they were put back.")
    return Plan(steps, defines, tuple(dict.fromkeys(notes)))


def _missing_setup(release: Sequence[Cell], cells: Sequence[Cell]) -> dict[int, list[str]]:
    """Return the set-up cells that a submission lacks, by the place in it before which they belong."""
    texts = {normal(cell["source"]): place for place, cell in reversed(list(enumerate(cells)))}
    ids = {cell["id"]: place for place, cell in enumerate(cells) if cell["id"]}
    grade_ids = {cell["grade_id"]: place for place, cell in enumerate(cells) if cell["grade_id"]}
    names = {name: place for place, cell in reversed(list(enumerate(cells))) for name in cell["defines"]}
    missing: dict[int, list[str]] = {}
    following = len(cells)
    for cell in reversed(release):
        place = texts.get(normal(cell["source"]), ids.get(cell["id"], grade_ids.get(cell["grade_id"] or "")))
        if place is None and role(cell) == "answer":
            place = min((names[name] for name in cell["defines"] if name in names), default=None)
        if place is not None:
            following = min(following, place)
        elif role(cell) == "setup":
            missing.setdefault(following, []).insert(0, cell["source"])
    return missing


def repaired(release: Sequence[Cell], cells: Sequence[Cell]) -> Plan:
    """Return the learner's own cells in the order of the notebook that was handed out.

    A cell that defines an answer's name takes that answer's place, the last one of several; the others, and cells that
    define no answer, stay in front of the one that they stood before. Changed set-up cells run first, and then the
    release's own.
    """
    places = answer_places(release)
    untouched = {normal(cell["source"]) for cell in release}
    setup_ids = {cell["id"] for cell in release if role(cell) == "setup"}
    checks = {cell["grade_id"] for cell in release if role(cell) == "check"}
    own = [cell for cell in cells if cell["code"] or (cell["parses"] and set(cell["defines"]) & set(places))]
    own = [cell for cell in own if normal(cell["source"]) not in untouched and cell["source"].strip()]
    changed, extras, notes = [], [], []
    answers: dict[int, Cell] = {}
    before: dict[int, list[Cell]] = {}
    for cell in own:
        place = _place(cell, places)
        if place is not None:
            if place in answers:
                notes.append("An answer occurs more than once; the last one counts.")
                extras.insert(0, answers[place])
            before[place] = before.get(place, []) + extras
            answers[place], extras = cell, []
        elif cell["grade_id"] in checks:
            continue
        elif cell["id"] in setup_ids or "CLASS_SEED" in cell["defines"]:
            changed.append(cell)
            notes.append("A set-up cell was changed; it ran first, and then the original.")
        else:
            extras.append(cell)
    before[0] = changed + before.get(0, [])
    last = max(answers, default=len(release) - 1)
    steps: list[dict[str, str]] = []
    defines: dict[int, set[str]] = {}
    for place, original in enumerate(release):
        mine = [*before.get(place, []), *([answers[place]] if place in answers else [])]
        if place not in answers and role(original) in ("setup", "answer"):
            mine.append(original)
        if role(original) == "check":
            steps.append({"ask": original["grade_id"].removeprefix(CHECK)})
        for cell in [*mine, *(extras if place == last else [])]:
            defines[len(steps)] = set() if cell is original else set(cell["defines"])
            steps.append({"run": cell["source"]})
    return Plan(steps, defines, tuple(dict.fromkeys(notes)))


def _place(cell: Cell, places: Mapping[str, int]) -> int | None:
    """Return where a cell belongs: the last place whose name it defines, else that of its grade_id."""
    by_name = [places[name] for name in cell["defines"] if name in places]
    return max(by_name) if by_name else places.get(cell["grade_id"])


def explanation(release: Sequence[Cell], cells: Sequence[Cell]) -> str:
    """Return what a learner wrote where an explanation is asked for; where its mark is lost, all text of their own."""
    ids = {cell["grade_id"] for cell in release if role(cell) == "explain"}
    untouched = {normal(cell["source"]) for cell in release}
    texts = [cell for cell in cells if not cell["code"] and normal(cell["source"]) not in untouched]
    marked = [cell for cell in texts if cell["grade_id"] in ids] or texts
    return "\n\n".join(cell["source"].strip() for cell in marked if ids and cell["source"].strip())
