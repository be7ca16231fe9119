"""The page's report about itself, and the situation that it means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.contract.jid import Jid
from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.payloads import to_jid


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The page's report. `load` identifies the document; `holds` counts how often live items were held back in it."""

    load: str
    holds: int
    injected: bool = False
    ready: bool = False
    full_ready: bool = False
    authenticated: bool = False
    unpaired: bool = False
    socket: str | None = None
    stream: str | None = None
    needs_update: bool = False
    complete: bool = False
    loader: bool = False
    visible_text: str | None = None
    missing: tuple[str, ...] = ()
    code: str | None = None
    link_code: str | None = None
    link_error: str | None = None
    pn: Jid | None = None
    lid: Jid | None = None
    paired_at: int | None = None
    unix_time: int = 0

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Snapshot:
        """From the JSON of `page/state.js`."""
        return cls(
            load=str(raw.get("load")),
            holds=int(raw.get("holds") or 0),
            injected=bool(raw.get("injected")),
            ready=bool(raw.get("ready")),
            full_ready=bool(raw.get("fullReady")),
            authenticated=bool(raw.get("authenticated")),
            unpaired=bool(raw.get("unpaired")),
            socket=raw.get("socket"),
            stream=raw.get("stream"),
            needs_update=bool(raw.get("needsUpdate")),
            complete=bool(raw.get("complete")),
            loader=bool(raw.get("loader")),
            visible_text=raw.get("visibleText"),
            missing=tuple(map(str, raw.get("missing") or ())),
            code=raw.get("code"),
            link_code=raw.get("linkCode"),
            link_error=raw.get("linkError"),
            pn=to_jid(raw.get("pn")),
            lid=to_jid(raw.get("lid")),
            paired_at=raw.get("pairedAt"),
            unix_time=int(raw.get("unixTime") or 0),
        )

    @property
    def usable(self) -> bool:
        """Logged in, and the whole path works. wa-js's `isFullReady` alone is true on the QR page as well."""
        path_up = self.full_ready and self.authenticated and self.socket == "CONNECTED" and self.stream == "MAIN"
        return path_up and not self.missing


#: Values of the socket's state or the stream's mode with which WhatsApp refuses a page.
_REFUSALS = {
    "CONFLICT": Situation(SessionState.CONFLICT, Reason.OPENED_ELSEWHERE),
    "DEPRECATED_VERSION": Situation(SessionState.PAGE_CHANGED, Reason.CLIENT_EXPIRED),
    "PROXYBLOCK": Situation(SessionState.ERROR, Reason.NETWORK_REFUSED),
    "TOS_BLOCK": Situation(SessionState.ERROR, Reason.ACCOUNT_BLOCKED),
    "SMB_TOS_BLOCK": Situation(SessionState.ERROR, Reason.ACCOUNT_BLOCKED),
}


def situation_of(snapshot: Snapshot, *, link_tried: bool, pairing: bool, page_changed: bool = False) -> Situation:
    """The situation that a snapshot means.

    `link_tried` = the link was up, or timed out, earlier in this load; `pairing` = a code was requested;
    `page_changed` = functions have been missing for longer than the limit.
    """
    for value in (snapshot.socket, snapshot.stream):
        if value in _REFUSALS:
            return _REFUSALS[value]
    if page_changed and snapshot.missing:
        return Situation(SessionState.PAGE_CHANGED, Reason.MODULE_MISSING, f"missing: {', '.join(snapshot.missing)}")
    if not snapshot.injected:
        return Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
    if snapshot.usable:
        return Situation(SessionState.CONNECTED, Reason.READY)
    if snapshot.authenticated:
        if snapshot.socket == "CONNECTED" and not snapshot.missing:
            return Situation(SessionState.AUTHENTICATED, Reason.SYNCING)
        if link_tried:
            return Situation(SessionState.RECONNECTING, Reason.LINK_DOWN)
        return Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
    if snapshot.link_code:
        return Situation(SessionState.PAIRING, Reason.TYPE_LINK_CODE)
    if snapshot.code:
        return Situation(SessionState.PAIRING, Reason.SCAN_QR, snapshot.link_error)
    if snapshot.socket == "UNPAIRED_IDLE":
        return Situation(SessionState.PAIRING, Reason.QR_EXPIRED)
    if pairing and snapshot.socket != "PAIRING":
        return Situation(SessionState.PAIRING, Reason.SCAN_QR)
    return Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
