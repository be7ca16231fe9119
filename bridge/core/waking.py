"""A sleeping session wakes when a command is due: one that is new, or one whose time has come."""

from __future__ import annotations

import asyncio
import logging

from bridge.contract.controls import ControlAction
from bridge.contract.session import Reason
from bridge.core.session import Session
from bridge.ports import Outbox

_log = logging.getLogger(__name__)


async def wake_when_due(session: Session, outbox: Outbox, every: float) -> None:
    """Look every `every` seconds, until cancelled: two numbers are compared, so a look costs nothing."""
    while True:
        await asyncio.sleep(every)
        if session.view.situation.reason is Reason.ASLEEP and outbox.open_count > session.outbound.not_yet_due:
            _log.info("%s: a command is due; waking up", session.name)
            await session.control(ControlAction.INIT)
