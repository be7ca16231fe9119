"""The sessions that a service beside the bridges works for, also those that were added while it ran."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from bridge.contract.status import BridgeStatus

if TYPE_CHECKING:
    from bridge.client.client import Client


def served_sessions(named: Sequence[str], bridges: Iterable[BridgeStatus]) -> tuple[str, ...]:
    """What a service serves whose WA_SESSIONS has the names `named`: of a bridge whose WA_SESSIONS it names completely,
    all sessions that run there, and none that was removed; otherwise what it names. Never empty. Pure.

    A service that names some of a bridge's sessions was set so, and two services that each serve a part of the sessions
    would both answer one that both took over.
    """
    own = [one for one in bridges if one.configured and set(one.configured) <= set(named)]
    decided = {name for one in own for name in one.configured or ()}
    found = dict.fromkeys(name for name in named if name not in decided)
    found |= dict.fromkeys(name for one in own for name in one.sessions)
    in_order = [*(name for name in named if name in found), *found]  # whichever bridge spoke first
    return tuple(dict.fromkeys(in_order)) or tuple(named)


class ServedSessions:
    """`names`, in order, the first being the default; they change while `follow` runs."""

    def __init__(self, named: Collection[str]) -> None:
        self._named = tuple(named)
        self._bridges: dict[str, BridgeStatus] = {}
        self.names = self._named

    async def follow(self, client: Client) -> AsyncGenerator[tuple[str, ...], None]:
        """Yields the names at once, and after each change."""
        yield self.names
        async for topic, status in client.watch_bridges():
            if status is None:
                self._bridges.pop(topic, None)
            elif status.state == "online" or topic not in self._bridges:  # a will is as old as its connection
                self._bridges[topic] = status
            names = served_sessions(self._named, self._bridges.values())
            if names != self.names:
                self.names = names
                yield names
