"""The explorer without a browser: what is drawn, what is sent, what is refused."""

import json
import math
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
from matplotlib.figure import Figure

from lessonlib import explorer, figures
from lessonlib.explorer import Explorer


def setup(fig):
    ax = fig.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 5))
    ax.plot([0, 1], [5, 0], color=figures.PALETTE["green"])
    return {"dot": ax.plot([], [], "o", color=figures.PALETTE["vermilion"])[0], "text": ax.text(0.5, 4, "")}


def update(artists, p, k=2):
    loss = -math.log(p)
    artists["dot"].set_data([p], [loss])
    artists["text"].set_text(f"<b>{k}</b> & {p:.1f}")
    return f"At p = {p:.1f} and k = {k} the loss is {loss:.3f}."


P = [0.2, 0.4, 0.6, 0.8]


@pytest.fixture(autouse=True)
def _live(monkeypatch):
    monkeypatch.delenv("LESSONLIB_STATIC", raising=False)


@pytest.fixture
def made() -> Explorer:
    return Explorer(setup, update, p=P, k=[2, 3, 10], start={"p": 0.6}, labels={"p": "probability <p>"}, title="A & B")


def page_data(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL).group(1))


# ---- drawing ---------------------------------------------------------------------------------------


def test_each_position_has_its_own_picture_and_sentence(made):
    frames = made.answer({"want": list(range(12))})
    while len(frames) < 12:
        frames += made.answer({"want": list(range(len(frames), 12))})
    assert len({svg for _, svg, _ in frames}) == 12
    # The last slider counts fastest: the browser computes the same number.
    assert frames[7][2] == "At p = 0.6 and k = 3 the loss is 0.511."


def test_background_holds_what_stays_and_frames_what_moves(made):
    background, [(_, frame, _)] = made.picture.picture["background"], made.answer({"want": [0]})
    assert "var(--lesson-green)" in background
    assert "var(--lesson-vermilion)" not in background
    assert "var(--lesson-vermilion)" in frame
    assert "var(--lesson-green)" not in frame
    assert len(frame) < 4000


def test_frames_escape_text_and_have_variables_for_all_colours(made):
    for markup in (made.picture.picture["background"], made.answer({"want": [0]})[0][1]):
        assert not re.findall(r"#[0-9a-f]{6}\b", markup)
        assert "<b>" not in markup
        ElementTree.fromstring(f"<svg>{markup}</svg>")


def test_frames_are_deterministic_and_independent_of_order():
    one, other = (Explorer(setup, update, p=P) for _ in range(2))
    forward = [one._frame(i) for i in range(4)]
    backward = [other._frame(i) for i in reversed(range(4))][::-1]
    assert forward == backward
    assert one._background == other._background


def test_moving_artists_may_be_nested_anyhow():
    def nested(fig):
        ax = fig.subplots()
        ax.set(xlim=(0, 1), ylim=(0, 1))
        bars = ax.bar([0.2, 0.4], [0, 0], color=figures.PALETTE["purple"])
        return SimpleNamespace(inner=[{"bars": bars}, (ax.text(0, 0, ""), 3, "x", None, np.zeros(3))])

    def move(artists, p):
        for bar in artists.inner[0]["bars"]:
            bar.set_height(p)
        return f"The bars are {p:.1f} high."

    made = Explorer(nested, move, p=P)
    assert made._frame(0)[0].count("var(--lesson-purple)") == 2
    assert made._frame(0)[0] != made._frame(1)[0]


def test_a_moving_axes_is_drawn_whole_and_once():
    def whole(fig):
        ax = fig.subplots()
        return {"ax": ax, "line": ax.plot([0, 1], [0, 1])[0]}

    def redraw(artists, p):
        artists["ax"].set_xlim(0, p)
        return f"The axis ends at {p:.1f}."

    made = Explorer(whole, redraw, p=P)
    assert made._frame(0)[0] != made._frame(3)[0]
    assert made._frame(0)[0].count("stroke: var(--lesson-blue)") == 1


@pytest.mark.parametrize("returned", ["locals", "fig"])
def test_a_moving_figure_is_drawn_whole_and_once(returned):
    """What `return fig` and `return locals()` give."""

    def whole(fig):
        ax = fig.subplots()
        (line,) = ax.plot([0, 1], [0, 1])
        return fig if returned == "fig" else {"fig": fig, "ax": ax, "line": line}

    def redraw(artists, p):
        (artists if returned == "fig" else artists["fig"]).axes[0].set_xlim(0, p)
        return f"The axis ends at {p:.1f}."

    made = Explorer(whole, redraw, p=P)
    assert made._frame(0)[0] != made._frame(3)[0]
    assert made._frame(0)[0].count("stroke: var(--lesson-blue)") == 1


def test_artists_of_a_subfigure_move():
    def halves(fig):
        ax = fig.subfigures(1, 2)[1].subplots()
        ax.set(xlim=(0, 1), ylim=(0, 1))
        return ax.plot([0, 1], [0, 1])[0]

    def tilt(line, p):
        line.set_ydata([0, p])
        return f"The line ends at {p:.1f}."

    assert len({Explorer(halves, tilt, p=P)._frame(i) for i in range(4)}) == 4


def test_artists_replaced_by_update_are_drawn():
    def prepare(fig):
        ax = fig.subplots()
        ax.set(xlim=(0, 1), ylim=(0, 1))
        return {"ax": SimpleNamespace(), "band": ax.fill_between([0, 1], 0, 1), "of": [ax.title]}

    def refill(artists, p):
        ax = artists["of"][0].axes
        artists["band"].remove()
        artists["band"] = ax.fill_between([0, 1], 0, p, color=figures.PALETTE["purple"])
        return f"The band is {p:.1f} high."

    made = Explorer(prepare, refill, p=P)
    assert len({made._frame(i)[0] for i in range(4)}) == 4
    assert "lesson-purple" in made._frame(2)[0]


def test_what_moves_is_drawn_in_the_order_of_zorder():
    def stacked(fig):
        ax = fig.subplots()
        ax.set(xlim=(0, 1), ylim=(0, 1))
        return [ax.text(0, 0, "upper", zorder=9), ax.text(0, 0, "lower", zorder=1)]

    svg, _ = Explorer(stacked, lambda artists, p: "Two words.", p=P)._frame(0)
    assert svg.index("lower") < svg.index("upper")


def test_limits_left_to_matplotlib_are_settled_by_setup():
    def bars(fig):
        return fig.subplots().bar([0, 1, 2], [1, 2, 3])

    made = Explorer(bars, lambda artists, p: "Three bars.", p=P)
    low, high = made._figure.axes[0].get_xlim()
    assert low < -0.4 < 2.4 < high


# ---- sliders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("positions", "kind", "texts"),
    [
        ([1, 2, 3], ipywidgets.IntSlider, ["1", "2", "3"]),
        (range(0, 30, 10), ipywidgets.IntSlider, ["0", "10", "20"]),
        (np.arange(1, 4), ipywidgets.IntSlider, ["1", "2", "3"]),
        (np.linspace(0, 1, 5), ipywidgets.FloatSlider, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (np.linspace(0, 1, 4), ipywidgets.FloatSlider, ["0.00", "0.33", "0.67", "1.00"]),
        ([1e-4, 2e-4], ipywidgets.FloatSlider, ["0.0001", "0.0002"]),
        ([0, 0.5, 1], ipywidgets.FloatSlider, ["0.0", "0.5", "1.0"]),
        ([-0.1, -1e-17, 0.1], ipywidgets.FloatSlider, ["-0.1", "0.0", "0.1"]),  # rounding errors of np.linspace
        ([2, 3, 10], ipywidgets.SelectionSlider, ["2", "3", "10"]),
        ([3, 2, 1], ipywidgets.SelectionSlider, ["3", "2", "1"]),
        (["none", "dropout"], ipywidgets.SelectionSlider, ["none", "dropout"]),
        ([0.1, 1.0, 10.0], ipywidgets.SelectionSlider, ["0.1", "1.0", "10.0"]),
        ([False, True], ipywidgets.Checkbox, ["off", "on"]),
    ],
)
def test_the_positions_choose_the_control(positions, kind, texts):
    made = Explorer(lambda fig: fig.text(0, 0, ""), lambda artists, q: f"Now {q}.", q=positions)
    [control] = made.controls
    assert type(control) is kind
    [axis] = made.picture.axes
    assert axis["labels"] == texts
    assert made.n_positions == len(texts)


@pytest.mark.parametrize("positions", [np.linspace(0.05, 0.95, 19), np.arange(-3, 12, 3), [2, 3, 10], [False, True]])
def test_every_value_of_a_control_finds_its_position(positions):
    """The browser's arithmetic, in Python."""
    made = Explorer(lambda fig: fig.text(0, 0, ""), lambda artists, q: f"Now {q}.", q=positions)
    [axis], [slider] = made.picture.axes, made.sliders
    values = slider.positions if slider.kind in ("int", "float", "checkbox") else range(len(slider.positions))
    digits = [round((float(value) - axis["start"]) / axis["step"]) for value in values]
    assert digits == list(range(len(slider.positions)))


def test_start_and_labels(made):
    p, k = made.controls
    assert (p.value, k.index) == (0.6, 0)
    assert (p.description, k.description) == ("probability <p>", "k")
    assert (made.picture.slider_0, made.picture.slider_1) == (0.6, 0)
    assert repr(made) == "At p = 0.6 and k = 2 the loss is 0.511."


def test_the_label_of_a_checkbox_takes_no_room_from_the_sliders():
    labels = {"tick": "a long label, which stands behind its box"}
    made = Explorer(setup, lambda artists, p, tick: "Both.", p=P, tick=[False, True], labels=labels)
    assert made.controls[0].style.description_width == Explorer(setup, update, p=P).controls[0].style.description_width


def test_sliders_are_linked_in_the_browser(made):
    picture = made.picture
    links = [link.get_state() for link in made._links]
    assert all(state["_model_name"] == "LinkModel" for state in links)
    assert [link.source[1] for link in made._links] == ["value", "index"]
    assert [link.target for link in made._links] == [(picture, "slider_0"), (picture, "slider_1")]


# ---- what is sent, and when ------------------------------------------------------------------------


def test_cheap_frames_are_all_sent_at_once(made, monkeypatch):
    assert len(made.picture.frames) == 12


def test_dear_frames_are_fetched_ahead(monkeypatch):
    monkeypatch.setattr(explorer, "EAGER_SECONDS", 0)
    made = Explorer(setup, update, p=np.linspace(0.1, 0.9, 81), start={"p": 0.5})
    sent = [index for index, *_ in made.picture.frames]
    assert len(sent) == explorer.EAGER_FRAMES + 1
    assert max(abs(index - 40) for index in sent) <= explorer.EAGER_FRAMES
    assert made.picture.ahead is True


def test_large_frames_are_fetched_ahead(monkeypatch):
    monkeypatch.setattr(explorer, "EAGER_BYTES", 3000)
    assert len(Explorer(setup, update, p=np.linspace(0.1, 0.9, 81)).picture.frames) < 81


def test_too_many_positions_are_drawn_on_demand_only(monkeypatch):
    monkeypatch.setattr(explorer, "AHEAD_LIMIT", 50)
    made = Explorer(setup, update, p=np.linspace(0.1, 0.9, 81))
    assert made.picture.ahead is False
    assert len(made.picture.frames) == explorer.EAGER_FRAMES + 1
    with pytest.raises(ValueError, match="81 pictures are too many"):
        made.to_html()


def test_the_kernel_answers_a_message_with_the_frames_asked_for(made, monkeypatch):
    sent = []
    monkeypatch.setattr(made.picture, "send", lambda content, buffers=None: sent.append(content))
    made.picture._handle_custom_msg({"want": [3]}, [])
    [[index, svg, sentence]] = sent[0]["frames"]
    assert (index, sentence) == (3, "At p = 0.4 and k = 2 the loss is 0.916.")
    assert svg.startswith("<g")


def test_one_message_never_takes_the_kernel_for_long(monkeypatch):
    def slowly(artists, p):
        time.sleep(0.002)
        return update(artists, p)

    monkeypatch.setattr(explorer, "EAGER_SECONDS", 0)
    monkeypatch.setattr(explorer, "ANSWER_SECONDS", 0)
    made = Explorer(setup, slowly, p=np.linspace(0.1, 0.9, 81))
    assert [index for index, *_ in made.answer({"want": [50, 51, 52]})] == [50]


@pytest.mark.parametrize("content", [{}, {"want": []}, {"want": [-1, 12, "3", None, 2.5]}])
def test_nonsense_from_the_browser_is_ignored(made, content):
    assert made.answer(content) == []


def test_a_late_error_is_told_in_the_status_line(monkeypatch):
    def fails(artists, p):
        if p > 0.7:
            raise ZeroDivisionError("no <class>")
        return update(artists, p)

    monkeypatch.setattr(explorer, "EAGER_SECONDS", 0)
    made = Explorer(setup, fails, p=np.linspace(0.1, 0.9, 81))
    [[index, svg, sentence]] = made.answer({"want": [80]})
    assert (index, svg) == (80, "")
    assert "ZeroDivisionError: no <class>" in sentence
    assert "p = 0.9" in sentence


# ---- what is stored --------------------------------------------------------------------------------


def test_mimebundle_has_widget_picture_and_sentence(made):
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert bundle["text/plain"] == "At p = 0.6 and k = 2 the loss is 0.511."
    assert len(bundle["image/png"]) < 40_000


def test_the_stand_in_shows_the_start_whatever_was_drawn_last(made):
    before = made._repr_mimebundle_()["image/png"]
    made._frames.clear()
    made.answer({"want": [0]})
    assert made._repr_mimebundle_()["image/png"] == before


def test_static_mode_gives_a_page_and_makes_no_widget(made, monkeypatch):
    monkeypatch.setenv("LESSONLIB_STATIC", "1")
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "picture" not in vars(made)
    data = page_data(bundle["text/html"])
    assert len(data["frames"]) == 12
    assert data["frames"][7][1] == "At p = 0.6 and k = 3 the loss is 0.511."


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
    made = Explorer(lambda fig: fig.text(0, 0, evil), lambda artists, q: f"Now {q}.", q=[evil, "b"], title=evil)
    html = made.to_html()
    assert html.count("<script") == 2
    assert html.count("</script>") == 2
    assert page_data(html)["axes"][0]["labels"] == [evil, "b"]


def test_native_controls_fit_the_positions():
    def say(artists, **values):
        return "Four controls."

    made = Explorer(lambda fig: fig.text(0, 0, ""), say, a=[1, 2], b=["x", "y"], c=[False, True], d=[2, 3, 10])
    html = made.to_html()
    assert [html.count(kind) for kind in ('type="range"', "<select", 'type="checkbox"')] == [2, 1, 1]
    assert html.count("<label>") == 4


def test_importing_the_package_imports_neither_matplotlib_nor_widgets():
    code = "import sys, lessonlib; sys.exit(any(name in sys.modules for name in ('matplotlib', 'ipywidgets')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("positions", "error", "message"),
    [
        ([], ValueError, r"p has 0 position"),
        ([0.5], ValueError, r"p has 1 position"),
        ([0.1, 0.2, 0.1], ValueError, r"Position 0\.1 of p occurs twice"),
        ([0.1, math.nan], ValueError, r"Position 1 of p is nan: leave it out"),
        ([0.1, math.inf], ValueError, r"Position 1 of p is inf"),
        ([0.1, None], TypeError, r"Position 1 of p is None"),
        (0.5, TypeError, r"positions of p must be a list"),
        ("abc", TypeError, r"positions of p must be a list"),
        ({0.1, 0.2}, TypeError, r"positions of p must be a list"),
        (np.eye(2), TypeError, r"Position 0 of p is array"),
    ],
)
def test_bad_positions_are_named(positions, error, message):
    with pytest.raises(error, match=message):
        Explorer(setup, update, p=positions)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": {"p": 0.5}}, ValueError, r"start puts p at 0\.5, which is not among its positions 0\.2, 0\.4"),
        ({"start": {"p": None}}, ValueError, r"start puts p at None"),
        ({"start": {"p": [0.2]}}, ValueError, r"start puts p at \[0\.2\]"),
        ({"start": {"p": np.eye(2)}}, ValueError, r"start puts p at array"),
        ({"start": {"q": 0.5}}, ValueError, r"start names 'q', but the sliders are p"),
        ({"labels": {"q": "x"}}, ValueError, r"labels names 'q'"),
        ({"title": [1, 2]}, TypeError, r"title is an option of Explorer"),
        ({"start": [1, 2]}, TypeError, r"start is an option"),
        ({"labels": ["a", "b"]}, TypeError, r"labels is an option"),
        ({"figsize": [1, 2, 3]}, TypeError, r"figsize is an option"),
        ({"q": [1, 2]}, TypeError, r"define it as update\(artists, p, q\)"),
        ({"a": P, "b": P, "c": P, "d": P}, ValueError, r"1 to 4 sliders, got 5"),
    ],
)
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        Explorer(setup, update, p=P, **options)


def test_an_explorer_needs_a_slider():
    with pytest.raises(ValueError, match="1 to 4 sliders, got 0"):
        Explorer(setup, update)


@pytest.mark.parametrize(
    ("said", "error"), [(None, TypeError), (3.5, TypeError), ("", ValueError), (" \n", ValueError)]
)
def test_update_must_return_a_sentence(said, error):
    with pytest.raises(error, match=r"update \(at p = 0\.2\) must give one sentence"):
        Explorer(setup, lambda artists, p: said, p=P)


def test_an_error_in_update_names_the_position():
    with pytest.raises(ValueError, match=r"update failed at p = 0\.4: ZeroDivisionError"):
        Explorer(setup, lambda artists, p: f"{1 / (p - 0.4)}", p=P)


@pytest.mark.parametrize("returned", [None, 3, "dot", {}, []])
def test_setup_must_return_what_moves(returned):
    with pytest.raises(TypeError, match="which holds no artist: return what moves"):
        Explorer(lambda fig: returned, lambda artists, p: "Nothing.", p=P)


def test_an_error_in_setup_is_shown_as_it_is():
    with pytest.raises(ZeroDivisionError):
        Explorer(lambda fig: 1 / 0, update, p=P)


def test_artists_of_another_figure_are_refused():
    other = Figure().subplots().plot([1], [1])
    with pytest.raises(ValueError, match="not part of the figure that setup was given"):
        Explorer(lambda fig: other, lambda artists, p: "Elsewhere.", p=P)


def test_limits_changed_by_update_are_refused():
    def widen(artists, p):
        artists["dot"].axes.set_xlim(0, p)
        return "Wider."

    with pytest.raises(ValueError, match="set the limits in setup"):
        Explorer(setup, widen, p=P)
