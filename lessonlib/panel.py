"""The names that the clinic used before `lessonlib.questions`; this file goes with its last import."""

from lessonlib.questions import Panel, radio_buttons

__all__ = ["Panel", "radio_buttons"]
