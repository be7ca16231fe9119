"""Every store under one suite: a store joins by one line in `STORES`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bridge.store import SessionStore, open_store


class SetClock:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


#: Takes what `open_store` does, beside its path and clock.
Opener = Callable[..., AbstractAsyncContextManager[SessionStore]]
STORES = {"sqlite": open_store}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "haby" / "store.db"


@pytest.fixture(params=STORES)
def opener(request: pytest.FixtureRequest, path: Path, clock: SetClock) -> Opener:
    """Opens the same store each time."""
    return lambda **options: STORES[request.param](path, now=clock, **options)


@pytest.fixture
async def store(opener: Opener) -> AsyncIterator[SessionStore]:
    async with opener() as opened:
        yield opened
