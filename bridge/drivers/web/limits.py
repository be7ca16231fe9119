"""Timeouts of the web driver, the delays between its attempts, and the number of attempts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract.backoff import Backoff
from bridge.contract.session import Reason, SessionState, Situation


@dataclass(frozen=True, slots=True)
class Limits:
    """All durations are seconds.

    `report` is the interval of the page's state reports. `silence` is the longest time without any report before the
    page counts as dead; a page that is loading years of messages may be busy for longer (`silence_loading`). `boot` is
    the time for wa-js to find its modules. `no_site` is how long a complete page may be without WhatsApp's loader, and
    `missing_functions` how long a page may be without a required function: the site loads in parts.
    """

    report: float = 2.0
    call: float = 20.0
    #: Duration of the question whether a group takes messages, which a command waits for before its claim.
    judge: float = 1.0
    send: float = 30.0
    #: Bytes for which a send with a file may take a second longer, until the page has read and hashed them.
    file_rate: float = 500_000.0
    navigation: float = 30.0
    boot: float = 90.0
    silence: float = 8.0
    silence_loading: float = 30.0
    no_site: float = 8.0
    missing_functions: float = 15.0
    #: How long the line of a page may be cut before another page must have replaced it: a drop takes a second.
    replaced: float = 20.0
    #: How long a restored page may take for its first connection before the link counts as down.
    no_link: float = 10.0
    #: How long a reload that the bridge chooses waits for messages on the clock.
    drain: float = 10.0
    close: float = 5.0
    #: Until a browser must have started, for an answer of Playwright's Node.js and for its end.
    launch: float = 60.0
    node: float = 5.0
    retry_first: float = 1.0
    retry_most: float = 60.0
    browser_retry: float = 30.0
    #: After these times a page is loaded again: without a link; blocked or expired; stuck while loading, or without a
    #: code to scan.
    link_down: float = 180.0
    refused: float = 600.0
    stuck: float = 600.0
    #: Between two reloads to get a newer version of the page.
    update: float = 6 * 3600.0
    #: More than `self_reloads` reloads by the page itself without a connection, each within `reload_window` of the one
    #: before: it has expired.
    self_reloads: int = 3
    reload_window: float = 120.0
    #: How long WhatsApp takes a pairing code that is typed on the phone.
    link_code: float = 180.0
    #: How long a request for a pairing code waits for the page and for WhatsApp.
    linking: float = 45.0
    #: How long WhatsApp waits for a passkey.
    passkey: float = 600.0
    #: More than `restarts` lost pages or browsers within `restart_window` cause a pause of `restart_pause`.
    restarts: int = 5
    restart_window: float = 600.0
    restart_pause: float = 600.0
    #: Interval of the memory measurements; time without messages and calls after which the page is trimmed.
    memory: float = 60.0
    idle: float = 600.0
    #: Duration of a trim.
    trim: float = 10.0
    #: For the browser to write a file, beyond the time of its download.
    saving: float = 60.0
    #: Until what WhatsApp Web does not show as done is in doubt.
    confirm: float = 15.0
    #: Between two look-ups of the messages that cannot be read yet.
    undecrypted: float = 180.0
    batch: int = 200
    #: Duration of one call that reads messages for a catch-up.
    collecting: float = 0.5
    #: How long a catch-up waits until WhatsApp has delivered what came while the page was away.
    delivery: float = 60.0


def retry_delay(attempt: int, limits: Limits, random: float) -> float:
    """Seconds before attempt number `attempt` (from 0): doubling, with jitter so that sessions do not retry in step.

    `random` is between 0 and 1.
    """
    return Backoff(limits.retry_first, limits.retry_most, jitter=0.5).pause(attempt + 1, random)


def longest_stay(situation: Situation, limits: Limits) -> float | None:
    """Seconds that a page may stay in a situation before it is loaded again; None = unlimited.

    After a logout, and where a QR code is to be scanned, it counts while the page shows none.
    """
    if situation.state is SessionState.LOGGED_OUT:
        return limits.stuck
    match situation.reason:
        case Reason.LINK_DOWN | Reason.SERVICE_UNAVAILABLE:
            return limits.link_down
        case Reason.MODULE_MISSING | Reason.ACCOUNT_BLOCKED:
            return limits.refused
        case Reason.PAGE_LOADING | Reason.SYNCING | Reason.SCAN_QR | Reason.QR_EXPIRED | Reason.CLIENT_EXPIRED:
            return limits.stuck
        case _:
            return None


class RestartBudget:
    """Limits restarts: a browser that crashes again and again must not overload the machine."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lost_at: list[float] = []

    def exceeded(self, now: float) -> bool:
        """Count a loss; True if the budget is exceeded, which also resets it."""
        self._lost_at = [at for at in self._lost_at if at > now - self._limits.restart_window] + [now]
        if len(self._lost_at) <= self._limits.restarts:
            return False
        self._lost_at.clear()
        return True
