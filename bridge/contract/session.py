"""Session states: meaning, stable reasons with the sentence for the operator, transitions.

A pure table. `connected` is the only state that claims that the whole path works.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SessionState(StrEnum):
    """`status.state`; `STATE_MEANING` says what each means for the operator."""

    STARTING = "starting"
    CONNECTING = "connecting"
    AUTHENTICATED = "authenticated"
    PAIRING = "pairing"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    UNREACHABLE = "unreachable"
    CONFLICT = "conflict"
    PAGE_CHANGED = "page_changed"
    ERROR = "error"
    LOGGED_OUT = "logged_out"
    STOPPED = "stopped"
    STANDBY = "standby"
    OFFLINE = "offline"


STATE_MEANING: dict[SessionState, str] = {
    SessionState.STARTING: "The browser is starting, or waits for its turn or for memory: wait.",
    SessionState.CONNECTING: "Logged in, or not known yet; the page is loading or catching up: wait.",
    SessionState.AUTHENTICATED: "Logged in; WhatsApp's stream is not MAIN yet: wait.",
    SessionState.PAIRING: "A code waits to be scanned or typed, or WhatsApp asks for a passkey: the text says which.",
    SessionState.CONNECTED: "The whole path works: page alive, logged in, socket CONNECTED, stream MAIN, caught up.",
    SessionState.RECONNECTING: "WhatsApp's link is down: wait; check the phone's internet if it lasts.",
    SessionState.UNREACHABLE: "The site cannot be loaded: check the internet. The bridge retries.",
    SessionState.CONFLICT: "WhatsApp Web was opened elsewhere: close it there, or restart the session to take over.",
    SessionState.PAGE_CHANGED: "WhatsApp Web changed or has expired: see the reason; wa web update may be enough.",
    SessionState.ERROR: "Store, profile or browser cannot be used: the text says which.",
    SessionState.LOGGED_OUT: "The login was ended: pair again.",
    SessionState.STOPPED: "Closed on request: `init` starts it.",
    SessionState.STANDBY: "Another bridge owns the session, or may: the text says what this one waits for.",
    SessionState.OFFLINE: "Set by the will: the bridge is gone.",
}


class Reason(StrEnum):
    """`status.reason`: stable, for programs. `REASON_TEXT` has the sentence for each."""

    BROWSER_STARTING = "browser_starting"
    WAITING_FOR_TURN = "waiting_for_turn"
    WAITING_FOR_MEMORY = "waiting_for_memory"
    PAGE_LOADING = "page_loading"
    CATCHING_UP = "catching_up"
    SYNCING = "syncing"
    SCAN_QR = "scan_qr"
    QR_EXPIRED = "qr_expired"
    TYPE_LINK_CODE = "type_link_code"
    PASSKEY_REQUIRED = "passkey_required"
    READY = "ready"
    BROKER_REFUSES = "broker_refuses"
    LINK_DOWN = "link_down"
    PAGE_LOST = "page_lost"
    PAGE_STUCK = "page_stuck"
    PAGE_OUTDATED = "page_outdated"
    SITE_UNREACHABLE = "site_unreachable"
    PROXY_UNUSABLE = "proxy_unusable"
    SITE_BROKEN = "site_broken"
    OPENED_ELSEWHERE = "opened_elsewhere"
    MODULE_MISSING = "module_missing"
    CLIENT_EXPIRED = "client_expired"
    SCREEN_LOCKED = "screen_locked"
    ACCOUNT_BLOCKED = "account_blocked"
    SERVICE_UNAVAILABLE = "service_unavailable"
    STORE_UNUSABLE = "store_unusable"
    PROFILE_LOCKED = "profile_locked"
    PROFILE_UNUSABLE = "profile_unusable"
    BROWSER_FAILED = "browser_failed"
    TOO_MANY_RESTARTS = "too_many_restarts"
    LOGGED_OUT_BY_PHONE = "logged_out_by_phone"
    LOGGED_OUT_ON_REQUEST = "logged_out_on_request"
    LOGGED_OUT_BY_SITE = "logged_out_by_site"
    ACCOUNT_LOCKED = "account_locked"
    CLOSED_ON_REQUEST = "closed_on_request"
    ASLEEP = "asleep"
    OWNED_ELSEWHERE = "owned_elsewhere"
    LOGIN_MISSING = "login_missing"
    WAITING_FOR_LEASE = "waiting_for_lease"
    BRIDGE_FAULT = "bridge_fault"
    SHUT_DOWN = "shut_down"
    BRIDGE_GONE = "bridge_gone"


REASON_TEXT: dict[Reason, str] = {
    Reason.BROWSER_STARTING: "The browser is starting.",
    Reason.WAITING_FOR_TURN: "Browsers of other sessions are starting; this one starts as soon as it is its turn.",
    Reason.WAITING_FOR_MEMORY: "The running browsers use WA_BROWSER_MEMORY; this one starts once there is room.",
    Reason.PAGE_LOADING: "WhatsApp Web is loading.",
    Reason.CATCHING_UP: "Connected; catching up on missed messages.",
    Reason.SYNCING: "Logged in; WhatsApp is synchronising.",
    Reason.SCAN_QR: "Scan the QR code: on the phone, Settings > Linked devices > Link a device.",
    Reason.QR_EXPIRED: "The QR code expired; requesting a new one.",
    Reason.TYPE_LINK_CODE: "Type the code on the phone: Linked devices > Link a device > Link with phone number.",
    Reason.PASSKEY_REQUIRED: (
        "WhatsApp took the code and waits ten minutes for the account's passkey: give it in the panel or with wa pair."
    ),
    Reason.READY: "Ready.",
    Reason.BROKER_REFUSES: "Connected to WhatsApp, but the broker refuses a topic: see its ACL and wa broker check.",
    Reason.LINK_DOWN: "WhatsApp's connection is down; it reconnects by itself. If it lasts, check the internet.",
    Reason.PAGE_LOST: "The page or the browser crashed; restarting it.",
    Reason.PAGE_STUCK: "WhatsApp Web does not respond; reloading it.",
    Reason.PAGE_OUTDATED: "WhatsApp Web has a newer version; loading it.",
    Reason.SITE_UNREACHABLE: "WhatsApp Web cannot be reached from this host; retrying. Check the internet connection.",
    Reason.PROXY_UNUSABLE: "The session's proxy lets nothing through; retrying. Check it: wa session set, or WA_PROXY.",
    Reason.SITE_BROKEN: "WhatsApp's site answers, but not with WhatsApp Web (maintenance?); retrying.",
    Reason.OPENED_ELSEWHERE: "WhatsApp Web was opened elsewhere with this login. Close it there, then restart here.",
    Reason.MODULE_MISSING: "WhatsApp Web has changed: a function is missing. Run wa web update, or update the bridge.",
    Reason.CLIENT_EXPIRED: "WhatsApp refuses this version of its page, which reloads itself again and again; retrying.",
    Reason.SCREEN_LOCKED: "WhatsApp Web's app lock wants its password. Turn it off in a window: wa pair --window.",
    Reason.ACCOUNT_BLOCKED: "WhatsApp has blocked this account for a time. WhatsApp on the phone shows why.",
    Reason.SERVICE_UNAVAILABLE: "WhatsApp's service accepts no connections for now (503); retrying.",
    Reason.STORE_UNUSABLE: "The session's store cannot be used; retrying. See the log.",
    Reason.PROFILE_LOCKED: "Another process uses the browser profile of this session. Stop it.",
    Reason.PROFILE_UNUSABLE: "The browser profile of this session cannot be written. Check disk space and permissions.",
    Reason.BROWSER_FAILED: "The browser does not start. Install chromium, or name one in WA_BROWSER.",
    Reason.TOO_MANY_RESTARTS: "Too many browser crashes; next attempt in ten minutes. Check memory and disk.",
    Reason.LOGGED_OUT_BY_PHONE: "The phone, or a ban, ended this login. Scan the new QR code to pair again.",
    Reason.LOGGED_OUT_ON_REQUEST: "Logged out on request. Send init to pair again.",
    Reason.LOGGED_OUT_BY_SITE: "WhatsApp Web ended this login by itself. Scan the new QR code to pair again.",
    Reason.ACCOUNT_LOCKED: "WhatsApp locked this account. Unlock it on the phone, then scan the new QR code.",
    Reason.CLOSED_ON_REQUEST: "Closed on request; the login is kept. Send init to start.",
    Reason.ASLEEP: "Asleep, its browser closed: it receives nothing. A due command wakes it, or wa session wake.",
    Reason.OWNED_ELSEWHERE: "Another bridge owns this session; this one takes over when the other stops.",
    Reason.LOGIN_MISSING: (
        "This bridge has no login of the session, so it cannot take over. Give it one: wa session move, or wa restore."
    ),
    Reason.WAITING_FOR_LEASE: (
        "Several bridges may run this session: it starts here when the broker has shown that no other does."
    ),
    Reason.BRIDGE_FAULT: "Internal error: the session is being restarted. See the log.",
    Reason.SHUT_DOWN: "The bridge was stopped.",
    Reason.BRIDGE_GONE: "The bridge disconnected unexpectedly. Check that it runs.",
}

_S = SessionState
#: Allowed transitions; states that may follow every state are in `ALWAYS`.
TRANSITIONS: dict[SessionState, frozenset[SessionState]] = {
    _S.STARTING: frozenset({_S.CONNECTING, _S.UNREACHABLE, _S.RECONNECTING, _S.STANDBY}),
    _S.CONNECTING: frozenset(
        {
            _S.AUTHENTICATED,
            _S.PAIRING,
            _S.CONNECTED,
            _S.RECONNECTING,
            _S.UNREACHABLE,
            _S.CONFLICT,
            _S.PAGE_CHANGED,
        }
    ),
    _S.AUTHENTICATED: frozenset(
        {
            _S.CONNECTING,
            _S.CONNECTED,
            _S.PAIRING,
            _S.RECONNECTING,
            _S.CONFLICT,
            _S.PAGE_CHANGED,
        }
    ),
    _S.PAIRING: frozenset({_S.AUTHENTICATED, _S.CONNECTING, _S.RECONNECTING, _S.UNREACHABLE, _S.PAGE_CHANGED}),
    _S.CONNECTED: frozenset({_S.RECONNECTING, _S.CONNECTING, _S.AUTHENTICATED, _S.CONFLICT, _S.PAGE_CHANGED}),
    _S.RECONNECTING: frozenset(
        {
            _S.CONNECTING,
            _S.AUTHENTICATED,
            _S.CONNECTED,
            _S.PAIRING,
            _S.UNREACHABLE,
            _S.CONFLICT,
            _S.PAGE_CHANGED,
        }
    ),
    _S.UNREACHABLE: frozenset({_S.CONNECTING, _S.RECONNECTING}),
    _S.CONFLICT: frozenset({_S.CONNECTING, _S.RECONNECTING}),
    _S.PAGE_CHANGED: frozenset({_S.CONNECTING, _S.RECONNECTING}),
    _S.ERROR: frozenset(),
    _S.LOGGED_OUT: frozenset({_S.PAIRING, _S.CONNECTING, _S.RECONNECTING, _S.UNREACHABLE}),
    _S.STOPPED: frozenset(),
    _S.STANDBY: frozenset(),
    _S.OFFLINE: frozenset(),
}
#: A restart, a stop, a logout on request and a failure are possible from every state.
ALWAYS = frozenset({_S.STARTING, _S.STOPPED, _S.LOGGED_OUT, _S.ERROR, _S.OFFLINE})

#: The states of the legacy `wapp-session` endpoint.
LEGACY_STATUS: dict[SessionState, str] = {
    _S.STARTING: "iniciando",
    _S.CONNECTING: "iniciando",
    _S.AUTHENTICATED: "autenticado",
    _S.PAIRING: "desconectado",
    _S.CONNECTED: "conectado",
    _S.RECONNECTING: "reconectando",
    _S.UNREACHABLE: "reconectando",
    _S.CONFLICT: "error",
    _S.PAGE_CHANGED: "error",
    _S.ERROR: "error",
    _S.LOGGED_OUT: "desconectado",
    _S.STOPPED: "desconectado",
    _S.STANDBY: "desconectado",
    _S.OFFLINE: "desconectado",
}


class IllegalTransition(RuntimeError):
    """A transition that the table does not allow: a fault in the code, never in the input."""


def may_follow(before: SessionState, after: SessionState) -> bool:
    """Whether `after` may follow `before`; staying in a state (with another reason) is always allowed."""
    return after is before or after in ALWAYS or after in TRANSITIONS[before]


@dataclass(frozen=True, slots=True)
class Situation:
    """A state with its reason and the sentence for the operator; `detail` is appended to it."""

    state: SessionState
    reason: Reason
    detail: str | None = None

    @property
    def text(self) -> str:
        """The sentence for a person."""
        sentence = REASON_TEXT[self.reason]
        return f"{sentence} ({self.detail})" if self.detail else sentence

    def refused(self, refusal: str | None) -> Situation:
        """As it is published: with what the broker refuses, where all else works."""
        if refusal is None or self.state is not SessionState.CONNECTED:
            return self
        return Situation(self.state, Reason.BROKER_REFUSES, refusal)

    def followed_by(self, after: Situation) -> Situation:
        """Return `after` if it may follow. Raises `IllegalTransition`."""
        if not may_follow(self.state, after.state):
            raise IllegalTransition(f"{self.state} cannot be followed by {after.state} ({after.reason})")
        return after
