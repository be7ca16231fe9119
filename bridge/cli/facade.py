"""HTTP client for the façade of a running bridge: finds its address, authenticates.

It signs in with the configured key, else with the one that the bridge on the data directory keeps there for commands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from bridge.settings import BridgeSettings

#: Response timeout in seconds; delivering a dead letter has its own, shorter one.
TIMEOUT = 90.0
#: Lifetime in seconds of a token signed with WA_JWT_SECRET: it serves one command.
TOKEN_LIFETIME = 300


class NoFacade(CodedError):
    """No bridge answers over HTTP."""

    code = "no_bridge"


class UnknownOutcome(CodedError):
    """The façade took a request that changes something, and did not answer. An upload changes nothing by itself."""

    code = "outcome_unknown"


class FacadeRefused(CodedError):
    """The façade answered with an error; code and text are the façade's."""

    def __init__(self, code: str, text: str, *, transient: bool = False) -> None:
        super().__init__(text)
        self.code, self.transient = code, transient


class FacadeClient:
    def __init__(self, client: httpx.AsyncClient, data_dir: Path, scope: str) -> None:
        self._scope = scope
        self._client = client
        self._data_dir = data_dir

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """The JSON response; `body` is sent as JSON. Raises `NoFacade`, `UnknownOutcome`, `FacadeRefused`."""
        return await self._answer(method, path, acts=method != "GET", params=query, json=body)

    async def upload(self, sha256: str, offset: int, parts: AsyncIterator[bytes]) -> dict[str, Any]:
        """Upload the rest of a file. Raises `NoFacade`, `FacadeRefused`."""
        headers = {"Content-Type": "application/octet-stream"}
        query = {"sha256": sha256, "offset": offset}
        return await self._answer("POST", "/v1/media", params=query, content=parts, headers=headers)

    async def send_file(self, path: str, parts: AsyncIterator[bytes], **query: Any) -> dict[str, Any]:
        """Post a file as it is. Raises `NoFacade`, `FacadeRefused`."""
        headers = {"Content-Type": "application/octet-stream"}
        return await self._answer("POST", path, params=query, content=parts, headers=headers)

    async def text(self, path: str) -> bytes:
        """The body of an answer that is not JSON. Raises `NoFacade`, `FacadeRefused`."""
        import httpx

        try:
            response = await self._client.get(path)
        except httpx.TransportError as error:
            raise NoFacade(self._silent) from error
        if response.is_success:
            return response.content
        raise FacadeRefused(str(response.status_code), response.text[:300])

    async def save(self, path: str, target: Path, sha256: str) -> None:
        """Download a file to `target`. Raises `FileNotSaved`."""
        from bridge.cli.saved_files import save

        await save(self._client, path, target, sha256)

    @property
    def _silent(self) -> str:
        return f"The bridge at {self._client.base_url} does not answer."

    async def _answer(self, method: str, path: str, *, acts: bool = False, **options: Any) -> dict[str, Any]:
        import httpx

        try:
            response = await self._client.request(method, path, **options)
            answer: dict[str, Any] = {} if response.status_code == 204 else response.json()
        except (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError) as error:
            if not acts:
                raise NoFacade(self._silent) from error
            raise UnknownOutcome(f"{self._silent} It may have been carried out: look before you repeat it.") from error
        except (httpx.TransportError, ValueError) as error:
            raise NoFacade(
                f"No bridge with HTTP runs on {self._data_dir}/, and none answers at {self._client.base_url}: start"
                " `wa up` or `wa bridge`, or set WA_DATA_DIR, or WA_HTTP_HOST and WA_HTTP_PORT, to the bridge's values."
            ) from error
        if response.is_success:
            return answer
        if response.status_code == 401:
            raise FacadeRefused(
                "unauthorized",
                f"This bridge requires a key: set WHATSAPP_API_KEY to one with scope {self._scope}. `wa key create NAME"
                f" --scope {self._scope}` makes one where the bridge runs; with WA_DATA_DIR there, no key is needed.",
            )
        transient = answer.get("transient") is True
        raise FacadeRefused(str(answer.get("code")), str(answer.get("detail")), transient=transient)


@asynccontextmanager
async def facade(
    settings: BridgeSettings, *, scope: str = "listen", beside: bool = False
) -> AsyncIterator[FacadeClient]:
    """The façade of the bridge that runs on this data directory, or at the port that is set.

    `beside`: for a service with a data directory of its own, which expects the bridge at the default port. Raises
    `NoFacade` where none runs, or HTTP is off.
    """
    import httpx

    url, key = _find(settings, beside=beside)
    async with httpx.AsyncClient(
        base_url=url,
        headers=_credential(settings, scope, key),
        timeout=TIMEOUT,
        trust_env=False,
        verify=False,  # noqa: S501 - plain HTTP; loading the CA certificates takes 0.1 s
    ) as client:
        yield FacadeClient(client, settings.data_dir, scope)


def _find(settings: BridgeSettings, *, beside: bool) -> tuple[str, str | None]:
    """The address of the configured port, else of the bridge on the data directory or of the sandbox in it; and the
    key of its commands, which goes to that bridge alone."""
    from bridge.cli.http_file import base_url, read_command_key, read_http_json
    from bridge.cli.paths import SANDBOX

    if settings.http_port is None:
        raise NoFacade("WA_HTTP_PORT is off: a bridge with these settings has no webhooks and no HTTP API.")
    configured = settings.http_port and "http_port" in settings.model_fields_set
    wanted = base_url(settings.http_host, settings.http_port) if configured else None
    for folder in (settings.data_dir, settings.data_dir / SANDBOX):
        url = read_http_json(folder)
        if url is not None and wanted in (None, url):
            return url, read_command_key(folder)
    if wanted is None and beside and settings.http_port:
        wanted = base_url(settings.http_host, settings.http_port)
    if wanted is None:
        raise NoFacade(
            f"No bridge with HTTP runs on {settings.data_dir}/{_unreadable(settings.data_dir)}: start `wa up` or"
            " `wa bridge` here, or set WA_DATA_DIR to the running bridge's, or WA_HTTP_PORT to its port."
        )
    return wanted, None


def _unreadable(data_dir: Path) -> str:
    """The bridge of a service runs as a user of its own."""
    import os

    return ", as far as this user can read there" if data_dir.exists() and not os.access(data_dir, os.X_OK) else ""


def _credential(settings: BridgeSettings, scope: str, key: str | None) -> dict[str, str]:
    if settings.api_key is not None:
        key = settings.api_key.get_secret_value()
    if key is not None:
        return {"x-api-key": key}
    if settings.jwt_secret is None:
        return {}
    import time

    import jwt

    claims = {"sub": "wa", "aud": settings.jwt_audience, "exp": time.time() + TOKEN_LIFETIME, "scope": scope}
    return {"Authorization": f"Bearer {jwt.encode(claims, settings.jwt_secret.get_secret_value(), 'HS256')}"}
