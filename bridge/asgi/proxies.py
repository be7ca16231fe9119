"""The proxies that an operator names, and what they say of a client. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Self

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


@dataclass(frozen=True, slots=True)
class Proxies:
    """Addresses of the proxies in front of a server; none by default."""

    networks: tuple[_Network, ...] = ()
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `loopback`, addresses and networks, comma list. Raises ValueError."""
        networks: list[_Network] = []
        for part in filter(None, (piece.strip().lower() for piece in text.split(","))):
            if part == "loopback":
                networks += _LOOPBACK
                continue
            try:
                networks.append(ipaddress.ip_network(part, strict=False))
            except ValueError:
                raise ValueError(f"{part!r} is not an address or network; write for example loopback") from None
        return cls(tuple(networks), text.strip())

    def __contains__(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.networks if network.version == parsed.version)

    def __str__(self) -> str:
        return self.text

    def client(self, forwarded: str) -> str | None:
        """The client in a header X-Forwarded-For: the last address that is no proxy. None for what is no address."""
        for part in reversed(forwarded.split(",")):
            try:
                parsed = ipaddress.ip_address(part.strip())
            except ValueError:
                return None
            if getattr(parsed, "scope_id", None):  # which may hold any character
                return None
            address = str(parsed)
            if address not in self:
                return address
        return None
