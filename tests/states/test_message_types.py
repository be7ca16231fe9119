"""Every message type of WhatsApp Web through the real wa-js: what a session publishes, and what it does not."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from bridge.contract.kinds import RECEIVED
from bridge.contract.messages import MessageContent, Stream
from bridge.contract.session import SessionState
from tests.drivers.test_kinds import golden
from tests.drivers.worlds import ANA, WebWorld
from tests.states.conftest import Live, LiveSession

#: Kind and case of each message that is published.
CASES = [(kind.kind, case) for kind in RECEIVED for case in golden(kind.kind)["received"]]


def receive_all(web: WebWorld) -> None:
    for model in [*golden("system")["system"], *(case["model"] for _, case in CASES)]:
        fields = {name: value for name, value in model.items() if name not in ("type", "body")}
        web.sandbox.world.incoming(ANA, model.get("body", ""), kind=model["type"], fields=fields)


def check(published: list[dict[str, Any]], *, late: bool) -> None:
    assert [(item["kind"], item["type"]) for item in published] == [(kind, c["model"]["type"]) for kind, c in CASES]
    for item, (kind, case) in zip(published, CASES, strict=True):
        content = MessageContent.model_validate({name: item.get(name) for name in MessageContent.model_fields})
        found = content.model_dump(exclude_none=True)
        # how far the download is; what has neither hash nor size is only described, and has no state
        state = found.get("media", {}).pop("state", None)
        has_file = content.media is not None and (content.media.sha256 or content.media.size) is not None
        assert (state is not None) is has_file, item
        assert found == {"body": "", **case["content"]}, item
        assert ("raw" in item, item["late"], item["notify_name"]) == (kind == "unknown", late, "Ana")


async def test_every_type_is_published_as_its_kind_or_is_no_message(live: Live, web: WebWorld) -> None:
    async with live(paired=True) as life:
        receive_all(web)
        check(await life.inbox(len(CASES)), late=False)
    receive_all(web)  # for the catch-up
    async with live() as life:
        await life.reach(SessionState.CONNECTED)
        check((await life.inbox(2 * len(CASES)))[len(CASES) :], late=True)
        # the revoked message of the history is one deletion, also when it comes twice; each log of a call is a call,
        # and each notice of a group a change of it
        await until_events(life, ["call", "call", "group", "group", "revoke", "undecrypted", "undecrypted"])


async def until_events(life: LiveSession, expected: list[str]) -> None:
    """Wait for these kinds of events (sorted), without those about files; fails if they are others after 5 seconds."""
    kinds: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while kinds != expected:
                events = await life.store.journal.read(Stream.EVENT, 0, 100)
                kinds = sorted(kind for _, body in events.items if (kind := json.loads(body)["kind"]) != "media")
                await asyncio.sleep(0.05)
    assert kinds == expected
