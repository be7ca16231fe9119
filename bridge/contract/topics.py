"""Topics: the only file that builds or parses them.

Levels are `[A-Za-z0-9_-]+`: some brokers rewrite `.` and `*`, and no topic that the bridge publishes contains a JID.
What follows `out/` is a recipient as the client wrote it. The prefix may hold `/` and is a setting. Retained: `status`,
`qr`, `qr/png`, `passkey`, `lease`, `campaign/<id>`, the bridge's own status, the responder's config, and what Home
Assistant discovers. All QoS 1 but `control`, which is subscribed at QoS 0 so that an old action is never carried out
after a reconnect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

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
    TRANSCRIPT = "transcript"
    CAMPAIGN = "campaign"
    LEASE = "lease"


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
    """A parsed topic of a session: `leaf` and, where it has one, the level after it.

    After `out` the tail is all that follows, also an empty level or several.
    """

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

    def out(self, session: str, recipient: str | None = None) -> str:
        """Send commands; with `recipient`, plain text to one number or chat."""
        return self.session(session, Leaf.OUT, recipient)

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

    def qr_image(self, session: str) -> str:
        """The retained QR code as a PNG, which Home Assistant can draw."""
        return self.session(session, Leaf.QR, "png")

    def passkey(self, session: str) -> str:
        """WhatsApp's retained request for a passkey."""
        return self.session(session, Leaf.PASSKEY)

    def lease(self, session: str) -> str:
        """Which of several bridges runs the session, retained."""
        return self.session(session, Leaf.LEASE)

    def transcript(self, session: str) -> str:
        """What was said in voice messages, by a responder that writes them down."""
        return self.session(session, Leaf.TRANSCRIPT)

    def campaign(self, session: str, campaign: str) -> str:
        """How far a campaign is, retained."""
        return self.session(session, Leaf.CAMPAIGN, campaign)

    def campaign_event(self, session: str, campaign: str) -> str:
        """What happens with a campaign."""
        return f"{self.campaign(session, campaign)}/event"

    def bridge_status(self, instance: str) -> str:
        """Retained status of one bridge process, and its will."""
        return f"{self.prefix}/bridge/{instance}/status"

    def bridge_control(self, instance: str) -> str:
        """Commands to a bridge: add and remove sessions, sleep and wake."""
        return f"{self.prefix}/bridge/{instance}/control"

    def bridge_result(self, instance: str) -> str:
        """Answers to commands to a bridge."""
        return f"{self.bridge_control(instance)}/result"

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
        """Filters a bridge subscribes to for one session at QoS 1: everything under `out`.

        No topic matches two of them, since mosquitto delivers it once for each: so `out/#` would send a command twice
        that a persistent session of an earlier version, with its filter `out/+`, receives after an update.
        """
        out = self.out(session)
        return (out, f"{out}/+", f"{out}/+/+/#", self.replay(session), self.request(session))

    def passing_commands(self, session: str) -> tuple[str, ...]:
        """Filters at QoS 0: these commands are worthless later."""
        return (self.control(session), self.typing(session))

    def parse(self, topic: str) -> SessionTopic | None:
        """Parse a topic under this prefix; None when it is no topic of a session."""
        head = f"{self.prefix}/"
        if not topic.startswith(head):
            return None
        session, *rest = topic[len(head) :].split("/", 2)
        leaf = _LEAVES.get(rest[0]) if rest else None
        if leaf is None or session in RESERVED_SESSIONS or not is_level(session):
            return None
        tail = rest[1] if len(rest) == 2 else None
        if tail is not None and leaf is not Leaf.OUT and not is_level(tail):
            return None
        return SessionTopic(session, leaf, tail)

    def reply_client(self, session: str, topic: str) -> str | None:
        """The `<client>` of a reply topic of this session, or None when it is not one."""
        parsed = self.parse(topic)
        if parsed is None or parsed.session != session or parsed.leaf is not Leaf.REPLY:
            return None
        return parsed.tail


@dataclass(frozen=True, slots=True)
class DiscoveryTopics:
    """Where Home Assistant looks for devices, under a prefix of its own."""

    prefix: str = "homeassistant"

    def config(self, device: str) -> str:
        """The retained description of one device; empty removes it."""
        return f"{self.prefix}/device/{device}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started, and that it ends."""
        return f"{self.prefix}/status"
