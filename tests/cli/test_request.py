"""`wa request`, and the options of `wa send` that kinds bring along."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.contract.jid import Jid
from tests.cli.conftest import ScriptedBridge, Wa
from tests.client.conftest import QUICK

TO, ANA = "5491155500001", Jid.parse("5491155500001@c.us")


async def test_an_action_is_carried_out(harness: ScriptedBridge, wa: Wa) -> None:
    harness.phone.chats = {ANA}
    await harness.start()
    done = await wa("request", "typing", f"to={TO}", "seconds=20", "--json")
    assert (done.code, json.loads(done.out)["status"]) == (0, "done")
    assert harness.phone.typing == {ANA}


async def test_the_same_id_gives_the_same_response(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    first, again = [await wa("request", "chats.read", f"chat={TO}", "id=r1", "--json") for _ in range(2)]
    assert (first.code, json.loads(first.out)["status"]) == (0, "done")
    assert (again.code, again.out) == (0, first.out)
    other = await wa("request", "chats.read", "chat=5491155500002", "id=r1")
    assert (other.code, "Use a new id" in other.err) == (1, True)
    assert len(harness.phone.changes) == 1


async def test_a_long_action_shows_how_far_it_is(harness: ScriptedBridge, wa: Wa) -> None:
    harness.limits = replace(QUICK, mqtt=replace(QUICK.mqtt, first_progress=0.05))
    harness.phone.delay = 1.0
    await harness.start()
    done = await wa("request", "contacts.check", f"contacts={TO}, 011 15 5550-0002, hola", "--json")
    assert done.code == 0, done.err
    found = [(one["exists"], one.get("code")) for one in json.loads(done.out)["data"]["contacts"]]
    assert found == [(True, None), (True, None), (None, "invalid")]
    assert "contacts.check: 1 of 3" in done.err


async def test_a_list_is_printed_as_csv_that_runs_no_formula(harness: ScriptedBridge, wa: Wa) -> None:
    members = [
        {"address": f"{TO}@c.us", "name": '=cmd|"/c calc"!A0', "admin": True},
        {"address": "1@lid", "name": None},
    ]
    harness.phone.answers["groups.get"] = {"group": "120363000000000001@g.us", "children": [], "members": members}
    await harness.start()
    done = await wa("request", "groups.get", "group=120363000000000001@g.us", "--csv")
    assert done.code == 0, done.err
    assert list(csv.reader(done.out.splitlines())) == [
        ["address", "person", "from_pn", "from_lid", "name", "admin", "owner", "me"],
        [f"{TO}@c.us", "", "", "", '\'=cmd|"/c calc"!A0', "true", "", ""],
        ["1@lid", "", "", "", "", "", "", ""],
    ]


async def test_a_picture_is_the_path_of_a_file(harness: ScriptedBridge, wa: Wa, tmp_path: Path) -> None:
    content = (Path(__file__).parents[1] / "samples" / "red.png").read_bytes()
    (tmp_path / "logo.png").write_bytes(content)
    await harness.start()
    done = await wa("request", "profile.set", "picture=logo.png")
    assert done.code == 0, done.err
    assert harness.phone.changes[0].arguments["picture"]["sha256"] == hashlib.sha256(content).hexdigest()
    missing = await wa("request", "profile.set", "picture=none.png")
    assert (missing.code, "cannot be read" in missing.err) == (2, True)


async def test_the_actions_are_listed_without_a_bridge(wa: Wa) -> None:
    listed = await wa("request")
    assert listed.code == 0
    assert "typing: Show" in listed.out


async def test_a_wrong_request_says_what_is_wrong(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    for arguments, said in (
        (("typing",), "to is missing"),
        (("typing", "5491155500001"), "is not name=value"),
        (("coins.toss",), "There is no action 'coins.toss'"),
        (("typing", "to=5491155500001", "timeout=5", "session=x"), "timeout is not a known field"),
    ):
        ended = await wa("request", *arguments)
        assert ended.code in (1, 2)
        assert said in ended.err


@pytest.mark.parametrize(
    ("option", "content"),
    [
        (
            ("--location", "-34.6037, -58.3816, Obelisco, Av. 9 de Julio, CABA"),
            {
                "location": {
                    "latitude": -34.6037,
                    "longitude": -58.3816,
                    "name": "Obelisco",
                    "address": "Av. 9 de Julio, CABA",
                }
            },
        ),
        (
            ("--contacts", "Ana:5491155500001,Beto:+54 9 11 5550-0002"),
            {"contacts": [{"name": "Ana", "phone": "5491155500001"}, {"name": "Beto", "phone": "5491155500002"}]},
        ),
    ],
)
async def test_an_option_sends_content(
    harness: ScriptedBridge, wa: Wa, option: tuple[str, str], content: dict[str, object]
) -> None:
    await harness.start()
    assert (await wa("send", TO, *option)).code == 0
    assert [sent.content.as_field() for sent in harness.phone.sent] == [content]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--location", "here"), "Invalid value for '--location'"),
        (("--location", "95,0"), "location.latitude: must be at most 90"),
        (("Hola", "--location", "1,2"), "Give a TEXT or one content option"),
        (("--contacts", "Ana:hola"), "is not a phone number"),
    ],
)
async def test_wrong_content_is_refused(harness: ScriptedBridge, wa: Wa, arguments: tuple[str, ...], said: str) -> None:
    await harness.start()
    ended = await wa("send", TO, *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert harness.phone.sent == []
