"""Malformed payloads between valid ones: on the command topics, and as messages from the page."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from bridge.broker import BrokerOptions, Publication, connect, parse_addresses
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.faults.payloads import FIELDS, poison
from tests.chaos.load import ANA, DARIO
from tests.chaos.rig import SESSION

#: Payloads per injection.
COUNT = 2_000
_TEXTS = (
    "",
    "x",
    "\x00",
    "\ud800",
    "ñ" * 200,
    "💥" * 50,
    "wa/haby/control",
    "../../etc",
    "0",
    "-1",
    "1e999",
    "null",
    "5491155500001",
    "5491155500001@c.us",
    "@",
    "a@b@c",
    "120363000000000001@g.us",
    "status@broadcast",
    "+ + +",
    "2026-01-01T00:00:00Z",
    "9999-99-99",
    "' OR 1=1 --",
    "{}",
    "[" * 200,
)


def any_value(rng: Random, depth: int = 0) -> Any:
    """A random JSON value."""
    match rng.randrange(9 if depth < 4 else 6):
        case 0:
            return None
        case 1:
            return rng.random() < 0.5
        case 2:
            return rng.choice((0, -1, 1, 2**31, 2**63, -(2**70), 10**30))
        case 3:
            return rng.choice((0.5, -1e308, 1e308, 1e-320))
        case 4 | 5:
            return rng.choice(_TEXTS)
        case 6:
            return [any_value(rng, depth + 1) for _ in range(rng.randrange(4))]
        case _:
            return {rng.choice(FIELDS): any_value(rng, depth + 1) for _ in range(rng.randrange(5))}


class PoisonOnTopics(Fault):
    """Malformed payloads on `out`, `out/<number>`, `replay` and `control`, between valid ones."""

    name = f"poison: {COUNT:,} generated payloads on out, control, replay"

    async def inject(self, scene: Scene) -> float | None:
        options = BrokerOptions(
            parse_addresses(scene.rig.broker.url("admin")), client_id=f"poison-{scene.rng.random()}", clean=True
        )
        # in a thread, because the event loop runs WhatsApp, reader and sender
        payloads = await asyncio.to_thread(poison, COUNT, scene.rng.getrandbits(32))
        assert len(payloads) > COUNT / 2  # hypothesis may generate fewer, but not that few
        async with connect(options) as connection:
            await connection.publish_all(Publication(f"wa/{SESSION}/{leaf}", payload) for leaf, payload in payloads)
        return None


class OddMessages(Fault):
    """Messages from the page with invalid fields, types and texts."""

    name = "poison: odd messages from the page"

    async def inject(self, scene: Scene) -> float | None:
        rng, world = scene.rng, scene.rig.world
        for number in range(25):
            fields: dict[str, Any] = {}
            for name in rng.sample(
                ("caption", "quotedMsg", "mentionedJidList", "lat", "size", "mimetype", "vcardList"), 2
            ):
                fields[name] = any_value(rng)
            if rng.random() < 0.3:
                fields["bodyUnits"] = [0xD800, 0x41, 0xDFFF][: rng.randrange(1, 4)]
            kind = rng.choice(("chat", "image", "location", "vcard", "poll_creation", "", "no_such_type", "ciphertext"))
            moment = rng.choice((None, None, 0, -5, 2**40))
            world.incoming(rng.choice((ANA, DARIO)), f"odd {number}", kind=kind, t=moment, fields=fields)
            scene.load.contact_writes(f"between {rng.random()} {number}")
        return None
