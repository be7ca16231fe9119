"""Publishes for a session, and decides what becomes of a message that the broker refuses by its PUBACK (MQTT 5).

A topic that is forbidden, or a quota, meets every message: it is tried until the broker takes it, and the status says
so meanwhile. Any other refusal may be of one message: after a few tries it is published without its content, or left
out. It stays in the store, where HTTP reads it, and what is behind it goes on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable

from bridge.broker import BrokerConnection, BrokerRefused, MessageRefused, Publication
from bridge.contract.backoff import Backoff
from bridge.mqtt.progress import MqttProgress

_log = logging.getLogger(__name__)
#: Further tries where it is not known whether the message or the moment is refused.
TRIES = 3
#: Reason codes that meet each message of the topic: not authorized, topic name invalid, quota exceeded.
_OF_THE_TOPIC = frozenset({0x87, 0x90, 0x97})
_PAYLOAD_FORMAT_INVALID = 0x99


class SessionPublisher:
    """The publications of one session on one connection."""

    def __init__(self, session: str, connection: BrokerConnection, progress: MqttProgress, retry: Backoff) -> None:
        """`retry` has the pauses between two tries of what is refused."""
        self._session = session
        self._retry = retry
        self.connection = connection
        self._progress = progress

    async def retain(self, topic: str, payload: bytes | str) -> None:
        """Publish retained. What is refused is reported and dropped: the next one has the newest state."""
        try:
            await self.connection.publish(topic, payload, retain=True)
        except MessageRefused as refused:
            self._note(topic, refused)
        else:
            self._note_taken(topic)

    async def publish_all(
        self, messages: Iterable[Publication], shorten: Callable[[str], str] | None = None, *, waits: bool = True
    ) -> None:
        """Publish at QoS 1; returns when the broker has taken, or finally refused, all of them.

        `shorten` makes an item without its content. Without `waits` nothing is tried again as it is, and MessageRefused
        is raised where the topic is refused. Raises BrokerDown.
        """
        refusals = await self.connection.publish_all(messages)
        while refusals:
            (message, refused), *others = refusals
            goes_again = await self._settle(message, refused, shorten, waits=waits)
            refusals = await self.connection.publish_all(other for other, _ in others) if goes_again else others

    async def subscribe(self, *topic_filters: str, qos: int) -> bool:
        """Returns whether the broker allows it; a refusal is reported."""
        name = topic_filters[0]
        try:
            await self.connection.subscribe(*topic_filters, qos=qos)
        except BrokerRefused as refused:
            self._note(name, refused)
            return False
        self._note_taken(name)
        return True

    async def _settle(
        self, message: Publication, refused: MessageRefused | None, shorten: Callable[[str], str] | None, *, waits: bool
    ) -> bool:
        """Whether the broker took it as it is: then it may take those behind it."""
        topic, body, failures = message.topic, str(message.payload), 0
        while refused is not None:
            of_topic = refused.reason in _OF_THE_TOPIC
            if of_topic and not waits:
                raise refused
            if waits and (of_topic or (refused.reason != _PAYLOAD_FORMAT_INVALID and failures < TRIES)):
                failures += 1
                self._note(topic, refused)
                await asyncio.sleep(self._retry.pause(failures))
            elif shorten is not None:
                _log.warning("%s: %s %s goes without its content.", self._session, refused.text, _number(body))
                body, shorten = shorten(body), None
            else:
                what = f"{topic} {_number(body)}"
                _log.error("%s: %s is not published: %s HTTP has it.", self._session, what, refused.text)
                break
            refused = await self._refusal(topic, body)
        self._note_taken(topic)
        return body == message.payload and refused is None

    async def _refusal(self, topic: str, body: str) -> MessageRefused | None:
        try:
            await self.connection.publish(topic, body)
        except MessageRefused as refused:
            return refused
        return None

    def _note(self, topic: str, refused: BrokerRefused) -> None:
        if self._progress.refused(topic, refused.text):
            _log.error("%s: %s", self._session, refused.text)

    def _note_taken(self, topic: str) -> None:
        if self._progress.taken(topic):
            _log.info("%s: the broker takes %s again", self._session, topic)


def _number(body: str) -> str:
    """What identifies an item or a notice in the log."""
    fields = json.loads(body)
    return str(fields.get("seq") or fields.get("event_seq") or fields.get("id"))
