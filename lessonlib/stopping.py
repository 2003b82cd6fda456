"""The names of `lessonlib.runs` that lessons take from here."""

from lessonlib.runs import Stop, StopCost, cost_of_stopping, stop_epoch  # noqa: F401
