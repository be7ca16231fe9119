"""Broker URLs, parsed and printed. Pure: opens nothing, resolves no name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

Scheme = Literal["mqtt", "mqtts", "ws", "wss"]

DEFAULT_PORTS: dict[str, int] = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}

# The path that the MQTT specification's websocket examples, mosquitto, EMQX and RabbitMQ's proxies agree on.
DEFAULT_WEBSOCKET_PATH = "/mqtt"

_FORM = "mqtt://user:password@host:1883 (or mqtts://, ws://, wss://)"


class BadAddress(ValueError):
    """A broker URL that cannot be used; the sentence says why and never contains the password."""


@dataclass(frozen=True)
class BrokerAddress:
    """One broker. `path` is set for websockets only."""

    scheme: Scheme
    host: str
    port: int
    username: str | None = None
    password: SecretStr | None = None
    path: str | None = None

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """Read `scheme://[user[:password]@]host[:port][/path]`; user and password are percent-decoded.

        Raises BadAddress.
        """
        text = url.strip()
        shown = _without_credentials(text)
        if "://" not in text:
            raise BadAddress(f"{shown!r} is not a broker address: it must look like {_FORM}.")
        if re.search(r"://.*[/\[\]].*@", text) and not text.lower().startswith("ws"):
            raise BadAddress(f"{shown!r} has / [ or ] before its @: in a password write / as %2F, [ as %5B, ] as %5D.")
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise BadAddress(f"{shown!r} has no host: it must look like {_FORM}.") from error
        if parts.scheme not in DEFAULT_PORTS:
            raise BadAddress(f"{shown!r} has the unknown scheme {parts.scheme!r}: it must look like {_FORM}.")
        if parts.query or parts.fragment or "?" in text or "#" in text:
            raise BadAddress(f"{shown!r} contains ? or #: in a password write them as %3F and %23.")
        try:
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise BadAddress(f"{shown!r} has no usable port: it must be a number from 1 to 65535.") from error
        if not host or re.search(r"[\s,]", host):
            raise BadAddress(f"{shown!r} has no host: it must look like {_FORM}.")
        if port == 0:
            raise BadAddress(f"{shown!r} has no usable port: it must be a number from 1 to 65535.")
        username = unquote(parts.username) if parts.username else None
        if parts.password is not None and username is None:
            raise BadAddress(f"{shown!r} has a password but no user: MQTT 3.1.1 forbids that.")
        path = parts.path if parts.path not in ("", "/") else None
        websocket = parts.scheme in ("ws", "wss")
        if path and not websocket:
            raise BadAddress(f"{shown!r} has a path: only ws:// and wss:// addresses have one.")
        return cls(
            scheme=cast("Scheme", parts.scheme),
            host=host,
            port=port or DEFAULT_PORTS[parts.scheme],
            username=username,
            password=None if parts.password is None else SecretStr(unquote(parts.password)),
            path=(parts.path if parts.path not in ("", "/") else DEFAULT_WEBSOCKET_PATH) if websocket else None,
        )

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme in ("mqtts", "wss")

    @property
    def credentials(self) -> tuple[str, str]:
        """User and password in plain text, empty if there is none."""
        return self.username or "", self.password.get_secret_value() if self.password else ""

    @property
    def masked(self) -> str:
        """The URL for logs and messages, without the password."""
        return self._url("***")

    def reveal(self) -> str:
        """The URL with its password: for a file that only its owner can read, never for a log."""
        return self._url(quote(self.password.get_secret_value(), safe="") if self.password else "")

    def _url(self, password: str) -> str:
        credentials = ""
        if self.username is not None:
            credentials = quote(self.username, safe="")
            credentials += f":{password}@" if self.password is not None else "@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{credentials}{host}:{self.port}{self.path or ''}"


def parse_addresses(text: str) -> tuple[BrokerAddress, ...]:
    """Read a comma list of broker URLs, to be tried in this order. Raises BadAddress."""
    # A comma that no scheme follows may belong to a password.
    pieces = re.split(r",\s*(?=[A-Za-z]+://)", text.strip().rstrip(", "))
    return tuple(BrokerAddress.parse(piece) for piece in pieces)


def _without_credentials(text: str) -> str:
    """The text with everything masked that may be a password: a URL that does not parse may still contain one."""
    scheme, separator, rest = text.partition("://") if "://" in text else ("", "", text)
    rest = re.sub(r"^.*@", "***@", rest, flags=re.DOTALL)
    return scheme + separator + re.sub(r"(?<!\[):(?!\d+(/|$))(?![^\[]*\]).*$", ":***", rest, flags=re.DOTALL)
