"""A driver in its own process, for tests that kill it: `driving_program.py URL PROFILE`. Prints each state."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from bridge.contract.limits import AccountLimits
from bridge.contract.session import Situation
from bridge.drivers.web import PlaywrightRuntime, WebDriver
from bridge.ports import Account, Item, PairingCode, PasskeyRequest
from tests.drivers.worlds import LIMITS, SystemClock


class Printer:
    async def situation_changed(self, situation: Situation) -> None:
        print(situation.state, flush=True)

    async def code_changed(self, code: PairingCode | None) -> None:
        pass

    async def passkey_changed(self, request: PasskeyRequest | None) -> None:
        pass

    async def limits_changed(self, limits: AccountLimits) -> None:
        pass

    async def logged_in(self, account: Account) -> None:
        pass

    async def received(self, batch: Sequence[Item]) -> None:
        pass


async def main(url: str, profile: str) -> None:
    async with PlaywrightRuntime() as runtime:
        driver = WebDriver(
            "haby",
            url=url,
            profile=Path(profile),
            playwright=runtime,
            clock=SystemClock(),
            random=random.random,
            limits=LIMITS,
        )
        await driver.run(Printer())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
