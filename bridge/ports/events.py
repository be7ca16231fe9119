"""What the stores, the webhook poster and the MQTT adapter report to metrics, charts and the panel.

An event is reported once it is true: after the commit, the answer or the PUBACK. Observers are called in the event
loop; they are cheap, never wait and never raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from bridge.contract.kinds.media import MediaState
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.contract.topics import Leaf


class Step(StrEnum):
    """Timed steps of a message."""

    JOURNAL = "journal"  # from the driver to the disk
    PUBLISH = "publish"  # from the disk to the broker's PUBACK
    CLAIM = "claim"  # a command, from its arrival to the disk
    SEND = "send"  # from the claim to WhatsApp's server
    DELIVER = "deliver"  # from WhatsApp's server to the device
    READ = "read"  # from the device to the reader
    WEBHOOK = "webhook"  # one post, to its answer


class PostOutcome(StrEnum):
    """The receiver took an item, rejected it, or could not judge it (no answer, or a status of 500 and above)."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Journalled:
    """An item was committed. `kind` is WhatsApp's message type, or the event's kind; `seconds` None = not timed."""

    stream: Stream
    kind: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class AlreadyJournalled:
    """Messages arrived that the journal already held."""

    count: int


@dataclass(frozen=True, slots=True)
class Published:
    """Items have their PUBACK. `seconds` since the commit, of each item committed while this store was open."""

    stream: Stream
    count: int
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandClaimed:
    """A new command was committed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CommandAdvanced:
    """A command reached `sent` or any later state. `seconds` since its claim (`sent`) or its last ack; else None."""

    state: SendState
    error_code: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """A post to a webhook was answered, or failed."""

    outcome: PostOutcome
    seconds: float


@dataclass(frozen=True, slots=True)
class EmptyCommand:
    """An empty payload on a command topic was ignored."""

    leaf: Leaf


@dataclass(frozen=True, slots=True)
class MediaEnded:
    """A file's download ended in a state; `size` in bytes, 0 unless it is `ready`."""

    state: MediaState
    size: int = 0


@dataclass(frozen=True, slots=True)
class StateEntered:
    """The session has another state or reason; its row is committed soon."""


Event = (
    Journalled
    | AlreadyJournalled
    | Published
    | CommandClaimed
    | CommandAdvanced
    | Posted
    | EmptyCommand
    | MediaEnded
    | StateEntered
)
#: Called with the name of a configured session, so that labels stay few, and the event.
Observer = Callable[[str, Event], None]
_STEPS = {SendState.SENT: Step.SEND, SendState.DEVICE: Step.DELIVER, SendState.READ: Step.READ}


def durations(event: Event) -> Iterable[tuple[Step, float]]:
    """The steps that an event ends, with their seconds."""
    match event:
        case Journalled(seconds=float(seconds)):
            yield Step.JOURNAL, seconds
        case Published():
            yield from ((Step.PUBLISH, seconds) for seconds in event.seconds)
        case CommandClaimed(seconds=seconds):
            yield Step.CLAIM, seconds
        case CommandAdvanced(seconds=float(seconds)) if event.state in _STEPS:
            yield _STEPS[event.state], seconds
        case Posted(seconds=seconds):
            yield Step.WEBHOOK, seconds
