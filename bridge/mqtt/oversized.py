"""What a session publishes instead of an item or a result that is larger than the broker takes in one packet.

The whole stays in the journal and is read over HTTP. Without this file one long text ends every connection, and nothing
behind it is ever published.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence

from bridge.broker import BrokerConnection, Publication
from bridge.contract.errors import TooLarge
from bridge.contract.messages import Stream, in_stream, without_content
from bridge.contract.topics import Leaf
from bridge.core.results import error_info
from bridge.ports import NewNotice, Notice

_log = logging.getLogger(__name__)
#: Fields of a result that repeat what the client wrote, and have its length.
_REPEATED = ("meta", "transaction", "topic")


def fitting_items(
    connection: BrokerConnection,
    topic: str,
    stream: Stream,
    session: str,
    epoch: str,
    items: Sequence[tuple[int, str]],
) -> Iterator[Publication]:
    """Stored items as they are published on `topic`: without content where the broker does not take the whole.

    Where even that is too large, an item is left out: readers see the gap in its seq.
    """
    for seq, body in items:
        item = in_stream(stream, session, epoch, seq, body)
        if not connection.takes(topic, item):
            _log.warning(
                "%s: %s %d is published without its content, which the broker does not take", session, stream, seq
            )
            item = without_content(stream, item)
        if connection.takes(topic, item):
            yield Publication(topic, item)
        else:
            _log.error("%s: %s %d is not published: even its head is more than the broker takes", session, stream, seq)


def fitting_notice(connection: BrokerConnection, topic: str, notice: Notice | NewNotice) -> str:
    """A result as it is published: without the fields that repeat the command where the broker does not take them.

    A response goes without its data then, and says so.
    """
    body = notice.body
    if connection.takes(topic, body):
        return body
    fields = {name: value for name, value in json.loads(body).items() if name not in _REPEATED}
    if notice.leaf == Leaf.RESPONSE:
        too_large = TooLarge(f"The answer has {len(body):,} characters, which is more than the broker takes.")
        fields |= {"data": None, "error": error_info(too_large).model_dump(mode="json", exclude_none=True)}
    else:
        fields["oversized"] = len(body.encode())
    return json.dumps(fields, ensure_ascii=False)
