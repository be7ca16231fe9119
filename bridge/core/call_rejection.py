"""Rejects calls as they ring, and answers the caller with a text, where the settings say so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bridge.contract.commands import Priority, SendCommand, checked
from bridge.contract.errors import CodedError
from bridge.contract.events import CALL
from bridge.contract.events.call import OFFERED
from bridge.contract.messages import Result
from bridge.contract.requests import RejectCall, request_of
from bridge.core.call_policy import CallPolicy
from bridge.ports import Answers, IncomingEvent, StoreUnusable

_log = logging.getLogger(__name__)
_LONGEST_ID = 128


class CallRejection:
    """The calls of one session. `submit` claims a command."""

    def __init__(
        self, session: str, policy: CallPolicy, driver: Answers, submit: Callable[[SendCommand], Awaitable[Result]]
    ) -> None:
        self._session = session
        self._policy = policy
        self._driver = driver
        self._submit = submit
        self._ringing: asyncio.Queue[str] = asyncio.Queue()

    async def seen(self, event: IncomingEvent) -> None:
        """Take an event. The answer is claimed under the call's id, so a repeated event sends no second one.

        A call of a group is rejected without a text. Raises what the store raises.
        """
        if not self._policy.reject or event.kind != CALL or event.fields.get("action") != OFFERED:
            return
        call_id = str(event.fields.get("call_id"))
        self._ringing.put_nowait(call_id)
        if self._policy.text is None or event.chat is None or event.chat.is_group:
            return
        try:
            fields = {"id": f"call-{call_id}"[:_LONGEST_ID], "to": str(event.chat), "message": self._policy.text}
            await self._submit(checked(SendCommand, {**fields, "priority": Priority.REPLY.value}))
        except StoreUnusable:
            raise
        except CodedError as error:
            _log.warning("%s: the caller gets no answer: %s", self._session, error.text)

    async def run(self) -> None:
        """Reject what rings, until cancelled."""
        while True:
            call_id = await self._ringing.get()
            try:
                await self._driver.answer(request_of(RejectCall.model_fields["action"].default, {"call_id": call_id}))
            except CodedError as error:  # it may have ended meanwhile
                _log.warning("%s: a call was not rejected: %s", self._session, error.text)
            else:
                _log.info("%s: a call was rejected", self._session)
