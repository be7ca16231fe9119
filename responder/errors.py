"""The responder's errors: one root with a code, and whether trying again may help."""

from __future__ import annotations

from bridge.contract.errors import CodedError


class ResponderError(CodedError):
    """Root of what the responder raises."""

    code = "responder"


class WrongSettings(ResponderError):
    """The responder cannot start as configured: the sentence names the setting and what to write instead."""

    code = "start"
    transient = False


class WrongRules(ResponderError):
    """The rules file cannot be used: the sentence names the place in it."""

    code = "wrong_rules"
    transient = False


class DatabaseDown(ResponderError):
    """The database does not answer now."""

    code = "database_down"


class DatabaseUnusable(ResponderError):
    """The database answers and cannot be used: wrong password, no such database, a schema that is newer than ours."""

    code = "database_unusable"
    transient = False


class LeaseLost(ResponderError):
    """Another replica has this part of the work by now; what was about to be written was not."""

    code = "lease_lost"


class ModelFailed(ResponderError):
    """The model gave no answer that can be sent; the customer hears nothing and the message stays answerable."""

    code = "model_failed"

    def __init__(self, text: str, *, retry_after: float | None = None, transient: bool = True) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.transient = transient


class SenderFailed(ResponderError):
    """The legacy sender did not do what it was asked.

    `never_left`: the request did not reach it; `refused`: it said no. With neither nobody can tell what it has done.
    """

    code = "sender_failed"

    def __init__(self, text: str, *, never_left: bool = False, refused: bool = False) -> None:
        super().__init__(text)
        self.never_left = never_left
        self.refused = refused


class NoSuchChat(ResponderError):
    """There is no chat of this number here."""

    code = "no_such_chat"
    transient = False
