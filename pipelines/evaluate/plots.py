"""Plots as inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
from jaxtyping import Float

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 320, 240, 38, 34, 10, 10
MOST_POINTS: Final = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One line in a square of shares."""

    x: Float[np.ndarray, "n"]
    """Shares, rising or not."""
    y: Float[np.ndarray, "n"]
    """Shares."""
    x_name: str
    """Under the axis."""
    y_name: str
    """Beside it."""
    x_end: float = 1.0
    """Where the axis ends; what lies beyond isn't drawn."""
    mark: tuple[float, float] | None = None
    """A point to be marked."""


def svg(plot: Plot) -> str:
    """Return a plot's markup."""
    inner_w, inner_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> str:
        return f"{LEFT + x / plot.x_end * inner_w:.1f},{TOP + (1 - y) * inner_h:.1f}"

    shown = plot.x <= plot.x_end + 1e-9
    points = list(zip(_thinned(plot.x[shown]), _thinned(plot.y[shown]), strict=True))
    line = " ".join(place(float(x), float(y)) for x, y in points)
    marked = ""
    if plot.mark is not None and plot.mark[0] <= plot.x_end:
        x, y = place(*plot.mark).split(",")
        marked = f'<circle cx="{x}" cy="{y}" r="4" fill="#c2410c"/>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="11" fill="#59616d">'
        f"{_axes(plot, inner_w, inner_h)}"
        f'<polyline points="{line}" fill="none" stroke="#1d4ed8" stroke-width="2"/>{marked}</svg>'
    )


def _axes(plot: Plot, inner_w: int, inner_h: int) -> str:
    parts = []
    for step in range(5):
        share = step / 4
        x, y = LEFT + share * inner_w, TOP + (1 - share) * inner_h
        parts.append(
            f'<path d="M{LEFT} {y:.1f}h{inner_w}M{x:.1f} {TOP}v{inner_h}" stroke="#e3e6ea"/>'
            f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{share:g}</text>'
            f'<text x="{x:.1f}" y="{TOP + inner_h + 13}" text-anchor="middle">'
            f"{share * plot.x_end:g}</text>"
        )
    middle = LEFT + inner_w / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(plot.x_name)}</text>'
        f'<text x="11" y="{TOP + inner_h / 2}" text-anchor="middle" '
        f'transform="rotate(-90 11 {TOP + inner_h / 2})">{escape(plot.y_name)}</text>'
    )
    return "".join(parts)


def _thinned(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "k"]:
    """Return at most so many points, the first and the last among them."""
    if len(values) <= MOST_POINTS:
        return values
    kept: Float[np.ndarray, "k"] = values[
        np.linspace(0, len(values) - 1, MOST_POINTS).round().astype(int)
    ]
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span of time."""

    row: str
    """What it is drawn beside."""
    from_s: float
    """Its beginning."""
    to_s: float
    """Its end."""
    colour: str
    """As in CSS."""


def timeline(bars: Sequence[Bar], length_s: float) -> str:
    """Return spans of time, a row for each name."""
    rows = list(dict.fromkeys(bar.row for bar in bars))
    height, left, width = 26 * len(rows) + 24, 150, 720
    scale = (width - left - 10) / max(length_s, 1e-9)
    parts = []
    for number, row in enumerate(rows):
        y = 26 * number + 4
        parts.append(f'<text x="0" y="{y + 14}">{escape(row)}</text>')
        parts.append(f'<path d="M{left} {y + 22}H{width - 10}" stroke="#e3e6ea"/>')
        parts.extend(
            f'<rect x="{left + bar.from_s * scale:.1f}" y="{y}" height="18" fill="{bar.colour}" '
            f'width="{max(1.5, (bar.to_s - bar.from_s) * scale):.1f}"/>'
            for bar in bars
            if bar.row == row
        )
    for step in range(5):
        at_s = length_s * step / 4
        x = left + at_s * scale
        parts.append(f'<text x="{x:.1f}" y="{height - 4}" text-anchor="middle">{at_s:.0f} s</text>')
    return (
        f'<svg viewBox="0 0 {width + 20} {height}" role="img" font-size="13" fill="#1c1f24">'
        f"{''.join(parts)}</svg>"
    )
