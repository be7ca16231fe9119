"""The keys of a server: what is configured as an empty text is no key."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from bridge.asgi.api_credentials import ApiCredentials
from bridge.asgi.bearer import PresentedCredentials

#: Of callers without a key: what a header lacks counts as an empty text.
WITHOUT = [PresentedCredentials(None, "Basic eA=="), PresentedCredentials(""), PresentedCredentials(None, "")]


@pytest.mark.parametrize("presented", WITHOUT)
async def test_an_empty_key_is_none(presented: PresentedCredentials) -> None:
    assert not await ApiCredentials(SecretStr(""), None).are_configured()
    credentials = ApiCredentials(SecretStr(""), SecretStr("una-clave"))
    assert await credentials.are_configured()
    assert await credentials.verify(presented) is None
    assert await credentials.verify(PresentedCredentials("una-clave")) is not None
