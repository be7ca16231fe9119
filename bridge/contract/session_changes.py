"""Commands to a bridge as a whole: which sessions it runs, which of them sleep, and hand-overs. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bridge.contract.commands import CommandId
from bridge.contract.controls import ControlStatus
from bridge.contract.messages import ErrorInfo
from bridge.contract.payload import VERSION, CleanText, Instant, Payload, StrictPayload
from bridge.contract.session_options import check_proxy_option, check_sleep_option
from bridge.contract.topics import check_session_name

#: Largest `cliente_id`.
MAX_CLIENT = 2**31 - 1


class BridgeAction(StrEnum):
    """Actions of an admin on the sessions of a bridge."""

    ADD_SESSION = "add_session"
    SET_SESSION = "set_session"
    REMOVE_SESSION = "remove_session"
    SLEEP = "sleep"
    WAKE = "wake"
    HAND_OVER = "hand_over"


class BridgeCommand(StrictPayload):
    """`<prefix>/bridge/<instance>/control`.

    `add_session` needs `cliente_id`. `set_session` changes `proxy` and `sleep_after`, which `add_session` may also set;
    a new proxy restarts the browser. `remove_session` ends the session and keeps its folder: login, journal, commands.
    `sleep` closes its browser until a command is due or `wake`; meanwhile it receives nothing, and catches up later.
    `hand_over` needs `to`, a bridge of WA_BRIDGES. The bridge that runs the session closes it for that one, which opens
    it as soon as it has a login of it. Sent to the bridge `to` itself: it runs the session, also without a login, once
    no other does.
    """

    v: Literal[1] = VERSION
    action: Annotated[BridgeAction, Field(strict=False, description="what to do")]
    session: CleanText = Field(description="the session's name: letters, digits, _ and -, 64 at most")
    cliente_id: Annotated[
        int | None, Field(ge=0, le=MAX_CLIENT, description="with `add_session`: the customer's number")
    ] = None
    proxy: CleanText | None = Field(
        default=None,
        repr=False,
        description="with `add_session` and `set_session`: the address of its browser's proxy, `off`, or `default`"
        " (that of WA_PROXY)",
    )
    sleep_after: CleanText | None = Field(
        default=None,
        description="with `add_session` and `set_session`: time without a message after which it sleeps, as `2h`;"
        " `off`, or `default` (that of WA_SLEEP_AFTER)",
    )
    to: CleanText | None = Field(default=None, max_length=64, description="with `hand_over`: the other bridge's name")
    id: CommandId | None = Field(default=None, description="returned in the result")

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, proxy: str | None) -> str | None:
        return None if proxy is None else check_proxy_option(proxy)

    @field_validator("sleep_after")
    @classmethod
    def _check_sleep_after(cls, sleep_after: str | None) -> str | None:
        return None if sleep_after is None else check_sleep_option(sleep_after)

    @field_validator("session")
    @classmethod
    def _check_session(cls, session: str) -> str:
        return check_session_name(session)

    @model_validator(mode="after")
    def _fields_go_with_their_action(self) -> Self:
        if (self.cliente_id is not None) is not (self.action is BridgeAction.ADD_SESSION):
            raise ValueError("add_session needs cliente_id, and no other action has it")
        has_options = self.proxy is not None or self.sleep_after is not None
        if has_options and self.action not in (BridgeAction.ADD_SESSION, BridgeAction.SET_SESSION):
            raise ValueError("proxy and sleep_after go with add_session and set_session only")
        if (self.to is not None) is not (self.action is BridgeAction.HAND_OVER):
            raise ValueError("hand_over needs to, and no other action has it")
        return self


class BridgeControlResult(Payload):
    """Answer to a command to a bridge, on `<prefix>/bridge/<instance>/control/result`."""

    v: Literal[1] = VERSION
    instance: str = Field(description="the bridge's name, as in the topic")
    id: str | None = Field(description="the command's id, if it had one")
    action: BridgeAction | None = Field(description="as requested; null where it cannot be read")
    session: str | None = Field(description="as requested; null where it cannot be read")
    status: ControlStatus = Field(description="`done` or `failed`")
    text: str | None = Field(default=None, description="what a person should know, such as what is kept and where")
    error: ErrorInfo | None = Field(default=None, description="why it failed")
    at: Instant = Field(description="time of the answer")
