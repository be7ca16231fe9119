"""The lease of a session that several bridges may run: a retained claim. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from bridge.contract.payload import VERSION, Instant, Payload, is_none


class ClaimState(StrEnum):
    """How far a claim is."""

    CLAIMED = "claimed"
    OWNED = "owned"
    RELEASED = "released"


class LeaseClaim(Payload):
    """`<prefix>/<session>/lease`, retained: which of several bridges runs the session.

    `until` and `at` are for a person. Bridges count from the moment at which they receive a claim: clocks differ.
    """

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    owner: str = Field(description="as in the session's status: WA_INSTANCE and a mark of the data directory")
    term: int = Field(ge=1, description="grows with each owner; of two claims the higher term counts")
    renewal: int = Field(default=0, ge=0, description="how often the owner has repeated this claim")
    until: Instant = Field(description="when the claim ends unless it is repeated, by the owner's clock")
    at: Instant = Field(description="when this was published, by the owner's clock")
    state: ClaimState = Field(
        description="`claimed`: it starts unless another is heard; `owned`: it runs; `released`: it is closed, another"
        " may start at once"
    )
    to: str | None = Field(
        default=None, exclude_if=is_none, description="the bridge (WA_INSTANCE) that the session is handed over to"
    )

    @property
    def instance(self) -> str:
        """The owner without its mark."""
        return self.owner.rpartition(":")[0]
