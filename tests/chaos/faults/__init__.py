"""All faults, in the order of the table."""

from __future__ import annotations

from tests.chaos.deaths import Step
from tests.chaos.faults.bridge import BridgeKilled, BridgeKilledAt, BridgeTerminated, ClockJumps, TwoBridges
from tests.chaos.faults.brokers import BareBroker, BrokerForgets, BrokerKilled
from tests.chaos.faults.browsers import BrowserKilled, KilledWhilePairing, PageHangs, PageReloads, RendererKilled
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.networks import NetworkCut, NetworkHalfOpen, NetworkSlow
from tests.chaos.faults.whatsapp import AnswersLost, Conflict, LinkDown, LoggedOut, SendsHeld

FAULTS: tuple[Fault, ...] = (
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
    NetworkCut(),
    NetworkSlow(),
    NetworkHalfOpen(),
    BridgeTerminated(),
    TwoBridges(),
    ClockJumps(),
    LinkDown("minutes", 60.0, 150.0),
)
