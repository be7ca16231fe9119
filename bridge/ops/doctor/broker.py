"""The broker: a connection, and the proof by delivery that what we publish arrives. SUBACK and PUBACK prove nothing."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from bridge.broker import BrokerAddress, BrokerConnection, BrokerError, BrokerOptions, BrokerRefused, connect
from bridge.contract.topics import Leaf, Topics
from bridge.ops.doctor.findings import Finding, fault, ok, warning

#: Seconds in which a message has to come back.
PATIENCE = 5.0
#: Milliseconds beyond which a broker is slow, wherever it is.
SLOW = 250.0
_ROUNDS = 9
_START = "Start `wa up`, or set WA_MQTT_URL to a broker of yours."


async def broker(options: BrokerOptions, topics: Topics, session: str, *, private: bool) -> AsyncIterator[Finding]:
    """Each address of the list: one that is only there for the worst case has to work then."""
    if not options.addresses:
        yield fault("broker", "None is configured, and no private one was ever started here.", _START)
        return
    for address in options.addresses:
        yield await _one(replace(options, addresses=(address,)), address, topics, session, private=private)
        for finding in _exposure(address):
            yield finding


async def _one(
    options: BrokerOptions, address: BrokerAddress, topics: Topics, session: str, *, private: bool
) -> Finding:
    where = address.masked
    try:
        async with connect(options) as connection:
            trips = await _trips(connection, topics.session(session, Leaf.REPLY, f"doctor-{uuid.uuid4().hex[:12]}"))
    except BrokerRefused as error:
        return fault("broker", error.text, "Correct WA_MQTT_URL; wa broker user add makes a user with the right role.")
    except BrokerError as error:
        advice = "It is private: start `wa up`, or set WA_MQTT_URL." if private else "Start the broker; see its log."
        return fault("broker", error.text, advice)
    except TimeoutError:
        return fault(
            "broker",
            f"{where} takes messages and does not deliver them, although it granted the subscription.",
            f"Its ACL keeps this user from {topics.prefix}/#: give it the role bridge, and see wa broker check.",
        )
    middle, longest = statistics.median(trips) * 1000, max(trips) * 1000
    what = f"{where} delivers in {middle:.1f} ms (longest of {len(trips)}: {longest:.1f} ms)."
    if middle > SLOW:
        return warning("broker", what, "Use a broker nearer to the bridge; every message waits for it.")
    return ok("broker", what)


async def _trips(connection: BrokerConnection, topic: str) -> list[float]:
    """Seconds from publish to delivery, one after the other. Raises TimeoutError when nothing comes."""
    await connection.subscribe(topic)
    deliveries = connection.deliveries()
    found = []
    for number in range(_ROUNDS):
        word = f"{number} {uuid.uuid4().hex}".encode()
        began = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            await connection.publish(topic, word)
            async for delivery in deliveries:
                connection.acknowledge(delivery)
                if delivery.payload == word:
                    break
        found.append(time.perf_counter() - began)
    return found


def _exposure(address: BrokerAddress) -> list[Finding]:
    """What anybody on the way could read or do."""
    found = []
    local = address.host in ("localhost", "::1") or address.host.startswith("127.")
    if not address.tls and not local:
        found.append(
            warning(
                "broker",
                f"{address.masked} is not encrypted: everyone on the way reads messages and password.",
                "Use mqtts://, or a tunnel.",
            )
        )
    if not address.username and not local:
        found.append(
            warning("broker", f"{address.masked} asks for no password.", "Set allow_anonymous false; wa broker init")
        )
    return found
