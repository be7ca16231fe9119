"""Limits of the HTTP side, with their defaults. Tests pass other values."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.asgi.limits import BodyLimits, GuessLimits, ServerLimits, StreamLimits


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Times in seconds.

    `key_cache`: how long keys are cached; a revoked key works no longer than this.
    `recheck`: between two checks of the credential of an open event stream.
    `outage`: a session on its way to a connection for longer counts as down: legacy sends are refused at once.
    `session_poll`: between two checks of such a session.
    `requests_of_one`: requests in progress of one caller, of the connections that there are.
    `event_streams` at once, each of which holds a connection; `event_ping` keeps proxies from closing a quiet one.
    `hints`: between two hints of one stream of the panel, each of which makes its pages ask for what is new.
    `agent_sends`: sends of one agent's key that may wait for a person; `agent_poll`: between two looks for what was
    not claimed and what has expired.
    """

    server: ServerLimits = field(default_factory=ServerLimits)
    body: BodyLimits = field(default_factory=BodyLimits)
    guesses: GuessLimits = field(default_factory=GuessLimits)
    key_cache: float = 0.5
    recheck: float = 0.4
    outage: float = 60.0
    session_poll: float = 0.1
    event_streams: StreamLimits = field(default_factory=StreamLimits)
    requests_of_one: int = 400
    event_ping: float = 15.0
    hints: float = 0.4
    agent_sends: int = 50
    agent_poll: float = 5.0
