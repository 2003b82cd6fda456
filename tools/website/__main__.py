"""Write the site, or single pages: ``python -m tools.website [--single] [LESSON ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from nbclient.exceptions import CellExecutionError

from notebooks import build
from tools.website import lessons, pages, repository


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="course.py site", description="Write the static site into build/site.")
    parser.add_argument("lessons", nargs="*", help="numbers or names; without any, every lesson")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--single", action="store_true", help="one self-contained file per lesson, into build/export")
    other.add_argument(
        "--badges", action="store_true", help="print a badge for each lesson, in Markdown, and write nothing"
    )
    options = parser.parse_args(arguments)
    try:
        action = single if options.single else badges if options.badges else site
        action(options.lessons)
    except (build.LessonError, CellExecutionError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def single(wanted: Sequence[str]) -> None:
    """Write lessons as files that stand alone."""
    for source in build.sources(wanted):
        path = pages.write_single(source)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def badges(wanted: Sequence[str]) -> None:
    """Print the badges that open lessons on Binder.

    Raises
    ------
    ValueError
        If nothing says where this copy of the course is published.
    """
    known = repository.find()
    if known is None:
        raise ValueError(
            "No address to link to: enter it in pyproject.toml, [project.urls], "
            'Repository = "https://github.com/OWNER/REPOSITORY".'
        )
    for source in build.sources(wanted):
        title, *_ = lessons.headline(source)
        print(f"[![{title}: open on Binder]({repository.BADGE})]({known.binder(source.stem)})")


def site(wanted: Sequence[str]) -> None:
    """Write the site and say what its pages weigh."""
    known = repository.find()
    made = pages.write_site(wanted, known=known)
    print("\nMB, uncompressed            at first   with every picture")
    for name, first, every in pages.weights(made):
        print(f"{name:28} {first:7.2f}   {every:7.2f}")
    if not known:
        print("\nNo links to Binder, Colab and the source: neither pyproject.toml ([project.urls], Repository)")
        print("nor the remote origin of this clone names a repository on GitHub.")
    print(f"\n{pages.SITE}. To look at it: python3 -m http.server -d build/site, then http://localhost:8000")


if __name__ == "__main__":
    sys.exit(main())
