"""Keeps a piece of work connected: a fresh connection after each one that ended, at growing, random pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import random

from bridge.broker.connection import BrokerConnection, connect
from bridge.broker.errors import BrokerError
from bridge.broker.messages import BrokerOptions
from bridge.contract.backoff import Backoff

#: Full jitter: many clients of one broker must not return at once. The limit bounds the wait once the broker is back.
RECONNECT = Backoff(0.5, 8.0, jitter=1.0, reset_after=10.0)


async def keep_connected(
    options: BrokerOptions,
    use: Callable[[BrokerConnection], Awaitable[None]],
    *,
    on_down: Callable[[BrokerError, float], Awaitable[None] | None] | None = None,
    allowed: Callable[[], Awaitable[bool]] | None = None,
    backoff: Backoff = RECONNECT,
    random: Callable[[], float] = random,
) -> None:
    """Run `use` inside each connection until it returns normally, or `allowed`, asked before each attempt, says no.

    A BrokerError out of `use`, alone or in an exception group of nothing else, means that the connection is
    gone; any other exception passes through. `on_down` is told the error and the pause before each new
    attempt, and ends the loop by raising: a BrokerRefused is tried again too, since its cure (a password, a
    certificate) is outside. `use` is expected to wait on the connection in some way; `BrokerConnection.down()` is
    there for one that does not.
    """
    clock = asyncio.get_running_loop().time
    failures = 0
    while allowed is None or await allowed():
        connected_at: float | None = None
        try:
            async with connect(options) as connection:
                connected_at = clock()
                await use(connection)
                return
        except (BrokerError, BaseExceptionGroup) as error:
            broken = _broker_failure(error)
            if broken is None:
                raise
        lived = connected_at is not None and clock() - connected_at >= backoff.reset_after
        failures = 1 if lived else failures + 1
        pause = backoff.pause(failures, random())
        if on_down is not None:
            told = on_down(broken, pause)
            if told is not None:
                await told
        await asyncio.sleep(pause)


def _broker_failure(error: BaseException) -> BrokerError | None:
    """The broker's failure in what a task group raised, or None if there is anything else in it."""
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_broker_failure(inner) for inner in error.exceptions]
        return None if None in found else found[0]
    return None
