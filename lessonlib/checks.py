"""The names that lessons used before `lessonlib.questions`; this file goes with the last old lesson."""

from lessonlib.questions import CHECKS as FILE
from lessonlib.questions import answers, choice, inventory_item, number, shuffled

__all__ = ["FILE", "answers", "choice", "inventory_item", "number", "shuffled"]
