"""Requests that change something: claimed before anything is done, done at most once, and answered in any case.

A request is carried out only by the process that claimed it. One that a process left without a response is `unknown` at
the next start: whether WhatsApp carried it out cannot be known.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bridge.contract.errors import Conflict, InvalidRequest, NotConnected, Unsupported
from bridge.contract.payload import instant
from bridge.contract.requests import Request, request_of
from bridge.contract.responses import Response, ResponseStatus
from bridge.contract.topics import Leaf
from bridge.core.group_outcomes import can_show
from bridge.core.results import error_info
from bridge.ports import (
    CallInDoubt,
    ClaimedRequest,
    Clock,
    CommandOrigin,
    NewNotice,
    ReplyTo,
    RequestClaim,
    RequestLedger,
    RequestRow,
    StoreUnusable,
)

_log = logging.getLogger(__name__)
CarryOut = Callable[[Request], Awaitable[Response]]
Look = Callable[[Request], Awaitable[Any]]
#: Requests being carried out at once; further ones wait, in the order of their claims.
CONCURRENT = 4
#: Longest text of an argument that is stored.
MAX_STORED = 1000
LOOK = "It may have been done: look, and ask again with a new id if it was not."


@dataclass(eq=False, slots=True)
class _Open:
    """A claimed request without a response."""

    row: RequestRow
    request: Request
    coming: asyncio.Future[Response] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def lane(self) -> str:
        """What it acts on: requests about the same are carried out in the order of their claims."""
        return " ".join(sorted(map(str, self.request.addresses.values()))) or self.request.action


class ClaimedRequests:
    """The requests of one session that change something, from the claim to the response."""

    def __init__(
        self,
        session: str,
        ledger: RequestLedger,
        clock: Clock,
        *,
        own: Callable[[], str | None],
        carry_out: CarryOut,
        look: Look,
    ) -> None:
        """`own` gives the digits of this account's number; `carry_out` the response, and it raises no `CodedError`;
        `look` what is certain of a request that an earlier process did not answer."""
        self._session = session
        self._ledger = ledger
        self._clock = clock
        self._own = own
        self._carry_out = carry_out
        self._look = look
        self._open: dict[int, _Open] = {}  # by number
        self._claimed: asyncio.Queue[_Open] = asyncio.Queue()
        self._newest: dict[str, _Open] = {}  # by lane
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._ready = asyncio.Event()
        self._ended = False

    async def claim(
        self, request: Request, *, origin: CommandOrigin | None = None, reply_to: ReplyTo | None = None
    ) -> ClaimedRequest:
        """Claim a request. On return it is durable; its response is published once it is known.

        The row is the earlier one where the request was made before. Raises `Conflict`, `InvalidRequest`, and what the
        store raises.
        """
        await self._ready.wait()  # what an earlier process left is answered first
        if self._ended:
            raise NotConnected("The session is closed.")
        origin = origin if request.id is None else None
        request = request.sent_from(self._own()).model_copy(update={"id": request.id or uuid.uuid4().hex})
        claim = RequestClaim(
            id=str(request.id),
            action=request.action,
            arguments=json.dumps(_shortened(request.normal_arguments), ensure_ascii=False),
            content_hash=request.content_hash,
            claimed_at=self._clock.now(),
            reply_to=reply_to,
            transaction=request.transaction,
            origin=origin,
        )
        claimed = await self._ledger.claim(claim, lambda row: self._enqueue(row, request))
        if claimed.conflict:
            raise Conflict("This id was used before with other content; the first request stands. Use a new id.")
        return claimed

    def _enqueue(self, row: RequestRow, request: Request) -> None:
        if not self._ended:  # else the next start answers it
            self._open[row.number] = one = _Open(row, request)
            self._claimed.put_nowait(one)

    async def response(self, row: RequestRow) -> Response:
        """The response to a claimed request, once there is one; `unknown` where the session ends before that."""
        if row.response is None and (known := self._open.get(row.number)) is not None:
            return await asyncio.shield(known.coming)
        if row.response is None:  # it came since the row was read
            row = await self._ledger.get(row.number) or row
        return self._unknown(row.claim) if row.response is None else Response.model_validate_json(row.response)

    async def run(self) -> None:
        """Carry out claimed requests until cancelled. Raises what the store raises."""
        shown: list[_Open] = []
        for row in await self._ledger.unanswered():
            _log.warning("%s: the request %s was interrupted; its outcome is unknown", self._session, row.claim.id)
            request = _stored(row)
            if request is None or not can_show(request):
                await self._store(row, self._unknown(row.claim))
            else:
                self._open[row.number] = one = _Open(row, request)
                self._newest[one.lane] = one  # what is asked of the same group meanwhile waits
                shown.append(one)
        self._ready.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                for one in shown:
                    tasks.create_task(self._look_back(one), name=f"request {self._session} {one.row.claim.id}")
                while True:
                    one = await self._claimed.get()
                    before, self._newest[one.lane] = self._newest.get(one.lane), one
                    tasks.create_task(self._process(one, before), name=f"request {self._session} {one.row.claim.id}")
        finally:
            self._ended = True
            for one in self._open.values():
                one.coming.set_result(self._unknown(one.row.claim))
            self._open.clear()

    async def drain(self) -> None:
        """Return once every claimed request has its response."""
        while self._open:
            await asyncio.wait([one.coming for one in self._open.values()])

    async def _process(self, one: _Open, before: _Open | None) -> None:
        if before is not None:
            await asyncio.wait([before.coming])
        async with self._slots:
            try:
                response = await self._carry_out(one.request)
            except StoreUnusable:
                raise
            except Exception:  # noqa: BLE001 - it is answered in any case
                _log.exception("%s: internal error in the request %s", self._session, one.row.claim.id)
                response = self._unknown(one.row.claim)
            await self._store(one.row, response)
        self._settle(one, response)

    async def _look_back(self, one: _Open) -> None:
        response = self._unknown(one.row.claim)
        try:
            response = response.model_copy(update={"data": await self._look(one.request)})
        except StoreUnusable:
            raise
        except Exception:  # noqa: BLE001 - it is answered in any case
            _log.exception("%s: internal error in the look-up of %s", self._session, one.row.claim.id)
        await self._store(one.row, response)
        self._settle(one, response)

    def _settle(self, one: _Open, response: Response) -> None:
        del self._open[one.row.number]
        if self._newest.get(one.lane) is one:
            del self._newest[one.lane]
        one.coming.set_result(response)

    async def _store(self, row: RequestRow, response: Response) -> None:
        await self._ledger.answer(
            row.number, NewNotice(Leaf.RESPONSE, response.to_json(), row.claim.reply_to), self._clock.now()
        )

    def _unknown(self, claim: RequestClaim) -> Response:
        return Response(
            session=self._session,
            id=claim.id,
            action=claim.action,
            status=ResponseStatus.UNKNOWN,
            error=error_info(CallInDoubt(f"The bridge ended before WhatsApp answered. {LOOK}")),
            at=instant(self._clock.now()),
            transaction=claim.transaction,
        )


def _stored(row: RequestRow) -> Request | None:
    """The request of a row; None if this version does not know it."""
    try:
        return request_of(row.claim.action, {**json.loads(row.claim.arguments), "id": row.claim.id})
    except (InvalidRequest, Unsupported):
        return None


def _shortened(value: Any) -> Any:
    """Arguments without the texts that are long, such as pictures."""
    if isinstance(value, dict):
        return {name: _shortened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shortened(one) for one in value]
    return f"{len(value):,} characters" if isinstance(value, str) and len(value) > MAX_STORED else value
