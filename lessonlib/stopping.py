"""The names of `lessonlib.runs` that an exercise takes from here; this file goes with its last import."""

from lessonlib.runs import Stop, StopCost, cost_of_stopping, stop_epoch

__all__ = ["Stop", "StopCost", "cost_of_stopping", "stop_epoch"]
