"""What a fleet of numbers needs, on paper: measured costs times a stated load. Pure.

Everything is linear in the numbers, which is measured for up to 16 sessions of one bridge and 1,000 subscribers of one
broker. What lies beyond is an extrapolation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import number

FLEETS = (10, 1_000, 100_000)


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured: megabytes of a bridge and of each session, cores of an idle session, seconds of CPU a piece of work.

    `start` is seconds of start a session, `row` bytes of a store's file a command.
    """

    bridge_mb: float
    session_mb: float
    idle_cores: float
    message_cpu: float
    send_cpu: float
    delivery_cpu: float
    start: float
    row: float


@dataclass(frozen=True, slots=True)
class Load:
    """Assumed of each number: messages and sends a day, the busiest hour's share of them, programs that subscribe."""

    messages: float = 500
    sends: float = 200
    busiest_hour: float = 0.1
    subscribers: int = 3
    kept_days: float = 30


@dataclass(frozen=True, slots=True)
class Machines:
    """Assumed: sessions of one bridge, a machine's cores and gigabytes, and the share of both that may be used."""

    sessions: int = 16
    cores: int = 8
    gigabytes: float = 32
    used: float = 0.6


@dataclass(frozen=True, slots=True)
class Need:
    """What `numbers` numbers need in their busiest hour; `start` is seconds until a whole machine is connected."""

    numbers: int
    bridges: int
    machines: int
    cores: float
    gigabytes: float
    broker_cores: float
    deliveries: float
    disk_gigabytes: float
    start: float


def need(numbers: int, costs: Costs, load: Load = Load(), machines: Machines = Machines()) -> Need:
    """The formulas that the documentation states."""
    a_second = load.busiest_hour / 3600
    messages, sends = numbers * load.messages * a_second, numbers * load.sends * a_second
    bridges = math.ceil(numbers / machines.sessions)
    cores = numbers * costs.idle_cores + messages * costs.message_cpu + sends * costs.send_cpu
    gigabytes = (numbers * costs.session_mb + bridges * costs.bridge_mb) / 1024
    # a message to each subscriber; a send's command, and its three results to each
    deliveries = messages * load.subscribers + sends * (1 + 3 * load.subscribers)
    count = max(
        math.ceil(cores / (machines.cores * machines.used)), math.ceil(gigabytes / (machines.gigabytes * machines.used))
    )
    return Need(
        numbers,
        bridges,
        count,
        cores / machines.used,
        gigabytes / machines.used,
        deliveries * costs.delivery_cpu / machines.used,
        deliveries,
        numbers * (load.messages + load.sends) * load.kept_days * costs.row / 1024**3,
        math.ceil(numbers / count) * costs.start,
    )


def capacity_table(costs: Costs, fleets: Sequence[int] = FLEETS) -> str:
    """A Markdown table with a column for each fleet."""
    needs = [need(numbers, costs) for numbers in fleets]
    rows = {
        "bridges": [f"{one.bridges:,}" for one in needs],
        "machines for them": [f"{one.machines:,}" for one in needs],
        "cores": [number(one.cores) for one in needs],
        "memory, GB": [number(one.gigabytes) for one in needs],
        "broker: deliveries a second": [number(one.deliveries) for one in needs],
        "broker: cores": [number(one.broker_cores) for one in needs],
        "disk of the stores, GB": [number(one.disk_gigabytes) for one in needs],
        "a machine's sessions connected after its start, s": [number(one.start) for one in needs],
    }
    lines = [f"| Numbers | {' | '.join(f'{count:,}' for count in fleets)} |", "|---" * (len(fleets) + 1) + "|"]
    return "\n".join([*lines, *(f"| {what} | {' | '.join(cells)} |" for what, cells in rows.items())])


def costs_line(costs: Costs) -> str:
    """The measured costs in a sentence each."""
    return (
        f"a bridge {number(costs.bridge_mb)} MB and a session {number(costs.session_mb)} MB;"
        f" an idle session {number(costs.idle_cores * 100)} % of a core;"
        f" a message {number(costs.message_cpu * 1000)} ms and a send {number(costs.send_cpu * 1000)} ms of CPU in all"
        f" processes of the bridge; a delivery {number(costs.delivery_cpu * 1e6)} µs of the broker's;"
        f" a session's start {number(costs.start)} s; a command {number(costs.row)} bytes of its store's file."
    )
