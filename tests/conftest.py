"""Fixtures for every test: no network but this machine's own, and a home of its own for each test."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("agg")  # no windows. Not by an environment variable: the kernels of notebooks would inherit it

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root() -> Path:
    """Return the top folder of the course."""
    return ROOT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty folder for the learner's answers, and return it."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LESSONLIB_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine: a test that needs one would fail for whoever is offline."""
    connect = socket.socket.connect

    def only_here(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not is_local(str(address[0])):
            raise OSError(f"a test tried to reach {address[0]}: tests use this machine only (127.0.0.1)")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_here)


def is_local(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: resolving it would ask the network already
        return False
