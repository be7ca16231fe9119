"""The trial of a library: the driver itself runs with it on the sandbox, from the QR code to a send and a receipt.

A scratch profile and a sandbox of its own: no session and no account are touched.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.contract.errors import CodedError
from bridge.contract.jid import parse_recipient
from bridge.contract.kinds import Text
from bridge.contract.limits import AccountLimits
from bridge.contract.session import SessionState, Situation
from bridge.ports import (
    Account,
    Clock,
    DriverKind,
    DriverSink,
    IncomingMessage,
    Item,
    PairingCode,
    PasskeyRequest,
    WhatsAppDriver,
)
from bridge.settings import BridgeSettings

if TYPE_CHECKING:
    from bridge.sandbox import Sandbox

#: Seconds for each step by default; a page that lacks a function says so after fifteen.
STEP = 60.0
#: A contact of every new sandbox.
_CONTACT = parse_recipient("5491155500001")
_FINAL = frozenset({SessionState.PAGE_CHANGED, SessionState.ERROR, SessionState.UNREACHABLE})


class TrialFailed(CodedError):
    """The driver did not work with the library; the text says at which step and why."""

    code = "trial_failed"


class _TrialSink(DriverSink):
    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.situation: Situation | None = None
        self.code: PairingCode | None = None
        self.bodies: list[str] = []
        self.changed = asyncio.Event()

    async def situation_changed(self, situation: Situation) -> None:
        self.situation = situation
        self.changed.set()

    async def code_changed(self, code: PairingCode | None) -> None:
        self.code = code
        self.changed.set()

    async def passkey_changed(self, request: PasskeyRequest | None) -> None:
        pass

    async def limits_changed(self, limits: AccountLimits) -> None:
        pass

    async def logged_in(self, account: Account) -> None:
        pass

    async def received(self, batch: Sequence[Item]) -> None:
        self.bodies += [item.body for item in batch if isinstance(item, IncomingMessage)]
        self.changed.set()

    async def until(self, step: str, condition: Callable[[], object]) -> None:
        """Wait until it holds. Raises `TrialFailed` after the limit, or at a state that does not end on its own."""
        try:
            async with asyncio.timeout(self._limit):
                while not condition():
                    if self.situation is not None and self.situation.state in _FINAL:
                        raise TrialFailed(f"{step}: {self.situation.text}")
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError as error:
            last = self.situation.text if self.situation else "the driver reported nothing"
            raise TrialFailed(f"{step}: not within {self._limit:g} s ({last}).") from error


async def try_library(
    kind: DriverKind, settings: BridgeSettings, library: Path, clock: Clock, *, limit: float = STEP
) -> AsyncIterator[str]:
    """Run the driver with the file `library`; yields a sentence per passed step. Raises `TrialFailed`."""
    from bridge.sandbox import Sandbox  # its HTTP server takes 0.3 s, and every `wa web` imports this module

    with tempfile.TemporaryDirectory(prefix="wa-trial-") as folder:
        async with Sandbox() as sandbox:
            changes = {
                "web_url": sandbox.url,
                "data_dir": Path(folder),
                "wa_js_file": library,
                "web_version": None,
            }
            async with kind.open(settings.model_copy(update=changes), clock) as drivers:
                driver, sink = drivers("trial"), _TrialSink(limit)
                running = asyncio.create_task(driver.run(sink), name="driver on trial")
                try:
                    async for step in _steps(driver, sink, sandbox, limit):
                        yield step
                finally:
                    running.cancel()
                    with suppress(asyncio.CancelledError):
                        await running


async def _steps(driver: WhatsAppDriver, sink: _TrialSink, sandbox: Sandbox, limit: float) -> AsyncIterator[str]:
    await sink.until("The page does not start", lambda: sink.code)
    yield "the page starts, no function is missing, a QR code is shown"
    sandbox.world.linking.scan()
    await sink.until("The pairing fails", lambda: sink.situation and sink.situation.state is SessionState.CONNECTED)
    await driver.resume()
    yield "pairing"
    try:
        async with asyncio.timeout(limit):
            key = await driver.reserve(_CONTACT)
            await driver.send(key, Text("trial: sent"))
    except CodedError as error:
        raise TrialFailed(f"A send fails: {error.text}") from error
    except TimeoutError as error:
        raise TrialFailed(f"A send fails: no answer within {limit:g} s.") from error
    sandbox.world.listeners.append(lambda _: sink.changed.set())
    await sink.until("A send does not arrive", lambda: key.id in sandbox.world.state.sent)
    yield "a send"
    sandbox.world.incoming(str(key.remote), "trial: received")
    await sink.until("A message does not arrive", lambda: "trial: received" in sink.bodies)
    yield "a received message"
