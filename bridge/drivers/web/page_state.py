"""From one report of the page to the next: what the session is to be told, in an order that its state table allows.

Pure: no page, no clock. `StateReporter` remembers what was told.
"""

from __future__ import annotations

from bridge.contract.session import Reason, SessionState, Situation, may_follow
from bridge.drivers.web.snapshot import Snapshot, meaning
from bridge.ports import Account, PairingCode

#: The first code of a pairing lives a minute, those after it 20 seconds (WhatsApp's own; the page names no expiry).
FIRST_CODE_LIFE = 60.0
CODE_LIFE = 20.0
#: A code to type lives longer; then wa-js asks for another by itself.
LINK_CODE_LIFE = 195.0
#: Seconds that a logged-in page may lack a function before it counts as changed: the site loads its parts bit by bit.
LACKING = 15.0

_NO_HOLD = -1
#: What there is to tell: a situation, a login, a code, or that the code is gone.
Report = Situation | Account | PairingCode | None

_STEPS = (
    Situation(SessionState.CONNECTING, Reason.PAGE_LOADING),
    Situation(SessionState.RECONNECTING, Reason.LINK_DOWN),
)


class StateReporter:
    """What one driver has told its session."""

    def __init__(self, *, lacking: float = LACKING) -> None:
        self._patience = lacking
        self.situation: Situation | None = None
        self._load: str | None = None
        self._holds = 0
        self._faltering = False
        self._had_login = False
        self._account_told = False
        self._unpaired_at: int | None = None
        self._lacking_since: float | None = None
        self._code: str | None = None
        self._link_code: str | None = None
        self._link_code_until = 0.0
        self._codes_shown = 0
        self.logging_out = False

    def to(self, situation: Situation) -> list[Report]:
        """Go to a situation that the page did not report: starting, a lost page, an unreachable site, a failure."""
        reports: list[Report] = []
        if situation.state is not SessionState.PAIRING:
            reports += self._drop_code()
        return reports + self._go(situation)

    def see(self, snapshot: Snapshot, now: float) -> list[Report]:
        """What a snapshot changes. `now` is unix seconds."""
        reports: list[Report] = []
        if snapshot.load != self._load:
            self._load, self._faltering, self._account_told, self._lacking_since = snapshot.load, False, False, None
        self._faltering = self._faltering or snapshot.usable or snapshot.socket == "TIMEOUT"
        if snapshot.unpaired and self._had_login:
            self._had_login = False
            reason = Reason.LOGGED_OUT_ON_REQUEST if self.logging_out else Reason.LOGGED_OUT_BY_PHONE
            self.logging_out = False
            reports += self.to(Situation(SessionState.LOGGED_OUT, reason))
        pairing = self.situation is not None and self.situation.state is SessionState.PAIRING
        if self._lacking_since is None and snapshot.missing:
            self._lacking_since = now
        lacking = self._lacking_since is not None and now - self._lacking_since >= self._patience
        situation = meaning(snapshot, faltering=self._faltering, pairing=pairing, lacking=lacking)
        if snapshot.authenticated:
            reports += self._drop_code()
            reports += self._tell_account(snapshot)
        elif snapshot.unpaired:
            self._account_told, self._unpaired_at = False, snapshot.unix_time
        if self._state is situation.state is SessionState.CONNECTED and snapshot.holds != self._holds:
            # the link was down between two reports: what came meanwhile has to be collected again
            reports += self._go(Situation(SessionState.RECONNECTING, Reason.LINK_DOWN))
        self._holds = snapshot.holds
        if self._state is SessionState.LOGGED_OUT and situation.state is SessionState.CONNECTING:
            return reports  # loading the page that will show a code says nothing new to the operator
        reports += self._go(situation)
        if situation.state is SessionState.PAIRING and (snapshot.code, snapshot.link_code) != (
            self._code,
            self._link_code,
        ):
            reports += self._show(snapshot, now)
        return reports

    def still_held(self) -> None:
        """The page did not resume: its next report is a new `connected`, even if it knows of no other hold."""
        self._holds = _NO_HOLD

    @property
    def holds(self) -> int:
        """The hold that the newest told `connected` belongs to."""
        return self._holds

    @property
    def _state(self) -> SessionState | None:
        return self.situation.state if self.situation else None

    def _tell_account(self, snapshot: Snapshot) -> list[Report]:
        self._had_login = True
        if self._account_told or not (snapshot.pn or snapshot.lid or snapshot.usable):
            return []
        self._account_told = True
        # a page that loads anew right after the pairing does not know about it: then the newest time known before
        paired_at = snapshot.paired_at if snapshot.paired_at is not None else self._unpaired_at
        self._unpaired_at = None
        return [Account(snapshot.pn, snapshot.lid, snapshot.unix_time, paired_at)]

    def _show(self, snapshot: Snapshot, now: float) -> list[Report]:
        code, link_code = snapshot.code, snapshot.link_code
        if code is None and link_code is None:
            return self._drop_code(pairing_over=False)
        if link_code is not None:
            if link_code != self._link_code:
                self._link_code_until = now + LINK_CODE_LIFE
            until = self._link_code_until
        else:
            until = now + (CODE_LIFE if self._codes_shown else FIRST_CODE_LIFE)
            self._codes_shown += 1
        self._code, self._link_code = code, link_code
        return [PairingCode(code or link_code or "", until, link_code)]

    def _drop_code(self, *, pairing_over: bool = True) -> list[Report]:
        if pairing_over:
            self._codes_shown = 0
        if self._code is None and self._link_code is None:
            return []
        self._code = self._link_code = None
        return [None]

    def _go(self, situation: Situation) -> list[Report]:
        if situation == self.situation:
            return []
        path = steps(self.situation, situation)
        self.situation = situation
        return list(path)


def steps(before: Situation | None, after: Situation) -> list[Situation]:
    """`after`, preceded by what the state table needs in between; starting may follow everything."""
    if before is None or may_follow(before.state, after.state):
        return [after]
    for step in _STEPS:
        if may_follow(before.state, step.state) and may_follow(step.state, after.state):
            return [step, after]
    return [Situation(SessionState.STARTING, Reason.BROWSER_STARTING), *steps(_STARTED, after)]


_STARTED = Situation(SessionState.STARTING, Reason.BROWSER_STARTING)
