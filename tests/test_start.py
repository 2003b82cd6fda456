"""The first of the two commands: JupyterLab serves the learner's copy of the first lesson."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from http.client import HTTPResponse
from pathlib import Path

import psutil
import pytest

import course
from tests.browser import free_port, wait_for_server

TOKEN = "only-for-this-test"

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def test_the_start_command_serves_the_first_lesson(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    words = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    # The Python that runs the tests stands in for that of .venv, and the learner's folder is one of the test's own.
    program = "import pathlib, sys, course; course.own_copies.FOLDER = pathlib.Path(sys.argv.pop(1)); "
    program += "sys.exit(course.start(['--here', *sys.argv[1:]]))"
    command = [sys.executable, "-c", program, str(tmp_path / "mine"), *words, f"--IdentityProvider.token={TOKEN}"]
    home = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    with log.open("w") as out:
        start = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=course.ROOT, env=home)
    try:
        wait_for_server(start, f"http://127.0.0.1:{port}/api/status?token={TOKEN}", log)
        with ask(port, f"/api/contents/{course.FIRST_LESSON}?content=0") as answer:
            assert answer.status == 200
        with ask(port, "/") as page:
            assert page.url.endswith(f"/lab/tree/{course.FIRST_LESSON}")
        assert (tmp_path / "mine" / course.FIRST_LESSON).read_bytes() == (
            course.ROOT / course.FIRST_LESSON
        ).read_bytes()
    finally:
        if start.poll() is None:
            ask(port, "/api/shutdown", method="POST").close()
        start.wait(60)


@pytest.mark.needs("bash")
def test_what_ends_the_program_ends_what_it_runs(tmp_path: Path) -> None:
    """A closed terminal leaves no JupyterLab behind."""
    program = "import course, sys; course.hand_over(['bash', '-c', 'echo $$ > pid; exec sleep 600'], cwd=sys.argv[1])"
    started = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=course.ROOT)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert started.poll() is None
        time.sleep(0.05)
    started.terminate()
    started.wait(60)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def ask(port: int, path: str, method: str = "GET") -> HTTPResponse:
    """Send a request to the server."""
    headers = {"Authorization": f"token {TOKEN}"}
    return urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers=headers)
    )
