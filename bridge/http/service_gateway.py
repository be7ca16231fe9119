"""Passes requests on to a service beside the bridge, both ways in parts. The routes check the scopes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bridge.http.credentials import Principal
from bridge.http.errors import CampaignsDown, HttpError, NoCampaigns, NoResponder, ResponderDown
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


@dataclass(frozen=True, slots=True)
class ServiceBehind:
    """A service: `paths` are where its routes begin here and there; `secret_name` is the setting that both sides share.

    `absent` and `down` are the errors where there is none, and where it does not answer.
    """

    name: str
    secret_name: str
    absent: type[HttpError]
    down: type[HttpError]
    paths: tuple[str, str] = ("", "")


CAMPAIGNS = ServiceBehind("campaigns service", "WA_CAMPAIGNS_SECRET", NoCampaigns, CampaignsDown)
RESPONDER = ServiceBehind("responder", "WA_RESPONDER_SECRET", NoResponder, ResponderDown, ("/v1/responder", "/api"))


class ServiceGateway:
    """`url` None: the service does not run. `credential` makes the headers that it admits the bridge by."""

    def __init__(self, service: ServiceBehind, url: str | None, credential: Callable[[], Mapping[str, str]]) -> None:
        self._service = service
        self._url = url
        self._credential = credential
        self._client: httpx.AsyncClient | None = None

    @property
    def is_configured(self) -> bool:
        """Whether there is such a service."""
        return self._url is not None

    async def forward(self, request: Request, caller: Principal) -> Response:
        """The service's answer to a request. Raises the errors of `ServiceBehind`."""
        import httpx  # 4 MB, for those who have such a service

        service = self._service
        if self._url is None:
            raise service.absent
        if self._client is None:
            # trust_env: a proxy of the environment must not see what stays on this machine
            self._client = httpx.AsyncClient(timeout=httpx.Timeout(READ, connect=CONNECT), trust_env=False)
        headers = {"content-type": request.headers.get("content-type", "application/json")}
        headers |= {"accept": "application/json, application/problem+json", **self._credential()}
        if caller.sessions is not None:
            headers[SESSIONS_HEADER] = ",".join(sorted(caller.sessions))
        if not caller.may(Scope.LISTEN, None):
            headers[ANSWERS_HEADER] = "no"
        # as it was sent, not decoded: a `%2F` must stay within its part of the path
        here, there = service.paths
        path = there.encode() + request.scope["raw_path"].removeprefix(here.encode())
        path += b"?" + query if (query := request.scope["query_string"]) else b""
        url = httpx.URL(self._url).copy_with(raw_path=path)
        content = request.stream() if request.method in ("POST", "PUT") else None
        forwarded = self._client.build_request(request.method, url, headers=headers, content=content)
        try:
            answer = await self._client.send(forwarded, stream=True)
        except ClientDisconnect:
            return Response(status_code=400)  # no caller reads it
        except httpx.HTTPError as error:
            _log.warning("%s %s", type(error).__name__, error)
            raise service.down from error
        if answer.status_code in (401, 403):
            await answer.aclose()
            text = f"The {service.name} refuses the bridge: {service.secret_name} must be the same for both."
            _log.error("%s", text)
            raise service.down(text)
        if answer.status_code == 204:
            await answer.aclose()
            return Response(status_code=204)
        kept = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
        if answer.status_code >= 400:
            kept["content-type"] = "application/problem+json"
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
