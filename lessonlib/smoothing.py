"""The names of `lessonlib.uncertainty` that lessons take from here."""

from lessonlib.uncertainty import (  # noqa: F401
    exponential_average,
    exponential_smoothing,
    jitter,
    running_average,
    running_smoothing,
)
