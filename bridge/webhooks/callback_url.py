"""The form of a callback URL, and the addresses that it may resolve to. Pure.

The bridge posts to URLs that callers give it: without these rules any caller could reach the network that it runs in
(SSRF). A URL is checked when it is registered, and the address again at each connection, since the name may resolve to
another address by then (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Self
from urllib.parse import urlsplit

from bridge.contract.details import InvalidDetail
from bridge.contract.errors import InvalidRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
MAX_URL = 2048
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
#: What some resolvers read as an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1, 127.1.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
#: IPv6 ranges that carry an IPv4 address in their last 32 bits: NAT64, and the deprecated "compatible" form.
_CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class CallbackUrl:
    """A callback URL in its normal form; two spellings of one URL are one webhook."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str, *, noun: str = "callback URL") -> Self:
        """Parse a URL. Raises `InvalidRequest`, which says what is wrong with the `noun`."""
        if len(text) > MAX_URL:
            raise InvalidRequest(f"The {noun} is longer than {MAX_URL:,} characters.", detail=InvalidDetail.URL_INVALID)
        if not text.isascii() or not text.isprintable() or any(c in text for c in ' \\"<>^`{|}'):
            raise InvalidRequest(
                f"The {noun} contains characters that must be encoded (%20, xn--…).",
                detail=InvalidDetail.URL_INVALID,
            )
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise InvalidRequest(f"The {noun} is not a valid URL.", detail=InvalidDetail.URL_INVALID) from error
        if parts.scheme not in _PORTS:
            raise InvalidRequest(f"The {noun} must begin with http:// or https://.", detail=InvalidDetail.URL_SCHEME)
        if "@" in parts.netloc:
            raise InvalidRequest(
                f"The {noun} must not contain a user or password.", detail=InvalidDetail.URL_CREDENTIALS
            )
        if "#" in text:
            raise InvalidRequest(f"The {noun} must not contain a fragment (#).", detail=InvalidDetail.URL_FRAGMENT)
        if port == 0:
            raise InvalidRequest(f"The {noun} must not use port 0.", detail=InvalidDetail.URL_INVALID)
        host = _check_host(parts.hostname or "", noun)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], target)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """Host and port, as the header `Host` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The host, where it is an IP address."""
        return _address(self.host)


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """Which addresses and names webhooks may reach.

    An address in `networks` is allowed under any name. A name in `names` (`*.example.com`: every name below it) may
    resolve to public addresses. Everything else is refused; the port that the façade listens on always is.
    """

    networks: tuple[Network, ...] = _LOOPBACK
    names: frozenset[str] = frozenset()
    text: str = field(default="loopback", compare=False)
    #: Whether every public address may be reached.
    public: bool = False
    #: For sentences: what is sent there, and the setting.
    what: str = field(default="Webhooks", compare=False)
    setting: str = field(default="WA_CALLBACK_HOSTS", compare=False)

    @classmethod
    def of_files(cls, text: str) -> Self:
        """Parse WA_MEDIA_HOSTS: as `parse`, and `public` for every public address. Raises `InvalidRequest`."""
        parts = [part.strip() for part in text.split(",")]
        rules = cls.parse(",".join(part for part in parts if part.lower() != "public"))
        public = any(part.lower() == "public" for part in parts)
        return replace(rules, text=text.strip(), public=public, what="Requests for files", setting="WA_MEDIA_HOSTS")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse WA_CALLBACK_HOSTS: `loopback`, addresses, networks and names, comma list. Raises `InvalidRequest`."""
        networks: list[Network] = []
        names: set[str] = set()
        written: list[str] = []
        for part in filter(None, (piece.strip().lower() for piece in text.split(","))):
            if part in ("loopback", "localhost"):
                networks += _LOOPBACK
                continue
            if "://" in part:
                raise InvalidRequest(f"{part!r} is a URL: write only its host, as in loopback,10.0.0.0/24,crm.example.")
            with suppress(ValueError):
                networks.append(ipaddress.ip_network(part, strict=False))
                written.append(part)
                continue
            if "/" in part:
                raise InvalidRequest(f"{part!r} is not a network, such as 10.0.0.0/8, and a host has no path.")
            if ":" in part or "[" in part:
                raise InvalidRequest(f"{part!r} has a port or brackets: write only the host; every port is allowed.")
            wildcard = "*." if part.startswith("*.") else ""
            names.add(wildcard + _check_name(part.removeprefix("*.")))
        for part in written:
            _check_form(part)
        return cls(tuple(networks), frozenset(names), text.strip())

    def __str__(self) -> str:
        return self.text

    def names_host(self, host: str) -> bool:
        """Whether a host name is listed."""
        if host in self.names:
            return True
        labels = host.split(".")
        return any(f"*.{'.'.join(labels[start:])}" in self.names for start in range(1, len(labels)))

    def allow(self, host: str, address: Address) -> bool:
        """Whether `host`, which resolved to `address`, may be reached."""
        reached = carried(address)
        if any(reached in network for network in self.networks if network.version == reached.version):
            return True
        return (self.public or self.names_host(host)) and reached.is_global and not reached.is_multicast

    def refusal(self, host: str, addresses: Iterable[Address]) -> str | None:
        """Why `host` with these addresses must not be reached, or None. One forbidden address is enough."""
        for address in addresses:
            if not self.allow(host, address):
                return f"{self.what} must not go to {host}: {address} is not in {self.setting}."
        return None


def _check_name(text: str) -> str:
    """A host name in the form in which those of URLs are compared."""
    try:
        name = _check_host(text)
    except InvalidRequest as error:
        raise InvalidRequest(f"{text!r} is not a host name, such as crm.example or *.crm.example.") from error
    if name.rpartition(".")[2][0].isdigit():  # as in 10.0.0.5-20
        raise InvalidRequest(f"{text!r} is neither a host name nor an address; write a range as 10.0.0.0/24.")
    return name


def _check_form(text: str) -> None:
    """Raises `InvalidRequest` for a network of notations of IPv4 addresses: these are compared as what they mean."""
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen and carried(network.network_address).version == 4:
        raise InvalidRequest(f"{text!r} holds notations of IPv4 addresses: write these as IPv4, 10.0.0.0/24.")


def carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 address is a notation of or a route to; any other address as it is."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    if any(address in network for network in _CARRIERS) and int(address) > 0xFFFF:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _check_host(host: str, noun: str = "callback URL") -> str:
    if "%" in host:
        raise InvalidRequest(f"The {noun} contains a network interface (%).", detail=InvalidDetail.URL_INVALID)
    if ":" in host:
        try:
            return str(IPv6Address(host))
        except ValueError as error:
            raise InvalidRequest(
                f"The {noun} contains an invalid IP address.", detail=InvalidDetail.URL_INVALID
            ) from error
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidRequest(f"The {noun} has no valid host name.", detail=InvalidDetail.URL_INVALID)
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except ValueError as error:
            raise InvalidRequest(f"The {noun} uses a non-standard IPv4 notation; use four decimal numbers.") from error
    return name


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
