"""Fetches the files of commands, from the addresses that the settings allow.

Each redirect is checked as the URL is. Size and time are bounded while the bytes come; nothing is decompressed.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message
from urllib.parse import quote, urldefrag, urljoin

import httpcore
from typing_extensions import override

from bridge.contract.details import FileDetail
from bridge.contract.errors import InvalidRequest, MediaUnavailable, TooLarge
from bridge.ports import Failure, FetchedFile, FetchesFiles, FileNotFetched
from bridge.webhooks.callback_url import CallbackRules, CallbackUrl
from bridge.webhooks.checked_network import CheckedNetwork
from bridge.webhooks.failures import POST_ERRORS, ForbiddenAddress, answer_to

REDIRECTS = 5
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
#: Failures whose name says what the sender needs; of others the detail does.
_CLEAR = {
    Failure.TIMED_OUT: FileDetail.TIMED_OUT,
    Failure.HOST_UNKNOWN: FileDetail.HOST_UNKNOWN,
    Failure.CONNECTION_REFUSED: FileDetail.CONNECTION_REFUSED,
}
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


class FileFetcher(FetchesFiles):
    """`timeout`: seconds for a whole file."""

    def __init__(self, rules: CallbackRules, *, own_port: int | None, timeout: float = 60.0) -> None:
        self._network = CheckedNetwork(rules, own_port)
        self._timeout = timeout
        self._tls: ssl.SSLContext | None = None

    @override
    @asynccontextmanager
    async def fetch(self, url: str, limit: int) -> AsyncIterator[FetchedFile]:
        until = asyncio.get_running_loop().time() + self._timeout
        connection, response = await self._follow(url, until)
        try:
            size = _header(response, b"content-length")
            if size and size.isdigit() and int(size) > limit:
                raise TooLarge(f"The file has {int(size):,} bytes.")
            kind = _TYPE.match(_header(response, b"content-type") or "")
            yield FetchedFile(_parts(response, until), kind and kind[0], _filename(response))
        finally:
            await connection.aclose()

    async def _follow(self, url: str, until: float) -> tuple[httpcore.AsyncHTTPConnection, httpcore.Response]:
        for _ in range(REDIRECTS + 1):
            try:
                target = CallbackUrl.parse(_encoded(url), noun="URL of the file")
            except InvalidRequest as error:
                raise MediaUnavailable(error.text) from error
            connection, response = await self._request(target, until)
            if response.status == 200 and _header(response, b"content-encoding") in (None, "identity"):
                return connection, response
            await connection.aclose()
            location = _header(response, b"location")
            if response.status not in _REDIRECTING or location is None:
                raise FileNotFetched(
                    f"The URL of the file answered with status {response.status}.", detail=FileDetail.STATUS
                )
            url = urljoin(str(target), location)
        raise FileNotFetched(f"The URL of the file redirects more than {REDIRECTS} times.")

    async def _request(self, url: CallbackUrl, until: float) -> tuple[httpcore.AsyncHTTPConnection, httpcore.Response]:
        headers = {"Host": url.authority, "User-Agent": "whatsapp-mqtt-bridge", "Accept": "*/*"}
        request = httpcore.Request(
            "GET", str(url), headers=[*headers.items(), ("Accept-Encoding", "identity"), ("Connection", "close")]
        )
        if url.scheme == "https" and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        connection = httpcore.AsyncHTTPConnection(
            request.url.origin, ssl_context=self._tls, network_backend=self._network
        )
        try:
            async with asyncio.timeout_at(until):
                return connection, await connection.handle_async_request(request)
        except ForbiddenAddress as error:
            await connection.aclose()
            raise MediaUnavailable(error.text) from error
        except POST_ERRORS as error:
            await connection.aclose()
            raise _not_fetched(error) from error
        except BaseException:
            await connection.aclose()
            raise


async def _parts(response: httpcore.Response, until: float) -> AsyncIterator[bytes]:
    stream = response.aiter_stream()
    while True:
        try:
            async with asyncio.timeout_at(until):
                part = await anext(stream, None)
        except POST_ERRORS as error:
            raise _not_fetched(error) from error
        if part is None:
            return
        yield part


def _not_fetched(error: Exception) -> FileNotFetched:
    answer = answer_to(error)
    why = str(answer.failure).replace("_", " ")
    detail = "" if answer.failure in _CLEAR else f" ({answer.detail})"
    code = None if answer.failure is None else _CLEAR.get(answer.failure)
    return FileNotFetched(f"The URL of the file cannot be fetched: {why}{detail}.", detail=code)


def _encoded(url: str) -> str:
    return quote(urldefrag(url).url, safe="%/:=&?~+!$,;'@()*[]")


def _header(response: httpcore.Response, name: bytes) -> str | None:
    found = next((value for key, value in response.headers if key.lower() == name), None)
    return None if found is None else found.decode("latin-1").strip()


def _filename(response: httpcore.Response) -> str | None:
    """The name that the server gives, without folders."""
    message = Message()
    message["content-disposition"] = _header(response, b"content-disposition") or ""
    name = _NOT_IN_A_NAME.split(message.get_filename() or "")[-1][:255]
    return name if name.strip(". ") else None
