"""What the bridge says of its sessions at the broker, and whether its clock agrees with ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bridge.contract.session import SessionState
from bridge.contract.status import HEARTBEAT, SessionStatus
from bridge.ops.doctor.findings import Finding, fault, ok, warning

#: Seconds by which a status may come from the future before the clocks disagree.
AHEAD = 2.0
#: States that end by themselves or by a person with a phone, not by mending anything.
_PASSING = frozenset(
    {
        SessionState.STARTING,
        SessionState.CONNECTING,
        SessionState.AUTHENTICATED,
        SessionState.PAIRING,
        SessionState.RECONNECTING,
        SessionState.STOPPED,
        SessionState.STANDBY,
        SessionState.OFFLINE,
        SessionState.LOGGED_OUT,
    }
)


def sessions(configured: Iterable[str], told: Iterable[SessionStatus], now: datetime) -> Iterator[Finding]:
    """Each configured session against what the broker has retained of it. Pure."""
    known = {status.session: status for status in told}
    for name in configured:
        check = f"session {name}"
        status = known.pop(name, None)
        if status is None:
            yield warning(check, "No bridge has ever spoken of it at this broker.", "Start `wa up` or `wa bridge`.")
            continue
        seen = status.seen_at(now)
        said = f"{seen.state}: {seen.text}"
        if seen.state is SessionState.CONNECTED:
            yield ok(check, f"{said} {seen.last_seq} messages so far.")
        elif seen.state in _PASSING:
            yield warning(check, said, _what_to_do(seen))
        else:
            yield fault(check, said, _what_to_do(seen))
        if seen.queue and seen.queue.in_ > 1000:
            yield warning(check, f"{seen.queue.in_} messages wait to be published.", "See the bridge's log.")
        ahead = (status.at - now).total_seconds()
        if ahead > AHEAD:
            yield warning(
                "clock",
                f"The bridge of {name} is {ahead:.0f} s ahead of this machine.",
                "Synchronise both clocks: a status that is 45 s old counts as offline.",
            )
    for name in sorted(known):
        yield warning(
            f"session {name}",
            "The broker has a status of it and WA_SESSIONS does not name it.",
            "Add it to WA_SESSIONS, or clear its retained status.",
        )


def _what_to_do(status: SessionStatus) -> str:
    match status.state:
        case SessionState.OFFLINE:
            return "Start `wa up` or `wa bridge`; if it should run, its log says why it does not."
        case SessionState.PAIRING | SessionState.LOGGED_OUT:
            return f"wa qr --session {status.session}"
        case SessionState.STANDBY:
            return f"Nothing; {status.owner} owns it."
        case SessionState.STARTING | SessionState.CONNECTING | SessionState.AUTHENTICATED | SessionState.RECONNECTING:
            return f"Wait; if it lasts longer than {4 * HEARTBEAT} s, see the bridge's log."
        case _:
            return "Do what the sentence says; the bridge's log has more."
