"""The item that a test of a webhook posts: it has the form of any other, and no person's address. Pure."""

from __future__ import annotations

from bridge.contract.events import EventBody
from bridge.contract.jid import Jid, Server
from bridge.contract.messages import MessageBody, Stream, in_stream
from bridge.contract.payload import instant
from bridge.ports import MESSAGE, WebhookFilter

#: The sender: WhatsApp's own address, to which nothing can be sent, so that an answer to it reaches no phone.
SENDER = str(Jid("0", Server.USER))


def example_of(chosen: WebhookFilter, session: str, cliente_id: int, epoch: str, now: float) -> tuple[Stream, bytes]:
    """The stream and the body of an item that the filter includes: a message if it can be one, else an event."""
    kinds = sorted(kind.removeprefix(f"{MESSAGE}.") for kind in chosen.kinds if kind.startswith(f"{MESSAGE}."))
    if MESSAGE in chosen.kinds or kinds:
        message = MessageBody(
            id=f"false_{SENDER}_TEST{int(now * 1000):X}",
            from_=SENDER,
            chat=SENDER,
            author=SENDER,
            body="This is a test of the webhook.",
            type="chat",
            kind="text" if MESSAGE in chosen.kinds else kinds[0],
            timestamp=int(now),
            cliente_id=cliente_id,
            notify_name="Test",
            late=False,
        )
        return Stream.IN, in_stream(Stream.IN, session, epoch, 0, message.to_json()).encode()
    event = EventBody(kind=min(chosen.kinds), at=instant(now))
    return Stream.EVENT, in_stream(Stream.EVENT, session, epoch, 0, event.to_json()).encode()
