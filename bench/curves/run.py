"""All curves: measured, as a table and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.curves.listeners import Notified, notify
from bench.curves.outbox import OutboxCost, outbox
from bench.curves.picture import Chart, Curve, picture
from bench.curves.subscribers import Fanout, fan_out
from bench.figures import number
from bench.many_sessions import SessionCost, costs
from bench.progress import Progress
from bench.stage import ROOT, Stage

IMAGE = ROOT / "docs" / "images" / "curves.png"


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of each curve."""

    sessions: tuple[int, ...] = (1, 4, 16)
    subscribers: tuple[int, ...] = (1, 10, 100, 1000)
    listeners: tuple[int, ...] = (1, 10, 100, 1000)
    commands: tuple[int, ...] = (1_000, 10_000, 100_000)


SHORT = Sizes((1, 2), (1, 10, 100), (1, 10, 100), (1_000, 10_000))


@dataclass(frozen=True, slots=True)
class Curves:
    """The measured points of each curve."""

    sessions: list[SessionCost]
    subscribers: list[Fanout]
    listeners: list[Notified]
    commands: list[OutboxCost]


#: Parts of `measure`.
CURVES = 4


async def measure(stage: Stage, sizes: Sizes, progress: Progress) -> Curves:
    progress.part("curve: sessions")
    sessions = await costs(stage, sizes.sessions)
    progress.part("curve: subscribers")
    subscribers = await fan_out(stage, sizes.subscribers)
    progress.part("curve: listeners")
    listeners = await notify(stage, sizes.listeners)
    progress.part("curve: open commands")
    return Curves(sessions, subscribers, listeners, await outbox(stage.folder, sizes.commands))


def markdown(curves: Curves) -> str:
    """A table for each curve."""
    return "\n\n".join(
        [
            _table(
                ("Sessions", "all connected, s", "PSS, MB", "of that the pages, MB", "CPU, % of a core, idle"),
                [(of.sessions, of.seconds, of.total, of.pages, of.cpu * 100) for of in curves.sessions],
            ),
            _table(
                ("Subscribers", "publish → subscriber, p50 ms", "publish → the last one, ms", "broker's CPU, ms"),
                [(of.subscribers, of.median, of.last, of.cpu) for of in curves.subscribers],
            ),
            _table(
                ("Listeners", "page event → the last one, ours, ms", "legacy pair, ms", "ours ÷ legacy pair"),
                [(of.listeners, of.ours, of.legacy, of.ours / of.legacy) for of in curves.listeners],
            ),
            _table(
                ("Open commands", "store opened, ms", "open ones read, ms", "claim, p50 ms", "bytes a command"),
                [(of.commands, of.opened, of.read, of.claim, of.size) for of in curves.commands],
            ),
        ]
    )


async def draw(curves: Curves, path: Path = IMAGE) -> None:
    """Write the picture of all curves."""
    sessions, subscribers, listeners, commands = curves.sessions, curves.subscribers, curves.listeners, curves.commands
    charts = [
        Chart(
            "Memory of all processes, MB",
            "sessions",
            [
                Curve("all", [(of.sessions, of.total) for of in sessions]),
                Curve("the pages", [(of.sessions, of.pages) for of in sessions]),
            ],
        ),
        Chart(
            "Start, s until all are connected", "sessions", [Curve("", [(of.sessions, of.seconds) for of in sessions])]
        ),
        Chart(
            "MQTT: publish → subscriber, ms",
            "subscribers",
            [
                Curve("half of them", [(of.subscribers, of.median) for of in subscribers]),
                Curve("the last one", [(of.subscribers, of.last) for of in subscribers]),
            ],
        ),
        Chart(
            "Webhooks: page event → the last listener, ms",
            "listeners",
            [
                Curve("ours", [(of.listeners, of.ours) for of in listeners]),
                Curve("legacy pair", [(of.listeners, of.legacy) for of in listeners]),
            ],
        ),
        Chart(
            "Outbox: a durable claim, p50 ms",
            "open commands",
            [Curve("", [(of.commands, of.claim) for of in commands])],
        ),
        Chart(
            "Outbox: at the start, ms",
            "open commands",
            [
                Curve("store opened", [(of.commands, of.opened) for of in commands]),
                Curve("open ones read", [(of.commands, of.read) for of in commands]),
            ],
        ),
    ]
    await picture(path, "Cost against size; both axes are logarithmic", charts)


def _table(names: tuple[str, ...], rows: list[tuple[float, ...]]) -> str:
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    return "\n".join([*lines, *(f"| {size:,} | {' | '.join(map(number, costs_))} |" for size, *costs_ in rows)])
