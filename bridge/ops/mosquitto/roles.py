"""What each role may publish and read, as a table. Pure: knows no file and no broker.

A user has one or more roles, for one session or for all. Patterns such as `reply/%u` are not used: they apply to every
user and would grant access to other sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bridge.contract.errors import InvalidRequest
from bridge.contract.topics import DiscoveryTopics, Leaf, Topics, check_session_name, is_level

Action = Literal["read", "write"]


class Role(StrEnum):
    BRIDGE = "bridge"
    RESPONDER = "responder"
    CAMPAIGNS = "campaigns"
    READER = "reader"
    SENDER = "sender"
    REQUESTER = "requester"
    PANEL = "panel"
    HOME_ASSISTANT = "homeassistant"
    ADMIN = "admin"


#: Roles that publish for every session and cannot be restricted to one.
ALL_SESSIONS = frozenset({Role.BRIDGE, Role.RESPONDER, Role.CAMPAIGNS})

_DISCOVERY = DiscoveryTopics()
PURPOSE = {
    Role.BRIDGE: "The bridge. Owns the whole prefix: every client trusts what only the bridge may publish.",
    Role.RESPONDER: "Reads and answers conversations, publishes its switch and its faults. Cannot pair or restart.",
    Role.CAMPAIGNS: "Sends campaigns, reads the answers, publishes how far each is. Cannot pair or restart.",
    Role.READER: "Receives messages and acks, and requests replays on its own topic. Cannot send.",
    Role.SENDER: "Sends and receives the results. Cannot read messages.",
    Role.REQUESTER: "Makes requests: reads chats and their history, and changes marks. Cannot send messages.",
    Role.PANEL: "A screen that shows states and the QR code. Reading the QR code is enough to pair an account.",
    Role.HOME_ASSISTANT: "Home Assistant: finds the sessions, reads messages and the QR code, sends, restarts.",
    Role.ADMIN: "An operator: pairs, restarts, logs out, reads and sends everything.",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission; `topic_filter` may contain `+` and `#`."""

    access: Literal["read", "write", "readwrite"]
    topic_filter: str

    def allows(self, action: Action, topic: str) -> bool:
        """Whether mosquitto would allow the action because of this grant."""
        return action in self.access and matches(self.topic_filter, topic)


@dataclass(frozen=True, slots=True)
class User:
    """One broker account; `session` None means all sessions. The name is also the topic level of its replies."""

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
            if whole := ALL_SESSIONS & self.roles:
                raise InvalidRequest(f"The role {min(whole)} is for all sessions: omit --session.")

    def grants(self, topics: Topics) -> tuple[Grant, ...]:
        """All permissions of the account, without duplicates."""
        scope = _Scope(topics, self.session or "+", self.name)
        return tuple(dict.fromkeys(grant for role in sorted(self.roles) for grant in _GRANTS[role](scope)))

    def may(self, action: Action, topic: str, topics: Topics) -> bool:
        return any(grant.allows(action, topic) for grant in self.grants(topics))

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(sorted(self.roles))}, {self.session or 'all sessions'})"


def matches(topic_filter: str, topic: str) -> bool:
    """MQTT's topic matching, without the exception for `$` topics: no filter here begins with a wildcard."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(given) or level not in ("+", given[position]):
            return False
    return len(wanted) == len(given)


@dataclass(frozen=True, slots=True)
class _Scope:
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
        yield Grant("write", self.topics.out(self.session, "#"))
        yield Grant("write", self.topics.typing(self.session))

    @property
    def reply(self) -> Grant:
        return Grant("read", self.topics.reply(self.session, self.user))

    @property
    def bridges(self) -> Grant:
        return Grant("read", self.topics.bridge_status("+"))


def _bridge(scope: _Scope) -> Iterator[Grant]:
    yield Grant("readwrite", f"{scope.topics.prefix}/#")
    yield Grant("write", _DISCOVERY.config("+"))
    yield Grant("read", _DISCOVERY.birth)


def _responder(scope: _Scope) -> Iterator[Grant]:
    yield from scope.reading(Leaf.IN, Leaf.EVENT, Leaf.RESULT, Leaf.ACK, Leaf.STATUS)
    yield scope.bridges
    yield from scope.replays
    yield Grant("write", scope.topics.out(scope.session))
    yield Grant("write", scope.topics.typing(scope.session))
    yield scope.reply
    yield Grant("readwrite", scope.topics.bot_config())
    yield Grant("read", scope.topics.bot_switch())
    yield Grant("write", scope.topics.responder_event())
    yield Grant("write", scope.topics.transcript(scope.session))


def _campaigns(scope: _Scope) -> Iterator[Grant]:
    yield from scope.reading(Leaf.IN, Leaf.RESULT, Leaf.ACK, Leaf.STATUS)
    yield scope.bridges
    yield from scope.replays
    yield Grant("write", scope.topics.out(scope.session))
    yield Grant("write", scope.topics.request(scope.session))
    yield scope.reply
    yield Grant("write", scope.topics.campaign(scope.session, "#"))


def _reader(scope: _Scope) -> Iterator[Grant]:
    yield from scope.reading(Leaf.IN, Leaf.EVENT, Leaf.ACK, Leaf.STATUS, Leaf.TRANSCRIPT)
    yield scope.bridges
    yield from scope.replays


def _sender(scope: _Scope) -> Iterator[Grant]:
    yield from scope.sends
    # The status shows a sender that a session does not exist or is offline; it contains no messages.
    yield from scope.reading(Leaf.RESULT, Leaf.ACK, Leaf.STATUS)
    yield scope.bridges
    yield scope.reply


def _requester(scope: _Scope) -> Iterator[Grant]:
    yield Grant("write", scope.topics.request(scope.session))
    yield from scope.reading(Leaf.RESPONSE, Leaf.STATUS)
    yield scope.bridges
    yield scope.reply


def _panel(scope: _Scope) -> Iterator[Grant]:
    yield from scope.reading(Leaf.STATUS, Leaf.QR)
    yield scope.bridges
    if scope.session == "+":
        yield Grant("read", scope.topics.bot_config())
        yield Grant("read", scope.topics.responder_event())


def _home_assistant(scope: _Scope) -> Iterator[Grant]:
    yield Grant("read", _DISCOVERY.config("+"))
    # it receives its own birth, by which it sees that the broker works
    yield Grant("readwrite", _DISCOVERY.birth)
    yield from scope.reading(Leaf.IN, Leaf.EVENT, Leaf.RESULT, Leaf.ACK, Leaf.STATUS, Leaf.QR)
    yield Grant("read", scope.topics.qr_image(scope.session))
    yield scope.bridges
    yield from scope.sends
    yield Grant("write", scope.topics.control(scope.session))


def _admin(scope: _Scope) -> Iterator[Grant]:
    if scope.session == "+":
        yield Grant("read", f"{scope.topics.prefix}/#")
        yield Grant("write", scope.topics.bot_switch())
    else:
        yield Grant("read", f"{scope.topics.prefix}/{scope.session}/#")
        yield scope.bridges
    yield from scope.sends
    yield Grant("write", scope.topics.request(scope.session))
    yield Grant("write", scope.topics.replay(scope.session))
    yield Grant("write", scope.topics.control(scope.session))
    yield Grant("write", scope.topics.bridge_control("+"))


_GRANTS: dict[Role, Callable[[_Scope], Iterator[Grant]]] = {
    Role.BRIDGE: _bridge,
    Role.RESPONDER: _responder,
    Role.CAMPAIGNS: _campaigns,
    Role.READER: _reader,
    Role.SENDER: _sender,
    Role.REQUESTER: _requester,
    Role.PANEL: _panel,
    Role.HOME_ASSISTANT: _home_assistant,
    Role.ADMIN: _admin,
}
