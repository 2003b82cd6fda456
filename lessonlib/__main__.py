"""The commands of lessonlib: ``record`` trains the recorded runs, ``read`` reads the curves of a training log."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from lessonlib import cifar10, runs, training


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of the library, and return 0, or 1 with a message on standard error when something is missing."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except BrokenPipeError:  # as of `| head`, which has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ImportError, OSError, ValueError) as error:
        print(f"lessonlib: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lessonlib", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    record = commands.add_parser("record", help="train a recipe on CIFAR-10 and record the runs")
    groups = "sweep for lesson 6's sizes and widths, experiments for those of lesson 8, cells and trials for those of "
    record.add_argument("recipe", choices=[*training.RECIPES, *_groups()], metavar="RECIPE",
                        help=f"{groups}docs/predictions.csv, or one recipe: {', '.join(training.RECIPES)}")  # fmt: skip
    record.add_argument("--full", action="store_true", help="on all 50,000 training images: minutes on a GPU")
    record.add_argument("--seeds", type=_seed_range, default=range(10, 20), metavar="A-B", help="default: 10-19")
    record.add_argument("--data", help="CIFAR-10 folder or archive (default: as lessonlib.cifar10.load finds it)")
    record.add_argument("--download", action="store_true", help="download CIFAR-10 if it is nowhere")
    record.add_argument("--out", type=Path, help="folder of the recordings (default: that of the course)")
    record.add_argument("--device", help="torch device (default: the fastest)")
    record.add_argument("--precision", choices=training.PRECISIONS, help="default: bfloat16 where the hardware has it")
    record.add_argument("--keep-logits", type=int, default=2_000, metavar="N",
                        help="validation examples whose logits are kept (default: %(default)s)")  # fmt: skip
    record.add_argument("--again", action="store_true", help="replace recordings that exist")
    record.set_defaults(run=_record)

    read = commands.add_parser("read", help="read the curves of a training log, with evidence and uncertainty")
    read.add_argument("log", help="printed output, CSV or JSON; a TensorBoard, MLflow or DVCLive folder; a saved run; "
                      "- for what is pasted or piped into standard input")  # fmt: skip
    read.add_argument("--n-val", type=int, metavar="N", help="number of validation examples")
    read.add_argument("--classes", type=int, metavar="K", help="number of classes")
    read.add_argument("--class-shares", type=_shares, metavar="P,P,...", help="their shares or counts in validation")
    read.add_argument("--columns", type=_column, action="append", default=[], metavar="NAME=COLUMN",
                      help="which column holds a metric, such as val_loss=my_column; may be repeated")  # fmt: skip
    read.add_argument("--full", action="store_true", help="every finding with all its parts, and what it rests on")
    read.add_argument("--save", type=Path, action="append", default=[], metavar="OUT",
                      help="write the annotated curves (.png) or the reading (.html); may be repeated")  # fmt: skip
    read.set_defaults(run=_read)
    return parser


def _groups() -> dict[str, Iterable[str]]:
    """Return the names of the recipes that are recorded together."""
    sweep = [name for name in training.RECIPES if name.startswith("sweep-")]
    groups = {"experiments": training.EXPERIMENTS, "cells": training.CELLS, "trials": training.TRIALS}
    return groups | {"sweep": sweep}


def _seed_range(text: str) -> range:
    first, dash, last = text.partition("-")
    try:
        seeds = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds:
        raise argparse.ArgumentTypeError(f"seeds look like 7 or 10-19, got {text!r}")
    return seeds


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"class shares look like 0.9,0.1, got {text!r}") from None


def _column(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        raise argparse.ArgumentTypeError(f"a column looks like val_loss=my_column, got {text!r}")
    return name, column


def _read(options: argparse.Namespace) -> int:
    from lessonlib.reading import reader, reading_report  # matplotlib and all: who records runs needs none of it

    log = _standard_input() if options.log == "-" else Path(options.log)
    sizes = {"n_val": options.n_val, "n_classes": options.classes, "class_shares": options.class_shares}
    reading = reader.read(log, columns=dict(options.columns), **sizes)
    text = reading.full if options.full else str(reading)
    print(_wrapped(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text, flush=True)
    for path in options.save:
        print(f"{reading_report.save(reading, path)} written")
    return 0


def _standard_input() -> str:
    if sys.stdin.isatty():
        print("Paste the log, then end with Ctrl-D (Windows: Ctrl-Z and Enter).", file=sys.stderr)
    return sys.stdin.read() + "\n\n"  # text, whatever it looks like


def _wrapped(text: str, width: int) -> str:
    """Break long lines at words and keep what follows under its beginning."""
    lines = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip(" -")) or 3)
        lines.append(textwrap.fill(line, max(width, 40), subsequent_indent=indent))
    return "\n".join(lines)


def _record(options: argparse.Namespace) -> int:
    folder = options.out or runs.recordings_folder()
    images = cifar10.load(options.data, download=options.download)
    folder.mkdir(parents=True, exist_ok=True)  # rather than find out after the first training
    device = options.device or training.choose_device()
    precision = options.precision or training.choose_precision(device)
    chosen = [training.RECIPES[name] for name in _groups().get(options.recipe, [options.recipe])]
    chosen = [recipe.full() if options.full else recipe for recipe in chosen]
    for seed, recipe in itertools.product(options.seeds, chosen):
        target = folder / runs.recording_name(recipe.name, seed)
        if target.exists() and not options.again:
            print(f"{target.name} exists; --again replaces it")
            continue
        started = time.perf_counter()
        run = training.train(
            recipe, images, seed=seed, device=device, precision=precision, eval_precision=precision,
            keep_logits=options.keep_logits, on_epoch=_print_epoch,
        )  # fmt: skip
        run.save(target)
        print(f"{target} written after {time.perf_counter() - started:.0f} s")
    return 0


def _print_epoch(run: runs.Run) -> None:
    print(f"epoch {run.n_epochs:3d}", *(f"{name} {v[-1]:.4f}" for name, v in run.metrics.items()), sep="  ", flush=True)


if __name__ == "__main__":
    sys.exit(main())
