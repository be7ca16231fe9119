"""Messages by their text."""

from __future__ import annotations

import unicodedata
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints
from typing_extensions import override

from bridge.contract.commands import GivenInstant
from bridge.contract.errors import InvalidRequest
from bridge.contract.payload import CleanText
from bridge.contract.requests.request import Request
from bridge.contract.search_answers import SearchAnswer

MAX_QUERY, MAX_HITS = 200, 100


class SearchMessages(Request):
    """Searches the journal, whether the session is connected or not: messages that were received, and own ones.

    Case and accents make no difference. The last word may be the beginning of one. Quotes, `*`, `AND` and the like mean
    nothing. An edited message is found by its last text; a revoked, erased or expired one is not found.
    """

    summary: ClassVar = "Find messages by their text."
    example: ClassVar = {"q": "factura marzo", "chat": "5491155500001", "limit": 20}
    reads: ClassVar = True
    data: ClassVar = SearchAnswer
    recipients: ClassVar = ("chat",)

    action: Literal["messages.search"] = "messages.search"
    q: Annotated[CleanText, StringConstraints(max_length=MAX_QUERY)] = Field(description="words that a message has")
    chat: CleanText | None = Field(default=None, description="number in any spelling, or a chat's address; default all")
    since: GivenInstant | None = Field(default=None, description="messages of this time and later")
    until: GivenInstant | None = Field(default=None, description="messages before this time")
    direction: Literal["in", "out"] | None = Field(
        default=None, description="`in`: received, `out`: sent by this account; default both"
    )
    after: Annotated[CleanText, StringConstraints(pattern=r"^[0-9]{1,15}$")] | None = Field(
        default=None, description="`next` of the page before"
    )
    limit: Annotated[int, Field(ge=1, le=MAX_HITS, description="messages in a page")] = 20

    @override
    def check(self) -> None:
        super().check()
        if not self.words:
            raise InvalidRequest("q has no letter and no digit to search for.")

    @property
    def words(self) -> tuple[str, ...]:
        """What is searched for: signs and emoji alone are in no index."""
        return tuple(word for word in self.q.split() if any(map(_is_indexed, word)))


def _is_indexed(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "Co"
