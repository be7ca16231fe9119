"""Who opted out with the responder, read over HTTP. Every failure is "not now"."""

from __future__ import annotations

import logging

from pydantic import SecretStr

_log = logging.getLogger(__name__)
TIMEOUT = 10.0


class ResponderHttp:
    """The responder beside which the service runs, with the secret that both share."""

    def __init__(self, url: str | None, secret: SecretStr | None) -> None:
        self._url = url
        self._headers = {} if secret is None else {"x-api-key": secret.get_secret_value()}

    @property
    def is_configured(self) -> bool:
        """Whether there is a responder to ask."""
        return self._url is not None

    async def opted_out(self) -> list[str] | None:
        """The addresses of all those who opted out with the responder; None where it cannot be asked."""
        if self._url is None:
            return None
        import httpx  # with rich, for those who have a responder

        url = f"{self._url}/api/opted-out"
        try:
            # reading the authorities takes 35 ms of CPU
            verified = not url.startswith("http:")
            async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=verified) as client:
                answer = await client.get(url, headers=self._headers)
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # it is starting, or waits for its database
                _log.info("%s is not ready.", url)
                return None
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            _log.warning("%s cannot be read: %s. Set WA_CAMPAIGNS_RESPONDER, WA_RESPONDER_SECRET.", url, error)
            return None
        return [str(name) for name in found.get("people") or []] if isinstance(found, dict) else None
