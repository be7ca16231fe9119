"""Curves on two logarithmic axes as a PNG: what grows with its size is a straight line, what stays is level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bench.figures import number
from bench.plot import render

WIDTH, HEIGHT, LEFT, TOP, BELOW, COLUMNS = 400, 170, 64, 56, 62, 2
COLOURS = ("#0a7", "#c40")


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of (size, cost), both above 0."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Up to two curves over the same sizes; `across` is the unit of the x axis."""

    title: str
    across: str
    curves: Sequence[Curve]


async def picture(path: Path, title: str, charts: Sequence[Chart]) -> None:
    """Write the picture. Raises BrowserFailed if there is no browser."""
    await render(path, *svg(title, charts))


def svg(title: str, charts: Sequence[Chart]) -> tuple[str, tuple[int, int]]:
    """The text of the picture, and its width and height. Pure."""
    rows = math.ceil(len(charts) / COLUMNS)
    width, height = COLUMNS * (LEFT + WIDTH + 24), TOP + rows * (HEIGHT + BELOW)
    size = f'width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" display="block">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
    ]
    for place, chart in enumerate(charts):
        left = LEFT + place % COLUMNS * (LEFT + WIDTH + 24)
        parts += _chart(chart, left, TOP + place // COLUMNS * (HEIGHT + BELOW))
    return "\n".join([*parts, "</svg>"]), (width, height)


def _chart(chart: Chart, left: float, top: float) -> list[str]:
    points = [point for curve in chart.curves for point in curve.points]
    sizes, costs = [size for size, _ in points], [cost for _, cost in points]
    across = _Axis(min(sizes), max(sizes), left, left + WIDTH)
    # whole powers of ten, so that a flat curve looks flat
    up = _Axis(10 ** math.floor(math.log10(min(costs))), 10 ** math.ceil(math.log10(max(costs))), top + HEIGHT, top)
    parts = [
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
        f'<text x="{left}" y="{top - 6}">{escape(chart.title)}</text>',
        f'<text x="{left + WIDTH}" y="{top + HEIGHT + 32}" text-anchor="end">{escape(chart.across)}</text>',
        *(_text(left - 6, up.at(cost) + 4, _short(cost), "end") for cost in (up.first, up.last)),
        *(_text(across.at(size), top + HEIGHT + 16, _short(size), "middle") for size in sorted(set(sizes))),
    ]
    for order, curve in enumerate(chart.curves):
        colour = COLOURS[order]
        places = [(across.at(size), up.at(cost)) for size, cost in curve.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts += [
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places),
            f'<text x="{left + 8}" y="{top + 16 + 16 * order}" fill="{colour}">{escape(curve.name)}</text>',
        ]
    return parts


@dataclass(frozen=True, slots=True)
class _Axis:
    """Places of values between two ends, by their logarithm."""

    first: float
    last: float
    start: float
    end: float

    def at(self, value: float) -> float:
        span = math.log(self.last / self.first) or 1.0
        return self.start + math.log(value / self.first) / span * (self.end - self.start)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 and value == round(value) else number(value)
