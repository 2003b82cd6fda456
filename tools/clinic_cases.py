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
import base64
import hashlib
import json
import os
import textwrap
import tomllib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the same sums in the same order

import numpy as np

from lessonlib import cifar10, metrics, storage, training, uncertainty
from lessonlib.course import clinic, known_causes
from lessonlib.runs import Run
from lessonlib.training import Recipe

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "clinic"
#: What a case tells of a run.
LOGGED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_loss_se")
Facts = Mapping[str, float]

_WRITTEN = tomllib.loads(Path(__file__).with_name("clinic_answers.toml").read_text(encoding="utf-8"))
#: What is told, asked and answered about each case.
TEXTS = _WRITTEN["case"]


# ---- the trainings ------------------------------------------------------------------------------------------


#: How the recipe of the networks on CIFAR-10 is changed to have a cause.
PICTURES: dict[str, dict[str, Any]] = {
    "confident errors": {"batch_size": 32},
    "dropout only in training": {"n_train": 4_000, "epochs": 10, "dropout": 0.8},
    "sorted split": {"epochs": 10, "batch_size": 32, "n_val": 250, "split": "sorted"},
}


def pictures(cause: str, seed: int) -> Run:
    """Train a small convolutional network on CIFAR-10; the log of a run with dropout has its moving training loss."""
    base = Recipe(name="clinic", n_train=2_000, n_val=2_000, epochs=20, channels=(16, 32, 32))
    run = training.train(replace(base, **PICTURES[cause]), cifar10.load(), seed=seed, device="cpu")
    if cause == "dropout only in training":
        logged = {name: values for name, values in run.metrics.items() if not name.startswith("train_")}
        return Run(logged, provenance=run.provenance)
    return run


def small(cause: str, seed: int, **changes: float) -> Run:
    """Train a run of `known_causes.CAUSES`."""
    return known_causes.train(cause, seed, logged=LOGGED, **changes)


def drawn(cause: str, seed: int, n_val: int = 700) -> Run:
    """Train a run of `drawn_causes.DRAWN`, judged by `n_val` examples."""
    from tools import drawn_causes  # which loads torch

    rng = np.random.default_rng(seed)
    trace = drawn_causes.DRAWN[cause](rng)
    rows = trace.draw_rows(n_val, rng)
    errors = np.array([losses[each].std(ddof=1) for losses, each in zip(trace.losses, rows, strict=True)])
    told = {"n_train": trace.n_train, "n_val": n_val, "n_classes": trace.n_classes}
    return Run(trace.run(rows).metrics | {"val_loss_se": errors / np.sqrt(n_val)}, provenance=told)


# ---- what is in the curves ----------------------------------------------------------------------------------


def facts(case: clinic.Case) -> dict[str, float]:
    """Measure what the texts of a case say of it; accuracies and their changes in per cent and points."""
    loss, accuracy = case.run["val_loss"], 100 * case.run["val_accuracy"]
    train_loss, train_accuracy = case.training("loss"), 100 * case.training("accuracy")
    low, n_epochs = int(loss.argmin()), case.run.n_epochs
    late = slice(n_epochs // 2, None)
    n_val, n_classes = case.told("n_val"), case.told("n_classes")
    shares = np.array(case.told("class_shares") or [1 / n_classes] * n_classes)
    before = loss[-1 - n_epochs // 5]
    return {
        "n_val": n_val, "n_classes": n_classes, "low": low + 1, "best": int(accuracy.argmax()) + 1,
        "loss_first": loss[0], "loss_low": loss[low], "loss_end": loss[-1], "rise": 100 * (loss[-1] / loss[low] - 1),
        "before_fall": before, "last_fall": before - loss[-1],
        "acc_first": accuracy[0], "acc_best": accuracy.max(), "acc_end": accuracy[-1],
        "acc_change": accuracy[-1] - accuracy[low], "first_gain": accuracy[0] - 100 / n_classes,
        "acc_jitter": uncertainty.jitter(accuracy[late]), "worst_drop": -np.diff(accuracy).min(),
        "se": 100 * metrics.accuracy_standard_error(accuracy[late].mean() / 100, n_val),
        "train_first": train_loss[0], "train_end": train_loss[-1], "train_acc_end": train_accuracy[-1],
        "train_acc_best": train_accuracy.max(), "train_jitter": uncertainty.jitter(train_loss[late]),
        "first_gap": train_loss[0] - loss[0], "mean_gap": (train_loss - loss)[late].mean(),
        "gap": loss[-1] - train_loss[-1], "loss_se": case.run["val_loss_se"][-1],
        "ln_k": np.log(n_classes), "floor": metrics.double_softmax_floor(n_classes),
        "chance": 100 / n_classes, "majority": 100 * shares.max(), "entropy": -(shares * np.log(shares)).sum(),
    }  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """How a case is made, and what must then be in its curves.

    Attributes
    ----------
    train : callable
    shows : callable
        From the facts to a bool: the cause has done what it is known for.
    further : bool
        Whether it is one of the last six cases, those of the further notebook.
    tells_shares : bool
        Whether the stranger tells the class shares of the validation set.
    """

    train: Callable[[], Run]
    shows: Callable[[Facts], bool]
    further: bool = False
    tells_shares: bool = False


RECORDINGS = {
    "confident": Recording(
        lambda: pictures("confident errors", 200), lambda f: f["rise"] > 10 and f["acc_change"] > 2 * f["se"]
    ),
    "measured": Recording(
        lambda: pictures("dropout only in training", 201),
        lambda f: f["first_gap"] > 0.2 and f["mean_gap"] > 2 * f["loss_se"] and f["rise"] < 2,
    ),
    "split": Recording(
        lambda: pictures("sorted split", 202),
        lambda f: f["acc_best"] < f["chance"] / 2 and f["train_acc_end"] > 60,
        further=True,
    ),
    "memorised": Recording(
        lambda: small("overfitting", 203), lambda f: f["rise"] > 20 and f["acc_change"] < -3 * f["se"], further=True
    ),
    "majority": Recording(
        lambda: small("too simple", 204, positive_share=0.2),
        lambda f: abs(f["acc_end"] - f["majority"]) < 0.01 and abs(f["loss_end"] - f["entropy"]) < 0.02,
        further=True,
        tells_shares=True,
    ),
    "ceiling": Recording(
        lambda: small("noise ceiling", 205, bias=0.7),
        lambda f: f["gap"] < 0.03 and f["acc_end"] < 75 and f["loss_end"] < f["ln_k"] / 2 and f["last_fall"] < 0.02,
    ),
    "unfinished": Recording(lambda: small("not finished", 206), lambda f: f["last_fall"] > 0.1 and f["rise"] == 0),
    "healthy": Recording(
        lambda: small("healthy", 207), lambda f: f["rise"] < 4 and abs(f["last_fall"]) < 0.02 and f["acc_end"] > 94
    ),
    "rate": Recording(
        lambda: small("rate too high", 213, batch_size=10),
        lambda f: f["train_jitter"] > 0.05 and f["acc_jitter"] > 1.5 * f["se"],
        further=True,
    ),
    "sampling": Recording(
        lambda: small("few validation examples", 209),
        lambda f: 0.5 < f["acc_jitter"] / f["se"] < 2 and f["train_jitter"] < 0.02,
    ),
    "softmax": Recording(
        lambda: drawn("softmax twice", 210),
        lambda f: f["floor"] < f["train_end"] < f["floor"] + 0.1 and f["train_acc_end"] > 95,
        further=True,
    ),
    "diverged": Recording(
        lambda: drawn("diverging late", 211),
        lambda f: f["train_acc_best"] > 80 and abs(f["train_end"] - f["ln_k"]) < 0.1,
        further=True,
    ),
}


# ---- writing ------------------------------------------------------------------------------------------------


def number_of(cause: str) -> int:
    """Return the number of a cause's case: an order that this list does not give away."""
    order = sorted(
        RECORDINGS, key=lambda name: (RECORDINGS[name].further, hashlib.sha256(f"clinic {name}".encode()).digest())
    )
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
    told = {name: run.provenance[name] for name in ("n_train", "n_val")}
    told |= {"case": number, "n_classes": run.provenance.get("n_classes", 10)}
    told["class_shares"] = np.round(run.provenance["class_shares"], 6).tolist() if recording.tells_shares else None
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
    names = {"cause": _WRITTEN["causes"], "evidence": _WRITTEN["evidence"]}
    options = {
        part: [
            {"text": names[part][option] if part in names else option, "right": right, "feedback": said.format(**found)}
            for right, option, said in text[part]
        ]
        for part in clinic.PARTS
    }
    return {"named_by": text["named_by"], "options": options}


def write_answers() -> None:
    """Seal the answers to the stored cases."""
    answers = json.dumps([answer_to(cause) for cause in sorted(RECORDINGS, key=number_of)])
    sealed = textwrap.fill(base64.b64encode(zlib.compress(answers.encode(), 9)).decode(), 100) + "\n"
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
            case.run.save(FOLDER / clinic.CASE_FILE.format(case.number))
            print(f"{clinic.CASE_FILE.format(case.number)} written", flush=True)
    if not options.compare:
        write_answers()


if __name__ == "__main__":
    main()
