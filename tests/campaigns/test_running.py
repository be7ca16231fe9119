"""A campaign on the real bridge: sent once each, ticks, answers, opt-outs, pause, stop rules."""

from __future__ import annotations

import asyncio
import json
import time
from asyncio.subprocess import PIPE
from collections import Counter

from bridge.contract.lifecycle import AckLevel
from bridge.contract.limits import AccountLimits
from bridge.contract.payload import instant
from bridge.drivers.scripted.phone import SendMode
from tests.campaigns.conftest import FAST, CampaignsHarness, number
from tests.parts import require_binary


async def test_each_recipient_gets_its_text_once_and_the_numbers_add_up(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(30, variants=["Hola {{name}}", "Buenas {{name}}"])
    assert (view["state"], view["planned"], len(view["preview"])) == ("draft", 30, 5)
    await harness.act(view["id"], "start")
    done = await harness.reach(view["id"], state="done", sent=30)
    assert (done["failed"], done["unknown"], done["waiting"], done["sending"]) == (0, 0, 0, 0)
    rows = await harness.rows(view["id"])
    assert sorted(message.text for message in harness.bridge.phone.sent) == sorted(row["text"] for row in rows)
    assert {row["text"].split()[0] for row in rows} == {"Hola", "Buenas"}


async def test_ticks_and_the_first_answer_are_in_the_report(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(2)
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], state="done")
    phone = harness.bridge.phone
    for message in phone.sent:
        phone.acknowledge(message.key.id, AckLevel.DEVICE)
    [first_sent] = [message for message in phone.sent if message.key.remote.user == number(1)]
    phone.acknowledge(first_sent.key.id, AckLevel.READ)
    await harness.reach(view["id"], delivered=2, read=1)
    phone.incoming(f"{number(1)}@c.us", "=1+1 ¿qué es esto?")
    phone.incoming(f"{number(1)}@c.us", "otra cosa")
    await harness.reach(view["id"], answered=1)
    csv = (await harness.call("GET", f"/{view['id']}/report.csv")).content.decode("utf-8-sig")
    [header, first, second, end] = csv.split("\r\n")
    cells = dict(zip(header.split(";"), first.split(";"), strict=True))
    assert (cells["state"], cells["answer"]) == ("read", "'=1+1 ¿qué es esto?")
    assert (second.split(";")[3], end) == ("delivered", "")


async def test_who_opts_out_while_it_runs_is_left_out_and_by_the_next_plan_too(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(3, pace="30/minute", jitter=0.0)  # 4 s to the third
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], at_least=1)
    harness.bridge.phone.incoming(f"{number(3)}@c.us", "BAJA, por favor")
    done = await harness.reach(view["id"], state="done")
    assert (done["sent"], done["skipped"], done["skipped_by"]) == (2, 1, {"opted_out": 1})
    assert harness.sent_to(number(3)) == []
    others = [{"to": "sin número"}, {"to": number(3), "name": "B"}, {"to": number(4), "name": "C"}]
    again = await harness.plan(others)
    assert (again["planned"], again["skipped_by"], again["bad_row_count"]) == (1, {"opted_out": 1}, 1)
    harness.bridge.phone.incoming(f"{number(3)}@c.us", "alta")
    assert harness.service is not None
    await harness.read_up_to(2)
    assert await harness.service.people.opted_out([number(3)]) == set()


async def test_a_pause_stops_and_a_resume_goes_on_without_repeating(harness: CampaignsHarness) -> None:
    await harness.start(ahead=1)
    view = await harness.plan(12, pace="600/minute", jitter=0.0)
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], at_least=2)
    await harness.act(view["id"], "pause")
    paused = await harness.reach(view["id"], state="paused", sending=0)
    await asyncio.sleep(0.5)
    assert (await harness.view(view["id"]))["sent"] == paused["sent"] < 12
    refused = await harness.call("POST", f"/{view['id']}/start")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    await harness.act(view["id"], "resume")
    await harness.reach(view["id"], state="done", sent=12)
    assert len({message.key.remote for message in harness.bridge.phone.sent}) == len(harness.bridge.phone.sent) == 12


async def test_a_pause_takes_back_what_the_bridge_has_not_sent(harness: CampaignsHarness) -> None:
    await harness.start()
    harness.bridge.phone.limit(AccountLimits(reach_out_locked_until=instant(time.time() + 3600)))
    view = await harness.plan(8, stop_on=[])
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], sending=5)  # first messages wait for the lock, in the bridge
    await harness.act(view["id"], "pause")
    await harness.reach(view["id"], sending=0, waiting=8, state="paused")
    harness.bridge.phone.limit(AccountLimits())
    await harness.act(view["id"], "resume")
    await harness.reach(view["id"], state="done", sent=8)
    assert len({message.key.remote for message in harness.bridge.phone.sent}) == len(harness.bridge.phone.sent) == 8


async def test_a_lock_stops_it_and_nothing_is_lost(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(5, pace="600/minute")
    harness.bridge.phone.limit(AccountLimits(reach_out_locked_until=instant(time.time() + 3600)))
    await harness.act(view["id"], "start")
    stopped = await harness.reach(view["id"], state="stopped")
    assert (stopped["reason"], stopped["waiting"] + stopped["sending"], stopped["sent"]) == ("reach_out_locked", 5, 0)
    assert "lock" in stopped["text"]


async def test_many_failures_stop_it(harness: CampaignsHarness) -> None:
    await harness.start()
    harness.bridge.phone.send_mode = SendMode.REFUSED
    view = await harness.plan(60)
    await harness.act(view["id"], "start")
    stopped = await harness.reach(view["id"], state="stopped", sending=0)
    assert stopped["reason"] == "failure_rate"
    assert 20 <= stopped["failed"] < 60
    harness.bridge.phone.send_mode = SendMode.NORMAL
    await harness.act(view["id"], "retry")
    done = await harness.reach(view["id"], state="done")
    assert (done["sent"], done["failed"]) == (60, 0)


async def test_a_question_comes_first_and_the_text_only_after_a_yes(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(2, variants=["El cupón es AGOSTO"], ask_first="Hola {{name}}, ¿te mando el cupón?")
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], state="done", sent=2)
    harness.bridge.phone.incoming(f"{number(1)}@c.us", "Sí, dale!")
    harness.bridge.phone.incoming(f"{number(2)}@c.us", "no sé, cuánto sale?")
    await harness.reach(view["id"], answered=2, state="done")
    await harness.until(lambda: len(harness.sent_to(number(1))) == 2)
    assert harness.sent_to(number(1)) == ["Hola Persona 1, ¿te mando el cupón?", "El cupón es AGOSTO"]
    assert len(harness.sent_to(number(2))) == 1
    await harness.reach(view["id"], state="done", sending=0)
    plan = {"name": "Otra", "variants": ["¿Lo vieron?"], **FAST}
    follow = await harness.call("POST", "", {**plan, "follow_up": {"campaign": view["id"], "who": "not_answered"}})
    assert follow.status_code == 400
    assert "No recipient is left" in follow.json()["detail"]


async def test_progress_is_retained_on_mqtt_and_events_are_published(harness: CampaignsHarness) -> None:
    require_binary("mosquitto_sub", "mosquitto-clients")
    topics = ["-t", "wa/haby/campaign/agosto", "-t", "wa/haby/campaign/agosto/event"]
    broker = harness.broker
    login = ["-p", str(broker.port), "-u", "admin", "-P", broker.passwords["admin"]]
    await harness.start()
    view = await harness.plan(3, id="agosto", name="Cupones")
    reader = await asyncio.create_subprocess_exec("mosquitto_sub", *login, *topics, "-v", "-W", "20", stdout=PIPE)
    assert reader.stdout is not None
    try:
        await harness.act(view["id"], "start")
        progress: dict[str, object] = {}
        kinds: list[str] = []
        while progress.get("state") != "done" or "done" not in kinds:
            line = (await reader.stdout.readline()).decode()
            topic, _, body = line.partition(" ")
            fields = json.loads(body)
            if topic.endswith("/event"):
                kinds.append(fields["kind"])
            else:
                progress = fields
    finally:
        reader.kill()
        await reader.wait()
    assert (progress["planned"], progress["sent"], progress["name"], progress["v"]) == (3, 3, "Cupones", 1)
    assert kinds[-2:] == ["started", "done"]


async def test_a_file_that_the_bridge_does_not_have_is_a_failure_with_its_code(harness: CampaignsHarness) -> None:
    await harness.start()
    view = await harness.plan(1, media={"kind": "image", "sha256": "a" * 64})
    await harness.act(view["id"], "start")
    failed = await harness.reach(view["id"], failed=1)
    assert failed["failed_by"] == {"media_unavailable": 1}


async def test_the_bridge_says_whose_a_lid_is(harness: CampaignsHarness) -> None:
    harness.bridge.phone.answers["contacts.get"] = {"from_pn": f"{number(1)}@c.us"}
    await harness.start()
    view = await harness.plan([{"to": to, "name": "Ana"} for to in ("111@lid", number(1))])
    assert (view["planned"], view["skipped_by"]) == (1, {"duplicates": 1})
    assert view["preview"][0]["to"] == number(1)


async def test_a_campaign_whose_session_is_logged_out_says_so_and_goes_on_once_it_is_paired(
    harness: CampaignsHarness,
) -> None:
    await harness.start()
    view = await harness.plan(12, pace="600/minute")
    await harness.act(view["id"], "start")
    await harness.reach(view["id"], at_least=2)
    harness.bridge.phone.log_out()
    waiting = await harness.reach(view["id"], state="running", reason="logged_out")
    assert "pair it again" in waiting["text"]
    harness.bridge.phone.pair()
    done = await harness.reach(view["id"], state="done")
    assert (done["sent"] + done["unknown"], done["failed"]) == (12, 0)
    assert set(Counter(message.key.remote.user for message in harness.bridge.phone.sent).values()) == {1}
