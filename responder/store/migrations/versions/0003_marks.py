"""What was done to messages: the table `wa_mark` for edits, revocations and reactions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_EXACT = "utf8mb4_bin"


def upgrade() -> None:
    bind = op.get_bind()
    if "wa_mark" in sa.inspect(bind).get_table_names():
        return
    on_server = bind.dialect.name != "sqlite"
    exact = {length: sa.String(length, collation=_EXACT if on_server else None) for length in (64, 96, 255)}
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "wa_mark",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("session", exact[64], nullable=False),
        sa.Column("message_id", exact[255], nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("author", exact[96], nullable=False),
        sa.Column("body", sa.Text().with_variant(sa.Text(2**22 - 1), "mysql", "mariadb"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.UniqueConstraint("session", "message_id", "kind", "author", name="uq_wa_mark"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
    )
