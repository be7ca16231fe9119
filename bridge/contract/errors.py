"""Errors: each is one class with its code, HTTP status and sentence. The table of codes is derived from the classes.

MQTT results, HTTP responses and CLI exits take code, status and sentence from here.
"""

from __future__ import annotations

from typing import ClassVar


class CodedError(Exception):
    """Root of every error that has a public code. `str(error)` is the sentence.

    A subclass that is not a `BridgeError` never reaches a caller.
    """

    #: Stable: published in `result.error.code`. Adding one changes the contract.
    code: str = "internal"
    #: Whether the same request may succeed later.
    transient: bool = True
    #: A code of `bridge.contract.details`, where there is one.
    detail: str | None = None
    #: The default text: what is wrong and, where known, what to do.
    sentence: ClassVar[str] = ""

    def __init__(self, text: str | None = None, *, detail: str | None = None, logged: str | None = None) -> None:
        """`logged`: what a log line may say of the reason, with nothing of the input; the text may quote it."""
        self.detail = detail
        self.logged = logged
        super().__init__(text or self.sentence or type(self).__name__)

    @property
    def text(self) -> str:
        """One sentence for a person: what is wrong and, where known, what to do."""
        return str(self)


class BridgeError(CodedError):
    """An error that a caller receives; one subclass per code."""

    #: HTTP status.
    http: ClassVar[int] = 500

    def __init_subclass__(cls) -> None:
        ERRORS.setdefault(cls.code, cls)


#: Code -> error, in the order of the documentation.
ERRORS: dict[str, type[BridgeError]] = {}


class InvalidRequest(BridgeError, ValueError):
    """Also a ValueError, so that validators may raise it."""

    code = "invalid"
    transient = False
    http = 400
    sentence = "The request is not in the form that the contract describes."


class TooLarge(BridgeError):
    code = "too_large"
    transient = False
    http = 413
    sentence = "The message is longer than WhatsApp takes (65,536 characters)."


class Conflict(BridgeError):
    code = "conflict"
    transient = False
    http = 409
    sentence = "This id was used before with other content; the first command stands. Use a new id."


class Expired(BridgeError):
    code = "expired"
    transient = False
    http = 410
    sentence = "The command could not be sent within its time to live, so it was not sent."


class RetainedCommand(BridgeError):
    code = "retained"
    transient = False
    http = 422
    sentence = (
        "Retained commands are never sent, since they would be sent again at every start."
        " Clear it (publish an empty retained payload) and publish without the retain flag."
    )


class NotOnWhatsApp(BridgeError):
    code = "not_on_whatsapp"
    transient = False
    http = 422
    sentence = "This number is not on WhatsApp. Check its country code and area code."


class MessageNotFound(BridgeError):
    code = "not_found"
    transient = False
    http = 404
    sentence = "There is no such message."


class NotConnected(BridgeError):
    code = "not_connected"
    http = 503
    sentence = "The WhatsApp session is not connected."


class NoSuchSession(BridgeError):
    code = "no_such_session"
    transient = False
    http = 404
    sentence = "There is no session of this name: wa session list shows the sessions."


class Unsupported(BridgeError):
    """Raised for content and actions that the session's driver does not support."""

    code = "unsupported"
    transient = False
    http = 501
    sentence = "This bridge cannot do that."


class ReachOutLocked(BridgeError):
    """Raised for WhatsApp's refusal 463."""

    code = "reach_out_locked"
    http = 429
    #: Unix time at which the lock ends, where WhatsApp says so.
    until: float | None = None
    sentence = "WhatsApp does not let this number start new chats for now. Wait, or answer existing chats."


class Refused(BridgeError):
    code = "refused"
    transient = False
    http = 422
    sentence = "WhatsApp refused the message."


class MediaUnavailable(BridgeError):
    """Raised for a file that cannot be fetched, or that the bridge does not have."""

    code = "media_unavailable"
    transient = False
    http = 422
    sentence = "The file of the message is not available."


class MediaUnsupported(BridgeError):
    """Raised for a file that cannot be sent as the kind that the command names."""

    code = "media_unsupported"
    transient = False
    http = 422
    sentence = "WhatsApp cannot send this file as the command asks."


class Cancelled(BridgeError):
    code = "cancelled"
    transient = False
    http = 409
    sentence = "The command was cancelled before it was sent."


class NotAllowed(BridgeError):
    """Raised for what this account may not do: it is not the author, no admin, or no member."""

    code = "not_allowed"
    transient = False
    http = 403
    sentence = "WhatsApp does not allow this account to do that."


class LimitReached(BridgeError):
    code = "limit_reached"
    http = 429
    sentence = "Too much is being asked at once; try again in a moment."


class InternalError(BridgeError):
    code = "internal"
    sentence = "The bridge failed; its log says why."


class StartError(CodedError):
    """The process cannot start as configured: the sentence names the setting and what to do. Never sent to a caller."""

    code = "start"
    transient = False


def first_error(error: BaseException) -> BaseException:
    """The error itself, without the groups that task groups wrap around it: the first one of several."""
    return first_error(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
