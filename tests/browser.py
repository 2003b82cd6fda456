"""Drive a real JupyterLab in a headless browser, for tests and benchmarks.

A test module asks for the fixtures by importing them: ``from tests.browser import browser, lab``.
``python -m tests.browser`` sees to it that there is a browser, where that can be done without asking anybody.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[1]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge")
#: Generous, since other work may share the machine; nothing asserts how long anything took.
PATIENCE_MS = 180_000


def find_browser() -> str | None:
    """Return the browser named in ``LESSONLIB_BROWSER``, else one on the path, else None.

    Raises
    ------
    FileNotFoundError
        If ``LESSONLIB_BROWSER`` names no program.
    """
    if chosen := os.environ.get("LESSONLIB_BROWSER"):
        if not (path := shutil.which(chosen)):
            raise FileNotFoundError(
                f"LESSONLIB_BROWSER is {chosen!r}, which is no program: set it to a Chromium or Chrome."
            )
        return path
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def ways_to_launch() -> list[dict[str, str]]:
    """Return what to tell playwright, in turn: a browser by its path, one in its usual place, playwright's own."""
    found = find_browser()
    usual = [{"channel": "chrome"}, {"channel": "msedge"}, {}]
    return [{"executable_path": found}, *usual] if found else usual


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a headless Chromium, Chrome or Edge.

    Raises
    ------
    NoBrowser
        If none starts.
    """
    with sync_playwright() as playwright:
        running, failures = None, []
        for way in ways_to_launch():
            try:
                running = playwright.chromium.launch(**way, headless=True, args=FLAGS)
                break
            except Error as error:
                failures.append(error.message.splitlines()[0])
        if running is None:
            raise NoBrowser(f"No browser starts here: install Chromium or Chrome. Tried: {'; '.join(failures)}")
        try:
            yield running
        finally:
            running.close()


class NoBrowser(RuntimeError):
    """No browser on this machine starts."""


def works() -> bool:
    """Tell whether a browser starts."""
    try:
        with open_browser():
            return True
    except NoBrowser:
        return False


# ------------------------------------------------------------------------------------------------- where there is none


def without_password() -> list[str] | None:
    """Return what makes a command the administrator's; None if that would ask for a password."""
    if not hasattr(os, "geteuid"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    return sudo if shutil.which("sudo") and run([*sudo, "true"]) == 0 else None


def ways_to_install() -> Iterator[list[list[str]]]:
    """Yield, in turn, the commands that may bring a browser: playwright's download, then the system's packages."""
    playwright = [sys.executable, "-m", "playwright"]
    yield [[*playwright, "install", "chromium"]]
    if (sudo := without_password()) is None:
        return
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    managers = {
        "apt-get": [[*apt, "update"], [*apt, "install", "--no-install-recommends", "chromium", "fonts-dejavu-core"]],
        "dnf": [[*sudo, "dnf", "install", "-y", "chromium"]],
        "zypper": [[*sudo, "zypper", "-n", "install", "chromium"]],
        "pacman": [[*sudo, "pacman", "-Sy", "--noconfirm", "chromium"]],
        "apk": [[*sudo, "apk", "add", "chromium"]],
    }
    yield from (commands for manager, commands in managers.items() if shutil.which(manager))
    if shutil.which(
        "apt-get"
    ):  # Ubuntu's package is a snap, which containers cannot start: playwright's with libraries
        yield [[*playwright, "install", "--with-deps", "chromium"]]


def run(command: list[str]) -> int:
    """Run a command that must not ask anything; return its exit status, 1 if it takes more than ten minutes."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run(command, timeout=600, **quiet).returncode
    except subprocess.TimeoutExpired:
        return 1


def provide() -> bool:
    """See to it that a browser is there; return whether one is."""
    if works():
        return True
    for commands in ways_to_install():
        print(f"No browser for the tests yet; trying: {' && '.join(map(' '.join, commands))}", flush=True)
        if all(run(command) == 0 for command in commands) and works():
            return True
    print("No browser could be had without a password, so the tests that drive one are left out.", flush=True)
    return False


@dataclass
class Lab:
    """A running JupyterLab server.

    Attributes
    ----------
    folder : Path
        Where its notebooks are.
    port : int
        Where it listens on the loopback interface.
    token : str
        The password that every address carries.
    """

    folder: Path
    port: int
    token: str

    def open_notebook(self, page: Page, cells: Sequence[str], *, port: int | None = None) -> None:
        """Write a notebook of code cells, open it in the page, and wait until its kernel is idle.

        `port` replaces the server's own, for a proxy in front of it.
        """
        name = f"test-{secrets.token_hex(4)}.ipynb"
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"c{i}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": cell,
                }
                for i, cell in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / name).write_text(json.dumps(notebook), encoding="utf-8")
        self.open_file(page, name, port=port)

    def open_file(self, page: Page, name: str, *, port: int | None = None) -> None:
        """Open a notebook of the server's folder in the page, and wait until its kernel is idle."""
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"http://127.0.0.1:{port or self.port}/lab/tree/{name}?reset&token={self.token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )

    @staticmethod
    def run_all(page: Page) -> None:
        """Run every cell of the open notebook and wait until the last one is done."""
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")

    @staticmethod
    def shut_kernel_down(page: Page) -> None:
        """End the kernel of the open notebook; its outputs stay on the page."""
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        page.wait_for_function("!window.jupyterapp.shell.currentWidget.sessionContext.session")


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Start a JupyterLab server on a free port, apart from the user's own settings."""
    port, token = free_port(), secrets.token_hex(16)
    notebooks = folder / "notebooks"
    notebooks.mkdir(parents=True)
    no_news = folder / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    no_news.parent.mkdir(parents=True)
    no_news.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "JUPYTER_PLATFORM_DIRS": "1"}
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = {**os.environ, **own, "PYTHONPATH": path, "LESSONLIB_STATIC": ""}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={notebooks}", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url="]
    log = folder / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for_server(server, f"http://127.0.0.1:{port}/api/status?token={token}", log)
        yield Lab(notebooks, port, token)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for_server(
    server: subprocess.Popen[bytes], address: str, log: Path, *, seconds: float = PATIENCE_MS / 1000
) -> None:
    """Return when the address answers; raise RuntimeError with the end of the log if the server ended instead."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start (is jupyterlab installed?):\n{log.read_text()[-2000:]}")


# The browser's event loop must not outlive a module: other tests run loops of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with open_browser() as running:
        yield running


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab server for the whole run of this worker."""
    with running_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page, with nothing stored from other tests."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    try:
        yield context.new_page()
    finally:
        context.close()


if __name__ == "__main__":
    sys.exit(0 if provide() else 1)
