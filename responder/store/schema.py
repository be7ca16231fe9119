"""The tables: the two of the legacy installation under their names, and our own (`wa_…`).

One schema for MySQL, MariaDB and SQLite. Moments in our own tables are unix seconds, independent of the server's time
zone; the legacy tables keep the server's clock.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    Enum,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    cast,
    event,
    func,
)
from sqlalchemy.types import TIMESTAMP, DateTime, TypeEngine

from bridge.sql.migrations import Schema

metadata = MetaData()
SCHEMA = Schema(service="responder", package="responder.store", head="0004", version_table="wa_schema", tables=metadata)

_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite generates ids for INTEGER only
# Without MySQL's own types: their dialect would add a megabyte to an installation on SQLite.
_FLAG = Boolean(create_constraint=False)  # TINYINT on MySQL, as in the legacy tables
_MOMENT = DateTime().with_variant(TIMESTAMP(), "mysql", "mariadb")
#: MEDIUMTEXT on MySQL, which this length selects: WhatsApp's 65,536 characters are up to 256 KB.
_LONG = Text().with_variant(Text(2**22 - 1), "mysql", "mariadb")


@event.listens_for(metadata, "before_create")
def _prepare(_: MetaData, connection: Connection, **_others: object) -> None:
    """On a server, whatever its defaults: an engine with transactions, and full Unicode."""
    if connection.dialect.name == "mysql":
        for table in metadata.tables.values():
            table.dialect_kwargs.update({"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"})


def _exact(length: int) -> TypeEngine[str]:
    """Text compared byte for byte: MySQL otherwise treats `a` as `A`, and ids differ by case."""
    return String(length).with_variant(String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


conversations = Table(
    "ll_ia_conversaciones",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("cliente_id", Integer, nullable=False, server_default="51"),
    Column("telefono", String(64), nullable=False),
    Column("rol", Enum("user", "assistant", native_enum=True, create_constraint=False), nullable=False),
    Column(
        "origen_mensaje",
        Enum("ia", "humano", "sistema", native_enum=True, create_constraint=False),
        server_default="ia",
    ),
    Column("pauso_ia", _FLAG, server_default="0"),
    Column("mensaje", _LONG, nullable=False),
    Column("created_at", _MOMENT, server_default=func.current_timestamp()),
    Index("ix_ll_ia_conversaciones_person", "cliente_id", "telefono", "id"),
)

bot_config = Table(
    "ll_bot_config",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("cliente_id", Integer, nullable=False, unique=True),
    Column("bot_activo", _FLAG, nullable=False, server_default="0"),
    Column("updated_at", _MOMENT, server_default=func.current_timestamp()),
    Column("created_at", _MOMENT, server_default=func.current_timestamp()),
)

cursors = Table(
    "wa_cursor",
    metadata,
    Column("session", _exact(64), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("epoch", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
)

chats = Table(
    "wa_chat",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("session", _exact(64), nullable=False),
    Column("chat", _exact(96), nullable=False),  # the newest address, exactly as received: answers go there
    Column("part", SmallInteger, nullable=False),  # the lease under which it is answered
    Column("telefono", String(64), nullable=False),  # the person as in the legacy table
    Column("cliente_id", Integer, nullable=False),
    Column("name", String(128)),
    Column("is_group", Boolean(create_constraint=False), nullable=False),
    Column("paused_until", Double, nullable=False, server_default="0"),
    Column("opted_out_at", Double),
    Column("last_print", String(64)),
    Column("last_at", Double, nullable=False, server_default="0"),
    Column("last_message", BigInteger, nullable=False, server_default="0"),  # WhatsApp's seconds do not give the order
    UniqueConstraint("session", "chat", name="uq_wa_chat"),
    Index("ix_wa_chat_last", "last_at", "last_message"),
)

#: Every name of the other side of a chat: `store/identities.py`.
identities = Table(
    "wa_identity",
    metadata,
    Column("session", _exact(64), primary_key=True),
    Column("name", _exact(96), primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    Index("ix_wa_identity_chat", "chat_id"),
)

messages = Table(
    "wa_message",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("session", _exact(64), nullable=False),
    Column("message_id", _exact(255), nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("conversation_id", BigInteger),
    Column("verdict", String(24), nullable=False),
    Column("turn_id", BigInteger),
    Column("timestamp", Double, nullable=False),
    Column("kind", String(32)),  # NULL in rows of earlier versions
    Column("title", String(200)),  # the name of its file or place
    UniqueConstraint("session", "message_id", name="uq_wa_message"),
    Index("ix_wa_message_open", "turn_id", "verdict", "part"),
    Index("ix_wa_message_chat", "chat_id", "id"),
    Index("ix_wa_message_time", "timestamp"),
)

#: What was done to messages, which may not be recorded yet: `store/marks.py`.
marks = Table(
    "wa_mark",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("session", _exact(64), nullable=False),
    Column("message_id", _exact(255), nullable=False),
    Column("kind", String(8), nullable=False),  # that of the event
    Column("author", _exact(96), nullable=False),  # of a reaction, else empty
    Column("body", _LONG, nullable=False),  # the newest text, empty after a revocation; the emoji; the file
    Column("at", Double, nullable=False),
    UniqueConstraint("session", "message_id", "kind", "author", name="uq_wa_mark"),
)

turns = Table(
    "wa_turn",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),  # the id of its first message: a message has one turn
    Column("session", _exact(64), nullable=False),
    Column("first_message", _exact(255), nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("conversation_id", BigInteger),
    Column("origin", String(8), nullable=False),
    Column("commands", _LONG, nullable=False),  # JSON [[id, text, content?], …], always published verbatim
    Column("state", String(8), nullable=False),
    Column("error", String(64)),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    UniqueConstraint("session", "first_message", name="uq_wa_turn"),
    Index("ix_wa_turn_state", "state", "part"),
    Index("ix_wa_turn_chat", "chat_id", "created_at"),
    Index("ix_wa_turn_time", "created_at"),
    Index("ix_wa_turn_conversation", "conversation_id"),
)

switches = Table(
    "wa_switch",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Boolean(create_constraint=False), nullable=False),
    Column("configured", Boolean(create_constraint=False), nullable=False),  # RESPONDER_ACTIVO at that time
)

leases = Table(
    "wa_lease",
    metadata,
    Column("name", _exact(96), primary_key=True),
    Column("owner", String(96)),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("expires_at", Double, nullable=False, server_default="0"),
)

replicas = Table(
    "wa_replica",
    metadata,
    Column("owner", String(96), primary_key=True),
    Column("expires_at", Double, nullable=False),
)


def unix(column: Column[Any], is_sqlite: bool) -> ColumnElement[float]:
    """A moment of a legacy table as unix seconds; the server stores it in its own clock and zone."""
    seconds = func.strftime("%s", column) if is_sqlite else func.unix_timestamp(column)
    return cast(seconds, Double)
