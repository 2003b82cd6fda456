"""What predictions and checks look like: a question, options as radio buttons, one button, one answer line.

Everything is a core widget, so it works wherever widgets do. Where they cannot (GitHub) the question and
its options stand there as text; in a page of our own (``LESSONLIB_STATIC=1``) they are a form.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from lessonlib import page, storage

#: ipywidgets gives every option one line: a longer one would be written over the next, its button on the last line.
_STYLE = """<style>
.lesson-question p {line-height:1.4; margin:.4em 0}
.lesson-question .widget-radio-box label {display:flex; flex-direction:row-reverse; justify-content:flex-end}
.lesson-question .widget-radio-box label {height:auto; line-height:1.4; padding:.15em 0}
.lesson-question .widget-radio-box input {flex:none; height:1.4em}
</style>"""


class Panel:
    """A question with widgets below it and a line that answers.

    Parameters
    ----------
    question : str
        Plain text.
    options : sequence of str
        What the learner can choose; shown in the static text too. May be empty.
    controls : sequence of Widget
        The input widgets, top to bottom.
    button : str
        The label of the button.
    on_press : callable
        Called without arguments when the button is pressed; returns the answer line as HTML. If it
        raises OSError (the learner's folder cannot be written), the answer line says so.
    in_page : mapping
        What the form needs in a page without a kernel; see `lessonlib.page.panel_html`.
    """

    def __init__(
        self,
        question: str,
        options: Sequence[str],
        controls: Sequence[widgets.Widget],
        *,
        button: str,
        on_press: Callable[[], str],
        in_page: Mapping[str, Any],
    ) -> None:
        self.question, self.options, self.in_page = question, tuple(options), dict(in_page)
        self.answer_line = widgets.HTML()
        self.button = widgets.Button(description=button, layout=widgets.Layout(width="max-content"))
        self.button.on_click(lambda _: self._answer(on_press))
        heading = widgets.HTML(f"{_STYLE}<p><strong>{html.escape(question)}</strong></p>")
        self.widget = widgets.VBox([heading, *controls, self.button, self.answer_line]).add_class("lesson-question")

    def _answer(self, on_press: Callable[[], str]) -> None:
        try:
            self.say(on_press())
        except OSError as error:  # Jupyter would show it in a log that nobody opens
            remedy = f"make room, or set {storage.HOME_VARIABLE} to a folder that you can write to"
            self.say(f"Your answer could not be kept ({html.escape(str(error))}): {remedy}.")

    def say(self, answer: str) -> None:
        """Show `answer` (HTML) below the button; a screen reader reads it out."""
        self.answer_line.value = f'<p role="status">{answer}</p>'

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        plain = "\n".join([self.question, *(f"  ( ) {option}" for option in self.options)])
        if page.static_export():
            form = page.panel_html(self.question, self.options, self.button.description, self.in_page)
            return {"text/plain": plain, "text/html": form}
        bundle = self.widget._repr_mimebundle_(**options) or {}
        items = "".join(f"<li>{html.escape(option)}</li>" for option in self.options)
        return {
            **bundle,
            "text/plain": plain,
            "text/html": f"<p><strong>{html.escape(self.question)}</strong></p><ul>{items}</ul>",
        }


def radio_buttons(options: Sequence[str]) -> widgets.RadioButtons:
    """Return radio buttons with none chosen, as wide as their longest option."""
    return widgets.RadioButtons(options=list(options), value=None, layout=widgets.Layout(width="auto"))
