"""Time limits of the web driver, in seconds, the pauses between attempts, and how many attempts there are. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract.backoff import Backoff
from bridge.contract.session import Reason, Situation


@dataclass(frozen=True, slots=True)
class Limits:
    """All durations are seconds.

    `report` is how often the page tells how it is, `silence` how long one that works may say nothing before it counts
    as dead; one that is loading may be busy for longer with years of messages. `boot` is how long it may take until
    wa-js has found its modules, `no_site` how long a complete page may lack WhatsApp's loader, `lacking` one of the
    functions we need.
    """

    report: float = 2.0
    call: float = 20.0
    send: float = 30.0
    navigation: float = 30.0
    boot: float = 90.0
    silence: float = 8.0
    silence_loading: float = 30.0
    no_site: float = 8.0
    lacking: float = 15.0
    close: float = 5.0
    retry_first: float = 1.0
    retry_most: float = 60.0
    browser_retry: float = 30.0
    #: From here on a page is loaded again: without a link, blocked or expired, stuck in its loading.
    link_down: float = 180.0
    refused: float = 600.0
    stuck: float = 600.0
    #: Between two loads for the sake of a newer version of the page.
    update: float = 6 * 3600.0
    #: So many losses of page or browser in so long, then a rest.
    restarts: int = 5
    restart_window: float = 600.0
    rest: float = 600.0
    #: Between two looks at the memory in use; how long nothing may have come before the page is trimmed.
    memory: float = 60.0
    idle: float = 600.0
    batch: int = 200
    #: How long one call may read messages for a catch-up.
    collecting: float = 0.5


def retry_delay(attempt: int, limits: Limits, random: float) -> float:
    """Seconds before attempt number `attempt` (from 0): doubling, with jitter so that sessions do not march in step.

    `random` is between 0 and 1.
    """
    return Backoff(limits.retry_first, limits.retry_most, jitter=0.5).pause(attempt + 1, random)


def patience(situation: Situation, limits: Limits) -> float | None:
    """How long a page may stay in a situation before it is loaded again; None = for ever."""
    match situation.reason:
        case Reason.LINK_DOWN:
            return limits.link_down
        case Reason.CLIENT_EXPIRED | Reason.MODULE_MISSING | Reason.ACCOUNT_BLOCKED | Reason.NETWORK_REFUSED:
            return limits.refused
        case Reason.PAGE_LOADING | Reason.SYNCING:
            return limits.stuck
        case _:
            return None


class Restarts:
    """The budget of restarts: a browser that dies again and again must not take the machine with it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lost_at: list[float] = []

    def used_up(self, now: float) -> bool:
        """Note a loss; whether it was one too many. After the rest that follows, the budget is whole again."""
        self._lost_at = [at for at in self._lost_at if at > now - self._limits.restart_window] + [now]
        if len(self._lost_at) <= self._limits.restarts:
            return False
        self._lost_at.clear()
        return True
