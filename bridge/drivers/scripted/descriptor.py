"""The scripted driver as a kind of driver: a phone that is already paired, for trials and tests without a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from bridge.contract.errors import Unsupported
from bridge.drivers.scripted.driver import ScriptedDriver
from bridge.drivers.scripted.phone import ScriptedPhone
from bridge.ports import (
    Check,
    Clock,
    DriverFactory,
    DriverKind,
    DriverSettings,
    LoginFiles,
    PageVersions,
    WindowStep,
)


class ScriptedKind(DriverKind):
    name = "scripted"
    login: LoginFiles | None = None
    versions: PageVersions | None = None

    @override
    @asynccontextmanager
    async def open(self, settings: DriverSettings, clock: Clock) -> AsyncIterator[DriverFactory]:
        yield lambda _: ScriptedDriver(ScriptedPhone(clock, paired=True))

    @override
    async def pair_in_window(self, settings: DriverSettings, session: str) -> AsyncIterator[WindowStep]:
        raise Unsupported("The scripted phone is paired without a window.")
        yield  # makes it a generator

    @override
    def describe(self, settings: DriverSettings) -> str:
        return self.name

    @override
    async def examine(self, settings: DriverSettings) -> AsyncIterator[tuple[str, Check]]:
        return
        yield  # makes it a generator


KIND = ScriptedKind()
