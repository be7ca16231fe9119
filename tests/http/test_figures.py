"""The promised figures, as ratios or with margins: a busy machine must pass, a regression must fail.

`python -m bench.facade` measures them exactly.
"""

from __future__ import annotations

import time

from bench import facade
from tests.http.conftest import HttpBridge


async def test_a_send_is_accepted_in_a_few_times_what_an_answer_takes() -> None:
    answers, sends = await facade.measure_answers(800), await facade.measure_sends(800)
    assert sends > answers / 5


async def test_an_answer_does_not_wait_for_an_acknowledgement(started: HttpBridge) -> None:
    # Without TCP_NODELAY every answer but the first few takes the 40 ms of a delayed ACK, however idle the machine.
    times = []
    async with started.client() as client:
        for _ in range(60):
            asked = time.perf_counter()
            await client.get("/api/whatsapp/status")
            times.append(time.perf_counter() - asked)
    assert min(times[30:]) < 0.03


async def test_listeners_that_hang_cost_the_others_nothing() -> None:
    # Each message would come 5 s late if the listeners were posted to one after the other.
    assert await facade.measure_webhooks(listeners=30, hanging=3, messages=10) < 4_000
