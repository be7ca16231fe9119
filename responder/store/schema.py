"""The tables: the two of the legacy installation under their names, and our own beside them (`wa_…`).

One schema for MySQL, MariaDB and SQLite. Moments of our own tables are unix seconds, so that no server's time zone
plays a part; the legacy tables keep the clock of the server, as they always did.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
    event,
    func,
)
from sqlalchemy.types import TIMESTAMP, DateTime, TypeEngine

metadata = MetaData()

_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER
# Said without MySQL's own types, whose dialect is a megabyte that SQLite has no use for.
_FLAG = Boolean(create_constraint=False)  # TINYINT there, as the legacy has it
_MOMENT = DateTime().with_variant(TIMESTAMP(), "mysql", "mariadb")
#: MEDIUMTEXT there, which is chosen by so many characters: WhatsApp's 65,536 are up to 256 KB.
_LONG = Text().with_variant(Text(2**22 - 1), "mysql", "mariadb")


@event.listens_for(metadata, "before_create")
def _prepare(_: MetaData, connection: Connection, **_others: object) -> None:
    """On a server, whatever it makes by default: an engine with transactions, and every script."""
    if connection.dialect.name == "mysql":
        for table in metadata.tables.values():
            table.dialect_kwargs.update({"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"})


def _exact(length: int) -> TypeEngine[str]:
    """Text that is compared byte for byte: MySQL otherwise takes `a` for `A`, and ids differ by that."""
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
    Column("chat", _exact(96), nullable=False),  # the address exactly as it arrived: answers go there
    Column("part", SmallInteger, nullable=False),  # which replica serves it, see leases
    Column("telefono", String(64), nullable=False),  # as the legacy table names the person
    Column("cliente_id", Integer, nullable=False),
    Column("name", String(128)),
    Column("is_group", Boolean(create_constraint=False), nullable=False),
    Column("paused_until", Double, nullable=False, server_default="0"),
    Column("opted_out_at", Double),
    Column("last_print", String(64)),
    Column("last_at", Double, nullable=False, server_default="0"),
    Column("last_message", BigInteger, nullable=False, server_default="0"),  # WhatsApp's seconds do not tell the order
    UniqueConstraint("session", "chat", name="uq_wa_chat"),
    Index("ix_wa_chat_last", "last_at", "last_message"),
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
    UniqueConstraint("session", "message_id", name="uq_wa_message"),
    Index("ix_wa_message_open", "turn_id", "verdict", "part"),
    Index("ix_wa_message_chat", "chat_id", "id"),
    Index("ix_wa_message_time", "timestamp"),
)

turns = Table(
    "wa_turn",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),  # that of its first message: no message has two
    Column("session", _exact(64), nullable=False),
    Column("first_message", _exact(255), nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("conversation_id", BigInteger),
    Column("origin", String(8), nullable=False),
    Column("commands", _LONG, nullable=False),  # JSON [[id, text], …], published verbatim whenever it is published
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
    Column("configured", Boolean(create_constraint=False), nullable=False),  # what the setting said at that time
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
