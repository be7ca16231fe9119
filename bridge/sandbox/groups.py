"""Groups: who is in them and what they may do, changed by people, by the phone and by linked devices. Pure.

Each change is announced to open pages (`GroupChanged`), and leaves a notice in the chat where WhatsApp Web writes one:
not of promotions of others, and of a person who leaves only for admins.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from bridge.sandbox.changes import ChatChanged, GroupChanged
from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.group_records import Group, GroupSettings, JoinRequest
from bridge.sandbox.records import ACCOUNT, ACCOUNT_LID, Chat, MessageOrigin, ServiceMessage, TransmissionMode

if TYPE_CHECKING:
    from bridge.sandbox.world import World

#: The service's codes.
NOT_ALLOWED, NOT_FOUND, INVITED, NOT_ACCEPTABLE, CONFLICT, GONE, FULL, APPROVAL = 403, 404, 403, 406, 409, 410, 419, 421
LARGEST, LONGEST_SUBJECT = 1024, 100
_REFUSED = frozenset({TransmissionMode.REFUSE, TransmissionMode.FAIL})
_UNANSWERED = frozenset({TransmissionMode.LOSE_ANSWER, TransmissionMode.BREAK})


class GroupRefused(ValueError):
    """The service refuses a change of a group, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"The service refused it ({code}).")
        self.code = code


class SandboxGroups:
    def __init__(self, world: World, new_id: Callable[[], str]) -> None:
        self._world = world
        self._new_id = new_id
        #: What linked devices asked for, in order.
        self.received: list[tuple[str, dict[str, Any]]] = []

    def group(self, address: str) -> tuple[Chat, Group]:
        """A group and its state. Raises `GroupRefused` (404)."""
        chat = self._world.state.chats.get(address)
        if chat is None or chat.group is None:
            raise GroupRefused(NOT_FOUND)
        return chat, chat.group

    def may_write(self, chat: Chat) -> bool:
        """Whether the service takes the account's messages to this chat."""
        group = chat.group
        return group is None or (group.member and (not group.announce or ACCOUNT_LID in group.admins))

    def create(
        self, subject: str, people: Iterable[str], settings: GroupSettings | None = None, by: str = ACCOUNT_LID
    ) -> tuple[Chat, list[dict[str, Any]]]:
        """A new group, and what became of each person. Raises `GroupRefused`."""
        if len(subject) > LONGEST_SUBJECT:
            raise GroupRefused(NOT_ACCEPTABLE)
        address = f"1203631{self._world.now():.0f}{len(self._world.state.chats):03}@g.us"
        group = Group(owner=by, admins=[by], invite=_code())
        chat = Chat(id=address, name=subject, created=int(self._world.now()), group=group)
        self._world.state.chats[address] = chat
        others = [] if by == ACCOUNT_LID else [by]
        chat.participants += others
        results = [self._admit(chat, group, person) for person in people]
        for name in ("announce", "restrict", "ephemeral") if settings else ():
            if (value := getattr(settings, name)) is not None:
                setattr(group, name, value)
        self._announce(chat, "create", by, chat.participants, subtype="create", body=subject, suffix="create")
        return chat, results

    def add(self, address: str, people: Iterable[str], by: str = ACCOUNT_LID) -> list[dict[str, Any]]:
        """Add people; what became of each."""
        chat, group = self._administered(address, by, everyone=lambda known: known.members_add)
        results = [self._admit(chat, group, person) for person in people]
        added = [one["address"] for one in results if one["code"] == 200]
        if added:
            self._announce(chat, "add", by, added, subtype="add")
        return results

    def remove(self, address: str, people: Iterable[str], by: str = ACCOUNT_LID) -> list[dict[str, Any]]:
        """Remove people; the account itself (`ACCOUNT_LID`) only by another."""
        chat, group = self._administered(address, by)
        results = [self._for_member(chat, group, person) for person in people]
        gone = [one["address"] for one in results if one["code"] == 200]
        if gone:
            self._dismiss(chat, group, gone)
            self._announce(chat, "remove", by, gone, subtype="remove")
        return results

    def leave(self, address: str, person: str = ACCOUNT_LID) -> None:
        """A person leaves the group."""
        chat, group = self.group(address)
        [result] = [self._for_member(chat, group, person)]
        if result["code"] != 200:
            raise GroupRefused(NOT_FOUND)
        who = result["address"]
        is_shown = ACCOUNT_LID in group.admins and who != ACCOUNT_LID
        self._dismiss(chat, group, [who])
        self._announce(chat, "remove", who, [who], subtype="leave" if is_shown else None)

    def promote(self, address: str, people: Iterable[str], by: str = ACCOUNT_LID) -> list[dict[str, Any]]:
        return self._change_rights(address, people, by, admin=True)

    def demote(self, address: str, people: Iterable[str], by: str = ACCOUNT_LID) -> list[dict[str, Any]]:
        return self._change_rights(address, people, by, admin=False)

    def change(self, address: str, settings: GroupSettings, by: str = ACCOUNT_LID) -> None:
        """Change what `settings` names. Raises `GroupRefused`."""
        free = {"subject", "description", "ephemeral", "picture"}
        named = {name for name, value in settings.model_dump().items() if value is not None}
        chat, group = self._administered(address, by, everyone=lambda known: named <= free and not known.restrict)
        if settings.subject is not None:
            if len(settings.subject) > LONGEST_SUBJECT:
                raise GroupRefused(NOT_ACCEPTABLE)
            chat.name = settings.subject
            self._announce(chat, "subject", by, [], subtype="subject", body=settings.subject)
        if settings.description is not None:
            group.description, group.description_id = settings.description, self._new_id() or None
            action = "desc_add" if settings.description else "desc_remove"
            self._announce(chat, action, by, [], subtype="description", body=settings.description or None)
        for name in ("announce", "restrict"):
            if (value := getattr(settings, name)) is not None:
                setattr(group, name, value)
                state = "on" if value else "off"
                self._announce(chat, name, by, [], subtype=name, body=state, params=[state])
        if settings.approval is not None:
            group.approval = settings.approval
            params = ["on" if settings.approval else "off", "admin" if ACCOUNT_LID in group.admins else "regular"]
            name = "membership_approval_mode"
            self._announce(chat, name, by, [], subtype=name, params=params)
        if settings.ephemeral is not None:
            group.ephemeral = settings.ephemeral
            self._announce(chat, "ephemeral", by, [], subtype="ephemeral", params=[str(settings.ephemeral), by])
        if settings.picture is not None:
            body = "set" if settings.picture else "remove"
            self._announce(chat, "picture", by, [], subtype="picture", body=body)

    def invite(self, address: str, by: str = ACCOUNT_LID) -> str:
        """The code of the group's link."""
        return self._administered(address, by)[1].invite

    def revoke_invite(self, address: str, by: str = ACCOUNT_LID) -> str:
        """Replace the code of the group's link."""
        chat, group = self._administered(address, by)
        group.invite = _code()
        self._announce(chat, "invite", by, [], subtype="revoke_invite")
        return group.invite

    def by_invite(self, code: str) -> tuple[Chat, Group]:
        """The group of a link. Raises `GroupRefused` (410)."""
        for chat in self._world.state.chats.values():
            if chat.group is not None and code and chat.group.invite == code:
                return chat, chat.group
        raise GroupRefused(GONE)

    def join(self, code: str, person: str = ACCOUNT_LID) -> Chat:
        """A person joins by the link, or asks to."""
        chat, group = self.by_invite(code)
        who = self._participant(person)
        if group.approval:
            group.requests.append(JoinRequest(person=who, t=int(self._world.now())))
            shown = "membership_approval_request" if ACCOUNT_LID in group.admins else None
            self._announce(chat, "created_membership_requests", who, [who], subtype=shown, recipients=[])
        else:
            self._take_in(chat, group, who)
            self._announce(chat, "add", who, [who], subtype="invite", reason="invite")
        return chat

    def decide(
        self, address: str, people: Iterable[str], *, approve: bool, by: str = ACCOUNT_LID
    ) -> list[dict[str, Any]]:
        """Let people in who asked to join, or not."""
        chat, group = self._administered(address, by)
        results: list[dict[str, Any]] = []
        for person in map(self._participant, people):
            asked = next((one for one in group.requests if one.person == person), None)
            results.append({"address": person, "code": 200 if asked else NOT_FOUND})
            if asked:
                group.requests.remove(asked)
                if approve:
                    self._take_in(chat, group, person)
        if approve and (joined := [one["address"] for one in results if one["code"] == 200]):
            self._announce(chat, "add", by, joined, subtype="invite", reason="invite")
        return results

    def from_device(self, kind: str, fields: dict[str, Any]) -> dict[str, Any] | None:
        """A linked device asks for something. Returns None where it gets no answer."""
        settings = self._world.state.settings
        if settings.send_mode is TransmissionMode.HOLD:
            return None
        if settings.send_mode in _REFUSED:
            return {"refused": settings.refusal_code}
        self.received.append((kind, fields))
        try:
            value = self._asked(kind, fields)
        except GroupRefused as refused:
            return {"refused": refused.code}
        return None if settings.send_mode in _UNANSWERED else {"value": value}

    def _asked(self, kind: str, fields: dict[str, Any]) -> Any:
        group, people = str(fields.get("group", "")), fields.get("people", [])
        match kind:
            case "create":
                chat, results = self.create(str(fields["subject"]), people, GroupSettings(**fields["settings"]))
                return {"group": chat.id, "people": results}
            case "add" | "remove" | "promote" | "demote":
                return getattr(self, kind)(group, people)
            case "change":
                return self.change(group, GroupSettings(**fields["settings"]))
            case "invite" | "revoke_invite":
                return getattr(self, kind)(group)
            case "by_invite":
                chat, known = self.by_invite(str(fields["code"]))
                return {"id": chat.id, "subject": chat.name, "size": self.size(chat), "approval": known.approval}
            case "join":
                return self.join(str(fields["code"])).id
            case "leave":
                return self.leave(group)
            case "requests":
                _, known = self._administered(group, ACCOUNT_LID)
                return [one.model_dump() for one in known.requests]
            case "decide":
                return self.decide(group, people, approve=fields["approve"] is True)
        raise EntryNotFound(f"There is no request {kind} about groups.")

    def size(self, chat: Chat) -> int:
        """The number of members, with the account."""
        return len(chat.participants) + (chat.group is not None and chat.group.member)

    def _administered(
        self, address: str, by: str, everyone: Callable[[Group], bool] = lambda _: False
    ) -> tuple[Chat, Group]:
        """The group, for one who may change it: an admin, or a member where `everyone` may."""
        chat, group = self.group(address)
        who = self._participant(by)
        is_member = group.member if who == ACCOUNT_LID else who in chat.participants
        if not is_member or (who not in group.admins and not everyone(group)):
            raise GroupRefused(NOT_ALLOWED)
        return chat, group

    def _participant(self, person: str) -> str:
        """The address under which a person is in groups: the LID, where there is one."""
        if person in (ACCOUNT, ACCOUNT_LID):
            return ACCOUNT_LID
        contact = self._world.directory.contact(person)
        return (contact.lid or contact.pn or person) if contact else person

    def _admit(self, chat: Chat, group: Group, person: str) -> dict[str, Any]:
        contact = self._world.directory.contact(person)
        who = self._participant(person)
        known = [*chat.participants, *([ACCOUNT_LID] if group.member else [])]
        if who in known or person in known:
            return {"address": who, "code": CONFLICT}
        if contact is None or not contact.exists:
            return {"address": person, "code": NOT_FOUND}
        if len(known) >= LARGEST:
            return {"address": who, "code": FULL}
        if contact.add_code is not None:
            code = {"invite_code": _code()} if contact.add_code == INVITED else {}
            return {"address": who, "code": contact.add_code, **code}
        self._take_in(chat, group, who)
        return {"address": who, "code": 200}

    def _take_in(self, chat: Chat, group: Group, who: str) -> None:
        group.requests = [one for one in group.requests if one.person != who]
        if who == ACCOUNT_LID:
            group.member = True
        elif who not in chat.participants:
            chat.participants.append(who)

    def _dismiss(self, chat: Chat, group: Group, gone: list[str]) -> None:
        chat.participants = [one for one in chat.participants if one not in gone]
        group.admins = [one for one in group.admins if one not in gone]
        if ACCOUNT_LID in gone:
            group.member = False

    def _for_member(self, chat: Chat, group: Group, person: str) -> dict[str, Any]:
        who = person if person in chat.participants else self._participant(person)
        is_member = group.member if who == ACCOUNT_LID else who in chat.participants
        return {"address": who, "code": 200 if is_member else NOT_FOUND}

    def _change_rights(self, address: str, people: Iterable[str], by: str, *, admin: bool) -> list[dict[str, Any]]:
        chat, group = self._administered(address, by)
        results = [self._for_member(chat, group, person) for person in people]
        changed = []
        for one in results:
            if one["code"] == 200 and not admin and one["address"] == group.owner:
                one["code"] = NOT_ACCEPTABLE
            elif one["code"] == 200 and (one["address"] in group.admins) is not admin:
                (group.admins.append if admin else group.admins.remove)(one["address"])
                changed.append(one["address"])
        if changed:
            action = "promote" if admin else "demote"
            self._announce(chat, action, by, changed, subtype=action if changed == [ACCOUNT_LID] else None)
        return results

    def _announce(
        self,
        chat: Chat,
        action: str,
        by: str,
        people: list[str],
        *,
        subtype: str | None,
        body: str | None = None,
        params: list[str] | None = None,
        reason: str | None = None,
        recipients: list[str] | None = None,
        suffix: str = "",
    ) -> None:
        """Inform the pages, and write the notice, if it has a `subtype`. The row's id is made of the notice's."""
        author, external, t = self._participant(by), self._new_id(), int(self._world.now())
        if action == "remove" and ACCOUNT_LID not in people and chat.group is not None and not chat.group.member:
            return  # the account learns nothing of a group that it has left
        self._world.notify(ChatChanged(chat))
        if action not in ("create", "picture"):
            self._world.notify(GroupChanged(chat, action, author, tuple(people), external, t, reason))
        if subtype is None:
            return
        self._world.append(
            ServiceMessage(
                position=len(self._world.state.messages),
                id=f"{external}{suffix}{t}",
                chat=chat.id,
                from_me=False,
                author=author,
                body=body or "",
                type="gp2",
                t=t,
                origin=MessageOrigin.PEER,
                fields={
                    "subtype": subtype,
                    "recipients": (people if recipients is None else recipients) if subtype != "create" else [],
                    **({"templateParams": params} if params else {}),
                },
            )
        )


def _code() -> str:
    return secrets.token_urlsafe(16)[:22]
