"""The panel in many windows, and while its bridge does not answer."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel

#: More than the connections that a browser opens to one host.
WINDOWS = 7


async def test_any_number_of_windows_show_what_arrives(started: HttpBridge, open_panel: OpenPanel) -> None:
    first = await open_panel(started, at="#messages")
    windows: list[Page] = [first]
    while len(windows) < WINDOWS:
        window = await first.context.new_page()
        await window.goto(f"{started.url}/#messages")
        await expect(window.get_by_role("heading", name="Messages", level=1)).to_be_visible()
        windows.append(window)
    assert [await window.evaluate("document.hidden") for window in windows] == [False] * WINDOWS
    for text in ("el primero", "el segundo"):
        started.phone.incoming(ANA, text, notify_name="Ana")
        for window in windows:
            await expect(window.get_by_role("list", name="Chats")).to_contain_text(text)
