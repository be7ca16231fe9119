"""Time limits of the web driver, in seconds, and the pauses between attempts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """All durations are seconds.

    `silence` is how long the page may say nothing (it reports every 2 s) before it counts as dead; `boot` how long
    it may take until wa-js has found its modules.
    """

    call: float = 20.0
    send: float = 30.0
    navigation: float = 30.0
    boot: float = 90.0
    silence: float = 10.0
    close: float = 5.0
    retry_first: float = 1.0
    retry_most: float = 60.0
    browser_retry: float = 60.0
    batch: int = 200


def retry_delay(attempt: int, limits: Limits, random: float) -> float:
    """Seconds before attempt number `attempt` (from 0): doubling, with jitter so that sessions do not march in step.

    `random` is between 0 and 1.
    """
    full = min(limits.retry_most, limits.retry_first * 2.0 ** min(attempt, 30))
    return full * (0.5 + random / 2)
