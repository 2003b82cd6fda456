"""The explorer as a learner meets it: in a real JupyterLab, and in an exported page without a kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lessonlib import figures
from lessonlib.explorer import Explorer, Panel, Picture
from lessonlib.explorer import slider as positions
from tests.browser import PATIENCE_MS, REPOSITORY, Lab, browser, lab, page  # noqa: F401

CELL = """
import math
import numpy as np
from lessonlib import explorer, figures
from lessonlib.explorer import Explorer, Panel, Picture, slider

def cost(p, k):
    loss = -math.log(p)
    return Picture(
        f"At p = {p:.2f} and k = {k} the loss is {loss:.3f}.",
        Panel("Loss", figures.line([0, 1], [5, 0]), figures.dot(p, loss, f"<b>{k}</b> & {p:.2f}"), x=(0, 1), y=(0, 5)),
        Panel("p", figures.bars({"true class": p}), x=(0, 1.2)),
    )
"""
SHOW = """
shown = Explorer(cost, p=slider(np.arange(1, 20) / 20, start=0.5, label="probability of the true class"),
                 k=["two", "ten", "many"], title="Loss & probability")
shown
"""
START = "At p = 0.50 and k = two the loss is 0.693."

# What is on the page and pieces drawn here, both as the browser writes them, without what makes ids unique there.
BOTH_PICTURES = """(box, panels) => [...box.children].map((svg, i) => {
    const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
    return [...svg.children].map((shown, slot) => {
        group.innerHTML = panels[i][slot].replaceAll("PREFIX", "");
        return [shown.innerHTML.replaceAll(/(?<=[#"])x[0-9a-z]{1,8}-[0-9]-/g, ""), group.innerHTML];
    });
})""".replace("PREFIX", figures.ID_PREFIX)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def _patience():
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def reference() -> Explorer:
    """The same explorer in this process."""
    names: dict[str, object] = {}
    exec(CELL + SHOW, names)
    return names["shown"]


def run(lab: Lab, page: Page, *cells: str) -> Locator:  # noqa: F811
    """Run the cells and return the picture of the first explorer."""
    lab.open_notebook(page, [CELL, *cells])
    lab.run_all(page)
    picture = page.locator(".lesson-panels").first
    picture.wait_for()
    return picture


def slider(page: Page, name: str) -> Locator:  # noqa: F811
    """Find a slider as a screen reader does: by role and accessible name."""
    return page.get_by_role("slider", name=name).first


def menu(page: Page, name: str) -> Locator:  # noqa: F811
    """Find a choice among words as a screen reader does."""
    return page.get_by_role("combobox", name=name).first


def move(handle: Locator, *keys: str) -> None:
    handle.focus()
    for key in keys:
        handle.page.keyboard.press(key)


def shows(picture: Locator, reference: Explorer, index: int) -> None:
    """Check that picture, alt text and visible sentence are those of one position."""
    slots, sentence = reference._frame(index)
    pieces = list(reference._pieces)
    expect(picture).to_have_attribute("aria-label", sentence)
    panels = picture.evaluate(BOTH_PICTURES, [[pieces[number] for number in panel] for panel in slots])
    assert [len(panel) for panel in panels] == [len(panel) for panel in slots]
    assert [shown for panel in panels for shown, _ in panel] == [wanted for panel in panels for _, wanted in panel]
    expect(picture.locator("xpath=../p[1]")).to_have_text(sentence)


def test_the_keyboard_moves_the_picture_its_alt_text_and_the_status_line(lab, page, reference):  # noqa: F811
    picture = run(lab, page, SHOW)
    expect(picture).to_have_attribute("aria-label", START)
    status = page.locator(".lesson-status")
    expect(status).to_have_text("")  # nothing is announced before the learner acts
    shows(picture, reference, 9 * 3)
    move(slider(page, "probability of the true class"), "ArrowRight", "ArrowRight", "ArrowLeft")
    shows(picture, reference, 10 * 3)
    move(menu(page, "k"), "End")
    shows(picture, reference, 10 * 3 + 2)
    expect(status).to_have_text("At p = 0.55 and k = many the loss is 0.598.")
    assert status.get_attribute("role") == "status"
    expect(menu(page, "k").locator("option:checked")).to_have_text("many")
    expect(slider(page, "probability of the true class")).to_have_attribute("aria-valuetext", "0.55")
    move(slider(page, "probability of the true class"), "Home")
    shows(picture, reference, 2)


def test_the_sliders_move_the_picture_when_the_kernel_is_gone(lab, page, reference):  # noqa: F811
    picture = run(lab, page, SHOW)
    handle = slider(page, "probability of the true class")
    handle.wait_for()
    expect(picture).to_have_attribute("data-pictures", str(19 * 3))  # on a busy machine they come one by one
    lab.shut_kernel_down(page)
    for digit in range(10, 19):
        move(handle, "ArrowRight")
        shows(picture, reference, digit * 3)
    move(menu(page, "k"), "ArrowDown")
    shows(picture, reference, 18 * 3 + 1)


def test_the_picture_follows_the_dark_theme(lab, page):  # noqa: F811
    picture = run(lab, page, SHOW)

    def colours() -> list[str]:
        return picture.evaluate(
            """svg => [svg.querySelector("text"), svg.querySelector("use[style*=vermilion]"), svg.querySelector("path")]
                .map((element) => getComputedStyle(element).fill)"""
        )

    def rgb(theme: dict[str, str]) -> list[str]:
        chosen = (theme[name] for name in ("ink", "vermilion", "paper"))
        return [f"rgb({int(c[1:3], 16)}, {int(c[3:5], 16)}, {int(c[5:7], 16)})" for c in chosen]

    assert colours() == rgb(figures.LIGHT)
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    assert colours() == rgb(figures.DARK)


def test_dear_frames_arrive_in_idle_time_and_at_once_when_wanted(lab, page, reference):  # noqa: F811
    dear = "explorer.EAGER_SECONDS = 0; explorer.ANSWER_SECONDS = 0"
    picture = run(lab, page, dear, SHOW)
    handle = slider(page, "probability of the true class")
    move(handle, "End")  # surely not here yet
    shows(picture, reference, 18 * 3)
    expect(picture).to_have_attribute("data-pictures", str(19 * 3))  # nobody asked for these
    lab.shut_kernel_down(page)
    move(handle, "Home")
    shows(picture, reference, 0)


def test_more_positions_than_can_be_drawn_ahead_come_on_demand(lab, page, reference):  # noqa: F811
    picture = run(lab, page, "explorer.AHEAD_LIMIT = 10", SHOW)
    move(slider(page, "probability of the true class"), "End", "ArrowLeft")
    shows(picture, reference, 17 * 3)
    assert int(picture.get_attribute("data-pictures")) < 19 * 3


def test_one_explorer_shown_twice_and_run_again(lab, page, reference):  # noqa: F811
    first = run(lab, page, SHOW, "shown")
    second = page.locator(".lesson-panels").nth(1)
    second.wait_for()
    move(page.get_by_role("slider", name="probability of the true class").nth(1), "ArrowRight")
    for picture in (first, second):
        shows(picture, reference, 10 * 3)
    ids = page.locator(".lesson-figure [id]").evaluate_all("all => all.map((element) => element.id)")
    own = page.locator(".lesson-panels").evaluate_all(
        "all => all.map((svg) => new Set([...svg.querySelectorAll('[id]')].map((element) => element.id)))"
        ".reduce((a, b) => a.intersection(b).size)"
    )
    assert ids
    assert own == 0  # no id is on both pictures
    lab.run_all(page)
    expect(page.locator(f'.lesson-panels[aria-label="{START}"]')).to_have_count(2)
    expect(page.locator(".lesson-panels")).to_have_count(2)
    move(slider(page, "probability of the true class"), "ArrowLeft")
    shows(page.locator(".lesson-panels").first, reference, 8 * 3)


def test_a_late_error_is_read_out(lab, page):  # noqa: F811
    failing = "explorer.EAGER_SECONDS = 0\nfine = cost\ndef cost(p, k): return fine(p / (p < 0.9), k)"
    picture = run(lab, page, failing, SHOW)
    move(slider(page, "probability of the true class"), "End")
    expect(page.locator(".lesson-status")).to_contain_text("could not be drawn: cost failed at p = 0.95")
    assert picture.locator("svg > g").count() == 0


# ---- without a kernel --------------------------------------------------------------------------------


@pytest.fixture
def offline(page: Page):  # noqa: F811
    """A page that may not use the network, and lists of what it asked for and what it complained of."""
    asked, complaints = [], []
    page.set_default_timeout(PATIENCE_MS)
    page.context.set_offline(True)
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []


def check_exported(page: Page, reference: Explorer, box: Locator) -> None:  # noqa: F811
    """Move the native controls of an exported explorer by keyboard."""
    picture = box.locator(".lesson-panels")
    shows(picture, reference, 9 * 3)
    handle = box.get_by_role("slider", name="probability of the true class")
    move(handle, "ArrowRight", "ArrowRight")
    shows(picture, reference, 11 * 3)
    expect(handle).to_have_attribute("aria-valuetext", "0.60")
    expect(box.locator(".lesson-value")).to_have_text("0.60")
    move(box.get_by_role("combobox", name="k"), "ArrowDown")
    shows(picture, reference, 11 * 3 + 1)
    expect(box.get_by_role("status")).to_have_text("At p = 0.60 and k = ten the loss is 0.511.")


def test_a_file_lives_without_kernel_and_network(offline, reference, tmp_path):
    html = f'<!doctype html><html lang="en"><title>t</title>{reference.to_html() * 2}</html>'
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    offline.goto((tmp_path / "page.html").as_uri())
    boxes = offline.locator(".lesson-explorer")
    expect(boxes).to_have_count(2)
    check_exported(offline, reference, boxes.nth(1))
    shows(boxes.nth(0).locator(".lesson-panels"), reference, 9 * 3)  # the other one stands where it stood
    check_exported(offline, reference, boxes.nth(0))


def test_an_exported_notebook_lives_without_kernel_and_network(offline, reference, tmp_path):
    cells = [nbformat.v4.new_code_cell(cell) for cell in (CELL, SHOW, "shown")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "lesson.ipynb")
    export(tmp_path / "lesson.ipynb")
    text = (tmp_path / "lesson.html").read_text(encoding="utf-8")
    assert "vnd.jupyter.widget-state" not in text
    offline.goto((tmp_path / "lesson.html").as_uri())
    for i in range(2):
        check_exported(offline, reference, offline.locator(".lesson-explorer").nth(i))


def export(notebook: Path) -> None:
    """Run and export a notebook as the course does; nbconvert's own template asks for two scripts from the web."""
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", "--HTMLExporter.mathjax_url="]
    command += ["--HTMLExporter.require_js_url=", str(notebook)]
    environment = {**os.environ, "LESSONLIB_STATIC": "1", "PYTHONPATH": str(REPOSITORY)}
    subprocess.run(command, env=environment, check=True, capture_output=True)


def test_a_file_follows_the_readers_dark_setting(offline, reference, tmp_path):
    (tmp_path / "page.html").write_text(reference.to_html(), encoding="utf-8")
    offline.emulate_media(color_scheme="dark")
    offline.goto((tmp_path / "page.html").as_uri())
    paper = offline.locator(".lesson-figure svg path").first
    assert paper.evaluate("element => getComputedStyle(element).fill") == "rgb(17, 17, 17)"
    offline.emulate_media(color_scheme="light")
    assert paper.evaluate("element => getComputedStyle(element).fill") == "rgb(255, 255, 255)"


def test_without_scripts_the_start_is_there(browser: Browser, reference, tmp_path):  # noqa: F811
    (tmp_path / "page.html").write_text(reference.to_html(), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()  # noqa: F811
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.get_by_role("img")).to_have_accessible_name(START)
    expect(page.get_by_text(START)).to_be_visible()
    context.close()


def test_an_address_may_name_a_position(offline, reference, tmp_path):
    (tmp_path / "page.html").write_text(reference.to_html(), encoding="utf-8")
    offline.goto((tmp_path / "page.html").as_uri() + "#p=0.60&k=many&other=1")
    shows(offline.locator(".lesson-panels"), reference, 11 * 3 + 2)
    expect(offline.locator(".lesson-value")).to_have_text("0.60")


def test_panels_stand_below_each_other_on_a_phone(browser: Browser, reference, tmp_path):  # noqa: F811
    (tmp_path / "page.html").write_text(reference.to_html(), encoding="utf-8")
    for width, is_stacked in ((390, True), (1000, False)):
        page = browser.new_page(viewport={"width": width, "height": 800})  # noqa: F811
        page.goto((tmp_path / "page.html").as_uri())
        first, second = (page.locator(".lesson-panels svg").nth(i).bounding_box() for i in range(2))
        assert (second["y"] >= first["y"] + first["height"]) == is_stacked
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()


def test_a_sliders_value_stays_beside_it_and_does_not_push_it(offline, tmp_path):
    def say(x, y):
        return Picture(f"x is {x}, y is {y}", Panel("x", figures.dot(x, 1), x=(0, 1100), y=(0, 2)))

    shown = Explorer(say, x=positions([1, 1000], label="share of positives"), y=positions([1, 1000], label="y"))
    (tmp_path / "page.html").write_text(shown.to_html(), encoding="utf-8")
    for width in range(320, 640, 40):
        offline.set_viewport_size({"width": width, "height": 800})
        offline.goto((tmp_path / "page.html").as_uri())
        for handle in offline.get_by_role("slider").all():
            before, value = handle.bounding_box(), handle.locator("xpath=../*[2]").bounding_box()
            assert value["y"] < before["y"] + before["height"], f"{width} px"
            assert before["width"] > 60
            move(handle, "End")
            assert handle.bounding_box() == before, f"{width} px"
