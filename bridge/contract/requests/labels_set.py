"""The labels of a chat."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from bridge.contract.payload import CleanText
from bridge.contract.requests.request import ChatRequest


class LabelSet(ChatRequest):
    """An account without WhatsApp Business has none: `unsupported`. An unknown label is `not_found`."""

    summary: ClassVar = "Give a chat exactly these labels; an empty list takes all away."
    example: ClassVar = {"chat": "5491155500001", "labels": ["Pagado"]}
    changes: ClassVar = True

    action: Literal["labels.set"] = "labels.set"
    labels: list[Annotated[CleanText, StringConstraints(min_length=1, max_length=100)]] = Field(
        max_length=20, description="ids or names of labels"
    )
