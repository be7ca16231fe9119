"""The policy: whether a message is answered, and if not, the reason. Two tables; the first row that applies decides.

Pure: the time, the switches and the state of the chat are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.contract.kinds import BY_NAME
from bridge.contract.opt_outs import is_opt_out
from bridge.contract.text_normalize import fingerprint
from responder.orders import order_in


class Groups(StrEnum):
    """Which messages of groups are answered."""

    NEVER = "never"
    MENTIONED = "mentioned"


class Verdict(StrEnum):
    """The outcome of a message. All but `ANSWER` and `TRANSCRIBE` are final; each is stored with its message."""

    ANSWER = "answer"  # waits for an answer
    ORDER = "order"  # of an administrator: applied and confirmed
    OPT_OUT = "opt_out"  # the customer asks for no more answers: applied, not confirmed
    NOT_A_CONVERSATION = "not_a_conversation"  # a status, a newsletter, WhatsApp's own account
    BLOCKED = "blocked"
    GROUP = "group"  # groups are not answered
    NOT_MENTIONED = "not_mentioned"  # groups are answered only where the account is mentioned
    NOT_TEXT = "not_text"
    TRANSCRIBE = "transcribe"  # a voice message that waits for its text, and is decided again by it
    EMPTY = "empty"
    TOO_OLD = "too_old"
    OFF = "off"  # the switch of the whole responder
    CLIENT_OFF = "client_off"  # the switch of this client
    OPTED_OUT = "opted_out"
    HUMAN = "human"  # a person has taken over the chat
    CLOSED = "closed"  # outside business hours
    DUPLICATE = "duplicate"
    CHAT_BUDGET = "chat_budget"  # this chat has had its answers for the hour
    TOTAL_BUDGET = "total_budget"
    OWN = "own"  # written by a person of the business, on the phone
    OPERATOR = "operator"  # written by a person of the business, on the page or through the bridge
    AUTOREPLY = "autoreply"  # the greeting or away message of WhatsApp Business
    SENT = "sent"  # sent by another program
    ANSWERED = "answered"  # part of a turn
    NO_ANSWER = "no_answer"  # neither a rule nor the model has one
    MODEL_FAILED = "model_failed"  # the model's server refused it in a way that no repetition mends
    FORBIDDEN = "forbidden"  # the answer matched a forbidden expression


#: Verdicts of messages that the account sent.
OURS = (Verdict.OWN, Verdict.OPERATOR, Verdict.SENT, Verdict.AUTOREPLY)
#: Those of them that a person wrote: the bot is silent after them.
BY_HAND = (Verdict.OWN, Verdict.OPERATOR)


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's settings. Durations in seconds; a budget of 0 means unlimited."""

    max_age: float = 900
    captions: bool = False
    groups: Groups = Groups.NEVER
    admins: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    duplicate_window: float = 120
    chat_budget: int = 20
    total_budget: int = 1000
    #: Seconds of the longest voice message that becomes text; 0: none does.
    speech: float = 0
    #: Whether a model is shown pictures.
    images: bool = False

    @property
    def reads_files(self) -> bool:
        """Whether it matters where the files of messages are."""
        return self.speech > 0 or self.images


@dataclass(frozen=True, slots=True)
class Facts:
    """One message. `kind` is its kind, or WhatsApp's type from a sender that names none; `people` are all addresses of
    its author: number, LID, address."""

    body: str
    kind: str
    timestamp: float
    people: frozenset[str]
    is_conversation: bool = True
    is_group: bool = False
    mentions: frozenset[str] = frozenset()
    mentions_account: bool = False
    """The bridge reports that its own account is mentioned."""
    title: str = ""
    """The name of its file, or its place, if it has one."""
    speech: float | None = None
    """Seconds of a voice message, 0 where they are not known; None for what is none, or may be heard once only."""
    is_picture: bool = False
    """Whether it is a picture that may be seen more than once."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The state in which a message is decided.

    `last_print` and `last_at` are those of the chat's previous message, `last_print` None once it was answered.
    `is_open` applies to the moment at which the message was written; `answers_*` count the answers within the budget's
    hour.
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


def author_refusals(facts: Facts, policy: Policy) -> tuple[tuple[Verdict, bool], ...]:
    """Refusals that depend on the author and the chat.

    They come before those by the text: the «stop» of a blocked person stays `blocked`.
    """
    is_mentioned = facts.mentions_account or not facts.mentions.isdisjoint(policy.own)
    return (
        (Verdict.NOT_A_CONVERSATION, not facts.is_conversation),
        (Verdict.BLOCKED, not facts.people.isdisjoint(policy.blocked)),
        (Verdict.GROUP, facts.is_group and policy.groups is Groups.NEVER),
        (Verdict.NOT_MENTIONED, facts.is_group and not is_mentioned),
    )


def text_refusals(facts: Facts, policy: Policy) -> tuple[tuple[Verdict, bool], ...]:
    """Refusals that depend on what was written."""
    kind = BY_NAME.get(facts.kind)
    is_text = kind is not None and (kind.is_text or (policy.captions and kind.has_caption))
    is_seen = policy.images and facts.is_picture
    return (
        (Verdict.NOT_TEXT, not is_text and not is_seen),
        (Verdict.EMPTY, not facts.body.strip() and not is_seen),
        # whatever its age
        (Verdict.OPT_OUT, not facts.is_group and is_opt_out(facts.body)),
    )


def moment_refusals(timestamp: float, now: Circumstances, policy: Policy) -> tuple[tuple[Verdict, bool], ...]:
    """Refusals that depend on the circumstances."""
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
    """The verdict on a received message."""
    if (refusal := _first(author_refusals(facts, policy))) is not None:
        return refusal
    if policy.speech and facts.speech is not None and facts.speech <= policy.speech:
        # whatever the switches: an opt-out counts, and the record has the text
        return Verdict.TOO_OLD if now.now - facts.timestamp > policy.max_age else Verdict.TRANSCRIBE
    if (refusal := _first(text_refusals(facts, policy))) is not None:
        return refusal
    is_admin = not facts.is_group and not facts.people.isdisjoint(policy.admins)
    if is_admin and order_in(facts.body) is not None:  # before the switch, which it may turn on
        return Verdict.TOO_OLD if now.now - facts.timestamp > policy.max_age else Verdict.ORDER
    if (refusal := _first(moment_refusals(facts.timestamp, now, policy))) is not None:
        return refusal
    is_recent = abs(facts.timestamp - now.last_at) <= policy.duplicate_window
    repeats = now.last_print is not None and is_recent and fingerprint(facts.body) == now.last_print
    if facts.is_picture and not facts.body.strip():
        repeats = False  # two pictures without captions are two messages
    return Verdict.DUPLICATE if repeats else Verdict.ANSWER


def reconsider(timestamp: float, now: Circumstances, policy: Policy) -> Verdict:
    """The verdict again, right before an answer is made or sent: the circumstances may have changed."""
    return _first(moment_refusals(timestamp, now, policy)) or Verdict.ANSWER


def takes_back(now: Circumstances) -> Verdict | None:
    """The verdict that takes back an answer which has not left yet; not age, hours or budgets, which count before."""
    stops = (Verdict.OFF, Verdict.CLIENT_OFF, Verdict.OPTED_OUT, Verdict.HUMAN)
    refusals = moment_refusals(now.now, now, Policy())
    return _first(tuple(refusal for refusal in refusals if refusal[0] in stops))


def _first(refusals: tuple[tuple[Verdict, bool], ...]) -> Verdict | None:
    return next((verdict for verdict, applies in refusals if applies), None)
