"""Reachability of WhatsApp Web, in a browser's steps: name, connection, TLS, response. Also compares the clocks."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bridge.contract.findings import Finding, fault, ok, warning

#: Timeout of each step in seconds.
STEP_TIMEOUT = 10.0
#: Tolerated clock difference in seconds: the site sends whole seconds, and the response takes time.
CLOCK_TOLERANCE = 5.0
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


class _CheckFailed(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


async def site(url: str, *, now: float | None = None, step_timeout: float = STEP_TIMEOUT) -> AsyncIterator[Finding]:
    """Whether `url` sends a response, and whether this machine's clock agrees with the site's."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    started = time.monotonic()
    try:
        addresses = await _resolve(host, port, step_timeout)
        reader, writer = await _connect(host, port, addresses, step_timeout, tls=tls)
        try:
            path = parts.path or "/"
            name = f"[{host}]" if ":" in host else host
            authority = f"{name}:{parts.port}" if parts.port else name
            head = await _request(reader, writer, authority, path, step_timeout)
        finally:
            writer.close()
    except _CheckFailed as failed:
        yield failed.finding
        return
    seconds = time.monotonic() - started
    status, date = _status(head), _header(head, "date")
    if status is None or status >= 400:
        answer = f"HTTP {status}" if status else "something that is not HTTP"
        yield fault(
            "site",
            f"{host} answers {answer}.",
            "Open it in a browser on this network; a proxy may intercept the connection.",
        )
    elif 300 <= status < 400 and _header(head, "location"):
        target = urlsplit(_header(head, "location") or "").hostname or host
        yield warning("site", f"{host} redirects to {target} (HTTP {status}).", "Check WA_WEB_URL.")
    else:
        yield ok("site", f"{host} answers HTTP {status} in {seconds * 1000:.0f} ms ({', '.join(addresses[:2])}).")
    if date is not None:
        yield clock(date, time.time() if now is None else now)


def clock(date: str, now: float) -> Finding:
    """This machine's clock (unix seconds) against a Date header. Pure."""
    try:
        ahead = now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return warning("clock", f"The site's Date header is invalid ({date[:40]!r}).", "Check the clock manually.")
    if abs(ahead) <= CLOCK_TOLERANCE:
        return ok("clock", "Agrees with the site's.")
    return warning(
        "clock",
        f"This machine is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the site's clock:"
        " times to live, heartbeats and tokens are evaluated wrongly.",
        "Enable time synchronisation: timedatectl set-ntp true",
    )


async def _resolve(host: str, port: int, timeout: float) -> list[str]:
    try:
        async with asyncio.timeout(timeout):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise _CheckFailed(fault("site", f"No name server answers for {host}.", "Check /etc/resolv.conf.")) from None
    except OSError as error:
        raise _CheckFailed(
            fault(
                "site",
                f"The name {host} cannot be resolved ({error.strerror}).",
                "Check the internet connection and DNS.",
            )
        ) from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


async def _connect(
    host: str, port: int, addresses: list[str], timeout: float, *, tls: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context() if tls else None
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.open_connection(host, port, ssl=context, happy_eyeballs_delay=0.25)
    except ssl.SSLCertVerificationError as error:
        finding = fault(
            "site",
            f"The certificate of {host} cannot be trusted ({error.verify_message}).",
            "A proxy intercepts TLS, or the clock is wrong, or the package ca-certificates is outdated.",
        )
    except ssl.SSLError as error:
        finding = fault("site", f"The TLS handshake with {host} failed ({error.reason}).", "Check WA_WEB_URL.")
    except TimeoutError:
        finding = fault(
            "site",
            f"{host} port {port} does not answer within {timeout:g} s ({', '.join(addresses[:3])}).",
            "A firewall drops the connection: allow it, or use another network.",
        )
    except OSError as error:
        why = error.strerror or str(error)
        finding = fault(
            "site",
            f"{host} port {port} refuses the connection ({why}).",
            "Check the internet connection and WA_WEB_URL.",
        )
    raise _CheckFailed(finding)


async def _request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str, timeout: float
) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {_AGENT}", "Accept: text/html", "Connection: close"]
    try:
        async with asyncio.timeout(timeout):
            writer.write("\r\n".join([*lines, "", ""]).encode())
            return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return bytes(error.partial)
    except (TimeoutError, OSError, asyncio.LimitOverrunError) as error:
        raise _CheckFailed(
            fault(
                "site",
                f"{host} accepted the request but sent no response.",
                "Try again; a proxy may intercept the connection.",
            )
        ) from error


def _status(head: bytes) -> int | None:
    words = head.split(b"\r\n", 1)[0].split()
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else None


def _header(head: bytes, name: str) -> str | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.encode():
            return value.strip().decode("latin-1")
    return None
