"""Checks the ACL by delivery: each user tries every topic, and only messages that arrive count.

mosquitto answers a denied SUBSCRIBE like a granted one and acknowledges a denied PUBLISH, so its answers prove nothing.
The full check runs on a scratch broker with the installed rules: none of its commands can reach a phone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from bridge.broker import BrokerConnection, BrokerDown, BrokerRefused, connect
from bridge.contract.topics import DiscoveryTopics, Leaf, Topics
from bridge.mqtt.options import session_client_id
from bridge.ops.mosquitto.directory import BrokerDirectory, BrokerSetup
from bridge.ops.mosquitto.roles import Action, Role, User
from bridge.ops.mosquitto.running_broker import NotReloaded, reload_broker
from bridge.ops.mosquitto.scratch_broker import OBSERVER, options, scratch_broker

#: Seconds within which a reloaded broker must accept a new user.
RELOAD_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class AclFinding:
    """One user, one action, one topic: whether the role allows it, and whether the broker did.

    For the action `take over`, `topic` is the client id of another user's connection; no role allows it.
    """

    user: str
    action: Action | Literal["take over"]
    topic: str
    expected: bool
    found: bool

    @property
    def is_expected(self) -> bool:
        return self.expected == self.found

    def __str__(self) -> str:
        verb = "publish to" if self.action == "write" else self.action
        return f"{self.user} {'can' if self.found else 'cannot'} {verb} {self.topic}"


def probed_topics(setup: BrokerSetup, user: User) -> list[str]:
    """Every topic of the contract, in the user's session and another one, with its own and another reply level."""
    topics: Topics = setup.topics
    discovery = DiscoveryTopics()
    elsewhere = [topics.bridge_status("check"), topics.bot_config(51), topics.bot_switch(51)]
    elsewhere += [topics.responder_event("check"), "elsewhere/check"]
    elsewhere += [discovery.birth, discovery.config("wa_check")]
    return elsewhere + session_topics(topics, user)


def session_topics(topics: Topics, user: User) -> list[str]:
    """Only the topics of sessions."""
    own, probed = user.session or "check", []
    for session in (own, f"{own[:50]}-not"):
        probed += [topics.session(session, leaf) for leaf in Leaf if leaf is not Leaf.REPLY]
        probed += [topics.out(session, "5491155500001"), topics.qr_image(session)]
        probed += [topics.campaign(session, "check"), topics.campaign_event(session, "check")]
        for level in (user.name, "other"):
            probed += [topics.reply(session, level), topics.replay(session, level)]
    return probed


async def check_on_scratch_broker(directory: BrokerDirectory) -> list[AclFinding]:
    """Check every user of the directory, on a temporary mosquitto with its files. Raises StartError."""
    setup = directory.load()
    passwords = {name: secrets.token_urlsafe(18) for name in (*setup.users, OBSERVER)}
    findings: list[AclFinding] = []
    async with scratch_broker(directory, passwords) as port:
        for user in setup.users.values():
            findings += await _check_user(port, setup.topics, user, passwords, OBSERVER, probed_topics(setup, user))
            findings.append(await _check_takeover(port, setup.topics, user.name, passwords))
    return findings


async def check_running_broker(directory: BrokerDirectory) -> list[AclFinding]:
    """Check with two temporary users that the running broker has loaded the files and enforces them.

    Uses sessions that no bridge has, so that no running program acts on the messages. Raises NotReloaded, BrokerDown.
    """
    setup, suffix = directory.load(), secrets.token_hex(6)
    user = User(f"wa-check-{suffix}", frozenset({Role.READER, Role.SENDER}), f"check-{suffix}")
    observer = User(f"{user.name}-observer", frozenset({Role.BRIDGE}))
    passwords = {name: secrets.token_urlsafe(24) for name in (user.name, observer.name)}
    port, pid_file = setup.listeners.port, setup.listeners.pid_file
    try:
        for one in (user, observer):
            directory.put_user(one, passwords[one.name])
        reload_broker(pid_file)
        await wait_until_accepted(port, observer.name, passwords[observer.name])
        probed = session_topics(setup.topics, user)
        return await _check_user(port, setup.topics, user, passwords, observer.name, probed)
    finally:
        for name in {user.name, observer.name} & set(directory.load().users):
            directory.remove_user(name)
        with suppress(NotReloaded):  # reported before
            reload_broker(pid_file)


async def wait_until_accepted(port: int, user: str, password: str) -> None:
    """Wait until the running broker accepts a new user. Raises NotReloaded, BrokerDown."""
    try:
        async with asyncio.timeout(RELOAD_TIMEOUT):
            while True:
                if await connect_refusal(port, user, password) is None:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        text = f"The running broker does not know {user}: it may use other files. See its log."
        raise NotReloaded(text) from None


async def _check_user(
    port: int, topics: Topics, user: User, passwords: dict[str, str], observer: str, probed: list[str]
) -> list[AclFinding]:
    async with (
        connect(options(port, observer, passwords[observer])) as observing,
        connect(options(port, user.name, passwords[user.name])) as client,
    ):
        published = await _published(client, observing, probed)
        read = await _read(client, observing, probed)
    arrivals: tuple[tuple[Action, set[str]], ...] = (("write", published), ("read", read))
    return [
        AclFinding(user.name, action, topic, user.may(action, topic, topics), topic in arrived)
        for action, arrived in arrivals
        for topic in probed
    ]


async def _check_takeover(port: int, topics: Topics, user: str, passwords: dict[str, str]) -> AclFinding:
    """Whether the user can end a connection of the bridge (here: of the observer) by connecting in its place."""
    name = session_client_id(topics, "check")
    bridge = replace(options(port, OBSERVER, passwords[OBSERVER]), client_id=name)
    async with connect(bridge) as connection:
        taken = False
        async with connect(replace(options(port, user, passwords[user]), client_id=name)):
            try:
                await connection.subscribe("unused", qos=0)
            except BrokerDown:
                taken = True
    return AclFinding(user, "take over", name, expected=False, found=taken)


async def connect_refusal(
    port: int, user: str | None = None, password: str | None = None, *, websockets: bool = False
) -> str | None:
    """Why the broker on this port refuses the user (None: anonymous), or None if it accepts. Raises BrokerDown."""
    try:
        async with connect(options(port, user, password, websockets=websockets)):
            return None
    except BrokerRefused as refusal:
        return str(refusal)


async def _published(client: BrokerConnection, observer: BrokerConnection, probed: Iterable[str]) -> set[str]:
    """The topics on which the user's messages reached an observer that may read everything."""
    for topic in probed:
        await observer.subscribe(topic, qos=0)
    for topic in probed:
        await client.publish(topic, b"check")
    return await _arrived(observer)


async def _read(client: BrokerConnection, observer: BrokerConnection, probed: Iterable[str]) -> set[str]:
    """The topics whose messages reached the user, who subscribed to each by its name."""
    for topic in probed:
        with suppress(BrokerRefused):
            await client.subscribe(topic, qos=0)
    for topic in probed:
        await observer.publish(topic, b"check", qos=0)
    await observer.publish("end", b"")  # its PUBACK arrives after the broker has processed everything before it
    return await _arrived(client)


async def _arrived(reader: BrokerConnection) -> set[str]:
    """The topics received so far: a SUBACK arrives after everything that was sent before it."""
    await reader.subscribe("unused", qos=0)
    arrived: set[str] = set()
    deliveries = reader.deliveries()
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0):
                arrived.add((await anext(deliveries)).topic)
    return arrived
