"""The responder's switches over MQTT: caches its retained configurations, publishes requests and awaits them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from pydantic import ValidationError
from typing_extensions import override

from bridge.broker import BrokerConnection, BrokerError, BrokerOptions, keep_connected
from bridge.contract.bot import BotConfig, BotSwitch
from bridge.contract.errors import NotConnected
from bridge.contract.topics import Topics
from bridge.mqtt.limits import MqttLimits
from bridge.ports import BotSwitches

_log = logging.getLogger(__name__)
_NO_RESPONDER = "No responder has confirmed it. Check that the responder runs and is connected to the broker."


class RetainedSwitches(BotSwitches):
    """Uses its own broker connection. `timeout`: seconds for the responder to confirm a switch. `clients` are asked by
    their exact topics too: RabbitMQ delivers no retained messages for wildcards."""

    def __init__(
        self, options: BrokerOptions, topics: Topics, clients: Iterable[int], *, timeout: float = MqttLimits().switch
    ) -> None:
        self._options = options
        self._topics = topics
        self._filters = (topics.bot_config(), *(topics.bot_config(cliente_id) for cliente_id in sorted(set(clients))))
        self._timeout = timeout
        self._configs: dict[int, BotConfig] = {}
        self._connection: BrokerConnection | None = None
        self._changed = asyncio.Condition()

    @override
    def config(self, cliente_id: int) -> BotConfig | None:
        return self._configs.get(cliente_id)

    @override
    async def switch(self, cliente_id: int, bot_activo: int) -> BotConfig:
        if self._connection is None:
            raise NotConnected("The broker is not connected, so the responder cannot be reached.")
        before = self._configs.get(cliente_id)
        try:
            async with asyncio.timeout(self._timeout), self._changed:
                await self._connection.publish(
                    self._topics.bot_switch(cliente_id), BotSwitch(bot_activo=bot_activo).model_dump_json()
                )
                await self._changed.wait_for(lambda: self._confirms(cliente_id, bot_activo, before))
        except (TimeoutError, BrokerError) as error:
            raise NotConnected(_NO_RESPONDER) from error
        return self._configs[cliente_id]

    async def run(self) -> None:
        """Follow the retained configurations until cancelled."""
        await keep_connected(self._options, self._follow, on_down=self._down)

    async def _follow(self, connection: BrokerConnection) -> None:
        self._connection = connection
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connection.subscribe(*self._filters), name="switches subscribe")
                async for delivery in connection.deliveries():
                    await self._take(delivery.payload)
                    connection.acknowledge(delivery)
        finally:
            self._connection = None

    async def _take(self, payload: bytes) -> None:
        if not payload:
            return
        try:
            config = BotConfig.model_validate_json(payload)
        except ValidationError:
            _log.warning("Ignored an invalid retained configuration of the responder.")
            return
        async with self._changed:
            self._configs[config.cliente_id] = config
            self._changed.notify_all()

    def _confirms(self, cliente_id: int, bot_activo: int, before: BotConfig | None) -> bool:
        config = self._configs.get(cliente_id)
        return config is not None and config is not before and config.bot_activo == bot_activo

    def _down(self, error: BrokerError, pause: float) -> None:
        _log.debug("switches: %s Retrying in %.1f s.", error.text, pause)
