"""Proof by delivery: each user tries everything, and only what really arrived counts.

mosquitto answers a denied SUBSCRIBE like a granted one and acknowledges a denied PUBLISH, so its word proves nothing.
The rehearsal runs on a throw-away broker with the installed rules: no command of the proof can reach a phone.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bridge.broker import BrokerAddress, BrokerDown, BrokerOptions, BrokerRefused, Connection, connect
from bridge.contract.errors import StartError
from bridge.contract.topics import Leaf, Topics
from bridge.embedded.child import tied_command
from bridge.embedded.passwords import password_line
from bridge.embedded.private import find_program

from .configuration import rehearsal_text
from .directory import BrokerDirectory, Setup
from .roles import Action, User

WITNESS = "wa-check-witness"
_READY_WITHIN = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Finding:
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
    own = user.session or "check"
    probed = [topics.bridge_status("check"), topics.bot_config(51), topics.bot_switch(51), "elsewhere/check"]
    for session in (own, f"{own[:50]}-not"):
        probed += [topics.session(session, leaf) for leaf in Leaf if leaf is not Leaf.REPLY]
        probed.append(topics.out(session, "5491155500001"))
        for level in (user.name, "stranger"):
            probed += [topics.reply(session, level), topics.replay(session, level)]
    return probed


async def rehearse(directory: BrokerDirectory) -> list[Finding]:
    """Every user of the directory, on a throw-away mosquitto with its files. Raises StartError."""
    setup = directory.load()
    passwords = {name: secrets.token_urlsafe(18) for name in (*setup.users, WITNESS)}
    findings: list[Finding] = []
    async with _rehearsal(directory, passwords) as port:
        for user in setup.users.values():
            async with (
                connect(_options(port, WITNESS, passwords[WITNESS])) as witness,
                connect(_options(port, user.name, passwords[user.name])) as prover,
            ):
                probed = probed_topics(setup, user)
                published, read = await _published(prover, witness, probed), await _read(prover, witness, probed)
            tried: tuple[tuple[Action, set[str]], ...] = (("write", published), ("read", read))
            for action, arrived in tried:
                findings += [
                    Finding(user.name, action, topic, user.may(action, topic, setup.topics), topic in arrived)
                    for topic in probed
                ]
    return findings


async def prove_running(port: int, user: str | None = None, password: str | None = None) -> str | None:
    """None where the broker on this port lets the user (None: a stranger) in, else why not. Raises BrokerDown."""
    try:
        async with connect(_options(port, user, password)):
            return None
    except BrokerRefused as refusal:
        return str(refusal)


async def _published(prover: Connection, witness: Connection, probed: Iterable[str]) -> set[str]:
    """Where the user's messages arrived at somebody who reads everything."""
    await witness.subscribe("#", qos=0)
    for topic in probed:
        await prover.publish(topic, b"check")
    return await _arrived(witness)


async def _read(prover: Connection, witness: Connection, probed: Iterable[str]) -> set[str]:
    """Whose messages arrived at the user, who has asked for each topic by its name."""
    for topic in probed:
        with suppress(BrokerRefused):
            await prover.subscribe(topic, qos=0)
    for topic in probed:
        await witness.publish(topic, b"check", qos=0)
    await witness.publish("end", b"")  # its PUBACK comes when the broker has dealt with all before it
    return await _arrived(prover)


async def _arrived(reader: Connection) -> set[str]:
    """The topics that came up to now: a SUBACK stands behind everything that was sent before it."""
    await reader.subscribe("nothing-comes-here", qos=0)
    arrived: set[str] = set()
    waiting = reader.deliveries()
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0):
                arrived.add((await anext(waiting)).topic)
    return arrived


@asynccontextmanager
async def _rehearsal(directory: BrokerDirectory, passwords: dict[str, str]) -> AsyncIterator[int]:
    program = find_program("mosquitto")
    if program is None:
        raise StartError("mosquitto is not installed here, so nothing can be proved: install the package mosquitto.")
    with tempfile.TemporaryDirectory(prefix="wa-broker-check-") as name:
        place, port = Path(name), _free_port()
        as_root = os.geteuid() == 0
        installed = directory.configuration.read_text(encoding="utf-8")
        rules = f"{directory.acl.read_text(encoding='utf-8')}\nuser {WITNESS}\ntopic readwrite #\n"
        lines = "".join(password_line(user, password) for user, password in passwords.items())
        for file, text in (
            ("acl", rules),
            ("passwords", lines),
            ("mosquitto.conf", rehearsal_text(installed, port, place, "root" if as_root else None)),
        ):
            (place / file).write_text(text, encoding="utf-8")
            (place / file).chmod(0o600)
        with (place / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *tied_command(program, "-c", str(place / "mosquitto.conf")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            if not await _ready(process, _options(port, WITNESS, passwords[WITNESS])):
                said = (place / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
                raise StartError(f"mosquitto does not start with these files. Its last words: {' | '.join(said)}")
            yield port
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, options: BrokerOptions) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(_READY_WITHIN):
            while process.returncode is None:
                try:
                    async with connect(options):
                        return True
                except BrokerDown:
                    await asyncio.sleep(0.02)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _options(port: int, user: str | None, password: str | None) -> BrokerOptions:
    address = BrokerAddress("mqtt", "127.0.0.1", port, user, SecretStr(password) if password else None)
    return BrokerOptions((address,), client_id=f"wa-check-{uuid.uuid4().hex[:12]}", clean=True, connect_timeout=5)
