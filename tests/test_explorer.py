"""The explorer without a browser: what is drawn, what is sent, what is refused."""

import asyncio
import json
import math
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from lessonlib import explorer, figures
from lessonlib.explorer import Explorer, Panel, Picture, slider

P = [0.2, 0.4, 0.6, 0.8]


def cost(p, k=2):
    """A line that stays, a dot that moves with p, bars that move with k."""
    loss = -math.log(p)
    return Picture(
        f"At p = {p:.1f} and k = {k} the loss is {loss:.3f}.",
        Panel("Loss", figures.line([0, 1], [5, 0], "green"), figures.dot(p, loss, f"<b> & {p:.1f}"), x=(0, 1)),
        Panel("Classes", figures.bars({"k": k}), xlabel="number"),
    )


@pytest.fixture(autouse=True)
def _live(monkeypatch):
    monkeypatch.delenv("LESSONLIB_STATIC", raising=False)


def make(picture=cost, title="A & B", **sliders) -> Explorer:
    return Explorer(
        picture, title=title, **(sliders or {"p": slider(P, start=0.6, label="probability <p>"), "k": [2, 3, 10]})
    )


@pytest.fixture
def made() -> Explorer:
    return make()


def many(**options) -> Explorer:
    return make(p=slider(np.linspace(0.1, 0.9, 81), start=0.5), **options)


def svg(made: Explorer, index: int) -> list[list[str]]:
    """The pieces of one picture, panel by panel."""
    made._frame(index)
    pieces = list(made._pieces)
    return [[pieces[number] for number in panel] for panel in made._frame(index)[0]]


def page_data(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL).group(1))


# ---- drawing ---------------------------------------------------------------------------------------


def test_each_position_has_its_own_picture_and_sentence(made):
    data = page_data(made.to_html())
    assert len({json.dumps(slots) for slots, _ in data["frames"]}) == 12
    # The last slider counts fastest: the browser computes the same number.
    assert data["frames"][7][1] == "At p = 0.6 and k = 3 the loss is 0.511."
    assert repr(made) == "At p = 0.6 and k = 2 the loss is 0.511."


def test_only_what_differs_is_drawn_and_sent_again(made):
    slots = [made._frame(index)[0] for index in range(12)]
    (axes, line, dot), bars = slots[0]
    assert slots[1][0] == slots[0][0]  # k moves nothing on the left
    assert [a == b for a, b in zip(slots[3][0], (axes, line, dot), strict=True)] == [True, True, False]
    assert slots[3][1] == bars  # and p nothing on the right
    assert len(made._pieces) == 3 + 3 + 1 + 3  # axes and line, four dots; axes and three bars


def test_marks_of_equal_content_are_drawn_once():
    drawn = []

    @figures.mark
    def diagonal(ax, x, y):
        drawn.append(ax.plot(x, y))

    def shown(p):
        return Picture(f"{p}", Panel("", diagonal([0, 1], [0, 1])))

    Explorer(shown, p=P)
    assert len(drawn) == 1


def test_pieces_are_themed_well_formed_and_escaped(made):
    for piece in made._pieces:
        assert not re.findall(r"#[0-9a-f]{6}\b", piece)
        assert "<b>" not in piece
        ElementTree.fromstring(f"<svg>{piece}</svg>")


def test_every_reference_has_its_target_in_its_panel(made):
    for panel in svg(made, 5):
        together = "".join(panel)
        ids = set(re.findall(r' id="([^"]*)"', together))
        assert {a or b for a, b in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', together)} <= ids


def test_pages_are_the_same_whatever_was_drawn_first(made, monkeypatch):
    monkeypatch.setattr(explorer, "EAGER_SECONDS", 0)
    other = make()
    other.answer({"want": [11, 3]})
    assert other.to_html() == made.to_html()


def test_limits_hold_all_positions_unless_they_are_given():
    def growing(p):
        return Picture("Growing.", Panel("", figures.line([0, 10 * p], [1, 2]), y=(0, None)), Panel("", y=(3, 4)))

    made = Explorer(growing, p=P)
    (x, y), (_, given) = made._limits
    assert 8 < x[1] < 9
    assert x[0] == 0
    assert y[0] == 0
    assert 2 < y[1] < 2.2
    assert given == (3, 4)


def test_panels_stand_level_and_keep_their_place():
    def titled(p):
        return Picture("Two.", Panel(f"p = {p}", xlabel="a label"), Panel("two\nlines", figures.bars({"long name": p})))

    made = Explorer(titled, p=P)
    [left, right] = [easel.bounds for easel in made._easels]
    assert left[1::2] == pytest.approx(right[1::2])
    assert left[0] < right[0]
    assert "p = 0.8" in svg(made, 3)[0][0]  # a title may follow the slider


def test_a_figure_of_matplotlib_is_sent_in_pieces():
    def drawn(p):
        fig = Figure(figsize=(4, 3))
        ax = fig.subplots()
        ax.set(xlim=(0, 1), ylim=(0, 1), title="stays")
        ax.plot([0, 1], [0, p], color=figures.PALETTE["purple"])
        return Picture(f"Up to {p}.", figure=fig)

    made = Explorer(drawn, p=P)
    [first], [second] = made._frame(0)[0], made._frame(1)[0]
    assert sum(a != b for a, b in zip(first, second, strict=True)) == 1
    assert any("lesson-purple" in piece for piece in svg(made, 2)[0])
    assert made.stage.panels == [{"viewBox": "0 0 288 216", "width": 384}]
    assert len(made._repr_mimebundle_()["image/png"]) > 1000


# ---- sliders ---------------------------------------------------------------------------------------


def say(**values):
    return Picture(f"Now {values}.", Panel(""))


@pytest.mark.parametrize(
    ("positions", "texts"),
    [
        ([1, 2, 3], ["1", "2", "3"]),
        (np.arange(0, 30, 10), ["0", "10", "20"]),
        (np.linspace(0, 1, 5), ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (np.linspace(0, 1, 4), ["0.00", "0.33", "0.67", "1.00"]),
        ([1e-4, 2e-4], ["0.0001", "0.0002"]),
        ([0, 0.5, 1], ["0.0", "0.5", "1.0"]),
        ([-0.1, -1e-17, 0.1], ["-0.1", "0.0", "0.1"]),  # rounding errors of np.linspace
        (["none", "dropout"], ["none", "dropout"]),
        ([False, True], ["off", "on"]),
        ([True, False], ["True", "False"]),
    ],
)
def test_positions_are_written_as_a_learner_reads_them(positions, texts):
    made = Explorer(say, q=positions)
    kind = "checkbox" if texts == ["off", "on"] else "range"
    assert (f'type="{kind}"' in made.stage.html) != isinstance(positions[0], str)
    assert made.stage.axes == [{"argument": "q", "name": "q", "labels": texts}]
    assert made.n_positions == len(texts)


def test_start_and_labels(made):
    assert [each["name"] for each in made.stage.axes] == ["probability <p>", "k"]
    assert made.stage.here == [2, 0]
    page = made.to_html()
    assert made.stage.html[: made.stage.html.index('<div class="lesson-figure">')] in page, "the same sliders in both"


# ---- what is sent, and when ------------------------------------------------------------------------


def test_cheap_frames_are_all_sent_at_once(made):
    assert len(made.stage.frames) == 12
    assert {number for _, slots, _ in made.stage.frames for panel in slots for number in panel} == {
        number for number, _ in made.stage.pieces
    }


@pytest.mark.parametrize(
    ("name", "value", "ahead"), [("EAGER_SECONDS", 0, True), ("EAGER_BYTES", 3000, True), ("AHEAD_LIMIT", 50, False)]
)
def test_dear_frames_come_later(monkeypatch, name, value, ahead):
    def bounded(p):
        return Picture("Bounded.", Panel("", figures.dot(p, p), x=(0, 1), y=(0, 1)))

    monkeypatch.setattr(explorer, name, value)
    made = many(picture=bounded)
    sent = [index for index, *_ in made.stage.frames]
    assert len(sent) == explorer.EAGER_FRAMES + 1
    assert max(abs(index - 40) for index in sent) <= explorer.EAGER_FRAMES
    assert made.stage.ahead is ahead


def test_the_kernel_answers_a_message_with_the_frames_asked_for(made, monkeypatch):
    sent = []
    monkeypatch.setattr(made.stage, "send", lambda content, buffers=None: sent.append(content))
    made.stage._handle_custom_msg({"want": [3]}, [])
    [[index, slots, sentence]] = sent[0]["frames"]
    assert (index, sentence) == (3, "At p = 0.4 and k = 2 the loss is 0.916.")
    assert {number for number, _ in sent[0]["pieces"]} == {number for panel in slots for number in panel}


def test_a_message_handled_beside_the_cells_is_answered_in_their_thread(monkeypatch):
    drawn_in = set()

    def noting(p):
        drawn_in.add(threading.current_thread())
        return Picture("Bounded.", Panel("", figures.dot(p, p), x=(0, 1), y=(0, 1)))

    async def notebook():
        made = many(picture=noting)
        answered = asyncio.Event()
        monkeypatch.setattr(made.stage, "send", lambda content, buffers=None: answered.set())
        await asyncio.to_thread(made.stage._handle_custom_msg, {"want": [80]}, [])
        await asyncio.wait_for(answered.wait(), 60)

    monkeypatch.setattr(explorer, "EAGER_SECONDS", 0)
    asyncio.run(notebook())
    assert drawn_in == {threading.main_thread()}


def test_one_message_never_takes_the_kernel_for_long(monkeypatch):
    monkeypatch.setattr(explorer, "EAGER_SECONDS", 0)
    monkeypatch.setattr(explorer, "ANSWER_SECONDS", 0)
    assert [index for index, *_ in many().answer({"want": [50, 51, 52]})["frames"]] == [50]


@pytest.mark.parametrize("content", [{}, {"want": []}, {"want": [-1, 12, "3", None, 2.5]}])
def test_nonsense_from_the_browser_is_ignored(made, content):
    assert made.answer(content)["frames"] == []


def test_a_late_error_is_told_in_the_status_line(monkeypatch):
    def fails(p):
        if p > 0.7:
            raise ZeroDivisionError("no <class>")
        return Picture("Fine.", Panel("", x=(0, 1), y=(0, 1)))

    monkeypatch.setattr(explorer, "EAGER_SECONDS", 0)
    [[index, slots, sentence]] = many(picture=fails).answer({"want": [80]})["frames"]
    assert (index, slots) == (80, [[]])
    assert "fails failed at p = 0.9: ZeroDivisionError: no <class>" in sentence


# ---- what is stored --------------------------------------------------------------------------------


def test_mimebundle_has_widget_picture_and_sentence(made):
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert bundle["text/plain"] == "At p = 0.6 and k = 2 the loss is 0.511."
    assert len(bundle["image/png"]) < 40_000


def test_static_mode_gives_a_page_and_makes_no_widget(made, monkeypatch):
    monkeypatch.setenv("LESSONLIB_STATIC", "1")
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "stage" not in vars(made)


def test_static_mode_falls_back_to_the_picture_where_there_are_too_many(made, monkeypatch):
    monkeypatch.setenv("LESSONLIB_STATIC", "1")
    monkeypatch.setattr(explorer, "AHEAD_LIMIT", 5)
    assert set(made._repr_mimebundle_()) == {"text/html", "image/png", "text/plain"}


def test_page_names_and_escapes(made):
    html = made.to_html()
    assert "<span>probability &lt;p&gt;</span>" in html
    assert 'aria-label="A &amp; B"' in html
    assert "data-lm-suppress-shortcuts" in html
    outside = re.sub(r"<(script|style).*?</\1>", "", html, flags=re.DOTALL)
    assert figures.ID_PREFIX not in outside
    assert "http" not in outside


def test_page_cannot_be_broken_by_its_texts():
    evil = "</script><script>alert(1)</script><!--"
    html = Explorer(lambda q: Picture(q, Panel(evil)), q=[evil, "b"], title=evil).to_html()
    assert html.count("<script") == 2
    assert html.count("</script>") == 2
    assert page_data(html)["axes"][0]["labels"] == [evil, "b"]


def test_native_controls_fit_the_positions():
    html = Explorer(say, picture=[1, 2], b=["x", "y"], c=[False, True], d=[2, 3, 10]).to_html()
    assert [html.count(kind) for kind in ('type="range"', "<select", 'type="checkbox"')] == [2, 1, 1]
    assert html.count("<label>") == 4


def test_importing_the_package_imports_neither_matplotlib_nor_widgets():
    code = "import sys, lessonlib; sys.exit(any(name in sys.modules for name in ('matplotlib', 'ipywidgets')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- what is refused, with the remedy --------------------------------------------------------------


@pytest.mark.parametrize(
    ("positions", "error", "message"),
    [
        (
            (1, 50),
            ValueError,
            r"p: \(1, 50\) gives 2 positions: write range\(1, 51, 1\) for all between, or \[1, 50\]",
        ),
        ((0.0, 1.0), ValueError, r"write np\.arange\(0\.0, 1\.025, 0\.05\)"),
        ((0.01, 0.5, 0.01), ValueError, r"write np\.arange\(0\.01, 0\.505, 0\.01\)"),
        ((0, 10, 2), ValueError, r"write range\(0, 11, 2\)"),
        (0.5, TypeError, r"p: 0\.5 is no list of positions: give a list, a range"),
        (True, TypeError, r"such as \[False, True\]"),
        ("abc", TypeError, r"no list of positions"),
        ({"a": 1, "b": 2}, TypeError, r"such as \['a', 'b'\], and look up"),
        ({0.1, 0.2}, TypeError, r"no list of positions"),
        ([], ValueError, r"fewer than two positions"),
        ([0.5], ValueError, r"\[0\.5\] are fewer than two positions: give more, or fix the value"),
        ([0.1, 0.2, 0.1], ValueError, r"Position 0\.1 occurs twice"),
        ([0.1, math.nan], ValueError, r"Position 1 is nan: leave it out"),
        ([0.1, None], TypeError, r"Position 1 is None: use numbers"),
        (np.eye(2), TypeError, r"Position 0 is array"),
    ],
)
def test_positions_that_are_none_are_named(positions, error, message):
    with pytest.raises(error, match=message):
        Explorer(cost, p=positions)


def test_three_values_that_interact_would_not_take_as_a_range_are_positions():
    assert slider((0.7, 0.9, 0.97)).positions == (0.7, 0.9, 0.97)


@pytest.mark.parametrize("start", [0.5, None, "0.2", [0.2], np.eye(2)])
def test_a_slider_starts_on_one_of_its_positions(start):
    if start is None:
        assert slider(P, start=start).start == 0
        return
    with pytest.raises(ValueError, match=r"is not among the positions \[0\.2, 0\.4"):
        slider(P, start=start)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "at least one slider, got none"),
        ({"p": P, "q": P}, ValueError, r"cost failed at p = 0\.2, q = 0\.2: .* unexpected keyword argument 'q'"),
    ],
)
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        Explorer(cost, **options)


def with_pyplot(p):
    pyplot.figure()
    return Picture("Nothing of it.", Panel(""))


PANEL = Panel("", x=(0, 1), y=(0, 1))


@pytest.mark.parametrize(
    ("picture", "error", "message"),
    [
        (lambda p: None, TypeError, r"returned None at p = 0\.2, which would not be drawn: return Picture"),
        (lambda p: Figure(), TypeError, r"or Picture\(sentence, figure=fig\)"),
        (with_pyplot, ValueError, r"drew with pyplot, which would not be shown"),
        (lambda p: Picture("", PANEL), ValueError, "one sentence"),
        (lambda p: Picture("Nothing."), ValueError, "panels or a figure, got 0 panels"),
        (lambda p: Picture("One.", "Loss"), ValueError, "shows panels, got 'Loss'"),
        (lambda p: Picture("A.", Panel("", Figure().subplots().plot([1])[0])), ValueError, "would not be drawn"),
        (lambda p: Picture("A.", Panel(figures.dot(1, 1))), ValueError, "A panel begins with its title"),
        (lambda p: Picture("A.", Panel("", figures.dot(1, 1, colour="red"))), ValueError, "choose one of blue, verm"),
        (lambda p: Picture("A.", Panel("", figures.line([1], [1, 2]))), ValueError, r"shapes x \(1,\), y \(2,\)"),
        (lambda p: Picture("A.", Panel("", figures.bars([1, 2]))), ValueError, r"pass dict\(zip\(names, values\)\)"),
        (lambda p: Picture(f"{1 / (p - 0.4)}", PANEL), ValueError, r"failed at p = 0\.4: ZeroDivisionError"),
        (lambda p: Picture("A.", *[PANEL] * (1 + (p > 0.5))), ValueError, r"at p = 0\.6 has 2 panels instead of 1"),
        (lambda p: Picture("A.", Panel("", x=(0, p), y=(0, 1))), ValueError, r"would jump: give the same"),
        (
            lambda p: Picture("A.", Panel("T", figures.bars(dict.fromkeys(range(int(10 * p)), 1)))),
            ValueError,
r"Panel 'T' has the limits .* at p = 0\.4 instead of .*or bars, also of length 0",
        ),
    ],
)  # fmt: skip
def test_pictures_that_would_not_be_drawn_are_refused(picture, error, message):
    with pytest.raises(error, match=message):
        Explorer(picture, p=P)


def test_limits_that_cannot_be_found_are_asked_for(monkeypatch):
    monkeypatch.setattr(explorer, "AHEAD_LIMIT", 3)
    with pytest.raises(ValueError, match=r"give each panel its limits, as in Panel\('Loss', ..., x=\(0, 40\)"):
        Explorer(cost, p=P)
