"""Sends that agents ask for: stored, decided on by a person where the key needs that, claimed once.

What is approved is a row on disk before it is claimed, and the claim's id is in that row: after a `kill -9` between the
two it is claimed at the next start, and a repeated claim of one id sends nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from bridge.contract.commands import SendCommand, checked
from bridge.contract.errors import CodedError, Conflict, LimitReached
from bridge.contract.jid import Jid
from bridge.core.session_entry import SessionEntry
from bridge.http.limits import HttpLimits
from bridge.ports import ApiKey, Clock, Proposal, ProposalRepository, ProposalState, StoreUnusable

_log = logging.getLogger(__name__)
#: Seconds within which a person has to decide, and then WhatsApp to take the message.
DECIDED_WITHIN, SENT_WITHIN = 3600.0, 3600.0


class AgentSends:
    """The sends of agents of one bridge."""

    def __init__(
        self, proposals: ProposalRepository, entries: Mapping[str, SessionEntry], clock: Clock, limits: HttpLimits
    ) -> None:
        self._limits = limits
        self._proposals = proposals
        self._entries = entries
        self._clock = clock
        self._secret: bytes | None = None
        # The decision and the look at what is unclaimed may meet at the same send.
        self._claiming: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def secret(self) -> bytes:
        """What encrypts the cursors of agents."""
        if self._secret is None:
            self._secret = await self._proposals.secret()
        return self._secret

    async def propose(self, session: str, key: ApiKey, proposal_id: str, chat: Jid, text: str) -> Proposal:
        """Store a send, and claim it where the key needs no approval. The same id and content changes nothing.

        Raises `Conflict` for an id with other content, `LimitReached`, `InvalidRequest`, `TooLarge`.
        """
        now = self._clock.now()
        known = await self._proposals.find(session, key.id, proposal_id)
        most = self._limits.agent_sends
        if known is None and await self._proposals.count_waiting(key.id) >= most:
            raise LimitReached(f"{most} sends of this key wait for a person already.")
        needs_person = key.agent is None or key.agent.approval
        proposal = Proposal(
            session=session,
            key_id=key.id,
            id=proposal_id,
            command=f"agent-{key.id}-{proposal_id}",
            chat=str(chat),
            text=text,
            state=ProposalState.PROPOSED if needs_person else ProposalState.APPROVED,
            at=now,
            expires_at=now + DECIDED_WITHIN,
            decided_at=None if needs_person else now,
            decided_by=None if needs_person else "key without approval",
        )
        _command(proposal)
        stored = await self._proposals.propose(proposal)
        if (stored.chat, stored.text) != (proposal.chat, text):
            raise Conflict
        return await self._claimed(stored)

    async def find(self, session: str, key: ApiKey, proposal_id: str) -> Proposal | None:
        """A send of this key; expired ones are marked first."""
        await self._proposals.expire(self._clock.now())
        return await self._proposals.find(session, key.id, proposal_id)

    async def waiting(self, session: str) -> list[Proposal]:
        """Sends that wait for a person, oldest first."""
        await self._proposals.expire(self._clock.now())
        return await self._proposals.waiting(session)

    async def decide(self, session: str, number: int, *, approve: bool, by: str) -> Proposal | None:
        """Approve or refuse a send, durably; None if none of this number waits any more."""
        state = ProposalState.APPROVED if approve else ProposalState.REFUSED
        decided = await self._proposals.decide(session, number, state, by, self._clock.now())
        return None if decided is None else await self._claimed(decided)

    async def run(self) -> None:
        """Claim what a bridge that ended left approved, and expire what no person decided on, until cancelled."""
        while True:
            try:
                await self._proposals.expire(self._clock.now())
                for proposal in await self._proposals.unclaimed():
                    await self._claimed(proposal)
            except StoreUnusable as error:
                _log.warning("Sends of agents wait: %s", error)
            await asyncio.sleep(self._limits.agent_poll)

    async def _claimed(self, proposal: Proposal) -> Proposal:
        """Claim an approved one. It stays unclaimed while its session does not run here."""
        if proposal.state is not ProposalState.APPROVED or proposal.claimed:
            return proposal
        entry = self._entries.get(proposal.session)
        if entry is None or entry.session is None:
            return proposal
        refusal = None
        async with self._claiming.setdefault(proposal.number, asyncio.Lock()):
            try:
                await entry.session.outbound.submit(_command(proposal))
            except StoreUnusable:
                raise
            except CodedError as error:
                if error.transient:
                    return proposal
                refusal = error.text
            await self._proposals.settle(proposal.number, refusal)
        stored = await self._proposals.find(proposal.session, proposal.key_id, proposal.id)
        return stored or proposal


def _command(proposal: Proposal) -> SendCommand:
    """The command of a send: the same at each claim. Raises `InvalidRequest`, `TooLarge`."""
    decided = proposal.decided_at if proposal.decided_at is not None else proposal.at
    expires_at = datetime.fromtimestamp(decided + SENT_WITHIN, UTC).isoformat()
    fields = {"id": proposal.command, "to": proposal.chat, "message": proposal.text, "expires_at": expires_at, "ttl": 0}
    return checked(SendCommand, fields)
