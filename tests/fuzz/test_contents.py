"""Any content is refused with a code, or goes unchanged through parsing, the store and the driver's call to an end."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from playwright._impl._driver import compute_driver_executable

from bridge.contract.commands import SendCommand, parse_json
from bridge.contract.errors import ERRORS, CodedError
from bridge.contract.kinds import KINDS, VARIANTS, dump_content, load_content
from tests.core.commands import ANA
from tests.core.conftest import HERE, SessionHarness
from tests.file_host import endless, file_host, redirect
from tests.fuzz.values import ADDRESSES, ANY_TEXT, BUDGET, EXAMPLES, nearly
from tests.sample_files import JPEG, MP4

DRIVERS = Path(__file__).parents[1] / "drivers"
TEXT = st.one_of(st.text(max_size=30), ANY_TEXT, st.sampled_from(["a;b,c\\d:\n", "\u202e", "👩‍👩‍👧", "x" * 70_000]))
NUMBER = st.one_of(st.floats(-200, 200), st.floats(), st.integers(-(2**60), 2**60))
ID = st.sampled_from([f"false_{ANA}_3EB0C0FFEE", f"true_{ANA}_3EB0C0FFEE", "3EB0C0FFEE", "x", "true_x_y"])
FILE = {
    "data": st.sampled_from([base64.b64encode(JPEG).decode(), "", "no base64", "AAAA"]),
    "sha256": st.sampled_from(["0" * 64, "x"]),
    "mimetype": st.sampled_from(["image/jpeg", "text/html", "a/b;c", "none"]),
    "filename": TEXT,
    "caption": TEXT,
    "view_once": st.booleans(),
    "hd": st.booleans(),
    "gif": st.booleans(),
    "note": st.booleans(),
}
CARD = nearly({"name": TEXT, "phone": ADDRESSES, "vcard": TEXT})
#: Bytes of the largest file that may be sent here.
LIMIT = 200_000
WORDS = st.text(min_size=1, max_size=30)
#: What is mostly right: it gets further.
PLACES = st.fixed_dictionaries(
    {"latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180)}, optional={"name": WORDS, "address": WORDS}
)
CARDS: st.SearchStrategy[Any] = st.fixed_dictionaries({"name": WORDS, "phone": st.just("5491155500001")}) | st.builds(
    dict, vcard=WORDS
)
POLLS = st.fixed_dictionaries(
    {"name": WORDS, "options": st.lists(WORDS, min_size=2, max_size=12, unique=True)}, optional={"max": st.just(1)}
)
FILES = st.fixed_dictionaries(
    {"data": st.just(base64.b64encode(JPEG).decode())}, optional={"caption": WORDS, "filename": WORDS}
)
#: Kinds whose call needs neither a browser's file nor an earlier message.
ALONE = {"text", "location", "contacts", "poll"}
#: By the content field; the rest have a file.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "message": TEXT,
    "location": PLACES | nearly({"latitude": NUMBER, "longitude": NUMBER, "name": TEXT, "address": TEXT}),
    "contacts": st.lists(CARDS, min_size=1, max_size=5) | st.lists(CARD, max_size=22),
    "poll": POLLS | nearly({"name": TEXT, "options": st.lists(TEXT, max_size=13), "max": NUMBER}),
    "reaction": nearly({"message_id": ID, "command_id": TEXT, "emoji": st.sampled_from(["👍", "", "no", "❤️", "👍👍"])}),
    "edit": nearly({"message_id": ID, "command_id": TEXT, "message": TEXT}),
    "revoke": nearly({"message_id": ID, "command_id": TEXT}),
    "forward": nearly({"message_id": ID}),
}
MODIFIERS = st.fixed_dictionaries(
    {},
    optional={
        "reply_to": ID,
        "mentions": st.lists(ADDRESSES | st.just("all"), max_size=3),
        "link_preview": st.booleans(),
        "typing": NUMBER,
    },
)
CONTENTS = st.one_of(
    [st.fixed_dictionaries({kind.field: VALUES.get(kind.field, FILES | nearly(FILE))}) for kind in KINDS]
)


def accepted(most: int) -> list[SendCommand]:
    """Commands that any content made and the contract takes; each is checked on its way into the store and back."""
    found: dict[str, SendCommand] = {}
    refused: set[str] = set()

    @settings(BUDGET, max_examples=max(EXAMPLES, most))
    @given(content=CONTENTS, modifiers=MODIFIERS)
    def check(content: dict[str, Any], modifiers: dict[str, Any]) -> None:
        try:
            payload = json.dumps({"to": ANA, **modifiers, **content}).encode()
            command = parse_json(SendCommand, payload)
        except CodedError as error:
            refused.add(error.code)
            return
        stored = dump_content(command.content, command.modifiers)
        loaded, given_modifiers = load_content(stored)
        assert (loaded, given_modifiers) == (command.content, command.modifiers)
        assert dump_content(loaded, given_modifiers) == stored
        json.dumps(loaded.value, allow_nan=False).encode()  # an argument of the call into the page
        assert len(loaded.summary.encode()) > 0
        found.setdefault(stored, command)

    check()
    assert refused <= ERRORS.keys()
    return list(found.values())[:most]


def test_every_accepted_content_is_a_call_of_the_page() -> None:
    """The page's own scripts run on each; only their coded failures may be thrown."""
    by_kind: dict[str, list[Any]] = {}
    for command in accepted(1000):
        if command.content.kind in ALONE:
            by_kind.setdefault(command.content.kind, []).append(command.content.value)
    assert by_kind.keys() == ALONE
    sent = {kind: {"sent": [{"value": one, "call": True} for one in values]} for kind, values in by_kind.items()}
    asked = {"folder": str(resources.files("bridge.drivers.web") / "page"), "variants": VARIANTS, "golden": sent}
    done = subprocess.run(
        [compute_driver_executable()[0], str(DRIVERS / "page_scripts.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert {kind: len(answers[kind]["sent"]) for kind in by_kind} == {kind: len(one) for kind, one in by_kind.items()}


async def test_every_accepted_content_comes_to_an_end(harness: SessionHarness) -> None:
    await harness.start()
    commands = [
        command.model_copy(update={"id": f"c{number}", "typing": None})
        for number, command in enumerate(await asyncio.to_thread(accepted, 150))
    ]
    for command in commands:
        await harness.submit(command)

    async def ended() -> dict[str, str]:
        return {
            one["id"]: one["status"] if one["status"] != "failed" else one["error"]["code"]
            for one in await harness.notices()
            if one.get("status") not in (None, "accepted")
        }

    async with asyncio.timeout(HERE * 4):
        while len(await ended()) < len(commands):
            harness._raise_if_ended()
            await asyncio.sleep(0.05)
    found = await ended()
    assert set(found.values()) <= {"sent", *ERRORS} - {"internal"}, found
    assert "sent" in found.values()
    assert all(sent.times == 1 for sent in harness.phone.sent)


#: Bytes of the files of the server, by their path.
FILES_THERE = {"/a.jpg": JPEG, "/a.mp4": MP4, "/empty": b"", "/large": b"%PDF-1.7\n" + bytes(LIMIT), "/html": b"<html>"}
ANSWERS = {
    "/slow": endless(0.5),
    "/endless": endless(),
    "/private": redirect("http://10.0.0.1/a.jpg"),
    "/loop": redirect("/loop"),
}
#: Of these a command is sent; of all others it fails.
SENDABLE = {("image", "/a.jpg"), ("video", "/a.mp4"), *(("document", path) for path in ("/a.jpg", "/a.mp4", "/html"))}
URLS = st.sampled_from(
    [*FILES_THERE, *ANSWERS, "/none", "http://10.0.0.1/a.jpg", "http://[::1]:9/", "http://dead.invalid/"]
)
BY_URL = st.fixed_dictionaries(
    {"url": URLS}, optional={"caption": WORDS, "filename": WORDS, "mimetype": FILE["mimetype"]}
)


def by_url(most: int) -> list[tuple[str, dict[str, Any]]]:
    """Contents with a file by URL, as a kind and its fields."""
    found: list[tuple[str, dict[str, Any]]] = []

    @settings(BUDGET, max_examples=most)
    @given(kind=st.sampled_from(["image", "video", "document"]), fields=BY_URL)
    def make(kind: str, fields: dict[str, Any]) -> None:
        found.append((kind, fields))

    make()
    return found


async def test_every_file_by_url_comes_to_an_end(harness: SessionHarness) -> None:
    """Whatever the server answers, however slowly, and wherever the URL leads."""
    harness.file_limit = LIMIT
    await harness.start()
    async with file_host() as host:
        host.files, host.answers = dict(FILES_THERE), dict(ANSWERS)
        expected: dict[str, bool] = {}
        for number, (kind, fields) in enumerate(await asyncio.to_thread(by_url, 40)):
            path = fields["url"]
            content = {**fields, "url": host.url(path) if path.startswith("/") else path}
            document = {"id": f"c{number}", "to": f"54911556{number:05}", "ttl": 600, kind: content}
            try:
                await harness.submit(parse_json(SendCommand, json.dumps(document).encode()))
            except CodedError:
                continue  # refused with a code
            expected[f"c{number}"] = (kind, path) in SENDABLE
        results: dict[str, str] = {}
        async with asyncio.timeout(HERE * 4):
            while len(results) < len(expected):
                harness.advance(10)
                await asyncio.sleep(0.05)
                for one in await harness.notices():
                    if one.get("status") not in (None, "accepted"):
                        results[one["id"]] = one["status"] if one["status"] != "failed" else one["error"]["code"]
    assert {name for name, status in results.items() if status == "sent"} == {
        name for name, is_sendable in expected.items() if is_sendable
    }
    assert set(results.values()) <= {"sent", *ERRORS} - {"internal"}, results
    assert {sent.sha256 for sent in harness.phone.sent} <= {sha256(one).hexdigest() for one in FILES_THERE.values()}
    assert all(sent.times == 1 for sent in harness.phone.sent)
