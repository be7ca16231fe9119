"""Failed attempts are limited for each address, without locking out credentials that were valid before."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from bridge.asgi.authentication import AuthRules, CredentialCheck, PublicPaths
from bridge.asgi.bearer import PresentedCredentials
from bridge.asgi.limits import GuessLimits
from bridge.contract.pace import Pace

ADDRESS = "192.0.2.1"


@dataclass(frozen=True)
class Someone:
    id: str


async def status(check: CredentialCheck[Someone], key: str | None) -> int:
    try:
        await check(None if key is None else PresentedCredentials(key), ADDRESS, ADDRESS, 0.0)
    except HTTPException as error:
        return error.status_code
    return 200


@pytest.fixture
def keys() -> set[str]:
    """The keys that are valid."""
    return {"first", "second", "third"}


@pytest.fixture
def check(keys: set[str]) -> CredentialCheck[Someone]:
    async def are_configured() -> bool:
        return True

    async def verify(presented: PresentedCredentials) -> Someone | None:
        return Someone(presented.api_key or "") if presented.api_key in keys else None

    async def identify(scope: Scope, headers: Headers) -> Someone | None:
        return None

    return CredentialCheck(
        AuthRules(
            server="the test",
            local=Someone("local"),
            public=PublicPaths(frozenset()),
            are_configured=are_configured,
            verify=verify,
            identify=identify,
            limits=GuessLimits(guesses=Pace.parse("2/minute", burst=2), remembered=2),
        )
    )


async def test_guesses_are_limited_and_known_keys_are_not(check: CredentialCheck[Someone]) -> None:
    assert await status(check, "first") == 200
    assert [await status(check, f"guess {n}") for n in range(3)] == [401, 401, 429]
    assert await status(check, "first") == 200
    assert await status(check, "second") == 429  # not known yet


async def test_the_least_recently_used_key_is_forgotten(check: CredentialCheck[Someone]) -> None:
    for key in ("first", "second", "first", "third"):
        assert await status(check, key) == 200
    assert [await status(check, f"guess {n}") for n in range(2)] == [401, 401]
    assert [await status(check, key) for key in ("first", "second", "third")] == [200, 429, 200]


async def test_a_key_that_is_no_longer_valid_is_a_guess(keys: set[str], check: CredentialCheck[Someone]) -> None:
    assert await status(check, "first") == 200
    keys.clear()
    assert [await status(check, "first") for _ in range(3)] == [401, 401, 429]


async def test_a_request_without_credentials_is_no_guess(check: CredentialCheck[Someone]) -> None:
    assert [await status(check, None) for _ in range(5)] == [401] * 5
    assert await status(check, "first") == 200
