"""The part of the control API for what happens besides messages: marks of chats, blocking, calls, presence, profile."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from bridge.contract.jid import Jid
from bridge.sandbox.dependencies import MediaOf, WorldOf
from bridge.sandbox.guard import PICTURE
from bridge.sandbox.phone_calls import CallOutcome, PhoneCall
from bridge.sandbox.records import Contact, OwnProfile
from bridge.sandbox.views import PhoneChatView, chat_view


class AccountRequestBody(BaseModel, extra="forbid"):
    """A request body. Unknown fields are rejected."""


class Marks(AccountRequestBody):
    """The marks of a chat to change."""

    id: str
    archived: bool | None = None
    pinned: bool | None = None
    muted_until: int | None = Field(default=None, description="Unix seconds; -1 for good, 0 ends it.")
    unread: bool | None = Field(default=None, description="true marks it as unread by hand.")


class Blocking(AccountRequestBody):
    """A contact that the owner blocks or unblocks on the phone."""

    id: str
    blocked: bool


class NewCall(AccountRequestBody):
    """A call from a contact."""

    id: str
    video: bool = False


class CallEnd(AccountRequestBody):
    """How a call ends that rings."""

    id: str
    outcome: CallOutcome


class NewPresence(AccountRequestBody):
    """What a contact does."""

    id: str
    type: Literal["available", "unavailable", "typing", "recording_audio"]


class ProfilePatch(AccountRequestBody):
    """The account's own name or about text."""

    name: str | None = None
    about: str | None = None


router = APIRouter(prefix="/api", tags=["account"])


@router.patch("/chats")
async def mark_chat(world: WorldOf, body: Marks) -> PhoneChatView:
    """Archive, pin, mute, or mark as unread a chat on the phone."""
    marks: dict[str, Any] = {"archived": body.archived, "muted_until": body.muted_until}
    marks["pinned_ms"] = None if body.pinned is None else int(world.now() * 1000) * body.pinned
    marks["marked_unread"] = body.unread
    known = {name: value for name, value in marks.items() if value is not None}
    return chat_view(world, world.account.mark(_address(body.id), **known), 0)


@router.put("/blocked")
async def block(world: WorldOf, body: Blocking) -> Contact:
    """Block or unblock a contact on the phone."""
    return world.account.block(_address(body.id), blocked=body.blocked)


@router.put("/presence")
async def be(world: WorldOf, body: NewPresence) -> None:
    """A contact goes online or offline, or writes."""
    world.account.be(_address(body.id), body.type)


@router.put(PICTURE.removeprefix(router.prefix))
async def set_picture(world: WorldOf, media: MediaOf, request: Request, id: str) -> None:  # noqa: A002 - as the other bodies
    """A contact changes its picture: the body is the file; an empty one removes it."""
    stored = await media.receive(request.stream())
    world.account.set_picture(_address(id), stored.direct_path if stored.size else None)


@router.post("/calls")
async def call(world: WorldOf, body: NewCall) -> PhoneCall:
    """A contact calls the account."""
    return world.account.call(_address(body.id), video=body.video)


@router.put("/calls")
async def end_call(world: WorldOf, body: CallEnd) -> None:
    """A call that rings is over."""
    world.account.end(body.id, body.outcome)


@router.patch("/profile")
async def set_profile(world: WorldOf, body: ProfilePatch) -> OwnProfile:
    """Change the account's own profile on the phone."""
    world.account.set_profile(**body.model_dump(exclude_none=True))
    return world.state.profile


def _address(text: str) -> str:
    return str(Jid.parse(text if "@" in text else f"{text}@c.us"))
