"""Actions of requests: one file per action, and the only list of them in Python.

To add an action: `contract/requests/<action>.py`, `drivers/web/page/requests/<action>.js`, and its class below.
"""

from __future__ import annotations

from bridge.contract.commands import checked, json_object
from bridge.contract.errors import InvalidRequest, Unsupported
from bridge.contract.requests.calls_reject import RejectCall
from bridge.contract.requests.chats_archive import Archive
from bridge.contract.requests.chats_get import ChatGet
from bridge.contract.requests.chats_history import ChatHistory
from bridge.contract.requests.chats_list import ChatList
from bridge.contract.requests.chats_mute import Mute
from bridge.contract.requests.chats_pin import Pin
from bridge.contract.requests.chats_read import MarkRead
from bridge.contract.requests.chats_unread import MarkUnread
from bridge.contract.requests.contacts_block import Block
from bridge.contract.requests.contacts_check import CheckContacts, CheckedContact, CheckedContacts
from bridge.contract.requests.contacts_get import ContactGet
from bridge.contract.requests.contacts_list import ContactList
from bridge.contract.requests.contacts_picture import PictureGet
from bridge.contract.requests.contacts_subscribe import Subscribe
from bridge.contract.requests.contacts_unblock import Unblock
from bridge.contract.requests.group import GroupPeopleRequest
from bridge.contract.requests.groups_add import GroupAdd
from bridge.contract.requests.groups_approve import GroupApprove
from bridge.contract.requests.groups_create import GroupCreate
from bridge.contract.requests.groups_demote import GroupDemote
from bridge.contract.requests.groups_get import GroupGet
from bridge.contract.requests.groups_invite import GroupInvite
from bridge.contract.requests.groups_join import GroupJoin
from bridge.contract.requests.groups_leave import GroupLeave
from bridge.contract.requests.groups_list import GroupList
from bridge.contract.requests.groups_promote import GroupPromote
from bridge.contract.requests.groups_reject import GroupReject
from bridge.contract.requests.groups_remove import GroupRemove
from bridge.contract.requests.groups_requests import GroupRequests
from bridge.contract.requests.groups_revoke_invite import GroupRevokeInvite
from bridge.contract.requests.groups_update import GroupUpdate
from bridge.contract.requests.labels_list import LabelList
from bridge.contract.requests.labels_set import LabelSet
from bridge.contract.requests.limits_get import GetLimits
from bridge.contract.requests.media_get import MediaAnswer, MediaGet
from bridge.contract.requests.messages_search import SearchMessages
from bridge.contract.requests.picture import Picture, PictureRequest
from bridge.contract.requests.profile_get import ProfileGet
from bridge.contract.requests.profile_set import ProfileSet
from bridge.contract.requests.request import Request
from bridge.contract.requests.sends_list import ListedSend, ListSends, SendList
from bridge.contract.requests.typing import Typing

REQUESTS: tuple[type[Request], ...] = (
    Typing,
    ChatList,
    ChatGet,
    ChatHistory,
    MarkRead,
    MarkUnread,
    Archive,
    Mute,
    Pin,
    MediaGet,
    SearchMessages,
    ContactList,
    ContactGet,
    CheckContacts,
    PictureGet,
    Block,
    Unblock,
    Subscribe,
    ProfileGet,
    ProfileSet,
    LabelList,
    LabelSet,
    RejectCall,
    GroupList,
    GroupGet,
    GroupCreate,
    GroupUpdate,
    GroupAdd,
    GroupRemove,
    GroupPromote,
    GroupDemote,
    GroupInvite,
    GroupRevokeInvite,
    GroupJoin,
    GroupLeave,
    GroupRequests,
    GroupApprove,
    GroupReject,
    GetLimits,
    ListSends,
)
BY_ACTION = {request.model_fields["action"].default: request for request in REQUESTS}


def request_of(action: object, fields: dict[str, object]) -> Request:
    """A request with these fields. Raises `InvalidRequest`, and `Unsupported` for an action that is none."""
    if not isinstance(action, str):
        raise InvalidRequest("Refused: action is missing." if action is None else "Refused: action must be text.")
    if action not in BY_ACTION:
        raise Unsupported(f"There is no action {action[:64]!r}. The actions are: {', '.join(sorted(BY_ACTION))}.")
    return checked(BY_ACTION[action], {**fields, "action": action})


def parse_request(payload: bytes) -> Request:
    """Turn a payload into a request. Raises `InvalidRequest`, `TooLarge`, `Unsupported`."""
    fields = json_object(payload)
    return request_of(fields.get("action"), fields)


__all__ = [
    "BY_ACTION",
    "REQUESTS",
    "ChatList",
    "CheckContacts",
    "CheckedContact",
    "CheckedContacts",
    "GetLimits",
    "GroupGet",
    "GroupPeopleRequest",
    "ListSends",
    "ListedSend",
    "MediaAnswer",
    "MediaGet",
    "Picture",
    "PictureGet",
    "PictureRequest",
    "RejectCall",
    "Request",
    "SearchMessages",
    "SendList",
    "Subscribe",
    "Typing",
    "parse_request",
    "request_of",
]
