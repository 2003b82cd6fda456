"""The site's pages: their frame, the map of lessons, the documents, the search, and what it all weighs."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lessonlib import explorer, questions
from lessonlib.figures import DARK, LIGHT, PALETTE
from notebooks import build
from tools.website import answer, colab, lessons
from tools.website.lessons import Body
from tools.website.repository import Repository

HERE = Path(__file__).parent
ROOT = build.ROOT
SITE = ROOT / "build" / "site"
LITE = ROOT / "build" / "lite"
SINGLE_PAGES = ROOT / "build" / "export"
COURSE = "Loss and accuracy"
#: The documents that readers of the site want, in the order of its menu, and where they stand in the repository.
DOCS = {name: f"docs/{name}.md" for name in ("reading-curves", "reader-accuracy", "glossary", "misconceptions",
        "claim-index", "predictions", "predictions-outcome", "data-card-cifar10")} | {
    "exercises": "exercises/README.md", "teachers-guide": "docs/teachers-guide.md", "anywhere": "docs/anywhere.md",
    "troubleshooting": "docs/troubleshooting.md", "changelog": "CHANGELOG.md",
}  # fmt: skip
EXERCISES = sorted((ROOT / "exercises").glob("exercise_*.ipynb"))


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
    exercises = [exercise(path, link) for path in EXERCISES]
    documents = [document(origin, f"{name}.html", link, exercises) for name, origin in DOCS.items()]
    first = index(chosen, taught, link)
    documents.insert(0, gallery(taught, link))
    found = Page("search.html", "tools/website/pages.py", lessons.body(SEARCH, link))
    pages = [first, *taught, *documents, *exercises, found]
    for at in pages:
        put(folder, at.file, framed(at, taught, documents, known, lite))
        for name, data in at.body.pictures.items():
            put(folder, name, gzip.compress(data.encode(), mtime=0))
    put(folder, "search.json", search_index(pages[:-1]))
    for name, text in assets().items():
        put(folder, name, text)
    put(folder, "assets/explorer.png", (ROOT / "docs" / "explorer.png").read_bytes())
    put(folder, ".nojekyll", "")  # GitHub Pages: files as they are
    if lite.exists():
        shutil.copytree(lite, folder / "lite")
    if known:
        addresses = "".join(f"<url><loc>{known.site}{at.file}</loc></url>" for at in pages)
        put(folder, "sitemap.xml", f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{addresses}</urlset>')
        for path in chosen:
            put(folder, f"colab/{path.stem}.ipynb", nbformat.writes(colab.edition(build.notebook_path(path), known)))
    return pages


def put(folder: Path, name: str, content: str | bytes) -> None:
    """Write one file of the site."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


SEARCH = '<h1>Search</h1><div id="results"><p role="status">The search needs JavaScript.</p><ol></ol></div>'


def assets() -> dict[str, str]:
    """Return the files that all pages share."""
    return {
        "assets/site.css": (HERE / "site.css").read_text(encoding="utf-8"),
        "assets/lesson.css": explorer.Stage._css + questions.STYLE + hues(),
        "assets/icon.svg": (HERE / "icon.svg").read_text(encoding="utf-8"),
        "assets/theme.js": (HERE / "theme.js").read_text(encoding="utf-8"),
        "assets/site.js": (HERE / "site.js").read_text(encoding="utf-8"),
        "assets/explorer.js": explorer.SCRIPT,
        "assets/questions.js": questions.SCRIPT,
    }


def hues() -> str:
    """Return the style of words that name a line's colour."""
    return "".join(f".hue-{name} {{color:light-dark({LIGHT[name]}, {DARK[name]})}}\n" for name in PALETTE)


def linker(known: Repository | None) -> Callable[[str], str | None]:
    """Return what turns a link between the repository's files into one for the site."""
    docs = {path: f"{name}.html" for name, path in DOCS.items()}
    docs |= {PurePosixPath(path).name: file for path, file in docs.items()} | {"README.md": "index.html"}

    def link(target: str) -> str | None:
        path, _, anchor = target.partition("#")
        path = re.sub(r"^(\.\./)+", "", path)
        name = PurePosixPath(path).name
        hook = f"#{anchor}" if anchor else ""
        if re.fullmatch(r"(exercise_)?\d\d[a-z]?_\w+\.ipynb", name):
            return name.replace(".ipynb", ".html") + hook
        if file := docs.get(path, docs.get(name)):
            return file + hook
        return known.file(path) + hook if known else None

    return link


def document(origin: str, file: str, link: Callable[[str], str | None], exercises: Sequence[Page]) -> Page:
    """Make a page of a Markdown file of the repository; that about exercises lists them."""
    html = lessons.markdown_html((ROOT / origin).read_text(encoding="utf-8"))
    if file == "exercises.html":
        rows = "".join(f'<li><a href="{Path(at.file).stem}.ipynb">{escape(at.title)}</a></li>' for at in exercises)
        html = html.replace("</p>", f"</p><ul>{rows}</ul>", 1)
    return Page(file, origin, lessons.body(html, link))


def exercise(path: Path, link: Callable[[str], str | None]) -> Page:
    """Make a page of an exercise as learners get it, to be read."""
    html = lessons.notebook_html(nbformat.read(path, as_version=4), fold=False)
    body = lessons.body(html, link, mentioned_on=f"{path.stem}.html")
    return Page(f"{path.stem}.html", f"exercises/{path.name}", body)


def index(chosen: Sequence[Path], taught: Sequence[Page], link: Callable[[str], str | None]) -> Page:
    """Make the first page: the answer, the explorers that carry it, and the map of the lessons."""
    rows = "".join(map(_map_row, chosen, taught))
    table = (
        "<table class='map'><thead><tr><th>lesson</th><th>time</th><th>you need</th><th>your answers</th></tr></thead>"
    )
    shown = {name: (box, at) for at in taught for name, box in at.body.explorers.items()}
    pictures = {}

    def enter(match: re.Match[str]) -> str:
        if match[1] not in shown:  # a site of a few lessons lacks some
            return ""
        box, at = shown[match[1]]
        pictures[_file(box)] = at.body.pictures[_file(box)]
        return box

    html = re.sub("<p>EXPLORER ([a-z-]+)</p>", enter, lessons.markdown_html(answer.text()))
    html = html.replace("<p>LESSON_MAP</p>", f"{table}<tbody>{rows}</tbody></table>")

    def here(target: str) -> str | None:
        """Lead to no lesson that this site lacks."""
        address = link(target) or ""
        made = not re.match(r"\d\d", address) or address.partition("#")[0] in {at.file for at in taught}
        return address if address and made else None

    return Page("index.html", "tools/website/answer.md", lessons.body(html, here, pictures, mentioned_on="index.html"))


def _file(explorer_html: str) -> str:
    return re.search('data-src="(.+?)"', explorer_html)[1]


def gallery(taught: Sequence[Page], link: Callable[[str], str | None]) -> Page:
    """Make the page of all explorers; each is drawn when it comes near."""
    parts = ["<h1>All explorers</h1><p>Every explorer of the course, lesson by lesson.</p>"]
    for at in taught:
        notebook = f"{Path(at.file).stem}.ipynb"
        parts.append(f'<h2><a href="{notebook}">{escape(at.title)}</a></h2>')
        for name, box in at.body.explorers.items():
            there = f'<p><a href="{notebook}#{name}">Where it stands in its lesson</a></p>'
            parts += [lessons.DRAWING.sub("", box), there]
    pictures = {name: data for at in taught for name, data in at.body.pictures.items()}
    return Page("gallery.html", "tools/website/pages.py", lessons.body("".join(parts), link, pictures))


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
        description=description(at),
        contents=at.body.sections_of_level(2),
        first_slider=next(iter(re.findall(r'class="lesson-explorer" id="([^"]+)"', at.body.html)), None),
        before=taught[place - 1] if place else None,
        after=taught[place + 1] if place is not None and place + 1 < len(taught) else None,
        links=_elsewhere(Path(at.file).stem, known, lite) if place is not None else [],
        source=known.file(at.origin) if known else None,
        report=known.report(at.title) if known else None,
        site=known.site if known else None,
        cite=cited(),
    )


def description(at: Page) -> str:
    """Return what search engines and links show under a page's title."""
    said = next((section.text for section in at.body.sections if section.text), at.title)
    return textwrap.shorten(re.sub("^Time about.*?(?=After this lesson)", "", said), 200, placeholder=" …")


def cited() -> str:
    """Return how the course is cited, without the address."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    return ". ".join(re.search(rf'^\W*{key}: "(.+)"', text, re.M)[1] for key in ("name", "title"))


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
        report=None,
        theme=shared["assets/theme.js"],
        styles=shared["assets/site.css"] + shared["assets/lesson.css"],
        scripts="\n".join(scripts),
        title=made.title,
        html=html,
    )
    put(folder, f"{source.stem}.html", text)
    return folder / f"{source.stem}.html"


def _inline(script: str, selector: str) -> str:
    each = f'document.querySelectorAll("{selector}").forEach((box) => hydrate(box));'
    return f'<script type="module">{script}\n{each}</script>'


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
        every = first + sum((folder / name).stat().st_size for name in at.body.pictures)
        found.append((at.file, first / 1e6, every / 1e6))
    return found
