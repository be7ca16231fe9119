"""Whether there is a newer release. The product asks nowhere by itself: only at an address that the operator set."""

from __future__ import annotations

import asyncio
import json
import logging
import re

from bridge.contract.errors import CodedError

#: The installed package, whose version this is about.
DISTRIBUTION = "whatsapp-mqtt-bridge"
_log = logging.getLogger(__name__)
#: Seconds between two questions, and for one. Bytes of an answer: an index lists the files of every release.
EVERY, TIMEOUT, MOST = 86_400.0, 10.0, 8_000_000
_RELEASE = re.compile(r"\d{1,9}(\.\d{1,9}){0,3}")


class ReleasesUnreachable(CodedError):
    """The address does not answer, or with something else than a release."""

    code = "releases_unreachable"
    transient = True


async def newest_release(url: str) -> str:
    """The version at `info.version` of a JSON, as package indexes serve it. Raises `ReleasesUnreachable`."""
    import httpx  # 4 MB, for those who ask

    read = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT), httpx.AsyncClient() as client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                read += part
                if len(read) > MOST:
                    raise ReleasesUnreachable(f"WA_RELEASES answers with more than {MOST} bytes.")
        found = json.loads(read)["info"]["version"]
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise ReleasesUnreachable(f"WA_RELEASES does not answer ({type(error).__name__}).") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ReleasesUnreachable("WA_RELEASES answers without info.version.") from error
    if not isinstance(found, str) or _RELEASE.fullmatch(found) is None:
        raise ReleasesUnreachable("WA_RELEASES names no release.")
    return found


def is_newer(found: str, installed: str) -> bool:
    """Whether release 1.10 comes after 1.9. Pure."""
    return _numbers(found) > _numbers(installed)


def _numbers(version: str) -> list[int]:
    release = _RELEASE.match(version)
    numbers = [int(part) for part in release[0].split(".")] if release else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


class ReleaseWatch:
    """`newer` is a release after the installed one, None as long as none is known."""

    def __init__(self, url: str | None, installed: str) -> None:
        """`url` None: nothing is asked."""
        self._url = url
        self._installed = installed
        self.newer: str | None = None

    async def run(self) -> None:
        """Ask at once and once a day, until cancelled."""
        while self._url is not None:
            try:
                found = await newest_release(self._url)
            except ReleasesUnreachable as error:
                _log.info("%s", error)
            else:
                self.newer = found if is_newer(found, self._installed) else None
            await asyncio.sleep(EVERY)
