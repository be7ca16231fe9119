"""Commands to put into an outbox or a schedule."""

from __future__ import annotations

from bridge.contract.commands import Priority, SendCommand
from bridge.contract.kinds import Text
from bridge.contract.lifecycle import SendState
from bridge.ports import Claim, OutboxRow

ANA, BETO, CARLA = "5491155500001@c.us", "5491155500002@c.us", "5491155500003@c.us"


def command(text: str = "Hola", to: str = ANA, **fields: object) -> SendCommand:
    return SendCommand.model_validate({"to": to, "message": text, **fields})


def row(
    number: int, to: str = ANA, *, priority: Priority = Priority.REPLY, expires_at: float | None = None
) -> OutboxRow:
    claim = Claim(
        id=f"order-{number}",
        to=to,
        content=Text("Hola"),
        content_hash="0",
        priority=priority,
        claimed_at=0.0,
        expires_at=expires_at,
    )
    return OutboxRow(number, claim, SendState.ACCEPTED)
