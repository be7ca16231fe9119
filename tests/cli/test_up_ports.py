"""`wa up --sandbox` where a port is in use: one that was set ends the start, a default one gives way in plain sight."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.cli.conftest import Environment, Wa

NO_OTHERS = {"WA_HTTP_PORT": "0", "PORT": "0", "WA_CAMPAIGNS_PORT": "0"}


@pytest.fixture
def environment(environment: Environment) -> Environment:
    return {name: value for name, value in environment.items() if name != "WA_MQTT_URL"}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("setting", ["WA_HTTP_PORT", "PORT", "WA_CAMPAIGNS_PORT", "--sandbox-port"])
async def test_a_port_that_was_set_and_is_taken_ends_the_start(wa: Wa, taken: int, setting: str) -> None:
    option = setting if setting.startswith("--") else None
    given = NO_OTHERS if option else NO_OTHERS | {setting: str(taken)}
    done = await wa("up", "--sandbox", "--sandbox-port", str(taken if option else 0), **given)
    assert done.code == 2
    assert f"{setting}: port {taken} is taken by " in done.err
    assert f"(process {os.getpid()})" in done.err


async def test_a_default_that_is_taken_gives_way_and_says_so(wa: Wa) -> None:
    with socket.socket() as listener:
        with suppress(OSError):  # another program of this machine has it: as good
            listener.bind(("127.0.0.1", 3011))
            listener.listen()
        given = {name: value for name, value in NO_OTHERS.items() if name != "WA_HTTP_PORT"}
        # ends the start after the address was taken
        done = await wa("up", "--sandbox", "--sandbox-port", "0", RESPONDER_RULES="missing.yaml", **given)
    found = re.search(r"^! 3011 is taken.*: (\d+) instead; WA_HTTP_PORT sets it$", done.out, re.MULTILINE)
    assert found, done.out
    assert f"http://127.0.0.1:{found[1]}/#link=" in done.out
