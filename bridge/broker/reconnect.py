"""Reconnection: runs a function on a new connection after each one that ended, with growing, random pauses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bridge.broker.connection import BrokerConnection, connect
from bridge.broker.errors import BrokerError
from bridge.broker.messages import BrokerOptions


@dataclass(frozen=True)
class Backoff:
    """Pauses between attempts, in seconds. Full jitter: the clients of one broker must not all return at once."""

    first: float = 0.5
    limit: float = 8
    """Longest delay after the broker is back; half of it on average."""
    reset_after: float = 10
    """A connection that lasted this long resets the pauses."""

    def pause(self, failures: int, uniform: Callable[[float, float], float]) -> float:
        """The pause after this many consecutive failures (1 is the first)."""
        return uniform(0, min(self.limit, self.first * 2.0 ** min(failures - 1, 30)))


async def keep_connected(
    options: BrokerOptions,
    use: Callable[[BrokerConnection], Awaitable[None]],
    *,
    on_down: Callable[[BrokerError, float], Awaitable[None] | None] | None = None,
    allowed: Callable[[], Awaitable[bool]] | None = None,
    backoff: Backoff = Backoff(),
    uniform: Callable[[float, float], float] = random.uniform,
) -> None:
    """Run `use` on each connection until it returns, or until `allowed`, called before each attempt, returns False.

    A BrokerError from `use`, alone or in an exception group of only such errors, means that the connection ended;
    any other exception is raised. `on_down` is called with the error and the pause before each new attempt, and ends
    the loop by raising. A BrokerRefused is retried too: the operator may correct the password or certificate
    meanwhile. `use` must wait on the connection; if it has no other way, with `BrokerConnection.down()`.
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
        pause = backoff.pause(failures, uniform)
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
