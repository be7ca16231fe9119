"""What a receiver's response means, when to try again, and whether a webhook's filter includes an item. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Any

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid, canonical_address
from bridge.contract.messages import ERASED, Stream
from bridge.ports import MESSAGE, Failure, PostAnswer, WebhookFilter
from bridge.webhooks.limits import WebhookLimits

#: Responses that say nothing about the item: those of a proxy, and those that ask for a later attempt.
_TEMPORARY = frozenset({408, 425, 429, 502, 503})
#: Those of them that ask all senders to wait, where they say how long.
THROTTLED = frozenset({429, 503})
#: A proxy's answer for a receiver that took the request and did not answer in time.
_LATE = 504


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


def is_taken(answer: PostAnswer) -> bool:
    """Whether the post counts: the receiver answered for itself or had the whole request, or the bridge failed."""
    if answer.failure is Failure.INTERNAL:
        return True
    return answer.received if answer.status is None else answer.status not in _TEMPORARY


def judge(answer: PostAnswer, taken: int, limits: WebhookLimits, *, legacy: bool = False) -> PostVerdict:
    """The verdict on the outcome of a post; `taken`: posts of this item that `is_taken` counts, with this one.

    Retried as long as the journal keeps the item: only what the receiver cannot have processed.
    """
    status = answer.status
    if not is_taken(answer):
        return PostVerdict.RETRY
    if answer.failure is Failure.INTERNAL:
        bound = limits.server_errors
    elif status is None or status == _LATE:
        bound = limits.legacy_unanswered if legacy else limits.unanswered
    elif 200 <= status < 300:
        return PostVerdict.DELIVERED
    else:
        bound = limits.server_errors if status >= 500 else 1
    return PostVerdict.RETRY if taken < bound else PostVerdict.REFUSED


def retry_pause(attempts: int, answer: PostAnswer, random: float, limits: WebhookLimits) -> float:
    """Seconds until the next attempt after `attempts` for one item; a receiver may request more (`Retry-After`).

    `random` in [0, 1) spreads the attempts of webhooks that failed at the same moment.
    """
    return max(limits.retry.pause(attempts, random), min(answer.retry_after or 0.0, limits.longest_retry_after))


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
        case Failure.INTERNAL:
            return f"The bridge could not post it ({answer.detail}): see its log."
        case Failure.FORBIDDEN:
            return answer.detail
    redirect = answer.status is not None and 300 <= answer.status < 400
    return f"It answered {answer.status}{', a redirect, which is not followed' if redirect else ''}."


def includes(chosen: WebhookFilter, stream: Stream, item: Mapping[str, Any]) -> bool:
    """Whether a filter includes a stored item (`MessageBody` or `EventBody`)."""
    if ERASED in (item.get("type"), item.get("kind")):
        return False
    kind = item.get("kind")
    wanted = {MESSAGE, f"{MESSAGE}.{kind}"} if stream is Stream.IN else {kind}
    if wanted.isdisjoint(chosen.kinds):
        return False
    chat = item.get("chat")
    if chat is not None and _is_group(chat) and not chosen.groups:
        return False
    return chosen.chats is None or not addresses_of(item).isdisjoint(map(canonical_address, chosen.chats))


def addresses_of(item: Mapping[str, Any]) -> frozenset[str]:
    """Every address of the chat of a stored item, in its canonical form; none for an event that is of no chat."""
    chat = item.get("chat")
    # WhatsApp switches between a person's number and LID, so both count; in a group these fields are the author's.
    in_group = chat is not None and _is_group(chat)
    named = {chat} if in_group else {chat, item.get("from_pn"), item.get("from_lid")}
    return frozenset(canonical_address(address) for address in named if address is not None)


def _is_group(chat: str) -> bool:
    try:
        return Jid.parse(chat).is_group
    except InvalidRequest:
        return False
