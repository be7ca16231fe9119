"""The live check: sends a real message through the running bridge to the session's own number."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator

from bridge.client import Ack, Client, CodedError, NoAnswer, Result
from bridge.contract.findings import Finding, fault, ok, warning

#: Seconds within which WhatsApp's server must have the message, pacing included.
SEND_TIMEOUT = 60.0


async def self_message(client: Client, session: str, number: str | None) -> AsyncIterator[Finding]:
    """Send to the account's own number ("message yourself") and wait until WhatsApp's server has it."""
    check = f"live {session}"
    if number is None:
        yield fault(
            check,
            "The session's own number is not known on this machine.",
            "Give it: wa doctor --live --to NUMBER, or run this on the bridge's machine after pairing.",
        )
        return
    command_id = f"doctor-{uuid.uuid4().hex[:16]}"
    started = time.monotonic()
    result: Result | None = None
    ticks: list[str] = []
    try:
        text = f"wa doctor: this is a self-check ({command_id})."
        async for step in client.send_steps(
            session, number, text, id=command_id, ttl=int(SEND_TIMEOUT), until="sent", timeout=SEND_TIMEOUT
        ):
            if isinstance(step, Ack):
                ticks.append(str(step.ack))
            else:
                result = step
    except NoAnswer as error:
        yield fault(check, error.text, "See the sessions above; wa broker check tests what this user may do.")
        return
    except CodedError as error:
        yield fault(check, error.text, "See the broker and the sessions above.")
        return
    seconds = time.monotonic() - started
    if result is None or result.status == "accepted":
        yield fault(
            check,
            f"The bridge accepted the self-message but did not send it within {SEND_TIMEOUT:g} s; it expires.",
            "See the session's state above and `wa status`; rate limiting (WA_PACE) may delay it.",
        )
    elif result.error is not None:
        yield fault(check, f"The self-message failed: {result.error.text}", "See the page above.")
    elif result.status == "unknown":
        yield warning(check, "It is unknown whether the self-message was sent.", "Check that chat on the phone.")
    else:
        acks = f", ticks {', '.join(ticks)}" if ticks else ""
        yield ok(check, f"A self-message went through WhatsApp in {seconds:.1f} s{acks} ({command_id}).")
