"""Recipes: what is trained in the course, apart from the seed and the machine.

`RECIPES` is the single source of the recorded runs; ``python -m lessonlib record`` trains them. Sizes and rates were
chosen on seeds 0 to 2; other seeds are reported. A recipe that is not possible raises ValueError when it is made.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lessonlib import _validate as check

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
        for name in ("learning_rate", "momentum", "weight_decay", "input_noise", "logit_norm", "focal_gamma"):
            check.number_within(getattr(self, name), name, 0, math.inf)
        for name in ("dropout", "label_noise", "label_smoothing", "average"):
            check.number_within(getattr(self, name), name, 0, 1)
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
    if (n_train, channels) == (10_000, (32, 64, 64)):
        return Recipe(name="main", n_train=n_train, epochs=25)
    return Recipe(name=f"sweep-n{n_train}-c{channels[0]}", n_train=n_train, epochs=25, channels=channels)


def _group(name: str, first: Recipe | None = None) -> dict[str, Recipe]:
    """Return a group of ``recipes.toml``: each recipe is what it changes in the first one, of this group by default."""
    group: dict[str, Recipe] = {}
    for recipe, changes in _TABLE[name].items():
        first = first or Recipe(name=recipe, **changes)
        group[recipe] = dataclasses.replace(first, name=recipe, **changes)
    return group


_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
EXPERIMENTS = _group("experiments")
BASE = EXPERIMENTS["base"]
CELLS = _group("cells")
CELL = CELLS["sgd-cosine-bn"]
TRIALS = _group("trials", CELL)

#: All recipes by name.
RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *(sweep_recipe(n, c) for n in SWEEP_SIZES for c in SWEEP_CHANNELS),
        Recipe(name="live", n_train=2_000, n_val=2_000, epochs=24, batch_size=32),
        Recipe(name="adam-constant", n_train=0, epochs=30, optimizer="adam", learning_rate=1e-3, schedule="constant",
               batch_norm=False, hidden=64),
        *EXPERIMENTS.values(),
        *CELLS.values(),
        *TRIALS.values(),
        dataclasses.replace(CELL, name="resnet-18", channels=(64, 128, 256, 512), blocks=2),
    )
}  # fmt: skip
