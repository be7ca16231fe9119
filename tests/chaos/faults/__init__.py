"""All faults, in the order of the table."""

from __future__ import annotations

from bridge.sandbox.records import TransmissionMode
from tests.chaos.crash_points import Step
from tests.chaos.faults.bridge import BridgeKilled, BridgeKilledAt, BridgeTerminated, ClockJumps, TwoBridges
from tests.chaos.faults.brokers import BrokerForgets, BrokerKilled, UnconfiguredBroker
from tests.chaos.faults.browsers import BrowserKilled, KilledWhilePairing, PageHangs, PageReloads, RendererKilled
from tests.chaos.faults.disks import DiskFails, DiskFull, DiskWritesFail
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.networks import NetworkCut, NetworkHalfOpen, NetworkSlow
from tests.chaos.faults.poison import OddMessages, PoisonOnTopics
from tests.chaos.faults.stores import StoreDamaged, StoreRestored, WalMissing
from tests.chaos.faults.subscribers import ReaderAway, SlowSubscriber
from tests.chaos.faults.whatsapp import (
    AnswersLost,
    Conflict,
    LinkDown,
    LoggedOut,
    ReloadWithSends,
    SendsFail,
    SendsHeld,
    Unavailable,
)

#: Faults that occur in a year of operation: injected most often.
COMMON: tuple[Fault, ...] = (
    BridgeKilled(),
    *(BridgeKilledAt(step, short=step is Step.SENT) for step in Step),
    BrokerKilled(),
    BrokerForgets(),
    UnconfiguredBroker(),
    BrowserKilled(),
    RendererKilled(),
    PageHangs(),
    PageReloads(),
    KilledWhilePairing(),
    LinkDown("seconds", 0.5, 4.0, short=True),
    LoggedOut(),
    Conflict(),
    AnswersLost(),
    SendsHeld(),
    ReloadWithSends(),
    SendsFail("refused (463)", TransmissionMode.REFUSE, 463),
    SendsFail("fail in the page", TransmissionMode.BREAK),
    Unavailable(),
)
#: Injected a quarter as often.
RARE: tuple[Fault, ...] = (
    LinkDown("minutes", 60.0, 120.0),
    NetworkCut(),
    NetworkSlow(),
    NetworkHalfOpen(),
    SlowSubscriber(),
    ReaderAway(),
    DiskWritesFail(),
    DiskFull(),
    DiskFails(),
    ClockJumps(),
    BridgeTerminated(),
    TwoBridges(),
    PoisonOnTopics(),
    OddMessages(),
    StoreDamaged(),
    WalMissing(),
    StoreRestored(),
)
FAULTS = (*COMMON, *RARE)
