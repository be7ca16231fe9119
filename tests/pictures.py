"""Screenshots of every screen, kept by each run for a person who wants to look."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Page

#: `make clean` removes it; WA_SCREENSHOTS names another one.
FOLDER = Path(os.environ.get("WA_SCREENSHOTS") or Path(__file__).parent.parent / "build" / "screenshots")


async def picture(page: Page, name: str) -> None:
    """Keep what the page shows now, in place of the last run's."""
    await page.screenshot(path=FOLDER / f"{name}.png")
