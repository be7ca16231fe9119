"""What happens to a campaign when a part of it dies in the middle: nothing twice, nothing lost, doubt named."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.requests import Request
from bridge.core.send_list import SendLister
from bridge.drivers.scripted.phone import SendMode
from campaigns.commands import CampaignCommand
from tests.campaigns.conftest import SECRET, CampaignsHarness, number
from tests.mariadb_server import MariaDbServer


def times_sent(harness: CampaignsHarness) -> Counter[str]:
    return Counter(message.key.remote.user for message in harness.bridge.phone.sent)


async def test_a_restart_of_the_service_at_any_moment_repeats_and_loses_nothing(
    bridge: Any, mosquitto: Any, database_settings: dict[str, Any]
) -> None:
    """The service is cut off without a word to the broker or the database, eight times in one campaign."""
    harness = CampaignsHarness(bridge, mosquitto, database_settings)
    rng = random.Random(7)
    await harness.start()
    view = await harness.plan(40, pace="1800/minute")
    await harness.act(view["id"], "start")
    for _ in range(8):
        await asyncio.sleep(rng.uniform(0.05, 0.25))
        await harness.cut_off()
        await harness.start()
    done = await harness.reach(view["id"], state="done")
    assert (done["sent"], done["failed"], done["unknown"]) == (40, 0, 0)
    assert times_sent(harness) == Counter({number(n): 1 for n in range(1, 41)})
    await harness.stop()


async def test_a_database_server_that_dies_in_the_middle_repeats_and_loses_nothing(
    bridge: Any, mosquitto: Any, tmp_path: Path
) -> None:
    with MariaDbServer(tmp_path / "maria") as server:
        database = {"db_host": "127.0.0.1", "db_port": server.port, "db_user": server.user}
        database |= {"db_password": server.password, "db_database": server.create("campaigns")}
        options = {"secret": SECRET, "data_dir": tmp_path / "campaigns"}
        harness = CampaignsHarness(bridge, mosquitto, database, options)
        service = await harness.start()
        view = await harness.plan(30, pace="900/minute")
        await harness.act(view["id"], "start")
        await harness.reach(view["id"], at_least=5)
        server.kill()
        await harness.until(lambda: "database" in service.problems())
        down = await harness.call("GET", f"/{view['id']}")
        assert (down.status_code, down.json()["code"]) == (503, "database_down")
        await asyncio.to_thread(server.start)
        await harness.until(lambda: not service.problems(), within=40)
        done = await harness.reach(view["id"], state="done", sent=30)
        assert (done["failed"], done["unknown"]) == (0, 0)
        assert times_sent(harness) == Counter({number(n): 1 for n in range(1, 31)})
        await harness.stop()


async def test_the_one_in_doubt_is_unknown_and_never_repeated_without_being_asked(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(1)
    harness.bridge.phone.send_mode = SendMode.ANSWER_LOST
    harness.bridge.phone.acks = ()  # an ack proves the send, and nothing is in doubt any more
    await harness.act(view["id"], "start")
    await harness.until(lambda: len(harness.bridge.phone.sent) == 1)
    # the bridge loses its store: it cannot know any more, and would send the same command again
    await harness.bridge.stop()
    harness.bridge.phone.send_mode = SendMode.NORMAL
    await harness.restart_bridge(without_store=True)
    doubt = await harness.reach(view["id"], unknown=1, state="done")
    assert doubt["sent"] == 0
    [row] = await harness.rows(view["id"])
    assert row["code"] == "new_store"
    refused = await harness.call("POST", f"/{view['id']}/retry")
    assert refused.status_code == 409  # not repeated without being asked
    assert times_sent(harness) == Counter({number(1): 1})


async def test_a_campaign_waits_for_a_bridge_that_is_away_and_for_its_broker(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(20, pace="600/minute")
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], at_least=2)
    await harness.bridge.stop()
    harness.broker.kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(harness.broker.restart)
    await harness.restart_bridge()
    done = await harness.reach(view["id"], state="done")
    assert done["sent"] + done["unknown"] == 20
    assert set(times_sent(harness).values()) == {1}
    assert sum(times_sent(harness).values()) == 20


def listed_in_pages_of(size: int, harness: CampaignsHarness) -> list[int]:
    """The bridge lists fewer commands at once than it is asked for; returns how many each page has had."""
    assert harness.bridge.bridge is not None
    session, pages = harness.bridge.bridge.hosts[0].session, list[int]()
    assert session is not None
    lister = SendLister(session._outbox)

    async def answer(request: Request) -> Any:
        page: Any = await lister.answer(request.model_copy(update={"limit": size}))
        pages.append(len(page["sends"]))
        return page

    session.requests.answer("sends.list", answer)
    return pages


async def test_ticks_that_came_while_the_service_was_away_are_asked_for_without_a_key(
    harness: CampaignsHarness,
) -> None:
    service = await harness.start()
    assert service.settings.api_key is None
    view = await harness.plan(3)
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], state="done")
    await harness.stop()
    for message in harness.bridge.phone.sent:
        harness.bridge.phone.acknowledge(message.key.id, 3)
    harness.bridge.phone.incoming(f"{number(2)}@c.us", "¡gracias!")
    await harness.bridge.journalled(1)
    pages = listed_in_pages_of(2, harness)
    await harness.start()
    await harness.reach(view["id"], read=3, answered=1)
    assert pages[:2] == [2, 1]


@pytest.mark.parametrize(
    "command", [CampaignCommand("a-b_1", 7), CampaignCommand("x", 1, 1), CampaignCommand("x", 1, 1, 12)]
)
def test_the_id_of_a_command_names_its_recipient(command: CampaignCommand) -> None:
    assert CampaignCommand.parse(str(command)) == command
    assert CampaignCommand.parse(f"{command}/x") is None
