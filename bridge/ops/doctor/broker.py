"""The broker: connects, and checks by delivery that a published message arrives. SUBACK and PUBACK prove nothing."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from bridge.broker import BrokerAddress, BrokerConnection, BrokerError, BrokerOptions, BrokerRefused, connect
from bridge.contract.findings import Finding, fault, ok, warning
from bridge.contract.topics import Topics

#: Seconds within which a message must come back.
DELIVERY_TIMEOUT = 5.0
#: Round trip in milliseconds above which a broker is too slow.
SLOW = 250.0
_ROUNDS = 9
_START = "Start `wa up`, or set WA_MQTT_URL to your broker."


async def broker(options: BrokerOptions, topics: Topics, session: str, *, private: bool) -> AsyncIterator[Finding]:
    """Check each address of the list: a fallback broker must work as well."""
    if not options.addresses:
        yield fault("broker", "None is configured, and no private broker was ever started here.", _START)
        return
    for address in options.addresses:
        yield await _check_address(replace(options, addresses=(address,)), address, topics, session, private=private)
        for finding in _exposure(address):
            yield finding


async def _check_address(
    options: BrokerOptions, address: BrokerAddress, topics: Topics, session: str, *, private: bool
) -> Finding:
    where = address.masked
    try:
        async with connect(options) as connection:
            level = f"doctor-{uuid.uuid4().hex[:12]}"
            await _round_trips(connection, topics.replay(session, level))
            round_trips = await _round_trips(connection, topics.reply(session, level))
    except BrokerRefused as error:
        return fault(
            "broker", error.text, "Correct WA_MQTT_URL; wa broker user add creates a user with the right role."
        )
    except BrokerError as error:
        advice = (
            "It is the private broker: start `wa up`, or set WA_MQTT_URL."
            if private
            else "Start the broker; see its log."
        )
        return fault("broker", error.text, advice)
    except TimeoutError:
        return fault(
            "broker",
            f"{where} accepts messages but does not deliver them, although it granted the subscription.",
            f"Its ACL denies this user {topics.prefix}/#: give it the role bridge, and see wa broker check.",
        )
    middle, longest = statistics.median(round_trips) * 1000, max(round_trips) * 1000
    what = f"{where} delivers in {middle:.1f} ms (longest of {len(round_trips)}: {longest:.1f} ms)."
    if middle > SLOW:
        return warning("broker", what, "Use a broker closer to the bridge: this adds to the delay of every message.")
    return ok("broker", what)


async def _round_trips(connection: BrokerConnection, topic: str) -> list[float]:
    """Seconds from publish to delivery, measured one after the other. Raises TimeoutError without a delivery."""
    await connection.subscribe(topic)
    deliveries = connection.deliveries()
    found = []
    for number in range(_ROUNDS):
        payload = f"{number} {uuid.uuid4().hex}".encode()
        began = time.perf_counter()
        async with asyncio.timeout(DELIVERY_TIMEOUT):
            await connection.publish(topic, payload)
            async for delivery in deliveries:
                connection.acknowledge(delivery)
                if delivery.payload == payload:
                    break
        found.append(time.perf_counter() - began)
    return found


def _exposure(address: BrokerAddress) -> list[Finding]:
    """What an attacker on the network could read or do."""
    found = []
    local = address.host in ("localhost", "::1") or address.host.startswith("127.")
    if not address.tls and not local:
        found.append(
            warning(
                "broker",
                f"{address.masked} is not encrypted: messages and password can be read on the network.",
                "Use mqtts://, or a tunnel.",
            )
        )
    if not address.username and not local:
        found.append(
            warning(
                "broker", f"{address.masked} does not require a password.", "Set allow_anonymous false; wa broker init"
            )
        )
    return found
