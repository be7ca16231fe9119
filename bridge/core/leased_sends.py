"""The driver of a session that several bridges may run: no call that could send leaves without the lease.

A process that was frozen goes on in the middle of a send; the check stands right before the call into the page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from typing_extensions import override

from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Act, Content
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.requests import Request
from bridge.ports import DriverUnavailable, LookUp, SendsOnce


class LeasedSends(SendsOnce):
    """`driver` while `holds` is true; without the lease every call that could send raises `DriverUnavailable`."""

    def __init__(self, driver: SendsOnce, holds: Callable[[], bool]) -> None:
        self._wrapped = driver
        self._holds = holds

    @property
    def _driver(self) -> SendsOnce:
        if not self._holds():
            raise DriverUnavailable("Another bridge may run the session.")
        return self._wrapped

    @property
    @override
    def sends(self) -> frozenset[str]:
        return self._wrapped.sends

    @property
    @override
    def answers(self) -> frozenset[str]:
        return self._wrapped.answers

    @override
    async def may_write(self, group: Jid) -> None:
        await self._wrapped.may_write(group)

    @override
    async def resolve(self, to: Jid) -> Jid:
        return await self._driver.resolve(to)

    @override
    async def reserve(self, chat: Jid) -> MessageKey:
        return await self._driver.reserve(chat)

    @override
    async def send(
        self, key: MessageKey, content: Content, modifiers: Modifiers = NO_MODIFIERS, file: Path | None = None
    ) -> int:
        return await self._driver.send(key, content, modifiers, file)

    @override
    async def act(self, chat: Jid, act: Act) -> str:
        return await self._driver.act(chat, act)

    @override
    async def look_up(self, key: MessageKey) -> LookUp:
        return await self._driver.look_up(key)

    @override
    async def resend(self, key: MessageKey) -> int:
        return await self._driver.resend(key)

    @override
    async def answer(self, request: Request, file: Path | None = None) -> Any:
        return await self._driver.answer(request, file)

    @override
    async def reload(self) -> None:
        if self._holds():  # else the browser is about to end
            await self._wrapped.reload()
