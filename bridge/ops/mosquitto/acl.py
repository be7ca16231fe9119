"""mosquitto's ACL file, written from the list of users. Pure: text out, text in."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from bridge.contract.topics import Topics
from bridge.ops.mosquitto.roles import PURPOSE, User

_HEAD = """\
# Access by role, written by `wa broker`: change users with `wa broker user add` and `remove`, since the next of them
# writes this file anew. What is not allowed here is denied, and silently: mosquitto grants a denied SUBSCRIBE and
# acknowledges a denied PUBLISH of MQTT 3.1.1. `wa broker check` proves by delivery what each user can do.
"""


def acl_text(users: Iterable[User], topics: Topics) -> str:
    """The whole file. Users stand in the order of their names, so that two versions compare well."""
    return "\n".join([_HEAD, *(_block(user, topics) for user in sorted(users, key=lambda user: user.name))])


def users_named(text: str) -> set[str]:
    """The users that an ACL file speaks of."""
    return {line.split(maxsplit=1)[1].strip() for line in text.splitlines() if line.startswith("user ")}


def _block(user: User, topics: Topics) -> str:
    said = [f"# {line}" for role in sorted(user.roles) for line in textwrap.wrap(PURPOSE[role], width=110)]
    lines = [f"topic {grant.access} {grant.topic_filter}" for grant in user.grants(topics)]
    return "\n".join([*said, f"user {user.name}", *lines, ""])
