"""The scripted driver as a kind: a phone that is paired at once, for trials and tests without any browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from bridge.drivers.scripted.driver import ScriptedDriver
from bridge.drivers.scripted.phone import ScriptedPhone
from bridge.ports import Check, Clock, DriverFactory, DriverKind, DriverSettings, LoginFiles


class ScriptedKind(DriverKind):
    name = "scripted"
    login: LoginFiles | None = None

    @override
    @asynccontextmanager
    async def open(self, settings: DriverSettings, clock: Clock) -> AsyncIterator[DriverFactory]:
        yield lambda _: ScriptedDriver(ScriptedPhone(clock, paired=True))

    @override
    async def examine(self, settings: DriverSettings, *, live: bool) -> AsyncIterator[tuple[str, Check]]:
        """There is nothing to check."""
        return
        yield  # makes it a generator


KIND = ScriptedKind()
