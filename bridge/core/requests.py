"""Requests of one session: actions that are not messages, carried out by the driver."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from bridge.contract.errors import CodedError, LimitReached, NotConnected, Unsupported
from bridge.contract.messages import HistoryMessage
from bridge.contract.payload import instant
from bridge.contract.requests import Request, Subscribe
from bridge.contract.responses import RequestProgress, Response, ResponseStatus
from bridge.contract.session import SessionState
from bridge.core.claimed_requests import LOOK, ClaimedRequests
from bridge.core.group_outcomes import GroupOutcomes
from bridge.core.long_requests import LongRequests
from bridge.core.outgoing_files import PreparesFiles
from bridge.core.request_files import RequestFiles
from bridge.core.results import error_info
from bridge.core.session_view import SessionView
from bridge.core.subscriptions import Subscriptions
from bridge.ports import Answers, CallInDoubt, Clock, IncomingMessage, RequestLedger, StoreUnusable

DescribesMessages = Callable[[Sequence[IncomingMessage]], Awaitable[Sequence[HistoryMessage]]]
Answer = Callable[[Request], Awaitable[Any]]
LongAnswer = Callable[[Request, Callable[[int, int], None]], Awaitable[Any]]
NamesPeople = Callable[[Any], Awaitable[Any]]
#: Concurrent calls into the page for requests that only read. Further ones are refused: they must not delay messages.
CONCURRENT = 8


class RequestRunner:
    """Carries out requests of one session."""

    def __init__(
        self,
        session: str,
        driver: Answers,
        view: SessionView,
        clock: Clock,
        *,
        ledger: RequestLedger,
        own: Callable[[], str | None],
        describe: DescribesMessages,
        named: NamesPeople,
        files: PreparesFiles | None = None,
    ) -> None:
        """`own` gives the digits of this account's number, None before they are known; `describe` the published form
        of messages, `named` data with the bridge's id of each person."""
        self._named = named
        #: Those that change something; claim them here before they are acknowledged.
        self.claimed = ClaimedRequests(session, ledger, clock, own=own, carry_out=self._carry_out, look=self._read_back)
        self._outcomes = GroupOutcomes(driver, view)
        self.subscriptions = Subscriptions(session, driver, clock, named=named)
        self._describe = describe
        self._session = session
        self._driver = driver
        self._files = RequestFiles(driver, files)
        self._view = view
        self._clock = clock
        self._own = own
        self._running = 0
        self._answers: dict[str, Answer] = {}
        self._long_answers: dict[str, LongAnswer] = {}
        self._long = LongRequests(self._carry_out_long)

    def answer(self, action: str, answer: Answer) -> None:
        """Let the bridge itself carry out an action, connected or not; `answer` returns its data as JSON."""
        self._answers[action] = answer

    def answer_long(self, action: str, answer: LongAnswer) -> None:
        """As `answer`, for a long action; the second argument takes how many are done, and of how many."""
        self._long_answers[action] = answer

    async def run(self, request: Request) -> Any:
        """Carry out a request; returns its data.

        Raises `Unsupported`, `InvalidRequest`, `NotConnected`, `LimitReached`, and what the driver raises.
        """
        if (own := self._answers.get(request.action)) is not None:
            return await own(request)
        if request.action not in self._driver.answers:
            raise Unsupported(f"This bridge cannot do {request.action}.")
        situation = self._view.situation
        if situation.state is not SessionState.CONNECTED:
            raise NotConnected(f"The session {self._session} is not connected: {situation.text}")
        if self._running >= CONCURRENT and not request.changes:  # those wait before this
            raise LimitReached(f"{CONCURRENT} requests are being carried out; try again.")
        self._running += not request.changes
        self._view.mark_active()
        try:
            sent = request.sent_from(self._own())
            answer = await self._files.answer(sent)
            if isinstance(sent, Subscribe):
                await self.subscriptions.note(sent)
            return await self._published(answer)
        finally:
            self._running -= not request.changes
            self._view.mark_active()

    async def _published(self, data: Any) -> Any:
        """The data as JSON."""
        messages: list[IncomingMessage] = []
        _replace(data, messages.append)
        described = iter(await self._describe(messages)) if messages else iter(())
        return await self._named(_replace(data, lambda _: json.loads(next(described).to_json())))

    async def respond(self, request: Request) -> Response:
        """Carry out a request; returns its response, `unknown` if the driver gave no answer.

        One that changes something is claimed first; its response is that of the first request with its id. Raises no
        `CodedError` but `StoreUnusable`.
        """
        if request.long:
            return await self.respond_within(request, None)
        if not request.changes:
            return await self._carry_out(request)
        try:
            return await self.claimed.response((await self.claimed.claim(request)).row)
        except StoreUnusable:
            raise
        except CodedError as error:
            return self.refusal_of(request, error)

    async def follow(self, request: Request, *, first: float, then: float) -> AsyncGenerator[Response, None]:
        """The response, and before it how far a long request is: after `first` seconds, then every `then` seconds.

        Raises as `respond`.
        """
        pause = first
        while (response := await self.respond_within(request, pause)).status is ResponseStatus.RUNNING:
            request = request.model_copy(update={"id": response.id})
            pause = then
            yield response
        yield response

    async def respond_within(self, request: Request, seconds: float | None) -> Response:
        """As `respond`, but `running` for a long request that takes longer; the same request again joins it. None = to
        its end."""
        if not request.long:
            return await self.respond(request)
        try:
            run = self._long.begin(request.model_copy(update={"id": request.id or uuid.uuid4().hex}))
        except CodedError as error:
            return self.refusal_of(request, error)
        await asyncio.wait([run.task], timeout=seconds)
        if not run.task.done():
            return self._response(run.request, ResponseStatus.RUNNING, progress=run.progress)
        if run.task.cancelled():
            return self.refusal_of(run.request, NotConnected("The session was closed."))
        return run.task.result()

    async def end(self) -> None:
        """Stop what runs: the session ends."""
        await self._long.end()

    async def _carry_out_long(self, request: Request, report: Callable[[int, int], None]) -> Response:
        try:
            return self._response(
                request, ResponseStatus.DONE, data=await self._long_answers[request.action](request, report)
            )
        except StoreUnusable:
            raise
        except CodedError as error:
            return self.refusal_of(request, error)

    async def _carry_out(self, request: Request) -> Response:
        try:
            data = await self.run(request)
        except CallInDoubt as error:
            doubt = CallInDoubt(f"{error.text} {LOOK}") if request.changes else error
            known = error.known if error.known is not None else await self._outcomes.read(request)
            return self._response(request, ResponseStatus.UNKNOWN, data=await self._published(known), error=doubt)
        except StoreUnusable:
            raise
        except CodedError as error:
            return self.refusal_of(request, error)
        return self._response(request, ResponseStatus.DONE, data=data)

    async def _read_back(self, request: Request) -> Any:
        """What is certain of a request that an earlier process did not answer."""
        return await self._published(await self._outcomes.read(request))

    def refusal_of(self, request: Request, error: Exception) -> Response:
        """The response to a request that could not be carried out."""
        return self.refusal(error, request_id=request.id, action=request.action, transaction=request.transaction)

    def refusal(
        self, error: Exception, *, request_id: str | None, action: str | None, transaction: str | None
    ) -> Response:
        """The response to what may be no request at all."""
        return Response(
            session=self._session,
            id=request_id or uuid.uuid4().hex,
            action=action,
            status=ResponseStatus.FAILED,
            error=error_info(error),
            at=instant(self._clock.now()),
            transaction=transaction,
        )

    def _response(
        self,
        request: Request,
        status: ResponseStatus,
        *,
        data: Any = None,
        error: CodedError | None = None,
        progress: RequestProgress | None = None,
    ) -> Response:
        return Response(
            session=self._session,
            id=request.id or uuid.uuid4().hex,
            action=request.action,
            status=status,
            data=data,
            progress=progress,
            error=error_info(error) if error else None,
            at=instant(self._clock.now()),
            transaction=request.transaction,
        )


def _replace(data: Any, published: Callable[[IncomingMessage], Any]) -> Any:
    """The data with each message replaced, always in the same order."""
    match data:
        case IncomingMessage():
            return published(data)
        case dict():
            return {name: _replace(value, published) for name, value in data.items()}
        case list():
            return [_replace(item, published) for item in data]
    return data
