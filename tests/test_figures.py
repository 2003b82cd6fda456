"""The palette, the themed SVG and the static figures."""

import base64
import io
import itertools
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lessonlib import figures


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
    svg = figures.svg_content(figure, [figure], salt="s")
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", svg)
    for name in ("blue", "purple", "ink", "grid", "paper"):
        assert f"var(--lesson-{name})" in svg


def test_svg_escapes_text_and_is_well_formed(figure):
    svg = figures.svg_content(figure, [figure], salt="s")
    assert "<img" not in svg
    root = ElementTree.fromstring(f"<svg>{svg}</svg>")
    texts = [element.text for element in root.iter("text")]
    assert '<img src="x" onerror="alert(1)">' in texts
    assert "a < b & 'c'" in texts


def test_svg_is_deterministic_and_every_reference_has_its_target(figure):
    svg = figures.svg_content(figure, [figure], salt="s")
    assert svg == figures.svg_content(figure, [figure], salt="s")
    ids = set(re.findall(r' id="([^"]*)"', svg))
    references = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg))
    assert references
    assert {a or b for a, b in references} <= ids
    assert all(name.startswith(figures.ID_PREFIX) for name in ids)


def test_numbers_in_text_are_not_rounded():
    with figures.style():
        fig = Figure()
        text = fig.text(0.123456, 0.5, ' d="0.123456789" #0072b2')
        svg = figures.svg_content(fig, [text], salt="s")
    assert ' d="0.123456789" #0072b2</text>' in svg
    assert re.search(r' x="[\d.]*"', svg).group() == ' x="56.89"'


def test_nothing_in_the_svg_styles_the_page(figure):
    assert "<style" not in figures.svg_content(figure, [figure], salt="s")


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


def test_show_displays_once_and_closes_the_figure(monkeypatch):
    import IPython.display as display
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr(display, "display", lambda bundle, raw: shown.append((bundle, raw)))
    fig = plt.figure()
    figures.show(fig, "  A picture\n of nothing.  ")
    assert not plt.fignum_exists(fig.number)
    [(bundle, raw)] = shown
    assert raw
    assert bundle["text/plain"] == "A picture of nothing."


@pytest.mark.parametrize(("alt", "error"), [("", ValueError), ("  \n", ValueError), (None, TypeError), (3, TypeError)])
def test_show_refuses_a_figure_without_alt_text(figure, alt, error):
    with pytest.raises(error, match="alt must give one sentence"):
        figures.show(figure, alt)
