"""The switch of automatic answers: what the responder retains for each client, and what sets it.

The switch itself is a row of the responder's table. These payloads mirror it, so that a program without that table
(the HTTP façade, a dashboard) can show and set it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .payload import VERSION, Command, Instant, Payload


class BotConfig(Payload):
    """`<prefix>/responder/<cliente_id>/config`, retained: whether the responder answers for this client."""

    v: Literal[1] = VERSION
    cliente_id: int
    bot_activo: Literal[0, 1]
    updated_at: Instant


class BotSwitch(Command):
    """`<prefix>/responder/<cliente_id>/config/set`: the wish; the retained config tells when it is so."""

    v: Literal[1] = VERSION
    bot_activo: Annotated[int, Field(ge=0, le=1, description="1 = answers, 0 = silent")]
