"""A forked program is as one of the interpreter: nothing of the tests' process is left in it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from tests.forked import forked, logged_program

STATE = """
import ctypes, json, logging, os, random, signal, sys, time
word = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(word))  # PR_GET_PDEATHSIG
looked = os.open(".", os.O_RDONLY)
print(json.dumps({
    "arguments": sys.argv, "environment": dict(os.environ), "folder": os.getcwd(), "zone": time.tzname[0],
    "at the end of the parent": word.value, "first free descriptor": looked,
    "stop": [signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
             signal.getsignal(signal.SIGINT) is signal.default_int_handler],
    "logging": len(logging.root.handlers), "loaded": "tests.preloaded" in sys.modules,
    "main": __name__, "random": random.random(),
}))
sys.exit(3)
"""


async def state(folder: Path) -> dict[str, object]:
    async with forked(["-c", STATE, "one", "two"], {"A": "1", "TZ": "XYZ3"}, folder) as (program, out):
        found: dict[str, object] = json.loads(await out.read())
        assert await program.ended() == 3 == program.returncode
    return found


async def test_it_has_its_own_state_and_ends_with_the_tests(tmp_path: Path) -> None:
    found, other = await state(tmp_path), await state(tmp_path)
    assert found.pop("random") != other["random"]
    assert found == {
        "arguments": ["-c", "one", "two"],
        "environment": {"A": "1", "TZ": "XYZ3"},
        "folder": str(tmp_path),
        "zone": "XYZ",
        "at the end of the parent": signal.SIGTERM,
        "first free descriptor": 3,  # an open pipe of the server of forks would keep that running
        "stop": [True, True],
        "logging": 0,
        "loaded": True,
        "main": "__main__",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_it_takes_signals(tmp_path: Path, number: signal.Signals) -> None:
    script, log = tmp_path / "program.py", tmp_path / "logs/log"
    script.write_text("import time\nprint(__file__, flush=True)\ntime.sleep(60)")
    program = logged_program([script], {}, log)
    async with asyncio.timeout(20):
        while not log.read_text():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.01)
    program.send_signal(signal.SIGSTOP)
    with pytest.raises(TimeoutExpired):
        program.wait(0.05)
    assert program.returncode is None
    program.send_signal(number)
    program.send_signal(signal.SIGCONT)
    assert await program.ended() == program.wait() == -number
    program.kill()
    assert log.read_text() == f"{script}\n"
