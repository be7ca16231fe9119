"""One conversation for each person: names every chat in `wa_identity`, and merges the chats that are one person's.

No row is lost but the second ones of `wa_chat`: messages, answers and conversations go to the oldest. After the new
table everything is one transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from bridge.contract.jid import Jid, Server, canonical_address

revision = "0002"
down_revision = "0001"

_EXACT = "utf8mb4_bin"
_chats = sa.table(
    "wa_chat",
    *map(
        sa.column,
        (
            *("id", "session", "chat", "part", "telefono", "cliente_id", "name", "is_group", "paused_until"),
            *("opted_out_at", "last_print", "last_at", "last_message"),
        ),
    ),
)
_lines = sa.table("ll_ia_conversaciones", sa.column("cliente_id"), sa.column("telefono"))
_moved = [sa.table(name, sa.column("chat_id"), sa.column("part")) for name in ("wa_message", "wa_turn")]
_identities = sa.table("wa_identity", sa.column("session"), sa.column("name"), sa.column("chat_id"))


def upgrade() -> None:
    bind = op.get_bind()
    if "wa_identity" not in sa.inspect(bind).get_table_names():
        on_server = bind.dialect.name != "sqlite"
        exact = {length: sa.String(length, collation=_EXACT if on_server else None) for length in (64, 96)}
        op.create_table(
            "wa_identity",
            sa.Column("session", exact[64], primary_key=True),
            sa.Column("name", exact[96], primary_key=True),
            sa.Column("chat_id", sa.BigInteger, nullable=False),
            sa.Index("ix_wa_identity_chat", "chat_id"),
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
        )
    if bind.execute(sa.select(_identities.c.name).limit(1)).first() is not None:
        return
    rows = bind.execute(sa.select(_chats).order_by(_chats.c.session, _chats.c.id)).mappings().all()
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        sessions[row["session"]].append(dict(row))
    for session, found in sessions.items():
        for names, same in _people(found):
            kept = same[0] if len(same) == 1 else _merged(bind, same)
            _rename(bind, kept, same)
            names |= {f"#{row['id']}" for row in same if row is not same[0]}  # links to merged chats
            new = [{"session": session, "name": name, "chat_id": kept["id"]} for name in sorted(names)]
            bind.execute(sa.insert(_identities), new)


def _people(rows: Iterable[dict[str, Any]]) -> list[tuple[set[str], list[dict[str, Any]]]]:
    """The chats of each person or group, oldest first, and their names."""
    people: dict[int, tuple[set[str], list[dict[str, Any]]]] = {}
    by_name: dict[str, int] = {}
    for row in rows:
        names, same = _names(row), [row]
        for other in {by_name[name] for name in names if name in by_name}:
            other_names, other_rows = people.pop(other)
            names, same = names | other_names, other_rows + same
        people[row["id"]] = names, sorted(same, key=lambda one: int(one["id"]))
        by_name |= dict.fromkeys(names, row["id"])
    return list(people.values())


def _names(row: dict[str, Any]) -> set[str]:
    names = {row["chat"] if row["is_group"] else canonical_address(row["chat"])}
    if not row["is_group"] and row["telefono"].isdecimal():
        names.add(str(Jid(row["telefono"], Server.USER).canonical))
    return names


def _merged(bind: sa.Connection, same: list[dict[str, Any]]) -> dict[str, Any]:
    kept, gone = same[0], [row["id"] for row in same[1:]]
    newest_first = sorted(same, key=lambda row: (row["last_at"], row["last_message"]), reverse=True)
    newest = newest_first[0]
    numbers = [row["telefono"] for row in newest_first if row["telefono"].isdecimal()]
    values = {
        **{name: newest[name] for name in ("chat", "cliente_id", "last_print", "last_at", "last_message")},
        "telefono": numbers[0] if numbers else kept["telefono"],
        "name": next((row["name"] for row in newest_first if row["name"]), None),
        "paused_until": max(row["paused_until"] for row in same),
        "opted_out_at": min((row["opted_out_at"] for row in same if row["opted_out_at"] is not None), default=None),
    }
    for table in _moved:
        bind.execute(sa.update(table).where(table.c.chat_id.in_(gone)).values(chat_id=kept["id"], part=kept["part"]))
    bind.execute(sa.delete(_chats).where(_chats.c.id.in_(gone)))
    bind.execute(sa.update(_chats).where(_chats.c.id == kept["id"]).values(values))
    return {**kept, **values}


def _rename(bind: sa.Connection, kept: dict[str, Any], same: list[dict[str, Any]]) -> None:
    """The lines of a person's chats stand under one name, and those from before the number was known with them."""
    old = {name for row in same for name in (row["telefono"], row["chat"])} - {kept["telefono"]}
    if old and not kept["is_group"]:
        clients = {row["cliente_id"] for row in same}
        whose = _lines.c.cliente_id.in_(clients) & _lines.c.telefono.in_(old)
        bind.execute(sa.update(_lines).where(whose).values(telefono=kept["telefono"]))
