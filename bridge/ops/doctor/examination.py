"""Runs all checks one after the other, isolated: a check that fails does not hide the others."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from bridge.broker import BrokerAddress, BrokerError, BrokerOptions
from bridge.client import CodedError, connect
from bridge.contract.findings import Finding, Level, fault
from bridge.contract.jid import Jid
from bridge.core.lease import placement
from bridge.drivers import driver_kind
from bridge.ops.doctor import broker, broker_probes, live, machine, media, release, session_files, sessions
from bridge.ops.releases import DISTRIBUTION
from bridge.ports import Check, StoreUnusable
from bridge.settings import BridgeSettings
from bridge.store.inspection import glance

#: Timeout of one check in seconds.
LIMIT = 120.0
Findings = Finding | Iterable[Finding] | None


@dataclass(frozen=True, slots=True)
class Examination:
    """What to check. `addresses` are the brokers; `private` means that they come from `broker.json`."""

    settings: BridgeSettings
    addresses: tuple[BrokerAddress, ...]
    private: bool = False
    live: bool = False
    probe_broker: bool = False
    session: str | None = None
    to: str | None = None

    @property
    def first(self) -> str:
        """The session that --live tests."""
        return self.session or self.settings.sessions[0].name

    def options(self) -> BrokerOptions:
        """A unique client id and a clean session: the connection displaces no other client."""
        settings = self.settings
        return BrokerOptions(
            addresses=self.addresses,
            client_id=f"wa-doctor-{uuid.uuid4().hex[:12]}",
            clean=True,
            protocol=settings.mqtt_protocol,
            ca_file=str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None,
            connect_timeout=10,
            acknowledge_timeout=10,
        )


async def examine(plan: Examination) -> AsyncIterator[Finding]:
    """Run all checks; yields findings as they are made, grouped by part."""
    settings, folder = plan.settings, plan.settings.data_dir
    kind = driver_kind(settings.driver)
    yield machine.user(os.geteuid())
    for inspect in (machine.data_directory, machine.disk, machine.file_system):
        async for finding in _guarded("data directory", _in_thread(inspect, folder)):
            yield finding
    async for finding in _guarded("media", _media(settings)):
        yield finding
    if settings.releases is not None:
        async for finding in _guarded("release", release.release(settings.releases, version(DISTRIBUTION))):
            yield finding
    for setting in settings.sessions:
        session_dir = settings.session_dir(setting.name)
        checks = [_in_thread(session_files.store, setting.name, session_dir)]
        if kind.login is not None:
            checks.insert(0, _in_thread(session_files.login, setting.name, session_dir, kind.login))
            if settings.is_shared:
                order = placement(setting.name, settings.bridges)
                checks.append(_in_thread(session_files.role, setting.name, session_dir, kind.login, order))
        for check in checks:
            async for finding in _guarded(f"session {setting.name}", check):
                yield finding
    async for name, work in kind.examine(settings):
        async for finding in _guarded(name, work):
            yield finding
    delivery = broker.broker(plan.options(), settings.topics, plan.first, private=plan.private)
    works = True
    async for finding in _guarded("broker", delivery):
        works = works and finding.level is not Level.FAULT
        yield finding
    if plan.probe_broker and works:
        async for finding in _guarded("broker", broker_probes.probes(plan.options(), settings.topics, plan.first)):
            yield finding
    async for finding in _guarded("sessions", _sessions(plan)):
        yield finding


async def _media(settings: BridgeSettings) -> AsyncIterator[Finding]:
    yield await asyncio.to_thread(media.voice)
    if settings.media_store is not None:
        key = settings.media_store_key
        yield await media.bucket(settings.media_store, key.get_secret_value() if key else None)


async def _sessions(plan: Examination) -> AsyncIterator[Finding]:
    """The retained statuses, and a live send. No findings if no broker answers: that is reported above."""
    names = [setting.name for setting in plan.settings.sessions]
    if not plan.addresses:
        return
    options = plan.options()
    try:
        async with connect(
            plan.addresses,
            prefix=plan.settings.mqtt_prefix,
            name="wa-doctor",
            protocol=options.protocol,
            ca_file=options.ca_file,
            reply_name=f"doctor-{uuid.uuid4().hex[:12]}" if plan.private else None,
            connect_timeout=0,
        ) as client:
            try:
                statuses = await client.statuses(names)
            except CodedError:
                statuses = []
            for finding in sessions.sessions(names, statuses, datetime.now(UTC)):
                yield finding
            if plan.live:
                number = plan.to or await asyncio.to_thread(_own_number, plan)
                async for finding in live.self_message(client, plan.first, number):
                    yield finding
    except BrokerError:
        return


def _own_number(plan: Examination) -> str | None:
    try:
        account = glance(plan.settings.session_dir(plan.first) / "store.db").account
    except StoreUnusable:
        return None
    return str(Jid.parse(account)) if account else None


async def _in_thread(inspect: Callable[..., Findings], *arguments: object) -> Findings:
    def run() -> Findings:
        found = inspect(*arguments)
        return found if found is None or isinstance(found, Finding) else list(found)

    return await asyncio.to_thread(run)


async def _guarded(check: str, work: Check) -> AsyncIterator[Finding]:
    """The findings of a check; a crash or timeout of the check becomes a finding."""
    try:
        async with asyncio.timeout(LIMIT):
            if isinstance(work, AsyncIterable):
                async for finding in work:
                    yield finding
                return
            found = await work
    except TimeoutError:
        yield fault(
            check, f"The check did not finish within {LIMIT:g} s.", "Run it again; something it depends on hangs."
        )
    except Exception as error:  # noqa: BLE001 - the other checks continue after any error
        yield fault(check, f"The check itself failed: {type(error).__name__}: {error}", "Report this as a defect.")
    else:
        for finding in [found] if isinstance(found, Finding) else found or ():
            yield finding
