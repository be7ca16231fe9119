"""The whole examination: every check in turn, each on its own, so that one that fails hides none of the others."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.broker import BrokerAddress, BrokerError, BrokerOptions
from bridge.client import CodedError, connect
from bridge.contract.jid import Jid
from bridge.drivers.web import PlaywrightRuntime
from bridge.ops.doctor import broker, browser, live, machine, page, session_files, sessions, site
from bridge.ops.doctor.findings import Finding, fault
from bridge.ports import StoreUnusable
from bridge.settings import BridgeSettings
from bridge.store.inspection import glance

#: Seconds that one check may take.
LIMIT = 120.0
Findings = Finding | Iterable[Finding] | None


@dataclass(frozen=True, slots=True)
class Examination:
    """What is to be looked at. `addresses` are the brokers; `private` tells that they come from `broker.json`."""

    settings: BridgeSettings
    addresses: tuple[BrokerAddress, ...]
    private: bool = False
    live: bool = False
    session: str | None = None
    to: str | None = None

    @property
    def first(self) -> str:
        """The session that is proven live."""
        return self.session or self.settings.sessions[0].name

    def options(self) -> BrokerOptions:
        """A connection that throws nobody out: a client id of its own, and nothing kept."""
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
    """Look at everything; findings come as they are made, grouped by part."""
    settings, folder = plan.settings, plan.settings.data_dir
    yield machine.user(os.geteuid())
    for look in (machine.data_directory, machine.disk, machine.file_system):
        async for finding in _guarded("data directory", _in_thread(look, folder)):
            yield finding
    for setting in settings.sessions:
        place = settings.session_dir(setting.name)
        for what in (session_files.profile, session_files.store):
            async for finding in _guarded(f"session {setting.name}", _in_thread(what, setting.name, place)):
                yield finding
    async for finding in _guarded("site", site.site(settings.web_url)):
        yield finding
    async with PlaywrightRuntime() as runtime:
        yield browser.wa_js()
        async for finding in _guarded("browser", browser.browser(settings, runtime)):
            yield finding
        if plan.live:
            async for finding in _guarded("page", page.page(settings, runtime)):
                yield finding
    proof = broker.broker(plan.options(), settings.topics, plan.first, private=plan.private)
    async for finding in _guarded("broker", proof):
        yield finding
    async for finding in _guarded("sessions", _sessions(plan)):
        yield finding


async def _sessions(plan: Examination) -> AsyncIterator[Finding]:
    """What the bridge says, and what it does. In silence where no broker answers: that has been told."""
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
                told = await client.statuses()
            except CodedError:
                told = []
            for finding in sessions.sessions(names, told, datetime.now(UTC)):
                yield finding
            if plan.live:
                number = plan.to or await asyncio.to_thread(_own_number, plan)
                async for finding in live.message_to_oneself(client, plan.first, number):
                    yield finding
    except BrokerError:
        return


def _own_number(plan: Examination) -> str | None:
    try:
        account = glance(plan.settings.session_dir(plan.first) / "store.db").account
    except StoreUnusable:
        return None
    return str(Jid.parse(account)) if account else None


async def _in_thread(look: Callable[..., Findings], *arguments: object) -> Findings:
    def run() -> Findings:
        found = look(*arguments)
        return found if found is None or isinstance(found, Finding) else list(found)

    return await asyncio.to_thread(run)


async def _guarded(check: str, work: Awaitable[Findings] | AsyncIterable[Finding]) -> AsyncIterator[Finding]:
    """The findings of a check; a check that breaks or hangs is a finding itself."""
    try:
        async with asyncio.timeout(LIMIT):
            if isinstance(work, AsyncIterable):
                async for finding in work:
                    yield finding
                return
            found = await work
    except TimeoutError:
        yield fault(check, f"The check was not done after {LIMIT:g} s.", "Run it again; something there hangs.")
    except Exception as error:  # noqa: BLE001 - the other checks go on whatever it was
        yield fault(check, f"The check itself failed: {type(error).__name__}: {error}", "Report this as a defect.")
    else:
        for finding in [found] if isinstance(found, Finding) else found or ():
            yield finding
