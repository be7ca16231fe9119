"""The bridge as a whole: its sessions, and its own retained status."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Literal

from bridge.app.composition import SessionServices
from bridge.app.facade import http_facade
from bridge.app.home_assistant import serve_home_assistant
from bridge.app.host import SessionHost
from bridge.app.hosted_sessions import HostedSessions
from bridge.app.identity import data_directory
from bridge.app.instance_status import InstanceStatus
from bridge.app.limits import BridgeLimits
from bridge.app.media import keep_retention, outgoing_files, shared_media
from bridge.app.watchdog import Watchdog
from bridge.broker import BrokerAddress, BrokerOptions
from bridge.contract.errors import StartError
from bridge.contract.payload import instant
from bridge.contract.session import SessionState
from bridge.contract.status import BridgeStatus
from bridge.http.credentials import Credentials
from bridge.http.log_ring import LogRing
from bridge.mqtt import MqttOptions
from bridge.ops.releases import DISTRIBUTION
from bridge.ports import Clock, DriverFactory, LoginFiles, Observer, StoreUnusable
from bridge.ports.broker_users import BrokerUsers
from bridge.settings import BridgeSettings
from bridge.store import BRIDGE_STORE, BridgeStore

_log = logging.getLogger(__name__)
#: Python's switch interval in seconds. A store's writer needs the interpreter twice a commit; with the default of 5 ms
#: it waited longer for that than for the disk (3,200 claims a second instead of 7,000).
SWITCH_INTERVAL = 0.0005


class Bridge:
    """Runs every configured session until `stop`."""

    def __init__(
        self,
        settings: BridgeSettings,
        addresses: tuple[BrokerAddress, ...],
        driver: DriverFactory,
        clock: Clock,
        *,
        driver_text: str | None = None,
        login: LoginFiles | None = None,
        http: socket.socket | None = None,
        login_link: str | None = None,
        command_key: str | None = None,
        log: LogRing | None = None,
        broker_users: BrokerUsers | None = None,
        limits: BridgeLimits | None = None,
        observers: tuple[Observer, ...] = (),
    ) -> None:
        """`http` is the façade's socket (`bridge.http.server.listen`); without one there is no HTTP and no webhook.

        `login_link` logs one browser in to the panel; commands of this machine sign in with `command_key`; `log` has
        the lines that the panel shows; `broker_users` are those of a broker that this process owns.
        `driver_text` describes the driver in the bridge's status; `login` is what it keeps of a login on disk.
        """
        self._settings = settings
        self._clock = clock
        self._limits = limits or BridgeLimits()
        self._observers = observers
        self._started_at = clock.now()
        self._stopping = asyncio.Event()
        self._status_due = asyncio.Event()
        self._broker = BrokerOptions(
            addresses=addresses,
            client_id=f"{settings.mqtt_prefix.replace('/', '-')}-instance-{settings.instance}",
            clean=True,
            protocol=settings.mqtt_protocol,
            ca_file=str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None,
        )
        self._sessions = HostedSessions(
            settings,
            lambda setting: SessionHost(setting, settings=settings, driver=driver, clock=clock, limits=self._limits),
            end_within=self._limits.sessions_end,
            changed=self._status_due.set,
        )
        self.hosts = self._sessions.hosts
        self._driver_text = driver_text
        self._login = login
        self._http = http
        self._login_link = login_link
        self._command_key = command_key
        self._log_ring = log or LogRing()
        self._broker_users = broker_users
        self._credentials: Credentials
        self._has_credentials = asyncio.Event()

    async def credentials(self) -> Credentials:
        """What its callers show, once its store is open."""
        await self._has_credentials.wait()
        return self._credentials

    def stop(self) -> None:
        """Request a clean end; `run` returns when it is done."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`. Raises `StartError` for a data directory that cannot be used."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        async with AsyncExitStack() as stack:
            owner = stack.enter_context(data_directory(self._settings.data_dir, self._settings.instance))
            # with the directory's mark: bridges of one host name would end each other's connections
            broker = replace(self._broker, client_id=f"{self._broker.client_id}-{owner.rpartition(':')[2]}")
            status = InstanceStatus(
                owner,
                partial(self._status, owner),
                broker=broker,
                topics=self._settings.topics,
                heartbeat=self._limits.mqtt.heartbeat,
                stopping=self._stopping,
                due=self._status_due,
                carry_out=self._sessions.carry_out,
                clock=self._clock,
            )
            try:
                store = await stack.enter_async_context(
                    BridgeStore(self._settings.data_dir / BRIDGE_STORE, now=self._clock.now)
                )
                await self._sessions.load(store.sessions)
            except StoreUnusable as error:
                raise StartError(f"Sessions, webhooks and keys cannot be read. {error.text}") from error
            self._credentials = self._credentials_of(store)
            self._has_credentials.set()
            media = shared_media(self._settings, self._http)
            facade = None
            if self._http is not None:
                facade = await stack.enter_async_context(
                    http_facade(
                        self._settings,
                        self._http,
                        store,
                        self._sessions,
                        media,
                        broker,
                        self._clock,
                        self._limits,
                        owner=owner,
                        version=version(DISTRIBUTION),
                        credentials=self._credentials,
                        login_link=self._login_link,
                        log=self._log_ring,
                        broker_users=self._broker_users,
                    )
                )
            watchdog = None
            if self._settings.is_shared and self._login is not None:
                watchdog = await stack.enter_async_context(Watchdog(self._login.watchdog))
            services = SessionServices(
                MqttOptions(self._broker, self._settings.topics, owner, self._limits.mqtt),
                media,
                facade.registry if facade else None,
                (*self._observers, *(facade.observers if facade else ())),
                outgoing_files(self._settings, media, self._http),
                self._login,
                watchdog,
            )
            async with asyncio.TaskGroup() as tasks:
                self._sessions.start(services, tasks)
                publishing = tasks.create_task(status.run(), name="bridge status")
                home = tasks.create_task(
                    serve_home_assistant(
                        self._settings,
                        lambda: self.hosts,
                        broker,
                        version(DISTRIBUTION),
                        self._stopping,
                        self._limits,
                    ),
                    name="Home Assistant",
                )
                retention = tasks.create_task(
                    keep_retention(self._settings, self.hosts, media, self._clock, self._limits),
                    name="files of messages",
                )
                await self._stopping.wait()
                retention.cancel()
                if facade is not None:
                    facade.closing.set()
                await self._sessions.end()
                await asyncio.wait([publishing, home], timeout=self._limits.status_end)
                for task in (publishing, home):
                    task.cancel()
                self._sessions.cancel()

    def _credentials_of(self, store: BridgeStore) -> Credentials:
        single, secret = self._settings.api_key, self._settings.jwt_secret
        return Credentials(
            store.access,
            self._clock,
            single_key=single.get_secret_value() if single else None,
            jwt_secret=secret.get_secret_value() if secret else None,
            audience=self._settings.jwt_audience,
            key_cache=self._limits.http.key_cache,
            command_key=self._command_key,
        )

    def _status(self, owner: str, name: str, state: Literal["online", "offline"]) -> BridgeStatus:
        return BridgeStatus(
            instance=name,
            owner=owner,
            state=state,
            version=version(DISTRIBUTION),
            driver=self._driver_text,
            started_at=instant(self._started_at),
            configured=list(self._settings.session_names),
            sessions={host.name: host.view.situation.state for host in self.hosts},
            standby={
                host.name: host.view.situation.text
                for host in self.hosts
                if host.view.situation.state is SessionState.STANDBY
            }
            or None,
            at=instant(self._clock.now()),
        )
