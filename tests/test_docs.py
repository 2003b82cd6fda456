"""The documents that a newcomer reads: current, linked, and true to the lessons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import course
from notebooks import build
from tools import misconceptions
from tools.website import lessons

GLOSSARY = build.ROOT / "docs" / "glossary.md"
SOURCES = {source.stem: source for source in build.sources()}


def terms() -> list[tuple[str, str, str]]:
    """Return the glossary's entries: term, explanation, lesson."""
    text = GLOSSARY.read_text(encoding="utf-8")
    return re.findall(r"^## (.+)\n\n(.+) \[Lesson \d+[a-z]?\]\(\.\./notebooks/(\w+)\.ipynb\)\.$", text, re.MULTILINE)


def test_every_entry_of_the_glossary_is_complete_and_in_order() -> None:
    names = [name for name, _, _ in terms()]
    assert len(names) == GLOSSARY.read_text(encoding="utf-8").count("\n## ") > 40
    assert names == sorted(names, key=str.lower)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", [name for name, _, _ in terms()])
def test_a_term_occurs_in_the_lesson_that_the_glossary_names(name: str) -> None:
    """In its text or its code; the words of a term may stand apart."""
    lesson = next(lesson for term, _, lesson in terms() if term == name)
    text = SOURCES[lesson].read_text(encoding="utf-8").lower()
    words = [word for word in re.findall(r"[a-z0-9]+", re.sub(r"\(.*?\)", "", name.lower())) if len(word) > 1]
    stems = [word[: max(4, len(word) - 2)] for word in words if word not in {"and", "of", "the"}]
    assert [stem for stem in stems if stem not in text] == []


def test_the_register_of_misconceptions_is_what_the_lessons_say() -> None:
    """When this fails: python3 course.py build."""
    assert misconceptions.PAGE.read_text(encoding="utf-8") == build.misconception_register()


def test_every_lesson_with_content_names_its_misconceptions() -> None:
    """All but the first, which only shows how things work, and the clinic and what follows it, which examine."""
    without = [stem for stem, source in SOURCES.items() if not misconceptions.met_in(build.convert(source))]
    assert set(without) <= {"00_start_here", "10_curve_clinic", "10b_more_cases", "10c_what_you_gained"}


def test_the_map_in_the_readme_gives_each_lessons_time(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[[^\]]+\]\(notebooks/(\w+)\.ipynb\) \|[^|]+\| (\d+) min \|", readme, re.MULTILINE)
    assert rows == [(stem, lessons.headline(source)[1].split()[0]) for stem, source in SOURCES.items()]


def test_the_readme_shows_an_explorer_with_alt_text(root: Path) -> None:
    """A picture made here by a command, of a kind that holds no photograph: small."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    alt, path = re.search(r"!\[([^\]]+)\]\((docs/[\w.-]+\.png)\)", readme).groups()
    assert len(alt) > 60
    assert 5_000 < (root / path).stat().st_size < 200_000


PAGES = [path for folder in (".", "docs", "exercises") for path in sorted((build.ROOT / folder).glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_links_of_the_documents_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#:]*)(#[\w-]+)?\)", text):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}"
        if anchor and path.suffix == ".md":
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in [re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in titles]


def test_every_command_that_a_document_names_exists(root: Path) -> None:
    pages = [*PAGES, *(root / ".github").rglob("*.yml"), root / ".devcontainer/devcontainer.json", root / ".ci/run"]
    named = {
        word
        for page in pages
        for word in re.findall(r"(?:python3? |`)course\.py (\w+)", page.read_text(encoding="utf-8"))
    }
    assert named >= {"start", "test", "site", "export", "lite", "binder", "badges"}
    assert named <= set(course.COMMANDS)
