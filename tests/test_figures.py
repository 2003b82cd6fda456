"""The palette, the themed SVG and the static figures."""

import base64
import io
import itertools
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import confusion_matrix

from lessonlib import figures
from lessonlib.calibration import reliability
from lessonlib.figures import Panel, Picture
from lessonlib.runs import Run


def _linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, such as "#ffffff", as WCAG 2 defines it."""
    low, high = sorted(float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.array(to_xyz) @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Machado, Oliveira and Fernandes (2009), full severity.
SIGHT = {
    "usual": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.fixture
def figure() -> Figure:
    with figures.style():
        fig = Figure(figsize=(4, 3))
        ax = fig.subplots()
        ax.plot([0, 1], [0, 1], label="a < b & 'c'")
        ax.bar([0.5], [0.5], color=figures.PALETTE["purple"], hatch="//")
        ax.text(0.5, 0.5, '<img src="x" onerror="alert(1)">')
        ax.legend()
    return fig


@pytest.mark.parametrize(
    ("theme", "name"), list(itertools.product((figures.LIGHT, figures.DARK), (*figures.PALETTE, "ink")))
)
def test_every_colour_can_be_text_in_both_themes(theme, name):
    assert contrast(theme[name], theme["paper"]) >= 4.5


@pytest.mark.parametrize("theme", [figures.LIGHT, figures.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_series_colours_stay_apart_for_every_kind_of_sight(theme, sight):
    names = [name for name in figures.PALETTE if name != "grey"]  # grey is for what stands back
    seen = [_lab(np.array(SIGHT[sight]) @ _linear(theme[name])) for name in names]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def test_every_colour_has_its_own_second_cue():
    for cue in (figures.LINE_STYLES, figures.MARKERS, figures.HATCHES):
        assert cue.keys() == figures.PALETTE.keys()
        assert len({str(value) for value in cue.values()}) == len(cue)


def test_style_cycles_colour_and_line_style_and_leaves_no_trace():
    before = mpl.rcParams.copy()
    with figures.style():
        lines = Figure().subplots().plot(np.eye(4))
    assert [line.get_color() for line in lines] == list(figures.PALETTE.values())[:4]
    assert len({line.get_linestyle() for line in lines}) == 4
    assert mpl.rcParams == before


def test_both_themes_define_the_same_variables():
    assert figures.LIGHT.keys() == figures.DARK.keys()
    css = figures.theme_css()
    assert all(f"--lesson-{name}:{theme[name]}" in css for theme in (figures.LIGHT, figures.DARK) for name in theme)


def test_svg_has_variables_for_all_colours(figure):
    svg = figures.svg_content(figure, [figure])
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", svg)
    for name in ("blue", "purple", "ink", "grid", "paper"):
        assert f"var(--lesson-{name})" in svg


def test_svg_escapes_text_and_is_well_formed(figure):
    svg = figures.svg_content(figure, [figure])
    assert "<img" not in svg
    root = ElementTree.fromstring(f"<svg>{svg}</svg>")
    texts = [element.text for element in root.iter("text")]
    assert '<img src="x" onerror="alert(1)">' in texts
    assert "a < b & 'c'" in texts


def test_svg_is_deterministic_and_every_reference_has_its_target(figure):
    svg = figures.svg_content(figure, [figure])
    assert svg == figures.svg_content(figure, [figure])
    ids = set(re.findall(r' id="([^"]*)"', svg))
    references = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg))
    assert references
    assert {a or b for a, b in references} <= ids
    assert all(name.startswith(figures.ID_PREFIX) for name in ids)


def test_numbers_in_text_are_not_rounded():
    with figures.style():
        fig = Figure()
        text = fig.text(0.123456, 0.5, ' d="0.123456789" #0072b2')
        svg = figures.svg_content(fig, [text])
    assert ' d="0.123456789" #0072b2</text>' in svg
    assert re.search(r' x="[\d.]*"', svg).group() == ' x="56.89"'


def test_nothing_in_the_svg_styles_the_page(figure):
    assert "<style" not in figures.svg_content(figure, [figure])


def test_png_is_small_and_a_picture(figure):
    png = figures.png_bytes(figure)
    assert Image.open(io.BytesIO(png)).size == (400, 300)
    assert len(png) < 20_000


def test_static_bundle_carries_the_alt_text_everywhere(figure, monkeypatch):
    monkeypatch.delenv("LESSONLIB_STATIC", raising=False)
    bundle = figures.static_bundle(figure, 'Loss < 1 & "falling".')
    assert bundle["text/plain"] == 'Loss < 1 & "falling".'
    assert 'alt="Loss &lt; 1 &amp; &quot;falling&quot;."' in bundle["text/html"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_static_export_shows_themed_svg(figure, monkeypatch):
    monkeypatch.setenv("LESSONLIB_STATIC", "1")
    html = figures.static_bundle(figure, "Loss & accuracy.")["text/html"]
    assert 'role="img" aria-label="Loss &amp; accuracy."' in html
    assert "var(--lesson-blue)" in html
    assert figures.ID_PREFIX not in html


def test_show_displays_a_picture_once_with_its_sentence_and_closes_the_figure(monkeypatch):
    import IPython.display as display
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr(display, "display", lambda bundle, raw: shown.append((bundle, raw)))
    fig = plt.figure()
    figures.show(Picture("  A picture\n of nothing.  ", figure=fig))
    figures.show(Picture("A level.", Panel("Loss", figures.level(0.7, "ln 2"))))
    assert not plt.fignum_exists(fig.number)
    assert [(bundle["text/plain"], raw) for bundle, raw in shown] == [
        ("A picture of nothing.", True),
        ("A level.", True),
    ]


@pytest.mark.parametrize("said", ["", "  \n", None, 3])
def test_a_picture_without_a_sentence_is_refused(said):
    with pytest.raises(ValueError, match="begins with one sentence"):
        Picture(said, Panel("Loss"))


# ---- marks and panels --------------------------------------------------------------------------------


def drawn(*marks, **options):
    """Return the axes of a panel with these marks."""
    [ax] = figures.draw(Picture("A picture.", Panel("title", *marks, **options))).axes
    return ax


@pytest.mark.parametrize(
    ("x", "options", "side"),
    [
        (0.2, {"x": (0, 1)}, "left"),
        (0.9, {"x": (0, 1)}, "right"),
        (0.5, {"x": (0.01, 100), "xscale": "log"}, "left"),  # of the middle, which is 1
    ],
)
def test_the_words_of_a_dot_stand_where_there_is_room(x, options, side):
    [words] = drawn(figures.dot(x, 1, "here"), **options).texts
    assert (words.get_text(), words.xy, words.get_ha()) == ("here", (x, 1), side)


def test_words_that_a_line_may_cross_stand_on_paper():
    for one in (figures.dot(0, 1, "here"), figures.level(1, "there")):
        assert to_hex(drawn(one).texts[0].get_bbox_patch().get_facecolor()) == figures.PAPER


def test_bars_show_names_values_and_a_second_cue():
    ax = drawn(figures.bars({"a": 0.25, "b": 0.75}, right=[True, False], most=1))
    good, bad = ax.patches
    assert (good.get_width(), bad.get_width()) == (0.25, 0.75)
    assert good.get_facecolor() != bad.get_facecolor()
    assert good.get_hatch() != bad.get_hatch()
    assert [words.get_text() for words in ax.texts] == ["0.25", "0.75"]
    assert [words.get_text() for words in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > 1


def test_signed_bars_tell_what_adds_from_what_takes_away():
    ax = drawn(figures.signed_bars({"one": -0.5, "two": 1.5}, texts=["-0.5 (3)", "+1.5 (4)"]))
    assert [bar.get_hatch() for bar in ax.patches] == [figures.HATCHES["blue"], figures.HATCHES["vermilion"]]
    assert [words.xy for words in ax.texts] == [(0, 0), (1.5, 1)]
    assert ax.get_xlim()[0] < -0.5


def test_a_band_covers_the_error_either_way_and_the_limits_hold_it():
    ax = drawn(figures.band([1, 2, 3], [1, 2, 3], [0.1, 0.2, 0.3], label="validation"))
    y = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (y.min(), y.max()) == (pytest.approx(0.9), pytest.approx(3.3))
    assert ax.get_ylim()[0] < 0.9 < 3.3 < ax.get_ylim()[1]
    assert [words.get_text() for words in ax.get_legend().get_texts()] == ["validation"]


def test_rows_of_a_table_are_true_classes_and_columns_answers_from_top_left():
    ax = drawn(figures.table(confusion_matrix([0, 0, 0, 1], [0, 0, 1, 0]), ["negative", "positive"]))
    assert {words.get_position(): words.get_text() for words in ax.texts} == {
        (0, 0): "2", (1, 0): "1", (0, 1): "1", (1, 1): "0",
    }  # fmt: skip
    assert ax.get_ylim()[1] < 0 < ax.get_ylim()[0], "the first class stands at the top"
    right, wrong = ax.patches[:2]
    assert right.get_hatch() != wrong.get_hatch()


def test_a_reliability_diagram_shows_filled_bins_and_their_distance_to_the_diagonal():
    bins = reliability([0, 0, 1], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], n_bins=10)
    ax = drawn(figures.reliability(bins))
    filled = bins.counts > 0
    points = np.column_stack([bins.confidence, bins.accuracy])[filled]
    np.testing.assert_array_equal(ax.lines[-1].get_xydata(), points)
    gaps = np.array([segment[:, 1] for segment in ax.collections[0].get_segments()])
    np.testing.assert_allclose(np.abs(np.diff(gaps).ravel()), np.abs(points[:, 0] - points[:, 1]))


def test_the_other_marks_stand_where_they_are_told():
    ax = drawn(
        figures.stairs([0, 0.5, 1], [0.2, 0.8], "vermilion"), figures.span(0.2, 0.6, "either", "green"),
        figures.upright(0.4), figures.points([0.1], [0.3], "purple"), figures.text(0.5, 0.5, "middle"),
        figures.area([0, 1], [0, 0], [1, 1]),
    )  # fmt: skip
    assert ax.patches[0].get_data().values.tolist() == [0.2, 0.8]
    assert (ax.patches[1].get_x(), ax.patches[1].get_width()) == (0.2, pytest.approx(0.4))
    assert ax.lines[0].get_xdata() == [0.4, 0.4]
    assert ax.lines[1].get_marker() == figures.MARKERS["purple"]
    assert ax.texts[-1].get_position() == (0.5, 0.5)


def test_ticks_say_what_they_are_told_and_limits_follow_a_logarithm():
    ax = drawn(figures.line([1, 100], [1, 2]), xscale="log", xticks={1: "one", 100: "many"}, y=(0, None))
    assert [words.get_text() for words in ax.get_xticklabels()] == ["one", "many"]
    assert 0.5 < ax.get_xlim()[0] < 1
    assert ax.get_ylim() == (0, pytest.approx(2.05))


def some_run(**provenance) -> Run:
    rng = np.random.default_rng(0)
    names = ("train_loss", "val_loss", "val_loss_se", "train_accuracy", "val_accuracy")
    return Run({name: rng.uniform(0.1, 0.9, 4) for name in names}, provenance=provenance)


def test_training_panels_name_both_sets_and_show_accuracy_in_per_cent():
    run = some_run(n_val=100)
    loss, accuracy = figures.draw(Picture("A run.", *figures.training_panels(run, epoch=3))).axes
    assert [words.get_text() for words in loss.get_legend().get_texts()] == ["training", "validation"]
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), 100 * run["val_accuracy"])
    assert (len(loss.collections), len(accuracy.collections)) == (1, 1), "a band each"
    assert loss.lines[2].get_xydata().tolist() == [[3, run["val_loss"][2]]]


def test_training_panels_judged_otherwise_have_no_band_of_the_runs_own():
    loss, _ = figures.draw(Picture("A run.", *figures.training_panels(some_run(), val_loss=np.ones(4)))).axes
    assert loss.lines[1].get_ydata().tolist() == [1, 1, 1, 1]
    assert len(loss.collections) == 0
