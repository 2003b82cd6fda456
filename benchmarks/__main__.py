"""Run every benchmark and write docs/benchmarks.md: ``python -m benchmarks [NAME ...] [--again] [--quick]``.

Each benchmark measures its rivals side by side in one process; its table is kept in ``build/benchmarks`` as soon as it
is there, so that an interrupted run goes on where it stopped. ``--again`` measures anew what has a table, ``--quick``
runs small versions of all and only prints them. Run it on a quiet machine: about ten minutes.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebooks import build

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Benchmark:
    """One section of the page: its title, what it says, the packages whose versions count, and small settings."""

    title: str
    text: str
    packages: tuple[str, ...]
    quick: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)


ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BENCHMARKS = {
    "first_minute": Benchmark(
        "From a bare clone to a moved slider",
        "Nothing installed, pip's cache off, lesson 0 in headless Chromium; once each, so the connection "
        "counts. `install` is the old way: everything first.",
        ("jupyterlab", "torch", "tensorflow-cpu"),
        {"ways": ("`start`",)},
    ),
    "explorer_latency": Benchmark(
        "From key press to changed pixels",
        "Real JupyterLab in headless Chromium, a two-panel figure, median of 30 moves; the second connection adds the "
        "delay of a remote server such as Binder's. The Explorer needs one or two frames of the screen, so its ratios "
        "differ from run to run with where in a frame a key comes.",
        ("jupyterlab", "ipywidgets", "matplotlib"),
        {"moves": 3},
    ),
    "slow_line": Benchmark(
        "The first slider of a page on a slow line",
        "The site's page at 1.6 Mbit/s with 150 ms latency, from the click to an answer; the same lesson as one file "
        "holds all its pictures.",
        ("nbconvert",),
        {"lessons": ("0",), "repeats": 1},
    ),
    "training_speed": Benchmark(
        "One epoch of CIFAR-10's size",
        "Random pictures, the same network, batches and optimiser in every loop. The stock loop is that of the usual "
        "tutorials: one picture at a time through PIL and a `DataLoader`.",
        ("torch", "keras", "tensorflow-cpu"),
        {"n_images": 640, "repeats": 1},
    ),
    "import_speed": Benchmark(
        "Imports",
        "Fresh processes, less the time of a Python that imports nothing.",
        ("numpy", "matplotlib", "ipywidgets"),
        {"repeats": 1, "names": ["lessonlib.metrics", "lessonlib.explorer"]},
    ),
    "metric_peers": Benchmark(
        "The same metric elsewhere",
        "One thread. The course checks its input and works in float64, which it teaches; where torch is ahead, that is "
        "the price: it works in float32 and checks nothing.",
        ("numpy", "scipy", "scikit-learn", "torch", "torchmetrics"),
        {"repeats": 1, "sizes": ((1_000, 10),)},
        ONE_THREAD,
    ),
    "growth": Benchmark(
        "Cost as work grows",
        "One thread, each size in a fresh process; memory is the most that the work held at once, without its input. "
        "The exponent is the slope in logarithms: 1 is linear.",
        ("numpy", "scipy", "matplotlib"),
        {"quick": True},
        ONE_THREAD,
    ),
}
HEAD = """# Benchmarks

Machines drift, so each table was measured in one run, side by side, and the ratios are what counts: the median, and in
brackets the range over the turns. All made by `python -m benchmarks`; one alone by `python -m benchmarks NAME --again`.
"""
TAIL = """
## What the lessons cost

Seconds and peak memory of each: [lesson-costs.md](lesson-costs.md), made by `python course.py build`.
"""


def versions(packages: tuple[str, ...]) -> str:
    """Return the versions of the packages that are installed."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def measure(name: str) -> None:
    """Measure one benchmark in this process and keep its table."""
    started = time.perf_counter()
    table = importlib.import_module(f"benchmarks.{name}").report() + "\n"
    result = {
        "table": table,
        "date": datetime.date.today().isoformat(),
        "machine": build.machine(),
        "versions": versions(BENCHMARKS[name].packages),
        "seconds": round(time.perf_counter() - started),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def section(name: str) -> str:
    """Return the part of the page for one benchmark: as measured here, else as it stands there."""
    benchmark, path = BENCHMARKS[name], RESULTS / f"{name}.json"
    if not path.exists():
        page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        stands = re.search(rf"\n## {re.escape(benchmark.title)}\n.*?(?=\n## |\Z)", page, re.DOTALL)
        return stands[0] if stands else f"\n## {benchmark.title}\n\nNot measured yet: `python -m benchmarks {name}`.\n"
    result = json.loads(path.read_text(encoding="utf-8"))
    return (
        f"\n## {benchmark.title}\n\n{benchmark.text}\n\n{result['table']}\n"
        f"`python -m benchmarks {name}`, {result['date']}, {result['seconds']} s; {result['machine']}; "
        f"{result['versions']}.\n"
    )


def write_page() -> None:
    """Write the page from the tables that there are."""
    PAGE.write_text(HEAD + "".join(map(section, BENCHMARKS)) + TAIL, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")


def main() -> int:
    """Run what was asked for, each benchmark in a process of its own; return how many failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--again", action="store_true", help="measure anew what has a table")
    parser.add_argument("--quick", action="store_true", help="small versions, printed and not kept")
    parser.add_argument("--one", choices=BENCHMARKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(BENCHMARKS)}")
    if options.one:
        if options.quick:
            print(importlib.import_module(f"benchmarks.{options.one}").report(**BENCHMARKS[options.one].quick))
        else:
            measure(options.one)
        return 0
    failed = 0
    for name in options.names or BENCHMARKS:
        if not options.again and not options.quick and (RESULTS / f"{name}.json").exists():
            print(f"{name}: measured before; --again measures it anew", flush=True)
            continue
        print(f"{name} ...", flush=True)
        command = [sys.executable, "-m", "benchmarks", "--one", name, *(["--quick"] if options.quick else [])]
        failed += subprocess.run(command, cwd=ROOT, env=os.environ | BENCHMARKS[name].environment).returncode != 0
    if not options.quick:
        write_page()
    return failed


if __name__ == "__main__":
    sys.exit(main())
