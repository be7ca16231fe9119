"""The proof on a real session: a message to oneself, through the running bridge and back. It is sent for real."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator

from bridge.client import Ack, Client, CodedError, NoAnswer, Result
from bridge.ops.doctor.findings import Finding, fault, ok, warning

#: Seconds in which WhatsApp's server must have the message, pacing included.
PATIENCE = 60.0


async def message_to_oneself(client: Client, session: str, number: str | None) -> AsyncIterator[Finding]:
    """Send to the account's own number ("message yourself") and wait until WhatsApp's server has it."""
    check = f"live {session}"
    if number is None:
        yield fault(
            check,
            "The session's own number is not known on this machine.",
            "Name it: wa doctor --live --to NUMBER, or run this where the bridge runs, once it has been paired.",
        )
        return
    command_id = f"doctor-{uuid.uuid4().hex[:16]}"
    began = time.monotonic()
    result: Result | None = None
    ticks: list[str] = []
    try:
        text = f"wa doctor: this is a self-check ({command_id})."
        async for step in client.send_steps(
            session, number, text, id=command_id, ttl=int(PATIENCE), until="sent", timeout=PATIENCE
        ):
            if isinstance(step, Ack):
                ticks.append(str(step.ack))
            else:
                result = step
    except NoAnswer as error:
        yield fault(check, error.text, "See the sessions above; wa broker check proves what this user may do.")
        return
    except CodedError as error:
        yield fault(check, error.text, "See the broker and the sessions above.")
        return
    took = time.monotonic() - began
    if result is None or result.status == "accepted":
        yield fault(
            check,
            f"The bridge took the message to oneself and had not sent it after {PATIENCE:g} s; it expires by itself.",
            "See the session's state above and `wa status`; it may wait for its pace (WA_PACE).",
        )
    elif result.error is not None:
        yield fault(check, f"The message to oneself failed: {result.error.text}", "See the page's functions below.")
    elif result.status == "unknown":
        yield warning(check, "Nobody can tell whether the message to oneself left.", "Look at that chat on the phone.")
    else:
        told = f", ticks {', '.join(ticks)}" if ticks else ""
        yield ok(check, f"A message to oneself went through WhatsApp in {took:.1f} s{told} ({command_id}).")
