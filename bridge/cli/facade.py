"""The way of commands to the façade of a bridge that runs: where it listens, with the key that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from bridge.settings import BridgeSettings

#: Seconds that an answer may take; a dead letter's receiver has its own, shorter limit.
PATIENCE = 90.0
#: Seconds that a token of WA_JWT_SECRET lives: as long as one command.
TOKEN_LIFE = 300


class NoFacade(CodedError):
    """No bridge answers over HTTP."""

    code = "no_bridge"


class Answered(CodedError):
    """The façade said no; the code and sentence are its own."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class FacadeClient:
    def __init__(self, client: httpx.AsyncClient, data_dir: Path) -> None:
        self._client = client
        self._data_dir = data_dir

    async def ask(self, method: str, path: str, **query: Any) -> dict[str, Any]:
        """The JSON of an answer. Raises `NoFacade`, `Answered`."""
        import httpx

        try:
            answer = await self._client.request(method, path, params=query)
            told: dict[str, Any] = answer.json()
        except (httpx.TransportError, ValueError) as error:
            raise NoFacade(
                f"No bridge with HTTP runs on {self._data_dir}/, and none answers at {self._client.base_url}: start"
                " `wa up` or `wa bridge`, or set WA_DATA_DIR, or WA_HTTP_HOST and WA_HTTP_PORT, as they are there."
            ) from error
        if answer.is_success:
            return told
        if answer.status_code == 401:
            raise Answered("unauthorized", "This bridge asks for a key: set WHATSAPP_API_KEY to one with scope listen.")
        raise Answered(str(told.get("code")), str(told.get("detail")))


@asynccontextmanager
async def facade(settings: BridgeSettings) -> AsyncIterator[FacadeClient]:
    """The façade of the bridge with these settings. Raises `NoFacade` where HTTP is off."""
    import httpx

    async with httpx.AsyncClient(
        base_url=_find(settings),
        headers=_credential(settings),
        timeout=PATIENCE,
        trust_env=False,
        verify=False,  # noqa: S501 - plain HTTP; reading the authorities takes a tenth of a second
    ) as client:
        yield FacadeClient(client, settings.data_dir)


def _find(settings: BridgeSettings) -> str:
    """A port that is named counts; else the bridge that runs on the data directory, or the sandbox's, says its own."""
    from bridge.cli.http_file import base_url, read_http_json
    from bridge.cli.paths import SANDBOX

    if settings.http_port is None:
        raise NoFacade("WA_HTTP_PORT is off: a bridge with these settings has no webhooks and cannot be asked.")
    named = settings.http_port and "http_port" in settings.model_fields_set
    for place in () if named else (settings.data_dir, settings.data_dir / SANDBOX):
        if url := read_http_json(place):
            return url
    if not settings.http_port:
        raise NoFacade(f"No bridge with HTTP runs on {settings.data_dir}/: start `wa up` or `wa bridge` here.")
    return base_url(settings.http_host, settings.http_port)


def _credential(settings: BridgeSettings) -> dict[str, str]:
    if settings.api_key is not None:
        return {"x-api-key": settings.api_key.get_secret_value()}
    if settings.jwt_secret is None:
        return {}
    import time

    import jwt

    claims = {"sub": "wa", "aud": settings.jwt_audience, "exp": time.time() + TOKEN_LIFE, "scope": "listen"}
    return {"Authorization": f"Bearer {jwt.encode(claims, settings.jwt_secret.get_secret_value(), 'HS256')}"}
