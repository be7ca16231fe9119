"""The two connections to WhatsApp: over the broker to the bridge, or by HTTP to a legacy sender. A start uses one."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from typing_extensions import override

from bridge.client import Client, CodedError, NoSuchSession, SessionStatus
from bridge.client.broker_access import BrokerAccess
from bridge.client.served_sessions import ServedSessions
from bridge.contract.session import SessionState
from responder.errors import SenderFailed
from responder.faults import FaultLog
from responder.outgoing import AnswerSink, MqttAnswerSink
from responder.store.turns import Turns
from responder.timing import DeliveryTiming, SenderTiming
from responder.webhook import LegacyAnswerSink, LegacySender, stay_registered

_log = logging.getLogger(__name__)
#: Seconds by which clocks may differ without a word: a status is on its way for less, and no age depends on it.
CLOCK_TOLERANCE = 10.0


@dataclass(frozen=True, slots=True)
class ResponderBroker(BrokerAccess):
    """`instance` is the topic level on which faults are published.

    `upload` brings a file to the bridge, which has it by its SHA-256 then.
    """

    instance: str = "responder"
    upload: Callable[[Path], Awaitable[str]] | None = None


@dataclass(frozen=True, slots=True)
class WhatsAppState:
    """The state of the connection to WhatsApp, as the legacy status words it."""

    connected: bool
    state: str
    listeners: int = 0


class Transport(ABC):
    """Use as `async with`. `run` keeps the transport's state up to date while messages arrive."""

    sink: AnswerSink

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    @abstractmethod
    def client(self) -> Client | None:
        """The MQTT client; None in webhook mode, where no stream is read and nothing is published."""

    @property
    @abstractmethod
    def sessions(self) -> tuple[str, ...]:
        """The sessions that are read now; none in webhook mode."""

    @abstractmethod
    def now(self) -> float:
        """Unix seconds on the clock by which the ages of messages are judged."""

    @abstractmethod
    async def prepare(self) -> None:
        """Wait, within seconds, until that clock is known."""

    @abstractmethod
    async def run(self) -> None: ...

    @abstractmethod
    def problem(self) -> str | None:
        """What keeps messages from arriving now: `broker`, `bridge` or `sender`."""

    @abstractmethod
    async def whatsapp(self) -> WhatsAppState:
        """The state of the default session."""


class BrokerTransport(Transport):
    """Entering waits for the broker without a limit. Raises BadAddress, BrokerRefused."""

    def __init__(
        self,
        broker: ResponderBroker,
        sessions: tuple[str, ...],
        faults: FaultLog,
        now: Callable[[], float],
        file: Callable[[str], Path | None],
        timing: DeliveryTiming,
    ) -> None:
        self._served = ServedSessions(sessions)
        self._faults = faults
        self._wall_clock = now
        self._difference = 0.0
        self._statuses: dict[str, SessionStatus] = {}
        self._client: Client | None = None
        self._connection = broker.connect("responder")
        self.sink = MqttAnswerSink(self._connected, self.now, file, broker.upload, timing)

    @override
    async def __aenter__(self) -> Self:
        self._client = await self._connection.__aenter__()
        return self

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    @property
    @override
    def client(self) -> Client:
        return self._connected()

    @property
    @override
    def sessions(self) -> tuple[str, ...]:
        return self._served.names

    @override
    def now(self) -> float:
        return self._wall_clock() - self._difference

    @override
    async def prepare(self) -> None:
        for session in self.sessions:
            try:
                await self._connected().status(session)
            except NoSuchSession as error:  # of a bridge that has others, so it is no matter of waiting
                _log.warning("WA_SESSIONS: %s Nothing arrives for it.", error.text)
            except CodedError:
                pass
            await self._compare_clocks(session)

    @override
    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_statuses(), name="statuses")
            tasks.create_task(self._follow_sessions(), name="served sessions")

    async def _follow_statuses(self) -> None:
        async for status in self._connected().watch_status():
            self._statuses[status.session] = status
            await self._compare_clocks(status.session)

    async def _follow_sessions(self) -> None:
        async for names in self._served.follow(self._connected()):
            _log.info("Sessions: %s.", ", ".join(names))

    async def _compare_clocks(self, session: str) -> None:
        """All bridges of one responder count as having one clock: that of its default session."""
        if session != self.sessions[0]:
            return
        if (ahead := await self._connected().clock_difference(session)) is None:
            return
        differed, differs = bool(self._difference), abs(ahead) > CLOCK_TOLERANCE
        self._difference = ahead if differs else 0.0
        if differs and not differed:
            relation = "ahead of" if ahead > 0 else "behind"
            text = f"This machine's clock is {abs(ahead):.0f} s {relation} the bridge's; ages follow the bridge's."
            self._faults.note("clock_differs", session, f"{text} Synchronise both clocks.")
        elif differed and not differs:
            self._faults.recovered("clock_agrees", session, "The clocks agree again.")

    @override
    def problem(self) -> str | None:
        if self._client is None or not self._client.is_connected:
            return "broker"
        if all(self._state(session) in (None, SessionState.OFFLINE) for session in self.sessions):
            return "bridge"
        return None

    @override
    async def whatsapp(self) -> WhatsAppState:
        state = self._state(self.sessions[0])
        if state is None:
            return WhatsAppState(False, "UNKNOWN")
        return WhatsAppState(state is SessionState.CONNECTED, state.upper(), 1)

    def _connected(self) -> Client:
        if self._client is None:
            raise RuntimeError("The transport has not been entered.")
        return self._client

    def _state(self, session: str) -> SessionState | None:
        status = self._statuses.get(session)
        return None if status is None else status.state


class SenderTransport(Transport):
    """Webhook mode. `run` registers with the sender, repeatedly."""

    def __init__(
        self, sender: LegacySender, turns: Turns, faults: FaultLog, now: Callable[[], float], timing: SenderTiming
    ) -> None:
        self._sender = sender
        self._wall_clock = now
        self._faults = faults
        self._timing = timing
        self.sink = LegacyAnswerSink(sender, turns, now, timing)

    @override
    async def __aenter__(self) -> Self:
        await self._sender.__aenter__()
        return self

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sender.__aexit__(kind, error, trace)

    @property
    @override
    def client(self) -> None:
        return None

    @property
    @override
    def sessions(self) -> tuple[str, ...]:
        return ()

    @override
    def now(self) -> float:
        return self._wall_clock()

    @override
    async def prepare(self) -> None:
        """Does nothing: a legacy sender reports no time of its own."""

    @override
    async def run(self) -> None:
        await stay_registered(self._sender, self._faults, self._timing)

    @override
    def problem(self) -> str | None:
        return None if self._sender.is_registered else "sender"

    @override
    async def whatsapp(self) -> WhatsAppState:
        try:
            status = await self._sender.status()
            return WhatsAppState(
                status.get("connected") is True, str(status.get("state")), int(status.get("listeners") or 0)
            )
        except (SenderFailed, ValueError, TypeError):
            return WhatsAppState(False, "UNREACHABLE")
