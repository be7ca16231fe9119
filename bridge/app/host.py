"""One session's place in the process: waits for ownership, opens the store, runs session and door, and again.

Whatever fails in one session is said in its status and tried again; it never takes another session down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bridge.app.announcement import announce
from bridge.app.disk_space import check_room, watch_room
from bridge.app.ownership import Ownership
from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.inbound import InboundPipeline
from bridge.core.outbound import OutboundPipeline
from bridge.core.results import notice, result_of
from bridge.core.session import Session
from bridge.core.session_view import SessionView
from bridge.metrics.metering import MeteredJournal, MeteredOutbox, Tee
from bridge.mqtt import MqttAdapter, MqttOptions
from bridge.ports import Clock, Journal, Metrics, Outbox, StoreUnusable, WhatsAppDriver
from bridge.settings import BridgeSettings, SessionSetting
from bridge.store import SessionStore, StoreDamaged, keep_aside, open_store
from bridge.webhooks import WebhookRegistry

_log = logging.getLogger(__name__)
DriverFactory = Callable[[SessionSetting], WhatsAppDriver]
#: Seconds between looks at a session that another bridge owns.
STANDBY_LOOK = 5.0
#: Seconds before a session that failed is tried again.
RETRY = 15.0
#: Seconds to wait for the broker's word about ownership before starting without it.
OWNERSHIP_PATIENCE = 30.0
#: Seconds between two compactions of the store.
COMPACTION, DAY = 3600.0, 86400.0
#: Seconds that the farewell may take.
FAREWELL = 5.0


class SessionHost:
    """Keeps one configured session going until `stop`."""

    _door: MqttOptions

    def __init__(
        self, setting: SessionSetting, *, settings: BridgeSettings, driver: DriverFactory, clock: Clock
    ) -> None:
        self.setting = setting
        self.session: Session | None = None
        #: Set by the HTTP side before `run`; None = no webhooks.
        self.listeners: WebhookRegistry | None = None
        #: Set by the HTTP side before `run`; until then nobody counts.
        self.metrics: Metrics = Tee()
        self._journal: Journal | None = None
        self._outbox: Outbox | None = None
        self._settings = settings
        self._driver = driver
        self._clock = clock
        self._stopping = asyncio.Event()
        self._leaving = asyncio.Event()  # the session in service is to end: at a stop, or because it is another's
        self._ownership = Ownership(setting.name, clock, self._leaving)
        self._view = SessionView(setting.name, clock)

    @property
    def name(self) -> str:
        return self.setting.name

    @property
    def cliente_id(self) -> int:
        """The legacy number of the customer it belongs to."""
        return self.setting.cliente_id

    @property
    def journal(self) -> Journal | None:
        """The session's streams; None while its store is closed."""
        return self._journal

    @property
    def outbox(self) -> Outbox | None:
        """The session's commands; None while its store is closed."""
        return self._outbox

    @property
    def view(self) -> SessionView:
        """State and pairing code now, whether the session runs or not."""
        return self.session.view if self.session else self._view

    def stop(self) -> None:
        """Ask for a clean end; `run` returns when it is done."""
        self._stopping.set()
        self._leaving.set()

    async def run(self, door: MqttOptions) -> None:
        """Serve the session, through every failure, until `stop`."""
        self._door = self._ownership.door = door
        while not self._stopping.is_set():
            failure: Situation | None = None
            try:
                self._leaving.clear()
                if await self._owned_elsewhere():
                    await self._pause(STANDBY_LOOK)
                else:
                    await self._serve()
            except* StoreUnusable as group:
                error = _first(group)
                _log.error("%s: %s", self.setting.name, error)
                failure = Situation(SessionState.ERROR, Reason.STORE_UNUSABLE, str(error))
            except* Exception:  # noqa: BLE001 - whatever it was, the other sessions go on and this one comes again
                _log.exception("%s: the session failed", self.setting.name)
                failure = failure or Situation(SessionState.ERROR, Reason.BRIDGE_FAULT)
            if self._stopping.is_set() and failure is None:
                self._view.set(Situation(SessionState.OFFLINE, Reason.SHUT_DOWN))
            self.session = self._journal = self._outbox = None
            if failure is not None:
                self._view.set(failure)
                await announce(failure, self._view.since, self.name, door, self._clock, self._stopping, RETRY)

    async def _owned_elsewhere(self) -> bool:
        """Ask the broker, for a while; a broker that stays away must not keep HTTP callers from WhatsApp.

        Where an owner was seen before, only the broker can say that it is gone.
        """
        in_standby = self._view.situation.state is SessionState.STANDBY
        try:
            owner = await self._ownership.ask(OWNERSHIP_PATIENCE)
        except TimeoutError:
            if not self._stopping.is_set() and not in_standby:
                _log.warning("%s: no broker says who owns the session; starting without asking", self.setting.name)
            return in_standby or self._stopping.is_set()
        if owner is None or not owner.alive:
            return False
        if not in_standby:
            self._view = SessionView(self.setting.name, self._clock)
            self._view.set(Situation(SessionState.STANDBY, Reason.OWNED_ELSEWHERE, owner.name))
        return True

    async def _serve(self) -> None:
        path = self._settings.session_dir(self.setting.name) / "store.db"
        check_room(path.parent)
        try:
            async with open_store(path, now=self._clock.now) as store:
                if store.lacking:
                    await self._begin_new_epoch(store)
                elif self._ownership.interrupted:
                    await self._abandon_open(store)
                self._ownership.interrupted = False
                await self._serve_store(store)
        except* StoreDamaged as group:
            kept = keep_aside(path)
            raise StoreUnusable(f"{_first(group)} It was kept as {kept}.") from group

    async def _begin_new_epoch(self, store: SessionStore) -> None:
        """Sequence numbers may be given again and commands may be forgotten: whoever reads or sends has to know."""
        name = self.setting.name
        _log.error("%s: the store lacks its -wal file, and perhaps what was written last; a new epoch begins", name)
        await store.new_epoch(lambda row: notice(result_of(name, row), row.claim.reply_to))

    async def _abandon_open(self, store: SessionStore) -> None:
        """A broker gives commands without PUBACK to whoever comes next, and senders without a result repeat them."""
        name, open_rows = self.name, store.outbox.open_count
        if open_rows:
            _log.warning("%s: another bridge had the session; it may have sent %d open commands", name, open_rows)
            await store.abandon_open(lambda row: notice(result_of(name, row), row.claim.reply_to))

    async def _serve_store(self, store: SessionStore) -> None:
        journal = MeteredJournal(self.name, store.journal, self.metrics, self._clock)
        outbox = MeteredOutbox(self.name, store.outbox, self.metrics, self._clock)
        session, door = self._compose(store, journal, outbox)
        self.session, self._journal, self._outbox = session, journal, outbox
        deliveries = self.listeners.deliveries(session.name, journal) if self.listeners else None
        async with asyncio.TaskGroup() as tasks:
            ending = [tasks.create_task(door.run(self._ownership.may_connect), name=f"door {session.name}")]
            if deliveries is not None:  # before the session: what it journals first is for those who registered before
                ending.append(tasks.create_task(deliveries.run(), name=f"deliveries {session.name}"))
            living = tasks.create_task(session.run(), name=f"session {session.name}")
            beside = [
                tasks.create_task(self._compact(store), name=f"compaction {session.name}"),
                tasks.create_task(watch_room(store.database.path.parent), name=f"disk of {session.name}"),
            ]
            await self._leaving.wait()
            for task in beside:
                task.cancel()
            await session.quiesce()
            door.close()
            if deliveries is not None:
                deliveries.close()
            await asyncio.wait(ending, timeout=FAREWELL)
            for task in ending:
                task.cancel()
            living.cancel()

    def _compose(self, store: SessionStore, journal: Journal, outbox: Outbox) -> tuple[Session, MqttAdapter]:
        name = self.setting.name
        driver = self._driver(self.setting)
        session = Session(
            name,
            owner=self._door.owner,
            journal=journal,
            outbox=outbox,
            memory=store.memory,
            driver=driver,
            inbound=InboundPipeline(name, self.setting.cliente_id, journal, outbox, store.memory),
            outbound=OutboundPipeline(name, outbox, driver, self._clock, self._settings.pacing),
            clock=self._clock,
        )
        door = MqttAdapter(
            session,
            options=self._door,
            journal=journal,
            outbox=outbox,
            memory=store.memory,
            clock=self._clock,
            metrics=self.metrics,
        )
        return session, door

    async def _compact(self, store: SessionStore) -> None:
        settings = self._settings
        days, size = settings.retention_limits
        age, ids, keys = (kept * DAY for kept in (days, settings.retention_commands, settings.retention_keys))
        while True:
            try:
                done = await store.compact(max_age=age, max_bytes=size, ids_remembered=ids, keys_remembered=keys)
            except StoreUnusable as error:
                if not error.transient:
                    raise
                _log.warning("%s: the journal was not compacted: %s", self.setting.name, error)
            else:
                _log.debug("%s: compaction: %s", self.setting.name, done)
            await asyncio.sleep(COMPACTION)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
