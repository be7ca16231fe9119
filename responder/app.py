"""Composition: puts the responder together and takes it apart again. The one place that knows all its parts."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bridge.client import Client
from responder.answers import AnswerSource, Prompt
from responder.changes import Changes
from responder.errors import DatabaseDown
from responder.fault_publisher import FaultPublisher
from responder.faults import FaultLog
from responder.health import Health
from responder.http.context import Surface
from responder.http.limits import SurfaceLimits
from responder.http.server import listen, serve
from responder.incoming import ReceivedMessage
from responder.lease_worker import LeaseWorker, StartReading
from responder.leases import Leases, all_leases, is_gone, owner_name
from responder.model import Model
from responder.recorder import OperatorSettings
from responder.replies import Replies
from responder.rules_file import RulesFile
from responder.session_reader import SessionReader
from responder.settings import ResponderSettings
from responder.store.chats import Chats
from responder.store.circumstances import CircumstanceReader
from responder.store.database import PAUSE, ResponderDatabase, until_it_answers
from responder.store.human_replies import HumanReplies
from responder.store.leases import LeaseTable
from responder.store.migrate import migrate
from responder.store.pending import PendingWork
from responder.store.recorder import Recording
from responder.store.retention import DAY, Pruning
from responder.store.rows import Lease, Pending, Turn
from responder.store.sqlite_folder import make_private
from responder.store.switches import Switches
from responder.store.turns import Turns
from responder.switch_publisher import SwitchPublisher
from responder.transports import BrokerAccess, Transport, over_broker, over_sender
from responder.typing_indicator import TypingIndicator

_log = logging.getLogger(__name__)
#: Seconds that the end may take before it is cut short; what is under way then is found again at the next start.
FAREWELL = 5.0


async def run(settings: ResponderSettings, broker: BrokerAccess | None, *, stop: asyncio.Event) -> None:
    """Run until `stop`. A broker or a database that is away is waited for; webhook mode needs no broker.

    Raises WrongSettings, WrongRules, DatabaseUnusable, BadAddress, BrokerRefused, OSError (port or data directory).
    """
    responder = Responder(settings, broker)
    try:
        responder.load()
        async with responder.database:
            await responder.run(stop)
    except ExceptionGroup as group:
        raise _first_of(group) from group
    finally:
        responder.close()


class Responder:
    """The parts of one process."""

    def __init__(
        self,
        settings: ResponderSettings,
        broker: BrokerAccess | None = None,
        *,
        http_limits: SurfaceLimits | None = None,
    ) -> None:
        self.settings = settings
        self._http_limits = http_limits or SurfaceLimits()
        self._broker = broker
        self.announcer = FaultPublisher(broker.instance if broker else "")
        self.faults = FaultLog(time.time, self.announcer.note)
        self.changes = Changes()
        self.database = ResponderDatabase(settings.database_url, self.faults)
        self.house = OperatorSettings(settings.policy, settings.opening_hours, settings.timezone, settings.pause)
        self.rules = RulesFile(settings.rules_file, self.faults)
        self.switches = Switches(self.database, settings.active, time.monotonic)
        self.turns = Turns(self.database, CircumstanceReader(self.house, self.switches))
        self.recording = Recording(self.database, self.house, self.switches)
        options = settings.model_options
        self.model = None if options is None else Model(options, time.monotonic, self.faults)
        self.held: dict[str, Lease] = {}
        self.condition = Health(self.database, self.held, settings.sessions)
        self.replies: Replies | None = None
        self.mirror: SwitchPublisher | None = None
        self.listener: socket.socket | None = None
        self._template = ""
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """Where the HTTP surface is."""
        assert self.listener is not None  # noqa: S101 - taken by `load`
        host, port = self.listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def is_working(self) -> bool:
        """Whether messages are read and answered now."""
        return not self.condition.amiss()

    def load(self) -> None:
        """Read the files that settings name and take the port. Raises WrongSettings, WrongRules, OSError."""
        self.rules.load()
        self._template = self.settings.system_template()
        if self.database.is_sqlite:
            make_private(Path(self.settings.database_url.database or ""))
        protected = self.settings.api_key is not None or self.settings.jwt_secret is not None
        self.listener = listen(self.settings.host, self.settings.port, protected=protected)

    def close(self) -> None:
        """Let go of the port."""
        if self.listener is not None:
            self.listener.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, inside the database's context."""
        from responder.http.app import build_app

        assert self.listener is not None  # noqa: S101 - taken by `load`
        _log.info("Conversations: %s", self.url)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(
                serve(build_app(self._surface()), self.listener, self._closing, self._http_limits.server),
                name="responder http",
            )
            watching = tasks.create_task(self.rules.watch(), name="rules file")
            working = tasks.create_task(self._work(stop), name="responder")
            stopping = tasks.create_task(stop.wait(), name="responder stop")
            await asyncio.wait([working, stopping, serving], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            # before there are answers nothing of ours is under way
            await asyncio.wait([working], timeout=0 if self.replies is None else FAREWELL)
            working.cancel()
            watching.cancel()
            self._closing.set()
        if self.model is not None:
            await self.model.close()

    async def _work(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            migrating = tasks.create_task(self._migrated(stop), name="migration")
            async with self._way() as way:
                telling = tasks.create_task(self._tell(way), name="announcer")
                if await migrating:
                    await self._answer(way, stop)
                telling.cancel()

    def _way(self) -> AbstractAsyncContextManager[Transport]:
        if self.settings.sender_url is not None:
            return over_sender(self.settings, self.url, self.condition, self.turns, self.faults, time.time)
        assert self._broker is not None  # noqa: S101 - whoever starts it gives one of the two
        return over_broker(self._broker, self.condition, time.time)

    async def _tell(self, way: Transport) -> None:
        if way.client is not None:
            await self.announcer.run(way.client)

    async def _answer(self, way: Transport, stop: asyncio.Event) -> None:
        settings = self.settings
        names = all_leases(settings.sessions)
        waiting = PendingWork(self.database)
        prompt = Prompt(self._template, settings.prompt_vars)
        answers = AnswerSource(
            self.rules,
            self.model,
            prompt,
            house=self.house,
            waiting=waiting,
            switches=self.switches,
            thinking=TypingIndicator(way.outlet),
            now=time.time,
        )
        self.replies = replies = Replies(
            answers,
            self.turns,
            way.outlet,
            held=self.held,
            faults=self.faults,
            changed=lambda chat_id: self.changes.tell([chat_id]),
            now=time.time,
            gather=settings.gather,
            max_age=settings.max_age,
        )
        reading = None if way.client is None else self._readings(way.client)
        work = LeaseWorker(settings.sessions, replies, waiting, reading)
        leases = Leases(LeaseTable(self.database, names, is_gone), names, owner_name(), work, self.held)
        work.alive = lambda: leases.alive
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work.run(), name="work")
            ending = [
                tasks.create_task(leases.run(), name="leases"),
                tasks.create_task(way.beside(), name="beside the responder"),
            ]
            pruning = Pruning(self.database, settings.retention * DAY, settings.retention_conversations * DAY)
            ending.append(tasks.create_task(pruning.run(time.time), name="pruning"))
            if way.client is not None:
                self.mirror = SwitchPublisher(way.client, self.switches, settings.cliente_id, self.faults, time.time)
                ending.append(tasks.create_task(self.mirror.run(), name="mirror"))
            await stop.wait()
            # first nothing new is begun, then what is ours is given back, then what is under way is left to the store
            for task in ending:
                task.cancel()
            await asyncio.wait(ending)
            await leases.leave()
            working.cancel()

    def _readings(self, client: Client) -> StartReading:
        def reading(session: str, lease: Lease) -> SessionReader:
            return SessionReader(
                client,
                self.recording,
                session,
                lease,
                recorded=self._recorded,
                faults=self.faults,
                now=time.time,
            )

        return reading

    async def _take(self, arrival: ReceivedMessage) -> None:
        pending, touched = await self.recording.record([arrival], now=time.time())
        self._recorded(pending, touched)

    def _recorded(self, pending: list[Pending], touched: set[int]) -> None:
        self.changes.tell(touched)
        if self.replies is not None:
            self.replies.offer(pending)

    def _resume(self, turn: Turn) -> None:
        if self.replies is not None:
            self.replies.resume([turn])

    def _switched(self) -> None:
        self.changes.tell([None])
        if self.mirror is not None:
            self.mirror.look()

    async def _migrated(self, stop: asyncio.Event) -> bool:
        pause = PAUSE
        while not stop.is_set():
            try:
                await migrate(self.database)
            except DatabaseDown:
                pause = await until_it_answers(pause)
            else:
                return True
        return False

    def _surface(self) -> Surface:
        return Surface(
            settings=self.settings,
            database=self.database,
            chats=Chats(self.database),
            switches=self.switches,
            human=HumanReplies(self.database, self.settings.pause),
            rules=self.rules,
            model=self.model,
            faults=self.faults,
            changes=self.changes,
            now=time.time,
            started_at=time.time(),
            take=self._take,
            resume=self._resume,
            whatsapp=self.condition.whatsapp,
            unready=self.condition.amiss,
            switched=self._switched,
            closing=self._closing,
            limits=self._http_limits,
        )


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that the caller can do something about, out of what a task group wraps around it."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
