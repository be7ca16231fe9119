"""Profile pictures: stored once, fetched again when they change, and kept while they are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.contract.errors import TooLarge
from bridge.contract.jid import Jid
from bridge.contract.requests import PictureGet
from bridge.core.media_links import MediaLinks
from bridge.core.media_policy import MediaPolicy
from bridge.core.people import People
from bridge.core.pictures import LIMIT, Pictures
from bridge.core.shared_media import SharedMedia
from bridge.ports import DriverUnavailable
from bridge.store.erasure import erase_session
from bridge.store.media_files import MediaFiles
from bridge.store.media_references import files_of, references
from bridge.store.redaction import ErasedPerson
from tests.core.commands import ANA
from tests.core.conftest import SessionHarness

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(1000)


async def test_a_picture_is_stored_once_and_again_when_it_changed(harness: SessionHarness, tmp_path: Path) -> None:
    await harness.start()
    shared = SharedMedia(MediaFiles(tmp_path / "files"), MediaPolicy(), MediaLinks("http://localhost:3011", b"secret"))
    people = People("haby", harness.store.people, harness.store.memory, harness.clock.now)
    people.note_own("5491155500000@c.us")
    pictures = Pictures("haby", harness.session._driver, harness.store.media, shared, people, harness.clock)
    ask = PictureGet(contact="011 15 5550-0001")
    assert await pictures.answer(ask) == {
        **dict.fromkeys(("url", "sha256", "size", "mimetype")),
        "contact": ANA,
        "state": "none",
    }
    harness.phone.pictures[Jid.parse(ANA)] = JPEG
    first = await pictures.answer(ask)
    assert (first["state"], first["size"], first["mimetype"]) == ("ready", len(JPEG), "image/jpeg")
    assert first["url"].startswith(f"http://localhost:3011/v1/media/{first['sha256']}?")
    assert (await pictures.answer(ask))["sha256"] == first["sha256"]
    assert first["sha256"] in references(harness.path.parent.parent).messages["haby"]
    person = ErasedPerson.of(ANA)
    assert files_of(harness.path, person) == {first["sha256"]}
    assert erase_session(harness.path, person, marks=False, dry_run=True)["pictures"] == 1
    await shared.store.delete(first["sha256"])  # as the retention does
    assert (await pictures.answer(ask))["sha256"] == first["sha256"]
    assert await shared.store.find(first["sha256"]) is not None
    harness.phone.pictures[Jid.parse(ANA)] = JPEG + b"newer"
    newer = await pictures.answer(ask)
    assert newer["sha256"] != first["sha256"]
    assert await harness.store.media.picture_with(first["sha256"]) is None
    harness.phone.pictures[Jid.parse(ANA)] = bytes(LIMIT + 1)
    with pytest.raises(TooLarge):
        await pictures.answer(ask)
    harness.phone.pictures.clear()
    assert (await pictures.answer(ask))["state"] == "none"
    assert await harness.store.media.picture_with(newer["sha256"]) is None
    harness.phone.link_up = False
    with pytest.raises(DriverUnavailable):
        await pictures.answer(ask)
