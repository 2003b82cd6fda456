"""What lesson 6 shows of a training: its curves while it runs, and photographs that no notebook stores."""

from __future__ import annotations

import html
import io
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
from PIL import Image

from lessonlib import figures, runs, training
from lessonlib.cifar10 import ImageData
from lessonlib.runs import Run
from lessonlib.training import Recipe


class LiveTraining:
    """A training in the background of a notebook, drawn after every epoch, with a button that stops it and goes on.

    When it is done, the run is kept in the learner's folder (`runs.keep`). Where there is no `data`, the recorded run
    is played the same way; its end is also what a viewer without a kernel sees. Cells below it can be run meanwhile.
    `picture` makes a `figures.Picture` of the run so far.
    """

    seconds_an_epoch = 0.4  # of a recorded run

    def __init__(
        self, recipe: Recipe, data: ImageData | None, recorded: Run, *, seed: int, picture: Callable[[Run], Any]
    ) -> None:
        self.recipe, self.data, self.recorded, self.seed, self.picture = recipe, data, recorded, seed, picture
        self.own: Run | None = None  # the learner's run, once it is complete
        self.said = ""  # how it ended
        self._going = threading.Event()
        self._going.set()
        self._chart, self._line = widgets.HTML(), widgets.HTML("<p>Starting.</p>")
        self._button = widgets.Button(description="Stop")
        self._button.on_click(lambda _: self.toggle())
        below = widgets.HBox([self._button, self._line], layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox([self._chart, below])
        self._in_notebook = figures.in_this_thread()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @property
    def result(self) -> Run:
        """The learner's run once it is complete, else the recorded one."""
        return self.own or self.recorded

    def toggle(self) -> None:
        """Stop the training, or let it go on."""
        stops = self._going.is_set()
        (self._going.clear if stops else self._going.set)()
        self._button.description = "Go on" if stops else "Stop"

    def _work(self) -> None:
        try:
            if self.data is None:
                for n in self.recorded.epochs:
                    time.sleep(self.seconds_an_epoch)
                    self._after_epoch(self.recorded.until(n))
                self.said = "This was the recorded run: CIFAR-10 is not on this machine."
            else:
                self.said = self._train()
        except Exception as error:  # in a thread nobody else would see it
            self.said = f"The training ended with an error, and the lesson goes on with the recorded run: {error}"
        self._in_notebook(self._end)

    def _train(self) -> str:
        device = training.choose_device()
        self.own = run = training.train(
            self.recipe, self.data, seed=self.seed, device=device, precision=training.choose_precision(device),
            keep_logits=self.recipe.n_val, on_batch=self._going.wait, on_epoch=self._after_epoch,
        )  # fmt: skip
        try:
            return f"Done on {device}. Your run is kept as {runs.keep(run)}."
        except OSError as error:
            return f"Done on {device}. Your run could not be kept ({error}); the lesson goes on with it."

    def _after_epoch(self, run: Run) -> None:
        self._going.wait()
        self._in_notebook(self._draw, run)

    def _draw(self, run: Run) -> None:
        self._chart.value = figures.panels_html(self.picture(run))
        self._line.value = f"<p>Epoch {run.n_epochs} of {self.recipe.epochs}.</p>"

    def _end(self) -> None:
        self._button.disabled = True
        self._line.value = f'<p role="status">{html.escape(self.said)}</p>'

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        shown = self.picture(self.recorded)
        still = figures.static_bundle(figures.draw(shown, figsize=(12.0, 3.2)), shown.sentence)
        if figures.static_export():
            return still | {"text/html": figures.panels_html(shown)}  # panels that stack on a phone
        return {**(self.widget._repr_mimebundle_(**options) or {}), **still}


class UnstoredImages(anywidget.AnyWidget):
    """Small photographs, uint8 of shape (n, height, width, 3), that a notebook shows and never saves.

    They travel as messages, in no output and no state.
    """

    _esm = Path(__file__).with_name("unstored_images.js").read_text(encoding="utf-8")

    def __init__(self, images: np.ndarray, captions: Sequence[str]) -> None:
        super().__init__()
        self._captions, self._pngs = list(captions), []
        for image in images:
            out = io.BytesIO()
            Image.fromarray(image).save(out, "png")
            self._pngs.append(out.getvalue())
        self.on_msg(lambda *_: self.send(self._captions, buffers=self._pngs))
