"""From the page's snapshots to the reports for the session, in an order that the session's state table allows.

Pure: no page, no clock. `StateReporter` keeps what was reported last.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract.limits import AccountLimits
from bridge.contract.session import Reason, SessionState, Situation, may_follow
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.snapshot import Snapshot, logged_out, situation_of
from bridge.ports import Account, PairingCode, PasskeyRequest

_NO_HOLD = -1


@dataclass(frozen=True, slots=True)
class PasskeyReport:
    """WhatsApp asks for a passkey, or (None) no longer."""

    request: PasskeyRequest | None


#: None: the pairing code is no longer valid.
Report = Situation | Account | PairingCode | PasskeyReport | AccountLimits | None

_STARTED = Situation(SessionState.STARTING, Reason.BROWSER_STARTING)
_INTERMEDIATE = (
    Situation(SessionState.CONNECTING, Reason.PAGE_LOADING),
    Situation(SessionState.RECONNECTING, Reason.LINK_DOWN),
)


class StateReporter:
    """What one driver reported to its session, and the reports that follow from each change."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.situation: Situation | None = None
        self._load: str | None = None
        self._holds = 0
        self._link_tried = False
        self._had_login = False
        self._account_reported = False
        self._unpaired_at: int | None = None
        self._missing_since: float | None = None
        self._cut_since: float | None = None
        self._opening_since: float | None = None
        self._logout_reason: str | None = None
        self._code: str | None = None
        self._account_limits: AccountLimits | None = None
        self.passkey: PasskeyRequest | None = None
        self.logging_out = False
        #: When the last `connected` began, in unix seconds of the service's clock.
        self.connected_at = 0

    def change_to(self, situation: Situation) -> list[Report]:
        """Reports for a situation that is not the page's: starting, a lost page, an unreachable site, a failure."""
        reports = self._set_passkey(None)
        if situation.state is not SessionState.PAIRING:
            reports += self._clear_code()
        return reports + self._change_to(situation)

    def update(self, snapshot: Snapshot, now: float) -> list[Report]:
        """Reports for what a snapshot changes. `now` is monotonic seconds."""
        reports: list[Report] = []
        if snapshot.load != self._load:
            self._load, self._link_tried, self._account_reported = snapshot.load, False, False
            self._missing_since = self._cut_since = self._opening_since = None
        opening = snapshot.ready and snapshot.authenticated and snapshot.socket != "CONNECTED"
        self._cut_since = _since(self._cut_since, now, holds=snapshot.is_cut)
        self._opening_since = _since(self._opening_since, now, holds=opening)
        self._link_tried = self._link_tried or snapshot.usable or _lasts(self._opening_since, self._limits.no_link, now)
        self._logout_reason = snapshot.logout_reason or self._logout_reason
        if snapshot.unpaired and self._had_login:
            self._had_login = False
            reports += self.change_to(logged_out(self._logout_reason, on_request=self.logging_out))
            self.logging_out, self._logout_reason = False, None
        pairing = self.situation is not None and self.situation.state is SessionState.PAIRING
        self._missing_since = _since(self._missing_since, now, holds=bool(snapshot.missing))
        situation = situation_of(
            snapshot,
            link_tried=self._link_tried,
            pairing=pairing,
            page_changed=_lasts(self._missing_since, self._limits.missing_functions, now),
            replaced=_lasts(self._cut_since, self._limits.replaced, now),
        )
        code = (snapshot.link_code or snapshot.code) if situation.state is SessionState.PAIRING else None
        if code is None:
            reports += self._clear_code()
        if snapshot.passkey is None:
            reports += self._set_passkey(None)
        if snapshot.authenticated:
            reports += self._report_account(snapshot)
            if snapshot.limits is not None and snapshot.limits != self._account_limits:
                self._account_limits = snapshot.limits
                reports.append(snapshot.limits)
        elif snapshot.unpaired:
            self._account_reported, self._unpaired_at = False, snapshot.unix_time
        if self._state is situation.state is SessionState.CONNECTED and snapshot.holds != self._holds:
            # the link was down between two reports: what arrived meanwhile must be collected
            reports += self._change_to(Situation(SessionState.RECONNECTING, Reason.LINK_DOWN))
        self._holds = snapshot.holds
        if self._state is SessionState.LOGGED_OUT and situation.state is SessionState.CONNECTING:
            return reports  # that the page for the next pairing is loading is of no use to the operator
        if situation.state is SessionState.CONNECTED and self._state is not SessionState.CONNECTED:
            self.connected_at = snapshot.unix_time
        reports += self._change_to(situation)
        if situation.reason is Reason.PASSKEY_REQUIRED:
            reports += self._set_passkey(snapshot.passkey)
        if code is not None and code != self._code:
            self._code = code
            until = snapshot.link_until if snapshot.link_code else snapshot.code_until
            reports.append(PairingCode(code, until, snapshot.link_code))
        return reports

    def resume_refused(self) -> None:
        """The page did not resume: its next report gives a new `connected`, even if it counted no further hold."""
        self._holds = _NO_HOLD

    @property
    def holds(self) -> int:
        """The hold that the last reported `connected` belongs to."""
        return self._holds

    @property
    def _state(self) -> SessionState | None:
        return self.situation.state if self.situation else None

    def _report_account(self, snapshot: Snapshot) -> list[Report]:
        self._had_login = True
        if self._account_reported or not (snapshot.pn or snapshot.lid or snapshot.usable):
            return []
        self._account_reported = True
        # a page that reloads right after the pairing does not know its time: use the last time without a login
        paired_at = snapshot.paired_at if snapshot.paired_at is not None else self._unpaired_at
        self._unpaired_at = None
        return [Account(snapshot.pn, snapshot.lid, snapshot.unix_time, paired_at)]

    def _set_passkey(self, request: PasskeyRequest | None) -> list[Report]:
        if request == self.passkey:
            return []
        self.passkey = request
        return [PasskeyReport(request)]

    def _clear_code(self) -> list[Report]:
        if self._code is None:
            return []
        self._code = None
        return [None]

    def _change_to(self, situation: Situation) -> list[Report]:
        if situation == self.situation:
            return []
        path = allowed_path(self.situation, situation)
        self.situation = situation
        return list(path)


def _since(since: float | None, now: float, *, holds: bool) -> float | None:
    """When a condition began that still holds."""
    if not holds:
        return None
    return now if since is None else since


def _lasts(since: float | None, limit: float, now: float) -> bool:
    return since is not None and now - since >= limit


def allowed_path(before: Situation | None, after: Situation) -> list[Situation]:
    """`after`, preceded by the situations that the state table requires between; `starting` may follow every state."""
    if before is None or may_follow(before.state, after.state):
        return [after]
    for between in _INTERMEDIATE:
        if may_follow(before.state, between.state) and may_follow(between.state, after.state):
            return [between, after]
    return [_STARTED, *allowed_path(_STARTED, after)]
