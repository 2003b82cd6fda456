"""Measure how time and memory grow with the work: validation examples, epochs, classes, positions of an explorer.

Each step of work is done at sizes that grow three- or fourfold, each in a process of its own that reports its seconds
of processor time and the most memory that the work held at once (inputs in neither). The exponent is the slope of
the straight line through the logarithms of the three times: 1 is linear; what is done once makes it smaller, caches
that overflow make it a little larger.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
#: An exponent up to this is called linear: cache effects and noise account for the rest.
LINEAR = 1.2

Work = Callable[[], object]


def metric(name: str, n: int, n_classes: int) -> Work:
    """Return the work of one metric on logits of float32."""
    from lessonlib import calibration, metrics

    rng = np.random.default_rng(0)
    logits = rng.standard_normal((n, n_classes), dtype=np.float32) * 3
    labels = rng.integers(n_classes, size=n)
    if name == "ECE":
        probabilities = metrics.softmax(logits)
        return lambda: calibration.expected_calibration_error(labels, probabilities)
    if name == "temperature":
        return lambda: calibration.fit_temperature(labels, logits)
    if name == "accuracy":
        return lambda: metrics.accuracy(labels, logits)
    return lambda: metrics.cross_entropy(labels, logits=logits)


def ledger(n: int) -> Work:
    """Return the work of a ledger between two epochs of ten classes."""
    from lessonlib import ledger

    rng = np.random.default_rng(0)
    pair = [rng.standard_normal((n, 10), dtype=np.float32) for _ in range(2)]
    labels = rng.integers(10, size=n)
    return lambda: ledger.between(labels, logits=pair)


def comparison(n: int) -> Work:
    """Return the work of a paired comparison of losses."""
    from lessonlib import uncertainty

    rng = np.random.default_rng(0)
    before, after = rng.exponential(size=(2, n))
    return lambda: uncertainty.loss_change(before, after, margin=0.01)


def curves(n_epochs: int) -> dict[str, np.ndarray]:
    """Return metrics of a run that overfits, with noise."""
    rng, t = np.random.default_rng(0), np.linspace(0, 1, n_epochs)
    return {
        "train_loss": 2 * np.exp(-3 * t) + 0.01 * rng.standard_normal(n_epochs) ** 2,
        "val_loss": 2 * np.exp(-5 * t) + t + 0.02 * rng.standard_normal(n_epochs),
        "train_accuracy": 1 - 0.9 * np.exp(-3 * t),
        "val_accuracy": 0.6 - 0.5 * np.exp(-5 * t) + 0.01 * rng.random(n_epochs),
    }


def file_of_a_run(n_epochs: int) -> Work:
    """Return the work of saving and loading a run."""
    from lessonlib.runs import Run

    run, folder = Run(curves(n_epochs)), tempfile.mkdtemp()
    return lambda: Run.load(run.save(Path(folder) / "a.npz"))


def log_file(n_epochs: int) -> Work:
    """Return the work of reading a CSV log."""
    from lessonlib.reading import logs

    table, path = curves(n_epochs), Path(tempfile.mkdtemp()) / "a.csv"
    np.savetxt(path, np.stack(list(table.values()), axis=1), delimiter=",", header=",".join(table), comments="")
    return lambda: logs.read_log(path)


def reading(n_epochs: int) -> Work:
    """Return the work of the curve reader."""
    from lessonlib.reading import reader
    from lessonlib.runs import Run

    run = Run(curves(n_epochs))
    return lambda: reader.read(run, n_val=5_000, n_classes=10)


def explorer(n_positions: int) -> Work:
    """Return the work of drawing every frame of an explorer of two sliders."""
    from lessonlib import figures
    from lessonlib.explorer import Explorer, Panel, Picture

    side, x = math.isqrt(n_positions), np.linspace(0, 1, 50)

    def line(p, q):
        panel = Panel("A line", figures.line(x, p + q * x), figures.dot(p, q), x=(0, 1), y=(0, 2))
        return Picture(f"p = {p:.2f}, q = {q:.2f}.", panel)

    def draw_all() -> None:
        shown = Explorer(line, p=np.linspace(0, 1, side), q=np.linspace(0, 1, side))
        for index in range(shown.n_positions):
            shown._frame(index)

    return draw_all


#: What grows, the work, and its sizes.
STEPS: dict[str, tuple[str, Callable[[int], Work], tuple[int, ...]]] = {
    "cross-entropy": ("examples x 10 classes", lambda n: metric("loss", n, 10), (62_500, 250_000, 1_000_000)),
    "accuracy": ("examples x 10 classes", lambda n: metric("accuracy", n, 10), (62_500, 250_000, 1_000_000)),
    "ECE": ("examples x 10 classes", lambda n: metric("ECE", n, 10), (62_500, 250_000, 1_000_000)),
    "temperature": ("examples x 10 classes", lambda n: metric("temperature", n, 10), (15_625, 62_500, 250_000)),
    "cross-entropy, wide": ("classes, 50,000 examples", lambda k: metric("loss", 50_000, k), (60, 250, 1_000)),
    "accuracy, wide": ("classes, 50,000 examples", lambda k: metric("accuracy", 50_000, k), (60, 250, 1_000)),
    "ledger": ("examples x 10 classes", ledger, (62_500, 250_000, 1_000_000)),
    "paired comparison": ("examples", comparison, (62_500, 250_000, 1_000_000)),
    "save and load": ("epochs", file_of_a_run, (6_250, 25_000, 100_000)),
    "read a CSV log": ("epochs", log_file, (6_250, 25_000, 100_000)),
    "curve reader": ("epochs", reading, (6_250, 25_000, 100_000)),
    "explorer, every frame": ("positions", explorer, (49, 144, 441)),
}


def measure_here(step: str, size: int) -> dict[str, float]:
    """Do a step three times; return the processor seconds of the quicker of two, and the third's peak of memory."""
    work = STEPS[step][1](size)
    seconds = []
    for _ in range(2):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    tracemalloc.start()  # NumPy's arrays included; it slows Python down, so it has a turn of its own
    work()
    return {"seconds": max(1e-6, min(seconds)), "mb": tracemalloc.get_traced_memory()[1] / 1e6}


def measure(step: str, size: int) -> dict[str, float]:
    """Measure in a process of its own, with one thread."""
    command = [sys.executable, "-m", "benchmarks.growth", step, str(size)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(command, cwd=ROOT, env=os.environ | one_thread, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{step} of size {size} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def exponent(sizes: tuple[int, ...], seconds: list[float]) -> float:
    """Return the slope of the line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def report(*, quick: bool = False) -> str:
    """Measure every step and return a Markdown table."""
    lines = ["| step | what grows | sizes | processor seconds | memory, MB | exponent |", "|---|---|---|---|---|---|"]
    for step, (what, _, full) in STEPS.items():
        sizes = tuple(max(size // 16, 4) for size in full) if quick else full
        found = [measure(step, size) for size in sizes]
        slope = exponent(sizes, [one["seconds"] for one in found])
        seconds = ", ".join(f"{one['seconds']:.3f}" for one in found)
        memory = ", ".join(f"{one['mb']:.0f}" for one in found)
        verdict = "" if slope <= LINEAR else " (worse than linear)"
        lines.append(
            f"| {step} | {what} | {', '.join(f'{size:,}' for size in sizes)} "
            f"| {seconds} | {memory} | {slope:.2f}{verdict} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


if __name__ == "__main__":  # one measurement, in the process that `measure` starts
    print(json.dumps(measure_here(sys.argv[1], int(sys.argv[2]))))
