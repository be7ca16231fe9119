"""WhatsApp Web in a real browser, with wa-js. Playwright is known in this folder only."""

from bridge.drivers.web.driver import WebDriver
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.runtime import PlaywrightRuntime

__all__ = ["Limits", "PlaywrightRuntime", "WebDriver"]
