"""How a message changes the state of its chat, and the verdict on it. Pure; the store writes the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from bridge.contract.opt_outs import is_opt_in
from bridge.contract.text_normalize import fingerprint, plain
from responder.hours import Hours
from responder.incoming import ReceivedMessage, SentBy
from responder.orders import Order, order_in
from responder.policy import OURS, Circumstances, Facts, Policy, Verdict, decide

#: Seconds after a customer's message in which an own message is one of WhatsApp Business itself.
AUTOREPLY_WITHIN = 2


@dataclass(slots=True)
class ChatState:
    """One row of the chats, while messages of it are recorded. Answers go to `chat`, the newest address."""

    id: int
    person: str
    cliente_id: int
    chat: str
    part: int
    name: str | None = None
    paused_until: float = 0
    opted_out_at: float | None = None
    last_print: str | None = None
    last_at: float = 0
    last_message: int = 0
    last_verdict: str | None = None  # on the newest message

    @property
    def is_theirs(self) -> bool:
        """Whether the newest message is the other side's."""
        return self.last_verdict is not None and self.last_verdict not in OURS

    def absorb(self, other: ChatState) -> None:
        """Take over the state of another chat of the same person: what prevents an answer in one of them stays."""
        newer = max(self, other, key=lambda one: (one.last_at, one.last_message))
        older = other if newer is self else self
        self.cliente_id, self.chat, self.last_print = newer.cliente_id, newer.chat, newer.last_print
        self.name = newer.name or older.name
        self.opted_out_at = min((at for at in (newer.opted_out_at, older.opted_out_at) if at is not None), default=None)
        self.paused_until = max(newer.paused_until, older.paused_until)
        self.last_verdict = max(self, other, key=lambda one: one.last_message).last_verdict
        self.last_at, self.last_message = newer.last_at, max(newer.last_message, older.last_message)


@dataclass(slots=True)
class SwitchState:
    """The switches while messages are recorded; an administrator's order among them changes `active`."""

    active: bool
    clients: dict[int, bool]


@dataclass(frozen=True, slots=True)
class OpeningTimes:
    """When messages are answered, and the text that a person gets once a day outside these hours; empty for none."""

    hours: Hours = field(default_factory=Hours)
    closed_text: str = ""


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """The settings that recording and deciding need. `pause` in seconds.

    `autoreplies`: plain texts of WhatsApp Business's own greetings. `opening` is asked each time: the hours can change.
    """

    policy: Policy
    opening: Callable[[], OpeningTimes]
    zone: tzinfo
    pause: float
    autoreplies: frozenset[str] = frozenset()

    @property
    def closed_text(self) -> str:
        """What is sent outside business hours."""
        return self.opening().closed_text

    def is_open(self, timestamp: float) -> bool:
        """Whether messages written at this moment are answered."""
        return self.opening().hours.are_open(datetime.fromtimestamp(timestamp, self.zone))

    def day_began(self, timestamp: float) -> float:
        """The midnight before this moment in the time zone of the business."""
        moment = datetime.fromtimestamp(timestamp, self.zone)
        return moment.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def judge(
    message: ReceivedMessage, chat: ChatState, switches: SwitchState, operator: OperatorSettings, now: float
) -> Verdict:
    """The verdict on a message; updates `chat` and `switches`."""
    verdict = _judge(message, chat, switches, operator, now)
    if verdict is not Verdict.AUTOREPLY:  # after which the customer still waits
        chat.last_verdict = verdict
    return verdict


def _judge(
    message: ReceivedMessage, chat: ChatState, switches: SwitchState, operator: OperatorSettings, now: float
) -> Verdict:
    facts = message.facts
    chat.cliente_id, chat.name = message.cliente_id, message.name or chat.name
    if message.from_me:
        return _judge_own(message, chat, operator)
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
    if verdict is Verdict.CLOSED and operator.closed_text:
        verdict = Verdict.ANSWER  # by the closed text, unless this person had it today
    if verdict is Verdict.OPT_OUT:
        chat.opted_out_at = now
    if verdict is Verdict.ORDER and (order := order_in(facts.body)) is not Order.STATE:
        switches.active = order is Order.ON
    chat.last_print = fingerprint(facts.body) if facts.body.strip() else None
    chat.last_at = max(chat.last_at, facts.timestamp)
    return verdict


def _judge_own(message: ReceivedMessage, chat: ChatState, operator: OperatorSettings) -> Verdict:
    moment = message.facts.timestamp
    if message.sent_by is SentBy.PHONE and _is_autoreply(message.facts, chat, operator):
        return Verdict.AUTOREPLY
    chat.last_at, chat.last_print = max(chat.last_at, moment), None
    if message.sent_by is SentBy.PROGRAM:
        return Verdict.SENT
    chat.paused_until = max(chat.paused_until, moment + operator.pause)
    return Verdict.OWN if message.sent_by is SentBy.PHONE else Verdict.OPERATOR


def _is_autoreply(facts: Facts, chat: ChatState, operator: OperatorSettings) -> bool:
    """WhatsApp does not mark its automatic messages. What comes this soon after the customer's no person has typed,
    except one who is in the conversation already."""
    if operator.autoreplies and plain(facts.body) in operator.autoreplies:
        return True
    in_conversation = chat.paused_until > facts.timestamp
    return chat.is_theirs and not in_conversation and 0 <= facts.timestamp - chat.last_at <= AUTOREPLY_WITHIN
