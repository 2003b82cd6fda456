"""The site for the browser tests: built once for all of them, served under a sub-path from this machine.

A test module asks for the fixtures by importing them: ``from tests.website import served, site``.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from filelock import FileLock, Timeout
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import PATIENCE_MS
from tools.website import lessons, pages
from tools.website.repository import Repository

#: The site must work wherever it is put.
SUB_PATH = "/some/course/"
KNOWN = Repository("someone", "course")
#: Every page of the site, known before it is built.
FILES = [f"{path.stem}.html" for path in lessons.build.sources()]
EXERCISES = [f"{path.stem}.html" for path in pages.EXERCISES]
PAGES = ["index.html", *FILES, "gallery.html", *(f"{name}.html" for name in pages.DOCS), *EXERCISES, "search.html"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site of every lesson; the workers of pytest-xdist share it."""
    own = tmp_path_factory.getbasetemp()
    # Above a worker's folder lies that of the whole session; above a lone process's lie those of other days.
    session = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = session / "course-site" / SUB_PATH.strip("/")
    report = folder.parent / "weights.json"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The workers share the lessons: what another is at is passed over first, and waited for then.
    for source, blocking in [(source, blocking) for blocking in (False, True) for source in lessons.build.sources()]:
        with contextlib.suppress(Timeout), FileLock(folder.parent / f"{source.stem}.lock", blocking=blocking):
            lessons.executed(source)
    with FileLock(folder.parent / "lock"):
        if not report.exists():
            made = pages.write_site(folder=folder, known=KNOWN, lite=folder / "not-built")
            report.write_text(json.dumps(pages.weights(made, folder)))
    return folder


@functools.cache
def soup_of(folder: Path, file: str) -> BeautifulSoup:
    """Read a page of the site, once; of its drawings only the outermost tag, since they are most of its bytes."""
    html = (folder / file).read_text(encoding="utf-8")
    return BeautifulSoup(re.sub(r"(<svg\b[^>]*>).*?(</svg>)", r"\1\2", html, flags=re.DOTALL), "html.parser")


@dataclass(frozen=True)
class Served:
    """A site behind a plain web server.

    Attributes
    ----------
    address : str
        Ends in a slash.
    """

    address: str

    def open(self, page: Page, file: str) -> list[str]:
        """Open a page; return the list that collects what goes wrong on it from now on.

        Wrong is an error on the console, an exception, an answer of 400 or more, and every request to another host,
        which is aborted.
        """
        wrong: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
        page.on("response", lambda got: wrong.append(f"{got.status}: {got.url}") if got.status >= 400 else None)
        refuse_others(page.context, self.address, wrong)
        page.goto(self.address + file)
        return wrong


def refuse_others(context: BrowserContext, address: str, wrong: list[str]) -> None:
    """Abort each request that leaves the site's own folder, and note it."""

    def refuse(route) -> None:
        wrong.append(f"request elsewhere: {route.request.url}")
        route.abort()

    context.route(lambda url: not url.startswith((address, "data:", "blob:")), refuse)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line for each on stderr."""

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[Served]:
    """Serve the site; its own folder only, below `SUB_PATH`."""
    top = site.parents[SUB_PATH.strip("/").count("/")]
    handler = functools.partial(Quiet, directory=str(top))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Served(f"http://127.0.0.1:{server.server_port}{SUB_PATH}")
        server.shutdown()
        thread.join()
