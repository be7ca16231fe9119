"""Values over time as an SVG of one panel above the other; no library, so that anybody can draw it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP = 760, 120, 60, 40


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve: (seconds, value)."""

    title: str
    points: Sequence[tuple[float, float]]


def draw(path: Path, title: str, panels: Sequence[Panel]) -> None:
    """Write the picture. The value axes begin at 0, so that flat looks flat and growth shows."""
    longest = max((at for panel in panels for at, _ in panel.points), default=1.0)
    height = TOP + len(panels) * (HEIGHT + 30) + 20
    size = f'width="{WIDTH + LEFT + 20}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{title}</text>',
    ]
    for number, panel in enumerate(panels):
        top = TOP + number * (HEIGHT + 30)
        most = max((value for _, value in panel.points), default=0.0) * 1.1 or 1.0
        line = " ".join(
            f"{LEFT + at / longest * WIDTH:.1f},{top + HEIGHT - value / most * HEIGHT:.1f}"
            for at, value in panel.points
        )
        parts += [
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
            f'<text x="{LEFT + 6}" y="{top + 15}">{panel.title}</text>',
            f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:.3g}</text>',
            f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>',
            f'<polyline points="{line}" fill="none" stroke="#0a7" stroke-width="1.5"/>',
        ]
    parts.append(f'<text x="{LEFT + WIDTH}" y="{height - 8}" text-anchor="end">{longest:.0f} s</text></svg>')
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
