"""One SVG file that is right in the light and in the dark scheme."""

from __future__ import annotations

import pytest

from weave.run import style

SVG = """\
<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"
  "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg">
 <metadata>
  <rdf:RDF>when and by what it was made</rdf:RDF>
 </metadata>
 <defs>
  <style type="text/css">*{stroke-linejoin: round}</style>
 </defs>
 <path style="fill: none; stroke: #1f77b4; stroke-width: 2"/>
 <path style="fill: #ff7f0e; stroke: #123456" d="M 1.004999 -20.5 L 3.14159 7"/>
 <use x="0.500001" y="-12.999" transform="scale(0.015625)"/>
 <!-- #1f77b4 is blue -->
</svg>
"""


def test_default_colors_become_variables_and_others_stay() -> None:
    svg = style.recolor(SVG)
    assert 'style="fill: none; stroke: var(--c0); stroke-width: 2"' in svg
    assert 'style="fill: var(--c1); stroke: #123456"' in svg


def test_places_are_rounded_to_a_hundredth_of_a_point_and_scales_are_kept() -> None:
    svg = style.recolor(SVG)
    assert 'd="M 1 -20.5 L 3.14 7"' in svg
    assert 'x="0.5" y="-13" transform="scale(0.015625)"' in svg


def test_only_styles_are_recolored() -> None:
    assert "<!-- #1f77b4 is blue -->" in style.recolor(SVG)


def test_what_would_name_a_date_or_another_host_is_left_out() -> None:
    svg = style.recolor(SVG)
    assert "metadata" not in svg
    assert "DOCTYPE" not in svg
    assert "DTD" not in svg


def test_the_style_sheet_stands_in_the_file_once_with_both_schemes() -> None:
    svg = style.recolor(SVG)
    assert svg.count(style.stylesheet()) == 1
    light, _, dark = style.stylesheet().partition("@media")
    assert dark.startswith(" (prefers-color-scheme:dark)")
    for name, (_, in_light, in_dark) in style.COLORS.items():
        assert f"--{name}:{in_light};" in light
        assert f"--{name}:{in_dark};" in dark


def luminance(color: str) -> float:
    """Relative luminance of a color, as WCAG 2.2 defines it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [1, 2], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "muted", *(f"c{i}" for i in range(8))])
def test_every_color_stands_out_from_the_paper(name: str, scheme: int) -> None:
    color, paper = style.COLORS[name][scheme], style.COLORS["paper"][scheme]
    assert contrast(color, paper) >= (4.5 if name in ("ink", "muted") else 3)


def test_the_colors_are_those_that_matplotlib_draws_with() -> None:
    from matplotlib.colors import to_hex

    assert [style.COLORS[f"c{i}"][0] for i in range(8)] == [
        to_hex(f"C{i}") for i in range(8)
    ]


def test_the_style_is_one_that_matplotlib_knows() -> None:
    import matplotlib as mpl

    assert style.STYLE.keys() <= mpl.rcParamsDefault.keys()
