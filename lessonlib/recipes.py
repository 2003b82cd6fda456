"""Recipes: what is trained in the course, apart from the seed and the machine.

`RECIPES` is the single source of the recorded runs of lessons 6 to 8; ``python -m lessonlib record`` trains them.
Sizes and rates were chosen on seeds 0 to 2; lessons report other seeds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

from lessonlib import _validate as check


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a network is trained, apart from the seed and the machine.

    Attributes
    ----------
    name : str
        Names the recordings.
    n_train, n_val, n_test : int
        Training images (drawn at random by the seed; 0 for all), validation images (the first of the test file, the
        same for every seed) and test images (those after them; 0 for none).
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
    dropout : float
        Share of the features before the last layer that is set to zero in a training step.
    label_noise : float
        Share of the training labels that is replaced by another class, drawn by the seed.
    label_smoothing : float
        Share of the target that is spread evenly over all classes in a training step.
    input_noise : float
        Standard deviation of the normal noise added to each input of a training step, in standard deviations of
        the pixels.
    augment : bool
        Whether the images of a training step are mirrored at random and shifted by up to 4 pixels each way.
    batch_order : {"shuffled", "fixed", "sorted"}
        Shuffled anew each epoch, shuffled once, or sorted by class.
    split : {"official", "sorted"}
        "sorted" is the split that nobody shuffled: ``n_train + n_val`` images of the training file are sorted by class
        and the last ``n_val`` become the validation set.

    Raises
    ------
    ValueError
        If a number is fractional, negative or out of range, or a choice is not among those listed.
    """

    name: str
    n_train: int
    epochs: int
    n_val: int = 5_000
    n_test: int = 0
    batch_size: int = 64
    optimizer: str = "sgd"
    learning_rate: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "cosine"
    channels: tuple[int, ...] = (32, 64, 64)
    batch_norm: bool = True
    hidden: int = 0
    dropout: float = 0.0
    label_noise: float = 0.0
    label_smoothing: float = 0.0
    input_noise: float = 0.0
    augment: bool = False
    batch_order: str = "shuffled"
    split: str = "official"

    def __post_init__(self) -> None:
        for name, low in (("n_train", 0), ("epochs", 1), ("n_val", 1), ("n_test", 0), ("batch_size", 1), ("hidden", 0)):
            object.__setattr__(self, name, check.whole_number(getattr(self, name), name, low=low))
        for name in ("learning_rate", "momentum", "weight_decay", "input_noise"):
            check.number_within(getattr(self, name), name, 0, math.inf)
        for name in ("dropout", "label_noise", "label_smoothing"):
            check.number_within(getattr(self, name), name, 0, 1)
        for name, choices in (
            ("optimizer", ("sgd", "adam")),
            ("schedule", ("cosine", "constant")),
            ("batch_order", ("shuffled", "fixed", "sorted")),
            ("split", ("official", "sorted")),
        ):
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


#: What the experiments of lesson 8 change, and the recipe they change: the main one on fewer images, in smaller batches
#: so that it still takes enough steps to show the rise of the loss.
BASE = Recipe(name="base", n_train=4_000, n_val=2_500, n_test=2_500, epochs=25, batch_size=32)
EXPERIMENTS: Mapping[str, Recipe] = {
    name: dataclasses.replace(BASE, name=name, **changes)
    for name, changes in {
        "base": {},
        "label-noise-10": {"label_noise": 0.1},
        "label-noise-20": {"label_noise": 0.2},
        "label-noise-40": {"label_noise": 0.4},
        "width-8": {"channels": (8, 16, 16)},
        "width-16": {"channels": (16, 32, 32)},
        "width-64": {"channels": (64, 128, 128)},
        "input-noise-10": {"input_noise": 0.1},
        "input-noise-20": {"input_noise": 0.2},
        "input-noise-40": {"input_noise": 0.4},
        "batches-fixed": {"batch_order": "fixed"},
        "batches-sorted": {"batch_order": "sorted"},
        "split-sorted": {"split": "sorted"},
        "dropout": {"dropout": 0.5},
        "weight-decay": {"weight_decay": 0.01},
        "augmentation": {"augment": True},
        "label-smoothing": {"label_smoothing": 0.1},
    }.items()
}

#: All recipes by name.
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
        *EXPERIMENTS.values(),
    )
}
