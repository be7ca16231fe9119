"""Calls of the bridge's paths for agents, as one key. Rights are decided there, not here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from bridge.contract.errors import CodedError

#: Seconds of a request beyond the time that it waits for a message.
TIMEOUT = 30.0


class BridgeRefusal(CodedError):
    """What the bridge answered in place of data; the text is its sentence."""

    code = "refused"


class AgentApi:
    """The paths of one session. `http` belongs to the caller."""

    def __init__(self, http: httpx.AsyncClient, session: str, key: str) -> None:
        self._http = http
        self._path = f"/v1/sessions/{quote(session, safe='')}/agent"
        self._headers = {"x-api-key": key}

    async def get(self, noun: str = "", *, wait: float | None = None, **query: Any) -> dict[str, Any]:
        """The JSON of a path. Raises `BridgeRefusal`."""
        given = {name: value for name, value in query.items() if value is not None}
        if wait is not None:
            given["wait"] = wait
        return await self._call("GET", noun, params=given, timeout=TIMEOUT + (wait or 0))

    async def get_send(self, send_id: str) -> dict[str, Any]:
        """What became of a send. Raises `BridgeRefusal`."""
        return await self.get(f"/sends/{quote(send_id, safe='')}")

    async def post(self, noun: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of the answer. Raises `BridgeRefusal`."""
        return await self._call("POST", noun, json=body, timeout=TIMEOUT)

    async def _call(self, method: str, noun: str, **more: Any) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, self._path + noun, headers=self._headers, **more)
        except httpx.TransportError as error:
            raise BridgeRefusal(
                f"The bridge at {self._http.base_url} does not answer ({type(error).__name__}): is it running, and is"
                " WA_MCP_URL its address?"
            ) from error
        try:
            data = answer.json()
        except ValueError as error:
            raise BridgeRefusal(
                f"The bridge answered {answer.status_code} without JSON: is WA_MCP_URL right?"
            ) from error
        if not answer.is_success:
            raise BridgeRefusal(str(data.get("detail") or f"The bridge answered {answer.status_code}."))
        found: dict[str, Any] = data
        return found
