"""How a service beside the bridge reaches the broker."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bridge.broker import BrokerAddress
from bridge.broker.messages import Protocol
from bridge.client.client import Client, connect


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """The arguments of `bridge.client.connect` that are the same for each connection of a service."""

    broker: str | Sequence[BrokerAddress]
    prefix: str = "wa"
    protocol: Protocol = "3.1.1"
    ca_file: str | None = None
    reply_name: str | None = None

    def connect(self, name: str) -> AbstractAsyncContextManager[Client]:
        """A connection that waits for the broker without a limit; `name` as for `connect`.

        Entering raises BadAddress, InvalidRequest, BrokerRefused.
        """
        return connect(
            self.broker,
            prefix=self.prefix,
            name=name,
            protocol=self.protocol,
            ca_file=self.ca_file,
            reply_name=self.reply_name,
            connect_timeout=None,
        )
