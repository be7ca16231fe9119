"""Write `deploy/cluster/accounts.conf`: the roles of mosquitto's ACL as the users of a NATS cluster.

    python scripts/nats_accounts.py            # write
    python scripts/nats_accounts.py --check    # exit code 1 if the file is not up to date

NATS knows MQTT's topics as subjects: `/` is `.`, `+` is `*`, and `#` is `>`, which does not include the level above it.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from bridge.contract.topics import Topics
from bridge.ops.mosquitto.roles import PURPOSE, Grant, Role, User

FILE = Path(__file__).parent.parent / "deploy" / "cluster" / "accounts.conf"
_HEAD = """\
# Users of the cluster by role, as mosquitto/acl has them, written by scripts/nats_accounts.py. Passwords come from the
# environment: begin each with a letter that is no digit of a number, or NATS reads a number. For a user of one session
# copy a block and write the session's name instead of `*`. NATS answers a denied SUBSCRIBE with 0x80, and drops what is
# published without permission silently, as mosquitto does.
"""
#: Where NATS delivers QoS 1 messages to a session: every subscriber needs it. It covers the sessions of all users, so
#: they connect by MQTT only, which refuses this topic to clients.
_DELIVERY = "$MQTT.sub.>"


def subjects(topic_filter: str) -> tuple[str, ...]:
    """The subjects that match what an MQTT topic filter matches."""
    subject = topic_filter.replace("/", ".").replace("+", "*").replace("#", ">")
    return (subject.removesuffix(".>"), subject) if subject.endswith(".>") else (subject,)


def accounts_text(topics: Topics) -> str:
    """The whole file: one user for each role, named as the role."""
    blocks = "\n".join(_block(User(role, frozenset({role})), topics) for role in Role)
    system = "  SYS: { users: [ { user: sys, password: $WA_SYSTEM_PASSWORD } ] }"
    account = f"  WA: {{\n    jetstream: enabled\n    users: [\n{blocks}    ]\n  }}"
    return f"{_HEAD}\naccounts {{\n{account}\n{system}\n}}\nsystem_account: SYS\n"


def _block(user: User, topics: Topics) -> str:
    comment = "".join(f"      # {line}\n" for role in user.roles for line in textwrap.wrap(PURPOSE[role], width=110))
    grants = user.grants(topics)
    publish = _list(grant for grant in grants if grant.allows("write", grant.topic_filter))
    subscribe = _list((grant for grant in grants if grant.allows("read", grant.topic_filter)), _DELIVERY)
    return (
        f"{comment}      {{ user: {user.name}, password: $WA_{user.name.upper()}_PASSWORD,\n"
        '        allowed_connection_types: ["MQTT", "MQTT_WS"], permissions: {\n'
        f"        publish: {publish}\n        subscribe: {subscribe}\n      }} }}\n"
    )


def _list(grants: Iterable[Grant], *more: str) -> str:
    """An empty list would allow everything, so a role without a grant is denied all."""
    found = list(dict.fromkeys(subject for grant in grants for subject in subjects(grant.topic_filter)))
    if not found and not more:
        return '{ deny: ">" }'
    lines = textwrap.wrap(", ".join(f'"{name}"' for name in (*found, *more)), width=100)
    return "[ " + "\n          ".join(lines) + " ]"


def main() -> int:
    text = accounts_text(Topics())
    if "--check" in sys.argv[1:]:
        return 0 if FILE.exists() and FILE.read_text(encoding="utf-8") == text else 1
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
