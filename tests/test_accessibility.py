"""Everyone can read it: with eyes of any kind, with a keyboard, with a screen reader. Site and single pages alike."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from notebooks import build
from tests.browser import browser, page  # noqa: F401
from tests.test_figures import contrast
from tests.website import FILES, PAGES, Served, served, site, soup_of  # noqa: F401
from tools.website import pages

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

PHONE = {"width": 390, "height": 844}
AXE = Axe()


def serious(page: Page, **options: object) -> list[str]:  # noqa: F811
    """Return what axe-core finds serious or critical on a page, one line each."""
    found = AXE.run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def wake_explorers(page: Page) -> None:  # noqa: F811
    """Let every explorer on the page fetch its pictures, as a reader who scrolls through it does."""
    for explorer in page.locator(".lesson-explorer").all():
        explorer.scroll_into_view_if_needed()
        expect(explorer).to_have_attribute("data-live", "")


# ------------------------------------------------------------------------------------------------------------- axe-core


@pytest.mark.parametrize("file", PAGES)
def test_axe_finds_nothing_serious_on_the_site(served: Served, page: Page, file: str) -> None:  # noqa: F811
    served.open(page, file)
    wake_explorers(page)
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious(page, runOnly=["color-contrast"]) == []


@pytest.mark.parametrize("file", ["index.html", "01_horse_or_dog.html", "05_validation_noise.html"])
def test_axe_finds_nothing_serious_on_a_phone(served: Served, browser: Browser, file: str) -> None:  # noqa: F811
    """There the menu is folded and pictures scroll in their frames."""
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()  # noqa: F811
    served.open(page, file)
    wake_explorers(page)
    assert serious(page) == []
    context.close()


@pytest.mark.parametrize("source", build.sources(["0", "10"]), ids=lambda path: path.stem)
def test_axe_finds_nothing_serious_in_an_exported_lesson(
    site: Path,  # noqa: F811, its lessons are executed already
    page: Page,  # noqa: F811
    tmp_path: Path,
    source: Path,
) -> None:
    """Its content is that of the page on the site; the frame is the same for all."""
    page.goto(pages.write_single(source, folder=tmp_path).as_uri())
    assert serious(page) == []
    assert page.locator(".lesson-panels").count() == page.locator(".lesson-explorer").count()


# ------------------------------------------------------------------------------------------- pictures, headings, colour


@pytest.mark.parametrize("file", FILES)
def test_every_picture_says_what_it_shows(site: Path, file: str) -> None:  # noqa: F811
    """A sentence of some length, and no two pictures of a lesson the same."""
    pictures = soup_of(site, file).select("svg:not([aria-hidden]), img, .lesson-panels")
    told = [picture.get("aria-label") or picture.get("alt") or "" for picture in pictures]
    assert pictures
    assert [text for text in told if len(text) < 30] == []
    # The clinic shows a case by itself and, first of all, in the explorer of all cases.
    assert len({(picture.name, text) for picture, text in zip(pictures, told, strict=True)}) == len(told)


@pytest.mark.parametrize("file", PAGES)
def test_headings_are_in_order(site: Path, file: str) -> None:  # noqa: F811
    """One title, first of all, and no level left out."""
    levels = [int(tag.name[1]) for tag in soup_of(site, file).find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_text_has_a_contrast_of_four_and_a_half_in_both_themes() -> None:
    """Every colour of the style sheet that text takes, on both backgrounds."""
    css = pages.assets()["assets/site.css"]
    colours = re.findall(r"--(\w+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    assert len(colours) == 10
    for theme in (1, 2):
        of = {name_and_pair[0]: name_and_pair[theme] for name_and_pair in colours}
        for name in set(of) - {"paper", "wash", "line"}:
            assert min(contrast(of[name], of[ground]) for ground in ("paper", "wash")) >= 4.5, name


@pytest.mark.parametrize("file", FILES)
def test_lines_that_differ_in_colour_differ_in_something_else(site: Path, file: str) -> None:  # noqa: F811
    """Within one picture: two curves of different palette colours have different dashes, too.

    A straight line from edge to edge (a level, a border) differs from a curve by its shape.
    """
    for drawing in re.findall(r"<svg\b.*?</svg>", (site / file).read_text(encoding="utf-8"), re.DOTALL):
        by_dash: dict[str, set[str]] = {}
        for points, style in re.findall(r'<path d="([^"]*)"[^>]*style="(fill: none;[^"]*)"', drawing):
            colour, dash = line_style(style)
            if colour and points.count("L") + points.count("C") > 1:
                by_dash.setdefault(dash, set()).add(colour)
        assert {dash: colours for dash, colours in by_dash.items() if len(colours) > 1} == {}, drawing[:300]


def line_style(style: str) -> tuple[str | None, str]:
    """Return palette colour and dashes, in widths of the line, of a path that is a series; None for axes and grid."""
    colour = re.search(r"stroke: var\(--lesson-(blue|vermilion|green|purple)\)", style)
    width = re.search(r"stroke-width: ([\d.]+)", style)
    dashes = re.search(r"stroke-dasharray: ([\d.,]+)", style)
    scale = float(width[1]) if width else 1.0
    rhythm = "-".join(f"{float(dash) / scale:.1f}" for dash in dashes[1].split(",")) if dashes else "solid"
    return (colour[1] if colour else None), rhythm


def test_links_are_underlined(served: Served, page: Page) -> None:  # noqa: F811
    """Colour alone does not tell a link from text; the page that one is on is bold in the menu."""
    served.open(page, "01_horse_or_dog.html")
    plain = page.locator("main a, footer a").evaluate_all(
        "links => links.filter((link) => !getComputedStyle(link).textDecorationLine.includes('underline')).length"
    )
    assert plain == 0
    assert (
        page.locator("nav[aria-label=Lessons] a[aria-current]").evaluate("link => getComputedStyle(link).fontWeight")
        == "700"
    )


# ------------------------------------------------------------------------------------------------------------- keyboard

FOCUSABLE = "a[href]:not([tabindex]), button, input, select, summary, [tabindex='0']"
HAND_OUT = f"""() => {{
    const names = new Set(), folded = (e) => e.closest("details:not([open])") && e.tagName !== "SUMMARY";
    const seen = (e) => e.checkVisibility() && !folded(e);
    return [...document.querySelectorAll("{FOCUSABLE}")].filter(seen)
        .filter((e) => e.type !== "radio" || (!names.has(e.name) && names.add(e.name)))
        .map((e, i) => (e.dataset.stop = i));
}}"""
WHERE = "() => document.activeElement.dataset.stop ?? null"


@pytest.mark.parametrize("file", ["index.html", "01_horse_or_dog.html"])
def test_the_tab_key_reaches_everything_in_order(served: Served, page: Page, file: str) -> None:  # noqa: F811
    """From the link that skips the menu to the last control, each once."""
    served.open(page, file)
    wake_explorers(page)
    page.evaluate("scrollTo(0, 0)")
    stops = page.evaluate(HAND_OUT)
    reached = []
    for _ in stops:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(WHERE))
    assert reached == [str(stop) for stop in stops]


def test_focus_can_be_seen(served: Served, page: Page) -> None:  # noqa: F811
    served.open(page, "01_horse_or_dog.html")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_every_control_has_a_name(served: Served, page: Page) -> None:  # noqa: F811
    """A slider is called what stands beside it, and says its position in words."""
    served.open(page, "01_horse_or_dog.html")
    slider = page.get_by_role("slider", name="p(horse)").first
    slider.focus()
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "0.91")
    status = page.locator(".lesson-explorer").first.get_by_role("status")
    expect(status).to_contain_text("p = 0.91")  # read out when it rests, even if its pictures came late
