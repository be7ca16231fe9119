"""What each role may publish and read, as a table. Pure: knows no file and no broker.

A user has one role or several, for one session or for all. Nobody is given a pattern such as `reply/%u`: granted to
everyone it would reach into sessions that are not theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bridge.contract.errors import InvalidRequest
from bridge.contract.topics import Leaf, Topics, check_session_name, is_level

Action = Literal["read", "write"]


class Role(StrEnum):
    """What a program or a person is here for."""

    BRIDGE = "bridge"
    RESPONDER = "responder"
    READER = "reader"
    SENDER = "sender"
    PANEL = "panel"
    ADMIN = "admin"


#: Roles that own what they publish for every session, so that one session cannot be cut out for them.
UNDIVIDED = frozenset({Role.BRIDGE, Role.RESPONDER})

PURPOSE = {
    Role.BRIDGE: "The bridge. Everyone trusts what only it may publish, so it owns the whole prefix.",
    Role.RESPONDER: "Reads and answers conversations, shows its switch and its faults. It neither pairs nor restarts.",
    Role.READER: "Receives messages and ticks, and has them replayed on a topic of its own. It sends nothing.",
    Role.SENDER: "Sends and hears what became of it. It reads nobody's messages.",
    Role.PANEL: "A screen that shows states and the pairing code. Whoever reads the code can pair an account.",
    Role.ADMIN: "A person who pairs, restarts, logs out, and may see and send everything.",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission; `topic_filter` may hold `+` and `#`."""

    access: Literal["read", "write", "readwrite"]
    topic_filter: str

    def allows(self, action: Action, topic: str) -> bool:
        """Whether it lets its user do that, as mosquitto reads it."""
        return action in self.access and matches(self.topic_filter, topic)


@dataclass(frozen=True, slots=True)
class User:
    """One account of the broker; `session` None means all of them. The name is also the level it is answered on."""

    name: str
    roles: frozenset[Role]
    session: str | None = None

    def __post_init__(self) -> None:
        if not is_level(self.name):
            raise InvalidRequest(f"{self.name!r} cannot be a user name: use letters, digits, _ and - (64 at most).")
        if not self.roles:
            raise InvalidRequest(f"{self.name} has no role: choose from {', '.join(Role)}.")
        if self.session is not None:
            check_session_name(self.session)
            if whole := UNDIVIDED & self.roles:
                raise InvalidRequest(f"The role {min(whole)} is for all sessions: leave --session out.")

    def grants(self, topics: Topics) -> tuple[Grant, ...]:
        """Everything that the account may do, each thing once."""
        place = _Place(topics, self.session or "+", self.name)
        return tuple(dict.fromkeys(grant for role in sorted(self.roles) for grant in _GRANTS[role](place)))

    def may(self, action: Action, topic: str, topics: Topics) -> bool:
        """Whether the account may do that."""
        return any(grant.allows(action, topic) for grant in self.grants(topics))

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(sorted(self.roles))}, {self.session or 'all sessions'})"


def matches(topic_filter: str, topic: str) -> bool:
    """MQTT's rule for topic filters, without its exception for `$` topics: no filter of ours begins with a wildcard."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(given) or level not in ("+", given[position]):
            return False
    return len(wanted) == len(given)


@dataclass(frozen=True, slots=True)
class _Place:
    topics: Topics
    session: str
    user: str

    def reading(self, *leaves: Leaf) -> Iterator[Grant]:
        for leaf in leaves:
            yield Grant("read", self.topics.session(self.session, leaf))

    @property
    def replays(self) -> Iterable[Grant]:
        yield Grant("write", self.topics.replay(self.session))
        yield Grant("read", self.topics.replay(self.session, self.user))

    @property
    def sends(self) -> Iterable[Grant]:
        yield Grant("write", self.topics.out(self.session))
        yield Grant("write", self.topics.out(self.session, "+"))
        yield Grant("write", self.topics.typing(self.session))

    @property
    def reply(self) -> Grant:
        return Grant("read", self.topics.reply(self.session, self.user))

    @property
    def bridges(self) -> Grant:
        return Grant("read", self.topics.bridge_status("+"))


def _bridge(at: _Place) -> Iterator[Grant]:
    yield Grant("readwrite", f"{at.topics.prefix}/#")


def _responder(at: _Place) -> Iterator[Grant]:
    yield from at.reading(Leaf.IN, Leaf.EVENT, Leaf.RESULT, Leaf.ACK, Leaf.STATUS)
    yield at.bridges
    yield from at.replays
    yield Grant("write", at.topics.out(at.session))
    yield Grant("write", at.topics.typing(at.session))
    yield at.reply
    yield Grant("readwrite", at.topics.bot_config())
    yield Grant("read", at.topics.bot_switch())
    yield Grant("write", at.topics.responder_event())


def _reader(at: _Place) -> Iterator[Grant]:
    yield from at.reading(Leaf.IN, Leaf.EVENT, Leaf.ACK, Leaf.STATUS)
    yield at.bridges
    yield from at.replays


def _sender(at: _Place) -> Iterator[Grant]:
    yield from at.sends
    # The status tells a sender at once that a session does not exist or is away; it holds nobody's messages.
    yield from at.reading(Leaf.RESULT, Leaf.ACK, Leaf.STATUS)
    yield at.bridges
    yield at.reply


def _panel(at: _Place) -> Iterator[Grant]:
    yield from at.reading(Leaf.STATUS, Leaf.QR)
    yield at.bridges
    if at.session == "+":
        yield Grant("read", at.topics.bot_config())
        yield Grant("read", at.topics.responder_event())


def _admin(at: _Place) -> Iterator[Grant]:
    if at.session == "+":
        yield Grant("read", f"{at.topics.prefix}/#")
        yield Grant("write", at.topics.bot_switch())
    else:
        yield Grant("read", f"{at.topics.prefix}/{at.session}/#")
        yield at.bridges
    yield from at.sends
    yield Grant("write", at.topics.replay(at.session))
    yield Grant("write", at.topics.control(at.session))


_GRANTS: dict[Role, Callable[[_Place], Iterator[Grant]]] = {
    Role.BRIDGE: _bridge,
    Role.RESPONDER: _responder,
    Role.READER: _reader,
    Role.SENDER: _sender,
    Role.PANEL: _panel,
    Role.ADMIN: _admin,
}
