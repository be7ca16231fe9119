"""The composition root: constructs the responder's parts, starts them and stops them in order."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from pathlib import Path
from typing import Self

from bridge.asgi.api_credentials import SharedCredentials
from bridge.asgi.settings_report import SettingsReport
from bridge.client import Client, CodedError
from bridge.contract.bot import SpokenText
from bridge.contract.errors import first_error
from bridge.contract.payload import instant
from bridge.sql.database import FIRST_PAUSE, SqlDatabase, make_private, pause_before_retry
from bridge.sql.errors import DatabaseDown
from responder.answers import AnswerSource, Prompt
from responder.changes import Changes
from responder.chat_state import OpeningTimes
from responder.errors import WrongSettings
from responder.fault_publisher import FaultPublisher
from responder.faults import FaultLog
from responder.health import Health
from responder.http.context import Surface
from responder.http.limits import SurfaceLimits
from responder.http.server import listen, serve
from responder.incoming import ReceivedMessage
from responder.lease_worker import LeaseWorker, ReaderFactory
from responder.leases import HeldLeases, Leases, all_leases, is_gone, owner_name
from responder.model import Model
from responder.pictures import PictureFetcher
from responder.policy import Verdict
from responder.replies import Replies
from responder.rules_editor import RulesEditor
from responder.rules_file import RulesFile
from responder.session_reader import SessionReader
from responder.settings import ResponderSettings, load
from responder.store.chats import Chats
from responder.store.circumstances import CircumstanceReader
from responder.store.human_replies import HumanReplies
from responder.store.leases import LeaseTable
from responder.store.pending import PendingWork
from responder.store.recorder import Recorder
from responder.store.retention import DAY, Pruning
from responder.store.rows import Lease, Pending, Turn
from responder.store.schema import SCHEMA
from responder.store.switches import Switches
from responder.store.transcripts import Transcripts
from responder.store.turns import Turns
from responder.switch_publisher import SwitchPublisher
from responder.timing import DEFAULT_TIMING, Timing
from responder.transcriber import Transcriber, Transcript
from responder.transports import BrokerTransport, ResponderBroker, SenderTransport, Transport
from responder.voice_notes import VoiceNotes
from responder.webhook import LegacySender, callback_secret

_log = logging.getLogger(__name__)
#: Seconds that a shutdown may take before it is cut short; unfinished work is found in the store at the next start.
SHUTDOWN_TIMEOUT = 5.0
#: Seconds that a message of a webhook waits at the start for the database; it is recorded even if its sender gives up.
MIGRATION_WAIT = 25.0


async def run(
    settings: ResponderSettings,
    broker: ResponderBroker | None,
    *,
    stop: asyncio.Event,
    shared: SharedCredentials | None = None,
) -> None:
    """Run until `stop`; waits for a broker or a database that is down. Webhook mode needs no broker.

    `shared`: the credentials of the bridge in this process. Raises WrongSettings, WrongRules, DatabaseUnusable,
    BadAddress, BrokerRefused, OSError (port or data directory).
    """
    responder = Responder.load(settings, broker, shared=shared)
    try:
        async with responder.database:
            await responder.run(stop)
    except ExceptionGroup as group:
        raise first_error(group) from group
    finally:
        responder.close()


def check_files(settings: ResponderSettings) -> None:
    """Read the files that settings name, before anything starts. Raises WrongSettings, WrongRules."""
    settings.system_template()
    faults = FaultLog(time.time, lambda _: None)
    _rules_file(settings, faults).load()


def _rules_file(settings: ResponderSettings, faults: FaultLog) -> RulesFile:
    texts_only = settings.sender_url is not None
    return RulesFile(settings.rules_path, faults, optional=settings.rules_file is None, texts_only=texts_only)


class Responder:
    """The parts of one process. Made by `load`; `run` inside the context of `database`; `close` at the end."""

    def __init__(
        self,
        settings: ResponderSettings,
        broker: ResponderBroker | None,
        listener: socket.socket,
        system_template: str,
        timing: Timing,
        http_limits: SurfaceLimits,
        shared: SharedCredentials | None,
    ) -> None:
        self.settings = settings
        self._shared = shared
        self._listener = listener
        self._http_limits = http_limits
        self._fault_publisher = FaultPublisher(broker.instance if broker else "", timing.faults)
        self.faults = FaultLog(time.time, self._fault_publisher.note)
        self.changes = Changes()
        self.database = SqlDatabase(settings.database_url, self.faults)
        self.rules = _rules_file(settings, self.faults)
        self._operator = operator = settings.operator(self._opening)
        self.switches = Switches(self.database, settings.active, time.monotonic)
        self._switch_publisher = SwitchPublisher(self.switches, settings.cliente_id, self.faults, time.time)
        self._turns = Turns(self.database, CircumstanceReader(operator, self.switches))
        self._recorder = Recorder(self.database, operator, self.switches)
        self._pending = PendingWork(self.database)
        self._held = HeldLeases()
        options = settings.model_options
        self.model = None if options is None else Model(options, time.monotonic, self.faults, timing.model)
        spoken = settings.transcriber_options
        self.transcriber = None if spoken is None else Transcriber(spoken, time.monotonic, self.faults, timing.model)
        self._sender: LegacySender | None = None
        self._transport = self._choose_transport(broker, timing)
        self.health = Health(self.database, self._transport, self._held.by_name)
        transcripts = Transcripts(self.database, operator, self.switches, self._transport.now)
        answers = AnswerSource(
            self.rules,
            self.model,
            Prompt(system_template, settings.prompt_vars, settings.prompt_limits),
            operator=operator,
            store=self._pending,
            switches=self.switches,
            sink=self._transport.sink,
            pictures=PictureFetcher(transcripts, self.faults, timing.pictures) if settings.policy.images else None,
            now=self._transport.now,
        )
        self._voice = VoiceNotes(
            self.transcriber,
            transcripts,
            recorded=self._recorded,
            heard=self._heard,
            faults=self.faults,
            now=self._transport.now,
            max_age=settings.max_age,
            timing=timing.voice,
        )
        self.replies = Replies(
            answers,
            self._turns,
            self._transport.sink,
            self._voice,
            leases=self._held.by_name,
            faults=self.faults,
            changed=lambda chat_id: self.changes.notify([chat_id]),
            now=self._transport.now,
            gather=settings.gather,
            max_age=settings.max_age,
            timing=timing.replies,
        )
        self._closing = asyncio.Event()
        self._migrated = asyncio.Event()

    @classmethod
    def load(
        cls,
        settings: ResponderSettings,
        broker: ResponderBroker | None = None,
        *,
        timing: Timing = DEFAULT_TIMING,
        http_limits: SurfaceLimits | None = None,
        shared: SharedCredentials | None = None,
    ) -> Self:
        """Read the files that settings name and take the port. Raises WrongSettings, WrongRules, OSError."""
        template = settings.system_template()
        url = settings.database_url
        if url.get_backend_name() == "sqlite" and url.database:
            make_private(Path(url.database))
        listener = listen(settings.host, settings.port, protected=settings.own_secret is not None)
        try:
            responder = cls(settings, broker, listener, template, timing, http_limits or SurfaceLimits(), shared)
            responder.rules.load()
        except BaseException:
            listener.close()
            raise
        return responder

    @property
    def url(self) -> str:
        """The address of the HTTP surface."""
        host, port = self._listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def close(self) -> None:
        self._listener.close()

    async def run(self, stop: asyncio.Event) -> None:
        from responder.http.app import build_app

        _log.info("Conversations: %s", self.url)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(
                serve(build_app(self.surface()), self._listener, self._closing, self._http_limits.server),
                name="responder http",
            )
            watching = tasks.create_task(self.rules.watch(), name="rules file")
            working = tasks.create_task(self._work(stop), name="responder")
            stopping = tasks.create_task(stop.wait(), name="responder stop")
            await asyncio.wait([working, stopping, serving], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            # a responder that still waits for its broker or database has nothing to finish
            await asyncio.wait([working], timeout=SHUTDOWN_TIMEOUT if self.replies.is_running else 0)
            working.cancel()
            watching.cancel()
            self._closing.set()
        for endpoint in (self.model, self.transcriber):
            if endpoint is not None:
                await endpoint.close()

    def surface(self) -> Surface:
        """What the HTTP routes work with."""
        return Surface(
            settings=self.settings,
            report=SettingsReport(self.settings, load),
            database=self.database,
            chats=Chats(self.database),
            switches=self.switches,
            human=HumanReplies(self.database, self.settings.pause),
            rules=self.rules,
            editor=RulesEditor(self.rules),
            opening=self._opening,
            is_open=self._operator.is_open,
            model=self.model,
            transcriber=self.transcriber,
            faults=self.faults,
            changes=self.changes,
            now=time.time,
            chat_time=self._transport.now,
            started_at=time.time(),
            take=self._take,
            resume=self._resume,
            stopped=lambda chat_id: self.replies.review([chat_id]),
            sender=self._sender,
            whatsapp=self._transport.whatsapp,
            has_started=self._migrated.is_set,
            unready=self.health.problems,
            switched=self._switched,
            closing=self._closing,
            limits=self._http_limits,
            shared=self._shared,
        )

    def _choose_transport(self, broker: ResponderBroker | None, timing: Timing) -> Transport:
        settings = self.settings
        if settings.sender_url is not None:
            callback = settings.callback_url or f"{self.url}/api/message-received"
            key = settings.api_key.get_secret_value() if settings.api_key else None
            self._sender = LegacySender(
                settings.sender_url, callback, key, secret=self._sender_secret(), timeout=timing.sender.request
            )
            return SenderTransport(self._sender, self._turns, self.faults, time.time, timing.sender)
        if broker is None:
            raise WrongSettings("There is no broker to connect to: set WA_MQTT_URL or MASSIVE_SENDER_URL.")
        return BrokerTransport(broker, settings.sessions, self.faults, time.time, self.rules.path_of, timing.delivery)

    def _sender_secret(self) -> str | None:
        """With `shared` there is always one: the bridge may get its first key at any time."""
        if own := self.settings.own_secret:
            return callback_secret(own.get_secret_value())
        return None if self._shared is None else callback_secret(self._shared.secret)

    async def _work(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            migrating = tasks.create_task(self._migrate(stop), name="migration")
            async with self._transport:
                client = self._transport.client
                publishing = None
                if client is not None:
                    publishing = tasks.create_task(self._fault_publisher.run(client), name="faults")
                if await migrating:
                    await self._answer(client, stop)
                if publishing is not None:
                    publishing.cancel()

    async def _migrate(self, stop: asyncio.Event) -> bool:
        """Wait for the database and migrate it; False if `stop` came first."""
        pause = FIRST_PAUSE
        while not stop.is_set():
            try:
                await SCHEMA.migrate(self.database)
            except DatabaseDown:
                pause = await pause_before_retry(pause)
            else:
                self._migrated.set()
                return True
        return False

    async def _answer(self, client: Client | None, stop: asyncio.Event) -> None:
        settings, transport = self.settings, self._transport
        await transport.prepare()
        open_reader = None if client is None else self._reader_factory(client)
        worker = LeaseWorker(self.replies, self._pending, self._held, open_reader)
        table = LeaseTable(self.database, is_gone)
        leases = Leases(table, lambda: all_leases(transport.sessions), owner_name(), worker, self._held)
        pruning = Pruning(self.database, settings.retention * DAY, settings.retention_conversations * DAY)
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(worker.run(), name="lease worker")
            inputs = [
                tasks.create_task(leases.run(), name="leases"),
                tasks.create_task(transport.run(), name="transport"),
                tasks.create_task(pruning.run(time.time), name="pruning"),
            ]
            if client is not None:
                inputs.append(tasks.create_task(self._switch_publisher.run(client), name="switches"))
            await stop.wait()
            # in this order: take no more work, give up the leases, leave what is in progress to the store
            for task in inputs:
                task.cancel()
            await asyncio.wait(inputs)
            await leases.leave()
            working.cancel()

    def _reader_factory(self, client: Client) -> ReaderFactory:
        def open_reader(session: str, lease: Lease) -> SessionReader:
            return SessionReader(
                client,
                self._recorder,
                session,
                lease,
                recorded=self._recorded,
                faults=self.faults,
                now=self._transport.now,
            )

        return open_reader

    async def _take(self, message: ReceivedMessage) -> None:
        """Record a message of a webhook; at the start once the database is ready. Raises DatabaseDown."""
        try:
            async with asyncio.timeout(MIGRATION_WAIT):
                await self._migrated.wait()
        except TimeoutError as error:
            raise DatabaseDown("The database is not ready yet.") from error
        limit = self.database.largest_statement
        if limit is not None and message.size > limit:
            self.faults.note("not_recorded", message.session, "the database takes only the beginning of a message")
            message = message.shortened()
        pending, changed = await self._recorder.record([message], now=self._transport.now())
        self._recorded(pending, changed)

    def _recorded(self, pending: list[Pending], changed: set[int]) -> None:
        self.changes.notify(changed)
        # an order may have switched all answers off
        self.replies.review(None if any(one.verdict is Verdict.ORDER for one in pending) else changed)
        self._voice.files_changed(changed)
        self.replies.enqueue(pending)
        self.replies.wake(changed)

    async def _heard(self, pending: Pending, transcript: Transcript) -> None:
        """Publish what was said, best effort: it is in the record."""
        if (client := self._transport.client) is None:
            return
        spoken = SpokenText(
            session=pending.session,
            message_id=pending.message_id,
            text=transcript.text,
            language=transcript.language,
            at=instant(time.time()),
        )
        try:
            await client.publish_transcript(spoken)
        except CodedError as error:
            _log.warning("%s: what was said is not published on MQTT: %s", pending.session, error.text)

    def _opening(self) -> OpeningTimes:
        """The hours of the rules file; without, those of the settings."""
        hours = self.rules.rules.hours
        return self.settings.opening if hours is None else OpeningTimes(hours.open, hours.closed_text)

    def _resume(self, turn: Turn) -> None:
        self.replies.review([turn.chat_id])
        self.replies.resume([turn])

    def _switched(self) -> None:
        self.replies.review()
        self.changes.notify([None])
        self._switch_publisher.changed()
