"""The name that lesson 6 used before `lessonlib.training.ProgressBar`; this file goes with the last old lesson."""

from lessonlib.training import ProgressBar

__all__ = ["ProgressBar"]
