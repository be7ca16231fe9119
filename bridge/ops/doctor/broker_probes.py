"""What a broker can do, found out by trying: each probe ends in a sentence that says what follows for the operator.

Brokers grant what they do not do: a subscription with `$share` that delivers nothing, a session that is forgotten.
Every probe uses topics and client ids of its own, and removes what it left at the broker.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from bridge.broker import BrokerAddress, BrokerConnection, BrokerError, BrokerOptions, Delivery, connect
from bridge.contract.findings import Finding, ok, warning
from bridge.contract.topics import Leaf, Topics
from bridge.ops.doctor.silent_client import seconds_until_dropped

#: Seconds of one probe at most: a cluster may take five for a subscription.
PROBE_TIMEOUT = 25.0
#: Seconds within which a message must come.
ARRIVES = 3.0
#: Messages published while their reader is away.
QUEUED = 20
#: Bytes of the payloads tried: a long text in escapes, a command with a small file, and above.
SIZES = (100_000, 400_000, 1_000_000)
#: Keep-alive in seconds that the silent client announces, and when a broker must have ended it at the latest.
KEEPALIVE, DROPPED_WITHIN = 2, 10.0


@dataclass(frozen=True, slots=True)
class ProbedBroker:
    """Where to probe: `near` and `far` are two addresses of a list, or the same one."""

    options: BrokerOptions
    near: BrokerAddress
    far: BrokerAddress
    topics: Topics
    session: str

    def topic(self) -> str:
        """A topic that only this probe uses."""
        return self.topics.session(self.session, Leaf.REPLY, f"doctor-{uuid.uuid4().hex[:12]}")

    def at(self, address: BrokerAddress, client_id: str | None = None) -> BrokerOptions:
        """Options of one connection: persistent with a client id, else clean with a random one."""
        name = client_id or f"wa-doctor-{uuid.uuid4().hex[:12]}"
        return replace(self.options, addresses=(address,), client_id=name, clean=client_id is None)

    @property
    def other(self) -> str:
        return f" on {self.far.masked}" if self.far != self.near else ""


async def probes(options: BrokerOptions, topics: Topics, session: str) -> AsyncIterator[Finding]:
    """Probe every address, against the next one of the list; no findings of one that does not answer."""
    count = len(options.addresses)
    for number, near in enumerate(options.addresses):
        broker = ProbedBroker(options, near, options.addresses[(number + 1) % count], topics, session)
        findings = await asyncio.gather(*(_bounded(name, probe(broker)) for name, probe in _PROBES.items()))
        for found in findings:
            yield replace(found, what=f"{near.masked}: {found.what}")


async def _bounded(name: str, probe: Awaitable[Finding]) -> Finding:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            return await probe
    except TimeoutError:
        what = f"The probe of {name} did not end within {PROBE_TIMEOUT:g} s."
        return warning("broker", what, "See the broker's log.")
    except BrokerError as error:
        return warning("broker", f"The probe of {name} failed: {error.text}", "See the broker's log.")


async def retained(broker: ProbedBroker) -> Finding:
    """A retained message, asked by its topic and by a wildcard, at the other address where there is one."""
    topic = broker.topic()
    async with connect(broker.at(broker.near)) as writer:
        await writer.publish(topic, b"retained", retain=True)
        try:
            exact = await _retained_at(broker, topic, topic)
            level = broker.topics.session(broker.session, Leaf.REPLY, "+")
            wildcard = exact and await _retained_at(broker, level, topic)
        finally:
            await writer.publish(topic, b"", retain=True)
    if not exact:
        return warning(
            "broker",
            f"A retained message does not come{broker.other}.",
            "States appear with the next heartbeat, after up to 15 s: do not take a missing status for offline.",
        )
    if not wildcard:
        return warning(
            "broker",
            f"Retained messages come for exact topics only, not for wildcards{broker.other}.",
            "wa asks sessions by name; programs with wildcards, as Home Assistant, see a state at its next heartbeat.",
        )
    return ok("broker", f"Retained messages come{broker.other}, also for wildcards.")


async def _retained_at(broker: ProbedBroker, topic_filter: str, topic: str) -> bool:
    """Asked twice: the nodes of a cluster copy a retained message after its PUBACK."""
    for _ in range(2):
        async with connect(broker.at(broker.far)) as reader:
            await reader.subscribe(topic_filter)
            if await received(reader, lambda delivery: delivery.topic == topic and delivery.retain, 1):
                return True
    return False


async def shared(broker: ProbedBroker) -> Finding:
    """A shared subscription: is anything delivered?"""
    topic = broker.topic()
    async with connect(broker.at(broker.near)) as reader:
        try:
            await reader.subscribe(f"$share/doctor/{topic}")
            await reader.publish(topic, b"shared")
            works = bool(await received(reader, lambda delivery: delivery.topic == topic, 1))
            how = "is granted and delivers nothing"
        except BrokerError:
            works, how = False, "is refused"
    if works:
        return ok("broker", "Shared subscriptions ($share) deliver.")
    return warning(
        "broker",
        f"A shared subscription ($share) {how}.",
        "Bridge, responder and campaigns use none; do not share work among programs of your own with it.",
    )


async def packets(broker: ProbedBroker) -> Finding:
    """The largest payload of `SIZES` that is delivered."""
    largest = 0
    for size in SIZES:
        topic = broker.topic()
        try:
            async with connect(broker.at(broker.near)) as connection:
                await connection.subscribe(topic)
                await connection.publish(topic, b"x" * size)
                if not await received(connection, lambda delivery, name=topic: delivery.topic == name, 1):  # type: ignore[misc]
                    break
        except BrokerError:
            break
        largest = size
    if largest == SIZES[-1]:
        return ok("broker", f"A message of {largest:,} bytes arrives.")
    how = "is the largest that arrives" if largest else "does not arrive"
    return warning(
        "broker",
        f"A message of {largest or SIZES[0]:,} bytes {how}.",
        "Raise the broker's packet limit to 1 MB or more: long texts and commands with a file do not get through.",
    )


async def absent_reader(broker: ProbedBroker) -> Finding:
    """A persistent session: kept while its client is away, with the messages of that time, also at another address."""
    topic, client_id = broker.topic(), f"wa-doctor-{uuid.uuid4().hex[:12]}"
    try:
        async with connect(broker.at(broker.near, client_id)) as reader:
            await reader.subscribe(topic)
        async with connect(broker.at(broker.near)) as writer:
            for number in range(QUEUED):
                await writer.publish(topic, str(number))
        async with connect(broker.at(broker.far, client_id)) as reader:
            present = reader.session_present
            found = await received(reader, lambda delivery: delivery.topic == topic, QUEUED)
    finally:
        async with connect(replace(broker.at(broker.near, client_id), clean=True)):
            pass  # a clean connection ends the session
    count = len({delivery.payload for delivery in found})
    if present and count == QUEUED:
        return ok("broker", f"A session is kept{broker.other}, with the messages published while its client is away.")
    lost = f"{QUEUED - count} of {QUEUED} messages are lost" if present else "the session is forgotten"
    return warning(
        "broker",
        f"While a client is away, {lost}{broker.other}.",
        "Commands published while the bridge restarts may be lost: wa send, the client and HTTP repeat theirs.",
    )


async def keep_alive(broker: ProbedBroker) -> Finding:
    """A client that falls silent: does the broker end its connection?"""
    if broker.near.path is not None:
        return ok("broker", "Whether a silent client is ended was not tried: it needs a plain or TLS listener.")
    seconds = await seconds_until_dropped(broker.near, broker.options.ca_file, KEEPALIVE, DROPPED_WITHIN)
    if seconds is not None:
        return ok("broker", f"A silent client with a keep-alive of {KEEPALIVE} s is ended after {seconds:.1f} s.")
    return warning(
        "broker",
        f"A silent client with a keep-alive of {KEEPALIVE} s is still connected after {DROPPED_WITHIN:g} s.",
        "A bridge whose network breaks shows its last state until its heartbeat is overdue (45 s).",
    )


async def received(connection: BrokerConnection, wanted: Callable[[Delivery], bool], count: int) -> list[Delivery]:
    """What comes within `ARRIVES` seconds, at most `count`."""
    found: list[Delivery] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(ARRIVES):
            async for delivery in connection.deliveries():
                connection.acknowledge(delivery)
                if wanted(delivery):
                    found.append(delivery)
                if len(found) == count:
                    break
    return found


_PROBES: dict[str, Callable[[ProbedBroker], Awaitable[Finding]]] = {
    "retained messages": retained,
    "shared subscriptions": shared,
    "large packets": packets,
    "an absent reader": absent_reader,
    "the keep-alive": keep_alive,
}
