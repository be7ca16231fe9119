"""Webhook mode: the legacy sender instead of the broker. Registers with it again and again, and sends by its HTTP.

The sender's send has no id, so an answer is claimed in the store before the request leaves and is never repeated after
it: what got no reply is `unknown`. The one file that speaks HTTP as a client.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from responder.errors import SenderFailed
from responder.faults import FaultLog
from responder.store.rows import Turn
from responder.store.turns import Finished, Turns
from responder.turns import TurnState

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)
#: Seconds for one request; a send may wait for WhatsApp.
TIMEOUT = 35.0
#: Seconds between two registrations: a sender that was restarted has forgotten us for so long at most.
REGISTERED, REFUSED, LONGEST_REFUSED = 60.0, 2.0, 60.0
#: Seconds before a sender that does not run is tried again with an answer.
AWAY = 5.0


class LegacySender:
    """The legacy sender. Use as `async with`."""

    def __init__(self, url: str, callback_url: str, api_key: str | None) -> None:
        self._url = url
        self._callback_url = callback_url
        self._headers = {"x-api-key": api_key} if api_key else {}
        self.is_registered = False
        self._http: httpx.AsyncClient

    async def __aenter__(self) -> LegacySender:
        import httpx  # imported where it is needed: most installations speak MQTT

        self._http = httpx.AsyncClient(base_url=self._url, headers=self._headers, timeout=TIMEOUT, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def register(self) -> None:
        """Have messages sent to us. Raises SenderFailed."""
        await self._post("/api/whatsapp/register-listener", {"callbackUrl": self._callback_url})
        if not self.is_registered:
            _log.info("Listener registrado: %s at %s", self._callback_url, self._url)
        self.is_registered = True

    async def unregister(self) -> None:
        """Have no more messages sent to us."""
        self.is_registered = False
        with suppress(SenderFailed):
            async with asyncio.timeout(3):
                await self._post("/api/whatsapp/unregister-listener", {"callbackUrl": self._callback_url})

    async def state(self) -> dict[str, Any]:
        """What the sender says of its connection. Raises SenderFailed."""
        return await self._request("GET", "/api/whatsapp/status", None)

    async def send(self, to: str, text: str) -> None:
        """Send once. Raises SenderFailed, which tells whether it may have left."""
        await self._post("/api/whatsapp/send", {"to": to, "message": text})

    async def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        return await self._request("POST", path, body)

    async def _request(self, method: str, path: str, body: dict[str, str] | None) -> dict[str, Any]:
        import httpx

        try:
            response = await self._http.request(method, path, json=body)
            response.raise_for_status()
            answer = response.json()
        except httpx.ConnectError as error:
            raise SenderFailed("The legacy sender does not run, or not there.", never_left=True) from error
        except httpx.HTTPStatusError as error:
            raise SenderFailed(f"The legacy sender answered {error.response.status_code}.", refused=True) from error
        except (httpx.HTTPError, ValueError) as error:
            raise SenderFailed(f"The legacy sender gave no answer ({type(error).__name__}).") from error
        return answer if isinstance(answer, dict) else {}


async def stay_registered(sender: LegacySender, faults: FaultLog) -> None:
    """Register, again and again, until cancelled; then unregister."""
    pause = REFUSED
    try:
        while True:
            try:
                await sender.register()
            except SenderFailed as error:
                if sender.is_registered or pause == REFUSED:
                    faults.note(error.code, "register", error.text)
                sender.is_registered = False
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_REFUSED)
            else:
                pause = REFUSED
                await asyncio.sleep(REGISTERED)
    finally:
        await sender.unregister()


class LegacyAnswerSink:
    """`Outlet` over the legacy sender."""

    def __init__(self, sender: LegacySender, turns: Turns, now: Callable[[], float]) -> None:
        self._sender = sender
        self._turns = turns
        self._now = now

    async def show_typing(self, session: str, chat: str, seconds: float) -> None:
        """See `Outlet`. The legacy sender cannot."""

    async def deliver(self, turn: Turn, accepted: Callable[[], None]) -> Finished | None:
        while self._now() < turn.expires_at:
            if not await self._turns.claim(turn):
                return None
            sent = 0
            try:
                for command in turn.commands:
                    await self._sender.send(turn.chat, command.text)
                    sent += 1
            except SenderFailed as error:
                if error.refused:
                    return Finished(turn.id, TurnState.FAILED, error.code)
                if not error.never_left or sent:
                    return Finished(turn.id, TurnState.UNKNOWN, error.code)
                await self._turns.finish([Finished(turn.id, TurnState.READY)])
                await asyncio.sleep(AWAY)
            else:
                accepted()
                return Finished(turn.id, TurnState.SENT)
        return Finished(turn.id, TurnState.FAILED, "expired")
