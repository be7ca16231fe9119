"""Curves in stacked panels as a PNG: an SVG, rendered by the browser that the bridge uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from playwright.async_api import async_playwright

from bridge.drivers.web.executable import find_executable

WIDTH, HEIGHT, LEFT, TOP = 760, 120, 60, 56


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve: points of (x, value)."""

    title: str
    points: Sequence[tuple[float, float]]


async def draw(path: Path, title: str, panels: Sequence[Panel], across: str) -> None:
    """Write the picture. `across` is the unit of the x axis. Raises BrowserFailed if there is no browser."""
    await render(path, *_svg(title, panels, across))


async def render(path: Path, svg: str, size: tuple[int, int]) -> None:
    """Write an SVG of a width and height as PNG. Raises BrowserFailed if there is no browser."""
    width, height = size
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_executable(None, playwright.chromium.executable_path), args=["--no-sandbox"]
        )
        page = await browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=1.5)
        await page.set_content(f'<body style="margin:0">{svg}</body>')
        await page.screenshot(path=path)
        await browser.close()


def _svg(title: str, panels: Sequence[Panel], across: str) -> tuple[str, tuple[int, int]]:
    """The value axes start at 0, so that a flat curve looks flat."""
    longest = max((at for panel in panels for at, _ in panel.points), default=1.0)
    width, height = WIDTH + LEFT + 20, TOP + len(panels) * (HEIGHT + 30) + 10
    size = f'width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" display="block">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
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
            f'<text x="{LEFT}" y="{top - 6}">{escape(panel.title)}</text>',
            f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:.3g}</text>',
            f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>',
            f'<polyline points="{line}" fill="none" stroke="#0a7" stroke-width="1.5"/>',
        ]
    parts.append(f'<text x="{LEFT + WIDTH}" y="{height - 8}" text-anchor="end">{longest:,.0f} {escape(across)}</text>')
    return "\n".join([*parts, "</svg>"]), (width, height)
