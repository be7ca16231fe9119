"""What an answer of a listener means, when to try again, and whether it wants an item at all. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Any

from bridge.contract.backoff import Backoff
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid
from bridge.contract.messages import ERASED, Stream
from bridge.ports import MESSAGE, Failure, PostAnswer, WebhookFilter

#: The jitter spreads webhooks that failed together; one that is back waits no longer than the limit.
RETRY = Backoff(1.0, 60.0, jitter=0.5)
#: A receiver may ask for a longer pause, up to this many seconds.
LONGEST_RETRY_AFTER = 3600.0
#: Failures in a row after which the circuit counts as open.
OPENS_AFTER = 5
#: Answers of 500 and its like to one item, until it is taken for one that the receiver cannot digest.
INDIGESTIBLE = 20
#: Answers that say that nobody was there to judge the item: a proxy's, and those that ask to come again.
_COME_AGAIN = frozenset({408, 425, 429, 502, 503, 504})


class PostVerdict(Enum):
    """What to do after a post."""

    DELIVERED = auto()
    RETRY = auto()
    REFUSED = auto()  # it will never be taken: to the dead letters


class Circuit(StrEnum):
    """How a listener is, for people: `open` = it fails, and is tried once after each pause."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"  # it failed and is being tried
    OPEN = "open"


def judge(answer: PostAnswer, attempts: int) -> PostVerdict:
    """The verdict on the answer to the post number `attempts` (1 is the first) of one item."""
    status = answer.status
    if status is None or status in _COME_AGAIN:
        return PostVerdict.RETRY
    if 200 <= status < 300:
        return PostVerdict.DELIVERED
    if status >= 500:
        return PostVerdict.RETRY if attempts < INDIGESTIBLE else PostVerdict.REFUSED
    return PostVerdict.REFUSED


def pause(failures: int, answer: PostAnswer, random: float, backoff: Backoff = RETRY) -> float:
    """Seconds until the next attempt after `failures` in a row; a receiver may ask for more (`Retry-After`)."""
    return max(backoff.pause(failures, random), min(answer.retry_after or 0.0, LONGEST_RETRY_AFTER))


def describe(answer: PostAnswer) -> str:
    """What went wrong, for a person."""
    match answer.failure:
        case Failure.TIMED_OUT:
            return "It did not answer in time."
        case Failure.HOST_UNKNOWN:
            return "Its host name leads nowhere."
        case Failure.CONNECTION_REFUSED:
            return "Nothing listens there: the connection was refused."
        case Failure.TLS_FAILED:
            return f"No secure connection: {answer.detail}"
        case Failure.BROKEN_OFF:
            return f"It broke off before it answered: {answer.detail}"
        case Failure.UNREACHABLE:
            return f"It could not be reached: {answer.detail}"
        case Failure.FORBIDDEN:
            return answer.detail
    redirect = answer.status is not None and 300 <= answer.status < 400
    return f"It answered {answer.status}{', a redirect, which is not followed' if redirect else ''}."


def wants(choice: WebhookFilter, stream: Stream, item: Mapping[str, Any]) -> bool:
    """Whether a stored item (`MessageBody` or `EventBody`) is chosen."""
    if ERASED in (item.get("type"), item.get("kind")):
        return False
    kind = MESSAGE if stream is Stream.IN else item.get("kind")
    if kind not in choice.kinds:
        return False
    chat = item.get("chat")
    if chat is None:
        return choice.chats is None
    group = _is_group(chat)
    if group and not choice.groups:
        return False
    # a person is reached under number and LID, and WhatsApp changes between them; in a group those are the author's
    addresses = {chat} if group else {chat, item.get("from_pn"), item.get("from_lid")}
    return choice.chats is None or not choice.chats.isdisjoint(addresses)


def _is_group(chat: str) -> bool:
    try:
        return Jid.parse(chat).is_group
    except InvalidRequest:
        return False
