"""Several services on one database: one works, the others wait and take over; nothing is sent twice."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.sql.database import SqlDatabase
from campaigns.settings import load
from campaigns.store.work_lock import LockTimes, WorkLock
from tests.campaigns.conftest import FAST, SECRET, CampaignsHarness, number
from tests.forked import logged_program
from tests.loopback import http_client
from tests.mariadb_server import MariaDbServer
from tests.mosquitto_server import free_port

TOTAL = 60


class ServiceProcess:
    """`wa campaigns` as a process of its own."""

    def __init__(self, folder: Path, broker: str, database: dict[str, Any]) -> None:
        self.port = free_port()
        self._log = folder / f"campaigns-{self.port}.log"
        settings = {name.upper(): str(value) for name, value in database.items() if name != "data_dir"}
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | settings
        environment |= {"WA_MQTT_URL": broker, "WA_DATA_DIR": str(database["data_dir"])}
        environment |= {"WA_CAMPAIGNS_PORT": str(self.port), "WA_CAMPAIGNS_SECRET": SECRET, "WA_SESSIONS": "haby=51"}
        self.process = logged_program(["wa", "campaigns"], environment, self._log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with http_client(timeout=20) as client:
            return await client.request(method, url, json=body, headers={"x-api-key": SECRET})

    async def has(self, problems: list[str], within: float = 60) -> None:
        """Wait until `/readyz` says exactly that."""
        found: list[str] | None = None
        deadline = time.monotonic() + within
        while found != problems:
            assert time.monotonic() < deadline, f"{found}\n{self.log}"
            await asyncio.sleep(0.1)
            with suppress(httpx.HTTPError):
                found = (await self.call("GET", "/readyz")).json()["problems"]

    async def reach(self, within: float = 90, **expected: Any) -> dict[str, Any]:
        """Wait until the campaign `dos` is as expected, or has sent that many (`at_least`)."""
        view: dict[str, Any] = {}
        least = expected.pop("at_least", 0)
        deadline = time.monotonic() + within
        while view.get("sent", -1) < least or any(view.get(name) != value for name, value in expected.items()):
            assert time.monotonic() < deadline, f"{view}\n{self.log}"
            await asyncio.sleep(0.1)
            view = (await self.call("GET", "/v1/campaigns/dos")).json()
        return view

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


async def until(holds: Callable[[], bool], within: float = 20) -> None:
    """Poll a condition that has no event to wait for."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.fixture
def start(
    harness: CampaignsHarness, database_settings: dict[str, Any], tmp_path: Path
) -> Iterator[Callable[[], ServiceProcess]]:
    """Starts another service on the same database; each is killed at the end."""
    made: list[ServiceProcess] = []

    def started() -> ServiceProcess:
        made.append(ServiceProcess(tmp_path, harness.broker.url("campaigns"), database_settings))
        return made[-1]

    yield started
    for service in made:
        service.kill()


@pytest.mark.timeout(180)
async def test_one_works_the_other_waits_and_takes_over_after_kill_9_and_nothing_is_sent_twice(
    harness: CampaignsHarness, start: Callable[[], ServiceProcess]
) -> None:
    works = start()
    await works.has([])
    waits = start()
    await waits.has(["standby"])
    assert "This one waits, and takes over" in waits.log
    refused = await waits.call("GET", "/v1/campaigns")
    assert (refused.status_code, refused.json()["code"]) == (503, "standby")
    recipients = [{"to": number(n), "name": f"Persona {n}"} for n in range(1, TOTAL + 1)]
    plan = {"id": "dos", "name": "Dos", "variants": ["Hola {{name}}"], **FAST, "pace": "300/minute", "jitter": 0}
    made = await works.call("POST", "/v1/campaigns", {**plan, "recipients": recipients})
    assert made.status_code == 201, made.text
    assert (await works.call("POST", "/v1/campaigns/dos/start")).status_code == 200
    for share in (3, 2):  # each of the two is killed once while it sends
        reached = await works.reach(at_least=TOTAL // share)
        assert reached["state"] == "running"
        works.kill()
        await waits.has([], within=20)
        works, waits = waits, start()
        await waits.has(["standby"])
    done = await works.reach(state="done")
    assert (done["sent"], done["failed"], done["unknown"]) == (TOTAL, 0, 0)
    sent = Counter(message.key.remote.user for message in harness.bridge.phone.sent)
    assert sent == Counter({number(n): 1 for n in range(1, TOTAL + 1)})


async def test_a_lock_that_the_server_gave_back_ends_the_work_which_waits_for_it_again(
    mariadb: MariaDbServer, tmp_path: Path
) -> None:
    times = LockTimes(attempt=0.1, check=0.2)
    settings = {"db_host": "127.0.0.1", "db_port": mariadb.port, "db_user": mariadb.user}
    settings |= {"db_password": mariadb.password, "db_database": mariadb.create("locks"), "data_dir": tmp_path}
    working: list[str] = []

    async def work(name: str) -> None:
        working.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            working.remove(name)

    url = load(**settings).database_url
    async with SqlDatabase(url) as one, SqlDatabase(url) as two, asyncio.TaskGroup() as tasks:
        first, second = WorkLock(one, times), WorkLock(two, times)
        running = [tasks.create_task(first.run(lambda: work("first")), name="first")]
        await until(lambda: working == ["first"])
        running.append(tasks.create_task(second.run(lambda: work("second")), name="second"))
        await until(lambda: second.is_standby)
        holder = mariadb.sql("SELECT IS_USED_LOCK(CONCAT('wa_campaigns_', LEFT(SHA2('locks', 256), 32)))")
        mariadb.sql(f"KILL {holder.strip()}")
        await until(lambda: working == ["second"])
        await until(lambda: first.is_standby)
        assert second.is_held
        for task in running:
            task.cancel()
    assert working == []
