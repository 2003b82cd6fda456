"""Where the course is published, and the addresses that open a lesson elsewhere. The only place that knows them.

The address stands in ``pyproject.toml`` (``[project.urls]``, ``Repository``); without it, the remote ``origin`` of this
clone says it. A copy with neither has no address, and its pages have no links that would lead nowhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
#: The branch that serves the site holds the notebooks for Colab too.
SITE_BRANCH = "gh-pages"
BADGE = "https://mybinder.org/badge_logo.svg"


@dataclass(frozen=True)
class Repository:
    """A public repository on GitHub.

    Attributes
    ----------
    owner, name : str
    release : str
        The newest release, a tag whose image Binder has built already; HEAD if there is none.
    """

    owner: str
    name: str
    release: str = "HEAD"

    @property
    def address(self) -> str:
        """Its page, which git can clone too."""
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def site(self) -> str:
        """Where its site is published, with a slash at the end."""
        return f"https://{self.owner.lower()}.github.io/{self.name}/"

    def report(self, page: str) -> str:
        """Return the address of the form for an error on a page."""
        return f"{self.address}/issues/new?title={quote(f'Error on the page: {page}')}"

    def file(self, path: str) -> str:
        """Return the page of a file."""
        return f"{self.address}/blob/HEAD/{quote(path)}"

    def binder(self, lesson: str) -> str:
        """Return the address that opens a lesson on Binder."""
        notebook = quote(f"notebooks/{lesson}.ipynb", safe="")
        return f"https://mybinder.org/v2/gh/{self.owner}/{self.name}/{self.release}?labpath={notebook}"

    def colab(self, lesson: str) -> str:
        """Return the address that opens a lesson's copy for Colab, published with the site."""
        return (
            f"https://colab.research.google.com/github/{self.owner}/{self.name}/blob/{SITE_BRANCH}/colab/{lesson}.ipynb"
        )


def parse(address: str) -> Repository | None:
    """Read owner and name from an address on GitHub; anything else gives None.

    >>> parse("git@github.com:someone/loss.git")
    Repository(owner='someone', name='loss')
    """
    found = re.fullmatch(
        r"(?:https://|ssh://git@|git@)github\.com[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?", address.strip()
    )
    return Repository(*found.groups()) if found else None


def newest_release(root: Path) -> str:
    """Return the newest tag like v1.2.0 that this copy comes from, or HEAD."""
    described = ["git", "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"]
    told = subprocess.run(described, cwd=root, capture_output=True, text=True) if shutil.which("git") else None
    return told.stdout.strip() if told and told.returncode == 0 else "HEAD"


def find(root: Path = ROOT) -> Repository | None:
    """Return the repository of this copy of the course, or None if nothing says which it is.

    Raises
    ------
    ValueError
        If pyproject.toml names something that is no repository on GitHub.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if said := project.get("urls", {}).get("Repository"):
        if not (known := parse(said)):
            raise ValueError(f"pyproject.toml: Repository is {said!r}: write https://github.com/OWNER/REPOSITORY.")
        return replace(known, release=newest_release(root))
    if not shutil.which("git"):
        return None
    origin = subprocess.run(["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True)
    known = parse(origin.stdout) if origin.returncode == 0 else None
    return known and replace(known, release=newest_release(root))
