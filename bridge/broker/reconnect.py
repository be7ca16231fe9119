"""Reconnection: runs a function on a new connection after each one that ended, with growing, random pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import random

from bridge.broker.connection import BrokerConnection, connect
from bridge.broker.endings import ConnectionEndings
from bridge.broker.errors import BrokerError
from bridge.broker.messages import BrokerOptions
from bridge.contract.backoff import Backoff

#: Full jitter: the clients of one broker must not all return at once. The limit is the longest delay after the broker
#: is back; half of it on average.
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
    """Run `use` on each connection until it returns, or until `allowed`, called before each attempt, returns False.

    A BrokerError from `use`, alone or in an exception group of only such errors, means that the connection ended;
    any other exception is raised. `on_down` is called with the error and the pause before each new attempt, and ends
    the loop by raising. A BrokerRefused is retried too: the operator may correct the password or certificate
    meanwhile. `use` must wait on the connection; if it has no other way, with `BrokerConnection.down()`.
    """
    clock = asyncio.get_running_loop().time
    failures, endings = 0, ConnectionEndings(options.client_id)
    while allowed is None or await allowed():
        connected_at: float | None = None
        try:
            async with connect(options, endings=endings) as connection:
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
            pending = on_down(broken, pause)
            if pending is not None:
                await pending
        await asyncio.sleep(pause)


def _broker_failure(error: BaseException) -> BrokerError | None:
    """The broker error in what a task group raised; None if it contains anything else."""
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_broker_failure(inner) for inner in error.exceptions]
        return None if None in found else found[0]
    return None
