"""Creates our tables and the missing legacy ones; widens the legacy tables that exist. Changes no row.

This first migration creates what `schema.py` declares; a later one must declare its own steps, so that it does not
change with `schema.py`. Every step checks first whether it is needed: MySQL cannot roll back half a migration.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from responder.store.schema import bot_config, conversations, metadata

revision = "0001"
down_revision = None

_ORIGINS = sa.Enum("ia", "humano", "sistema")


def upgrade() -> None:
    bind = op.get_bind()
    tables = set(sa.inspect(bind).get_table_names())
    if conversations.name in tables:
        _adopt_conversations(bind)
    if bot_config.name in tables:
        _adopt_bot_config(bind)
    metadata.create_all(bind)


def _adopt_conversations(bind: sa.Connection) -> None:
    name = conversations.name
    _to_utf8mb4(bind, name)
    columns = {column["name"]: column for column in sa.inspect(bind).get_columns(name)}
    if "cliente_id" not in columns:
        op.add_column(name, sa.Column("cliente_id", sa.Integer, nullable=False, server_default="51"))
    if "origen_mensaje" not in columns:
        op.add_column(name, sa.Column("origen_mensaje", _ORIGINS, server_default="ia"))
    if "pauso_ia" not in columns:
        op.add_column(name, sa.Column("pauso_ia", sa.SmallInteger, server_default="0"))
    if "created_at" not in columns:
        # SQLite cannot add a column whose default is not a constant
        default = None if bind.dialect.name == "sqlite" else sa.func.current_timestamp()
        op.add_column(name, sa.Column("created_at", sa.DateTime, server_default=default))
    if bind.dialect.name != "sqlite":  # SQLite ignores lengths
        if (getattr(columns["telefono"]["type"], "length", None) or 0) < 64:
            op.alter_column(name, "telefono", type_=sa.String(64), existing_nullable=False, nullable=False)
        if not isinstance(columns["mensaje"]["type"], MEDIUMTEXT):
            op.alter_column(
                name,
                "mensaje",
                type_=MEDIUMTEXT(),
                existing_nullable=columns["mensaje"]["nullable"],
                nullable=columns["mensaje"]["nullable"],
            )
    index = next(iter(conversations.indexes))
    if index.name not in {found["name"] for found in sa.inspect(bind).get_indexes(name)}:
        op.create_index(index.name, name, [column.name for column in index.columns])


def _adopt_bot_config(bind: sa.Connection) -> None:
    name = bot_config.name
    columns = {column["name"] for column in sa.inspect(bind).get_columns(name)}
    for missing in {"updated_at", "created_at"} - columns:
        op.add_column(name, sa.Column(missing, sa.DateTime, server_default=sa.func.current_timestamp()))


def _to_utf8mb4(bind: sa.Connection, name: str) -> None:
    if bind.dialect.name == "sqlite":
        return
    charset = bind.execute(
        sa.text(
            "SELECT DISTINCT character_set_name FROM information_schema.columns WHERE table_schema = DATABASE()"
            " AND table_name = :name AND column_name IN ('telefono', 'mensaje')"
        ),
        {"name": name},
    ).scalars()
    if set(charset) != {"utf8mb4"}:
        # the server converts each text from the table's declared character set
        op.execute(sa.text(f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4"))
