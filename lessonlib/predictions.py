"""The names that lessons used before `lessonlib.questions`; this file goes with the last old lesson."""

from lessonlib.questions import PREDICTIONS as FILE
from lessonlib.questions import Forecast, Prediction, brier_score, forecasts, spread

__all__ = ["FILE", "Forecast", "Question", "brier_score", "forecasts", "spread"]


class Question(Prediction):
    """A prediction under its old name."""

    settle = Prediction.resolve
