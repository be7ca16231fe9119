"""What is read over HTTP: the bridge's outbox, and the responder's opt-outs. Every failure is "not now"."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
from pydantic import SecretStr

_log = logging.getLogger(__name__)
TIMEOUT = 10.0
PAGE = 500


class BridgeHttp:
    """The HTTP servers beside which the service runs, with the key that all of them share."""

    def __init__(self, bridge_url: str, responder_url: str | None, key: SecretStr | None) -> None:
        self._bridge_url = bridge_url
        self._responder_url = responder_url
        self._headers = {} if key is None else {"x-api-key": key.get_secret_value()}

    @property
    def has_responder(self) -> bool:
        """Whether a responder is configured."""
        return self._responder_url is not None

    async def sends(self, session: str, since: float) -> AsyncIterator[dict[str, Any]]:
        """The outbox of a session, newest first, back to what was claimed before `since`."""
        before: int | None = None
        while True:
            query = {"limit": PAGE} | ({} if before is None else {"before": before})
            found = await self._get(f"{self._bridge_url}/v1/sessions/{session}/sends", query)
            page = (found or {}).get("sends") or []
            for send in page:
                yield send
            if len(page) < PAGE or datetime.fromisoformat(page[-1]["claimed_at"]).timestamp() < since:
                return
            before = page[-1]["number"]

    async def opted_out(self) -> list[str]:
        """The addresses of those who opted out with the responder; empty where there is none."""
        if self._responder_url is None:
            return []
        found = await self._get(f"{self._responder_url}/api/opted-out", {})
        return [str(name) for name in (found or {}).get("people") or []]

    async def _get(self, url: str, query: dict[str, Any]) -> dict[str, Any] | None:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
                answer = await client.get(url, params=query, headers=self._headers)
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # it is starting, or waits for its database
                _log.info("%s is not ready.", url)
                return None
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            _log.warning("%s cannot be read: %s. Set WA_CAMPAIGNS_BRIDGE, WHATSAPP_API_KEY.", url, error)
            return None
        return found if isinstance(found, dict) else None
