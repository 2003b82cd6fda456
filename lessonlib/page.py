"""Questions and verdicts in a page without a kernel (``LESSONLIB_STATIC=1``): forms that answer by themselves.

The browser's part is ``panel.js``. Answers are kept by the browser, on the reader's own machine.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

#: The browser's part, and how the forms look beside what the page says.
SCRIPT = (Path(__file__).parent / "panel.js").read_text(encoding="utf-8")
STYLE = """
.lesson-panel {margin:1em 0; padding:.2em 1em .8em; border:1px solid; border-radius:.4em}
.lesson-panel fieldset {border:0; margin:0; padding:0; min-width:0}
.lesson-panel legend {font-weight:bold; padding:.6em 0 .3em}
.lesson-panel label {display:block; padding:.2em 0}
.lesson-panel button {font:inherit; padding:.3em .9em; margin-top:.5em; cursor:pointer}
.lesson-panel [role=status]:empty {display:none}
"""
_HYDRATE = 'document.querySelectorAll(":is(.lesson-panel, .lesson-verdict):not([data-live])").forEach(hydrate);'


def static_export() -> bool:
    """Tell whether ``LESSONLIB_STATIC=1`` asks for output that lives in a page without a kernel."""
    return os.environ.get("LESSONLIB_STATIC", "") not in ("", "0")


def panel_html(question: str, options: Sequence[str], button: str, page: Mapping[str, Any]) -> str:
    """Return a question as a form that works without a kernel; without options it asks for a number.

    `page` is what the browser needs to answer: ``kind`` and ``name``, and by kind what `lessonlib.questions` says;
    ``together`` names questions without whose answers it gives no feedback. It is encoded so that reading the page's
    source gives no answer away at a glance.
    """
    name = escape(page["name"])
    fields = "".join(
        f'<label><input type="radio" name="{name}" value="{i}" autocomplete="off"> {escape(option)}</label>'
        for i, option in enumerate(options)
    )
    if not options:
        fields = '<label>Your number <input type="text" inputmode="decimal" autocomplete="off"></label>'
    if confidences := page.get("confidences"):
        choices = "".join(f'<option value="{value:.6g}">{escape(text)}</option>' for text, value in confidences)
        fields += f'<label>How sure? <select autocomplete="off">{choices}</select></label>'
    secret = base64.b64encode(json.dumps(dict(page)).encode()).decode()
    return (
        f'<form class="lesson-panel" data-kind="{escape(page["kind"])}" data-name="{name}" data-page="{secret}">'
        f"<fieldset><legend>{escape(question)}</legend>{fields}</fieldset>"
        f'<button type="submit">{escape(button)}</button><p role="status"></p></form>'
        f'<style>{STYLE}</style><script type="module">{SCRIPT}\n{_HYDRATE}</script>'
    )


def verdict_html(name: str, options: Sequence[str], outcome: int, scored: bool = True) -> str:
    """Return a line that the browser fills with how the reader's prediction did; `outcome` is the option that came true."""
    return (
        f'<p class="lesson-verdict" role="status" data-name="{escape(name)}" data-outcome="{outcome}" '
        f'data-told="{escape(options[outcome])}" data-options="{len(options)}"{" data-scored" * scored}></p>'
    )
