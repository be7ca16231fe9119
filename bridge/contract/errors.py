"""Error codes: the one table of what can go wrong with a command, and the exception root that carries a code.

Every door (MQTT results, HTTP answers, CLI exit) takes its code, status and sentence from `ERRORS`. This file
decides nothing else: who raises what stays with the part that knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable codes; they travel in `result.error.code`. Adding one is a change of the contract."""

    INVALID = "invalid"
    TOO_LARGE = "too_large"
    CONFLICT = "conflict"
    EXPIRED = "expired"
    RETAINED = "retained"
    NOT_ON_WHATSAPP = "not_on_whatsapp"
    NOT_CONNECTED = "not_connected"
    NO_SUCH_SESSION = "no_such_session"
    UNSUPPORTED = "unsupported"
    REACH_OUT_LOCKED = "reach_out_locked"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """What one code means: `transient` = the same request may succeed later; `http` = status code."""

    transient: bool
    http: int
    text: str


ERRORS: dict[ErrorCode, ErrorRow] = {
    ErrorCode.INVALID: ErrorRow(False, 400, "The request is not in the form that the contract describes."),
    ErrorCode.TOO_LARGE: ErrorRow(False, 413, "The message is longer than WhatsApp takes (65,536 characters)."),
    ErrorCode.CONFLICT: ErrorRow(
        False, 409, "This id was used before with other content; the first command stands. Use a new id."
    ),
    ErrorCode.EXPIRED: ErrorRow(
        False, 410, "The command could not be sent within its time to live, so it was not sent."
    ),
    ErrorCode.RETAINED: ErrorRow(
        False,
        422,
        "Retained commands are never sent, since they would be sent again at every start."
        " Clear it (publish an empty retained payload) and publish without the retain flag.",
    ),
    ErrorCode.NOT_ON_WHATSAPP: ErrorRow(False, 422, "This number is not on WhatsApp."),
    ErrorCode.NOT_CONNECTED: ErrorRow(True, 503, "The WhatsApp session is not connected."),
    ErrorCode.NO_SUCH_SESSION: ErrorRow(
        False, 404, "No session of this name is configured. WA_SESSIONS lists the sessions."
    ),
    ErrorCode.UNSUPPORTED: ErrorRow(False, 501, "This bridge cannot do that."),
    ErrorCode.REACH_OUT_LOCKED: ErrorRow(
        True,
        429,
        "WhatsApp does not let this number start new chats for now. Wait, or answer existing chats.",
    ),
    ErrorCode.REFUSED: ErrorRow(False, 422, "WhatsApp refused the message."),
    ErrorCode.CANCELLED: ErrorRow(False, 409, "The command was cancelled before it was sent."),
    ErrorCode.INTERNAL: ErrorRow(True, 500, "The bridge failed; its log says why."),
}


_ROW_OF_CODE = {str(code): row for code, row in ERRORS.items()}


class CodedError(Exception):
    """Root of every error that has a code for the outside.

    `code` is a row of `ERRORS` unless a subclass speaks of something that never reaches a caller (then it is that
    subclass's own stable word). `transient` tells whether trying again can help. `str(error)` is the sentence.
    """

    code: str = ErrorCode.INTERNAL
    transient: bool = True
    #: A code of `bridge.contract.details`, where there is one.
    detail: str | None = None

    def __init__(self, text: str | None = None, *, detail: str | None = None) -> None:
        self.detail = detail
        row = _ROW_OF_CODE.get(self.code)
        super().__init__(text or (row.text if row else type(self).__name__))

    @property
    def text(self) -> str:
        """One sentence for a person: what is wrong and, where that is known, what to do."""
        return str(self)


class BridgeError(CodedError):
    """Something the bridge answers a caller with; one subclass for each code that code raises."""


class InvalidRequest(BridgeError, ValueError):
    """The input is not in the contract's form. A ValueError too, so that a validator may raise it."""

    code = ErrorCode.INVALID
    transient = False


class TooLarge(BridgeError):
    """Text or payload over the limit."""

    code = ErrorCode.TOO_LARGE
    transient = False


class Conflict(BridgeError):
    """The id was used with other content."""

    code = ErrorCode.CONFLICT
    transient = False


class Expired(BridgeError):
    """The ttl ran out before the send could start."""

    code = ErrorCode.EXPIRED
    transient = False


class RetainedCommand(BridgeError):
    """A retained command came at a subscribe."""

    code = ErrorCode.RETAINED
    transient = False


class NotOnWhatsApp(BridgeError):
    """The service said that the number has no account."""

    code = ErrorCode.NOT_ON_WHATSAPP
    transient = False


class NotConnected(BridgeError):
    """The session cannot be used now."""

    code = ErrorCode.NOT_CONNECTED


class NoSuchSession(BridgeError):
    """The session is not configured here."""

    code = ErrorCode.NO_SUCH_SESSION
    transient = False


class Unsupported(BridgeError):
    """A kind or action that this bridge does not know."""

    code = ErrorCode.UNSUPPORTED
    transient = False


class ReachOutLocked(BridgeError):
    """WhatsApp answered 463: no new chats for now."""

    code = ErrorCode.REACH_OUT_LOCKED


class Refused(BridgeError):
    """WhatsApp took the message and said no."""

    code = ErrorCode.REFUSED
    transient = False


class Cancelled(BridgeError):
    """Withdrawn before it was sent."""

    code = ErrorCode.CANCELLED
    transient = False


class InternalError(BridgeError):
    """Our own fault."""

    code = ErrorCode.INTERNAL


class StartError(CodedError):
    """The process cannot start as configured: the sentence names the setting and what to do. Never sent to a caller."""

    code = "start"
    transient = False
