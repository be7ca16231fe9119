"""How a message changes the state of its chat, and the verdict on it. Pure; the store writes the result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from responder.hours import Hours
from responder.incoming import ReceivedMessage
from responder.orders import Order, is_opt_in, order_in
from responder.policy import Circumstances, Policy, Verdict, decide
from responder.text_normalize import fingerprint


@dataclass(slots=True)
class ChatState:
    """One row of the chats, while messages of it are recorded."""

    id: int
    person: str
    cliente_id: int
    name: str | None = None
    paused_until: float = 0
    opted_out_at: float | None = None
    last_print: str | None = None
    last_at: float = 0


@dataclass(slots=True)
class SwitchState:
    """The switches while messages are recorded; an administrator's order among them changes `active`."""

    active: bool
    clients: dict[int, bool]


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """The settings that recording and deciding need. `pause` in seconds."""

    policy: Policy
    hours: Hours
    zone: tzinfo
    pause: float

    def is_open(self, timestamp: float) -> bool:
        """Whether messages written at this moment are answered."""
        return self.hours.are_open(datetime.fromtimestamp(timestamp, self.zone))


def judge(
    message: ReceivedMessage, chat: ChatState, switches: SwitchState, operator: OperatorSettings, now: float
) -> Verdict:
    """The verdict on a message; updates `chat` and `switches`."""
    facts = message.facts
    chat.person, chat.cliente_id, chat.name = message.person, message.cliente_id, message.name or chat.name
    if message.from_me:
        chat.last_at = max(chat.last_at, facts.timestamp)
        chat.paused_until = max(chat.paused_until, facts.timestamp + operator.pause)
        return Verdict.OWN
    if is_opt_in(facts.body):
        chat.opted_out_at = None
    verdict = decide(
        facts,
        Circumstances(
            now=now,
            active=switches.active,
            client_active=switches.clients.get(message.cliente_id),
            opted_out=chat.opted_out_at is not None,
            paused_until=chat.paused_until,
            is_open=operator.is_open(facts.timestamp),
            last_print=chat.last_print,
            last_at=chat.last_at,
        ),
        operator.policy,
    )
    if verdict is Verdict.OPT_OUT:
        chat.opted_out_at = now
    if verdict is Verdict.ORDER and (order := order_in(facts.body)) is not Order.STATE:
        switches.active = order is Order.ON
    chat.last_print = fingerprint(facts.body) if facts.body.strip() else None
    chat.last_at = max(chat.last_at, facts.timestamp)
    return verdict
