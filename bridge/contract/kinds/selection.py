"""What a person chose from buttons or a list: a field of the answers to them."""

from __future__ import annotations

from pydantic import Field

from bridge.contract.payload import PageText, Payload


class Selection(Payload):
    """The answer to buttons or a list; `body` of the message is its text, too."""

    id: PageText = Field(description="id that the sender of the buttons or the list gave to the choice")
    title: PageText | None = Field(default=None, description="text of the choice")
