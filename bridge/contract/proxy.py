"""The proxy through which a session's browser reaches the internet. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

#: Scheme -> the port that Chromium takes where none is named.
SCHEMES = {"http": 80, "https": 443, "socks5": 1080}
_EXAMPLE = "write for example http://user:password@proxy.example:3128 or socks5://proxy.example:1080"


@dataclass(frozen=True, slots=True)
class Proxy:
    """`server` is `scheme://host:port`. Its text never contains the password; `address` does."""

    server: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    address: str = field(default="", repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an address. Raises ValueError, whose text does not repeat it: it may contain a password."""
        text = text.strip()
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"the proxy's address cannot be read: {_EXAMPLE}") from error
        if parts.scheme not in SCHEMES or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError(f"the proxy's address must be http://, https:// or socks5:// and a host: {_EXAMPLE}")
        if parts.scheme == "socks5" and parts.username is not None:
            raise ValueError(
                "Chromium cannot log in to a SOCKS proxy: use the http:// or https:// address of the same proxy, or let"
                " it recognise this machine by its address"
            )
        server = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or SCHEMES[parts.scheme]}"
        user = None if parts.username is None else unquote(parts.username)
        return cls(server, user, None if parts.password is None else unquote(parts.password), text)

    def __str__(self) -> str:
        """The address for people: the password is masked."""
        if self.user is None:
            return self.server
        scheme, _, rest = self.server.partition("://")
        return f"{scheme}://{self.user}{'' if self.password is None else ':***'}@{rest}"
