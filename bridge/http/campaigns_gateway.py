"""Passes requests on to the campaigns service, both ways in parts. It decides nothing: the routes check the scopes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import SecretStr
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bridge.http.credentials import Principal
from bridge.http.errors import CampaignsDown, NoCampaigns
from bridge.ports import Scope

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)
#: Seconds for a connection, and between two parts of an answer: planning a long list takes a while.
CONNECT, READ = 3.0, 120.0
#: The sessions that the caller may use, comma list.
SESSIONS_HEADER = "x-wa-sessions"
#: `no`: the caller may send and not read what people write.
ANSWERS_HEADER = "x-wa-answers"
_RETURNED = ("content-type", "content-disposition", "retry-after")


class CampaignsGateway:
    """`url` None: there is no campaigns service. `secret` is the one that both sides know."""

    def __init__(self, url: str | None, secret: SecretStr | None) -> None:
        self._url = url
        self._secret = secret
        self._client: httpx.AsyncClient | None = None

    @property
    def is_configured(self) -> bool:
        """Whether there is a campaigns service."""
        return self._url is not None

    async def forward(self, request: Request, caller: Principal) -> Response:
        """The service's answer to a request. Raises `NoCampaigns`, `CampaignsDown`."""
        import httpx  # 4 MB, for those who have campaigns

        if self._url is None:
            raise NoCampaigns
        if self._client is None:
            # trust_env: a proxy of the environment must not see what stays on this machine
            self._client = httpx.AsyncClient(timeout=httpx.Timeout(READ, connect=CONNECT), trust_env=False)
        headers = {"content-type": request.headers.get("content-type", "application/json")}
        if self._secret is not None:
            headers["x-api-key"] = self._secret.get_secret_value()
        if caller.sessions is not None:
            headers[SESSIONS_HEADER] = ",".join(sorted(caller.sessions))
        if not caller.may(Scope.LISTEN, None):
            headers[ANSWERS_HEADER] = "no"
        # as it was sent, not decoded: a `%2F` must stay within its part of the path
        path = request.scope["raw_path"] + (b"?" + query if (query := request.scope["query_string"]) else b"")
        url = httpx.URL(self._url).copy_with(raw_path=path)
        content = request.stream() if request.method in ("POST", "PUT") else None
        forwarded = self._client.build_request(request.method, url, headers=headers, content=content)
        try:
            answer = await self._client.send(forwarded, stream=True)
        except ClientDisconnect:
            return Response(status_code=400)  # no caller reads it
        except httpx.HTTPError as error:
            _log.warning("%s %s", type(error).__name__, error)
            raise CampaignsDown from error
        if answer.status_code in (401, 403):
            await answer.aclose()
            _log.error("The campaigns service refuses the bridge: WA_CAMPAIGNS_SECRET must be the same for both.")
            raise CampaignsDown(
                "The campaigns service refuses the bridge: WA_CAMPAIGNS_SECRET must be the same for both."
            )
        if answer.status_code == 204:
            await answer.aclose()
            return Response(status_code=204)
        kept = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
        return StreamingResponse(_parts(answer), answer.status_code, kept)

    async def close(self) -> None:
        """Close the connections to the service."""
        if self._client is not None:
            await self._client.aclose()


async def _parts(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()
