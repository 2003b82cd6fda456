"""The site's pages: their frame, the map of lessons, the documents, the search, and what it all weighs."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath

import nbformat
from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lessonlib import explorer, questions
from notebooks import build
from tools.website import colab, lessons
from tools.website.lessons import Body
from tools.website.repository import Repository

HERE = Path(__file__).parent
ROOT = build.ROOT
SITE = ROOT / "build" / "site"
LITE = ROOT / "build" / "lite"
SINGLE_PAGES = ROOT / "build" / "export"
COURSE = "Loss and accuracy"
#: The first page shows the first explorer of this lesson.
SHOWN_FIRST = "06"
#: The documents that readers of the site want, in the order of its menu.
DOCS = (
    "anywhere",
    "reading-curves",
    "glossary",
    "misconceptions",
    "claim-index",
    "data-card-cifar10",
    "troubleshooting",
)


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes
    ----------
    file : str
        Its name in the site's folder.
    origin : str
        The file of the repository that it is made from.
    body : Body
    """

    file: str
    origin: str
    body: Body

    @property
    def title(self) -> str:
        """Its title, as the menu shows it."""
        return self.body.title


# ------------------------------------------------------------------------------------------------------------- the site


def write_site(
    wanted: Sequence[str] = (), *, folder: Path = SITE, known: Repository | None = None, lite: Path = LITE
) -> list[Page]:
    """Write the site into an empty `folder` and return its pages.

    Parameters
    ----------
    wanted : sequence of str
        Lessons by number or name; without any, all.
    folder : Path
        What was in it is deleted.
    known : Repository, optional
        Where the course is published; without it, pages have no links to Binder, Colab and source.
    lite : Path
        The edition for the browser, taken along if it has been built.
    """
    chosen = build.sources(wanted)
    if folder.exists():
        shutil.rmtree(folder)
    link = linker(known)
    taught = [
        Page(f"{path.stem}.html", f"notebooks/source/{path.name}", lessons.lesson_body(path, link)) for path in chosen
    ]
    documents = [document(f"docs/{name}.md", f"{name}.html", link) for name in DOCS]
    first = index(chosen, taught, link)
    found = Page("search.html", "tools/website/pages.py", lessons.body(SEARCH, link))
    pages = [first, *taught, *documents, found]
    for at in pages:
        put(folder, at.file, framed(at, taught, documents, known, lite))
        for name, data in at.body.pictures.items():
            put(folder, name, data)
    put(folder, "search.json", search_index([first, *taught, *documents]))
    for name, text in assets().items():
        put(folder, name, text)
    put(folder, ".nojekyll", "")  # GitHub Pages: files as they are
    if lite.exists():
        shutil.copytree(lite, folder / "lite")
    if known:
        for path in chosen:
            put(folder, f"colab/{path.stem}.ipynb", nbformat.writes(colab.edition(build.notebook_path(path), known)))
    return pages


def put(folder: Path, name: str, text: str) -> None:
    """Write one file of the site."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


SEARCH = '<h1>Search</h1><div id="results"><p role="status">The search needs JavaScript.</p><ol></ol></div>'


def assets() -> dict[str, str]:
    """Return the files that all pages share."""
    return {
        "assets/site.css": (HERE / "site.css").read_text(encoding="utf-8"),
        "assets/lesson.css": explorer.Stage._css + questions.STYLE,
        "assets/site.js": (HERE / "site.js").read_text(encoding="utf-8"),
        "assets/explorer.js": explorer.SCRIPT,
        "assets/questions.js": questions.SCRIPT,
    }


def linker(known: Repository | None) -> Callable[[str], str | None]:
    """Return what turns a link between the repository's files into one for the site."""
    docs = {f"{name}.md": f"{name}.html" for name in DOCS} | {"README.md": "index.html"}

    def link(target: str) -> str | None:
        path, _, anchor = target.partition("#")
        path = re.sub(r"^(\.\./)+", "", path)
        name = PurePosixPath(path).name
        hook = f"#{anchor}" if anchor else ""
        if re.fullmatch(r"\d\d[a-z]?_\w+\.ipynb", name):
            return name.replace(".ipynb", ".html") + hook
        if name in docs:
            return docs[name] + hook
        return known.file(path) + hook if known else None

    return link


def document(origin: str, file: str, link: Callable[[str], str | None]) -> Page:
    """Make a page of a Markdown file of the repository."""
    html = lessons.markdown_html((ROOT / origin).read_text(encoding="utf-8"))
    return Page(file, origin, lessons.body(html, link))


def index(chosen: Sequence[Path], taught: Sequence[Page], link: Callable[[str], str | None]) -> Page:
    """Make the first page: what the course is, an explorer to try, and the map of its lessons."""
    rows = "".join(map(_map_row, chosen, taught))
    table = (
        "<table class='map'><thead><tr><th>lesson</th><th>time</th><th>you need</th><th>your answers</th></tr></thead>"
    )
    shown, pictures = _first_explorer(taught)
    html = lessons.markdown_html(template("index.md").render(explorer=shown)).replace("<p>EXPLORER</p>", shown)
    html = html.replace("<p>LESSON_MAP</p>", f"{table}<tbody>{rows}</tbody></table>")
    return Page("index.html", "tools/website/index.md", lessons.body(html, link, pictures))


def _first_explorer(taught: Sequence[Page]) -> tuple[str, dict[str, str]]:
    """Return the explorer of the first page and its pictures; nothing where its lesson is left out."""
    for at in taught:
        if at.file.startswith(SHOWN_FIRST):
            shown = BeautifulSoup(at.body.html, "html.parser").select_one(".lesson-explorer")
            name = shown.select_one("script[data-src]")["data-src"]
            return str(shown), {name: at.body.pictures[name]}
    return "", {}


def _map_row(source: Path, made: Page) -> str:
    _, time, needs = map(escape, lessons.headline(source))
    questions = escape(json.dumps(made.body.questions))
    return (
        f'<tr><td><a href="{source.stem}.ipynb">{escape(made.title)}</a></td><td>{time}</td><td>{needs}</td>'
        f'<td data-questions="{questions}">–</td></tr>'
    )


def framed(at: Page, taught: Sequence[Page], documents: Sequence[Page], known: Repository | None, lite: Path) -> str:
    """Return a page of the site with everything around its body."""
    place = taught.index(at) if at in taught else None
    return template("page.html").render(
        alone=False,
        course=COURSE,
        styles=["assets/site.css", "assets/lesson.css"],
        title=at.title,
        file=at.file,
        html=at.body.html,
        lessons=taught,
        docs=documents,
        contents=at.body.sections_of_level(2) if place is not None else [],
        before=taught[place - 1] if place else None,
        after=taught[place + 1] if place is not None and place + 1 < len(taught) else None,
        links=_elsewhere(Path(at.file).stem, known, lite) if place is not None else [],
        source=known.file(at.origin) if known else None,
    )


def _elsewhere(lesson: str, known: Repository | None, lite: Path) -> list[tuple[str, str]]:
    """Return where a lesson can be run, by what to call it; in the browser only if that edition has been built."""
    here = (lite / "files" / f"{lesson}.ipynb").exists()
    browser = [("in this browser", f"lite/lab/index.html?path={lesson}.ipynb")] if here else []
    if known is None:
        return browser
    return [
        *browser,
        ("on Binder", known.binder(lesson)),
        ("on Colab", known.colab(lesson)),
        ("the notebook", known.file(f"notebooks/{lesson}.ipynb")),
    ]


def search_index(pages: Iterable[Page]) -> str:
    """Return what the search looks through: every section of every page."""
    return json.dumps(
        [
            {
                "file": at.file,
                "anchor": section.anchor,
                "page": at.title,
                "heading": section.heading,
                "text": section.text,
            }
            for at in pages
            for section in at.body.sections
        ],
        ensure_ascii=False,
    )


# --------------------------------------------------------------------------------------------------------- single pages


def write_single(source: Path, *, folder: Path = SINGLE_PAGES) -> Path:
    """Write a lesson as one HTML file that needs nothing else: no kernel, no server, no network."""
    made = lessons.lesson_body(source, linker(None))
    html = made.html
    for name, data in made.pictures.items():
        html = html.replace(
            f'<script data-src="{name}" type="application/json">', f'<script type="application/json">{data}'
        )
    shared = assets()
    scripts = (
        _inline(shared["assets/explorer.js"], ".lesson-explorer"),
        _inline(shared["assets/questions.js"], ".lesson-panel, .lesson-verdict"),
    )
    text = template("page.html").render(
        alone=True,
        course=COURSE,
        links=[],
        contents=made.sections_of_level(2),
        before=None,
        after=None,
        source=None,
        styles=shared["assets/site.css"] + shared["assets/lesson.css"],
        scripts="\n".join(scripts),
        title=made.title,
        html=html,
    )
    put(folder, f"{source.stem}.html", text)
    return folder / f"{source.stem}.html"


def _inline(script: str, selector: str) -> str:
    return f'<script type="module">{script}\ndocument.querySelectorAll("{selector}").forEach(hydrate);</script>'


def template(name: str) -> Template:
    """Return one of the templates beside this file; a name that it does not know is an error."""
    loader = FileSystemLoader(HERE)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True).get_template(name)


# ----------------------------------------------------------------------------------------------------------- the weight


def weights(pages: Sequence[Page], folder: Path = SITE) -> list[tuple[str, float, float]]:
    """Return, for each page, its file's name and what a visit transfers in MB: at first, and with every picture.

    Uncompressed, as a plain server sends it: the page, the shared files, and for the second number all its pictures.
    """
    shared = sum((folder / name).stat().st_size for name in assets())
    found = []
    for at in pages:
        first = shared + (folder / at.file).stat().st_size
        every = first + sum(len(data.encode()) for data in at.body.pictures.values())
        found.append((at.file, first / 1e6, every / 1e6))
    return found
