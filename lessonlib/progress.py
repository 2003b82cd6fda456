"""A progress bar for training in a notebook that leaves one stable line behind.

Bars of other tools stay in a saved notebook at 0 % or change with every run. This one is a native
``<progress>`` element that is replaced, at the end, by a sentence that is the same on every machine.
"""

from __future__ import annotations

import html
import time
from types import TracebackType

from IPython.display import HTML, display

#: A browser cannot follow more updates than this, and each one costs a message.
SECONDS_BETWEEN_UPDATES = 0.2


class ProgressBar:
    """Show how far a training run is; pass `on_batch` to `lessonlib.training.train`.

    Parameters
    ----------
    n_epochs : int
        How many epochs the run has.
    what : str
        What is being trained, in a few words.

    Notes
    -----
    Use it as a context: ``with ProgressBar(16, "small network") as bar: train(..., on_batch=bar.on_batch)``.
    """

    def __init__(self, n_epochs: int, what: str) -> None:
        self.n_epochs, self.what = n_epochs, html.escape(what)
        self._next_update = 0.0

    def __enter__(self) -> ProgressBar:
        self._started = time.perf_counter()
        self._display = display(HTML(f"<p>{self.what}: starting</p>"), display_id=True)
        return self

    def on_batch(self, epoch: int, batch: int, n_batches: int) -> None:
        """Move the bar; most calls do nothing, so that training is not held up.

        Parameters
        ----------
        epoch, batch : int
            Where the run is, from 1.
        n_batches : int
            Batches per epoch.
        """
        now = time.perf_counter()
        if now < self._next_update:
            return
        self._next_update = now + SECONDS_BETWEEN_UPDATES
        done = (epoch - 1 + batch / n_batches) / self.n_epochs
        left = (now - self._started) * (1 - done) / done
        text = f"{self.what}: epoch {epoch} of {self.n_epochs}, about {left:.0f} s left"
        self._show(f'<label>{text} <progress max="1" value="{done:.4f}"></progress></label>')

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ending = f"{self.n_epochs} epochs, done" if kind is None else f"stopped by {kind.__name__}"
        self._show(f"<p>{self.what}: {ending}.</p>")

    def _show(self, content: str) -> None:
        if self._display is not None:  # None outside IPython, where there is nothing to show it in
            self._display.update(HTML(content))
