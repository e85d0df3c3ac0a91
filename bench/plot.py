"""A plot of bars as SVG, written by hand: a library for six bars would be one more to keep."""

from __future__ import annotations

import math
from html import escape

WIDTH, LEFT, ROW, TOP = 720, 250, 26, 34


def draw_bars(title: str, bars: list[tuple[str, float]], *, target: float | None = None) -> str:
    """Bars on a logarithmic scale, each with its number; a line at the target."""
    most = max(value for _, value in bars)
    decades = max(1.0, math.log10(most))
    height = TOP + ROW * len(bars) + 12

    def place(value: float) -> float:
        return LEFT + max(0.0, math.log10(max(value, 1.0))) / decades * (WIDTH - LEFT - 70)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        f' font-size="13" role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="20" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    for row, (name, value) in enumerate(bars):
        y = TOP + row * ROW
        colour = "#b3541e" if name.startswith("Mutirão") else "#8a97a6"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end" fill="#222">{escape(name)}</text>')
        parts.append(
            f'<rect x="{LEFT}" y="{y + 2}" width="{max(1.0, place(value) - LEFT):.1f}" height="18" fill="{colour}"/>'
        )
        parts.append(f'<text x="{place(value) + 6:.1f}" y="{y + 15}" fill="#222">{value:.1f}</text>')
    if target is not None:
        x = place(target)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{height - 8}" stroke="#222" stroke-dasharray="4 3"/>'
        )
    return "\n".join([*parts, "</svg>", ""])
