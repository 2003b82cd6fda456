"""The site without a browser: links, weights, addresses, single pages, and what a lesson's page is made of."""

from __future__ import annotations

import base64
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from notebooks import build
from tests.website import FILES, KNOWN, PAGES, site, soup_of  # noqa: F401
from tools.website import answer, colab, lessons, pages, repository
from tools.website.repository import Repository, parse

# ------------------------------------------------------------------------------------------------------ the whole site


def test_every_lesson_and_document_has_its_page(site: Path) -> None:  # noqa: F811
    assert sorted(path.name for path in site.glob("*.html")) == sorted(PAGES)


def test_every_link_inside_the_site_leads_to_a_page_and_an_anchor(site: Path) -> None:  # noqa: F811
    """Relative ones, so that the site works under any path."""
    made = {file: soup_of(site, file) for file in PAGES}
    anchors = {file: {tag["id"] for tag in soup.find_all(id=True)} for file, soup in made.items()}
    links = [(file, tag["href"]) for file, soup in made.items() for tag in soup.select("a[href]")]
    inside = [(file, *href.partition("#")[::2]) for file, href in links if not re.match("https://|mailto:", href)]
    assert len(inside) > 100
    assert [link for link in inside if (link[1] or link[0]) not in made] == []
    assert [link for link in inside if link[2] and link[2] not in anchors[link[1] or link[0]]] == []


def test_everything_a_page_loads_is_in_the_site(site: Path) -> None:  # noqa: F811
    """Scripts, styles and pictures: relative addresses of files that are there."""
    for file in PAGES:
        soup = soup_of(site, file)
        wanted = [tag["src"] for tag in soup.select("script[src], img[src], iframe[src]")]
        wanted += [tag["href"] for tag in soup.select("link[href]:not([rel=canonical])")] + [
            tag["data-src"] for tag in soup.select("[data-src]")
        ]
        assert [name for name in wanted if not name.startswith("data:") and not (site / name).is_file()] == [], file


def test_lessons_are_chained_in_order(site: Path) -> None:  # noqa: F811
    for before, after in itertools.pairwise(FILES):
        assert soup_of(site, before).select_one("a[rel=next]")["href"] == after
        assert soup_of(site, after).select_one("a[rel=prev]")["href"] == before


def test_lessons_lead_to_binder_and_to_their_source(site: Path) -> None:  # noqa: F811
    for file in FILES:
        addresses = [tag["href"] for tag in soup_of(site, file).select("a[href^=https]")]
        name = file.removesuffix(".html")
        assert KNOWN.binder(name) in addresses
        assert KNOWN.colab(name) in addresses
        assert KNOWN.file(f"notebooks/source/{name}.py") in addresses


def test_pages_are_light(site: Path) -> None:  # noqa: F811
    """Megabytes without compression: the first page, and each lesson before its pictures come near."""
    weights = {file: (first, every) for file, first, every in json.loads((site.parent / "weights.json").read_text())}
    assert sorted(weights) == sorted(PAGES)
    assert weights["index.html"][0] < 0.2
    assert weights["index.html"][1] < 0.5
    assert {file: first for file, (first, _) in weights.items() if first >= 1.5} == {}


def test_the_first_page_answers_shows_three_explorers_and_maps_the_lessons(site: Path) -> None:  # noqa: F811
    first = soup_of(site, "index.html")
    assert [len(table.select("tbody tr")) for table in first.select("table")] == [2, 5, len(FILES)]
    lead = " ".join(paragraph.get_text() for paragraph in first.select("h1 ~ p")[:1])
    assert len(lead.partition('?"')[2].split()) < 80
    boxes = first.select(".lesson-explorer")
    named = [re.sub("EXPLORER ", "", line) for line in answer.TEMPLATE.read_text().splitlines() if "EXPLORER" in line]
    assert [box["id"] for box in boxes] == named
    evidence = [tag["href"].partition("#")[::2] for tag in first.select("p > a[href*='#']")]
    assert {name for name, _ in evidence if name} >= {FILES[1], "06_cifar10_overfitting.html", "07_who_pays.html"}
    assert {box["id"] for box in boxes} <= {anchor for _, anchor in evidence}
    titles = [soup_of(site, file).h1.get_text().strip() for file in FILES]
    assert [tag.get_text() for tag in first.select(".map td > a[href]")] == titles


def test_the_gallery_has_every_explorer_and_leads_to_its_place(site: Path) -> None:  # noqa: F811
    page = soup_of(site, "gallery.html")
    boxes = [(file, box["aria-label"]) for file in FILES for box in soup_of(site, file).select(".lesson-explorer")]
    assert [box["aria-label"] for box in page.select(".lesson-explorer")] == [title for _, title in boxes]
    assert [tag["href"].split("#")[0] for tag in page.select("main p > a[href*='#']:not(.here)")] == [
        file for file, _ in boxes
    ]


def test_code_waits_behind_a_line_but_what_the_learner_is_to_write(site: Path) -> None:  # noqa: F811
    for file in FILES:
        open_code = [code for code in soup_of(site, file).select("main .input pre") if not code.find_parent("details")]
        assert all("your_code(" in code.get_text() for code in open_code), file
        assert "<span" not in soup_of(site, file).main.get_text()


def test_pages_say_what_they_are_to_search_engines_and_to_whoever_cites_them(site: Path) -> None:  # noqa: F811
    for file in PAGES:
        soup = soup_of(site, file)
        said = soup.select_one("meta[name=description]")["content"]
        assert said == soup.select_one("meta[property='og:description']")["content"]
        assert file == "search.html" or len(said) > 30, file
        assert soup.select_one("meta[property='og:image']")["content"] == f"{KNOWN.site}assets/explorer.png"
        assert f"{KNOWN.site}{file}" in soup.select_one("footer details").get_text()
        assert soup.select_one("footer a[href*='/issues/new?title=Error']")
    assert (site / "assets" / "explorer.png").stat().st_size < 200_000
    assert re.findall("<loc>(.+?)</loc>", (site / "sitemap.xml").read_text()) == [KNOWN.site + file for file in PAGES]


def test_the_readme_gives_the_same_answer() -> None:
    """Run ``python -m tools.website.answer`` if not."""
    readme = build.README.read_text(encoding="utf-8")
    assert answer.readme_with_answer(readme) == readme
    assert "| only the answers | Ignore the rise." in readme.partition(answer.BEGIN)[2].partition(answer.END)[0]


def test_no_number_of_the_answer_is_typed() -> None:
    """Apart from names: of a lesson, of a command, of CIFAR-10, of the asker's epoch."""
    typed = re.sub(
        r"\{\{.*?\}\}|\(\S*\)|CIFAR-10|python3|[Ll]esson \d+b?|epoch 5", "", answer.TEMPLATE.read_text(encoding="utf-8")
    )
    assert re.findall(r"\d", typed) == []


def test_the_answers_numbers_are_those_of_the_page_of_predictions() -> None:
    """Counted there row by row, and for the eight recipes."""
    page = (build.ROOT / "docs" / "predictions-outcome.md").read_text(encoding="utf-8")
    said = answer.numbers()
    assert f"**{said['failed']} failed, {said['held']} held" in page
    assert f"| {said['schedule'].replace('(', '(+').replace(' to ', ' to +')} |" in page


def test_pages_share_scripts_styles_and_keep_pictures_apart(site: Path) -> None:  # noqa: F811
    for file in FILES:
        soup = soup_of(site, file)
        # What a cell shows may bring a style of its own, such as a reading of curves.
        assert [style for style in soup.select("style") if not style.find_parent(class_="output_area")] == []
        assert [tag.string for tag in soup.select("script") if tag.string] == []
        assert len(soup.select("script[data-src]")) == len(soup.select(".lesson-explorer"))


def test_no_answer_can_be_read_off_a_page(site: Path) -> None:  # noqa: F811
    """Feedback is in the page, but not as text; nor is the source of a check."""
    for file in FILES:
        html = (site / file).read_text(encoding="utf-8")
        for form in soup_of(site, file).select("form[data-kind=choice]"):
            told = json.loads(base64.b64decode(form["data-page"]))
            assert len(told["feedback"]) == len(form.select("input[type=radio]"))
            assert [text for text in told["feedback"] if text in html] == []


def test_the_search_knows_every_heading(site: Path) -> None:  # noqa: F811
    known = {
        (entry["file"], entry["anchor"]) for entry in json.loads((site / "search.json").read_text(encoding="utf-8"))
    }
    for file in PAGES[:-1]:
        headings = soup_of(site, file).select("main :is(h1, h2, h3, h4)")
        assert headings, file
        assert {(file, heading["id"]) for heading in headings} <= known


# ------------------------------------------------------------------------------------------------------ the one address


@pytest.mark.parametrize(
    "address",
    ["https://github.com/a/b", "https://github.com/a/b.git", "git@github.com:a/b.git", "ssh://git@github.com/a/b/"],
)
def test_an_address_on_github_is_understood(address: str) -> None:
    assert parse(address) == Repository("a", "b")


@pytest.mark.parametrize("address", ["", "https://example.org/a/b", "../elsewhere", "https://github.com/a"])
def test_other_addresses_are_none(address: str) -> None:
    assert parse(address) is None


@pytest.mark.needs("git")
def test_the_address_comes_from_pyproject_then_from_origin(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "x"\n')
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert repository.find(tmp_path) is None
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", "git@github.com:fork/b.git"], check=True)
    assert repository.find(tmp_path) == Repository("fork", "b")
    project.write_text('[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/a/b"\n')
    assert repository.find(tmp_path) == Repository("a", "b")
    commit = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first"]
    subprocess.run(["git", "-C", str(tmp_path), *commit], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "tag", "v1.2.0"], check=True)
    assert "/a/b/v1.2.0?labpath=" in repository.find(tmp_path).binder("00_start_here")
    project.write_text('[project]\nname = "x"\n[project.urls]\nRepository = "somewhere"\n')
    with pytest.raises(ValueError, match=r"'somewhere': write https://github\.com/OWNER/REPOSITORY"):
        repository.find(tmp_path)


@pytest.fixture(scope="module")
def copy_without_address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site of one lesson in a copy that no address is known of, with the edition for the browser built."""
    folder = tmp_path_factory.mktemp("copy")
    (folder / "lite" / "files").mkdir(parents=True)
    (folder / "lite" / "files" / "00_start_here.ipynb").write_text("{}")
    pages.write_site(["0"], folder=folder / "site", lite=folder / "lite")
    return folder / "site"


def test_without_an_address_no_link_leaves_the_site(copy_without_address: Path) -> None:
    authored = "".join((build.ROOT / origin).read_text(encoding="utf-8") for origin in pages.DOCS.values())
    for path in copy_without_address.glob("*.html"):
        outside = [tag["href"] for tag in soup_of(path.parent, path.name).select("a[href]") if "://" in tag["href"]]
        made = [address for address in outside if address not in authored]
        assert [link for link in made if "mybinder.org/" in link or "github.com/" in link] == [], path.name
    assert not soup_of(copy_without_address, "index.html").select("a[href^='06_']")
    assert not (copy_without_address / "colab").exists()


def test_the_edition_for_the_browser_is_taken_along_and_linked(copy_without_address: Path) -> None:
    links = {
        tag.get_text(): tag["href"]
        for tag in soup_of(copy_without_address, "00_start_here.html").select(".elsewhere a")
    }
    assert links == {"in this browser": "lite/lab/index.html?path=00_start_here.ipynb"}
    assert (copy_without_address / "lite" / "files" / "00_start_here.ipynb").exists()


# ---------------------------------------------------------------------------------------------------------------- Colab


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the list of commands that the first cell would run."""
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    return ran


FIRST_CELL = colab.FIRST_CELL.format(address=KNOWN.address)


def test_the_first_cell_does_nothing_outside_colab(commands: list[list[str]]) -> None:
    here, path = Path.cwd(), list(sys.path)
    exec(FIRST_CELL, {})
    assert (commands, Path.cwd(), sys.path) == ([], here, path)


def test_the_first_cell_installs_the_course_on_colab(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[str] = []
    monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("os.chdir", went.append)
    exec(FIRST_CELL, {})
    assert commands[0][-2:] == [KNOWN.address, "/content/course"]
    assert commands[1][:4] == [sys.executable, "-m", "pip", "install"]
    assert went == ["/content/course/notebooks"]


def test_the_copy_for_colab_is_the_lesson_behind_that_cell(site: Path) -> None:  # noqa: F811
    for source in build.sources():
        copy = nbformat.read(site / "colab" / f"{source.stem}.ipynb", as_version=4)
        nbformat.validate(copy)
        assert copy.cells[0].source == FIRST_CELL
        assert copy.cells[1:] == nbformat.read(build.notebook_path(source), as_version=4).cells


# --------------------------------------------------------------------------------------------------------- single pages


def test_a_single_page_has_everything_in_it(tmp_path: Path) -> None:
    """No address from which a browser would load anything, and the pictures of every explorer."""
    path = pages.write_single(build.sources(["0"])[0], folder=tmp_path)
    html = path.read_text(encoding="utf-8")
    soup = BeautifulSoup(html, "html.parser")
    assert soup.select("[src], link[href]:not([href^=data])") == []
    assert re.findall(r"@import|url\((?!#)", html) == []
    assert "&#34;" not in soup.style.string  # a style sheet with escaped quotes loses its fonts
    pictures = [json.loads(tag.string) for tag in soup.select(".lesson-explorer script")]
    assert [len(picture["frames"]) for picture in pictures] == [20 * 8]


# ---------------------------------------------------------------------------------------------------- parts of a lesson


def test_formulas_become_mathml_and_code_does_not() -> None:
    """Prices and code keep their dollars."""
    text = lessons.formulas_to_mathml("$x^2$ and `a $b$ c` cost $5 or \\$6.\n\n$$\\ln K$$\n\n```\n$y$\n```")
    assert text.count("<math") == 2
    assert 'display="block"' in text
    assert "`a $b$ c` cost $5 or \\$6." in text
    assert "```\n$y$\n```" in text


def test_links_between_files_become_links_between_pages() -> None:
    link = pages.linker(None)
    assert link("../notebooks/01_horse_or_dog.ipynb") == "01_horse_or_dog.html"
    assert link("docs/glossary.md#loss") == "glossary.html#loss"
    assert (link("exercises/README.md"), link("../README.md")) == ("exercises.html", "index.html")
    assert link("../exercises/exercise_01_horse_or_dog.ipynb") == "exercise_01_horse_or_dog.html"
    assert link("../LICENSE") is None
    assert pages.linker(KNOWN)("../LICENSE") == "https://github.com/someone/course/blob/HEAD/LICENSE"


def test_a_body_has_anchors_and_sections_and_loses_links_that_lead_nowhere() -> None:
    html = "<h1>A</h1><p>one <a href='gone.md'>two</a></p><h2>B!</h2><ul><li>three</li></ul><h2>B!</h2>"
    made = lessons.body(html, lambda target: None)
    assert [(section.anchor, section.text) for section in made.sections] == [
        ("a", "one two"),
        ("b", "three"),
        ("b-2", ""),
    ]
    assert "gone.md" not in made.html
    assert re.findall('href="(.+?)"', made.html) == ["#b", "#b-2"]


def test_what_prose_mentions_is_linked_once_where_it_helps() -> None:
    """A lesson but not on its own page, a term where it comes first; code, links and other words stay as they are."""
    html = "<p>Lesson 6 and lesson 7: a temperature, `T`, <code>lesson 6</code>, <a href='x.html'>lesson 6</a>.</p>"
    html += "<p>Temperature again; temperatures; the green line.</p>"
    html += "<div class='lesson-explorer' aria-label='a'><p>lesson 6, logits</p></div>"
    made = BeautifulSoup(lessons.body(html, pages.linker(KNOWN), mentioned_on="07_who_pays.html").html, "html.parser")
    links = [(tag.get_text(), tag["href"]) for tag in made.select("a")]
    own = ("Lesson 6", "06_cifar10_overfitting.html"), ("temperature", "glossary.html#temperature")
    assert links[:2] == [*own]
    assert [text for text, _ in links[2:]] == ["lesson 6"]
    assert made.select_one(".hue-green").get_text() == "green"


def test_a_lesson_without_its_time_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "03_tiny.py"
    source.write_text("# %% [markdown]\n# # A title\n")
    with pytest.raises(build.LessonError, match=r"03_tiny\.py: the first cell must hold"):
        lessons.headline(source)


def test_every_lesson_says_its_time_and_what_it_needs() -> None:
    assert all(all(lessons.headline(source)) for source in build.sources())


def test_a_changed_lesson_has_another_fingerprint(tmp_path: Path) -> None:
    source = tmp_path / "03_tiny.py"
    source.write_text("1")
    before = lessons.fingerprint(source)
    assert lessons.fingerprint(source) == before
    source.write_text("2")
    assert lessons.fingerprint(source) != before
