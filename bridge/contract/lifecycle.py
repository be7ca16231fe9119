"""The life of one send: its states and their transitions. A pure table.

`accepted → sending → sent → device → read → played`, or `failed`, or `unknown`, which a later ack upgrades.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class SendState(StrEnum):
    """State of an outbox row."""

    ACCEPTED = "accepted"  # claimed, nothing was sent
    SENDING = "sending"  # a message id is reserved; the message may have been sent: in doubt until answered
    SENT = "sent"  # WhatsApp's server has it
    DEVICE = "device"  # on the recipient's device
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"  # it was not sent, or WhatsApp refused it
    UNKNOWN = "unknown"  # it may have been sent; the bridge never repeats it


#: Nothing more is done for a command in one of these; acks may still move it.
FINAL = frozenset(
    {SendState.SENT, SendState.DEVICE, SendState.READ, SendState.PLAYED, SendState.FAILED, SendState.UNKNOWN}
)

_S = SendState
TRANSITIONS: dict[SendState, frozenset[SendState]] = {
    _S.ACCEPTED: frozenset({_S.SENDING, _S.FAILED, _S.UNKNOWN}),
    # back to accepted: it was provably not sent
    _S.SENDING: frozenset({_S.ACCEPTED, _S.SENT, _S.DEVICE, _S.READ, _S.PLAYED, _S.FAILED, _S.UNKNOWN}),
    _S.SENT: frozenset({_S.DEVICE, _S.READ, _S.PLAYED, _S.FAILED}),
    _S.DEVICE: frozenset({_S.READ, _S.PLAYED}),
    _S.READ: frozenset({_S.PLAYED}),
    _S.PLAYED: frozenset(),
    _S.FAILED: frozenset(),
    _S.UNKNOWN: frozenset({_S.SENT, _S.DEVICE, _S.READ, _S.PLAYED}),
}


class AckLevel(IntEnum):
    """WhatsApp's ack numbers (wa-js `ACK`); every negative one is an error."""

    FAILED = -1
    PENDING = 0
    SERVER = 1
    DEVICE = 2
    READ = 3
    PLAYED = 4


class AckName(StrEnum):
    """Values of the field `ack` of an ack."""

    SERVER = "server"
    DEVICE = "device"
    READ = "read"
    PLAYED = "played"
    ERROR = "error"


_STATE_OF_ACK = {
    AckLevel.SERVER: _S.SENT,
    AckLevel.DEVICE: _S.DEVICE,
    AckLevel.READ: _S.READ,
    AckLevel.PLAYED: _S.PLAYED,
}
_NAME_OF_ACK = {
    AckLevel.SERVER: AckName.SERVER,
    AckLevel.DEVICE: AckName.DEVICE,
    AckLevel.READ: AckName.READ,
    AckLevel.PLAYED: AckName.PLAYED,
}


def _known(level: int) -> AckLevel:
    # 5 (PEER, another own device) and later additions: any positive ack proves that the server has it.
    return AckLevel(level) if level <= AckLevel.PLAYED else AckLevel.SERVER


def may_follow(before: SendState, after: SendState) -> bool:
    """Whether a send may go from `before` to `after`."""
    return after in TRANSITIONS[before]


def ack_name(level: int) -> AckName | None:
    """The name of an ack number; None for 0 (pending)."""
    if level < 0:
        return AckName.ERROR
    return _NAME_OF_ACK.get(_known(level))


def state_of_ack(level: int) -> SendState | None:
    """The send state that an ack number proves; None for 0 (pending)."""
    if level < AckLevel.PENDING:
        return _S.FAILED
    return _STATE_OF_ACK.get(_known(level))


def after_ack(before: SendState, level: int) -> SendState | None:
    """The state after an ack, or None if it changes nothing (late, repeated, or not allowed).

    Acks may come out of order: only one that the table allows changes the state. None changes a send that was not
    called yet. A negative one is WhatsApp's refusal; a page that fails by itself leaves the ack at 0. A refusal ends no
    unknown send: it may be that of a repetition, after a first call that reached WhatsApp.
    """
    after = state_of_ack(level)
    if after is None or before is SendState.ACCEPTED:
        return None
    return after if may_follow(before, after) else None
