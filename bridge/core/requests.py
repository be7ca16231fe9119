"""Requests of one session: actions that are not messages, carried out by the driver."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bridge.contract.errors import CodedError, LimitReached, NotConnected, Unsupported
from bridge.contract.jid import Jid
from bridge.contract.messages import HistoryMessage
from bridge.contract.payload import instant
from bridge.contract.requests import Request, Response, ResponseStatus
from bridge.contract.session import SessionState
from bridge.core.results import error_info
from bridge.core.session_view import SessionView
from bridge.ports import Answers, CallInDoubt, Clock, IncomingMessage

DescribesMessages = Callable[[Sequence[IncomingMessage]], Awaitable[Sequence[HistoryMessage]]]
IdentifiesPeople = Callable[[Sequence[frozenset[Jid]]], Awaitable[Sequence[str | None]]]
Answer = Callable[[Request], Awaitable[Any]]
#: Concurrent calls into the page. Further ones are refused: they must not delay messages.
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
        own: Callable[[], str | None],
        describe: DescribesMessages,
        identify: IdentifiesPeople,
    ) -> None:
        """`own` gives the digits of this account's number, None before they are known; `describe` the published form
        of messages, `identify` the id of the person behind each set of addresses."""
        self._describe = describe
        self._identify = identify
        self._session = session
        self._driver = driver
        self._view = view
        self._clock = clock
        self._own = own
        self._running = 0
        self._answers: dict[str, Answer] = {}

    def answer(self, action: str, answer: Answer) -> None:
        """Let the bridge itself carry out an action, connected or not; `answer` returns its data as JSON."""
        self._answers[action] = answer

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
        if self._running >= CONCURRENT:
            raise LimitReached(f"{CONCURRENT} requests are being carried out; try again.")
        self._running += 1
        try:
            return await self._published(await self._driver.answer(request.sent_from(self._own())))
        finally:
            self._running -= 1

    async def _published(self, data: Any) -> Any:
        """The data as JSON."""
        messages: list[IncomingMessage] = []
        people: list[frozenset[Jid]] = []
        _replace(data, messages.append, people.append)
        described = iter(await self._describe(messages)) if messages else iter(())
        persons = iter(await self._identify(people)) if people else iter(())
        return _replace(data, lambda _: json.loads(next(described).to_json()), lambda _: next(persons))

    async def respond(self, request: Request) -> Response:
        """Carry out a request; returns its response, `unknown` if the driver gave no answer. Raises no `CodedError`."""
        try:
            data = await self.run(request)
        except CallInDoubt as error:
            return self._response(request, ResponseStatus.UNKNOWN, error=error)
        except CodedError as error:
            return self.refusal(error, request_id=request.id, action=request.action, transaction=request.transaction)
        return self._response(request, ResponseStatus.DONE, data=data)

    def refusal(
        self, error: Exception, *, request_id: str | None, action: str | None, transaction: str | None
    ) -> Response:
        """The response to a request that could not be carried out or parsed."""
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
        self, request: Request, status: ResponseStatus, *, data: Any = None, error: CodedError | None = None
    ) -> Response:
        return Response(
            session=self._session,
            id=request.id or uuid.uuid4().hex,
            action=request.action,
            status=status,
            data=data,
            error=error_info(error) if error else None,
            at=instant(self._clock.now()),
            transaction=request.transaction,
        )


def _replace(
    data: Any, published: Callable[[IncomingMessage], Any], person: Callable[[frozenset[Jid]], str | None]
) -> Any:
    """The data with each message and each person replaced, always in the same order."""
    match data:
        case IncomingMessage():
            return published(data)
        case frozenset():
            return person(data)
        case dict():
            return {name: _replace(value, published, person) for name, value in data.items()}
        case list():
            return [_replace(item, published, person) for item in data]
    return data
