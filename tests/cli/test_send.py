"""`wa send`: ticks for people, JSON for programs, and an exit code for each outcome."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from datetime import datetime, timedelta

import pytest

from bridge.cli.send import moment
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid
from bridge.contract.pace import Pace
from bridge.contract.session import SessionState
from bridge.drivers.scripted import SendMode
from tests.cli.conftest import ScriptedBridge, StartCommand, Wa
from tests.mosquitto_server import free_port

TO = "5491155500001"


async def test_each_tick_is_one_line(harness: ScriptedBridge, start: StartCommand) -> None:
    await harness.start()
    process = await start("send", "+54 9 11 5550-0001", "Hola", "--id", "pedido-7", "--wait", "read")
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert await process.stdout.readline() == b"accepted \xc2\xb7 id pedido-7\n"
        assert (await process.stdout.readline()).decode() == "sent ✓\n"
        [sent] = harness.phone.sent
        harness.phone.acknowledge(sent.key.id, 2)
        assert (await process.stdout.readline()).decode() == "delivered ✓✓\n"
        harness.phone.acknowledge(sent.key.id, 3)
        out, err = await process.communicate()
    assert (process.returncode, out.decode(), err) == (0, "read ✓✓\n", b"")
    assert sent.text == "Hola"


async def test_an_id_is_shown_as_it_is(harness: ScriptedBridge, wa: Wa) -> None:
    """An id may have brackets, which rich takes for markup, and quotes."""
    await harness.start()
    identifier = 'pedido [/7] [x] "a"'
    posted = await wa("send", TO, "uno", "--id", identifier, "--wait", "no", "--json")
    assert (posted.code, json.loads(posted.out)) == (0, {"id": identifier})
    later = (datetime.now().astimezone() + timedelta(hours=1)).isoformat()
    shown = await wa("send", TO, "dos", "--id", f"2 {identifier}", "--wait", "no")
    assert (shown.code, shown.out) == (0, f"accepted by the broker · id 2 {identifier}\n")
    scheduled = await wa("send", TO, "tres", "--id", f"3 {identifier}", "--at", later)
    cancelled = await wa("cancel", f"3 {identifier}")
    assert f"accepted · id 3 {identifier} · " in scheduled.out
    assert (cancelled.code, cancelled.out) == (0, f"cancelled · id 3 {identifier}\n")


async def test_ctrl_c_ends_a_send_that_reads_its_text(start: StartCommand) -> None:
    process = await start("send", TO, "-")
    assert process.stdin is not None
    try:
        async with asyncio.timeout(20):
            process.stdin.write(b"x" * 1_000_000)
            await process.stdin.drain()  # more than a pipe holds: it reads
            process.send_signal(signal.SIGINT)
            assert await process.wait() == -signal.SIGINT
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_send_that_waits_says_why(harness: ScriptedBridge, wa: Wa) -> None:
    pace = Pace.parse("2/minute", burst=1)
    paces = {"pace": Pace.parse("60/minute", burst=9), "pace_chat": pace, "pace_new": Pace.parse("off", burst=1)}
    harness.settings = harness.settings.model_copy(update=paces)
    await harness.start()
    assert (await wa("send", TO, "uno")).code == 0
    waiting = await wa("send", TO, "dos", "--timeout", "1", "--id", "dos")
    assert waiting.code == 4
    assert re.fullmatch(r"accepted · id dos · waits for the pace of this chat, about \d\d s\n", waiting.out), (
        waiting.out
    )
    assert "waits for the pace of this chat" in waiting.err
    harness.phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    waiting = await wa("send", "5491155500002", "tres", "--timeout", "1")
    assert "waits for the connection to WhatsApp" in waiting.out


async def test_a_file_that_cannot_be_fetched_says_why(harness: ScriptedBridge, wa: Wa, start: StartCommand) -> None:
    await harness.start()
    process = await start("send", TO, "--document", "http://does-not-exist.invalid/factura.pdf", "--id", "factura")
    assert process.stdout is not None
    why = "waits for its file: the URL of the file cannot be fetched: host unknown"
    async with asyncio.timeout(20):
        assert (await process.stdout.readline()).decode() == "accepted · id factura\n"
        assert re.fullmatch(rf"{why}; next try in about \d+ s\n", (await process.stdout.readline()).decode())
    process.terminate()
    await process.wait()
    trace = await wa("trace", "factura")
    assert re.search(rf"result accepted +{why}; next try in about 2 s\n", trace.out), trace.out


async def test_json_lines(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    result = await wa("send", TO, "Hola", "--json", "--priority", "human", "--ttl", "60")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 0
    assert [line["status"] for line in lines if "status" in line] == ["accepted", "sent"]


async def test_the_text_from_standard_input(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    text = "Primera línea\nsegunda 👍🏽\n"
    assert (await wa("send", TO, "-", stdin=text.encode())).code == 0
    assert [sent.text for sent in harness.phone.sent] == ["Primera línea\nsegunda 👍🏽"]
    refused = await wa("send", TO, "-", stdin=b"\xff\xfe")
    assert refused.code == 2
    assert "not valid UTF-8" in refused.err


async def test_text_with_markup_is_sent_unchanged(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    assert (await wa("send", TO, "--", "-[bold]x[/]")).code == 0
    assert [sent.text for sent in harness.phone.sent] == ["-[bold]x[/]"]


async def test_a_number_without_whatsapp(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    harness.phone.missing.add(Jid.parse(f"{TO}@c.us"))
    result = await wa("send", TO, "Hola")
    assert result.code == 1
    assert result.err == "error: This number is not on WhatsApp. Check its country code and area code.\n"


async def test_an_unknown_outcome(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    harness.phone.send_mode, harness.phone.look_up_complete = SendMode.CALL_LOST, False
    result = await wa("send", TO, "Hola")
    assert result.code == 3
    assert "check the chat" in result.err


async def test_still_waiting_at_the_timeout(harness: ScriptedBridge, wa: Wa) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    result = await wa("send", TO, "Hola", "--id", "pedido-7", "--timeout", "1")
    assert result.code == 4
    assert "--id pedido-7" in result.err
    assert (await wa("send", TO, "Hola", "--id", "pedido-7", "--wait", "accepted")).code == 0


async def test_not_waiting(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    result = await wa("send", TO, "Hola", "--wait", "no", "--json")
    assert result.code == 0
    assert len(json.loads(result.out)["id"]) == 32


async def test_no_bridge_answers(wa: Wa) -> None:
    result = await wa("send", TO, "Hola", "--timeout", "0.5")
    assert result.code == 5
    assert "no bridge is connected" in result.err


async def test_no_such_session(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    result = await wa("send", TO, "Hola", "--session", "habi")
    assert result.code == 6
    assert "known sessions: haby" in result.err


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"WA_MQTT_URL": ""}, "start `wa up`"),
        ({"WA_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}"}, "Nothing listens"),
    ],
)
async def test_no_broker(wa: Wa, changes: dict[str, str], expected: str) -> None:
    result = await wa("send", TO, "Hola", **changes)
    assert result.code == 5
    assert expected in result.err
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("send", "Ana", "Hola"), "not a phone number"),
        (("send", TO, ""), "message"),
        (("send", TO, "Hola", "--ttl", "-1"), "ttl"),
        (("send", TO), "Give a TEXT or one content option"),
        (("send", TO, "Hola", "--wait", "delivered"), "delivered"),
        (("send", TO, "--location", "Obelisco"), "'Obelisco' is not LATITUDE,LONGITUDE"),
        (
            ("send", TO, "--location", "95,200"),
            "latitude: must be at most 90; location.longitude: must be at most 180.",
        ),
        (("send", TO, "--poll", "¿Pizza?"), "'¿Pizza?' is not QUESTION|ANSWER|ANSWER"),
        (("send", TO, "--contacts", "Beto"), "'Beto' is not NAME:PHONE"),
        (("send", TO, "Hola", "--reply-to", "@order-17"), "'@order-17' is no message id; it looks like true_549"),
        (("send", TO, "Hola", "--reply-to", "@a"), "'@a' is no message id; it looks like true_549"),
        (("send", TO, "--forward", "@a"), "'@a' is no message id; it looks like true_549"),
        (("send", TO, "--forward", "@order-17"), "must be the whole id of a message, as true_549"),
        (("send", TO, "--forward", "@order_17"), "'@order_17' is no message id; it looks like true_549"),
        (("send", TO, "Hola", "--at", "2020-01-01T10:00"), "this time is past"),
    ],
)
async def test_wrong_usage(wa: Wa, arguments: tuple[str, ...], expected: str) -> None:
    result = await wa(*arguments, COLUMNS="400")
    assert result.code == 2
    assert expected in result.err
    assert "Traceback" not in result.err


async def test_an_invalid_setting(wa: Wa) -> None:
    result = await wa("send", TO, "Hola", WA_MQTT_PREFIX="a b")
    assert result.code == 2
    assert "WA_MQTT_PREFIX" in result.err
    result = await wa("send", TO, "Hola", WA_HTTP_PORT="abc")
    assert result.err == "error: Wrong settings. WA_HTTP_PORT: must be a whole number.\n"


async def test_a_reply_with_mentions(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    group = "120363000000000001@g.us"
    harness.phone.chats.add(Jid.parse(group))
    question = harness.phone.incoming(group, "¿Vienen?", author="188000000000002@lid")
    options = ("--reply-to", question.key.id, "--mention", "+54 9 11 5550-0001", "--mention", "all")
    assert (await wa("send", group, "Sí", *options)).code == 0
    [sent] = harness.phone.sent
    assert sent.modifiers.given() == {"reply_to": question.key.id, "mentions": ["5491155500001@c.us", "all"]}
    refused = await wa("send", group, "Sí", "--typing", "60")
    assert (refused.code, "typing" in refused.err) == (2, True)
    missing = await wa("send", group, "Sí", "--reply-to", "3EB0DEADBEEF")
    assert "no such message" in missing.err


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("15:30", "2026-11-28T15:30:00-03:00"),
        ("9:05", "2026-11-29T09:05:00-03:00"),
        ("2027-01-31 15:30", "2027-01-31T15:30:00-03:00"),
        ("2027-01-31T15:30Z", "2027-01-31T12:30:00-03:00"),
    ],
)
def test_a_time_of_the_command_line_is_local_unless_it_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, text: str, found: str
) -> None:
    monkeypatch.setenv("TZ", "America/Argentina/Buenos_Aires")
    time.tzset()
    try:
        now = datetime.fromisoformat("2026-11-28T12:00:00-03:00")
        assert moment(text, now) == datetime.fromisoformat(found)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["tomorrow", "25:00", "2027-02-30 10:00", "1800000000", ""])
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="15:30"):
        moment(text, datetime.now().astimezone())


async def test_a_send_at_a_time_returns_at_once_and_is_cancelled(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    at = (datetime.now().astimezone() + timedelta(hours=3)).isoformat()
    accepted = await wa("send", TO, "Hola", "--at", at, "--id", "a")
    assert (accepted.code, accepted.err) == (0, "")
    assert accepted.out == "accepted · id a · waits for its time, about 3 hours\n"
    gone = await wa("cancel", "a")
    assert (gone.code, gone.out, gone.err) == (0, "cancelled · id a\n", "")
    assert (await wa("cancel", "a", "--json")).code == 0
    unknown = await wa("cancel", "nothing")
    assert (unknown.code, "no command of this id" in unknown.err) == (1, True)
    assert (await wa("send", TO, "ahora", "--id", "b")).code == 0
    late = await wa("cancel", "b")
    assert (late.code, late.err) == (1, "error: Too late to cancel b: it is sent.\n")
    assert (await wa("send", TO, "x", "--at", "tomorrow")).code == 2
    assert [message.text for message in harness.phone.sent] == ["ahora"]
