"""Decides when a page that still answers must be loaded again, and what is reported about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.limits import Limits, longest_stay
from bridge.drivers.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PageEnd:
    """Why a page is given up.

    `browser_gone` = a new browser is needed; else the same browser loads the site again, immediately or after a delay.
    """

    situation: Situation
    browser_gone: bool = False
    immediate: bool = False


class PageWatch:
    """Checks the reports of one browser's pages, load after load. `pinned`: each load brings the same page."""

    def __init__(self, limits: Limits, *, pinned: bool = False) -> None:
        self._limits = limits
        self._pinned = pinned
        self._load: str | None = None
        self._loaded_at = 0.0
        self._booted = False
        self._situation: Situation | None = None
        self._since = 0.0
        self._updated_at: float | None = None
        self._outdated_since: float | None = None
        self._reloads = 0  # by the page itself, each soon after the one before
        self._reloaded_at = float("-inf")

    def opened(self, now: float) -> None:
        """The site was requested and has not reported yet."""
        self._load, self._loaded_at, self._booted, self._situation = None, now, False, None

    def check(self, snapshot: Snapshot, situation: Situation, now: float) -> PageEnd | None:
        """Judge a snapshot and the situation reported for it; `now` is monotonic seconds."""
        if snapshot.load != self._load:
            if self._load is not None:  # the site reloaded itself
                self.opened(now)
                soon = now - self._reloaded_at <= self._limits.reload_window
                self._reloads, self._reloaded_at = self._reloads + 1 if soon else 1, now
            self._load = snapshot.load
        if snapshot.usable or snapshot.unpaired:
            self._reloads = 0
        elif self._reloads > self._limits.self_reloads:
            self._reloads = 0
            return PageEnd(Situation(SessionState.PAGE_CHANGED, Reason.CLIENT_EXPIRED))
        shows_code = situation.state is SessionState.PAIRING and snapshot.code is not None
        if situation != self._situation or shows_code:  # a code may wait for a scan for days
            self._situation, self._since = situation, now
        self._booted = self._booted or snapshot.ready
        age = now - self._loaded_at
        if snapshot.complete and not snapshot.loader and not snapshot.injected and age > self._limits.no_site:
            return PageEnd(Situation(SessionState.UNREACHABLE, Reason.SITE_BROKEN, snapshot.visible_text))
        if not self._booted:
            return self._not_booted(snapshot) if age > self._limits.boot else None
        if situation.state is SessionState.CONFLICT or situation.reason is Reason.PASSKEY_REQUIRED:
            return None  # a reload takes the connection from the other page, or ends the passkey step
        outdated = snapshot.needs_update and not self._pinned
        if outdated and self._may_update(now) and self._is_drained(snapshot, now):
            self._updated_at, self._outdated_since = now, None
            return PageEnd(Situation(SessionState.RECONNECTING, Reason.PAGE_OUTDATED), immediate=True)
        limit = longest_stay(situation, self._limits)
        if limit is not None and now - self._since > limit:
            why = f"{situation.reason} for {limit:g} s"
            return PageEnd(Situation(SessionState.RECONNECTING, Reason.PAGE_STUCK, why), immediate=True)
        return None

    def _not_booted(self, snapshot: Snapshot) -> PageEnd:
        missing = "wa-js did not find its modules" if snapshot.injected else "no modules appeared"
        why = f"{missing} within {self._limits.boot:g} s"
        return PageEnd(Situation(SessionState.PAGE_CHANGED, Reason.MODULE_MISSING, why))

    def _is_drained(self, snapshot: Snapshot, now: float) -> bool:
        """A message on the clock is lost by a reload, until it is sent again: wait for it, but not forever."""
        self._outdated_since = now if self._outdated_since is None else self._outdated_since
        return not snapshot.on_clock or now - self._outdated_since > self._limits.drain

    def _may_update(self, now: float) -> bool:
        """Limits the reloads: a page that needs an update right after a load would be loaded again and again."""
        return self._updated_at is None or now - self._updated_at > self._limits.update
