"""`wa status` and `wa pair`: text for people, JSON for programs, exit conditions."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.contract.jid import Jid
from bridge.contract.limits import AccountLimits
from bridge.contract.pace import Pace
from bridge.contract.quiet_hours import QuietHours
from bridge.contract.session import SessionState
from tests.cli.conftest import ScriptedBridge, StartCommand, Wa
from tests.clocks import ShiftedClock
from tests.passkey_answers import SITE, answer


async def test_status_of_a_connected_session(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    shown = await wa("status")
    assert shown.code == 0
    assert all(word in shown.out for word in ("haby", "connected", "Ready."))
    [line] = (await wa("status", "--json", "--session", "haby")).out.splitlines()
    assert json.loads(line)["state"] == "connected"


async def test_status_shows_both_budgets_and_what_holds_messages(harness: ScriptedBridge, wa: Wa) -> None:
    paces = {"pace": Pace.parse("20/minute", burst=5), "pace_new": Pace.parse("1/30s", burst=1), "new_per_day": 50}
    quiet = {"quiet_hours": QuietHours.parse("00:00-12:00,12:01-24:00"), "zone": UTC}
    harness.settings = harness.settings.model_copy(update=paces | quiet)
    until = datetime.now(UTC) + timedelta(hours=2)
    await harness.start()
    harness.phone.limit(AccountLimits(reach_out_locked_until=until))
    async with asyncio.timeout(10):
        while (await wa("status", "--json")).out.count('"limits"') == 0:
            pass
    shown = " ".join((await wa("status")).out.split())
    assert "5 · new 0 (0/50 today)" in shown
    assert "Quiet hours hold bulk messages until" in shown
    assert "WhatsApp lets no first messages through until" in shown


async def test_status_shows_what_to_do(harness: ScriptedBridge, wa: Wa) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    shown = await wa("status")
    assert shown.code == 7
    assert "Linked devices" in shown.out
    await harness.stop()
    assert "offline" in (await wa("status")).out


@pytest.mark.parametrize(("shift", "text"), [(-1200, "1200 s ahead of"), (1200, "1200 s behind")])
async def test_a_bridge_whose_host_has_another_time(harness: ScriptedBridge, wa: Wa, shift: float, text: str) -> None:
    elsewhere = ScriptedBridge(harness.settings, ShiftedClock(shift))
    await elsewhere.start(until=None)
    try:
        await elsewhere.reach(SessionState.CONNECTED)
        shown = await wa("status")
        assert (shown.code, "connected" in shown.out) == (0, True)
        assert f"clock is {text} that of the bridge of haby" in " ".join(shown.err.split())
        sent = await wa("send", "5491155500001", "Hola", "--ttl", "60")
        assert sent.code == 0, sent.err
        assert len(elsewhere.phone.sent) == 1
    finally:
        await elsewhere.stop()
    assert "clock" not in (await wa("status")).err  # nothing is known of a bridge that is gone


async def test_status_without_a_bridge(wa: Wa) -> None:
    result = await wa("status")
    assert (result.code, result.out) == (5, "")
    assert "wa up" in result.err


async def test_status_watch_shows_changes(harness: ScriptedBridge, start: StartCommand) -> None:
    await harness.start()
    process = await start("status", "--watch", "--json")
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert json.loads(await process.stdout.readline())["state"] == "connected"
        harness.phone.link(up=False)
        while json.loads(await process.stdout.readline())["state"] != "reconnecting":
            pass
    process.kill()
    await process.wait()


async def test_pair_shows_each_code_and_exits_when_scanned(harness: ScriptedBridge, start: StartCommand) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    process = await start("pair", "--json")
    assert process.stdout is not None
    codes: list[str] = []
    async with asyncio.timeout(20):
        while len(codes) < 2:
            step = json.loads(await process.stdout.readline())
            if "code" in step:
                codes.append(step["code"])
                harness.phone.rotate_code() if len(codes) == 1 else harness.phone.pair()
        await process.communicate()
    assert process.returncode == 0
    assert codes[0] != codes[1]


async def test_pair_once_in_the_terminal_and_as_a_picture(harness: ScriptedBridge, wa: Wa, tmp_path: Path) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    drawn = await wa("pair", "--once")
    assert drawn.code == 0
    assert "█" in drawn.out
    picture = tmp_path / "code.png"
    assert (await wa("pair", "--once", "--png", str(picture))).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


async def test_a_pairing_code_is_shown_for_a_phone_number(harness: ScriptedBridge, wa: Wa) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    shown = await wa("pair", "--phone", "+54 9 11 5550-0000", "--once")
    assert (shown.code, shown.out) == (0, "Type L550-0000 on the phone +54 9 11 5550-0000.\n")
    refused = await wa("pair", "--phone", "abc")
    assert (refused.code, "abc" in refused.err) == (2, True)


async def test_pairing_by_a_code_ends_when_whatsapp_gives_none(
    harness: ScriptedBridge, wa: Wa, start: StartCommand
) -> None:
    harness.phone.paired = False
    harness.phone.missing.add(Jid.parse("5491155509999@c.us"))
    await harness.start(until=SessionState.PAIRING)
    refused = await wa("pair", "--phone", "5491155509999")
    assert (refused.code, refused.out, "Check the number" in refused.err) == (1, "", True)
    process = await start("pair", "--phone", "5491155500000")
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert b"Type L550-0000" in await process.stdout.readline()
        harness.phone.link_code = None
        harness.phone.rotate_code()
        _, err = await process.communicate()
    assert (process.returncode, b"ended before the phone took it" in err) == (1, True)


async def test_a_passkey_is_pasted_and_the_codes_are_compared(harness: ScriptedBridge, start: StartCommand) -> None:
    harness.phone.paired, harness.phone.compares = False, True
    await harness.start(until=SessionState.PAIRING)
    process = await start("pair")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdin is not None

    async def until(stream: asyncio.StreamReader, text: str) -> str:
        seen = ""
        while text not in seen:
            line = (await stream.readline()).decode()
            assert line, f"ended before {text}: {seen}"
            seen += line
        return seen

    def paste(text: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{text}\n".encode())

    async with asyncio.timeout(30):
        await until(process.stdout, "█")
        harness.phone.ask_passkey(origin=SITE)
        shown = await until(process.stdout, "Then paste here")
        assert "taking your account" in shown
        assert f"open {SITE} in a tab" in shown
        assert "\nnavigator.credentials.get(" in shown
        paste("nothing")
        await until(process.stderr, "not what the console printed")
        paste(json.dumps(answer(origin="https://example.org")))
        await until(process.stderr, f"Run the line in a tab of {SITE}")
        paste(json.dumps({"error": "NotAllowedError: timed out"}))
        await until(process.stderr, "NotAllowedError")
        paste(f"'{json.dumps(answer())}'")
        await until(process.stdout, "Does the phone show ABCD-1234, too?")
        paste("no")
        await until(process.stderr, "Not confirmed")
        assert not harness.phone.paired
        paste("yes")
        assert await process.wait() == 0
    assert harness.phone.paired


async def test_pair_of_a_paired_session(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    result = await wa("pair")
    assert (result.code, result.out) == (0, "")
    assert "haby is connected" in result.err


async def test_help_lists_the_exit_codes(wa: Wa) -> None:
    result = await wa("--help")
    assert result.code == 0
    assert "listen" in result.out
    assert "Exit codes" in (await wa("send", "--help")).out
