"""When a page that still answers has to be loaded again, and what to say about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.limits import Limits, patience
from bridge.drivers.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PageEnd:
    """Why a page is not served any longer.

    `browser_gone` = with its browser; else the same browser loads the site again, at once or after a pause.
    """

    situation: Situation
    browser_gone: bool = False
    at_once: bool = False


class PageWatch:
    """Looks at the reports of one browser's pages, load after load."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._load: str | None = None
        self._loaded_at = 0.0
        self._booted = False
        self._situation: Situation | None = None
        self._since = 0.0
        self._updated_at: float | None = None

    def opened(self, now: float) -> None:
        """The site was asked for; its first report is to come."""
        self._load, self._loaded_at, self._booted, self._situation = None, now, False, None

    def see(self, snapshot: Snapshot, situation: Situation, now: float) -> PageEnd | None:
        """Judge a report and what was told of it; `now` is monotonic seconds."""
        if snapshot.load != self._load:
            if self._load is not None:  # the site loaded itself again
                self.opened(now)
            self._load = snapshot.load
        if situation != self._situation:
            self._situation, self._since = situation, now
        self._booted = self._booted or snapshot.ready
        age = now - self._loaded_at
        if snapshot.complete and not snapshot.loader and not snapshot.injected and age > self._limits.no_site:
            return PageEnd(Situation(SessionState.UNREACHABLE, Reason.SITE_BROKEN, snapshot.says))
        if not self._booted:
            return self._not_booted(snapshot) if age > self._limits.boot else None
        if snapshot.needs_update and self._may_update(now):
            self._updated_at = now
            return PageEnd(Situation(SessionState.RECONNECTING, Reason.PAGE_OUTDATED), at_once=True)
        limit = patience(situation, self._limits)
        if limit is not None and now - self._since > limit:
            why = f"{situation.reason} for {limit:g} s"
            return PageEnd(Situation(SessionState.RECONNECTING, Reason.PAGE_STUCK, why), at_once=True)
        return None

    def _not_booted(self, snapshot: Snapshot) -> PageEnd:
        missing = "wa-js did not find its modules" if snapshot.injected else "no modules appeared"
        why = f"{missing} within {self._limits.boot:g} s"
        return PageEnd(Situation(SessionState.PAGE_CHANGED, Reason.MODULE_MISSING, why))

    def _may_update(self, now: float) -> bool:
        """A page that says so right after it was loaded anew would be loaded for ever."""
        return self._updated_at is None or now - self._updated_at > self._limits.update
