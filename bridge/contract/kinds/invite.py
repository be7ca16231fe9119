"""Invitations to a group or a channel; `body` is its name and the text beside it."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="invite",
    types=("groups_v4_invite", "newsletter_admin_invite", "newsletter_follower_invite"),
    noun=Noun("invitation", "invitación", "✉️"),
)
