"""Training: recipes, and one readable torch loop that turns a recipe into a `Run`.

Taught in lesson 6. `RECIPES` is the single source of the recorded runs; ``python -m lessonlib record`` trains them.
Sizes and rates were chosen on seeds 0 to 2; other seeds are reported. torch is imported when it is needed.
"""

from __future__ import annotations

import dataclasses
import itertools
import platform
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import _validate as check
from lessonlib import problems, runs
from lessonlib.cifar10 import ImageData
from lessonlib.runs import MEASURED_TRAINING_EXAMPLES, Run

if TYPE_CHECKING:
    import torch

#: Mean and standard deviation of CIFAR-10's pixels, per colour, in units of 0..1.
PIXEL_MEAN = (0.4914, 0.4822, 0.4465)
PIXEL_SD = (0.2470, 0.2435, 0.2616)
#: On a CPU faster than 1,000 pictures at once, whose features do not fit into its cache.
EVALUATION_BATCH = 128
PRECISIONS = ("float32", "bfloat16")


# ---- recipes --------------------------------------------------------------------------------------------

#: What the words of a recipe may be.
CHOICES = {"optimizer": ("sgd", "adam"), "schedule": ("cosine", "constant"),
           "batch_order": ("shuffled", "fixed", "sorted"), "split": ("official", "sorted")}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a network is trained, apart from the seed and the machine."""

    name: str  # names the recordings
    n_train: int  # training images, drawn at random by the seed; 0 for all
    epochs: int
    n_val: int = 5_000  # validation images: the first of the test file, the same for every seed
    n_test: int = 0  # test images: those after them
    batch_size: int = 64
    optimizer: str = "sgd"  # or "adam"
    learning_rate: float = 0.02
    momentum: float = 0.9  # of SGD alone
    weight_decay: float = 0.0
    schedule: str = "cosine"  # lowers the rate to zero over the run; or "constant"
    passes: int = 1  # how often an "epoch" goes through the training images: more, and few of them take as many steps
    channels: tuple[int, ...] = (32, 64, 64)  # of the 3x3 convolutions, each followed by ReLU and 2x2 pooling
    #: Residual blocks of two convolutions in each stage (He et al. 2016), the image halved between stages; 0 for the
    #: plain network. One block with channels (16, 32, 64) is a ResNet-8, two with (64, 128, 256, 512) a ResNet-18.
    blocks: int = 0
    batch_norm: bool = True  # after each convolution
    #: Length to which each row of logits is scaled, in training and after it: one over the temperature of LogitNorm
    #: (Wei et al. 2022), which scales in training alone; 0 for free logits.
    logit_norm: float = 0.0
    hidden: int = 0  # units of a fully connected layer before the last one; 0 for none
    dropout: float = 0.0  # share of the features before the last layer that a training step sets to zero
    label_noise: float = 0.0  # share of the training labels that is replaced by another class, drawn by the seed
    label_smoothing: float = 0.0  # share of the target that is spread evenly over all classes in a training step
    focal_gamma: float = 0.0  # a training loss counts (1 - p of the true class) ** focal_gamma times (Lin et al. 2017)
    #: What is measured is the average of the weights over the steps, older ones counting `average` times less at each
    #: step (Polyak and Juditsky 1992); 0 for the last weights. Training itself stays the same.
    average: float = 0.0
    input_noise: float = 0.0  # SD of the normal noise on each input of a training step, in SDs of the pixels
    augment: bool = False  # mirror the images of a training step at random and shift them by up to 4 pixels each way
    batch_order: str = "shuffled"  # anew each epoch; "fixed": once; or "sorted" by class
    #: "sorted" is the split that nobody shuffled: ``n_train + n_val`` images of the training file are sorted by class
    #: and the last ``n_val`` become the validation set.
    split: str = "official"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("n_train", "n_test", "hidden", "blocks"), 0)
        for name, low in (least | dict.fromkeys(("epochs", "n_val", "batch_size", "passes"), 1)).items():
            object.__setattr__(self, name, check.whole_number(getattr(self, name), name, low=low))
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {getattr(self, name)!r}.")
        if self.split == "sorted" and not self.n_train:
            raise ValueError("a sorted split needs n_train above 0: the validation set comes from the same file.")
        if not isinstance(self.channels, tuple | list) or not 1 <= len(self.channels) <= 5:
            raise ValueError(f"channels must name 1 to 5 convolutions (32 pixels halve 5 times), got {self.channels}.")
        object.__setattr__(self, "channels", tuple(check.whole_number(c, "channels", low=1) for c in self.channels))

    def full(self) -> Recipe:
        """Return the recipe on all 50,000 training images, for a machine with a GPU; its name ends in ``-full``."""
        return dataclasses.replace(self, name=f"{self.name}-full", n_train=0)


#: Training sizes and widths of the sweep in lesson 6; its largest member is the main recipe itself.
SWEEP_SIZES = (1_000, 2_500, 5_000, 10_000)
SWEEP_CHANNELS = ((8, 16, 16), (16, 32, 32), (32, 64, 64))


def sweep_recipe(n_train: int, channels: tuple[int, ...]) -> Recipe:
    """Return the main recipe with another size and width, named ``sweep-n<n_train>-c<first of channels>``."""
    name = "main" if (n_train, channels) == (10_000, (32, 64, 64)) else f"sweep-n{n_train}-c{channels[0]}"
    return Recipe(name=name, n_train=n_train, epochs=25, channels=channels)


def _group(name: str, first: Mapping[str, Any]) -> dict[str, Recipe]:
    """Return a group of ``recipes.toml``: each recipe is what it changes in the first one."""
    return {recipe: Recipe(name=recipe, **{**first, **changes}) for recipe, changes in _TABLE[name].items()}


_TABLE = tomllib.loads(Path(__file__).with_name("recipes.toml").read_text(encoding="utf-8"))
EXPERIMENTS = _group("experiments", _TABLE["experiments"]["base"])
BASE = EXPERIMENTS["base"]
CELLS = _group("cells", _TABLE["cells"]["sgd-cosine-bn"])
TRIALS = _group("trials", _TABLE["cells"]["sgd-cosine-bn"])

#: All recipes by name.
RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *(sweep_recipe(n, c) for n in SWEEP_SIZES for c in SWEEP_CHANNELS),
        *_group("alone", {}).values(),
        *EXPERIMENTS.values(),
        *CELLS.values(),
        *TRIALS.values(),
    )
}


# ---- the network and its training ----------------------------------------------------------------------


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

    def convolution(c_in: int, c_out: int, *, size: int = 3, stride: int = 1) -> list[nn.Module]:
        """Return a convolution that divides the image's size by the stride, normalised if the recipe says so."""
        options = {"kernel_size": size, "stride": stride, "padding": size // 2, "bias": not recipe.batch_norm}
        return [nn.Conv2d(c_in, c_out, **options), *([nn.BatchNorm2d(c_out)] if recipe.batch_norm else [])]

    class Residual(nn.Module):
        def __init__(self, c_in: int, c_out: int, stride: int) -> None:
            super().__init__()
            first = convolution(c_in, c_out, stride=stride)
            self.change = nn.Sequential(*first, nn.ReLU(), *convolution(c_out, c_out))
            same = (c_in, stride) == (c_out, 1)
            self.keep = nn.Sequential(*([] if same else convolution(c_in, c_out, size=1, stride=stride)))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return (self.keep(images) + self.change(images)).relu()

    class ScaleToLength(nn.Module):
        def forward(self, logits: torch.Tensor) -> torch.Tensor:
            return recipe.logit_norm * nn.functional.normalize(logits.float(), dim=1)

    n_classes = check.whole_number(n_classes, "n_classes", low=2)
    layers: list[nn.Module] = []
    if recipe.blocks:
        c_in, side = recipe.channels[0], 1
        layers += [*convolution(3, c_in), nn.ReLU()]
        for stage, c_out in enumerate(recipe.channels):
            for block in range(recipe.blocks):
                layers.append(Residual(c_in, c_out, stride=2 if stage and not block else 1))
                c_in = c_out
        layers.append(nn.AdaptiveAvgPool2d(1))
    else:
        side = 32 // 2 ** len(recipe.channels)
        for c_in, c_out in itertools.pairwise((3, *recipe.channels)):
            # Pooling before ReLU gives the same numbers as after it, from a quarter of the work.
            layers += [*convolution(c_in, c_out), nn.MaxPool2d(2), nn.ReLU()]
    n_features = recipe.channels[-1] * side * side
    layers.append(nn.Flatten())
    if recipe.hidden:
        layers += [nn.Linear(n_features, recipe.hidden), nn.ReLU()]
    if recipe.dropout:
        layers.append(nn.Dropout(recipe.dropout))
    layers.append(nn.Linear(recipe.hidden or n_features, n_classes))
    return nn.Sequential(*layers, *([ScaleToLength()] if recipe.logit_norm else []))


def train(
    recipe: Recipe, data: ImageData, *, seed: int, device: str | None = None, precision: str = "float32",
    eval_precision: str = "float32", keep_logits: int = 0, on_batch: Callable[[], object] = lambda: None,
    on_epoch: Callable[[Run], object] = lambda run: None,
) -> Run:  # fmt: skip
    """Train the network of a recipe and measure it after each epoch.

    `seed` decides the training subset, the initial weights and the order of the batches. `precision` is that of the
    training steps, `eval_precision` that of the measurements. Of the first `keep_logits` validation examples logits are
    kept. ``on_batch()`` is called after each batch, ``on_epoch(run)`` after each epoch with the run so far, without its
    details.

    The run's metrics: ``running_train_loss`` and ``running_train_accuracy`` (means over the epoch while the weights
    move), ``train_loss``, ``train_accuracy`` and ``train_loss_se`` (after it, on up to 2,000 training images) and what
    `runs.measure` gives; with label noise also ``noisy_val_loss`` and the like, against validation labels with the same
    share of wrong ones. Its details, with test images: what `runs.measure_pictures` gives at the epoch of the lowest
    validation loss and at the last one.
    """
    import torch

    device = device or choose_device()
    seed = check.whole_number(seed, "seed", low=0)
    keep_logits = check.whole_number(keep_logits, "keep_logits", low=0, high=recipe.n_val)
    for asked in (precision, eval_precision):
        if asked not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {asked!r}.")
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # the latter from a torch that was built without CUDA
        raise ValueError(f"torch cannot compute on the device {device!r} here ({error}): pass 'cpu'.") from error
    train_set, held_out = _pick_examples(recipe, data, seed)
    torch.manual_seed(seed)
    network = build_network(recipe, n_classes=data.n_classes).to(device, memory_format=torch.channels_last)
    trainer = Trainer(recipe, network, train_set, seed=seed, device=device, precision=precision)
    measured = {"train": tuple(part[:MEASURED_TRAINING_EXAMPLES] for part in train_set), **held_out}
    machine = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine()
    provenance = {
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "n_train": len(train_set[1]),
        "n_val": recipe.n_val,
        "class_names": list(data.class_names),
        "data_checksum": data.checksum,
        "device": f"{device} ({machine}, {torch.get_num_threads()} threads)",
        "precision": precision,
        "eval_precision": eval_precision,
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    history, kept, details = [], [], {}
    pictures = []  # of each epoch the validation loss, and what is measured test picture by test picture
    for _ in range(recipe.epochs):
        row = trainer.run_epoch(on_batch)
        sets = {name: (labels, predict_logits(trainer.measured, images, precision=eval_precision))
                for name, (images, labels) in measured.items()}  # fmt: skip
        row |= runs.loss_and_accuracy(*sets.pop("train"), prefix="train")
        if recipe.label_noise:
            labels, logits = sets["val"]
            noisy = problems.flip_labels(labels, recipe.label_noise, n_classes=data.n_classes, rng=seed)
            sets["noisy_val"] = noisy, logits
        row |= runs.measure(sets)
        if "test" in sets and np.isfinite(row["val_loss"] + row["test_loss"]):
            pictures.append((row["val_loss"], runs.measure_pictures(*sets["test"], row["val_temperature"])))
        history.append(row)
        if keep_logits:
            kept.append(sets["val"][1][:keep_logits])
        on_epoch(Run.of_epochs(history, kept, held_out["val"][1], provenance))
    if pictures:
        _, lowest = min(pictures, key=lambda pair: pair[0])
        details = {name: np.stack([lowest[name], last]) for name, last in pictures[-1][1].items()}
    return Run.of_epochs(history, kept, held_out["val"][1], provenance, details)


Examples = tuple[NDArray[np.uint8], NDArray[np.int64]]


def _pick_examples(recipe: Recipe, data: ImageData, seed: int) -> tuple[Examples, dict[str, Examples]]:
    """Return the training examples, in random order, and the held-out ones: "val" and, where there are any, "test"."""
    n_train, n_held_out = recipe.n_train, recipe.n_val + recipe.n_test
    if recipe.split == "sorted":
        n_train, n_held_out = recipe.n_train + recipe.n_val, recipe.n_test
    if n_train > len(data.train_labels) or n_held_out > len(data.test_labels):
        raise ValueError(
            f"recipe {recipe.name!r} wants {n_train} images of the training file and {n_held_out} of the test file, "
            f"which have {len(data.train_labels)} and {len(data.test_labels)}: "
            "lower n_train, n_val or n_test with dataclasses.replace(recipe, ...)."
        )
    chosen = np.random.default_rng(seed).permutation(len(data.train_labels))[: n_train or None]
    held_out = {"val": (data.test_images[: recipe.n_val], data.test_labels[: recipe.n_val])}
    if recipe.split == "sorted":
        tail = chosen[np.argsort(data.train_labels[chosen], kind="stable")[recipe.n_train :]]
        chosen = chosen[~np.isin(chosen, tail)]
        held_out["val"] = data.train_images[tail], data.train_labels[tail]
    if recipe.n_test:
        test = slice(recipe.n_val, recipe.n_val + recipe.n_test)
        held_out["test"] = data.test_images[test], data.test_labels[test]
    labels = problems.flip_labels(data.train_labels[chosen], recipe.label_noise, n_classes=data.n_classes, rng=seed)
    return (data.train_images[chosen], labels), held_out


class Trainer:
    """Train a network, which is on the device already, with all pictures held as one tensor there.

    `examples` are images, uint8 of shape (n, 32, 32, 3), and labels; `seed` decides the order of the batches.
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
        self.fixed_batches: tuple[torch.Tensor, ...] = ()  # where the recipe does not shuffle them anew
        if recipe.batch_order == "fixed":
            self.fixed_batches = self._shuffled_batches()
        elif recipe.batch_order == "sorted":
            self.fixed_batches = self.labels.argsort(stable=True).split(recipe.batch_size)
        options = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
        options |= {"momentum": recipe.momentum} if recipe.optimizer == "sgd" else {}
        make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[recipe.optimizer]
        self.optimizer = make(network.parameters(), **options)
        self.averaged, self.measured = None, network  # what is measured has the averaged weights, where there are any
        if recipe.average:
            by = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
            self.averaged = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=by, use_buffers=True)
            self.measured = self.averaged.module
        n_steps = recipe.epochs * recipe.passes * -(-len(self.labels) // recipe.batch_size)
        cosine = recipe.schedule == "cosine"
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, n_steps) if cosine else None

    def run_epoch(self, on_batch: Callable[[], object] = lambda: None) -> dict[str, float]:
        """Take one step per batch, in the recipe's order, calling ``on_batch()`` after each.

        Returns running means of accuracy and of the loss that training minimises, which counts label smoothing.
        """
        import torch

        self.network.train()
        losses, n_correct = [], torch.zeros((), device=self.device)
        batches = [b for _ in range(self.recipe.passes) for b in self.fixed_batches or self._shuffled_batches()]
        for batch in batches:
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
            on_batch()
        values = torch.stack(losses).double().cpu().numpy()
        sizes = [len(batch) for batch in batches]
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
        if self.recipe.augment:
            images = _mirror_and_shift(images, self.distortions)
        if self.recipe.input_noise:
            noise = images.clone().normal_(generator=self.distortions)
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
    """Compute the logits of images (uint8, shape (n, 32, 32, 3)) in evaluation mode, batch by batch."""
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
