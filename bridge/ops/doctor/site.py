"""The way to WhatsApp Web, step by step as a browser takes it: name, connection, TLS, answer. And the site's clock."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bridge.ops.doctor.findings import Finding, fault, ok, warning

#: Seconds that each step may take.
PATIENCE = 10.0
#: Seconds by which clocks may differ: the site tells whole seconds, and the answer takes its time.
SKEW = 5.0
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


class _Stopped(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


async def site(url: str, *, now: float | None = None) -> AsyncIterator[Finding]:
    """Whether `url` can be reached, up to an answer, and whether our clock agrees with its."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    began = time.monotonic()
    try:
        addresses = await _resolve(host, port)
        reader, writer = await _connect(host, port, addresses, tls=tls)
        try:
            path = parts.path or "/"
            named = f"[{host}]" if ":" in host else host
            head = await _ask(reader, writer, f"{named}:{parts.port}" if parts.port else named, path)
        finally:
            writer.close()
    except _Stopped as stopped:
        yield stopped.finding
        return
    took = time.monotonic() - began
    status, date = _status(head), _header(head, "date")
    if status is None or status >= 400:
        said = f"HTTP {status}" if status else "something that is not HTTP"
        yield fault(
            "site",
            f"{host} answers {said}.",
            "Look at it in a browser on this network; a proxy may stand between.",
        )
    elif 300 <= status < 400 and _header(head, "location"):
        where = urlsplit(_header(head, "location") or "").hostname or host
        yield warning("site", f"{host} sends us on to {where} (HTTP {status}).", "Check WA_WEB_URL.")
    else:
        yield ok("site", f"{host} answers HTTP {status} in {took * 1000:.0f} ms ({', '.join(addresses[:2])}).")
    if date is not None:
        yield clock(date, time.time() if now is None else now)


def clock(date: str, now: float) -> Finding:
    """Our clock (unix seconds) against a Date header. Pure."""
    try:
        ahead = now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return warning("clock", f"The site's Date header cannot be read ({date[:40]!r}).", "Check the clock by hand.")
    if abs(ahead) <= SKEW:
        return ok("clock", "Agrees with the site's.")
    return warning(
        "clock",
        f"This machine is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the site's clock:"
        " times to live, heartbeats and tokens are judged wrongly.",
        "Switch on time synchronisation: timedatectl set-ntp true",
    )


async def _resolve(host: str, port: int) -> list[str]:
    try:
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise _Stopped(fault("site", f"No name server answers for {host}.", "Check /etc/resolv.conf.")) from None
    except OSError as error:
        raise _Stopped(
            fault("site", f"The name {host} cannot be resolved ({error.strerror}).", "Check the internet and DNS.")
        ) from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


async def _connect(
    host: str, port: int, addresses: list[str], *, tls: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context() if tls else None
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.open_connection(host, port, ssl=context, happy_eyeballs_delay=0.25)
    except ssl.SSLCertVerificationError as error:
        finding = fault(
            "site",
            f"The certificate of {host} cannot be trusted ({error.verify_message}).",
            "A proxy that opens TLS stands between, or the clock or the package ca-certificates is old.",
        )
    except ssl.SSLError as error:
        finding = fault("site", f"{host} does not speak TLS as we do ({error.reason}).", "Check WA_WEB_URL.")
    except TimeoutError:
        finding = fault(
            "site",
            f"{host} port {port} does not answer within {PATIENCE:g} s ({', '.join(addresses[:3])}).",
            "A firewall drops it: allow it out, or use another network.",
        )
    except OSError as error:
        why = error.strerror or str(error)
        finding = fault("site", f"{host} port {port} refuses the connection ({why}).", "Check internet and WA_WEB_URL.")
    raise _Stopped(finding)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {_AGENT}", "Accept: text/html", "Connection: close"]
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write("\r\n".join([*lines, "", ""]).encode())
            return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return bytes(error.partial)
    except (TimeoutError, OSError, asyncio.LimitOverrunError) as error:
        raise _Stopped(
            fault("site", f"{host} took the request and gave no answer.", "Try again; a proxy may stand between.")
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
