"""Which campaign of a session sends now: the oldest of those that may.

Two campaigns of one session share its number: each waits its pause after a message of the other, and counts the other's
messages for its limit of a day. Without an order the faster one would always be ready first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from campaigns.store.rows import Campaign


def turn_order(campaign: Campaign, now: float) -> tuple[float, float, str]:
    """Sorts the campaigns of a session: by their start; one that has none yet would start now."""
    planned = campaign.plan.start_at
    start = campaign.started_at or (max(now, planned.timestamp()) if planned is not None else now)
    return start, campaign.created_at, campaign.id


class SessionTurns:
    """The campaigns of one session that run. `wake` lets all of them look again."""

    def __init__(self, ahead: int, wake: Callable[[], None]) -> None:
        #: At most that many accepted messages at once.
        self.slots = asyncio.Semaphore(ahead)
        #: Messages that were claimed since the start: a campaign that sees another number reads the store again.
        self.claims = 0
        self._wake = wake
        self._turns: list[CampaignTurn] = []

    def join(self, campaign: Campaign, now: float) -> CampaignTurn:
        """The turn of a campaign, until it leaves. Until it says otherwise, it may send."""
        turn = CampaignTurn(self, turn_order(campaign, now))
        self._turns.append(turn)
        self._turns.sort(key=lambda one: one.order)
        return turn

    def leave(self, turn: CampaignTurn) -> None:
        """The campaign runs no longer."""
        self._turns.remove(turn)
        self._wake()

    def is_first(self, turn: CampaignTurn) -> bool:
        """Whether no older campaign may send now."""
        return not any(one.may_send for one in self._turns[: self._turns.index(turn)])

    def changed(self) -> None:
        """A campaign that may send no longer lets the others go on."""
        self._wake()


@dataclass(eq=False, slots=True)
class CampaignTurn:
    """The place of one campaign among those of its session."""

    session: SessionTurns
    order: tuple[float, float, str]
    may_send: bool = True

    def says(self, *, may_send: bool) -> None:
        """Whether it may send by its own hours and limits, and has something to send."""
        before, self.may_send = self.may_send, may_send
        if before and not may_send:
            self.session.changed()
