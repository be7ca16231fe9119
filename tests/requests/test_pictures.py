"""Pictures and descriptions that requests give to groups and to the account."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from bridge.sandbox.group_records import GroupSettings
from tests.drivers.worlds import ANA, GROUP
from tests.loopback import http_client
from tests.requests.conftest import RunningBridge

PNG = (Path(__file__).parents[1] / "samples" / "red.png").read_bytes()


def inline(content: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(content).decode()}


async def upload(running: RunningBridge, content: bytes) -> dict[str, str]:
    sha256 = hashlib.sha256(content).hexdigest()
    async with running.client() as client:
        headers = {"Content-Type": "application/octet-stream"}
        (await client.post("/v1/media", content=content, headers=headers)).raise_for_status()
    return {"sha256": sha256}


async def shown(running: RunningBridge, path: str | None) -> bytes:
    """The picture as the service has it."""
    assert path is not None
    async with http_client(running.sandbox.url) as client:
        return (await client.get(path)).content


def error_of(response: dict[str, Any]) -> tuple[str, str]:
    return response["status"], response["error"]["code"]


async def test_groups_and_the_account_get_pictures(running: RunningBridge) -> None:
    world = running.world
    asked = {"subject": "Con foto", "people": [ANA], "description": "Horarios: 8 a 17", "picture": inline(PNG)}
    made = await running.ask("groups.create", id="with-picture", **asked)
    assert (made["status"], made["data"]["failed"]) == ("done", [])
    chat, group = world.groups.group(made["data"]["group"])
    assert group.description == "Horarios: 8 a 17"
    first = await shown(running, group.picture)
    assert first.startswith(b"\xff\xd8"), "the page draws it again as JPEG"
    stored = await upload(running, PNG)
    again = await running.ask("groups.create", id="with-picture", **{**asked, "picture": stored})
    assert again == made, "the same bytes are the same request, however they come"
    other = await running.ask("groups.create", id="with-picture", **{**asked, "picture": {"sha256": "0" * 64}})
    assert error_of(other) == ("failed", "conflict")
    group.picture = None
    changed = await running.ask("groups.update", group=chat.id, picture=stored, subject="Con otra foto")
    assert changed["data"] == {"group": chat.id, "changed": ["subject", "picture"], "failed": []}
    assert await shown(running, group.picture) == first
    assert (await running.ask("contacts.picture", contact=chat.id))["data"]["state"] == "ready"
    assert (await running.ask("profile.set", about="Con foto", picture=inline(PNG)))["status"] == "done"
    assert await shown(running, world.state.profile.picture) == first


async def test_a_picture_that_cannot_be_used_changes_nothing(running: RunningBridge) -> None:
    made = await running.ask("groups.create", subject="Sin foto", people=[ANA])
    group, chats = made["data"]["group"], len(running.world.state.chats)
    large = await upload(running, PNG + bytes(20_000_000 - len(PNG)))
    for picture, code, why in (
        (large, "too_large", "has 20,000,000 bytes; a profile picture has at most 10,000,000"),
        (inline(b"hola"), "media_unsupported", "which is no picture"),
        (inline(PNG[:100]), "media_unsupported", "damaged"),
        ({"sha256": "0" * 64}, "media_unavailable", "has no file"),
        ({"url": "http://10.0.0.1/logo.png"}, "media_unavailable", "10.0.0.1"),
        (inline(PNG) | large, "invalid", "exactly one"),
        (inline(bytes(262_145)), "too_large", "262,144 are allowed"),
    ):
        for action, more in (
            ("groups.update", {"group": group, "subject": "Otro"}),
            ("groups.create", {"subject": "Nada", "people": [ANA]}),
            ("profile.set", {"name": "Otra"}),
        ):
            refused = await running.ask(action, **more, picture=picture)
            assert error_of(refused) == ("failed", code), (action, refused)
            assert why in refused["error"]["text"], (action, refused)
    assert running.world.groups.group(group)[0].name == "Sin foto"
    assert len(running.world.state.chats) == chats
    assert running.world.state.profile.name != "Otra"
    running.world.groups.change(GROUP, GroupSettings(restrict=True), by=ANA)
    try:
        while (found := await running.ask("groups.get", group=GROUP))["data"]["restrict"] is not True:
            pass
        assert found["data"]["admin"] is False
        refused = await running.ask("groups.update", group=GROUP, picture=inline(PNG))
        assert error_of(refused) == ("failed", "not_allowed")
    finally:
        running.world.groups.change(GROUP, GroupSettings(restrict=False), by=ANA)
