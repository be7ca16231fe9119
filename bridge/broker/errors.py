"""What goes wrong between us and a broker, told apart by what the operator can do about it."""

from __future__ import annotations

from bridge.contract.errors import CodedError


class BrokerError(CodedError):
    """Root of the broker's failures; `str(error)` is one sentence for the operator."""

    code = "broker"

    def __init__(self, text: str, *, transient: bool = True) -> None:
        super().__init__(text)
        self.transient = transient


class BrokerDown(BrokerError):
    """No broker answers, or the connection is gone. Waiting and trying again is the cure."""

    code = "broker_down"


class BrokerRefused(BrokerError):
    """The broker answered and said no: password, permission, certificate, protocol. Somebody has to change
    a setting."""

    code = "broker_refused"

    def __init__(self, text: str, *, transient: bool = False) -> None:
        super().__init__(text, transient=transient)
