"""Commands to the bridge over MQTT: parsed, carried out, answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bridge.broker import BrokerConnection, BrokerError, Delivery
from bridge.contract.commands import parse_json
from bridge.contract.controls import ControlStatus
from bridge.contract.errors import CodedError, InternalError, RetainedCommand
from bridge.contract.payload import instant
from bridge.contract.session_changes import BridgeCommand, BridgeControlResult
from bridge.contract.topics import Topics
from bridge.core.results import error_info
from bridge.ports import Clock

_log = logging.getLogger(__name__)
#: Carries out a command; returns what a person should know of it. Raises `CodedError`.
CarriesOut = Callable[[BridgeCommand], Awaitable[str | None]]


class BridgeControl:
    """Answers each command on the topic beside it; an answer that the connection takes along is not repeated."""

    def __init__(self, carry_out: CarriesOut, topics: Topics, clock: Clock) -> None:
        self._carry_out = carry_out
        self._topics = topics
        self._clock = clock

    async def answer(self, connection: BrokerConnection, instance: str, delivery: Delivery) -> None:
        """Carry out one delivery and publish its result. A retained one is refused, an empty one ignored."""
        if not delivery.payload:
            return
        command: BridgeCommand | None = None
        text: str | None = None
        error: CodedError | None = None
        try:
            command = parse_json(BridgeCommand, delivery.payload)
            if delivery.retain:
                raise RetainedCommand
            text = await self._carry_out(command)
        except CodedError as raised:
            error = raised
        except Exception:  # noqa: BLE001 - the bridge's status goes on
            _log.exception("a command to the bridge failed")
            error = InternalError()
        result = BridgeControlResult(
            instance=instance,
            id=command.id if command else None,
            action=command.action if command else None,
            session=command.session if command else None,
            status=ControlStatus.FAILED if error else ControlStatus.DONE,
            text=text,
            error=None if error is None else error_info(error),
            at=instant(self._clock.now()),
        )
        with suppress(BrokerError):
            await connection.publish(self._topics.bridge_result(instance), result.to_json())
