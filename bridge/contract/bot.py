"""The responder on MQTT: the switch of automatic answers, its faults, and what was said in voice messages.

The switch is a row of the responder's table. These payloads mirror it, so that a program without access
to that table (the HTTP façade, a dashboard) can show and set it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bridge.contract.payload import VERSION, Instant, PageText, Payload, StrictPayload


class BotConfig(Payload):
    """`<prefix>/responder/<cliente_id>/config`, retained: whether the responder answers for this client."""

    v: Literal[1] = VERSION
    cliente_id: int = Field(description="the client")
    bot_activo: Literal[0, 1] = Field(description="1 = automatic answers are on")
    updated_at: Instant = Field(description="when it was changed")


class BotSwitch(StrictPayload):
    """`<prefix>/responder/<cliente_id>/config/set`: the requested state; the retained config confirms it."""

    v: Literal[1] = VERSION
    bot_activo: Annotated[int, Field(ge=0, le=1, description="1 = answers, 0 = silent")]


class ResponderEvent(Payload):
    """`<prefix>/responder/<instance>/event`: a fault, or its end. Never contains text of a chat.

    At most one per kind and minute; `count` is the number since the last event, `where` and `at` are the newest's.
    """

    v: Literal[1] = VERSION
    instance: str = Field(description="the responder's WA_INSTANCE")
    kind: str = Field(description="for example model_failed, model_resting, model_back, database_down, database_up")
    where: str = Field(description="a chat, masked, or a part of the responder")
    text: PageText = Field(description="one sentence for a person")
    count: int = Field(ge=1, description="how often it happened since the last one of its kind")
    at: Instant = Field(description="time of the newest")


class SpokenText(Payload):
    """`<prefix>/<session>/transcript`: the text of a voice message, once, as soon as it is recorded.

    Not journalled, so a reader that was away does not get it: the responder's record has it.
    """

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    message_id: PageText = Field(description="the voice message's `id`")
    text: PageText = Field(description="what was said")
    language: PageText | None = Field(default=None, description="its language as the server names it, if it does")
    at: Instant = Field(description="when it was written down")
