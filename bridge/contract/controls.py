"""The orders of an admin to a session, and their results. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from bridge.contract.commands import CommandId
from bridge.contract.details import InvalidDetail
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import is_from_home, parse_recipient
from bridge.contract.messages import ErrorInfo
from bridge.contract.payload import VERSION, CleanText, Instant, Payload, StrictPayload
from bridge.contract.phone_numbers import candidates

#: Maximum of `reopen_after`, in seconds.
MAX_PAUSE = 3600


class ControlAction(StrEnum):
    """Actions of an admin on a session."""

    INIT = "init"
    CLOSE = "close"
    SLEEP = "sleep"
    LOGOUT = "logout"
    RESTART = "restart"
    PASSKEY = "passkey"
    PASSKEY_CONFIRM = "passkey_confirm"


class ControlCommand(StrictPayload):
    """`<prefix>/<session>/control`.

    With `init`, `phone` requests a pairing code to type on the phone of that number. With `close`, the session opens
    again after `reopen_after` seconds, or at the next start, even if the client that closed it is gone. `sleep` is a
    `close` that ends when a command is due. `passkey` and `passkey_confirm` answer what is published on the topic
    `passkey`.
    """

    v: Literal[1] = VERSION
    action: Annotated[ControlAction, Field(strict=False, description="what to do")]
    id: CommandId | None = Field(default=None, description="returned in the results")
    phone: CleanText | None = Field(
        default=None,
        description="with `init`: request a pairing code for the phone of this number; done once there is one",
    )
    reopen_after: Annotated[
        int | None,
        Field(ge=1, le=MAX_PAUSE, description="with `close`: seconds after which the session opens again by itself"),
    ] = None

    response: dict[str, Any] | None = Field(
        default=None, description="with `passkey`: what the browser answered, as JSON (`PublicKeyCredential.toJSON()`)"
    )
    code: CleanText | None = Field(
        default=None, description="with `passkey_confirm`: the code, once the phone shows the same"
    )

    @field_validator("phone")
    @classmethod
    def _check_phone(cls, phone: str | None) -> str | None:
        if phone is None:
            return None
        if is_from_home(phone):  # its country is that of the account, which the session knows
            return phone.strip()
        jid = parse_recipient(phone)
        if not jid.is_user:
            raise ValueError("must be a phone number")
        return candidates(jid.user)[0]  # WhatsApp wants the number as it is registered

    def sent_from(self, own: str | None) -> Self:
        """The command for a session whose account has, or had, the number `own`: a phone with a leading 0 is of its
        country.

        Raises `InvalidRequest` where no account was linked yet, or its country's rules are not known.
        """
        if self.phone is None or not is_from_home(self.phone):
            return self
        if own is None:
            raise InvalidRequest(
                "No account was linked here yet, so the country of a phone that begins with 0 is not known: write it"
                " in international form, for example 5491155500001.",
                detail=InvalidDetail.NOT_A_PHONE_NUMBER,
            )
        return self.model_copy(update={"phone": candidates(parse_recipient(self.phone, own).user)[0]})

    @model_validator(mode="after")
    def _fields_go_with_their_action(self) -> Self:
        if self.phone is not None and self.action is not ControlAction.INIT:
            raise ValueError("phone goes with init only")
        if self.reopen_after is not None and self.action is not ControlAction.CLOSE:
            raise ValueError("reopen_after goes with close only")
        if (self.response is not None) is not (self.action is ControlAction.PASSKEY):
            raise ValueError("passkey needs response, and no other action has it")
        if (self.code is not None) is not (self.action is ControlAction.PASSKEY_CONFIRM):
            raise ValueError("passkey_confirm needs code, and no other action has it")
        return self


class ControlStatus(StrEnum):
    """`status` of a control result."""

    ACCEPTED = "accepted"
    DONE = "done"
    FAILED = "failed"


class ControlResult(Payload):
    """Answer to a control command, on the result topic; only these results have `action`."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    id: str = Field(description="the control command's id, or one made by the bridge")
    action: ControlAction = Field(description="as requested")
    status: ControlStatus = Field(description="`accepted`, then `done` or `failed`")
    error: ErrorInfo | None = Field(default=None, description="why it failed")
    at: Instant = Field(description="time of the change")
