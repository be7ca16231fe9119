"""The rule for whoever answers without credentials: only this machine is answered, and nothing that a proxy passed on.

Pure. Each server puts its own sentence to a breach. A page of another site in a browser of this machine reaches
loopback too (DNS rebinding, cross-site posts and sockets), hence Host and Origin are looked at.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import Enum, auto
from urllib.parse import SplitResult, urlsplit


class LoopbackBreach(Enum):
    """What is wrong with a request."""

    FORWARDED = auto()
    HOST = auto()
    ORIGIN = auto()


def breach(headers: Mapping[str, str]) -> LoopbackBreach | None:
    """What a request's headers (names in lower case) show, or None when it is from this machine."""
    if any(name == "forwarded" or name.startswith("x-forwarded-") for name in headers):
        return LoopbackBreach.FORWARDED
    host = headers.get("host", "")
    if not is_loopback(_split(f"//{host}").hostname):
        return LoopbackBreach.HOST
    origin = headers.get("origin")
    if origin is not None and _split(origin).netloc != host:
        return LoopbackBreach.ORIGIN
    return None


def is_loopback(name: str | None) -> bool:
    """Whether a host's name or address is this machine's own."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name or "").is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # half a bracket: no address at all
        return urlsplit("")
