"""The page's report about itself, and the situation that it means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.contract.jid import Jid
from bridge.contract.limits import AccountLimits, NewChats, NewChatStage
from bridge.contract.payload import instant, rfc3339
from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web import page_report as report
from bridge.drivers.web.payloads import to_jid
from bridge.ports import PasskeyRequest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The page's report. `load` identifies the document; `holds` counts how often live items were held back in it.

    `socket` is the state of the page's socket and `line` that of its stream; `stream` is the page's mode. `on_clock`
    counts own messages that wait for the service's ack. `code_until` and `link_until` (unix seconds) are the ends of
    the QR code and of the pairing code; `link_error` is why the last attempt to pair failed. `link_attempt` counts the
    requests for a pairing code; `link_ended` = the last one got none, or none any more.
    """

    load: str
    holds: int
    injected: bool = False
    ready: bool = False
    full_ready: bool = False
    authenticated: bool = False
    unpaired: bool = False
    socket: str | None = None
    line: str | None = None
    stream: str | None = None
    refusal: Mapping[str, Any] | None = None
    logout_reason: str | None = None
    on_clock: int = 0
    limits: AccountLimits | None = None
    needs_update: bool = False
    complete: bool = False
    loader: bool = False
    visible_text: str | None = None
    missing: tuple[str, ...] = ()
    code: str | None = None
    code_until: float = 0.0
    link_code: str | None = None
    link_until: float = 0.0
    link_attempt: int = 0
    link_ended: bool = False
    link_error: str | None = None
    passkey: PasskeyRequest | None = None
    pn: Jid | None = None
    lid: Jid | None = None
    paired_at: int | None = None
    unix_time: int = 0

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Snapshot:
        """From the JSON of `page/state.js`; any value of a field is readable."""
        return cls(
            load=report.text(raw.get("load")) or "",
            holds=report.count(raw.get("holds")),
            injected=bool(raw.get("injected")),
            ready=bool(raw.get("ready")),
            full_ready=bool(raw.get("fullReady")),
            authenticated=bool(raw.get("authenticated")),
            unpaired=bool(raw.get("unpaired")),
            socket=report.text(raw.get("socket")),
            line=report.text(raw.get("line")),
            stream=report.text(raw.get("stream")),
            refusal=report.fields(raw.get("refusal")),
            logout_reason=report.text(raw.get("logoutReason")),
            on_clock=report.count(raw.get("onClock")),
            limits=_limits(report.fields(raw.get("limits"))),
            needs_update=bool(raw.get("needsUpdate")),
            complete=bool(raw.get("complete")),
            loader=bool(raw.get("loader")),
            visible_text=report.text(raw.get("visibleText")),
            missing=report.texts(raw.get("missing")),
            code=report.text(raw.get("code")),
            code_until=report.moment(raw.get("codeUntil")),
            link_code=report.text(raw.get("linkCode")),
            link_until=report.moment(raw.get("linkUntil")),
            link_attempt=report.count(raw.get("linkAttempt")),
            link_ended=bool(raw.get("linkEnded")),
            link_error=report.text(raw.get("linkError")),
            passkey=_passkey(report.fields(raw.get("passkey"))),
            pn=to_jid(raw.get("pn")),
            lid=to_jid(raw.get("lid")),
            paired_at=int(report.moment(raw.get("pairedAt"))) or None,
            unix_time=int(report.moment(raw.get("unixTime"))),
        )

    @property
    def usable(self) -> bool:
        """Logged in, and the whole path works. wa-js's `isFullReady` alone is true on the QR page as well."""
        path_up = self.full_ready and self.authenticated and self.socket == self.line == "CONNECTED"
        return path_up and self.stream == "MAIN" and not self.missing

    @property
    def is_cut(self) -> bool:
        """The line is cut and the page has not tried again. After a drop that lasts about a second; a page that another
        one replaced stays so."""
        return self.authenticated and self.socket == "CONNECTED" and self.line == "DISCONNECTED"


def _passkey(raw: Mapping[str, Any] | None) -> PasskeyRequest | None:
    if raw is None:
        return None
    origin, until = report.text(raw.get("origin")) or "", report.moment(raw.get("until"))
    return PasskeyRequest(origin, until, report.fields(raw.get("options")), report.text(raw.get("code")))


def _limits(raw: Mapping[str, Any] | None) -> AccountLimits | None:
    if raw is None:
        return None
    until, chats = report.moment(raw.get("lockedUntil")), report.fields(raw.get("newChats")) or {}
    stage, total = report.text(chats.get("stage")), report.count(chats.get("total"))
    counted = NewChats(
        used=report.count(chats.get("used")),
        total=total,
        stage=NewChatStage(stage) if stage is not None and stage in {*NewChatStage} else NewChatStage.NONE,
    )
    return AccountLimits(reach_out_locked_until=instant(until) if until else None, new_chats=counted if total else None)


def situation_of(
    snapshot: Snapshot, *, link_tried: bool, pairing: bool, page_changed: bool = False, replaced: bool = False
) -> Situation:
    """The situation that a snapshot means.

    `link_tried` = the link was up earlier in this load, or did not come up in time; `pairing` = a code was requested;
    `page_changed` = functions have been missing for longer than the limit; `replaced` = the line has been cut for
    longer than any drop.
    """
    if page_changed and snapshot.missing:
        return Situation(SessionState.PAGE_CHANGED, Reason.MODULE_MISSING, f"missing: {', '.join(snapshot.missing)}")
    if not snapshot.injected:
        return Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
    if snapshot.usable:
        return Situation(SessionState.CONNECTED, Reason.READY)
    if snapshot.authenticated:
        if snapshot.socket == "SCREEN_LOCKED":
            return Situation(SessionState.ERROR, Reason.SCREEN_LOCKED)
        if snapshot.refusal is not None:
            return _refused(snapshot.refusal)
        if replaced:
            return Situation(SessionState.CONFLICT, Reason.OPENED_ELSEWHERE)
        if snapshot.socket == "CONNECTED" and not snapshot.is_cut and not snapshot.missing:
            return Situation(SessionState.AUTHENTICATED, Reason.SYNCING)
        if link_tried:
            return Situation(SessionState.RECONNECTING, Reason.LINK_DOWN)
        return Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
    if snapshot.passkey is not None:
        return Situation(SessionState.PAIRING, Reason.PASSKEY_REQUIRED)
    if snapshot.missing or not snapshot.ready:  # no code yet: a login on a changed page would lead nowhere
        return Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
    if snapshot.link_code:
        return Situation(SessionState.PAIRING, Reason.TYPE_LINK_CODE)
    if snapshot.socket == "UNPAIRED_IDLE":
        return Situation(SessionState.PAIRING, Reason.QR_EXPIRED)
    if snapshot.code:
        return Situation(SessionState.PAIRING, Reason.SCAN_QR, snapshot.link_error)
    if pairing and snapshot.socket != "PAIRING":
        return Situation(SessionState.PAIRING, Reason.SCAN_QR)
    return Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)


def _refused(refusal: Mapping[str, Any]) -> Situation:
    if refusal.get("kind") != "temporary_ban":
        return Situation(SessionState.RECONNECTING, Reason.SERVICE_UNAVAILABLE)
    until = report.moment(refusal.get("until"))
    detail = f"code {str(refusal.get('code'))[:40]}" + (f", until {rfc3339(instant(until))}" if until else "")
    return Situation(SessionState.ERROR, Reason.ACCOUNT_BLOCKED, detail)


def logged_out(reason: str | None, *, on_request: bool) -> Situation:
    """The situation of a login that ended; `reason` is the page's, None where it gives none (a ban, the phone)."""
    if on_request:
        return Situation(SessionState.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)
    match reason:
        case None | "user_initiated":
            return Situation(SessionState.LOGGED_OUT, Reason.LOGGED_OUT_BY_PHONE)
        case "account_locked":
            return Situation(SessionState.LOGGED_OUT, Reason.ACCOUNT_LOCKED)
        case _:
            return Situation(SessionState.LOGGED_OUT, Reason.LOGGED_OUT_BY_SITE, reason)
