"""Payments, sent or requested; `body` is the note beside it."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="payment",
    types=("payment",),
    noun=Noun("payment", "pago", "💵"),
)
