"""What a client tells its caller by raising: no answer, nobody there, closed, a cursor file that cannot be read."""

from __future__ import annotations

from bridge.contract.errors import CodedError


class NoAnswer(CodedError):
    """Nothing at all was heard of a command in the time given.

    It may still be carried out: what the broker has taken reaches the bridge when that is back. Calling again with
    the same `id` asks for the outcome and never sends twice.
    """

    code = "no_answer"

    def __init__(self, text: str, *, session: str, id: str) -> None:  # noqa: A002 - the contract's name
        super().__init__(text)
        self.session = session
        self.id = id


class NoBridge(CodedError):
    """No bridge has ever said anything at this broker under this prefix."""

    code = "no_bridge"


class ClientClosed(CodedError):
    """The `async with connect(…)` that the call belongs to has ended."""

    code = "client_closed"
    transient = False


class BadCursorFile(CodedError):
    """The file holds something else than a cursor; starting anew would repeat or skip messages unasked."""

    code = "bad_cursor_file"
    transient = False
