"""What prose mentions leads there: lessons and terms of the glossary are links, names of colours have the colour."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping

from bs4 import BeautifulSoup, NavigableString, PageElement

from lessonlib.figures import PALETTE
from notebooks import build, rules

GLOSSARY = build.ROOT / "docs" / "glossary.md"
#: Where a word stands for itself or leads elsewhere already.
LEFT_ALONE = ["a", "code", "pre", "script", "style", "summary", "form", "math"]


@functools.cache
def lessons() -> Mapping[str, str]:
    """Return the lessons' notebooks, by what prose calls them, such as "lesson 5b"."""
    return {f"lesson {rules.label(source.stem)}": f"notebooks/{source.stem}.ipynb" for source in build.sources()}


@functools.cache
def terms() -> Mapping[str, str]:
    """Return the glossary's terms, in lower case and without what stands in brackets, and where each is explained."""
    headings = re.findall("^## (.+)$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return {heading.partition(" (")[0].lower(): f"docs/glossary.md#{rules.anchor(heading)}" for heading in headings}


def mark(soup: BeautifulSoup, link: Callable[[str], str | None], own: str) -> None:
    """Link each lesson where it is mentioned but on its own page, `own`, and each term where it comes first."""
    targets = {name: link(path) for name, path in (lessons() | terms()).items()}
    targets = {name: address for name, address in targets.items() if address and address != own}
    words = sorted(map(re.escape, (*targets, *PALETTE)), key=len, reverse=True)
    mention = re.compile(rf"\b({'|'.join(words)})\b", re.IGNORECASE)
    met: set[str] = set()

    def marked(text: str) -> Iterator[PageElement]:
        for i, part in enumerate(mention.split(text)):
            name = part.lower()
            if i % 2 == 0 or name in met:
                yield NavigableString(part)
            elif name in PALETTE:
                yield soup.new_tag("span", attrs={"class": f"hue-{name}"}, string=part)
            elif name in lessons():
                yield soup.new_tag("a", attrs={"href": targets[name]}, string=part)
            else:
                met.add(name)
                yield soup.new_tag("a", attrs={"href": targets[name], "class": "term"}, string=part)

    prose = soup.select(":is(p, li, td):not(.lesson-explorer *, .map *)")  # an explorer's sentence changes
    for text in [text for tag in prose for text in tag.find_all(string=True)]:
        if text.parent and not text.find_parent(LEFT_ALONE) and mention.search(text):
            text.replace_with(*marked(text))
