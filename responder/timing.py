"""Intervals, retries and timeouts that depend on other systems, all in seconds. Pure.

Each part takes its own as a parameter; the defaults are what runs in production, tests pass shorter ones.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SenderTiming:
    """Webhook mode. `request` is long because a send may wait for WhatsApp.

    A sender that restarts loses our registration for `registration` at most. `retry` and `longest_retry` bound the
    backoff after a refused registration; `resend` is the pause before an answer is offered again to a sender that is
    not running.
    """

    request: float = 35.0
    registration: float = 60.0
    retry: float = 2.0
    longest_retry: float = 60.0
    resend: float = 5.0


@dataclass(frozen=True, slots=True)
class ModelTiming:
    """`retry` is the pause before the second try, doubled for each further one.

    A server's Retry-After is obeyed up to `longest_retry`. `breaker` is how long no request is made after failures in a
    row.
    """

    retry: float = 0.5
    longest_retry: float = 20.0
    breaker: float = 30.0


@dataclass(frozen=True, slots=True)
class ReplyTiming:
    """Backoff of a message that the model failed on; its server's Retry-After is obeyed up to `longest_retry`."""

    retry: float = 15.0
    longest_retry: float = 120.0


@dataclass(frozen=True, slots=True)
class VoiceTiming:
    """Voice messages that become text: backoff of one whose server failed, as for the model.

    `hold` is how long other messages of the chat wait at most, to be answered together with it.
    """

    retry: float = 15.0
    longest_retry: float = 120.0
    hold: float = 15.0


@dataclass(frozen=True, slots=True)
class PictureTiming:
    """Pictures for the model: `wait` is how long an answer waits for the file, `poll` between two looks for it."""

    wait: float = 20.0
    poll: float = 0.2


@dataclass(frozen=True, slots=True)
class DeliveryTiming:
    """Answers over MQTT: `retry` is the pause before a command to an unknown session is published again, and before a
    file is uploaded again.
    """

    retry: float = 15.0


@dataclass(frozen=True, slots=True)
class FaultTiming:
    """`spacing` is the minimum between two events of one kind, `retry` the pause while the broker is down."""

    spacing: float = 60.0
    retry: float = 2.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing of every part of a responder."""

    sender: SenderTiming = SenderTiming()
    model: ModelTiming = ModelTiming()
    replies: ReplyTiming = ReplyTiming()
    voice: VoiceTiming = VoiceTiming()
    pictures: PictureTiming = PictureTiming()
    delivery: DeliveryTiming = DeliveryTiming()
    faults: FaultTiming = FaultTiming()


DEFAULT_TIMING = Timing()
