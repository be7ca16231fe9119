"""The policy: whether a message is answered, and if not, the name of the reason. Two tables, in the order of asking.

Pure: the moment, the switches and what is known of the chat are given; nothing is looked up here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from responder.orders import is_opt_out, order_in
from responder.text_normalize import fingerprint


class Groups(StrEnum):
    """What is answered in groups."""

    NEVER = "never"
    MENTIONED = "mentioned"


class Verdict(StrEnum):
    """What becomes of a message. All but `ANSWER` are final when they are reached; each is one row of the record."""

    ANSWER = "answer"  # to be answered
    ORDER = "order"  # an administrator's: carried out and confirmed
    OPT_OUT = "opt_out"  # the customer wants no answers from here on: obeyed, without a word
    NOT_A_CONVERSATION = "not_a_conversation"  # a status, a newsletter, WhatsApp's own account
    BLOCKED = "blocked"
    GROUP = "group"  # groups are not answered
    NOT_MENTIONED = "not_mentioned"  # groups are answered where we are mentioned, and we were not
    NOT_TEXT = "not_text"
    EMPTY = "empty"
    TOO_OLD = "too_old"
    OFF = "off"  # the switch of the whole responder
    CLIENT_OFF = "client_off"  # the switch of this client
    OPTED_OUT = "opted_out"
    HUMAN = "human"  # a person has taken over the chat
    CLOSED = "closed"  # outside business hours
    DUPLICATE = "duplicate"
    CHAT_BUDGET = "chat_budget"  # this chat got as many answers as it may
    TOTAL_BUDGET = "total_budget"
    OWN = "own"  # written by a person on the phone, not by a customer
    ANSWERED = "answered"  # belongs to a turn
    NO_ANSWER = "no_answer"  # neither a rule nor the model has one
    FORBIDDEN = "forbidden"  # the answer held what must not go out


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator has set. Durations in seconds; a budget of 0 is none."""

    max_age: float = 900
    captions: bool = False
    groups: Groups = Groups.NEVER
    admins: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    duplicate_window: float = 120
    chat_budget: int = 20
    total_budget: int = 1000


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one message. `people` are all names of its author: number, LID, address."""

    body: str
    type: str
    timestamp: float
    people: frozenset[str]
    is_conversation: bool = True
    is_group: bool = False
    mentions: frozenset[str] = frozenset()
    mentions_us: bool = False
    """The bridge says that its account is among them."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How things stand while it is decided.

    `last_print` and `last_at` are of the chat's message before; `is_open` is asked for the moment at which it was
    written; `answers_*` count the answers of the budget's hour.
    """

    now: float
    active: bool = True
    client_active: bool | None = None
    opted_out: bool = False
    paused_until: float = 0
    is_open: bool = True
    last_print: str | None = None
    last_at: float = 0
    answers_to_chat: int = 0
    answers_in_all: int = 0


#: Types whose body is a caption.
CAPTIONED = frozenset({"image", "video", "document", "gif"})


def of_message(facts: Facts, policy: Policy) -> tuple[tuple[Verdict, bool], ...]:
    """Refusals for what the message is and whose it is.

    Who may not be answered comes before what was said, so that a blocked person's «stop» stays a blocked person's.
    """
    is_text = facts.type == "chat" or (policy.captions and facts.type in CAPTIONED)
    return (
        (Verdict.NOT_A_CONVERSATION, not facts.is_conversation),
        (Verdict.BLOCKED, not facts.people.isdisjoint(policy.blocked)),
        (Verdict.GROUP, facts.is_group and policy.groups is Groups.NEVER),
        (Verdict.NOT_MENTIONED, facts.is_group and not facts.mentions_us and facts.mentions.isdisjoint(policy.own)),
        (Verdict.NOT_TEXT, not is_text),
        (Verdict.EMPTY, not facts.body.strip()),
        # holds however old it is
        (Verdict.OPT_OUT, not facts.is_group and is_opt_out(facts.body)),
    )


def of_moment(timestamp: float, now: Circumstances, policy: Policy) -> tuple[tuple[Verdict, bool], ...]:
    """Refusals for how things stand."""
    return (
        (Verdict.TOO_OLD, now.now - timestamp > policy.max_age),
        (Verdict.OFF, not now.active),
        (Verdict.CLIENT_OFF, now.client_active is False),
        (Verdict.OPTED_OUT, now.opted_out),
        (Verdict.HUMAN, now.paused_until > now.now),
        (Verdict.CLOSED, not now.is_open),
        (Verdict.CHAT_BUDGET, 0 < policy.chat_budget <= now.answers_to_chat),
        (Verdict.TOTAL_BUDGET, 0 < policy.total_budget <= now.answers_in_all),
    )


def decide(facts: Facts, now: Circumstances, policy: Policy) -> Verdict:
    """The verdict on a message that arrives."""
    if (refusal := _first(of_message(facts, policy))) is not None:
        return refusal
    is_admin = not facts.is_group and not facts.people.isdisjoint(policy.admins)
    if is_admin and order_in(facts.body) is not None:  # before the switch that it turns
        return Verdict.TOO_OLD if now.now - facts.timestamp > policy.max_age else Verdict.ORDER
    if (refusal := _first(of_moment(facts.timestamp, now, policy))) is not None:
        return refusal
    is_recent = abs(facts.timestamp - now.last_at) <= policy.duplicate_window
    repeats = now.last_print is not None and is_recent and fingerprint(facts.body) == now.last_print
    return Verdict.DUPLICATE if repeats else Verdict.ANSWER


def reconsider(timestamp: float, now: Circumstances, policy: Policy) -> Verdict:
    """The verdict right before an answer is made or leaves, since much may have happened meanwhile."""
    return _first(of_moment(timestamp, now, policy)) or Verdict.ANSWER


def _first(refusals: tuple[tuple[Verdict, bool], ...]) -> Verdict | None:
    return next((verdict for verdict, applies in refusals if applies), None)
