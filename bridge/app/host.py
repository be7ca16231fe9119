"""One configured session in the process: awaits ownership, opens the store, runs session and MQTT; repeatedly.

A failure is shown in the session's status and the session is tried again; it never takes another session down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from bridge.app.announcement import announce
from bridge.app.composition import SessionServices, compose
from bridge.app.disk_space import check_disk, watch_disk
from bridge.app.lease_keeper import LeaseKeeper
from bridge.app.limits import BridgeLimits
from bridge.app.ownership import Ownership, SoleOwnership
from bridge.contract.controls import ControlAction
from bridge.contract.errors import NotConnected, first_error
from bridge.contract.jid import Jid
from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.effective_options import EffectiveOptions
from bridge.core.media_downloads import MediaDownloads
from bridge.core.people import ACCOUNT_PN
from bridge.core.results import notice, result_of
from bridge.core.session import Session
from bridge.core.session_view import SessionView
from bridge.core.state_recorder import StateRecorder, take_up
from bridge.core.waking import SleepRhythm
from bridge.ports import (
    Clock,
    DriverFactory,
    Event,
    Journal,
    MediaQueue,
    Outbox,
    StateHistory,
    StoreUnusable,
    WhatsAppDriver,
)
from bridge.ports.sessions import StoredOptions
from bridge.setting_types import SessionSetting
from bridge.settings import BridgeSettings
from bridge.store import SessionStore, StoreDamaged, keep_aside, open_store

_log = logging.getLogger(__name__)
#: A session that stays as it is until a person or a command starts it.
_AT_REST = frozenset({Reason.CLOSED_ON_REQUEST, Reason.ASLEEP, Reason.LOGGED_OUT_ON_REQUEST})


class SessionHost:
    """Keeps one configured session running until `stop`."""

    def __init__(
        self,
        setting: SessionSetting,
        *,
        settings: BridgeSettings,
        driver: DriverFactory,
        clock: Clock,
        limits: BridgeLimits,
    ) -> None:
        self.setting = setting
        self.session: Session | None = None
        self._journal: Journal | None = None
        self._outbox: Outbox | None = None
        self._media: MediaQueue | None = None
        self._states: StateHistory | None = None
        self.downloads: MediaDownloads | None = None
        self._settings = settings
        self._driver = driver
        self._clock = clock
        self._limits = limits
        self._stopping = asyncio.Event()
        self._leaving = asyncio.Event()  # the session's service is to end: at a stop, or when another bridge owns it
        self._view = SessionView(setting.name, clock)
        self._in_standby = False  # another bridge had the session when this one last looked
        self._began = clock.now()
        self._ownership: Ownership | None = None
        self._composed: WhatsAppDriver | None = None
        self.options = EffectiveOptions.of(settings, setting.name, StoredOptions())

    async def apply(self, stored: StoredOptions) -> None:
        """Take over what was set for the session; with another proxy its browser starts again.

        Raises `CodedError` if the session cannot restart now.
        """
        before, self.options = self.options, EffectiveOptions.of(self._settings, self.name, stored)
        if self.session is None or self._composed is None or before.proxy == self.options.proxy:
            return
        self._composed.use_proxy(self.options.proxy)
        if self.view.situation.reason not in _AT_REST:
            await self.session.control(ControlAction.RESTART)

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
    def media(self) -> MediaQueue | None:
        """The files of the session's messages; None while its store is closed."""
        return self._media

    @property
    def states(self) -> StateHistory | None:
        """The history of the session's states; None while its store is closed."""
        return self._states

    @property
    def view(self) -> SessionView:
        """Current state and pairing code, running or not."""
        return self.session.view if self.session else self._view

    def stop(self) -> None:
        """Request a clean end; `run` returns when it is done."""
        self._stopping.set()
        self._leaving.set()

    def hand_over(self, to: str) -> str:
        """Give the session to another bridge, or take it. Returns what a person should know.

        Raises `InvalidRequest`, and `NotConnected` where it does not run here.
        """
        if self._ownership is None:
            raise NotConnected("The bridge is starting.")
        closing = self._ownership.hand_over(to)
        if to == self._settings.instance:
            return f"{self.name} runs here." if closing else f"{self.name} starts here once no other bridge runs it."
        if not closing:
            raise NotConnected(f"The session {self.name} does not run here: {self.view.situation.text}")
        return f"{self.name} is being closed; {to} opens it as soon as it has a login of it."

    async def run(self, services: SessionServices) -> None:
        """Serve the session, through every failure, until `stop`."""
        ownership = self._ownership = self._owned(services)
        keeping = asyncio.create_task(ownership.run(), name=f"ownership {self.name}")
        try:
            await self._run(services, ownership)
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    def _owned(self, services: SessionServices) -> Ownership:
        settings, mqtt, limits = self._settings, services.mqtt, self._limits
        if not settings.is_shared:
            return SoleOwnership(self.name, mqtt, self._clock, self._leaving, limits)
        return LeaseKeeper(
            self.name,
            settings.session_dir(self.name),
            settings.bridges,
            mqtt,
            self._clock,
            self._leaving,
            login=services.login,
            watchdog=services.watchdog,
            times=limits.lease,
        )

    async def _run(self, services: SessionServices, ownership: Ownership) -> None:
        limits = self._limits
        while not self._stopping.is_set():
            failure: Situation | None = None
            try:
                self._leaving.clear()
                elsewhere = await ownership.elsewhere(in_standby=self._in_standby)
                if elsewhere is not None:
                    self._stand_by(elsewhere)
                    await self._pause(ownership.pause)
                elif not self._stopping.is_set():
                    await self._serve(services, ownership)
            except* StoreUnusable as group:
                failure = _failure(group)
                _log.error("%s: %s", self.name, failure.detail)
            except* Exception as fault:  # noqa: BLE001 - the other sessions continue, and this one is tried again
                _log.exception("%s: the session failed", self.name)
                failure = failure or _failure(fault)
            self._in_standby = self._in_standby and failure is None
            if self._stopping.is_set() and failure is None:
                self._view.set(Situation(SessionState.OFFLINE, Reason.SHUT_DOWN))
            self.session = self._journal = self._outbox = self._media = self._states = self.downloads = None
            await ownership.left(failed=failure is not None)
            if failure is not None:
                self._view.set(failure)
                await announce(
                    failure,
                    self._view.since,
                    self.name,
                    services.mqtt,
                    self._clock,
                    self._stopping,
                    seconds=limits.retry,
                    end_within=limits.announcement_end,
                )

    def _stand_by(self, elsewhere: Situation) -> None:
        if self._view.situation.state is not SessionState.STANDBY:
            self._view = SessionView(self.name, self._clock)
        self._view.set(elsewhere)
        self._in_standby = True

    async def _serve(self, services: SessionServices, ownership: Ownership) -> None:
        path = self._settings.session_dir(self.name) / "store.db"
        check_disk(path.parent, self._limits.least_free)

        def observe(event: Event) -> None:
            for observer in services.observers:
                observer(self.name, event)

        try:
            async with open_store(path, now=self._clock.now, observe=observe, check_later=True) as store:
                if store.incomplete:
                    await self._begin_new_epoch(store)
                if ownership.interrupted:
                    number = await store.memory.get(ACCOUNT_PN)
                    own = Jid.parse(number).user if number else None
                    await ownership.noted.take_over(store.outbox, self._clock.now(), own)
                    await self._abandon_open(store)
                    await ownership.taken_over()
                take_up(store.states, self._view, self._began)
                self._view = SessionView(self.name, self._clock)  # a failure begins with the end of this service
                try:
                    await self._serve_store(store, services, ownership, observe)
                except Exception as error:
                    store.states.enter(_failure(error), self._clock.now())
                    raise
                store.states.enter(self._rest(), self._clock.now())
        except* StoreDamaged as group:
            kept = keep_aside(path)
            raise StoreUnusable(f"{first_error(group)} It was kept as {kept}.") from group

    def _rest(self) -> Situation:
        """What follows a service that has ended as it should."""
        if self._stopping.is_set():
            return Situation(SessionState.OFFLINE, Reason.SHUT_DOWN)
        return Situation(SessionState.STANDBY, Reason.OWNED_ELSEWHERE)

    async def _begin_new_epoch(self, store: SessionStore) -> None:
        """Begin a new epoch: sequence numbers may be used again and commands may be lost."""
        name = self.name
        _log.error("%s: the store's -wal file is missing, perhaps with the last writes; a new epoch begins", name)
        await store.new_epoch(lambda row: notice(result_of(name, row), row.claim.reply_to))

    async def _abandon_open(self, store: SessionStore) -> None:
        """Report open commands as unknown: the other owner may have got them from the broker or their sender, too."""
        name, open_rows = self.name, store.outbox.open_count
        if open_rows:
            _log.warning("%s: another bridge had the session; it may have sent %d open commands", name, open_rows)
            await store.abandon_open(lambda row: notice(result_of(name, row), row.claim.reply_to))

    async def _serve_store(
        self,
        store: SessionStore,
        services: SessionServices,
        ownership: Ownership,
        observe: Callable[[Event], None],
    ) -> None:
        driver = self._driver(self.name)
        parts = await compose(
            self.setting,
            store,
            services,
            driver=driver,
            ownership=ownership,
            settings=self._settings,
            clock=self._clock,
            limits=self._limits,
            observe=observe,
        )
        driver.use_proxy(self.options.proxy)  # now, as it may have been changed meanwhile
        session, adapter, downloads = parts.session, parts.adapter, parts.downloads
        self._composed = driver
        self.session, self._journal, self._outbox = session, store.journal, store.outbox
        self._media, self._states, self.downloads = store.media, store.states, downloads
        recorder = StateRecorder(store.states, session.view, self._clock)
        deliveries = services.registry.deliveries(self.name, store.journal) if services.registry else None
        async with asyncio.TaskGroup() as tasks:
            ending = [tasks.create_task(adapter.run(ownership.may_connect), name=f"mqtt {self.name}")]
            if deliveries is not None:  # before the session: its first items are for the webhooks registered by now
                ending.append(tasks.create_task(deliveries.run(), name=f"deliveries {self.name}"))
            living = tasks.create_task(session.run(), name=f"session {self.name}")
            beside = [
                tasks.create_task(recorder.run(), name=f"states {self.name}"),
                tasks.create_task(store.checked(), name=f"check of the store {self.name}"),
                tasks.create_task(downloads.run(), name=f"downloads {self.name}"),
                tasks.create_task(self._compact(store), name=f"compaction {self.name}"),
                tasks.create_task(store.search.run(), name=f"index {self.name}"),
                tasks.create_task(self._rhythm(session, store).run(self._limits.waking), name=f"sleep of {self.name}"),
                tasks.create_task(
                    watch_disk(store.database.path.parent, self._limits.least_free, self._limits.disk),
                    name=f"disk of {self.name}",
                ),
            ]
            await self._leaving.wait()
            for task in beside:
                task.cancel()
            hurry = ownership.hurry
            await session.quiesce(*(() if hurry is None else (hurry,)))
            if hurry is not None:  # another bridge may start soon: the driver first
                living.cancel()
                await asyncio.wait([living])
            adapter.close()
            if deliveries is not None:
                deliveries.close()
            await asyncio.wait(ending, timeout=self._limits.session_end)
            for task in ending:
                task.cancel()
            living.cancel()

    def _rhythm(self, session: Session, store: SessionStore) -> SleepRhythm:
        return SleepRhythm(
            session,
            store.outbox,
            store.media,
            self._clock,
            after=lambda: self.options.sleep_after,
            check=lambda: self.options.sleep_check,
            short_look=self._limits.short_look,
        )

    async def _compact(self, store: SessionStore) -> None:
        settings = self._settings
        kept, day = settings.retention, self._limits.day
        age, ids, keys = kept.days * day, settings.retention_commands * day, settings.retention_keys * day
        while True:
            try:
                done = await store.compact(max_age=age, max_bytes=kept.size, ids_remembered=ids, keys_remembered=keys)
            except StoreUnusable as error:
                if not error.transient:
                    raise
                _log.warning("%s: the journal was not compacted: %s", self.name, error)
            else:
                _log.debug("%s: compaction: %s", self.name, done)
            await asyncio.sleep(self._limits.compaction)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _failure(error: BaseException) -> Situation:
    """What the status says after an error."""
    first = first_error(error)
    if isinstance(first, StoreUnusable):
        return Situation(SessionState.ERROR, Reason.STORE_UNUSABLE, str(first))
    return Situation(SessionState.ERROR, Reason.BRIDGE_FAULT)
