"""All faults, in the order of the table."""

from __future__ import annotations

from tests.chaos.deaths import Step
from tests.chaos.faults.bridge import BridgeKilled, BridgeKilledAt, BridgeTerminated, ClockJumps, TwoBridges
from tests.chaos.faults.brokers import BareBroker, BrokerForgets, BrokerKilled
from tests.chaos.faults.browsers import BrowserKilled, KilledWhilePairing, PageHangs, PageReloads, RendererKilled
from tests.chaos.faults.disks import DiskFails, DiskFull, DiskRefuses
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.networks import NetworkCut, NetworkHalfOpen, NetworkSlow
from tests.chaos.faults.poison import OddMessages, PoisonOnTopics
from tests.chaos.faults.stores import StoreDamaged, StoreRestored, WalMissing
from tests.chaos.faults.subscribers import OneOfAHundred, ReaderAway
from tests.chaos.faults.whatsapp import AnswersLost, Conflict, LinkDown, LoggedOut, SendsHeld

#: What happens in a year of running: tried most.
OFTEN: tuple[Fault, ...] = (
    BridgeKilled(),
    *(BridgeKilledAt(step, short=step is Step.SENT) for step in Step),
    BrokerKilled(),
    BrokerForgets(),
    BareBroker(),
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
)
#: Tried a quarter as often.
SELDOM: tuple[Fault, ...] = (
    LinkDown("minutes", 60.0, 120.0),
    NetworkCut(),
    NetworkSlow(),
    NetworkHalfOpen(),
    OneOfAHundred(),
    ReaderAway(),
    DiskRefuses(),
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
FAULTS = (*OFTEN, *SELDOM)
