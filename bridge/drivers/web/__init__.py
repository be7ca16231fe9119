"""WhatsApp Web in a real browser, with wa-js. Playwright is known in this folder only."""

from .driver import WebDriver
from .limits import Limits
from .runtime import PlaywrightRuntime

__all__ = ["Limits", "PlaywrightRuntime", "WebDriver"]
