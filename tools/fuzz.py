"""Fuzz everything that reads what strangers wrote, guided by coverage: ``python -m tools.fuzz [--seconds 300]``.

Each target turns bytes into a file (or into what a submission tells the grader) and reads it. Whatever the bytes, the
reader may only return or raise the errors that it promises, within 2 GB of memory. The time is shared out among the
targets, each in a process of its own. What was found to be interesting stays in ``build/fuzz/TARGET`` and is where the
next run begins; an input that breaks a promise is kept as ``build/fuzz/TARGET-crash-...`` and is read again with
``python -m tools.fuzz --target TARGET FILE``.

Needs atheris (Linux and macOS), which is no part of the course's environment: ``pip install atheris``. The tests in
``tests/test_hostile_files.py`` need nothing and try the same readers with fewer inputs.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib
import io
import json
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import numpy as np

if TYPE_CHECKING:
    from exercises.grading.exercise import Question

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "fuzz"
MEMORY_MB = 2048
#: Between the members of a run file, so that one input can become a whole zip with valid checksums.
CUT = b"\n--cut--\n"
MEMBERS = ("about.npy", "metric_val_loss.npy", "val_logits.npy", "val_labels.npy")


@dataclass(frozen=True)
class Target:
    """One reader: the modules whose coverage guides the fuzzer, what reads the bytes, and inputs to begin with."""

    modules: tuple[str, ...]
    read: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


# ------------------------------------------------------------------------------------------------------------ run files


def read_run_file(content: bytes) -> None:
    """Read bytes as a run file; a run that loads can be shown and measured."""
    from lessonlib.runs import Run, RunFileError

    with as_file(content, "a.npz") as path:
        try:
            run = Run.load(path)
        except RunFileError:
            return
        run.best_epoch("val_loss") if "val_loss" in run.metrics and np.isfinite(run["val_loss"]).any() else None


def read_run_members(content: bytes) -> None:
    """Read bytes as the members of a run file, so that no checksum of the zip stands in the way."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, member in zip(MEMBERS, content.split(CUT), strict=False):
            archive.writestr(name, member)
    read_run_file(packed.getvalue())


def run_file_seeds() -> list[bytes]:
    """Return one run file with logits and one without."""
    from lessonlib.runs import Run

    kept = {"val_logits": np.zeros((2, 3, 4), np.float16), "val_labels": [0, 1, 2]}
    with tempfile.TemporaryDirectory() as folder:
        return [
            Run({"val_loss": [2, 1]}, **more, provenance={"seed": 1, "recipe": {"name": "a"}})
            .save(Path(folder) / "a.npz")
            .read_bytes()
            for more in ({}, kept)
        ]


def run_member_seeds() -> list[bytes]:
    """Return the members of those files."""
    seeds = []
    for content in run_file_seeds():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            seeds.append(CUT.join(archive.read(name) for name in MEMBERS if name in archive.namelist()))
    return seeds


# ------------------------------------------------------------------------------------------------------------- CIFAR-10


def read_cifar10_batch(content: bytes) -> None:
    """Read bytes as one file of CIFAR-10."""
    from lessonlib import cifar10

    try:
        images, labels = cifar10._read_batch(content, "a")
    except cifar10.Cifar10Damaged:
        return
    images.sum(), labels.sum()  # a damaged array may crash only when it is used


def cifar10_batch_seeds() -> list[bytes]:
    """Return files with two images, in the pickle protocols that are about."""
    batch = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2]}
    return [pickle.dumps(batch, protocol=protocol) for protocol in (2, 4)]


# ----------------------------------------------------------------------------------------------------------------- logs


def read_log(name: str) -> Callable[[bytes], None]:
    """Return what reads bytes as a log with this file name."""

    def read(content: bytes) -> None:
        from lessonlib.reading import logs

        with as_file(content, name) as path:
            try:
                str(logs.read_log(path))
            except logs.LogError:
                return

    return read


def text_seeds() -> list[bytes]:
    """Return a progress bar of Keras, rounds of a booster, a trainer's dicts and a table of a console."""
    return [
        b"Epoch 1/2\n 5/9 [=>..] - ETA: 3s - loss: 0.7\r9/9 [==] - 1s - loss: 0.6 - acc: 0.7 - val_loss: 0.5\n" * 2,
        b"[0]\ttrain-logloss:0.69\teval-logloss:0.70\n[1]\ttrain-logloss:0.5\teval-logloss:0.6\n",
        b"{'loss': 0.5, 'epoch': 1.0}\n{'eval_loss': nan, 'epoch': 1.0}\n",
        "│ epoch │ val_loss │\n│ 1 │ 0,5 │\n│ 2 │ 0,4 │\n".encode(),
    ]


def csv_seeds() -> list[bytes]:
    """Return a log of Keras, one of Lightning, one of Weights & Biases, and one of a spreadsheet."""
    return [
        b"epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.4,1.1\n1,0.6,0.9,0.5,1.0\n",
        b"epoch,step,train_loss_step,val_loss\n0,49,1.5,\n0,99,1.4,\n0,99,,1.6\n",
        b'"Step","a - val_loss","a - val_loss__MIN"\n"1","1.0","1.0"\n"2","0.9","0.9"\n',
        "\ufeffepoch;loss;acc\n1;0,5;50%\n2;nan;60%\n".encode(),
    ]


def json_seeds() -> list[bytes]:
    """Return a dict of lists, what Hugging Face's Trainer saves, and lines of JSON."""
    trainer = {"log_history": [{"epoch": 1.0, "loss": 1.0, "step": 9}, {"epoch": 1.0, "eval_loss": 1.1, "step": 9}]}
    lists = {"loss": [1.0, 0.5], "val_loss": [1.0, None], "val_acc": [50, 60]}
    return [
        json.dumps(lists).encode(),
        json.dumps(trainer).encode(),
        b'{"epoch": 1, "nll": 2}\n{"epoch": 2, "nll": 1}\n',
    ]


# --------------------------------------------------------------------------------------------------------------- grader


def read_submission(content: bytes) -> None:
    """Read bytes as what a learner hands in, and decide what of it runs, in which order."""
    from exercises.grading import repair, sandbox_reader

    for notebook in sandbox_reader.read(content):
        json.dumps(notebook)
        cells = notebook["cells"]
        repair.resemblance(released(), cells)
        for plan in (repair.as_handed_in(released(), cells), repair.repaired(released(), cells)):
            assert set(plan.defines) <= set(range(len(plan.steps)))
        repair.explanation(released(), cells)


def submission_seeds() -> list[bytes]:
    """Return a notebook as it was handed out, one with an answer, and one with cells that came from elsewhere."""
    from exercises.grading import exercise

    path = exercise.FOLDER / f"{exercise.sources()[0].stem}.ipynb"
    handed_out = nbformat.v4.new_notebook(cells=nbformat.read(path, as_version=4).cells[:4])
    answered = copy.deepcopy(handed_out)
    answered.cells.append(nbformat.v4.new_code_cell("def softmax(logits):\n    return logits"))
    stray = {"cells": [{"cell_type": "code", "source": ["%time\n", "CLASS_SEED = 1\n"], "metadata": {}}]}
    return [nbformat.writes(handed_out).encode(), nbformat.writes(answered).encode(), json.dumps(stray).encode()]


def read_answers(content: bytes) -> None:
    """Read bytes as what a submission told from inside the sandbox: judge it, and write what is made of the marks."""
    from exercises.grading import feedback, gradebook, repair, sandbox, scoring

    outcome = sandbox.Outcome(sandbox.read_report(content), "", 0.0)
    plan = repair.Plan([{"run": "a"}], {0: {"a"}})
    results = [scoring.result_of("a", "e", keys, outcome, plan) for keys in answer_keys()]
    for result in results:
        assert 0 <= result.points <= result.possible
        feedback.page(gradebook.Entry(result, 1, 0, result.points, False), "An exercise")
        json.dumps(asdict(result))


def answers_seeds() -> list[bytes]:
    """Return what a submission tells that is right, for each exercise."""
    from lessonlib import comparing

    seeds = []
    for keys in answer_keys():
        lines = [{"question": k.name, "got": [comparing.to_json(c.expected) for c in k.cases]} for k in keys]
        seeds.append("".join(json.dumps(line) + "\n" for line in [{"cell": 0, "error": "a"}, *lines]).encode())
    return seeds


@cache
def released() -> list[dict]:
    """Return the cells of the first exercise as it is handed out."""
    from exercises.grading import exercise, sandbox_reader

    return sandbox_reader.notebook((exercise.FOLDER / f"{exercise.sources()[0].stem}.ipynb").read_bytes())["cells"]


@cache
def answer_keys() -> list[list[Question]]:
    """Return what is asked in some exercises: each way to judge an answer occurs in one of them."""
    from exercises.grading import exercise

    return [exercise.answer_key(exercise.read(path)) for path in exercise.sources(["1", "2", "5", "8"])]


TARGETS = {
    "run-file": Target(("lessonlib.runs", "zipfile"), read_run_file, run_file_seeds),
    "run-members": Target(("lessonlib.runs", "numpy.lib"), read_run_members, run_member_seeds),
    "cifar10-batch": Target(("lessonlib.cifar10",), read_cifar10_batch, cifar10_batch_seeds),
    "log-csv": Target(("lessonlib.reading.logs", "lessonlib.reading.log_files"), read_log("a.csv"), csv_seeds),
    "log-json": Target(("lessonlib.reading.logs", "lessonlib.reading.log_files"), read_log("a.json"), json_seeds),
    "log-text": Target(("lessonlib.reading.logs", "lessonlib.reading.terminal_text"), read_log("a.txt"), text_seeds),
    "submission": Target(
        ("exercises.grading.sandbox_reader", "exercises.grading.repair"), read_submission, submission_seeds
    ),
    "answers": Target(
        ("exercises.grading.sandbox", "exercises.grading.scoring", "lessonlib.comparing"), read_answers, answers_seeds
    ),
}


# ------------------------------------------------------------------------------------------------------------- the runs


@contextlib.contextmanager
def as_file(content: bytes, name: str) -> Iterator[Path]:
    """Keep bytes in a file for the length of a with-block."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield path


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target in this process; atheris ends it."""
    import atheris

    target = TARGETS[name]
    with atheris.instrument_imports(include=list(target.modules)):
        for module in target.modules:
            importlib.import_module(module)
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_MB}", "-timeout=20", "-max_len=16384"]
    artifacts = f"-artifact_prefix={FOLDER / name}-"
    atheris.Setup([sys.argv[0], str(corpus), *limits, artifacts, "-print_final_stats=1", "-verbosity=0"], target.read)
    atheris.Fuzz()


def fuzz_all(seconds: int, names: list[str]) -> int:
    """Fuzz each target in a process of its own; return how many broke a promise."""
    share = max(1, seconds // len(names))
    broken = 0
    for name in names:
        command = [sys.executable, "-m", "tools.fuzz", "--one", "--target", name, "--seconds", str(share)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
        runs = next((x.split()[-1] for x in ended.stderr.splitlines() if "number_of_executed_units" in x), "?")
        broken += ended.returncode != 0
        print(
            f"{name:14} {share:4} s  {runs:>8} inputs  {'BROKEN' if ended.returncode else 'nothing found'}", flush=True
        )
        if ended.returncode:
            print("\n".join("    " + line for line in (ended.stdout + ended.stderr).splitlines()[-30:]), flush=True)
    return broken


def main() -> int:
    """Share the time among the targets, or read one file again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300, help="in all, shared among the targets")
    parser.add_argument("--target", choices=TARGETS, help="only this one")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("file", type=Path, nargs="?", help="read this input with the target instead")
    options = parser.parse_args()
    if options.file:
        TARGETS[options.target].read(options.file.read_bytes())
        return 0
    try:
        importlib.import_module("atheris")
    except ImportError:
        print("fuzzing needs atheris (Linux and macOS): pip install atheris", file=sys.stderr)
        return 2
    if options.one:
        fuzz(options.target, options.seconds)
    return min(1, fuzz_all(options.seconds, [options.target] if options.target else list(TARGETS)))


if __name__ == "__main__":
    sys.exit(main())
