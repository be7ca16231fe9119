"""Connections whose address is checked: the name is resolved, the address checked, and that same address connected to.

No later answer of a name server can change it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore

from bridge.contract.details import InvalidDetail
from bridge.webhooks.callback_url import Address, CallbackRules
from bridge.webhooks.failures import ForbiddenAddress


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """For an HTTP client. `own_port` of this machine is never reached."""

    def __init__(self, rules: CallbackRules, own_port: int | None) -> None:
        self._rules = rules
        self._own_port = own_port
        self._backend = httpcore.AnyIOBackend()

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, all of them allowed. Raises `ForbiddenAddress`, or `OSError` where it has none."""
        found = await _resolve(host, port)
        if refusal := self._rules.refusal(host, found):
            raise ForbiddenAddress(refusal, detail=InvalidDetail.URL_FORBIDDEN)
        if port == self._own_port and any(map(_is_own, found)):
            refusal = f"{self._rules.what} must not go to the bridge itself."
            raise ForbiddenAddress(refusal, detail=InvalidDetail.URL_OF_THE_BRIDGE)
        return found

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that accepts the connection."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await self.addresses(host, port):
            try:
                return await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except httpcore.NetworkError as error:
                failure = error
        raise failure


async def _resolve(host: str, port: int) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(address[0]) for *_, address in found))


def _is_own(address: Address) -> bool:
    """Whether an address belongs to this machine: only those can be bound."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
