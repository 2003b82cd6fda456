"""The site as a reader meets it, in headless Chromium: under a sub-path, without a kernel, without any other host."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from lessonlib.reading import reader, reading_report
from tests.browser import browser, page  # noqa: F401
from tests.website import FILES, PAGES, Served, served, site  # noqa: F401
from tools.website import pages

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


def test_an_exported_lesson_answers_without_a_server(page: Page, tmp_path: Path) -> None:  # noqa: F811
    """Its slider moves the picture, and its question takes an answer."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(pages.write_single(pages.build.sources(["0"])[0], folder=tmp_path).as_uri())
    explorer = page.locator(".lesson-explorer").first
    before = state(explorer)
    move(explorer, explorer.locator("input").first)
    expect(explorer.locator(".lesson-panels")).not_to_have_attribute("aria-label", before[1])
    form = page.locator("form.lesson-panel").first
    form.locator("input[type=radio]").first.check()
    form.locator("button").click()
    expect(form.get_by_role("status")).not_to_be_empty()
    assert wrong == []


@pytest.mark.parametrize("file", PAGES)
def test_no_page_is_wider_than_a_phone(served: Served, browser: Browser, file: str) -> None:  # noqa: F811
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()  # noqa: F811
    wrong = served.open(page, file)
    for width in (PHONE["width"], 320):
        page.set_viewport_size({**PHONE, "width": width})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
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
    expect(verdict).to_have_text("You kept no prediction above.")
    form = page.locator("form[data-name='1-cost-of-0.9']")
    form.get_by_label("0.37").check()
    form.get_by_label("How sure?").select_option("70%")
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_have_text("Kept: 0.37, 70%. Now read on.")
    expect(verdict).to_contain_text(
        "You said 0.37, 70%. Your Brier score: 1.32 (0 is perfect, an even guess gets 0.75)."
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
    # Waits, since the script puts a new picture into the place of the first one.
    expect(page.locator(".lesson-figure svg path").first).to_have_css("fill", paper)


def test_the_reader_may_choose_the_other_theme(served: Served, page: Page) -> None:  # noqa: F811
    """Pictures follow; the choice holds on the next page."""
    wrong = served.open(page, "00_start_here.html")
    dark, picture = "rgb(17, 17, 17)", page.locator(".lesson-figure svg path").first
    page.get_by_role("button", name="Dark or light").click()
    expect(page.locator("body")).to_have_css("background-color", dark)
    expect(picture).to_have_css("fill", dark)
    served.open(page, "glossary.html")
    expect(page.locator("body")).to_have_css("background-color", dark)
    page.get_by_role("button", name="Dark or light").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    assert wrong == []


def test_the_readers_own_figure_follows_the_theme(page: Page, tmp_path: Path) -> None:  # noqa: F811
    """A saved reading is no white sheet in the dark."""
    log = "".join(f"Epoch {e} - loss: {1 / e} - val_loss: {1 + (e - 3) ** 2 / 9} - val_acc: 0.7\n" for e in range(1, 9))
    path = reading_report.save(reader.read(log, n_classes=2), tmp_path / "reading.html")
    page.emulate_media(color_scheme="dark")
    page.goto(path.as_uri())
    expect(page.locator(".reading svg path").first).to_have_css("fill", "rgb(17, 17, 17)")


def test_without_scripts_text_and_pictures_are_there(served: Served, browser: Browser) -> None:  # noqa: F811
    """And nothing to move or press that would do nothing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()  # noqa: F811
    for file in ("index.html", "01_horse_or_dog.html"):
        page.goto(served.address + file)
        expect(page.locator(".lesson-figure svg").first).to_be_visible()
        expect(page.locator("noscript p")).to_be_visible()
        for useless in page.locator("main :is(button, input[type=range], select), #theme").all():
            expect(useless).to_be_hidden()
    expect(page.get_by_role("heading", name="Summary")).to_be_visible()
    context.close()


EPOCHS = "06_cifar10_overfitting.html#from-the-epoch-of-the-lowest-loss"


def test_an_address_names_an_explorer_and_its_position(served: Served, page: Page) -> None:  # noqa: F811
    """Both ways; other explorers with a slider of that name stand where they stood."""
    wrong = served.open(page, f"{EPOCHS}&epoch=7")
    explorer = page.locator("#from-the-epoch-of-the-lowest-loss")
    expect(explorer).to_be_in_viewport()
    expect(explorer.locator(".lesson-sentence")).to_contain_text("Epoch 7 against")
    explorer.get_by_role("slider").press("ArrowRight")
    page.wait_for_url(f"**/{EPOCHS}&epoch=8")
    page.reload()
    expect(explorer.locator(".lesson-sentence")).to_contain_text("Epoch 8 against")
    served.open(page, "07_who_pays.html#the-rise-the-training-set-and-the-logits&epoch=2")
    other = page.locator("#drift-to-the-middle-or-confident-errors")
    other.scroll_into_view_if_needed()
    expect(other).to_have_attribute("data-live", "")
    expect(other.locator(".lesson-sentence")).not_to_contain_text("Epoch 2:")
    assert wrong == []


def test_an_explorer_plays_to_its_end_until_it_is_touched(served: Served, page: Page) -> None:  # noqa: F811
    served.open(page, EPOCHS)
    explorer = page.locator("#from-the-epoch-of-the-lowest-loss")
    slider, button = explorer.get_by_role("slider"), explorer.get_by_role("button")
    expect(button).to_have_text("▶ Play")
    button.click()
    expect(slider).not_to_have_value("24")  # from the start, since it stood at the end
    slider.press("ArrowRight")
    expect(button).to_have_text("▶ Play")
    slider.press("End")
    slider.press("ArrowLeft")
    button.click()
    expect(slider).to_have_value("24")
    expect(button).to_have_text("▶ Play")


def test_pictures_that_do_not_come_can_be_asked_for_again(served: Served, page: Page) -> None:  # noqa: F811
    served.open(page, "search.html")
    page.route("**/pictures/*", lambda route: route.abort())
    page.goto(served.address + "00_start_here.html")
    explorer = page.locator(".lesson-explorer")
    explorer.scroll_into_view_if_needed()
    expect(explorer.get_by_text("The pictures did not come.")).to_be_visible()
    expect(explorer.locator(".lesson-figure svg").first).to_be_visible()
    page.unroute("**/pictures/*")
    explorer.get_by_role("button", name="Try again").click()
    expect(explorer).to_have_attribute("data-live", "")
    expect(explorer.locator(".lesson-news")).to_have_count(0)


def test_an_explorer_says_that_it_is_loading(served: Served, page: Page) -> None:  # noqa: F811
    held: list[Route] = []
    served.open(page, "search.html")
    page.route("**/pictures/*", lambda route: held.append(route))
    page.goto(served.address + "00_start_here.html")
    explorer = page.locator(".lesson-explorer")
    explorer.scroll_into_view_if_needed()
    expect(explorer.get_by_text("Loading the pictures")).to_be_visible()
    held[0].continue_()
    expect(explorer).to_have_attribute("data-live", "")
    expect(explorer.get_by_text("Loading the pictures")).to_have_count(0)


@pytest.mark.parametrize(("file", "kilobytes"), [("index.html", 350), ("07_who_pays.html", 700)])
def test_little_comes_before_the_first_slider_answers(served: Served, page: Page, file: str, kilobytes: int) -> None:  # noqa: F811
    """At 1.6 Mbit/s 200 kB come in a second; compression by the server is not counted on."""
    sizes: list[int] = []
    page.on("response", lambda got: sizes.append(int(got.headers.get("content-length", 0))))
    served.open(page, file)
    explorer = page.locator(".lesson-explorer").first
    explorer.scroll_into_view_if_needed()
    expect(explorer).to_have_attribute("data-live", "")
    assert 50_000 < sum(sizes) < 1_000 * kilobytes


def test_panels_stand_below_each_other_on_a_phone(served: Served, browser: Browser) -> None:  # noqa: F811
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()  # noqa: F811
    served.open(page, EPOCHS)
    panels = page.locator("#from-the-epoch-of-the-lowest-loss .lesson-panels svg")
    expect(panels).to_have_count(4)
    # All at once, since the script puts a new picture into the place of the first one.
    boxes = panels.evaluate_all("every => every.map(each => each.getBoundingClientRect().toJSON())")
    assert all(above["bottom"] <= below["top"] + 1 for above, below in itertools.pairwise(boxes))
    assert min(box["width"] for box in boxes) > 280
    context.close()


def test_the_contents_stay_in_view_and_mark_the_section(served: Served, page: Page) -> None:  # noqa: F811
    served.open(page, "07_who_pays.html#early-and-late")
    link = page.locator(".contents").get_by_role("link", name="Early and late")
    expect(link).to_be_in_viewport()
    expect(link).to_have_attribute("aria-current", "true")
    assert page.locator(".contents a[aria-current]").count() == 1


@pytest.mark.parametrize("file", ["index.html", "06_cifar10_overfitting.html", "glossary.html"])
def test_a_line_of_prose_has_at_most_70_characters(served: Served, page: Page, file: str) -> None:  # noqa: F811
    """On average over the lines of a paragraph that it fills."""
    page.set_viewport_size({"width": 1440, "height": 900})
    served.open(page, file)
    lengths = page.locator("main p").evaluate_all(
        """found => found.filter((p) => p.offsetHeight > 3 * parseFloat(getComputedStyle(p).lineHeight)).map((p) =>
        p.textContent.length / Math.floor(p.offsetHeight / parseFloat(getComputedStyle(p).lineHeight)))"""
    )
    assert len(lengths) > 1
    assert max(lengths) <= 70


QUESTION = "validation loss rises from epoch 5 accuracy still rises what is it and what do I do"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (QUESTION, "index.html"),
        ("validation loss increases", "index.html"),
        ("val loss goes up but val acc goes up too", "index.html"),
        ("why is my loss NaN", "03b"),
        ("validation accuracy stuck", "index.html"),
        ("plateau", "glossary.html"),
        ("overfitting", "glossary.html"),
        ("validation accuracy fluctuates", "index.html"),
        ("imbalanced classes", "glossary.html"),
        ("temperature scaling", "glossary.html"),
        ("which checkpoint should I save", "11b"),
        ("loss becomes nan", "03b"),
        ("accuracy stuck at 50%", "index.html"),
        ("imbalanced dataset accuracy 95% predicts only majority class", "04"),
        ("LoRA finetuning eval loss rises but answers look better", "11b"),
        ("Why Loss and Accuracy Metrics Conflict?", "claim-index.html"),
        ("fluctuate while manual tests show good results", "claim-index.html"),
    ],
)
def test_the_search_knows_how_people_ask(served: Served, page: Page, asked: str, expected: str) -> None:  # noqa: F811
    served.open(page, f"search.html?q={quote(asked)}")
    expect(page.locator("#results li").first).to_be_visible()
    found = [link.get_attribute("href") for link in page.locator("#results a").all()]
    assert found[0].startswith(expected), found[:5]


def test_the_answer_is_found_at_once(served: Served, page: Page) -> None:  # noqa: F811
    """From the first page, without scrolling: the explanation and the decision; from the search with one click."""
    page.set_viewport_size({"width": 1280, "height": 720})
    served.open(page, "index.html")
    expect(page.locator("main strong").first).to_be_in_viewport(ratio=1)  # the explanation, one sentence
    expect(page.locator("main table").first).to_be_in_viewport(ratio=1)  # the decision
    page.get_by_label("Search").fill(QUESTION)
    page.get_by_label("Search").press("Enter")
    page.locator("#results a").first.click()
    page.wait_for_url("**/index.html#*")


def test_numbers_of_the_search_index_are_those_of_the_site(site: Path) -> None:  # noqa: F811
    """It stays small enough to be loaded by a phone."""
    text = (site / "search.json").read_text(encoding="utf-8")
    assert {entry["file"] for entry in json.loads(text)} == set(PAGES) - {"search.html"}
    assert len(text.encode()) < 1_000_000
