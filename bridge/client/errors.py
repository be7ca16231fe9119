"""Exceptions of the client; those of the contract and of the broker pass through it unchanged."""

from __future__ import annotations

from bridge.contract.errors import CodedError
from bridge.contract.messages import ErrorInfo


class NoAnswer(CodedError):
    """No answer to a command arrived within the timeout.

    The command may still be executed: what the broker accepted reaches the bridge when it returns. Calling again with
    the same `id` returns the outcome and never sends twice.
    """

    code = "no_answer"

    def __init__(self, text: str, *, session: str, id: str) -> None:  # noqa: A002 - the contract's name
        super().__init__(text)
        self.session = session
        self.id = id


class RequestFailed(CodedError):
    """The bridge could not do what was asked; `code`, `transient` and the sentence are those of its response."""

    code = "request_failed"

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.text)
        self.code = error.code
        self.transient = error.transient


class NoBridge(CodedError):
    """No bridge has published a status at this broker under this prefix."""

    code = "no_bridge"


class ClientClosed(CodedError):
    """The `async with connect(…)` block of the call has ended."""

    code = "client_closed"
    transient = False


class BadCursorFile(CodedError):
    """The file does not contain a cursor. Starting without one would silently repeat or skip messages."""

    code = "bad_cursor_file"
    transient = False
