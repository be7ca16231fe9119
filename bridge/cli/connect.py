"""Finds the broker (WA_MQTT_URL, else the private broker of WA_DATA_DIR) and connects to it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.broker.errors import BrokerDown
from bridge.cli.paths import SANDBOX, as_run
from bridge.client import Client, connect
from bridge.contract.errors import CodedError
from bridge.settings import BridgeSettings, load

if TYPE_CHECKING:
    from bridge.broker import BrokerAddress


class NoBroker(CodedError):
    """No broker is configured and no private one exists."""

    code = "no_broker"


@dataclass(frozen=True, slots=True)
class SessionClient:
    """A client, the session that the command addresses, and the names in WA_SESSIONS."""

    client: Client
    session: str
    configured: tuple[str, ...]


@asynccontextmanager
async def connect_session(session: str | None, name: str) -> AsyncIterator[SessionClient]:
    """Connect once: a person is waiting, so the first failure is raised. Raises StartError, NoBroker, BrokerError."""
    settings = load()
    addresses, reply_name = _find(settings, name)
    ca_file = str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None
    connection = connect(
        addresses,
        prefix=settings.mqtt_prefix,
        name=f"wa-{name}",
        protocol=settings.mqtt_protocol,
        ca_file=ca_file,
        reply_name=reply_name,
        connect_timeout=0,
    )
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(connection)
        except BrokerDown as error:
            if settings.addresses:
                raise
            raise NoBroker(
                f"The private broker of {settings.data_dir}/ does not answer: start `wa up` in this folder."
            ) from error
        names = as_run(settings).session_names
        yield SessionClient(client, session or names[0], names)


def _find(settings: BridgeSettings, name: str) -> tuple[tuple[BrokerAddress, ...], str | None]:
    if settings.addresses:
        return settings.addresses, None
    from bridge.ops.private_broker import read_broker_json

    # the sandbox's broker is tried when the real one does not answer
    folders = (settings.data_dir, settings.data_dir / SANDBOX)
    private = tuple(address for folder in folders if (address := read_broker_json(folder)))
    if not private:
        raise NoBroker(
            f"No broker found: start `wa up` here ({settings.data_dir}/ holds no broker.json), or set WA_MQTT_URL."
        )
    # all commands share one user of the private broker, which has no ACL: a unique topic level separates their replies
    return private, f"{name}-{uuid.uuid4().hex[:12]}"
