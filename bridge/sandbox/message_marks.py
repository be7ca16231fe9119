"""What people did to a message, as it is kept with the message."""

from __future__ import annotations

from pydantic import BaseModel


class MessageReaction(BaseModel):
    """A person's newest reaction to a message; `emoji` is empty once it was taken back. `t` is unix seconds."""

    id: str
    emoji: str
    t: int


class MessageVote(BaseModel):
    """A person's newest vote in a poll: the numbers of the options."""

    options: list[int]
    t_ms: int


class MessageEdit(BaseModel):
    """The newest edit of a message; `t` is unix seconds."""

    id: str
    t: int


class MessageRevocation(BaseModel):
    """That a message was deleted for everyone; `original` is the key that it had."""

    original: str
    by: str
    t: int
    by_admin: bool = False
