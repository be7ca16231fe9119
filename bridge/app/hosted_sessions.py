"""The sessions of a running bridge: started, added, removed, put to sleep and woken, one at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bridge.app.announcement import clear_retained
from bridge.app.composition import SessionServices
from bridge.app.host import SessionHost
from bridge.contract.controls import ControlAction
from bridge.contract.errors import NoSuchSession, NotConnected
from bridge.contract.session import SessionState
from bridge.contract.session_changes import BridgeAction, BridgeCommand
from bridge.core.effective_options import changed
from bridge.ops.session_list import check_added, check_removed, effective_sessions
from bridge.ports.sessions import SessionRegistry, StoredOptions, StoredSession
from bridge.setting_types import SessionSetting
from bridge.settings import BridgeSettings

_log = logging.getLogger(__name__)


class HostedSessions:
    """`hosts` and `entries` (by name) are the same objects for the bridge's whole life, and change in place."""

    def __init__(
        self,
        settings: BridgeSettings,
        make: Callable[[SessionSetting], SessionHost],
        *,
        end_within: float,
        changed: Callable[[], None],
    ) -> None:
        """`make` makes the host of a session; `end_within` is seconds for a session to end; `changed` is called when
        one was added or removed."""
        self._settings = settings
        self._make = make
        self._end_within = end_within
        self._changed = changed
        self._registry: SessionRegistry | None = None
        self._changing = asyncio.Lock()
        self._services: SessionServices | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._options: dict[str, StoredOptions] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self.hosts = [make(setting) for setting in settings.sessions]
        self.entries = {host.name: host for host in self.hosts}

    async def load(self, registry: SessionRegistry) -> None:
        """Take over what was changed in earlier runs. Raises `StoreUnusable`."""
        self._registry = registry
        known = dict(self.entries)
        settings = effective_sessions(self._settings.sessions, await registry.sessions())
        self._options = dict(await registry.options())
        self.hosts[:] = [known.get(setting.name) or self._make(setting) for setting in settings]
        self.entries.clear()
        self.entries.update((host.name, host) for host in self.hosts)
        for host in self.hosts:
            await host.apply(self._options.get(host.name, StoredOptions()))

    def start(self, services: SessionServices, tasks: asyncio.TaskGroup) -> None:
        """Run the sessions as tasks of this group; after `end` none is added any more."""
        self._services, self._tasks = services, tasks
        for host in self.hosts:
            self._start(host)

    async def end(self) -> None:
        """End every session, all at once, within the time they have."""
        async with self._changing:
            self._tasks = None
            for host in self.hosts:
                host.stop()
            if self._running:
                await asyncio.wait(self._running.values(), timeout=self._end_within)

    def cancel(self) -> None:
        """Cancel what has not ended in time."""
        for task in self._running.values():
            task.cancel()

    async def carry_out(self, command: BridgeCommand) -> str | None:
        """Carry out a command; durable on return. Returns what a person should know.

        Raises `Conflict`, `NoSuchSession`, `InvalidRequest`, `NotConnected`, and what store and session raise.
        """
        async with self._changing:
            match command.action:
                case BridgeAction.ADD_SESSION:
                    return await self._add(SessionSetting(command.session, command.cliente_id or 0), command)
                case BridgeAction.SET_SESSION:
                    await self._set(command)
                case BridgeAction.REMOVE_SESSION:
                    return await self._remove(command.session)
                case BridgeAction.SLEEP:
                    await self._control(command.session, ControlAction.SLEEP)
                case BridgeAction.WAKE:
                    await self._control(command.session, ControlAction.INIT)
                case BridgeAction.HAND_OVER:
                    return self._host(command.session).hand_over(command.to or "")
        return None

    async def _add(self, setting: SessionSetting, command: BridgeCommand) -> str | None:
        if not check_added([host.setting for host in self.hosts], setting):
            await self._set(command)
            return f"The session {setting} runs already."
        if self._tasks is None or self._registry is None:
            raise NotConnected("The bridge is stopping.")
        await self._registry.store(StoredSession(setting.name, setting.cliente_id))
        host = self._make(setting)
        await host.apply(await self._store_options(command))
        self.hosts.append(host)
        self.entries[host.name] = host
        self._start(host)
        self._changed()
        _log.info("%s: the session was added", setting)
        return None

    async def _set(self, command: BridgeCommand) -> None:
        host = self._host(command.session)
        await host.apply(await self._store_options(command))
        _log.info("%s: its options are %s", host.name, host.options)

    async def _store_options(self, command: BridgeCommand) -> StoredOptions:
        """What is set for the session with this command; stored if it changes anything."""
        if self._registry is None:
            raise NotConnected("The bridge is starting.")
        before = self._options.get(command.session, StoredOptions())
        after = changed(before, command)
        if after != before:
            await self._registry.store_options(command.session, after)
            self._options[command.session] = after
        return after

    async def _remove(self, name: str) -> str:
        check_removed([host.setting for host in self.hosts], name)
        if self._tasks is None or self._registry is None:
            raise NotConnected("The bridge is stopping.")
        await self._registry.store(StoredSession(name, None))
        host, task = self.entries.pop(name), self._running.pop(name)
        owned_elsewhere = host.view.situation.state is SessionState.STANDBY
        self.hosts.remove(host)
        self._changed()
        host.stop()
        await asyncio.wait([task], timeout=self._end_within)
        task.cancel()
        _log.info("%s: the session was removed", name)
        folder, left = self._settings.session_dir(name), ""
        if self._services is not None and not owned_elsewhere:  # its owner's status is not ours to clear
            await asyncio.wait([task], timeout=self._end_within)  # a will that is still to come would be retained
            if not await clear_retained(name, self._services.mqtt):
                left = " The broker does not answer: its last status stays there, offline."
        return (
            f"The session {name} does not run any more. Its login, messages and commands are kept in {folder}: add the"
            " session again to continue with them. To end the login, remove the device on the phone (Linked devices)."
            f" To delete what is kept, delete the folder.{left}"
        )

    async def _control(self, name: str, action: ControlAction) -> None:
        host = self._host(name)
        if host.session is None:
            raise NotConnected(f"The session {name} does not run here: {host.view.situation.text}")
        await host.session.control(action)

    def _host(self, name: str) -> SessionHost:
        host = self.entries.get(name)
        if host is None:
            raise NoSuchSession(f"There is no session {name}: this bridge runs {', '.join(self.entries)}.")
        return host

    def _start(self, host: SessionHost) -> None:
        if self._tasks is None or self._services is None:
            raise RuntimeError("a session is started before the bridge")
        self._running[host.name] = self._tasks.create_task(host.run(self._services), name=f"host {host.name}")
