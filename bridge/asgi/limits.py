"""Limits of a server, with their defaults: its connections, bodies, event streams, and guesses at credentials.

No library of HTTP is imported: the bridge reads them at its start, before it serves.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bridge.contract.commands import MAX_COMMAND_BYTES
from bridge.contract.pace import Pace

#: Open files for everything beside connections: stores, broker, page, webhooks.
_OTHER_FILES = 96
#: Connections that are accepted before the limit of connections is looked at.
ACCEPTED_AT_ONCE = 8
#: Turns of the loop between the acceptance of a connection and the end of one that is refused.
TURNS = 4


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Times in seconds. `head_size` in bytes. Beyond `connections`, requests get 503.

    Where fewer than `reserve` connections are left, the oldest one that waits for a request is closed for a new one.
    `write_timeout` is for a client that reads nothing of what it asked for.
    `head_timeout` runs from the connection, or from the first byte after the request before. `keep_alive` is longer
    than a proxy keeps an idle connection (nginx: 60 s or 75 s): otherwise a request meets the end of its connection,
    and the proxy answers 502. `shutdown_timeout` is for the requests in progress at the end.
    """

    reserve: int = 50
    write_timeout: float = 60.0
    connections: int = 800  # below the usual limit of open files
    head_size: int = 32_768
    head_timeout: float = 10.0
    keep_alive: int = 90
    shutdown_timeout: int = 3

    def within(self, files: int) -> ServerLimits:
        """These limits, with so few connections that a process may have only `files` open files."""
        connections = max(8, min(self.connections, files - _OTHER_FILES - TURNS * ACCEPTED_AT_ONCE))
        return replace(self, connections=connections, reserve=min(self.reserve, connections // 4))


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`size` in bytes, `timeout` in seconds for the whole body.

    A body over `size` is read and discarded up to `discarded` bytes: a client that still sends when the connection is
    closed never sees the answer.
    """

    size: int = MAX_COMMAND_BYTES
    timeout: float = 20.0
    discarded: int = 10 * MAX_COMMAND_BYTES


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Open streams: in all, of one caller, and how many of all are for admins only."""

    total: int = 100
    share: int = 25
    reserve: int = 10


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """`guesses` = failed attempts of each address, `through_proxy` = of all addresses that one proxy forwards for.

    `remembered` = valid credentials that are exempt from both: failed guesses would lock out other callers behind the
    same address.
    """

    guesses: Pace = field(default_factory=lambda: Pace.parse("20/minute", burst=20))
    through_proxy: Pace = field(default_factory=lambda: Pace.parse("200/minute", burst=200))
    remembered: int = 1000
