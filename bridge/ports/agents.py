"""The port of agents: what a key of an agent may do in which chat, and what agents ask to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

#: In place of a chat: each of the session's chats.
EVERY_CHAT = "*"


class Right(StrEnum):
    """What an agent may do in a chat.

    `read_new`: read what is written after the key was made; `read_history`: read and search what is older too;
    `reply`: write to a chat that has written to this account lately, and to groups; `start_new`: write first.
    """

    READ_NEW = "read_new"
    READ_HISTORY = "read_history"
    REPLY = "reply"
    START_NEW = "start_new"


@dataclass(frozen=True, slots=True)
class AgentGrant:
    """What an agent's key may do: rights by chat (an address, or `EVERY_CHAT`). A chat that is not here does not exist
    for it. `approval`: a person has to approve each send."""

    chats: Mapping[str, frozenset[Right]]
    approval: bool = True


class ProposalState(StrEnum):
    """Of a send that an agent asked for. All but `proposed` are final; an approved one is claimed and then has the
    state of its send."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A send that an agent asked for. Times are unix seconds; `command` is the id of its send in the outbox.

    `claimed`: the outbox has answered for it; `refusal` is the sentence if it took it not. `number` is 0 until stored.
    """

    session: str
    key_id: str
    id: str
    command: str
    chat: str
    text: str
    state: ProposalState
    at: float
    expires_at: float
    decided_at: float | None = None
    decided_by: str | None = None
    claimed: bool = False
    refusal: str | None = None
    number: int = 0


class ProposalRepository(Protocol):
    """What agents asked to send. Everything that returns is committed."""

    async def propose(self, proposal: Proposal) -> Proposal:
        """Store one; returns the stored one, which is the earlier one where the key used this id before."""
        ...

    async def find(self, session: str, key_id: str, proposal_id: str) -> Proposal | None:
        """The one that a key proposed under this id."""
        ...

    async def waiting(self, session: str) -> list[Proposal]:
        """Those of a session that wait for a person, oldest first."""
        ...

    async def count_waiting(self, key_id: str) -> int:
        """How many of a key wait for a person."""
        ...

    async def decide(self, session: str, number: int, state: ProposalState, by: str, at: float) -> Proposal | None:
        """Approve or refuse one that waits and has not expired at `at`; None if there is none."""
        ...

    async def unclaimed(self) -> list[Proposal]:
        """Approved ones that the outbox has not answered for yet, oldest first."""
        ...

    async def settle(self, number: int, refusal: str | None) -> None:
        """The outbox has answered for an approved one: it was claimed, or refused with this sentence."""
        ...

    async def expire(self, at: float) -> int:
        """Expire those that no person decided on until `at`; returns how many."""
        ...

    async def secret(self) -> bytes:
        """32 random bytes of this store."""
        ...
