"""The concept inventory: sixteen questions asked before the course and again, in other words, after it.

Nobody is told what is right, and no code cell shows it: the questions are in ``concept_inventory.toml``. Lesson 0 has
the first form, lesson 10 the second; nobody has measured whether they are equally hard.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from lessonlib import questions, uncertainty

#: The forms, and what is replied to an answer.
FORMS = {"pre": "You meet this question again at the end of the course.", "post": "Your first answer counts."}


@dataclass(frozen=True)
class Item:
    """One question of a form: its concept (a key of the learner's file), the question, the right option, the wrong."""

    concept: str
    question: str
    right: str
    wrong: tuple[str, ...]

    def panel(self, form: str, number: int) -> questions.Panel:
        """Return the widgets that ask."""
        options = {"right": self.right, "wrong": self.wrong, "reply": FORMS[form]}
        return questions.inventory_item(f"{form}: {self.concept}", f"{number}. {self.question}", **options)


def items(form: str) -> tuple[Item, ...]:
    """Return the questions of a form, "pre" or "post", in order; both forms ask for the same concepts."""
    if form not in FORMS:
        raise ValueError(f"form must be 'pre' or 'post', got {form!r}.")
    pairs = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["item"]
    forms = {pair["concept"]: pair[form] for pair in pairs}
    return tuple(Item(name, each["question"], each["right"], tuple(each["wrong"])) for name, each in forms.items())


def panels(form: str) -> list[questions.Panel]:
    """Return the panels of a form, numbered, in order."""
    return [item.panel(form, number) for number, item in enumerate(items(form), start=1)]


def answered(form: str) -> dict[str, bool]:
    """Return by concept whether the learner's first answer was right; those to an earlier edition do not count."""
    kept, right = questions.answers(), {}
    for item in items(form):
        ours = [a for a in kept.get(f"{form}: {item.concept}", []) if a["given"] in (item.right, *item.wrong)]
        if ours:
            right[item.concept] = ours[0]["given"] == item.right
    return right


@dataclass(frozen=True)
class Comparison:
    """Whether the first answers before and after were right, by concept; only concepts answered in both forms."""

    before: dict[str, bool]
    after: dict[str, bool]

    @property
    def gained(self) -> list[str]:
        """Return the concepts that were wrong before and right after."""
        return [concept for concept, right in self.after.items() if right and not self.before[concept]]

    @property
    def lost(self) -> list[str]:
        """Return the concepts that were right before and wrong after."""
        return [concept for concept, right in self.after.items() if not right and self.before[concept]]

    @property
    def gain(self) -> float | None:
        """Return the normalised gain: of what was missing before, the share that is there after; None if nothing was.

        R. Hake, *American Journal of Physics* 66 (1998). Lesson 10.
        """
        missing = len(self.before) - sum(self.before.values())
        return (len(self.gained) - len(self.lost)) / missing if missing else None

    @property
    def p_value(self) -> float:
        """Return how often gains and losses would be split so unevenly if each change were as likely as its reverse."""
        return uncertainty.mcnemar_p_value(len(self.gained), len(self.lost))

    def __str__(self) -> str:
        if not self.before:
            return "Nothing to compare yet: answer the questions here and in lesson 0, and run this again."
        right = f"{sum(self.before.values())} before, {sum(self.after.values())} after"
        lines = [f"Of {len(self.before)} ideas answered twice you had right: {right}.",
                 f"Gained: {', '.join(self.gained) or 'none'}. Lost: {', '.join(self.lost) or 'none'}."]  # fmt: skip
        if self.gain is not None:
            lines.append(f"Normalised gain {self.gain:.2f}; so uneven by luck alone {self.p_value:.0%} of the time.")
        return "\n".join(lines)


def compare() -> Comparison:
    """Compare the learner's first answers before and after the course."""
    before, after = map(answered, FORMS)
    both = [concept for concept in before if concept in after]
    return Comparison({concept: before[concept] for concept in both}, {concept: after[concept] for concept in both})
