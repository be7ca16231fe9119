"""Broker failures, distinguished by what the operator can do about them."""

from __future__ import annotations

from bridge.contract.errors import CodedError


class BrokerError(CodedError):
    """Base class; `str(error)` is one sentence for the operator."""

    code = "broker"

    def __init__(self, text: str, *, transient: bool = True) -> None:
        super().__init__(text)
        self.transient = transient


class BrokerDown(BrokerError):
    """No broker answers, or the connection ended. Retry later."""

    code = "broker_down"


class ConnectionEnded(BrokerDown):
    """The other side ended the connection: the broker, or the network."""


class PacketTooLarge(BrokerError):
    """A packet is larger than the broker takes; it was not sent."""

    code = "too_large"

    def __init__(self, text: str) -> None:
        super().__init__(text, transient=False)


class BrokerRefused(BrokerError):
    """The broker refused: password, permission, certificate, protocol. The operator has to change a setting."""

    code = "broker_refused"

    def __init__(self, text: str, *, transient: bool = False) -> None:
        super().__init__(text, transient=transient)


class MessageRefused(BrokerRefused):
    """A PUBACK of MQTT 5 refused one message; the connection stays. `reason` is its reason code."""

    def __init__(self, text: str, reason: int, *, transient: bool) -> None:
        super().__init__(text, transient=transient)
        self.reason = reason
