"""Training: one readable torch loop that turns a recipe into a `Run`.

Taught in lesson 6. A `recipes.Recipe` is the single source of what is trained; ``python -m lessonlib record`` records
those of the course. torch is imported when it is needed. A request that is not possible raises ValueError.
"""

from __future__ import annotations

import asyncio
import dataclasses
import html
import platform
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import _validate as check
from lessonlib import problems, runs
from lessonlib.cifar10 import ImageData
from lessonlib.recipes import Recipe
from lessonlib.runs import MEASURED_TRAINING_EXAMPLES, Run

if TYPE_CHECKING:
    import torch

#: Mean and standard deviation of CIFAR-10's pixels, per colour, in units of 0..1.
PIXEL_MEAN = (0.4914, 0.4822, 0.4465)
PIXEL_SD = (0.2470, 0.2435, 0.2616)
#: On a CPU faster than 1,000 pictures at once, whose features do not fit into its cache.
EVALUATION_BATCH = 128
PRECISIONS = ("float32", "bfloat16")


def choose_device() -> str:
    """Return the fastest torch device here: ``"cuda"``, else ``"mps"``, else ``"cpu"``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_precision(device: str) -> str:
    """Return ``"bfloat16"`` where a torch device such as ``"cpu"`` computes it in hardware, else ``"float32"``."""
    import torch

    if device.startswith("cuda"):
        supported = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # torch has no public question for this; without the answer float32 is always right.
        supported = device == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bfloat16" if supported else "float32"


def build_network(recipe: Recipe, *, n_classes: int = 10) -> torch.nn.Sequential:
    """Build the network of a recipe: images of shape (n, 3, 32, 32) in, logits of shape (n, n_classes) out."""
    from torch import nn

    n_classes = check.whole_number(n_classes, "n_classes", low=2)
    layers: list[nn.Module] = []
    if recipe.blocks:
        layers, side = [*_residual_stages(recipe), nn.AdaptiveAvgPool2d(1)], 1
    else:
        for c_in, c_out in zip((3, *recipe.channels), recipe.channels, strict=False):
            # Pooling before ReLU gives the same numbers as after it, from a quarter of the work.
            layers += [*_convolution(recipe, c_in, c_out), nn.MaxPool2d(2), nn.ReLU()]
        side = 32 // 2 ** len(recipe.channels)
    n_features = recipe.channels[-1] * side * side
    layers.append(nn.Flatten())
    if recipe.hidden:
        layers += [nn.Linear(n_features, recipe.hidden), nn.ReLU()]
    if recipe.dropout:
        layers.append(nn.Dropout(recipe.dropout))
    layers.append(nn.Linear(recipe.hidden or n_features, n_classes))
    if recipe.logit_norm:
        layers += _scale_to_length(recipe.logit_norm)
    return nn.Sequential(*layers)


def _convolution(recipe: Recipe, c_in: int, c_out: int, *, size: int = 3, stride: int = 1) -> list[torch.nn.Module]:
    """Return a convolution that divides the image's size by the stride, normalised if the recipe says so."""
    from torch import nn

    options = {"kernel_size": size, "stride": stride, "padding": size // 2, "bias": not recipe.batch_norm}
    return [nn.Conv2d(c_in, c_out, **options), *([nn.BatchNorm2d(c_out)] if recipe.batch_norm else [])]


def _residual_stages(recipe: Recipe) -> list[torch.nn.Module]:
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, c_in: int, c_out: int, stride: int) -> None:
            super().__init__()
            first = _convolution(recipe, c_in, c_out, stride=stride)
            self.change = nn.Sequential(*first, nn.ReLU(), *_convolution(recipe, c_out, c_out))
            same = (c_in, stride) == (c_out, 1)
            self.keep = nn.Sequential(*([] if same else _convolution(recipe, c_in, c_out, size=1, stride=stride)))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return (self.keep(images) + self.change(images)).relu()

    c_in = recipe.channels[0]
    layers: list[nn.Module] = [*_convolution(recipe, 3, c_in), nn.ReLU()]
    for stage, c_out in enumerate(recipe.channels):
        for block in range(recipe.blocks):
            layers.append(Residual(c_in, c_out, stride=2 if stage and not block else 1))
            c_in = c_out
    return layers


def _scale_to_length(length: float) -> list[torch.nn.Module]:
    from torch import nn

    class ScaleToLength(nn.Module):
        def forward(self, logits: torch.Tensor) -> torch.Tensor:
            return length * nn.functional.normalize(logits.float(), dim=1)

    return [ScaleToLength()]


def train(
    recipe: Recipe, data: ImageData, *, seed: int, device: str | None = None, precision: str = "float32",
    eval_precision: str = "float32", keep_logits: int = 0, on_batch: Callable[[int, int, int], None] | None = None,
    on_epoch: Callable[[int, Mapping[str, float]], None] | None = None, on_run: Callable[[Run], None] | None = None,
) -> Run:  # fmt: skip
    """Train the network of a recipe and measure it after each epoch.

    `seed` decides the training subset, the initial weights and the order of the batches. `precision` is that of the
    training steps, `eval_precision` that of the measurements. Of the first `keep_logits` validation examples logits are
    kept. The callbacks are called as ``on_batch(epoch, batch, n_batches)`` and ``on_epoch(epoch,
    metrics_of_this_epoch)``, and ``on_run(run)`` with the run up to this epoch, without its details.

    The run's metrics: ``running_train_loss`` and ``running_train_accuracy`` (means over the epoch while the weights
    move, in training mode: what most tools report), ``train_loss``, ``train_accuracy`` and ``train_loss_se`` (after the
    epoch, on up to 2,000 training images) and what `runs.measure` gives; with label noise also ``noisy_val_loss`` and
    the like, against validation labels with the same share of wrong ones. NaN where the network has diverged. Its
    details: ``batch_losses`` (n_epochs, n_batches) and, with test images, ``class_errors`` (n_epochs, n_classes),
    shares, and what `runs.measure_pictures` gives at the epoch of the lowest validation loss and at the last one, each
    of shape (2, n_test).
    """
    import torch

    device = device or choose_device()
    seed = check.whole_number(seed, "seed", low=0)
    keep_logits = check.whole_number(keep_logits, "keep_logits", low=0, high=recipe.n_val)
    _check_request(recipe, data, device, precision, eval_precision)
    train_set, held_out = _pick_examples(recipe, data, seed)
    torch.manual_seed(seed)
    network = build_network(recipe, n_classes=data.n_classes).to(device, memory_format=torch.channels_last)
    trainer = Trainer(recipe, network, train_set, seed=seed, device=device, precision=precision)
    measured_images, measured_labels = (part[:MEASURED_TRAINING_EXAMPLES] for part in train_set)

    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return predict_logits(trainer.measured, images, precision=eval_precision)

    provenance = {
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "n_train": len(train_set[1]),
        "n_val": recipe.n_val,
        "class_names": list(data.class_names),
        "data_checksum": data.checksum,
        "device": f"{device} ({_device_name(device)}, {torch.get_num_threads()} threads)",
        "precision": precision,
        "eval_precision": eval_precision,
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    history: list[dict[str, float]] = []
    kept: list[NDArray[np.float32]] = []
    batch_losses, class_errors, pictures = [], [], {}
    for epoch in range(1, recipe.epochs + 1):
        row = trainer.run_epoch(None if on_batch is None else lambda b, n, epoch=epoch: on_batch(epoch, b, n))
        row |= runs.loss_and_accuracy(measured_labels, predict(measured_images), prefix="train")
        sets = {name: (labels, predict(images)) for name, (images, labels) in held_out.items()}
        row |= runs.measure(sets)
        if recipe.label_noise:
            noisy = _with_noise(recipe, sets["val"][0], data, seed)
            row |= runs.measure_one(noisy, sets["val"][1], prefix="noisy_val")
        batch_losses.append(trainer.batch_losses)
        if "test" in sets and np.isfinite(row["val_loss"] + row["test_loss"]):
            pictures["last"] = last = runs.measure_pictures(*sets["test"], row["val_temperature"])
            if not any(earlier["val_loss"] <= row["val_loss"] for earlier in history):
                pictures["lowest"] = last
            class_errors.append([1 - last["test_correct"][sets["test"][0] == c].mean() for c in range(data.n_classes)])
        history.append(row)
        if keep_logits:
            kept.append(sets["val"][1][:keep_logits])
        if on_epoch is not None:
            on_epoch(epoch, row)
        if on_run is not None:
            on_run(Run.of_epochs(history, kept, held_out["val"][1], provenance))
    details = {"batch_losses": np.stack(batch_losses)}
    if class_errors:
        details["class_errors"] = np.array(class_errors, np.float16)
        details |= {name: np.stack([pictures["lowest"][name], last]) for name, last in pictures["last"].items()}
    return Run.of_epochs(history, kept, held_out["val"][1], provenance, details)


def _check_request(recipe: Recipe, data: ImageData, device: str, *precisions: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # the latter from a torch that was built without CUDA
        raise ValueError(f"torch cannot compute on the device {device!r} here ({error}): pass 'cpu'.") from error
    for precision in precisions:
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}.")
    n_train, n_held_out = recipe.n_train, recipe.n_val + recipe.n_test
    if recipe.split == "sorted":
        n_train, n_held_out = recipe.n_train + recipe.n_val, recipe.n_test
    if n_train > len(data.train_labels) or n_held_out > len(data.test_labels):
        raise ValueError(
            f"recipe {recipe.name!r} wants {n_train} images of the training file and {n_held_out} of the test file, "
            f"which have {len(data.train_labels)} and {len(data.test_labels)}: "
            "lower n_train, n_val or n_test with dataclasses.replace(recipe, ...)."
        )


Examples = tuple[NDArray[np.uint8], NDArray[np.int64]]


def _pick_examples(recipe: Recipe, data: ImageData, seed: int) -> tuple[Examples, dict[str, Examples]]:
    """Return the training examples, in random order, and the held-out ones: "val" and, where there are any, "test"."""
    order = np.random.default_rng(seed).permutation(len(data.train_labels))
    chosen = order[: recipe.n_train] if recipe.n_train else order
    val_set = data.test_images[: recipe.n_val], data.test_labels[: recipe.n_val]
    if recipe.split == "sorted":
        pool = order[: recipe.n_train + recipe.n_val]
        tail = pool[np.argsort(data.train_labels[pool], kind="stable")[recipe.n_train :]]
        chosen = pool[~np.isin(pool, tail)]
        val_set = data.train_images[tail], data.train_labels[tail]
    labels = _with_noise(recipe, data.train_labels[chosen], data, seed)
    held_out = {"val": val_set}
    if recipe.n_test:
        test = slice(recipe.n_val, recipe.n_val + recipe.n_test)
        held_out["test"] = data.test_images[test], data.test_labels[test]
    return (data.train_images[chosen], labels), held_out


def _with_noise(recipe: Recipe, labels: NDArray[np.int64], data: ImageData, seed: int) -> NDArray[np.int64]:
    if not recipe.label_noise:
        return labels
    return problems.flip_labels(labels, recipe.label_noise, n_classes=data.n_classes, rng=seed)


class Trainer:
    """Train a network epoch by epoch, with all pictures held as one tensor on the device.

    `network` is on the device already; `examples` are images, uint8 of shape (n, 32, 32, 3), and labels of shape (n,);
    `seed` decides the order of the batches.
    """

    def __init__(
        self, recipe: Recipe, network: torch.nn.Module, examples: Examples, *, seed: int, device: str, precision: str
    ) -> None:
        import torch

        self.recipe, self.network, self.device, self.precision = recipe, network, device, precision
        self.images = _to_input(examples[0], device)
        self.labels = torch.from_numpy(examples[1]).to(device)
        self.order = torch.Generator().manual_seed(seed)
        self.distortions = torch.Generator(device).manual_seed(seed)
        #: The batches of every epoch, where the recipe does not shuffle them anew.
        self.fixed_batches: tuple[torch.Tensor, ...] = ()
        if recipe.batch_order == "fixed":
            self.fixed_batches = self._shuffled_batches()
        elif recipe.batch_order == "sorted":
            self.fixed_batches = self.labels.argsort(stable=True).split(recipe.batch_size)
        self.batch_losses = np.zeros(0, np.float16)
        options = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
        if recipe.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(network.parameters(), momentum=recipe.momentum, **options)
        else:
            self.optimizer = torch.optim.Adam(network.parameters(), **options)
        self.averaged = None
        if recipe.average:
            by = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
            self.averaged = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=by, use_buffers=True)
        n_steps = recipe.epochs * recipe.passes * -(-len(self.labels) // recipe.batch_size)
        cosine = recipe.schedule == "cosine"
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, n_steps) if cosine else None

    @property
    def measured(self) -> torch.nn.Module:
        """The network that is measured: with the averaged weights where the recipe asks for them."""
        return self.network if self.averaged is None else self.averaged.module

    def run_epoch(self, on_batch: Callable[[int, int], None] | None = None) -> dict[str, float]:
        """Take one step per batch, in the recipe's order, calling ``on_batch(batch, n_batches)`` after each.

        Returns loss and accuracy as running means, measured while the weights moved; the loss is the one that training
        minimises, so it counts label smoothing. The loss of each batch is left in `batch_losses`.
        """
        import torch

        self.network.train()
        losses, n_correct = [], torch.zeros((), device=self.device)
        batches = [b for _ in range(self.recipe.passes) for b in self.fixed_batches or self._shuffled_batches()]
        for number, batch in enumerate(batches, start=1):
            images, labels = self._distort(self.images[batch]), self.labels[batch]
            with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.precision == "bfloat16"):
                logits = self.network(images)
            loss = self._loss(logits.float(), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if self.scheduler is not None:
                self.scheduler.step()
            if self.averaged is not None:
                self.averaged.update_parameters(self.network)
            # Sums stay on the device: asking for a number after each batch would stall a GPU.
            losses.append(loss.detach())
            n_correct += (logits.argmax(1) == labels).sum()
            if on_batch is not None:
                on_batch(number, len(batches))
        values = torch.stack(losses).double().cpu().numpy()
        sizes = [len(batch) for batch in batches]
        with np.errstate(over="ignore"):
            self.batch_losses = values.astype(np.float16)
        loss, accuracy = float(np.average(values, weights=sizes)), n_correct.item() / sum(sizes)
        return {"running_train_loss": loss, "running_train_accuracy": accuracy}

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        if not self.recipe.focal_gamma:
            return cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        p = logits.softmax(1).gather(1, labels[:, None])[:, 0]
        losses = cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing, reduction="none")
        return ((1 - p) ** self.recipe.focal_gamma * losses).mean()

    def _shuffled_batches(self) -> tuple[torch.Tensor, ...]:
        import torch

        order = torch.randperm(len(self.labels), generator=self.order).to(self.device)
        return order.split(self.recipe.batch_size)

    def _distort(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network sees of a batch: augmented and with noise, where the recipe says so."""
        import torch

        if self.recipe.augment:
            images = _mirror_and_shift(images, self.distortions)
        if self.recipe.input_noise:
            noise = torch.empty_like(images).normal_(generator=self.distortions)
            images = images + self.recipe.input_noise * noise
        return images


def _mirror_and_shift(images: torch.Tensor, generator: torch.Generator, *, most: int = 4) -> torch.Tensor:
    """Mirror each image with a chance of one half and shift it by up to `most` pixels each way, over a grey border."""
    import torch

    n, _, height, width = images.shape
    options = {"generator": generator, "device": images.device}
    mirrored = torch.rand(n, **options) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    padded = torch.nn.functional.pad(images, (most, most, most, most))
    down, right = torch.randint(0, 2 * most + 1, (2, n, 1), **options)
    rows = (down + torch.arange(height, device=images.device))[:, :, None]
    columns = (right + torch.arange(width, device=images.device))[:, None, :]
    picked = padded[torch.arange(n, device=images.device)[:, None, None], :, rows, columns]
    return picked.permute(0, 3, 1, 2)  # indexing gave n, row, column, colour: already the memory order we want


def _to_input(images: NDArray[np.uint8], device: str) -> torch.Tensor:
    """Return normalised images of shape (n, 3, 32, 32), in the memory order in which convolutions are fastest."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device).float().div_(255)
    pixels.sub_(torch.tensor(PIXEL_MEAN, device=device)).div_(torch.tensor(PIXEL_SD, device=device))
    return pixels.permute(0, 3, 1, 2)


def predict_logits(
    network: torch.nn.Module, images: NDArray[np.uint8], *, precision: str = "float32"
) -> NDArray[np.float32]:
    """Compute logits, float32 of shape (n, n_classes), in evaluation mode, batch by batch.

    `images` are uint8 of shape (n, 32, 32, 3), at least one.
    """
    import torch

    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or len(images) == 0:
        remedy = "pass them as `cifar10.load` gives them, neither scaled nor transposed"
        raise ValueError(f"images must be uint8 of shape (n, 32, 32, 3), got {images.dtype} {images.shape}: {remedy}.")
    network.eval()
    device = str(next(network.parameters()).device)
    low_precision = torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bfloat16")
    with torch.inference_mode(), low_precision:
        batches = [images[i : i + EVALUATION_BATCH] for i in range(0, len(images), EVALUATION_BATCH)]
        return np.concatenate([network(_to_input(batch, device)).float().cpu().numpy() for batch in batches])


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine()


class LiveTraining:
    """A training in the background of a notebook, drawn after every epoch, with a button that stops it and goes on.

    When it is done, the run is kept in the learner's folder (`runs.keep`). Where there is no `data`, the recorded run
    is played the same way; its end is also what a viewer without a kernel sees. Cells below it can be run meanwhile; a
    cell that is running holds up the drawing alone. `picture` makes a `figures.Picture` of the run so far.
    """

    seconds_an_epoch = 0.4  # of a recorded run

    def __init__(
        self, recipe: Recipe, data: ImageData | None, recorded: Run, *, seed: int, picture: Callable[[Run], Any]
    ) -> None:
        import ipywidgets as widgets

        self.recipe, self.data, self.recorded, self.seed, self.picture = recipe, data, recorded, seed, picture
        #: The learner's run, once it is complete, and how it ended.
        self.own: Run | None = None
        self.said = ""
        self._going = threading.Event()
        self._going.set()
        self._chart, self._line = widgets.HTML(), widgets.HTML("<p>Starting.</p>")
        self._button = widgets.Button(description="Stop")
        self._button.on_click(lambda _: self.toggle())
        self.widget = widgets.VBox([self._chart, widgets.HBox([self._button, self._line])])
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:  # outside a notebook
            self._loop = None
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @property
    def result(self) -> Run:
        """The learner's run once it is complete, else the recorded one."""
        return self.own or self.recorded

    def toggle(self) -> None:
        """Stop the training, or let it go on."""
        if self._going.is_set():
            self._going.clear()
            self._button.description = "Go on"
        else:
            self._going.set()
            self._button.description = "Stop"

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
        device = choose_device()
        self.own = run = train(
            self.recipe, self.data, seed=self.seed, device=device, precision=choose_precision(device),
            keep_logits=self.recipe.n_val, on_batch=lambda *_: self._going.wait(), on_run=self._after_epoch,
        )  # fmt: skip
        try:
            return f"Done on {device}. Your run is kept as {runs.keep(run)}."
        except OSError as error:
            return f"Done on {device}. Your run could not be kept ({error}); the lesson goes on with it."

    def _after_epoch(self, run: Run) -> None:
        self._going.wait()
        self._in_notebook(self._draw, run)

    def _in_notebook(self, function: Callable[..., None], *given: object) -> None:
        """Call a function in the thread that draws everything else: matplotlib's style is shared by all threads."""
        if self._loop is None:
            function(*given)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *given)

    def _draw(self, run: Run) -> None:
        from lessonlib import figures  # a recorder does without

        shown = self.picture(run)
        self._chart.value = figures.panels_html(shown)
        self._line.value = f"<p>Epoch {run.n_epochs} of {self.recipe.epochs}.</p>"

    def _end(self) -> None:
        self._button.disabled = True
        self._line.value = f'<p role="status">{html.escape(self.said)}</p>'

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        from lessonlib import figures

        shown = self.picture(self.recorded)
        still = figures.static_bundle(figures.draw(shown, figsize=(12.0, 3.2)), shown.sentence)
        return still if figures.static_export() else {**(self.widget._repr_mimebundle_(**options) or {}), **still}
