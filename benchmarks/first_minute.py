"""Measure the way from a bare clone to a moved slider: `course.py start`, and everything installed before it.

The last commit is cloned into a new folder, with pip's cache off; then a headless browser opens lesson 0 as soon as
JupyterLab answers, runs it to its first explorer and presses an arrow key. What is fetched is what pip says it fetched.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.browser import Lab, Page, free_port, open_browser, wait_for_server

ROOT = Path(__file__).resolve().parents[1]
LESSON = "notebooks/00_start_here.ipynb"
#: The commands before `start`, in each way.
WAYS = {"`start`": [], "`install`, then `start`": ["install"]}
RUN_TO = """async (index) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index + 1;
    await window.jupyterapp.commands.execute("notebook:run-all-above");
    await notebook.scrollToItem(index, "start");
}"""


def first_explorer(path: Path) -> int:
    """Return the number of the cell that shows the first explorer, from 0."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return next(i for i, cell in enumerate(cells) if re.search(r"^Explorer\(", "".join(cell["source"]), re.MULTILINE))


def move_first_slider(page: Page, folder: Path) -> None:
    """Run an open lesson 0 to its first explorer, press an arrow key and wait for another picture."""
    page.evaluate(RUN_TO, first_explorer(folder / LESSON))
    picture = page.locator(".lesson-figure [aria-label]").first
    picture.wait_for()
    told = picture.get_attribute("aria-label")
    handle = page.locator(".jp-OutputArea :is(.noUi-handle, input[type=range])").first
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "told => document.querySelector('.lesson-figure [aria-label]').getAttribute('aria-label') !== told", arg=told
    )


def measure(before: list[str]) -> dict[str, float]:
    """Go the whole way once; return the seconds, the megabytes fetched and how many frameworks were there."""
    with (
        tempfile.TemporaryDirectory(prefix="first-minute-", ignore_cleanup_errors=True) as folder,
        open_browser() as chrome,
    ):
        clone, log = Path(folder) / "course", Path(folder) / "log"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        port, token = free_port(), "benchmark"
        words = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
        words += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url="]
        hidden = {"PYTHONPATH", "VIRTUAL_ENV"}
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        environment = kept | {"PIP_NO_CACHE_DIR": "1", "LESSONLIB_HOME": f"{folder}/home", "HOME": folder}
        program = [getattr(sys, "_base_executable", sys.executable), "course.py"]
        started = time.perf_counter()
        with log.open("w") as out:
            told = {"cwd": clone, "env": environment, "stdout": out, "stderr": subprocess.STDOUT}
            for command in before:
                subprocess.run([*program, command], check=True, **told)
            server = subprocess.Popen([*program, "start", "--", *words], **told)
        try:
            wait_for_server(server, f"http://127.0.0.1:{port}/api/status?token={token}", log, seconds=1800)
            page = chrome.new_page()
            lab = Lab(clone / "my-course", port, token)
            lab.open_file(page, LESSON)
            move_first_slider(page, lab.folder)
            seconds = time.perf_counter() - started
            there = sum((clone / ".venv" / "course" / part).exists() for part in ("torch", "keras"))
            waited = log.read_text().partition("Opening JupyterLab")[0]  # what comes later comes beside the lesson
            fetched = re.findall(r"^Ready: .*\((\d+) MB fetched\)", waited, re.MULTILINE)
        finally:
            server.terminate()
            server.wait()
    return {"seconds": seconds, "mb": sum(map(int, fetched)), "frameworks": there}


def report(ways: tuple[str, ...] = tuple(WAYS)) -> str:
    """Go each way once and return the table."""
    lines = ["| way | seconds to a moved slider | MB to wait for | frameworks there by then |", "|---|---|---|---|"]
    for way in ways:
        found = measure(WAYS[way])
        lines.append(f"| {way} | {found['seconds']:.0f} | {found['mb']:.0f} | {found['frameworks']} of 2 |")
    return "\n".join(lines)
