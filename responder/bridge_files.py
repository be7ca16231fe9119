"""Fetches the files of messages from the bridge, by the links that it publishes."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from responder.errors import FileFailed

#: Seconds that a file may take.
TIMEOUT = 30.0


async def fetch(url: str, limit: int) -> bytes:
    """The bytes of a file, `limit` at most. Raises FileFailed."""
    import httpx

    content = bytearray()
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            # reading the authorities takes 35 ms of CPU
            httpx.AsyncClient(trust_env=False, verify=not url.startswith("http:")) as http,
            http.stream("GET", url) as response,
        ):
            if response.status_code != httpx.codes.OK:
                is_transient = response.status_code >= 500 or response.status_code == 429
                raise FileFailed(f"the bridge answers {response.status_code} for its file", transient=is_transient)
            async for part in response.aiter_bytes():
                content += part
                if len(content) > limit:
                    raise FileFailed(f"its file has more than {limit:,} bytes", transient=False)
    except TimeoutError as error:
        raise FileFailed(f"its file did not come from the bridge within {TIMEOUT:g} s", transient=True) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        place = urlsplit(url).netloc
        text = f"its file cannot be fetched from {place} ({type(error).__name__}): set WA_PUBLIC_URL at the bridge"
        raise FileFailed(text, transient=True) from error
    return bytes(content)
