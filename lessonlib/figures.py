"""How the course's pictures look: one palette, a light and a dark theme, alt text on every figure.

Colour is never the only cue: each palette colour has its own line style, marker and hatch, and
`style` cycles colour and line style together. Pictures drawn as SVG name the palette's colours as
CSS variables, so that they follow the page's theme. Every colour reaches a contrast of 4.5 on its
background in both themes, so that each may be used for text.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from PIL import Image  # matplotlib depends on it

from lessonlib.page import static_export

#: Colours of series, after Okabe and Ito, darkened until they can be read as text on white.
PALETTE = {"blue": "#0072b2", "vermilion": "#b84f00", "green": "#005a42", "purple": "#a8417c", "grey": "#666666"}
#: The second cue, for the same names.
LINE_STYLES = {"blue": "-", "vermilion": "--", "green": "-.", "purple": ":", "grey": (0, (6, 1.5, 1, 1.5, 1, 1.5))}
MARKERS = {"blue": "o", "vermilion": "s", "green": "^", "purple": "D", "grey": "x"}
HATCHES = {"blue": "", "vermilion": "//", "green": "..", "purple": "xx", "grey": "--"}
#: Text and axes, grid lines, background.
INK, GRID, PAPER = "#222222", "#d9d9d9", "#ffffff"

LIGHT = {**PALETTE, "ink": INK, "grid": GRID, "paper": PAPER}
DARK = {
    "blue": "#3fa7ee",
    "vermilion": "#ff7d2a",
    "green": "#1fd6a5",
    "purple": "#e07fb6",
    "grey": "#a8a8a8",
    "ink": "#e8e8e8",
    "grid": "#3d3d3d",
    "paper": "#111111",
}

#: Ids in the SVG begin with this; whoever puts the SVG on a page replaces it by something unique there.
ID_PREFIX = "lesson-id-"

_VARIABLES = {colour: f"var(--lesson-{name})" for name, colour in LIGHT.items()}
_VARIABLES |= {"#000000": "var(--lesson-ink)"}

_RC = {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "legend.edgecolor": GRID,
    "lines.color": PALETTE["blue"],
    "patch.facecolor": PALETTE["blue"],
    "hatch.color": PAPER,
    "axes.prop_cycle": cycler(color=list(PALETTE.values())) + cycler(linestyle=list(LINE_STYLES.values())),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": "medium",
    "lines.linewidth": 2.0,
    "lines.markersize": 7.0,
    "font.family": ["DejaVu Sans"],
    "svg.fonttype": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the course's style within this context: palette, second cues, quiet axes.

    Examples
    --------
    >>> with style():
    ...     figure = Figure(figsize=(4, 3))
    ...     lines = figure.subplots().plot([1, 2], [[1, 3], [2, 1]])
    >>> [line.get_linestyle() for line in lines]
    ['-', '--']
    """
    with mpl.rc_context(_RC):
        yield


def theme_css() -> str:
    """Return the CSS that gives ``.lesson-figure`` the palette as variables, light or dark like its page.

    The page's own word comes first (JupyterLab and exported notebooks, VS Code, Colab, Sphinx); a page
    that says nothing follows the reader's system setting.
    """
    light, dark = ("".join(f"--lesson-{name}:{colour};" for name, colour in theme.items()) for theme in (LIGHT, DARK))
    says_light = "[data-jp-theme-light=true], [data-theme=light], [theme=light], .vscode-light"
    says_dark = "[data-jp-theme-light=false], [data-theme=dark], [theme=dark], .vscode-dark"
    return (
        f".lesson-figure {{{light}}}\n"
        f"@media (prefers-color-scheme: dark) {{ .lesson-figure {{{dark}}} }}\n"
        f":is({says_light}) .lesson-figure {{{light}}}\n"
        f":is({says_dark}) .lesson-figure {{{dark}}}\n"
        '.lesson-figure svg {display:block; font-family:"DejaVu Sans",Verdana,sans-serif; '
        "stroke-linejoin:round; stroke-linecap:butt; fill:var(--lesson-ink)}\n"
    )


def svg_content(fig: Figure, artists: Iterable[Artist], *, salt: str) -> str:
    """Draw some artists of a figure as SVG elements, without the ``<svg>`` around them.

    Parameters
    ----------
    fig : Figure
        The figure the artists belong to, already laid out; pass it as the only artist to draw all of it.
    artists : iterable of Artist
        Drawn in this order.
    salt : str
        Ids are a hash of this and of what they name: equal input gives equal markup. Two contents that
        share a page must differ in salt or in `ID_PREFIX`, which the page's author replaces.

    Returns
    -------
    str
        Themed markup in the coordinates of `svg_size`.
    """
    fig.dpi = 72  # the unit of the SVG backend is the point
    out = io.StringIO()
    with style(), mpl.rc_context({"svg.hashsalt": salt}):
        renderer = RendererSVG(*fig.get_size_inches() * 72, out, image_dpi=144)
        # What is written so far is the document's head, with a style rule that would leak into the page.
        start = out.tell()
        for artist in artists:
            artist.draw(renderer)
        renderer.finalize()
    body = out.getvalue()[start:].rpartition("</svg>")[0]
    return re.sub(r">\s+<", "><", re.sub(r"<[^>]*>", _themed_tag, body)).strip()


def svg_size(fig: Figure) -> dict[str, Any]:
    """Return the ``viewBox`` of a figure's `svg_content`, and the ``width`` in CSS pixels that it has at most."""
    width, height = fig.get_size_inches()
    return {"viewBox": f"0 0 {72 * width:g} {72 * height:g}", "width": round(96 * width)}


def svg_image(fig: Figure, content: str, alt: str) -> str:
    """Return `svg_content` of a figure as an ``<svg>`` of its own that says `alt`; its ids follow from the content."""
    size, unique = svg_size(fig), "f" + hashlib.sha256(content.encode()).hexdigest()[:8] + "-"
    return (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="{size["viewBox"]}" '
        f'style="width:100%;max-width:{size["width"]}px">{content.replace(ID_PREFIX, unique)}</svg>'
    )


def _themed_tag(match: re.Match[str]) -> str:
    """Rewrite one tag: palette colours as variables, ids with the prefix, coordinates to 1/100 point."""
    tag = match.group()
    if tag.startswith("<!"):  # a comment holding a formula's source
        return ""
    tag = tag.replace("xlink:href", "href")
    if tag.startswith("<g "):
        tag = re.sub(r' id="[^"]*"', "", tag)  # nothing refers to a group
    tag = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{ID_PREFIX}", tag)
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda colour: _VARIABLES.get(colour.group(), colour.group()), tag)
    tag = re.sub(r' transform="rotate\(-?0 [^"]*"', "", tag)
    tag = re.sub(r" ?font-family: 'DejaVu Sans';?", "", tag)  # said once, by theme_css
    return re.sub(r' (?:d|x|y)="[^"]*"', _rounded, tag)


def _rounded(match: re.Match[str]) -> str:
    short = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number.group()):.2f}".rstrip("0").rstrip("."), match.group())
    return re.sub(r"\s*\n\s*", " ", short)


def png_bytes(fig: Figure, *, dpi: int = 100) -> bytes:
    """Draw the figure as a PNG in the light theme, with at most 64 colours."""
    out = io.BytesIO()
    with style():
        FigureCanvasAgg(fig).print_figure(out, format="png", dpi=dpi)
    small = io.BytesIO()
    Image.open(out).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def static_bundle(fig: Figure, alt: str) -> dict[str, Any]:
    """Return the mimebundle of a figure that stands still: HTML with alt text, PNG, and the sentence.

    The HTML is an ``<img>``, which survives viewers that strip markup; with ``LESSONLIB_STATIC=1`` (an
    export to a page of our own) it is SVG that follows the page's theme.
    """
    png = base64.b64encode(png_bytes(fig)).decode("ascii")
    html = f'<img alt="{escape(alt)}" src="data:image/png;base64,{png}">'
    if static_export():
        with style():
            fig.draw_without_rendering()  # lets a layout engine do its work
        svg = svg_image(fig, svg_content(fig, [fig], salt="figure"), alt)
        html = f'<div class="lesson-figure"><style>{theme_css()}</style>{svg}</div>'
    return {"text/html": html, "image/png": png, "text/plain": alt}


def show(fig: Figure, alt: str) -> None:
    """Display a finished figure in the notebook together with its alt text.

    Parameters
    ----------
    fig : Figure
        Any matplotlib figure; best drawn within `style`. It is closed in pyplot, so that the notebook
        does not show it a second time.
    alt : str
        One or two sentences, made from the data, that tell what the picture shows.

    Raises
    ------
    ValueError
        If there is no alt text.
    """
    from IPython.display import display

    alt = sentence(alt, "alt")
    if pyplot := sys.modules.get("matplotlib.pyplot"):  # importing it would choose a backend for the learner
        pyplot.close(fig)
    display(static_bundle(fig, alt), raw=True)


def sentence(text: object, name: str) -> str:
    """Return `text` as one line, or refuse what cannot be read aloud.

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If it is empty.
    """
    remedy = f"{name} must give one sentence that says what the picture shows, such as f'At p = {{p:.2f}} ...'"
    if not isinstance(text, str):
        raise TypeError(f"{remedy}; got {text!r:.80}.")
    line = " ".join(text.split())
    if not line:
        raise ValueError(f"{remedy}; got the empty string {text!r:.80}.")
    return line
