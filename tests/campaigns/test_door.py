"""Campaigns at the bridge's HTTP server: passed on with its keys and scopes, or refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.contract.campaign_reports import CampaignView, RecipientList
from bridge.http.credentials import new_key
from bridge.ports import Scope
from bridge.store import BRIDGE_STORE, BridgeStore
from tests.campaigns.conftest import FAST, SECRET, CampaignsHarness, number
from tests.http.conftest import HttpBridge
from tests.loopback import http_client

OCTETS = {"content-type": "application/octet-stream"}
PLAN: dict[str, Any] = {"name": "Cupones", "variants": ["Hola {{nombre}}, saldo {{saldo|0}}"], **FAST}


def client(harness: CampaignsHarness, **options: Any) -> httpx.AsyncClient:
    return http_client(harness.url, timeout=30, **options)


async def test_a_whole_campaign_from_a_file_to_its_report(harness: CampaignsHarness) -> None:
    await harness.start()
    lines = ["Teléfono;Nombre;Saldo", f"{number(1)};Ana;1.200", f"+{number(2)};Beto;", "x;Caro;", f"{number(1)};;"]
    async with client(harness) as http:
        made = await http.post("/v1/campaigns/lists?name=clientes.csv", content="\n".join(lines), headers=OCTETS)
        assert made.status_code == 201, made.text
        found = RecipientList.model_validate_json(made.content)
        assert (found.rows, found.duplicates, found.bad_row_count) == (2, 1, 1)
        assert [(row.line, row.code) for row in found.bad_rows] == [(4, "not_a_number")]
        dry = await http.post("/v1/campaigns?dry_run=true", json={**PLAN, "list": found.id})
        assert (dry.status_code, (await http.get("/v1/campaigns")).json()) == (200, {"campaigns": []})
        view = CampaignView.model_validate_json(
            (await http.post("/v1/campaigns", json={**PLAN, "list": found.id})).content
        )
        assert [one.text for one in view.preview] == ["Hola Ana, saldo 1.200", "Hola Beto, saldo 0"]
        assert (await http.post(f"/v1/campaigns/{view.id}/start")).status_code == 200
        await harness.reach(view.id, state="done", sent=2)
        report = await http.get(f"/v1/campaigns/{view.id}/report.csv")
        assert report.headers["content-disposition"] == f'attachment; filename="{view.id}.csv"'
        assert report.text.count("\r\n") == 3
        history = (await http.get(f"/v1/campaigns/{view.id}/history")).json()
        assert sum(bucket["sent"] for bucket in history["buckets"]) == 2
        assert (await http.delete(f"/v1/campaigns/{view.id}")).status_code == 204
        assert (await http.get(f"/v1/campaigns/{view.id}")).status_code == 404
        assert (await http.delete(f"/v1/campaigns/lists/{found.id}")).status_code == 204


async def test_what_is_wrong_is_a_problem_with_what_to_do(harness: CampaignsHarness) -> None:
    await harness.start()
    async with client(harness) as http:
        refused = await http.post("/v1/campaigns/lists", content="nombre\nAna\n", headers=OCTETS)
        assert (refused.status_code, refused.json()["detail_code"]) == (400, "no_phone_column")
        assert refused.headers["content-type"] == "application/problem+json"
        wrong = await http.post("/v1/campaigns", json={**PLAN, "recipient": []})
        assert "recipient is not a known field" in wrong.json()["detail"]
        unknown = await http.post("/v1/campaigns", json={**PLAN, "recipients": [{"to": "1"}], "reply_to_none": "x"})
        assert (unknown.status_code, "reply_to_none is not a known field" in unknown.json()["detail"]) == (400, True)
        assert (await http.post("/v1/campaigns/nope/start")).json()["code"] == "not_found"
        assert (await http.post("/v1/campaigns/nope/fly")).status_code == 400
        large = await http.post("/v1/campaigns/lists", content=b"telefono\n" + b"1\n" * 200_001, headers=OCTETS)
        assert (large.status_code, "200,000 rows" in large.json()["detail"]) == (413, True)
    await harness.stop()
    async with client(harness) as http:
        down = await http.get("/v1/campaigns")
        assert (down.status_code, down.json()["code"], down.json()["transient"]) == (503, "campaigns_down", True)


async def test_a_plan_that_is_posted_again_is_one_campaign(harness: CampaignsHarness) -> None:
    await harness.start()
    plan = {**PLAN, "id": "cupones", "recipients": [{"to": number(n), "name": f"P{n}"} for n in range(1, 601)]}
    async with client(harness) as http:
        # the second comes while the first is planned, as after an answer that a proxy did not wait for
        both = await asyncio.gather(*(http.post("/v1/campaigns", json=plan) for _ in range(2)))
        assert [(one.status_code, one.json()["id"]) for one in both] == [(201, "cupones")] * 2
        assert (await http.post("/v1/campaigns/cupones/start")).status_code == 200
        again = await http.post("/v1/campaigns", json=plan)
        assert (again.status_code, again.json()["started_at"] is None) == (201, False)
        assert [one["id"] for one in (await http.get("/v1/campaigns")).json()["campaigns"]] == ["cupones"]
        other = await http.post("/v1/campaigns", json={**plan, "recipients": plan["recipients"][:1]})
        assert (other.status_code, other.json()["detail_code"]) == (409, "id_in_use")
        dry = await http.post("/v1/campaigns?dry_run=true", json=plan)
        assert (dry.status_code, dry.json()["detail_code"]) == (409, "id_in_use")


async def test_a_session_that_is_logged_out_is_said_at_the_start(harness: CampaignsHarness) -> None:
    service = await harness.start()
    view = await harness.plan(1)
    harness.bridge.phone.log_out()
    await harness.until(lambda: service.states.epoch("haby") is None)
    refused = await harness.call("POST", f"/{view['id']}/start")
    assert (refused.status_code, refused.json()["code"]) == (503, "not_connected")
    assert "pair" in refused.json()["detail"].lower() or "link" in refused.json()["detail"].lower()


async def test_keys_reach_only_their_sessions_and_scopes(harness: CampaignsHarness) -> None:
    service = await harness.start()
    mine = await harness.plan(1)
    await harness.act(mine["id"], "start")
    await harness.reach(mine["id"], state="done")
    harness.bridge.phone.incoming(f"{number(1)}@c.us", "un secreto")
    await harness.reach(mine["id"], answered=1)
    now = 1.0
    keys = {
        "listener": new_key("listener", [Scope.LISTEN], None, now),
        "sender": new_key("sender", [Scope.SEND], None, now),
        "both": new_key("both", [Scope.SEND, Scope.LISTEN], None, now),
        "other": new_key("other", [Scope.SEND], ["otra"], now),
    }
    async with BridgeStore(harness.bridge.settings.data_dir / BRIDGE_STORE, now=lambda: now) as store:
        for issued in keys.values():
            await store.access.add_key(issued.key)
    for name, listed, single, lists in (
        ("listener", 403, 403, 403),
        ("sender", 200, 200, 200),
        ("other", 200, 404, 403),
    ):
        async with client(harness, headers={"x-api-key": keys[name].text}) as http:
            assert (await http.get("/v1/campaigns")).status_code == listed, name
            assert (await http.get(f"/v1/campaigns/{mine['id']}")).status_code == single, name
            assert (await http.get("/v1/campaigns/lists")).status_code == lists, name
            if name == "other":
                assert (await http.get("/v1/campaigns")).json() == {"campaigns": []}
                assert (
                    await http.post("/v1/campaigns", json={**PLAN, "recipients": [{"to": number(1)}]})
                ).status_code == 400
    for name, shown in (("both", True), ("sender", False)):  # a key that only sends reads no message
        async with client(harness, headers={"x-api-key": keys[name].text}) as http:
            for page in ("recipients", "report.csv"):
                text = (await http.get(f"/v1/campaigns/{mine['id']}/{page}")).text
                assert ("un secreto" in text) is shown, (name, page)
    async with client(harness) as http:
        assert (await http.get("/v1/campaigns")).status_code == 401
    async with http_client() as http:
        for headers in ({}, {"x-api-key": "wrong"}):
            assert (await http.get(f"{service.url}/v1/campaigns", headers=headers)).status_code == 401
        assert (await http.get(f"{service.url}/health")).status_code == 200
    assert SECRET not in json.dumps((await harness.call("GET", "")).json())


@pytest.mark.parametrize("path", ["", "/lists", "/opt-outs", "/x", "/x/recipients", "/x/report.csv"])
async def test_without_a_service_each_path_says_how_to_start_one(tmp_path: Path, path: str) -> None:
    side = HttpBridge(tmp_path / "data")
    await side.start(until=None)
    try:
        async with side.client() as http:
            answer = await http.get(f"/v1/campaigns{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "no_campaigns")
            assert "wa up" in answer.json()["detail"]
    finally:
        await side.stop()


async def test_opt_outs_by_an_operator(harness: CampaignsHarness) -> None:
    await harness.start()
    async with client(harness) as http:
        assert (await http.post("/v1/campaigns/opt-outs", json={"to": "+54 11 5550-0009"})).status_code == 204
        [one] = (await http.get("/v1/campaigns/opt-outs")).json()["opt_outs"]
        assert (one["to"], one["source"]) == ("5491155500009", "operator")
        view = await harness.plan([{"to": "5491155500009", "name": "x"}, {"to": number(1), "name": "y"}])
        assert view["skipped_by"] == {"opted_out": 1}
        assert (await http.delete("/v1/campaigns/opt-outs/5491155500009")).status_code == 204
        assert (await http.get("/v1/campaigns/opt-outs")).json() == {"opt_outs": []}
