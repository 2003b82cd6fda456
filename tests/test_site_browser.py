"""The site as a reader meets it, in headless Chromium: under a sub-path, without a kernel, without any other host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import browser, page  # noqa: F401
from tests.website import FILES, PAGES, Served, served, site  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

PHONE = {"width": 390, "height": 844}


def move(explorer: Locator, control: Locator) -> None:
    """Move a control by keyboard, whichever kind it is."""
    control.focus()
    kind = control.evaluate("element => element.type")
    if kind == "checkbox":
        return control.press("Space")
    at_end = control.evaluate("element => Number(element.value) === Number(element.max ?? element.length - 1)")
    control.press("ArrowLeft" if at_end and kind == "range" else "ArrowUp" if at_end else "ArrowRight")


@pytest.mark.parametrize("file", FILES)
def test_every_explorer_of_a_lesson_follows_the_keyboard(served: Served, page: Page, file: str) -> None:  # noqa: F811
    """Each control of each explorer; the picture or at least its sentence must change for each."""
    wrong = served.open(page, file)
    explorers = page.locator(".lesson-explorer")
    assert explorers.count() >= 1
    for explorer in explorers.all():
        explorer.scroll_into_view_if_needed()
        expect(explorer).to_have_attribute("data-live", "")
        seen = []
        for control in explorer.locator("input, select").all():
            before = state(explorer)
            move(explorer, control)
            seen.append(state(explorer) != before)
        assert any(seen), explorer.get_attribute("aria-label")
    assert wrong == []


def state(explorer: Locator) -> list[str]:
    """Return what an explorer shows: its picture, and its sentence."""
    return explorer.evaluate(
        "box => ['innerHTML', 'ariaLabel'].map((name) => box.querySelector('.lesson-panels')[name])"
    )


@pytest.mark.parametrize("file", PAGES)
def test_no_page_is_wider_than_a_phone(served: Served, browser: Browser, file: str) -> None:  # noqa: F811
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()  # noqa: F811
    wrong = served.open(page, file)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert wrong == []
    context.close()


def test_pictures_come_only_when_they_are_near(served: Served, page: Page) -> None:  # noqa: F811
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/pictures/" in request.url else None)
    served.open(page, "01_horse_or_dog.html")
    explorers = page.locator(".lesson-explorer")
    explorers.first.scroll_into_view_if_needed()
    expect(explorers.first).to_have_attribute("data-live", "")
    assert len(asked) < explorers.count()
    explorers.last.scroll_into_view_if_needed()
    expect(explorers.last).to_have_attribute("data-live", "")


def test_a_check_answers_and_remembers(served: Served, page: Page) -> None:  # noqa: F811
    """Every option has its own feedback; after a reload the last answer is there, and the map counts it."""
    served.open(page, "01_horse_or_dog.html")
    form = page.locator("form[data-name='1-check-floor']")
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_have_text("Choose an answer first.")
    said = set()
    for option in form.get_by_role("radio").all():
        option.check()
        form.get_by_role("button").click()
        said.add(form.get_by_role("status").inner_text())
    assert len(said) == 4
    assert sum(text.startswith("Right.") for text in said) == 1
    form.get_by_text("whether softmax is applied twice").click()
    form.get_by_role("button").press("Enter")
    page.reload()
    expect(form.get_by_role("status")).to_contain_text("Right. Yes: 1.48 is just above the floor")
    served.open(page, "index.html")
    expect(page.locator("tr", has_text="Horse or dog").locator("[data-questions]")).to_contain_text("1 of")
    expect(page.locator("tr", has_text="Horse or dog").locator("[data-questions]")).to_contain_text("1 right")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Type a number first"),
        ("abc", "Type a number first"),
        ("1,61", "Right. It is 1.609."),
        ("0.7", "Not quite. That is the logarithm to base 10"),
        ("5", "Not quite. Take the natural logarithm"),
    ],
)
def test_a_number_is_judged_as_in_the_notebook(served: Served, page: Page, typed: str, said: str) -> None:  # noqa: F811
    served.open(page, "01_horse_or_dog.html")
    form = page.locator("form[data-name='1-check-cost']")
    form.get_by_label("Your number").fill(typed)
    form.get_by_label("Your number").press("Enter")
    expect(form.get_by_role("status")).to_contain_text(said)


def test_a_prediction_meets_its_outcome_further_down(served: Served, page: Page) -> None:  # noqa: F811
    """The score is the one that lessonlib computes: 0.7 on one of four, and it was another."""
    served.open(page, "01_horse_or_dog.html")
    verdict = page.locator(".lesson-verdict[data-name='1-cost-of-0.9']")
    expect(verdict).to_have_text("Outcome “0.11”: you kept no prediction above.")
    form = page.locator("form[data-name='1-cost-of-0.9']")
    form.get_by_label("0.37").check()
    form.get_by_label("How sure?").select_option("70%")
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_have_text("Kept: 0.37, 70%. Now read on.")
    expect(verdict).to_contain_text(
        "you said 0.37, 70%. Your Brier score: 1.32 (0 is perfect, an even guess gets 0.75)."
    )
    page.reload()
    expect(verdict).to_contain_text("1.32")
    expect(form.get_by_label("0.37")).to_be_checked()
    expect(form.get_by_role("button")).to_be_disabled()  # the outcome has been shown: it is closed


# Answer every form on the page as a reader would, and return the names of those that said nothing.
ANSWER_ALL = """() => [...document.querySelectorAll("form.lesson-panel")].filter((form) => {
    const option = form.querySelector("input[type=radio]"), field = form.querySelector("input[type=text]");
    if (option) option.click(); else field.value = "1e9";
    form.querySelector("button").click();
    return !form.querySelector("[role=status]").textContent.includes(". ");
}).map((form) => form.dataset.name)"""


@pytest.mark.parametrize("file", FILES)
def test_every_question_of_a_lesson_answers(served: Served, page: Page, file: str) -> None:  # noqa: F811
    """Checks, predictions and the concept inventory: none is left without a word, and every verdict finds its own."""
    wrong = served.open(page, file)
    expect(page.locator("form.lesson-panel:not([data-live])")).to_have_count(0)
    assert page.evaluate(ANSWER_ALL) == []
    silent = page.locator(".lesson-verdict").filter(has_text="you kept no prediction")
    assert [line.get_attribute("data-name") for line in silent.all()] == []
    assert wrong == []


def test_answers_work_without_storage(served: Served, page: Page) -> None:  # noqa: F811
    """In a private window that refuses it, a check answers all the same."""
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })")
    wrong = served.open(page, "00_start_here.html")
    form = page.locator("form[data-name='0-check-error']")
    form.get_by_role("radio").first.check()
    form.get_by_role("button").click()
    expect(form.locator("[role=status] [data-verdict]")).to_have_count(1)
    assert wrong == []


def test_the_search_finds_a_section_and_leads_to_it(served: Served, page: Page) -> None:  # noqa: F811
    wrong = served.open(page, "index.html")
    page.get_by_label("Search").fill("nobody trains accur")
    page.get_by_label("Search").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("for “nobody trains accur”")
    link = page.locator("#results a").first
    expect(link).to_contain_text("Horse or dog")
    link.click()
    page.wait_for_url("**/01_horse_or_dog.html#*")
    assert page.evaluate("document.querySelector(decodeURIComponent(location.hash)) !== null")
    served.open(page, "search.html?q=xylophone")
    expect(page.get_by_role("status")).to_have_text("No sections for “xylophone”.")
    assert wrong == []


def test_a_query_is_text_not_markup(served: Served, page: Page) -> None:  # noqa: F811
    wrong = served.open(page, "search.html?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%20loss")
    expect(page.get_by_role("status")).to_contain_text("<img")
    assert page.locator("main img").count() == 0
    assert wrong == []


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(17, 17, 17)")])
def test_page_and_pictures_follow_the_readers_theme(
    served: Served,  # noqa: F811
    page: Page,  # noqa: F811
    scheme: str,
    paper: str,
) -> None:
    page.emulate_media(color_scheme=scheme)
    served.open(page, "00_start_here.html")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert page.locator(".lesson-figure svg path").first.evaluate("path => getComputedStyle(path).fill") == paper


def test_without_scripts_text_and_pictures_are_there(served: Served, browser: Browser) -> None:  # noqa: F811
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()  # noqa: F811
    page.goto(served.address + "01_horse_or_dog.html")
    expect(page.locator(".lesson-figure svg").first).to_be_visible()
    expect(page.get_by_role("heading", name="Summary")).to_be_visible()
    context.close()


def test_numbers_of_the_search_index_are_those_of_the_site(site: Path) -> None:  # noqa: F811
    """It stays small enough to be loaded by a phone."""
    text = (site / "search.json").read_text(encoding="utf-8")
    assert {entry["file"] for entry in json.loads(text)} == set(PAGES) - {"search.html"}
    assert len(text.encode()) < 1_000_000
