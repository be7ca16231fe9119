"""The statuses that the bridge has published at the broker, and whether its clock agrees with this machine's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bridge.contract.findings import Finding, fault, ok, warning
from bridge.contract.session import Reason, SessionState
from bridge.contract.status import HEARTBEAT, SessionStatus

#: Seconds by which a status may be ahead of this machine's clock.
CLOCK_TOLERANCE = 2.0
#: States that end on their own or by an action on the phone, without a repair.
_TRANSIENT = frozenset(
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


def sessions(configured: Iterable[str], statuses: Iterable[SessionStatus], now: datetime) -> Iterator[Finding]:
    """Each configured session against its status, as `bridge.client` judges it. Pure."""
    retained = {status.session: status for status in statuses}
    for name in configured:
        check = f"session {name}"
        status = retained.pop(name, None)
        if status is None:
            yield warning(
                check, "No bridge has published a status of it at this broker.", "Start `wa up` or `wa bridge`."
            )
            continue
        text = f"{status.state}: {status.text}"
        if status.reason is Reason.BROKER_REFUSES:
            yield fault(
                check, text, "Give the bridge's user the role bridge: wa broker user add; then wa broker check."
            )
        elif status.state is SessionState.CONNECTED:
            yield ok(check, f"{text} {status.last_seq} messages so far.")
        elif status.state in _TRANSIENT:
            yield warning(check, text, _advice(status))
        else:
            yield fault(check, text, _advice(status))
        if status.queue and status.queue.in_ > 1000:
            yield warning(check, f"{status.queue.in_} messages are waiting to be published.", "See the bridge's log.")
        ahead = (status.at - now).total_seconds()
        is_behind = -ahead > status.stale_after and status.state is not SessionState.OFFLINE
        if ahead > CLOCK_TOLERANCE or is_behind:
            yield warning(
                "clock",
                f"The bridge of {name} is {abs(ahead):.0f} s {'behind' if is_behind else 'ahead of'} this machine.",
                "Synchronise both clocks.",
            )
    for name in sorted(retained):
        yield warning(
            f"session {name}",
            "The broker has a retained status of it, but no bridge of this data directory runs it.",
            "Another machine may run it; otherwise wa session add, or clear its retained status.",
        )


def _advice(status: SessionStatus) -> str:
    match status.state:
        case SessionState.OFFLINE:
            return "Start `wa up` or `wa bridge`; if it should be running, see its log."
        case SessionState.PAIRING | SessionState.LOGGED_OUT:
            return f"wa pair --session {status.session}"
        case SessionState.STANDBY:
            return f"Nothing; {status.owner} owns it."
        case SessionState.STARTING | SessionState.CONNECTING | SessionState.AUTHENTICATED | SessionState.RECONNECTING:
            return f"Wait; if it lasts longer than {4 * HEARTBEAT} s, see the bridge's log."
        case _:
            return "Follow the status text; the bridge's log has details."
