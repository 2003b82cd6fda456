"""Make the cases of the curve clinic: ``python -m tools.clinic_cases`` (about two minutes on one core).

STOP here if you want to take the clinic yourself. Writes ``notebooks/clinic/case-NN.npz`` (metrics and story) and the
sealed answers; what they say is in ``clinic_answers.toml``. Three cases are trained on CIFAR-10, which
``LESSONLIB_CIFAR10`` must point to; the others need nothing. Every case is checked when it is made: what its cause
should do must be in its curves. The seeds (200 and above) are those of no lesson. ``--texts-only`` trains nothing and
writes changed texts into the stored cases; ``--compare`` trains cases again and says how far they are from the stored
ones.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the same sums in the same order

import numpy as np

from lessonlib import cifar10, metrics, problems, storage, training, uncertainty
from lessonlib.course import clinic, known_causes
from lessonlib.network import Network, fit
from lessonlib.problems import Examples
from lessonlib.recipes import Recipe
from lessonlib.runs import Run

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "clinic"
#: What a case tells of a run.
LOGGED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_loss_se")
Facts = Mapping[str, float]

_WRITTEN = tomllib.loads(Path(__file__).with_name("clinic_answers.toml").read_text(encoding="utf-8"))
#: The causes on offer as the learner reads them, and what is told, asked and answered about each case.
CAUSES, TEXTS = _WRITTEN["causes"], _WRITTEN["case"]


# ---- the trainings ------------------------------------------------------------------------------------------


def train_pictures(seed: int, **changes: Any) -> Run:
    """Train a small convolutional network on CIFAR-10."""
    recipe = replace(Recipe(name="clinic", n_train=2_000, n_val=2_000, epochs=20, channels=(16, 32, 32)), **changes)
    return training.train(recipe, cifar10.load(), seed=seed, device="cpu")


def confident() -> Run:
    """Train without regularisation: the loss turns, accuracy goes on."""
    return train_pictures(200, batch_size=32)


def measured() -> Run:
    """Train with much dropout, and log the training loss as most tools do: as a mean over the epoch."""
    run = train_pictures(201, n_train=4_000, epochs=10, dropout=0.8)
    logged = {name: values for name, values in run.metrics.items() if not name.startswith("train_")}
    return Run(logged, provenance=run.provenance)


def split() -> Run:
    """Sort the images by class and take the last ones as validation set."""
    return train_pictures(202, epochs=10, batch_size=32, n_val=250, split="sorted")


def memorised() -> Run:
    """Learn a function from few examples, 15 % of them with a wrong label."""
    train, val = problems.teacher(600, 3_000, rng=203)
    train = train._replace(y=problems.flip_labels(train.y, 0.15, n_classes=2, rng=203))
    return fit(Network([20, 64, 2], rng=203), train, val, epochs=40, learning_rate=3e-3, batch_size=50, rng=203)


def majority() -> Run:
    """Give a softmax regression a problem that no straight line solves, with one frequent class."""
    rng = np.random.default_rng(204)
    train, val = (problems.xor(n, positive_share=0.2, rng=rng) for n in (1_000, 1_500))
    return fit(Network([2, 2], rng=204, scale=0), train, val, epochs=40, learning_rate=3e-3, batch_size=50, rng=204)


def ceiling() -> Run:
    """Tell groups apart in each of which a coin with a bias of 0.7 decides the label."""
    train, val = problems.coin_groups(2_000, 2_000, bias=0.7, rng=205)
    return fit(Network([10, 10], rng=205, scale=0), train, val, epochs=40, learning_rate=5e-3, batch_size=100, rng=205)


def fit_digits(seed: int, *, epochs: int, learning_rate: float, batch_size: int = 50) -> Run:
    """Train a small network on handwritten digits."""
    train, val = problems.digits(1_000, 700, rng=seed)
    network = Network([64, 32, 10], rng=seed)
    return fit(network, train, val, epochs=epochs, learning_rate=learning_rate, batch_size=batch_size, rng=seed)


def unfinished() -> Run:
    """Train a few epochs with a small learning rate."""
    return fit_digits(206, epochs=25, learning_rate=4e-4)


def healthy() -> Run:
    """Train until the loss is flat."""
    return fit_digits(207, epochs=45, learning_rate=4e-3)


def rate() -> Run:
    """Train with steps that are far too large."""
    return fit_digits(208, epochs=30, learning_rate=0.1, batch_size=20)


def sampling() -> Run:
    """Train well, and judge each epoch on a few digits drawn anew."""
    return known_causes.judged_anew(fit_digits(209, epochs=40, learning_rate=2e-3), 60, rng=209)


def softmax() -> Run:
    """Hand probabilities to a loss that wants logits."""
    return fit_in_torch(210, epochs=30, softmax_first=True)


def diverged() -> Run:
    """Let the learning rate grow by a third in every epoch."""
    return fit_in_torch(211, epochs=16, input_scale=16.0, growth=1.3)


def fit_in_torch(
    seed: int, *, epochs: int, softmax_first: bool = False, input_scale: float = 1.0, growth: float = 1.0
) -> Run:
    """Train a network on digits with one of two mistakes that `lessonlib.network` refuses to make.

    With `softmax_first` the outputs go through a softmax before the loss applies its own (Adam); otherwise plain
    gradient descent with a rate of 0.01 that is multiplied by `growth` after each epoch.
    """
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    sets = problems.digits(1_000, 700, rng=seed)
    x, y = torch.tensor(sets[0].x) * input_scale, torch.tensor(sets[0].y)
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    if softmax_first:
        network.append(nn.Softmax(dim=1))
    parameters = network.parameters()
    optimizer = torch.optim.Adam(parameters, lr=3e-3) if softmax_first else torch.optim.SGD(parameters, lr=0.01)
    history = []
    for _ in range(epochs):
        for batch in torch.randperm(len(y)).split(50):
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= growth
        history.append(_measured_in_torch(network, sets, input_scale))
    columns = {name: np.array([row[name] for row in history]) for name in history[0]}
    return Run(columns, provenance={"n_train": len(sets[0].y), "n_val": len(sets[1].y)})


def _measured_in_torch(network: Any, sets: tuple[Examples, Examples], input_scale: float) -> dict[str, float]:
    """Return the losses and accuracies that this program would log, its mistake included."""
    import torch

    row: dict[str, float] = {}
    for name, examples in zip(("train", "val"), sets, strict=True):
        with torch.no_grad():
            outputs = network(torch.tensor(examples.x) * input_scale).numpy()
        loss = metrics.estimate_mean(metrics.cross_entropy_per_example(examples.y, logits=outputs))
        row |= {f"{name}_loss": loss.value, f"{name}_loss_se": loss.standard_error}
        row[f"{name}_accuracy"] = metrics.accuracy(examples.y, outputs)
    return row


# ---- what is in the curves ----------------------------------------------------------------------------------


def facts(case: clinic.Case) -> dict[str, float]:
    """Measure what the texts of a case say of it; accuracies and their changes in per cent and points."""
    loss, accuracy = case.run["val_loss"], 100 * case.run["val_accuracy"]
    train_loss, train_accuracy = case.training("loss"), 100 * case.training("accuracy")
    low, n_epochs = int(loss.argmin()), case.run.n_epochs
    late = slice(n_epochs // 2, None)
    shares = np.array(case.class_shares or [1 / case.n_classes] * case.n_classes)
    before = loss[-1 - n_epochs // 5]
    return {
        "n_val": case.n_val, "low": low + 1, "best": int(accuracy.argmax()) + 1,
        "loss_first": loss[0], "loss_low": loss[low], "loss_end": loss[-1], "rise": 100 * (loss[-1] / loss[low] - 1),
        "before_fall": before, "last_fall": before - loss[-1],
        "acc_first": accuracy[0], "acc_best": accuracy.max(), "acc_end": accuracy[-1],
        "acc_change": accuracy[-1] - accuracy[low], "first_gain": accuracy[0] - 100 / case.n_classes,
        "acc_jitter": uncertainty.jitter(accuracy[late]), "worst_drop": -np.diff(accuracy).min(),
        "se": 100 * metrics.accuracy_standard_error(accuracy[late].mean() / 100, case.n_val),
        "train_first": train_loss[0], "train_end": train_loss[-1], "train_acc_end": train_accuracy[-1],
        "train_acc_best": train_accuracy.max(), "train_jitter": uncertainty.jitter(train_loss[late]),
        "first_gap": train_loss[0] - loss[0], "mean_gap": (train_loss - loss)[late].mean(),
        "gap": loss[-1] - train_loss[-1], "loss_se": case.run["val_loss_se"][-1],
        "ln_k": np.log(case.n_classes), "floor": metrics.double_softmax_floor(case.n_classes),
        "chance": 100 / case.n_classes, "majority": 100 * shares.max(), "entropy": -(shares * np.log(shares)).sum(),
    }  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """How a case is made, and what must then be in its curves.

    Attributes
    ----------
    train : callable
    n_classes : int
    shows : callable
        From the facts to a bool: the cause has done what it is known for.
    tells_shares : bool
        Whether the stranger tells the class shares of the validation set.
    """

    train: Callable[[], Run]
    n_classes: int
    shows: Callable[[Facts], bool]
    tells_shares: bool = False


RECORDINGS = {
    "confident": Recording(confident, 10, lambda f: f["rise"] > 10 and f["acc_change"] > 2 * f["se"]),
    "measured": Recording(
        measured, 10, lambda f: f["first_gap"] > 0.2 and f["mean_gap"] > 2 * f["loss_se"] and f["rise"] < 2
    ),
    "split": Recording(split, 10, lambda f: f["acc_best"] < f["chance"] / 2 and f["train_acc_end"] > 60),
    "memorised": Recording(memorised, 2, lambda f: f["rise"] > 20 and f["acc_change"] < -3 * f["se"]),
    "majority": Recording(
        majority,
        2,
        lambda f: abs(f["acc_end"] - f["majority"]) < 0.01 and abs(f["loss_end"] - f["entropy"]) < 0.02,
        True,
    ),
    "ceiling": Recording(
        ceiling, 10, lambda f: f["gap"] < 0.03 and f["acc_end"] < 75 and f["loss_end"] < f["ln_k"] / 2
    ),
    "unfinished": Recording(unfinished, 10, lambda f: f["last_fall"] > 0.15 * f["before_fall"] and f["rise"] == 0),
    "healthy": Recording(healthy, 10, lambda f: f["rise"] < 4 and abs(f["last_fall"]) < 0.02 and f["acc_end"] > 94),
    "rate": Recording(rate, 10, lambda f: f["train_jitter"] > 0.05 and f["acc_jitter"] > 1.5 * f["se"]),
    "sampling": Recording(sampling, 10, lambda f: 0.5 < f["acc_jitter"] / f["se"] < 2 and f["train_jitter"] < 0.02),
    "softmax": Recording(
        softmax, 10, lambda f: f["floor"] < f["train_end"] < f["floor"] + 0.1 and f["train_acc_end"] > 95
    ),
    "diverged": Recording(diverged, 10, lambda f: f["train_acc_best"] > 85 and abs(f["train_end"] - f["ln_k"]) < 0.1),
}


# ---- writing ------------------------------------------------------------------------------------------------


def number_of(cause: str) -> int:
    """Return the number of a cause's case: an order that this list does not give away."""
    order = sorted(RECORDINGS, key=lambda name: hashlib.sha256(f"clinic {name}".encode()).digest())
    return order.index(cause) + 1


def make(cause: str) -> clinic.Case:
    """Train one case.

    Raises
    ------
    ValueError
        If its curves do not show what its cause is known for.
    """
    recording, number = RECORDINGS[cause], number_of(cause)
    run = recording.train()
    told = {name: run.provenance[name] for name in ("n_train", "n_val")} | {"n_classes": recording.n_classes}
    shares = np.bincount(run.val_labels) / len(run.val_labels) if recording.tells_shares else None
    told |= {"case": number, "class_shares": None if shares is None else shares.round(6).tolist()}
    kept = {name: values for name, values in run.metrics.items() if name.removeprefix("running_") in LOGGED}
    if "train_loss" in kept:  # a log has one training curve
        kept = {name: values for name, values in kept.items() if not name.startswith("running_")}
    case = clinic.Case(number, Run(kept, provenance=told))
    if not recording.shows(found := facts(case)):
        raise ValueError(f"the curves of {cause!r} do not show it: {found}.")
    return with_story(cause, case)


def with_story(cause: str, case: clinic.Case) -> clinic.Case:
    """Return the case with its story, the numbers of its curves in it."""
    story = TEXTS[cause]["story"].format(**facts(case))
    return clinic.Case(case.number, Run(case.run.metrics, provenance=case.run.provenance | {"story": story}))


def stored(cause: str) -> clinic.Case:
    """Return the stored case of a cause."""
    return clinic.case(number_of(cause))


def answer_to(cause: str) -> dict[str, Any]:
    """Return the answer to a stored case, ready to be sealed, with the numbers of its curves."""
    text, found = TEXTS[cause], facts(stored(cause))
    options = {
        part: [
            {
                "text": CAUSES[option] if part == "cause" else option.format(**found),
                "credit": credit,
                "feedback": feedback.format(**found),
            }
            for credit, option, feedback in text[part]
        ]
        for part in clinic.PARTS
    }
    return {"named_by": text["named_by"], "options": options}


def write_answers() -> None:
    """Seal the answers to the stored cases."""
    sealed = clinic.seal([answer_to(cause) for cause in sorted(RECORDINGS, key=number_of)])
    storage.write_atomically(FOLDER / clinic.ANSWERS, lambda file: file.write(sealed.encode()))


def difference_from_stored(cause: str) -> float:
    """Train a case again and return the largest difference of its curves from the stored ones."""
    again, before = make(cause).run, stored(cause).run
    return max(float(np.abs(again[name] - before[name]).max()) for name in before.metrics)


def main(arguments: list[str] | None = None) -> None:
    """Make the cases and their answers, or their texts alone, or compare cases with what is stored."""
    parser = argparse.ArgumentParser(prog="python -m tools.clinic_cases", description=__doc__.split("\n\n")[0])
    parser.add_argument("causes", nargs="*", metavar="CAUSE", help=f"which to make ({', '.join(RECORDINGS)}; all)")
    parser.add_argument("--texts-only", action="store_true", help="train nothing, write stories and answers again")
    parser.add_argument("--compare", action="store_true", help="write nothing, say how far new curves are from old")
    options = parser.parse_args(arguments)
    for cause in options.causes or RECORDINGS:
        if options.compare:
            print(f"{cause}: differs by at most {difference_from_stored(cause):.2g}", flush=True)
        else:
            case = with_story(cause, stored(cause)) if options.texts_only else make(cause)
            case.run.save(FOLDER / clinic.case_file(case.number))
            print(f"{clinic.case_file(case.number)} written", flush=True)
    if not options.compare:
        write_answers()


if __name__ == "__main__":
    main()
