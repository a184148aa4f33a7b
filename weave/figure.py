"""How a figure looks: one SVG file that is right in the light and the dark scheme.

The code of the book uses matplotlib's own default colors, so it looks ordinary in a
reader's window. Here those colors become variables of a style sheet inside the SVG
file, whose values depend on the reader's color scheme. Nothing else is changed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from weave.run.style import HEX, SAVE, STYLE, recolor

SIGNIFICANT = 6  # digits of a recorded number
SCALES = ("linear", "log", "symlog")


@dataclass(frozen=True)
class Line:
    """A line of a plot: its points in data coordinates, and matplotlib's words for it.

    `label` is its place in the legend, or empty; `color` is as in `#1f77b4`.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    label: str
    color: str
    style: str
    marker: str
    width: float


@dataclass(frozen=True)
class Note:
    """A text in a plot, at a point in data coordinates."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Drawing:
    """What a figure with one plot of lines shows, so that it can be drawn again.

    `size` is in inches; `legend` is the legend's title, or None without a legend.
    """

    size: tuple[float, float]
    xlabel: str
    ylabel: str
    xscale: str
    yscale: str
    legend: str | None
    lines: tuple[Line, ...]
    notes: tuple[Note, ...]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Drawing:
        """The drawing whose `as_json` this is.

        Raises:
            KeyError, TypeError, ValueError: It is none.
        """
        lines = [
            Line(**{**line, "x": _numbers(line["x"]), "y": _numbers(line["y"])})
            for line in data["lines"]
        ]
        for line in lines:
            if not HEX.fullmatch(line.color):
                raise ValueError(f"no color: {line.color}")
        notes = [Note(**note) for note in data["notes"]]
        if {data["xscale"], data["yscale"]} - {*SCALES}:
            raise ValueError(f"no scale: {data['xscale']}, {data['yscale']}")
        width, height = _numbers(data["size"])
        known = {"size": (width, height), "lines": tuple(lines), "notes": tuple(notes)}
        return cls(**{**data, **known})

    def as_json(self) -> dict[str, Any]:
        """The drawing in the types that JSON has."""
        return asdict(self)


def drawing(figure: Any) -> Drawing:
    """What a matplotlib figure shows, as far as it is lines and texts.

    Raises:
        ValueError: It shows something else, which a recording cannot hold.
    """
    from matplotlib.colors import to_hex

    if len(figure.axes) != 1:
        raise ValueError(f"it has {len(figure.axes)} plots, not one")
    axes = figure.axes[0]
    others = [*axes.patches, *axes.collections, *axes.images, *axes.tables]
    if others:
        raise ValueError(f"it shows {type(others[0]).__name__}, not lines and texts")
    for each in (*axes.lines, *axes.texts):
        if not each.get_transform().contains_branch(axes.transData):
            raise ValueError(f"{each} does not stand in the data's coordinates")
    lines = [
        Line(
            x=_numbers(line.get_xdata(orig=False)),
            y=_numbers(line.get_ydata(orig=False)),
            label="" if str(line.get_label()).startswith("_") else line.get_label(),
            color=to_hex(line.get_color()),
            style=str(line.get_linestyle()),
            marker="" if line.get_marker() == "None" else str(line.get_marker()),
            width=float(line.get_linewidth()),
        )
        for line in axes.lines
    ]
    notes = []
    for text in axes.texts:
        x, y = _numbers(text.get_position())
        notes.append(Note(x, y, text.get_text()))
    legend = axes.get_legend()
    width, height = _numbers(figure.get_size_inches())
    return Drawing(
        size=(width, height),
        xlabel=axes.get_xlabel(),
        ylabel=axes.get_ylabel(),
        xscale=axes.get_xscale(),
        yscale=axes.get_yscale(),
        legend=legend.get_title().get_text() if legend else None,
        lines=tuple(lines),
        notes=tuple(notes),
    )


def draw(drawings: Sequence[tuple[str, Drawing]]) -> str:
    """Drawings side by side with the same scales, each below its title, as SVG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    drawn = io.BytesIO()
    settings: dict[Any, Any] = dict(mpl.rcParamsDefault)
    settings.update(STYLE)
    settings.pop("backend")
    with mpl.rc_context(settings):
        width, height = drawings[0][1].size
        figure = Figure(figsize=(width * len(drawings), height))
        FigureCanvasSVG(figure)
        plots = figure.subplots(1, len(drawings), squeeze=False, sharey=True)[0]
        for axes, (title, each) in zip(plots, drawings, strict=True):
            axes.set_title(title, fontsize="medium")
            axes.set(xlabel=each.xlabel, xscale=each.xscale, yscale=each.yscale)
            for line in each.lines:
                axes.plot(
                    line.x,
                    line.y,
                    color=line.color,
                    linestyle=line.style,
                    marker=line.marker,
                    linewidth=line.width,
                    label=line.label or "_",
                )
            for note in each.notes:
                axes.text(note.x, note.y, note.text)
            if each.legend is not None:
                axes.legend(title=each.legend or None)
        plots[0].set_ylabel(drawings[0][1].ylabel)
        figure.savefig(drawn, **SAVE)
    return recolor(drawn.getvalue().decode("utf-8"))


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{float(value):.{SIGNIFICANT}g}") for value in values)
