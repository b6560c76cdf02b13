"""Cores against channels, with their band, as inline SVG."""

from collections.abc import Iterator, Sequence
from math import floor, log10
from typing import Final

from pipelines.plan.ranges import Range

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 360, 64, 40, 14, 24
LINES: Final = 8
"""On each axis, at most."""

Point = tuple[int, Range]
"""Channels, cores."""


def svg(points: Sequence[Point]) -> str:
    """Return the plot's markup. Both axes are linear from zero: cost is proportional."""
    x_end = max(channels for channels, _ in points)
    y_end = max(cores.high for _, cores in points) * 1.05

    def place(x: float, y: float) -> str:
        x_px = LEFT + x / x_end * (WIDTH - LEFT - RIGHT)
        return f"{x_px:.1f},{TOP + (1 - y / y_end) * (HEIGHT - TOP - BOTTOM):.1f}"

    above = [place(channels, cores.high) for channels, cores in points]
    below = [place(channels, cores.low) for channels, cores in reversed(points)]
    line = [place(channels, cores.median) for channels, cores in points]
    x_px, y_px = line[-1].split(",")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="12" fill="#59616d">'
        f"{_axes(x_end, y_end)}"
        f'<polygon points="{" ".join(above + below)}" fill="#1d4ed8" fill-opacity="0.2"/>'
        f'<polyline points="{" ".join(line)}" fill="none" stroke="#1d4ed8" stroke-width="2"/>'
        f'<circle cx="{x_px}" cy="{y_px}" r="4" fill="#c2410c"/></svg>'
    )


def _axes(x_end: float, y_end: float) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in ticks(x_end):
        x_px = LEFT + value / x_end * (right - LEFT)
        parts.append(
            f'<path d="M{x_px:.1f} {TOP}V{bottom}" stroke="#e3e6ea"/>'
            f'<text x="{x_px:.1f}" y="{bottom + 15}" text-anchor="middle">{value:,g}</text>'
        )
    for value in ticks(y_end):
        y_px = TOP + (1 - value / y_end) * (bottom - TOP)
        parts.append(
            f'<path d="M{LEFT} {y_px:.1f}H{right}" stroke="#e3e6ea"/>'
            f'<text x="{LEFT - 6}" y="{y_px + 4:.1f}" text-anchor="end">{value:,g}</text>'
        )
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">路数 channels</text>'
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">'
        "CPU 核 cores</text>"
    )
    return "".join(parts)


def ticks(end: float) -> Iterator[float]:
    """Yield round numbers from zero to an end: steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(end / LINES))
    step = next(power * times for times in (1, 2, 5, 10) if power * times * LINES >= end)
    for number in range(floor(end / step + 1e-9) + 1):
        yield number * step
