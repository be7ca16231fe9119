"""Calls that are rejected by themselves: rejected once, answered once, whatever is repeated."""

from __future__ import annotations

import pytest

from bridge.contract.errors import StartError
from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.core.call_policy import CallPolicy
from bridge.ports import IncomingEvent
from bridge.settings import load
from tests.core.commands import ANA
from tests.core.conftest import SessionHarness

GROUP = "120363000000000001@g.us"
TEXT = "No atendemos llamadas: escribinos."


def call(call_id: str, action: str = "offered", chat: str = ANA) -> IncomingEvent:
    fields = {"call_id": call_id, "action": action, "video": False}
    return IncomingEvent("call", f"{call_id}:{action}", 1_000_000, Jid.parse(chat), fields, Jid.parse(ANA))


async def test_calls_are_only_reported_where_nothing_else_is_set(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.event(call("A"))
    [event] = await harness.stream(Stream.EVENT, 1)
    assert (event["kind"], event["call_id"], event["action"], event["video"]) == ("call", "A", "offered", False)
    assert event["person"]
    assert harness.phone.changes == []
    seen = IncomingEvent("presence", "p", 1_000_000, Jid.parse(ANA), {"presence": "offline", "last_seen": 1_000_000})
    harness.phone.event(seen)
    [_, event] = await harness.stream(Stream.EVENT, 2)
    assert (event["presence"], event["last_seen"]) == ("offline", "1970-01-12T13:46:40.000Z")


async def test_a_call_is_rejected_and_answered_once(harness: SessionHarness) -> None:
    harness.calls = CallPolicy.parse(TEXT)
    await harness.start()
    harness.phone.event(call("A"))
    harness.phone.event(call("A"))  # the page announces it again
    harness.phone.event(call("A", "rejected"))
    harness.phone.event(call("B", chat=GROUP))
    await harness.until(lambda: [sent.text for sent in harness.phone.sent] == [TEXT])
    await harness.until(lambda: {one.arguments["call_id"] for one in harness.phone.changes} == {"A", "B"})
    await harness.again()
    harness.phone.event(call("A"))
    harness.phone.event(call("C"))
    await harness.until(lambda: len(harness.phone.sent) == 2)
    assert [str(sent.key.remote) for sent in harness.phone.sent] == [ANA, ANA]
    assert [sent.times for sent in harness.phone.sent] == [1, 1]
    kinds = [(event["kind"], event.get("action")) for event in await harness.stream(Stream.EVENT, 6)]
    assert kinds.count(("call", "offered")) == 3


def test_the_setting_says_off_on_or_the_text() -> None:
    assert load().reject_calls == CallPolicy()
    assert load(reject_calls="on").reject_calls == CallPolicy(reject=True)
    assert load(reject_calls=f" {TEXT} ").reject_calls == CallPolicy(reject=True, text=TEXT)
    with pytest.raises(StartError, match="WA_REJECT_CALLS"):
        load(reject_calls="a" * 65_537)
