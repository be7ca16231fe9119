"""Planning: texts frozen from a seed, rows that cannot be used named, and plans that are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.campaign_reports import ReportRow
from bridge.contract.campaigns import CampaignPlan, CampaignState, RecipientState
from bridge.contract.lifecycle import AckName
from bridge.contract.replays import Cursor
from bridge.sql.database import SqlDatabase, while_down
from bridge.sql.errors import DatabaseDown
from campaigns.commands import CampaignCommand
from campaigns.errors import CampaignError, NoSuchCampaign, WrongState
from campaigns.planning import Planner
from campaigns.settings import load
from campaigns.store.campaigns import CampaignStore
from campaigns.store.contact_lists import RecipientListStore
from campaigns.store.erasure import erase
from campaigns.store.people import Heard, HeardPeople
from campaigns.store.recipients import RecipientStore
from campaigns.store.schema import SCHEMA
from campaigns.views import report_row
from tests.campaigns.conftest import number
from tests.mariadb_server import MariaDbServer

NOW = 1_790_000_000.0


class Desk:
    """A planner on a database."""

    def __init__(self, database: SqlDatabase) -> None:
        self.campaigns, self.recipients = CampaignStore(database), RecipientStore(database)
        self.people = HeardPeople(database)
        lists = RecipientListStore(database)
        self.numbers: dict[str, str] = {}
        self.at_numbers: Callable[[], None] = lambda: None

        async def numbers(_: str, lids: Collection[str]) -> dict[str, str]:
            self.at_numbers()
            return {lid: self.numbers[lid] for lid in lids if lid in self.numbers}

        self.planner = Planner(
            *(self.campaigns, self.recipients, lists, self.people, lambda: ["haby"], lambda: NOW), numbers=numbers
        )

    async def plan(self, **fields: Any) -> str:
        plan = {"name": "x", "variants": ["Hola {{name}}"], "recipients": [], **fields}
        return await self.planner.plan(CampaignPlan.model_validate(plan))

    async def rows(self, campaign: str) -> list[ReportRow]:
        return [report_row(row) for row in await self.recipients.page(campaign, 0, 1000)]


@pytest.fixture
def desk(database: SqlDatabase) -> Desk:
    return Desk(database)


def people(count: int) -> list[dict[str, Any]]:
    return [{"to": number(n), "name": f"P{n}"} for n in range(count)]


async def test_the_same_seed_gives_the_same_texts(desk: Desk) -> None:
    variants = ["a {{name}}", "b {{name}}", "c {{name}}"]
    one, two, other = [
        [row.text for row in await desk.rows(await desk.plan(recipients=people(600), variants=variants, seed=seed))]
        for seed in (1, 1, 2)
    ]
    assert one == two != other
    assert {text[0] for text in one} == {"a", "b", "c"}


async def test_rows_without_a_variable_are_named_and_not_written_to(desk: Desk) -> None:
    recipients = [{"to": number(1), "name": "Ana"}, {"to": number(2)}, {"to": "x"}, {"to": number(3), "name": "  "}]
    campaign = await desk.campaigns.get(await desk.plan(recipients=recipients))
    assert [row.line for row in campaign.bad_rows] == [3, 2, 4] or {row.line for row in campaign.bad_rows} == {2, 3, 4}
    assert campaign.bad_row_count == 3
    assert [row.text for row in await desk.rows(campaign.id)] == ["Hola Ana"]


async def test_a_person_gets_one_message_whatever_the_spelling(desk: Desk) -> None:
    other = f"+54 11 555-{number(1)[-5:]}"
    recipients = [{"to": number(1)}, {"to": number(1), "name": "A"}, {"to": other, "name": "B"}]
    rows = await desk.rows(await desk.plan(recipients=recipients))
    # the first row cannot be used, so it takes nothing from the second
    assert [(row.n, row.state, row.code) for row in rows] == [(2, "waiting", None), (3, "skipped", "duplicates")]


async def test_a_number_and_the_lid_of_a_person_are_one_recipient_where_that_is_known(desk: Desk) -> None:
    desk.numbers = {"111@lid": f"54{number(1).removeprefix('549')}"}  # in another spelling
    recipients = [{"to": to, "name": "A"} for to in (number(1), "111@lid", "222@lid", "222@lid", number(2))]
    rows = await desk.rows(await desk.plan(recipients=recipients))
    assert [(row.n, row.to, row.code) for row in rows] == [
        (1, number(1), None),
        (2, desk.numbers["111@lid"], "duplicates"),
        (3, "222@lid", None),
        (4, "222@lid", "duplicates"),
        (5, number(2), None),
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"session": "otra"}, "There is no session otra"),
        ({"start_at": "2020-01-01T00:00:00Z"}, "in the past"),
        ({"variants": ["{% for x in y %}"]}, "which is no variable"),
        ({"variants": ["{{saldo}}"]}, "No recipient is left. Line 1 the variable saldo is empty"),
        ({"recipients": None, "list": "none"}, "no list with this id"),
        ({"recipients": None, "follow_up": {"campaign": "none", "who": "failed"}}, "no campaign or list"),
        ({"pace": "1/day", "recipients": people(4000)}, "more than ten years"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused_and_leaves_nothing(
    desk: Desk, fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CampaignError, match=sentence):
        await desk.plan(**{"recipients": people(1), **fields})
    assert await desk.campaigns.find() == []


async def test_an_id_in_use_is_refused_and_the_first_campaign_stays(desk: Desk) -> None:
    await desk.plan(recipients=people(2), id="uno")
    with pytest.raises(CampaignError, match="already"):
        await desk.plan(recipients=people(3), id="uno")
    assert len(await desk.rows("uno")) == 2


async def test_a_plan_is_known_again_by_its_id_and_all_that_it_says(desk: Desk) -> None:
    fields = {"id": "uno", "name": "x", "variants": ["Hola"], "recipients": people(2)}
    plan = CampaignPlan.model_validate(fields)
    assert not await desk.campaigns.has(plan)
    await desk.planner.plan(plan, keep=False)
    assert not await desk.campaigns.has(plan)  # a dry run is none
    await desk.planner.unfinished.drop("uno")
    await desk.planner.plan(plan)
    assert await desk.campaigns.has(CampaignPlan.model_validate(fields))
    for changed in ({"recipients": people(3)}, {"variants": ["Chau"]}, {"id": "UNO"}):
        assert not await desk.campaigns.has(CampaignPlan.model_validate(fields | changed)), changed
    await desk.campaigns.delete("uno")
    assert not await desk.campaigns.has(plan)


async def test_nothing_of_an_erased_person_is_in_what_is_kept_of_a_plan(desk: Desk, database: SqlDatabase) -> None:
    """With the rest of the plan, its digest would say whether a number was among the recipients."""
    plans = [
        CampaignPlan.model_validate({"id": name, "name": "x", "variants": ["Hola"], "recipients": people(count)})
        for name, count in (("few", 2), ("many", 3))
    ]
    for plan in plans:
        await desk.planner.plan(plan)
    await erase(database, {f"{number(2)}@c.us"})
    assert [await desk.campaigns.has(plan) for plan in plans] == [True, False]


async def test_a_plan_that_the_database_cuts_off_does_not_keep_its_id(tmp_path: Path) -> None:
    with MariaDbServer(tmp_path / "maria") as server:
        access = {"db_host": "127.0.0.1", "db_port": server.port, "db_user": server.user}
        access |= {"db_password": server.password, "db_database": server.create("campaigns")}
        async with SqlDatabase(load(data_dir=tmp_path, **access).database_url) as database:
            await SCHEMA.migrate(database)
            desk = Desk(database)
            desk.at_numbers = server.kill
            recipients = [{"to": "111@lid", "name": "A"}]
            with pytest.raises(DatabaseDown):
                await desk.plan(id="uno", recipients=recipients)
            desk.at_numbers = lambda: None
            await asyncio.to_thread(server.start)
            assert await while_down(lambda: desk.plan(id="uno", recipients=recipients)) == "uno"
            assert [row.to for row in await desk.rows("uno")] == ["111@lid"]
            assert (await desk.campaigns.get("uno")).state is CampaignState.DRAFT


async def test_the_draft_of_a_dry_run_is_never_seen(desk: Desk) -> None:
    plan = CampaignPlan.model_validate({"id": "uno", "name": "x", "variants": ["Hola"], "recipients": people(2)})
    await desk.planner.plan(plan, keep=False)
    assert await desk.campaigns.find() == []
    with pytest.raises(NoSuchCampaign):
        await desk.campaigns.get("uno")
    assert (await desk.campaigns.get("uno", unfinished=True)).id == "uno"
    await desk.planner.unfinished.drop("uno")
    assert await desk.planner.plan(plan) == "uno"


async def test_a_retry_moves_campaign_and_recipients_together_or_not_at_all(desk: Desk) -> None:
    campaign = await desk.plan(recipients=people(1))
    await desk.campaigns.move(campaign, *_running(), NOW)
    [waiting] = await desk.recipients.waiting(campaign, 5)
    claimed = await desk.recipients.claim(waiting, "e1", NOW, NOW + 60)
    assert claimed is not None
    await desk.recipients.finish(claimed, RecipientState.FAILED, NOW, code="invalid_request")
    await desk.campaigns.move(campaign, CampaignState.RUNNING, CampaignState.PAUSED, NOW)
    with pytest.raises(WrongState, match="just changed"):
        await desk.campaigns.retry(campaign, CampaignState.DONE, NOW)
    assert [row.state for row in await desk.rows(campaign)] == ["failed"]
    await desk.campaigns.retry(campaign, CampaignState.PAUSED, NOW)
    assert [row.state for row in await desk.rows(campaign)] == ["waiting"]
    await desk.campaigns.move(campaign, CampaignState.RUNNING, CampaignState.PAUSED, NOW)
    with pytest.raises(WrongState, match="Nothing failed"):
        await desk.campaigns.retry(campaign, CampaignState.PAUSED, NOW)
    assert (await desk.campaigns.get(campaign)).state is CampaignState.PAUSED


async def test_a_tick_resolves_a_doubt_and_never_goes_back(desk: Desk) -> None:
    campaign = await desk.plan(recipients=people(1))
    await desk.campaigns.move(campaign, *_running(), NOW)
    [waiting] = await desk.recipients.waiting(campaign, 5)
    claimed = await desk.recipients.claim(waiting, "e1", NOW, NOW + 60)
    assert claimed is not None
    assert await desk.recipients.claim(waiting, "e1", NOW, NOW + 60) is None
    await desk.recipients.finish(claimed, RecipientState.UNKNOWN, NOW, code="new_store")
    command = CampaignCommand(campaign, 1)
    for ack, state in ((AckName.ERROR, "unknown"), (AckName.READ, "read"), (AckName.SERVER, "read")):
        await desk.recipients.tick([(command, ack, NOW + 5)])
        assert [row.state for row in await desk.rows(campaign)] == [state]
    [row] = await desk.rows(campaign)
    assert (row.sent_at, row.read_at, row.code) == (row.delivered_at, row.delivered_at, None)
    assert await desk.recipients.tick([(CampaignCommand(campaign, 1, 0, 2), AckName.READ, NOW)]) == set()


async def test_an_opt_out_counts_in_every_session_and_spelling(desk: Desk) -> None:
    heard = Heard(("5491155500001", "123@lid"), NOW, "baja", opts_out=True, opts_in=False, agrees=False)
    await desk.people.record("another", [heard, heard], Cursor(epoch="e", seq=4))
    await desk.people.record("another", [], Cursor(epoch="e", seq=5))
    assert await desk.people.cursor("another") == Cursor(epoch="e", seq=5)
    recipients = [{"to": "54 11 5550-0001", "name": "A"}, {"to": number(2), "name": "B"}]
    rows = await desk.rows(await desk.plan(recipients=recipients))
    assert [row.code for row in rows] == ["opted_out", None]


def _running() -> tuple[CampaignState, CampaignState]:
    return CampaignState.DRAFT, CampaignState.RUNNING


async def test_an_erased_person_leaves_a_report_that_adds_up(desk: Desk, database: SqlDatabase) -> None:
    campaign = await desk.plan(recipients=[*people(2), {"to": "5491155500001", "name": "Ana"}])
    await desk.people.opt_out(["5491155500001"], NOW, "operator")
    found = await erase(database, {"5491155500001@c.us", "541155500001@c.us"}, dry_run=True)
    assert found == await erase(database, {"5491155500001@c.us", "541155500001@c.us"})
    assert found == {"contacts": 0, "times": 0, "still open": 0, "recipients": 2, "opt-outs kept": 1}
    rows = await desk.rows(campaign)
    assert [(row.to, row.name, row.text) for row in rows if row.n != 1] == [("", None, ""), ("", None, "")]
    counts = (await desk.campaigns.counts([campaign]))[campaign]
    assert (counts.planned, counts.skipped) == (1, 2)
    assert await desk.people.opted_out(["5491155500001"]) == {"5491155500001"}
