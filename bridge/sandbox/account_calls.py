"""The calls of a page that are about the account and its people, not about messages."""

from __future__ import annotations

from typing import Any

from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.phone_calls import CallOutcome
from bridge.sandbox.world import World


def account_call(world: World, op: str, frame: dict[str, Any]) -> Any:
    """Carry out a call; returns its answer. Raises `EntryNotFound`, `ServiceRefused`."""
    acts = world.account
    match op:
        case "mark_chat":
            acts.mark(frame["chat"], **frame["marks"])
        case "label_chats":
            acts.label(frame["chats"], [(str(one["id"]), one["type"] == "add") for one in frame["labels"]])
        case "block":
            acts.block(frame["address"], blocked=frame["blocked"] is True)
        case "about":
            return acts.about(frame["address"])
        case "picture":
            return acts.picture(frame["address"])
        case "set_picture":
            acts.set_picture(frame["address"], frame["path"])
        case "set_profile":
            acts.set_profile(**frame["fields"])
        case "reject_call":
            acts.end(frame["id"], CallOutcome.REJECTED)
        case _:
            raise EntryNotFound(f"There is no call {op}.")
    return None
