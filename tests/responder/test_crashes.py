"""SIGKILL at every step, then a restart: every message is recorded once and answered once."""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bridge.sql.database import SqlDatabase
from responder.settings import load
from tests.client.conftest import ANA, ScriptedBridge
from tests.forked import ForkedProgram, forked
from tests.mosquitto_server import MosquittoServer

PROGRAM = Path(__file__).with_name("responder_program.py")
GREETING = "¡Hola! Gracias por escribirnos. ¿En qué podemos ayudarte?"
STEPS = [f"{when} {what}" for what in ("recording", "opening", "delivery", "finishing") for when in ("before", "after")]


def environment(database_settings: dict[str, Any], halt: str = "") -> dict[str, str]:
    """The environment of a responder on this database."""
    names = {
        "data_dir": "WA_DATA_DIR",
        "db_host": "DB_HOST",
        "db_port": "DB_PORT",
        "db_user": "DB_USER",
        "db_password": "DB_PASSWORD",
        "db_database": "DB_DATABASE",
    }
    return {
        **os.environ,
        **{names[name]: str(value) for name, value in database_settings.items()},
        "PORT": "0",
        "RESPONDER_GATHER": "0.1",
        "RESPONDER_HALT": halt,
    }


def process(
    broker: MosquittoServer, database_settings: dict[str, Any], halt: str = ""
) -> AbstractAsyncContextManager[tuple[ForkedProgram, asyncio.StreamReader]]:
    """A responder as a process, killed at the end if it still runs."""
    return forked([PROGRAM, broker.url("responder")], environment(database_settings, halt), broker.directory)


async def halted(out: asyncio.StreamReader, step: str) -> None:
    """Wait until the process halts at the step."""
    async with asyncio.timeout(20):
        while (line := await out.readline()) != f"halted {step}\n".encode():
            assert line, "it ended instead"


async def rows(database_settings: dict[str, Any], query: str) -> list[tuple[Any, ...]]:
    async with SqlDatabase(load(**database_settings).database_url) as database, database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def until_sent(scripted_bridge: ScriptedBridge, count: int) -> None:
    async with asyncio.timeout(30):
        while len(scripted_bridge.phone.sent) < count:  # noqa: ASYNC110 - the scripted phone has no event for it
            await asyncio.sleep(0.02)


@pytest.mark.timeout(180)
async def test_killed_at_each_step(
    scripted_bridge: ScriptedBridge, broker: MosquittoServer, database_settings: dict[str, Any]
) -> None:
    """Each process begins with what the killed one before it left, and is killed one step later."""
    people = [f"549115550{number:04}@c.us" for number in range(1, len(STEPS) + 2)]
    for step, person in zip(STEPS, people, strict=False):
        async with process(broker, database_settings, step) as (child, out):
            scripted_bridge.phone.incoming(person, "hola")
            await halted(out, step)
            child.kill()
            await child.ended()
    async with process(broker, database_settings):
        scripted_bridge.phone.incoming(people[-1], "hola")
        await until_sent(scripted_bridge, len(people))
        await settled(database_settings, len(people))
    assert sorted((str(sent.key.remote), sent.text, sent.times) for sent in scripted_bridge.phone.sent) == [
        (person, GREETING, 1) for person in people
    ]
    recorded = await rows(database_settings, "SELECT telefono, rol FROM ll_ia_conversaciones ORDER BY telefono, id")
    numbers = [person.removesuffix("@c.us") for person in people]
    assert recorded == [(number, role) for number in numbers for role in ("user", "assistant")]


async def settled(database_settings: dict[str, Any], count: int) -> None:
    """Wait until all turns are finished: any repetition has happened by then."""
    async with asyncio.timeout(20):
        while await rows(database_settings, "SELECT state FROM wa_turn") != [("sent",)] * count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_sigterm_stops_it_quickly_and_releases_its_leases(
    scripted_bridge: ScriptedBridge, broker: MosquittoServer, database_settings: dict[str, Any]
) -> None:
    async with process(broker, database_settings) as (child, _):
        scripted_bridge.phone.incoming(ANA, "hola")
        await until_sent(scripted_bridge, 1)
        child.terminate()
        async with asyncio.timeout(8):
            assert await child.ended() == 0
    assert await rows(database_settings, "SELECT COUNT(*) FROM wa_lease WHERE owner IS NOT NULL") == [(0,)]
    assert await rows(database_settings, "SELECT COUNT(*) FROM wa_replica") == [(0,)]
