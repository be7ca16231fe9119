"""What a receiver's response means, when to try again, and whether a webhook's filter includes an item. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Any

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid
from bridge.contract.messages import ERASED, Stream
from bridge.ports import MESSAGE, Failure, PostAnswer, WebhookFilter
from bridge.webhooks.limits import WebhookLimits

#: Responses that say nothing about the item: those of a proxy, and those that ask for a later attempt.
_TEMPORARY = frozenset({408, 425, 429, 502, 503, 504})


class PostVerdict(Enum):
    """What follows from the outcome of a post."""

    DELIVERED = auto()
    RETRY = auto()
    REFUSED = auto()  # permanent: the item becomes a dead letter


class Circuit(StrEnum):
    """The state of a webhook, for display: `open` = failing, one attempt after each pause."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"  # failing, and an attempt is in progress
    OPEN = "open"


def judge(answer: PostAnswer, attempts: int, limits: WebhookLimits) -> PostVerdict:
    """The verdict on the outcome of the post number `attempts` (1 is the first) of one item."""
    status = answer.status
    if status is None or status in _TEMPORARY:
        return PostVerdict.RETRY
    if 200 <= status < 300:
        return PostVerdict.DELIVERED
    if status >= 500:
        return PostVerdict.RETRY if attempts < limits.server_errors else PostVerdict.REFUSED
    return PostVerdict.REFUSED


def retry_pause(failures: int, answer: PostAnswer, random: float, limits: WebhookLimits) -> float:
    """Seconds until the next attempt after `failures` in a row; a receiver may request more (`Retry-After`).

    `random` in [0, 1) spreads the attempts of webhooks that failed at the same moment.
    """
    return max(limits.retry.pause(failures, random), min(answer.retry_after or 0.0, limits.longest_retry_after))


def describe(answer: PostAnswer) -> str:
    """What went wrong, as a sentence."""
    match answer.failure:
        case Failure.TIMED_OUT:
            return "It did not answer in time."
        case Failure.HOST_UNKNOWN:
            return "Its host name could not be resolved."
        case Failure.CONNECTION_REFUSED:
            return "It refused the connection: nothing listens on that port."
        case Failure.TLS_FAILED:
            return f"TLS connection failed: {answer.detail}"
        case Failure.BROKEN_OFF:
            return f"Connection closed before a response was received: {answer.detail}"
        case Failure.UNREACHABLE:
            return f"It could not be reached: {answer.detail}"
        case Failure.FORBIDDEN:
            return answer.detail
    redirect = answer.status is not None and 300 <= answer.status < 400
    return f"It answered {answer.status}{', a redirect, which is not followed' if redirect else ''}."


def includes(chosen: WebhookFilter, stream: Stream, item: Mapping[str, Any]) -> bool:
    """Whether a filter includes a stored item (`MessageBody` or `EventBody`)."""
    if ERASED in (item.get("type"), item.get("kind")):
        return False
    kind = MESSAGE if stream is Stream.IN else item.get("kind")
    if kind not in chosen.kinds:
        return False
    chat = item.get("chat")
    if chat is None:
        return chosen.chats is None
    group = _is_group(chat)
    if group and not chosen.groups:
        return False
    # WhatsApp switches between a person's number and LID, so both count; in a group these fields are the author's.
    addresses = {chat} if group else {chat, item.get("from_pn"), item.get("from_lid")}
    return chosen.chats is None or not chosen.chats.isdisjoint(addresses)


def _is_group(chat: str) -> bool:
    try:
        return Jid.parse(chat).is_group
    except InvalidRequest:
        return False
