"""Text has the contrast that WCAG 2.2 AA asks for, in light and dark."""

from __future__ import annotations

import math
import re

import pytest

from app.web.assets import STATIC, static_content
from app.web.colors import USUAL_COLOR, WORKSPACE_COLORS
from app.web.templates import APP

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
    named = {name: ((float(a), float(b), float(c)), (float(d), float(e), float(f))) for name, a, b, c, d, e, f in found}
    same = re.findall(r"--([\w-]+): var\(--([\w-]+)\)", source)
    return named | {name: named[other] for name, other in same}


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
    return ratio(luminance(one), luminance(other))


def ratio(*luminances: float) -> float:
    light, dark = sorted(luminances, reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance_of(code: str) -> float:
    """Relative luminance of a colour such as #1d6b4a."""
    parts = [int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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
    grounds = re.findall(r'\[data-hue="\d"\] \{ background: (#\w{6})', source)
    assert len(grounds) == 8
    for ground in grounds:
        assert ratio(1, luminance_of(ground)) >= 4.5, ground


# The grounds of mails, light and dark (templates/mail/letter.html).
MAILED_ON = (("#ffffff", "#f6f5f1"), ("#1c211e", "#121513"))


@pytest.mark.parametrize("color", WORKSPACE_COLORS)
def test_every_color_of_a_workspace_can_be_read_on_pages_and_in_mails(color: str) -> None:
    chosen, named = WORKSPACE_COLORS[color], tokens()
    letter = (APP / "templates" / "mail" / "letter.html").read_text()
    pairs = ((chosen.light, chosen.soft_light), (chosen.dark, chosen.soft_dark))
    for scheme, (accent, soft) in enumerate(pairs):
        grounds = [luminance(named[ground][scheme]) for ground in ("paper", "raised", "sunk")]
        assert all(ground in letter for ground in MAILED_ON[scheme])
        texts_on = [
            *((luminance_of(accent), ground) for ground in grounds),
            (luminance_of(accent), luminance_of(soft)),
            *((luminance_of(accent), luminance_of(ground)) for ground in MAILED_ON[scheme]),
            (luminance(named["on-accent"][scheme]), luminance_of(accent)),
            *((luminance(named[text][scheme]), luminance_of(soft)) for text in ("ink", "muted")),
        ]
        assert min(ratio(*pair) for pair in texts_on) >= 4.5, (color, scheme)
    assert ratio(1, luminance_of(chosen.light)) >= 4.5, "white on the button of a mail"


def test_pages_for_who_is_not_signed_in_have_the_same_colors() -> None:
    sheet = static_content("css/pages/accents.css").decode()
    for name, color in WORKSPACE_COLORS.items():
        rule = (
            f':root[data-accent="{name}"] {{ --accent: light-dark({color.light}, {color.dark}); '
            f"--accent-soft: light-dark({color.soft_light}, {color.soft_dark}); }}"
        )
        assert (rule in sheet) == (name != USUAL_COLOR), name
