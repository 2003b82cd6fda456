"""Writers are killed at random moments: a file is the old one or the new one, and no answer acknowledged is lost."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import os
import random
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from lessonlib import cifar10, runs, storage
from lessonlib.runs import Run

#: How often each kind of writer is killed.
KILLS = 12
#: New processes are forked from one that has imported everything: so many can be started in a test.
WAY = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
processes = multiprocessing.get_context(WAY)
if WAY == "forkserver":
    processes.set_forkserver_preload(["lessonlib.cifar10", "lessonlib.runs", "pooch", "requests", "tqdm.auto"])


def kill(work: Callable[..., None], *arguments: object, wait: Callable[[], None]) -> list[int]:
    """Start work in a process of its own, wait after its first message, kill it, return all its messages."""
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=work, args=(sender, *arguments))
    process.start()
    sender.close()
    messages = [receiver.recv()]
    wait()
    process.kill()
    process.join()
    while True:
        try:
            messages.append(receiver.recv())
        except EOFError:
            return messages


# --- recordings ---------------------------------------------------------------------------------------------------


def save_for_ever(sender: Connection, path: Path) -> None:
    """Save one run after the other to the same place; the numbers in a run are all the same."""
    for n in itertools.count():
        logits = np.full((2, 2_000, 10), n % 1_000, np.float16)
        Run({"val_loss": [n, n]}, logits, np.zeros(2_000, int), {"seed": n}).save(path)
        sender.send(n)


def test_a_recording_whose_writer_was_killed_is_one_that_was_saved(tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "a.npz"
    for _ in range(KILLS):
        last = kill(save_for_ever, path, wait=lambda: time.sleep(rng.uniform(0, 0.02)))[-1]
        run = Run.load(path)
        n = run.provenance["seed"]
        assert n in (last, last + 1)  # the last one acknowledged, or the next that was not any more
        assert (run["val_loss"] == n).all()
        assert (run.val_logits == n % 1_000).all()
    parts = [other for other in tmp_path.iterdir() if other != path]
    assert parts, "no writer was killed while it wrote: the test has tested nothing"
    assert all(re.fullmatch(r"\.a\.npz\.\w+\.part", part.name) for part in parts)


def test_what_killed_writers_leave_behind_is_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runs.FOLDER_VARIABLE, str(tmp_path))
    Run({"val_loss": [1.0]}).save(tmp_path / runs.recording_name("main", 3))
    (tmp_path / ".main-seed4.npz.0123456789abcdef.part").write_bytes(b"half of a run")
    assert len(runs.recordings("main")) == 1


# --- the learner's answers ----------------------------------------------------------------------------------------

ANSWERS = "answers.jsonl"


def append_for_ever(sender: Connection, home: str, first: int) -> None:
    """Keep one record after the other, of all lengths, and say so after each."""
    os.environ[storage.HOME_VARIABLE] = home
    for n in itertools.count(first):
        storage.append_record(ANSWERS, {"n": n, "text": "x" * (n * 997 % 30_000)})
        sender.send(n)


def test_no_acknowledged_answer_is_lost_however_often_the_writer_is_killed(tmp_path: Path) -> None:
    rng, acknowledged = random.Random(1), []
    for _ in range(KILLS):
        first = acknowledged[-1] + 10 if acknowledged else 0
        home = os.environ[storage.HOME_VARIABLE]
        acknowledged += kill(append_for_ever, home, first, wait=lambda: time.sleep(rng.uniform(0, 0.02)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a line that a killed writer left half-way
        read = [record["n"] for record in storage.read_records(ANSWERS)]
    assert len(acknowledged) >= KILLS
    assert set(acknowledged) <= set(read)
    assert read == sorted(set(read))
    assert len(read) <= len(acknowledged) + KILLS  # at most one each that was kept and not acknowledged any more


# --- the cache ----------------------------------------------------------------------------------------------------

CONTENT = np.random.default_rng(0).bytes(2_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class SlowMirror(BaseHTTPRequestHandler):
    """Sends the content bit by bit, from where it is asked to, and counts where it is."""

    at = continued = 0

    def do_GET(self) -> None:
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        SlowMirror.continued += start > 0
        SlowMirror.at = start
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        try:
            for at in range(start, len(CONTENT), 20_000):
                self.wfile.write(CONTENT[at : at + 20_000])
                SlowMirror.at = at + 20_000
                time.sleep(0.001)
        except OSError:  # who asked was killed
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror() -> Iterator[str]:
    """Serve the content on this machine; return its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowMirror)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{cifar10.ARCHIVE_NAME}"
    server.shutdown()
    thread.join()
    server.server_close()


def download(sender: Connection, folder: Path, url: str) -> None:
    """Download the content into the cache."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    cifar10.ARCHIVE_BYTES, cifar10.ARCHIVE_URLS, cifar10.ARCHIVE_SHA256 = 1_000_000, (url,), SHA256
    cifar10.cache_folder = lambda: folder
    sender.send(0)
    cifar10.fetch_archive()
    sender.send(1)


def until_somewhere(rng: random.Random) -> Callable[[], None]:
    """Return what waits until the mirror has sent a random part of the content."""
    SlowMirror.at, somewhere = -1, rng.randrange(len(CONTENT))

    def wait() -> None:
        give_up = time.monotonic() + 60  # whatever has become of the process: the test must end
        while SlowMirror.at < somewhere and time.monotonic() < give_up:
            time.sleep(0.001)

    return wait


def test_a_download_killed_at_any_moment_leaves_no_damaged_archive_and_is_continued(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ARCHIVE_BYTES", "ARCHIVE_URLS", "ARCHIVE_SHA256", "cache_folder"):
        monkeypatch.setattr(cifar10, name, getattr(cifar10, name))  # `download` sets them in this process, too
    rng, archive = random.Random(2), tmp_path / cifar10.ARCHIVE_NAME
    for _ in range(KILLS):
        finished = kill(download, tmp_path, mirror, wait=until_somewhere(rng))[-1] == 1
        assert archive.exists() or not finished
        if archive.exists():
            assert archive.read_bytes() == CONTENT
            archive.unlink()
    assert SlowMirror.continued, "no download was continued: the test has tested nothing"
    receiver, sender = processes.Pipe(duplex=False)
    download(sender, tmp_path, mirror)
    assert [receiver.recv(), receiver.recv()] == [0, 1]
    assert archive.read_bytes() == CONTENT
