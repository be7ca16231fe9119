"""Webhook mode: the legacy sender instead of the broker. Registers with it repeatedly and sends by its HTTP.

The sender's send has no id. An answer is therefore claimed in the store before the request leaves and never repeated
after it: without a response the outcome is `unknown`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from bridge.contract.errors import Cancelled
from responder.errors import SenderFailed
from responder.faults import FaultLog
from responder.outgoing import AnswerSink
from responder.store.rows import Turn
from responder.store.turns import Finished, Turns
from responder.timing import SenderTiming
from responder.turns import TurnState

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)


class LegacySender:
    """Use as `async with`. Every request raises SenderFailed. `timeout` is that of one request, in seconds.

    `secret` signs what the sender posts; None where the responder trusts this machine.
    """

    def __init__(
        self, url: str, callback_url: str, api_key: str | None, *, secret: str | None = None, timeout: float
    ) -> None:
        self._url = url
        self._callback_url = callback_url
        self._headers = {"x-api-key": api_key} if api_key else {}
        self._timeout = timeout
        self.secret = secret
        self.is_registered = False
        #: Whether the last post was not signed: a fault is noted once.
        self.is_unsigned = False
        self._http: httpx.AsyncClient

    async def __aenter__(self) -> LegacySender:
        import httpx  # not at the top: most installations use MQTT

        self._http = httpx.AsyncClient(
            base_url=self._url, headers=self._headers, timeout=self._timeout, trust_env=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def register(self) -> None:
        """Subscribe our callback URL to the sender's messages."""
        secret = {} if self.secret is None else {"secret": self.secret}
        await self._post("/api/whatsapp/register-listener", {"callbackUrl": self._callback_url, **secret})
        if not self.is_registered:
            _log.info("Listener registrado: %s at %s", self._callback_url, self._url)
        self.is_registered = True

    async def unregister(self) -> None:
        """Best effort, within 3 seconds; raises nothing."""
        self.is_registered = False
        with suppress(SenderFailed):
            async with asyncio.timeout(3):
                await self._post("/api/whatsapp/unregister-listener", {"callbackUrl": self._callback_url})

    async def status(self) -> dict[str, Any]:
        """The sender's connection: `connected`, `state`, `listeners`."""
        return await self._request("GET", "/api/whatsapp/status", None)

    async def send(self, to: str, text: str) -> None:
        """Send once. The SenderFailed it raises says whether the message may have been sent."""
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
            raise SenderFailed("The legacy sender is not running at this address.", never_left=True) from error
        except httpx.HTTPStatusError as error:
            raise SenderFailed(f"The legacy sender answered {error.response.status_code}.", refused=True) from error
        except (httpx.HTTPError, ValueError) as error:
            raise SenderFailed(f"The legacy sender gave no answer ({type(error).__name__}).") from error
        return answer if isinstance(answer, dict) else {}


def callback_secret(key: str) -> str:
    """The secret that signs posts to a responder with this key.

    Derived, so that it is the same after a restart and in every replica: posts signed before are then accepted. From a
    secret of the run it is another one at each start, and posts that come before the registration are sent again.
    """
    return hmac.new(key.encode(), b"posts of the sender", hashlib.sha256).hexdigest()


async def stay_registered(sender: LegacySender, faults: FaultLog, timing: SenderTiming) -> None:
    """Register repeatedly until cancelled; then unregister."""
    pause = timing.retry
    try:
        while True:
            try:
                await sender.register()
            except SenderFailed as error:
                if sender.is_registered or pause == timing.retry:
                    faults.note(error.code, "register", error.text)
                sender.is_registered = False
                await asyncio.sleep(pause)
                pause = min(pause * 2, timing.longest_retry)
            else:
                pause = timing.retry
                await asyncio.sleep(timing.registration)
    finally:
        await sender.unregister()


class LegacyAnswerSink(AnswerSink):
    """Sends by the legacy sender, each turn at most once."""

    is_cancellable = False

    def __init__(self, sender: LegacySender, turns: Turns, now: Callable[[], float], timing: SenderTiming) -> None:
        self._sender = sender
        self._turns = turns
        self._now = now
        self._timing = timing

    @override
    async def show_typing(self, session: str, chat: str, seconds: float) -> None:
        """Does nothing: the legacy sender has no typing indicator."""

    @override
    async def withdraw(self, turn: Turn) -> Finished | None:
        """Only a turn that nothing was sent of; its delivery then finds it claimed."""
        return Finished(turn.id, TurnState.FAILED, Cancelled.code) if await self._turns.claim(turn) else None

    @override
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
                await asyncio.sleep(self._timing.resend)
            else:
                accepted()
                return Finished(turn.id, TurnState.SENT)
        return Finished(turn.id, TurnState.FAILED, "expired")
