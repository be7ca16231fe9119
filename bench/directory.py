"""A large address book: how long its first pages take, and what it costs the bridge in memory.

    python -m bench.directory [--contacts 10000] [--groups 1000] [--write]

Every contact has a chat. Each list is asked for over MQTT, by a program beside the bridge, on the real wa-js.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from bench.figures import Figure
from bench.report import report
from bench.stage import SESSION, Stage, phone, pss, stage
from bridge.client import Client, connect
from bridge.contract.session import SessionState

BEGIN, END = "<!-- written by python -m bench.directory -->\n", "<!-- end of bench.directory -->\n"
#: Members of each group; pages asked for after the first one of each list; requests to the sandbox at once.
MEMBERS, REPETITIONS, AT_ONCE = 8, 20, 20
#: Most milliseconds of a first page, and megabytes of the bridge.
PAGE, MEMORY = 200, 90
LISTS = ("chats.list", "contacts.list", "groups.list")


async def measure(stage: Stage, contacts: int, groups: int) -> list[Figure]:
    """Pair the bridge with an account of that size; ask for each list's first page, once and again and again."""
    async with phone(stage) as api:
        await _fill(api, contacts, groups)
        async with stage.bridge() as bridge:
            await stage.until(SessionState.CONNECTED)
            async with connect(stage.mosquitto.url("admin"), name=f"bench-{os.getpid()}") as client:
                figures = [figure for action in LISTS for figure in await _pages(client, action)]
            return [*figures, Figure("PSS of the bridge's process", "MB", (pss(bridge.pid),), MEMORY)]


async def _pages(client: Client, action: str) -> list[Figure]:
    first, *later = [await _page(client, action) for _ in range(1 + REPETITIONS)]
    return [
        Figure(f"`{action}`, first page, asked for the first time", "ms", (first,), PAGE),
        Figure(f"`{action}`, the same again", "ms", tuple(later), PAGE),
    ]


async def _page(client: Client, action: str) -> float:
    began = time.perf_counter()
    response = await client.request(SESSION, action, {"limit": 50})
    if len(next(iter(response.data.values()))) != 50:
        raise AssertionError(f"{action} gave {response}")
    return (time.perf_counter() - began) * 1000


async def _fill(api: httpx.AsyncClient, contacts: int, groups: int) -> None:
    """Give the account its contacts with their chats, and its groups."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def post(path: str, body: Mapping[str, object]) -> None:
        async with slots:
            (await api.post(path, json=body)).raise_for_status()

    def pn(number: int) -> str:
        return f"54911{number:08}@c.us"

    async with asyncio.TaskGroup() as tasks:
        for number in range(contacts):
            tasks.create_task(post("/contacts", {"pn": pn(number), "name": f"Cliente {number}"}))
    async with asyncio.TaskGroup() as tasks:
        for number in range(contacts):
            tasks.create_task(post("/chats", {"id": pn(number)}))
        for number in range(groups):
            members = [pn((number * MEMBERS + member) % contacts) for member in range(MEMBERS)]
            group = {"id": f"1203630000{number:08}@g.us", "name": f"Grupo {number}", "participants": members}
            tasks.create_task(post("/groups", group))


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.directory", description="Measure lists of a large address book.")
    parser.add_argument("--contacts", type=int, default=10_000, help="contacts, each with a chat (10,000)")
    parser.add_argument("--groups", type=int, default=1_000, help="groups (1,000)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/BENCHMARKS.md")
    options = parser.parse_args()
    report(lambda: asyncio.run(_run(options.contacts, options.groups)), BEGIN, END, write=options.write, runs=1)


async def _run(contacts: int, groups: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
        async with stage(Path(folder)) as environment:
            return await measure(environment, contacts, groups)


if __name__ == "__main__":
    main()
