"""The bridge's client for Python programs: `async with bridge.client.connect(…)`.

Keeps the reader's and the sender's half of the guarantee: a reader that stores its cursor misses nothing and sees
nothing twice; a command is repeated until it is answered and never sent twice. The caller stores the cursor.
"""

from bridge.broker import BadAddress, BrokerAddress, BrokerDown, BrokerError, BrokerRefused
from bridge.client.answers import Until
from bridge.client.client import Client, connect
from bridge.client.cursor_file import FileCursor
from bridge.client.decoder import EventMessage, Message
from bridge.client.errors import BadCursorFile, ClientClosed, NoAnswer, NoBridge, RequestFailed
from bridge.client.merge import Gap, GapReason, Start
from bridge.contract.commands import Priority
from bridge.contract.controls import ControlAction, ControlResult
from bridge.contract.errors import CodedError, InvalidRequest, NoSuchSession, TooLarge
from bridge.contract.events import Event
from bridge.contract.kinds import Content
from bridge.contract.messages import Ack, Inbound, Qr, Result, ResultStatus
from bridge.contract.modifiers import Modifiers
from bridge.contract.passkey import Passkey
from bridge.contract.replays import Cursor
from bridge.contract.responses import Response
from bridge.contract.search_answers import SearchAnswer
from bridge.contract.status import SessionStatus

__all__ = [
    "Ack",
    "BadAddress",
    "BadCursorFile",
    "BrokerAddress",
    "BrokerDown",
    "BrokerError",
    "BrokerRefused",
    "Client",
    "ClientClosed",
    "CodedError",
    "Content",
    "ControlAction",
    "ControlResult",
    "Cursor",
    "Event",
    "EventMessage",
    "FileCursor",
    "Gap",
    "GapReason",
    "Inbound",
    "InvalidRequest",
    "Message",
    "Modifiers",
    "NoAnswer",
    "NoBridge",
    "NoSuchSession",
    "Passkey",
    "Priority",
    "Qr",
    "RequestFailed",
    "Response",
    "Result",
    "ResultStatus",
    "SearchAnswer",
    "SessionStatus",
    "Start",
    "TooLarge",
    "Until",
    "connect",
]
