"""Measure how long each module of the library takes to import, in fresh processes, beside NumPy's own import.

Every process starts Python and imports one thing; the time of one that imports nothing is taken off. NumPy is the
yardstick, since every module needs it. The modules and NumPy take turns.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.turns import ratio, take_turns

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 0.5


def start_python(code: str) -> None:
    """Run code in a fresh process."""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def modules() -> list[str]:
    """Return the names of the library's modules."""
    return sorted(f"lessonlib.{path.stem}" for path in (ROOT / "lessonlib").glob("*.py") if path.stem[:2] != "__")


def report(repeats: int = 5, names: list[str] | None = None) -> str:
    """Measure and return a Markdown table, slowest first."""
    names = ["lessonlib", *(names or modules())]
    ways = {name: lambda name=name: start_python(f"import {name}") for name in ("numpy", *names)}
    seconds = take_turns({"nothing": lambda: start_python("pass")} | ways, repeats)
    nothing = seconds.pop("nothing")
    net = {name: [max(t - n, 1e-3) for t, n in zip(times, nothing, strict=True)] for name, times in seconds.items()}
    middle = {name: statistics.median(times) for name, times in net.items()}
    lines = ["| import | median, s | times NumPy's import (range) |", "|---|---|---|"]
    for name in sorted(middle, key=middle.__getitem__, reverse=True):
        lines.append(f"| `{name}` | {middle[name]:.3f} | {ratio(net[name], net['numpy'])} |")
    slow = [name for name, median in middle.items() if median > LIMIT_SECONDS]
    lines.append(f"\nOver {LIMIT_SECONDS} s: {', '.join(slow) or 'none'}.")
    return "\n".join(lines)
