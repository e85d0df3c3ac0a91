"""Text has the contrast that WCAG 2.2 AA asks for, in light and dark."""

from __future__ import annotations

import math
import re

import pytest

from app.web.assets import STATIC

Colour = tuple[float, float, float]
OKLCH = r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)"
TEXT_ON = [
    *((text, ground) for text in ("ink", "muted", "accent", "danger") for ground in ("paper", "raised", "sunk")),
    ("ink", "warm-soft"), ("ink", "danger-soft"), ("ink", "accent-soft"),
    ("muted", "warm-soft"), ("muted", "accent-soft"),
    ("warm", "warm-soft"), ("danger", "danger-soft"), ("accent", "accent-soft"),
    ("on-accent", "accent"), ("on-accent", "danger"),
]  # fmt: skip


def tokens() -> dict[str, tuple[Colour, Colour]]:
    source = (STATIC / "css" / "tokens.css").read_text()
    found = re.findall(rf"--([\w-]+): light-dark\({OKLCH}, {OKLCH}\)", source)
    return {name: ((float(a), float(b), float(c)), (float(d), float(e), float(f))) for name, a, b, c, d, e, f in found}


def luminance(colour: Colour) -> float:
    """Relative luminance of an OKLCH colour (https://bottosson.github.io/posts/oklab/), within sRGB."""
    lightness, chroma, hue = colour
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    red, green, blue = (min(1, max(0, part)) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("text", "ground"), TEXT_ON, ids="-on-".join)
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_its_ground(text: str, ground: str, scheme: int) -> None:
    named = tokens()
    assert contrast(named[text][scheme], named[ground][scheme]) >= 4.5


@pytest.mark.parametrize("ground", ["paper", "raised"])
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_the_edge_of_an_input_can_be_seen(ground: str, scheme: int) -> None:
    named = tokens()
    assert contrast(named["edge"][scheme], named[ground][scheme]) >= 3


def test_initials_can_be_read_on_every_avatar() -> None:
    source = (STATIC / "css" / "avatar.css").read_text()
    grounds = re.findall(r'\[data-hue="\d"\] \{ background: #(\w{6})', source)
    assert len(grounds) == 8
    for ground in grounds:
        parts = [int(ground[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5, ground
