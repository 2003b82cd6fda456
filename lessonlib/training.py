"""Training: one readable torch loop that turns a recipe into a `Run`.

Taught in lesson 6. A `Recipe` is the single source of what is trained; `RECIPES` holds those of
the course and ``python -m lessonlib record`` records them. torch is imported when it is needed.
"""

from __future__ import annotations

import dataclasses
import math
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import _validate as check
from lessonlib import metrics
from lessonlib.data import ImageData
from lessonlib.runs import Run

if TYPE_CHECKING:
    import torch

#: Mean and standard deviation of CIFAR-10's pixels, per colour, in units of 0..1.
PIXEL_MEAN = (0.4914, 0.4822, 0.4465)
PIXEL_SD = (0.2470, 0.2435, 0.2616)
EVALUATION_BATCH = 1_000
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a network is trained, apart from the seed and the machine.

    Attributes
    ----------
    name : str
        Names the recordings.
    n_train, n_val : int
        Training images (drawn at random by the seed; 0 for all) and validation images (the first
        of the test file, the same for every seed).
    epochs, batch_size : int
    optimizer : {"sgd", "adam"}
    learning_rate, momentum, weight_decay : float
        Momentum counts for SGD alone.
    schedule : {"cosine", "constant"}
        Cosine lowers the rate to zero over the run.
    channels : tuple of int
        Channels of the 3x3 convolutions; each is followed by ReLU and 2x2 pooling.
    batch_norm : bool
        Whether each convolution is followed by batch normalisation.
    hidden : int
        Units of a fully connected layer before the last one; 0 for none.

    Raises
    ------
    ValueError
        If a number is fractional, negative or too small, or a choice is not among those listed.
    """

    name: str
    n_train: int
    epochs: int
    n_val: int = 5_000
    batch_size: int = 64
    optimizer: str = "sgd"
    learning_rate: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "cosine"
    channels: tuple[int, ...] = (32, 64, 64)
    batch_norm: bool = True
    hidden: int = 0

    def __post_init__(self) -> None:
        for name, low in (("n_train", 0), ("epochs", 1), ("n_val", 1), ("batch_size", 1), ("hidden", 0)):
            object.__setattr__(self, name, check.whole_number(getattr(self, name), name, low=low))
        for name in ("learning_rate", "momentum", "weight_decay"):
            check.number_within(getattr(self, name), name, 0, math.inf)
        for name, choices in (("optimizer", ("sgd", "adam")), ("schedule", ("cosine", "constant"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {getattr(self, name)!r}.")
        if not 1 <= len(self.channels) <= 5:
            raise ValueError(f"channels must name 1 to 5 convolutions (32 pixels halve 5 times), got {self.channels}.")
        object.__setattr__(self, "channels", tuple(check.whole_number(c, "channels", low=1) for c in self.channels))


#: Training sizes and widths of the sweep in lesson 6; its largest member is the main recipe itself.
SWEEP_SIZES = (1_000, 2_500, 5_000, 10_000)
SWEEP_CHANNELS = ((8, 16, 16), (16, 32, 32), (32, 64, 64))


def sweep_recipe(n_train: int, channels: tuple[int, ...]) -> Recipe:
    """Return the main recipe with another training size and width.

    Parameters
    ----------
    n_train : int
    channels : tuple of int
        As in `Recipe`.

    Returns
    -------
    Recipe
        Named ``sweep-n<n_train>-c<first of channels>``, or the main recipe itself.

    Raises
    ------
    ValueError
        As `Recipe`.
    """
    if (n_train, channels) == (10_000, (32, 64, 64)):
        return Recipe(name="main", n_train=n_train, epochs=25)
    return Recipe(name=f"sweep-n{n_train}-c{channels[0]}", n_train=n_train, epochs=25, channels=channels)


#: The recipes of the course. Sizes and rates were chosen on seeds 0 to 2; lessons report other seeds.
RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *(sweep_recipe(n, c) for n in SWEEP_SIZES for c in SWEEP_CHANNELS),
        Recipe(name="live", n_train=2_000, n_val=2_000, epochs=24, batch_size=32),
        Recipe(
            name="adam-constant",
            n_train=0,
            epochs=30,
            optimizer="adam",
            learning_rate=1e-3,
            schedule="constant",
            batch_norm=False,
            hidden=64,
        ),
    )
}


def choose_device() -> str:
    """Return the fastest torch device here: ``"cuda"``, else ``"mps"``, else ``"cpu"``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_precision(device: str) -> str:
    """Return ``"bfloat16"`` where `device` computes it in hardware, else ``"float32"``.

    Parameters
    ----------
    device : str
        A torch device, such as ``"cpu"``.
    """
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # torch has no public question for this; without the answer float32 is always right.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bfloat16" if device == "cpu" and supported() else "float32"


def build_network(recipe: Recipe, *, n_classes: int = 10) -> torch.nn.Sequential:
    """Build the small convolutional network of a recipe for 32x32 colour images.

    Parameters
    ----------
    recipe : Recipe
    n_classes : int
        At least 2.

    Returns
    -------
    torch.nn.Sequential
        Maps images of shape (n, 3, 32, 32) to logits of shape (n, n_classes).

    Raises
    ------
    ValueError
        If `n_classes` is below 2.
    """
    from torch import nn

    check.whole_number(n_classes, "n_classes", low=2)
    layers: list[nn.Module] = []
    for c_in, c_out in zip((3, *recipe.channels), recipe.channels, strict=False):
        layers.append(nn.Conv2d(c_in, c_out, kernel_size=3, padding=1, bias=not recipe.batch_norm))
        if recipe.batch_norm:
            layers.append(nn.BatchNorm2d(c_out))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    side = 32 // 2 ** len(recipe.channels)
    n_features = recipe.channels[-1] * side * side
    layers.append(nn.Flatten())
    if recipe.hidden:
        layers += [nn.Linear(n_features, recipe.hidden), nn.ReLU()]
    layers.append(nn.Linear(recipe.hidden or n_features, n_classes))
    return nn.Sequential(*layers)


def train(
    recipe: Recipe,
    data: ImageData,
    *,
    seed: int,
    device: str | None = None,
    precision: str = "float32",
    keep_logits: int = 0,
    on_batch: Callable[[int, int, int], None] | None = None,
    on_epoch: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Run:
    """Train the network of a recipe and measure it after each epoch.

    Parameters
    ----------
    recipe : Recipe
    data : ImageData
        The validation examples are the first ``recipe.n_val`` of its test part.
    seed : int
        Decides the training subset, the initial weights and the order of the batches.
    device : str, optional
        A torch device; the fastest by default (`choose_device`).
    precision : {"float32", "bfloat16"}
        Of the training steps; evaluation is always in float32. bfloat16 is faster where the
        hardware has it (`choose_precision`).
    keep_logits : int
        For how many validation examples, the first ones, logits are kept per epoch; 0 for none.
    on_batch : callable, optional
        Called as ``on_batch(epoch, batch, n_batches)`` after each step, for a progress bar.
    on_epoch : callable, optional
        Called as ``on_epoch(epoch, metrics_of_this_epoch)``.

    Returns
    -------
    Run
        With ``running_train_loss`` and ``running_train_accuracy`` (means over the epoch while the
        weights move, in training mode: what most tools report), ``train_loss`` and
        ``train_accuracy`` (after the epoch, in evaluation mode, on up to 2,000 of the training
        images), ``val_loss`` and ``val_accuracy``, and the standard errors ``train_loss_se`` and
        ``val_loss_se``. An epoch at which the network has diverged has NaN.

    Raises
    ------
    ValueError
        If the data are too few for the recipe, or `seed`, `precision` or `keep_logits` is not possible.
    RuntimeError
        If torch has no such device.
    """
    import torch

    device = device or choose_device()
    seed = check.whole_number(seed, "seed", low=0)
    _check_request(recipe, data, precision, keep_logits)
    train_set, val_set = _pick_examples(recipe, data, seed)
    torch.manual_seed(seed)
    network = build_network(recipe, n_classes=data.n_classes).to(device, memory_format=torch.channels_last)
    trainer = Trainer(recipe, network, train_set, seed=seed, device=device, precision=precision)
    history: list[dict[str, float]] = []
    kept: list[NDArray[np.float32]] = []
    for epoch in range(1, recipe.epochs + 1):
        row = trainer.run_epoch(None if on_batch is None else lambda b, n, epoch=epoch: on_batch(epoch, b, n))
        row |= _measure(network, *(part[:2_000] for part in train_set), prefix="train")[0]
        val_row, logits = _measure(network, *val_set, prefix="val")
        history.append(row | val_row)
        if keep_logits:
            kept.append(logits[:keep_logits])
        if on_epoch is not None:
            on_epoch(epoch, history[-1])
    return Run(
        metrics={name: np.array([row[name] for row in history]) for name in history[0]},
        val_logits=np.stack(kept) if kept else None,
        val_labels=val_set[1][:keep_logits].astype(np.int64) if kept else None,
        provenance=_provenance(recipe, data, seed, device, precision, n_train=len(train_set[1])),
    )


def _check_request(recipe: Recipe, data: ImageData, precision: str, keep_logits: int) -> None:
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}.")
    if recipe.n_train > len(data.train_labels) or recipe.n_val > len(data.test_labels):
        raise ValueError(
            f"recipe {recipe.name!r} wants {recipe.n_train} training and {recipe.n_val} validation images, "
            f"the data have {len(data.train_labels)} and {len(data.test_labels)}: "
            "lower them with dataclasses.replace(recipe, ...)."
        )
    if not 0 <= keep_logits <= recipe.n_val:
        raise ValueError(f"keep_logits must be between 0 and n_val = {recipe.n_val}, got {keep_logits}.")


Examples = tuple[NDArray[np.uint8], NDArray[np.int64]]


def _pick_examples(recipe: Recipe, data: ImageData, seed: int) -> tuple[Examples, Examples]:
    order = np.random.default_rng(seed).permutation(len(data.train_labels))
    chosen = order[: recipe.n_train] if recipe.n_train else order
    train_set = data.train_images[chosen], data.train_labels[chosen]
    return train_set, (data.test_images[: recipe.n_val], data.test_labels[: recipe.n_val])


class Trainer:
    """Train a network epoch by epoch, with all pictures held as one tensor on the device.

    Parameters
    ----------
    recipe : Recipe
    network : torch.nn.Module
        Already on the device.
    examples : tuple of (ndarray of uint8, ndarray of int64)
        Images of shape (n, 32, 32, 3) and labels of shape (n,).
    seed : int
        Decides the order of the batches.
    device : str
    precision : {"float32", "bfloat16"}
    """

    def __init__(
        self, recipe: Recipe, network: torch.nn.Module, examples: Examples, *, seed: int, device: str, precision: str
    ) -> None:
        import torch

        self.network, self.device, self.precision = network, device, precision
        self.batch_size = recipe.batch_size
        self.images = _to_input(examples[0], device)
        self.labels = torch.from_numpy(examples[1]).to(device)
        self.order = torch.Generator().manual_seed(seed)
        self.optimizer = _build_optimizer(recipe, network)
        n_steps = recipe.epochs * -(-len(self.labels) // self.batch_size)
        cosine = recipe.schedule == "cosine"
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, n_steps) if cosine else None

    def run_epoch(self, on_batch: Callable[[int, int], None] | None = None) -> dict[str, float]:
        """Take one step per batch of a shuffled order.

        Parameters
        ----------
        on_batch : callable, optional
            Called as ``on_batch(batch, n_batches)`` after each step.

        Returns
        -------
        dict of str to float
            Loss and accuracy as running means, measured while the weights moved.
        """
        import torch

        self.network.train()
        loss_sum = torch.zeros((), device=self.device)
        n_correct = torch.zeros((), device=self.device)
        batches = self._shuffled_batches()
        for number, batch in enumerate(batches, start=1):
            images, labels = self.images[batch], self.labels[batch]
            with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.precision == "bfloat16"):
                logits = self.network(images)
            loss = torch.nn.functional.cross_entropy(logits.float(), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if self.scheduler is not None:
                self.scheduler.step()
            # Sums stay on the device: asking for a number after each batch would stall a GPU.
            loss_sum += loss.detach() * len(labels)
            n_correct += (logits.argmax(1) == labels).sum()
            if on_batch is not None:
                on_batch(number, len(batches))
        n = len(self.labels)
        return {"running_train_loss": loss_sum.item() / n, "running_train_accuracy": n_correct.item() / n}

    def _shuffled_batches(self) -> tuple[torch.Tensor, ...]:
        import torch

        order = torch.randperm(len(self.labels), generator=self.order).to(self.device)
        return order.split(self.batch_size)


def _to_input(images: NDArray[np.uint8], device: str) -> torch.Tensor:
    """Return normalised images of shape (n, 3, 32, 32) in memory order n, row, column, colour.

    That order ("channels last") is what convolutions on current processors are fastest in.
    """
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device).float().div_(255)
    pixels.sub_(torch.tensor(PIXEL_MEAN, device=device)).div_(torch.tensor(PIXEL_SD, device=device))
    return pixels.permute(0, 3, 1, 2)


def _build_optimizer(recipe: Recipe, network: torch.nn.Module) -> torch.optim.Optimizer:
    import torch

    options = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=recipe.momentum, **options)
    return torch.optim.Adam(network.parameters(), **options)


def predict_logits(network: torch.nn.Module, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute logits in evaluation mode and float32, batch by batch.

    Parameters
    ----------
    network : torch.nn.Module
    images : ndarray of uint8, shape (n, 32, 32, 3)
        At least one.

    Returns
    -------
    ndarray of float32, shape (n, n_classes)

    Raises
    ------
    ValueError
        If the images are not uint8 of that shape.
    """
    import torch

    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or len(images) == 0:
        raise ValueError(
            f"images must be uint8 of shape (n, 32, 32, 3), got {images.dtype} {images.shape}: "
            "pass them as `cifar10` gives them, neither scaled nor transposed."
        )
    network.eval()
    device = str(next(network.parameters()).device)
    with torch.inference_mode():
        parts = [
            network(_to_input(images[i : i + EVALUATION_BATCH], device)).float().cpu().numpy()
            for i in range(0, len(images), EVALUATION_BATCH)
        ]
    return np.concatenate(parts)


def _measure(
    network: torch.nn.Module, images: NDArray[np.uint8], labels: NDArray[np.int64], *, prefix: str
) -> tuple[dict[str, float], NDArray[np.float32]]:
    logits = predict_logits(network, images)
    if not np.isfinite(logits).all():  # a diverged network has no loss; the run goes on and says so
        return {f"{prefix}_loss": np.nan, f"{prefix}_accuracy": np.nan, f"{prefix}_loss_se": np.nan}, logits
    loss = metrics.estimate_mean(metrics.cross_entropy_per_example(labels, logits=logits))
    row = {f"{prefix}_loss": loss.value, f"{prefix}_accuracy": metrics.accuracy(labels, logits)}
    return row | {f"{prefix}_loss_se": loss.standard_error}, logits


def _provenance(
    recipe: Recipe, data: ImageData, seed: int, device: str, precision: str, *, n_train: int
) -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name() if device.startswith("cuda") else platform.machine()
    return {
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "n_train": n_train,
        "n_val": recipe.n_val,
        "class_names": list(data.class_names),
        "data_checksum": data.checksum,
        "device": f"{device} ({name}, {torch.get_num_threads()} threads)",
        "precision": precision,
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }
