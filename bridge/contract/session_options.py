"""What an admin sets for one session at run time, where it differs from the settings of all. Pure."""

from __future__ import annotations

import re

from bridge.contract.proxy import Proxy

#: Instead of a value: none at all, or that of the settings again.
OFF, DEFAULT = "off", "default"
#: Shortest and longest time without a message after which a session may fall asleep, in seconds.
SHORTEST_SLEEP_AFTER, LONGEST_SLEEP_AFTER = 60, 7 * 86400
_DURATION = re.compile(r"(\d{1,6})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> int:
    """Parse `90s`, `30m`, `2h` or `1d`; returns seconds. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be a duration, for example 30m or 2h")
    return int(match[1]) * _SECONDS[match[2]]


def parse_sleep_after(text: str) -> int | None:
    """Parse `2h` or `off` (None); returns seconds. Raises ValueError."""
    if text.strip().lower() == OFF:
        return None
    seconds = parse_duration(text)
    if not SHORTEST_SLEEP_AFTER <= seconds <= LONGEST_SLEEP_AFTER:
        raise ValueError("must be off, or from 1m to 7d: a phone unlinks a device that stays away for about 14 days")
    return seconds


def parse_sleep_check(text: str) -> int:
    """Parse `1h`; returns seconds. Raises ValueError."""
    seconds = parse_duration(text)
    if not SHORTEST_SLEEP_AFTER <= seconds <= LONGEST_SLEEP_AFTER:
        raise ValueError("must be from 1m to 7d")
    return seconds


def check_proxy_option(text: str) -> str:
    """Return the text if it is a proxy's address, `off` or `default`. Raises ValueError."""
    if text.strip().lower() in (OFF, DEFAULT):
        return text.strip().lower()
    return Proxy.parse(text).address


def check_sleep_option(text: str) -> str:
    """Return the text if it is a duration, `off` or `default`. Raises ValueError."""
    text = text.strip().lower()
    if text != DEFAULT:
        parse_sleep_after(text)
    return text
