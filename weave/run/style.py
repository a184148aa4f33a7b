"""How a figure looks: one SVG file that is right in the light and the dark scheme.

The code of the book uses matplotlib's own default colors, so it looks ordinary in a
reader's window. Here those colors become variables of a style sheet inside the SVG
file, whose values depend on the reader's color scheme. Nothing else is changed.
What an ordinary script may do to a figure, such as `tight_layout`, it may do here.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree

# name: (matplotlib's default, in light, in dark). The eight hues follow Okabe and Ito
# (2008, Color Universal Design), darkened or lightened to a contrast of at least 3:1
# with the paper, so that color-blind readers can tell them apart in both schemes.
COLORS = {
    "ink": ("#000000", "#1d2430", "#e4e8ee"),
    "paper": ("#ffffff", "#ffffff", "#14181f"),
    "muted": ("#808080", "#5f6b7a", "#9aa7b8"),
    "grid": ("#b0b0b0", "#cfd6df", "#3a4454"),
    "frame": ("#cccccc", "#cfd6df", "#3a4454"),
    "c0": ("#1f77b4", "#0067a5", "#5ab4f0"),
    "c1": ("#ff7f0e", "#c14f00", "#f5a04c"),
    "c2": ("#2ca02c", "#00805f", "#3ecfa0"),
    "c3": ("#d62728", "#b3264a", "#ff8aa5"),
    "c4": ("#9467bd", "#7a4fb0", "#c3a3f2"),
    "c5": ("#8c564b", "#80563a", "#d3a684"),
    "c6": ("#e377c2", "#a8438a", "#f09ad4"),
    "c7": ("#7f7f7f", "#5f6b7a", "#9aa7b8"),
}

STYLE: dict[str, Any] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.figsize": (6.0, 3.6),
    "font.size": 11.0,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "from-neurons-to-pytorch",
}

SAVE: dict[str, Any] = {
    "format": "svg",
    "transparent": True,
    "bbox_inches": "tight",
    "pad_inches": 0.06,
    "metadata": {"Date": None, "Creator": None, "Format": None, "Type": None},
}

METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.S)
DOCTYPE = re.compile(r"<!DOCTYPE.*?>\s*", re.S)
HEX = re.compile(r"#[0-9a-f]{6}\b")
LINK = re.compile(r"https?://|mailto:|#|data:image/(?:png|jpeg);")
COMMENT = re.compile(r"(<!--.*?-->)", re.S)
COORDINATE = re.compile(r"-?\d+\.\d{3,}")  # with digits beyond a hundredth of a point
PLACED = re.compile(r' (?:d|x|y)="[^"]*"')
STYLED = re.compile(r'style="[^"]*"')


def use() -> None:
    """Give the style to what this process draws from now on."""
    from matplotlib import style

    style.use(STYLE)
    # plt.show() at the end of a cell opens a window for the reader; here there is none.
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
    # Told where it takes longer than a second, which a busy machine decides.
    warnings.filterwarnings("ignore", 'Creating legend with loc="best" can be slow')


def draw(figure: Any) -> str:
    """A matplotlib figure as SVG, arranged unless its code has arranged it."""
    from matplotlib import style
    from matplotlib.gridspec import SubplotParams

    drawn = io.BytesIO()
    as_ever = vars(figure.subplotpars) == vars(SubplotParams())
    # A color bar has taken its place from the axes, which cannot be arranged again.
    bars = any(hasattr(axes, "_colorbar") for axes in figure.axes)
    if figure.get_layout_engine() is None and as_ever and not bars:
        figure.set_layout_engine("constrained")
    with style.context({key: each for key, each in STYLE.items() if "svg." in key}):
        figure.savefig(drawn, **SAVE)
    return recolor(drawn.getvalue().decode("utf-8"))


def wrong(svg: str) -> str:
    """Why a drawing must not be published, to follow "it", or nothing.

    Its links may lead to pages; an image inside it must hold its own bytes.
    """
    try:
        tree = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        return f"is not XML: {error}"
    for each in tree.iter():
        for name, value in each.attrib.items():
            if name.rpartition("}")[2] == "href" and not LINK.match(value):
                return f"links to {value[:60]!r}"
    return ""


def stylesheet() -> str:
    """The variables of both schemes, as the text of an SVG style element."""
    light = "".join(f"--{name}:{value[1]};" for name, value in COLORS.items())
    dark = "".join(f"--{name}:{value[2]};" for name, value in COLORS.items())
    return (
        f":root{{color-scheme:light dark;{light}fill:var(--ink)}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )


def recolor(svg: str) -> str:
    """Swap matplotlib's default colors for variables that follow the reader's scheme.

    Args:
        svg: A figure as matplotlib writes it.

    Returns:
        The same drawing, smaller, without matplotlib's metadata.
    """
    names = {default: name for name, (default, _, _) in COLORS.items()}

    def variable(match: re.Match[str]) -> str:
        name = names.get(match[0])
        return f"var(--{name})" if name else match[0]

    svg = DOCTYPE.sub("", METADATA.sub("", svg, count=1), count=1)
    parts = COMMENT.split(svg)
    for number in range(0, len(parts), 2):  # between the comments, which hold texts
        part = PLACED.sub(
            lambda match: COORDINATE.sub(_rounded, match[0]), parts[number]
        )
        parts[number] = STYLED.sub(lambda match: HEX.sub(variable, match[0]), part)
    svg = "".join(parts)
    return svg.replace("<defs>", f"<style>{stylesheet()}</style>\n <defs>", 1)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
