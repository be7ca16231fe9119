"""Proof by delivery: each user tries everything, and only what really arrived counts.

mosquitto answers a denied SUBSCRIBE like a granted one and acknowledges a denied PUBLISH, so its word proves nothing.
The rehearsal runs on a throw-away broker with the installed rules: no command of the proof can reach a phone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from bridge.broker import BrokerConnection, BrokerRefused, connect
from bridge.contract.topics import Leaf, Topics
from bridge.ops.mosquitto.directory import BrokerDirectory, Setup
from bridge.ops.mosquitto.roles import Action, Role, User
from bridge.ops.mosquitto.running_broker import NotReloaded, reload_broker
from bridge.ops.mosquitto.scratch_broker import WITNESS, options, rehearsal

#: Seconds in which a broker that was told to read its files must know a new user.
RELOADED_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class AclFinding:
    """One user, one action, one topic: what the role says and what the broker did."""

    user: str
    action: Action
    topic: str
    expected: bool
    found: bool

    @property
    def is_right(self) -> bool:
        """Whether the broker did as the role says."""
        return self.expected == self.found

    def __str__(self) -> str:
        verb = "publish to" if self.action == "write" else "read"
        return f"{self.user} {'can' if self.found else 'cannot'} {verb} {self.topic}"


def probed_topics(setup: Setup, user: User) -> list[str]:
    """Every topic of the contract in the user's session and in another one, its own answers and a stranger's."""
    topics: Topics = setup.topics
    elsewhere = [topics.bridge_status("check"), topics.bot_config(51), topics.bot_switch(51)]
    elsewhere += [topics.responder_event("check"), "elsewhere/check"]
    return elsewhere + session_topics(topics, user)


def session_topics(topics: Topics, user: User) -> list[str]:
    """Those of sessions alone."""
    own, probed = user.session or "check", []
    for session in (own, f"{own[:50]}-not"):
        probed += [topics.session(session, leaf) for leaf in Leaf if leaf is not Leaf.REPLY]
        probed.append(topics.out(session, "5491155500001"))
        for level in (user.name, "stranger"):
            probed += [topics.reply(session, level), topics.replay(session, level)]
    return probed


async def rehearse(directory: BrokerDirectory) -> list[AclFinding]:
    """Every user of the directory, on a throw-away mosquitto with its files. Raises StartError."""
    setup = directory.load()
    passwords = {name: secrets.token_urlsafe(18) for name in (*setup.users, WITNESS)}
    findings: list[AclFinding] = []
    async with rehearsal(directory, passwords) as port:
        for user in setup.users.values():
            findings += await _tried(port, setup.topics, user, passwords, WITNESS, probed_topics(setup, user))
    return findings


async def prove_live(directory: BrokerDirectory) -> list[AclFinding]:
    """The same on the running broker, by two users that exist meanwhile, in sessions that no bridge has.

    Proves that it has read the files and keeps to them. Nothing is tried on topics that a running program acts on.
    Raises NotReloaded, BrokerDown.
    """
    setup, mark = directory.load(), secrets.token_hex(6)
    user = User(f"wa-check-{mark}", frozenset({Role.READER, Role.SENDER}), f"check-{mark}")
    witness = User(f"{user.name}-witness", frozenset({Role.BRIDGE}))
    passwords = {name: secrets.token_urlsafe(24) for name in (user.name, witness.name)}
    port, pid_file = setup.listening.port, setup.listening.pid_file
    try:
        for one in (user, witness):
            directory.put_user(one, passwords[one.name])
        reload_broker(pid_file)
        await let_in(port, witness.name, passwords[witness.name])
        probed = session_topics(setup.topics, user)
        return await _tried(port, setup.topics, user, passwords, witness.name, probed)
    finally:
        for name in {user.name, witness.name} & set(directory.load().users):
            directory.remove_user(name)
        with suppress(NotReloaded):  # said already
            reload_broker(pid_file)


async def let_in(port: int, user: str, password: str) -> None:
    """Wait until the running broker knows a user that was added. Raises NotReloaded, BrokerDown."""
    try:
        async with asyncio.timeout(RELOADED_WITHIN):
            while True:
                if await refusal_of_running(port, user, password) is None:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        sentence = f"The running broker does not know {user}: it may have read other files. Look at its log."
        raise NotReloaded(sentence) from None


async def _tried(
    port: int, topics: Topics, user: User, passwords: dict[str, str], witness: str, probed: list[str]
) -> list[AclFinding]:
    async with (
        connect(options(port, witness, passwords[witness])) as watching,
        connect(options(port, user.name, passwords[user.name])) as prover,
    ):
        published = await _published(prover, watching, probed)
        read = await _read(prover, watching, probed)
    arrivals: tuple[tuple[Action, set[str]], ...] = (("write", published), ("read", read))
    return [
        AclFinding(user.name, action, topic, user.may(action, topic, topics), topic in arrived)
        for action, arrived in arrivals
        for topic in probed
    ]


async def refusal_of_running(
    port: int, user: str | None = None, password: str | None = None, *, websockets: bool = False
) -> str | None:
    """None where the broker on this port lets the user (None: a stranger) in, else why not. Raises BrokerDown."""
    try:
        async with connect(options(port, user, password, websockets=websockets)):
            return None
    except BrokerRefused as refusal:
        return str(refusal)


async def _published(prover: BrokerConnection, witness: BrokerConnection, probed: Iterable[str]) -> set[str]:
    """Where the user's messages arrived at somebody who reads everything."""
    for topic in probed:
        await witness.subscribe(topic, qos=0)
    for topic in probed:
        await prover.publish(topic, b"check")
    return await _arrived(witness)


async def _read(prover: BrokerConnection, witness: BrokerConnection, probed: Iterable[str]) -> set[str]:
    """Whose messages arrived at the user, who has asked for each topic by its name."""
    for topic in probed:
        with suppress(BrokerRefused):
            await prover.subscribe(topic, qos=0)
    for topic in probed:
        await witness.publish(topic, b"check", qos=0)
    await witness.publish("end", b"")  # its PUBACK comes when the broker has dealt with all before it
    return await _arrived(prover)


async def _arrived(reader: BrokerConnection) -> set[str]:
    """The topics that came up to now: a SUBACK stands behind everything that was sent before it."""
    await reader.subscribe("nothing-comes-here", qos=0)
    arrived: set[str] = set()
    waiting = reader.deliveries()
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0):
                arrived.add((await anext(waiting)).topic)
    return arrived
