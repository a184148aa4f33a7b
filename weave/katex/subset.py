"""Make the small fonts in docs/assets/katex/small/ out of KaTeX's.

A page of the book needs few of the signs in KaTeX's fonts. The style sheet names the
small fonts for these signs and leaves all others to the fonts as KaTeX has them, so
every sign is right, and a usual page is 80 kB lighter. To be run by hand when KaTeX is
upgraded, with fontTools and its woff extra installed:

    python3 weave/katex/subset.py
"""

from __future__ import annotations

from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph

FONTS = Path(__file__).parents[2] / "docs" / "assets" / "katex"
LATIN = "U+20-7E,U+A0,U+B1,U+B7,U+D7,U+200B"
GREEK = "U+393-3F6"
ACCENTS = "U+2C6,U+2C7,U+2C9,U+2D9,U+2DC"
SIGNS = (
    "U+393-3A9,U+2026,U+2032,U+2113,U+2190-2193,U+21A6,U+2200-2212,U+2217,U+2218,"
    "U+221A-2223,U+2225,U+2227-222B,U+223C,U+2248,U+2260,U+2264,U+2265,U+2297,U+2299,"
    "U+22A4,U+22C5,U+22EF,U+2308-230B,U+27E8,U+27E9"
)
LARGE = "U+28,U+29,U+5B,U+5D,U+7B,U+7D,U+200B,U+220F,U+2211,U+222B,U+2308-230B"
RANGES = {
    "KaTeX_AMS-Regular": "U+43,U+45,U+4E,U+50-52,U+5A,U+211D",
    "KaTeX_Main-Bold": f"{LATIN},U+2299",
    "KaTeX_Main-Regular": f"{LATIN},{ACCENTS},{SIGNS}",
    "KaTeX_Math-BoldItalic": "U+41-5A,U+61-7A,U+200B,U+3B8,U+3BC,U+3C3",
    "KaTeX_Math-Italic": f"{LATIN},{GREEK}",
    "KaTeX_SansSerif-Regular": "U+41-5A",
    "KaTeX_Size1-Regular": LARGE,
    "KaTeX_Size2-Regular": LARGE,
}


def add_zero_width_space(font: TTFont) -> None:
    """Draw U+200B as nothing: for want of it a browser fetches the whole font."""
    font.setGlyphOrder([*font.getGlyphOrder(), "uni200B"])
    font["glyf"]["uni200B"] = Glyph()
    font["hmtx"]["uni200B"] = (0, 0)
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[0x200B] = "uni200B"


def main() -> None:
    """Write the small fonts, and the rules that name them."""
    rules = ["/* Made by weave/katex/subset.py: small fonts for the usual signs. */"]
    for name, ranges in RANGES.items():
        family, _, style = name.partition("-")
        small = FONTS / "small" / f"{name}.woff2"
        small.parent.mkdir(exist_ok=True)
        font = TTFont(FONTS / "fonts" / f"{name}.woff2")
        add_zero_width_space(font)
        options = subset.Options(hinting=False, layout_features=[], flavor="woff2")
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=subset.parse_unicodes(ranges))
        subsetter.subset(font)
        subset.save_font(font, small, options)
        weight = "bold" if "Bold" in style else "normal"
        slope = "italic" if "Italic" in style else "normal"
        rules.append(
            f'@font-face{{font-family:"{family}";font-style:{slope};'
            f"font-weight:{weight};font-display:block;"
            f'src:url("small/{name}.woff2") format("woff2");unicode-range:{ranges}}}'
        )
    (FONTS / "small.css").write_text("\n".join(rules) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
