"""Measure how long a slider takes to move the picture: the Explorer against `interact` with matplotlib.

Opens a real JupyterLab in a headless browser, draws the same two-panel figure both ways, presses an
arrow key and takes the time from the key to the second animation frame after the picture changed.
Everything is measured in one run, with and without a proxy that adds the delay of a remote server
(150 ms there and back, as on Binder). Machines differ: the ratio is what counts.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import statistics
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.browser import Browser, Lab, open_browser, running_lab

FIGURE = """
import numpy as np
from lessonlib import figures
from lessonlib.explorer import Explorer, Panel, Picture
positions = np.arange(1, 100) / 100

def cost(p):
    loss, names = -np.log(p), ["cat", "dog", "horse"]
    return Picture(
        f"At p = {p:.2f} the loss is {loss:.3f}.",
        Panel("Loss", figures.line(positions, -np.log(positions)), figures.dot(p, loss, f"loss {loss:.2f}"),
              x=(0, 1), y=(0, 5), xlabel="probability of the true class"),
        Panel("Answers", figures.bars(dict(zip(names, [p, (1 - p) / 2, (1 - p) / 2]))), x=(0, 1.1), xlabel="share"),
    )
"""
WAYS = {
    "Explorer": "Explorer(cost, p=positions)",
    "Explorer, too many positions to fetch ahead": "Explorer(cost, p=np.arange(1, 2500) / 2500)",
    "interact + matplotlib": """
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

@interact(p=FloatSlider(min=0.01, max=0.99, step=0.01, value=0.01))
def draw(p):
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    left.set(xlim=(0, 1), ylim=(0, 5), xlabel="probability of the true class", title="Loss")
    left.plot(positions, -np.log(positions))
    left.plot([p], [-np.log(p)], "o")
    left.text(p, -np.log(p), f"loss {-np.log(p):.2f}")
    right.barh(["cat", "dog", "horse"], [p, (1 - p) / 2, (1 - p) / 2])
    right.set(xlim=(0, 1.1), xlabel="probability", title="Answers")
    plt.show()
""",
}
# Notes the time of the key and of the second frame after the picture: new SVG content, or a loaded image.
WATCH = """
window.key = window.painted = 0;
document.addEventListener("keydown", () => { window.key = performance.now(); window.painted = 0; }, true);
const changed = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.painted ||= performance.now();
}));
document.addEventListener("load", (event) => { if (event.target.tagName === "IMG") changed(); }, true);
new MutationObserver((changes) => {
    if (changes.some((change) => change.target.closest?.(".lesson-panels svg"))) changed();
}).observe(document, { subtree: true, childList: true });
"""


@contextlib.contextmanager
def slow_proxy(target: int, delay: float) -> Iterator[int]:
    """Forward a free loopback port to `target`; each way takes `delay` seconds longer."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        now = asyncio.get_running_loop().time

        async def read() -> None:
            data = b"-"
            while data:
                data = await reader.read(65536)
                await queue.put((now() + delay, data))

        async def write() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(due - now())
                if not data:
                    return writer.close()
                writer.write(data)
                await writer.drain()

        await asyncio.gather(read(), write(), return_exceptions=True)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
        with contextlib.suppress(asyncio.CancelledError):  # the end of the measurement, not a failure
            await asyncio.gather(forward(reader, inner_writer), forward(inner_reader, writer))

    async def serve() -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        started.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
        await stop.wait()  # asyncio.run then cancels what is still open
        server.close()

    started: concurrent.futures.Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]
    started = concurrent.futures.Future()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, loop, stop = started.result()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def measure(browser: Browser, lab: Lab, port: int, cell: str, moves: int) -> list[float]:
    """Return the milliseconds of each move, after three that warm up."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    page = context.new_page()
    page.add_init_script(WATCH)
    lab.open_notebook(page, [FIGURE, cell], port=port)
    lab.run_all(page)
    handle = page.locator(".jp-OutputArea :is(.noUi-handle, input[type=range])").first
    handle.wait_for()
    page.wait_for_timeout(3000)  # fetch-ahead and first drawing are over
    handle.focus()
    times = []
    for _ in range(moves + 3):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("window.painted > 0")
        times.append(page.evaluate("window.painted - window.key"))
        page.wait_for_timeout(500)  # the next move begins when all is quiet
    lab.shut_kernel_down(page)
    context.close()
    return times[3:]


def report(delay_ms: float = 150, moves: int = 30) -> str:
    """Measure and return a Markdown table."""
    lines = ["| connection | way | median, ms | 90th percentile, ms | times slower |", "|---|---|---|---|---|"]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder) / "lab") as lab,
        slow_proxy(lab.port, delay_ms / 2000) as slow,
        open_browser() as browser,
    ):
        for connection, port in (("local", lab.port), (f"{delay_ms:g} ms round trip", slow)):
            base = None
            for way, cell in WAYS.items():
                times = measure(browser, lab, port, cell, moves)
                middle = statistics.median(times)
                base = base or middle
                ninth = statistics.quantiles(times, n=10)[-1]
                lines.append(f"| {connection} | {way} | {middle:.0f} | {ninth:.0f} | {middle / base:.1f} |")
    return "\n".join(lines)
