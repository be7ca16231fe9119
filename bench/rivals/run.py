"""The comparison: every contender once in each run, in turn, so that a busier minute meets all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import percentile
from bench.progress import Progress
from bench.rivals.comparison import Column, Row, ratio_table, table
from bench.rivals.contenders import LEGACY, OURS, RAW, WPPCONNECT, Contender, contenders
from bench.rivals.measures import acquaint, burst, paced, sent_by_http, sent_by_mqtt
from bench.stage import Stage

OURS_MQTT, OURS_WEBHOOK = Column("ours, MQTT"), Column("ours, webhook")
LEGACY_PAIR, WPPCONNECT_PAIR, RAW_LOOP = Column("legacy pair"), Column("wppconnect"), Column("raw loop, MQTT")
COLUMNS = (OURS_MQTT, OURS_WEBHOOK, LEGACY_PAIR, WPPCONNECT_PAIR, RAW_LOOP)
RATIOS = (
    (OURS_MQTT, LEGACY_PAIR),
    (OURS_WEBHOOK, LEGACY_PAIR),
    (OURS_WEBHOOK, WPPCONNECT_PAIR),
    (OURS_MQTT, RAW_LOOP),
)
#: How messages leave each contender; its starts and its memory stand in the first column.
_WAYS = {OURS: (OURS_MQTT, OURS_WEBHOOK), LEGACY: (LEGACY_PAIR,), WPPCONNECT: (WPPCONNECT_PAIR,), RAW: (RAW_LOOP,)}
_MQTT = (OURS_MQTT, RAW_LOOP)
#: Messages a second of the paced part; seconds of rest before the idle memory is read.
PACE, REST = 30.0, 4.0
#: Seconds until a new login is in Chromium's profile (after one, wppconnect's was lost in three of four runs).
LOGIN = 5.0


@dataclass(frozen=True, slots=True)
class Amounts:
    """Runs, paced messages, messages of a burst, texts in each of ten chats, messages beside a dead listener."""

    runs: int = 3
    paced: int = 120
    burst: int = 2000
    sends: int = 20
    dead: int = 6


SHORT = Amounts(runs=1, paced=60, burst=500, sends=5, dead=3)


class Rows:
    """The rows of the report, in its order."""

    def __init__(self) -> None:
        self.start = Row("start → connected, with a restored login", "s")
        self.p50 = Row("page event → receiver, 30 a second, p50", "ms")
        self.p99 = Row("page event → receiver, 30 a second, p99", "ms")
        self.cpu = Row("CPU of all processes a received message", "ms")
        self.burst = Row("burst, until the receiver has the last one", "/s")
        self.disordered = Row("burst: messages that came after a later one", "")
        self.sends = Row("sends in ten chats, until WhatsApp has them", "/s")
        self.send_cpu = Row("CPU of all processes a send", "ms")
        self.dead = Row("page event → receiver beside a dead listener, p50", "ms")
        self.idle = Row("PSS of all processes, idle", "MB")
        self.loaded = Row("PSS of all processes, after bursts and sends", "MB")

    def all(self) -> list[Row]:
        return list(vars(self).values())


#: Ways in which messages are brought, which `compare` pairs and then measures in each run.
CONTENDERS = len(_WAYS)


async def compare(stage: Stage, amounts: Amounts, progress: Progress) -> Rows:
    """Pair each contender, then measure each of them in every run."""
    rows = Rows()
    async with contenders(stage) as all_of_them:
        for contender in all_of_them:
            progress.part(f"pairing: {contender.name}")
            async with contender.running():
                await asyncio.sleep(LOGIN)
        for run in range(amounts.runs):
            for contender in _in_turn(all_of_them, run):
                progress.part(f"{contender.name}, run {run + 1}")
                await _measure(contender, rows, amounts, run)
    return rows


def markdown(rows: Rows) -> str:
    """The values, and their ratios."""
    return (
        f"{table(rows.all(), COLUMNS)}\n\nRatios, each of two values of one run:\n\n{ratio_table(rows.all(), RATIOS)}"
    )


def _in_turn(all_of_them: Sequence[Contender], run: int) -> list[Contender]:
    return [*all_of_them[run % len(all_of_them) :], *all_of_them[: run % len(all_of_them)]]


async def _measure(contender: Contender, rows: Rows, amounts: Amounts, run: int) -> None:
    ways = _WAYS[contender.name]
    async with contender.running() as running:
        rows.start.add(ways[0], running.seconds)
        await acquaint(running)
        await asyncio.sleep(REST)
        rows.idle.add(ways[0], await asyncio.to_thread(running.pss))
        for number, way in enumerate(ways):
            mqtt = way in _MQTT
            arrived = await paced(running, mqtt=mqtt, count=amounts.paced, rate=PACE)
            rows.p50.add(way, percentile(arrived.delays, 0.5))
            rows.p99.add(way, percentile(arrived.delays, 0.99))
            rows.cpu.add(way, arrived.cpu)
            at_once = await burst(running, mqtt=mqtt, count=amounts.burst, run=f"{run}{number}")
            rows.burst.add(way, at_once.rate)
            rows.disordered.add(way, at_once.disordered)
            if mqtt:
                rows.sends.add(way, await sent_by_mqtt(running, count=amounts.sends))
            else:
                sent = await sent_by_http(running, count=amounts.sends)
                rows.sends.add(way, sent.rate)
                rows.send_cpu.add(way, sent.cpu)
        rows.loaded.add(ways[0], await asyncio.to_thread(running.pss))
        for way in ways:
            if way not in _MQTT:
                beside = await paced(running, mqtt=False, count=amounts.dead, rate=1.0, dead=True)
                rows.dead.add(way, percentile(beside.delays, 0.5))
