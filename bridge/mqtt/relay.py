"""Publishes the journal and the notices, each with a durable cursor that moves only past what has a PUBACK.

At least once: what was published but not yet recorded when the process dies is published again. It is recorded with the
next commit, as one for itself would cost more than the publish. Readers detect a repetition by `seq`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from bridge.broker import BrokerConnection, Publication
from bridge.contract.messages import Stream, trace_of, without_content
from bridge.contract.topics import Leaf, Topics
from bridge.mqtt.oversized import fitting_items, fitting_notice
from bridge.mqtt.progress import MqttProgress
from bridge.mqtt.publisher import SessionPublisher
from bridge.ports import MQTT_READER, Journal, NewNotice, Notice, Outbox

_log = logging.getLogger(__name__)
#: Items per read; the connection's window pipelines their PUBACKs, and the cursor moves after the last.
PAGE = 200


async def relay_stream(
    stream: Stream,
    session: str,
    journal: Journal,
    topics: Topics,
    publisher: SessionPublisher,
    progress: MqttProgress,
    ahead: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Publish a stream of the journal from its cursor, `ahead` of other work. Raises BrokerDown."""
    topic = topics.inbound(session) if stream is Stream.IN else topics.event(session)
    sent = await journal.cursor(MQTT_READER, stream)
    while True:
        progress.note(stream, sent)
        page = await journal.read(stream, sent, PAGE)
        if not page.items:
            await journal.wait_beyond(stream, sent)
            continue
        items = fitting_items(publisher.connection, topic, stream, session, journal.epoch, page.items)
        with ahead():
            await publisher.publish_all(items, partial(without_content, stream))
        sent = page.items[-1][0]
        await journal.move_cursor(MQTT_READER, stream, sent)
        if _log.isEnabledFor(logging.DEBUG):
            for seq, body in page.items:
                _log_published(session, f"{stream} {seq}", trace_of(json.loads(body)))


async def relay_notices(session: str, outbox: Outbox, topics: Topics, publisher: SessionPublisher) -> None:
    """Publish results and acks in order, each also on its reply topic. Raises BrokerDown when the connection ends."""
    sent = 0
    while True:
        notices = await outbox.unpublished(sent, PAGE)
        if not notices:
            await outbox.wait_notices(sent)
            continue
        await publisher.publish_all(
            publication
            for notice in notices
            for publication in publications(notice, session, topics, publisher.connection)
        )
        sent = notices[-1].number
        await outbox.published([notice.number for notice in notices])
        if _log.isEnabledFor(logging.DEBUG):
            for notice in notices:
                body = json.loads(notice.body)
                _log_published(session, f"{notice.leaf} {body.get('status') or body.get('ack')}", body.get("id"))


def _log_published(session: str, what: str, trace: str | None) -> None:
    _log.debug("%s: %s has its PUBACK", session, what, extra={"session": session, "trace": trace})


def publications(
    notice: Notice | NewNotice, session: str, topics: Topics, connection: BrokerConnection
) -> list[Publication]:
    """A notice on its topic, and on the reply topic of who asked; a response may be refused on both."""
    topic, reply_to = topics.session(session, Leaf(notice.leaf)), notice.reply_to
    body = fitting_notice(connection, topic, notice)
    result = Publication(topic, body, may_be_refused=notice.leaf == Leaf.RESPONSE)
    if reply_to is None:
        return [result]
    topic = topics.reply(session, reply_to.client)
    return [result, Publication(topic, body, reply_to.correlation, may_be_refused=True)]
