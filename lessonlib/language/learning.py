"""How lesson 11's transformer learns: the manual, then a task from examples; each gives a `Run`."""

from __future__ import annotations

import hashlib
import platform
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import calibration, metrics
from lessonlib.course.live_training import LiveTraining
from lessonlib.language import corpus
from lessonlib.language.transformer import CONTEXT, logits_of, transformer
from lessonlib.runs import Run

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class TextRecipe:
    """How the network learns the manual."""

    name: str = "text"
    n_train: int = 15_000  # characters, of topics in an order drawn by the seed
    epochs: int = 50
    batch_size: int = 16  # windows of `CONTEXT` characters
    learning_rate: float = 4e-3  # of Adam, constant after 30 steps


@dataclass(frozen=True, kw_only=True)
class TaskRecipe:
    """How the network learns a task from examples."""

    task: str = "sort"
    n_train: int = 1_000
    pretrained: bool = True  # begins with what it was after the manual, at the lowest validation loss
    schedule: str = "constant"  # or "cosine"
    counted: str = "answer"  # which tokens the training loss counts; or "everything": prompt and padding, too
    epochs: int = 20
    passes: int = 2  # through the examples in an epoch
    batch_size: int = 32
    learning_rate: float = 2e-3

    @property
    def name(self) -> str:
        """Return what names the recordings."""
        start = "pretrained" if self.pretrained else "fresh"
        every = "" if self.counted == "answer" else "-everything"
        return f"{self.task}-{self.n_train}-{start}-{self.schedule}{every}"


def _steps(network: torch.nn.Module, recipe: TextRecipe | TaskRecipe, n_steps: int) -> Callable[..., float]:
    """Return a function that takes one step of Adam on the counted tokens of a batch and returns their loss."""
    import torch

    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    cosine = getattr(recipe, "schedule", "constant") == "cosine"
    taken = iter(range(n_steps))

    def step(tokens: torch.Tensor, counted: torch.Tensor) -> float:
        t = next(taken)
        slower = min(1, (t + 1) / 30) * (0.5 * (1 + np.cos(np.pi * t / n_steps)) if cosine else 1)
        optimiser.param_groups[0]["lr"] = recipe.learning_rate * slower
        loss = torch.nn.functional.cross_entropy(network(tokens[:, :-1])[counted], tokens[:, 1:][counted])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def learn_text(
    recipe: TextRecipe, seed: int, *, keep_tokens: int = 0, on_batch: Callable[[], Any] = lambda: None,
    on_run: Callable[[Run], Any] = lambda run: None,
) -> tuple[Run, dict[str, Any]]:  # fmt: skip
    """Train on the manual; return the run and the weights at the lowest validation loss.

    The run's details: ``val_codes`` and ``val_kinds``, the tokens to predict and their kinds; ``val_losses`` and
    ``val_ranks`` (0: right), shape (2, tokens), at the lowest loss and at the end; and ``each_losses`` and
    ``each_ranks`` after every epoch for the first `keep_tokens`.
    """
    import torch

    torch.manual_seed(seed)
    training, validation = corpus.texts(recipe.n_train, seed)
    shuffle = torch.Generator().manual_seed(seed)
    network, text = transformer(), torch.from_numpy(training)
    steps = recipe.n_train // (recipe.batch_size * CONTEXT)
    step = _steps(network, recipe, steps * recipe.epochs)
    everything = torch.ones(recipe.batch_size, CONTEXT, dtype=torch.bool)
    kinds = corpus.kinds_of(corpus.decode(validation), corpus.decode(training))[1:]
    rows, each, kept, lowest = [], [], {}, None
    for _ in range(recipe.epochs):
        for _ in range(steps):
            on_batch()
            starts = torch.randint(0, len(text) - CONTEXT, (recipe.batch_size, 1), generator=shuffle)
            step(text[starts + torch.arange(CONTEXT + 1)], everything)
        labels, logits = _predictions(network, validation)
        losses, ranks = _by_token(labels, logits)
        seen = _predictions(network, training[: corpus.N_VALIDATION // 2 + 1])
        rows.append({"train_loss": metrics.cross_entropy(seen[0], logits=seen[1])} | _measured(labels, logits, kinds))
        each.append((losses[:keep_tokens], ranks[:keep_tokens]))
        if lowest is None or losses.mean() < lowest[0].mean():
            lowest, kept = (losses, ranks), {name: value.clone() for name, value in network.state_dict().items()}
        details = {"val_codes": labels, "val_kinds": kinds, "val_losses": [lowest[0], losses],
                   "val_ranks": [lowest[1], ranks], "each_losses": [e[0] for e in each],
                   "each_ranks": [e[1] for e in each]}  # fmt: skip
        on_run(run := _run(rows, details, recipe, seed))
    return run, kept


def _predictions(network: torch.nn.Module, text: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return what follows each character of a text, and the logits for it, in windows of `CONTEXT` characters."""
    n = (len(text) - 1) // CONTEXT * CONTEXT
    logits = logits_of(network, text[:n].reshape(-1, CONTEXT))
    return text[1 : n + 1], logits.reshape(n, -1).astype(float)


def _by_token(labels: NDArray[np.int64], logits: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Return each token's loss, and how many characters were held to be more probable."""
    right = np.take_along_axis(logits, labels[:, None], axis=1)
    return metrics.cross_entropy_per_example(labels, logits=logits), (logits > right).sum(axis=1)


def _measured(labels: NDArray[np.int64], logits: NDArray[np.float64], kinds: NDArray[np.int8]) -> dict[str, float]:
    losses, ranks = _by_token(labels, logits)
    p = metrics.softmax(logits).max(axis=1)
    half = np.arange(len(labels)) < len(labels) // 2  # each half at the temperature of the other
    fourth = np.arange(len(labels)) % 4 == 0  # enough to fit one number
    T = [calibration.fit_temperature(labels[part & fourth], logits[part & fourth]) for part in (~half, half)]
    scaled = [
        metrics.cross_entropy(labels[part], logits=logits[part] / t) for part, t in zip((half, ~half), T, strict=True)
    ]
    row = {"val_loss": losses.mean(), "val_accuracy": np.mean(ranks == 0)}
    row |= {"val_scaled_loss": np.mean(scaled), "val_temperature": np.mean(T)}
    row |= {f"val_top_{k}": np.mean(ranks < k) for k in (3, 5)}
    row |= {"val_confidence_right": p[ranks == 0].mean(), "val_confidence_wrong": p[ranks > 0].mean()}
    for kind in range(len(corpus.KINDS)):
        row[f"val_loss_kind_{kind}"] = losses[kinds == kind].mean()
        row[f"val_accuracy_kind_{kind}"] = np.mean(ranks[kinds == kind] == 0)
    return row


def learn_task(
    recipe: TaskRecipe, seed: int, start: dict[str, Any] | None = None, *, keep_tokens: bool = False
) -> tuple[Run, torch.nn.Module]:  # fmt: skip
    """Train on examples of a task, from the weights `start` or from chance; return the run and the network.

    `recipe.n_train` examples are drawn by the seed; 400 that pick an epoch (``val_``) and 400 others that judge
    (``test_``) are the same for every seed and in no training set. An answer is exact when greedy generation gives it,
    which is when every one of its tokens is the most probable one after the true tokens before it. ``manual_loss`` is
    the loss on the first 2,048 characters of the manual's validation text.
    """
    import torch

    torch.manual_seed(seed)
    held_out = corpus.examples(recipe.task, random.Random(1_000), 800)
    drawn = corpus.examples(recipe.task, random.Random(seed), recipe.n_train + 800)
    lines = [line for line in drawn if line not in set(held_out)][: recipe.n_train]
    tokens, parts = map(torch.from_numpy, corpus.padded(lines))
    sets = {"val": corpus.padded(held_out[:400]), "test": corpus.padded(held_out[400:])}
    text = corpus.texts(0, seed)[1][:2_049]
    network = transformer()
    if start is not None:
        network.load_state_dict(start)
    shuffle = torch.Generator().manual_seed(seed)
    batches = -(-recipe.n_train // recipe.batch_size)
    step = _steps(network, recipe, batches * recipe.passes * recipe.epochs)
    counted = parts[:, 1:] == 2 if recipe.counted == "answer" else parts[:, 1:] >= 0
    rows, details = [], {}
    for _ in range(recipe.epochs):
        order = [batch for _ in range(recipe.passes)
                 for batch in torch.randperm(len(lines), generator=shuffle).split(recipe.batch_size)]  # fmt: skip
        row = {"running_train_loss": float(np.mean([step(tokens[batch], counted[batch]) for batch in order]))}
        measured = {name: _measured_answers(network, held, which[:, 1:]) for name, (held, which) in sets.items()}
        T = calibration.fit_temperature(*measured["val"][3])
        for name, (_, _, values, (labels, logits)) in measured.items():
            row |= {f"{name}_{what}": value for what, value in values.items()}
            row[f"{name}_scaled_loss"] = metrics.cross_entropy(labels, logits=logits / T)
        labels, logits = _predictions(network, text)
        row |= {"temperature": T, "manual_loss": metrics.cross_entropy(labels, logits=logits)}
        losses, ranks, _, _ = measured["val"]
        if not rows or row["val_loss"] < min(earlier["val_loss"] for earlier in rows):
            lowest = losses, ranks
        rows.append(row)
    if keep_tokens:
        details = {"codes": sets["val"][0], "parts": sets["val"][1][:, 1:], "val_losses": [lowest[0], losses],
                   "val_ranks": [lowest[1], ranks]}  # fmt: skip
    return _run(rows, details, recipe, seed), network


def _measured_answers(
    network: torch.nn.Module, tokens: NDArray[np.int64], parts: NDArray[np.int8]
) -> tuple[NDArray, NDArray, dict[str, float], tuple[NDArray, NDArray]]:
    """Return losses and ranks of all tokens but the first, the measures, and labels and logits of the answers."""
    labels = tokens[:, 1:]
    logits = logits_of(network, tokens[:, :-1]).astype(float)
    losses, ranks = (v.reshape(labels.shape) for v in _by_token(labels.ravel(), logits.reshape(labels.size, -1)))
    answer = parts == 2
    measured = {
        "loss": losses[answer].mean(),
        "accuracy": np.mean(ranks[answer] == 0),
        "exact": np.mean(((ranks == 0) | ~answer).all(axis=1)),
        "loss_prompt": losses[parts == 1].mean(),
        "loss_padding": losses[parts == 0].mean(),
        "loss_sequence": np.where(answer, losses, 0).sum(axis=1).mean(),
    }
    return losses, ranks, measured, (labels[answer], logits[answer])


def _run(rows: list[dict[str, float]], details: dict[str, Any], recipe: TextRecipe | TaskRecipe, seed: int) -> Run:
    import torch

    text = corpus.decode(np.concatenate([corpus.manual(corpus.TRAINING), corpus.manual(corpus.VALIDATION)]))
    about = {
        "recipe": asdict(recipe) | {"name": recipe.name},
        "seed": seed,
        "data": "Python's manual as in pydoc_data.topics, copyright Python Software Foundation, PSF licence version 2",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    small = {
        name: np.asarray(values).astype(np.float16 if "losses" in name else np.int8) for name, values in details.items()
    }
    return Run.of_epochs(rows, [], np.array([]), about, small)


class LiveText(LiveTraining):
    """The training on the manual, in the background of a notebook."""

    def _train(self) -> str:
        self.own, _ = learn_text(self.recipe, self.seed, on_batch=lambda: self._going.wait(), on_run=self._after_epoch)
        return "Done."
