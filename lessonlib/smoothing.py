"""The names of `lessonlib.uncertainty` that an exercise takes from here; this file goes with its last import."""

from lessonlib.uncertainty import exponential_average, jitter, running_average

__all__ = ["exponential_average", "jitter", "running_average"]
