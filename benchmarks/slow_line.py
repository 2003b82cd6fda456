"""Measure how soon the first slider of a page answers on a slow line, beside the same lesson as one file.

The site keeps the explorers' pictures in files of their own, which come when they are near; `course.py export` puts
all of a lesson into one file. Headless Chromium limits the line; an arrow key is pressed until the sentence changes.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.turns import ratio, take_turns
from tests.browser import Browser, open_browser
from tests.website import Quiet
from tools.website import pages

MBIT, LATENCY_MS = 1.6, 150  # a slow mobile line
LINE = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": MBIT * 1e6 / 8, "uploadThroughput": 1e5}


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder, and give its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def move_first_slider(browser: Browser, address: str) -> None:
    """Open a page in a new context, without a cache, and press a key until its first slider answers."""
    context = browser.new_context()
    page = context.new_page()
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", LINE)
    page.goto(address, wait_until="commit", timeout=120_000)
    explorer = page.locator(".lesson-explorer").first
    explorer.scroll_into_view_if_needed(timeout=120_000)
    panels, slider = explorer.locator(".lesson-panels"), explorer.locator("input[type=range]").first
    told, keys = panels.get_attribute("aria-label"), itertools.cycle(["ArrowLeft", "ArrowRight", "ArrowRight"])
    while panels.get_attribute("aria-label") == told:  # it may stand at either end
        slider.press(next(keys))
        time.sleep(0.02)
    context.close()


def report(lessons: Sequence[str] = ("0", "7"), repeats: int = 3) -> str:
    """Build the site, open the first page and each lesson both ways in turns, and return the table."""
    rows = ["| page | MB before its pictures | seconds | as one file | ratio |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        made = pages.write_site(folder=Path(folder) / "site")  # opens a browser of its own, so before the other
        sizes = {file: first for file, first, _ in pages.weights(made, Path(folder) / "site")}
        alone = [
            pages.write_single(source, folder=Path(folder) / "single").name for source in pages.build.sources(lessons)
        ]
        with open_browser() as browser, serving(Path(folder)) as address:
            for file in ("index.html", *alone):
                places = {"site": f"{address}site/{file}"}
                places |= {"file": f"{address}single/{file}"} if file in alone else {}
                ways = {way: functools.partial(move_first_slider, browser, place) for way, place in places.items()}
                seconds = take_turns(ways, repeats)
                typical = {way: f"{statistics.median(each):.1f}" for way, each in seconds.items()}
                times = ratio(seconds["file"], seconds["site"]) if file in alone else "-"
                row = (f"`{file}`", f"{sizes[file]:.2f}", typical["site"], typical.get("file", "-"), times)
                rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows)
