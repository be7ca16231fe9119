"""The users of the private broker, added and removed while it runs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection

from typing_extensions import override

from bridge.contract.errors import CodedError, Conflict
from bridge.ops.mosquitto.acl_check import wait_until_accepted
from bridge.ops.mosquitto.directory import BrokerDirectory
from bridge.ops.mosquitto.roles import Role, User
from bridge.ops.mosquitto.running_broker import reload_broker
from bridge.ports.broker_users import BrokerUser, BrokerUsers, ClientRole


class PrivateBrokerUsers(BrokerUsers):
    """Works on the directory of a running private broker; `wa broker user --dir` may change the same one."""

    def __init__(self, directory: BrokerDirectory) -> None:
        self._directory = directory

    @override
    def users(self) -> list[BrokerUser]:
        users = sorted(self._directory.load().users.values(), key=lambda user: user.name)
        return [BrokerUser(user.name, frozenset(map(str, user.roles)), user.session) for user in users]

    @override
    async def add(self, name: str, roles: Collection[ClientRole], session: str | None) -> str:
        user, password = User(name, frozenset(Role(role) for role in roles), session), secrets.token_urlsafe(24)
        setup = self._directory.load()
        if name in setup.users:
            raise Conflict(f"The broker has a user {name}: remove it first, or choose another name.")
        await asyncio.to_thread(self._directory.put_user, user, password)
        try:
            reload_broker(setup.listeners.pid_file)
            await wait_until_accepted(setup.listeners.port, name, password)
        except CodedError:
            await asyncio.to_thread(self._directory.remove_user, name)  # its password would be known to no one
            raise
        return password

    @override
    async def remove(self, name: str) -> bool:
        setup = self._directory.load()
        if name not in setup.users:
            return False
        await asyncio.to_thread(self._directory.remove_user, name)
        reload_broker(setup.listeners.pid_file)
        return True
