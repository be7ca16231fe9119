"""Finds the broker and joins it as the settings say: WA_MQTT_URL, else the private broker of WA_DATA_DIR."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.cli.paths import SANDBOX
from bridge.client import Client, connect
from bridge.contract.errors import CodedError
from bridge.settings import BridgeSettings, load

if TYPE_CHECKING:
    from bridge.broker import BrokerAddress


class NoBroker(CodedError):
    """Neither a configured broker nor a private one."""

    code = "no_broker"


@dataclass(frozen=True, slots=True)
class SessionClient:
    """A client, and the session that the command is about."""

    client: Client
    session: str


@asynccontextmanager
async def join(session: str | None, name: str) -> AsyncIterator[SessionClient]:
    """Connect. Raises StartError, NoBroker, BrokerError: a person waits, so the first failure is told at once."""
    settings = load()
    addresses, reply_name = _find(settings, name)
    ca_file = str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None
    async with connect(
        addresses,
        prefix=settings.mqtt_prefix,
        name=f"wa-{name}",
        protocol=settings.mqtt_protocol,
        ca_file=ca_file,
        reply_name=reply_name,
        connect_timeout=0,
    ) as client:
        yield SessionClient(client, session or settings.sessions[0].name)


def _find(settings: BridgeSettings, name: str) -> tuple[tuple[BrokerAddress, ...], str | None]:
    if settings.addresses:
        return settings.addresses, None
    from bridge.ops.private_broker import read_broker_json

    # the sandbox's broker is tried where the real one does not answer
    places = (settings.data_dir, settings.data_dir / SANDBOX)
    private = tuple(address for place in places if (address := read_broker_json(place)))
    if not private:
        raise NoBroker(
            f"No broker is known: start `wa up` here ({settings.data_dir}/ holds none), or set WA_MQTT_URL to yours."
        )
    # all commands are one user of the private broker, which has no ACL: a level of our own keeps answers apart
    return private, f"{name}-{uuid.uuid4().hex[:12]}"
