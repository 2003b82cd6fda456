"""From a lesson's text to the body of a page: executed, formulas as MathML, pictures in files of their own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from nbformat import NotebookNode

from notebooks import build, rules
from tools.website import mentions

EXECUTED = build.ROOT / "build" / "executed"


@dataclass(frozen=True)
class Section:
    """A heading and the text up to the next one.

    Attributes
    ----------
    level : int
    anchor, heading, text : str
    """

    level: int
    anchor: str
    heading: str
    text: str


@dataclass(frozen=True)
class Body:
    """What a page shows, without its frame.

    Attributes
    ----------
    title, html : str
    sections : list of Section
    pictures : dict of str to str
        The explorers' pictures (JSON), by the file that holds them, compressed.
    questions : list of (str, str)
        Kind and name of each check and prediction, in order.
    explorers : dict of str to str
        The explorers' HTML by their names in addresses.
    """

    title: str
    html: str
    sections: list[Section]
    pictures: dict[str, str] = field(default_factory=dict)
    questions: list[tuple[str, str]] = field(default_factory=list)
    explorers: dict[str, str] = field(default_factory=dict)

    def sections_of_level(self, level: int) -> list[Section]:
        """Return the sections whose heading has this level."""
        return [section for section in self.sections if section.level == level]


# ------------------------------------------------------------------------------------------------------------ execution


def executed(source: Path) -> NotebookNode:
    """Return a lesson as executed for a page without a kernel; kept in ``build/executed`` until something changes."""
    kept = EXECUTED / f"{source.stem}-{fingerprint(source)}.ipynb"
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    notebook = build.convert(source)
    cost = build.execute(notebook, LESSONLIB_STATIC="1")
    print(f"{source.stem}: executed in {cost.seconds:.0f} s", flush=True)
    keep(source, notebook)
    return notebook


def keep(source: Path, notebook: NotebookNode) -> None:
    """Keep a lesson executed for a page without a kernel, in place of an older one."""
    build.tidy(notebook)
    for old in EXECUTED.glob(f"{source.stem}-*.ipynb"):
        old.unlink()
    build.write_if_changed(EXECUTED / f"{source.stem}-{fingerprint(source)}.ipynb", nbformat.writes(notebook))


def fingerprint(source: Path) -> str:
    """Return a hash of what decides a lesson's outputs: its text, the library, the recordings, the lock.

    Scripts and styles are not among it: the site has them once for all pages.
    """
    library = sorted((build.ROOT / "lessonlib").rglob("*.py"))
    recordings = sorted((build.NOTEBOOKS / "recordings").glob("*"))
    digest = hashlib.sha256()
    for path in (source, *library, *recordings, build.ROOT / "requirements.lock"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


# --------------------------------------------------------------------------------------------------------- to one page


def lesson_body(source: Path, link: Callable[[str], str | None]) -> Body:
    """Execute a lesson and return its page's body, its pictures apart.

    Parameters
    ----------
    source : Path
        The lesson's text.
    link : callable
        Turns an address of the lesson's Markdown into the site's; None where there is no such page.
    """
    notebook = executed(source)
    rules.fill_minutes(notebook, build.minutes(source))
    pictures: dict[str, str] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if html := output.get("data", {}).get("text/html"):
                output.data["text/html"] = _apart(html, source.stem, pictures)
    return body(notebook_html(notebook), link, pictures, mentioned_on=f"{source.stem}.html")


#: The mark of cells whose code waits behind a line.
COLLAPSED = "collapsed"


def notebook_html(notebook: NotebookNode, *, fold: bool = True) -> str:
    """Return a notebook's cells as HTML: no prompts, code marked that waits behind a line, formulas as MathML.

    Code that holds the answer to its question is left out.
    """
    from nbconvert import HTMLExporter  # a second to import

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell["source"] = formulas_to_mathml(cell.source)
        elif rules.gives_answers_away(cell):
            cell.metadata["transient"] = {"remove_source": True}  # the word of nbconvert's templates for it
        elif fold and "your_code(" not in cell.source:  # what the learner is to write stays in sight
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), COLLAPSED]  # it becomes a class of the cell
    exporter = HTMLExporter(
        template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True, exclude_anchor_links=True
    )
    # It is our own HTML, and to clean it takes a third of the time.
    exporter.register_filter("clean_html", lambda html: html)
    return exporter.from_notebook_node(notebook)[0]


def markdown_html(text: str) -> str:
    """Return a page of Markdown as HTML."""
    from nbconvert.filters import markdown2html

    return markdown2html(formulas_to_mathml(text))


DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_ASSET = re.compile(r'<style>.*?</style>|<script type="module">.*?</script>', re.DOTALL)
_PICTURES = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)


def _apart(html: str, lesson: str, pictures: dict[str, str]) -> str:
    """Take out of an output what the site has once for all pages, and the pictures, which come when they are near."""
    if 'class="lesson-' not in html:
        return html

    def put_aside(match: re.Match[str]) -> str:
        name = f"pictures/{lesson}-{len(pictures) + 1}.bin"  # gzip, which no server is to unpack by itself
        pictures[name] = match[1]
        return f'<script type="application/json" data-src="{name}"></script>'

    return _PICTURES.sub(put_aside, _ASSET.sub("", html))


def body(
    html: str, link: Callable[[str], str | None], pictures: dict[str, str] | None = None, mentioned_on: str = ""
) -> Body:
    """Give a page's HTML its anchors, links and tables that scroll, and list what is in it.

    With the file of the page as `mentioned_on`, what its prose mentions is linked.
    """
    drawings: list[str] = []  # most of a page's bytes, and nothing in them changes: they need not be parsed

    def put_aside(match: re.Match[str]) -> str:
        drawings.append(match[0])
        return f"<svg data-drawing={len(drawings) - 1}></svg>"

    soup = BeautifulSoup(DRAWING.sub(put_aside, html), "html.parser")
    for table in soup.find_all("table"):
        table.wrap(soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "region"}))
        table.parent["aria-label"] = "Table"
    for code in soup.select(f".celltag_{COLLAPSED} > .input"):
        fold, line = soup.new_tag("details", attrs={"class": "code"}), soup.new_tag("summary")
        line.string = "Show code"
        code.wrap(fold).insert(0, line)
    for finding in soup.select("p > strong:first-child"):
        if finding.get_text().startswith("Verdict"):
            finding.parent["class"] = "finding"
    for sign in soup.select("a.anchor-link"):  # nbconvert puts a ¶ behind each heading of a document
        sign.decompose()
    _name(soup)
    _follow_links(soup, link)
    if mentioned_on:
        mentions.mark(soup, link, mentioned_on)
    sections = list(_sections(soup))
    explorers = {box["id"]: str(box) for box in soup.select(".lesson-explorer")}
    _show_addresses(soup)
    questions = [(form["data-kind"], form["data-name"]) for form in soup.select("form.lesson-panel")]
    title = soup.h1.get_text().strip() if soup.h1 else ""

    def put_back(html: str) -> str:
        return re.sub(r'<svg data-drawing="(\d+)"></svg>', lambda match: drawings[int(match[1])], html)

    explorers = {name: put_back(box) for name, box in explorers.items()}
    return Body(title, put_back(str(soup)), sections, pictures or {}, questions, explorers)


def _name(soup: BeautifulSoup) -> None:
    """Give headings and then explorers, by their titles, the names that addresses use."""
    seen: dict[str, int] = {}
    named = [(tag, tag.get_text()) for tag in soup.find_all(re.compile("^h[1-6]$"))]
    named += [(box, box["aria-label"]) for box in soup.select(".lesson-explorer")]
    for tag, text in named:
        anchor = rules.anchor(text)
        seen[anchor] = seen.get(anchor, 0) + 1
        tag["id"] = anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}"


def _show_addresses(soup: BeautifulSoup) -> None:
    """Put a link to itself behind each section's heading and each explorer's title.

    For a mouse alone: by keyboard the contents lead to the same places.
    """
    for tag in soup.select("h2, h3, .lesson-title"):
        place = tag if tag.has_attr("id") else tag.find_parent(id=True)
        address = {"href": f"#{place['id']}", "class": "here", "tabindex": "-1", "aria-hidden": "true"}
        sign = soup.new_tag("a", attrs=address)
        sign.string = "#"
        tag.extend([" ", sign])


def _follow_links(soup: BeautifulSoup, link: Callable[[str], str | None]) -> None:
    """Turn the links between the course's files into links between pages; what the site lacks stays as text."""
    for anchor in soup.find_all("a", href=True):
        target = anchor["href"]
        if re.match(r"[a-z]+:|#", target):
            continue
        if (address := link(target)) is None:
            anchor.unwrap()
        else:
            anchor["href"] = address


def _sections(soup: BeautifulSoup) -> Iterator[Section]:
    """Yield each heading with the prose below it; code is not searched."""
    heading: Tag | None = None
    text: list[str] = []
    for tag in soup.find_all(re.compile("^(h[1-6]|p|li|td|legend)$")):
        if re.match("h[1-6]$", tag.name):
            if heading is not None:
                yield _section(heading, text)
            heading, text = tag, []
        elif not tag.find_parent(["p", "li", "td"]):
            text.append(tag.get_text(" ", strip=True))
    if heading is not None:
        yield _section(heading, text)


def _section(heading: Tag, text: list[str]) -> Section:
    said = re.sub(r"\s+", " ", " ".join(text)).strip()
    return Section(int(heading.name[1]), heading["id"], heading.get_text().strip(), said)


# ------------------------------------------------------------------------------------------------------------- formulas

FENCE_OR_FORMULA = re.compile(
    r"(?P<code>^(?:```|~~~).*?^(?:```|~~~)|`[^`\n]+`)|\$\$(?P<block>.+?)\$\$|"
    r"(?<![\\\w$])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)",
    re.MULTILINE | re.DOTALL,
)


def formulas_to_mathml(markdown: str) -> str:
    """Replace TeX, which needs a script from elsewhere, with MathML, which browsers know. Code is left alone."""
    from latex2mathml.converter import convert as mathml

    def replace(match: re.Match[str]) -> str:
        if match["code"] is not None:
            return match[0]
        display = "block" if match["block"] is not None else "inline"
        return mathml((match["block"] or match["inline"]).strip(), display=display)

    return FENCE_OR_FORMULA.sub(replace, markdown)


def headline(source: Path) -> tuple[str, str, str]:
    """Return title, time and prerequisites of a lesson, from its first cell.

    Raises
    ------
    LessonError
        If the first cell does not say them.
    """
    notebook = build.convert(source)
    if rules.MINUTES in notebook.cells[0].source:
        rules.fill_minutes(notebook, build.minutes(source))
    first = notebook.cells[0].source
    title = re.search(r"^# (.+)$", first, re.MULTILINE)
    hours = re.search(r"\*\*Time\*\* (?:about )?(\d+ minutes)", first)
    needs = re.search(r"\*\*You need\*\* (.+?)\.?$", first, re.MULTILINE)
    if not title or not hours or not needs:
        raise build.LessonError(
            f"{source.name}: the first cell must hold '# title', '**Time** about N minutes' and '**You need** ...'"
        )
    return title[1], hours[1], re.sub(r"\[(.+?)\]\(.+?\)", r"\1", needs[1])
