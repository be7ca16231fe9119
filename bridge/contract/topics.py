"""Topics: the only file that builds or parses them.

Levels are `[A-Za-z0-9_-]+`: some brokers rewrite `.` and `*`, and a topic never contains a JID. The prefix may hold
`/` and is a setting. Retained: `status`, `qr`, `passkey`, the bridge's own status and the responder's config. All QoS 1
but `control`, which is subscribed at QoS 0 so that an old action is never carried out after a reconnect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bridge.contract.errors import InvalidRequest

_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,64}")
RESERVED_SESSIONS = frozenset({"bridge", "responder"})


class Leaf(StrEnum):
    """The level after the session name."""

    IN = "in"
    EVENT = "event"
    OUT = "out"
    RESULT = "result"
    ACK = "ack"
    REPLAY = "replay"
    REPLY = "reply"
    CONTROL = "control"
    TYPING = "typing"
    REQUEST = "request"
    RESPONSE = "response"
    STATUS = "status"
    QR = "qr"
    PASSKEY = "passkey"


_LEAVES = {str(leaf): leaf for leaf in Leaf}


def is_level(text: str) -> bool:
    """Whether `text` may stand as one level of a topic."""
    return _LEVEL.fullmatch(text) is not None


def check_session_name(name: str) -> str:
    """Return `name` if it may name a session; raise `InvalidRequest` otherwise."""
    if not is_level(name):
        raise InvalidRequest(f"{name[:64]!r} cannot be a session name: use letters, digits, _ and - (64 at most).")
    if name in RESERVED_SESSIONS:
        raise InvalidRequest(f"{name!r} is reserved and cannot be a session name.")
    return name


def check_prefix(prefix: str) -> str:
    """Return `prefix` without outer slashes if every level is allowed; raise `InvalidRequest` otherwise."""
    levels = prefix.strip("/").split("/")
    if not all(is_level(level) for level in levels):
        raise InvalidRequest(f"{prefix!r} cannot be a topic prefix: levels are letters, digits, _ and -.")
    return "/".join(levels)


@dataclass(frozen=True, slots=True)
class SessionTopic:
    """A parsed topic of a session: `leaf` and, where it has one, the level after it."""

    session: str
    leaf: Leaf
    tail: str | None = None


@dataclass(frozen=True, slots=True)
class Topics:
    """Builds the topics under one prefix."""

    prefix: str = "wa"

    def session(self, session: str, leaf: Leaf, tail: str | None = None) -> str:
        """Any topic of a session: `<prefix>/<session>/<leaf>[/<tail>]`."""
        return "/".join(part for part in (self.prefix, session, leaf, tail) if part is not None)

    def inbound(self, session: str) -> str:
        return self.session(session, Leaf.IN)

    def event(self, session: str) -> str:
        """Events about messages that are not inbound messages."""
        return self.session(session, Leaf.EVENT)

    def out(self, session: str, digits: str | None = None) -> str:
        """Send commands; with `digits`, plain text to one number."""
        return self.session(session, Leaf.OUT, digits)

    def result(self, session: str) -> str:
        return self.session(session, Leaf.RESULT)

    def ack(self, session: str) -> str:
        """Acks of sent messages."""
        return self.session(session, Leaf.ACK)

    def replay(self, session: str, reader: str | None = None) -> str:
        """Replay requests; with `reader`, the items for that reader."""
        return self.session(session, Leaf.REPLAY, reader)

    def reply(self, session: str, client: str) -> str:
        """Copies of results for one client."""
        return self.session(session, Leaf.REPLY, client)

    def control(self, session: str) -> str:
        """init, close, logout, restart."""
        return self.session(session, Leaf.CONTROL)

    def typing(self, session: str) -> str:
        """Commands that show the typing indicator."""
        return self.session(session, Leaf.TYPING)

    def request(self, session: str) -> str:
        """Requests: everything that is not a message."""
        return self.session(session, Leaf.REQUEST)

    def response(self, session: str) -> str:
        return self.session(session, Leaf.RESPONSE)

    def status(self, session: str) -> str:
        """Retained session status, and its will."""
        return self.session(session, Leaf.STATUS)

    def qr(self, session: str) -> str:
        """The retained QR code or pairing code."""
        return self.session(session, Leaf.QR)

    def passkey(self, session: str) -> str:
        """WhatsApp's retained request for a passkey."""
        return self.session(session, Leaf.PASSKEY)

    def bridge_status(self, instance: str) -> str:
        """Retained status of one bridge process, and its will."""
        return f"{self.prefix}/bridge/{instance}/status"

    def bot_config(self, cliente_id: int | None = None) -> str:
        """The responder's retained switch for one client; None = the filter for all clients."""
        return f"{self.prefix}/responder/{'+' if cliente_id is None else cliente_id}/config"

    def bot_switch(self, cliente_id: int | None = None) -> str:
        """The topic that sets the switch of a client; None = the filter for all clients."""
        return f"{self.bot_config(cliente_id)}/set"

    def switched_client(self, topic: str) -> int | None:
        """The client whose switch is set on `topic`, or None when it is no such topic."""
        head, _, rest = topic.removeprefix(f"{self.prefix}/").partition("/")
        digits = rest.partition("/")[0]
        is_number = head == "responder" and digits.isascii() and digits.isdigit()
        return int(digits) if is_number and topic == self.bot_switch(int(digits)) else None

    def responder_event(self, instance: str = "+") -> str:
        """Faults of the responders of one instance. It has four levels, so `+/event` does not match it."""
        return f"{self.prefix}/responder/{instance}/event"

    def commands(self, session: str) -> tuple[str, ...]:
        """Filters a bridge subscribes to for one session at QoS 1."""
        return (self.out(session), f"{self.out(session)}/+", self.replay(session), self.request(session))

    def passing_commands(self, session: str) -> tuple[str, ...]:
        """Filters at QoS 0: these commands are worthless later."""
        return (self.control(session), self.typing(session))

    @lru_cache(maxsize=1024)  # noqa: B019 - equal values, one cache; the same few topics come again and again
    def parse(self, topic: str) -> SessionTopic | None:
        """Parse a topic under this prefix; None when it is no topic of a session."""
        head = f"{self.prefix}/"
        if not topic.startswith(head):
            return None
        levels = topic[len(head) :].split("/")
        if not 2 <= len(levels) <= 3 or levels[0] in RESERVED_SESSIONS or not all(map(is_level, levels)):
            return None
        leaf = _LEAVES.get(levels[1])
        if leaf is None:
            return None
        return SessionTopic(levels[0], leaf, levels[2] if len(levels) == 3 else None)

    def reply_client(self, session: str, topic: str) -> str | None:
        """The `<client>` of a reply topic of this session, or None when it is not one."""
        parsed = self.parse(topic)
        if parsed is None or parsed.session != session or parsed.leaf is not Leaf.REPLY:
            return None
        return parsed.tail
