"""Training: one readable torch loop that turns a recipe into a `Run`.

Taught in lesson 6. A `recipes.Recipe` is the single source of what is trained;
``python -m lessonlib record`` records those of the course. torch is imported when it is needed.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import _validate as check
from lessonlib import calibration, metrics, problems
from lessonlib.cifar10 import ImageData
from lessonlib.recipes import Recipe
from lessonlib.runs import MEASURED_TRAINING_EXAMPLES, Run, loss_and_accuracy

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
    """Return ``"bfloat16"`` where `device` computes it in hardware, else ``"float32"``.

    Parameters
    ----------
    device : str
        A torch device, such as ``"cpu"``.
    """
    import torch

    if device.startswith("cuda"):
        supported = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # torch has no public question for this; without the answer float32 is always right.
        supported = device == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bfloat16" if supported else "float32"


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

    n_classes = check.whole_number(n_classes, "n_classes", low=2)
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
    if recipe.dropout:
        layers.append(nn.Dropout(recipe.dropout))
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
        The validation examples are the first ``recipe.n_val`` of its test part (but see ``recipe.split``).
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
        images), ``val_loss`` and ``val_accuracy``, the standard errors ``train_loss_se`` and
        ``val_loss_se``, the best temperature ``val_temperature`` with the loss that it leaves, ``val_refinement``, and
        the mean confidence ``val_confidence``. A recipe with test images has the same under ``test_``, one with label
        noise has ``noisy_val_loss`` and the like, against validation labels with the same share of wrong ones.
        An epoch at which the network has diverged has NaN.

    Raises
    ------
    ValueError
        If the data are too few for the recipe, torch cannot compute on the device, or `seed`, `precision` or
        `keep_logits` is not possible.
    """
    import torch

    device = device or choose_device()
    seed = check.whole_number(seed, "seed", low=0)
    keep_logits = check.whole_number(keep_logits, "keep_logits", low=0, high=recipe.n_val)
    _check_request(recipe, data, device, precision)
    train_set, held_out = _pick_examples(recipe, data, seed)
    torch.manual_seed(seed)
    network = build_network(recipe, n_classes=data.n_classes).to(device, memory_format=torch.channels_last)
    trainer = Trainer(recipe, network, train_set, seed=seed, device=device, precision=precision)
    measured_images, measured_labels = (part[:MEASURED_TRAINING_EXAMPLES] for part in train_set)
    history: list[dict[str, float]] = []
    kept: list[NDArray[np.float32]] = []
    for epoch in range(1, recipe.epochs + 1):
        row = trainer.run_epoch(None if on_batch is None else lambda b, n, epoch=epoch: on_batch(epoch, b, n))
        row |= loss_and_accuracy(measured_labels, predict_logits(network, measured_images), prefix="train")
        logits = {name: predict_logits(network, examples[0]) for name, examples in held_out.items()}
        for name, (_, labels) in held_out.items():
            row |= _measure(labels, logits[name], prefix=name)
        if recipe.label_noise:
            row |= _measure(_with_noise(recipe, held_out["val"][1], data, seed), logits["val"], prefix="noisy_val")
        history.append(row)
        if keep_logits:
            kept.append(logits["val"][:keep_logits])
        if on_epoch is not None:
            on_epoch(epoch, row)
    provenance = _provenance(recipe, data, seed, device, precision, n_train=len(train_set[1]))
    return Run.of_epochs(history, kept, held_out["val"][1], provenance)


def _check_request(recipe: Recipe, data: ImageData, device: str, precision: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # the latter from a torch that was built without CUDA
        raise ValueError(f"torch cannot compute on the device {device!r} here ({error}): pass 'cpu'.") from error
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
    """Return the training examples, in random order, and the held-out ones by name.

    These are "val", and "test" where the recipe has them.
    """
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

        self.recipe, self.network, self.device, self.precision = recipe, network, device, precision
        self.images = _to_input(examples[0], device)
        self.labels = torch.from_numpy(examples[1]).to(device)
        self.order = torch.Generator().manual_seed(seed)
        self.distortions = torch.Generator(device).manual_seed(seed)
        self.fixed_batches = self._fixed_batches()
        self.optimizer = _build_optimizer(recipe, network)
        n_steps = recipe.epochs * -(-len(self.labels) // recipe.batch_size)
        cosine = recipe.schedule == "cosine"
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, n_steps) if cosine else None

    def run_epoch(self, on_batch: Callable[[int, int], None] | None = None) -> dict[str, float]:
        """Take one step per batch, in the recipe's order.

        Parameters
        ----------
        on_batch : callable, optional
            Called as ``on_batch(batch, n_batches)`` after each step.

        Returns
        -------
        dict of str to float
            Loss and accuracy as running means, measured while the weights moved; the loss is the one that
            training minimises, so it counts label smoothing.
        """
        import torch

        self.network.train()
        loss_sum = torch.zeros((), device=self.device)
        n_correct = torch.zeros((), device=self.device)
        batches = self.fixed_batches or self._shuffled_batches()
        for number, batch in enumerate(batches, start=1):
            images, labels = self._distort(self.images[batch]), self.labels[batch]
            with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.precision == "bfloat16"):
                logits = self.network(images)
            loss = torch.nn.functional.cross_entropy(
                logits.float(), labels, label_smoothing=self.recipe.label_smoothing
            )
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
        return order.split(self.recipe.batch_size)

    def _fixed_batches(self) -> tuple[torch.Tensor, ...] | None:
        """Return the batches of every epoch where the recipe does not shuffle them anew, else None."""
        if self.recipe.batch_order == "fixed":
            return self._shuffled_batches()
        if self.recipe.batch_order == "sorted":
            return self.labels.argsort(stable=True).split(self.recipe.batch_size)
        return None

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
            "pass them as `cifar10.load` gives them, neither scaled nor transposed."
        )
    network.eval()
    device = str(next(network.parameters()).device)
    with torch.inference_mode():
        parts = [
            network(_to_input(images[i : i + EVALUATION_BATCH], device)).float().cpu().numpy()
            for i in range(0, len(images), EVALUATION_BATCH)
        ]
    return np.concatenate(parts)


def _measure(labels: NDArray[np.int64], logits: NDArray[np.float32], *, prefix: str) -> dict[str, float]:
    """Return loss and accuracy with what lesson 7 adds: refinement, its temperature and the mean confidence."""
    row = loss_and_accuracy(labels, logits, prefix=prefix)
    names = [f"{prefix}_{name}" for name in ("refinement", "temperature", "confidence")]
    if not np.isfinite(logits).all():
        return row | dict.fromkeys(names, np.nan)
    split = calibration.split_loss(labels, logits)
    confidence = metrics.softmax(logits).max(axis=1).mean()
    return row | dict(zip(names, (split.refinement, split.temperature, float(confidence)), strict=True))


def _provenance(
    recipe: Recipe, data: ImageData, seed: int, device: str, precision: str, *, n_train: int
) -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine()
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
